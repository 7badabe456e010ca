"""Where a body is written: beside its place, and in it only when it is whole."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import requests

from wechatpay_chain.errors import Attempt, TimedOut, TransportError
from wechatpay_chain.response import Response

__all__ = ["Sink", "beside", "placed", "pour"]

Sink: TypeAlias = "str | os.PathLike[str] | BinaryIO"

_BLOCK = 1 << 16
_PREFIX = ".wechatpay-"


def pour(response: Response, sink: Sink) -> None:
    """Write a body to a binary file as it comes, or beside a path and then in its place."""
    if not isinstance(sink, str | os.PathLike):
        _copy(response, sink)
    elif _is_special(sink):
        with open(sink, "wb") as file:
            _copy(response, file)
    else:
        with beside(sink) as file:
            _copy(response, file)


@contextlib.contextmanager
def beside(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new file, for its owner alone, that takes the place of ``path`` when the block ends well, else is gone.

    On Linux it has no name before that, so that not even a killed process leaves a part of it.
    """
    folder = os.path.dirname(os.path.abspath(path))
    nameless = _nameless(folder)
    if nameless is None:
        handle, part = tempfile.mkstemp(dir=folder, prefix=_PREFIX)
    else:
        handle, part = nameless, os.path.join(folder, _PREFIX + secrets.token_hex(8))
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if nameless is not None:
                _name(handle, part)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise


@contextlib.contextmanager
def placed(sink: Sink) -> Iterator[BinaryIO]:
    """A file to write to, whose bytes reach ``sink`` only when the block ends well.

    A path gets a new file. A file that can seek is written to, and cut back to where it stood when the block
    fails; to a pipe or a device all bytes go at the end.
    """
    if isinstance(sink, str | os.PathLike):
        with _held_back(sink) if _is_special(sink) else beside(sink) as file:
            yield file
    elif _rewinds(sink):
        start = sink.tell()
        try:
            yield cast(BinaryIO, _Whole(sink))
        except BaseException:
            with contextlib.suppress(OSError, ValueError):
                sink.seek(start)
                sink.truncate()
            raise
    else:
        with tempfile.TemporaryFile() as file:
            yield cast(BinaryIO, file)
            file.seek(0)
            shutil.copyfileobj(file, _Whole(sink), _BLOCK)


@contextlib.contextmanager
def _held_back(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    with open(path, "wb", buffering=0) as device, tempfile.TemporaryFile() as file:
        yield cast(BinaryIO, file)
        file.seek(0)
        shutil.copyfileobj(file, _Whole(device), _BLOCK)


class _Whole:
    """A caller's file, written to until all is written: one without a buffer may take less at a time."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, piece: bytes) -> int:
        left = memoryview(piece)
        while left:
            taken = self._file.write(bytes(left) if len(left) < len(piece) else piece)
            left = left[taken:] if isinstance(taken, int) else left[:0]
        return len(piece)

    def flush(self) -> None:
        if callable(getattr(self._file, "flush", None)):
            self._file.flush()


def _is_special(path: str | os.PathLike[str]) -> bool:
    """Whether there is a device or a pipe, which a new file must not replace."""
    place = Path(path)
    return place.exists() and not place.is_file()


def _rewinds(file: Any) -> bool:
    try:
        return bool(file.seekable()) and callable(file.truncate)
    except (AttributeError, ValueError):
        return False


def _nameless(folder: str) -> int | None:
    """A file in ``folder`` that has no name yet; None where the system cannot."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir("/proc/self/fd"):
        return None
    with contextlib.suppress(OSError):
        return os.open(folder, flag | os.O_WRONLY, 0o600)
    return None


def _name(handle: int, path: str) -> None:
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        # With a folder given, the link is made to the file, and not to the entry in /proc.
        os.link(f"/proc/self/fd/{handle}", path, src_dir_fd=folder)
    finally:
        os.close(folder)


def _copy(response: Response, file: Any) -> None:
    try:
        for chunk in response.iter_content(_BLOCK):
            file.write(chunk)
    except requests.RequestException as error:
        kind = TimedOut if "timed out" in str(error) else TransportError
        told = f"the answer broke off: {error}"
        raise kind(told, (Attempt(response.url, told, sent=True),)) from error
