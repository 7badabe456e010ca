"""How values become text in APIv2, in XML and where they are signed: as PHP's or as JavaScript's users are used to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from wechatpay_chain.errors import ChainError

__all__ = [
    "JS",
    "PHP",
    "Style",
    "float_as_js",
    "float_as_php",
    "signed",
    "spell",
]


def float_as_php(value: float) -> str:
    """A finite number as PHP's string: 14 digits, ``1.0E+25``."""
    digits, mark, exponent = f"{value:.14G}".partition("E")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent):+d}" if mark else digits


def float_as_js(value: float) -> str:
    """A finite number as JavaScript's string: all digits that tell it, ``1e+25``."""
    if value and not 1e-6 <= abs(value) < 1e21:
        return repr(value).replace("e-0", "e-")
    from decimal import Decimal

    return f"{Decimal(repr(value + 0.0)):f}".removesuffix(".0")


class Style(NamedTuple):
    """How one SDK writes: what needs CDATA, how values are spelled, what lists, keys and empty text become."""

    cdata: str
    true: str
    false: str
    number: Callable[[float], str]
    repeats_lists: bool
    takes_any_key: bool
    shortens_empty: bool
    splits_returns: bool = True


# wechatpay-php nests the items of a list in <item>, and so names a key that is no name;
# wechatpay-axios-plugin repeats the element, and writes any key as it is.
PHP = Style('<>&"', "1", "", float_as_php, repeats_lists=False, takes_any_key=False, shortens_empty=False)
JS = Style("<>&\"'", "true", "false", float_as_js, repeats_lists=True, takes_any_key=True, shortens_empty=True)


def spell(value: object, key: str, style: Style = PHP) -> str:
    """The text of one value: text, UTF-8 bytes, a number, a boolean or None.

    Raises ChainError, which names ``key``, for a value that has no one spelling.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return style.true if value else style.false
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float) and abs(value) < float("inf"):
        return style.number(value)
    from decimal import Decimal

    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise ChainError(f"{key[:80]}: bytes that are no UTF-8 text; nothing was sent") from None
    found = repr(value) if isinstance(value, float | Decimal) else type(value).__name__
    raise ChainError(f"{key[:80]}: expected text, a number or a boolean, found {found}; nothing was sent")


def signed(value: object, key: str, style: Style = PHP) -> str:
    """The text of one value where it is signed: as ``spell``, and what each SDK makes of a list or a mapping.

    One that defines ``__str__`` spells itself; any other is ``Array`` in PHP, ``a,b`` or ``[object Object]``
    in JavaScript. Raises ChainError as ``spell`` does.
    """
    if not isinstance(value, Mapping | list | tuple):
        return spell(value, key, style)
    if type(value).__str__ is not object.__str__:
        return str(value)
    if style.repeats_lists and not isinstance(value, Mapping):
        return ",".join(signed(item, key, style) for item in value)
    return "[object Object]" if style.repeats_lists else "Array"
