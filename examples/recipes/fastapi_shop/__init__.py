"""A shop in FastAPI: orders with a QR code, notices, queries and refunds, all awaited; its orders lie in SQLite.

``WECHATPAY_…`` configure the merchant, ``SHOP_URL`` is the address under which WeChat Pay reaches the shop.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from wechatpay_chain import Notification, Wechatpay, errors
from wechatpay_chain.web import Seen
from wechatpay_chain.web.fastapi import receive

__all__ = ["create_app"]

APPID = os.environ.get("SHOP_APPID", "wxd678efh567hg6787")
# What the shop sells, and for how many fen: a customer names the goods, never the price.
GOODS = {"book": ("A book", 4900)}


def create_app() -> FastAPI:
    """The shop, for uvicorn or any other ASGI server."""
    wxpay, file = Wechatpay.from_env(), os.environ.get("SHOP_DB", "shop.sqlite")
    transactions = wxpay.v3.pay.transactions

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # The client's connections live as long as the application.
        async with wxpay:
            await books("CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, total INTEGER, state TEXT)")
            yield

    def execute(statement: str, *values: Any) -> Any:
        with sqlite3.connect(file) as connection:
            return connection.execute(statement, values).fetchone()

    async def books(statement: str, *values: Any) -> Any:
        return await asyncio.to_thread(execute, statement, *values)

    app = FastAPI(lifespan=lifespan)

    @app.post("/goods/{name}/orders")
    async def order(name: str) -> dict[str, Any]:
        if name not in GOODS:
            raise HTTPException(404)
        description, total = GOODS[name]
        number = uuid.uuid4().hex
        # Written before it is sent: an order that WeChat Pay knows is never unknown here.
        await books("INSERT INTO orders VALUES (?, ?, 'NOTPAY')", number, total)
        fields = {"appid": APPID, "mchid": wxpay.mchid, "description": description, "out_trade_no": number}
        fields |= {"notify_url": f"{os.environ['SHOP_URL']}/notify"}
        body = {**fields, "amount": {"total": total, "currency": "CNY"}}
        answer = await transactions.native.post_async(body, retry=3)
        return {"number": number, "code_url": answer.data["code_url"]}

    @app.post("/notify")
    @receive(wxpay, seen=Seen(f"{file}.notices"))
    async def notify(notice: Notification) -> None:
        if notice.event_type == "TRANSACTION.SUCCESS":
            await books("UPDATE orders SET state='SUCCESS' WHERE number=?", notice.resource["out_trade_no"])

    @app.get("/orders/{number}")
    async def show(number: str) -> dict[str, Any]:
        node = transactions.outTradeNo._out_trade_no_
        row = await books("SELECT state FROM orders WHERE number=?", number)
        if row is None:
            raise HTTPException(404)
        # A notice may be late: what WeChat Pay says now counts.
        query = await node.get_async(params={"mchid": wxpay.mchid}, out_trade_no=number)
        return {"number": number, "noticed": row[0] == "SUCCESS", "state": query.data["trade_state"]}

    @app.post("/orders/{number}/refund")
    async def refund(number: str) -> dict[str, Any]:
        row = await books("SELECT total FROM orders WHERE number=?", number)
        if row is None:
            raise HTTPException(404)
        (total,) = row
        # The same number refunds once, however often the button is pressed.
        fields = {"out_trade_no": number, "out_refund_no": f"refund-{number}"}
        amount = {"refund": total, "total": total, "currency": "CNY"}
        answer = await wxpay.v3.refund.domestic.refunds.post_async({**fields, "amount": amount}, retry=3)
        return {"number": number, "refund": answer.data["status"]}

    @app.exception_handler(errors.ApiError)
    async def refused(request: Request, error: Any) -> JSONResponse:
        return JSONResponse({"code": error.code, "message": error.message}, status_code=502)

    return app
