from __future__ import annotations

import asyncio
import io
import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.promises import PATIENCE
from wechatpay_chain import Notification, Sandbox, Wechatpay, errors
from wechatpay_chain.sandbox.push import Notice
from wechatpay_chain.web import Seen
from wechatpay_chain.web.receiver import LIMIT, Receiver, Refused, Reply, check_length, read
from wechatpay_chain.web.seen_store import Claim


@pytest.fixture
def notice(gateway: Sandbox) -> Notice:
    return gateway.pusher().notice("TRANSACTION.SUCCESS")


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    return Seen(tmp_path / "seen.sqlite")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as executor:
        yield executor


class Handler:
    """Counts its runs, and does what its next step says."""

    def __init__(self, *steps: Any) -> None:
        self.runs: list[Notification] = []
        self._steps = list(steps)

    def __call__(self, notification: Notification) -> Any:
        self.runs.append(notification)
        step = self._steps.pop(0) if self._steps else None
        if isinstance(step, BaseException):
            raise step
        return step() if callable(step) else step

    async def later(self, notification: Notification) -> Any:
        await asyncio.sleep(0)
        return self(notification)


def run(receiver: Receiver, notice: Notice, handler: Handler, kind: str) -> Any:
    if kind == "async":
        return asyncio.run(receiver.run_async(notice.headers, notice.body, handler.later))
    return receiver.run(notice.headers, notice.body, handler)


kinds = pytest.mark.parametrize("kind", ["sync", "async"])


@kinds
def test_a_handler_runs_once(wxpay: Wechatpay, seen: Seen, notice: Notice, kind: str) -> None:
    """And every duplicate is told that it did."""
    handler = Handler()
    assert [run(Receiver(wxpay, seen), notice, handler, kind) for _ in range(3)] == [Reply(204)] * 3
    assert [read.id for read in handler.runs] == [notice.id]


@kinds
def test_without_a_store_it_runs_each_time(wxpay: Wechatpay, notice: Notice, kind: str) -> None:
    """Then telling duplicates apart is the handler's business."""
    handler = Handler()
    assert [run(Receiver(wxpay), notice, handler, kind) for _ in range(2)] == [Reply(204)] * 2
    assert len(handler.runs) == 2


@kinds
@pytest.mark.parametrize("error", [RuntimeError("x"), errors.SignatureMismatch("of its own call"), StopIteration()])
def test_a_handler_that_raised_runs_again(
    wxpay: Wechatpay, seen: Seen, notice: Notice, kind: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """500 whatever it raised; the log has its error, the answer has not."""
    handler = Handler(error if kind == "sync" or not isinstance(error, StopIteration) else RuntimeError())
    receiver = Receiver(wxpay, seen)
    failed = run(receiver, notice, handler, kind)
    assert failed == Reply(500, b'{"code": "FAIL", "message": "the handler failed"}')
    assert caplog.records[-1].exc_info is not None
    assert caplog.records[-1].exc_info[0] in (type(error), RuntimeError)
    assert run(receiver, notice, handler, kind) == Reply(204)
    assert len(handler.runs) == 2


@kinds
def test_an_answer_of_the_framework_is_a_failure(wxpay: Wechatpay, seen: Seen, notice: Notice, kind: str) -> None:
    """It is handed back, and the handler runs again."""
    handler = Handler("its own answer")
    assert run(Receiver(wxpay, seen), notice, handler, kind) == "its own answer"
    assert run(Receiver(wxpay, seen), notice, handler, kind) == Reply(204)


def test_an_exit_frees_the_claim_and_goes_on(wxpay: Wechatpay, seen: Seen, notice: Notice) -> None:
    """A server that stops its worker is no failure of the handler."""
    handler = Handler(SystemExit(1))
    with pytest.raises(SystemExit):
        Receiver(wxpay, seen).run(notice.headers, notice.body, handler)
    assert Receiver(wxpay, seen).run(notice.headers, notice.body, handler) == Reply(204)


def test_a_cancelled_task_frees_the_claim(wxpay: Wechatpay, seen: Seen, notice: Notice) -> None:
    """The same in an event loop."""

    async def main() -> None:
        started = asyncio.Event()

        async def hang(_: Notification) -> None:
            started.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(Receiver(wxpay, seen).run_async(notice.headers, notice.body, hang))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen.claim(notice.id) is not None


class Slow(Seen):
    """A store whose disk waits for a gate."""

    def __init__(self, path: Path, gate: threading.Event) -> None:
        super().__init__(path)
        self.gate = gate
        self.asked, self.answered = threading.Event(), threading.Event()

    def claim(self, key: str) -> Claim | None:
        self.asked.set()
        assert self.gate.wait(PATIENCE)
        claim = super().claim(key)
        self.answered.set()
        return claim


def test_a_task_that_is_cancelled_while_it_claims_frees_the_claim(
    wxpay: Wechatpay, tmp_path: Path, notice: Notice, gate: threading.Event
) -> None:
    """The thread that claims cannot be cancelled; what it brings is given back, and the resend runs."""
    seen = Slow(tmp_path / "seen.sqlite", gate)
    receiver, handler = Receiver(wxpay, seen), Handler()

    async def main() -> None:
        task = asyncio.create_task(receiver.run_async(notice.headers, notice.body, handler.later))
        assert await asyncio.to_thread(seen.asked.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.set()
        assert await asyncio.to_thread(seen.answered.wait, PATIENCE)
        assert not handler.runs
        assert await receiver.run_async(notice.headers, notice.body, handler.later) == Reply(204)

    asyncio.run(main())
    assert len(handler.runs) == 1


def test_a_task_that_is_cancelled_after_the_handler_has_handled_it(
    wxpay: Wechatpay, seen: Seen, notice: Notice, gate: threading.Event
) -> None:
    """Even when every thread is busy at that moment: it must not run again."""
    handler = Handler()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(1)
        loop.set_default_executor(pool)
        receiver = Receiver(wxpay, seen)

        async def handle(notification: Notification) -> None:
            handler(notification)
            pool.submit(gate.wait, PATIENCE)
            loop.call_soon(lambda: loop.call_soon(task.cancel))

        task = asyncio.create_task(receiver.run_async(notice.headers, notice.body, handle))
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.set()
        assert await receiver.run_async(notice.headers, notice.body, handler.later) == Reply(204)

    asyncio.run(main())
    assert len(handler.runs) == 1


@kinds
def test_a_duplicate_waits_for_the_first(
    wxpay: Wechatpay, seen: Seen, notice: Notice, kind: str, gate: threading.Event, pool: ThreadPoolExecutor
) -> None:
    """204 only after the handler returned, and it ran once."""
    started = threading.Event()

    def work() -> None:
        started.set()
        assert gate.wait(PATIENCE)

    receiver = Receiver(wxpay, seen, patience=PATIENCE)
    handler = Handler(work)
    first = pool.submit(receiver.run, notice.headers, notice.body, handler)
    assert started.wait(PATIENCE)
    second = pool.submit(run, receiver, notice, handler, kind)
    assert not second.done()
    gate.set()
    assert (first.result(), second.result()) == (Reply(204), Reply(204))
    assert len(handler.runs) == 1


@kinds
def test_a_duplicate_takes_over_when_the_first_fails(
    wxpay: Wechatpay, seen: Seen, notice: Notice, kind: str, gate: threading.Event, pool: ThreadPoolExecutor
) -> None:
    """Nothing is lost while it waits."""
    started = threading.Event()

    def fail() -> None:
        started.set()
        assert gate.wait(PATIENCE)
        raise RuntimeError

    receiver = Receiver(wxpay, seen, patience=PATIENCE)
    handler = Handler(fail)
    first = pool.submit(receiver.run, notice.headers, notice.body, handler)
    assert started.wait(PATIENCE)
    second = pool.submit(run, receiver, notice, handler, kind)
    gate.set()
    assert isinstance(first.result(), Reply)
    assert (first.result().status, second.result()) == (500, Reply(204))
    assert len(handler.runs) == 2


@kinds
def test_a_duplicate_does_not_wait_for_ever(wxpay: Wechatpay, seen: Seen, notice: Notice, kind: str) -> None:
    """409 makes WeChat Pay send it again: the first may still fail."""
    held = seen.claim(notice.id)
    handler = Handler()
    answer = run(Receiver(wxpay, seen, patience=0), notice, handler, kind)
    assert (answer.status, json.loads(answer.body)["code"], handler.runs) == (409, "FAIL", [])
    assert held is not None
    held.release()
    assert run(Receiver(wxpay, seen, patience=0), notice, handler, kind) == Reply(204)


@kinds
def test_what_does_not_verify_is_refused(
    wxpay: Wechatpay, seen: Seen, notice: Notice, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """403; the answer names the error, and only the log says which keys there are."""
    handler = Handler()
    forged = notice._replace(headers={**notice.headers, "Wechatpay-Serial": "ABC"})
    answer = run(Receiver(wxpay, seen), forged, handler, kind)
    assert answer == Reply(403, b'{"code": "FAIL", "message": "UnknownSerial"}')
    assert "PUB_KEY_ID" in caplog.records[-1].getMessage()
    assert caplog.records[-1].levelno == logging.WARNING
    assert not handler.runs
    assert seen.claim(notice.id) is not None


@kinds
def test_what_cannot_be_read_is_refused(gateway: Sandbox, notice: Notice, kind: str) -> None:
    """400 for another APIv3 key, 500 for none: that is the receiver's own mistake."""
    handler = Handler()
    for key, status in (("k" * 32, 400), (None, 500)):
        with gateway.client(apiv3_key=key) as wxpay:
            assert run(Receiver(wxpay), notice, handler, kind).status == status
    assert not handler.runs


@kinds
def test_what_breaks_beneath_is_a_server_error(wxpay: Wechatpay, seen: Seen, notice: Notice, kind: str) -> None:
    """A store that is gone must not look like a notification that is refused, nor run the handler."""
    handler = Handler()
    other = sqlite3.connect(seen.path)
    other.execute("DROP TABLE notifications")
    other.close()
    answer = run(Receiver(wxpay, seen), notice, handler, kind)
    assert (answer.status, json.loads(answer.body)) == (500, {"code": "FAIL", "message": "OperationalError"})
    assert not handler.runs


@pytest.mark.parametrize(("wxpay", "seen"), [(None, None), (lambda: None, None), ("client", None)])
def test_a_client_is_needed(wxpay: Any, seen: Any) -> None:
    """A decorator without its parentheses is told so where it stands."""
    with pytest.raises(TypeError, match="wxpay: expected a client"):
        Receiver(wxpay, seen)


def test_a_store_is_a_store(wxpay: Wechatpay) -> None:
    """A path is none."""
    with pytest.raises(TypeError, match=r"seen: expected Seen\(path\)"):
        Receiver(wxpay, "seen.sqlite")  # type: ignore[arg-type]


@pytest.mark.parametrize("patience", ["3", None, -1, float("nan"), float("inf"), True])
def test_patience_is_a_time(wxpay: Wechatpay, patience: Any) -> None:
    """Told where it is given, and not by 500 to each notification."""
    with pytest.raises(errors.ConfigError, match=r"^patience: expected a number between 0 and 1e9, found ") as caught:
        Receiver(wxpay, None, patience)
    assert caught.value.field == "patience"


class Endless(io.RawIOBase):
    """A body without an end, which counts what was read of it."""

    taken = 0

    def read(self, size: int = -1, /) -> bytes:
        self.taken += size
        return b"x" * size


def test_a_body_is_read_to_its_limit() -> None:
    """One MiB is taken, one byte more is not, and nothing beyond that is read."""
    assert len(read(io.BytesIO(b"x" * LIMIT))) == LIMIT
    check_length(LIMIT)
    for none in (None, "", "x", "-1", "1.5", "٣"):
        check_length(none)
    body = Endless()
    for refusing in (
        lambda: read(body),
        lambda: read(io.BytesIO(b"x" * (LIMIT + 1))),
        lambda: check_length(LIMIT + 1),
        lambda: check_length("9" * 5000),
    ):
        with pytest.raises(Refused) as caught:
            refusing()
        assert caught.value.reply.status == 413
    assert body.taken == LIMIT + 1
