"""Fields that the value of another field makes necessary, where a schema can only say required or optional.

One table for help, samples and the OpenAPI export. Sources: the operations' own pages, of transfers
https://pay.weixin.qq.com/doc/v3/merchant/4012716434, of APIv2
https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_1 and
https://pay.weixin.qq.com/wiki/doc/api/tools/mch_pay.php?chapter=14_2, of parking
https://pay.weixin.qq.com/wiki/doc/apiv3_partner/apis/chapter8_8_3.shtml
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from wechatpay_chain.catalog.facts import Operation

__all__ = ["CONDITIONS", "Condition", "conditions", "is_needed"]


class Condition(NamedTuple):
    """A row: ``field``, at the top of the operations that match ``METHOD path``, is required where ``when`` holds.

    ``in_samples`` says that the values of their samples are such.
    """

    operations: str
    field: str
    when: str
    in_samples: bool = False


_UNIFIED_ORDER = r"POST /(sandboxnew/)?pay/unifiedorder"
_ABNORMAL_REFUND = r"POST /v3/(refund/domestic|ecommerce)/refunds/\{refund_id\}/apply-abnormal-refund"
_RECEIVERS = r"POST /v3/(brand/|ecommerce/)?profitsharing/receivers/add"
_REFUND_PROGRESS = r"POST /v3/merchant-service/complaints-v2/\{complaint_id\}/update-refund-progress"
CONDITIONS = (
    Condition(_UNIFIED_ORDER, "openid", "trade_type is JSAPI", in_samples=True),
    Condition(_UNIFIED_ORDER, "product_id", "trade_type is NATIVE"),
    Condition(r"POST /mmpaymkttransfers/promotion/\w+", "re_user_name", "check_name is FORCE_CHECK", in_samples=True),
    *(
        Condition(_ABNORMAL_REFUND, field, "type is USER_BANK_CARD", in_samples=True)
        for field in ("bank_type", "bank_account", "real_name")
    ),
    Condition(r"POST /v3/fund-app/mch-transfer/transfer-bills", "user_name", "transfer_amount is 200000 or more"),
    Condition(_RECEIVERS, "name", "type is MERCHANT_ID"),
    Condition(_RECEIVERS, "custom_relation", "relation_type is CUSTOM"),
    Condition(
        r"POST /v3/pay/partner/transactions/(jsapi(-with-contract)?|miniprogram|scannedpos)",
        "sub_appid",
        "payer.sub_openid is sent",
    ),
    Condition(_REFUND_PROGRESS, "launch_refund_day", "action is APPROVE"),
    Condition(_REFUND_PROGRESS, "reject_reason", "action is REJECT"),
    Condition(r"GET /v3/transfer/batches/.*", "detail_status", "need_query_detail is true", in_samples=True),
    Condition("POST /v3/vehicle/transactions/parking", "parking_info", "trade_scene is PARKING", in_samples=True),
)


@lru_cache(maxsize=1024)
def conditions(operation: Operation) -> tuple[Condition, ...]:
    """The rows of an operation whose field it has."""
    facts = operation.facts
    known = {**(facts.get("query") or {}), **((facts.get("body") or {}).get("fields") or {})}
    name = f"{operation.method} {operation.path}"
    return tuple(each for each in CONDITIONS if each.field in known and re.fullmatch(each.operations, name))


def is_needed(operation: Operation, field: str) -> bool:
    """Whether the sample of an operation does not work without an optional field at its top."""
    return any(each.field == field and each.in_samples for each in conditions(operation))
