"""Certificates as WeChat Pay might hand them out, and the answer of /v3/certificates around them."""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from wechatpay_chain.crypto import ciphers
from wechatpay_chain.crypto.key_loader import serial_of

ROOT = "Tenpay.com Root CA"
APIV3_KEY = secrets.token_hex(16).encode()
KEY = generate_private_key(65537, 2048)
AUTHORITY = ec.generate_private_key(ec.SECP256R1())


def certificate(
    key: Any = KEY,
    issuer: str = ROOT,
    days: tuple[float, float] = (-1, 365),
    signer: Any = AUTHORITY,
    name: str = "sign",
    is_authority: bool = False,
) -> x509.Certificate:
    """One for ``key``, valid from and until so many days from now."""
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )


def entry(*certificates: x509.Certificate, key: bytes = APIV3_KEY, **replaced: Any) -> dict[str, Any]:
    """The entry for the first one, with the others as its chain."""
    nonce = secrets.token_hex(6)
    pem = b"".join(each.public_bytes(Encoding.PEM) for each in certificates)
    sealed = {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": nonce,
        "associated_data": "certificate",
        "ciphertext": ciphers.encrypt(pem, key, nonce.encode(), b"certificate"),
    }
    return {"serial_no": serial_of(certificates[0]), "encrypt_certificate": {**sealed, **replaced}}


def body(*entries: Any) -> bytes:
    """The answer's bytes."""
    return json.dumps({"data": entries}).encode()


def other_key() -> RSAPrivateKey:
    """A key that nobody knows."""
    return generate_private_key(65537, 2048)
