"""``MediaUtil`` of wechatpay-php: a file and its meta as the body of an upload."""

from __future__ import annotations

import json
import os
from typing import BinaryIO

from wechatpay_chain.crypto.digest import digest
from wechatpay_chain.errors import ChainError
from wechatpay_chain.php.helper import as_bytes
from wechatpay_chain.transport.media import parts
from wechatpay_chain.transport.multipart import File, Multipart

__all__ = ["MediaStream", "MediaUtil"]


class MediaStream(Multipart):
    """The body of an upload; as text it is its meta, which is what is signed."""

    def __str__(self) -> str:
        return (self.meta or b"").decode("utf-8")

    def getSize(self) -> int | None:
        """None, as in PHP; ``len()`` tells the bytes."""
        return None


class MediaUtil:
    """``['body' => $media->getStream(), 'headers' => ['Content-Type' => $media->getContentType()]]``.

    ``filepath`` is a path or a ``file://`` URL; ``fileStream`` (a binary file, or the content itself) is read in
    its place where it is given. The file is read for its SHA-256 when that is first asked for; ChainError names
    the file that cannot be read.
    """

    def __init__(self, filepath: str | os.PathLike[str], fileStream: BinaryIO | bytes | str | None = None) -> None:
        if not isinstance(filepath, str | os.PathLike):
            raise ChainError(f"filepath: expected a path, found {type(filepath).__name__}; nothing was sent")
        named = File(filepath, "filepath")
        self._name = named.name
        self._file = named if fileStream is None else File(_binary(fileStream), "fileStream")
        self._meta: str | None = None
        self._boundary = Multipart(()).boundary

    def getStream(self) -> MediaStream:
        """The body, to be read once; each call gives one of its own."""
        return MediaStream(parts(self.getMeta(), self._file, self._name), self._boundary)

    def getContentType(self) -> str:
        """The content type, with the boundary of the body."""
        return f"multipart/form-data; boundary={self._boundary}"

    def getMeta(self) -> str:
        """The meta: what was set, else file name and SHA-256 as JSON."""
        if self._meta is None:
            with self._file.open() as reader:
                fields = {"filename": self._name, "sha256": digest(reader)}
            self._meta = json.dumps(fields, separators=(",", ":"))
        return self._meta

    def setMeta(self, json: str | None = None) -> int:
        """Set the meta, ``None`` for file name and SHA-256; returns its length in bytes."""
        if json is not None and not isinstance(json, str):
            raise ChainError(f"json: expected text, found {type(json).__name__}; nothing was sent")
        self._meta = json
        return len(as_bytes(self.getMeta()))


def _binary(thing: BinaryIO | bytes | str) -> BinaryIO | bytes:
    return as_bytes(thing) if isinstance(thing, str) else thing
