"""The kinds of bills that a shell can ask for, and what each is asked with: one table."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from wechatpay_chain.cli.items import ItemError

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True)
class Kind:
    """One API: ``flags`` maps a flag to the field that it fills and the values that it may have, the first by
    default; with no values it is free text of letters and digits."""

    path: str
    flags: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    date_field: str = "bill_date"
    date_format: str = "%Y-%m-%d"
    is_file: bool = False
    is_legacy: bool = False
    security: bool = False

    def fields(self, day: date, arguments: argparse.Namespace) -> dict[str, str]:
        """What is asked for one day; ItemError for a flag that this kind does not have, or lacks."""
        fields = {**self.fixed, self.date_field: day.strftime(self.date_format)}
        for flag in ("sub_mchid", "type", "account", "appid"):
            given = getattr(arguments, flag)
            if flag not in self.flags:
                if given is not None:
                    raise ItemError(f"--{flag.replace('_', '-')}: {arguments.kind} has no such choice")
                continue
            name, allowed = self.flags[flag]
            value = given or (allowed[0] if allowed else None)
            if value is not None:
                fields[name] = _check_value(value, flag, allowed)
            elif flag in self.required:
                raise ItemError(f"--{flag.replace('_', '-')}: {arguments.kind} needs it")
        return fields

    def file_name(self, day: date, mchid: str, arguments: argparse.Namespace) -> str:
        """``trade-2026-11-01-1900000109.csv``, with whatever was chosen beside the day: no other bill has it."""
        chosen = [getattr(arguments, flag) for flag in ("sub_mchid", "type", "account", "appid")]
        return "-".join([arguments.kind, day.isoformat(), mchid, *filter(None, chosen)]) + ".csv"


_GZIP = {"tar_type": "GZIP"}
_ENCRYPTED = {**_GZIP, "algorithm": "AEAD_AES_256_GCM"}
_SUB: dict[str, tuple[str, tuple[str, ...]]] = {"sub_mchid": ("sub_mchid", ())}
_TYPES = ("ALL", "SUCCESS", "REFUND")
_ACCOUNTS = ("BASIC", "OPERATION", "FEES")
_LEGACY_DATE = "%Y%m%d"

KINDS: Mapping[str, Kind] = {
    "trade": Kind("v3/bill/tradebill", {**_SUB, "type": ("bill_type", _TYPES)}, _GZIP),
    "fund": Kind("v3/bill/fundflowbill", {**_SUB, "account": ("account_type", _ACCOUNTS)}, _GZIP),
    "sub-fund": Kind(
        "v3/bill/sub-merchant-fundflowbill",
        {**_SUB, "account": ("account_type", (*_ACCOUNTS, "DEPOSIT"))},
        _ENCRYPTED,
        required=("sub_mchid",),
    ),
    "ecommerce-fund": Kind("v3/ecommerce/bill/fundflowbill", fixed={**_ENCRYPTED, "account_type": "ALL"}),
    "profitsharing": Kind("v3/profitsharing/bills", _SUB, _GZIP),
    "withdraw": Kind("v3/merchant/fund/withdraw/bill-type/NO_SUCC", fixed=_GZIP),
    "oversea-fund": Kind("v3/funds-to-oversea/bill-download-url", _SUB),
    "statement": Kind("v3/global/statements", _SUB, date_field="date", date_format=_LEGACY_DATE, is_file=True),
    "v2-trade": Kind(
        "v2/pay/downloadbill",
        {"type": ("bill_type", (*_TYPES, "RECHARGE_REFUND")), "appid": ("appid", ()), "sub_mchid": ("sub_mch_id", ())},
        _GZIP,
        required=("appid",),
        date_format=_LEGACY_DATE,
        is_file=True,
        is_legacy=True,
    ),
    "v2-fund": Kind(
        "v2/pay/downloadfundflow",
        {"account": ("account_type", ("Basic", "Operation", "Fees")), "appid": ("appid", ())},
        {**_GZIP, "sign_type": "HMAC-SHA256"},
        required=("appid",),
        date_format=_LEGACY_DATE,
        is_file=True,
        is_legacy=True,
        security=True,
    ),
}


def _check_value(value: str, flag: str, allowed: tuple[str, ...]) -> str:
    # The value becomes a part of a file name too.
    if allowed and value not in allowed:
        raise ItemError(f"--{flag}: expected one of {', '.join(allowed)}, found {value[:40]!r}")
    if not (value.isascii() and value.isalnum()):
        raise ItemError(f"--{flag.replace('_', '-')}: expected letters and digits, found {value[:40]!r}")
    return value
