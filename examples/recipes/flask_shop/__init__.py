"""A shop in Flask: orders with a QR code, notices, queries and refunds; its orders lie in SQLite.

``WECHATPAY_…`` configure the merchant, ``SHOP_URL`` is the address under which WeChat Pay reaches the shop.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from typing import Any

from flask import Flask, Response, abort, jsonify

from wechatpay_chain import Notification, Wechatpay, errors
from wechatpay_chain.web import Seen
from wechatpay_chain.web.flask import receive

__all__ = ["create_app"]

APPID = os.environ.get("SHOP_APPID", "wxd678efh567hg6787")
# What the shop sells, and for how many fen: a customer names the goods, never the price.
GOODS = {"book": ("A book", 4900)}


def create_app() -> Flask:
    """The shop, for gunicorn or any other WSGI server."""
    app, wxpay, file = Flask(__name__), Wechatpay.from_env(), os.environ.get("SHOP_DB", "shop.sqlite")
    transactions = wxpay.v3.pay.transactions

    def books() -> sqlite3.Connection:
        return sqlite3.connect(file)

    with books() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, total INTEGER, state TEXT)")

    @app.post("/goods/<name>/orders")
    def order(name: str) -> Response:
        description, total = GOODS.get(name) or abort(404)
        number = uuid.uuid4().hex
        # Written before it is sent: an order that WeChat Pay knows is never unknown here.
        with books() as connection:
            connection.execute("INSERT INTO orders VALUES (?, ?, 'NOTPAY')", (number, total))
        fields = {"appid": APPID, "mchid": wxpay.mchid, "description": description}
        fields |= {"out_trade_no": number, "notify_url": f"{os.environ['SHOP_URL']}/notify"}
        answer = transactions.native.post({**fields, "amount": {"total": total, "currency": "CNY"}}, retry=3)
        return jsonify(number=number, code_url=answer.data["code_url"])

    @app.post("/notify")
    @receive(wxpay, seen=Seen(f"{file}.notices"))
    def notify(notice: Notification) -> None:
        if notice.event_type == "TRANSACTION.SUCCESS":
            with books() as connection:
                number = notice.resource["out_trade_no"]
                connection.execute("UPDATE orders SET state='SUCCESS' WHERE number=?", (number,))

    @app.get("/orders/<number>")
    def show(number: str) -> Response:
        with books() as connection:
            row = connection.execute("SELECT state FROM orders WHERE number=?", (number,)).fetchone()
        (state,) = row or abort(404)
        # A notice may be late: what WeChat Pay says now counts.
        query = transactions.outTradeNo._out_trade_no_.get(params={"mchid": wxpay.mchid}, out_trade_no=number)
        return jsonify(number=number, noticed=state == "SUCCESS", state=query.data["trade_state"])

    @app.post("/orders/<number>/refund")
    def refund(number: str) -> Response:
        with books() as connection:
            row = connection.execute("SELECT total FROM orders WHERE number=?", (number,)).fetchone()
        (total,) = row or abort(404)
        # The same number refunds once, however often the button is pressed.
        fields = {"out_trade_no": number, "out_refund_no": f"refund-{number}"}
        amount = {"refund": total, "total": total, "currency": "CNY"}
        answer = wxpay.v3.refund.domestic.refunds.post({**fields, "amount": amount}, retry=3)
        return jsonify(number=number, refund=answer.data["status"])

    @app.errorhandler(errors.ApiError)
    def refused(error: Any) -> tuple[Response, int]:
        return jsonify(code=error.code, message=error.message), 502

    return app
