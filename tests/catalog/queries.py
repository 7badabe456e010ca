"""What people look for, and what they mean by it: the first answer, and others that belong to the first three."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["QUERIES", "Query"]


class Query(NamedTuple):
    """What is typed, the operation that comes first, and those that are in the first three with it."""

    asked: str
    first: str
    beside: tuple[str, ...] = ()


_TRANSFER = "POST v3/fund-app/mch-transfer/transfer-bills"
_TRANSFER_QUERY = "GET v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}"
_OLD_TRANSFER = "POST v2/mmpaymkttransfers/promotion/transfers"
_REFUND = "POST v3/refund/domestic/refunds"
_REFUND_QUERY = "GET v3/refund/domestic/refunds/{out_refund_no}"
_ORDER = "POST v3/pay/transactions/jsapi"
_NATIVE = "POST v3/pay/transactions/native"
_ORDER_QUERY = "GET v3/pay/transactions/out-trade-no/{out_trade_no}"
_ORDER_QUERY_BY_ID = "GET v3/pay/transactions/id/{transaction_id}"
_CLOSE = "POST v3/pay/transactions/out-trade-no/{out_trade_no}/close"
_SHARING = "POST v3/profitsharing/orders"
_RECEIVER = "POST v3/profitsharing/receivers/add"
_COMPLAINTS = "GET v3/merchant-service/complaints-v2"
_COMPLAINT = "GET v3/merchant-service/complaints-v2/{complaint_id}"
_RED_PACKET = "POST v2/mmpaymkttransfers/sendredpack"
_RED_PACKET_QUERY = "POST v2/mmpaymkttransfers/gethbinfo"
_TRADE_BILL = "GET v3/bill/tradebill"
_FUND_BILL = "GET v3/bill/fundflowbill"
_CERTIFICATES = "GET v3/certificates"

QUERIES = (
    Query("商家转账", _TRANSFER, (_TRANSFER_QUERY,)),
    Query("transfer", _TRANSFER, (_TRANSFER_QUERY,)),
    Query("分账", _SHARING, (_RECEIVER,)),
    Query("red packet", _RED_PACKET, (_RED_PACKET_QUERY,)),
    Query("企业付款", _TRANSFER, (_OLD_TRANSFER,)),
    Query("退款", _REFUND, (_REFUND_QUERY,)),
    Query("查询订单", _ORDER_QUERY, (_ORDER_QUERY_BY_ID,)),
    Query("query order", _ORDER_QUERY, (_ORDER_QUERY_BY_ID,)),
    Query("下单", _ORDER, (_NATIVE,)),
    Query("投诉", _COMPLAINTS, (_COMPLAINT,)),
    Query("4012716434", _TRANSFER),
    Query("https://pay.weixin.qq.com/doc/v3/merchant/4012716434", _TRANSFER),
    Query("https://api.mch.weixin.qq.com/v3/pay/transactions/id/4200?mchid=19", _ORDER_QUERY_BY_ID),
    Query("sjzz", _TRANSFER),
    Query("tk", _REFUND, (_REFUND_QUERY,)),
    Query("fz", _SHARING),
    Query("申请退款", _REFUND),
    Query("关闭订单", _CLOSE),
    Query("账单", _TRADE_BILL, (_FUND_BILL,)),
    Query("平台证书", _CERTIFICATES),
)
