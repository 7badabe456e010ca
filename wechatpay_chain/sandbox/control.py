"""The sandbox's own pages and its control over HTTP: for programs in any language, and for a payer with a browser.

``/_/…`` speaks JSON; what changes something has to say ``Content-Type: application/json`` and to come from this very
host, so that no web page of another origin can do it.
"""

from __future__ import annotations

import html
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from wechatpay_chain.errors import ArgumentError
from wechatpay_chain.sandbox import console, payer
from wechatpay_chain.sandbox.answer import Answer, Received, Refusal
from wechatpay_chain.sandbox.book import STATES, Book, Combined, Order
from wechatpay_chain.sandbox.clock import Clock, rfc3339
from wechatpay_chain.sandbox.outbox import Outbox, Sent
from wechatpay_chain.sandbox.views import combined_view, order_view
from wechatpay_chain.sandbox.world import World

__all__ = ["Gateway", "answer"]

_ROOT = "/_/"
# Where a payer comes to: code_url after its scheme, and h5_url.
_PAGES = ("/wxpay/bizpayurl", "/cgi-bin/mmpayweb-bin/checkmweb")
_SHOWN = 100
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_JSON = "application/json"


class Gateway(Protocol):
    """What is steered: a sandbox, as its Python users have it."""

    world: World
    clock: Clock
    notices: Outbox
    requests: deque[Received]

    @property
    def base_url(self) -> str:
        """Where it listens."""
        ...

    @property
    def mchid(self) -> str:
        """Its merchant."""
        ...

    def pay(self, out_trade_no: str, openid: str | None = None) -> str:
        """Pay an order."""
        ...

    def refund(self, out_refund_no: str, status: str = "SUCCESS") -> None:
        """End a refund."""
        ...

    def transfer(self, out_bill_no: str, state: str = "SUCCESS", fail_reason: str = "") -> None:
        """End a transfer."""
        ...

    def advance(self, seconds: float) -> None:
        """Move the clock."""
        ...

    def reset(self) -> None:
        """Forget everything."""
        ...


def answer(sandbox: Gateway, request: Received) -> Answer | None:
    """The answer to a request of the sandbox's own, None for one of WeChat Pay's."""
    path, _, query = request.target.partition("?")
    if path in _PAGES:
        return _page(sandbox, request, {name: values[-1] for name, values in parse_qs(query).items()})
    if not path.startswith(_ROOT):
        return None
    try:
        _check_host(sandbox, request)
        static = console.answer(request.method, request.target)
        if static is not None:
            return static
        told = _control(sandbox, request, path.removeprefix(_ROOT), query)
    except Refusal as refusal:
        return _own(Answer.of(refusal.status, refusal.payload))
    return _own(Answer.of(200, told))


def _own(made: Answer) -> Answer:
    made.is_signed = False
    made.headers["Cache-Control"] = "no-store"
    return made


def _control(sandbox: Gateway, request: Received, path: str, query: str) -> Any:
    methods = {method for method, pattern, _ in _ROUTES if re.fullmatch(pattern, path)}
    if not methods:
        raise Refusal(404, "NOT_FOUND", f"the sandbox has no /_/{path}")
    method = "GET" if request.method == "HEAD" else request.method
    if method not in methods:
        raise Refusal(405, "METHOD_NOT_ALLOWED", f"/_/{path} takes {', '.join(sorted(methods))}, not {method}")
    fields = {} if method == "GET" else _body(request)
    limit = parse_qs(query).get("limit", [f"{_SHOWN}"])[-1]
    fields = {"limit": int(limit) if limit.isdecimal() and len(limit) < 6 else _SHOWN, **fields}
    for own, pattern, reply in _ROUTES:
        matched = re.fullmatch(pattern, path)
        if own == method and matched:
            try:
                return reply(sandbox, tuple(map(unquote, matched.groups())), fields)
            except KeyError as error:
                raise Refusal(404, "NOT_FOUND", f"{error.args[0]!r:.80} is not there") from None
            except (ValueError, ArgumentError) as error:
                if isinstance(error, Refusal):
                    raise
                status = 400 if isinstance(error, ArgumentError) else 409
                raise Refusal(status, "PARAM_ERROR" if status == 400 else "CONFLICT", str(error)) from None
    raise Refusal(404, "NOT_FOUND", path)


def _check_host(sandbox: Gateway, request: Received) -> None:
    """Refuse a page of another origin, and a name that was only made to point here."""
    host, served = request.headers.get("Host", ""), urlsplit(sandbox.base_url)
    name, own = urlsplit(f"//{host}").hostname or "", served.hostname or ""
    # Who listens for other machines is called by names that this one does not know.
    if host and own in _LOOPBACK and name not in _LOOPBACK:
        raise Refusal(403, "FORBIDDEN", f"Host: expected {served.netloc}, found {host:.80}")
    origin = request.headers.get("Origin", "")
    if origin and origin.partition("://")[2] != host:
        raise Refusal(403, "FORBIDDEN", f"Origin: a page of {origin:.80} has no business here")


def _body(request: Received) -> dict[str, Any]:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != _JSON:
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", f"Content-Type: expected {_JSON}, found {kind[:40]!r}")
    try:
        fields = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise Refusal(400, "PARAM_ERROR", "the body is no JSON object")
    return fields


def _health(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    clock = sandbox.clock
    return {"status": "ok", "mchid": sandbox.mchid, "clock": {"time": rfc3339(clock.now()), "factor": clock.factor}}


def _orders(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    return {"orders": [_order(order) for order in Book(sandbox.world, sandbox.clock.now()).last(fields["limit"])]}


def _order(order: Order) -> dict[str, Any]:
    return {
        **order_view(order),
        "total": order.total,
        "refunded": order.refunded,
        "create_time": rfc3339(order.created),
    }


def _one_order(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.world.settle()
    with sandbox.world.store.transaction():
        found = Book(sandbox.world, sandbox.clock.now()).numbered(names[0])
    if found is None:
        raise KeyError(names[0])
    return _order(found) if isinstance(found, Order) else combined_view(found)


def _pay(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    openid = fields.get("openid")
    if openid is not None and (not isinstance(openid, str) or not openid):
        raise Refusal(400, "PARAM_ERROR", f"openid: expected text, found {openid!r:.40}")
    return {"out_trade_no": names[0], "transaction_id": sandbox.pay(names[0], openid)}


def _refund(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.refund(names[0], names[1])
    return {"out_refund_no": names[0], "status": names[1]}


def _transfer(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.transfer(names[0], names[1], str(fields.get("fail_reason", "")))
    return {"out_bill_no": names[0], "state": names[1]}


def _clock(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    given = [name for name in ("advance", "factor", "set") if name in fields]
    if not given:
        raise Refusal(400, "PARAM_ERROR", 'expected "advance" (seconds), "factor" (0 stands still) or "set" (a time)')
    if "factor" in fields:
        sandbox.clock.factor = fields["factor"]
    if "set" in fields:
        sandbox.clock.set(fields["set"])
    sandbox.advance(fields.get("advance", 0))
    return _health(sandbox, (), {})["clock"]


def _reset(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    sandbox.reset()
    return {"status": "ok"}


def _requests(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    newest = list(sandbox.requests)[-fields["limit"] :][::-1]
    return {"requests": [_request(request) for request in newest]}


def _request(request: Received) -> dict[str, Any]:
    body = request.body[:65_536].decode("utf-8", "replace")
    return {"method": request.method, "target": request.target, "verdict": request.verdict, "body": body}


def _notices(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    return {"notices": [_notice(sent) for sent in sandbox.notices.last(fields["limit"])]}


def _notice(sent: Sent) -> dict[str, Any]:
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


def _resend(sandbox: Gateway, names: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    if not sandbox.notices.again(names[0]):
        raise KeyError(names[0])
    return {"id": names[0], "state": "waiting"}


_Reply = Callable[[Gateway, tuple[str, ...], Mapping[str, Any]], Any]
_ROUTES: tuple[tuple[str, str, _Reply], ...] = (
    ("GET", "health", _health),
    ("GET", "orders", _orders),
    ("GET", "orders/([^/]+)", _one_order),
    ("POST", "orders/([^/]+)/pay", _pay),
    ("POST", "refunds/([^/]+)/([A-Z]+)", _refund),
    ("POST", "transfers/([^/]+)/([A-Z]+)", _transfer),
    ("GET", "requests", _requests),
    ("GET", "notices", _notices),
    ("POST", "notices/([^/]+)/resend", _resend),
    ("POST", "clock", _clock),
    ("POST", "reset", _reset),
)


def _page(sandbox: Gateway, request: Received, query: Mapping[str, str]) -> Answer:
    """What a payer sees who opened a code or an H5 page; a click pays."""
    try:
        _check_host(sandbox, request)
    except Refusal as refusal:
        return _own(Answer.of(refusal.status, refusal.payload))
    token, back = query.get("pr") or query.get("package", ""), query.get("redirect_url", "")
    if request.method == "POST":
        return _paid(sandbox, token, back)
    if request.method not in ("GET", "HEAD"):
        return _own(Answer(405, is_signed=False))
    sandbox.world.settle()
    with sandbox.world.store.transaction():
        book = Book(sandbox.world, sandbox.clock.now())
        found = book.by_token(token) if token else None
        is_fresh = found is not None and book.is_fresh(found)
    if found is None or not is_fresh:
        return _html(404, "二维码已过期", "<p>商家订单信息有误，请重新下单支付</p>")
    return _html(200, f"¥{found.total / 100:.2f}", _form(found))


def _form(found: Order | Combined) -> str:
    parts = [found] if isinstance(found, Order) else found.orders
    rows = "".join(
        f"<p>{html.escape(order.data['description'])} <small>{html.escape(order.out_trade_no)}</small></p>"
        for order in parts
    )
    if found.state in ("NOTPAY", "USERPAYING"):
        return f'{rows}<form method="post"><button>支付 Pay</button></form>'
    return f"{rows}<p>{STATES[found.state]}</p>"


def _paid(sandbox: Gateway, token: str, back: str) -> Answer:
    try:
        sandbox.world.settle()
        number = payer.pay_token(sandbox.world, token)
    except KeyError:
        return _html(404, "二维码已过期", "<p>商家订单信息有误，请重新下单支付</p>")
    except payer.PaymentRefused as error:
        return _html(409, "无法支付", f"<p>{html.escape(str(error))}</p>")
    if back and urlsplit(back).scheme in ("http", "https") and back.isprintable() and back.isascii():
        made = _html(303, "支付成功", "")
        made.headers["Location"] = back
        return made
    return _html(200, "支付成功", f"<p>{number}</p>")


def _html(status: int, title: str, inner: str) -> Answer:
    page = (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><body style='font-family:sans-serif;max-width:30em;margin:3em auto;text-align:center'>"
        f"<small>沙箱 sandbox</small><h1>{title}</h1>{inner}</body></html>"
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "X-Frame-Options": "DENY",
    }
    return _own(Answer(status, page.encode(), headers, is_signed=False))
