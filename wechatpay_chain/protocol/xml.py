"""APIv2's XML: fields as elements in their order, and a document as the dict that PHP makes of it.

Source: https://pay.weixin.qq.com/wiki/doc/api/wxpay/ch/pay/chapter2_2.shtml
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.parsers import expat

from wechatpay_chain.encoding.scalars import spell
from wechatpay_chain.encoding.style import PHP, Style
from wechatpay_chain.errors import ChainError, WechatpayError

__all__ = ["MAX_DEPTH", "XMLError", "from_xml", "sanitize", "to_xml"]

MAX_DEPTH = 256
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
_NEVER_SENT = re.compile(r"[\0\ud800-\udfff]")
_ASCII_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9._:-]*")
_BLANK = " \t\n\r"
_NO_NAME = re.compile(r"[\s<>&/\"'=]")


class XMLError(WechatpayError, ValueError):
    """A text that is no XML, or XML that is refused: DOCTYPE, entities, too deep, not UTF-8."""


def to_xml(
    fields: Mapping[Any, Any] | Sequence[Any],
    root: str = "xml",
    *,
    item: str = "item",
    style: Style = PHP,
    indent: bool = False,
    declaration: bool = False,
    strict: bool = False,
) -> str:
    """The fields as elements of ``root``, in their order; mappings and lists nest.

    Text that holds one of ``style.cdata`` is a CDATA section; ``]]>`` in it is split into two. A key that is
    no name becomes ``item``. Characters that XML 1.0 cannot hold go as they are, as both SDKs write them, all
    but NUL; with ``strict`` they are refused. Raises ChainError, which names the key, for what cannot be written.
    """
    if not isinstance(fields, Mapping | list | tuple):
        raise ChainError(f"{str(root)[:80]}: expected a mapping, found {type(fields).__name__}; nothing was sent")
    for name in (root, item):
        if not isinstance(name, str) or not name or not _is_name(name):
            raise ChainError(f"{str(name)[:80]!r}: no XML name; nothing was sent")
    writer = _Writer(item, style, indent, strict)
    writer.element(root, fields)
    if declaration:
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{"".join(writer.parts).rstrip()}\n'
    return "".join(writer.parts)


class _Writer:
    """The parts of one document, written so far."""

    def __init__(self, item: str, style: Style, indent: bool, strict: bool) -> None:
        self.item = item
        self.refused = _NOT_XML if strict else _NEVER_SENT
        self.style = style
        self.indent = indent
        self.parts: list[str] = []

    def element(self, tag: str, value: object, depth: int = 0) -> None:
        if depth > MAX_DEPTH:
            raise ChainError(f"{tag[:80]}: nested deeper than {MAX_DEPTH} levels; nothing was sent")
        start, end = (" " * depth, "\n") if self.indent else ("", "")
        empty = f"{start}<{tag}/>{end}"
        if not isinstance(value, Mapping | list | tuple):
            text = self.text(value, tag)
            closed = f"{start}<{tag}>{text}</{tag}>{end}"
            self.parts.append(empty if self.style.shortens_empty and not text else closed)
            return
        at = len(self.parts)
        self.parts.append(f"{start}<{tag}>{end}")
        for key, child in self.children(value):
            if key == "#text" and self.style.takes_any_key:
                self.parts.append(self.text(child, "#text"))
            else:
                self.element(self.tag(key), child, depth + 1)
        if len(self.parts) == at + 1:
            self.parts[at] = empty
        else:
            self.parts.append(f"{start}</{tag}>{end}")

    def children(self, value: Mapping[Any, Any] | Sequence[Any]) -> Iterator[tuple[object, object]]:
        for key, child in value.items() if isinstance(value, Mapping) else enumerate(value):
            if self.style.repeats_lists and isinstance(child, list | tuple):
                yield from ((key, each) for each in child)
            else:
                yield key, child

    def text(self, value: object, key: str) -> str:
        text = spell(value, key, self.style)
        found = self.refused.search(text)
        if found is not None:
            is_half = _NEVER_SENT.match(found[0])
            what = "NUL or half a character" if is_half else f"a control character (U+{ord(found[0][0]):04X})"
            raise ChainError(f"{key[:80]}: {what}, which XML cannot hold; nothing was sent")
        return _escape(text, self.style)

    def tag(self, key: object) -> str:
        if isinstance(key, str) and _is_name(key):
            return key
        if not self.style.takes_any_key:
            return self.item
        name = str(key)
        if not name or _NO_NAME.search(name) or _NOT_XML.search(name):
            raise ChainError(f"{name[:80]!r}: this key cannot name an XML element; nothing was sent")
        return name


def _is_name(key: str) -> bool:
    """Whether PHP takes a key for a name: letters and underscores, then digits and ``.:-`` too; and XML does."""
    if key.isascii():
        return bool(_ASCII_NAME.fullmatch(key))
    if not all(char.isalpha() or char in "_0123456789.:-" for char in key) or key[0] in "0123456789.:-":
        return False
    try:
        expat.ParserCreate("utf-8").Parse(f"<{key}/>".encode(), True)
    except expat.ExpatError:
        return False
    return True


def _escape(text: str, style: Style) -> str:
    if not any(char in text for char in style.cdata):
        return text.replace("\r", "&#13;")
    text = text.replace("]]>", "]]]]><![CDATA[>")
    # A bare carriage return is read as a line feed, and then the signature does not fit.
    if style.splits_returns:
        text = text.replace("\r", "]]>&#13;<![CDATA[")
    return f"<![CDATA[{text}]]>"


def sanitize(text: str) -> str:
    """The text without the characters that XML 1.0 cannot hold, which some names in WeChat Pay's answers have."""
    return _NOT_XML.sub("", text)


def from_xml(document: bytes | str, *, comments: bool = False, flat: bool = False) -> dict[str, Any]:
    """What the root element holds: text, dicts of elements, and lists of those that share a name.

    Bytes are UTF-8, whatever they declare; characters that XML cannot hold are stripped. An element without
    content is ``""``. An element of elements keeps its attributes as ``@attributes``; others lose theirs. An
    element that begins with text is its text alone. Blanks between elements and names with a declared prefix
    are dropped. ``comments`` keeps comments and processing instructions beside elements as entries, as PHP's
    SimpleXML does. ``flat`` refuses an element within a field. Raises XMLError for a DOCTYPE, bytes that are no
    UTF-8, more than 256 levels, and what is not well-formed.
    """
    text = sanitize(_decode(document)).removeprefix("\ufeff")
    try:
        return _Reader(comments, flat).read(text.encode("utf-8"))
    except expat.ExpatError as error:
        reason = f"{expat.ErrorString(error.code)}, line {error.lineno}, column {error.offset}"
    raise XMLError(f"xml: not well-formed ({reason}), {len(text)} characters; it may not be WeChat Pay's")


def _decode(document: object) -> str:
    if isinstance(document, str):
        return document
    if not isinstance(document, bytes | bytearray):
        raise XMLError(f"xml: expected text or bytes, found {type(document).__name__}")
    try:
        return document.decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start
    raise XMLError(f"xml: no UTF-8 text at byte {at} of {len(document)}; it may not be WeChat Pay's")


class _Frame:
    """An element that is open, and what it holds so far."""

    __slots__ = ("begins_with_text", "children", "elements", "ends_with_text", "is_text", "nodes", "prefixes", "texts")

    def __init__(self) -> None:
        self.children: dict[str, Any] = {}
        self.texts: list[str] = []
        self.prefixes: list[str] = []
        self.nodes = self.elements = 0
        self.begins_with_text = self.ends_with_text = self.is_text = False

    def add_run(self, text: str, at_end: bool) -> None:
        """Text between two tags: blanks count beside other text, or as the only content."""
        beside_text = self.begins_with_text or self.ends_with_text
        # A carriage return that arrives was written as a reference: somebody meant it.
        if text.strip(" \t\n") or beside_text or (at_end and not self.nodes):
            self.add_text(text)

    def add_text(self, text: str) -> None:
        self.texts.append(text)
        self.ends_with_text = True
        if not self.nodes:
            self.begins_with_text = True
            self.is_text |= bool(text.strip(_BLANK))

    def add_node(self) -> None:
        self.nodes += 1
        self.ends_with_text = False

    def add(self, name: str, value: Any) -> None:
        if name not in self.children:
            self.children[name] = value
        elif isinstance(self.children[name], list):
            self.children[name].append(value)
        else:
            self.children[name] = [self.children[name], value]

    def value(self) -> Any:
        return self.children if self.elements and not self.is_text else "".join(self.texts)

    def fields(self) -> dict[str, Any]:
        """The value of a root element: PHP gives text the key 0."""
        if self.is_text and not self.nodes:
            self.children["0"] = "".join(self.texts)
        return self.children


class _Reader:
    """The handlers of one parser; ``fields`` is set when the root element closes."""

    def __init__(self, comments: bool, flat: bool) -> None:
        self.comments = comments
        self.depth = 1 if flat else MAX_DEPTH
        self.fields: dict[str, Any] = {}
        self.open: list[_Frame] = []
        self.run: list[str] = []
        self.prefixes = Counter(("xml", "xmlns"))

    def read(self, document: bytes) -> dict[str, Any]:
        # What the document declares as its encoding is not asked.
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.run.append
        parser.StartCdataSectionHandler = self.settle
        parser.EndCdataSectionHandler = self.end_cdata
        parser.CommentHandler = lambda text: self.aside("comment", text)
        parser.ProcessingInstructionHandler = self.aside
        parser.StartDoctypeDeclHandler = self.doctype
        parser.Parse(document, True)
        return self.fields

    def settle(self, at_end: bool = False) -> None:
        """The text since the last tag is whole: give it to the element that is open."""
        if self.run:
            self.open[-1].add_run("".join(self.run), at_end)
            self.run.clear()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.open) > self.depth:
            found = "an element within a field" if self.depth == 1 else f"nested deeper than {MAX_DEPTH} levels"
            raise XMLError(f"xml: {found}, which WeChat Pay never sends; refused")
        self.settle()
        if self.open:
            self.open[-1].add_node()
        frame = _Frame()
        self.open.append(frame)
        if attributes:
            frame.prefixes += [key[6:] for key in attributes if key.startswith("xmlns:")]
            self.prefixes.update(frame.prefixes)
            plain = {key: value for key, value in attributes.items() if key != "xmlns" and not self.has_prefix(key)}
            if plain:
                frame.children["@attributes"] = plain

    def end(self, name: str) -> None:
        self.settle(at_end=True)
        frame = self.open.pop()
        if not self.open:
            self.fields = frame.fields()
        elif not self.has_prefix(name):
            self.open[-1].elements += 1
            self.open[-1].add(name, frame.value())
        if frame.prefixes:
            self.prefixes.subtract(frame.prefixes)

    def has_prefix(self, name: str) -> bool:
        """Whether a prefix is declared here; SimpleXML shows such names to those alone who ask for their namespace."""
        prefix, colon, _ = name.partition(":")
        return bool(colon) and self.prefixes[prefix] > 0

    def end_cdata(self) -> None:
        self.open[-1].add_text("".join(self.run))
        self.run.clear()

    def aside(self, name: str, text: str) -> None:
        """A comment or a processing instruction."""
        self.settle()
        if self.open:
            self.open[-1].add_node()
            if self.comments:
                self.open[-1].add(name, text)

    def doctype(self, *_: object) -> None:
        raise XMLError("xml: a DOCTYPE, where entities are declared and which WeChat Pay never sends; refused")
