"""Numbers that are about to leave where the catalogue knows a whole one, such as 0.29 * 100 fen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from wechatpay_chain.catalog import tree
from wechatpay_chain.encoding.scalars import spell_decimal

__all__ = ["Fraction", "fractions"]

_Spell = Callable[[float], str]


class Fraction(NamedTuple):
    """A number where a whole one is documented; ``is_rounding``: it is what floats leave of a whole one."""

    place: str
    text: str
    is_rounding: bool


def fractions(method: str, path: str, body: Mapping[Any, Any], spell: _Spell) -> Iterator[Fraction]:
    """Each float and Decimal in ``body`` that is not written as the integer that is documented, floats by ``spell``.

    ``path`` is a chain's; none of an operation that is not known.
    """
    operation = tree.match(method, path)
    if operation is not None:
        yield from _found("", body, {"type": "object", **(operation.facts.get("body") or {})}, spell)


def _found(place: str, value: Any, schema: Mapping[str, Any], spell: _Spell) -> Iterator[Fraction]:
    if isinstance(value, float | Decimal) and schema.get("type") == "integer":
        text = spell(value) if isinstance(value, float) else spell_decimal(value)
        if not text.lstrip("-").isdecimal():
            yield Fraction(place, text, math.isclose(value, round(value), rel_tol=1e-9, abs_tol=1e-9))
    elif isinstance(value, Mapping):
        fields = schema.get("fields") or {}
        for name, item in value.items():
            if name in fields:
                yield from _found(f"{place}.{name}" if place else str(name), item, fields[name], spell)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _found(f"{place}[{number}]", item, schema.get("items") or {}, spell)
