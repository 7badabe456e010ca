"""Refunds of APIv2, in the book of all refunds. Source: https://pay.weixin.qq.com/doc/v2/merchant/4011937250"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wechatpay_chain.sandbox.answer import Answer
from wechatpay_chain.sandbox.book import Book, Order
from wechatpay_chain.sandbox.product import Call, Failure, Product, Route
from wechatpay_chain.sandbox.products.refunds import (
    ACCOUNT,
    REFUND_NUMBER,
    Refund,
    RefundError,
    Refunds,
    v2_status,
    v2_time,
)
from wechatpay_chain.sandbox.products.v2_orders import find_order

__all__ = ["PRODUCT"]

_UNSETTLED = "REFUND_SOURCE_UNSETTLED_FUNDS"
_PAGE = 10
_REFUSED: Mapping[str, tuple[str, str]] = {
    "no order": ("ORDERNOTEXIST", "订单不存在"),
    # Older answers: REFUND_FEE_MISMATCH with the same text.
    "differs": ("INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试"),
    "all refunded": ("ERROR", "订单已全额退款"),
    "too much": ("INVALID_REQUEST", "refund_fee大于可退金额"),
    "shared": ("NOTENOUGH", "冻结资金不足，请先解冻剩余资金"),
    "too many": ("INVALID_REQUEST", "订单部分退款次数已达上限50次"),
    "too soon": ("FREQUENCY_LIMITED", "同一笔订单的多次退款需间隔1分钟"),
    "too late": ("TRADE_OVERDUE", "订单已经超过退款期限"),
}


def _create(call: Call) -> Answer:
    fields = call.fields
    if not REFUND_NUMBER.fullmatch(fields["out_refund_no"]):
        raise Failure("PARAM_ERROR", "out_refund_no参数错误")
    total, amount = int(fields["total_fee"]), int(fields["refund_fee"])
    if amount < 1 or amount > total:
        raise Failure.transport("invalid refund_fee")
    order = find_order(call, combined=True)
    if order is None:
        raise Failure(*_REFUSED["no order"])
    data = {name: fields[name] for name in ("notify_url", "refund_account", "refund_desc") if fields.get(name)}
    try:
        refund = Refunds(call.world, call.now).ask(order, fields["out_refund_no"], total, amount, {"api": "v2", **data})
    except RefundError as error:
        raise Failure(*_REFUSED[error.reason]) from None
    told = {
        "transaction_id": order.transaction_id,
        "out_trade_no": order.out_trade_no,
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id,
        "refund_fee": refund.amount,
        "settlement_refund_fee": refund.amount,
        "total_fee": order.total,
        "settlement_total_fee": order.total,
        "fee_type": "CNY",
        "cash_fee": order.total,
        "cash_refund_fee": refund.amount,
        "coupon_refund_fee": 0,
        "coupon_refund_count": 0,
    }
    return Answer(200, fields=told)


def _query(call: Call) -> Answer:
    order, refunds = _find_queried(call)
    offset = int(call.fields.get("offset") or 0)
    page = refunds[offset : offset + _PAGE]
    told: dict[str, Any] = {
        "transaction_id": order.transaction_id,
        "out_trade_no": order.out_trade_no,
        "total_fee": order.total,
        "settlement_total_fee": order.total,
        "fee_type": "CNY",
        "cash_fee": order.total,
        "total_refund_count": len(refunds),
        "refund_count": len(page),
    }
    for place, refund in enumerate(page):
        told |= {f"{name}_{place}": value for name, value in _part(refund).items() if value != ""}
    return Answer(200, fields=told)


def _find_queried(call: Call) -> tuple[Order, list[Refund]]:
    """The order and the refunds that a query names by one of four numbers, WeChat Pay's own first."""
    fields, refunds = call.fields, Refunds(call.world, call.now)
    refund = None
    if fields.get("refund_id"):
        refund = refunds.by_refund_id(fields["refund_id"])
    elif fields.get("out_refund_no"):
        refund = refunds.find_by_number(fields["out_refund_no"])
    else:
        order = find_order(call, combined=True)
        found = refunds.of_order(order) if order is not None else []
        if order is not None and found:
            return order, found
    if refund is not None:
        order = Book(call.world, call.now).by_id(refund.order_id)
        if (order.data.get("sub_mchid") or "") == (fields.get("sub_mch_id") or ""):
            return order, [refund]
    raise Failure("REFUNDNOTEXIST", "退款订单查询失败")


def _part(refund: Refund) -> dict[str, Any]:
    return {
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id,
        "refund_channel": "ORIGINAL",
        "refund_fee": refund.amount,
        "settlement_refund_fee": refund.amount,
        "refund_status": v2_status(refund),
        "refund_account": refund.data.get("refund_account", _UNSETTLED),
        "refund_recv_accout": refund.data.get("user_received_account", ACCOUNT),
        "refund_success_time": v2_time(refund),
    }


PRODUCT = Product(
    name="refunds of APIv2",
    routes=(
        Route("POST", "/secapi/pay/refund", _create),
        Route("POST", "/secapi/pay/refundv2", _create),
        Route("POST", "/sandboxnew/pay/refund", _create),
        Route("POST", "/pay/refundquery", _query),
        Route("POST", "/pay/refundqueryv2", _query),
        Route("POST", "/sandboxnew/pay/refundquery", _query),
    ),
    notices=("v2.refund",),
)
