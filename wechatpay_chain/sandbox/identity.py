"""The keys of one sandbox, made new at each start."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import NameOID

from wechatpay_chain.crypto.pem import serial_of

__all__ = ["Identity", "private_pem", "public_pem"]

_KEY_BITS = 2048
_VALID = timedelta(days=5 * 365)


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
    def new(cls) -> Identity:
        """New keys, numbers and secrets."""
        certificate_key = _key()
        return cls(
            mchid=str(1_900_000_000 + secrets.randbelow(100_000_000)),
            serial=secrets.token_hex(20).upper(),
            merchant_key=_key(),
            apiv3_key=secrets.token_hex(16),
            secret=secrets.token_hex(16),
            certificate=_certificate(certificate_key),
            certificate_key=certificate_key,
            public_key_id=f"PUB_KEY_ID_{secrets.randbelow(10**28):028d}",
            public_key=_key(),
        )

    def signer(self, asked: str) -> tuple[str, RSAPrivateKey]:
        """Id and key for an answer: the certificate's when the request named it, else the public key's."""
        certificate_serial = serial_of(self.certificate)
        if asked == certificate_serial:
            return certificate_serial, self.certificate_key
        return self.public_key_id, self.public_key


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


def _certificate(key: RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wechatpay_chain sandbox platform")])
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .sign(key, hashes.SHA256())
    )
