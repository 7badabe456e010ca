"""How PHP and JavaScript turn a value into text, JSON or a whole number, for what ``port`` prints."""

from __future__ import annotations

import json
import re

from wechatpay_chain.encoding.json_text import dumps
from wechatpay_chain.encoding.scalars import spell
from wechatpay_chain.encoding.style import JS, PHP

__all__ = ["js_int", "js_json", "js_text", "php_int", "php_json", "php_text"]

_NUMBER = re.compile(r"[ \t\n\r\v\f]*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_LARGEST = 2**63 - 1


def php_text(value: object) -> str:
    """What ``(string) $value`` is for text, a number, a flag, nothing, or an object that tells its own text.

    Raises TypeError for a list or a mapping, which PHP would spell as a word.
    """
    if value is None or isinstance(value, str | int | float):
        return spell(value, "value", PHP)
    if isinstance(value, list | tuple | dict | bytes) or type(value).__str__ is object.__str__:
        raise TypeError(f"a {type(value).__name__} has no text")
    return str(value)


def js_text(value: object) -> str:
    """What ``String(value)`` is for text, a number or a flag; raises TypeError for anything else."""
    if isinstance(value, str | int | float):
        return spell(value, "value", JS)
    raise TypeError(f"a {type(value).__name__} has no text of its own")


def php_json(value: object, unescaped_unicode: bool = False, unescaped_slashes: bool = False) -> str:
    """What ``json_encode($value)`` is, by default in ASCII and with ``\\/``; raises as ``json.dumps`` does."""
    text = dumps(value, PHP)
    escaped = r"[\u2028\u2029]" if unescaped_unicode else r"[^\x00-\x7f]+"
    text = re.sub(escaped, lambda found: json.dumps(found[0])[1:-1], text)
    return text if unescaped_slashes else text.replace("/", "\\/")


def js_json(value: object) -> str:
    """What ``JSON.stringify(value)`` is; raises as ``json.dumps`` does."""
    return dumps(value, JS)


def js_int(value: object) -> int:
    """What ``Number(value)`` and ``parseInt(value)`` both are, for text or a number that is whole.

    Raises TypeError or ValueError for anything else.
    """
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,15}\s*", value, re.ASCII):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"a {type(value).__name__} is no whole number")
    if isinstance(value, str) or not abs(value) < 2**53 or value != int(value):
        raise ValueError("expected a whole number")
    return int(value)


def php_int(value: object) -> int:
    """What ``(int) $value`` is for text, a number, a flag or nothing.

    Raises TypeError for anything else, and ValueError for a number that PHP's integers cannot hold.
    """
    if value is None:
        return 0
    if isinstance(value, str):
        found = _NUMBER.match(value)
        value = 0 if found is None else int(found[1]) if re.fullmatch(r"[+-]?[0-9]+", found[1]) else float(found[1])
    if not isinstance(value, int | float):
        raise TypeError(f"a {type(value).__name__} is no number")
    if not -_LARGEST <= value <= _LARGEST:
        raise ValueError("a number that is too large")
    return int(value)
