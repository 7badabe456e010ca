"""The totals of bills, and a table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from wechatpay_chain.bill_reader import read_bill, yuan
from wechatpay_chain.display.width import cell_width

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
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_pad(*pair) for pair in zip(row, widths, strict=True)).rstrip() for row in rows]


def _sum(values: Sequence[str]) -> str:
    try:
        return str(sum((yuan(value) for value in values if value), Decimal(0)))
    except ValueError:
        return ""


def _pad(text: str, width: int) -> str:
    return " " * (width - cell_width(text)) + text
