"""Orders of APIv2, in the same book: placed, asked for, closed, paid by a code, reversed.

Sources: https://pay.weixin.qq.com/doc/v2/merchant/4011937119 (unifiedorder), 4011937125 (micropay), 4011937361
(reverse), and the tables of errors on these pages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from wechatpay_chain.crypto import digest
from wechatpay_chain.sandbox.answer import Answer
from wechatpay_chain.sandbox.book import STATES, Book, Order, OrderError
from wechatpay_chain.sandbox.clock import BEIJING
from wechatpay_chain.sandbox.product import Call, Failure, Product, Route
from wechatpay_chain.sandbox.products.codepay import CODE, OUTCOMES, CodeRefused, openid_of, pay_by_code, reverse
from wechatpay_chain.sandbox.views import v2_fields

__all__ = ["PRODUCT", "failure", "find_order"]

_TRADE_TYPES: Mapping[str, str] = {"JSAPI": "jsapi", "NATIVE": "native", "APP": "app", "MWEB": "h5"}
_NUMBER = re.compile(r"[0-9a-zA-Z_\-|*@]{6,32}")
# At most so many bytes: name by name as the validator tells it.
_LONGEST: Mapping[str, tuple[str, int]] = {
    "body": ("商品描述", 128),
    "attach": ("附加数据", 127),
    "detail": ("商品详情", 6000),
    "out_trade_no": ("商户订单号", 32),
    "notify_url": ("通知地址", 256),
    "spbill_create_ip": ("终端IP", 64),
    "goods_tag": ("订单优惠标记", 32),
    "device_info": ("设备号", 32),
    "product_id": ("商品ID", 32),
    "openid": ("用户标识", 128),
}
_REFUSED: Mapping[str, tuple[str, str]] = {
    "paid": ("ORDERPAID", "该订单已支付"),
    "closed": ("ORDERCLOSED", "订单已关闭"),
    "expired": ("ORDERCLOSED", "订单已关闭"),
    "reversed": ("ORDERREVERSED", "订单已撤销"),
    "failed": ("TRADE_ERROR", "交易错误"),
    # Older answers: OUT_TRADE_NO_USED 商户订单号重复.
    "differs": ("INVALID_REQUEST", "201 商户订单号重复"),
    "missing": ("ORDERNOTEXIST", "此交易订单号不存在"),
    "no code": ("INVALID_REQUEST", "仅付款码支付订单支持撤销"),
    "late": ("REVERSE_EXPIRE", "订单无法撤销"),
    "refunded": ("TRADE_ERROR", "订单已发生退款，无法撤销"),
}
_OF_SIGNATURES = ("sign", "nonce_str", "sign_type")


def failure(reason: str) -> Failure:
    """What an order does not allow, as APIv2 says it."""
    return Failure(*_REFUSED[reason])


def find_order(call: Call, combined: bool = False) -> Order | None:
    """The order that a request names by either number; the one of another sub-merchant is not there."""
    fields, book = call.fields, Book(call.world, call.now)
    if fields.get("transaction_id"):
        order = book.transaction(fields["transaction_id"], combined)
    else:
        order = book.order(call.mchid, fields.get("out_trade_no", ""), combined)
    if order is not None and (order.data.get("sub_mchid") or "") != (fields.get("sub_mch_id") or ""):
        return None
    return order


def _place(call: Call) -> Answer:
    fields = call.fields
    _check(fields)
    way = _TRADE_TYPES.get(fields["trade_type"])
    if way is None:
        raise Failure("PARAM_ERROR", "trade_type参数错误")
    if way == "jsapi" and not fields.get("openid") and not fields.get("sub_openid"):
        raise Failure("PARAM_ERROR", "JSAPI支付必须传openid")
    if way == "native" and not fields.get("product_id") and call.route.path != "/pay/unifiedorder":
        raise Failure("PARAM_ERROR", "NATIVE支付必须传product_id")
    try:
        order, _ = Book(call.world, call.now).place(
            call.mchid, fields["out_trade_no"], _total(fields), _expires(fields), _data(call, way, fields["trade_type"])
        )
    except OrderError as error:
        raise failure(error.reason) from None
    told = {"trade_type": fields["trade_type"], "prepay_id": order.prepay_id}
    if way == "native":
        told["code_url"] = f"weixin://wxpay/bizpayurl?pr={order.token}"
    if way == "h5":
        page = f"{call.request.pages}/cgi-bin/mmpayweb-bin/checkmweb"
        told["mweb_url"] = f"{page}?prepay_id={order.prepay_id}&package={order.token}"
    return Answer(200, fields=told)


def _query(call: Call) -> Answer:
    order = find_order(call)
    if order is None:
        raise failure("missing")
    told = {**v2_fields(order), "trade_state": order.state, "trade_state_desc": STATES[order.state]}
    return Answer(200, fields=told)


def _close(call: Call) -> Answer:
    order = find_order(call)
    if order is None:
        raise failure("missing")
    if order.data["way"] == "codepay":
        raise Failure("INVALID_REQUEST", "当前交易不允许进行普通关单(只能撤销)")
    if order.state == "CLOSED":
        # Unlike APIv3, which takes it again.
        raise failure("closed")
    try:
        Book(call.world, call.now).close(order)
    except OrderError as error:
        raise failure(error.reason) from None
    return Answer(200, fields={"result_msg": "OK"})


def _micropay(call: Call) -> Answer:
    fields = call.fields
    _check(fields)
    if not CODE.fullmatch(fields["auth_code"]):
        raise Failure("AUTH_CODE_ERROR", "授权码参数错误")
    try:
        order = pay_by_code(
            call.world,
            call.now,
            call.mchid,
            fields["out_trade_no"],
            _total(fields),
            fields["auth_code"],
            _data(call, "codepay", "MICROPAY"),
        )
    except OrderError as error:
        raise failure(error.reason) from None
    except CodeRefused as error:
        raise Failure(*(error.outcome.v2 or ("TRADE_ERROR", "交易错误"))) from None
    if order.state == "USERPAYING":
        raise Failure("USERPAYING", "需要用户输入支付密码")
    return Answer(200, fields=v2_fields(order))


def _reverse(call: Call) -> Answer:
    order = find_order(call)
    if order is None:
        raise Failure("ORDERNOTEXIST", "此交易订单号不存在", recall="N")
    try:
        reverse(call.world, order, call.now)
    except OrderError as error:
        raise Failure(*_REFUSED[error.reason], recall="N") from None
    return Answer(200, fields={"recall": "N"})


def _openid(call: Call) -> Answer:
    """Whose a payment code is. It stays unused: who asks may still be paid with it."""
    code = call.fields["auth_code"]
    if not CODE.fullmatch(code):
        raise Failure("AUTH_CODE_ERROR", "授权码参数错误")
    refused = OUTCOMES[code[-2:]].v2 if code[-2:] in OUTCOMES and not OUTCOMES[code[-2:]].state else None
    if refused is not None:
        raise Failure(*refused)
    sub = {"sub_openid": openid_of(f"sub {code}")} if call.fields.get("sub_appid") else {}
    return Answer(200, fields={"openid": openid_of(code), **sub})


def _check(fields: Mapping[str, Any]) -> None:
    for name, (label, most) in _LONGEST.items():
        size = len(str(fields.get(name, "")).encode("utf-8", "replace"))
        if size > most:
            place = f"输入源“/body/xml/{name}”映射到值字段“{label}”字符串规则校验失败"
            raise Failure.transport(f"{place}，字节数 {size}，大于最大值 {most}")
    if not _NUMBER.fullmatch(fields["out_trade_no"]):
        raise Failure.transport("输入源“/body/xml/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败")
    if fields.get("fee_type", "CNY") != "CNY":
        raise Failure("PARAM_ERROR", "fee_type只支持CNY")
    if fields.get("notify_url") and not re.fullmatch(r"https?://[^\s?#]+", fields["notify_url"]):
        raise Failure("PARAM_ERROR", "notify_url参数错误")


def _total(fields: Mapping[str, Any]) -> int:
    total = int(fields["total_fee"])
    if total < 1:
        raise Failure.transport("invalid total_fee")
    return total


def _expires(fields: Mapping[str, Any]) -> float | None:
    text = fields.get("time_expire")
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING).timestamp()
    except ValueError:
        raise Failure("PARAM_ERROR", "time_expire时间格式错误") from None


def _data(call: Call, way: str, trade_type: str) -> dict[str, Any]:
    fields = call.fields
    data = {
        "api": "v2",
        "way": way,
        "trade_type": trade_type,
        "appid": fields["appid"],
        "sub_appid": fields.get("sub_appid"),
        "sub_mchid": fields.get("sub_mch_id"),
        "description": fields["body"],
        "attach": fields.get("attach"),
        "notify_url": fields.get("notify_url"),
        "device_id": fields.get("device_info"),
        "openid": fields.get("openid"),
        "sub_openid": fields.get("sub_openid"),
        "profit_sharing": fields.get("profit_sharing") == "Y",
        # A notice is signed as the order was.
        "sign_type": digest.sign_type_of(fields["sign"], fields.get("sign_type")),
    }
    request = {name: value for name, value in fields.items() if name not in _OF_SIGNATURES}
    return {**{name: value for name, value in data.items() if value is not None}, "request": {**request, "way": way}}


# The sandboxes of WeChat Pay itself have the same operations.
_PREFIXES = ("", "/sandboxnew", "/xdc/apiv2sandbox")
_OPERATIONS = {
    "/pay/unifiedorder": _place,
    "/pay/orderquery": _query,
    "/pay/closeorder": _close,
    "/pay/micropay": _micropay,
}
PRODUCT = Product(
    name="orders of APIv2",
    routes=(
        *(Route("POST", f"{prefix}{path}", reply) for prefix in _PREFIXES for path, reply in _OPERATIONS.items()),
        Route("POST", "/secapi/pay/reverse", _reverse),
        Route("POST", "/tools/authcodetoopenid", _openid),
    ),
    notices=("v2.pay",),
)
