"""Where a body is written: beside its place, and in it only when it is whole."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import requests

from wechatpay_chain.errors import Attempt, TimedOut, TransportError
from wechatpay_chain.response import Response

__all__ = ["Sink", "folder_of", "replace_file", "save_body", "write_when_whole"]

Sink: TypeAlias = "str | os.PathLike[str] | BinaryIO"

_BLOCK = 1 << 16
_PREFIX = ".wechatpay-"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
# With these the system makes a file, less what the umask takes.
_PRIVATE, _PUBLIC = 0o600, 0o666
_PUBLIC_BITS = 0o777


def save_body(response: Response, sink: Sink) -> None:
    """Write a body to a binary file as it comes, or beside a path and then in its place."""
    if not isinstance(sink, str | os.PathLike):
        _copy(response, sink)
    elif _is_special(sink):
        with open(sink, "wb") as file:
            _copy(response, file)
    else:
        with replace_file(sink, is_private=False) as file:
            _copy(response, file)


@contextlib.contextmanager
def replace_file(path: str | os.PathLike[str], is_private: bool = True, follows: bool = True) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``path`` when the block ends well, else is gone.

    It is for its owner alone, or has the permissions of the file that was there, else those that open() would
    give it. A link stays, and what it points to is replaced, unless ``follows`` is False. On Linux the file has no
    name before its end, so that not even a killed process leaves a part of it.
    """
    place = os.path.realpath(path) if follows else os.path.abspath(path)
    folder = os.path.dirname(place)
    part = os.path.join(folder, _PREFIX + secrets.token_hex(8))
    mode = _PRIVATE if is_private else _PUBLIC
    nameless = _open_unnamed(folder, mode)
    handle = os.open(part, _NEW, mode) if nameless is None else nameless
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if nameless is not None:
                _give_name(handle, part)
        if not is_private and os.path.exists(place) and not os.path.islink(place):
            os.chmod(part, stat.S_IMODE(os.stat(place).st_mode) & _PUBLIC_BITS)
        os.replace(part, place)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise


@contextlib.contextmanager
def write_when_whole(sink: Sink) -> Iterator[BinaryIO]:
    """A file to write to, whose bytes reach ``sink`` only when the block ends well.

    A path gets a new file. A file, a pipe or a device is not touched before; a file that can seek ends with the
    last of the bytes then, and is cut back to where it stood when they cannot all be written.
    """
    if isinstance(sink, str | os.PathLike) and not _is_special(sink):
        with replace_file(sink) as file:
            yield file
        return
    with contextlib.ExitStack() as stack:
        target: Any = sink
        if isinstance(sink, str | os.PathLike):
            target = stack.enter_context(open(sink, "wb", buffering=0))
        held = stack.enter_context(tempfile.TemporaryFile())
        yield cast(BinaryIO, held)
        held.seek(0)
        _copy_to_target(held, target)


def folder_of(sink: Sink | None) -> str | None:
    """Where parts of a file are kept until it is whole: beside its path, else where the system keeps such files."""
    if not isinstance(sink, str | os.PathLike) or _is_special(sink):
        return None
    return os.path.dirname(os.path.realpath(sink))


def _copy_to_target(held: Any, target: Any) -> None:
    start = target.tell() if _can_be_cut(target) else None
    try:
        shutil.copyfileobj(held, _FullWriter(target), _BLOCK)
        if start is not None:
            with contextlib.suppress(io.UnsupportedOperation):  # as gzip's files, which have no tail
                target.truncate()
        if callable(getattr(target, "flush", None)):
            target.flush()
    except BaseException:
        if start is not None:
            with contextlib.suppress(OSError, ValueError):
                target.seek(start)
                target.truncate()
        raise


class _FullWriter:
    """A caller's file, written to until all is written: one without a buffer may take less at a time."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, piece: bytes) -> int:
        left = memoryview(piece)
        while left:
            taken = self._file.write(bytes(left) if len(left) < len(piece) else piece)
            left = left[taken:] if isinstance(taken, int) else left[:0]
        return len(piece)


def _is_special(path: str | os.PathLike[str]) -> bool:
    """Whether there is a device or a pipe, which a new file must not replace."""
    place = Path(path)
    return place.exists() and not place.is_file()


def _can_be_cut(file: Any) -> bool:
    """Whether it is a file that can be cut; a device may say that it seeks."""
    try:
        if not file.seekable() or not callable(file.truncate):
            return False
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except io.UnsupportedOperation:
        return True  # as BytesIO, which is no file of the system
    except (AttributeError, ValueError):
        return False


def _open_unnamed(folder: str, mode: int) -> int | None:
    """A file in ``folder`` that has no name yet; None where the system cannot."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir("/proc/self/fd"):
        return None
    with contextlib.suppress(OSError):
        return os.open(folder, flag | os.O_WRONLY, mode)
    return None


def _give_name(handle: int, path: str) -> None:
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
