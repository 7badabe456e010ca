"""The control API and the pages, as any program and any browser reach them; and the clock."""

from __future__ import annotations

import http.client
import io
import json
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.listener import listening
from tests.sandbox import by_hand, shop
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.cli import main
from wechatpay_chain.cli.console import Console
from wechatpay_chain.sandbox.clock import Clock, parse_time, rfc3339


def placed(gateway: Sandbox, wxpay: Wechatpay, **changes: Any) -> str:
    body = shop.order(gateway, **changes)
    wxpay.v3.pay.transactions.native.post(body)
    return str(body["out_trade_no"])


def test_an_order_is_paid_and_refunded(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """By programs in any language: what there is, what happens to it, and what became of the notices."""
    number = placed(gateway, wxpay)
    assert shop.control(gateway, "GET", "health")[1]["mchid"] == gateway.mchid
    assert shop.control(gateway, "GET", f"orders/{number}")[1]["trade_state"] == "NOTPAY"
    status, paid = shop.control(gateway, "POST", f"orders/{number}/pay", {"openid": "oMine"})
    assert (status, len(paid["transaction_id"])) == (200, 28)
    [listed] = shop.control(gateway, "GET", "orders")[1]["orders"]
    assert (listed["trade_state"], listed["payer"], listed["total"]) == ("SUCCESS", {"openid": "oMine"}, 100)
    back = shop.refund(number, 60, notify_url=shop.NOWHERE)
    wxpay.v3.refund.domestic.refunds.post(back)
    assert shop.control(gateway, "POST", f"refunds/{back['out_refund_no']}/ABNORMAL")[0] == 200
    gateway.notices.wait()
    told = shop.control(gateway, "GET", "notices?limit=1")[1]["notices"]
    assert [(one["event_type"], one["state"], len(one["attempts"])) for one in told] == [
        ("REFUND.ABNORMAL", "waiting", 1)
    ]
    assert shop.control(gateway, "POST", f"notices/{told[0]['id']}/resend")[0] == 200
    gateway.notices.wait()
    assert len(shop.control(gateway, "GET", "notices")[1]["notices"][0]["attempts"]) == 2
    seen = shop.control(gateway, "GET", "requests")[1]["requests"]
    assert seen[0]["target"] == "/v3/refund/domestic/refunds"
    assert json.loads(seen[0]["body"])["out_refund_no"] == back["out_refund_no"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "orders/nobody/pay", {}, 404),
        ("POST", "orders/nobody/pay", [], 400),
        ("POST", "orders/nobody/pay", {"openid": 5}, 400),
        ("GET", "orders/nobody", None, 404),
        ("POST", "refunds/nobody/SUCCESS", {}, 404),
        ("POST", "transfers/nobody/SUCCESS", {}, 404),
        ("POST", "notices/nobody/resend", {}, 404),
        ("POST", "clock", {}, 400),
        ("POST", "clock", {"advance": "x"}, 400),
        ("POST", "clock", {"advance": True}, 400),
        ("POST", "clock", {"factor": -1}, 400),
        ("POST", "clock", {"set": "tomorrow"}, 400),
        # A misspelt filter would find everything, a misplaced id take away everything.
        ("GET", "requests?numbr=T1", None, 400),
        ("GET", "orders?number=T1", None, 400),
        ("GET", "requests?path=/v3/pay?x", None, 400),
        ("GET", "requests?path=" + "*a" * 2000, None, 400),
        ("DELETE", "faults?id=1", None, 400),
        ("POST", "orders/nobody/pay?openid=o", {}, 400),
        ("POST", "reset", {"orders": True}, 400),
        ("POST", "orders/nobody/close", {"reason": "x"}, 400),
        ("POST", "refunds/nobody/success", {}, 404),
        ("GET", "reset", None, 405),
        ("POST", "nothing", {}, 404),
    ],
)
def test_what_cannot_be_done_is_told(gateway: Sandbox, method: str, path: str, body: Any, status: int) -> None:
    """With a code and a sentence."""
    found, told = shop.control(gateway, method, path, body)
    assert found == status
    assert told["code"]
    assert told["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("orders/{}/pay", {"openid": "\ud83d"}),
        ("orders/{}/refund", {"reason": "\ud83d"}),
        ("orders/{}/refund", {"out_refund_no": "a/b c"}),
        ("orders/{}/refund", {"out_refund_no": "R" * 65}),
        ("orders/{}/complain", {"detail": "\ud83d"}),
        ("push", {"event_type": "\ud83d", "url": shop.NOWHERE, "resource": {}}),
        ("clock", {"factor": 2, "set": "tomorrow"}),
        ("clock", {"factor": 2, "set": "2030-01-01T00:00:00+08:00", "advance": "x"}),
    ],
)
def test_what_is_wrong_in_part_changes_nothing(
    gateway: Sandbox, wxpay: Wechatpay, path: str, body: dict[str, Any]
) -> None:
    """It is an argument, and no conflict with what is there."""
    number = placed(gateway, wxpay)
    if "pay" not in path:
        gateway.pay(number)
    before = shop.control(gateway, "GET", "orders")[1]
    status, told = shop.control(gateway, "POST", path.format(number), body)
    assert (status, told["code"]) == (400, "PARAM_ERROR")
    assert shop.control(gateway, "GET", "orders")[1] == before
    assert (gateway.clock.factor, abs(gateway.clock.now() - time.time()) < 60) == (1, True)


def test_a_state_that_is_none_is_named(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """By what it was written as."""
    number = placed(gateway, wxpay)
    gateway.pay(number)
    back = shop.control(gateway, "POST", f"orders/{number}/refund", {"amount": 1})[1]["out_refund_no"]
    status, told = shop.control(gateway, "POST", f"refunds/{back}/success")
    assert (status, "cannot become 'success'" in told["message"]) == (409, True)


def test_a_web_page_of_another_origin_can_do_nothing(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """A form, a foreign Origin, and a name that was made to point here are refused."""
    number = placed(gateway, wxpay)
    path = f"orders/{number}/pay"
    port = urlsplit(gateway.base_url).port
    assert shop.control(gateway, "POST", path, **{"Content-Type": "text/plain"})[0] == 415
    assert shop.control(gateway, "POST", path, Origin="https://evil.example")[0] == 403
    assert shop.control(gateway, "POST", path, Origin="null")[0] == 403
    assert shop.control(gateway, "POST", path, Host=f"evil.example:{port}")[0] == 403
    assert shop.control(gateway, "GET", "orders", Host=f"evil.example:{port}")[0] == 403
    assert shop.query(wxpay, gateway, number)["trade_state"] == "NOTPAY"
    assert shop.control(gateway, "POST", path, Origin=gateway.base_url)[0] == 200


def page(gateway: Sandbox, target: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
    """Status, text and Location of a page."""
    parts = urlsplit(gateway.base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request(method, target, headers=headers)
    answer = connection.getresponse()
    told = answer.status, answer.read().decode(), answer.headers.get("Location", "")
    connection.close()
    return told


def test_a_click_pays(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The page behind code_url after its scheme, and h5_url as it is; paid once."""
    body = shop.order(gateway, description="<b>茶</b>")
    code_url = wxpay.v3.pay.transactions.native.post(body).data["code_url"]
    assert code_url.startswith("weixin://wxpay/bizpayurl?pr=")
    target = code_url.removeprefix("weixin:/")
    status, text, _ = page(gateway, target)
    assert (status, "¥1.00" in text, "&lt;b&gt;茶" in text, "<b>" in text) == (200, True, True, False)
    assert page(gateway, target, "POST", Origin="https://evil.example")[0] == 403
    assert page(gateway, target, "POST")[0] == 200
    assert shop.query(wxpay, gateway, body["out_trade_no"])["trade_state"] == "SUCCESS"
    assert page(gateway, target, "POST")[0] == 409
    h5 = shop.order(gateway, "h5")
    h5_url = wxpay.v3.pay.transactions.h5.post(h5).data["h5_url"]
    assert h5_url.startswith(gateway.base_url)
    target = h5_url.removeprefix(gateway.base_url)
    assert page(gateway, target)[0] == 200
    back = page(gateway, f"{target}&redirect_url=https%3A%2F%2Fshop.example%2Fdone", "POST")
    assert (back[0], back[2]) == (303, "https://shop.example/done")
    assert page(gateway, "/wxpay/bizpayurl?pr=nobody")[0] == 404
    assert page(gateway, "/wxpay/bizpayurl")[0] == 404


def test_a_page_grows_old(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """h5_url after five minutes, code_url after two hours or when another was asked for."""
    h5, native = shop.order(gateway, "h5"), shop.order(gateway)
    old = wxpay.v3.pay.transactions.h5.post(h5).data["h5_url"].removeprefix(gateway.base_url)
    code = wxpay.v3.pay.transactions.native.post(native).data["code_url"].removeprefix("weixin:/")
    gateway.advance(301)
    assert (page(gateway, old)[0], page(gateway, old, "POST")[0], page(gateway, code)[0]) == (404, 404, 200)
    new = wxpay.v3.pay.transactions.h5.post(h5).data["h5_url"].removeprefix(gateway.base_url)
    assert page(gateway, new)[0] == 200
    gateway.advance(7200)
    wxpay.v3.pay.transactions.native.post(native)
    assert page(gateway, code)[0] == 404


def test_the_clock_is_the_sandboxs(gateway: Sandbox) -> None:
    """Stopped, fast, set, moved and moved back; what cannot be is refused."""
    machine = [1000.0]
    clock = Clock(1, lambda: machine[0], 5000.0)
    machine[0] += 10
    assert clock.now() == 5010
    clock.factor = 60
    machine[0] += 10
    assert clock.now() == 5610
    assert clock.wait_for(6210) == 10
    clock.factor = 0
    machine[0] += 10
    assert (clock.now(), clock.wait_for(5611), clock.wait_for(5610)) == (5610, None, 0)
    clock.advance(-610)
    assert clock.now() == 5000
    clock.set("2026-11-25T10:00:00+08:00")
    assert rfc3339(clock.now()) == "2026-11-25T10:00:00+08:00"
    for wrong in (float("nan"), float("inf"), "x", True, None):
        with pytest.raises(errors.ConfigError):
            clock.advance(wrong)  # type: ignore[arg-type]
    assert parse_time("2026-11-25T02:00:00Z") == clock.now()
    assert [parse_time(text) for text in ("2026-11-25", "2026-11-25T10:00:00", "", "x")] == [None] * 4


def test_a_fast_clock_does_what_is_due(wxpay: Wechatpay) -> None:
    """Sixty seconds in one: nobody asks, and the refund has ended."""
    with Sandbox(clock=60) as gateway, gateway.client() as own:
        number = placed(gateway, own)
        gateway.pay(number)
        back = shop.refund(number, 1)
        own.v3.refund.domestic.refunds.post(back)
        end = time.monotonic() + 20
        ask = "SELECT status FROM refunds"
        while gateway.world.store.all(ask)[0]["status"] != "SUCCESS" and time.monotonic() < end:
            gateway.notices.wait(0.01)
        assert gateway.world.store.all(ask)[0]["status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"clock": -1}, "clock"),
        ({"clock": "x"}, "clock"),
        ({"pay_after": -1}, "pay_after"),
        ({"refund_after": "x"}, "refund_after"),
        ({"mchid": "a b"}, "mchid"),
        ({"mchid": "１９００００"}, "mchid"),
        ({"mchid": True}, "mchid"),
        ({"port": "8080"}, "port"),
        ({"port": 1.5}, "port"),
        ({"port": True}, "port"),
        ({"port": 65536}, "port"),
        ({"proxy": "8443"}, "proxy"),
        ({"proxy": 65536}, "proxy"),
        ({"host": 5}, "host"),
        ({"host": ""}, "host"),
        ({"tls": "yes"}, "tls"),
        ({"directory": ""}, "directory"),
        ({"directory": 5}, "directory"),
        ({"directory": "a\0b"}, "directory"),
        ({"directory": "~nobody-of-this-name/pay"}, "directory"),
        ({"database": ""}, "database"),
        ({"database": b"x"}, "database"),
        ({"host": "0.0.0.0", "token": 5}, "token"),
        ({"bill_rows": "1"}, "bill_rows"),
        ({"faults": "SLOW"}, "faults"),
        ({"faults": [5]}, "faults"),
    ],
)
def test_a_sandbox_that_cannot_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], field: str
) -> None:
    """Before it serves, by the option's name, and no file is made."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.ConfigError) as caught:
        Sandbox(**options)
    assert (caught.value.field, str(caught.value).partition(":")[0]) == (field, field)
    assert list(tmp_path.iterdir()) == []


def test_a_number_is_taken_as_its_digits() -> None:
    """As the client takes it."""
    with Sandbox(mchid=1900000109) as gateway:
        assert gateway.mchid == "1900000109"


def run(*argv: str, **environment: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = main(("sandbox", *argv), Console(io.StringIO(), out, err, environment))
    return status, out.getvalue(), err.getvalue()


def test_a_shell_steers_a_sandbox_that_runs(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """By its URL, or by the environment that it printed."""
    number, own = placed(gateway, wxpay), {"WECHATPAY_BASE_URL": gateway.base_url}
    status, out, err = run("pay", number, "--openid", "oMine", **own)
    assert (status, err, json.loads(out)["out_trade_no"]) == (0, "", number)
    back = shop.refund(number, 1)
    wxpay.v3.refund.domestic.refunds.post(back)
    assert run("refund", back["out_refund_no"], "success", "--url", gateway.base_url)[0] == 0
    before = gateway.clock.now()
    assert run("advance", "3600", **own)[0] == 0
    assert gateway.clock.now() - before >= 3600
    gateway.advance(-3600)
    status, out, _ = run("log", **own)
    assert out.splitlines()[0] == "POST /v3/refund/domestic/refunds 200 ok"
    for argv, expected, words in (
        (("pay", number), 4, "409 CONFLICT"),
        (("pay", "nobody"), 4, "404 NOT_FOUND"),
        (("transfer", "nobody", "FAIL"), 4, "404"),
        (("payscore", "nobody", "DOING"), 4, "404"),
        (("applyment", "nobody", "REJECTED", "--reason", "x"), 4, "404"),
        (("complain", "nobody", "--detail", "x"), 4, "404"),
        (("pay",), 2, "NO"),
        (("advance", "x"), 2, "S"),
        (("pay", "."), 2, "NO: expected"),
        (("pay", ".."), 2, "NO: expected"),
        (("resend", ""), 2, "ID: expected"),
        (("refund", "1", ""), 2, "STATE: expected"),
        (("fault", "--method", "GET"), 2, "NAME: missing"),
        (("fault", "SLOW", "--clear"), 2, "--clear"),
        (("pay", "1", "--url", "http://127.0.0.1:9"), 7, "no sandbox answers"),
    ):
        status, _, err = run(*argv, **own)
        assert (status, words in err, err.count("\n")) == (expected, True, 1)
    assert run("reset", **own)[0] == 0
    assert len(gateway.requests) == 0
    status, _, err = run("pay", "1")
    assert (status, "WECHATPAY_BASE_URL: not set" in err) == (8, True)


def test_a_reset_forgets_everything(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Every table but what is kept: no product can be forgotten."""
    number = placed(gateway, wxpay)
    gateway.pay(number)
    gateway.notices.wait()
    gateway.reset()
    tables = gateway.world.store.all("SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite_%'")
    full = [row["name"] for row in tables if gateway.world.store.all(f"SELECT 1 FROM {row['name']} LIMIT 1")]
    assert full in ([], ["kept"])
    with requests.Session() as session:
        assert session.get(f"{gateway.base_url}/_/orders", timeout=10).json() == {"orders": []}


def test_a_reset_forgets_what_is_on_its_way(gateway: Sandbox) -> None:
    """A request of before neither leaves an order nor counts as one of after, whenever it ends."""
    body = by_hand.order(gateway, shop.number())
    slow = gateway.fault("SLOW", seconds=0.1)
    request = by_hand.request(gateway, "POST", by_hand.NATIVE, body)
    with by_hand.connected(gateway) as connection:
        connection.sendall(request)
        deadline = time.monotonic() + 10
        while slow.used == 0 and time.monotonic() < deadline:
            threading.Event().wait(0.001)
        gateway.world.settings.close_wait = 5
        gateway.reset()
        assert connection.recv(1) == b""
    assert slow.used == 1
    assert (list(gateway.requests), len(gateway.journal)) == ([], 0)
    assert shop.control(gateway, "GET", "orders")[1] == {"orders": []}
    assert gateway.world.settings.close_wait == 0


@pytest.mark.parametrize("body", [b"[]", b"{}", b'"x"', b"null", b"5", b"<html>"])
@pytest.mark.parametrize("status", [200, 404])
def test_another_server_is_no_sandbox(status: int, body: bytes) -> None:
    """Nothing was paid there, whatever it says, and the command ends with 7."""
    commands: list[tuple[str, ...]] = [("pay", "1"), ("log",), ("fault",), ("push", "X", "--to", "http://a.example/")]
    with listening() as server:
        for argv in commands:
            server.answers = [(status, body)]
            code, out, err = run(*argv, "--url", server.url)
            assert (code, out, "no sandbox answers at" in err, err.count("\n")) == (7, "", True, 1), argv
