"""The answer: a requests.Response that also reads as the JS documentation reads it."""

from __future__ import annotations

import json
from typing import Any

import requests

__all__ = ["Response"]


class Response(requests.Response):
    """An answer of WeChat Pay.

    ``verified`` tells whether its signature was checked and held; it is False only on paths that WeChat
    Pay does not sign, and inside errors. Everything of ``requests.Response`` is there too.
    """

    __attrs__ = [*requests.Response.__attrs__, "parsed", "verified"]  # noqa: RUF012  # as in requests; what is pickled

    verified: bool = False
    parsed: Any = None

    @property
    def status(self) -> int:
        """The HTTP status, as axios names it."""
        return self.status_code

    @property
    def data(self) -> Any:
        """The body: parsed when it is JSON or APIv2's XML, None when empty, else text, or bytes that are no UTF-8."""
        if self.parsed is not None:
            return self.parsed
        content = self.content
        if not content:
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            pass
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            return content

    @property
    def request_id(self) -> str:
        """WeChat Pay's id of this request, to be quoted to its support; empty when the answer has none."""
        return str(self.headers.get("Request-ID", ""))
