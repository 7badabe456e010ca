"""AES-256-ECB with PKCS#7 padding: the refund notice of APIv2 (``req_info``), and nothing else.

ECB shows equal blocks as equal and proves nothing about its text; it is here since APIv2 sends it.
Source: https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_16
"""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.padding import PKCS7

from wechatpay_chain.errors import DecryptionError

__all__ = ["KEY_LENGTH", "decrypt", "decrypt_bytes", "encrypt"]

KEY_LENGTH = 32
_MODE = ECB()  # noqa: S305


def encrypt(plaintext: bytes, key: bytes) -> str:
    """Base64 of the ciphertext; ``key`` has 32 bytes, in APIv2 the MD5 of its key in lower-case hex.

    Raises ValueError for another length: PHP pads and cuts keys, and then encrypts under one that is not meant.
    """
    length = len(key)
    if length != KEY_LENGTH:
        del plaintext, key
        raise _wrong_key(length)
    padder, encryptor = PKCS7(AES.block_size).padder(), Cipher(AES(key), _MODE).encryptor()
    padded = padder.update(plaintext) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode("ascii")


def decrypt(ciphertext: str, key: bytes) -> str:
    """The text that ``encrypt`` was given; DecryptionError for a wrong key, no base64, or bytes that are no UTF-8.

    Raises ValueError for a key that has not 32 bytes.
    """
    try:
        plain = decrypt_bytes(ciphertext, key)
    finally:
        del key  # the frames of a traceback must not hold a key
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        del plain  # the frames of a traceback must not hold what was decrypted
    raise DecryptionError("ciphertext: wrong key, or the decrypted bytes are no UTF-8 text")


def decrypt_bytes(ciphertext: str, key: bytes) -> bytes:
    """What ``encrypt`` was given; DecryptionError for a wrong key or no base64, ValueError as for ``decrypt``."""
    length = len(key)
    if length != KEY_LENGTH:
        del key
        raise _wrong_key(length)
    unpadder, decryptor = PKCS7(AES.block_size).unpadder(), Cipher(AES(key), _MODE).decryptor()
    del key
    try:
        padded = decryptor.update(base64.b64decode(ciphertext, validate=True)) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except (binascii.Error, ValueError):
        reason = "wrong key, or no base64 of whole blocks"
    # The frames of a traceback must not hold what was decrypted.
    padded = b""
    raise DecryptionError(f"ciphertext: {reason}")


def _wrong_key(length: int) -> ValueError:
    # The frames of a traceback must not hold a key, so it is told by its length alone.
    return ValueError(f"key: {length} bytes, AES-256 has {KEY_LENGTH}; it is neither padded nor cut")
