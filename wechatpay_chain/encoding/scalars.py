"""How values become text in APIv2, in XML and where they are signed: as PHP's or as JavaScript's users are used to."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wechatpay_chain.encoding.style import PHP, Style
from wechatpay_chain.errors import ChainError

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = [
    "has_plain_digits",
    "is_whole",
    "signed_text",
    "spell",
    "spell_decimal",
    "spell_integer",
    "whole_number",
]

# 1E+999999999 is nine letters, and a thousand million digits.
_MOST_DIGITS = 1000


def has_plain_digits(value: Decimal) -> bool:
    """Whether a decimal number is finite, and can be written without an exponent in a reasonable length."""
    return value.is_finite() and -_MOST_DIGITS < int(value.as_tuple().exponent) <= value.adjusted() < _MOST_DIGITS


def is_whole(value: Decimal) -> bool:
    """Whether a decimal number is a whole one that can be written out."""
    return has_plain_digits(value) and value == value.to_integral_value()


def whole_number(value: Any) -> int:
    """A whole Decimal, which is how fen are reckoned without floats, or an integer of another library, as an int.

    Raises TypeError, as ``json`` expects it, for anything else.
    """
    from decimal import Decimal  # few bodies hold one

    if isinstance(value, Decimal) and is_whole(value):
        return int(value)
    try:
        return operator.index(value)
    except TypeError:
        found = f"{value!r:.40}" if isinstance(value, Decimal) else type(value).__name__
    raise TypeError(f"{found} is neither text nor a whole number, a list or a dict")


def spell_decimal(value: Decimal) -> str:
    """A finite decimal number in digits: a whole one as an integer, since WeChat Pay refuses ``150.00`` for 150."""
    if not value:
        return "0"  # a rounding leaves -0
    text = f"{value:f}"
    whole, _, part = text.partition(".")
    return text if part.strip("0") else whole


def spell_integer(value: Any) -> str | None:
    """The digits of a whole number of another library (numpy's, as pandas hands them out); None for what is none."""
    try:
        return int.__repr__(operator.index(value))
    except (TypeError, ValueError):  # ValueError: more digits than Python writes
        return None


def spell(value: object, key: str, style: Style = PHP) -> str:
    """The text of one value: text, UTF-8 bytes, a number, a boolean or None.

    Raises ChainError, which names ``key``, for a value that has no one spelling.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return style.true if value else style.xml_false
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float) and abs(value) < float("inf"):
        return style.number(value)
    from decimal import Decimal

    if isinstance(value, Decimal) and has_plain_digits(value):
        return spell_decimal(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise ChainError(f"{key[:80]}: bytes that are no UTF-8 text; nothing was sent") from None
    digits = spell_integer(value)
    if digits is not None:
        return digits
    found = f"{value!r:.40}" if isinstance(value, float | Decimal) else type(value).__name__
    raise ChainError(f"{key[:80]}: expected text, a number or a boolean, found {found}; nothing was sent")


def signed_text(value: object, key: str, style: Style = PHP) -> str:
    """The text of one value where it is signed: as ``spell``, and what each SDK makes of a list or a mapping.

    One that defines ``__str__`` spells itself; any other is ``Array`` in PHP, ``a,b`` or ``[object Object]``
    in JavaScript. Raises ChainError as ``spell`` does.
    """
    if not isinstance(value, Mapping | list | tuple):
        return spell(value, key, style)
    if type(value).__str__ is not object.__str__:
        return str(value)
    if style.repeats_lists and not isinstance(value, Mapping):
        return ",".join(signed_text(item, key, style) for item in value)
    return "[object Object]" if style.repeats_lists else "Array"
