"""The body of a call as the bytes that will be signed and sent."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.errors import ChainError
from wechatpay_chain.options import JSON_UTF8, Face

__all__ = ["encode"]


def encode(options: Mapping[str, Any], face: Face) -> tuple[bytes | None, str]:
    """Body and content type from the one of ``json``, ``data`` and ``raw`` that is given; None for no body.

    Raises ChainError for two of them, and for what is no JSON, naming the field.
    """
    bodies = {name: options[name] for name in ("json", "data", "raw") if options.get(name) is not None}
    if len(bodies) > 1:
        raise ChainError(f"{' and '.join(bodies)} are two bodies; pass one; nothing was sent")
    for name, body in bodies.items():
        if name != "json" and isinstance(body, str | bytes | bytearray):
            return _encoded(body), JSON_UTF8
        if name == "raw":
            raise ChainError(f"body: expected text or bytes, found {type(body).__name__}; nothing was sent")
        return _json(body), face.json_content_type
    return None, JSON_UTF8


def _encoded(text: str | bytes | bytearray) -> bytes:
    try:
        return text.encode("utf-8") if isinstance(text, str) else bytes(text)
    except UnicodeEncodeError:
        raise ChainError("data: text that UTF-8 cannot hold; nothing was sent") from None


def _json(payload: Any) -> bytes:
    try:
        return json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        reason = _culprit(payload) or "the body is nested too deep, or in itself"
    raise ChainError(f"json: {reason}; nothing was sent")


def _culprit(payload: Any) -> str:
    """The first place that is no JSON, and what is there."""
    left = [("", payload)]
    seen = set()
    while left:
        where, value = left.pop()
        if not isinstance(value, dict | list | tuple):
            told = _unfit(value, where or "the body")
        elif id(value) in seen:
            continue
        else:
            seen.add(id(value))
            told = _unfit_key(value, where or "the body") if isinstance(value, dict) else ""
            left += reversed(_inside(value, where))
        if told:
            return told
    return ""


def _inside(value: Any, where: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"{where}.{key}" if where else str(key), item) for key, item in value.items()]
    return [(f"{where}[{index}]", item) for index, item in enumerate(value)]


def _unfit_key(value: dict[Any, Any], where: str) -> str:
    wrong = next((key for key in value if not isinstance(key, str | int | float | None)), None)
    return "" if wrong is None else f"{where} has a key that is {type(wrong).__name__}, expected text"


def _unfit(value: Any, where: str) -> str:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return f"{where} holds text that UTF-8 cannot"
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{where} is {value}, which JSON cannot hold"
    if value is None or isinstance(value, bool | int | float):
        return ""
    return f"{where} is {type(value).__name__}; pass text, a number, True, False, None, a list or a dict"
