"""Uploads from the other side: a form is read as it arrives, and a file is digested, never held."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from email.message import Message
from typing import Any

from wechatpay_chain.crypto import digest
from wechatpay_chain.sandbox.answer import FileSeen, Form, Refusal, wrong
from wechatpay_chain.sandbox.framing import Body

__all__ = ["check", "form_of", "read_form"]

_BLOCK = 1 << 16
_FORM = "multipart/form-data"
_LONGEST_KEPT = 1 << 20
# RFC 2046, section 5.1.1; each part has few header lines, and they are short.
_LONGEST_BOUNDARY = 70
_LONGEST_HEAD = 8 * 1024
_LONGEST_FIELD = 1 << 20
_DIGEST = re.compile("[0-9a-f]{64}", re.IGNORECASE)


def form_of(content_type: str) -> tuple[bool, str]:
    """Whether content of this type is a form, and the boundary of its parts, which may be absent.

    wechatpayv3 sends ``multipart/form-data`` without the parameter, and WeChat Pay takes it.
    """
    if not content_type.lower().lstrip().startswith(_FORM):
        return False, ""
    message = Message()
    message["Content-Type"] = content_type
    is_form = message.get_content_type() == _FORM
    return is_form, message.get_boundary("") if is_form else ""


def read_form(body: Body, boundary: str, algorithm: str = "sha256") -> tuple[bytes, Form]:
    """The form in ``body`` and, unless it has more than 1 MiB, the bytes that it was read from.

    Without a ``boundary`` the first line tells it. ``algorithm`` is that of the files' digests, where no meta
    names another. Raises Refusal for a form that is malformed.
    """
    stream, form = _Stream(body), Form()
    delimiter = b"--" + (boundary.encode("latin-1", "replace") or stream.first_boundary())
    for _ in stream.until(delimiter):
        pass
    delimiter = b"\r\n" + delimiter
    while stream.take(2) == b"\r\n":
        headers = _headers(stream.head())
        name, filename = (headers.get_param(key, "", "content-disposition") for key in ("name", "filename"))
        if filename:
            seen = form.files[_text(name)] = FileSeen(_text(filename), headers.get_content_type())
            _digest(stream, delimiter, seen, "sm3" if b"SM3" in form.meta else algorithm)
        else:
            form.fields[_text(name)] = _field(stream, delimiter)
    stream.drain()
    return stream.kept, form


def check(form: Form) -> None:
    """Raise Refusal unless the meta is JSON, and the digest that it tells is that of a file."""
    try:
        meta = json.loads(form.meta)
    except ValueError:
        meta = None
    if not isinstance(meta, dict) or not form.files:
        raise wrong("meta" if form.files else "file", "必填")
    told = _given_digest(meta)
    if told and told.lower() not in {seen.digest for seen in form.files.values()}:
        raise wrong("sha256", "文件摘要不匹配")


def _given_digest(meta: Mapping[str, Any]) -> str:
    told = (meta.get(name) for name in ("sha256", "digest", "file_digest"))
    return next((text for text in told if isinstance(text, str) and _DIGEST.fullmatch(text)), "")


class _Stream:
    """The bytes of a body, cut at delimiters; ``kept`` is all of them as long as they are few."""

    def __init__(self, body: Body) -> None:
        self._body, self._buffer, self._whole = body, b"", bytearray()
        self._size = 0

    @property
    def kept(self) -> bytes:
        return bytes(self._whole) if self._size <= _LONGEST_KEPT else b""

    def first_boundary(self) -> bytes:
        """The boundary that the first line is, which stays to be read."""
        longest = _LONGEST_BOUNDARY + 4
        while b"\r\n" not in self._buffer[:longest] and len(self._buffer) < longest:
            self._buffer += self._more()
        line, end, _ = self._buffer[:longest].partition(b"\r\n")
        if not end or not line.startswith(b"--") or len(line) == 2:
            raise Refusal(400, "PARAM_ERROR", "multipart格式错误: Content-Type缺少boundary，且请求体首行不是分隔符")
        return line[2:]

    def until(self, delimiter: bytes) -> Iterator[bytes]:
        """Blocks up to ``delimiter``, which is passed over."""
        while (at := self._buffer.find(delimiter)) < 0:
            keep = max(0, len(self._buffer) - len(delimiter) + 1)
            yield self._buffer[:keep]
            self._buffer = self._buffer[keep:] + self._more()
        yield self._buffer[:at]
        self._buffer = self._buffer[at + len(delimiter) :]

    def head(self) -> bytes:
        """The header lines of a part."""
        blocks, size = [], 0
        for block in self.until(b"\r\n\r\n"):
            size += len(block)
            if size > _LONGEST_HEAD:
                raise Refusal(400, "PARAM_ERROR", "multipart格式错误: 头部过长")
            blocks.append(block)
        return b"".join(blocks)

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        while len(self._buffer) < count:
            self._buffer += self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def drain(self) -> None:
        """Pass over what is left."""
        while block := self._body.read(_BLOCK):
            self._keep(block)

    def _more(self) -> bytes:
        block = self._body.read(_BLOCK)
        if not block:
            raise Refusal(400, "PARAM_ERROR", "multipart格式错误: 没有结束的分隔符")
        self._keep(block)
        return block

    def _keep(self, block: bytes) -> None:
        self._size += len(block)
        if self._size <= _LONGEST_KEPT:
            self._whole += block
        else:
            self._whole.clear()


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
