"""Parking: entries with ids of their own, deductions that are accepted and then paid, told and refunded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.listener import listening
from tests.sandbox import shop
from tests.sandbox.test_orders import refused
from wechatpay_chain import Sandbox, Wechatpay, errors

CHARGE = "v3/vehicle/transactions/parking"
ASKED = "v3/vehicle/transactions/out-trade-no/<no>"
PLATE = {"plate_number": "粤B888888", "plate_color": "BLUE"}
STAY = {**PLATE, "start_time": "2026-11-28T10:00:00+08:00", "parking_name": "茶馆"}
INFO = {**STAY, "parking_id": "1", "end_time": "2026-11-28T11:00:00+08:00", "charging_duration": 60, "device_id": "1"}


def entry(**changes: Any) -> dict[str, Any]:
    """A car that comes in."""
    own = {"sub_mchid": "1900000109", "out_parking_no": shop.number("park"), "notify_url": shop.NOWHERE}
    return {**own, **STAY, "free_duration": 0, **changes}


def charge(**changes: Any) -> dict[str, Any]:
    """What a car owes; a change to ``...`` leaves the field out."""
    body: dict[str, Any] = {
        "appid": shop.APPID,
        "sub_appid": "wx9",
        "sub_mchid": "1900000109",
        "description": "停车",
        "out_trade_no": shop.number("owed"),
        "notify_url": shop.NOWHERE,
        "amount": {"total": 100, "currency": "CNY"},
        "trade_scene": "PARKING",
        "parking_info": INFO,
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


def test_each_entry_has_an_id_of_its_own(wxpay: Wechatpay) -> None:
    """The same entry the same, with other data none; its car has the service."""
    post = wxpay.v3.vehicle.parking.parkings.post
    first, other = entry(), entry()
    made = post(first).data
    assert (made["state"], made["out_parking_no"]) == ("NORMAL", first["out_parking_no"])
    assert post(first).data == made
    assert post(other).data["id"] != made["id"]
    assert refused(post, {**first, "plate_number": "粤B1"}) == (400, "INVALID_REQUEST")
    for wrong in ({"plate_color": "PINK"}, {"plate_number": "粤" * 11}, {"out_parking_no": "p" * 65}):
        assert refused(post, entry(**wrong)) == (400, "PARAM_ERROR")
    asked = {**PLATE, "appid": shop.APPID, "sub_mchid": "1900000109", "openid": "oPayer"}
    found = wxpay.v3.vehicle.parking.services.find.get(params=asked)
    assert (found.data["service_state"], found.data["plate_number"]) == ("NORMAL", PLATE["plate_number"])
    assert "Sandbox-Example" not in found.headers


def test_what_is_owed_is_deducted(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """ACCEPTED at first; then paid and told, in the book of orders, and refunded by its number."""
    gateway.clock.factor = 0
    post, asked = wxpay.chain(CHARGE).post, wxpay.chain(ASKED)
    with listening() as listener:
        body = charge(notify_url=listener.url)
        made = post(body)
        assert "Sandbox-Example" not in made.headers
        assert made.data["trade_state"] == "ACCEPTED"
        assert not made.data.keys() & {"transaction_id", "success_time", "payer", "bank_type"}
        number = body["out_trade_no"]
        back = shop.refund(number, 100, sub_mchid="1900000109")
        assert refused(wxpay.v3.refund.domestic.refunds.post, back)[0] == 404
        gateway.advance(1)
        paid = asked.get(no=number, params={"sub_mchid": "1900000109"}).data
        assert (paid["trade_state"], paid["amount"]["payer_total"]) == ("SUCCESS", 100)
        assert post(body).data == paid
        gateway.notices.wait()
        read = wxpay.notification(*listener.received[-1])
        assert (read.event_type, read.resource) == ("TRANSACTION.SUCCESS", paid)
    assert refused(post, {**body, "description": "其他"}) == (400, "INVALID_REQUEST")
    assert wxpay.v3.refund.domestic.refunds.post(back).data["transaction_id"] == paid["transaction_id"]
    assert asked.get(no=number).data["trade_state"] == "REFUND"


def test_a_deduction_that_is_closed_fails(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """By a test; then time takes nothing any more. A merchant of its own has no sub-merchant."""
    gateway.clock.factor = 0
    body = charge(sub_appid=..., sub_mchid=...)
    wxpay.chain(CHARGE).post(body)
    close = wxpay.v3.pay.transactions.outTradeNo._no_.close
    assert refused(close.post, {"mchid": gateway.mchid}, no=body["out_trade_no"]) == (404, "ORDER_NOT_EXIST")
    gateway.close_order(body["out_trade_no"])
    gateway.advance(5)
    told = wxpay.chain(ASKED).get(no=body["out_trade_no"]).data
    assert (told["trade_state"], "transaction_id" in told) == ("PAY_FAIL", False)
    with pytest.raises(ValueError, match="it is closed"):
        gateway.pay(body["out_trade_no"])


WRONG: list[dict[str, Any]] = [
    {"amount": {"total": 0}},
    {"amount": {"total": 1, "currency": "USD"}},
    {"trade_scene": "OTHER"},
    {"parking_info": ...},
    {"parking_info": {**INFO, "plate_color": "PINK"}},
    {"out_trade_no": "a|b"},
    {"more": 1},
]


def test_a_deduction_is_checked(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Its amount, scene and car; an order of another kind is none, and its number is taken."""
    post, plain = wxpay.chain(CHARGE).post, shop.order(gateway)
    for changes in WRONG:
        assert refused(post, charge(**changes)) == (400, "PARAM_ERROR")
    wxpay.v3.pay.transactions.native.post(plain)
    for number in ("nobody", plain["out_trade_no"]):
        with pytest.raises(errors.ClientError, match="404 ORDER_NOT_EXIST"):
            wxpay.chain(ASKED).get(no=number)
    assert refused(post, charge(out_trade_no=plain["out_trade_no"])) == (400, "INVALID_REQUEST")
