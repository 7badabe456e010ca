"""RSA as WeChat Pay uses it: PKCS#1 v1.5 signatures over SHA-256, OAEP (SHA-1) for fields."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from wechatpay_chain.errors import DecryptionError
from wechatpay_chain.tracebacks import hide_values

__all__ = ["decrypt", "decrypt_bytes", "encrypt", "encrypt_pkcs1v15", "sign", "verify"]

_PKCS1V15 = PKCS1v15()
_SHA256 = SHA256()
# SHA-1 is WeChat Pay's choice for OAEP, where collisions do not matter:
# https://pay.weixin.qq.com/doc/v3/merchant/4013053257
_FIELD_PADDING = OAEP(mgf=MGF1(SHA1()), algorithm=SHA1(), label=None)  # noqa: S303


def sign(message: bytes, private_key: RSAPrivateKey) -> str:
    """The signature of ``message`` in base64, one line."""
    return base64.b64encode(private_key.sign(message, _PKCS1V15, _SHA256)).decode("ascii")


def verify(message: bytes, signature: str, public_key: RSAPublicKey) -> bool:
    """Whether ``signature`` (base64) is one of ``message``; False as well for text that is no base64."""
    try:
        public_key.verify(base64.b64decode(signature, validate=True), message, _PKCS1V15, _SHA256)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


@hide_values
def encrypt(text: str | bytes, public_key: RSAPublicKey) -> str:
    """``text`` (as UTF-8, or bytes) as base64 of its RSA-OAEP ciphertext.

    Raises ValueError for text that is too long for the key: 214 bytes for 2048 bits.
    """
    return _encrypt(text, public_key, _FIELD_PADDING, 42)


@hide_values
def encrypt_pkcs1v15(text: str | bytes, public_key: RSAPublicKey) -> str:
    """The same with PKCS#1 v1.5 padding, for the overseas APIs that ask for it; 245 bytes for 2048 bits.

    Nothing here decrypts that padding: whoever does and tells how it went can be made to decrypt for
    others (https://github.com/wechatpay-apiv3/wechatpay-php/issues/133).
    """
    return _encrypt(text, public_key, _PKCS1V15, 11)


def _encrypt(text: str | bytes, public_key: RSAPublicKey, padding: AsymmetricPadding, overhead: int) -> str:
    plain = text if isinstance(text, bytes) else text.encode("utf-8")
    limit = public_key.key_size // 8 - overhead
    size = len(plain)
    if size > limit:
        raise ValueError(f"text: {size} bytes, but this key encrypts at most {limit}")
    return base64.b64encode(public_key.encrypt(plain, padding)).decode("ascii")


@hide_values
def decrypt(ciphertext: str, private_key: RSAPrivateKey) -> str:
    """The text in a base64 RSA-OAEP ``ciphertext``.

    Raises DecryptionError when it was not made for this key or is no base64 or UTF-8 text.
    """
    plain = decrypt_bytes(ciphertext, private_key)
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        raise DecryptionError("ciphertext: the decrypted bytes are no UTF-8 text") from None


def decrypt_bytes(ciphertext: str, private_key: RSAPrivateKey) -> bytes:
    """The bytes in a base64 RSA-OAEP ``ciphertext``, such as the key of an encrypted bill.

    Raises DecryptionError when it was not made for this key or is no base64.
    """
    try:
        return private_key.decrypt(base64.b64decode(ciphertext, validate=True), _FIELD_PADDING)
    except (ValueError, binascii.Error):
        raise DecryptionError("ciphertext: it was not encrypted for this private key, or is no base64") from None
