"""JSON as the language of a face writes it: its numbers are those of JavaScript or PHP, where Python has others.

WeChat Pay refuses ``150.0`` where it takes ``150``.
"""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, TypeGuard

from wechatpay_chain.encoding.scalars import whole_number
from wechatpay_chain.encoding.style import Style
from wechatpay_chain.errors import ChainError

__all__ = ["dumps", "field_text", "is_json", "strip"]

# Whether there may be a number with a point or an exponent; text that looks like one costs a second look.
_FLOAT = re.compile(r"(?:^|[\[:,])-?[0-9]+(?:\.|e)|\"-?[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?\":")
_POINT = re.compile(r"[0-9][.e]")
_PLAIN = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dumps(value: Any, style: Style, default: Callable[[Any], Any] | None = None) -> str:
    """Compact JSON of ``value``, with the numbers of ``style``; raises as ``json.dumps`` does, NaN among them.

    ``default`` is called once for each object that is no JSON.
    """
    if default is None:
        text = _PLAIN.encode(value)
        if not _POINT.search(text) or not _FLOAT.search(text):
            return text
    mark = secrets.token_hex(8)
    odd: list[str] = []
    respelled = _respell(value, style, mark, odd)
    text = json.dumps(respelled, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default)
    return re.sub(f'"{mark}([0-9]+)"', lambda found: odd[int(found[1])], text) if odd else text


def _respell(value: Any, style: Style, mark: str, odd: list[str]) -> Any:
    """A copy whose floats are ints or themselves where these are written alike, else marked text for one of ``odd``."""
    if _is_finite(value):
        text = style.json_number(value)
        if text != "-0" and text.lstrip("-").isdecimal():
            # Beyond 2^53 the shortest digits may be another number to who reads integers.
            return int(text) if int(text) == value else value
        if text == float.__repr__(value):
            return value
        odd.append(text)
        return f"{mark}{len(odd) - 1}"
    if isinstance(value, dict):
        return {
            style.json_number(key) if isinstance(key, float) and key - key == 0 else key: _respell(
                item, style, mark, odd
            )
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_respell(item, style, mark, odd) for item in value]
    return value


def _is_finite(value: object) -> TypeGuard[float]:
    """Whether this is a float that JSON can hold; of any other the encoder tells."""
    return isinstance(value, float) and math.isfinite(value)


def field_text(value: object, key: str, style: Style) -> object:
    """A mapping or a list as the JSON text that a field of APIv2 takes; any other value as it is.

    One that defines ``__str__`` spells itself. Raises ChainError, which names ``key``, for what JSON cannot hold.
    """
    # That of a mappingproxy is written in C, and makes no text for WeChat Pay.
    spells_itself = isinstance(type(value).__str__, FunctionType)
    if spells_itself or not isinstance(value, Mapping | list | tuple):
        return value
    try:
        return dumps(_plain(value), style, whole_number)
    except RecursionError:
        reason = "it is nested too deep, or in itself"
    except (TypeError, ValueError) as error:
        reason = str(error)
    raise ChainError(f"{key[:80]}: no JSON text can be made of it ({reason[:200]}); nothing was sent")


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def strip(text: str | bytes | bytearray) -> str | bytes | bytearray:
    """Text without the blanks around it, and without the byte order mark that editors on Windows begin files with."""
    bare = text.removeprefix("\ufeff") if isinstance(text, str) else text.removeprefix(b"\xef\xbb\xbf")
    return bare.strip()


def is_json(text: str | bytes | bytearray) -> bool:
    """Whether text, or UTF-8 bytes, is JSON already, and no more has to be made of it."""
    try:
        json.loads(text if isinstance(text, str) else text.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(name: str) -> float:
    raise ValueError(name)
