"""WeChat Pay's keys by the id that answers name: platform certificates and public keys side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.crypto import pem, rsa
from wechatpay_chain.errors import ConfigError, UnknownSerial

__all__ = ["Key", "Keyring"]

# It travels in a header, and is compared with what an answer names.
_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_ALWAYS = datetime.max.replace(tzinfo=timezone.utc)


class Key(NamedTuple):
    """One of WeChat Pay's keys; ``since`` is when its certificate begins, the far future for a public key."""

    id: str
    public_key: RSAPublicKey
    since: datetime


class Keyring:
    """Fixed keys; ids are opaque text.

    A public key is preferred over certificates for what leaves (``current``), since merchants that hold
    both are on their way to it: https://pay.weixin.qq.com/doc/v3/merchant/4012154180
    """

    def __init__(self, keys: Mapping[str, Key]) -> None:
        self._keys = dict(keys)
        self._current = max(self._keys.values(), key=lambda key: key.since, default=None)

    @classmethod
    def of(cls, certs: object, merchant_serial: str = "") -> Keyring:
        """The keyring in a ``certs`` entry, ``{id: key}``; ConfigError names the id of what is wrong."""
        if certs is None:
            return cls({})
        if not isinstance(certs, Mapping):
            raise ConfigError(f"certs: expected {{id: key}}, found {type(certs).__name__}", "certs")
        if not certs:
            raise ConfigError("certs: empty; give {'PUB_KEY_ID_…': public key} or {serial: certificate}", "certs")
        return cls({key.id: key for key in (_key(name, source, merchant_serial) for name, source in certs.items())})

    def __bool__(self) -> bool:
        return bool(self._keys)

    def __repr__(self) -> str:
        return f"<Keyring {', '.join(self._keys) or 'empty'}>"

    @property
    def current(self) -> Key:
        """The key for fields to be encrypted, whose id every request names; ConfigError when there is none."""
        if self._current is None:
            raise ConfigError("certs: no key of WeChat Pay; give {'PUB_KEY_ID_…': public key}", "certs")
        return self._current

    def verify(self, key_id: str, message: bytes, signature: str) -> bool:
        """Whether the key named ``key_id`` signed ``message``; UnknownSerial when it is not held."""
        key = self._keys.get(key_id)
        if key is None:
            held = ", ".join(self._keys) or "none"
            raise UnknownSerial(f"signed with key {key_id[:64]!r}, this client holds {held}; add it to certs")
        return rsa.verify(message, signature, key.public_key)


def _key(name: object, source: object, merchant_serial: str) -> Key:
    if not isinstance(name, str) or not _ID.fullmatch(name.strip()):
        raise ConfigError(f"certs: an id is text of letters, digits and _, found {name!r:.80}", "certs")
    key_id = name.strip()
    field = f"certs[{key_id[:64]!r}]"
    if merchant_serial and key_id.upper() == merchant_serial.upper():
        raise ConfigError(
            f"{field}: this is the merchant's own serial; certs takes WeChat Pay's keys (PUB_KEY_ID_… or the"
            " platform certificate's serial)",
            "certs",
        )
    if source is None:
        raise ConfigError(f"{field}: missing", "certs")
    certificate = pem.load_certificate(source, field)  # type: ignore[arg-type]  # its own error names a wrong type
    if certificate is None:
        return Key(key_id, pem.load_public_key(source, field), _ALWAYS)  # type: ignore[arg-type]
    if merchant_serial and pem.serial_of(certificate) == merchant_serial.upper():
        raise ConfigError(f"{field}: this is the merchant's own certificate; certs takes WeChat Pay's", "certs")
    return Key(key_id, pem.load_public_key(certificate, field), certificate.not_valid_before_utc)
