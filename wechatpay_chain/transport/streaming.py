"""Which answers may be handed over before they are read whole."""

from __future__ import annotations

from typing import Any

from wechatpay_chain.errors import VerificationError
from wechatpay_chain.protocol.proof import is_file
from wechatpay_chain.response import Response
from wechatpay_chain.transport.request import SignedRequest

__all__ = ["may_stream"]

# Enough for the head of a gzip file and what it begins with.
_START = 1024


def may_stream(request: SignedRequest, response: Response) -> bool:
    """Whether the body of a 2xx answer may stream: nothing signs it, or a digest proves it at its end."""
    protocol, method = request.protocol, str(request.method)
    if protocol.is_unsigned(method, request.path):
        return not protocol.refuses_in_body or is_file(_begins(response))
    if not request.is_download:
        return False
    try:
        response.verified = protocol.prove_digest(request.target, response.headers)
    except VerificationError:
        return False  # it is read and refused as any other that is not proven
    return response.verified or request.knows_digest


def _begins(response: Response) -> bytes:
    """The first bytes of a body, which stays whole."""
    start: bytes = response.raw.read(_START, decode_content=True)
    response.raw = _Replayed(start, response.raw)
    return start


class _Replayed:
    """What was read of a body to see how it begins, and then the rest of it."""

    def __init__(self, start: bytes, rest: Any) -> None:
        self._start = start
        self._rest = rest

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        start, self._start = self._start, b""
        if amt is None:
            return start + bytes(self._rest.read(decode_content=decode_content))
        if not start:
            return bytes(self._rest.read(amt, decode_content=decode_content))
        self._start = start[amt:]
        return start[:amt]

    def stream(self, amt: int = 1 << 16, decode_content: bool | None = None) -> Any:
        while piece := self.read(amt, decode_content):
            yield piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rest, name)
