"""Fields of APIv2 of which one is enough, though the catalogue requires each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.catalog.facts import Operation, is_legacy

__all__ = ["ALTERNATIVES", "alternatives"]

_ORDER = frozenset({"transaction_id", "out_trade_no"})
# The catalogue requires each of these, where the documentation says that one of them is enough.
# Sources: https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_2 and 9_5,
# https://pay.weixin.qq.com/wiki/doc/api/external/declarecustom.php?chapter=18_2
ALTERNATIVES = (
    (re.compile(r"(?!/cgi-bin/).*"), _ORDER),
    (re.compile(r".*/refundquery(v2)?"), _ORDER | {"out_refund_no", "refund_id"}),
    (re.compile(r".*/customdeclarequery"), _ORDER | {"sub_order_no", "sub_order_id"}),
)


def alternatives(operation: Operation) -> frozenset[str]:
    """The names of the required fields of which one is enough; none where all are needed."""
    required = {name for name, schema in _fields(operation).items() if schema.get("required")}
    found = frozenset[str]().union(*(names for pattern, names in ALTERNATIVES if pattern.fullmatch(operation.path)))
    return found & required if is_legacy(operation.path) else frozenset()


def _fields(operation: Operation) -> Mapping[str, Any]:
    return {**operation.facts.get("query", {}), **(operation.facts.get("body") or {}).get("fields", {})}
