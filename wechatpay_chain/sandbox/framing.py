"""Where a request ends: its head is checked and its body read as RFC 9112 has them, in counted bytes or in chunks.

http.server reads the lines of a head and leaves the body to others. What two readers could read in two ways
(two lengths, a length beside chunks, a space before a colon) is refused, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import Message
from io import BytesIO
from typing import BinaryIO, Protocol

__all__ = ["BadRequest", "Body", "Head", "body_of", "check_fields", "target_of"]

_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[^\x00-\x08\x0a-\x1f\x7f]*\r?\n")
_HEAD = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*\r?\n)*\r?\n")
_FOLDED = re.compile(rb"[ \t][^\x00-\x08\x0a-\x1f\x7f]*\r?\n")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n")
# Two of these could be read as either.
_ONCE = ("Host", "Authorization", "Content-Type", "Expect")
_EMPTY = (b"\r\n", b"\n", b"")
# One more than http.client takes.
_MOST_LINES = 102
_LONGEST_LINE = 8 * 1024
# Longer lines are refused by http.client.
_LONGEST_FIELD = 64 * 1024
_MOST_TRAILERS = 100


class BadRequest(Exception):
    """A request that cannot be read: the status of its answer, and what was found."""

    def __init__(self, status: int, found: str) -> None:
        super().__init__(found)
        self.status = status


class Body(Protocol):
    """The bytes of a body, in order."""

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end. BadRequest for a body that breaks off or breaks a rule."""
        ...


class _Counted:
    """A body whose length was told."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file, self._left = file, length

    def read(self, size: int) -> bytes:
        if not self._left:
            return b""
        block = self._file.read(min(size, self._left))
        if not block:
            raise BadRequest(400, f"the body ended {self._left} bytes before its Content-Length")
        self._left -= len(block)
        return block


class _Chunked:
    """A body in chunks; extensions and trailers are passed over."""

    def __init__(self, file: BinaryIO, longest: int) -> None:
        self._file, self._longest = file, longest
        self._read, self._left, self._ended = 0, 0, False

    def read(self, size: int) -> bytes:
        if not self._left and not self._ended:
            self._begin()
        if self._ended:
            return b""
        block = self._file.read(min(size, self._left))
        if not block:
            raise BadRequest(400, "the body ended inside a chunk")
        self._left -= len(block)
        if not self._left and self._file.read(2) != b"\r\n":
            raise BadRequest(400, "a chunk is longer than its size says, or no CRLF follows it")
        return block

    def _begin(self) -> None:
        line = self._file.readline(_LONGEST_LINE)
        found = _CHUNK_SIZE.fullmatch(line)
        if not found:
            raise BadRequest(400, f"expected the size of a chunk in hexadecimal digits, found {line[:40]!r}")
        self._left = int(found[1], 16)
        self._read += self._left
        if self._read > self._longest:
            raise BadRequest(413, f"the body is longer than {self._longest} bytes")
        if not self._left:
            self._pass_over_trailers()
            self._ended = True

    def _pass_over_trailers(self) -> None:
        for _ in range(_MOST_TRAILERS):
            line = self._file.readline(_LONGEST_LINE)
            if line == b"\r\n":
                return
            if not line.endswith(b"\r\n"):
                break
        raise BadRequest(400, "the trailers after the last chunk do not end with an empty line")


class _Announced:
    """A body that the client sends only when it is asked to: ``Expect: 100-continue``."""

    def __init__(self, body: Body, ask: Callable[[], None]) -> None:
        self._body, self._ask, self._asked = body, ask, False

    def read(self, size: int) -> bytes:
        if not self._asked:
            self._asked = True
            self._ask()
        return self._body.read(size)


class Head:
    """The lines of a head, looked at before http.client reads them, which takes some of them in its own way.

    ``fault`` says what is wrong with the first line that is no header field; it is empty for none.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.fault = file, ""
        self._lines: BytesIO | None = None

    def readline(self, size: int) -> bytes:
        """The next line; nothing is read before a line is asked for."""
        if self._lines is None:
            self._lines = self._read()
        return self._lines.readline(size)

    def _read(self) -> BytesIO:
        """The lines up to the empty one; of a head that is too long as many as http.client needs to refuse it."""
        lines: list[bytes] = []
        while len(lines) < _MOST_LINES:
            line = self._file.readline(_LONGEST_FIELD + 1)
            lines.append(line)
            if line in _EMPTY or len(line) > _LONGEST_FIELD:
                break
        head = b"".join(lines)
        self.fault = "" if _HEAD.fullmatch(head) else _fault(lines)
        return BytesIO(head)


def _fault(lines: list[bytes]) -> str:
    name = b""
    for line in lines:
        found = _FIELD.fullmatch(line)
        # An Authorization that is folded has an error of its own, and a line that is too long as well.
        is_told = len(line) > _LONGEST_FIELD or (name.lower() == b"authorization" and _FOLDED.fullmatch(line))
        if not (found or is_told or line in _EMPTY):
            return (
                f"{line[:40]!r} is no header field (name, colon, value, each in one line); base64 that was broken into"
                " lines looks so"
            )
        name = found[1] if found else name
    return ""


def check_fields(headers: Message, version: str) -> None:
    """BadRequest for fields that are there more than once, or not at all where the version requires them."""
    names = [name.lower() for name in headers]
    twice = next((name for name in _ONCE if names.count(name.lower()) > 1), "") if len(set(names)) < len(names) else ""
    if twice:
        raise BadRequest(400, f"header {twice} is there more than once")
    if version == "HTTP/1.1" and "host" not in names:
        raise BadRequest(400, "HTTP/1.1 needs the header Host")


def target_of(line: bytes) -> tuple[str, str]:
    """The target of a request line as it was sent, and the host that a proxy's client puts before it, else ""."""
    words = line.split()
    if len(words) != 3:
        raise BadRequest(400, "the request line is not: method, target, version")
    try:
        target = words[1].decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(400, "the target is no UTF-8 text") from None
    if not target.isprintable():
        raise BadRequest(400, "the target has a control character")
    if not target.startswith("/"):
        scheme, colon, rest = target.partition("://")
        if colon and scheme.lower() in ("http", "https"):
            host, _, path = rest.partition("/")
            return f"/{path}", host
    return target, ""


def body_of(headers: Message, file: BinaryIO, version: str, longest: int, ask: Callable[[], None]) -> Body:
    """The body that follows a head that was checked.

    ``longest`` is in bytes; ``ask`` sends the interim answer that some clients wait for. BadRequest: 413 for one
    that is too long, 417 for another expectation, 501 for another coding, 400 for what is ambiguous.
    """
    codings, lengths = headers.get_all("Transfer-Encoding", []), headers.get_all("Content-Length", [])
    body: Body
    if codings:
        if lengths or version != "HTTP/1.1":
            raise BadRequest(
                400, "Transfer-Encoding beside Content-Length, or in HTTP/1.0: where the body ends is open"
            )
        if [coding.strip().lower() for coding in codings] != ["chunked"]:
            raise BadRequest(501, f"Transfer-Encoding {', '.join(codings)[:40]!r}: only chunked is known")
        body = _Chunked(file, longest)
    else:
        length = _length(lengths)
        if length > longest:
            raise BadRequest(413, f"the body has {length} bytes, at most {longest} are read")
        body = _Counted(file, length)
    expected = headers.get("Expect", "").strip().lower()
    if not expected or version != "HTTP/1.1":
        return body
    if expected != "100-continue":
        raise BadRequest(417, f"Expect {expected[:40]!r}: only 100-continue is known")
    return _Announced(body, ask)


def _length(told: list[str]) -> int:
    if not told:
        return 0
    text = told[0].strip()
    # More digits than any body has would make int() slow, or fail.
    if len(told) > 1 or not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BadRequest(400, f"Content-Length {', '.join(told)[:40]!r}: expected one number")
    return int(text)
