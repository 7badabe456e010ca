"""The TLS certificate of the sandbox's merchant, which some calls of APIv2 show."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from wechatpay_chain.sandbox.identity import Identity, private_pem

__all__ = ["merchant_entry"]


def merchant_entry(identity: Identity) -> dict[str, str]:
    """The entry ``merchant`` of a client: certificate and key as PEM text, made anew."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity.mchid)])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, identity.merchant_key.public_key(), int(identity.serial, 16))
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .sign(identity.merchant_key, hashes.SHA256())
    )
    return {
        "cert": certificate.public_bytes(Encoding.PEM).decode("ascii"),
        "key": private_pem(identity.merchant_key),
    }
