"""Who calls an operation: direct merchants, service providers, or both, each with fields of its own.

Where both share an operation, a field that only one of them sends has that ``role`` in its schema, and is ``needed``
by it or not. Every other field is sent by both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from wechatpay_chain.catalog.facts import Operation

__all__ = ["DIRECT", "PARTNER", "TITLES", "is_required", "roles"]

DIRECT = "direct"
PARTNER = "partner"
TITLES: Mapping[str, str] = {DIRECT: "direct merchant 直连商户", PARTNER: "service provider 服务商"}


@lru_cache(maxsize=1024)
def roles(operation: Operation) -> tuple[str, ...]:
    """The roles whose calls of an operation differ; none where all callers send the same."""
    facts = operation.facts
    sent = [facts.get("query") or {}, facts.get("form") or {}, (facts.get("body") or {}).get("fields") or {}]
    return (DIRECT, PARTNER) if any("role" in schema for fields in sent for schema in _schemas(fields)) else ()


def is_required(schema: Mapping[str, Any], role: str = "") -> bool:
    """Whether a field has to be sent: by everyone, or by callers of ``role``."""
    return bool(schema.get("required")) or (bool(role) and schema.get("role") == role and bool(schema.get("needed")))


def _schemas(fields: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for schema in fields.values():
        yield schema
        inner = schema
        while inner.get("type") == "array":
            inner = inner.get("items") or {}
        yield from _schemas(inner.get("fields") or {})
