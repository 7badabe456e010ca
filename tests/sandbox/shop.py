"""What a shop does with the sandbox, in few words: its orders, refunds and notices."""

from __future__ import annotations

import itertools
import json
from typing import Any

import requests

from wechatpay_chain import Sandbox, Wechatpay

# Nobody listens there: a notice costs an attempt, and goes nowhere.
NOWHERE = "http://127.0.0.1:9/notify"
APPID = "wx8888888888888888"
# The body of an order, but for the merchant's number.
ORDER: dict[str, Any] = {
    "appid": APPID,
    "description": "a",
    "out_trade_no": "T100001",
    "notify_url": NOWHERE,
    "amount": {"total": 3},
}
_COUNT = itertools.count(10**6)


def number(prefix: str = "shop") -> str:
    """A number that was not used before."""
    return f"{prefix}{next(_COUNT)}"


def order(gateway: Sandbox, way: str = "native", **changes: Any) -> dict[str, Any]:
    """The body of an order; a change to ``...`` leaves the field out."""
    body: dict[str, Any] = {
        "appid": APPID,
        "mchid": gateway.mchid,
        "description": "茶",
        "out_trade_no": number(),
        "notify_url": NOWHERE,
        "amount": {"total": 100, "currency": "CNY"},
    }
    if way == "jsapi":
        body["payer"] = {"openid": "oPayer"}
    if way == "h5":
        body["scene_info"] = {"payer_client_ip": "14.23.150.211", "h5_info": {"type": "Wap"}}
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


def partner(gateway: Sandbox, way: str = "native", **changes: Any) -> dict[str, Any]:
    """The body of a service provider's order."""
    body = order(gateway, way, appid=..., mchid=..., sp_appid=APPID, sp_mchid=gateway.mchid, sub_mchid="1900000001")
    if way == "jsapi":
        body["payer"] = {"sp_openid": "oPayer"}
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


def combined(gateway: Sandbox, **changes: Any) -> dict[str, Any]:
    """The body of two orders that are paid together."""
    parts = [
        {
            "mchid": mchid,
            "attach": "a",
            "amount": {"total_amount": total, "currency": "CNY"},
            "out_trade_no": number("part"),
            "description": "茶",
        }
        for mchid, total in ((gateway.mchid, 30), ("1900000002", 70))
    ]
    body = {
        "combine_appid": APPID,
        "combine_mchid": gateway.mchid,
        "combine_out_trade_no": number("whole"),
        "sub_orders": parts,
        "notify_url": NOWHERE,
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


def v2(gateway: Sandbox, **changes: Any) -> dict[str, Any]:
    """The fields of an APIv2 order."""
    fields = {
        "appid": APPID,
        "mch_id": gateway.mchid,
        "body": "茶",
        "out_trade_no": number("old"),
        "total_fee": 100,
        "spbill_create_ip": "127.0.0.1",
        "notify_url": NOWHERE,
        "trade_type": "NATIVE",
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not ...}


def refund(order_number: str, refunded: int, total: int = 100, **changes: Any) -> dict[str, Any]:
    """The body of a refund."""
    money = {"refund": refunded, "total": total, "currency": "CNY"}
    return {"out_trade_no": order_number, "out_refund_no": number("back"), "amount": money} | changes


def query(wxpay: Wechatpay, gateway: Sandbox, out_trade_no: str) -> dict[str, Any]:
    """An order as a query tells it."""
    node = wxpay.v3.pay.transactions.outTradeNo._no_
    told: dict[str, Any] = node.get(no=out_trade_no, params={"mchid": gateway.mchid}).data
    return told


def control(gateway: Sandbox, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and JSON of the control API, as a program in any language asks it."""
    sent = {"Content-Type": "application/json", **headers}
    data = None if method == "GET" else json.dumps({} if body is None else body)
    with requests.Session() as session:
        session.trust_env = False
        if gateway.ca_file is not None:
            session.verify = str(gateway.ca_file)
        answer = session.request(method, f"{gateway.base_url}/_/{path}", data=data, headers=sent, timeout=10)
    return answer.status_code, answer.json()
