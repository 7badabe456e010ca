"""One piece of work for many threads: the first one does it, the others wait for its outcome."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["SingleFlight"]

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """One piece of work: whoever comes first does it, all others wait for its outcome.

    So it may lie in the queue of a busy pool: a thread of that pool that needs it does it itself.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._claim = threading.Lock()
        self._outcome: Future[T] = Future()

    def run(self) -> T:
        """The result, or the error that the work raised; CancelledError when the thread that did it was interrupted."""
        if self._claim.acquire(blocking=False):
            try:
                self._outcome.set_result(self._work())
            except Exception as error:
                self._outcome.set_exception(error)
            except BaseException:
                # An interrupt is meant for this thread alone; the others look anew.
                self._outcome.cancel()
                raise
        return self._outcome.result()
