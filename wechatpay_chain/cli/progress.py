"""How far downloads have come, on a terminal: bars where rich is installed, else one line."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

if TYPE_CHECKING:
    from wechatpay_chain.transport.download import Progress

__all__ = ["Tracker", "progress_display"]

# Makes, for the name of a file, the function that its download reports to.
Tracker: TypeAlias = "Callable[[str], Progress]"

_INTERVAL = 0.1


@contextlib.contextmanager
def progress_display(stream: TextIO) -> Iterator[Tracker]:
    """What makes, for the name of a file, the function that its download reports to; silent without a terminal."""
    if not stream.isatty():
        yield lambda name: _ignore
        return
    try:
        rich: Any = import_module("rich.progress")
    except ImportError:
        counter = _Counter(stream)
        try:
            yield counter.track
        finally:
            counter.clear()
        return
    console = import_module("rich.console").Console(file=stream)
    columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), rich.DownloadColumn(binary_units=True))
    with rich.Progress(*columns, rich.TransferSpeedColumn(), console=console, transient=True) as bars:

        def track(name: str) -> Progress:
            task = bars.add_task(name, total=None)
            return lambda received, total: bars.update(task, completed=received, total=total)

        yield track


def _ignore(received: int, total: int | None) -> None:
    """Nobody watches."""


class _Counter:
    """One line that is written anew, for all files together."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._received: dict[str, int] = {}
        self._next = 0.0
        self._width = 0

    def track(self, name: str) -> Progress:
        """The function that one file reports to."""

        def report(received: int, total: int | None) -> None:
            with self._lock:
                self._received[name] = received
                if time.monotonic() >= self._next:
                    self._next = time.monotonic() + _INTERVAL
                    self._write(self._line(name, received, total))

        return report

    def clear(self) -> None:
        """Leave an empty line."""
        self._write("")
        self._stream.write("\r")
        self._stream.flush()

    def _line(self, name: str, received: int, total: int | None) -> str:
        if len(self._received) > 1:
            return f"{len(self._received)} files, {sum(self._received.values()) / (1 << 20):.1f} MiB"
        of = "" if total is None else f" of {total / (1 << 20):.1f}"
        return f"{name}: {received / (1 << 20):.1f}{of} MiB"

    def _write(self, line: str) -> None:
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)
