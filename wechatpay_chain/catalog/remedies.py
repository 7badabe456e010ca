"""What WeChat Pay's error codes mean and what to do: a table by product, joined to the operations that have them.

``errors.jsonl`` has a product a line, with the operations that it covers, then a code a line. A row with ``message``
is for refusals whose text has it; one with ``on`` is told of the operations that match, and found for all of its
product. Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012081709 and the operations' own pages, of APIv2
https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_1
"""

from __future__ import annotations

import json
import pkgutil
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from wechatpay_chain.catalog.facts import operations

__all__ = [
    "REPEATS",
    "TABLE",
    "ErrorCode",
    "error_codes",
    "find_code",
    "find_error",
    "is_code",
    "operations_of_code",
    "remedy",
    "rows_of_code",
]

TABLE = "errors.jsonl"
REPEATS = {
    "same": "repeat the same request",
    "query": "query first",
    "no": "do not repeat it unchanged",
}


class ErrorCode(NamedTuple):
    """A code of one product: HTTP status, meaning in Chinese and English, its cause and its remedy.

    ``status`` is 0 for APIv2, and None, which fits any, where the sources give a code of APIv3 without one. ``message``
    is a part of WeChat Pay's text where one code has several causes; ``repeat`` is a key of ``REPEATS``.
    """

    product: str
    status: int | None
    code: str
    message: str
    zh: str
    en: str
    cause: str
    remedy: str
    repeat: str
    on: str | None


class _Product(NamedTuple):
    name: str
    operations: re.Pattern[str]


def remedy(method: str, path: str, status: int, code: str, message: str = "") -> str:
    """What to do about a refusal, a sentence; empty for a code that the table does not have.

    ``path`` is a request's or a chain's, ``status`` is 0 for APIv2.
    """
    found = find_error(method, path, status, code, message)
    return found.remedy if found else ""


def find_error(method: str, path: str, status: int, code: str, message: str = "") -> ErrorCode | None:
    """The row for a refusal: with its status and its message before others, of its product before all products.

    Some operations of APIv3 still answer the older spelling of a code, ORDERNOTEXIST for ORDER_NOT_EXIST.
    """
    plain = code.replace("_", "")
    fitting = [
        ((row.code != code, row.status != status, not row.message, rank), row)
        for rank, product in enumerate(_products(method, path))
        for row in _rows(product)
        if row.code == code or (status and row.code.replace("_", "") == plain)
        if row.message in message and (row.status == 0) == (status == 0)
    ]
    return min(fitting, key=lambda each: each[0])[1] if fitting else None


def find_code(method: str, path: str, code: str, *, is_v2: bool = False) -> ErrorCode | None:
    """The row of a code, without a refusal at hand: of the path's products before others, of this API's before both.

    Underscores do not count: APIv2 writes SYSTEMERROR where APIv3 writes SYSTEM_ERROR.
    """
    plain, own = code.replace("_", ""), _products(method, path)
    fitting = [
        ((product not in own, bool(row.message)), row)
        for product in (*own, *_table()[1])
        for row in _rows(product)
        if row.code.replace("_", "") == plain and (row.status == 0) == is_v2
    ]
    return min(fitting, key=lambda each: each[0])[1] if fitting else None


def error_codes(method: str, path: str) -> list[ErrorCode]:
    """The codes that an operation may answer, by status, unknown ones last; without the rows for single messages."""
    told: dict[tuple[int | None, str], ErrorCode] = {}
    name = _name(method, path)
    for product in _products(method, path):
        for row in _rows(product):
            if not row.message and (row.on is None or (row.on and re.fullmatch(row.on, name))):
                told.setdefault((row.status, row.code), row)
    return sorted(told.values(), key=lambda each: (each.status is None, each.status))


def rows_of_code(code: str) -> list[ErrorCode]:
    """Every row of a code, products in the order of the table; underscores count."""
    return [row for rows in _table()[1].values() for row in rows if row.code == code]


def is_code(word: str) -> bool:
    """Whether a word is an error code of the table, in capitals as WeChat Pay writes it."""
    return word == word.upper() and bool(rows_of_code(word))


def operations_of_code(code: str) -> frozenset[int]:
    """The numbers of the operations that may answer a code."""
    return frozenset(
        each.number
        for each in operations()
        if any(row.code == code for row in error_codes(each.method, "/".join(each.words)))
    )


def _products(method: str, path: str) -> list[str]:
    """The products that an operation is of, the narrowest first."""
    name = _name(method, path)
    return [each.name for each in reversed(_table()[0]) if each.operations.fullmatch(name)]


def _name(method: str, path: str) -> str:
    route = "/" + path.partition("?")[0].lstrip("/")
    return f"{method} {route.removeprefix('/v2')}"


def _rows(product: str) -> Iterable[ErrorCode]:
    return _table()[1].get(product, ())


@cache
def _table() -> tuple[list[_Product], dict[str, list[ErrorCode]]]:
    """Both parts; empty where the file is missing or broken, since an answer must not become another error."""
    products: list[_Product] = []
    rows: dict[str, list[ErrorCode]] = {}
    try:
        lines = (pkgutil.get_data("wechatpay_chain.catalog", TABLE) or b"").decode().splitlines()
        for each in map(json.loads, lines):
            _add(each, products, rows)
    except (OSError, ValueError, KeyError, TypeError, re.error):
        return [], {}
    return products, rows


def _add(row: dict[str, Any], products: list[_Product], rows: dict[str, list[ErrorCode]]) -> None:
    if "operations" in row:
        products.append(_Product(row["product"], re.compile(row["operations"])))
        return
    given: dict[str, Any] = {"message": "", "on": None, **row}
    known = ErrorCode(**given)
    rows.setdefault(known.product, []).append(known)
