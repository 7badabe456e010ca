"""The rows that the control API tells: requests, orders, refunds, transfers, notices, faults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from wechatpay_chain.encoding.style import JS
from wechatpay_chain.protocol import v2, xml
from wechatpay_chain.sandbox import authorization
from wechatpay_chain.sandbox.answer import EXAMPLE, Form, Received
from wechatpay_chain.sandbox.book import Order
from wechatpay_chain.sandbox.clock import BEIJING, rfc3339
from wechatpay_chain.sandbox.faults import Fault, Scripted
from wechatpay_chain.sandbox.journal import Entry
from wechatpay_chain.sandbox.outbox import Sent
from wechatpay_chain.sandbox.payer_page import CODE_PAGE
from wechatpay_chain.sandbox.products.refunds import Refund, next_states
from wechatpay_chain.sandbox.products.transfers import Transfer, next_ends
from wechatpay_chain.sandbox.views import combined_view, order_view

__all__ = [
    "combined_view",
    "entry_row",
    "fault_row",
    "notice_row",
    "order_row",
    "refund_row",
    "scripted_row",
    "transfer_row",
    "whole_entry",
]

_SHOWN = 2_000


def entry_row(entry: Entry, longest: int | None = _SHOWN) -> dict[str, Any]:
    """A request of the journal; ``body`` is cut after so many characters."""
    request = entry.request
    return {
        "id": entry.id,
        "time": datetime.fromtimestamp(entry.time, BEIJING).isoformat(timespec="milliseconds"),
        "method": request.method,
        "target": request.target,
        "path": entry.path,
        "api": entry.api,
        "verdict": request.verdict,
        "cause": request.cause,
        "status": entry.status,
        "code": entry.code,
        "numbers": entry.numbers,
        "milliseconds": round(entry.seconds * 1000, 1),
        "fault": entry.fault,
        "is_example": EXAMPLE in entry.headers,
        "size": len(request.body),
        "body": _text(request.body)[:longest],
    }


def whole_entry(entry: Entry) -> dict[str, Any]:
    """The same with all that came, what had to be signed, and the answer."""
    answer = {"status": entry.status, "headers": dict(entry.headers), "body": _text(entry.body)}
    return {
        **entry_row(entry, None),
        "headers": dict(entry.request.headers),
        "form": None if entry.request.form is None else _form(entry.request.form),
        "signature": _signature(entry),
        "answer": answer,
    }


def _signature(entry: Entry) -> dict[str, Any]:
    expected = _v2_text(entry.request) if entry.api == "v2" else authorization.expected_text(entry.request)
    refusal = entry.refusal
    signed = None if refusal is None else refusal.signed_text
    told = {} if refusal is None else (refusal.payload.get("detail") or {}).get("sandbox", {})
    message = entry.request.verdict if refusal is None else refusal.payload["message"]
    return {
        "expected": expected,
        "signed": signed,
        "differs": told.get("differs", ""),
        "cause": told.get("cause", "") or entry.request.cause,
        "message": message,
        "difference": None if expected is None or signed is None else _first_difference(expected, signed),
    }


def _v2_text(request: Received) -> str | None:
    """What the key is put behind; None for what is no XML."""
    if request.form is not None:
        return v2.text_of({name: _text(value) for name, value in request.form.fields.items()}, JS)
    try:
        return v2.text_of(xml.from_xml(request.body), JS)
    except xml.XMLError:
        return None


def _first_difference(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _form(form: Form) -> dict[str, Any]:
    files = {
        name: {"filename": seen.filename, "content_type": seen.content_type, "size": seen.size, "digest": seen.digest}
        for name, seen in form.files.items()
    }
    return {"fields": {name: _text(value) for name, value in form.fields.items()}, "files": files}


def order_row(order: Order, base_url: str, whole: str | None = None) -> dict[str, Any]:
    """An order as a query tells it, and what its payer and its merchant can do now.

    ``whole`` is the number of the combined order that it is a part of.
    """
    data, is_open = order.data, order.state in ("NOTPAY", "USERPAYING")
    can_refund = order.is_paid and order.refunded < order.total
    pays = f"?pr={order.token}" if is_open and order.token else ""
    is_native = pays and data.get("way") == "native"
    return {
        **order_view(order),
        "api": data.get("api", "v3"),
        "way": data.get("way", ""),
        "description": data.get("description", ""),
        "total": order.total,
        "refunded": order.refunded,
        "create_time": rfc3339(order.created),
        "expire_time": rfc3339(order.expires),
        "notify_url": data.get("notify_url") or "",
        "combine_out_trade_no": whole,
        "code_url": f"weixin:/{CODE_PAGE}{pays}" if is_native else None,
        "pay_url": f"{base_url}{CODE_PAGE}{pays}" if pays else None,
        "actions": [*(["pay", "close"] if is_open else []), *(["refund"] if can_refund else [])],
    }


def refund_row(refund: Refund, order: Order) -> dict[str, Any]:
    """A refund of an order."""
    return {
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id,
        "out_trade_no": order.out_trade_no,
        "transaction_id": order.transaction_id,
        "amount": refund.amount,
        "total": order.total,
        "status": refund.status,
        "reason": refund.data.get("reason", ""),
        "create_time": rfc3339(refund.created),
        "success_time": None if refund.success is None else rfc3339(refund.success),
        "actions": list(next_states(refund)),
    }


def transfer_row(transfer: Transfer) -> dict[str, Any]:
    """A transfer."""
    return {
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "amount": transfer.amount,
        "state": transfer.state,
        "openid": transfer.data.get("openid", ""),
        "remark": transfer.data.get("transfer_remark", ""),
        "fail_reason": transfer.data.get("fail_reason", ""),
        "create_time": rfc3339(transfer.created),
        "update_time": rfc3339(transfer.updated),
        "actions": list(next_ends(transfer)),
    }


def notice_row(sent: Sent) -> dict[str, Any]:
    """A notice with its attempts."""
    attempts = [{"at": rfc3339(done.at), "status": done.status, "told": done.told} for done in sent.attempts]
    return {
        "id": sent.id,
        "event_type": sent.event_type,
        "url": sent.url,
        "state": sent.state,
        "resource": dict(sent.resource),
        "create_time": rfc3339(sent.created),
        "due": None if sent.due is None else rfc3339(sent.due),
        "attempts": attempts,
    }


def fault_row(fault: Fault) -> dict[str, Any]:
    """A rule."""
    names = ("id", "name", "method", "path", "times", "left", "when", "rate", "seconds", "used")
    return {name: getattr(fault, name) for name in names}


def scripted_row(scripted: Scripted) -> dict[str, Any]:
    """A written answer."""
    body: Any = _text(scripted.body) if isinstance(scripted.body, bytes) else scripted.body
    names = ("id", "method", "path", "status", "times", "left", "used")
    told: Mapping[str, Any] = {name: getattr(scripted, name) for name in names}
    return {**told, "headers": dict(scripted.headers), "body": json.loads(json.dumps(body))}


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
