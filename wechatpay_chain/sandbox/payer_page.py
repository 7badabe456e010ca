"""What a payer sees who opened a code or an H5 page in a browser; a click pays."""

from __future__ import annotations

import html
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from wechatpay_chain.sandbox import access, payer
from wechatpay_chain.sandbox.answer import Answer, Received, Refusal
from wechatpay_chain.sandbox.book import STATES, Book, Combined, Order
from wechatpay_chain.sandbox.world import World

__all__ = ["CODE_PAGE", "answer"]

# Where a payer comes to: code_url after its scheme, and h5_url.
CODE_PAGE = "/wxpay/bizpayurl"
_PAGES = (CODE_PAGE, "/cgi-bin/mmpayweb-bin/checkmweb")


def answer(world: World, is_local: bool, request: Received) -> Answer | None:
    """The page, None where the path is none of a payer's."""
    path, _, query = request.target.partition("?")
    if path not in _PAGES:
        return None
    made = _page(world, is_local, request, {name: values[-1] for name, values in parse_qs(query).items()})
    made.is_signed = False
    made.headers["Cache-Control"] = "no-store"
    return made


def _page(world: World, is_local: bool, request: Received, query: Mapping[str, str]) -> Answer:
    is_click = request.method == "POST"
    try:
        # A shop's page leads here by a link or a redirect: only what pays has to come from here.
        access.check_origin(request, is_local) if is_click else access.check_host(request, is_local)
    except Refusal as refusal:
        return Answer.of(refusal.status, refusal.payload)
    token, back = query.get("pr") or query.get("package", ""), query.get("redirect_url", "")
    if is_click:
        return _pay(world, token, back)
    if request.method not in ("GET", "HEAD"):
        return Answer(405)
    world.settle()
    with world.store.transaction():
        book = Book(world, world.clock.now())
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


def _pay(world: World, token: str, back: str) -> Answer:
    try:
        world.settle()
        number = payer.pay_token(world, token)
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
    return Answer(status, page.encode(), headers)
