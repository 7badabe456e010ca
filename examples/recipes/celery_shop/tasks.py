"""What workers do. Each process of a worker makes a client of its own, from the environment."""

from __future__ import annotations

import os
import sqlite3
from functools import cache
from typing import Any

from celery import Celery

from wechatpay_chain import Wechatpay, errors

__all__ = ["app", "books", "client", "refund", "ship"]

app = Celery("celery_shop")
app.conf.broker_url = os.environ.get("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0")
app.conf.result_backend = os.environ.get("CELERY_RESULT_BACKEND", app.conf.broker_url)
# A task that a dying worker held is given to another one: every task here may run twice.
app.conf.task_acks_late = True
if folder := os.environ.get("SHOP_QUEUE"):  # a broker without a server, for one machine
    app.conf.broker_url = "filesystem://"
    app.conf.broker_transport_options = {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "processed_folder": folder,
        "control_folder": folder,
    }
    app.conf.result_backend = f"file://{folder}"

# The result is not known, or it is too early: the same request with the same number is safe.
AGAIN = (errors.TransportError, errors.VerificationError, errors.ServerError, errors.RateLimited)


@cache
def client() -> Wechatpay:
    """The client of this process."""
    return Wechatpay.from_env()


def books(statement: str, *values: Any) -> Any:
    """One statement on the shop's orders."""
    with sqlite3.connect(os.environ.get("SHOP_DB", "shop.sqlite")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, total INTEGER, state TEXT)")
        return connection.execute(statement, values).fetchone()


@app.task(autoretry_for=AGAIN, retry_backoff=True, retry_backoff_max=600, max_retries=None)
def ship(number: str) -> None:
    """Ship an order, after WeChat Pay itself has said that it is paid."""
    node = client().v3.pay.transactions.outTradeNo._out_trade_no_
    state = node.get(params={"mchid": client().mchid}, out_trade_no=number).data["trade_state"]
    if state == "SUCCESS":
        books("UPDATE orders SET state='SHIPPED' WHERE number=? AND state='NOTPAY'", number)


@app.task(autoretry_for=AGAIN, retry_backoff=True, retry_backoff_max=600, max_retries=None)
def refund(number: str) -> str:
    """Pay an order back; the same ``out_refund_no`` refunds once, however often the task runs."""
    (total,) = books("SELECT total FROM orders WHERE number=?", number)
    fields = {"out_trade_no": number, "out_refund_no": f"refund-{number}"}
    amount = {"refund": total, "total": total, "currency": "CNY"}
    status: str = client().v3.refund.domestic.refunds.post({**fields, "amount": amount}).data["status"]
    books("UPDATE orders SET state='REFUNDED' WHERE number=?", number)
    return status
