"""A request that knows what signs it, and is signed anew for each attempt."""

from __future__ import annotations

import base64
import shlex
from typing import Any, Protocol

import requests

from wechatpay_chain.protocol.hosts import Base
from wechatpay_chain.protocol.signer import Signer
from wechatpay_chain.response import HeaderFields, Response
from wechatpay_chain.transport.multipart import Multipart

__all__ = ["MAX_BODY", "SignedRequest"]

# Bytes, decoded, of an answer that is read whole.
MAX_BODY = 16 << 20

# curl draws a boundary of its own.
_OF_FORMS = ("content-type", "content-length")


class _Call(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def body(self) -> bytes | Multipart | None: ...


class SignedRequest(requests.PreparedRequest):
    """A ``requests.PreparedRequest`` whose ``Authorization`` covers exactly what it holds.

    ``message`` is the text that was signed, ``curl()`` the same request for a shell. A copy or a pickle of
    it is an ordinary request without the signature, which the session refuses to send.
    """

    headers: HeaderFields
    message: str

    def __init__(self, call: _Call, headers: HeaderFields, protocol: Signer, response_class: type[Response]) -> None:
        super().__init__()
        self.method = call.method
        self.headers = headers
        self.body: Any = call.body
        self.path = call.path
        self.query = call.query
        self.protocol = protocol
        self.response_class = response_class
        self.origin = self.target = ""
        self.message = ""
        self.http_errors = self.redirect_errors = True
        # Whoever downloads checks the digest at the end; ``knows_digest`` before the answer is there.
        self.is_download = self.knows_digest = False
        self.max_body = MAX_BODY
        # How often it was signed, that is, tried.
        self.tries = 0

    def sign_for(self, base: Base) -> None:
        """Aim at ``base`` and sign with a fresh time and nonce; what was signed before is overwritten."""
        self.target = f"{base.prefix}{self.path}{'?' if self.query else ''}{self.query}"
        self.origin = base.origin
        self.tries += 1
        self.url = base.origin + self.target
        # Of an upload the meta alone is signed.
        body: Any = getattr(self.body, "meta", self.body)
        signed = self.protocol.sign(str(self.method), self.target, body or b"")
        if signed.authorization:
            self.headers["Authorization"] = signed.authorization
        self.message = signed.message.decode("utf-8", "surrogateescape")

    def refuses(self, status: int) -> bool:
        """Whether an answer of this status is an error."""
        return self.http_errors if status >= 400 else self.redirect_errors and status >= 300

    @property
    def path_url(self) -> str:
        """The request target as it was signed."""
        return self.target

    def curl(self) -> str:
        """This request as one curl command; its signature is good for five minutes.

        A body that no shell takes as an argument, since it is not UTF-8 or has a NUL, is handed to curl by a pipe.
        """
        words = ["curl", "--request", str(self.method), str(self.url)]
        form = self.body if isinstance(self.body, Multipart) else None
        for name, value in self.headers.items():
            if form is None or name.lower() not in _OF_FORMS:
                words += ["--header", f"{name}: {value}"]
        if isinstance(self.body, bytes):
            text = self.body.decode("utf-8", "replace")
            if text.encode("utf-8") != self.body or "\0" in text:
                encoded = base64.b64encode(self.body).decode("ascii")
                return f"printf %s {encoded} | base64 -d | {shlex.join([*words, '--data-binary', '@-'])}"
            words += ["--data-raw", text]
        elif form is not None:
            words += form.curl()
        return shlex.join(words)

    def __repr__(self) -> str:
        return f"<SignedRequest [{self.method}] {self.path}>"

    def copy(self) -> requests.PreparedRequest:
        """An ordinary request, without the signature."""
        plain = requests.PreparedRequest()
        plain.method, plain.url, plain.body = self.method, self.url, self.body
        plain.headers = HeaderFields.of(
            (name, value) for name, value in self.headers.items() if name.lower() != "authorization"
        )
        return plain

    def __reduce__(self) -> tuple[Any, ...]:
        return _return_request, (self.copy(),)


def _return_request(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
