"""How a name that a user types becomes a piece of a request path.

Pure text: no client, no option, no network.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from wechatpay_chain.errors import ChainError


__all__ = [
    "Joined",
    "as_php",
    "as_written",
    "attribute",
    "display_path",
    "encode_segment",
    "escape",
    "expand",
    "is_foreign",
    "placeholders",
    "segment",
]

_NAME = r"[A-Za-z](?:[\w-]*\w)?"
_ATTRIBUTE_PLACEHOLDER = re.compile(rf"_({_NAME})_", re.ASCII)
_OTHER_PLACEHOLDER = re.compile(rf"<({_NAME})>|\$({_NAME})\$", re.ASCII)
_TEMPLATE = re.compile(rf"\{{(\+?)({_NAME})\}}", re.ASCII)
_BRACES = re.compile(r"\{[^{}]*\}")
_AFTER_DASH = re.compile(r"-([a-z0-9])")
_CAPITAL = re.compile(r"[A-Z]")
# merchantService, complaintsV2 and h5Presign are spelled so; what has other digits or capitals is a number or an id.
_CAMEL_CASE = re.compile(r"(?:[a-z]+|[a-z][0-9])(?:[A-Z][a-z]+|V[0-9])+")
_VERSION = re.compile(r"^V(?=[0-9](?:/|$))")
# RFC 3986: what may stand as it is in a path or a query; the rest, and a % that is no escape, is encoded.
_STRAY = re.compile(r"[^A-Za-z0-9._~!$&'()*+,;=:@/?%-]|%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)
_DOTS = re.compile(r"(\.|%2e){1,2}", re.IGNORECASE)
_FRAGMENT = re.compile(r"#[^/?#]*")
# Names that belong to Python, to displays (_repr_html_) and to ctypes, not to a path.
_FOREIGN = re.compile(r"_repr_\w*_|_ipython_\w*_|_as_parameter_")
# /v3/ecommerce/applyments/ ends with an empty word, which both reference SDKs write as {empty}.
_EMPTY = "empty"


def is_foreign(name: str) -> bool:
    """Whether an attribute name is some other library's question, never a word of a path."""
    if not name.startswith("_"):
        return False
    return _ATTRIBUTE_PLACEHOLDER.fullmatch(name) is None or _FOREIGN.fullmatch(name) is not None


@lru_cache(maxsize=4096)
def segment(name: str) -> str:
    """The path text of an attribute: ``merchantService`` is ``merchant-service``, ``_id_`` is ``{id}``."""
    if name.endswith("_") and keyword.iskeyword(name[:-1]):
        name = name[:-1]
    if "#" in name or "?" in name:
        raise _chain_error(f"{name[:80]!r} is no word of a path: ? and # would cut it; nothing was sent")
    return _path_text(name, _kebab)


def attribute(text: str) -> str | None:
    """The attribute that spells one segment: ``out-trade-no`` is ``outTradeNo``; None when none does."""
    placeholder = _TEMPLATE.fullmatch(text)
    name = f"_{placeholder[2]}_" if placeholder else _AFTER_DASH.sub(lambda found: found[1].upper(), text)
    name = f"{name}_" if keyword.iskeyword(name) else name
    if not name.isidentifier() or is_foreign(name):
        return None
    return name if segment(name) == text else None


def as_written(text: str) -> str:
    """Path text of ``[…]`` and ``chain(…)`` in the native face: only the placeholders' spelling changes."""
    return _normalize_placeholders(_check_text(text))


def as_php(text: str) -> str:
    """Path text of ``[…]`` and ``chain(…)`` in the PHP face: camelCase becomes kebab-case, never in a query.

    Source: WeChatPay\\BuilderTrait of wechatpay-php, from which three things differ on purpose: a placeholder
    keeps its name, each segment is converted by itself, and one that is no camelCase word, such as an order number
    or an openid with capitals, stays as it is written.
    """
    return _path_text(text, _kebab_word)


@lru_cache(maxsize=1024)
def placeholders(path: str) -> tuple[str, ...]:
    """The names that a path waits for, in order."""
    return tuple(match[2] for match in _TEMPLATE.finditer(path))


def display_path(path: str) -> str:
    """A path as the documentation of placeholders shows it: ``<sp_mchid>``."""
    return _TEMPLATE.sub(r"<\1\2>", path)


class Joined(tuple[str, ...]):
    """Several values for one placeholder: each is encoded, the commas between them are not."""

    __slots__ = ()


def encode_segment(value: object, name: str) -> str:
    """A value as one path segment, percent-encoded once; nothing is safe but RFC 3986's unreserved.

    Raises ChainError for what is neither text nor a whole number, and for text that is empty, ``.`` or ``..``.
    """
    text = _value_text(value, name)
    if text in (".", ".."):
        raise _chain_error(f"{name}: {text!r} would change the path; nothing was sent")
    try:
        return ",".join(quote(part, safe="") for part in (value if isinstance(value, Joined) else (text,)))
    except UnicodeEncodeError:
        raise _chain_error(f"{name}: text that UTF-8 cannot hold; nothing was sent") from None


def expand(path: str, values: Mapping[str, object]) -> str:
    """A path with its placeholders filled from ``values``, every stray character percent-encoded.

    A value is text, a whole number, or ``Joined``. Raises ChainError for a missing or unusable value, or braces
    that are no placeholder.
    """
    if "{" in path:
        _refuse_operators(path)
        return escape(_TEMPLATE.sub(_placeholder_filler(path, values), path).partition("#")[0])
    return _escape_path(path)


@lru_cache(maxsize=1024)
def _escape_path(path: str) -> str:
    return escape(path.partition("#")[0])


def escape(text: str) -> str:
    """A path and query in which nothing is left for requests or urllib3 to rewrite."""
    try:
        text = _STRAY.sub(lambda stray: quote(stray[0], safe=""), text)
    except UnicodeEncodeError:
        raise _chain_error("path: text that UTF-8 cannot hold; nothing was sent") from None
    return _ESCAPE.sub(lambda escaped: escaped[0].upper(), text) if "%" in text else text


def _path_text(text: str, spell: Callable[[str], str]) -> str:
    """Path text with each segment as ``spell`` has it, but for placeholders and a query."""
    text = _check_text(text)
    placeholder = _ATTRIBUTE_PLACEHOLDER.fullmatch(text)
    if placeholder:
        return f"{{{placeholder[1]}}}"
    path, mark, query = _normalize_placeholders(text).partition("?")
    path = _VERSION.sub("v", path)
    return "/".join(_convert_word(word, spell) for word in path.split("/")) + mark + query


def _convert_word(word: str, spell: Callable[[str], str]) -> str:
    if "{" in word:
        pieces = _BRACES.split(word)
        names = _BRACES.findall(word)
        return "".join(spell(piece) + name for piece, name in zip(pieces, [*names, ""], strict=True))
    return spell(word)


def _kebab_word(word: str) -> str:
    # WeChat Pay's numbers and ids are ASCII: other text can only be a word.
    return _kebab(word) if _CAMEL_CASE.fullmatch(word) or not word.isascii() else word


def _kebab(word: str) -> str:
    if word.islower():
        return word
    if _CAPITAL.match(word):
        word = word[0].lower() + word[1:]
    return _CAPITAL.sub(lambda capital: "-" + capital[0].lower(), word)


def _normalize_placeholders(text: str) -> str:
    return _OTHER_PLACEHOLDER.sub(lambda found: f"{{{found[1] or found[2]}}}", text)


def _check_text(text: object) -> str:
    if isinstance(text, int) and not isinstance(text, bool):
        return str(text)
    if not isinstance(text, str):
        raise _chain_error(f"a path is text, not {type(text).__name__}; nothing was sent")
    if text.startswith("//"):
        raise _chain_error(f"{text!r} names a host; pass the host as base_url; nothing was sent")
    text = text.removeprefix("/")
    cut = text.find("#")
    if cut >= 0 and not _FRAGMENT.fullmatch(text[cut:]):
        raise _chain_error(f"{text[:80]!r}: what follows # would not be sent; write a value with / or a placeholder")
    if not text.strip():
        raise _chain_error("a path segment is empty; write _empty_ where the API's path has an empty word")
    return text


def _value_text(value: object, name: str) -> str:
    if isinstance(value, Joined):
        value = ",".join(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _chain_error(f"{name}: expected text or a whole number, found {type(value).__name__}; nothing was sent")
    # str() of an enum member is its Python name; its value is what was meant.
    try:
        text = str.__str__(value) if isinstance(value, str) else int.__repr__(value)
    except ValueError:
        raise _chain_error(f"{name}: a number of more than 4300 digits; nothing was sent") from None
    if not text:
        raise _chain_error(f"{name}: empty; nothing was sent")
    return text


def _encode_inside_path(value: object, name: str, whole: bool) -> str:
    """Encoded text for ``{+name}``: it may hold slashes, but not leave its place in the path."""
    text = _value_text(value, name)
    if not whole and ("?" in text or "#" in text):
        raise _chain_error(f"{name}: ? or # would cut the path; nothing was sent")
    if any(_DOTS.fullmatch(part) for part in text.partition("?")[0].split("/")):
        raise _chain_error(f"{name}: a . or .. segment would change the path; nothing was sent")
    return text


def _refuse_operators(path: str) -> None:
    for found in _BRACES.findall(path):
        if not _TEMPLATE.fullmatch(found):
            raise _chain_error(f"{found}: write {{name}} or {{+name}}; other RFC 6570 operators are not supported")


def _placeholder_filler(path: str, values: Mapping[str, object]) -> Callable[[re.Match[str]], str]:
    def fill(match: re.Match[str]) -> str:
        name = match[2]
        if name == _EMPTY and values.get(name, "") == "":
            return ""
        if values.get(name) is None:
            raise _chain_error(
                f"{name}: no value for <{name}> in {display_path(path)}; pass {name}=…; nothing was sent"
            )
        if match[1]:
            return _encode_inside_path(values[name], name, whole=match[0] == path)
        return encode_segment(values[name], name)

    return fill


def _chain_error(text: str) -> ChainError:
    # Errors bring requests, which takes longer to import than a completion may: it needs words alone.
    from wechatpay_chain.errors import ChainError

    return ChainError(text)
