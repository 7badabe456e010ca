"""No thread waits for work that only it could do, and nobody waits for himself."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from tests.promises import PATIENCE, WORKERS, add, error_of, held
from wechatpay_chain import Promise

pytestmark = pytest.mark.usefixtures("no_hang")


def test_a_callback_may_wait_for_its_elder_sibling_while_that_waits(gate: threading.Event) -> None:
    """The elder one, which waits, hands the younger one to another thread."""
    promise = held(gate, 1)
    late = threading.Event()
    other = held(late, 7)
    elder = promise.then(lambda _: other.wait())
    younger = promise.then(lambda _: elder.wait())
    gate.set()
    threading.Timer(0.1, late.set).start()
    assert younger.result(PATIENCE) == elder.result() == 7


def test_a_callback_may_wait_with_a_timeout() -> None:
    """What is due in the same thread is done then as well."""
    promise = Promise.resolve(1).then(lambda _: Promise.resolve(2).then(add).result(5))
    assert promise.result(PATIENCE) == 3


def test_a_callback_that_waits_for_its_own_promise_is_refused(gate: threading.Event) -> None:
    """Waiting for oneself, at once or by way of others, is a TypeError and stops nobody else."""
    own: list[Promise[Any]] = []
    own.append(held(gate).then(lambda _: own[0].wait()))
    own.append(held(gate).then(lambda _: Promise.all([own[1].then(add)]).wait()))
    own.append(held(gate).then(lambda _: own[3]))
    own.append(own[2].then(add))
    gate.set()
    for promise in own:
        with pytest.raises(TypeError, match=r"^a promise cannot wait for itself$"):
            promise.result(PATIENCE)


def test_a_busy_pool_is_no_circle(gate: threading.Event) -> None:
    """y waits for x, of which no thread has begun the work, and z, a callback of x, for y."""
    busy = [Promise.run(lambda: gate.wait(PATIENCE)) for _ in range(WORKERS - 1)]
    sources: list[Promise[Any]] = []
    ready = threading.Event()

    def waiting() -> Any:
        ready.wait(PATIENCE)
        return sources[0].wait()

    y = Promise.run(waiting)
    x = Promise.run(lambda: 1)
    z = x.then(lambda _: y.wait())
    sources.append(x)
    ready.set()
    threading.Timer(0.2, gate.set).start()
    assert z.result(PATIENCE) == 1
    assert all(promise.result(PATIENCE) for promise in busy)


def test_promises_that_share_their_sources_are_looked_at_once(gate: threading.Event) -> None:
    """Forty levels that each wait twice for the one below are no 2 ** 40 steps for a worker that waits."""
    promise: Promise[Any] = held(gate, 1)
    for _ in range(40):
        promise = Promise.all([promise, promise]).then(lambda values: values[0])
    begun = threading.Event()

    def waiting() -> Any:
        begun.set()
        return promise.wait()

    worker = Promise.run(waiting)
    assert begun.wait(PATIENCE)
    gate.set()
    assert worker.result(PATIENCE) == 1


def test_an_interrupt_in_a_callback_leaves_the_others_alone(gate: threading.Event) -> None:
    """Its siblings are called all the same."""
    promise = held(gate, 1)
    broken, after = promise.then(lambda _: sys.exit(3)), promise.then(add)
    gate.set()
    assert after.result(5) == 2
    with pytest.raises(SystemExit):
        broken.wait()


def test_all_never_takes_an_error_for_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """However the threads of an error and of the last value overtake each other, the error wins."""
    first, last = Promise[Any](), Promise[Any]()
    gathered = Promise.all([first, last])
    settle, counted, done = Promise._settle, threading.Event(), threading.Event()

    def slow(self: Promise[Any], state: Any, value: Any) -> None:
        if self is gathered and state == "rejected":
            counted.set()
            done.wait(1)
        settle(self, state, value)

    monkeypatch.setattr(Promise, "_settle", slow)
    thread = threading.Thread(target=lambda: first._settle("rejected", KeyError("lost")))
    thread.start()
    assert counted.wait(PATIENCE)
    last._settle("fulfilled", 1)
    done.set()
    thread.join()
    assert isinstance(error_of(gathered), KeyError)


def test_finally_takes_functions_only() -> None:
    """As then does."""
    with pytest.raises(TypeError, match=r"^finally_: expected a function, found int$"):
        Promise.resolve(1).finally_(5)  # type: ignore[arg-type]
