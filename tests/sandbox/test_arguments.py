"""What a program gives a sandbox by Python: wrong values are told before anything is done, unknown numbers by name."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox import shop
from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.errors import ArgumentError, ConfigError
from wechatpay_chain.sandbox import PaymentRefused, UnknownNumber


def anything(*values: Any) -> tuple[Any, ...]:
    """Values of any type, for arguments that have one."""
    return values


ACTIONS: dict[str, tuple[Callable[[Sandbox, Any], object], str]] = {
    "pay": (lambda gateway, number: gateway.pay(number), "order"),
    "close_order": (lambda gateway, number: gateway.close_order(number), "order"),
    "ask_refund": (lambda gateway, number: gateway.ask_refund(number), "order"),
    "complain": (lambda gateway, number: gateway.complain(number), "order"),
    "refund": (lambda gateway, number: gateway.refund(number), "refund"),
    "transfer": (lambda gateway, number: gateway.transfer(number), "transfer"),
    "payscore": (lambda gateway, number: gateway.payscore(number, "DOING"), "PayScore order"),
    "applyment": (lambda gateway, number: gateway.applyment(number, "REJECTED"), "application"),
}
NO_NUMBERS: list[Any] = ["", None, True, 1.5, b"NOBODY1", [], {}, object, "\ud800"]


@pytest.mark.parametrize("name", ACTIONS)
def test_a_number_that_nobody_made_is_named(gateway: Sandbox, name: str) -> None:
    """One error for all: which number, of what, and what to do; code that catches KeyError goes on."""
    act, kind = ACTIONS[name]
    for given, number in (("NOBODY1", "NOBODY1"), (20261129, "20261129"), ("a\nb", "a\nb")):
        with pytest.raises(UnknownNumber) as caught:
            act(gateway, given)
        error = caught.value
        assert isinstance(error, KeyError)
        assert (error.kind, error.number, error.args) == (kind, number, (number,))
        assert str(error).startswith(f"{kind} {number!r} is not there: ")
        assert "first" in str(error)
        assert "\n" not in str(error)
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.kind) == (UnknownNumber, str(error), kind)
    with pytest.raises(UnknownNumber) as caught:
        act(gateway, "x" * 10_000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", ACTIONS)
def test_what_is_no_number_is_told(gateway: Sandbox, name: str) -> None:
    """Neither the database's own error nor Python's."""
    for wrong in NO_NUMBERS:
        with pytest.raises(ArgumentError, match=r"(number|_no): expected (a number|text)"):
            ACTIONS[name][0](gateway, wrong)


def test_a_number_may_be_an_int(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """As ``mchid`` may."""
    wxpay.v3.pay.transactions.native.post(shop.order(gateway, out_trade_no="20261129"))
    assert gateway.pay(anything(20261129)[0]).startswith("4200")


def test_what_goes_with_a_number_is_checked(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Nothing is done before: the order is as it was, and no fen more or less can be refunded."""
    body = shop.order(gateway)
    number = body["out_trade_no"]
    wxpay.v3.pay.transactions.native.post(body)
    for wrong in anything(5, b"x", [], "\ud800"):
        with pytest.raises(ArgumentError, match="openid: expected text"):
            gateway.pay(number, wrong)
    gateway.pay(number)
    for wrong in anything(0, -50, True, 0.5, "1", [], {}):
        with pytest.raises(ArgumentError, match="amount: expected fen from 1 on"):
            gateway.ask_refund(number, wrong)
    for wrong in anything("a b", "中", "R" * 65, 5, None, "\ud800"):
        with pytest.raises(ArgumentError, match="out_refund_no: expected"):
            gateway.ask_refund(number, 1, wrong)
    for wrong in anything(5, None, [], "\ud800"):
        with pytest.raises(ArgumentError, match="reason: expected text"):
            gateway.ask_refund(number, 1, "", wrong)
        with pytest.raises(ArgumentError, match="detail: expected text"):
            gateway.complain(number, wrong)
    assert shop.query(wxpay, gateway, number)["trade_state"] == "SUCCESS"
    assert gateway.ask_refund(number, 100, "R1") == "R1"
    with pytest.raises(ValueError, match="nothing is left"):
        gateway.ask_refund(number, 1)


def test_a_state_is_text(gateway: Sandbox) -> None:
    """Also where states are looked up in a table."""
    for wrong in anything(None, 5, [], {}):
        with pytest.raises(UnknownNumber):
            gateway.refund("NOBODY1", wrong)
        with pytest.raises(ArgumentError, match="state: expected text"):
            gateway.payscore("NOBODY1", wrong)
        with pytest.raises(ArgumentError, match="state: expected text"):
            gateway.applyment("NOBODY1", wrong)


def test_the_pauses_of_a_push_are_checked(gateway: Sandbox) -> None:
    """Before the first attempt."""
    for wrong in anything(5, "15", b"15", [-1], [None], [True], {"15": 1}, [float("nan")]):
        with pytest.raises(ArgumentError, match="schedule: expected the seconds"):
            gateway.push("TRANSACTION.SUCCESS", notify_url="http://127.0.0.1:9/", schedule=wrong)
    assert gateway.notices.last(1) == []


def test_the_parts_of_a_combined_order_are_refunded(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Each by its own number; the whole by none."""
    body = shop.combined(gateway)
    number, parts = body["combine_out_trade_no"], [part["out_trade_no"] for part in body["sub_orders"]]
    wxpay.v3.combineTransactions.native.post(body)
    gateway.pay(number)
    with pytest.raises(ValueError, match="combined order, refund its parts"):
        gateway.ask_refund(number)
    gateway.ask_refund(parts[0], out_refund_no="PART1")
    gateway.refund("PART1")
    seen = wxpay.chain("v3/combine-transactions/out-trade-no/{no}").get(no=number).data["sub_orders"]
    assert [part["trade_state"] for part in seen] == ["REFUND", "SUCCESS"]


def test_an_order_by_code_is_not_closed(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Its merchant can only reverse it, so a test cannot close it either."""
    scene = {"store_info": {"id": "1"}}
    payer = {"auth_code": "134567890123456791"}
    body = shop.order(gateway, notify_url=..., payer=payer, scene_info=scene)
    wxpay.v3.pay.transactions.codepay.post(body)
    with pytest.raises(ValueError, match="it is reversed, and cannot be closed"):
        gateway.close_order(body["out_trade_no"])
    assert shop.query(wxpay, gateway, body["out_trade_no"])["trade_state"] == "USERPAYING"


def test_what_is_due_is_done_before_a_state_is_chosen(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """A refund that has ended by the clock cannot end otherwise, whoever is faster."""
    body = shop.order(gateway)
    wxpay.v3.pay.transactions.native.post(body)
    gateway.pay(body["out_trade_no"])
    gateway.clock.factor = 0
    gateway.ask_refund(body["out_trade_no"], out_refund_no="DUE1")
    changed, gateway.clock.changed = gateway.clock.changed, lambda: None
    try:
        gateway.clock.advance(5)
        with pytest.raises(ValueError, match="is SUCCESS, which cannot become 'CLOSED'"):
            gateway.refund("DUE1", "CLOSED")
    finally:
        gateway.clock.changed = changed


SETTINGS: list[tuple[str, Any]] = [
    *(("port", wrong) for wrong in anything("80", None, True, -1, 65_536, 1.0, [])),
    *(("proxy", wrong) for wrong in anything("80", True, -1, 65_536, [])),
    *(("host", wrong) for wrong in anything(None, 5, b"::1", [])),
    *(("mchid", wrong) for wrong in anything("19 0", "1" * 33, True, 1.5, b"19", [], {}, "\ud800", "中")),
    *(("database", wrong) for wrong in anything("", 5, b"x", [], "a\0b", "\ud800")),
    *(("directory", wrong) for wrong in anything("", 5, b"x", [], "a\0b", "\ud800")),
    *(("token", wrong) for wrong in anything(None, 5, [])),
    *(("faults", wrong) for wrong in anything("SLOW", b"SLOW", 5, None, [5], [None])),
    *(("tls", wrong) for wrong in anything("yes", 1, None, [])),
]


@pytest.mark.parametrize(("name", "wrong"), SETTINGS)
def test_what_a_sandbox_is_made_with_is_checked(name: str, wrong: Any) -> None:
    """The setting, what was found, before a key is made or a port taken."""
    with pytest.raises(ConfigError, match=f"^{name}: expected ") as caught:
        Sandbox(**{name: wrong})
    assert caught.value.field == name


def test_the_errors_are_public() -> None:
    """With the sandbox, where a test imports them from."""
    assert issubclass(UnknownNumber, KeyError)
    assert issubclass(PaymentRefused, ValueError)


def test_a_merchant_may_be_an_int(tmp_path: Path) -> None:
    """As it may for a client; a path may be a Path."""
    with Sandbox(mchid=anything(1900000109)[0], database=tmp_path / "db") as gateway:
        assert gateway.mchid == "1900000109"
