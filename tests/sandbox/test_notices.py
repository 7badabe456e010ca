"""Notices that come by themselves: of what they tell, on which schedule, and what a receiver that is down costs."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.listener import Listener, listening
from tests.openssl import verified
from tests.sandbox import shop
from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.sandbox import outbox
from wechatpay_chain.sandbox.outbox import Outbox
from wechatpay_chain.sandbox.push import SCHEDULE


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as server:
        yield server


@pytest.fixture
def frozen() -> Iterator[Sandbox]:
    """A sandbox whose clock stands still."""
    with Sandbox(clock=0) as gateway:
        yield gateway


def paid(gateway: Sandbox, url: str) -> str:
    with gateway.client() as wxpay:
        body = shop.order(gateway, "jsapi", notify_url=url, attach="附")
        wxpay.v3.pay.transactions.jsapi.post(body)
    gateway.pay(body["out_trade_no"])
    return str(body["out_trade_no"])


def test_a_payment_is_told_with_its_own_fields(gateway: Sandbox, wxpay: Wechatpay, listener: Listener) -> None:
    """As the query tells it; openssl verifies the signature."""
    number = paid(gateway, listener.url)
    assert gateway.notices.wait()
    [(headers, body)] = listener.received
    keys = {gateway.identity.public_key_id: gateway.identity.public_key.public_key()}
    text = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"
    assert verified(text, headers["Wechatpay-Signature"], keys[headers["Wechatpay-Serial"]])
    read = wxpay.notification(headers, body)
    assert read.event_type == "TRANSACTION.SUCCESS"
    assert read.resource == shop.query(wxpay, gateway, number)
    assert (read.resource["attach"], read.resource["payer"]) == ("附", {"openid": "oPayer"})
    [sent] = gateway.notices
    assert (sent.id, sent.accepted, sent.url, sent.resource) == (read.id, True, listener.url, read.resource)
    assert [(done.status, done.accepted) for done in sent.attempts] == [(204, True)]


def test_a_partner_and_a_combined_order_are_told_as_they_are(
    gateway: Sandbox, wxpay: Wechatpay, listener: Listener
) -> None:
    """One notice for all parts of a combined order."""
    body, whole = shop.partner(gateway, notify_url=listener.url), shop.combined(gateway, notify_url=listener.url)
    wxpay.v3.pay.partner.transactions.native.post(body)
    wxpay.v3.combineTransactions.native.post(whole)
    gateway.pay(body["out_trade_no"])
    gateway.pay(whole["combine_out_trade_no"])
    assert gateway.notices.wait()
    told = [wxpay.notification(*received).resource for received in listener.received]
    by_number = {each.get("out_trade_no", each.get("combine_out_trade_no")): each for each in told}
    assert by_number[body["out_trade_no"]]["sp_mchid"] == gateway.mchid
    assert [part["trade_state"] for part in by_number[whole["combine_out_trade_no"]]["sub_orders"]] == ["SUCCESS"] * 2


@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
def test_apiv2_is_told_in_xml(gateway: Sandbox, wxpay: Wechatpay, listener: Listener, sign_type: str) -> None:
    """Signed as the order was."""
    fields = shop.v2(gateway, notify_url=listener.url, sign_type=sign_type, attach="附")
    wxpay.v2.pay.unifiedorder.post(fields)
    transaction_id = gateway.pay(fields["out_trade_no"])
    assert gateway.notices.wait()
    read = wxpay.notification_v2(listener.received[0][1])
    assert (read["out_trade_no"], read["transaction_id"]) == (fields["out_trade_no"], transaction_id)
    assert (read["total_fee"], read["attach"], read["result_code"]) == ("100", "附", "SUCCESS")


def test_what_is_refused_comes_again_on_the_schedule(frozen: Sandbox, listener: Listener) -> None:
    """By the sandbox's clock, the same body, signed anew; after the last pause it is given up."""
    listener.answers = [(500, b"no")]
    paid(frozen, listener.url)
    assert frozen.notices.wait()
    start, count = frozen.clock.now(), 1
    for pause in SCHEDULE:
        frozen.advance(pause - 1)
        assert frozen.notices.wait()
        assert len(listener.received) == count
        frozen.advance(1)
        assert frozen.notices.wait()
        count += 1
        assert len(listener.received) == count
    frozen.advance(10**6)
    assert frozen.notices.wait()
    [sent] = frozen.notices
    assert (sent.state, sent.due, len(sent.attempts)) == ("given up", None, 16)
    assert [round(done.at - start) for done in sent.attempts] == [sum(SCHEDULE[:number]) for number in range(16)]
    assert {done.told for done in sent.attempts} == {"no"}
    assert len({body for _, body in listener.received}) == 1
    assert len({headers["Wechatpay-Signature"] for headers, _ in listener.received}) == 16
    # Freshness goes by the machine's clock, whatever the sandbox's says.
    assert all(abs(int(headers["Wechatpay-Timestamp"]) - time.time()) < 300 for headers, _ in listener.received)


def test_a_day_that_passes_at_once_has_all_its_attempts(frozen: Sandbox, listener: Listener) -> None:
    """In their order, until one is accepted."""
    listener.answers = [(500, b""), (403, b""), (302, b""), (204, b"")]
    paid(frozen, listener.url)
    frozen.advance(2 * 86_400)
    assert frozen.notices.wait()
    [sent] = frozen.notices
    assert [done.status for done in sent.attempts] == [500, 403, 302, 204]
    assert sent.accepted


def test_a_receiver_that_is_down_costs_attempts(
    monkeypatch: pytest.MonkeyPatch, frozen: Sandbox, listener: Listener
) -> None:
    """One that hangs holds nobody up: neither payers nor other receivers; another is asked meanwhile."""
    monkeypatch.setattr("wechatpay_chain.sandbox.push._PATIENCE", 60)
    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as deaf:
        silent = f"http://127.0.0.1:{deaf.getsockname()[1]}/notify"
        for _ in range(6):
            paid(frozen, silent)
        paid(frozen, "http://127.0.0.1:9/notify")
        number = paid(frozen, listener.url)
        end = time.monotonic() + 30
        while not listener.received and time.monotonic() < end:
            frozen.notices.wait(0.05)
        assert listener.received, "a receiver that hangs held up another"
        assert [len(sent.attempts) for sent in frozen.notices if sent.url == silent] == [0] * 6
    # Those that hung have failed with their receiver, and come again by the clock, which stands still.
    assert frozen.notices.wait()
    with frozen.client() as wxpay:
        assert wxpay.notification(*listener.received[0]).resource["out_trade_no"] == number
    down = next(sent for sent in frozen.notices if sent.url == "http://127.0.0.1:9/notify")
    assert down.attempts[0].status == 0
    assert down.attempts[0].told.startswith("ConnectionError")


@pytest.mark.parametrize(
    "url", ["https://pay.weixin.qq.com/notify", "https://shop.example/notify", "http://example.com/"]
)
def test_nobody_is_told_at_a_name_of_documentation(gateway: Sandbox, wxpay: Wechatpay, url: str) -> None:
    """Nothing leaves for WeChat Pay itself, nor for names that nobody has."""
    body = shop.order(gateway, notify_url=url)
    wxpay.v3.pay.transactions.native.post(body)
    gateway.pay(body["out_trade_no"])
    assert gateway.notices.wait()
    assert [(done.status, done.told[:8]) for done in gateway.notices[0].attempts] == [(0, "not sent")]


def test_payment_codes_have_no_notice(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Their answer tells it; nor does a close."""
    till: dict[str, Any] = {"payer": {"auth_code": "134567890123456700"}, "scene_info": {"store_info": {"id": "1"}}}
    wxpay.v3.pay.transactions.codepay.post(shop.order(gateway, notify_url=..., **till))
    body = shop.order(gateway)
    wxpay.v3.pay.transactions.native.post(body)
    wxpay.v3.pay.transactions.outTradeNo._no_.close.post({"mchid": gateway.mchid}, no=body["out_trade_no"])
    assert len(gateway.notices) == 0


def test_an_example_that_is_refused_is_left_to_the_outbox(frozen: Sandbox, listener: Listener) -> None:
    """A push tells of its first attempt and returns; the rest comes by the sandbox's clock."""
    listener.answers = [(500, b""), (204, b"")]
    done = frozen.push("REFUND.SUCCESS", notify_url=listener.url)
    assert (done.accepted, done.status, len(done.tries)) == (False, 500, 1)
    frozen.advance(15)
    assert frozen.notices.wait()
    [sent] = frozen.notices
    assert (sent.id, sent.accepted, len(sent.attempts)) == (done.id, True, 2)
    assert sent.resource["mchid"] == frozen.mchid


def test_what_a_notice_tells_is_there(gateway: Sandbox, wxpay: Wechatpay, listener: Listener) -> None:
    """The complaint that was pushed can be asked for."""
    complaints = wxpay.v3.merchantService.complaintsV2._complaint_id_
    gateway.push("COMPLAINT.CREATE", notify_url=listener.url)
    told = wxpay.notification(*listener.received[0]).resource
    assert complaints.get(complaint_id=told["complaint_id"]).data["complaint_id"] == told["complaint_id"]


def test_notices_go_on_after_an_error_of_the_database(
    gateway: Sandbox, wxpay: Wechatpay, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More errors than there are threads end none of them; each notice is sent until it could be written down."""
    left = [None] * 12
    note = Outbox._note

    def fail(self: Outbox, *arguments: Any) -> None:
        if left:
            left.pop()
            raise sqlite3.OperationalError("database or disk is full")
        note(self, *arguments)

    monkeypatch.setattr(outbox, "_AFTER_ERROR", 0.001)
    monkeypatch.setattr(Outbox, "_note", fail)
    paid(gateway, listener.url)
    assert gateway.notices.wait()
    assert ([notice.accepted for notice in gateway.notices], left) == ([True], [])
    assert len(listener.received) == 13
