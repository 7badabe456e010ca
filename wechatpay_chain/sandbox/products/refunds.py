"""Refunds of APIv3, and the book of all refunds: accepted, on their way, ended, abnormal.

PROCESSING ends as SUCCESS, ABNORMAL or CLOSED; an abnormal one is set going again and succeeds. What is closed can be
refunded again, under a new number. Sources: https://pay.weixin.qq.com/doc/v3/merchant/4013071031 (states),
4012791862 (create), 4013071036 (abnormal).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wechatpay_chain.sandbox import parameters
from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.book import Book, Order
from wechatpay_chain.sandbox.clock import day_of, rfc3339, to_beijing
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.products.sharing import frozen_amount
from wechatpay_chain.sandbox.products.transactions import ADDRESS
from wechatpay_chain.sandbox.store import Row, dump, load
from wechatpay_chain.sandbox.views import owners_v2
from wechatpay_chain.sandbox.world import World

__all__ = [
    "ACCOUNT",
    "PRODUCT",
    "REFUND_NUMBER",
    "RULES",
    "STATES",
    "V2_REFUNDED",
    "Refund",
    "RefundError",
    "Refunds",
    "end_refund",
    "next_states",
    "refusal",
    "v2_status",
    "v2_time",
]

# A merchant's own number of a refund, in both versions.
REFUND_NUMBER = re.compile(r"[0-9a-zA-Z_\-|*@]{1,64}")
STATES = ("PROCESSING", "SUCCESS", "ABNORMAL", "CLOSED")
ACCOUNT = "支付用户零钱"
# How the outbox calls an APIv2 notice of a refund.
V2_REFUNDED = "v2.refund"
_NEXT: Mapping[str, tuple[str, ...]] = {
    "PROCESSING": ("SUCCESS", "ABNORMAL", "CLOSED"),
    "ABNORMAL": ("SUCCESS", "CLOSED"),
}
_MOST_PARTS = 50
_LONGEST = 365 * 86_400
_END = "refund.end"
RULES: Mapping[str, Rule] = {
    "out_refund_no": Rule(64, 1, REFUND_NUMBER),
    "transaction_id": Rule(32),
    "out_trade_no": Rule(32),
    "reason": Rule(80),
    "notify_url": ADDRESS._replace(most=256),
}
_REFUSED: Mapping[str, tuple[int, str, str]] = {
    "no order": (404, "RESOURCE_NOT_EXISTS", "订单不存在"),
    "no refund": (404, "RESOURCE_NOT_EXISTS", "退款单不存在"),
    "differs": (400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试"),
    "all refunded": (400, "INVALID_REQUEST", "订单已全额退款"),
    "too much": (400, "INVALID_REQUEST", "申请退款金额大于可退金额"),
    # Which code and text it has is not known.
    "shared": (403, "NOT_ENOUGH", "冻结资金不足，请先解冻剩余资金"),
    "too many": (400, "INVALID_REQUEST", "订单部分退款次数已达上限50次"),
    "too late": (400, "INVALID_REQUEST", "订单已经超过退款期限"),
    # WeChat Pay wants a minute between two refunds of an order; with which code it says so is not known.
    "too soon": (429, "FREQUENCY_LIMITED", "同一笔订单的多次退款需间隔1分钟"),
    "not abnormal": (400, "INVALID_REQUEST", "退款单状态不是退款异常"),
}
_ABNORMAL_CARDS = ("bank_type", "bank_account", "real_name")


class RefundError(Exception):
    """What cannot be refunded; ``reason`` names a row of the tables of codes."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Refund:
    """One refund; ``data`` is how it was asked for. Times in seconds, amounts in fen."""

    id: int
    mchid: str
    out_refund_no: str
    refund_id: str
    order_id: int
    amount: int
    status: str
    created: float
    created_day: str
    success: float | None
    data: dict[str, Any]

    @classmethod
    def of(cls, row: Row) -> Refund:
        """The refund of a row."""
        *values, data = row
        return cls(*(*values, load(data)))


class Refunds:
    """The refunds in the store of one sandbox, at ``now``."""

    def __init__(self, world: World, now: float) -> None:
        self._world = world
        self._now = now

    def find_by_number(self, out_refund_no: str) -> Refund | None:
        """By the merchant's number."""
        return self._one("mchid=? AND out_refund_no=?", self._world.identity.mchid, out_refund_no)

    def by_refund_id(self, refund_id: str) -> Refund | None:
        """By WeChat Pay's number."""
        return self._one("refund_id=?", refund_id)

    def by_id(self, identifier: int) -> Refund:
        """One that is known to be there."""
        found = self._one("id=?", identifier)
        if found is None:
            raise KeyError(identifier)
        return found

    def of_order(self, order: Order) -> list[Refund]:
        """All of one order, the oldest first."""
        rows = self._world.store.all("SELECT * FROM refunds WHERE order_id=? ORDER BY id", order.id)
        return [Refund.of(row) for row in rows]

    def last(self, count: int) -> list[Refund]:
        """The newest, the newest first."""
        rows = self._world.store.all("SELECT * FROM refunds ORDER BY id DESC LIMIT ?", count)
        return [Refund.of(row) for row in rows]

    def refunds_of_day(self, day: str) -> list[Refund]:
        """Those that were accepted on a day such as ``2026-11-01``."""
        rows = self._world.store.all("SELECT * FROM refunds WHERE created_day=? ORDER BY created, id", day)
        return [Refund.of(row) for row in rows]

    def closed_on(self, day: str) -> list[Refund]:
        """Those whose money came back to the merchant on a day such as ``2026-11-01``."""
        rows = self._world.store.all("SELECT * FROM refunds WHERE status='CLOSED' ORDER BY id")
        closed = (Refund.of(row) for row in rows)
        return [refund for refund in closed if day_of(refund.data.get("closed", refund.created)) == day]

    def ask(self, order: Order, out_refund_no: str, total: int, amount: int, data: Mapping[str, Any]) -> Refund:
        """A new refund, or the one that was asked for under that number. Raises RefundError."""
        known = self.find_by_number(out_refund_no)
        if known is not None:
            if (known.order_id, known.amount, order.total) != (order.id, amount, total):
                raise RefundError("differs")
            return known
        if not order.is_paid:
            raise RefundError("no order")
        self._check(order, total, amount)
        store = self._world.store
        identifier = store.add(
            "refunds",
            mchid=self._world.identity.mchid,
            out_refund_no=out_refund_no,
            refund_id=f"50{secrets.randbelow(10**8):08d}{to_beijing(self._now):%Y%m%d}{secrets.randbelow(10**10):010d}",
            order_id=order.id,
            amount=amount,
            status="PROCESSING",
            created=self._now,
            created_day=day_of(self._now),
            data=dump(data),
        )
        Book(self._world, self._now).add_refund(order, amount)
        self._end_later(identifier)
        return self.by_id(identifier)

    def turn(self, refund: Refund, status: str) -> Refund:
        """Let a refund end or become abnormal; its notice goes to the merchant. ValueError for what cannot follow."""
        if status not in next_states(refund):
            raise ValueError(
                f"refund {refund.out_refund_no!r:.80} is {refund.status}, which cannot become {status!r:.40}"
            )
        self._world.cancel(_END, refund.id)
        refund.status, refund.success = status, self._now if status == "SUCCESS" else None
        if status == "CLOSED":
            refund.data["closed"] = self._now
        self._world.store.change("refunds", refund.id, status=status, success=refund.success, data=dump(refund.data))
        book = Book(self._world, self._now)
        order = book.by_id(refund.order_id)
        if status == "CLOSED":
            book.add_refund(order, -refund.amount, parts=-1)
        self._tell(refund, order)
        return refund

    def restart(self, refund: Refund, account: str) -> Refund:
        """Set an abnormal refund going again. Raises RefundError for any other."""
        if refund.status != "ABNORMAL":
            raise RefundError("not abnormal")
        refund.status, refund.data["user_received_account"] = "PROCESSING", account
        self._world.store.change("refunds", refund.id, status="PROCESSING", data=dump(refund.data))
        self._end_later(refund.id)
        return refund

    def _end_later(self, identifier: int) -> None:
        after = self._world.settings.refund_after
        if after is not None:
            self._world.later(self._now + after, _END, identifier)

    def _check(self, order: Order, total: int, amount: int) -> None:
        if total != order.total:
            raise RefundError("differs")
        if order.refunded >= order.total:
            raise RefundError("all refunded")
        if amount > order.total - order.refunded:
            raise RefundError("too much")
        frozen = frozen_amount(self._world, order, self._now)
        if frozen is not None and amount > frozen:
            raise RefundError("shared")
        wait = self._world.settings.refund_wait
        if wait and any(self._now - refund.created < wait for refund in self.of_order(order)):
            raise RefundError("too soon")
        if order.parts >= _MOST_PARTS:
            raise RefundError("too many")
        if order.paid is not None and self._now - order.paid > _LONGEST:
            raise RefundError("too late")

    def _one(self, condition: str, *values: Any) -> Refund | None:
        row = self._world.store.one(f"SELECT * FROM refunds WHERE {condition}", *values)  # noqa: S608
        return None if row is None else Refund.of(row)

    def _tell(self, refund: Refund, order: Order) -> None:
        url = refund.data.get("notify_url")
        if not url:
            return
        if refund.data.get("api") == "v2":
            self._world.notices.add_v2(url, V2_REFUNDED, _v2_notice(refund, order), self._now)
        else:
            self._world.notices.add(url, f"REFUND.{refund.status}", _notice(refund, order), self._now)


def next_states(refund: Refund) -> tuple[str, ...]:
    """The states that a refund can take on its own."""
    return _NEXT.get(refund.status, ())


def end_refund(world: World, identifier: int, at: float) -> None:
    """Let a refund succeed by itself."""
    refunds = Refunds(world, at)
    refund = refunds.by_id(identifier)
    if refund.status == "PROCESSING":
        refunds.turn(refund, "SUCCESS")


def refusal(reason: str) -> Refusal:
    """What cannot be refunded, as APIv3 says it."""
    return Refusal(*_REFUSED[reason])


def _create(call: Call) -> Answer:
    fields, amount = call.fields, call.fields["amount"]
    parameters.check_rules(call.operation, RULES, fields)
    if amount["refund"] < 1:
        raise wrong("amount/refund", "应为正整数", "body", amount["refund"])
    if amount["currency"] != "CNY":
        raise wrong("amount/currency", "只支持CNY", "body", amount["currency"])
    if amount["total"] < 1 or amount["refund"] > amount["total"]:
        raise wrong("amount/refund", "退款金额不能大于原订单金额", "body", amount["refund"])
    _check_sources(amount)
    data = {name: fields[name] for name in ("reason", "notify_url", "funds_account", "goods_detail") if name in fields}
    data["from"] = amount.get("from", [])
    try:
        refund = Refunds(call.world, call.now).ask(
            _order(call), fields["out_refund_no"], amount["total"], amount["refund"], data
        )
    except RefundError as error:
        raise refusal(error.reason) from None
    return _answer(call, refund)


def _check_sources(amount: Mapping[str, Any]) -> None:
    sources = amount.get("from") or []
    accounts = [source["account"] for source in sources]
    if not sources:
        return
    if sum(source["amount"] for source in sources) != amount["refund"]:
        raise wrong("amount/from", "各账户出资金额之和应等于退款金额", "body", sources)
    if len(set(accounts)) != len(accounts) or not {*accounts} <= {"AVAILABLE", "UNAVAILABLE"}:
        raise wrong("amount/from", "出资账户应为AVAILABLE或UNAVAILABLE，且不能重复", "body", accounts)


def _order(call: Call) -> Order:
    """The order that a refund is of: by either number, WeChat Pay's wins; a part of a combined one by its own."""
    book, fields = Book(call.world, call.now), call.fields
    if fields.get("transaction_id"):
        order = book.transaction(fields["transaction_id"], combined=True)
    elif fields.get("out_trade_no"):
        order = book.order(call.mchid, fields["out_trade_no"], combined=True)
    else:
        raise wrong("out_trade_no", "transaction_id与out_trade_no二选一必填")
    _check_sub(order, fields)
    if order is None:
        raise refusal("no order")
    return order


def _check_sub(order: Order | None, given: Mapping[str, Any]) -> None:
    """Refuse another sub-merchant's order as one that is not there."""
    if order is not None and (order.data.get("sub_mchid") or "") != (given.get("sub_mchid") or ""):
        raise refusal("no order")


def _query(call: Call) -> Answer:
    return _answer(call, _found(call, call.path["out_refund_no"], call.query))


def _found(call: Call, out_refund_no: str, given: Mapping[str, Any]) -> Refund:
    refund = Refunds(call.world, call.now).find_by_number(out_refund_no)
    if refund is not None:
        order = Book(call.world, call.now).by_id(refund.order_id)
        if (order.data.get("sub_mchid") or "") == (given.get("sub_mchid") or ""):
            return refund
    raise refusal("no refund")


def _restart(call: Call) -> Answer:
    fields = call.fields
    refund = _found(call, fields["out_refund_no"], fields)
    if refund.refund_id != call.path["refund_id"]:
        raise refusal("no refund")
    if fields["type"] not in ("USER_BANK_CARD", "MERCHANT_BANK_CARD"):
        raise wrong("type", "应为USER_BANK_CARD或MERCHANT_BANK_CARD", "body", fields["type"])
    if fields["type"] == "USER_BANK_CARD":
        for name in _ABNORMAL_CARDS:
            if not fields.get(name):
                raise wrong(name, "退款到用户银行卡时必填")
    try:
        account = "招商银行借记卡0403" if fields["type"] == "USER_BANK_CARD" else "商户结算银行账户"
        return _answer(call, Refunds(call.world, call.now).restart(refund, account))
    except RefundError as error:
        raise refusal(error.reason) from None


def _answer(call: Call, refund: Refund) -> Answer:
    return Answer.of(200, _view(refund, Book(call.world, call.now).by_id(refund.order_id)))


def _view(refund: Refund, order: Order) -> dict[str, Any]:
    """Without coupons the four kinds of each amount are equal."""
    told: dict[str, Any] = {
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": order.transaction_id,
        "out_trade_no": order.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": refund.data.get("user_received_account", ACCOUNT),
        "create_time": rfc3339(refund.created),
        "status": refund.status,
        "funds_account": refund.data.get("funds_account", "AVAILABLE"),
        "amount": {
            "total": order.total,
            "refund": refund.amount,
            "from": refund.data.get("from", []),
            "payer_total": order.total,
            "payer_refund": refund.amount,
            "settlement_refund": refund.amount,
            "settlement_total": order.total,
            "discount_refund": 0,
            "currency": "CNY",
            "refund_fee": 0,
        },
        "promotion_detail": [],
    }
    return told | ({} if refund.success is None else {"success_time": rfc3339(refund.success)})


def _notice(refund: Refund, order: Order) -> dict[str, Any]:
    sub = order.data.get("sub_mchid")
    amounts = {"payer_total": order.total, "payer_refund": refund.amount}
    told = {
        **({"sp_mchid": refund.mchid, "sub_mchid": sub} if sub else {"mchid": refund.mchid}),
        "out_trade_no": order.out_trade_no,
        "transaction_id": order.transaction_id,
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id,
        "refund_status": refund.status,
        "user_received_account": refund.data.get("user_received_account", ACCOUNT),
        "amount": {"total": order.total, "refund": refund.amount, **amounts},
    }
    return told | ({} if refund.success is None else {"success_time": rfc3339(refund.success)})


_V2_STATES: Mapping[str, str] = {
    "SUCCESS": "SUCCESS",
    "CLOSED": "REFUNDCLOSE",
    "PROCESSING": "PROCESSING",
    "ABNORMAL": "CHANGE",
}


def v2_status(refund: Refund) -> str:
    """What APIv2 calls the state of a refund."""
    return _V2_STATES[refund.status]


def v2_time(refund: Refund) -> str:
    """When a refund succeeded, as APIv2 writes it; empty before."""
    return "" if refund.success is None else f"{to_beijing(refund.success):%Y-%m-%d %H:%M:%S}"


def _v2_notice(refund: Refund, order: Order) -> dict[str, Any]:
    inner = {
        "transaction_id": order.transaction_id,
        "out_trade_no": order.out_trade_no,
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "total_fee": order.total,
        "settlement_total_fee": order.total,
        "refund_fee": refund.amount,
        "settlement_refund_fee": refund.amount,
        "refund_status": v2_status(refund),
        "success_time": v2_time(refund),
        "refund_recv_accout": refund.data.get("user_received_account", ACCOUNT),
        "refund_account": refund.data.get("refund_account", "REFUND_SOURCE_UNSETTLED_FUNDS"),
        "refund_request_source": "API",
    }
    return {**owners_v2(order), "req_info": inner}


PRODUCT = Product(
    name="refunds",
    tables=(
        "CREATE TABLE IF NOT EXISTS refunds (id INTEGER PRIMARY KEY, mchid TEXT NOT NULL, out_refund_no TEXT NOT NULL,"
        " refund_id TEXT NOT NULL UNIQUE, order_id INTEGER NOT NULL, amount INTEGER NOT NULL, status TEXT NOT NULL,"
        " created REAL NOT NULL, created_day TEXT NOT NULL, success REAL, data TEXT NOT NULL,"
        " UNIQUE (mchid, out_refund_no))",
        "CREATE INDEX IF NOT EXISTS refunds_order ON refunds (order_id)",
        "CREATE INDEX IF NOT EXISTS refunds_day ON refunds (created_day)",
    ),
    routes=(
        Route("POST", "/v3/refund/domestic/refunds", _create, is_strict=True),
        Route("GET", "/v3/refund/domestic/refunds/{out_refund_no}", _query),
        Route("POST", "/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund", _restart),
    ),
    jobs={_END: end_refund},
    notices=("REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"),
)
