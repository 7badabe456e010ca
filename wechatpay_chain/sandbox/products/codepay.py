"""Payment codes of APIv3: a till reads the payer's code; paid at once, after a password, or not; and taken back.

The last two digits of a code choose what happens, see ``OUTCOMES``. Sources:
https://pay.weixin.qq.com/doc/v3/merchant/4012791875 and https://pay.weixin.qq.com/doc/v2/merchant/4011937125
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from wechatpay_chain.sandbox import parameters
from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.book import Book, Order, OrderError
from wechatpay_chain.sandbox.clock import day_of, to_beijing
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.products.transactions import (
    NUMBER,
    check_caller,
    check_currency,
    find_order,
    order_data,
    refusal,
)
from wechatpay_chain.sandbox.store import Row
from wechatpay_chain.sandbox.views import order_view, owners
from wechatpay_chain.sandbox.world import World

__all__ = ["OUTCOMES", "PRODUCT", "CodeRefused", "Outcome", "openid_of", "pay_by_code", "reversals_on", "reverse"]


class Outcome(NamedTuple):
    """What comes of a code: the order's state at once and later, and the errors of both versions where it is refused.

    ``then`` is empty where the state stays; ``v3`` is status, code and text, ``v2`` code and text.
    """

    about: str
    state: str
    then: str = ""
    v3: tuple[int, str, str] | None = None
    v2: tuple[str, str] | None = None


_PAID = Outcome("paid at once", "SUCCESS")
OUTCOMES: Mapping[str, Outcome] = {
    "91": Outcome("USERPAYING, then paid", "USERPAYING", "SUCCESS"),
    "92": Outcome("USERPAYING, then refused", "USERPAYING", "PAYERROR"),
    "93": Outcome(
        "refused: not enough money",
        "PAYERROR",
        v3=(403, "NOT_ENOUGH", "用户账号余额不足"),
        v2=("NOTENOUGH", "余额不足"),
    ),
    "94": Outcome(
        "refused: the code has expired",
        "",
        v3=(403, "AUTH_CODE_EXPIRE", "用户的条码已经过期"),
        v2=("AUTHCODEEXPIRE", "二维码已过期，请用户在微信上刷新后再试"),
    ),
    "95": Outcome(
        "refused: no payment code",
        "",
        v3=(400, "AUTH_CODE_INVALID", "101 付款码无效，请重新扫码"),
        v2=("AUTH_CODE_INVALID", "101 付款码无效，请重新扫码"),
    ),
    "96": Outcome(
        "refused: the card is not supported",
        "PAYERROR",
        v3=(403, "ACCOUNT_ERROR", "不支持卡类型"),
        v2=("NOTSUPORTCARD", "不支持卡类型"),
    ),
}
_USED = Outcome(
    "refused: used before",
    "",
    v3=(400, "AUTH_CODE_INVALID", "101 每个二维码仅限使用一次，请刷新再试"),
    v2=("AUTH_CODE_INVALID", "101 每个二维码仅限使用一次，请刷新再试"),
)
CODE = re.compile("1[0-5][0-9]{16}")
# A payer has to give a password above 1000 yuan, and takes so many seconds of the sandbox's for it.
_FREE, _TYPING = 100_000, 5.0
_END = "code.end"
_WEEK = 7 * 86_400
_RULES: Mapping[str, Rule] = {
    "appid": Rule(32),
    "sp_appid": Rule(32),
    "description": Rule(127),
    "attach": Rule(128),
    "goods_tag": Rule(32),
    "out_trade_no": NUMBER,
}


class CodeRefused(Exception):
    """A code with which nothing was paid."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.about)
        self.outcome = outcome


def pay_by_code(
    world: World, now: float, mchid: str, out_trade_no: str, total: int, code: str, data: Mapping[str, Any]
) -> Order:
    """Place an order and pay it with a code; it may be USERPAYING. Raises OrderError and CodeRefused."""
    book = Book(world, now)
    known = book.order(mchid, out_trade_no, combined=True)
    if known is not None:
        order, _ = book.place(mchid, out_trade_no, total, None, data)
        return order
    outcome = OUTCOMES.get(code[-2:], _PAID)
    if outcome is _PAID and total > _FREE:
        outcome = OUTCOMES["91"]
    if not outcome.state:
        raise CodeRefused(outcome)
    try:
        world.store.run("INSERT INTO auth_codes VALUES (?)", code)
    except sqlite3.IntegrityError:
        raise CodeRefused(_USED) from None
    payer = {"openid": openid_of(code), **({"sub_openid": openid_of(f"sub {code}")} if data.get("sub_appid") else {})}
    order, _ = book.place(mchid, out_trade_no, total, None, {**data, **payer}, "USERPAYING")
    if outcome.state == "SUCCESS":
        return book.pay(order)
    if outcome.then:
        world.later(now + _TYPING, f"{_END}.{outcome.then}", order.id)
        return order
    book.turn(order, outcome.state)
    raise CodeRefused(outcome)


def reverse(world: World, order: Order, now: float) -> None:
    """Take an order back: what was paid goes back to its payer. Raises OrderError."""
    book = Book(world, now)
    if order.data["way"] != "codepay":
        raise OrderError("no code")
    if order.state == "REVOKED":
        return
    if order.paid is not None and now - order.paid > _WEEK:
        raise OrderError("late")
    if order.refunded:
        raise OrderError("refunded")
    if order.is_paid:
        book.add_refund(order, order.total, parts=0)
        number = f"50{secrets.randbelow(10**8):08d}{to_beijing(now):%Y%m%d}{secrets.randbelow(10**10):010d}"
        world.store.add("reversals", order_id=order.id, number=number, created=now, created_day=day_of(now))
    book.turn(order, "REVOKED")


def openid_of(code: str) -> str:
    """The payer's number behind a code: the same each time it is asked for."""
    return f"o{base64.urlsafe_b64encode(hashlib.sha256(code.encode()).digest()).decode()[:27]}"


def reversals_on(world: World, day: str) -> list[Row]:
    """What went back to payers by reversals on a day such as ``2026-11-01``: order_id, number, created."""
    return world.store.all("SELECT * FROM reversals WHERE created_day=? ORDER BY created, id", day)


def _end(state: str) -> Callable[[World, int, float], None]:
    def end(world: World, identifier: int, at: float) -> None:
        book = Book(world, at)
        order = book.by_id(identifier)
        if order.state != "USERPAYING":
            return
        if state == "SUCCESS":
            book.pay(order)
        else:
            book.turn(order, state)

    return end


def _place(call: Call) -> Answer:
    fields = call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    check_caller(call, "sp_mchid" if "sp_mchid" in fields else "mchid")
    amount, store = fields["amount"], fields["scene_info"]["store_info"]
    if amount["total"] < 1:
        raise wrong("amount/total", "应为正整数", "body", amount["total"])
    check_currency(amount)
    if not store.get("id") and not store.get("out_id"):
        raise wrong("scene_info/store_info/id", "id与out_id二选一必填")
    code = fields["payer"]["auth_code"]
    if not CODE.fullmatch(code):
        raise wrong("payer/auth_code", "应为以10至15开头的18位数字", "body", code)
    data = order_data(call, "codepay", "MICROPAY")
    try:
        order = pay_by_code(call.world, call.now, call.mchid, fields["out_trade_no"], amount["total"], code, data)
    except OrderError as error:
        raise refusal(error.reason) from None
    except CodeRefused as error:
        raise Refusal(*(error.outcome.v3 or (403, "TRADE_ERROR", "交易错误"))) from None
    if order.state == "USERPAYING":
        # 202 in an older table. While the payer types nothing else is told.
        return Answer.of(200, {**owners(order), "out_trade_no": order.out_trade_no, "trade_state": order.state})
    return Answer.of(200, order_view(order))


_REVERSED: Mapping[str, tuple[int, str, str]] = {
    "no code": (400, "INVALID_REQUEST", "仅付款码支付订单支持撤销"),
    "late": (400, "INVALID_REQUEST", "订单无法撤销，已超过7天"),
    "refunded": (400, "INVALID_REQUEST", "订单已发生退款，无法撤销"),
}


def _reverse(call: Call) -> Answer:
    check_caller(call, "sp_mchid" if "sp_mchid" in call.fields else "mchid")
    order = find_order(call, "body")
    try:
        reverse(call.world, order, call.now)
    except OrderError as error:
        raise Refusal(*_REVERSED[error.reason]) from None
    return Answer.of(200, {**owners(order), "out_trade_no": order.out_trade_no})


_FACES = ("/v3/pay/transactions", "/v3/pay/partner/transactions")
PRODUCT = Product(
    name="codepay",
    tables=(
        "CREATE TABLE IF NOT EXISTS auth_codes (code TEXT PRIMARY KEY) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS reversals (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL UNIQUE,"
        " number TEXT NOT NULL, created REAL NOT NULL, created_day TEXT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS reversals_day ON reversals (created_day)",
    ),
    routes=(
        *(Route("POST", f"{face}/codepay", _place, is_strict=True) for face in _FACES),
        *(Route("POST", f"{face}/out-trade-no/{{out_trade_no}}/reverse", _reverse) for face in _FACES),
    ),
    jobs={f"{_END}.{state}": _end(state) for state in ("SUCCESS", "PAYERROR")},
)
