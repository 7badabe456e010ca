"""An answer as a person reads it: status, and the body as indented JSON, as text, or as what it is."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from wechatpay_chain.display import qrcode

__all__ = ["Answer", "body", "brief", "data_of", "escape_controls", "html", "status_line", "text"]

# Some 250 lines; whoever wants more has .data.
_LIMIT = 10_000
# At least as many letters: one of UTF-8 has four bytes at most.
_START = 4 * _LIMIT + 8
# A larger body is not parsed to be looked at: its beginning is indented as it is written.
_PARSED = 1 << 18
_BRIEF = 60
# All but ASCII, line ends, tabs and Chinese is looked at one by one.
_DOUBTFUL = re.compile(r"[^\n\t\x20-\x7e\u3001-\u9fff\uff01-\uff5e]")
_MARK = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)


class Answer(Protocol):
    """What is shown: the parts of a ``Response`` that a display reads."""

    status_code: int
    reason: str
    verified: bool
    parsed: Any

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def body_state(self) -> str: ...

    @property
    def content(self) -> bytes: ...


def text(answer: Answer) -> str:
    """Status line and body; reads nothing of a stream."""
    lines = status_line(answer), body(answer)
    return "\n".join(line for line in lines if line)


def brief(answer: Answer) -> str:
    """The same on one line, for an answer inside of something else."""
    told = " ".join(text(answer).split())
    return f"<{told}>" if len(told) <= _BRIEF else f"<{told[: _BRIEF - 1]}…>"


def html(answer: Answer) -> str:
    """The same as HTML, with a QR code as SVG where the answer is proven and has an address to be scanned."""
    from html import escape  # its table of entities is large, and only notebooks ask for it

    told = body(answer)
    block = f"<pre>{escape(told)}</pre>" if told else ""
    codes = "".join(
        f"<figure><figcaption>{name}</figcaption>{svg}</figure>"
        for name, url in qrcode.addresses(_picture_data(answer)).items()
        if (svg := qrcode.svg(url))
    )
    return f"<div><strong>{escape(status_line(answer))}</strong>{block}{codes}</div>"


def status_line(answer: Answer) -> str:
    """``200 OK``, with ``unverified`` behind it where no signature was checked."""
    known = vars(answer)  # an answer in a debugger may not be filled yet
    status = known.get("status_code") or "no status"
    line = escape_controls(f"{status} {_line(known.get('reason') or '')}".rstrip())
    return line if answer.verified else f"{line}, unverified"


def body(answer: Answer) -> str:
    """The body: JSON and APIv2's fields indented by two, text as text, else size and kind; empty when it is.

    A long one is cut, and the last line says so. What would steer a terminal is written as an escape.
    """
    content = _content(answer)
    if isinstance(content, str):
        return content
    try:
        return _cut("".join(_encode(data_of(answer))), content)
    except (ValueError, RecursionError):
        return _raw_text(answer, content)


def data_of(answer: Answer) -> Any:
    """The body parsed; ValueError or RecursionError where it is no JSON, is too large or not here."""
    if answer.parsed is not None:
        return answer.parsed
    content = _content(answer)
    if isinstance(content, str) or len(content) > _PARSED:
        raise ValueError("nothing to be parsed for a display")
    return json.loads(content)


def escape_controls(value: str) -> str:
    r"""A text whose control characters, and others that are not seen, are written as ``\u001b``."""
    return _DOUBTFUL.sub(_escape, value)


def _escape(match: re.Match[str]) -> str:
    letter = match[0]
    if letter.isprintable() or letter in "\xa0\u3000":
        return letter
    return json.dumps(letter)[1:-1] if ord(letter) > 0xFFFF else f"\\u{ord(letter):04x}"


def _content(answer: Answer) -> bytes | str:
    """The body, or what to say where it was not kept; ``.content`` would read what still streams."""
    if answer.body_state == "kept":
        return answer.content or b""
    if vars(answer).get("raw") is None:
        return b""
    return "(a stream, not read yet)" if answer.body_state == "unread" else "(a stream that was read)"


def _picture_data(answer: Answer) -> Any:
    """What may be drawn of an answer: nobody should scan what is not proven to be WeChat Pay's."""
    try:
        return data_of(answer) if answer.verified else None
    except (ValueError, RecursionError):
        return None


def _encode(data: Any) -> Iterator[str]:
    """JSON piece by piece, no more than is shown."""
    size = 0
    for piece in json.JSONEncoder(indent=2, ensure_ascii=False, default=str).iterencode(data):
        yield piece
        size += len(piece)
        if size > _LIMIT:
            return


def _raw_text(answer: Answer, content: bytes) -> str:
    start = content[:_START]
    try:
        head = codecs.getincrementaldecoder("utf-8-sig")().decode(start)
    except UnicodeDecodeError:
        kind = _line(answer.headers.get("Content-Type") or "no content type")
        return escape_controls(f"({len(content):,} bytes, {kind})")
    if len(content) > _PARSED and head.lstrip()[:1] in ("{", "["):
        head = "".join(_indent(head[:_LIMIT]))
    return _cut(head, content, len(start) == len(content))


def _indent(head: str) -> Iterator[str]:
    """The beginning of a JSON text, with the line breaks that it lacks."""
    depth, before = 0, ""
    for mark in _MARK.findall(head):
        closes = mark in ("]", "}")
        depth -= closes
        if before == "," or (before in ("[", "{")) != closes:
            yield "\n" + "  " * depth
        yield _unescape(mark) + (" " if mark == ":" else "")
        depth += mark in ("[", "{")
        before = mark


def _unescape(mark: str) -> str:
    if "\\u" not in mark:
        return mark
    try:
        return json.dumps(json.loads(mark), ensure_ascii=False)
    except ValueError:  # the text that the cut went through
        return mark


def _cut(told: str, content: bytes, whole: bool = True) -> str:
    told, whole = told[:_LIMIT], whole and len(told) <= _LIMIT
    head = escape_controls(told.replace("\r\n", "\n")).rstrip("\n")
    return head if whole else f"{head}\n… cut here; the body has {len(content):,} bytes, and .data holds all of it"


def _line(value: object) -> str:
    return " ".join(str(value).split())[:80]
