"""A file as it arrives: decrypted, unzipped, its digest checked, and written where it belongs."""

from __future__ import annotations

import io
import os
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from wechatpay_chain.crypto import digest
from wechatpay_chain.crypto.ciphers import GCMDecryptor
from wechatpay_chain.errors import Attempt, ChainError, DecryptionError, IntegrityError, TimedOut, WechatpayError
from wechatpay_chain.protocol.files import NamedFile, asks_gzip, files_in
from wechatpay_chain.protocol.v3 import DIGEST_HEADER, field_value
from wechatpay_chain.response import Response, mark_streamed
from wechatpay_chain.transport.decoding import Inflater
from wechatpay_chain.transport.sink import Sink, folder_of, write_when_whole
from wechatpay_chain.transport.verification import body_pieces

__all__ = [
    "IN_MEMORY",
    "Download",
    "Opening",
    "Progress",
    "Source",
    "open_sources",
    "receive",
]

Progress: TypeAlias = Callable[[int, "int | None"], object]
"""Called with the bytes that arrived so far, and how many will, None where that is not known."""
Opening: TypeAlias = Callable[[], Response]
"""Asks for a file, and returns its answer."""

_BLOCK = 1 << 17
# The most that is returned as bytes: 64 MiB.
IN_MEMORY = 64 << 20
# Parts of one bill are fetched at once, since their URLs live for five minutes only.
_MOST_AT_ONCE = 16
_WHOLE = 200
_GZIP = b"\x1f\x8b"


class _Broken(Exception):
    """Why a file did not arrive."""


def _raw_pieces(response: Response) -> Iterator[bytes]:
    """The body as it arrives, or out of memory; _Broken when it breaks off, TimedOut when nothing comes."""
    if response.body_state != "unread":
        yield from (response.content[at : at + _BLOCK] for at in range(0, len(response.content), _BLOCK))
        return
    try:
        yield from body_pieces(response)
    except ReadTimeoutError as error:
        reason = f"the file broke off: {error}"
        raise TimedOut(reason, (Attempt(response.url.partition("?")[0], reason, sent=True),)) from error
    except (HTTPError, OSError, zlib.error) as error:
        raise _Broken(f"the file broke off ({error})") from error
    mark_streamed(response)


def _decrypt_pieces(pieces: Iterator[bytes], opener: GCMDecryptor) -> Iterator[bytes]:
    """The plain bytes, proven when the last has come; _Broken when the tag does not fit."""
    for piece in pieces:
        yield opener.update(piece)
    try:
        opener.finish()
    except DecryptionError as error:
        raise _Broken(str(error)) from error


def _decompress_pieces(pieces: Iterator[bytes], strict: bool) -> Iterator[bytes]:
    """What is inside a gzip file, in small blocks whatever it expands to; else the file itself, unless ``strict``."""
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= len(_GZIP):
            break
    if not start.startswith(_GZIP):
        if strict:
            raise _Broken("tar_type says GZIP, but it does not begin as a gzip file")
        yield start
        yield from pieces
        return
    inflater = Inflater("gzip")
    try:
        for piece in chain((start,), pieces):
            yield from inflater.update(piece)
        yield from inflater.finish()
    except zlib.error as error:
        raise _Broken(f"its gzip is damaged ({error})") from error
    except ProtocolError as error:
        raise _Broken("its gzip ends too early") from error


@dataclass(frozen=True, slots=True)
class Download:
    """A file that has arrived: ``path`` (None for a file object), ``size`` in bytes, ``digest`` in lower-case hex.

    ``hash_type`` is the digest's kind. ``verified`` tells whether WeChat Pay had named the digest or signed the
    answer; where it does neither (images, APIv2 bills), the digest is only what was computed.
    """

    path: Path | None
    size: int
    digest: str
    hash_type: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be received, and how its answer is opened."""

    file: NamedFile
    open: Opening


def receive(
    sources: Sequence[Source],
    to: Sink | None,
    private_key: RSAPrivateKey | None = None,
    progress: Progress | None = None,
) -> Download | bytes:
    """Fetch one file, or all parts of one, into ``to``; its bytes for None.

    Raises IntegrityError, and keeps nothing, for what did not arrive whole and as named.
    """
    openers = [source.file.opener(private_key) for source in sources]
    memory = _Memory() if to is None else None
    meter = _Meter(progress, len(sources))
    transfers = [_Transfer(*pair, meter) for pair in zip(sources, openers, strict=True)]
    began, stopped = False, None
    try:
        with nullcontext(memory) if memory is not None else write_when_whole(cast(Sink, to)) as file:
            began = True
            outcome = (
                _receive_one(transfers[0], file, to)
                if len(sources) == 1
                else _receive_parts(transfers, file, to, meter)
            )
    except WechatpayError:
        raise
    except _Stopped as error:
        stopped = error.reason
    except OSError as error:
        if not began:
            raise  # the place cannot be written to: nothing was sent
        raise transfers[0].integrity_error(f"it cannot be written: {error}") from error
    if stopped is not None:
        raise stopped  # here, where it keeps its own cause and context
    return outcome if memory is None else memory.getvalue()


def _receive_one(transfer: _Transfer, file: BinaryIO, to: Sink | None) -> Download:
    transfer.run(file)
    return Download(_path(to), transfer.size, transfer.hexdigest, transfer.hash_type, transfer.is_proven)


def _receive_parts(transfers: list[_Transfer], file: BinaryIO, to: Sink | None, meter: _Meter) -> Download:
    """Parts, some at once, each checked by itself, then one behind the other."""
    hash_type = transfers[0].hash_type
    whole, size = digest.new(hash_type), 0
    with ThreadPoolExecutor(min(len(transfers), _MOST_AT_ONCE)) as pool:
        for first in range(0, len(transfers), _MOST_AT_ONCE):
            with _fetch_parts(transfers[first : first + _MOST_AT_ONCE], pool, meter, folder_of(to)) as parts:
                for block in chain.from_iterable(map(_read_blocks, parts)):
                    whole.update(block)
                    size += file.write(block)
    return Download(_path(to), size, whole.hexdigest(), hash_type, all(transfer.is_proven for transfer in transfers))


@contextmanager
def _fetch_parts(
    transfers: list[_Transfer], pool: ThreadPoolExecutor, meter: _Meter, folder: str | None
) -> Iterator[list[Any]]:
    with ExitStack() as stack:
        parts = [stack.enter_context(tempfile.TemporaryFile(dir=folder)) for _ in transfers]
        wait([pool.submit(transfer.run, part) for transfer, part in zip(transfers, parts, strict=True)])
        if meter.failure is not None:
            raise meter.failure
        yield parts


def _read_blocks(part: Any) -> Iterator[bytes]:
    part.seek(0)
    return iter(lambda: part.read(_BLOCK), b"")


def _path(to: Sink | None) -> Path | None:
    return Path(to) if isinstance(to, str | os.PathLike) else None


class _Transfer:
    """One answer on its way into a file."""

    def __init__(self, source: Source, opener: GCMDecryptor | None, meter: _Meter) -> None:
        self._source = source
        self._opener = opener
        self._meter = meter
        self._response: Response | None = None
        self.hash_type = source.file.hash_type or "SHA256"
        self._hash = digest.new(self.hash_type)
        self.expected = source.file.digest
        self.size = 0
        self.is_proven = bool(self.expected)

    @property
    def hexdigest(self) -> str:
        """The digest of what came so far."""
        return self._hash.hexdigest()

    def run(self, file: BinaryIO) -> None:
        """Write all plain bytes; raises IntegrityError when they are not those that were named."""
        try:
            self._run(file)
        except BaseException as error:
            self._meter.failure = self._meter.failure or error
            if self._response is not None:
                self._response.close()
            raise

    def _run(self, file: BinaryIO) -> None:
        response = self._response = self._source.open()
        travelled = self._expect_statement_digest(response)
        if response.status_code != _WHOLE:
            raise self.integrity_error(f"an answer of status {response.status_code} is no whole file")
        try:
            for piece in self._plain_pieces(response, travelled):
                self._hash.update(piece)
                file.write(piece)
                self.size += len(piece)
        except _Broken as error:
            raise self.integrity_error(str(error)) from error.__cause__
        if self.expected and self.expected not in (self.hexdigest, travelled and travelled.hexdigest()):
            raise self.integrity_error("it is not the file that was named")

    def _expect_statement_digest(self, response: Response) -> digest.Hash | None:
        """A statement's signature covers the digest of what travels or of what is inside: both are made."""
        named = field_value(response.headers, DIGEST_HEADER).lower()
        if not response.verified or not named or self.expected:
            self.is_proven = self.is_proven or response.verified
            return None
        self.expected, self.is_proven, self.hash_type = named, True, "SHA1"
        self._hash = digest.new("SHA1")
        return digest.new("SHA1")

    def integrity_error(self, reason: str) -> IntegrityError:
        """The error that tells both digests."""
        request = getattr(self._response, "request", None)
        where = "download" if request is None else request.path_url.partition("?")[0]
        named = f"{self.hash_type} named {self.expected}" if self.expected else "no digest named"
        told = (
            f"{where}: {reason}; {self._received_size()} bytes came, {named}, found {self.hexdigest}; nothing was kept"
        )
        if self._response is not None and self._response.body_state == "unread":
            mark_streamed(self._response)
        return IntegrityError(told, self._response, self.expected, self.hexdigest)

    def _received_size(self) -> int:
        """The bytes that came, also those of a block that broke off."""
        tell = getattr(getattr(self._response, "raw", None), "tell", None)
        return max(self.size, tell()) if callable(tell) else self.size

    def _plain_pieces(self, response: Response, travelled: digest.Hash | None) -> Iterator[bytes]:
        pieces = self._received_pieces(response, travelled)
        if self._opener is not None:
            pieces = _decrypt_pieces(pieces, self._opener)
        file = self._source.file
        if not file.is_gzip and not self.expected:
            return pieces
        # With a digest over the plain bytes, what is gzip and what is not shows by itself.
        return _decompress_pieces(pieces, strict=not self.expected and "Content-Encoding" not in response.headers)

    def _received_pieces(self, response: Response, travelled: digest.Hash | None) -> Iterator[bytes]:
        counted = self._meter.counter(response)
        for piece in _raw_pieces(response):
            if travelled is not None:
                travelled.update(piece)
            counted(len(piece))
            yield piece


class _Memory(io.BytesIO):
    """Bytes, as many as memory should hold."""

    def write(self, piece: Any) -> int:
        if self.tell() + len(piece) > IN_MEMORY:
            raise OSError(f"more than {IN_MEMORY >> 20} MiB are not returned as bytes; pass a path or a file")
        return super().write(piece)


class _Stopped(Exception):
    """What the caller's ``progress`` raised: neither a broken file nor the end of a generator, whatever its kind."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(reason)
        self.reason = reason


class _Meter:
    """Adds up what arrives of all parts, and tells it."""

    def __init__(self, progress: Progress | None, parts: int) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._received = 0
        self._totals: list[int | None] = []
        self._parts = parts
        self.failure: BaseException | None = None

    def counter(self, response: Response) -> Callable[[int], None]:
        """What one answer reports its bytes to."""
        length = response.headers.get("Content-Length", "")
        with self._lock:
            self._totals.append(int(length) if length.isdecimal() else None)
        return self._count

    def _count(self, size: int) -> None:
        if self.failure is not None:
            raise _Broken("another part failed")
        if self._progress is None:
            return
        with self._lock:
            self._received += size
            known = [total for total in self._totals if total is not None]
            total = sum(known) if len(known) == self._parts else None
            try:
                self._progress(self._received, total)
            except BaseException as error:
                raise _Stopped(error) from error


def open_sources(source: Any, opening: Callable[[NamedFile], Opening], progress: Any = None) -> list[Source]:
    """The files of a download; ``opening`` makes of each the function that asks for it.

    Raises what would be wrong with it before anything is sent: ChainError, IntegrityError, ConfigError.
    """
    if progress is not None and not callable(progress):
        raise ChainError(f"progress: expected a function, found {type(progress).__name__}; nothing was sent")
    if not isinstance(source, Response):
        return [Source(file, opening(file)) for file in files_in(source)]
    if source.status_code is not None and source.status_code >= 300:
        raise ChainError(f"download: the answer is a refusal ({source.status_code}); nothing was sent")
    request: Any = source.request
    target, body = ("", None) if request is None else (request.path_url, request.body)
    is_gzip = asks_gzip(target.partition("?")[2], body if isinstance(body, bytes) else None)
    if _names_files(source):
        return [Source(file, opening(file)) for file in files_in(source.data, is_gzip)]
    return [Source(NamedFile("", is_gzip=is_gzip), lambda: source)]


def _names_files(answer: Response) -> bool:
    """Whether an answer names files; one that streams is a file, and to look into it would be to read it."""
    if answer.body_state == "unread":
        return False
    if answer.body_state == "streamed":
        raise ChainError("download: the answer streamed, and was read already; ask for it again")
    return isinstance(answer.data, Mapping)
