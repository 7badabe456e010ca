"""QR codes of the addresses that an answer has for somebody with a phone; none without the extra ``repl``."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

__all__ = ["addresses", "blocks", "document", "svg"]

# In all of the catalogue these stand at the top of an answer, never deeper.
_NAMES = ("code_url", "h5_url", "sign_url")
# A sandbox on this machine speaks plain HTTP.
_ADDRESS = re.compile(r"(?:(?:weixin|https)://|http://(?:127\.0\.0\.1|localhost)[:/])[!-~]{1,500}")
# The margin that scanners are promised, and one that they put up with.
_MARGINS = (4, 2)


def addresses(data: object) -> dict[str, str]:
    """The fields among ``code_url``, ``h5_url`` and ``sign_url`` that hold an address to be opened."""
    if not isinstance(data, Mapping):
        return {}
    found = {name: data.get(name) for name in _NAMES}
    return {name: url for name, url in found.items() if isinstance(url, str) and _ADDRESS.fullmatch(url)}


def blocks(url: str, width: int) -> list[str]:
    """Lines of half blocks for a terminal of so many columns, light where paper is; none without segno.

    Where the terminal is too narrow, the only line says how many columns it takes.
    """
    code = _code(url)
    if code is None:
        return []
    for margin in _MARGINS:
        if code.symbol_size(border=margin)[0] <= width:
            out = io.StringIO()
            code.terminal(out, border=margin, compact=True)
            return out.getvalue().splitlines()
    return [f"(its QR code takes {code.symbol_size(border=_MARGINS[-1])[0]} columns, here are {width})"]


def svg(url: str) -> str:
    """The code as an SVG element; empty without segno."""
    code = _code(url)
    return "" if code is None else str(code.svg_inline(scale=4, dark="#000", light="#fff"))


def document(text: str) -> bytes:
    """The code as an SVG file of its own; empty without segno."""
    code, out = _code(text), io.BytesIO()
    if code is not None:
        code.save(out, kind="svg", scale=4, dark="#000", light="#fff")
    return out.getvalue()


def _code(url: str) -> Any:
    try:
        segno: Any = import_module("segno")
        return segno.make(url, micro=False)
    except (ImportError, ValueError):  # not installed, or an address that is too long for a code
        return None
