"""A promise that is cancelled: nothing that no thread has begun is done, and what was begun is told."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any

import pytest

from tests.promises import LENGTH, PATIENCE, add, error_of, one
from wechatpay_chain import Promise, Sandbox, errors
from wechatpay_chain.workers import Workers

pytestmark = pytest.mark.usefixtures("no_hang")


class Queue:
    """A pool of one thread that is busy until ``gate`` opens; ``done`` names the tasks that were begun after it."""

    def __init__(self, gate: threading.Event) -> None:
        self._pool = Workers(1)
        self.gate = gate
        self.done: list[str] = []
        self.busy = Promise.run(lambda: gate.wait(PATIENCE), pool=self._pool)

    def task(self, name: str) -> Promise[str]:
        return Promise.run(lambda: self.done.append(name) or name, pool=self._pool)  # type: ignore[func-returns-value]

    def run_dry(self) -> list[str]:
        self.gate.set()
        self.task("last").result(PATIENCE)
        return self.done[:-1]


@pytest.fixture
def queue(gate: threading.Event) -> Iterator[Queue]:
    yield Queue(gate)
    gate.set()


# What is cancelled, made of two tasks a and b that wait in the queue; and which of them are done all the same.
CANCELLED: dict[str, tuple[Callable[[Promise[Any], Promise[Any]], Promise[Any]], list[str]]] = {
    "itself": (lambda a, b: a, ["b"]),
    "then": (lambda a, b: a.then(str).then(str), ["b"]),
    "finally_": (lambda a, b: a.finally_(lambda: None), ["b"]),
    "resolve": (lambda a, b: Promise.resolve(a), ["b"]),
    "all": (lambda a, b: Promise.all([a, b]), []),
    "all of the same": (lambda a, b: Promise.all([a, a]), ["b"]),
    "all, one of which is shared": (lambda a, b: (b.then(), Promise.all([a, b]))[1], ["b"]),
    "race": (lambda a, b: Promise.race([a, b.then()]), []),
    "any": (lambda a, b: Promise.any({"a": a, "b": b}), []),
    "what a callback returned": (lambda a, b: Promise.resolve().then(lambda _: a), ["b"]),
    "what something else waits for": (lambda a, b: (a.then(), a.then(str))[1], ["a", "b"]),
}


@pytest.mark.parametrize("name", CANCELLED)
def test_what_no_thread_has_begun_is_not_done(name: str, queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the promise itself nor what it was made of; nobody is told of an error that he asked for."""
    gc.collect()
    caplog.clear()
    make, expected = CANCELLED[name]
    promise = make(queue.task("a"), queue.task("b"))
    assert promise.cancel() is ("a" not in expected)
    assert promise.cancel() is False
    if "a" not in expected:
        assert isinstance(error_of(promise), errors.AggregateError if name == "any" else CancelledError)
        assert promise.getState() == "rejected"
    assert queue.run_dry() == expected
    del promise
    gc.collect()
    assert not caplog.records


def test_settle_tells_what_was_cancelled(queue: Queue) -> None:
    """One of two that were begun neither."""
    a, b = queue.task("a"), queue.task("b")
    outcomes = Promise.settle([a, b])
    a.cancel()
    assert queue.run_dry() == ["b"]
    first, second = outcomes.result(PATIENCE)
    assert isinstance(first["reason"], CancelledError)
    assert second == {"state": "fulfilled", "value": "b"}


def test_callbacks_for_errors_see_it(queue: Queue) -> None:
    """catch may recover, finally_ cleans up, then is passed by."""
    seen: list[Any] = []
    a = queue.task("a")
    promise = a.then(seen.append).finally_(lambda: seen.append("clean")).catch(lambda error: [type(error)])
    assert promise.cancel()
    assert promise.result(PATIENCE) == [CancelledError]
    assert seen == ["clean"]
    assert queue.run_dry() == []


def test_what_was_begun_goes_on(gate: threading.Event, caplog: pytest.LogCaptureFixture) -> None:
    """cancel is False, the log names the task once, and the value comes; so does one that has settled."""
    begun = threading.Event()

    def count() -> int:
        begun.set()
        gate.wait(PATIENCE)
        return 1

    promise = Promise.run(count, name="POST /v3/pay")
    derived = promise.then(add)
    assert begun.wait(PATIENCE)
    assert not derived.cancel()
    assert not promise.cancel()
    assert caplog.messages == ["POST /v3/pay was cancelled when it had begun; it may be carried out"]
    gate.set()
    assert derived.result(PATIENCE) == 2
    assert not derived.cancel()
    assert not Promise.reject(KeyError()).catch(one).cancel()


def test_a_promise_by_hand_can_be_cancelled() -> None:
    """It never settles otherwise."""
    promise = Promise[int]()
    assert promise.cancel()
    promise._settle("fulfilled", 1)
    assert isinstance(error_of(promise), CancelledError)


def test_a_thread_that_waits_is_woken(queue: Queue) -> None:
    """By the error; and it counts as somebody who waits for what another one cancels."""
    a, b = queue.task("a"), queue.task("b")
    waiting = [Promise.run(a.wait), Promise.run(b.wait)]
    while not (a._consumers and b._consumers):
        threading.Event().wait(0.001)
    assert not b.then(str).cancel()
    assert a.cancel()
    assert isinstance(error_of(waiting[0]), CancelledError)
    assert queue.run_dry() == ["b"]
    assert waiting[1].result(PATIENCE) == "b"


def test_a_long_chain_is_cancelled_flat(queue: Queue) -> None:
    """Down to its source, and back through all callbacks."""
    promise: Promise[Any] = queue.task("a")
    for _ in range(LENGTH):
        promise = promise.then(add)
    assert promise.cancel()
    assert queue.run_dry() == []


def test_cancelling_races_with_beginning() -> None:
    """Whoever is first: either it was done, or it was cancelled, never both and never neither."""
    pool, done = Workers(2), set[int]()
    promises = {number: Promise.run(lambda number=number: done.add(number), pool=pool) for number in range(2000)}  # type: ignore[misc]
    cancelled = {number for number, promise in promises.items() if promise.cancel()}
    Promise.settle(promises).result(PATIENCE)
    assert done.isdisjoint(cancelled)
    assert done | cancelled == set(promises)


def test_a_cancelled_call_is_never_sent(gateway: Sandbox, gate: threading.Event) -> None:
    """The server sees those before it and after it."""
    arrived = threading.Event()

    def hold(*_: Any) -> None:
        arrived.set()
        assert gate.wait(PATIENCE)

    gateway.tamper = hold
    with gateway.client(max_workers=1) as wxpay:
        first = wxpay.v3.a.get_async()
        assert arrived.wait(PATIENCE)
        second, third = wxpay.v3.b.post_async({}), wxpay.v3.c.get_async()
        assert second.cancel()
        gate.set()
        Promise.settle([first, third]).result(PATIENCE)
    assert [received.target for received in gateway.requests] == ["/v3/a", "/v3/c"]
