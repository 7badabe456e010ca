"""Requests that are signed and written by hand, with cryptography and sockets alone."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain import Sandbox

CERTIFICATES = "/v3/certificates"
NATIVE = "/v3/pay/transactions/native"
SCHEME = "WECHATPAY2-SHA256-RSA2048"


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def told(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)


@contextmanager
def connected(gateway: Sandbox, tls: ssl.SSLContext | None = None) -> Iterator[socket.socket]:
    """A connection to the sandbox."""
    host, port = gateway.base_url.partition("://")[2].rsplit(":", 1)
    with socket.create_connection((host.strip("[]"), int(port)), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            yield connection
            return
        with tls.wrap_socket(connection, server_hostname=host.strip("[]")) as inside:
            yield inside


def read(connection: socket.socket, method: str = "GET") -> Answer:
    """The next answer of a connection on which only one is due."""
    answer = http.client.HTTPResponse(connection, method=method)
    answer.begin()
    return Answer(answer.status, answer.headers, answer.read())


def send(gateway: Sandbox, request: bytes | str, method: str = "GET", tls: ssl.SSLContext | None = None) -> Answer:
    """The answer to the bytes of one request."""
    with connected(gateway, tls) as connection:
        connection.sendall(request if isinstance(request, bytes) else request.encode())
        return read(connection, method)


def sign(text: bytes, key: RSAPrivateKey) -> str:
    """RSA over SHA-256, in base64."""
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def authorization(gateway: Sandbox, method: str, target: str, body: bytes = b"", **changes: Any) -> str:
    """The header's value; ``text`` is signed in place of the right one, ``key`` signs, the others are its fields."""
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    text = f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
    make = changes.pop("text", None)
    if make is not None:
        text = make(method, target, timestamp, nonce, body)
    fields = {
        "mchid": gateway.mchid,
        "nonce_str": nonce,
        "timestamp": timestamp,
        "serial_no": gateway.identity.serial,
        "signature": sign(text, changes.pop("key", gateway.identity.merchant_key)),
        **changes,
    }
    pairs = ",".join(f'{name}="{value}"' for name, value in fields.items())
    return f"{SCHEME} {pairs}"


def request(
    gateway: Sandbox,
    method: str = "GET",
    target: str = CERTIFICATES,
    body: bytes = b"",
    *,
    headers: dict[str, str | None] | None = None,
    version: str = "HTTP/1.1",
    length: bool = True,
    sent: str = "",
    **changes: Any,
) -> bytes:
    """The bytes of a signed request; ``headers`` replace or, as None, take away; ``sent`` travels as target."""
    lines: dict[str, str | None] = {
        "Host": gateway.base_url.partition("://")[2],
        "Accept": "application/json",
        "User-Agent": "by hand",
        "Authorization": authorization(gateway, method, target, body, **changes),
        "Content-Type": "application/json" if body else None,
        "Content-Length": str(len(body)) if body and length else None,
        **(headers or {}),
    }
    told = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"{method} {sent or target} {version}\r\n{told}\r\n".encode() + (body if length else b"")


def order(gateway: Sandbox, number: str, **changes: Any) -> bytes:
    """The body of an order."""
    fields = {
        "appid": "wxd678efh567hg6787",
        "mchid": gateway.mchid,
        "description": "书/a",
        "out_trade_no": number,
        "notify_url": "https://shop.example/notify",
        "amount": {"total": 100, "currency": "CNY"},
    }
    return json.dumps(fields | changes, ensure_ascii=False, separators=(",", ":")).encode()
