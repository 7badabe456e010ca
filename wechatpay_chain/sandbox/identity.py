"""The keys of one sandbox, made new at each start."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import NameOID

from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.protocol.certificates import ISSUER
from wechatpay_chain.protocol.merchant import BRAND, MERCHANT, Scheme

__all__ = ["Identity", "Party", "new_certificate", "private_pem", "public_pem"]

_KEY_BITS = 2048
_VALID = timedelta(days=5 * 365)


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


class Identity(NamedTuple):
    """A merchant, and the two keys with which this gateway signs: a platform certificate and a public key."""

    mchid: str
    serial: str
    merchant_key: RSAPrivateKey
    apiv3_key: str
    secret: str
    certificate: x509.Certificate
    certificate_key: RSAPrivateKey
    public_key_id: str
    public_key: RSAPrivateKey

    @classmethod
    def new(cls, mchid: str = "") -> Identity:
        """New keys, numbers and secrets; ``mchid`` where the merchant's number is to be a certain one."""
        certificate, certificate_key = new_certificate()
        return cls(
            mchid=mchid or str(1_900_000_000 + secrets.randbelow(100_000_000)),
            serial=secrets.token_hex(20).upper(),
            merchant_key=_key(),
            apiv3_key=secrets.token_hex(16),
            secret=secrets.token_hex(16),
            certificate=certificate,
            certificate_key=certificate_key,
            public_key_id=f"PUB_KEY_ID_{secrets.randbelow(10**28):028d}",
            public_key=_key(),
        )

    @property
    def party(self) -> Party:
        """The merchant, as its requests are checked."""
        return Party(MERCHANT, self.mchid, self.serial, self.merchant_key)

    def configuration(self) -> dict[str, Any]:
        """The merchant's entries for ``Wechatpay``; keys as PEM text."""
        return {
            "mchid": self.mchid,
            "serial": self.serial,
            "private_key": private_pem(self.merchant_key),
            "apiv3_key": self.apiv3_key,
            "secret": self.secret,
            "certs": {
                self.public_key_id: public_pem(self.public_key.public_key()),
                serial_of(self.certificate): self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
            },
        }

    def environment(self) -> dict[str, str]:
        """The same for ``Wechatpay.from_env``, with the public key alone."""
        return {
            "WECHATPAY_MCHID": self.mchid,
            "WECHATPAY_SERIAL": self.serial,
            "WECHATPAY_PRIVATE_KEY": private_pem(self.merchant_key),
            "WECHATPAY_APIV3_KEY": self.apiv3_key,
            "WECHATPAY_SECRET": self.secret,
            "WECHATPAY_PUBLIC_KEY_ID": self.public_key_id,
            "WECHATPAY_PUBLIC_KEY": public_pem(self.public_key.public_key()),
        }

    def signer(self, asked: str) -> tuple[str, RSAPrivateKey]:
        """Id and key for an answer: the certificate's when the request named it, else the public key's."""
        certificate_serial = serial_of(self.certificate)
        if asked == certificate_serial:
            return certificate_serial, self.certificate_key
        return self.public_key_id, self.public_key


def new_certificate(since: datetime | None = None) -> tuple[x509.Certificate, RSAPrivateKey]:
    """A platform certificate, valid since yesterday or ``since``, issued under the name of WeChat Pay's authority."""
    key = _key()
    return _certificate(key, since or datetime.now(timezone.utc) - timedelta(days=1)), key


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


# One authority for all sandboxes of a process; it signs no answer.
_AUTHORITY = ec.generate_private_key(ec.SECP256R1())


def _certificate(key: RSAPrivateKey, since: datetime) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(_name("wechatpay_chain sandbox platform"))
        .issuer_name(_name(ISSUER))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + _VALID)
        .sign(_AUTHORITY, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
