"""The operations that shops use most, most used first: of those that fit a search, these are meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.facts import Operation

__all__ = ["USED", "by_usage", "usage"]

# One a line, as a chain's path; what most shops call comes first, APIv3 before its forerunner of APIv2.
USED = """
POST v3/pay/transactions/jsapi
POST v3/pay/transactions/native
POST v3/pay/transactions/h5
POST v3/pay/transactions/app
GET v3/pay/transactions/out-trade-no/{out_trade_no}
GET v3/pay/transactions/id/{transaction_id}
POST v3/pay/transactions/out-trade-no/{out_trade_no}/close
POST v3/pay/transactions/codepay
POST v3/pay/transactions/out-trade-no/{out_trade_no}/reverse
POST v3/refund/domestic/refunds
GET v3/refund/domestic/refunds/{out_refund_no}
POST v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund
GET v3/bill/tradebill
GET v3/bill/fundflowbill
GET v3/billdownload/file
GET v3/certificates
POST v3/fund-app/mch-transfer/transfer-bills
GET v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}
POST v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel
GET v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no}
POST v3/fund-app/mch-transfer/elecsign/out-bill-no
POST v3/profitsharing/orders
POST v3/profitsharing/receivers/add
GET v3/profitsharing/orders/{out_order_no}
POST v3/profitsharing/orders/unfreeze
POST v3/profitsharing/return-orders
POST v3/profitsharing/receivers/delete
GET v3/profitsharing/return-orders/{out_return_no}
GET v3/profitsharing/transactions/{transaction_id}/amounts
GET v3/profitsharing/bills
POST v3/combine-transactions/jsapi
POST v3/combine-transactions/native
POST v3/combine-transactions/h5
POST v3/combine-transactions/app
GET v3/combine-transactions/out-trade-no/{combine_out_trade_no}
POST v3/combine-transactions/out-trade-no/{combine_out_trade_no}/close
GET v3/merchant-service/complaints-v2
GET v3/merchant-service/complaints-v2/{complaint_id}
POST v3/merchant-service/complaints-v2/{complaint_id}/response
POST v3/merchant-service/complaints-v2/{complaint_id}/complete
POST v3/merchant-service/complaints-v2/{complaint_id}/update-refund-progress
POST v3/merchant-service/complaint-notifications
POST v3/merchant-service/images/upload
POST v3/marketing/favor/users/{openid}/coupons
POST v3/marketing/favor/coupon-stocks
GET v3/marketing/favor/stocks
GET v3/marketing/favor/users/{openid}/coupons
POST v3/marketing/favor/callbacks
POST v3/marketing/busifavor/stocks
POST v3/marketing/busifavor/coupons/use
POST v3/marketing/favor/media/image-upload
POST v3/marketing/partner/product-coupon/product-coupons
POST v3/marketing/partner/product-coupon/users/{openid}/coupons
POST v3/payscore/serviceorder
GET v3/payscore/serviceorder
POST v3/payscore/serviceorder/{out_order_no}/complete
POST v3/payscore/serviceorder/{out_order_no}/cancel
POST v3/papay/pay/transactions/apply
POST v3/papay/sign/contracts/pre-entrust-sign
POST v3/pay/partner/transactions/jsapi
POST v3/pay/partner/transactions/native
GET v3/pay/partner/transactions/out-trade-no/{out_trade_no}
POST v3/pay/partner/transactions/out-trade-no/{out_trade_no}/close
POST v3/applyment4sub/applyment/{empty}
GET v3/applyment4sub/applyment/business_code/{business_code}
POST v3/apply4sub/sub_merchants/{sub_mchid}/modify-settlement
POST v3/merchant/media/upload
POST v3/ecommerce/applyments/{empty}
POST v3/ecommerce/refunds/apply
POST v3/ecommerce/profitsharing/orders
POST v3/new-tax-control-fapiao/fapiao-applications
GET v3/merchant/fund/balance/{account_type}
POST v3/ecommerce/fund/withdraw
GET v3/ecommerce/fund/balance/{sub_mchid}
POST v2/pay/unifiedorder
POST v2/pay/orderquery
POST v2/pay/closeorder
POST v2/pay/micropay
POST v2/pay/facepay
POST v2/secapi/pay/refund
POST v2/pay/refundquery
POST v2/secapi/pay/reverse
POST v2/pay/downloadbill
POST v2/mmpaymkttransfers/sendredpack
POST v2/mmpaymkttransfers/gethbinfo
POST v2/mmpaymkttransfers/sendgroupredpack
POST v2/mmpaymkttransfers/promotion/transfers
POST v2/mmpaymkttransfers/gettransferinfo
GET v2/papay/entrustweb
POST v2/secapi/pay/profitsharing
"""


@cache
def usage() -> Mapping[int, int]:
    """The place among the most used by an operation's number; the others have none."""
    listed = [line.split(" ", 1) for line in USED.strip().splitlines()]
    found = (tree.match(method, path) for method, path in listed)
    return {each.number: rank for rank, each in enumerate(found) if each is not None}


def by_usage(listed: Iterable[Operation]) -> list[Operation]:
    """The operations that are used most in their order, then the others by path."""
    known = usage()
    return sorted(listed, key=lambda each: (known.get(each.number, len(known)), each.number))
