"""Each framework in server processes of its own, to which the sandbox pushes."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from fastapi import FastAPI
from fastapi.exceptions import FastAPIError
from flask import Flask, Response
from werkzeug import wrappers
from werkzeug.exceptions import NotFound

from tests.answers import another_key
from tests.receivers.returned import RETURNED
from tests.servers import COMMANDS, ROOT, Server, serving
from wechatpay_chain import Notification, Sandbox, Wechatpay
from wechatpay_chain.sandbox.events import events
from wechatpay_chain.sandbox.examples import own_merchant
from wechatpay_chain.sandbox.push import Notice, Pusher, Try
from wechatpay_chain.web import flask
from wechatpay_chain.web.fastapi import receive
from wechatpay_chain.web.receiver import LIMIT


class Shop(NamedTuple):
    """Two processes of one framework, which share a store, and what their handlers noted down."""

    framework: str
    gateway: Sandbox
    servers: tuple[Server, Server]
    folder: Path

    def runs(self, identifier: str) -> list[dict[str, Any]]:
        lines = (self.folder / "runs.jsonl").read_text().splitlines()
        return [run for run in map(json.loads, lines) if run["id"] == identifier]

    def post(self, notice: Notice, path: str = "/notify", server: int = 0) -> requests.Response:
        url = self.servers[server].url(path)
        return requests.post(url, data=notice.body, headers=notice.headers, timeout=20)


@pytest.fixture(scope="module", params=COMMANDS)
def shop(request: pytest.FixtureRequest, served: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "runs.jsonl").touch()
    environment = {**served.environment(), "RECEIVER_FOLDER": str(folder)}
    command = COMMANDS[request.param]
    with (
        serving(command, environment, folder / "first.log") as first,
        serving(command, environment, folder / "second.log") as second,
    ):
        yield Shop(request.param, served, (first, second), folder)


def test_every_type_arrives(shop: Shop) -> None:
    """All sixty, verified and decrypted, each handled once."""
    with ThreadPoolExecutor(4) as pool:
        urls = [shop.servers[number % 2].url() for number in range(len(events()))]
        done = list(pool.map(lambda type_, url: shop.gateway.push(type_, notify_url=url, schedule=()), events(), urls))
    assert [one.tries[0].status for one in done] == [204] * 60
    assert [one.tries[0].told for one in done] == [""] * 60
    for event, delivery in zip(events().values(), done, strict=True):
        [run] = shop.runs(delivery.id)
        assert (run["type"], run["resource"]) == (event.event_type, own_merchant(event.resource, shop.gateway.mchid))
    assert len({shop.runs(delivery.id)[0]["pid"] for delivery in done}) == 2


def tampered(notice: Notice, _: Sandbox) -> Notice:
    return notice._replace(body=notice.body.replace(b"{", b"{ ", 1))


def probed(notice: Notice, _: Sandbox) -> Notice:
    signature = "WECHATPAY/SIGNTEST/" + notice.headers["Wechatpay-Signature"]
    return notice._replace(headers={**notice.headers, "Wechatpay-Signature": signature})


def by_clock(offset: int) -> Callable[[Notice, Sandbox], Notice]:
    return lambda notice, gateway: gateway.pusher(clock=lambda: time.time() + offset).sign_notice(
        notice.id, notice.body
    )


def forged(notice: Notice, gateway: Sandbox) -> Notice:
    identity = gateway.identity
    return Pusher(identity.apiv3_key, identity.public_key_id, another_key()).sign_notice(notice.id, notice.body)


def unknown(notice: Notice, gateway: Sandbox) -> Notice:
    return Pusher(gateway.identity.apiv3_key, "PUB_KEY_ID_0", another_key()).sign_notice(notice.id, notice.body)


def otherwise_encrypted(_: Notice, gateway: Sandbox) -> Notice:
    return Pusher("k" * 32, gateway.identity.public_key_id, gateway.identity.public_key).notice("REFUND.SUCCESS")


WRONG: dict[str, tuple[Callable[[Notice, Sandbox], Notice], int, str]] = {
    "tampered": (tampered, 403, "SignatureMismatch"),
    "stale": (by_clock(-301), 403, "ClockOffset"),
    "from the future": (by_clock(302), 403, "ClockOffset"),
    "SIGNTEST": (probed, 403, "SignatureProbe"),
    "of another key": (forged, 403, "SignatureMismatch"),
    "of an unknown key": (unknown, 403, "UnknownSerial"),
    "unsigned": (lambda notice, _: notice._replace(headers={}), 403, "HeadersIncomplete"),
    "empty": (lambda notice, _: notice._replace(body=b""), 403, "SignatureMismatch"),
    "otherwise encrypted": (otherwise_encrypted, 400, "DecryptionError"),
    "no notification": (lambda notice, gateway: gateway.pusher().sign_notice(notice.id, b"[]"), 400, "DecryptionError"),
    "at the limit": (lambda notice, _: notice._replace(body=b"x" * LIMIT), 403, "SignatureMismatch"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_verify_is_refused(shop: Shop, name: str) -> None:
    """4xx in WeChat Pay's shape, and the handler is not run."""
    change, status, told = WRONG[name]
    wrong = change(shop.gateway.pusher().notice("TRANSACTION.SUCCESS"), shop.gateway)
    before = (shop.folder / "runs.jsonl").stat().st_size
    answer = shop.post(wrong)
    assert (answer.status_code, answer.json()) == (status, {"code": "FAIL", "message": told})
    assert answer.headers["Content-Type"] == "application/json"
    assert (shop.folder / "runs.jsonl").stat().st_size == before


def answer_to(server: Server, head: str, *blocks: bytes) -> bytes:
    """What a server says to a request that is never finished."""
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(f"POST /notify HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n\r\n".encode())
        for block in blocks:
            connection.sendall(block)
        said = b""
        while not said.endswith(b"}"):
            said += connection.recv(4096)
        return said


def test_a_large_body_is_refused_before_it_is_read(shop: Shop) -> None:
    """By its declared length, with no byte of it sent; and one of no declared length once it is too long."""
    said = answer_to(shop.servers[0], f"Content-Length: {LIMIT + 1}")
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b'{"code": "FAIL", "message": "body: 1048577 bytes' in said
    block = b"%x\r\n%b\r\n" % (1 << 16, b"x" * (1 << 16))
    said = answer_to(shop.servers[0], "Transfer-Encoding: chunked", *[block] * 17)
    assert said.startswith(b"HTTP/1.1 413 ")


def test_a_body_in_chunks_is_read(shop: Shop) -> None:
    """A proxy may forward it so."""
    notice = shop.gateway.pusher().notice("REFUND.SUCCESS")
    parts = iter([notice.body[:100], notice.body[100:]])
    answer = requests.post(shop.servers[0].url(), data=parts, headers=notice.headers, timeout=20)
    assert (answer.status_code, len(shop.runs(notice.id))) == (204, 1)


def test_a_duplicate_is_not_handled_again(shop: Shop) -> None:
    """204 from either process."""
    notice = shop.gateway.pusher().notice("TRANSACTION.SUCCESS")
    answers = [shop.post(notice, server=number % 2) for number in range(4)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 4
    assert len(shop.runs(notice.id)) == 1


def test_ten_at_once_in_two_processes_run_one_handler(shop: Shop) -> None:
    """Five to each, all answered 204."""
    notice = shop.gateway.pusher().notice("TRANSACTION.SUCCESS")
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda number: shop.post(notice, server=number % 2), range(10)))
    assert [answer.status_code for answer in answers] == [204] * 10
    assert len(shop.runs(notice.id)) == 1


def test_a_handler_that_raised_runs_again_on_the_resend(shop: Shop) -> None:
    """500 in WeChat Pay's shape, then 204; what it wrote before is undone where the framework undoes it."""
    wanted = {"do": "fail"}
    done = shop.gateway.push("X.Y", wanted, notify_url=shop.servers[0].url(), schedule=(0, 0))
    assert [one.status for one in done.tries] == [500, 204]
    assert json.loads(done.tries[0].told) == {"code": "FAIL", "message": "the handler failed"}
    assert len(shop.runs(done.id)) == 2
    if shop.framework == "django":
        connection = sqlite3.connect(shop.folder / "django.sqlite")
        assert connection.execute("SELECT count(*) FROM orders WHERE id = ?", (done.id,)).fetchone() == (1,)
        connection.close()


def test_a_duplicate_is_not_told_204_while_the_handler_runs(shop: Shop) -> None:
    """409 after a while from the other process; 204 once the first has succeeded."""
    with socket.create_server(("127.0.0.1", 0)) as door, ThreadPoolExecutor(1) as pool:
        wanted = {"do": "wait", "port": door.getsockname()[1]}
        notice = shop.gateway.pusher().notice("X.Y", wanted)
        first = pool.submit(shop.post, notice, "/hasty", 0)
        handler, _ = door.accept()
        with handler:
            assert shop.post(notice, "/hasty", 1).status_code == 409
            assert not first.done()
        assert first.result().status_code == 204
    assert shop.post(notice, "/hasty", 1).status_code == 204
    assert len(shop.runs(notice.id)) == 1


def test_a_handler_may_answer_itself(shop: Shop) -> None:
    """A failure goes out as it is, success is 204; parts of the route reach the handler."""
    for status, expected in ((200, 204), (302, 204), (400, 400), (503, 503)):
        answer = shop.post(shop.gateway.pusher().notice("REFUND.SUCCESS"), f"/answers/{status}")
        assert answer.status_code == expected
        assert expected == 204 or answer.json() == {"own": "answer"}


def test_an_asynchronous_handler_runs_once_too(shop: Shop) -> None:
    """In Flask and Django as well, and in Starlette without FastAPI."""
    notice = shop.gateway.pusher().notice("REFUND.SUCCESS")
    assert [shop.post(notice, "/later", number).status_code for number in (0, 1)] == [204, 204]
    assert len(shop.runs(notice.id)) == 1
    assert shop.post(tampered(notice, shop.gateway), "/later").status_code == 403


@pytest.mark.parametrize("path", ["/wrapped", "/object"])
def test_nothing_counts_as_handled_before_it_is_done(shop: Shop, path: str) -> None:
    """An async function in disguise runs, or fails with words in the log; it is never answered 204 unrun."""
    notice = shop.gateway.pusher().notice("TRANSACTION.SUCCESS")
    statuses = [shop.post(notice, path, number).status_code for number in (0, 1)]
    is_run = path == "/object" or shop.framework == "fastapi"
    assert statuses == ([204, 204] if is_run else [500, 500])
    assert len(shop.runs(notice.id)) == is_run
    if not is_run:
        assert "the handler returned a coroutine, whose work is not done" in (shop.folder / "first.log").read_text()


@pytest.mark.parametrize("shop", ["fastapi"], indirect=True)
def test_what_is_left_to_the_background_is_done_before_204(shop: Shop) -> None:
    """A Response of Starlette may carry work that would be lost with it."""
    failing = shop.gateway.pusher().notice("X.Y", {"do": "fail"})
    assert [shop.post(failing, "/background").status_code for _ in range(3)] == [500, 204, 204]
    assert len(shop.runs(failing.id)) == 2


@pytest.mark.parametrize("kind", RETURNED)
def test_what_a_handler_returns_is_no_failure(shop: Shop, kind: str) -> None:
    """Whatever it is, if it is no failing answer of the framework."""
    notice = shop.gateway.pusher().notice("TRANSACTION.SUCCESS")
    assert [shop.post(notice, f"/returns/{kind}", number).status_code for number in (0, 1)] == [204, 204]
    assert len(shop.runs(notice.id)) == 1


FAILURES: dict[str, tuple[object, int]] = {
    "status": (("no", 409), 409),
    "status with words": (("no", "503 Busy"), 503),
    "status and headers": (({"own": "answer"}, 400, {"X-Own": "1"}), 400),
    "response": (Response("no", 418), 418),
    "of Werkzeug": (wrappers.Response("no", 422), 422),
    "exception of Werkzeug": (NotFound(), 404),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_what_flask_makes_an_answer_of(gateway: Sandbox, wxpay: Wechatpay, name: str) -> None:
    """In any form in which a view may answer one."""
    result, status = FAILURES[name]
    app = Flask(__name__)

    def notify(notification: Notification) -> object:
        return result

    app.post("/notify")(flask.receive(wxpay)(notify))
    notice = gateway.pusher().notice("TRANSACTION.SUCCESS")
    answer = app.test_client().post("/notify", data=notice.body, headers=notice.headers)
    assert answer.status_code == status


def test_another_method_is_not_received(shop: Shop) -> None:
    """A browser that looks there is told nothing, and nothing runs."""
    assert requests.get(shop.servers[0].url(), timeout=20).status_code in (403, 405)


@pytest.mark.slow
def test_a_push_waits_for_its_schedule(shop: Shop) -> None:
    """With the true clock, one second apart."""
    tries: list[Try] = []
    pusher = shop.gateway.pusher()
    for one in pusher.tries(pusher.notice("X.Y", {"do": "fail"}), shop.servers[0].url(), (1, 1)):
        tries.append(one)
    assert [one.status for one in tries] == [500, 204]
    assert tries[1].at - tries[0].at >= 1


@pytest.mark.slow
def test_a_thousand_at_once_are_each_handled_once(shop: Shop) -> None:
    """Every one of them sent twice, by many senders, to both processes."""
    notices = [shop.gateway.pusher().notice("REFUND.SUCCESS") for _ in range(500)]
    with ThreadPoolExecutor(16) as pool:
        sent = [(notice, number) for notice in notices for number in (0, 1)]
        answers = list(pool.map(lambda item: shop.post(item[0], server=item[1]).status_code, sent))
    assert answers == [204] * 1000
    assert [len(shop.runs(notice.id)) for notice in notices] == [1] * 500


@pytest.mark.parametrize("is_flipped", [False, True])
def test_no_framework_makes_a_notification_of_a_body(wxpay: Wechatpay, is_flipped: bool) -> None:
    """Without ``receive``, or with it on the wrong side, FastAPI would fill the argument with what anybody sent."""

    def notify(notification: Notification) -> None:
        """Must not run."""

    route = FastAPI().post("/notify")
    with pytest.raises(FastAPIError, match="Notification"):
        receive(wxpay)(route(notify)) if is_flipped else route(notify)
    assert not is_dataclass(Notification)


def test_what_anybody_could_fill_is_refused(wxpay: Wechatpay) -> None:
    """A parameter without the annotation is one of the query to FastAPI, and so is one of another."""

    def bare(notification):  # type: ignore[no-untyped-def]
        """Must not run."""

    def text(notification: str) -> None:
        """Must not run."""

    app = FastAPI()
    for notify in (bare, text):
        with pytest.raises(TypeError, match=f"^{notify.__name__}: annotate notification as Notification; "):
            receive(wxpay)(app.post("/notify")(notify))


def test_a_framework_is_imported_by_its_own_module_alone() -> None:
    """Whoever receives without one, or with another one, needs none of them."""
    script = "import sys; import wechatpay_chain.web, wechatpay_chain.sandbox, wechatpay_chain.client;"
    script += "assert not {'flask', 'django', 'starlette', 'fastapi'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
