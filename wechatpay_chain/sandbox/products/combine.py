"""Combined orders: several merchants' orders that a payer pays at once, or none of them.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012556931 (create), 4012557003 (query), 4013421298 (close).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wechatpay_chain.sandbox import parameters, payer
from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.book import Book, Combined, OrderError
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.products.transactions import (
    ADDRESS,
    NUMBER,
    check_caller,
    expires_of,
    payer_links,
    refusal,
)
from wechatpay_chain.sandbox.views import combined_view

__all__ = ["PRODUCT"]

_PATH = "/v3/combine-transactions"
_WAYS: Mapping[str, str] = {
    "jsapi": "JSAPI",
    "app": "APP",
    "native": "NATIVE",
    "h5": "MWEB",
    "miniprogram": "JSAPI",
}
_RULES: Mapping[str, Rule] = {
    "combine_appid": Rule(32),
    "combine_mchid": Rule(32),
    "combine_out_trade_no": NUMBER,
    "notify_url": ADDRESS,
}
_SUB_RULES: Mapping[str, Rule] = {
    "mchid": Rule(32),
    "sub_mchid": Rule(32),
    "out_trade_no": NUMBER,
    "attach": Rule(128),
    "description": Rule(127),
    "detail": Rule(6000),
    "goods_tag": Rule(32),
}
# Of merchants at most ten orders, of service providers fifty; none costs more than ten million yuan.
_MOST, _MOST_OF_PARTNERS, _DEAREST = 10, 50, 1_000_000_000


def _place(call: Call) -> Answer:
    way, fields = call.route.path.rpartition("/")[2], call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    check_caller(call, "combine_mchid")
    payer = fields.get("combine_payer_info") or {}
    if way in ("jsapi", "miniprogram") and not payer.get("openid") and not payer.get("sub_openid"):
        raise wrong("combine_payer_info/openid", "JSAPI支付必须传openid", "body", "", "JSAPI支付必须传openid")
    _check_parts(call, fields["sub_orders"], fields["combine_mchid"])
    data = {
        "api": "v3",
        "way": way,
        "appid": fields["combine_appid"],
        "notify_url": fields.get("notify_url"),
        "device_id": (fields.get("scene_info") or {}).get("device_id", ""),
        "openid": payer.get("openid"),
        "sub_openid": payer.get("sub_openid"),
        "request": {**fields, "combine_payer_info": {n: v for n, v in payer.items() if n != "identity"}, "way": way},
    }
    parts = [_part(part, fields["combine_appid"], way) for part in fields["sub_orders"]]
    try:
        whole, _ = Book(call.world, call.now).place_combined(
            call.mchid, fields["combine_out_trade_no"], parts, expires_of(fields, call.now), data
        )
    except OrderError as error:
        raise refusal(error.reason) from None
    return Answer.of(200, payer_links(call, way, whole.token, whole.prepay_id))


def _check_parts(call: Call, parts: list[dict[str, Any]], combine_mchid: str) -> None:
    is_partner = any(part.get("sub_mchid") for part in parts)
    most, least = (_MOST_OF_PARTNERS, 1) if is_partner else (_MOST, 2)
    if not least <= len(parts) <= most:
        raise wrong("sub_orders", f"子单数量应为{least}至{most}", "body", len(parts))
    numbers = [part["out_trade_no"] for part in parts]
    if len({*numbers}) != len(numbers):
        raise wrong("sub_orders", "子单商户订单号重复", "body", numbers)
    for place, part in enumerate(parts):
        name = f"sub_orders/{place}/"
        parameters.check_rules(call.operation, _SUB_RULES, part, name)
        total = part["amount"]["total_amount"]
        if not 1 <= total <= _DEAREST:
            raise wrong(f"{name}amount/total_amount", "应为1至1000000000的整数", "body", total)
        if part["amount"]["currency"] != "CNY":
            raise wrong(f"{name}amount/currency", "只支持CNY", "body", part["amount"]["currency"])
        if part.get("sub_mchid") and part["mchid"] != combine_mchid:
            raise wrong(f"{name}mchid", "服务商模式下应等于combine_mchid", "body", part["mchid"])


def _part(part: Mapping[str, Any], appid: str, way: str) -> tuple[str, int, dict[str, Any]]:
    settle = part.get("settle_info") or {}
    data = {
        "api": "v3",
        "way": way,
        "trade_type": _WAYS[way],
        "appid": appid,
        "mchid": part["mchid"],
        "sub_mchid": part.get("sub_mchid"),
        "sub_appid": part.get("sub_appid"),
        "description": part["description"],
        "attach": part["attach"],
        "profit_sharing": bool(settle.get("profit_sharing")),
        "request": {},
    }
    told = {name: value for name, value in data.items() if value is not None}
    return part["out_trade_no"], part["amount"]["total_amount"], told


def _query(call: Call) -> Answer:
    return Answer.of(200, combined_view(_found(call)))


def _close(call: Call) -> Answer:
    whole = _found(call)
    given = sorted(
        (part["mchid"], part["out_trade_no"], part.get("sub_mchid", "")) for part in call.fields["sub_orders"]
    )
    known = sorted((order.data["mchid"], order.out_trade_no, order.data.get("sub_mchid", "")) for order in whole.orders)
    if given != known or call.fields["combine_appid"] != whole.data["appid"]:
        raise Refusal(400, "INVALID_REQUEST", "关单的子单信息与下单时不一致，不支持部分关单")
    book = Book(call.world, call.now)
    try:
        for order in whole.orders:
            book.close(order)
    except OrderError as error:
        raise refusal(error.reason) from None
    return Answer.of(204)


def _found(call: Call) -> Combined:
    book = Book(call.world, call.now)
    if "combine_transaction_id" in call.path:
        whole = book.combined_transaction(call.path["combine_transaction_id"])
    else:
        whole = book.combined_order(call.mchid, call.path["combine_out_trade_no"])
    if whole is None:
        raise refusal("missing")
    return whole


PRODUCT = Product(
    name="combined orders",
    routes=(
        *(Route("POST", f"{_PATH}/{way}", _place, is_strict=True) for way in _WAYS),
        Route("GET", f"{_PATH}/out-trade-no/{{combine_out_trade_no}}", _query),
        Route("GET", f"{_PATH}/id/{{combine_transaction_id}}", _query),
        Route("POST", f"{_PATH}/out-trade-no/{{combine_out_trade_no}}/close", _close),
    ),
    jobs={"combined.pay": payer.pay_combined_later},
    notices=("TRANSACTION.SUCCESS",),
)
