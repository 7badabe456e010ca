"""The answer as PSR-7 reads it."""

from __future__ import annotations

import io

from wechatpay_chain import response

__all__ = ["Body", "Response"]


class Body(io.BytesIO):
    """The body as a PSR-7 stream: ``str(body)`` is the whole text, wherever the stream stands."""

    def __str__(self) -> str:
        return self.getvalue().decode("utf-8", "replace")

    def __bytes__(self) -> bytes:
        return self.getvalue()

    def getContents(self) -> str:
        """The text from here to the end."""
        return self.read().decode("utf-8", "replace")

    def getSize(self) -> int:
        """The length in bytes."""
        return len(self.getvalue())

    def eof(self) -> bool:
        """Whether the end is reached."""
        return self.tell() >= self.getSize()

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
