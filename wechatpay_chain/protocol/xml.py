"""The XML of APIv2: flat or nested text fields, nothing else; whatever could be an attack is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from xml.parsers import expat

from wechatpay_chain.errors import ChainError, WechatpayError

__all__ = ["JS", "PHP", "Style", "XMLError", "from_xml", "scalar", "to_xml"]


class XMLError(WechatpayError, ValueError):
    """Text that is no XML of WeChat Pay, or that asks a parser for more than fields."""


class Style(NamedTuple):
    """What one SDK makes of a boolean, of a list (``<item>`` inside, or the element repeated), and of text that
    needs CDATA."""

    true: str
    false: str
    repeats: bool
    special: re.Pattern[str]


PHP = Style(true="1", false="", repeats=False, special=re.compile('[&<>"]'))
JS = Style(true="true", false="false", repeats=True, special=re.compile("[&<>\"']"))

_NAME = re.compile(r"[^\W\d][\w.-]*")
_ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,80}\sencoding=["']([\w.-]{1,40})["']""", re.ASCII)
# Deeper than any field of WeChat Pay, and far from the interpreter's limits.
_DEEPEST = 100


def to_xml(fields: Mapping[str, Any], style: Style = PHP, root: str = "xml") -> bytes:
    """``fields`` as XML, in their order; text with ``& < > "`` (JS: also ``'``) in CDATA.

    A key that is no element name becomes ``item``. Raises ChainError for what is neither text, number, boolean,
    None, list nor mapping, and for nesting that has no end.
    """
    inner = "".join(_elements(fields, style, 0))
    text = f"<{root}>{inner}</{root}>" if inner else f"<{root}/>"
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise ChainError("xml: text that UTF-8 cannot hold; nothing was sent") from None


def scalar(value: Any, style: Style = PHP) -> str:
    """A single value as text: 1.0 is 1, None is empty; a mapping or list is what the SDK signs for it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return style.true if value else style.false
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else _exponent(value)
    if isinstance(value, list | tuple) and style.repeats:
        return ",".join(scalar(item, style) for item in value)
    if isinstance(value, Mapping):
        return "[object Object]" if style.repeats else "Array"
    return "Array" if isinstance(value, list | tuple) else str(value)


def from_xml(text: bytes | str) -> dict[str, Any]:
    """The fields of a document as text; repeated elements are lists, nested ones dicts.

    Raises XMLError for a DOCTYPE, an entity of its own, a wrong encoding, nesting beyond 100 levels, or no XML.
    Source of the dangers: https://pay.weixin.qq.com/doc/v2/merchant/4011985891
    """
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_doctype
    try:
        parser.Parse(_utf8(text), True)
    except expat.ExpatError as error:
        raise XMLError(f"no XML: {expat.ErrorString(error.code)} (line {error.lineno})") from None
    except (UnicodeError, LookupError, ValueError) as error:
        if isinstance(error, XMLError):
            raise
        raise XMLError(f"no XML: {type(error).__name__}") from None
    content = reader.content
    return content if isinstance(content, dict) else {}


def _utf8(text: bytes | str) -> bytes:
    """The text in the one encoding that the parser is told, whatever its declaration says."""
    if isinstance(text, str):
        return text.encode("utf-8")
    declared = _ENCODING.match(text)
    return text.decode(declared[1].decode("ascii")).encode("utf-8") if declared else text


def _elements(fields: Mapping[str, Any], style: Style, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise ChainError("xml: nested too deep, or in itself; nothing was sent")
    for key, value in fields.items():
        name = key if isinstance(key, str) and _NAME.fullmatch(key) else "item"
        if isinstance(value, list | tuple) and style.repeats:
            for item in value:
                yield from _elements({name: item}, style, depth + 1)
        else:
            yield f"<{name}>{_content(name, value, style, depth)}</{name}>"


def _content(name: str, value: Any, style: Style, depth: int) -> str:
    if isinstance(value, Mapping):
        return "".join(_elements(value, style, depth + 1))
    if isinstance(value, list | tuple):
        return "".join(f"<item>{_content('item', item, style, depth + 1)}</item>" for item in _shallow(value, depth))
    if value is not None and not isinstance(value, str | int | float):
        raise ChainError(f"xml: {name} is {type(value).__name__}, expected text or a number; nothing was sent")
    text = scalar(value, style)
    if not style.special.search(text):
        return text
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


def _shallow(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ChainError("xml: nested too deep, or in itself; nothing was sent")
    return value


def _exponent(value: float) -> str:
    text = repr(value)
    if "e" not in text:
        return text
    mantissa, _, power = text.partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(power):+d}"


def _refuse_doctype(*_: object) -> None:
    raise XMLError("a DOCTYPE or an entity is declared, which WeChat Pay never does; refused")


class _Reader:
    """Builds dicts as expat walks; a stack of its own, so depth costs no recursion."""

    def __init__(self) -> None:
        self.content: Any = ""
        self._open: list[tuple[str, dict[str, Any], list[str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _DEEPEST:
            raise XMLError(f"nested deeper than {_DEEPEST} levels; refused")
        children: dict[str, Any] = {"@attributes": attributes} if attributes else {}
        self._open.append((name, children, []))

    def text(self, data: str) -> None:
        if self._open:
            self._open[-1][2].append(data)

    def end(self, _: str) -> None:
        name, children, pieces = self._open.pop()
        # Attributes count beside elements only, as PHP's conversion has it.
        value: Any = children if children.keys() - {"@attributes"} else "".join(pieces)
        if not self._open:
            self.content = value
            return
        siblings = self._open[-1][1]
        if name not in siblings:
            siblings[name] = value
        elif isinstance(siblings[name], list):
            siblings[name].append(value)
        else:
            siblings[name] = [siblings[name], value]
