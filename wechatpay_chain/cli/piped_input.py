"""Standard input that somebody pipes in: whether it holds anything, and reading it as a body."""

from __future__ import annotations

import os
import stat
import sys
import threading
from typing import TextIO

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import MOST

__all__ = ["has_unread_input", "is_piped", "read_piped"]

# Seconds after which a command that waits for a body says so.
_PATIENCE = 5.0


def is_piped(stdin: TextIO) -> bool:
    """Whether standard input is a file, a pipe or a socket; a terminal and ``/dev/null`` are not."""
    if stdin.closed:
        return False
    handle = _handle(stdin)
    if handle is None:
        return not stdin.isatty()
    try:
        return not stat.S_ISCHR(os.fstat(handle).st_mode)
    except OSError:
        return False


def read_piped(console: Console) -> bytes:
    """All of standard input, or one byte more than a body may have; says what is waited for when it takes long."""
    waiting = "waiting for a body on standard input; --ignore-stdin sends without one"
    timer = threading.Timer(_PATIENCE, console.complain, [waiting])
    timer.daemon = True
    timer.start()
    try:
        return console.read_bytes(MOST + 1)
    finally:
        timer.cancel()


def has_unread_input(stdin: TextIO) -> bool:
    """Whether standard input holds something now; nothing is read of a file or a pipe, and nothing is waited for."""
    if not is_piped(stdin):
        return False
    handle = _handle(stdin)
    if handle is None:
        position = stdin.tell()
        found = stdin.read(1)
        stdin.seek(position)
        return bool(found)
    try:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return os.lseek(handle, 0, os.SEEK_CUR) < os.fstat(handle).st_size
        return _bytes_in_pipe(handle) > 0
    except OSError:
        return False


def _bytes_in_pipe(handle: int) -> int:
    try:
        import fcntl
        import termios
    except ImportError:  # Windows has no such question
        return 0
    count = fcntl.ioctl(handle, termios.FIONREAD, bytes(4))
    return int.from_bytes(count, sys.byteorder)


def _handle(stdin: TextIO) -> int | None:
    try:
        return stdin.fileno()
    except (OSError, ValueError):  # a stream in memory has none
        return None
