"""What a payer does: an order is paid, by its number or by what was opened, and its merchant is told."""

from __future__ import annotations

from typing import Any

from wechatpay_chain.sandbox.arguments import UnknownNumber
from wechatpay_chain.sandbox.book import Book, Combined, Order, OrderError
from wechatpay_chain.sandbox.views import combined_view, order_view, owners_v2, v2_fields
from wechatpay_chain.sandbox.world import World

__all__ = ["V2_PAID", "PaymentRefused", "notify_paid", "pay_combined_later", "pay_later", "pay_number", "pay_token"]

# How the outbox calls an APIv2 notice of a payment.
V2_PAID = "v2.pay"
_REASONS = {
    "paid": "it was paid already",
    "closed": "it is closed",
    "expired": "its time_expire is over",
    "reversed": "it was reversed",
    "failed": "its payment failed",
    "payer": "it was placed for another openid",
}


class PaymentRefused(ValueError):
    """An order that nobody can pay; ``reason`` is one of paid, closed, expired, reversed, failed, payer."""

    def __init__(self, number: str, reason: str) -> None:
        super().__init__(f"order {number!r:.80} cannot be paid: {_REASONS.get(reason, reason)}")
        self.reason = reason


def pay_number(world: World, number: str, openid: str | None = None) -> str:
    """Pay what its merchant calls by ``number``; the ``transaction_id``. Raises UnknownNumber and PaymentRefused."""
    with world.store.transaction():
        now = world.clock.now()
        found = Book(world, now).find_by_number(number)
        if found is None:
            raise UnknownNumber("order", number)
        return _pay(world, found, openid, now)


def pay_token(world: World, token: str) -> str:
    """Pay what a payer opened; the ``transaction_id``. Raises KeyError and PaymentRefused."""
    with world.store.transaction():
        now = world.clock.now()
        found = Book(world, now).by_token(token)
        if found is None or not Book(world, now).is_fresh(found):
            raise KeyError(token)
        return _pay(world, found, None, now)


def pay_later(world: World, identifier: int, at: float) -> None:
    """Pay an order by itself, where that is still possible."""
    try:
        _pay(world, Book(world, at).by_id(identifier), None, at)
    except PaymentRefused:
        return


def pay_combined_later(world: World, identifier: int, at: float) -> None:
    """Pay a combined order by itself, where that is still possible."""
    try:
        _pay(world, Book(world, at).combined_by_id(identifier), None, at)
    except PaymentRefused:
        return


def notify_paid(world: World, order: Order, at: float) -> None:
    """Tell a merchant that an order was paid. Payment codes have no notice: their answer and query tell it."""
    url = order.data.get("notify_url")
    if not url:
        return
    if order.data.get("api") == "v2":
        fields = {**owners_v2(order), **v2_fields(order), "sign_type": order.data["sign_type"]}
        world.notices.add_v2(url, V2_PAID, fields, at)
    else:
        world.notices.add(url, "TRANSACTION.SUCCESS", order_view(order), at)


def _pay(world: World, found: Order | Combined, openid: str | None, at: float) -> str:
    book = Book(world, at)
    number = found.out_trade_no if isinstance(found, Order) else found.number
    try:
        if isinstance(found, Order):
            order = book.pay(found, openid)
            notify_paid(world, order, at)
            return str(order.transaction_id)
        whole = book.pay_combined(found, openid)
    except OrderError as error:
        reason = error.reason
    else:
        _notify_combined(world, whole, at)
        return str(whole.transaction_id)
    raise PaymentRefused(number, reason)


def _notify_combined(world: World, whole: Combined, at: float) -> None:
    view: dict[str, Any] = combined_view(whole)
    if whole.data.get("notify_url"):
        world.notices.add(whole.data["notify_url"], "TRANSACTION.SUCCESS", view, at)
