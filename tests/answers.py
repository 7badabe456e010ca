"""Ways in which an answer can be wrong, as functions for ``Sandbox.tamper``."""

from __future__ import annotations

import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import rsa as keys
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.protocol.v3 import answer_text
from wechatpay_chain.sandbox.answer import Answer, Received

Tamper = Callable[[Answer, Received], None]


def signed_by(key: RSAPrivateKey, offset: int = 0) -> Tamper:
    """Signed anew with ``key``, by a clock that is ``offset`` seconds off."""

    def tamper(answer: Answer, _: Received) -> None:
        timestamp = str(int(time.time()) + offset)
        message = answer_text(timestamp, answer.headers["Wechatpay-Nonce"], answer.body)
        answer.headers["Wechatpay-Timestamp"] = timestamp
        answer.headers["Wechatpay-Signature"] = asymmetric.sign(message, key)

    return tamper


def with_header(name: str, value: str | None) -> Tamper:
    """One header replaced, or left out."""

    def tamper(answer: Answer, _: Received) -> None:
        if value is None:
            del answer.headers[name]
        else:
            answer.headers[name] = value

    return tamper


def changed(answer: Answer, _: Received) -> None:
    """One more space, which means the same as JSON."""
    answer.body = answer.body.replace(b"{", b"{ ", 1)


def probing(answer: Answer, _: Received) -> None:
    """WeChat Pay's own test of merchants."""
    answer.headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + answer.headers["Wechatpay-Signature"]


def bare(status: int, body: bytes = b"", content_type: str = "text/html", **headers: str) -> Tamper:
    """An answer of something that is not WeChat Pay: no signature headers at all."""

    def tamper(answer: Answer, _: Received) -> None:
        answer.status, answer.body = status, body
        answer.headers.clear()
        answer.headers.update({"Content-Type": content_type, **headers} if body else headers)

    return tamper


def another_key() -> RSAPrivateKey:
    """A key that nobody knows."""
    return keys.generate_private_key(public_exponent=65537, key_size=2048)
