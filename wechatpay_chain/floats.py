"""How PHP and JavaScript write a floating-point number."""

from __future__ import annotations

__all__ = ["as_js", "as_php"]


def as_php(value: float) -> str:
    """A finite number as PHP's string: 14 digits, ``1.0E+25``."""
    digits, mark, exponent = f"{value:.14G}".partition("E")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent):+d}" if mark else digits


def as_js(value: float) -> str:
    """A finite number as JavaScript's string: all digits that tell it, ``1e+25``."""
    if value and not 1e-6 <= abs(value) < 1e21:
        return repr(value).replace("e-0", "e-")
    from decimal import Decimal

    return f"{Decimal(repr(value + 0.0)):f}".removesuffix(".0")
