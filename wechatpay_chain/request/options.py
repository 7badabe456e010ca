"""The options of a call: which names there are, and whether their values can be meant."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wechatpay_chain.encoding import json_text, paths, scalars
from wechatpay_chain.encoding.style import JS, Style
from wechatpay_chain.errors import ChainError
from wechatpay_chain.response import RESPONSE_TYPES
from wechatpay_chain.transport.retry import ATTEMPTS, MOST_ATTEMPTS
from wechatpay_chain.transport.sink import Sink

__all__ = [
    "JSON",
    "JSON_UTF8",
    "NATIVE",
    "V2_OPTIONS",
    "XML_UTF8",
    "Face",
    "Sink",
    "is_writable",
    "mapping",
    "merge_options",
    "read_deadline",
    "read_flag",
    "read_headers",
    "read_native",
    "read_response_type",
    "read_retry",
    "read_sink",
    "read_timeout",
    "split_options",
]

JSON = "application/json"
JSON_UTF8 = "application/json; charset=utf-8"
XML_UTF8 = "text/xml; charset=utf-8"
# Options that mean nothing in APIv3.
V2_OPTIONS = ("xml", "nonceless", "security")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_OWN_HEADERS = {
    "authorization": "is made by the client",
    "content-length": "is made by the client",
    "transfer-encoding": "is made by the client",
    # Another one than that of the URL would bring the signed request to another service behind the same address.
    "host": "is that of the URL; pass the host as base_url",
}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Field values are Latin-1 on the wire, and a line break would begin another header.
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Face(NamedTuple):
    """What the users of one SDK are used to, as far as it is data.

    ``name`` is the one under which the catalogue writes calls for them (``sample.DIALECTS``), ``style`` says how
    values become text. ``options`` maps the names that they type to those of ``build``, of which ``extra`` are known
    to the client of this face alone; ``elsewhere`` says of names that they may expect why they are no option here.
    ``spell`` makes text of a placeholder's value that is none, and ``false_header`` is what False becomes as a
    header, None for no header at all.
    """

    name: str
    options: Mapping[str, str]
    elsewhere: Mapping[str, str]
    style: Style
    json_content_type: str
    query_replaces: bool
    xml_accept: str
    spell: Callable[[object, str], object]
    false_header: str | None
    extra: frozenset[str] = frozenset()

    def typed_name(self, option: str) -> str:
        """The name under which users type an option of ``build``."""
        return next((name for name, known in self.options.items() if known == option), option)


def _keep(value: object, name: str) -> object:
    return value


NATIVE = Face(
    name="NATIVE",
    options={
        "json": "json",
        "data": "data",
        "params": "params",
        "headers": "headers",
        "timeout": "timeout",
        "retry": "retry",
        "deadline": "deadline",
        "stream": "stream",
        "sink": "sink",
        "base_url": "base_url",
        "baseURL": "base_url",
        "xml": "xml",
        "nonceless": "nonceless",
        "security": "security",
        "files": "files",
        "meta": "meta",
        "responseType": "response_type",
    },
    elsewhere={
        "verify": "answers are always verified; a CA bundle comes from REQUESTS_CA_BUNDLE",
        "auth": "requests are signed",
        "query": "write params",
        "body": "write json or data",
    },
    style=JS,
    json_content_type=JSON_UTF8,
    query_replaces=False,
    xml_accept="text/xml, text/plain, application/json, application/x-gzip",
    spell=_keep,
    false_header=None,
)


def read_native(method: str, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a native call: ``post(data, config)``, ``get(config)``, and keywords."""
    if len(args) == 1 and not keywords and type(args[0]) is dict and method in _WITH_BODY:
        return {"json": args[0]}  # the commonest call
    limit = 2 if method in _WITH_BODY else 1
    if len(args) > limit:
        raise ChainError(f"{method.lower()}: at most {limit} positional arguments, found {len(args)}; nothing was sent")
    config = args[limit - 1] if len(args) == limit else None
    options = merge_options(mapping(config, "config"), keywords)
    if limit == 2 and args and args[0] is not None:
        if options.get("json") is not None or "data" in keywords:
            raise ChainError("the body is given twice, as first argument and by name; nothing was sent")
        options.pop("data", None)
        # As axios does: JSON text is the body already, other text becomes a JSON string.
        body = json_text.strip(args[0]) if isinstance(args[0], str | bytes | bytearray) else None
        is_text = body is not None and json_text.is_json(body)
        options.update({"data": body} if is_text else {"json": args[0]})
    return options


def merge_options(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Both, refusing a name that is given twice."""
    twice = sorted(first.keys() & second.keys())
    if twice:
        raise ChainError(f"{twice[0]}: given twice, in the mapping and by name; nothing was sent")
    return {**first, **second}


def read_timeout(timeout: object, name: str = "timeout") -> tuple[float, float] | None:
    """Seconds to connect and to read from one number or a pair; None where nothing was given."""
    if timeout is None:
        return None
    pair = timeout if isinstance(timeout, tuple | list) else (timeout, timeout)
    if len(pair) == 2 and all(isinstance(x, int | float) and not isinstance(x, bool) and 0 < x < 1e6 for x in pair):
        return (float(pair[0]), float(pair[1]))
    expected = "seconds above 0, one number or (connect, read)"
    found = f"{timeout!r:.80}" if isinstance(timeout, int | float | tuple | list) else type(timeout).__name__
    raise ChainError(f"{name}: expected {expected}, found {found}; nothing was sent")


def read_retry(retry: object) -> int | None:
    """How often a call may be tried in all: True is three times, False once; None where nothing was given."""
    if retry is None:
        return None
    if isinstance(retry, bool):
        return ATTEMPTS if retry else 1
    if isinstance(retry, int) and 1 <= retry <= MOST_ATTEMPTS:
        return int(retry)
    expected = f"True, False or attempts in all, from 1 to {MOST_ATTEMPTS}"
    found = f"{retry:d}"[:40] if isinstance(retry, int) and abs(retry) < 1e9 else type(retry).__name__
    raise ChainError(f"retry: expected {expected}, found {found}; nothing was sent")


def read_deadline(deadline: object) -> float | None:
    """Seconds for a whole call, infinity for no end; None where nothing was given."""
    if deadline is None:
        return None
    if isinstance(deadline, int | float) and not isinstance(deadline, bool) and deadline > 0:
        return float(deadline)
    found = f"{deadline!r:.40}" if isinstance(deadline, int | float) else type(deadline).__name__
    raise ChainError(f"deadline: expected seconds above 0, found {found}; nothing was sent")


def read_headers(headers: object, face: Face | None = None) -> tuple[tuple[str, str | None], ...]:
    """Checked names and values; None means that a default header is left out."""
    if headers is None:
        return ()
    given, face = mapping(headers, "headers"), face or NATIVE
    return tuple((_header_name(name), _header_value(name, value, face)) for name, value in given.items())


def mapping(config: object, name: str) -> Mapping[str, Any]:
    """``config`` as a mapping with text for names, an empty one for None."""
    if config is None:
        return {}
    if not isinstance(config, Mapping):
        raise ChainError(f"{name}: expected a mapping, found {type(config).__name__}; nothing was sent")
    for key in config:
        if not isinstance(key, str):
            raise ChainError(f"{name}: option names are text, found {key!r:.40}; nothing was sent")
    return config


def split_options(
    names: tuple[str, ...], given: Mapping[str, Any], path: str, face: Face, method: str = ""
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The placeholders' values, and the options under the names of ``build``; any other name raises."""
    values: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for name, value in given.items():
        option = face.options.get(name)
        if name in names:
            if option is not None:
                raise ChainError(f"{name}: both an option and a placeholder here; write the value with / instead")
            values[name] = face.spell(value, name)
        elif option is None:
            _refuse(name, names, path, face, method)
        elif option in options:
            raise ChainError(f"{name}: given twice, under two names; nothing was sent")
        else:
            options[option] = value
    return values, options


def _refuse(name: str, names: tuple[str, ...], path: str, face: Face, method: str) -> None:
    if name in face.elsewhere:
        raise ChainError(f"{name}: not an option here: {face.elsewhere[name]}; nothing was sent")
    import difflib

    # What is less alike, as amount and timeout, is most often a field or a parameter.
    close = difflib.get_close_matches(name, [*names, *face.options], n=1, cutoff=0.75)
    if close:
        hint = f"; did you mean {close[0]}?"
    elif method in ("GET", "DELETE"):
        # What is not known is most often a parameter; its value is not repeated, since it may be a secret.
        hint = f"; a parameter of the query goes into {face.typed_name('params')}={{{name[:64]!r}: …}}"
        if method == "DELETE":
            hint += ", and a path that ends with delete is posted to with .delete.post({…})"
    elif method:
        hint = f"; a field of the body goes into the mapping, as in {method.lower()}({{{name[:64]!r}: …}})"
    else:
        hint = ""
    raise ChainError(
        f"{name[:64]}: neither an option nor a placeholder of {paths.display_path(path)}{hint}; nothing was sent"
    )


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ChainError(f"headers: {name[:40]!r} is no header name; nothing was sent")
    if name.lower() in _OWN_HEADERS:
        raise ChainError(f"headers: {name} {_OWN_HEADERS[name.lower()]}; nothing was sent")
    return name


def _header_value(name: str, value: object, face: Face) -> str | None:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        if not value:
            raise ChainError(f"headers: {name} is an empty list; nothing was sent")
        return ", ".join(filter(None, (_header_value(name, item, face) for item in value)))
    if isinstance(value, bool):
        return face.style.true if value else face.false_header
    if isinstance(value, float):
        value = scalars.spell(value, name, face.style)
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str | int):
        raise ChainError(f"headers: {name} is {type(value).__name__}, expected text; nothing was sent")
    text = (str.__str__(value) if isinstance(value, str) else int.__repr__(value)).strip(" \t")
    if not _HEADER_VALUE.fullmatch(text):
        raise ChainError(f"headers: {name} holds characters that a header cannot; nothing was sent")
    return text


def read_flag(value: object, name: str) -> bool:
    """True or False; False for None."""
    if value is None or isinstance(value, bool):
        return bool(value)
    raise ChainError(f"{name}: expected True or False, found {type(value).__name__}; nothing was sent")


def read_response_type(kind: object) -> str:
    """What ``.data`` of the answer is to be, as axios names it; empty for what the answer is by itself."""
    if kind is None:
        return ""
    if isinstance(kind, str) and kind in RESPONSE_TYPES:
        return kind
    expected = ", ".join(RESPONSE_TYPES)
    raise ChainError(f"responseType: expected one of {expected}, found {str(kind)[:40]!r}; nothing was sent")


def is_writable(file: Any) -> bool:
    """Whether a file can be written to, as far as it says so: after the answer it would be too late."""
    if not callable(getattr(file, "write", None)) or getattr(file, "closed", False):
        return False
    return bool(getattr(file, "writable", lambda: True)())


def read_sink(sink: Any, name: str = "sink") -> Sink | None:
    """A path or an open binary file; None for None."""
    if sink == "":
        raise ChainError(f"{name}: empty; nothing was sent")
    if isinstance(sink, str | os.PathLike):
        path = Path(sink)
        if "\0" in str(path) or path.is_dir() or not os.path.isdir(os.path.dirname(os.path.realpath(path))):
            raise ChainError(f"{name}: {str(path)[:80]!r} is a folder, or in none that is there; nothing was sent")
    elif sink is not None and (isinstance(sink, io.TextIOBase) or not is_writable(sink)):
        raise ChainError(
            f"{name}: expected a path or a binary file to write, found {type(sink).__name__}; nothing was sent"
        )
    given: Sink | None = sink
    return given
