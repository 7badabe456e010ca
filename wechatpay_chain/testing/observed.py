"""A sandbox that says what happened, in words that read well in an assertion."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from wechatpay_chain.protocol.xml import from_xml
from wechatpay_chain.sandbox.answer import Received
from wechatpay_chain.sandbox.book import Book, Combined, Order
from wechatpay_chain.sandbox.gateway import Sandbox
from wechatpay_chain.sandbox.outbox import Sent
from wechatpay_chain.sandbox.products.refunds import Refunds
from wechatpay_chain.sandbox.products.transfers import Transfers
from wechatpay_chain.sandbox.push import Notice
from wechatpay_chain.sandbox.wildcard import matches, read_pattern

__all__ = ["Finding", "ObservedSandbox"]

_PAID = ("SUCCESS", "REFUND")
_MOST_NAMED = 5


class Finding:
    """Whether something happened, as its truth; its text says what was found, which pytest shows of a failure."""

    def __init__(self, holds: bool, text: str) -> None:
        self._holds = holds
        self._text = text

    def __bool__(self) -> bool:
        return self._holds

    def __repr__(self) -> str:
        return f"<{self._text}>"


class ObservedSandbox(Sandbox):
    """A ``Sandbox`` with questions about what has become of orders, refunds, transfers and notices.

    Each answer is true or false, and prints what was found instead. Amounts are in fen.
    """

    def ordered(self, out_trade_no: str) -> Finding:
        """Whether there is an order with this number, of whatever state."""
        order = self._order(out_trade_no)
        return Finding(order is not None, self._describe_order(out_trade_no, order))

    def paid(self, out_trade_no: str, total: int | None = None) -> Finding:
        """Whether an order was paid, for ``total`` where it is given; a refund later does not undo that."""
        order = self._order(out_trade_no)
        holds = order is not None and order.state in _PAID and total in (None, order.total)
        asked = "" if order is None else _asked(total, order.total)
        return Finding(holds, f"{self._describe_order(out_trade_no, order)}{asked}")

    def closed(self, out_trade_no: str) -> Finding:
        """Whether an order is closed, by the merchant or since it expired."""
        order = self._order(out_trade_no)
        return Finding(order is not None and order.state == "CLOSED", self._describe_order(out_trade_no, order))

    def refunded(self, out_refund_no: str, amount: int | None = None) -> Finding:
        """Whether a refund has ended well, of ``amount`` where it is given."""
        self.world.settle()
        refund = Refunds(self.world, self.clock.now()).find_by_number(out_refund_no)
        if refund is None:
            return Finding(False, f"no refund {out_refund_no}{self._known_numbers('refunds', 'out_refund_no')}")
        holds = refund.status == "SUCCESS" and amount in (None, refund.amount)
        found = f"refund {out_refund_no} of {refund.amount}: {refund.status}"
        return Finding(holds, f"{found}{_asked(amount, refund.amount)}")

    def transferred(self, out_bill_no: str, amount: int | None = None) -> Finding:
        """Whether a transfer has arrived, of ``amount`` where it is given."""
        self.world.settle()
        transfer = Transfers(self.world, self.clock.now()).find_by_number(out_bill_no)
        if transfer is None:
            return Finding(False, f"no transfer {out_bill_no}{self._known_numbers('transfers', 'out_bill_no')}")
        holds = transfer.state == "SUCCESS" and amount in (None, transfer.amount)
        found = f"transfer {out_bill_no} of {transfer.amount}: {transfer.state}"
        return Finding(holds, f"{found}{_asked(amount, transfer.amount)}")

    def noticed(self, event_type: str, number: str | None = None, timeout: float = 5.0) -> Finding:
        """Whether a receiver accepted a notice, of ``number`` where it is given.

        ``number`` is any of the merchant's numbers in it, such as out_trade_no. What is due is waited for,
        ``timeout`` seconds at most.
        """
        self.world.settle()
        self.notices.wait(timeout)
        found = [notice for notice in self.notices if notice.event_type == event_type and _names(notice, number)]
        what = event_type if number is None else f"{event_type} of {number}"
        if not found:
            sent = ", ".join(f"{count} {kind}" for kind, count in Counter(n.event_type for n in self.notices).items())
            return Finding(False, f"no notice {what}; sent: {sent or 'none'}")
        holds = any(notice.accepted for notice in found)
        return Finding(holds, f"notice {what}: {'; '.join(map(_describe_notice, found[-_MOST_NAMED:]))}")

    def notification(self, event_type: str, number: str | None = None) -> Notice:
        """The newest notice of this kind, of ``number`` where it is given, signed anew: ``.headers`` and ``.body``.

        To be given to a web framework's test client, which needs no server. KeyError where none was sent.
        """
        self.world.settle()
        for notice in reversed(list(self.notices)):
            if notice.event_type == event_type and _names(notice, number):
                return self.pusher().notice(event_type, notice.resource)
        raise KeyError(event_type if number is None else f"{event_type} of {number}")

    def requested(self, method: str, path: str, **fields: Any) -> Finding:
        """Whether a request with a right signature came, whose JSON body or query has these ``fields``.

        ``path`` is without the query, and has ``*`` for anything. Fields of APIv2 and of forms are texts. Raises
        ArgumentError for a path that is none.
        """
        seen, pattern = list(self.requests), read_pattern(path)
        for received in seen:
            target = received.target.partition("?")[0]
            if received.method == method.upper() and matches(pattern, target) and not received.verdict:
                given = _body(received) | dict(_query(received.target))
                if all(given.get(name) == value for name, value in fields.items()):
                    return Finding(True, f"{method.upper()} {path} came")
        told = ", ".join(f"{each.method} {each.target.partition('?')[0]}" for each in seen[-_MOST_NAMED:])
        wanted = f" with {json.dumps(fields, ensure_ascii=False, default=str)}" if fields else ""
        return Finding(False, f"no {method.upper()} {path}{wanted}; came last: {told or 'none'}")

    def _order(self, number: str) -> Order | Combined | None:
        self.world.settle()
        book = Book(self.world, self.clock.now())
        return book.order(self.mchid, number, combined=True) or book.combined_order(self.mchid, number)

    def _describe_order(self, number: str, order: Order | Combined | None) -> str:
        if order is None:
            return f"no order {number}{self._known_numbers('orders', 'out_trade_no')}"
        return f"order {number} of {order.total}: {order.state}"

    def _known_numbers(self, table: str, column: str) -> str:
        rows = self.world.store.all(f"SELECT {column} FROM {table} ORDER BY id DESC LIMIT {_MOST_NAMED}")  # noqa: S608
        return f"; there are: {', '.join(str(row[column]) for row in rows) or 'none'}"


def _asked(amount: Any, found: int) -> str:
    """The amount that was asked for, where it is another."""
    return "" if amount in (None, found) else f"; asked for {amount!r}"


def _names(notice: Sent, number: str | None) -> bool:
    if number is None:
        return True
    values: list[Any] = list(notice.resource.values())
    for value in notice.resource.values():
        if isinstance(value, list):
            values += [inner for each in value if isinstance(each, Mapping) for inner in each.values()]
    return number in values


def _describe_notice(notice: Sent) -> str:
    last = notice.attempts[-1] if notice.attempts else None
    answer = "" if last is None else f", last answer {last.status or 'none'} {last.told}".rstrip()
    return f"{notice.state} by {notice.url} after {len(notice.attempts)} attempts{answer}"


def _body(received: Received) -> dict[str, Any]:
    """The fields of a body in JSON or XML, or of a form."""
    if received.form is not None:
        return {name: value.decode("utf-8", "replace") for name, value in received.form.fields.items()}
    try:
        found = from_xml(received.body) if received.body.lstrip().startswith(b"<") else json.loads(received.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _query(target: str) -> list[tuple[str, str]]:
    return parse_qsl(target.partition("?")[2], keep_blank_values=True)
