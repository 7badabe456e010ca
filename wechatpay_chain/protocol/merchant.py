"""Who calls: the identity and the keys of a merchant or a brand, checked once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from wechatpay_chain.crypto import asymmetric, ciphers, key_loader
from wechatpay_chain.crypto.key_loader import load_private_key
from wechatpay_chain.errors import ConfigError, DecryptionError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = [
    "BRAND",
    "MERCHANT",
    "SCHEMES",
    "Holder",
    "Merchant",
    "Scheme",
]


_HEX = re.compile(r"[0-9A-Fa-f]+")
_HEX_PREFIX = re.compile(r"0[xX][0-9A-Fa-f]+")
# Hex digits of 20 bytes, the most that a serial has: RFC 5280, 4.1.2.2.
_LONGEST_SERIAL = 40


class Scheme(NamedTuple):
    """``identity`` is the field that says who signs; ``sign`` and ``verify`` take and give base64.

    ``sign(message, private_key)`` and ``verify(message, signature, public_key)`` get the keys of the configuration:
    those of RSA, or a caller's objects with ``sign`` and ``verify``.
    """

    name: str
    identity: str
    sign: Callable[[bytes, RSAPrivateKey], str]
    verify: Callable[[bytes, str, RSAPublicKey], bool]


MERCHANT = Scheme("WECHATPAY2-SHA256-RSA2048", "mchid", asymmetric.sign, asymmetric.verify)
BRAND = Scheme("WECHATPAY-BRAND-SHA256-RSA2048", "brand_id", asymmetric.sign, asymmetric.verify)
# The first of an identity is that of keys that name none.
SCHEMES = (MERCHANT, BRAND)


class Holder:
    """What holds a merchant's keys, and for that reason is not pickled."""

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} holds keys and is not pickled; pickle the client, or make it where it is used")


@dataclass(frozen=True)
class Merchant(Holder):
    """A merchant, or a brand, as its requests are signed; what only one protocol needs may be absent.

    ``mchid`` is digits and empty for a brand, whose ``brand_id`` is; ``serial`` is that of the certificate or
    key pair that signs, ``apiv3_key`` 32 bytes, ``secret`` the APIv2 key.
    """

    mchid: str
    serial: str = ""
    private_key: RSAPrivateKey | None = field(default=None, repr=False)
    apiv3_key: bytes | None = field(default=None, repr=False)
    secret: str = field(default="", repr=False)
    brand_id: str = ""

    @classmethod
    def of(
        cls,
        mchid: object,
        serial: object,
        private_key: Any,
        apiv3_key: object,
        secret: object = None,
        brand_id: object = None,
    ) -> Merchant:
        """The merchant in its configuration entries, None for what is absent; ConfigError for what is wrong."""
        if mchid is not None and brand_id is not None:
            reason = "a brand signs with a key pair of its own; make one client for mchid and one for brand_id"
            raise ConfigError(f"brand_id: given beside mchid; {reason}", "brand_id")
        named = {"serial": serial, "private_key": private_key}
        missing = [name for name, value in named.items() if value is None]
        if len(missing) == 1:
            given = next(name for name in named if name not in missing)
            raise ConfigError(f"{missing[0]}: missing; APIv3 needs it beside {given}", missing[0])
        return cls(
            mchid="" if brand_id is not None else _digits(mchid, "mchid"),
            serial="" if serial is None else _serial(serial),
            private_key=None if private_key is None else load_private_key(private_key, "private_key"),
            apiv3_key=None if apiv3_key is None else _apiv3_key(apiv3_key),
            secret="" if secret is None else _secret(secret),
            brand_id="" if brand_id is None else _digits(brand_id, "brand_id"),
        )

    @property
    def scheme(self) -> Scheme:
        """How its requests are signed: as its key says, if it is a caller's object that has a ``signature_scheme``.

        ConfigError for one that is not among ``SCHEMES``.
        """
        identity = "brand_id" if self.brand_id else "mchid"
        schemes = {each.name: each for each in SCHEMES if each.identity == identity}
        name = key_loader.signature_scheme(self.private_key) or next(iter(schemes))
        if name not in schemes:
            known = ", ".join(schemes)
            raise ConfigError(f"private_key: its signature_scheme is {name[:64]!r}, known are {known}", "private_key")
        return schemes[name]

    @cached_property
    def cipher(self) -> AESGCM:
        """The cipher of the APIv3 key; ConfigError where there is none."""
        if self.apiv3_key is None:
            raise ConfigError("apiv3_key: missing; notifications are encrypted under it", "apiv3_key")
        return ciphers.cipher_of(self.apiv3_key)

    @property
    def downloads(self) -> bool:
        """Whether it can download certificates: a brand has none, only a public key."""
        return bool(self.mchid and self.private_key and self.apiv3_key)

    @property
    def identity(self) -> str:
        """The number that its requests are signed for."""
        return self.brand_id or self.mchid

    def decrypt(self, ciphertext: object) -> str:
        """The text of a field that WeChat Pay encrypted (RSA-OAEP) for this merchant's certificate.

        DecryptionError when it was not, ConfigError when there is no key that can.
        """
        if self.private_key is None:
            raise ConfigError("private_key: missing; fields are decrypted with it", "private_key")
        if key_loader.is_remote_key(self.private_key):
            raise ConfigError(
                "private_key: an object that only signs; fields are decrypted with the key itself", "private_key"
            )
        if not isinstance(ciphertext, str):
            raise DecryptionError(f"ciphertext: expected base64 text, found {type(ciphertext).__name__}")
        return asymmetric.decrypt(ciphertext, self.private_key)


def _digits(number: object, name: str) -> str:
    if number is None:
        raise ConfigError(f"{name}: missing; it is the merchant number of ten digits or so", name)
    if isinstance(number, bool) or not isinstance(number, str | int):
        raise ConfigError(f"{name}: expected text or a number, found {type(number).__name__}", name)
    text = str(number).strip()
    if not text:
        raise ConfigError(f"{name}: empty", name)
    if not (text.isascii() and text.isdigit()):
        found = repr(text) if len(text) < 20 else f"{len(text)} characters"
        raise ConfigError(f"{name}: expected digits, found {found}", name)
    return text


def _serial(serial: object) -> str:
    if not isinstance(serial, str):
        raise ConfigError(
            f"serial: expected the merchant certificate's serial as hex text, found {type(serial).__name__}", "serial"
        )
    text = serial.strip()
    if not text:
        raise ConfigError("serial: empty; it is the serial of the merchant's API certificate", "serial")
    if text.upper().startswith("PUB_KEY_ID_"):
        raise ConfigError(
            "serial: this is the id of WeChat Pay's public key; expected the serial of the merchant's API certificate,"
            " and the public key as certs={'PUB_KEY_ID_…': public key}",
            "serial",
        )
    if not text.isascii() or not text.isalnum():
        raise ConfigError("serial: expected hex digits as the merchant console shows them, without colons", "serial")
    if _HEX_PREFIX.fullmatch(text) or (text.isdigit() and len(text.lstrip("0")) > _LONGEST_SERIAL):
        found = "0x before them" if text[1:2] in "xX" else f"{len(text)} decimal digits"
        raise ConfigError(f"serial: expected hex digits as the merchant console shows them, found {found}", "serial")
    if not _HEX.fullmatch(text):
        return text
    # What openssl writes before a serial whose first bit is set.
    return text.upper() if len(text) <= _LONGEST_SERIAL else text.upper().lstrip("0").rjust(_LONGEST_SERIAL, "0")


def _secret(secret: object) -> str:
    if not isinstance(secret, str):
        raise ConfigError(f"secret: expected the APIv2 key as text, found {type(secret).__name__}", "secret")
    if not secret.strip():
        raise ConfigError("secret: empty; it is the APIv2 key of the merchant console", "secret")
    if not secret.isascii() or not secret.isprintable():
        raise ConfigError("secret: a character is in it that no APIv2 key has, perhaps an invisible one", "secret")
    return secret


def _apiv3_key(key: object) -> bytes:
    data = key.encode("utf-8", "replace") if isinstance(key, str) else key
    if not isinstance(data, bytes):
        raise ConfigError(f"apiv3_key: expected text, found {type(key).__name__}", "apiv3_key")
    if len(data) != ciphers.KEY_LENGTH:
        raise ConfigError(
            f"apiv3_key: {len(data)} bytes, expected {ciphers.KEY_LENGTH}, as set in the console", "apiv3_key"
        )
    return data
