"""The threads of all promises: one bounded pool, and what each thread has begun."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

__all__ = [
    "Pool",
    "SingleFlight",
    "Thread",
    "changed",
    "here",
    "pool",
]

_WORKERS = 32


class Thread(threading.local):
    """What this thread is in the midst of: tasks and callbacks, reactions, and callbacks that are due.

    All run one after the other, never one inside the other, so a chain of any length stays flat. Reactions
    only hand a state on and never wait; callbacks may.
    """

    def __init__(self) -> None:
        self.working: list[Any] = []
        self.reactions: deque[Callable[[], None]] = deque()
        self.due: deque[Callable[[], None]] = deque()
        self.reacting = self.draining = False

    def react(self, reactions: Iterable[Callable[[], None]]) -> None:
        """Run ``reactions``, now or after the one that is running; then the callbacks that are due."""
        self.reactions.extend(reactions)
        if self.reacting:
            return
        self.reacting = True
        try:
            while self.reactions:
                self.reactions.popleft()()
        finally:
            self.reacting = False
        if not self.draining:
            self._drain()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Begin no callback meanwhile; afterwards leave those that fell due to the pool, unless some are running."""
        draining, self.draining = self.draining, True
        try:
            yield
        finally:
            self.draining = draining
            while self.due and not draining:
                pool.submit(self.due.popleft())

    def _drain(self) -> None:
        self.draining = True
        try:
            while self.due:
                self.due.popleft()()
        finally:
            self.draining = False
            while self.due:  # an interrupt goes on, and so does what is still due
                pool.submit(self.due.popleft())


class Pool:
    """The threads of all promises, begun at the first one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None

    def submit(self, work: Callable[[], None]) -> None:
        """Have ``work`` done by a thread, as soon as one is free."""
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(_WORKERS, thread_name_prefix="wechatpay_chain")
            self._executor.submit(work)


here = Thread()
pool = Pool()
# One condition for all promises: whoever waits looks again at whatever its promise depends on by then.
changed = threading.Condition()


def _begin_anew() -> None:
    # No thread of the parent lives on in a forked child, and a lock may be held by one of them.
    global pool, changed
    pool, changed = Pool(), threading.Condition()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


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
