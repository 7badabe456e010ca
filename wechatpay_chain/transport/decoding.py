"""Content-Encoding undone piece by piece, never beyond a limit: a few hundred bytes can hold hundreds of megabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from urllib3.exceptions import DecodeError, ProtocolError

__all__ = ["BLOCK", "Inflater", "TooLarge", "decode", "read_pieces"]

BLOCK = 1 << 16
# gzip with its head, or zlib with its own.
_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
# More layers than this have no honest use.
_MOST_LAYERS = 4


class TooLarge(Exception):
    """More bytes than may be read; ``limit`` is how many may, ``announced`` how many the head says, 0 for nothing.

    What announces more than any file has, 2^63 bytes, is a head that was damaged on its way.
    """

    def __init__(self, limit: int, announced: int = 0) -> None:
        super().__init__(limit)
        self.limit = limit
        self.is_damaged = announced >= 1 << 63


class Inflater:
    """One layer (``gzip``, ``x-gzip`` or ``deflate``), undone in pieces of at most ``BLOCK`` bytes.

    gzip files may stand one behind the other, with zeros behind each. Both methods raise zlib.error for damage.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self.name = coding.removeprefix("x-")
        self._begun = False
        self._inflater: Any = zlib.decompressobj(_BITS[coding])

    def update(self, piece: bytes) -> Iterator[bytes]:
        """What is inside of the next bytes."""
        if piece and not self._begun:
            self._begun = True
            # Some servers send deflate without the head of zlib.
            if self._coding == "deflate" and piece[0] & 0x0F != 8:
                self._inflater = zlib.decompressobj(-15)
        while piece:
            if self._inflater.eof:
                piece = piece.lstrip(b"\0")
                if self._coding == "deflate" or not piece:
                    return
                self._inflater = zlib.decompressobj(_BITS[self._coding])
            inside = self._inflater.decompress(piece, BLOCK)
            if inside:
                yield inside
            piece = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail

    def finish(self) -> Iterator[bytes]:
        """What is left at the end; ProtocolError when that comes too early."""
        while not self._inflater.eof and (inside := self._inflater.decompress(b"", BLOCK)):
            yield inside
        if self._begun and not self._inflater.eof:
            raise ProtocolError(f"the {self.name} of the answer ends too early")


def _layers(content_encoding: str) -> list[str]:
    """The layers of a Content-Encoding, the outermost first; ProtocolError for one that was not asked for."""
    codings = [coding for coding in (each.strip().lower() for each in content_encoding.split(",")) if coding]
    codings = [coding for coding in codings if coding != "identity"]
    unknown = next((coding for coding in codings if coding not in _BITS), None)
    if unknown is not None:
        raise ProtocolError(f"the answer has the Content-Encoding {unknown[:40]!r}, which was not asked for")
    if len(codings) > _MOST_LAYERS:
        raise ProtocolError(f"the answer is encoded {len(codings)} times")
    return codings[::-1]


def decode(pieces: Iterable[bytes], content_encoding: str) -> Iterator[bytes]:
    """What is inside of an encoded body; ProtocolError where it ends too early, DecodeError where it is damaged."""
    for coding in _layers(content_encoding):
        pieces = _layer(pieces, Inflater(coding))
    yield from pieces


def _layer(pieces: Iterable[bytes], inflater: Inflater) -> Iterator[bytes]:
    try:
        for piece in pieces:
            yield from inflater.update(piece)
        yield from inflater.finish()
    except zlib.error as error:
        raise DecodeError(f"the {inflater.name} of the answer is damaged ({error})") from error


def read_pieces(pieces: Iterable[bytes], limit: int) -> bytes:
    """All pieces together; TooLarge when they are more than ``limit`` bytes, of which nothing is kept."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise TooLarge(limit)
        held.append(piece)
    return b"".join(held)
