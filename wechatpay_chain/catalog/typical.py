"""What samples send beyond the bare schema: optional fields that calls usually have, and values that fit each other.

Tables, each row with its reason; nothing here changes what an operation requires.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from wechatpay_chain.catalog.facts import Operation

__all__ = ["EXAMPLES", "TYPICAL", "Preset", "item_count", "preset"]

# Optional fields that a full sample shows, at any depth: what shops send besides the bare necessities.
TYPICAL = frozenset(
    {
        *("attach", "detail", "goods_detail", "goods_tag", "notify_url", "scene_info", "settle_info", "store_info"),
        *("time_expire", "reason", "bill_type", "tar_type", "account_type", "limit", "offset"),
        *("user_recv_perception", "post_payments", "location", "unfreeze_unsplit", "need_user_confirm"),
        *("goods_name", "payer_client_ip", "device_id", "profit_sharing", "currency", "fee_type"),
    }
)


# What stands for a text of which the documentation has no example here: what it has elsewhere for the same field.
EXAMPLES = {
    "activity_id": "371067",
    "appid": "wxd678efh567hg6787",
    "attach": "自定义数据",
    "contract_id": "123124412412423431",
    "goods_tag": "WXG",
    "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
    "out_order_no": "1234323JKHDFE1243252",
    "out_request_no": "100002322019090134234sfdf",
    "out_trade_no": "1217752501201407033233368018",
    "service_id": "2002000000000558128851361561536",
    "stock_id": "98065001",
    "store_id": "20488000",
    "sub_appid": "wxd678efh567hg6999",
    "sub_mch_id": "1900000109",
    "sub_mchid": "1900000109",
}


class Preset(NamedTuple):
    """A value for the field at the way ``place`` of the operations that match ``METHOD path``, and why."""

    operations: str
    place: tuple[str, ...]
    value: Any
    reason: str


def _row(operations: str, place: str, value: Any, reason: str) -> Preset:
    return Preset(operations, tuple(place.split("/")), value, reason)


_ORDERS = r"POST /v3/pay/(partner/)?transactions/.*"
_TRANSFERS = r"POST /v3/fund-app/mch-transfer/(partner/)?transfer(-to-qq-wallet)?-bills(/transfer|/pre-transfer-.*)?"
# The examples of the documentation come from different orders; here they are of one order over 1 yuan.
PRESETS = (
    _row("POST /v3/refund/domestic/refunds", "amount/refund", 100, "the total of the sample orders"),
    _row("POST /v3/refund/domestic/refunds", "amount/total", 100, "the total of the sample orders"),
    _row("POST /v3/refund/domestic/refunds", "goods_detail/unit_price", 100, "the total of the sample orders"),
    _row("POST /v3/refund/domestic/refunds", "goods_detail/refund_amount", 100, "the total of the sample orders"),
    _row(_ORDERS, "detail/cost_price", 100, "another price than the total takes coupons away"),
    _row(_ORDERS, "detail/goods_detail/unit_price", 100, "the total of the order"),
    _row("POST /v3/profitsharing/orders", "receivers/amount", 10, "at most 30 % are shared unless it is agreed"),
    _row("POST /v3/profitsharing/orders", "receivers/type", "PERSONAL_OPENID", "a merchant needs an encrypted name"),
    _row("POST /v3/profitsharing/orders", "receivers/account", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "fits the type"),
    _row("POST /v3/profitsharing/receivers/.*", "type", "PERSONAL_OPENID", "a merchant needs an encrypted name"),
    _row("POST /v3/profitsharing/receivers/.*", "account", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "fits the type"),
    _row("POST /v3/profitsharing/receivers/add", "relation_type", "USER", "fits the type"),
    _row("POST /v3/profitsharing/return-orders", "amount", 10, "what the sample shares"),
    _row(_TRANSFERS, "transfer_amount", 100, "from 2000 yuan on the name is required too"),
    _row(_TRANSFERS, "transfer_scene_id", "1000", "the scene whose reports follow"),
    _row(
        _TRANSFERS,
        "transfer_scene_report_infos",
        [
            {"info_type": "活动名称", "info_content": "新会员有礼"},
            {"info_type": "奖励说明", "info_content": "注册会员抽奖一等奖"},
        ],
        "scene 1000 needs both reports, https://pay.weixin.qq.com/doc/v3/merchant/4012716434",
    ),
    _row(_TRANSFERS, "user_recv_perception", "活动奖励", "one of the texts of scene 1000"),
    _row("POST /v3/(partner-)?transfer/batches", "total_amount", 100, "the sum of its transfers"),
    _row("POST /v3/(partner-)?transfer/batches", "total_num", 1, "the count of its transfers"),
    _row("POST /v3/(partner-)?transfer/batches", "transfer_detail_list/transfer_amount", 100, "the total"),
    _row("POST /v3/combine-transactions/.*", "scene_info/device_id", "POS1:01", "7 to 16 characters"),
    _row(r"POST /v3/merchant-service/complaints-v2/.*/update-refund-progress", "action", "APPROVE", "names the day"),
    _row("POST /v3/payscore/serviceorder", "risk_fund/name", "ESTIMATE_ORDER_COST", "asks for no deposit"),
    _row(
        "POST /mmpaymkttransfers/send(redpack|miniprogramhb|workwxredpack)",
        "total_amount",
        100,
        "a red packet holds 1 to 200 yuan",
    ),
    _row("POST /mmpaymkttransfers/send(redpack|miniprogramhb)", "total_num", 1, "a common red packet has one receiver"),
    _row("POST /(secapi/pay|sandboxnew/pay)/refund(v2)?", "refund_fee", 100, "the total of the order"),
    _row("POST /(secapi/pay|sandboxnew/pay)/refund(v2)?", "total_fee", 100, "the total of the order"),
    _row("POST /pay/(unifiedorder|micropay)", "total_fee", 100, "the total of the order"),
    _row("POST /(sandboxnew/)?pay/unifiedorder", "trade_type", "JSAPI", "fits the openid"),
)
# A combined order has at least two orders: https://pay.weixin.qq.com/doc/v3/merchant/4012556926
_COUNTS = ((r"POST /v3/combine-transactions/.*", "sub_orders", 2),)


@lru_cache(maxsize=256)
def _presets(name: str) -> dict[tuple[str, ...], Any]:
    return {row.place: row.value for row in PRESETS if re.fullmatch(row.operations, name)}


def preset(operation: Operation, place: Sequence[str]) -> Any:
    """The value of a field that fits the rest of its sample; None where the documentation's example does."""
    return _presets(f"{operation.method} {operation.path}").get(tuple(place))


def item_count(operation: Operation, field: str) -> int:
    """How many items a list has in a sample."""
    name = f"{operation.method} {operation.path}"
    return next((count for pattern, each, count in _COUNTS if each == field and re.fullmatch(pattern, name)), 1)
