"""A shop in Flask: an order page with a QR code, the notice, a query, and a refund.

Run it as it stands: it sells one book to a customer in a sandbox. For WeChat Pay's own set the ``WECHATPAY_``
variables and the shop's address, ``SHOP_URL``: ``gunicorn --pythonpath examples 'shop:create_app()'``
"""

import os
import uuid
from collections.abc import Callable
from typing import Any

import segno
from flask import Flask

from wechatpay_chain import Notification, Sandbox, Wechatpay
from wechatpay_chain.web.flask import receive

APPID, PRICE = "wxd678efh567hg6787", {"total": 4900, "currency": "CNY"}


def create_app(wxpay: Wechatpay | None = None, url: str = "", ship: Callable[[str], Any] = print) -> Flask:
    wxpay, url, app = wxpay or Wechatpay.from_env(), url or os.environ["SHOP_URL"], Flask(__name__)

    @app.post("/orders")
    def order() -> str:
        number = uuid.uuid4().hex
        fields = {"appid": APPID, "mchid": wxpay.mchid, "description": "A book", "out_trade_no": number}
        answer = wxpay.v3.pay.transactions.native.post({**fields, "notify_url": f"{url}/notify", "amount": PRICE})
        code = segno.make(answer.data["code_url"]).png_data_uri(scale=6)
        return f'<p>¥49.00<p><img src="{code}" alt="scan to pay"><p><a href="/orders/{number}">I have paid</a>'

    @app.get("/orders/<number>")
    def show(number: str) -> str:
        # A notice may be late or lost: what counts is what WeChat Pay says now.
        node = wxpay.v3.pay.transactions.outTradeNo._out_trade_no_
        state = node.get(params={"mchid": wxpay.mchid}, out_trade_no=number).data["trade_state"]
        return f'<p>order: {state}</p><form method="post" action="{number}/refund"><button>Refund</button></form>'

    @app.post("/notify")
    @receive(wxpay)
    def notify(notification: Notification) -> None:
        # Verified and decrypted. It may come twice: what is done here has to be harmless when it is done again.
        if notification.event_type == "TRANSACTION.SUCCESS":
            ship(notification.resource["out_trade_no"])

    @app.post("/orders/<number>/refund")
    def refund(number: str) -> str:
        # The same out_refund_no is the same refund: pressing the button twice pays back once.
        fields = {"out_trade_no": number, "out_refund_no": f"refund-{number}", "amount": {"refund": 4900, **PRICE}}
        return f"<p>refund: {wxpay.v3.refund.domestic.refunds.post(fields).data['status']}</p>"

    return app


if __name__ == "__main__":
    with Sandbox() as gateway, gateway.client() as own:
        customer = create_app(own, "https://shop.example").test_client()
        number = customer.post("/orders").text.partition("/orders/")[2].partition('"')[0]
        gateway.pay(number)
        print(customer.get(f"/orders/{number}").text, customer.post(f"/orders/{number}/refund").text, sep="\n")
