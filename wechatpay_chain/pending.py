"""What is still to come: who waits for it, and which work that needs."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from wechatpay_chain import workers

__all__ = ["Pending", "State"]

State = Literal["pending", "fulfilled", "rejected"]


class Pending(ABC):
    """The state of a promise, and the way in which threads wait for it without waiting for themselves."""

    def __init__(self) -> None:
        self._state: State = "pending"
        self._waiters = 0
        # The work that settles this one, while nobody has begun it; and whether the pool will get to it.
        self._task: Callable[[], Any] | None = None
        self._pooled = False
        # What it waits for now: all of them, or for a race any.
        self._sources: tuple[Pending, ...] = ()
        self._is_race = False

    @abstractmethod
    def _work(self) -> None:
        """Do the task, unless somebody has begun it."""

    def _join(self, timeout: float | None) -> bool:
        """Wait until settled.

        A thread that is itself inside a task or a callback first does the work that it waits for, and only
        that: else all threads could wait for work that no thread is left to do. With a timeout it leaves
        tasks to the pool, since nobody could end them in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        inside = workers.here.working[-1] if workers.here.working else None
        offered = False
        while self._state == "pending":
            with workers.changed:
                task = None if inside is None else self._open_task(deadline is None)
                if task is None and self._state == "pending":
                    if deadline is None and self._needs(workers.here.working):
                        raise TypeError("a promise cannot wait for itself")
                    if workers.here.due and not offered:  # what this thread cannot do now, another may
                        workers.changed.notify_all()
                        offered = True
                    if not self._sleep(deadline, inside):
                        return False
            if task is not None:
                # Callbacks that fall due by it are not begun on top of what waits here: others may take them.
                with workers.here.holding():
                    task._work()
                offered = False
        return True

    def _sleep(self, deadline: float | None, inside: Pending | None) -> bool:
        """Until something changed; False once the time is over. Others see what ``inside`` waits for."""
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            return False
        self._waiters += 1
        if inside is not None:
            inside._sources = (self,)
        workers.changed.wait(left)
        if inside is not None:
            inside._sources = ()
        self._waiters -= 1
        return True

    def _open_task(self, pooled: bool) -> Pending | None:
        """A promise that this one waits for and whose work nobody has begun; ``pooled``: also the pool's."""
        return next((each for each in self._pending(True) if each._task and (pooled or not each._pooled)), None)

    def _needs(self, promises: Iterable[Pending]) -> bool:
        """Whether this one cannot settle before one of ``promises`` does."""
        wanted = {id(promise) for promise in promises}
        with workers.changed:
            return bool(wanted) and any(id(each) in wanted for each in self._pending(False))

    def _pending(self, races: bool) -> Iterator[Pending]:
        """This promise and all that it waits for, each once; without what only takes part in ``races``."""
        stack, seen = [self], {id(self)}
        while stack:
            promise = stack.pop()
            yield promise
            if races or not promise._is_race:
                new = [each for each in promise._sources if each._state == "pending" and id(each) not in seen]
                seen.update(map(id, new))
                stack.extend(new)
