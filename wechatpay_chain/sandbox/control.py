"""The sandbox's control over HTTP, for programs in any language and for its console.

``/_/…`` speaks JSON; what changes something has to say ``Content-Type: application/json`` and to come from this very
host, so that no web page of another origin can do it. Secrets are told on the loopback address; a sandbox that listens
for other machines asks for its token first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

from wechatpay_chain.errors import ArgumentError
from wechatpay_chain.sandbox import access, console, control_views, sample_programs
from wechatpay_chain.sandbox.answer import Answer, Received, Refusal
from wechatpay_chain.sandbox.arguments import UnknownNumber
from wechatpay_chain.sandbox.book import Book, Order
from wechatpay_chain.sandbox.clock import Clock, rfc3339
from wechatpay_chain.sandbox.events import events
from wechatpay_chain.sandbox.faults import NAMES, Fault, Faults, Scripted
from wechatpay_chain.sandbox.journal import Journal
from wechatpay_chain.sandbox.outbox import Outbox
from wechatpay_chain.sandbox.platform import Platform
from wechatpay_chain.sandbox.products.refunds import Refunds
from wechatpay_chain.sandbox.products.transfers import Transfers
from wechatpay_chain.sandbox.push import Delivery
from wechatpay_chain.sandbox.world import World
from wechatpay_chain.version import __version__

__all__ = ["Gateway", "answer"]

_ROOT = "/_/"
_SHOWN, _MOST_SHOWN = 100, 10_000
_JSON = "application/json"
_FILTERS = ("after", "before", "number", "path", "method", "status", "verdict")
_COUNTED = ("after", "before", "status")


class Gateway(Protocol):
    """What is steered: a sandbox, as its Python users have it."""

    world: World
    clock: Clock
    platform: Platform
    notices: Outbox
    journal: Journal
    faults: Faults

    @property
    def base_url(self) -> str:
        """Where it listens."""
        ...

    @property
    def mchid(self) -> str:
        """Its merchant."""
        ...

    token: str

    @property
    def is_local(self) -> bool:
        """Whether it listens for this machine alone."""
        ...

    def description(self) -> dict[str, Any]:
        """Its numbers, secrets and files."""
        ...

    def environment(self) -> dict[str, str]:
        """The variables that configure a client."""
        ...

    def pay(self, out_trade_no: str, openid: str | None = None) -> str:
        """Pay an order."""
        ...

    def close_order(self, out_trade_no: str) -> None:
        """Close an order."""
        ...

    def ask_refund(self, out_trade_no: str, amount: int | None, out_refund_no: str, reason: str) -> str:
        """Refund an order."""
        ...

    def refund(self, out_refund_no: str, status: str = "SUCCESS") -> None:
        """End a refund."""
        ...

    def transfer(self, out_bill_no: str, state: str = "SUCCESS", fail_reason: str = "") -> None:
        """End a transfer."""
        ...

    def payscore(self, out_order_no: str, state: str) -> None:
        """What the user of a PayScore order does."""
        ...

    def applyment(self, number: str, state: str, reason: str = "") -> None:
        """Let an application take a state."""
        ...

    def complain(self, out_trade_no: str, detail: str = "") -> str:
        """Let the payer of an order complain."""
        ...

    def push(self, event_type: str, resource: Mapping[str, Any] | None = None, *, notify_url: str) -> Delivery:
        """Push a notification."""
        ...

    def advance(self, seconds: float) -> None:
        """Move the clock."""
        ...

    def reset(self) -> None:
        """Forget everything."""
        ...


_Reply = Callable[[Gateway, tuple[str, ...], Mapping[str, Any]], Any]


def answer(sandbox: Gateway, request: Received) -> Answer | None:
    """The answer to a request of the sandbox's own, None for one of WeChat Pay's."""
    path, _, query = request.target.partition("?")
    if not path.startswith(_ROOT):
        return None
    try:
        made = _answer(sandbox, request, path.removeprefix(_ROOT), query)
    except Refusal as refusal:
        made = Answer.of(refusal.status, refusal.payload)
        if refusal.status == 401:
            made.headers["WWW-Authenticate"] = 'Bearer realm="sandbox"'
    made.is_signed = False
    made.headers |= {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"}
    return made


def _answer(sandbox: Gateway, request: Received, path: str, query: str) -> Answer:
    access.check_host(request, sandbox.is_local)
    page = console.answer(request.method, request.target)
    if page is not None:
        return page
    access.check_origin(request, sandbox.is_local)
    if path != "health":
        access.check_token(request, sandbox.token)
    return Answer.of(200, _dispatch(sandbox, request, path, query))


def _dispatch(sandbox: Gateway, request: Received, path: str, query: str) -> Any:
    methods = {method for method, pattern, *_ in _ROUTES if re.fullmatch(pattern, path)}
    if not methods:
        raise Refusal(404, "NOT_FOUND", f"the sandbox has no /_/{path}")
    method = "GET" if request.method == "HEAD" else request.method
    if method not in methods:
        raise Refusal(405, "METHOD_NOT_ALLOWED", f"/_/{path} takes {', '.join(sorted(methods))}, not {method}")
    fields = _query(query) if method == "GET" else _body(request, query)
    for own, pattern, reply, names in _ROUTES:
        matched = re.fullmatch(pattern, path)
        if own == method and matched:
            if names or method != "GET":
                _check_names(fields, names)
            return _reply(reply, sandbox, tuple(map(unquote, matched.groups())), fields)
    raise Refusal(404, "NOT_FOUND", path)


def _reply(reply: _Reply, sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    try:
        return reply(sandbox, names, fields)
    except Refusal:
        raise
    except KeyError as error:
        told = str(error) if isinstance(error, UnknownNumber) else f"{error.args[0]!r:.80} is not there"
        status, code = 404, "NOT_FOUND"
    except ArgumentError as error:
        told, status, code = str(error), 400, "PARAM_ERROR"
    except ValueError as error:
        told, status, code = str(error), 409, "CONFLICT"
    raise Refusal(status, code, told)


def _query(query: str) -> dict[str, Any]:
    given: dict[str, Any] = {name: values[-1] for name, values in parse_qs(query).items()}
    limit = given.get("limit")
    if limit is None:
        return given
    if not limit.isdecimal() or not limit.isascii() or not 1 <= int(limit[:6]) <= _MOST_SHOWN:
        raise Refusal(400, "PARAM_ERROR", f"limit: expected 1 to {_MOST_SHOWN}, found {limit!r:.40}")
    return {**given, "limit": int(limit)}


def _body(request: Received, query: str) -> dict[str, Any]:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != _JSON:
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", f"Content-Type: expected {_JSON}, found {kind[:40]!r}")
    if query:
        raise Refusal(400, "PARAM_ERROR", f"?{query:.40}: a {request.method} takes its fields in the body")
    try:
        fields = json.loads(request.body or b"{}")
        # Half a character, escaped, can be read and never be written again.
        json.dumps(fields, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Refusal(400, "PARAM_ERROR", "the body has half of a character, such as \\ud83d alone") from None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise Refusal(400, "PARAM_ERROR", "the body is no JSON object")
    return fields


def _text_of(fields: Mapping[str, Any], name: str, default: str = "") -> str:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or not value:
        raise Refusal(400, "PARAM_ERROR", f"{name}: expected text, found {value!r:.40}")
    return value


def _check_names(fields: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Refuse a field that is not taken: a filter that is left out unseen would find everything."""
    unknown = sorted(fields.keys() - set(names))
    if unknown:
        expected = f"expected {', '.join(names)}" if names else "nothing is expected"
        raise Refusal(400, "PARAM_ERROR", f"{unknown[0]!r:.40}: not known; {expected}")


def _health(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    return {
        "status": "ok",
        "mchid": sandbox.mchid,
        "base_url": sandbox.base_url,
        "version": __version__,
        "verify": sandbox.platform.verify,
        "clock": _clock(sandbox, names, fields),
        "last_request": sandbox.journal.last,
        "needs_token": bool(sandbox.token),
    }


def _clock(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    return {"time": rfc3339(sandbox.clock.now()), "factor": sandbox.clock.factor}


def _requests(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    wanted = {name: fields[name] for name in _FILTERS if name in fields}
    for name in _COUNTED:
        if not str(wanted.get(name, "0")).isdecimal():
            raise Refusal(400, "PARAM_ERROR", f"{name}: expected a number, found {wanted[name]!r:.40}")
    found = sandbox.journal.find(fields.get("limit", _SHOWN), **wanted)
    rows = [control_views.entry_row(entry) for entry in found]
    return {"requests": rows, "held": len(sandbox.journal), "last": sandbox.journal.last}


def _one_request(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    entry = sandbox.journal.entry(int(names[0]))
    if entry is None:
        raise KeyError(names[0])
    return control_views.whole_entry(entry)


def _orders(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.world.settle()
    with sandbox.world.store.transaction():
        book = Book(sandbox.world, sandbox.clock.now())
        return {"orders": [_order(sandbox, book, order) for order in book.last(fields.get("limit", _SHOWN))]}


def _order(sandbox: Gateway, book: Book, order: Order) -> dict[str, Any]:
    whole = book.combined_by_id(order.combined).number if order.combined else None
    return control_views.order_row(order, sandbox.base_url, whole)


def _one_order(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.world.settle()
    with sandbox.world.store.transaction():
        book = Book(sandbox.world, sandbox.clock.now())
        found = book.find_by_number(names[0])
        if found is None:
            raise UnknownNumber("order", names[0])
        return _order(sandbox, book, found) if isinstance(found, Order) else control_views.combined_view(found)


def _refunds(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.world.settle()
    with sandbox.world.store.transaction():
        book = Book(sandbox.world, sandbox.clock.now())
        found = Refunds(sandbox.world, sandbox.clock.now()).last(fields.get("limit", _SHOWN))
        return {"refunds": [control_views.refund_row(each, book.by_id(each.order_id)) for each in found]}


def _transfers(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.world.settle()
    found = Transfers(sandbox.world, sandbox.clock.now()).last(fields.get("limit", _SHOWN))
    return {"transfers": [control_views.transfer_row(each) for each in found]}


def _notices(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    return {"notices": [control_views.notice_row(sent) for sent in sandbox.notices.last(fields.get("limit", _SHOWN))]}


def _events(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    return {"events": [{"event_type": name, "summary": known.summary} for name, known in events().items()]}


def _faults(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    return {
        "faults": [control_views.fault_row(rule) for rule in sandbox.faults.rules],
        "answers": [control_views.scripted_row(each) for each in sandbox.faults.answers],
        "names": list(NAMES),
    }


def _configuration(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    return {**sandbox.description(), "environment": sandbox.environment()}


def _snippets(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    made = sample_programs.snippets(sandbox.description())
    return {"snippets": [{"name": each.name, "title": each.title, "text": each.text} for each in made]}


def _pay(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    openid = _text_of(fields, "openid") or None
    return {"out_trade_no": names[0], "transaction_id": sandbox.pay(names[0], openid)}


def _close(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.close_order(names[0])
    return {"out_trade_no": names[0], "trade_state": "CLOSED"}


def _ask_refund(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    number, reason = _text_of(fields, "out_refund_no"), _text_of(fields, "reason")
    made = sandbox.ask_refund(names[0], fields.get("amount"), number, reason)
    with sandbox.world.store.transaction():
        refund = Refunds(sandbox.world, sandbox.clock.now()).find_by_number(made)
        if refund is None:
            raise KeyError(made)
        return control_views.refund_row(refund, Book(sandbox.world, sandbox.clock.now()).by_id(refund.order_id))


def _refund(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.refund(names[0], names[1])
    return {"out_refund_no": names[0], "status": names[1]}


def _complain(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    detail = _text_of(fields, "detail")
    return {"out_trade_no": names[0], "complaint_id": sandbox.complain(names[0], detail)}


def _applyment(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.applyment(names[0], names[1], _text_of(fields, "reason"))
    return {"number": names[0], "state": names[1]}


def _payscore(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.payscore(names[0], names[1])
    return {"out_order_no": names[0], "state": names[1]}


def _transfer(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.transfer(names[0], names[1], _text_of(fields, "fail_reason"))
    return {"out_bill_no": names[0], "state": names[1]}


def _resend(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    if not sandbox.notices.again(names[0]):
        raise KeyError(names[0])
    return {"id": names[0], "state": "waiting"}


def _push(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    resource = fields.get("resource")
    if resource is not None and not isinstance(resource, dict):
        raise Refusal(400, "PARAM_ERROR", f"resource: expected an object, found {resource!r:.40}")
    done = sandbox.push(_text_of(fields, "event_type"), resource, notify_url=_text_of(fields, "url"))
    return {"id": done.id, "accepted": done.accepted, "status": done.status, "told": done.tries[-1].told}


def _add_fault(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    if "name" not in fields:
        raise Refusal(400, "PARAM_ERROR", f"name: missing; expected {', '.join(NAMES)}, or an error code")
    return control_views.fault_row(sandbox.faults.add(Fault(**fields)))


def _remove_fault(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    if not sandbox.faults.remove(int(names[0])):
        raise KeyError(names[0])
    return {"status": "ok"}


def _clear_faults(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.faults.clear()
    return {"status": "ok"}


def _add_answer(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    lacks = [name for name in ("method", "path", "status") if name not in fields]
    if lacks:
        raise Refusal(400, "PARAM_ERROR", f"{lacks[0]}: missing")
    return control_views.scripted_row(sandbox.faults.script(Scripted(**fields)))


def _set_clock(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    if not fields:
        raise Refusal(400, "PARAM_ERROR", 'expected "advance" (seconds), "factor" (0 stands still) or "set" (a time)')
    # First one that nobody goes by: what is wrong is told before anything is changed.
    for clock in (Clock(), sandbox.clock):
        if "factor" in fields:
            clock.factor = fields["factor"]
        if "set" in fields:
            clock.set(fields["set"])
        if clock is not sandbox.clock:
            clock.advance(fields.get("advance", 0))
    sandbox.advance(fields.get("advance", 0))
    return _clock(sandbox, (), {})


def _reset(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.reset()
    return {"status": "ok"}


# Method, path, reply, and the fields that it takes: in the query of a GET, in the body of the others.
_ROUTES: tuple[tuple[str, str, _Reply, tuple[str, ...]], ...] = (
    ("GET", "health", _health, ()),
    ("GET", "requests", _requests, ("limit", *_FILTERS)),
    ("GET", "requests/([0-9]{1,15})", _one_request, ()),
    ("GET", "orders", _orders, ("limit",)),
    ("GET", "orders/([^/]+)", _one_order, ()),
    ("POST", "orders/([^/]+)/pay", _pay, ("openid",)),
    ("POST", "orders/([^/]+)/close", _close, ()),
    ("POST", "orders/([^/]+)/refund", _ask_refund, ("amount", "out_refund_no", "reason")),
    ("POST", "orders/([^/]+)/complain", _complain, ("detail",)),
    ("GET", "refunds", _refunds, ("limit",)),
    ("POST", "refunds/([^/]+)/([^/]+)", _refund, ()),
    ("GET", "transfers", _transfers, ("limit",)),
    ("POST", "transfers/([^/]+)/([^/]+)", _transfer, ("fail_reason",)),
    ("POST", "applyments/([^/]+)/([^/]+)", _applyment, ("reason",)),
    ("POST", "payscore/([^/]+)/([^/]+)", _payscore, ()),
    ("GET", "notices", _notices, ("limit",)),
    ("POST", "notices/([^/]+)/resend", _resend, ()),
    ("POST", "push", _push, ("event_type", "url", "resource")),
    ("GET", "events", _events, ()),
    ("GET", "faults", _faults, ()),
    ("POST", "faults", _add_fault, ("name", "method", "path", "times", "when", "rate", "seconds")),
    ("DELETE", "faults", _clear_faults, ()),
    ("DELETE", "faults/([0-9]{1,15})", _remove_fault, ()),
    ("POST", "answers", _add_answer, ("method", "path", "status", "body", "times", "headers")),
    ("GET", "configuration", _configuration, ()),
    ("GET", "snippets", _snippets, ()),
    ("GET", "clock", _clock, ()),
    ("POST", "clock", _set_clock, ("advance", "factor", "set")),
    ("POST", "reset", _reset, ()),
)
