"""A request that knows what signs it, and is signed anew for each attempt."""

from __future__ import annotations

import shlex
from typing import Any, Protocol

import requests
from requests.structures import CaseInsensitiveDict

from wechatpay_chain.protocol.hosts import Base
from wechatpay_chain.protocol.proof import Signer
from wechatpay_chain.response import Response

__all__ = ["SignedRequest"]


class _Call(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def body(self) -> bytes | None: ...


class SignedRequest(requests.PreparedRequest):
    """A ``requests.PreparedRequest`` whose ``Authorization`` covers exactly what it holds.

    ``message`` is the text that was signed, ``curl()`` the same request for a shell. A copy or a pickle of
    it is an ordinary request without the signature, which the session refuses to send.
    """

    headers: CaseInsensitiveDict[str]
    message: str

    def __init__(
        self, call: _Call, headers: CaseInsensitiveDict[str], protocol: Signer, response_class: type[Response]
    ) -> None:
        super().__init__()
        self.method = call.method
        self.headers = headers
        self.body = call.body
        self.path = call.path
        self.query = call.query
        self.protocol = protocol
        self.response_class = response_class
        self.origin = self.target = ""
        self.message = ""
        self.http_errors = True
        # Whoever downloads checks the digest at the end; ``knows_digest`` before the answer is there.
        self.is_download = self.knows_digest = False

    def sign_for(self, base: Base) -> None:
        """Aim at ``base`` and sign with a fresh time and nonce; what was signed before is overwritten."""
        self.target = f"{base.prefix}{self.path}{'?' if self.query else ''}{self.query}"
        self.origin = base.origin
        self.url = base.origin + self.target
        body = self.body if isinstance(self.body, bytes) else b""
        signed = self.protocol.sign(str(self.method), self.target, body)
        if signed.authorization:
            self.headers["Authorization"] = signed.authorization
        self.message = signed.message.decode("utf-8", "surrogateescape")

    @property
    def path_url(self) -> str:
        """The request target as it was signed."""
        return self.target

    def curl(self) -> str:
        """This request as one curl command; its signature is good for five minutes."""
        words = ["curl", "--request", str(self.method), str(self.url)]
        for name, value in self.headers.items():
            words += ["--header", f"{name}: {value}"]
        if isinstance(self.body, bytes):
            words += ["--data-raw", self.body.decode("utf-8", "backslashreplace")]
        return shlex.join(words)

    def __repr__(self) -> str:
        return f"<SignedRequest [{self.method}] {self.path}>"

    def copy(self) -> requests.PreparedRequest:
        """An ordinary request, without the signature."""
        plain = requests.PreparedRequest()
        plain.method, plain.url, plain.body = self.method, self.url, self.body
        plain.headers = CaseInsensitiveDict(
            {name: value for name, value in self.headers.items() if name.lower() != "authorization"}
        )
        return plain

    def __reduce__(self) -> tuple[Any, ...]:
        return _same, (self.copy(),)


def _same(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
