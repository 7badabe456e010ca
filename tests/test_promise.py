"""Promises do what JS and PHP code expects of them, and waiting for one never stands still."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import logging
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any

import pytest

from tests.promises import LENGTH, PATIENCE, WORKERS, add, error_of, failing, held, one
from wechatpay_chain import Promise, errors

pytestmark = pytest.mark.usefixtures("no_hang")


Start = Callable[[Any], Promise[Any]]
FIRST, SECOND, WRONG = KeyError("first"), OSError("second"), failing(AssertionError("called"))
told = attrgetter("errors")
SETTLED = [{"state": "fulfilled", "value": 1}, {"state": "rejected", "reason": FIRST}]
# What a promise of the value or the error in start(...) becomes: the value, or that very error.
OUTCOMES: dict[str, tuple[Callable[[Start], Promise[Any]], Any]] = {
    "then gets the value": (lambda start: start(1).then(add).then(add), 3),
    "a value passes through": (lambda start: start(1).then().catch(WRONG).otherwise(WRONG).then(None, WRONG), 1),
    "an error passes through": (lambda start: start(FIRST).then(WRONG).then(), FIRST),
    "catch recovers": (lambda start: start(FIRST).catch(lambda error: [error]).then(), [FIRST]),
    "otherwise recovers": (lambda start: start(FIRST).otherwise(lambda error: [error]).then(), [FIRST]),
    "then recovers": (lambda start: start(FIRST).then(WRONG, lambda error: [error]), [FIRST]),
    "then raises": (lambda start: start(1).then(failing(SECOND), WRONG), SECOND),
    "catch raises": (lambda start: start(FIRST).catch(failing(SECOND)), SECOND),
    "then returns a promise": (lambda start: start(1).then(lambda _: start(2)), 2),
    "then returns a rejected promise": (lambda start: start(1).then(lambda _: start(SECOND)), SECOND),
    "catch returns a promise": (lambda start: start(FIRST).catch(lambda _: start(2)), 2),
    "finally_ keeps the value": (lambda start: start(1).finally_(lambda: 2), 1),
    "finally_ keeps the error": (lambda start: start(FIRST).finally_(lambda: 2), FIRST),
    "finally_ keeps the value over a promise's": (lambda start: start(1).finally_(lambda: start(2)), 1),
    "finally_ keeps the error over a promise's value": (lambda start: start(FIRST).finally_(lambda: start(2)), FIRST),
    "finally_ raises": (lambda start: start(1).finally_(failing(SECOND)), SECOND),
    "finally_ raises after an error": (lambda start: start(FIRST).finally_(failing(SECOND)), SECOND),
    "finally_ returns a rejected promise": (lambda start: start(1).finally_(lambda: start(SECOND)), SECOND),
    "finally_ does so after an error": (lambda start: start(FIRST).finally_(lambda: start(SECOND)), SECOND),
    "resolve follows a promise": (lambda start: Promise.resolve(start(1)), 1),
    "resolve follows a rejected promise": (lambda start: Promise.resolve(start(FIRST)), FIRST),
    "resolve takes nothing": (lambda start: start(1).then(lambda _: Promise.resolve()), None),
    "all keeps the order": (lambda start: Promise.all(iter((start(1), Promise.run(lambda: 2), 3))), [1, 2, 3]),
    "all rejects": (lambda start: Promise.all([Promise.resolve(1), start(FIRST)]), FIRST),
    "all of none": (lambda start: start(1).then(lambda _: Promise.all([])), []),
    "settle tells each outcome": (lambda start: Promise.settle([start(1), start(FIRST)]), SETTLED),
    "settle of none": (lambda start: start(1).then(lambda _: Promise.settle([])), []),
    "all keeps names": (lambda start: Promise.all({"a": start(1), "b": 2}), {"a": 1, "b": 2}),
    "settle keeps names": (
        lambda start: Promise.settle({"a": start(1), "b": start(FIRST)}),
        dict(zip("ab", SETTLED, strict=True)),
    ),
    "any gives the first value": (lambda start: Promise.any([Promise(), start(FIRST), start(1)]), 1),
    "any takes names": (lambda start: Promise.any({"a": start(FIRST), "b": start(1)}), 1),
    "any recovers": (
        lambda start: Promise.any([start(FIRST), start(SECOND)]).catch(lambda e: e.errors),
        (FIRST, SECOND),
    ),
    "any of none": (lambda start: start(1).then(lambda _: Promise.any([])).catch(lambda e: e.errors), ()),
    "unwrap waits": (lambda start: start(1).then(lambda _: Promise.unwrap([Promise.run(lambda: 2), 3])), [2, 3]),
    "unwrap raises": (lambda start: start(1).then(lambda _: Promise.unwrap([Promise.reject(FIRST)])), FIRST),
    "race is won": (lambda start: Promise.race([Promise(), start(1)]), 1),
    "race is lost": (lambda start: Promise.race([Promise(), start(FIRST)]), FIRST),
}


@pytest.mark.parametrize("pending", [True, False], ids=["pending", "settled"])
@pytest.mark.parametrize("name", OUTCOMES)
def test_an_outcome(name: str, pending: bool, gate: threading.Event) -> None:
    """As its name says, whether the promises in it settle before or after their callbacks are added."""

    def start(value: Any) -> Promise[Any]:
        if pending:
            return held(gate, value)
        return Promise.reject(value) if isinstance(value, Exception) else Promise.resolve(value)

    build, expected = OUTCOMES[name]
    promise = build(start)
    assert not (pending and promise.done())
    gate.set()
    if isinstance(expected, Exception):
        assert error_of(promise) is expected
    else:
        assert promise.result(PATIENCE) == expected


def test_run_gives_what_the_task_returns_or_raises() -> None:
    """A thread of the pool runs the task; wait and result give its value, or raise its very error each time."""
    promise = Promise.run(lambda: threading.current_thread().name)
    assert promise.result().startswith("wechatpay_chain")
    assert promise.wait() == promise.result()
    error = KeyError("mchid")
    rejected = Promise.run(failing(error))
    for ask in (rejected.wait, rejected.result, rejected.wait):
        with pytest.raises(KeyError) as caught:
            ask()
        assert caught.value is error
    with pytest.raises(SystemExit, match=r"^3$"):
        Promise.run(failing(SystemExit(3))).wait()


def test_callbacks_run_in_the_order_they_were_added(gate: threading.Event) -> None:
    """Each once, though all of them are due at the same moment."""
    order: list[int] = []
    promise = held(gate)
    derived = [promise.then(partial(lambda n, _: order.append(n), n)) for n in range(20)]
    gate.set()
    Promise.all(derived).wait()
    assert order == list(range(20))


@pytest.mark.parametrize("arguments", [(5,), ("text",), (None, []), (one, object())])
def test_then_takes_functions_only(arguments: tuple[Any, ...]) -> None:
    """Anything else is a TypeError at once that names its type."""
    with pytest.raises(TypeError, match=rf"^then: expected functions, found {type(arguments[-1]).__name__}$"):
        Promise.resolve(1).then(*arguments)


def test_a_promise_cannot_follow_itself(gate: threading.Event) -> None:
    """A task or a callback that returns its own promise rejects it with TypeError."""
    own: list[Promise[Any]] = []
    own.append(Promise.run(lambda: gate.wait(PATIENCE) and own[0]))
    own.append(held(gate).then(lambda _: own[1]))
    gate.set()
    for promise in own:
        with pytest.raises(TypeError, match=r"^a promise cannot wait for itself$"):
            promise.wait()


def test_all_and_race_wait_for_no_other(gate: threading.Event) -> None:
    """all settles with the first error, race with the first of any kind; the slower ones change nothing."""
    error, slow = KeyError("quick"), held(gate, OSError("slow"))
    rejected = Promise.all([slow, Promise.reject(error)])
    won = Promise.race([slow, Promise.run(one)])
    assert error_of(rejected) is error
    assert won.result(PATIENCE) == 1
    gate.set()
    assert isinstance(error_of(slow), OSError)
    assert error_of(rejected) is error
    assert won.result() == 1
    with pytest.raises(ValueError, match=r"^race: no promise to wait for$"):
        Promise.race([])


def test_a_timeout_does_not_end_the_call(gate: threading.Event) -> None:
    """TimeoutError names the seconds; once the value is there, 0 is enough, and no repr shows the value."""
    promise = held(gate, "late")
    assert repr(promise) == "<Promise pending>"
    for seconds in (0, 0.01):
        with pytest.raises(TimeoutError, match=rf"^no answer within {seconds} s; the call goes on$"):
            promise.result(seconds)
    gate.set()
    assert promise.result(PATIENCE) == promise.result(0) == "late"
    assert repr(promise) == "<Promise fulfilled>"


def test_wait_false_only_waits(gate: threading.Event) -> None:
    """As in PHP: no value and no error, but settled afterwards."""
    good, bad = held(gate, 1), held(gate, KeyError("kept"))
    threading.Timer(0.05, gate.set).start()
    assert (good.wait(False), good.done(), bad.wait(False)) == (None, True, None)
    assert isinstance(error_of(bad), KeyError)


def test_promises_are_awaitable(gate: threading.Event) -> None:
    """await gives value or error, early or late, and gather several."""
    error = LookupError("awaited")

    async def main() -> None:
        assert await Promise.resolve("settled") == "settled"
        asyncio.get_running_loop().call_later(0.01, gate.set)
        assert await held(gate, "late") == "late"
        for promise in (Promise.run(failing(error)), Promise.reject(error)):
            with pytest.raises(LookupError) as caught:
                await promise
            assert caught.value is error
        assert await asyncio.gather(*(Promise.run(partial(int, n)) for n in range(100))) == list(range(100))
        error_and_value = await asyncio.gather(Promise.reject(error), Promise.resolve(1), return_exceptions=True)
        assert tuple(error_and_value) == (error, 1)

    asyncio.run(main())


def test_who_gives_up_awaiting_does_not_end_the_call(gate: threading.Event) -> None:
    """It goes on and harms nobody, neither the event loop while it runs nor after it was closed."""
    within, troubles = threading.Event(), []
    early, late = held(within, "early"), held(gate, "late")

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
        for promise in (early, late):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(promise, 0.01)
        within.set()
        assert await early == "early"

    asyncio.run(main())
    assert troubles == []
    after = late.then(str.upper)
    gate.set()
    assert after.wait() == "LATE"


@pytest.mark.slow
def test_a_long_chain_does_not_recurse(gate: threading.Event) -> None:
    """10,000 callbacks stay flat: of values and errors, added early or late, returning values or promises."""
    pending, early, silent = held(gate, 0), held(gate, 0), held(gate, KeyError("far"))
    following, late = held(gate, "end"), Promise.resolve(0)
    for _ in range(LENGTH):
        pending, late, silent = pending.then(add), late.then(add), silent.then()
        early, following = early.then(lambda v: Promise.resolve(v + 1)), Promise.resolve(following)
    for _ in range(LENGTH // 10):
        early = early.finally_(lambda: None)
    worker = Promise.run(following.wait)
    gate.set()
    assert pending.wait() == late.wait() == early.wait() == LENGTH
    assert worker.wait() == "end"
    assert isinstance(error_of(silent), KeyError)


def waited() -> int | None:
    return Promise.run(one).wait()


WAITS: dict[str, Callable[[], Any]] = {
    "task": waited,
    "task, two deep": lambda: Promise.run(waited).wait(),
    "task, three deep": lambda: Promise.run(lambda: Promise.run(waited).wait()).wait(),
    "chain": lambda: Promise.run(lambda: 0).then(add).wait(),
    "callback": lambda: Promise.run(one).then(lambda _: waited()).wait(),
    "callback, two deep": lambda: (
        Promise.run(one).then(lambda _: Promise.run(one).then(lambda _: waited()).wait()).wait()
    ),
    "callback that returns a task": lambda: Promise.run(one).then(lambda _: Promise.run(waited)).wait(),
    "error callback": lambda: Promise.run(failing(FIRST)).catch(lambda _: waited()).wait(),
    "clean-up": lambda: Promise.run(one).finally_(waited).wait(),
    "task that returns a task": lambda: Promise.run(lambda: Promise.run(waited)).wait(),
    "all": lambda: sum(Promise.all([Promise.run(one), Promise.run(lambda: 0)]).result()),
    "settle": lambda: Promise.settle([Promise.run(waited)]).result()[0]["value"],
    "race": lambda: Promise.race([Promise.run(one), Promise.run(one)]).wait(),
    "wait(False)": lambda: Promise.run(waited).wait(False) or 1,
}


@pytest.mark.parametrize("name", WAITS)
def test_workers_may_wait_when_every_thread_is_taken(name: str) -> None:
    """Of twice as many tasks as places that many begin together; a thread that waits gives its place away."""
    together = threading.Barrier(WORKERS)
    tasks = [Promise.run(lambda: (together.wait(PATIENCE), WAITS[name]())[1]) for _ in range(2 * WORKERS)]
    assert Promise.all(tasks).result(PATIENCE) == [1] * 2 * WORKERS


def test_many_workers_may_wait_for_one_task(gate: threading.Event) -> None:
    """What the threads of all places wait for is done once."""
    count = itertools.count(1)
    tasks = [Promise.run(lambda: gate.wait(PATIENCE) and shared.wait()) for _ in range(WORKERS)]
    shared = Promise.run(lambda: next(count))
    gate.set()
    assert Promise.all(tasks).result(PATIENCE) == [1] * WORKERS
    assert next(count) == 2


def test_a_callback_may_wait_for_a_promise_derived_from_the_same(gate: threading.Event) -> None:
    """For one made before it, made after it, or made inside it, and of a promise that is settled already."""
    promise = held(gate, 1)
    before = promise.then(add)
    waiting = [promise.then(lambda _: before.wait()), promise.then(lambda _: after.wait())]
    after = promise.then(lambda v: v + 2)
    waiting.append(promise.then(lambda v: promise.then(lambda v: v + 3).wait()))
    waiting.append(Promise.resolve(4).then(lambda _: Promise.resolve(4).then(add).wait()))
    gate.set()
    assert [each.result(PATIENCE) for each in waiting] == [2, 3, 4, 5]


def test_the_pool_is_bounded(gate: threading.Event) -> None:
    """Of three times as many tasks as threads that many run at once; the others wait their turn."""
    begun = threading.Semaphore(0)
    tasks = [Promise.run(lambda: (begun.release(), gate.wait(PATIENCE))[1]) for _ in range(3 * WORKERS)]  # type: ignore[func-returns-value]
    assert all(begun.acquire(timeout=PATIENCE) for _ in range(WORKERS))
    assert not begun.acquire(blocking=False)
    gate.set()
    assert Promise.all(tasks).result(PATIENCE) == [True] * 3 * WORKERS


IGNORED: dict[str, Callable[[Promise[Any]], Any]] = {
    "dropped": lambda promise: promise.done(),
    "only waited for": lambda promise: promise.wait(False),
    "passed down": lambda promise: promise.then(one).finally_(lambda: None).done(),
    "one of all": lambda promise: Promise.all([promise, 1]).done(),
}
LOOKED_AT: dict[str, Callable[[Promise[Any]], Any]] = {
    "wait": lambda promise: promise.wait(),
    "result": lambda promise: promise.result(1),
    "await": lambda promise: asyncio.run(asyncio.wait_for(promise, 1)),
    "catch": lambda promise: promise.catch(one).done(),
    "settle": lambda promise: Promise.settle([promise]).done(),
    "all": lambda promise: Promise.all([promise, promise]).wait(),
    "race": lambda promise: Promise.race([promise, 1]).wait(),
}


@pytest.mark.parametrize("use", [*IGNORED, *LOOKED_AT])
def test_an_error_that_nobody_looked_at_is_logged(use: str, caplog: pytest.LogCaptureFixture) -> None:
    """Once, by the last promise that holds it; not when somebody asked for it, caught it or told of it."""
    gc.collect()
    caplog.clear()
    try:
        (IGNORED | LOOKED_AT)[use](Promise.reject(KeyError("lost")))
    except KeyError:
        assert use in LOOKED_AT
    gc.collect()
    lost = ("wechatpay_chain", logging.ERROR, "nobody looked at the error of a promise: KeyError: 'lost'")
    assert caplog.record_tuples == ([lost] if use in IGNORED else [])


SCRIPTS = {
    """
held = [Promise.run(lambda: gate.wait(30) and time.sleep(0.01)) for _ in range(100)]
Promise.all(held).then(lambda values: print(len(values), "finished"))
print("program ends", flush=True)
gate.set()
""": "program ends\n100 finished\n",
    """
kept = Promise.run(lambda: 1 / 0)
kept.wait(False)
""": "nobody looked at the error of a promise: ZeroDivisionError: division by zero\n",
    """
held = [Promise.run(lambda: gate.wait(30)) for _ in range(40)]
nested = Promise.run(lambda: Promise.all(held).wait())
child = os.fork()
values = [Promise.run(lambda: Promise.run(lambda: 2).then(lambda v: v * 2).wait()) for _ in range(40)]
if child == 0:
    print("child", sum(Promise.all(values).result(30)))
    raise SystemExit(5)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
gate.set()
print("parent", sum(Promise.all(values).result(30)), len(nested.result(30)), status)
""": "child 160\nparent 160 40 5\n",
}


@pytest.mark.parametrize("script", SCRIPTS, ids=["calls under way", "unseen error", "fork"])
def test_a_program_ends_cleanly(script: str) -> None:
    """Its calls are finished, an error that nobody looked at is told, and a forked child has its own pool."""
    imports = "import os, threading, time\nfrom wechatpay_chain import Promise\ngate = threading.Event()"
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", imports + script]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE / 3, check=False
    )
    assert (done.stdout, done.returncode) == (SCRIPTS[script], 0)


def test_an_error_that_a_cancelled_await_never_saw_is_logged(
    gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    """asyncio.wait_for gave up; the call failed later, which somebody should know."""
    promises = [held(gate, KeyError("late"))]

    async def patient() -> Any:
        return await promises[0]

    async def impatient() -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(patient(), 0.01)

    asyncio.run(impatient())
    gate.set()
    promises[0].wait(False)
    promises.clear()
    gc.collect()
    assert "nobody looked" in caplog.text


def test_wait_takes_no_seconds() -> None:
    """result(timeout) does."""
    with pytest.raises(TypeError, match=r"result\(timeout\) takes seconds"):
        Promise.resolve(1).wait(5)  # type: ignore[call-overload]


def test_the_state_is_told_as_in_php(gate: threading.Event) -> None:
    """pending, then fulfilled or rejected."""
    promise, lost = held(gate, 1), held(gate, FIRST)
    assert (promise.getState(), lost.getState()) == ("pending", "pending")
    gate.set()
    assert promise.wait() == 1
    assert error_of(lost) is FIRST
    assert (promise.getState(), lost.getState()) == ("fulfilled", "rejected")


def test_any_tells_every_error() -> None:
    """In one line, in their order, and pickled with them."""
    error = error_of(Promise.any([Promise.reject(KeyError("a")), Promise.reject(OSError("b"))]))
    assert isinstance(error, errors.AggregateError)
    assert str(error) == "all 2 promises were rejected: KeyError: 'a'; OSError: b"
    assert [type(each) for each in pickle.loads(pickle.dumps(error)).errors] == [KeyError, OSError]
    assert str(errors.AggregateError()) == "all 0 promises were rejected: there was none"


@pytest.mark.parametrize("given", [None, 5, 1.5, object()])
@pytest.mark.parametrize("name", ["all", "any", "race", "settle", "unwrap"])
def test_what_is_no_list_of_promises_is_told(name: str, given: Any) -> None:
    with pytest.raises(
        TypeError, match=f"^expected promises in a list or another iterable, found {type(given).__name__}$"
    ):
        getattr(Promise, name)(given)


@pytest.mark.parametrize("given", [None, "x", 5, ["x"]])
def test_only_an_exception_rejects_and_only_a_function_runs(given: Any) -> None:
    """Where it is given, and not where it would be raised or called."""
    with pytest.raises(TypeError, match=r"^reject: expected an exception, found"):
        Promise.reject(given)
    with pytest.raises(TypeError, match=r"^run: expected a function, found"):
        Promise.run(given)
