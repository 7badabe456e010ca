"""``wechatpay-chain tour``: a first order and the documentation's callback addresses, for real on a sandbox."""

from __future__ import annotations

import argparse
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

if TYPE_CHECKING:
    from wechatpay_chain.client import Wechatpay
    from wechatpay_chain.protocol.notification import Notification

__all__ = ["STOPS", "add_parser", "run"]

# Each line is Python that is run as it stands; run() makes the names in it.
STOPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "A first order: QR code, payment, verified notice, query, refund",
        (
            "wxpay.v3.pay.transactions.native.post("
            '{"appid": "wxd678efh567hg6787", "mchid": mchid, "description": "A book", "out_trade_no": "book-0001", '
            '"notify_url": shop.url, "amount": {"total": 4900, "currency": "CNY"}})',
            'gateway.pay("book-0001")',
            "shop.notice()",
            "wxpay.v3.pay.transactions.outTradeNo._out_trade_no_.get("
            'params={"mchid": mchid}, out_trade_no="book-0001")',
            'wxpay.v3.refund.domestic.refunds.post({"out_trade_no": "book-0001", "out_refund_no": "refund-0001", '
            '"amount": {"refund": 4900, "total": 4900, "currency": "CNY"}})',
        ),
    ),
    (
        "Cash coupons: set and read the callback address, as the JS docs do",
        (
            'wxpay.v3.marketing.favor.callbacks.post({"mchid": mchid, "notify_url": notify_url, "switch": True})',
            'wxpay.v3.marketing.favor.callbacks({"mchid": mchid, "notify_url": notify_url})',
            'wxpay.v3.marketing.favor.callbacks.get({"params": {"mchid": mchid}})',
            'wxpay.v3.marketing.favor.callbacks.get_async({"params": {"mchid": mchid}})'
            '.then(lambda answer: answer.data["notify_url"]).wait()',
        ),
    ),
    (
        "Member cards: patch and read the callback address",
        (
            'wxpay.v3.marketing.membercardOpen.callback.patch({"notify_url": notify_url})',
            "wxpay.v3.marketing.membercardOpen.callback.get({})",
        ),
    ),
    (
        "Cash coupons once more, by their path: text is taken as it is written",
        (
            'wxpay.chain("v3/marketing/favor/callbacks").post({"mchid": mchid, "notify_url": notify_url})',
            'wxpay["v3/marketing/favor/callbacks"].get(params={"mchid": mchid})',
        ),
    ),
    (
        "Delivery plans: a path with a placeholder",
        (
            "wxpay.v3.marketing.partner.deliveryPlan._sp_mchid_.notifyUrl.post("
            '{"notify_url": notify_url}, sp_mchid="298689900")',
            'wxpay.chain("v3/marketing/partner/delivery-plan/<sp_mchid>/notify-url").post('
            '{"notify_url": notify_url}, {"sp_mchid": "298689900"})',
        ),
    ),
    (
        "Product coupons: the three spellings of the PHP docs, async and sync",
        tuple(
            f"{chain}.{call}"
            for call in (
                'postAsync({"json": {"notify_url": notify_url}}).then(lambda answer: str(answer.getBody())).wait()',
                'post({"json": {"notify_url": notify_url}})',
                "getAsync([]).then(lambda answer: str(answer.getBody())).wait()",
                "get([])",
            )
            for chain in (
                "instance.v3.marketing.partner.productCoupon.notifyConfigs",
                'instance.chain("v3/marketing/partner/product-coupon/notify-configs")',
                'instance["v3/marketing/partner/product-coupon/notify-configs"]',
            )
        ),
    ),
)


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "tour",
        help="see a first order and other real calls on a sandbox",
        description="Make a first order, and set callback addresses as the documentation's examples do, on a sandbox;"
        " print request, verdict and answer of each.",
        examples=("wechatpay-chain tour",),
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Run every line and print it with request, verdict and answer; an error ends the tour."""
    from wechatpay_chain.sandbox import Sandbox

    with Sandbox() as gateway, gateway.client() as wxpay, gateway.builder() as instance, _Shop(wxpay) as shop:
        console.say(f"A sandbox with keys of its own listens at {gateway.base_url}; the merchant is {gateway.mchid}.")
        names = {
            "gateway": gateway,
            "wxpay": wxpay,
            "instance": instance,
            "shop": shop,
            "mchid": gateway.mchid,
            "notify_url": "https://pay.weixin.qq.com",
        }
        made = right = 0
        for title, lines in STOPS:
            console.say(f"\n# {title}")
            for line in lines:
                console.say(f"\n>>> {line}")
                before = len(gateway.requests)
                # The very line that is printed is the one that runs; it comes from this file alone.
                outcome = eval(line, dict(names))  # noqa: S307
                for received in list(gateway.requests)[before:]:
                    console.say(f"    {received.method} {received.target}")
                    console.say(f"    signature: {received.verdict or 'verified by the gateway'}")
                    made, right = made + 1, right + (not received.verdict)
                console.say(f"    answer: {_describe(outcome)}")
                _draw(outcome, console)
        console.say(f"\n{right} of {made} requests were rightly signed, and every answer was verified.")
        console.say(f"Your turn: {sys.argv[0]} --sandbox v3.certificates.get, or --help")
    return Status.OK if right == made else Status.ERROR


class _Shop(HTTPServer):
    """A shop's receiver of notices on a free port."""

    timeout = 10

    def __init__(self, wxpay: Wechatpay) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.wxpay = wxpay
        self.received: list[Notification] = []

    @property
    def url(self) -> str:
        """Where it receives."""
        return f"http://127.0.0.1:{self.server_port}/notify"

    def notice(self) -> Notification:
        """The next notice, verified and decrypted; RuntimeError when none is accepted in time."""
        self.handle_request()
        if not self.received:
            raise RuntimeError("no notice was accepted")
        return self.received.pop()


class _Receiver(BaseHTTPRequestHandler):
    server: _Shop

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(self.server.wxpay.notification(self.headers, body))
        self.send_response_only(204)
        self.end_headers()


def _draw(outcome: Any, console: Console) -> None:
    """The QR code of an address in an answer; a line that says how, where segno is not installed."""
    from wechatpay_chain.display import qrcode
    from wechatpay_chain.response import Response

    if isinstance(outcome, Response):
        for url in qrcode.addresses(outcome.data).values():
            told = "    (the extra repl draws it as a QR code: pip install '.[repl]')"
            console.say("\n".join(qrcode.blocks(url, 80)) or told)


def _describe(outcome: Any) -> str:
    from wechatpay_chain.protocol.notification import Notification
    from wechatpay_chain.response import Response

    if isinstance(outcome, Response):
        return f"{outcome.status} {_json(outcome.data)}"
    if isinstance(outcome, Notification):
        return f"{outcome.event_type}, verified and decrypted: {_json(outcome.resource)}"
    return repr(outcome)


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False)
