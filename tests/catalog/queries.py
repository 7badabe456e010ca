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
    # Written after the ranking was made.
    Query("发起转账", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("撤销转账", "POST v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel"),
    Query("查询转账", "GET v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}"),
    Query("企业付款查询", "POST v2/mmpaymkttransfers/gettransferinfo"),
    Query("payout", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("refund", "POST v3/refund/domestic/refunds", ("GET v3/refund/domestic/refunds/{out_refund_no}",)),
    Query("query refund", "GET v3/refund/domestic/refunds/{out_refund_no}"),
    Query("退款查询", "GET v3/refund/domestic/refunds/{out_refund_no}"),
    Query("异常退款", "POST v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund"),
    Query("jsapi", "POST v3/pay/transactions/jsapi"),
    Query("native", "POST v3/pay/transactions/native"),
    Query("扫码支付", "POST v3/pay/transactions/native"),
    Query("小程序支付", "POST v3/pay/transactions/jsapi"),
    Query("mini program", "POST v3/pay/transactions/jsapi"),
    Query("H5", "POST v3/pay/transactions/h5"),
    Query("app下单", "POST v3/pay/transactions/app"),
    Query("付款码", "POST v3/pay/transactions/codepay"),
    Query("place order", "POST v3/pay/transactions/jsapi"),
    Query("close order", "POST v3/pay/transactions/out-trade-no/{out_trade_no}/close"),
    Query("xd", "POST v3/pay/transactions/jsapi"),
    Query("ptzs", "GET v3/certificates"),
    Query("hb", "POST v2/mmpaymkttransfers/sendredpack"),
    Query("查单", "GET v3/pay/transactions/out-trade-no/{out_trade_no}"),
    Query("统一下单", "POST v2/pay/unifiedorder"),
    Query("合单", "POST v3/combine-transactions/jsapi"),
    Query("combine query", "GET v3/combine-transactions/out-trade-no/{combine_out_trade_no}"),
    Query("分账接收方", "POST v3/profitsharing/receivers/add"),
    Query("解冻", "POST v3/profitsharing/orders/unfreeze"),
    Query("分账回退", "POST v3/profitsharing/return-orders"),
    Query("profit sharing", "POST v3/profitsharing/orders"),
    Query("对账单", "GET v3/bill/tradebill", ("GET v3/bill/fundflowbill",)),
    Query("资金账单", "GET v3/bill/fundflowbill"),
    Query("代金券", "POST v3/marketing/favor/users/{openid}/coupons", ("POST v3/marketing/favor/coupon-stocks",)),
    Query("核销", "POST v3/marketing/busifavor/coupons/use"),
    Query("投诉回复", "POST v3/merchant-service/complaints-v2/{complaint_id}/response"),
    Query("complaint detail", "GET v3/merchant-service/complaints-v2/{complaint_id}"),
    Query("支付分", "POST v3/payscore/serviceorder"),
    Query("服务商 下单", "POST v3/pay/partner/transactions/jsapi"),
    Query("特约商户进件", "POST v3/applyment4sub/applyment/"),
    Query("https://wechatpay.im/openapi/v3/refund/domestic/refunds#post", "POST v3/refund/domestic/refunds"),
    # As shops say it: status, roles, sentences; words put together; fields, error codes, addresses, misspelt words.
    Query("refund status", "GET v3/refund/domestic/refunds/{out_refund_no}"),
    Query("退款状态", "GET v3/refund/domestic/refunds/{out_refund_no}"),
    Query("下载账单", "GET v3/billdownload/file"),
    Query("download bill", "GET v3/billdownload/file"),
    Query("资金流水", "GET v3/bill/fundflowbill"),
    Query("微信订单号查询订单", "GET v3/pay/transactions/id/{transaction_id}"),
    Query("商户订单号查询订单", "GET v3/pay/transactions/out-trade-no/{out_trade_no}"),
    Query("gbdd", "POST v3/pay/transactions/out-trade-no/{out_trade_no}/close"),
    Query("cxtk", "GET v3/refund/domestic/refunds/{out_refund_no}"),
    Query("sqtk", "POST v3/refund/domestic/refunds"),
    Query("appPay", "POST v3/pay/transactions/app"),
    Query("app pay", "POST v3/pay/transactions/app"),
    Query("native pay", "POST v3/pay/transactions/native"),
    Query("scan qr", "POST v3/pay/transactions/native"),
    Query("二维码支付", "POST v3/pay/transactions/native"),
    Query("micropay", "POST v2/pay/micropay"),
    Query("撤销订单", "POST v3/pay/transactions/out-trade-no/{out_trade_no}/reverse"),
    Query("reverse order", "POST v3/pay/transactions/out-trade-no/{out_trade_no}/reverse"),
    Query("商家付款到零钱", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("商家转账到零钱", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("打款", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("cancel transfer", "POST v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel"),
    Query("电子回单", "POST v3/fund-app/mch-transfer/elecsign/out-bill-no"),
    Query("分账状态", "GET v3/profitsharing/orders/{out_order_no}"),
    Query("删除分账接收方", "POST v3/profitsharing/receivers/delete"),
    Query("add receiver", "POST v3/profitsharing/receivers/add"),
    Query("unfreeze", "POST v3/profitsharing/orders/unfreeze"),
    Query("voucher", "POST v3/marketing/favor/users/{openid}/coupons"),
    Query("complaint list", "GET v3/merchant-service/complaints-v2"),
    Query("上传图片", "POST v3/merchant-service/images/upload"),
    Query("平台证书下载", "GET v3/certificates"),
    Query("combine order", "POST v3/combine-transactions/jsapi"),
    Query("服务商退款", "POST v3/refund/domestic/refunds"),
    Query("partner refund", "POST v3/refund/domestic/refunds"),
    Query("电商退款", "POST v3/ecommerce/refunds/apply"),
    Query("ecommerce refund", "POST v3/ecommerce/refunds/apply"),
    Query("进件状态", "GET v3/applyment4sub/applyment/business_code/{business_code}"),
    Query("修改结算账号", "POST v3/apply4sub/sub_merchants/{sub_mchid}/modify-settlement"),
    Query("怎么查询订单状态", "GET v3/pay/transactions/out-trade-no/{out_trade_no}"),
    Query("给用户转账", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("我要退钱", "POST v3/refund/domestic/refunds"),
    Query("wap pay", "POST v3/pay/transactions/h5"),
    Query("prepay", "POST v3/pay/transactions/jsapi"),
    Query("reconciliation", "GET v3/bill/tradebill"),
    Query("split payment", "POST v3/profitsharing/orders"),
    Query("zf", "POST v3/pay/transactions/jsapi"),
    Query("zs", "GET v3/certificates"),
    Query("djq", "POST v3/marketing/favor/users/{openid}/coupons"),
    Query("ORDER_NOT_EXIST", "GET v3/pay/transactions/out-trade-no/{out_trade_no}"),
    Query("NOT_ENOUGH", "POST v3/pay/transactions/codepay"),
    Query("code_url", "POST v3/pay/transactions/native"),
    Query("h5_url", "POST v3/pay/transactions/h5"),
    Query("out_refund_no", "POST v3/refund/domestic/refunds"),
    Query("transaction_id", "GET v3/pay/transactions/id/{transaction_id}"),
    Query("complaint_id", "GET v3/merchant-service/complaints-v2/{complaint_id}"),
    Query("transfer_scene_id", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("refnd", "POST v3/refund/domestic/refunds"),
    Query("tranfer", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("jaspi", "POST v3/pay/transactions/jsapi"),
    Query("unifedorder", "POST v2/pay/unifiedorder"),
    Query("profitsharng", "POST v3/profitsharing/orders"),
    Query("certifcates", "GET v3/certificates"),
    Query("api.mch.weixin.qq.com/v3/certificates", "GET v3/certificates"),
    Query("https://api.mch.weixin.qq.com/pay/unifiedorder", "POST v2/pay/unifiedorder"),
    Query("https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_1", "POST v2/pay/unifiedorder"),
    Query("pay.weixin.qq.com/doc/v3/merchant/4012716434", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("4012525167", "POST v3/pay/transactions/jsapi"),
    Query("create service order", "POST v3/payscore/serviceorder"),
    Query("payscore cancel", "POST v3/payscore/serviceorder/{out_order_no}/cancel"),
    Query("支付结果查询", "GET v3/pay/transactions/out-trade-no/{out_trade_no}"),
    Query("取消支付", "POST v3/pay/transactions/out-trade-no/{out_trade_no}/close"),
    Query("订单关闭", "POST v3/pay/transactions/out-trade-no/{out_trade_no}/close"),
    Query("刷卡", "POST v3/pay/transactions/codepay"),
    Query("扫码枪收款", "POST v3/pay/transactions/codepay"),
    Query("手机网页支付", "POST v3/pay/transactions/h5"),
    Query("商家付款", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("提现到零钱", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("给员工转账", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("转账记录", "GET v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}"),
    Query("转账撤回", "POST v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel"),
    Query("微信支付分", "POST v3/payscore/serviceorder"),
    Query("商户进件", "POST v3/applyment4sub/applyment/"),
    Query("退款进度", "GET v3/refund/domestic/refunds/{out_refund_no}"),
    Query("余额", "GET v3/merchant/fund/balance/{account_type}"),
    Query("order_not_exist", "GET v3/pay/transactions/out-trade-no/{out_trade_no}"),
    Query("mchid", "POST v3/pay/transactions/jsapi"),
    Query("checkout", "POST v3/pay/transactions/jsapi"),
    Query("fundApp", "POST v3/fund-app/mch-transfer/transfer-bills"),
    Query("complaintsV2", "GET v3/merchant-service/complaints-v2"),
    Query("收款码", "POST v3/pay/transactions/native"),
)
