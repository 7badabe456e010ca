"""The merchant of one sandbox and the keys of both sides, made new or read back."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.protocol.merchant import BRAND, MERCHANT, Scheme
from wechatpay_chain.sandbox.certificate import SERIAL_MARK, Authority, Root, new_serial

__all__ = ["Identity", "Party", "is_of_a_sandbox", "private_pem", "public_pem"]

_KEY_BITS = 2048
_KEY_ID = "PUB_KEY_ID_"
_KEY_ID_DIGITS = 28
# SANDBOX on a telephone's keys: every public key's id of a sandbox begins so, as its serials begin with SERIAL_MARK.
_KEY_ID_MARK = f"{_KEY_ID}7263269"


class Party(NamedTuple):
    """Whom a request may be signed for, and the key that its signature is checked with."""

    scheme: Scheme
    number: str
    serial: str
    key: RSAPrivateKey

    @classmethod
    def brand(cls) -> Party:
        """A brand with a key pair of its own."""
        return cls(BRAND, str(10_000 + secrets.randbelow(90_000)), f"BRAND{secrets.token_hex(16).upper()}", _key())

    def configuration(self) -> dict[str, Any]:
        """Its own entries for ``Wechatpay``."""
        return {self.scheme.identity: self.number, "serial": self.serial, "private_key": self.key}


@dataclass(frozen=True)
class Identity:
    """A merchant, the two keys with which this gateway signs, and who certifies.

    ``authority`` is for both sides' keys and WeChat Pay's names, ``server_authority`` for the gateway's own address.
    """

    mchid: str
    serial: str
    merchant_key: RSAPrivateKey = field(repr=False)
    merchant_certificate: x509.Certificate = field(repr=False)
    apiv3_key: str = field(repr=False)
    secret: str = field(repr=False)
    certificate: x509.Certificate = field(repr=False)
    certificate_key: RSAPrivateKey = field(repr=False)
    public_key_id: str
    public_key: RSAPrivateKey = field(repr=False)
    authority: Authority = field(repr=False)
    server_authority: Authority = field(repr=False)

    @classmethod
    def new(cls, mchid: str = "") -> Identity:
        """New keys, numbers and secrets; ``mchid`` where the merchant's number is to be a certain one."""
        root, serial = Root.of_wechat_pay(), new_serial()
        number = mchid or str(1_900_000_000 + secrets.randbelow(100_000_000))
        merchant_key, certificate_key = _key(), _key()
        return cls(
            mchid=number,
            serial=serial,
            merchant_key=merchant_key,
            merchant_certificate=root.merchant(number, serial, merchant_key.public_key()),
            apiv3_key=secrets.token_hex(16),
            secret=secrets.token_hex(16),
            certificate=root.platform(certificate_key.public_key()),
            certificate_key=certificate_key,
            public_key_id=_new_key_id(),
            public_key=_key(),
            authority=root.authority(),
            server_authority=Root.of_private_addresses().authority(),
        )

    def to_json(self) -> str:
        """All of it, keys included, as JSON with PEM texts."""
        return json.dumps({each.name: _as_text(getattr(self, each.name)) for each in fields(self)})

    @classmethod
    def from_json(cls, text: str) -> Identity:
        """What ``to_json`` wrote; ValueError for anything else."""
        try:
            kept = json.loads(text)
        except RecursionError:
            raise ValueError("too deep") from None
        names = [each.name for each in fields(cls)]
        if not isinstance(kept, dict) or kept.keys() != set(names):
            raise ValueError(f"expected the keys of a sandbox ({', '.join(names)})")
        if not all(isinstance(value, str) for value in kept.values()):
            raise ValueError("expected texts")
        made = cls(**{each.name: _from_text(str(each.type), kept[each.name]) for each in fields(cls)})
        made._check()
        return made

    def _check(self) -> None:
        """Raise ValueError where a part was changed by hand: what does not fit would fail much later."""
        pairs = ((self.merchant_certificate, self.merchant_key), (self.certificate, self.certificate_key))
        if any(certificate.public_key() != key.public_key() for certificate, key in pairs):
            raise ValueError("a certificate is not its key's")
        if serial_of(self.merchant_certificate) != self.serial:
            raise ValueError("the serial is not the certificate's")
        if not (self.mchid.isdecimal() and self.mchid.isascii()):
            raise ValueError("the merchant's number is none")

    @property
    def party(self) -> Party:
        """The merchant, as its requests are checked."""
        return Party(MERCHANT, self.mchid, self.serial, self.merchant_key)

    @cached_property
    def appid(self) -> str:
        """An application that goes with the merchant: wx and 16 hexadecimal digits. The sandbox takes any other too."""
        return f"wx{hashlib.sha256(self.mchid.encode()).hexdigest()[:16]}"

    @cached_property
    def certificate_serial(self) -> str:
        """The serial of the platform certificate."""
        return serial_of(self.certificate)

    @cached_property
    def merchant_entry(self) -> dict[str, str]:
        """The entry ``merchant`` of a client: certificate and key as PEM text."""
        return {"cert": _as_text(self.merchant_certificate), "key": private_pem(self.merchant_key)}

    def configuration(self, verify: str = "both") -> dict[str, Any]:
        """The merchant's entries for ``Wechatpay``; keys as PEM text, those of WeChat Pay that ``verify`` has."""
        by_id = {self.public_key_id: public_pem(self.public_key.public_key())}
        by_serial = {self.certificate_serial: _as_text(self.certificate)}
        return {
            "mchid": self.mchid,
            "serial": self.serial,
            "private_key": private_pem(self.merchant_key),
            "apiv3_key": self.apiv3_key,
            "secret": self.secret,
            "merchant": self.merchant_entry,
            "certs": {**({} if verify == "certificate" else by_id), **({} if verify == "public-key" else by_serial)},
        }

    def environment(self, verify: str = "both") -> dict[str, str]:
        """The same for ``Wechatpay.from_env``, with the public key alone; in mode ``certificate`` without a key."""
        told = {
            "WECHATPAY_MCHID": self.mchid,
            "WECHATPAY_SERIAL": self.serial,
            "WECHATPAY_PRIVATE_KEY": private_pem(self.merchant_key),
            "WECHATPAY_APIV3_KEY": self.apiv3_key,
            "WECHATPAY_SECRET": self.secret,
            "WECHATPAY_MERCHANT_CERT": self.merchant_entry["cert"],
            "WECHATPAY_MERCHANT_KEY": self.merchant_entry["key"],
        }
        if verify == "certificate":
            return told
        return {
            **told,
            "WECHATPAY_PUBLIC_KEY_ID": self.public_key_id,
            "WECHATPAY_PUBLIC_KEY": public_pem(self.public_key.public_key()),
        }

    def new_platform_certificate(self, since: datetime) -> tuple[x509.Certificate, RSAPrivateKey]:
        """Another platform certificate that is valid from ``since``, and its key."""
        key = _key()
        return self.authority.platform(key.public_key(), since), key


def is_of_a_sandbox(serial: str) -> bool:
    """Whether a sandbox gave this serial or id of a key; which one, it does not tell."""
    return serial.upper().startswith((SERIAL_MARK, _KEY_ID_MARK))


def private_pem(key: RSAPrivateKey) -> str:
    """PKCS#8 PEM, without a password."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")


def public_pem(key: RSAPublicKey) -> str:
    """SPKI PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def _key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)


def _new_key_id() -> str:
    digits = len(_KEY_ID) + _KEY_ID_DIGITS - len(_KEY_ID_MARK)
    return f"{_KEY_ID_MARK}{secrets.randbelow(10**digits):0{digits}d}"


def _as_text(value: Any) -> str:
    if isinstance(value, RSAPrivateKey):
        return private_pem(value)
    if isinstance(value, x509.Certificate):
        return value.public_bytes(serialization.Encoding.PEM).decode("ascii")
    return value.pem_with_key if isinstance(value, Authority) else str(value)


def _from_text(kind: str, text: str) -> Any:
    if kind == "RSAPrivateKey":
        return serialization.load_pem_private_key(text.encode("ascii"), None)
    if kind == "x509.Certificate":
        return x509.load_pem_x509_certificate(text.encode("ascii"))
    return Authority.from_pem(text) if kind == "Authority" else text
