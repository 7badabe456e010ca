"""Uploads from the other side: a form is read as it arrives, and a file is digested, never held."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from email.message import Message
from typing import Any, BinaryIO

from wechatpay_chain.crypto import digest
from wechatpay_chain.sandbox.answer import FileSeen, Form, Refusal, wrong

__all__ = ["boundary_of", "check", "read_form"]

_BLOCK = 1 << 16
_LONGEST_FIELD = 1 << 20
_DIGEST = re.compile("[0-9a-f]{64}", re.IGNORECASE)


def boundary_of(content_type: str) -> str:
    """The boundary of a form; empty for any other content."""
    message = Message()
    message["Content-Type"] = content_type
    return message.get_boundary("") if message.get_content_type() == "multipart/form-data" else ""


def read_form(file: BinaryIO, length: int, boundary: str, algorithm: str = "sha256") -> Form:
    """The form in the next ``length`` bytes of ``file``; Refusal for one that is malformed.

    ``algorithm`` is that of the files' digests, where no meta names another.
    """
    stream, form = _Stream(file, length), Form()
    delimiter = b"--" + boundary.encode("latin-1", "replace")
    for _ in stream.until(delimiter):
        pass
    delimiter = b"\r\n" + delimiter
    while stream.take(2) == b"\r\n":
        headers = _headers(b"".join(stream.until(b"\r\n\r\n")))
        name, filename = (headers.get_param(key, "", "content-disposition") for key in ("name", "filename"))
        if filename:
            seen = form.files[str(name)] = FileSeen(_text(filename), headers.get_content_type())
            _digest(stream, delimiter, seen, "sm3" if b"SM3" in form.meta else algorithm)
        else:
            form.fields[str(name)] = _field(stream, delimiter)
    stream.drain()
    return form


def check(form: Form) -> None:
    """Raise Refusal unless the meta is JSON, and the digest that it tells is that of a file."""
    try:
        meta = json.loads(form.meta)
    except ValueError:
        meta = None
    if not isinstance(meta, dict) or not form.files:
        raise wrong("meta" if form.files else "file", "必填")
    told = _told_digest(meta)
    if told and told.lower() not in {seen.digest for seen in form.files.values()}:
        raise wrong("sha256", "文件摘要不匹配")


def _told_digest(meta: Mapping[str, Any]) -> str:
    told = (meta.get(name) for name in ("sha256", "digest", "file_digest"))
    return next((text for text in told if isinstance(text, str) and _DIGEST.fullmatch(text)), "")


class _Stream:
    """The bytes of a body, cut at delimiters."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file, self._left, self._buffer = file, length, b""

    def until(self, delimiter: bytes) -> Any:
        """Blocks up to ``delimiter``, which is passed over."""
        while (at := self._buffer.find(delimiter)) < 0:
            keep = max(0, len(self._buffer) - len(delimiter) + 1)
            yield self._buffer[:keep]
            self._buffer = self._buffer[keep:] + self._more()
        yield self._buffer[:at]
        self._buffer = self._buffer[at + len(delimiter) :]

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        while len(self._buffer) < count:
            self._buffer += self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def drain(self) -> None:
        """Pass over what is left."""
        while self._left:
            self._more()

    def _more(self) -> bytes:
        block = self._file.read(min(_BLOCK, self._left))
        self._left -= len(block)
        if not block:
            raise Refusal(400, "PARAM_ERROR", "multipart格式错误")
        return block


def _headers(lines: bytes) -> Message:
    message = Message()
    for line in lines.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            message[name] = value.strip()
    return message


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value[-1])


def _field(stream: _Stream, delimiter: bytes) -> bytes:
    blocks, size = [], 0
    for block in stream.until(delimiter):
        size += len(block)
        if size > _LONGEST_FIELD:
            raise Refusal(413, "PARAM_ERROR", "请求体过大")
        blocks.append(block)
    return b"".join(blocks)


def _digest(stream: _Stream, delimiter: bytes, seen: FileSeen, algorithm: str) -> None:
    found = digest.new(algorithm)
    for block in stream.until(delimiter):
        found.update(block)
        seen.size += len(block)
    seen.digest = found.hexdigest()
