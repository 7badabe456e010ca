"""The plain bytes in an answer: as they arrive, decrypted, unzipped."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from urllib3.exceptions import HTTPError, ReadTimeoutError

from wechatpay_chain.crypto.gcm import Opener
from wechatpay_chain.errors import Attempt, DecryptionError, TimedOut
from wechatpay_chain.response import Response

__all__ = ["BLOCK", "Broken", "decrypted", "ended", "unzipped", "wire"]

BLOCK = 1 << 17
_GZIP = b"\x1f\x8b"
_GZIP_BITS = 31


class Broken(Exception):
    """Why a file did not arrive."""


def wire(response: Response) -> Iterator[bytes]:
    """The body as it arrives, or out of memory; Broken when it breaks off, TimedOut when nothing comes."""
    if response._content_consumed:  # type: ignore[attr-defined]
        yield from (response.content[at : at + BLOCK] for at in range(0, len(response.content), BLOCK))
        return
    try:
        while piece := response.raw.read(BLOCK, decode_content=True):
            yield piece
    except ReadTimeoutError as error:
        told = f"the file broke off: {error}"
        raise TimedOut(told, (Attempt(response.url.partition("?")[0], told, sent=True),)) from error
    except (HTTPError, OSError) as error:
        raise Broken(f"the file broke off ({error})") from error
    if not ended(response.raw):
        raise Broken("the gzip in which it travelled ends too early")
    response._content_consumed = True  # type: ignore[attr-defined]


def ended(raw: Any) -> bool:
    """Whether the gzip of a Content-Encoding came to its end, which urllib3 undoes and does not look for."""
    inflater = getattr(getattr(raw, "_decoder", None), "_obj", None)
    return inflater is None or raw.tell() == 0 or bool(inflater.eof)


def decrypted(pieces: Iterator[bytes], opener: Opener) -> Iterator[bytes]:
    """The plain bytes, proven when the last has come; Broken when the tag does not fit."""
    for piece in pieces:
        yield opener.update(piece)
    try:
        opener.finish()
    except DecryptionError as error:
        raise Broken(str(error)) from error


def unzipped(pieces: Iterator[bytes], strict: bool) -> Iterator[bytes]:
    """What is inside a gzip file, in small blocks whatever it expands to; else the file itself, unless ``strict``."""
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= len(_GZIP):
            break
    if not start.startswith(_GZIP):
        if strict:
            raise Broken("tar_type says GZIP, but it does not begin as a gzip file")
        yield start
        yield from pieces
        return
    try:
        yield from _inflated(start, pieces)
    except zlib.error as error:
        raise Broken(f"its gzip is damaged ({error})") from error


def _inflated(start: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    inflater: Any = zlib.decompressobj(_GZIP_BITS)
    piece: bytes | None = start
    while piece is not None:
        while piece:
            if inflater.eof:
                # gzip files may stand one behind the other, and zeros behind the last.
                piece = piece.lstrip(b"\0")
                if not piece:
                    break
                inflater = zlib.decompressobj(_GZIP_BITS)
            yield inflater.decompress(piece, BLOCK)
            piece = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        piece = next(pieces, None)
    while not inflater.eof and (rest := inflater.decompress(b"", BLOCK)):
        yield rest
    if not inflater.eof:
        raise Broken("its gzip ends too early")
