"""Orders of APIv3, of merchants and of service providers: placed, asked for, closed.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012791856 (JSAPI), 4012791859 (query), 4012791860 (close), and
https://pay.weixin.qq.com/doc/v3/partner/4012738519 (service providers).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.sandbox import parameters, payer
from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.book import TABLES, Book, Order, OrderError
from wechatpay_chain.sandbox.clock import parse_time
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.views import order_view

__all__ = [
    "ADDRESS",
    "NUMBER",
    "PRODUCT",
    "check_caller",
    "check_currency",
    "check_payer",
    "expires_of",
    "find_order",
    "order_data",
    "payer_links",
    "refusal",
]

NUMBER = Rule(32, 6, re.compile(r"[0-9a-zA-Z_\-|*]+"))
ADDRESS = Rule(255, 1, re.compile(r"https?://([^\s/?#\[\]\@]+\@)?([^\s/?#\@:]+)(?::\d{2,5})?([^\s?#\[\]]*)"))
_RULES: Mapping[str, Rule] = {
    "appid": Rule(32),
    "sp_appid": Rule(32),
    "sub_appid": Rule(32),
    "mchid": Rule(32),
    "sp_mchid": Rule(32),
    "sub_mchid": Rule(32),
    "description": Rule(127),
    "attach": Rule(128),
    "goods_tag": Rule(32),
    "out_trade_no": NUMBER,
    "notify_url": ADDRESS,
    "time_expire": Rule(64),
}
_TRADE_TYPES: Mapping[str, str] = {"jsapi": "JSAPI", "app": "APP", "native": "NATIVE", "h5": "MWEB"}
_PARKING = "parking"
_REFUSED: Mapping[str, tuple[int, str, str]] = {
    "paid": (400, "ORDERPAID", "该订单已支付"),  # ORDER_PAID on newer pages
    "closed": (400, "ORDER_CLOSED", "订单已关闭"),
    "expired": (400, "ORDER_CLOSED", "该订单已失效"),
    "reversed": (400, "ORDER_REVERSED", "订单已撤销"),
    "failed": (400, "ORDER_CLOSED", "该订单已失效"),
    # Also seen: INVALID_REQUEST 请求重入时，参数与首次请求时不一致, and 403 OUT_TRADE_NO_USED 商户订单号重复.
    "differs": (400, "INVALID_REQUEST", "201 商户订单号重复"),
    "missing": (404, "ORDER_NOT_EXIST", "订单不存在"),
    "payment code": (400, "INVALID_REQUEST", "当前交易不允许进行普通关单(只能撤销)"),
    "early": (400, "INVALID_REQUEST", "订单生成后不能马上调用关单接口，最短调用时间间隔为5分钟"),
}


def refusal(reason: str) -> Refusal:
    """What an order does not allow, as APIv3 says it."""
    return Refusal(*_REFUSED[reason])


def check_caller(call: Call, name: str, location: str = "body") -> None:
    """Raise Refusal unless the merchant that a request names is the one that signed it."""
    given = call.fields.get(name) if location == "body" else call.query.get(name)
    if given == call.mchid:
        return
    if location == "query":
        raise Refusal(400, "INVALID_REQUEST", "商户号和订单不匹配")
    raise Refusal(
        400,
        "PARAM_ERROR",
        f"http header中的mchid与post payload中的{name}不匹配",
        wrong(name, "与签名的商户号不一致", "body", given).payload["detail"],
    )


def check_currency(amount: Mapping[str, Any], place: str = "amount") -> None:
    """Raise Refusal for another currency than CNY."""
    if amount.get("currency") not in (None, "", "CNY"):
        raise wrong(f"{place}/currency", "只支持CNY", "body", amount["currency"])


def check_payer(call: Call, place: str, names: Mapping[str, str]) -> None:
    """Raise Refusal unless a payer is named by one of ``names``; each with the appid that it belongs to."""
    fields = call.fields
    payer = fields.get(place) or {}
    given = [name for name in names if payer.get(name)]
    if not given:
        raise wrong(f"{place}/{next(iter(names))}", "JSAPI支付必须传openid", "body", "", "JSAPI支付必须传openid")
    for name in given:
        if not fields.get(names[name]):
            raise wrong(names[name], f"传入{name}时必填")
        parameters.check_rules(call.operation, {name: Rule(128)}, payer, f"{place}/")


def expires_of(fields: Mapping[str, Any], now: float) -> float | None:
    """The last moment in which an order can be paid, in seconds, None where it names none."""
    text = fields.get("time_expire")
    if not text:
        return None
    found = parse_time(text)
    if found is None:
        raise wrong("time_expire", "应为rfc3339格式的时间，例如 2026-11-25T10:00:00+08:00", "body", text)
    return found


def order_data(call: Call, way: str, trade_type: str) -> dict[str, Any]:
    """What the book writes down of a single order."""
    fields = call.fields
    payer, scene = fields.get("payer") or {}, fields.get("scene_info") or {}
    data = {
        "api": "v3",
        "way": way,
        "trade_type": trade_type,
        "appid": fields.get("sp_appid", fields.get("appid", "")),
        "sub_appid": fields.get("sub_appid"),
        "sub_mchid": fields.get("sub_mchid"),
        "description": fields["description"],
        "attach": fields.get("attach"),
        "notify_url": fields.get("notify_url"),
        "device_id": scene.get("device_id"),
        "openid": payer.get("sp_openid", payer.get("openid")),
        "sub_openid": payer.get("sub_openid"),
        "profit_sharing": bool((fields.get("settle_info") or {}).get("profit_sharing")),
    }
    # Encrypted fields are new in each request that says the same.
    request = {**fields, "payer": {name: value for name, value in payer.items() if name != "identity"}, "way": way}
    return {**{name: value for name, value in data.items() if value is not None}, "request": request}


def payer_links(call: Call, way: str, token: str | None, prepay_id: str) -> dict[str, str]:
    """What a payer opens, as each way of paying has it."""
    if way == "native":
        return {"code_url": f"weixin://wxpay/bizpayurl?pr={token}"}
    if way == "h5":
        # WeChat Pay's is at wx.tenpay.com, under the same path.
        page = f"{call.request.pages}/cgi-bin/mmpayweb-bin/checkmweb"
        return {"h5_url": f"{page}?prepay_id={prepay_id}&package={token}"}
    return {"prepay_id": prepay_id}


def find_order(call: Call, location: str = "query") -> Order:
    """The order that a path names, where it is the caller's; Refusal for any other."""
    book = Book(call.world, call.now)
    if "transaction_id" in call.path:
        order = book.transaction(call.path["transaction_id"])
    else:
        parameters.check_rules(call.operation, {"out_trade_no": Rule(32)}, call.path, "", "uri_template")
        order = book.order(call.mchid, call.path["out_trade_no"])
    given = call.query if location == "query" else call.fields
    # Parking has queries of its own, and nobody closes what it deducts.
    if order is not None and order.data["way"] == _PARKING:
        raise refusal("missing")
    if order is None or bool(order.data.get("sub_mchid")) != ("sub_mchid" in given):
        raise refusal("missing")
    if given.get("sub_mchid") and order.data["sub_mchid"] != given["sub_mchid"]:
        raise Refusal(400, "INVALID_REQUEST", "子商户号和订单信息不匹配")
    return order


def _place(call: Call) -> Answer:
    way = call.request.target.partition("?")[0].rpartition("/")[2]
    fields, is_partner = call.fields, "sp_mchid" in call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    check_caller(call, "sp_mchid" if is_partner else "mchid")
    if is_partner and fields["sub_mchid"] == fields["sp_mchid"]:
        raise wrong("sub_mchid", "子商户mchid不能与自身mchid相同", "body", fields["sub_mchid"])
    amount = fields["amount"]
    if amount["total"] < 1:
        raise wrong("amount/total", "应为正整数", "body", amount["total"])
    check_currency(amount)
    if way == "jsapi":
        names = {"sp_openid": "sp_appid", "sub_openid": "sub_appid"} if is_partner else {"openid": "appid"}
        check_payer(call, "payer", names)
    _check_scene(call, fields.get("scene_info") or {}, way)
    expires = expires_of(fields, call.now)
    data = order_data(call, way, _TRADE_TYPES[way])
    try:
        order, _ = Book(call.world, call.now).place(call.mchid, fields["out_trade_no"], amount["total"], expires, data)
    except OrderError as error:
        raise refusal(error.reason) from None
    return Answer.of(200, payer_links(call, way, order.token, order.prepay_id))


def _check_scene(call: Call, scene: Mapping[str, Any], way: str) -> None:
    parameters.check_rules(call.operation, {"payer_client_ip": Rule(45), "device_id": Rule(32)}, scene, "scene_info/")
    address = scene.get("payer_client_ip")
    if address:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise wrong("scene_info/payer_client_ip", "应为IPv4或IPv6地址", "body", address) from None
    if way == "h5" and scene["h5_info"]["type"] not in ("iOS", "Android", "Wap"):
        raise wrong("scene_info/h5_info/type", "应为iOS、Android或Wap", "body", scene["h5_info"]["type"])


def _query(call: Call) -> Answer:
    check_caller(call, "sp_mchid" if "sp_mchid" in call.query else "mchid", "query")
    return Answer.of(200, order_view(find_order(call)))


def _close(call: Call) -> Answer:
    check_caller(call, "sp_mchid" if "sp_mchid" in call.fields else "mchid")
    order = find_order(call, "body")
    if order.data["way"] == "codepay":
        raise refusal("payment code")
    # Pages disagree whether an order has to be five minutes old; the newest name no such limit.
    if order.state == "NOTPAY" and call.now - order.created < call.world.settings.close_wait:
        raise refusal("early")
    try:
        Book(call.world, call.now).close(order)
    except OrderError as error:
        raise refusal(error.reason) from None
    return Answer.of(204)


_FACES = ("/v3/pay/transactions", "/v3/pay/partner/transactions")
PRODUCT = Product(
    name="transactions",
    tables=TABLES,
    routes=(
        *(Route("POST", f"{face}/{way}", _place, is_strict=True) for face in _FACES for way in _TRADE_TYPES),
        *(Route("GET", f"{face}/id/{{transaction_id}}", _query) for face in _FACES),
        *(Route("GET", f"{face}/out-trade-no/{{out_trade_no}}", _query) for face in _FACES),
        *(Route("POST", f"{face}/out-trade-no/{{out_trade_no}}/close", _close) for face in _FACES),
    ),
    jobs={"order.pay": payer.pay_later},
    notices=("TRANSACTION.SUCCESS",),
)
