"""Promises in event loops: asyncio, uvloop and trio, and what a user sees and the server is asked there."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tests.promises import PATIENCE, add, failing, held
from wechatpay_chain import Promise, Sandbox, Wechatpay, errors
from wechatpay_chain.workers import Workers

pytestmark = pytest.mark.usefixtures("no_hang")

LOOPS: dict[str, tuple[str, dict[str, Any]]] = {
    "asyncio": ("asyncio", {}),
    "asyncio, debug": ("asyncio", {"debug": True}),
    "uvloop": ("asyncio", {"use_uvloop": True}),
    "trio": ("trio", {}),
}
each_loop = pytest.mark.parametrize("loop", LOOPS)


def run(loop: str, main: Callable[[], Awaitable[Any]]) -> Any:
    backend, options = LOOPS[loop]
    return anyio.run(main, backend=backend, backend_options=options)


class Held:
    """A gateway that answers once ``gate`` is open, and a client that makes one call at a time."""

    def __init__(self, gateway: Sandbox, gate: threading.Event) -> None:
        self.gateway, self.gate = gateway, gate
        self.arrived = threading.Event()
        gateway.tamper = self._hold
        self.wxpay = gateway.client(max_workers=1)

    def _hold(self, *_: Any) -> None:
        self.arrived.set()
        assert self.gate.wait(PATIENCE)

    @property
    def targets(self) -> list[str]:
        return [received.target for received in self.gateway.requests]

    def call(self, name: str) -> Promise[Any]:
        """One to ``/v3/certificates``, whose answer is 200; the first of them is on the wire."""
        promise: Promise[Any] = self.wxpay.v3.certificates.get_async(params={"name": name})
        assert self.arrived.wait(PATIENCE)
        return promise

    def finish(self) -> list[str]:
        """The names of the calls that were sent, after one more."""
        self.gate.set()
        assert self.call("last").result(PATIENCE).status == 200
        return [target.partition("=")[2] for target in self.targets[:-1]]


@pytest.fixture
def held_gateway(gateway: Sandbox, gate: threading.Event) -> Iterator[Held]:
    held_one = Held(gateway, gate)
    with held_one.wxpay:
        yield held_one
        gate.set()


@each_loop
def test_calls_are_awaited(loop: str, gateway: Sandbox) -> None:
    """One, twenty at once, and one that fails: each is sent once."""
    answers: list[int] = []

    async def main() -> None:
        async with gateway.client() as wxpay:
            node = wxpay.v3.certificates

            async def call() -> None:
                answers.append((await node.get_async()).status)

            await call()
            async with anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(call)
            with pytest.raises(errors.ApiError, match="404"):
                await wxpay.v3.nowhere.get_async()
            promise = node.get_async().then(lambda answer: answer.status).then(add)
            assert (await promise, await promise) == (201, 201)

    run(loop, main)
    assert answers == [200] * 21
    assert len(gateway.requests) == 23


@each_loop
def test_a_call_that_times_out_in_the_queue_is_never_sent(loop: str, held_gateway: Held) -> None:
    """Also by way of callbacks and of all; the loop ran meanwhile."""

    async def main() -> None:
        first = held_gateway.call("first")
        second = held_gateway.call("second")
        third = held_gateway.call("third")
        for promise in (second, Promise.all([third.then(add), third.finally_(lambda: None)])):
            with pytest.raises(TimeoutError), anyio.fail_after(0.02):
                await promise
        assert {second.getState(), third.getState()} == {"rejected"}
        held_gateway.gate.set()
        assert (await first).status == 200

    run(loop, main)
    assert held_gateway.finish() == ["first"]


@each_loop
def test_a_call_on_the_wire_goes_on_and_is_logged(
    loop: str, held_gateway: Held, caplog: pytest.LogCaptureFixture
) -> None:
    """Its answer can still be awaited."""
    # In its debug mode asyncio warns of a machine that is slow.
    caplog.set_level(logging.ERROR, "asyncio")
    caplog.set_level(logging.WARNING, "wechatpay_chain")

    async def main() -> None:
        promise = held_gateway.call("first")
        for _ in range(2):
            with anyio.move_on_after(0.02) as scope:
                await promise
            assert scope.cancelled_caught
        held_gateway.gate.set()
        assert (await promise).status == 200

    run(loop, main)
    assert caplog.messages == ["GET /v3/certificates was cancelled when it had begun; it may be carried out"]
    assert held_gateway.finish() == ["first"]


@each_loop
def test_who_else_awaits_it_gets_the_answer(loop: str, held_gateway: Held) -> None:
    """Though another task gave it up before it was begun."""

    async def main() -> None:
        held_gateway.call("first")
        second = held_gateway.call("second")
        answers: list[int] = []

        async def patient() -> None:
            answers.append((await second).status)

        async with anyio.create_task_group() as group:
            group.start_soon(patient)
            await anyio.sleep(0.02)
            with anyio.move_on_after(0.02):
                await second
            held_gateway.gate.set()
        assert answers == [200]

    run(loop, main)
    assert held_gateway.finish() == ["first", "second"]


@each_loop
def test_a_slow_callback_does_not_delay_who_awaits(loop: str, gate: threading.Event) -> None:
    """It runs in the thread that settled the promise, after the loop was told."""

    async def main() -> None:
        begun = threading.Event()
        opened = threading.Event()
        promise = Promise.run(lambda: opened.wait(PATIENCE))
        slow = promise.then(lambda _: begun.set() or gate.wait(PATIENCE))  # type: ignore[func-returns-value]
        opened.set()
        assert await promise
        assert not slow.done()
        gate.set()
        assert await slow

    run(loop, main)


# How asyncio is given a coroutine; each is given a call.
TAKERS: dict[str, Callable[[Promise[Any]], Awaitable[Any]]] = {
    "create_task": asyncio.create_task,
    "ensure_future": asyncio.ensure_future,
    "gather": asyncio.gather,
    "shield": asyncio.shield,
    "wait_for": lambda promise: asyncio.wait_for(promise, PATIENCE),
    "as_completed": lambda promise: next(asyncio.as_completed([promise])),
    "gather of two tasks": lambda promise: asyncio.gather(asyncio.create_task(promise), asyncio.create_task(promise)),
}


@pytest.mark.parametrize("name", TAKERS)
def test_asyncio_takes_it_for_a_coroutine(name: str, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Wherever it takes one; the call is sent once. Its error is what the task raises."""

    async def main() -> None:
        taken = await TAKERS[name](wxpay.v3.certificates.get_async())
        for answer in taken if isinstance(taken, list) else [taken]:
            assert answer.status == 200
        with pytest.raises(errors.ApiError):
            await TAKERS[name](wxpay.v3.nowhere.get_async())
        settled = Promise.resolve((1, 2))
        assert await asyncio.create_task(settled) == (1, 2)

    asyncio.run(main())
    assert len(gateway.requests) == 2


def test_asyncio_runs_a_promise() -> None:
    """As its main coroutine."""
    assert asyncio.run(Promise.run(lambda: 7)) == 7
    with pytest.raises(KeyError):
        asyncio.run(Promise.run(failing(KeyError("x"))))


def test_a_task_that_is_cancelled_before_it_begins_sends_nothing(held_gateway: Held) -> None:
    """Its first step is an error."""

    async def main() -> None:
        first, second = held_gateway.call("first"), held_gateway.call("second")
        task = asyncio.create_task(second)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        held_gateway.gate.set()
        assert (await asyncio.create_task(first)).status == 200

    asyncio.run(main())
    assert held_gateway.finish() == ["first"]


if sys.version_info >= (3, 11):

    def test_a_task_group_and_asyncio_timeout(held_gateway: Held) -> None:
        """One error ends the group, and what it had queued is never sent."""

        async def main() -> None:
            async def many() -> None:
                async with asyncio.timeout(0.02), asyncio.TaskGroup() as group:
                    group.create_task(held_gateway.call("first"))
                    for _ in range(20):
                        group.create_task(held_gateway.call("queued"))

            with pytest.raises(TimeoutError):
                await many()
            held_gateway.gate.set()
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(held_gateway.call(f"after-{number}")) for number in range(3)]
            assert [task.result().status for task in tasks] == [200] * 3

        asyncio.run(main())
        assert held_gateway.finish() == ["first", "after-0", "after-1", "after-2"]


def test_an_explicit_cancel_wakes_tasks(held_gateway: Held) -> None:
    """They see an error, and are not cancelled themselves."""
    from concurrent.futures import CancelledError

    async def main() -> None:
        held_gateway.call("first")
        second = held_gateway.call("second")
        task = asyncio.create_task(second)
        await asyncio.sleep(0)
        assert second.cancel()
        with pytest.raises(CancelledError):
            await task
        assert not task.cancelled()

    asyncio.run(main())
    assert held_gateway.finish() == ["first"]


def test_one_promise_in_several_loops() -> None:
    """Of several threads and both kinds, each of which is woken."""
    gate, found = threading.Event(), list[int]()
    promise = held(gate, 1)
    ready = threading.Barrier(9)

    def awaiting(loop: str) -> None:
        async def main() -> None:
            ready.wait(PATIENCE)
            found.append(await promise)

        run(loop, main)

    loops = ["asyncio", "trio", "uvloop", "asyncio, debug"] * 2
    threads = [threading.Thread(target=awaiting, args=(loop,)) for loop in loops]
    for thread in threads:
        thread.start()
    ready.wait(PATIENCE)
    gate.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert found == [1] * 8


@each_loop
def test_a_loop_that_ended_meanwhile_harms_nobody(
    loop: str, gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    """The promise settles, its callbacks run, and other loops are woken."""
    caplog.set_level(logging.DEBUG, "wechatpay_chain")
    begun = threading.Event()
    promise = Promise.run(lambda: begun.set() or gate.wait(PATIENCE))  # type: ignore[func-returns-value]
    assert begun.wait(PATIENCE)

    async def impatient() -> None:
        with anyio.move_on_after(0.01):
            await promise

    async def patient() -> None:
        gate.set()
        assert await promise

    run(loop, impatient)
    derived = promise.then(lambda _: 2)
    run(loop, patient)
    assert derived.result(PATIENCE) == 2
    assert "the event loop that awaited a promise is closed" in caplog.messages


def test_stop_iteration_is_no_answer() -> None:
    """As in a generator it becomes a RuntimeError, for who awaits and for a task."""

    async def main() -> None:
        for awaited in (Promise.reject(StopIteration(1)), asyncio.create_task(Promise.reject(StopIteration(1)))):
            with pytest.raises(RuntimeError, match="StopIteration"):
                await awaited

    asyncio.run(main())


def test_without_a_loop_it_says_so() -> None:
    """await by hand."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        Promise[int]().__await__().send(None)


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="nothing")


@each_loop
def test_context_variables_travel(loop: str, gateway: Sandbox) -> None:
    """Into the thread that signs and sends, as they were at the call; into callbacks, as where they were added."""
    signed: list[str] = []

    class Signer:
        def sign(self, message: bytes) -> bytes:
            signed.append(VARIABLE.get())
            return gateway.identity.merchant_key.sign(message, PKCS1v15(), SHA256())

    async def main() -> None:
        with gateway.client(private_key=Signer()) as wxpay:
            VARIABLE.set("call")
            promise = wxpay.v3.certificates.get_async()
            VARIABLE.set("callback")
            seen = promise.then(lambda _: VARIABLE.get()).then(lambda found: (found, VARIABLE.set("lost"))[0])
            cleaned: list[str] = []
            await promise.finally_(lambda: cleaned.append(VARIABLE.get()))
            VARIABLE.set("after")
            assert (await seen, cleaned, VARIABLE.get()) == ("callback", ["callback"], "after")
            await promise.then(lambda _: None)

    run(loop, main)
    assert signed == ["call"]
    assert Promise.run(VARIABLE.get, pool=Workers(1)).wait() == "nothing"
