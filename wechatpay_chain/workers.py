"""Threads of promises: started as they are needed, at most so many at work, and the program's end waits for them."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["MAX_WORKERS", "Workers", "default"]

_log = logging.getLogger("wechatpay_chain")
# How many calls are under way at once unless the client says otherwise. A thread that waits for an answer costs
# little, and a few servers that never end their answers must not stop the other calls.
MAX_WORKERS = 128
# Seconds after which a thread without work ends.
_IDLE = 60.0
# Seconds that the end of the program waits while no call ends.
_PATIENCE = 10.0


class _Job:
    """Work for a thread, under a name for the log."""

    def __init__(self, work: Callable[[], object], name: str) -> None:
        self.work = work
        self.name = name


class Workers:
    """At most ``limit`` threads at work at once, and any number that wait for promises."""

    def __init__(self, limit: int = MAX_WORKERS) -> None:
        self.limit = limit
        self.reset()
        _all.add(self)

    def reset(self) -> None:
        """Forget all threads and their work: a child of a fork has none of them, and a lock may be held by one."""
        lock = threading.RLock()  # a signal handler or a finalizer may come in between
        self._roused, self._progress = threading.Condition(lock), threading.Condition(lock)
        self._jobs: deque[_Job] = deque()
        self._running: set[_Job] = set()
        # Threads at work, threads without, and how many of the former have yet to wake up.
        self._active = self._idle = self._waking = 0
        self._last_end = 0.0

    def submit(self, work: Callable[[], object], name: str = "a callback") -> None:
        """Have ``work`` done by a thread as soon as fewer than ``limit`` are at work.

        RuntimeError when no thread can be started and none is there.
        """
        with self._roused:
            self._jobs.append(_Job(work, name))
            try:
                self._fill_place()
            except BaseException:
                self._jobs.pop()
                raise

    @contextmanager
    def place_given_up(self) -> Iterator[None]:
        """While a thread of this pool waits, another one may work in its place."""
        with self._roused:
            self._active -= 1
            try:
                self._fill_place()
            except BaseException:
                self._active += 1
                raise
        try:
            yield
        finally:
            with self._roused:
                self._active += 1

    def finish(self, since: float) -> list[str]:
        """Wait for all work, as long as some of it ends every 10 s (from ``since`` on); what becomes of the rest."""
        with self._progress:
            with suppress(RuntimeError):  # no thread starts any more
                self._fill_place()
            try:
                while self._running or (self._jobs and self._active):
                    left = max(since, self._last_end) + _PATIENCE - time.monotonic()
                    if left <= 0:
                        break
                    self._progress.wait(left)
            except KeyboardInterrupt:
                pass  # asked to end once more
            cut = [f"{job.name} is cut off by the end of the program; it may be carried out" for job in self._running]
            unsent = [f"{job.name} was not begun before the end of the program" for job in self._jobs]
            self._jobs.clear()
            return cut + unsent

    def _fill_place(self) -> None:
        """Where work and a place for a thread are left, wake a thread or start one."""
        if not self._jobs or self._active >= self.limit:
            return
        self._active += 1
        if self._idle:
            self._idle -= 1
            self._waking += 1
            self._roused.notify()
            return
        _finish_in_child()
        try:
            threading.Thread(target=self._work, name="wechatpay_chain", daemon=True).start()
        except BaseException as error:
            self._active -= 1
            if not self._active or not isinstance(error, RuntimeError):
                raise  # otherwise no more threads can be had, and those at work come to it

    def _work(self) -> None:
        here.workers = self
        while (job := self._next_job()) is not None:
            try:
                job.work()
            except BaseException:  # noqa: S110  # a promise has it; the thread is not the one to end
                pass
            finally:
                with self._progress:
                    self._running.discard(job)
                    self._last_end = time.monotonic()
                    self._progress.notify_all()
            del job

    def _next_job(self) -> _Job | None:
        """What to do next; None for a thread that is one too many, or was not needed for a minute."""
        with self._roused:
            while not self._jobs or self._active > self.limit:
                self._active -= 1
                self._idle += 1
                is_spare = self._active + self._idle > self.limit
                if not self._roused.wait_for(lambda: self._waking, 0 if is_spare else _IDLE):
                    self._idle -= 1
                    return None
                self._waking -= 1
            job = self._jobs.popleft()
            self._running.add(job)
            return job


class _Thread(threading.local):
    """What this thread has yet to run, one after the other, so that a chain of any length stays flat."""

    def __init__(self) -> None:
        self.workers: Workers | None = None
        # The promise whose task or callback it is in the midst of.
        self.inside: Any = None
        self._due: deque[Callable[[], None]] = deque()
        self._runs = False

    def run(self, *functions: Callable[[], None]) -> None:
        """Run ``functions``, now or after those that are due before them."""
        self._due.extend(functions)
        if self._runs:
            return
        self._runs = True
        try:
            while self._due:
                self._due.popleft()()
        finally:
            self._runs = False
            self._hand_over()  # an interrupt goes on, and so does what is due

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While this thread waits, others do what it had yet to do, and one of them works in its place."""
        self._hand_over()
        if self.workers is None:
            yield
        else:
            with self.workers.place_given_up():
                yield

    def _hand_over(self) -> None:
        if self._due:
            due, self._due = self._due, deque()
            try:
                (self.workers or default).submit(lambda: here.run(*due))
            except BaseException:
                self._due = due
                raise


_all: weakref.WeakSet[Workers] = weakref.WeakSet()
here = _Thread()
default = Workers()


def _finish() -> None:
    """Before the program ends: the answers of calls that were begun are waited for, but not for ever."""
    since = time.monotonic()
    for line in [line for workers in list(_all) for line in workers.finish(since)]:
        _log.error(line)


def _finish_in_child() -> None:
    """A process that multiprocessing has forked ends without atexit."""
    global _process
    if _process != os.getpid():
        _process = os.getpid()
        multiprocessing = sys.modules.get("multiprocessing.process")
        if multiprocessing is not None and multiprocessing.parent_process() is not None:
            from multiprocessing.util import Finalize

            Finalize(None, _finish, exitpriority=0)


def _reset_after_fork() -> None:
    for workers in list(_all):
        workers.reset()


_process = 0
atexit.register(_finish)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
