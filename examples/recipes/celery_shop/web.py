"""The shop's pages: they answer at once, and leave what may take long to the workers."""

from __future__ import annotations

import os
import uuid

from flask import Flask, Response, abort, jsonify

from celery_shop.tasks import books, client, refund, ship
from wechatpay_chain import Notification
from wechatpay_chain.web.flask import receive

__all__ = ["create_app"]

APPID = os.environ.get("SHOP_APPID", "wxd678efh567hg6787")
# What the shop sells, and for how many fen: a customer names the goods, never the price.
GOODS = {"book": ("A book", 4900)}


def create_app() -> Flask:
    """The shop, for gunicorn or any other WSGI server."""
    app, wxpay = Flask(__name__), client()

    @app.post("/goods/<name>/orders")
    def order(name: str) -> Response:
        description, total = GOODS.get(name) or abort(404)
        number = uuid.uuid4().hex
        books("INSERT INTO orders VALUES (?, ?, 'NOTPAY')", number, total)
        fields = {"appid": APPID, "mchid": wxpay.mchid, "description": description}
        fields |= {"out_trade_no": number, "notify_url": f"{os.environ['SHOP_URL']}/notify"}
        body = {**fields, "amount": {"total": total, "currency": "CNY"}}
        return jsonify(number=number, code_url=wxpay.v3.pay.transactions.native.post(body, retry=3).data["code_url"])

    @app.post("/notify")
    @receive(wxpay)
    def notify(notice: Notification) -> None:
        # Given to the broker before WeChat Pay is answered; where that fails, the notice comes again.
        if notice.event_type == "TRANSACTION.SUCCESS":
            ship.delay(notice.resource["out_trade_no"])

    @app.get("/orders/<number>")
    def show(number: str) -> Response:
        (state,) = books("SELECT state FROM orders WHERE number=?", number) or abort(404)
        return jsonify(number=number, state=state)

    @app.post("/orders/<number>/refund")
    def ask_for_refund(number: str) -> Response:
        if books("SELECT total FROM orders WHERE number=?", number) is None:
            abort(404)
        refund.delay(number)
        return jsonify(number=number, refund="ACCEPTED")

    return app
