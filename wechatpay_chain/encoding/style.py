"""How the two other SDKs write values: booleans, numbers, queries and XML, as PHP's or as JavaScript's users expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["JS", "PHP", "Style", "float_as_js", "float_as_php", "float_as_php_json"]


def float_as_php(value: float) -> str:
    """A finite number as PHP's string: 14 digits, ``1.0E+25``."""
    digits, mark, exponent = f"{value:.14G}".partition("E")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent):+d}" if mark else digits


def float_as_js(value: float) -> str:
    """A finite number as JavaScript's string: all digits that tell it, ``1e+25``."""
    # A subclass, such as numpy's, may write itself in another way.
    text = float.__repr__(value + 0.0)
    if value and not 1e-6 <= abs(value) < 1e21:
        return text.replace("e-0", "e-")
    from decimal import Decimal

    return f"{Decimal(text):f}".removesuffix(".0")


def float_as_php_json(value: float) -> str:
    """A finite number as ``json_encode`` writes it: all digits that tell it, ``1.0e+25``."""
    from decimal import Decimal

    sign, digits, exponent = Decimal(float.__repr__(value)).normalize().as_tuple()
    point = len(digits) + int(exponent)
    text = "".join(map(str, digits))
    minus = "-" if sign else ""
    if value == 0:
        return f"{minus}0"
    if -4 < point <= 17:  # where zend_gcvt writes no exponent
        whole = text[:point].ljust(point, "0") if point > 0 else "0"
        part = text[max(point, 0) :].rjust(len(text) - point, "0") if point < len(text) else ""
        return f"{minus}{whole}.{part}" if part else f"{minus}{whole}"
    return f"{minus}{text[0]}.{text[1:] or '0'}e{point - 1:+d}"


class Style(NamedTuple):
    """What one SDK makes of the values that it is given.

    In a query: ``query_false``, ``flat_list_index`` (``a[0]=x`` or ``a[]=x``), ``safe`` (what stays bare) and
    ``takes_dates``. In XML and where APIv2 signs: ``xml_false``, ``cdata`` (what needs a CDATA section), what lists
    (``repeats_lists``), keys (``takes_any_key``) and empty text (``shortens_empty``) become, and whether a carriage
    return ends a CDATA section (``splits_returns``). In both: ``true`` and ``number``. In JSON: ``json_number``.
    """

    true: str
    number: Callable[[float], str]
    json_number: Callable[[float], str]
    query_false: str
    flat_list_index: bool
    safe: str
    takes_dates: bool
    xml_false: str
    cdata: str
    repeats_lists: bool
    takes_any_key: bool
    shortens_empty: bool
    splits_returns: bool = True


# axios: true/false, a[]=x for a flat list. encodeURIComponent leaves !'()* bare and axios brings : $ , back;
# a space is %20 here, since + is a plus sign to whoever reads the signed text.
# wechatpay-axios-plugin repeats the element of a list, and writes any key as it is.
JS = Style(
    true="true",
    number=float_as_js,
    json_number=float_as_js,
    query_false="false",
    flat_list_index=False,
    safe="!'()*:$,",
    takes_dates=True,
    xml_false="false",
    cdata="<>&\"'",
    repeats_lists=True,
    takes_any_key=True,
    shortens_empty=True,
)
# http_build_query with PHP_QUERY_RFC3986, as Guzzle calls it.
# wechatpay-php nests the items of a list in <item>, and so names a key that is no name.
PHP = Style(
    true="1",
    number=float_as_php,
    json_number=float_as_php_json,
    query_false="0",
    flat_list_index=True,
    safe="",
    takes_dates=False,
    xml_false="",
    cdata='<>&"',
    repeats_lists=False,
    takes_any_key=False,
    shortens_empty=False,
)
