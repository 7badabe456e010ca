"""How a query becomes text: one flattening, and a style for each face."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from urllib.parse import quote

from wechatpay_chain.encoding.scalars import has_plain_digits, spell_decimal, spell_integer
from wechatpay_chain.encoding.style import Style
from wechatpay_chain.errors import ChainError

__all__ = ["build", "iso_string", "merge_params", "pairs"]


_DEEPEST = 50


def build(params: object, style: Style) -> str:
    """A query without its question mark from text, a mapping, or a sequence of pairs.

    None is left out; nested mappings and lists become ``a[b]`` and ``a[0]``. Raises ChainError for a value
    that has no plain spelling.
    """
    if params is None:
        return ""
    if isinstance(params, str):
        return params.removeprefix("?")
    return "&".join(f"{_quote(key, key, style)}={_quote(text, key, style)}" for key, text in pairs(params, style))


def pairs(params: object, style: Style) -> Iterator[tuple[str, str]]:
    """Names and values of a query, flat and as text; ``params`` is a mapping or a sequence of pairs.

    To PHP a list is a mapping of its indices.
    """
    if isinstance(params, list | tuple) and style.flat_list_index:
        params = dict(enumerate(params))
    if isinstance(params, Mapping):
        named: Iterator[tuple[str, object]] = ((str(key), value) for key, value in params.items())
    elif isinstance(params, Sequence) and not isinstance(params, bytes | bytearray):
        named = map(_pair, params)
    else:
        raise ChainError(f"query: expected a mapping, pairs or text, found {type(params).__name__}; nothing was sent")
    return ((key, _plain(value, key, style)) for name, item in named for key, value in _flat(name, item, style, 0))


def merge_params(defaults: Mapping[str, object], params: object, style: Style) -> object:
    """What stands in every query and what one call adds or replaces; text and pairs follow the defaults."""
    if not defaults or params is None:
        return defaults or params
    if isinstance(params, Mapping):
        return {**defaults, **params}
    return "&".join(filter(None, (build(defaults, style), build(params, style))))


def iso_string(moment: datetime) -> str:
    """A moment as JavaScript's ``toISOString`` writes it: UTC, in milliseconds; ``moment`` has a time zone.

    Raises ChainError for one that UTC puts beyond the calendar.
    """
    try:
        return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    except OverflowError:
        raise ChainError(f"{moment.isoformat()} is beyond the calendar in UTC; nothing was sent") from None


def _pair(item: object) -> tuple[str, object]:
    if isinstance(item, Sequence) and not isinstance(item, str | bytes) and len(item) == 2:
        return str(item[0]), item[1]
    raise ChainError("query: a sequence must hold pairs of name and value; nothing was sent")


def _flat(key: str, value: object, style: Style, depth: int) -> Iterator[tuple[str, object]]:
    if value is None:
        return
    if depth > _DEEPEST:
        raise ChainError("query: nested too deep, or in itself; nothing was sent")
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flat(f"{key}[{name}]", item, style, depth + 1)
    elif isinstance(value, list | tuple):
        bare = (
            depth == 0 and not style.flat_list_index and not any(isinstance(x, Mapping | list | tuple) for x in value)
        )
        # To axios brackets at the end of a name say that it is a list's.
        key = key.removesuffix("[]") if depth == 0 and not style.flat_list_index else key
        for index, item in enumerate(value):
            yield from _flat(f"{key}[]" if bare else f"{key}[{index}]", item, style, depth + 1)
    else:
        yield key, value


def _plain(value: object, key: str, style: Style) -> str:
    if isinstance(value, bool):
        return style.true if value else style.query_false
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and abs(value) < 10**1000:
        return int.__repr__(value)
    if isinstance(value, float) and math.isfinite(value):
        return style.number(value)
    from decimal import Decimal

    if isinstance(value, Decimal) and has_plain_digits(value):
        return spell_decimal(value)
    if isinstance(value, datetime) and style.takes_dates and value.tzinfo is not None:
        return iso_string(value)
    digits = None if isinstance(value, int) else spell_integer(value)
    if digits is not None:
        return digits
    expected = "one with a time zone" if isinstance(value, datetime) else "text, a number, a list or a mapping"
    raise ChainError(f"query: {key} is {type(value).__name__}; pass {expected}; nothing was sent")


def _quote(text: str, key: str, style: Style) -> str:
    try:
        return quote(text, safe=style.safe)
    except UnicodeEncodeError:
        raise ChainError(f"query: {key!r} holds text that UTF-8 cannot; nothing was sent") from None
