"""Parking: a car comes in, and what it owes is deducted when it leaves.

A deduction is ACCEPTED, and SUCCESS a moment later; then it is in the book of orders, where it is refunded. One that is
closed by a test before is PAY_FAIL. Entries are NORMAL: blocked ones are not modelled.
Source: https://pay.weixin.qq.com/wiki/doc/apiv3_partner/apis/chapter8_8_2.shtml and the pages beside it
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.sandbox import parameters
from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.book import Book, Order, OrderError
from wechatpay_chain.sandbox.clock import rfc3339
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.products.transactions import ADDRESS, check_currency, refusal
from wechatpay_chain.sandbox.store import dump, load
from wechatpay_chain.sandbox.world import World

__all__ = ["PRODUCT"]

_RULES: Mapping[str, Rule] = {
    "appid": Rule(32),
    "sub_appid": Rule(32),
    "sub_mchid": Rule(32),
    "out_trade_no": Rule(32, 1, re.compile(r"[0-9A-Za-z_\-*]+")),
    "notify_url": ADDRESS,
    "out_parking_no": Rule(64),
    "plate_number": Rule(32),
}
_COLORS = ("BLUE", "GREEN", "YELLOW", "BLACK", "WHITE", "LIMEGREEN")
_PAY, _TAKEN = "parking.pay", 1.0
_WAY = "parking"
_STATES: Mapping[str, tuple[str, str]] = {
    "ACCEPT": ("ACCEPTED", "已受理，等待扣款"),
    "SUCCESS": ("SUCCESS", "支付成功"),
    "REFUND": ("REFUND", "转入退款"),
}
_FAILED = ("PAY_FAIL", "扣款失败")


def _enter(call: Call) -> Answer:
    fields = call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    _check_color(fields, "")
    row = call.world.store.one("SELECT * FROM parkings WHERE out_parking_no=?", fields["out_parking_no"])
    if row is not None and load(row["data"]) != fields:
        raise Refusal(400, "INVALID_REQUEST", "相同单号但请求数据不一致")
    number = secrets.token_hex(10).upper() if row is None else row["number"]
    if row is None:
        call.world.store.add(
            "parkings", out_parking_no=fields["out_parking_no"], number=number, data=dump(dict(fields))
        )
    names = ("out_parking_no", "plate_number", "plate_color", "start_time", "parking_name", "free_duration")
    return Answer.of(200, {"id": number, **{name: fields[name] for name in names}, "state": "NORMAL"})


def _find_service(call: Call) -> Answer:
    _check_color(call.query, "", "query")
    told = {name: call.query[name] for name in ("plate_number", "plate_color", "openid") if call.query.get(name)}
    return Answer.of(200, {**told, "service_open_time": rfc3339(call.now), "service_state": "NORMAL"})


def _charge(call: Call) -> Answer:
    fields, amount = call.fields, call.fields["amount"]
    parameters.check_rules(call.operation, _RULES, fields)
    if fields["trade_scene"] != "PARKING":
        raise wrong("trade_scene", "应为PARKING", "body", fields["trade_scene"])
    if not fields.get("parking_info"):
        raise wrong("parking_info", "交易场景为PARKING时必填")
    _check_color(fields["parking_info"], "parking_info/")
    if amount["total"] < 1:
        raise wrong("amount/total", "应为正整数", "body", amount["total"])
    check_currency(amount)
    book = Book(call.world, call.now)
    known = book.order(call.mchid, fields["out_trade_no"], combined=True)
    if known is not None:
        if known.data["request"] != fields:
            raise refusal("differs")
        return Answer.of(200, _view(known))
    names = ("appid", "sub_appid", "sub_mchid", "description", "attach", "notify_url", "parking_info")
    data = {
        "api": "v3",
        "way": _WAY,
        "trade_type": "NATIVE",
        **{name: fields[name] for name in names if fields.get(name)},
        "profit_sharing": fields.get("profit_sharing") == "Y",
        "request": dict(fields),
    }
    try:
        order, _ = book.place(call.mchid, fields["out_trade_no"], amount["total"], None, data, "ACCEPT")
    except OrderError as error:
        raise refusal(error.reason) from None
    call.world.later(call.now + _TAKEN, _PAY, order.id)
    return Answer.of(200, _view(order))


def _check_color(fields: Mapping[str, Any], place: str, location: str = "body") -> None:
    if fields["plate_color"] not in _COLORS:
        raise wrong(f"{place}plate_color", f"应为{'、'.join(_COLORS)}之一", location, fields["plate_color"])


def _query(call: Call) -> Answer:
    order = Book(call.world, call.now).order(call.mchid, call.path["out_trade_no"])
    if order is None or order.data["way"] != _WAY:
        raise refusal("missing")
    if call.query.get("sub_mchid") not in (None, "", order.data.get("sub_mchid")):
        raise refusal("missing")
    return Answer.of(200, _view(order))


def _view(order: Order) -> dict[str, Any]:
    data, paid = order.data, order.data.get("paid")
    state, about = _STATES.get(order.state, _FAILED)
    told: dict[str, Any] = {
        "appid": data["appid"],
        **{name: data[name] for name in ("sub_appid", "sub_mchid", "attach", "parking_info") if name in data},
        "sp_mchid": order.mchid,
        "description": data["description"],
        "create_time": rfc3339(order.created),
        "out_trade_no": order.out_trade_no,
        "trade_state": state,
        "trade_state_description": about,
        "trade_scene": "PARKING",
        "amount": {"total": order.total, "currency": "CNY"},
    }
    if order.paid is None or paid is None:
        return told
    told["amount"] |= {"payer_total": order.total, "discount_total": 0}
    sub = {"sub_openid": paid["sub_openid"]} if data.get("sub_appid") else {}
    return told | {
        "transaction_id": order.transaction_id,
        "success_time": rfc3339(order.paid),
        "bank_type": paid["bank_type"],
        "user_repaid": "Y",
        "payer": {"openid": paid["openid"], **sub},
        "promotion_detail": [],
    }


def _pay(world: World, identifier: int, at: float) -> None:
    """Deduct what is owed, where that is still possible."""
    book = Book(world, at)
    order = book.by_id(identifier)
    if order.state != "ACCEPT":
        return
    order = book.pay(order)
    world.notices.add(order.data["notify_url"], "TRANSACTION.SUCCESS", _view(order), at)


# The page for merchants has neither.
_OF_PARTNERS = frozenset({"sub_appid", "sub_mchid"})
PRODUCT = Product(
    name="parking",
    tables=(
        "CREATE TABLE IF NOT EXISTS parkings (id INTEGER PRIMARY KEY, out_parking_no TEXT NOT NULL UNIQUE,"
        " number TEXT NOT NULL UNIQUE, data TEXT NOT NULL)",
    ),
    routes=(
        Route("POST", "/v3/vehicle/parking/parkings", _enter, is_strict=True),
        Route("GET", "/v3/vehicle/parking/services/find", _find_service),
        Route("POST", "/v3/vehicle/transactions/parking", _charge, is_strict=True, optional=_OF_PARTNERS),
        Route("GET", "/v3/vehicle/transactions/out-trade-no/{out_trade_no}", _query),
    ),
    jobs={_PAY: _pay},
    notices=("TRANSACTION.SUCCESS",),
)
