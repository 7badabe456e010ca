"""Whose a field is, where direct merchants and service providers share an operation.

The source joins what both send, so that it asks direct merchants for ``sub_mchid``. A field that only one of them
sends is marked with its ``role`` here, and is then ``needed`` by that role alone, ``required`` of nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.catalog.facts import is_legacy
from wechatpay_chain.catalog.roles import DIRECT, PARTNER

__all__ = ["mark_roles"]

_DIRECT = frozenset({"直连商户", "普通商户", "直连模式", "微信支付商户"})
_PARTNER = frozenset(
    {"服务商", "普通服务商", "电商平台", "渠道商", "渠道服务商", "机构模式", "平台商户", "从业机构（银行）"}
)
_PARTNER_FIELD = re.compile(r"(sub|sp)_(mchid|mch_id|appid|openid|mch_code)")
# What a service provider sends in its place where both are listed.
_DIRECT_FIELD = {"mchid": "sp_mchid", "appid": "sp_appid", "openid": "sp_openid"}
# The sub-merchant's number tells whose order it is, so a service provider always sends it, but here,
# where leaving it out asks for those of all sub-merchants: https://pay.weixin.qq.com/doc/v3/partner/4012084430
_FILTERS = re.compile(r"GET .*/(bill|.*bills?|.*statements|settlements|complaints|guides|bill-download-url)")
_NUMBERS = frozenset({"sub_mchid", "sub_mch_id"})
# Operations of APIv2 whose pages list both, though the source names no roles there.
_LEGACY = re.compile(
    r"POST /(pay|secapi/pay|deposit|mmpaymkttransfers/sendredpack|face|tools/authcodetoopenid"
    r"|papay/deletecontract)(/(?!partner/).*)?"
)


def mark_roles(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The operation with the roles of its fields, where direct merchants and service providers share it."""
    name, roles = f"{endpoint['method']} {endpoint['path']}", set(endpoint.get("roles", ()))
    is_shared = _LEGACY.fullmatch(name) if is_legacy(str(endpoint["path"])) else roles & _DIRECT and roles & _PARTNER
    if not is_shared:
        return dict(endpoint)
    told = dict(endpoint)
    for place in ("query", "form"):
        if told.get(place):
            told[place] = _marked(told[place], name)
    if (told.get("body") or {}).get("fields"):
        told["body"] = {**told["body"], "fields": _marked(told["body"]["fields"], name)}
    return told


def _marked(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    marked = {}
    for field, schema in fields.items():
        told = dict(schema)
        if "fields" in told:
            told["fields"] = _marked(told["fields"], name)
        if "items" in told and "fields" in told["items"]:
            told["items"] = {**told["items"], "fields": _marked(told["items"]["fields"], name)}
        role = _role(field, fields)
        if role:
            is_needed = told.pop("required", False) or (field in _NUMBERS and not _FILTERS.fullmatch(name))
            told = {**told, "role": role, **({"needed": True} if is_needed else {})}
        marked[field] = told
    return marked


def _role(field: str, beside: Mapping[str, Any]) -> str:
    if _PARTNER_FIELD.fullmatch(field):
        return PARTNER
    return DIRECT if _DIRECT_FIELD.get(field) in beside else ""
