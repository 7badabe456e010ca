"""The shop's pages: they answer at once, and leave what may take long to the workers."""

from __future__ import annotations

import os
import uuid

from flask import Flask, Response, jsonify, request

from celery_shop.tasks import books, client, refund, ship
from wechatpay_chain import Notification
from wechatpay_chain.web.flask import receive

__all__ = ["create_app"]

APPID = os.environ.get("SHOP_APPID", "wxd678efh567hg6787")


def create_app() -> Flask:
    """The shop, for gunicorn or any other WSGI server."""
    app, wxpay = Flask(__name__), client()

    @app.post("/orders")
    def order() -> Response:
        number, total = uuid.uuid4().hex, int(request.json["total"])  # fen
        books("INSERT INTO orders VALUES (?, ?, 'NOTPAY')", number, total)
        fields = {"appid": APPID, "mchid": wxpay.mchid, "description": request.json["description"]}
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
        (state,) = books("SELECT state FROM orders WHERE number=?", number)
        return jsonify(number=number, state=state)

    @app.post("/orders/<number>/refund")
    def ask_for_refund(number: str) -> Response:
        refund.delay(number)
        return jsonify(number=number, refund="ACCEPTED")

    return app
