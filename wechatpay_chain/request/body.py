"""The body of a call as the bytes that will be signed and sent."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

from wechatpay_chain.encoding import json_text
from wechatpay_chain.encoding.query import iso_string
from wechatpay_chain.encoding.scalars import is_whole, whole_number
from wechatpay_chain.errors import ChainError
from wechatpay_chain.request.encryption import Envelope, Sealed, Seals
from wechatpay_chain.request.options import JSON_UTF8, Face, mapping
from wechatpay_chain.transport.media import Media, build_form
from wechatpay_chain.transport.multipart import Multipart

__all__ = [
    "Body",
    "Headers",
    "encode",
    "replace_boundary",
    "signable",
]


Body: TypeAlias = "bytes | Multipart | None"
Headers: TypeAlias = "tuple[tuple[str, str | None], ...]"


def encode(options: Mapping[str, Any], face: Face) -> tuple[Body, str]:
    """Body and content type from the one body among the options; None for no body.

    Raises ChainError for two of them, and for what cannot be written, naming the field.
    """
    given = {name: options[name] for name in _WRITERS if options.get(name) is not None}
    fields = given.pop("data", None) if "files" in given else None
    if len(given) > 1:
        raise ChainError(f"{' and '.join(map(face.typed_name, given))} are two bodies; pass one; nothing was sent")
    name, body = next(iter(given.items()), ("", None))
    meta = options.get("meta")
    if meta is not None and not isinstance(body, Media):
        raise ChainError("meta: it describes a file; pass Media(file) as the body; nothing was sent")
    if isinstance(body, Media):
        body = (body if meta is None else body.with_meta(mapping(meta, "meta"))).form()
    elif name == "files":
        body = build_form(body, fields)
    elif isinstance(body, Multipart):
        body = body.with_new_reader()
    if isinstance(body, Multipart):
        return body, body.content_type
    return _WRITERS[name](body, face) if name else (None, JSON_UTF8)


def replace_boundary(headers: Headers, body: Body, content_type: str) -> Headers:
    """The headers without a Content-Type of a form that names no boundary; ChainError for another boundary."""
    if not isinstance(body, Multipart):
        return headers
    for name, value in headers:
        if name.lower() == "content-type" and body.boundary not in (value or ""):
            if value and ("boundary=" in value or not value.lower().startswith("multipart/form-data")):
                raise ChainError(
                    f"headers: Content-Type is {value[:80]!r}, but the body is {content_type}; nothing was sent"
                )
            headers = tuple(pair for pair in headers if pair[0] != name)
    return headers


def signable(body: Body) -> Body:
    """The body as it is signed and sent: a form without meta is no upload of WeChat Pay's, and is signed whole."""
    return body.read() if isinstance(body, Multipart) and body.meta is None else body


def _data(data: Any, face: Face) -> tuple[bytes, str]:
    return (_encode_text(data), JSON_UTF8) if isinstance(data, str | bytes | bytearray) else _json(data, face)


def _raw(body: Any, face: Face) -> tuple[bytes, str]:
    if callable(getattr(body, "read", None)):
        # What is signed is the whole of it; an upload goes as Media, whose meta is signed alone.
        try:
            body = body.read()
        except (OSError, ValueError) as error:
            raise ChainError(f"body: the file cannot be read ({error}); nothing was sent") from None
    if isinstance(body, str | bytes | bytearray):
        return _encode_text(body), JSON_UTF8
    raise ChainError(f"body: expected text or bytes, found {type(body).__name__}; nothing was sent")


def _form(form: tuple[str, str], face: Face) -> tuple[bytes, str]:
    return form[0].encode("utf-8"), form[1]


def _encode_text(text: str | bytes | bytearray) -> bytes:
    try:
        return text.encode("utf-8") if isinstance(text, str) else bytes(text)
    except UnicodeEncodeError:
        raise ChainError("data: text that UTF-8 cannot hold; nothing was sent") from None


def _json(payload: Any, face: Face) -> tuple[bytes, str]:
    takes_dates = face.style.takes_dates
    try:
        return json_text.dumps(payload, face.style).encode("utf-8"), face.json_content_type
    except (TypeError, ValueError, RecursionError):
        # It holds sealed texts or dates, or what no JSON can hold.
        seals = Seals(partial(_spell_foreign, takes_dates=takes_dates))
    try:
        body = json_text.dumps(payload, face.style, seals).encode("utf-8")
        sealed = Envelope.of(body, seals, _find_sealed(payload)) if seals.texts else body
        return sealed, face.json_content_type
    except ChainError as error:
        raise ChainError(f"json: {error}") from None
    except (TypeError, ValueError, RecursionError):
        reason = _find_unserializable(payload, takes_dates) or "the body is nested too deep, or in itself"
    raise ChainError(f"json: {reason}; nothing was sent")


def _spell_foreign(value: Any, takes_dates: bool) -> str | int:
    """A date as text, and a whole number of another type; TypeError, as ``json`` expects it, for anything else."""
    if takes_dates and isinstance(value, datetime) and value.tzinfo is not None:
        return iso_string(value)
    return whole_number(value)


def _find_unserializable(payload: Any, takes_dates: bool) -> str:
    """The first place that is no JSON, and what is there."""
    left = [("", payload)]
    seen = set()
    while left:
        where, value = left.pop()
        if not isinstance(value, dict | list | tuple):
            told = _describe_bad_value(value, where or "the body", takes_dates)
        elif id(value) in seen:
            continue
        else:
            seen.add(id(value))
            told = _describe_bad_key(value, where or "the body") if isinstance(value, dict) else ""
            left += reversed(_children(value, where))
        if told:
            return told
    return ""


def _find_sealed(payload: Any) -> list[str]:
    """Where the sealed texts are, in the order of the body."""
    left = [("", payload)]
    found = []
    while left:
        where, value = left.pop()
        if isinstance(value, Sealed):
            found.append(where)
        elif isinstance(value, dict | list | tuple):
            left += reversed(_children(value, where))
    return found


def _children(value: Any, where: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"{where}.{key}" if where else str(key), item) for key, item in value.items()]
    return [(f"{where}[{index}]", item) for index, item in enumerate(value)]


def _describe_bad_key(value: dict[Any, Any], where: str) -> str:
    wrong = next((key for key in value if not isinstance(key, str | int | float | None)), None)
    return "" if wrong is None else f"{where} has a key that is {type(wrong).__name__}, expected text"


def _describe_bad_value(value: Any, where: str, takes_dates: bool) -> str:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return f"{where} holds text that UTF-8 cannot"
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{where} is {value}, which JSON cannot hold"
    if isinstance(value, int) or hasattr(type(value), "__index__"):
        return _describe_integer(value, where)
    if value is None or isinstance(value, float | Sealed):
        return ""
    from decimal import Decimal

    if isinstance(value, Decimal):
        return "" if is_whole(value) else f"{where} is {value!s:.40}; round it to a whole number, or pass text"
    if takes_dates and isinstance(value, datetime):
        return "" if value.tzinfo else f"{where} is a datetime without a time zone; give it one"
    return f"{where} is {type(value).__name__}; pass text, a number, True, False, None, a list or a dict"


def _describe_integer(value: Any, where: str) -> str:
    try:
        int.__repr__(operator.index(value))
    except ValueError:
        return f"{where} is a number of more than 4300 digits"
    except TypeError:
        return f"{where} is {type(value).__name__}, which gives no whole number"
    return ""


_WRITERS: Mapping[str, Callable[[Any, Face], tuple[bytes, str]]] = {
    "json": _json,
    "data": _data,
    "raw": _raw,
    "form": _form,
    "multipart": _raw,
    "files": _raw,
}
