"""The answer as PSR-7 reads it."""

from __future__ import annotations

import io
from typing import Any

from wechatpay_chain import response

__all__ = ["Body", "Response"]


class Body(bytes):
    """The body as a PSR-7 stream, which is also its bytes: ``json.loads(body)`` reads all of it, and so does ``str``.

    ``read``, ``readline``, ``seek`` and what else binary files have go by where the stream stands.
    """

    _stream: io.BytesIO

    def __new__(cls, content: bytes = b"") -> Body:
        body = super().__new__(cls, content)
        body._stream = io.BytesIO(content)
        return body

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        return getattr(self._stream, name)

    def __bool__(self) -> bool:
        # In PHP it is an object, which is true even when it is empty.
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} bytes>"

    def __str__(self) -> str:
        return self.decode("utf-8", "replace")

    def __reduce__(self) -> Any:
        return type(self), (bytes(self),)

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes; all to the end for -1."""
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, and return it."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Where the stream stands."""
        return self._stream.tell()

    def getContents(self) -> str:
        """The text from here to the end."""
        return self.read().decode("utf-8", "replace")

    def getSize(self) -> int:
        """The length in bytes."""
        return len(self)

    def eof(self) -> bool:
        """Whether the end is reached."""
        return self.tell() >= len(self)

    def rewind(self) -> None:
        """Back to the start."""
        self.seek(0)


class Response(response.Response):
    """An answer that also has the methods of PSR-7's ResponseInterface."""

    def getStatusCode(self) -> int:
        """The HTTP status."""
        return self.status_code

    def getReasonPhrase(self) -> str:
        """The reason beside the status."""
        return str(self.reason or "")

    def getBody(self) -> Body:
        """The body; the same stream at each call."""
        body: Body | None = self.__dict__.get("_body")
        if body is None:
            body = self._body = Body(self.content)
        return body

    def getHeader(self, name: str) -> list[str]:
        """All values of a header; none is an empty list."""
        value = self.headers.get(name)
        return [] if value is None else [str(value)]

    def getHeaderLine(self, name: str) -> str:
        """A header's values in one line; empty when there is none."""
        return str(self.headers.get(name, ""))

    def getHeaders(self) -> dict[str, list[str]]:
        """All headers, each with the list of its values."""
        return {name: [value] for name, value in self.headers.items()}

    def hasHeader(self, name: str) -> bool:
        """Whether there is such a header, in any case."""
        return name in self.headers
