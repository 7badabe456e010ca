"""The totals of bills, and a table of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from wechatpay_chain.bill_reader import read_bill, yuan

__all__ = ["read_totals", "table"]

_SUM = "合计"


def read_totals(path: Path) -> dict[str, str]:
    """The totals at the end of a bill, as they are written there."""
    with read_bill(path) as bill:
        for _ in bill:
            pass
        return bill.summary


def table(totals: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Lines of a table with a row for each bill, and their sum when there are several."""
    names = list(dict.fromkeys(name for found in totals.values() for name in found))
    rows = [["", *names]] + [[day, *(found.get(name, "") for name in names)] for day, found in totals.items()]
    if len(totals) > 1:
        rows.append([_SUM, *(_sum([found.get(name, "") for found in totals.values()]) for name in names)])
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_pad(*pair) for pair in zip(row, widths, strict=True)).rstrip() for row in rows]


def _sum(values: Sequence[str]) -> str:
    try:
        return str(sum((yuan(value) for value in values if value), Decimal(0)))
    except ValueError:
        return ""


def _pad(text: str, width: int) -> str:
    return " " * (width - _width(text)) + text


def _width(text: str) -> int:
    """How many cells a terminal gives it: Chinese letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
