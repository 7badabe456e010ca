"""What the gateway received, and what it says to it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wechatpay_chain.crypto import rsa
from wechatpay_chain.protocol.v3 import answer_text
from wechatpay_chain.sandbox.identity import Identity

if TYPE_CHECKING:
    from wechatpay_chain.sandbox.upload import Form

__all__ = ["Answer", "Received", "Refusal"]


@dataclass(frozen=True)
class Received:
    """A request as it arrived; ``verdict`` is empty when its signature held, else what was wrong.

    Of an upload of more than 1 MiB ``body`` is empty; ``form`` tells what was in it.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    verdict: str = ""
    form: Form | None = None


@dataclass
class Answer:
    """Status, headers and the very bytes of an answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

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

    def sign(self, identity: Identity, asked: str) -> None:
        """Add the four signature headers and a Request-ID."""
        key_id, key = identity.signer(asked)
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        self.headers.update(
            {
                "Wechatpay-Timestamp": timestamp,
                "Wechatpay-Nonce": nonce,
                "Wechatpay-Serial": key_id,
                "Wechatpay-Signature": rsa.sign(answer_text(timestamp, nonce, self.body), key),
                "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
                "Request-ID": f"{secrets.token_hex(20).upper()}-{0 if self.status < 300 else 268435462}",
            }
        )


class Refusal(Exception):
    """An error answer in WeChat Pay's shape."""

    def __init__(self, status: int, code: str, message: str, detail: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.payload = {"code": code, "message": message, **({} if detail is None else {"detail": detail})}
