"""Multipart forms that are streamed: files are read while they are sent, never held in memory.

Source: https://www.rfc-editor.org/rfc/rfc7578
"""

from __future__ import annotations

import contextlib
import inspect
import io
import mimetypes
import os
import re
import secrets
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, TypeAlias

from wechatpay_chain.encoding import file_urls
from wechatpay_chain.errors import ChainError

__all__ = ["File", "Multipart", "Part", "Readable", "Source", "Upload", "type_of"]


class Readable(Protocol):
    """A binary file, as far as it is needed."""

    def read(self, size: int = ..., /) -> bytes:
        """At most ``size`` bytes."""
        ...


class Upload(Protocol):
    """A file that a web framework received, under the name that its sender gave it."""

    @property
    def filename(self) -> str | None:
        """The name; None where the sender gave none."""
        ...


Source: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Readable | Upload"

_BLOCK = 1 << 16
# A quote or a line break would end the name, and what follows would be taken for a header (as browsers do).
_BREAK = re.compile("[\r\n\0]")
_IN_QUOTES = {ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"}
_SEPARATOR = re.compile(r"[/\\]")
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?: *;[\x20-\x7e]*)?", re.ASCII)
# Where an upload keeps the file itself: Starlette, aiohttp and Django; Werkzeug and Falcon; anyio.
_INSIDE = ("file", "stream", "wrapped")
_TYPE_NAMES = ("content_type", "mimetype", "type")
_UNKNOWN = "application/octet-stream"
# What ends a word of curl's --form, or makes it something else when it stands first.
_CURL_SPECIAL = re.compile(r'[;,]|^[\s"<@(]')
# What WeChat Pay takes and Python's own table does not name in every version.
_TYPES = {
    "image/bmp": ".bmp",
    "image/webp": ".webp",
    "video/x-matroska": ".mkv",
    "video/x-flv": ".flv",
    "video/mp4": ".f4v",
    "video/x-m4v": ".m4v",
    "video/x-ms-wmv": ".wmv",
    "application/vnd.rn-realmedia-vbr": ".rmvb",
    "application/ofd": ".ofd",
}


def type_of(filename: str) -> str:
    """The media type that a file's name stands for, ``application/octet-stream`` for one that tells nothing."""
    _, dot, extension = filename.rpartition(".")
    known = _types().guess_type(f"file.{extension}")[0] if dot else None
    return known or _UNKNOWN


@lru_cache(maxsize=1)
def _types() -> mimetypes.MimeTypes:
    # One of its own: that of the module also knows what this machine's files say.
    types = mimetypes.MimeTypes()
    for name, extension in _TYPES.items():
        types.add_type(name, extension)
    return types


class File:
    """What is uploaded: a path or ``file://`` URL, bytes, a binary file from where it stands, or a received upload.

    ``name`` is the file's name, ``content_type`` what an upload says of itself; each is empty where it is not known.
    A path is opened when it is read. A file stands afterwards where it stood before, and a received one is sent from
    its start, whoever looked into it before. A file that cannot be rewound is copied to a temporary one at its first
    use, so that it can be read twice. Raises ChainError for text files, asynchronous ones and other things.
    """

    def __init__(self, source: Source, field: str = "file") -> None:
        self._field = field
        self._path: Path | None = None
        self._lock = threading.Lock()
        self._start: int | None = None
        self._is_whole = False
        self.content_type = ""
        if isinstance(source, str | os.PathLike):
            self._path = Path(file_urls.path_of(os.fsdecode(source)))
            self.name = self._path.name
            return
        if isinstance(source, bytes | bytearray | memoryview):
            self.name = ""
            self._file: Any = io.BytesIO(source)
            return
        self.name = _name_of(source)
        self.content_type = _content_type_of(source)
        self._file = _content_of(source, field)
        self._is_whole = _is_upload(source)

    def __str__(self) -> str:
        return self.name if self._path is None else str(self._path)

    def open(self) -> BinaryIO:
        """A reader of its own, from the start; ChainError names the path that cannot be read."""
        if self._path is None:
            return self._shared()
        try:
            return self._path.expanduser().open("rb")
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a path"
        raise ChainError(f"{self._field}: {str(self._path)[:80]!r} cannot be read ({reason}); nothing was sent")

    def size(self) -> int:
        """How many bytes there are."""
        with self.open() as reader:
            return reader.seek(0, os.SEEK_END)

    def _shared(self) -> BinaryIO:
        with self._lock:
            if self._start is None:
                self._start = self._settled()
        return io.BufferedReader(_Window(self._file, self._start, self._lock), _BLOCK)

    def _settled(self) -> int:
        """Where the content begins in a file that can be rewound; it is copied where it cannot."""
        try:
            if not _is_seekable(self._file):
                return self._copied()
            at = 0 if self._is_whole else int(self._file.tell())
            self._file.seek(at)
            _checked(self._file.read(1))
            self._file.seek(at)
            return at
        except (OSError, ValueError, TypeError, AttributeError) as error:
            reason = " ".join(str(error).split())
        raise ChainError(f"{self._field}: the file cannot be read ({reason}); nothing was sent")

    def _copied(self) -> int:
        copy: Any = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as this value
        weakref.finalize(self, copy.close)
        while block := _checked(self._file.read(_BLOCK)):
            copy.write(block)
        self._file = copy
        return 0


def _is_seekable(file: Any) -> bool:
    # SpooledTemporaryFile, in which uploads are kept, does not say it before Python 3.11.
    told = getattr(file, "seekable", None)
    return callable(getattr(file, "seek", None)) and callable(getattr(file, "tell", None)) if told is None else told()


def _checked(block: Any) -> bytes:
    if not isinstance(block, bytes):
        raise ValueError(f"it gives {type(block).__name__}, not bytes")
    return block


def _is_upload(source: Any) -> bool:
    """Whether a web framework received it; a file of Python's own may have these names for something else."""
    return not isinstance(source, io.IOBase) and (hasattr(source, "filename") or hasattr(source, "content_type"))


def _name_of(source: Any) -> str:
    """The file's own name, without folders. The ``name`` of an upload that has a ``filename`` is its form field's."""
    has_filename = _is_upload(source) and hasattr(source, "filename")
    name = source.filename if has_filename else getattr(source, "name", None)
    if not isinstance(name, str):
        return ""
    # Browsers send names with the folders of their own system.
    return _SEPARATOR.split(name)[-1] if has_filename else os.path.basename(name)


def _content_type_of(source: Any) -> str:
    """The media type that an upload tells; empty where it tells none, or none that says anything."""
    told = (getattr(source, name, None) for name in _TYPE_NAMES)
    found = next((kind.strip() for kind in told if isinstance(kind, str) and _MEDIA_TYPE.fullmatch(kind.strip())), "")
    return "" if found.lower() == _UNKNOWN else found


def _content_of(source: Any, field: str) -> Any:
    """The binary file in a source: itself, or the one that an upload keeps."""
    candidates = (source, *(getattr(source, name, None) for name in _INSIDE))
    found = next(filter(_is_binary_file, candidates), None)
    if found is not None:
        return found
    body = getattr(source, "body", None)
    if isinstance(body, bytes) and _name_of(source):  # Tornado and Sanic hand out the bytes
        return io.BytesIO(body)
    told = f"expected a path, bytes or a binary file, found {type(source).__name__}"
    if inspect.isawaitable(source):
        told = f"found a {type(source).__name__}; await it first"
    elif any(map(_is_asynchronous, candidates)):
        told = f"{type(source).__name__} is read asynchronously; pass its path, or its bytes and their name"
        told += ": Media(await file.read(), filename='logo.png')"
    raise ChainError(f"{field}: {told}; nothing was sent")


def _is_binary_file(thing: Any) -> bool:
    if thing is None or isinstance(thing, io.TextIOBase | type) or not callable(getattr(thing, "read", None)):
        return False
    return not _is_asynchronous(thing) and _is_readable(thing)


def _is_asynchronous(thing: Any) -> bool:
    return inspect.iscoroutinefunction(getattr(thing, "read", None))


def _is_readable(file: Any) -> bool:
    """Whether a file is open for reading, as far as it says so; a closed one says it when it is read."""
    try:
        return bool(getattr(file, "readable", lambda: True)())
    except ValueError:
        return True


class _Window(io.RawIOBase):
    """A part of a file that others read as well: each read goes to its own place first."""

    def __init__(self, file: BinaryIO, start: int, lock: threading.Lock) -> None:
        self._file, self._start, self._lock = file, start, lock
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        with self._lock, contextlib.suppress(OSError, ValueError):  # its owner may have closed it
            if not self.closed:
                self._file.seek(self._start)
        super().close()

    def readinto(self, buffer: Any) -> int:
        with self._lock:
            self._file.seek(self._start + self._at)
            block = self._file.read(len(buffer))
        buffer[: len(block)] = block
        self._at += len(block)
        return len(block)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with self._lock:
            end = self._file.seek(0, os.SEEK_END) - self._start
        self._at = offset + (0, self._at, end)[whence]
        return self._at


class Part(NamedTuple):
    """One field of a form; ``filename`` makes it a file, ``headers`` come before those that are made."""

    name: str
    content: bytes | File
    filename: str = ""
    headers: Mapping[str, str] = {}
    tells_length: bool = True

    def head(self, length: int) -> bytes:
        """Its headers, in the order in which Guzzle writes them."""
        lines = dict(self.headers)
        given = {name.lower() for name in lines}
        if "content-disposition" not in given:
            lines["Content-Disposition"] = f'form-data; name="{self.name.translate(_IN_QUOTES)}"' + (
                f'; filename="{self.filename.translate(_IN_QUOTES)}"' if self.filename else ""
            )
        if "content-length" not in given and length and self.tells_length:
            lines["Content-Length"] = str(length)
        if "content-type" not in given and self.filename:
            told = self.content.content_type if isinstance(self.content, File) else ""
            lines["Content-Type"] = told or type_of(self.filename)
        if any(_BREAK.search(text) for line in lines.items() for text in line):
            raise ChainError(f"{self.name[:40]}: a header of this part holds a line break; nothing was sent")
        return "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode("utf-8", "replace") + b"\r\n"


def _curl_file(part: Part, file: File, kind: str | None) -> str:
    """A file as curl's ``--form`` takes it: its path, and the name and type that curl would not give it."""
    kind = kind or file.content_type
    renamed = part.filename != os.path.basename(str(file))
    name = f";filename={_curl_quoted(part.filename)}" if renamed else ""
    return f"@{_curl_quoted(str(file))}{name}" + (f";type={kind}" if kind else "")


def _curl_quoted(text: str) -> str:
    """Text in which curl's ``--form`` would see the end of it, or a file, in quotes.

    Source: https://curl.se/docs/manpage.html#-F
    """
    if not _CURL_SPECIAL.search(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _opened(file: File) -> BinaryIO:
    try:
        return file.open()
    except ChainError:
        # By then a part of the request may have left.
        raise OSError(f"{file.name}: it could be read when it was signed, and cannot be read now") from None


class Multipart:
    """A form as a binary file of known length, to be read while it is sent.

    ``meta`` is the text of the part with that name, which alone is signed, None where there is no such part;
    ``content_type`` names the boundary.
    """

    def __init__(self, parts: Sequence[Part], boundary: str = "") -> None:
        self.boundary = boundary or secrets.token_hex(20)
        self.content_type = f"multipart/form-data; boundary={self.boundary}"
        self.parts = tuple(parts)
        metas = (part.content for part in parts if part.name == "meta")
        self.meta = next((content for content in metas if isinstance(content, bytes)), None)
        self._pieces = [piece for part in parts for piece in self._written(part)]
        self._pieces.append((f"--{self.boundary}--\r\n".encode(), 0))
        self._length = sum(len(piece) if isinstance(piece, bytes) else length for piece, length in self._pieces)
        self._index = self._inner = self._at = 0
        self._open: BinaryIO | None = None

    def anew(self) -> Multipart:
        """The same form with a reader of its own: one call does not go on where another stopped."""
        return Multipart(self.parts, self.boundary)

    def __len__(self) -> int:
        return self._length

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<Multipart of {', '.join(part.name for part in self.parts)}, {self._length} bytes>"

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes, fewer than ``size`` at the end of a piece; all that is left for -1."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_BLOCK), b""))
        while self._index < len(self._pieces):
            block = self._next(size)
            if block or not size:
                self._at += len(block)
                return block
            self._index, self._inner = self._index + 1, 0
            self.close()
        return b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Back to the start, the only place that a request is sent from."""
        if offset or whence:
            raise io.UnsupportedOperation("a form is read from its start")
        self.close()
        self._index = self._inner = self._at = 0
        return 0

    def tell(self) -> int:
        """How many bytes were read."""
        return self._at

    def close(self) -> None:
        """Close the file that is being read; reading goes on from the next piece."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def curl(self) -> list[str]:
        """The form as words for curl; a file is named, not quoted."""
        words = []
        for part in self.parts:
            kind = {name.lower(): value for name, value in part.headers.items()}.get("content-type")
            if isinstance(part.content, File):
                words += ["--form", f"{part.name}={_curl_file(part, part.content, kind)}"]
                continue
            content = part.content.decode("utf-8", "replace")
            words += ["--form" if kind else "--form-string"]
            words += [f"{part.name}={_curl_quoted(content)};type={kind}" if kind else f"{part.name}={content}"]
        return words

    def _written(self, part: Part) -> list[tuple[bytes | File, int]]:
        length = len(part.content) if isinstance(part.content, bytes) else part.content.size()
        start = f"--{self.boundary}\r\n".encode() + part.head(length)
        return [(start, 0), (part.content, length), (b"\r\n", 0)]

    def _next(self, size: int) -> bytes:
        piece, length = self._pieces[self._index]
        if isinstance(piece, bytes):
            block = piece[self._inner : self._inner + size]
        else:
            if self._open is None:
                self._open = _opened(piece)
            block = self._open.read(min(size, length - self._inner))
            if not block and size and self._inner < length:
                raise OSError(f"{piece.name}: {length} bytes when it was signed, {self._inner} now")
        self._inner += len(block)
        return block
