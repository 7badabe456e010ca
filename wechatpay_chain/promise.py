"""Promises in the shape of the JS and the PHP documentation, on one bounded pool of threads."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, Generic, Literal, TypeVar, cast, overload

from wechatpay_chain import workers

__all__ = [
    "Pending",
    "Promise",
    "State",
]

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


T = TypeVar("T")

_log = logging.getLogger("wechatpay_chain")


class Promise(Pending, Generic[T]):
    """The answer to come of an asynchronous call.

    ``then``, ``catch``, ``otherwise`` and ``finally_`` return a new promise; a callback may return a
    promise. ``wait`` and ``result`` give the value or raise; in asyncio, ``await`` does. A promise whose
    error nobody looked at says so in the log.
    """

    def __init__(self) -> None:
        super().__init__()
        self._value: Any = None
        self._reactions: list[Callable[[], None]] = []
        self._looked_at = False

    @classmethod
    def run(cls, task: Callable[[], T]) -> Promise[T]:
        """A promise for what ``task`` returns, run by a thread of the pool."""
        promise: Promise[T] = cls()
        promise._task, promise._pooled = task, True
        workers.pool.submit(promise._work)
        return promise

    @classmethod
    def resolve(cls, value: Any = None) -> Promise[Any]:
        """A promise that is fulfilled with ``value``, or follows it when it is a promise."""
        promise: Promise[Any] = cls()
        promise._follow(value)
        return promise

    @classmethod
    def reject(cls, error: BaseException) -> Promise[Any]:
        """A promise that is rejected with ``error``."""
        promise: Promise[Any] = cls()
        promise._settle("rejected", error)
        return promise

    @classmethod
    def all(cls, promises: Iterable[Any] | Mapping[Any, Any]) -> Promise[Any]:
        """A promise for the list of all values, for a dict when they come in one; rejected with the first error."""
        return cls._gather(promises, "rejected", lambda item: item._value)

    @classmethod
    def settle(cls, promises: Iterable[Any] | Mapping[Any, Any]) -> Promise[Any]:
        """A promise for ``{"state", "value"}`` or ``{"state", "reason"}`` of each; never rejected."""
        return cls._gather(promises, None, Promise._told)

    @classmethod
    def unwrap(cls, promises: Iterable[Any] | Mapping[Any, Any]) -> Any:
        """All values, waited for; the first error is raised. PHP's name for ``all(promises).wait()``."""
        return cls.all(promises).wait()

    @classmethod
    def any(cls, promises: Iterable[Any] | Mapping[Any, Any]) -> Promise[Any]:
        """A promise for the first value; rejected with AggregateError when every one is rejected, or none is there."""
        from wechatpay_chain.errors import AggregateError  # it brings requests, which promises can do without

        return cls._gather(promises, "fulfilled", lambda item: item._value, AggregateError)

    @classmethod
    def race(cls, promises: Iterable[Any]) -> Promise[Any]:
        """A promise that settles as the first of ``promises`` does; ValueError when there is none."""
        items = [cls.resolve(item) for item in promises]
        if not items:
            raise ValueError("race: no promise to wait for")
        winner: Promise[Any] = cls()
        winner._sources, winner._is_race = tuple(items), True
        for item in items:
            item._react(winner._adopter(item))
        return winner

    def then(
        self,
        on_fulfilled: Callable[[T], Any] | None = None,
        on_rejected: Callable[[Any], Any] | None = None,
    ) -> Promise[Any]:
        """A promise for what the fitting callback returns; without one, value or error pass through."""
        for callback in (on_fulfilled, on_rejected):
            if callback is not None and not callable(callback):
                raise TypeError(f"then: expected functions, found {type(callback).__name__}")
        derived: Promise[Any] = Promise()
        derived._sources = (self,)

        def react() -> None:
            callback = on_fulfilled if self._state == "fulfilled" else on_rejected
            if callback is None:
                derived._settle(self._state, self._value)
                return
            derived._offer(lambda: callback(self._value))

        self._react(react)
        return derived

    def catch(self, on_rejected: Callable[[Any], Any]) -> Promise[Any]:
        """``then(None, on_rejected)``, as JS names it."""
        return self.then(None, on_rejected)

    def otherwise(self, on_rejected: Callable[[Any], Any]) -> Promise[Any]:
        """``then(None, on_rejected)``, as PHP names it."""
        return self.then(None, on_rejected)

    def finally_(self, callback: Callable[[], Any]) -> Promise[T]:
        """Run ``callback`` either way and pass value or error through, once what it returned has settled."""

        if not callable(callback):
            raise TypeError(f"finally_: expected a function, found {type(callback).__name__}")

        def passing(_: Any) -> Promise[T]:
            return Promise.resolve(callback()).then(lambda _: self)

        return self.then(passing, passing)

    def result(self, timeout: float | None = None) -> T:
        """The value, or the error raised; after ``timeout`` seconds TimeoutError, and the call goes on."""
        if not self._join(timeout):
            raise TimeoutError(f"no answer within {timeout} s; the call goes on")
        self._looked_at = True
        if self._state == "rejected":
            raise self._value
        return cast(T, self._value)

    @overload
    def wait(self, unwrap: Literal[True] = True) -> T: ...
    @overload
    def wait(self, unwrap: Literal[False]) -> None: ...
    @overload
    def wait(self, unwrap: bool) -> T | None: ...
    def wait(self, unwrap: bool = True) -> T | None:
        """The value, or the error raised; ``wait(False)`` only waits, as in PHP."""
        if not isinstance(unwrap, bool):
            raise TypeError(f"wait: expected True or False, found {unwrap!r}; result(timeout) takes seconds")
        if unwrap:
            return self.result()
        self._join(None)
        return None

    def done(self) -> bool:
        """Whether value or error are there."""
        return self._state != "pending"

    def getState(self) -> State:
        """``pending``, ``fulfilled`` or ``rejected``, as in PHP."""
        return self._state

    def __await__(self) -> Generator[Any, None, T]:
        import asyncio

        loop = asyncio.get_running_loop()
        settled: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not settled.done():
                settled.set_result(None)

        def react() -> None:
            try:
                loop.call_soon_threadsafe(wake)
            except RuntimeError:  # the loop is closed: nobody is left to be woken
                _log.debug("the event loop that awaited a promise is closed")

        self._react(react, looks=False)
        yield from settled
        return self.result()

    def __repr__(self) -> str:
        return f"<Promise {self._state}>"

    def __del__(self) -> None:
        if self._state == "rejected" and not self._looked_at:
            _log.error("nobody looked at the error of a promise: %s: %s", type(self._value).__name__, self._value)

    def _follow(self, outcome: Any) -> None:
        if isinstance(outcome, Promise):
            if outcome._state == "pending":  # whoever waits for this one may have to do the work of that one
                with workers.changed:
                    self._sources = (outcome,)
                    workers.changed.notify_all()
            outcome._react(self._adopter(outcome))
        else:
            self._settle("fulfilled", outcome)

    def _follow_call(self, call: Callable[[], Any]) -> None:
        """Follow what ``call`` returns or raises; only an interrupt goes on to the thread as well."""
        try:
            outcome = call()
        except Exception as error:
            self._settle("rejected", error)
        except BaseException as error:
            self._settle("rejected", error)
            raise
        else:
            if isinstance(outcome, Promise) and outcome._needs((self,)):
                self._settle("rejected", TypeError("a promise cannot wait for itself"))
            else:
                self._follow(outcome)

    def _adopter(self, other: Promise[Any]) -> Callable[[], None]:
        return lambda: self._settle(other._state, other._value)

    def _settle(self, state: State, value: Any) -> None:
        with workers.changed:
            if self._state != "pending":
                return
            self._state, self._value = state, value
            self._sources = ()
            reactions, self._reactions = self._reactions, []
            if self._waiters:
                workers.changed.notify_all()
        workers.here.react(reactions)

    def _react(self, reaction: Callable[[], None], looks: bool = True) -> None:
        with workers.changed:
            self._looked_at = self._looked_at or looks
            if self._state == "pending":
                self._reactions.append(reaction)
                return
        workers.here.react([reaction])

    def _offer(self, task: Callable[[], Any]) -> None:
        """Have ``task`` done by this thread, once it is through with what it does, or by whoever waits for it."""
        with workers.changed:
            self._task, self._sources = task, ()
        workers.here.due.append(self._work)

    def _work(self) -> None:
        with workers.changed:
            task, self._task = self._task, None
        if task is not None:
            workers.here.working.append(self)
            try:
                self._follow_call(task)
            finally:
                workers.here.working.pop()

    def _told(self) -> dict[str, Any]:
        return {"state": self._state, "value" if self._state == "fulfilled" else "reason": self._value}

    @classmethod
    def _gather(
        cls,
        promises: Iterable[Any] | Mapping[Any, Any],
        stop_at: State | None,
        outcome: Callable[[Promise[Any]], Any],
        failure: Callable[[list[Any]], BaseException] | None = None,
    ) -> Promise[Any]:
        """A promise that settles as the first one that is ``stop_at``, else with the ``outcome`` of every one.

        These are its value, or make the error that ``failure`` builds of them.
        """
        names = list(promises) if isinstance(promises, Mapping) else None
        items = [cls.resolve(item) for item in (promises.values() if isinstance(promises, Mapping) else promises)]
        gathered: Promise[Any] = Promise()
        gathered._sources, gathered._is_race = tuple(items), failure is not None
        left = len(items)
        lock = threading.Lock()

        def finish() -> None:
            outcomes = [outcome(item) for item in items]
            if failure is not None:
                gathered._settle("rejected", failure(outcomes))
            else:
                gathered._settle("fulfilled", outcomes if names is None else dict(zip(names, outcomes, strict=True)))

        def settled(item: Promise[Any]) -> None:
            nonlocal left
            if item._state == stop_at:  # before it is counted: the last one must find the promise settled
                gathered._settle(stop_at, item._value)
            with lock:
                left -= 1
                complete = left == 0
            if complete and gathered._state == "pending":
                finish()

        def noting(item: Promise[Any]) -> Callable[[], None]:
            return lambda: settled(item)

        for item in items:
            item._react(noting(item))
        if not items:
            finish()
        return gathered
