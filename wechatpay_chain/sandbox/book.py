"""The one book of orders, of both APIs, of merchants and service providers, single and combined, with their states.

NOTPAY becomes SUCCESS when it is paid, CLOSED when it is closed or seven days old; SUCCESS becomes REFUND with the
first refund. USERPAYING, REVOKED and PAYERROR are of payment codes alone, ACCEPT is of deductions.
Source: https://pay.weixin.qq.com/doc/v3/merchant/4012791858
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wechatpay_chain.sandbox.clock import compact, day_of, to_beijing
from wechatpay_chain.sandbox.store import Row, dump, load
from wechatpay_chain.sandbox.world import World

__all__ = ["STATES", "TABLES", "Book", "Combined", "Order", "OrderError"]

TABLES = (
    "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, mchid TEXT NOT NULL, out_trade_no TEXT NOT NULL,"
    " combined INTEGER NOT NULL DEFAULT 0, transaction_id TEXT UNIQUE, token TEXT UNIQUE, state TEXT NOT NULL,"
    " total INTEGER NOT NULL, refunded INTEGER NOT NULL DEFAULT 0, parts INTEGER NOT NULL DEFAULT 0,"
    " created REAL NOT NULL, expires REAL NOT NULL, closes REAL NOT NULL, paid REAL, paid_day TEXT, data TEXT NOT NULL,"
    " UNIQUE (mchid, out_trade_no))",
    "CREATE INDEX IF NOT EXISTS orders_paid_day ON orders (paid_day) WHERE paid_day IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS orders_combined ON orders (combined) WHERE combined<>0",
    "CREATE TABLE IF NOT EXISTS combined (id INTEGER PRIMARY KEY, mchid TEXT NOT NULL, number TEXT NOT NULL,"
    " transaction_id TEXT UNIQUE, token TEXT UNIQUE, data TEXT NOT NULL, UNIQUE (mchid, number))",
)
STATES: Mapping[str, str] = {
    "NOTPAY": "订单未支付",
    "USERPAYING": "用户支付中",
    "ACCEPT": "已接收，等待扣款",
    "SUCCESS": "支付成功",
    "REFUND": "转入退款",
    "CLOSED": "订单已关闭",
    "REVOKED": "已撤销",
    "PAYERROR": "支付失败",
}
_DAY = 86_400
_LIFE = 7 * _DAY
_PAID = ("SUCCESS", "REFUND")
# Seconds in which what a payer opens can be used, and a repeated order gives the same.
_FRESH = {"h5": 300}
_FRESH_OTHERWISE = 7200


class OrderError(Exception):
    """What an order does not allow: ``reason`` is paid, closed, expired, reversed, failed, differs or payer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Order:
    """A row of the book; ``data`` is how it was made and how it was paid. Times in seconds, amounts in fen."""

    id: int
    mchid: str
    out_trade_no: str
    combined: int
    transaction_id: str | None
    token: str | None
    state: str
    total: int
    refunded: int
    parts: int
    created: float
    expires: float
    closes: float
    paid: float | None
    paid_day: str | None
    data: dict[str, Any]

    @classmethod
    def of(cls, row: Row) -> Order:
        """The order of a row."""
        *values, data = row
        return cls(*(*values, load(data)))

    @property
    def is_paid(self) -> bool:
        """Whether money was paid and not taken back."""
        return self.state in _PAID

    @property
    def prepay_id(self) -> str:
        """36 characters: wx, the time, and what nobody else has."""
        return f"wx{compact(self.data['issued'])}{self.token}"


@dataclass
class Combined:
    """Orders that are paid together, under a number of their own."""

    id: int
    mchid: str
    number: str
    transaction_id: str | None
    token: str
    data: dict[str, Any]
    orders: list[Order]

    @property
    def state(self) -> str:
        """That of the orders, which are paid and closed together."""
        return self.orders[0].state

    @property
    def total(self) -> int:
        """What a payer pays, in fen."""
        return sum(order.total for order in self.orders)

    @property
    def prepay_id(self) -> str:
        """As that of a single order."""
        return f"wx{compact(self.data['issued'])}{self.token}"


class Book:
    """The orders in the store of one sandbox, as they are at ``now``."""

    def __init__(self, world: World, now: float) -> None:
        self._world = world
        self._store = world.store
        self._now = now

    def order(self, mchid: str, out_trade_no: str, combined: bool = False) -> Order | None:
        """An order by its merchant's number; ``combined`` finds those too that are part of another."""
        row = self._store.one("SELECT * FROM orders WHERE mchid=? AND out_trade_no=?", mchid, out_trade_no)
        order = self._close_when_due(row)
        return None if order is None or (order.combined and not combined) else order

    def transaction(self, transaction_id: str, combined: bool = False) -> Order | None:
        """An order by the number that it got when it was paid."""
        order = self._close_when_due(self._store.one("SELECT * FROM orders WHERE transaction_id=?", transaction_id))
        return None if order is None or (order.combined and not combined) else order

    def by_id(self, identifier: int) -> Order:
        """An order that is known to be there."""
        order = self._close_when_due(self._store.one("SELECT * FROM orders WHERE id=?", identifier))
        if order is None:
            raise KeyError(identifier)
        return order

    def combined_order(self, mchid: str, number: str) -> Combined | None:
        """A combined order by its merchant's number."""
        return self._whole(self._store.one("SELECT * FROM combined WHERE mchid=? AND number=?", mchid, number))

    def combined_by_id(self, identifier: int) -> Combined:
        """A combined order that is known to be there."""
        whole = self._whole(self._store.one("SELECT * FROM combined WHERE id=?", identifier))
        if whole is None:
            raise KeyError(identifier)
        return whole

    def combined_transaction(self, transaction_id: str) -> Combined | None:
        """A combined order by the number that it got when it was paid."""
        return self._whole(self._store.one("SELECT * FROM combined WHERE transaction_id=?", transaction_id))

    def by_token(self, token: str) -> Order | Combined | None:
        """What a payer opened."""
        order = self._close_when_due(self._store.one("SELECT * FROM orders WHERE token=?", token))
        return order or self._whole(self._store.one("SELECT * FROM combined WHERE token=?", token))

    def find_by_number(self, number: str) -> Order | Combined | None:
        """What a merchant calls by ``number``, be it an order, a combined one, or a part of one."""
        mchid = self._world.identity.mchid
        order = self.order(mchid, number, combined=True)
        if order is not None:
            return self.combined_by_id(order.combined) if order.combined else order
        return self.combined_order(mchid, number)

    def last(self, count: int) -> list[Order]:
        """The newest orders, the newest first."""
        rows = self._store.all("SELECT * FROM orders ORDER BY id DESC LIMIT ?", count)
        return [Order.of(row) for row in rows]

    def orders_paid_on(self, day: str) -> list[Order]:
        """The orders that were paid on a day such as ``2026-11-01``."""
        rows = self._store.all("SELECT * FROM orders WHERE paid_day=? ORDER BY paid, id", day)
        return [Order.of(row) for row in rows]

    def place(
        self,
        mchid: str,
        out_trade_no: str,
        total: int,
        expires: float | None,
        data: Mapping[str, Any],
        state: str = "NOTPAY",
    ) -> tuple[Order, bool]:
        """A new order, or the one that was placed with the same ``data["request"]``; and whether it is new.

        Raises OrderError for a number that is taken by another, and for an order that can no longer be paid.
        """
        whole, token = {**data, "issued": self._now}, secrets.token_hex(10)
        try:
            order = self._insert(mchid, out_trade_no, total, expires, whole, state, token)
        except sqlite3.IntegrityError:
            # The database holds the number, for whichever process.
            return self._again(mchid, out_trade_no, data["request"]), False
        if self._world.settings.pay_after is not None and state == "NOTPAY":
            self._world.later(self._now + self._world.settings.pay_after, "order.pay", order.id)
        return order, True

    def _again(self, mchid: str, out_trade_no: str, request: Mapping[str, Any]) -> Order:
        known = self.order(mchid, out_trade_no, combined=True)
        if known is None:
            raise OrderError("differs")
        self._check_open(known)
        if known.combined or known.data["request"] != request:
            raise OrderError("differs")
        return self._fresh(known)

    def place_combined(
        self,
        mchid: str,
        number: str,
        parts: list[tuple[str, int, dict[str, Any]]],
        expires: float | None,
        data: Mapping[str, Any],
    ) -> tuple[Combined, bool]:
        """A new combined order of ``parts`` (number, total, data), or the one that was placed with the same request."""
        known = self.combined_order(mchid, number)
        if known is not None:
            self._check_open(known.orders[0])
            if known.data["request"] != data["request"]:
                raise OrderError("differs")
            return self._fresh_combined(known), False
        for out_trade_no, _, _ in parts:
            if self.order(mchid, out_trade_no, combined=True) is not None:
                raise OrderError("differs")
        whole = {**data, "issued": self._now}
        identifier = self._store.add(
            "combined", mchid=mchid, number=number, token=secrets.token_hex(10), data=dump(whole)
        )
        for out_trade_no, total, part in parts:
            self._insert(mchid, out_trade_no, total, expires, part, "NOTPAY", None, identifier)
        if self._world.settings.pay_after is not None:
            self._world.later(self._now + self._world.settings.pay_after, "combined.pay", identifier)
        return self.combined_by_id(identifier), True

    def pay(self, order: Order, openid: str | None = None) -> Order:
        """Pay an order; its notice goes to the merchant. Raises OrderError."""
        self._check_open(order)
        order.data["paid"] = self._payment(order.data, openid)
        self._world.cancel("order.pay", order.id)
        return self._mark_paid(order)

    def pay_combined(self, whole: Combined, openid: str | None = None) -> Combined:
        """Pay all of a combined order. Raises OrderError."""
        for order in whole.orders:
            self._check_open(order)
        payment = self._payment(whole.data, openid)
        for order in whole.orders:
            order.data["paid"] = payment
            self._mark_paid(order)
        whole.data["paid"] = payment
        whole.transaction_id = self._transaction_id()
        self._store.change("combined", whole.id, transaction_id=whole.transaction_id, data=dump(whole.data))
        self._world.cancel("combined.pay", whole.id)
        return whole

    def close(self, order: Order) -> None:
        """Close an order that was not paid. Raises OrderError for one that was."""
        if order.is_paid:
            raise OrderError("paid")
        if order.state == "REVOKED":
            raise OrderError("reversed")
        self.turn(order, "CLOSED")

    def turn(self, order: Order, state: str) -> None:
        """Let an order take a state."""
        order.state = state
        self._store.change("orders", order.id, state=state)

    def add_refund(self, order: Order, amount: int, parts: int = 1) -> None:
        """Take ``amount`` fen off what can be refunded of an order, or give it back when it is negative."""
        order.refunded += amount
        order.parts += parts
        order.state = "REFUND" if order.state == "SUCCESS" else order.state
        self._store.change("orders", order.id, state=order.state, refunded=order.refunded, parts=order.parts)

    def is_fresh(self, found: Order | Combined) -> bool:
        """Whether what its payer opens still leads to it."""
        issued: float = found.data["issued"]
        return self._now - issued < _FRESH.get(found.data["way"], _FRESH_OTHERWISE)

    def _insert(
        self,
        mchid: str,
        out_trade_no: str,
        total: int,
        expires: float | None,
        data: Mapping[str, Any],
        state: str,
        token: str | None,
        combined: int = 0,
    ) -> Order:
        closes = max(self._now + _LIFE, expires or 0)
        # A time that is too near is moved, as the documentation says.
        last = closes if expires is None else max(expires, self._now + 60)
        identifier = self._store.add(
            "orders",
            mchid=mchid,
            out_trade_no=out_trade_no,
            combined=combined,
            token=token,
            state=state,
            total=total,
            created=self._now,
            expires=last,
            closes=closes,
            data=dump(data),
        )
        return Order(
            identifier, mchid, out_trade_no, combined, None, token, state, total, 0, 0, self._now, last, closes,
            None, None, dict(data),
        )  # fmt: skip

    def _close_when_due(self, row: Row | None) -> Order | None:
        """The order of a row, closed when its days are over."""
        if row is None:
            return None
        order = Order.of(row)
        if order.state == "NOTPAY" and order.closes <= self._now:
            self.turn(order, "CLOSED")
        return order

    def _whole(self, row: Row | None) -> Combined | None:
        if row is None:
            return None
        orders = self._store.all("SELECT * FROM orders WHERE combined=? ORDER BY id", row["id"])
        *values, data = row
        return Combined(*(*values, load(data), list(self._all_seen(orders))))

    def _all_seen(self, rows: list[Row]) -> Iterator[Order]:
        for row in rows:
            order = self._close_when_due(row)
            if order is not None:
                yield order

    def _check_open(self, order: Order) -> None:
        if order.is_paid:
            raise OrderError("paid")
        reason = {"CLOSED": "closed", "REVOKED": "reversed", "PAYERROR": "failed"}.get(order.state)
        if reason is None and order.expires < self._now:
            reason = "expired"
        if reason is not None:
            raise OrderError(reason)

    def _fresh(self, order: Order) -> Order:
        """The order with what its payer opens; a new one voids the old."""
        if not self.is_fresh(order):
            order.token, order.data["issued"] = secrets.token_hex(10), self._now
            self._store.change("orders", order.id, token=order.token, data=dump(order.data))
        return order

    def _fresh_combined(self, whole: Combined) -> Combined:
        if not self.is_fresh(whole):
            whole.token, whole.data["issued"] = secrets.token_hex(10), self._now
            self._store.change("combined", whole.id, token=whole.token, data=dump(whole.data))
        return whole

    def _payment(self, data: Mapping[str, Any], openid: str | None) -> dict[str, Any]:
        """Who pays and with what; OrderError when the order was placed for another."""
        wanted = data.get("openid") or data.get("sub_openid")
        if openid and wanted and openid not in (data.get("openid"), data.get("sub_openid")):
            raise OrderError("payer")
        found = openid or data.get("openid") or f"o{secrets.token_urlsafe(20)}"
        return {
            "openid": found,
            "sub_openid": data.get("sub_openid") or f"o{secrets.token_urlsafe(20)}",
            "bank_type": "OTHERS",
        }

    def _mark_paid(self, order: Order) -> Order:
        order.state, order.paid, order.paid_day = "SUCCESS", self._now, day_of(self._now)
        order.transaction_id = self._transaction_id()
        self._store.change(
            "orders",
            order.id,
            state=order.state,
            paid=order.paid,
            paid_day=order.paid_day,
            transaction_id=order.transaction_id,
            data=dump(order.data),
        )
        return order

    def _transaction_id(self) -> str:
        return f"4200{secrets.randbelow(10**6):06d}{to_beijing(self._now):%Y%m%d}{secrets.randbelow(10**10):010d}"
