"""``Formatter`` of wechatpay-php: the texts that are signed, and what goes into them."""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.crypto import digest
from wechatpay_chain.encoding import scalars
from wechatpay_chain.errors import ConfigError
from wechatpay_chain.php.helper import as_bytes, raise_helper_errors
from wechatpay_chain.protocol import v3
from wechatpay_chain.protocol.merchant import MERCHANT

__all__ = ["Formatter"]

_BASE62 = string.digits + string.ascii_letters


def _fields(thing: object) -> dict[str, Any]:
    if thing is None or isinstance(thing, Mapping):
        return dict(thing or {})
    raise ConfigError(f"thing: expected a mapping, found {type(thing).__name__}", "thing")


class Formatter:
    """Nonce, time, and the texts that signatures cover."""

    @staticmethod
    def nonce(size: int = 32) -> str:
        """A random text of ``size`` letters and digits; ConfigError for a size below 1."""
        if not isinstance(size, int) or size < 1:
            found = size if isinstance(size, int) else type(size).__name__
            raise ConfigError(f"size: expected at least 1, found {found}", "size")
        return "".join(secrets.choice(_BASE62) for _ in range(size))

    @staticmethod
    def timestamp() -> int:
        """The time in seconds since 1970."""
        return int(time.time())

    @staticmethod
    def authorization(mchid: str | int, nonce: str, signature: str, timestamp: str | int, serial: str) -> str:
        """The value of APIv3's ``Authorization`` header."""
        return (
            f'{MERCHANT.name} mchid="{mchid}",serial_no="{serial}",timestamp="{timestamp}",'
            f'nonce_str="{nonce}",signature="{signature}"'
        )

    @staticmethod
    @raise_helper_errors
    def request(method: str, uri: str, timestamp: str | int, nonce: str, body: str | bytes = "") -> str:
        """The five lines that a request's signature covers; ``uri`` is path and query."""
        return v3.request_text(method, uri, str(timestamp), nonce, as_bytes(body)).decode("utf-8")

    @staticmethod
    @raise_helper_errors
    def response(timestamp: str | int, nonce: str, body: str | bytes = "") -> str:
        """The three lines that an answer's signature covers."""
        return v3.answer_text(str(timestamp), nonce, as_bytes(body)).decode("utf-8")

    @staticmethod
    def joinedByLineFeed(*pieces: Any) -> str:
        """The pieces, each with a line feed behind it; as for APIv3's ``paySign``."""
        return "".join(f"{scalars.spell(piece, 'pieces')}\n" for piece in pieces)

    @staticmethod
    def ksort(thing: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The fields in the order of their names' bytes, as APIv2 signs them."""
        return dict(sorted(_fields(thing).items(), key=lambda field: str(field[0]).encode("utf-8")))

    @staticmethod
    def queryStringLike(thing: Mapping[str, Any] | None = None) -> str:
        """``k=v&…`` in the given order, without ``sign``, None and empty text; APIv2 signs it behind ``ksort``."""
        return digest.query_string(_fields(thing), scalars.signed_text)
