"""The threads of all promises: one bounded pool, and what each thread has begun."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["Pool", "Thread", "changed", "here", "pool"]

_WORKERS = 32


class Thread(threading.local):
    """What this thread has begun: its depth in tasks and callbacks, and the reactions that are due.

    Reactions run one after the other, never one inside the other, so a chain of any length stays flat.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.draining = False
        self.due: deque[Callable[[], None]] = deque()

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *_: object) -> None:
        self.depth -= 1

    def react(self, reactions: Iterable[Callable[[], None]]) -> None:
        """Run ``reactions``, now or after the one that is running."""
        self.due.extend(reactions)
        if not self.draining:
            self.draining = True
            try:
                self.drain()
            finally:
                self.draining = False

    def drain(self) -> bool:
        """Run what is due; whether there was anything."""
        found = bool(self.due)
        with self:
            while self.due:
                self.due.popleft()()
        return found


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
