"""AEAD_AES_256_GCM, as WeChat Pay wraps certificates and notifications."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wechatpay_chain.errors import DecryptionError

__all__ = ["KEY_LENGTH", "decrypt", "encrypt"]

KEY_LENGTH = 32


def encrypt(plaintext: bytes, key: bytes, nonce: bytes, associated_data: bytes = b"") -> str:
    """Base64 of ciphertext and tag; ``key`` has 32 bytes, ``nonce`` 12.

    Source: https://pay.weixin.qq.com/doc/v3/merchant/4012071382
    """
    try:
        cipher = _cipher(key)
    finally:
        del key  # the frames of a traceback must not hold a key
    return base64.b64encode(cipher.encrypt(nonce, plaintext, associated_data)).decode("ascii")


def decrypt(ciphertext: str, key: bytes, nonce: bytes, associated_data: bytes = b"") -> bytes:
    """What ``encrypt`` was given; DecryptionError for a wrong key or a changed text."""
    try:
        cipher = _cipher(key)
    finally:
        del key
    try:
        return cipher.decrypt(nonce, base64.b64decode(ciphertext, validate=True), associated_data)
    except InvalidTag:
        reason = "wrong APIv3 key, or nonce, associated data or text were changed"
    except (binascii.Error, ValueError):
        reason = "no base64, or a nonce of impossible length"
    raise DecryptionError(f"ciphertext: {reason}")


def _cipher(key: bytes) -> AESGCM:
    length = len(key)
    if length == KEY_LENGTH:
        return AESGCM(key)
    del key
    raise ValueError(f"key: {length} bytes, an APIv3 key has {KEY_LENGTH}")
