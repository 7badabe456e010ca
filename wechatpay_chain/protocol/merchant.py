"""Who calls: the merchant's identity and keys, checked once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.crypto.aes import KEY_LENGTH
from wechatpay_chain.crypto.pem import load_private_key
from wechatpay_chain.errors import ConfigError

__all__ = ["Merchant"]


@dataclass(frozen=True)
class Merchant:
    """A merchant as its requests are signed; what only one protocol needs may be absent.

    ``mchid`` is digits, ``serial`` the merchant certificate's serial, ``apiv3_key`` 32 bytes, ``secret`` the
    APIv2 key.
    """

    mchid: str
    serial: str = ""
    private_key: RSAPrivateKey | None = field(default=None, repr=False)
    apiv3_key: bytes | None = field(default=None, repr=False)
    secret: str = field(default="", repr=False)

    @classmethod
    def of(cls, mchid: object, serial: object, private_key: Any, apiv3_key: object, secret: object = None) -> Merchant:
        """The merchant in its configuration entries, None for what is absent; ConfigError for what is wrong."""
        named = {"serial": serial, "private_key": private_key}
        missing = [name for name, value in named.items() if value is None]
        if len(missing) == 1:
            given = next(name for name in named if name not in missing)
            raise ConfigError(f"{missing[0]}: missing; APIv3 needs it beside {given}", missing[0])
        return cls(
            mchid=_digits(mchid),
            serial="" if serial is None else _serial(serial),
            private_key=None if private_key is None else load_private_key(private_key, "private_key"),
            apiv3_key=None if apiv3_key is None else _apiv3_key(apiv3_key),
            secret="" if secret is None else _secret(secret),
        )


def _digits(mchid: object) -> str:
    if mchid is None:
        raise ConfigError("mchid: missing; it is the merchant number of ten digits or so", "mchid")
    if isinstance(mchid, bool) or not isinstance(mchid, str | int):
        raise ConfigError(f"mchid: expected text or a number, found {type(mchid).__name__}", "mchid")
    text = str(mchid).strip()
    if not text:
        raise ConfigError("mchid: empty", "mchid")
    if not (text.isascii() and text.isdigit()):
        found = repr(text) if len(text) < 20 else f"{len(text)} characters"
        raise ConfigError(f"mchid: expected digits, found {found}", "mchid")
    return text


def _serial(serial: object) -> str:
    if not isinstance(serial, str):
        raise ConfigError(
            f"serial: expected the merchant certificate's serial as hex text, found {type(serial).__name__}", "serial"
        )
    text = serial.strip()
    if not text:
        raise ConfigError("serial: empty; it is the serial of the merchant's API certificate", "serial")
    if not text.isascii() or not text.isalnum():
        raise ConfigError("serial: expected hex digits as the merchant console shows them, without colons", "serial")
    return text


def _secret(secret: object) -> str:
    if not isinstance(secret, str):
        raise ConfigError(f"secret: expected the APIv2 key as text, found {type(secret).__name__}", "secret")
    if not secret.strip():
        raise ConfigError("secret: empty; it is the APIv2 key of the merchant console", "secret")
    return secret


def _apiv3_key(key: object) -> bytes:
    data = key.encode("utf-8", "replace") if isinstance(key, str) else key
    if not isinstance(data, bytes):
        raise ConfigError(f"apiv3_key: expected text, found {type(key).__name__}", "apiv3_key")
    if len(data) != KEY_LENGTH:
        raise ConfigError(f"apiv3_key: {len(data)} bytes, expected {KEY_LENGTH}, as set in the console", "apiv3_key")
    return data
