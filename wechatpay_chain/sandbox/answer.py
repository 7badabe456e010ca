"""What the gateway received, and what it says to it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.protocol.merchant import MERCHANT
from wechatpay_chain.protocol.v3 import answer_text

__all__ = [
    "EXAMPLE",
    "UNKNOWN",
    "Answer",
    "Client",
    "FileSeen",
    "Form",
    "Received",
    "Refusal",
    "Signing",
    "request_id",
    "signed_headers",
    "wrong",
]

# The header of an answer that is made of the documentation's examples.
EXAMPLE = "Sandbox-Example"


@dataclass
class FileSeen:
    """A file of a form: its name, media type, size in bytes and digest.

    That is SHA-256, SM3 when the meta said so, and MD5 in APIv2.
    """

    filename: str
    content_type: str
    size: int = 0
    digest: str = ""


@dataclass
class Form:
    """Fields as bytes, files as what was seen of them."""

    fields: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, FileSeen] = field(default_factory=dict)

    @property
    def meta(self) -> bytes:
        """What the request's signature covers."""
        return self.fields.get("meta", b"")


class Signing(Protocol):
    """Who has the keys of answers."""

    def signer(self, asked: str) -> tuple[str, RSAPrivateKey]:
        """Id and key for an answer to a request that named ``asked``."""
        ...


class Client(NamedTuple):
    """Who is at the other end of a connection: how it speaks, and the serial of the certificate that it showed.

    The serial is in upper-case hexadecimal digits, and empty without a certificate. ``proxied`` is the sandbox's own
    address where the client came by its proxy, else empty.
    """

    scheme: str = "http"
    certificate_serial: str = ""
    proxied: str = ""


# Who does not come over a socket.
UNKNOWN = Client()


@dataclass(frozen=True)
class Received:
    """A request as it arrived; ``verdict`` is empty when its signature held, else what was wrong.

    ``verdict`` is WeChat Pay's own text, which is Chinese, with the reason behind it; ``cause`` is that in English.

    Of an upload of more than 1 MiB ``body`` is empty; ``form`` tells what was in it.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    verdict: str = ""
    form: Form | None = None
    client: Client = UNKNOWN
    cause: str = ""

    @property
    def host(self) -> str:
        """Where it was sent, as the beginning of a URL."""
        return f"{self.client.scheme}://{self.headers.get('Host', '')}"

    @property
    def pages(self) -> str:
        """Where its payer's browser finds the sandbox, which does not go by the client's proxy."""
        return self.client.proxied or self.host


@dataclass
class Answer:
    """Status, headers and the very bytes of an answer.

    ``pieces`` is a body that is made while it is sent, of ``length`` bytes where that is known. ``covered`` is
    what the signature covers in place of the body; ``is_signed`` is False for an answer without one.
    ``fields`` are those of an APIv2 answer, which becomes XML when it is signed. ``is_dropped`` is True where the
    connection is closed in place of an answer.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Iterator[bytes] | None = None
    length: int | None = None
    covered: bytes | None = None
    is_signed: bool = True
    fields: dict[str, Any] | None = None
    is_dropped: bool = False

    @classmethod
    def of(cls, status: int, payload: Any = None) -> Answer:
        """A JSON answer; None is an empty body."""
        if payload is None:
            return cls(status)
        return cls(
            status,
            json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace"),
            {"Content-Type": "application/json; charset=utf-8"},
        )

    @property
    def is_xml(self) -> bool:
        """Whether its body is that of APIv2."""
        return self.body.startswith(b"<xml>")

    def frame(self) -> tuple[dict[str, str], Iterator[bytes]]:
        """The header that says where the body ends, and its bytes: in chunks where the length is not known."""
        if self.body or self.pieces is None:
            return {} if self.status == 204 else {"Content-Length": str(len(self.body))}, iter((self.body,))
        if self.length is not None:
            return {"Content-Length": str(self.length)}, self.pieces
        return {"Transfer-Encoding": "chunked"}, _chunks(self.pieces)

    def sign(self, signing: Signing, asked: str) -> None:
        """Add the four signature headers and a Request-ID."""
        if not self.is_signed:
            return
        key_id, key = signing.signer(asked)
        covered = self.body if self.covered is None else self.covered
        self.headers.update(signed_headers(key_id, key, covered, time.time()))
        self.headers.setdefault("Request-ID", request_id(0 if self.status < 300 else _PARAMETER))


def signed_headers(key_id: str, key: RSAPrivateKey, body: bytes, now: float) -> dict[str, str]:
    """The headers with which WeChat Pay signs ``body``; ``now`` in seconds."""
    timestamp, nonce = str(int(now)), secrets.token_hex(16)
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": key_id,
        "Wechatpay-Signature": asymmetric.sign(answer_text(timestamp, nonce, body), key),
        "Wechatpay-Signature-Type": MERCHANT.name,
    }


def _chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in filter(None, pieces):
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


# The internal code of a parameter that is wrong.
_PARAMETER = 268435461


class Refusal(ValueError):
    """An error answer in WeChat Pay's shape.

    ``is_absence``: what was asked for is not there. ``is_signed`` is False before the request's signature was
    verified. ``number`` is the internal code with which the Request-ID ends. ``signed_text`` is what a client signed in
    place of the right text, where that is known.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        detail: Any = None,
        is_absence: bool | None = None,
        *,
        is_signed: bool = True,
        number: int = _PARAMETER,
        has_request_id: bool = True,
        signed_text: str | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.payload = {"code": code, "message": message, **({} if detail is None else {"detail": detail})}
        self.is_absence = status == 404 if is_absence is None else is_absence
        self.is_signed = is_signed
        self.signed_text = signed_text
        self.request_id = request_id(number) if has_request_id else ""

    @property
    def cause(self) -> str:
        """What only a sandbox says of it, in English; empty for nothing."""
        detail = self.payload.get("detail")
        own = detail.get("sandbox") if isinstance(detail, dict) else None
        return str(own["cause"]) if isinstance(own, dict) else ""

    def answer(self) -> Answer:
        """The answer, still without a signature."""
        made = Answer.of(self.status, self.payload)
        made.is_signed = self.is_signed
        if self.request_id:
            made.headers["Request-ID"] = self.request_id
        return made


def request_id(number: int = 0) -> str:
    """A new Request-ID; ``number`` is 0 for success."""
    return f"{secrets.token_hex(20).upper()}-{number}"


def wrong(field: str, issue: str, location: str = "body", value: Any = "", message: str = "") -> Refusal:
    """The refusal of a parameter: ``field`` is its place, such as ``amount/total``, in path, query, header or body.

    The fields of ``detail``: https://pay.weixin.qq.com/doc/v3/merchant/4012081709
    """
    detail = {"field": f"/{field}", "value": value, "issue": issue, "location": location}
    return Refusal(400, "PARAM_ERROR", message or f"参数 {field} 错误: {issue}", detail)
