"""Promises in the shape of the JS and the PHP documentation, over the futures of ``concurrent.futures``."""

from __future__ import annotations

import concurrent.futures
import contextvars
import logging
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Generic, Literal, TypeVar, overload

from wechatpay_chain import workers
from wechatpay_chain.workers import Workers

__all__ = ["Promise", "State"]

State = Literal["pending", "fulfilled", "rejected"]
T = TypeVar("T")

_log = logging.getLogger("wechatpay_chain")
# For what promises know of each other: who waits for whom. A finalizer may come in between, hence the kind.
_links = threading.RLock()


class Promise(Coroutine[Any, Any, T], Generic[T]):
    """The answer to come of an asynchronous call.

    ``then``, ``catch``, ``otherwise`` and ``finally_`` return a new promise; a callback may return a
    promise. ``wait`` and ``result`` give the value or raise. In asyncio and trio ``await`` does, and asyncio
    takes it wherever it takes a coroutine (``create_task``, a TaskGroup, ``asyncio.run``), any number of times.
    Callbacks run in the thread that settles the promise, with the context variables of where they were added;
    one that waits hands the others to another thread. A promise whose error nobody looked at says so in the log.
    """

    def __init__(self) -> None:
        self._future: Future[T] = Future()
        self._name = ""
        self._reactions: list[Callable[[], None]] = []
        # What it follows or gathers; and what its callback waits for at this moment.
        self._sources: tuple[Promise[Any], ...] = ()
        self._is_race = False
        self._blocked_by: Promise[Any] | None = None
        # How many promises, threads and tasks wait for it; whether it was cancelled; whether its error will be seen.
        self._consumers = 0
        self._given_up = False
        self._looked_at = False

    @classmethod
    def run(cls, task: Callable[[], T], *, pool: Workers | None = None, name: str = "") -> Promise[T]:
        """A promise for what ``task`` returns, run by a thread of ``pool``; the log calls it ``name``."""
        if not callable(task):
            raise TypeError(f"run: expected a function, found {type(task).__name__}")
        promise: Promise[T] = cls()
        promise._name = name or getattr(task, "__qualname__", "a task")
        context = contextvars.copy_context()

        def begin() -> None:
            if promise._future.set_running_or_notify_cancel():
                promise._follow_call(lambda: context.run(task))

        (pool or workers.default).submit(begin, promise._name)
        return promise

    @classmethod
    def resolve(cls, value: Any = None) -> Promise[Any]:
        """A promise that is fulfilled with ``value``, or follows it when it is a promise."""
        promise: Promise[Any] = cls()
        promise._follow(value)
        return promise

    @classmethod
    def reject(cls, error: BaseException) -> Promise[Any]:
        """A promise that is rejected with ``error``, an exception."""
        if not isinstance(error, BaseException):
            raise TypeError(f"reject: expected an exception, found {type(error).__name__}")
        promise: Promise[Any] = cls()
        promise._settle("rejected", error)
        return promise

    @classmethod
    def all(cls, promises: Iterable[Any] | Mapping[Any, Any]) -> Promise[Any]:
        """A promise for the list of all values, for a dict when they come in one; rejected with the first error."""
        return cls._gather(promises, ("rejected",), lambda state, value: value)

    @classmethod
    def settle(cls, promises: Iterable[Any] | Mapping[Any, Any]) -> Promise[Any]:
        """A promise for ``{"state", "value"}`` or ``{"state", "reason"}`` of each; never rejected."""
        return cls._gather(promises, (), _describe)

    @classmethod
    def unwrap(cls, promises: Iterable[Any] | Mapping[Any, Any]) -> Any:
        """All values, waited for; the first error is raised. PHP's name for ``all(promises).wait()``."""
        return cls.all(promises).wait()

    @classmethod
    def any(cls, promises: Iterable[Any] | Mapping[Any, Any]) -> Promise[Any]:
        """A promise for the first value; rejected with AggregateError when every one is rejected, or none is there."""
        from wechatpay_chain.errors import AggregateError  # it brings requests, which promises can do without

        return cls._gather(promises, ("fulfilled",), lambda state, value: value, AggregateError)

    @classmethod
    def race(cls, promises: Iterable[Any]) -> Promise[Any]:
        """A promise that settles as the first of ``promises`` does; ValueError when there is none."""
        items = _promises(promises)
        if not items:
            raise ValueError("race: no promise to wait for")
        return cls._gather(items, ("fulfilled", "rejected"), lambda state, value: value)

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
        derived._wait_for((self,))
        context = contextvars.copy_context()

        def react() -> None:
            state, value = self._outcome()
            callback = on_fulfilled if state == "fulfilled" else on_rejected
            if callback is None:
                derived._settle(state, value)
            else:
                derived._follow_call(lambda: context.run(callback, value))

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
        return self._future.result()

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
        return self._future.done()

    def getState(self) -> State:
        """``pending``, ``fulfilled`` or ``rejected``, as in PHP."""
        return self._outcome()[0] if self.done() else "pending"

    def cancel(self) -> bool:
        """Do without the answer: a call that no thread has begun is never sent, and rejects with CancelledError.

        The calls that this promise was derived from are cancelled too, but for those that something else waits
        for; ``catch`` and ``finally_`` see the error. A call that has begun goes on, which the log tells. True
        when that settled this promise. A task of an event loop that is cancelled while it awaits does the same.
        """
        if self.done():
            return False
        has_stopped = False
        for promise in self._give_up():
            if promise._future.cancel():
                has_stopped = True
                promise._react_now()
            elif promise._future.running():
                _log.warning("%s was cancelled when it had begun; it may be carried out", promise._name)
        return has_stopped and self.done()

    def _give_up(self) -> list[Promise[Any]]:
        """This promise and those before it that nobody waits for any more: where each begins."""
        stack, begins = [self], []
        with _links:
            while stack:
                promise = stack.pop()
                if promise._given_up or promise.done():
                    continue
                promise._given_up = True
                if not promise._sources:
                    begins.append(promise)
                for source in promise._sources:
                    source._consumers -= 1
                    if not source._consumers:
                        stack.append(source)
        return begins

    def _release(self) -> None:
        """One who waited for it does so no longer."""
        with _links:
            self._consumers -= 1
        self._cancel_unwanted()

    def _cancel_unwanted(self) -> None:
        if not self._consumers:
            self.cancel()

    def __await__(self) -> Generator[Any, None, T]:
        while not self.done():
            yield from self._wait_in_loop()
        return self.result()

    def send(self, value: Any) -> Any:
        """One step of a task that runs this promise as its coroutine; any number of tasks may do so at once."""
        if not self.done():
            return next(self._wait_in_loop())
        try:
            answer = self.result()
        except StopIteration as error:  # as in a generator: it would be taken for the end
            raise RuntimeError("a promise was rejected with StopIteration") from error
        raise StopIteration(answer)

    def throw(self, typ: Any, val: Any = None, tb: Any = None) -> Any:
        """What a cancelled task does: unless something else waits for this promise, it is cancelled too."""
        self._cancel_unwanted()
        return super().throw(typ, val, tb)

    def close(self) -> None:
        """What becomes of a task that never began: as ``throw``."""
        self._cancel_unwanted()

    def _wait_in_loop(self) -> Generator[Any, None, Any]:
        """What the event loop of this thread has to wait for, once."""
        if _runs_trio():
            return self._wait_in_trio().__await__()
        import asyncio

        loop = asyncio.get_running_loop()
        settled: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not settled.done():
                settled.set_result(None)

        def ended(_: object) -> None:
            if settled.cancelled():
                self._release()

        settled.add_done_callback(ended)
        self._wake(partial(loop.call_soon_threadsafe, wake))
        return settled.__await__()

    async def _wait_in_trio(self) -> None:
        import trio

        settled = trio.Event()
        self._wake(partial(trio.lowlevel.current_trio_token().run_sync_soon, settled.set))
        try:
            await settled.wait()
        except BaseException:
            self._release()
            raise

    def _wake(self, wake: Callable[[], object]) -> None:
        """Call ``wake`` as soon as this promise has settled, before any callback."""

        def awake(_: object) -> None:
            try:
                wake()
            except RuntimeError:  # nobody is left to be woken
                _log.debug("the event loop that awaited a promise is closed")

        with _links:
            self._consumers += 1
        self._future.add_done_callback(awake)

    def __repr__(self) -> str:
        return f"<Promise {self.getState()}>"

    def __del__(self) -> None:
        if self._looked_at or not self.done() or self._future.cancelled():
            return
        error = self._future.exception()
        if error is not None and not isinstance(error, CancelledError):
            _log.error("nobody looked at the error of a promise: %s: %s", type(error).__name__, error)

    def _outcome(self) -> tuple[State, Any]:
        """State, and value or error, of a promise that has settled."""
        try:
            error = self._future.exception()
        except CancelledError as cancelled:
            return "rejected", cancelled
        return ("fulfilled", self._future.result()) if error is None else ("rejected", error)

    def _join(self, timeout: float | None) -> bool:
        """Wait until settled; False when the time is over."""
        if not self.done():
            with (
                self._block(timeout is None),
                workers.here.waiting(),
                suppress(CancelledError, concurrent.futures.TimeoutError),
            ):
                self._future.exception(timeout)
        return self.done()

    @contextmanager
    def _block(self, is_endless: bool) -> Iterator[None]:
        """This thread waits; TypeError when it would for ever, since its own callback is what it waits for."""
        inside = workers.here.inside
        with _links:
            if is_endless and inside is not None and self._depends_on(inside):
                raise TypeError("a promise cannot wait for itself")
            self._consumers += 1
            if inside is not None:
                inside._blocked_by = self
        try:
            yield
        finally:
            with _links:
                self._consumers -= 1
                if inside is not None:
                    inside._blocked_by = None

    def _depends_on(self, other: Promise[Any]) -> bool:
        """Whether this one cannot settle before ``other`` does."""
        stack, seen = [self], {id(self)}
        while stack:
            promise = stack.pop()
            if promise is other:
                return True
            for each in (promise._blocked_by, *(() if promise._is_race else promise._sources)):
                if each is not None and id(each) not in seen and not each.done():
                    seen.add(id(each))
                    stack.append(each)
        return False

    def _wait_for(self, sources: Iterable[Promise[Any]]) -> None:
        with _links:
            self._sources = tuple(sources)
            for source in self._sources:
                source._consumers += 1

    def _follow(self, outcome: Any) -> None:
        if isinstance(outcome, Promise):
            self._wait_for((outcome,))
            outcome._react(lambda: self._settle(*outcome._outcome()))
        else:
            self._settle("fulfilled", outcome)

    def _follow_call(self, call: Callable[[], Any]) -> None:
        """Follow what ``call`` returns or raises; only an interrupt goes on to the thread as well."""
        outer, workers.here.inside = workers.here.inside, self
        if outer is not None:
            outer._blocked_by = self  # it was begun in the midst of that one
        state, value = _call(call)
        workers.here.inside = outer
        if outer is not None:
            outer._blocked_by = None
        if isinstance(value, Promise) and value._depends_on(self):
            state, value = "rejected", TypeError("a promise cannot wait for itself")
        if state == "fulfilled":
            self._follow(value)
            return
        self._settle(state, value)
        if not isinstance(value, Exception):
            raise value

    def _settle(self, state: State, value: Any) -> None:
        """Settle, unless it has."""
        try:
            if state == "fulfilled":
                self._future.set_result(value)
            else:
                self._future.set_exception(value)
        except InvalidStateError:
            return
        self._react_now()

    def _react_now(self) -> None:
        with _links:
            reactions, self._reactions = self._reactions, []
            for source in () if self._given_up else self._sources:
                source._consumers -= 1
            self._sources = ()
        workers.here.run(*reactions)

    def _react(self, reaction: Callable[[], None]) -> None:
        self._looked_at = True
        with _links:
            if not self.done():
                self._reactions.append(reaction)
                return
        workers.here.run(reaction)

    @classmethod
    def _gather(
        cls,
        promises: Iterable[Any] | Mapping[Any, Any],
        stop_at: tuple[State, ...],
        entry: Callable[[State, Any], Any],
        failure: Callable[[list[Any]], BaseException] | None = None,
    ) -> Promise[Any]:
        """A promise that settles as the first one that is among ``stop_at``, else with the ``entry`` of every one.

        These are its value, or make the error that ``failure`` builds of them.
        """
        names = list(promises) if isinstance(promises, Mapping) else None
        items = _promises(promises.values() if isinstance(promises, Mapping) else promises)
        gathered: Promise[Any] = Promise()
        gathered._is_race = "fulfilled" in stop_at
        gathered._wait_for(items)
        left = len(items)

        def finish() -> None:
            entries = [entry(*item._outcome()) for item in items]
            if failure is not None:
                gathered._settle("rejected", failure(entries))
            else:
                gathered._settle("fulfilled", entries if names is None else dict(zip(names, entries, strict=True)))

        def count(item: Promise[Any]) -> None:
            nonlocal left
            state, value = item._outcome()
            if state in stop_at:  # before it is counted: the last one must find the promise settled
                gathered._settle(state, value)
            with _links:
                left -= 1
                is_last = left == 0
            if is_last and not gathered.done():
                finish()

        for item in items:
            item._react(partial(count, item))
        if not items:
            finish()
        return gathered


def _call(call: Callable[[], Any]) -> tuple[State, Any]:
    # The traceback of an error holds this frame, so no promise is in it: both would live on in a circle.
    try:
        return "fulfilled", call()
    except BaseException as error:
        return "rejected", error


def _promises(items: Iterable[Any]) -> tuple[Promise[Any], ...]:
    if not isinstance(items, Iterable):
        raise TypeError(f"expected promises in a list or another iterable, found {type(items).__name__}")
    return tuple(item if isinstance(item, Promise) else Promise.resolve(item) for item in items)


def _describe(state: State, value: Any) -> dict[str, Any]:
    return {"state": state, "value" if state == "fulfilled" else "reason": value}


def _runs_trio() -> bool:
    trio = sys.modules.get("trio")
    try:
        return trio is not None and bool(trio.lowlevel.current_task())
    except RuntimeError:  # another event loop runs in this thread
        return False


def _reset_after_fork() -> None:
    global _links
    _links = threading.RLock()  # a thread of the parent that does not live on in the child may hold it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
