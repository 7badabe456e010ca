"""What the source of the catalogue has wrong: one table, each row with its reason, applied when the catalogue is built.

A row names operations by method and path, a field by its name, and what the field's schema is to say instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["CORRECTIONS", "TYPES", "Correction", "correct"]

_Schema = dict[str, Any]

TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array", "file"})
# Other words for whole numbers; every other type that is none is an example that slipped into its place.
_INTEGERS = frozenset({"int", "uint64"})


class Correction(NamedTuple):
    """``operations`` matches ``METHOD path``; ``change`` is merged into the schema of each field called ``field``."""

    operations: re.Pattern[str]
    field: str
    change: Mapping[str, Any]
    reason: str


def _row(operations: str, field: str, reason: str, **change: Any) -> Correction:
    return Correction(re.compile(operations), field, change, reason)


CORRECTIONS = (
    _row(
        "GET /v3/mchalterapply/.*",
        "state",
        "The list lacks the state that the same page shows as its example.",
        enum=[
            "APPLYMENT_STATE_EDITTING",
            "APPLYMENT_STATE_AUDITING",
            "APPLYMENT_STATE_REJECTED",
            "APPLYMENT_STATE_MODIFING",
            "APPLYMENT_STATE_FINISHED",
            "APPLYMENT_STATE_CANCELED",
        ],
    ),
    _row(
        r"GET /v3/(platsolution/ecommerce|recharge)/bank-transfer-recharges/out-recharge-no/.*",
        "account_type",
        "A recharge goes to the deposit account as well, as the example has it.",
        enum=["BASIC", "OPERATION", "FEES", "DEPOSIT"],
    ),
    _row(
        "POST /cgi-bin/mch/customs/customdeclarequery",
        "state_.n",
        "The first letter of UNDECLARED is missing.",
        enum=["UNDECLARED", "SUBMITTED", "PROCESSING", "SUCCESS", "FAIL", "EXCEPT"],
    ),
    _row(
        "POST /cgi-bin/mch/(new)?customs/.*",
        "customs(_.n)?",
        "SHANGHAI is the code before the customs office was split in two.",
        example="SHANGHAI_ZS",
    ),
    _row(
        "POST /mmpaymkttransfers/send_coupon",
        "(success|failed)_count",
        "The example is both values in one sentence.",
        example=1,
    ),
    _row(
        "POST /secsvc/realnameauth",
        "bind_bankcard",
        "The example is one of verify_result, the field's neighbour.",
        type="string",
        enum=["true", "false"],
        example="true",
    ),
    _row("POST /wxv/queryrentbill", "rent_unit", "The two words of the example are turned round.", example="FEN_DAY"),
    _row("GET /v3/global/merchant-service/.*", "mch_language", "The list is in capitals.", example="ZH_CN"),
    _row(
        "(GET|POST) /v3/global/profit-sharing/receivers.*",
        "relation_type",
        "The example is a relation of the domestic API.",
        example="SUPPLIER",
    ),
    _row(
        "POST /v3/gov/subsidy/qualifications/(passthrough/)?query",
        "unclaimed_reason",
        "The example is a value of another field.",
        example="REASON_UNCLAIMED",
    ),
    _row(
        "GET /v3/marketing/partner/delivery-plan/.*",
        "audit_state",
        "The example is the number of a plan.",
        example="AUDIT_PASSED",
    ),
    _row(
        "POST /v3/new-tax-control-fapiao/fapiao-applications/.*/reverse",
        "reverse_reason",
        "The example is the reason in Chinese.",
        example="SALES_RETURN",
    ),
    _row(
        "POST /v3/ecommerce/refunds/apply",
        "combine_transaction_id|transaction_id|funds_account",
        "Joined from the refunds of orders and of personal payments, which alone need the first and the last.",
        required=None,
    ),
    _row(
        "POST /v3/profitsharing/orders",
        "receivers",
        "Sharing needs somebody to share with; the source joins pages of which one calls it optional.",
        required=True,
    ),
)


def correct(endpoint: Mapping[str, Any], table: tuple[Correction, ...] = CORRECTIONS) -> dict[str, Any]:
    """An operation of the source with the rows of the table, and with types and values that fit each other."""
    name = f"{endpoint['method']} {endpoint['path']}"
    rows = [row for row in table if row.operations.fullmatch(name)]
    corrected = dict(endpoint)
    for place in ("path_params", "query", "headers", "form"):
        if place in corrected:
            corrected[place] = {field: _schema(field, each, rows) for field, each in corrected[place].items()}
    if corrected.get("body"):
        corrected["body"] = _schema("", corrected["body"], rows)
    if corrected.get("responses"):
        answers = corrected["responses"].items()
        corrected["responses"] = {status: _schema("", each, rows) if each else each for status, each in answers}
    return corrected


def _schema(name: str, schema: Mapping[str, Any], rows: list[Correction]) -> _Schema:
    changed: _Schema = dict(schema)
    for row in rows:
        if re.fullmatch(row.field, name):
            changed.update(row.change)
    changed = {key: value for key, value in changed.items() if value is not None}
    changed["type"] = _type(str(schema.get("type", "any")) if "type" not in changed else str(changed["type"]))
    if "enum" in changed:
        changed["enum"] = list(_fitting(changed["type"], changed["enum"]))
    if "example" in changed:
        changed["example"] = next(_fitting(changed["type"], [changed["example"]]))
    if "fields" in changed:
        changed["fields"] = {field: _schema(field, each, rows) for field, each in changed["fields"].items()}
    if "items" in changed:
        changed["items"] = _schema(name, changed["items"], rows)
    return changed


def _type(kind: str) -> str:
    kind = kind.strip()
    return kind if kind in TYPES else "integer" if kind in _INTEGERS else "string"


def _fitting(kind: str, values: list[Any]) -> Iterator[Any]:
    convert = _CONVERSIONS.get(kind, _same)
    for value in values:
        try:
            yield convert(value)
        except ValueError:
            yield value


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _integer(value: Any) -> Any:
    return int(value) if isinstance(value, str) else value


def _boolean(value: Any) -> Any:
    return {"true": True, "false": False}.get(str(value).lower(), value)


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {"string": _text, "integer": _integer, "boolean": _boolean}
