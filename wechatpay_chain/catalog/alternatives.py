"""Fields of which one is enough: the documentation says "one of", where a schema can only say required or optional.

One table for help, samples, types and the sandbox. A row holds for an operation that has at least two of its names
in that place. Sources: the operations' own pages, of APIv2
https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_2 and 9_5 and
https://pay.weixin.qq.com/wiki/doc/api/external/declarecustom.php?chapter=18_2, of APIv3
https://pay.weixin.qq.com/doc/v3/merchant/4012791862 and https://pay.weixin.qq.com/doc/v3/partner/4012523593, of
payscore https://pay.weixin.qq.com/docs/merchant/apis/weixin-pay-score/service-order/get-service-order.html and
.../service-auth/assess-user-risk-level.html, of merchants' coupons https://pay.weixin.qq.com/doc/v3/partner/4012693087
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from wechatpay_chain.catalog.facts import Operation, is_legacy

__all__ = [
    "ALTERNATIVES",
    "GROUPS",
    "Alternative",
    "Group",
    "alternatives",
    "crowded_groups",
    "groups",
    "missing_groups",
]


class Alternative(NamedTuple):
    """A row: ``operations`` matches ``METHOD path``, ``place`` is the way to the object that holds ``names``.

    The items of a list are on the way by the list's name alone. The first name is the one that samples show;
    ``only_one`` says that two of them are refused.
    """

    operations: str
    place: tuple[str, ...]
    names: tuple[str, ...]
    only_one: bool = False


class Group(NamedTuple):
    """The fields of one operation of which one is enough, at the way ``place``."""

    place: tuple[str, ...]
    names: tuple[str, ...]
    only_one: bool


def _row(operations: str, names: str, place: str = "", only_one: bool = False) -> Alternative:
    return Alternative(operations, tuple(filter(None, place.split("/"))), tuple(names.split()), only_one)


_ORDER = "out_trade_no transaction_id"
# APIv2 marks each of them as required; declarations to the customs need both numbers of an order.
_V2 = (
    _row(r"POST /(?!(v3|hk|global|cgi-bin)/).*(?<!refundquery)(?<!refundqueryv2)", _ORDER),
    _row(r"POST /(?!(v3|hk|global)/).*/refundquery(v2)?", f"{_ORDER} out_refund_no refund_id"),
    _row(r"POST /cgi-bin/.*/customdeclarequery", f"{_ORDER} sub_order_no sub_order_id"),
    _row(r"POST /papay/(partner/)?(query|delete)contract", "contract_id contract_code"),
    _row(r"POST /(pay/profitsharingreturnquery|secapi/pay/profitsharingreturn)", "out_order_no order_id"),
    _row(r"POST /applyment/micro/getstate", "business_code applyment_id"),
)
_V3 = (
    # An order by either number, in refunds, queries of refunds and what refers to an order.
    _row(r"(GET|POST) /(hk/v3|v3/global)/refunds", _ORDER),
    _row(r"POST /v3/refund/domestic/refunds", _ORDER),
    _row(r"POST /v3/ecommerce/refunds/apply", _ORDER),
    _row(r"POST /v3/catering/orders/sync-status", _ORDER),
    _row(r"POST .*/product-coupon/users/.*/use", _ORDER, "associated_order_info"),
    _row(r"POST .*/product-coupon/users/.*/use", "out_order_no order_id", "associated_pay_score_order_info"),
    _row(r"POST /(v3/global|global/v3)/customs/redeclare", f"{_ORDER} sub_order_no sub_order_id"),
    # Who pays: known to the service provider's appid, or to that of the sub-merchant.
    _row(
        r"POST /v3/pay/partner/transactions/(jsapi|jsapi-with-contract|miniprogram|scannedpos)",
        "sp_openid sub_openid",
        "payer",
    ),
    _row(r"POST /v3/pay/partner/transactions/exposure", "sp_openid sub_openid phone_number_hash", "payer"),
    _row(r"POST /v3/pay/transactions/exposure", "openid phone_number_hash", "payer"),
    _row(
        r"POST /v3/pay/acquiring-bank/transactions/exposure",
        "acquiring_bank_openid merchant_openid phone_number_hash",
        "payer",
    ),
    _row(r"POST /v3/pay/instal/exposure", "openid phone_number_hash"),
    _row(r"POST /v3/pay/instal/partner/exposure", "sp_openid sub_openid phone_number_hash", "user_id"),
    _row(r"POST /v3/combine-transactions/jsapi", "openid sub_openid", "combine_payer_info"),
    _row(r"POST /(hk/v3|v3/global)/transactions/jsapi", "openid sp_openid sub_openid", "payer"),
    _row(r"(GET|POST) /v3/payscore/partner/permissions/(search|terminate)", "openid sub_openid"),
    # Where a code of payment is scanned.
    _row(r"POST /v3/pay/(partner/)?transactions/(codepay|scannedpos)", "id out_id", "scene_info/store_info"),
    # What is shared, returned, and asked for by either number.
    _row(r"(GET|POST) /v3/(brand/|ecommerce/)?profitsharing/return-?orders", "out_order_no order_id"),
    _row(r"GET /v3/payscore/(partner/)?serviceorder", "out_order_no query_id", only_one=True),
    _row(r"GET /v3/payscore/(oversea/partner|acquiringbank)/serviceorder", "out_order_no query_id"),
    _row(r"GET /v3/payscore/(payafter-orders|smartretail-orders)", "out_order_no query_id"),
    _row(r"POST /v3/payscore/(partner/)?permissions/assess-user-risk-level", "openid sub_openid authorization_code"),
    # Transfers that the user allowed once.
    _row(r"POST /v3/fund-app/mch-transfer/transfer-bills/transfer", "authorization_id out_authorization_no"),
    # Coupons: whose they are, and which budget is to be changed.
    _row(
        r"GET /v3/marketing/favor/users/\{openid\}/coupons", "creator_mchid sender_mchid available_mchid", only_one=True
    ),
    # The caller is at least one of these, and names itself as that.
    _row(r"GET /v3/marketing/busifavor/users/\{openid\}/coupons", "creator_merchant belong_merchant sender_merchant"),
    _row(
        r"PATCH /v3/marketing/busifavor/stocks/\{stock_id\}/budget",
        "target_max_coupons target_max_coupons_by_day",
        only_one=True,
    ),
    _row(r"POST /v3/marketing/favor/stocks/\{stock_id\}/modify-goods-id", "add_goods_id_list delete_goods_id_list"),
    # Complaints: a refund that is promised names the day, one that is refused the reason.
    _row(
        r"POST /v3/merchant-service/complaints-v2/\{complaint_id\}/update-refund-progress",
        "launch_refund_day reject_reason",
    ),
    # Applications by either number.
    _row(r"GET /v3/apply4subject/applyment", "business_code applyment_id"),
    _row(
        r"(GET|POST) /v3/brand/(applyments/cancel-applyment|card/card-configs(/.+)?)",
        "business_code applyment_id",
    ),
    _row(r"POST /v3/ecommerce/account/apply-cancel-withdraw/confirm", "out_request_no applyment_id"),
)
GROUPS = (*_V2, *_V3)
# Path and names of the groups at the top of APIv2's requests.
ALTERNATIVES = tuple(
    (re.compile(row.operations.removeprefix("POST ")), frozenset(row.names)) for row in _V2 if not row.place
)


@lru_cache(maxsize=1024)
def groups(operation: Operation) -> tuple[Group, ...]:
    """The fields of an operation of which one is enough; of each group those that the operation has."""
    return tuple(_groups(operation))


def alternatives(operation: Operation, place: tuple[str, ...] = ()) -> frozenset[str]:
    """The names at a place of which none is required by itself."""
    return frozenset(name for group in groups(operation) if group.place == place for name in group.names)


def missing_groups(operation: Operation, given: Mapping[str, Any]) -> list[Group]:
    """The groups of which ``given``, all parameters at the top by name, has no field, in any place that it has."""
    return [
        group
        for group in groups(operation)
        for holder in _holders(given, group.place)
        if all(holder.get(name) in (None, "") for name in group.names)
    ]


def crowded_groups(operation: Operation, given: Mapping[str, Any]) -> list[Group]:
    """The groups of which only one may be there, and ``given`` has more."""
    return [
        group
        for group in groups(operation)
        for holder in _holders(given, group.place)
        if group.only_one and sum(holder.get(name) not in (None, "") for name in group.names) > 1
    ]


def _groups(operation: Operation) -> Iterator[Group]:
    name, sent = f"{operation.method} {operation.path}", _request_parameters(operation)
    for row in GROUPS:
        if re.fullmatch(row.operations, name):
            known = _fields(sent, row.place)
            names = tuple(each for each in row.names if each in known)
            if len(names) > 1:
                yield Group(row.place, names, row.only_one)


def _request_parameters(operation: Operation) -> Mapping[str, Any]:
    facts = operation.facts
    body = {} if operation.method == "GET" and not is_legacy(operation.path) else facts.get("body") or {}
    return {**facts.get("query", {}), **body.get("fields", {})}


def _fields(fields: Mapping[str, Any], place: tuple[str, ...]) -> Mapping[str, Any]:
    for name in place:
        inner = fields.get(name, {})
        while inner.get("type") == "array":
            inner = inner.get("items") or {}
        fields = inner.get("fields") or {}
    return fields


def _holders(given: Any, place: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    if isinstance(given, list):
        for item in given:
            yield from _holders(item, place)
    elif isinstance(given, Mapping):
        if not place:
            yield given
        elif place[0] in given:
            yield from _holders(given[place[0]], place[1:])
