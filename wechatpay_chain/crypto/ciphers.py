"""Symmetric ciphers: AES-GCM of certificates, notifications and bills, SM4-GCM of bills, AES-ECB of APIv2's refunds."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4
from cryptography.hazmat.primitives.ciphers.modes import ECB, GCM
from cryptography.hazmat.primitives.padding import PKCS7

from wechatpay_chain.errors import DecryptionError
from wechatpay_chain.tracebacks import hide_values

__all__ = [
    "AEAD_AES_256_GCM",
    "ECB_KEY_LENGTH",
    "KEY_LENGTH",
    "GCMDecryptor",
    "cipher_of",
    "decrypt",
    "decrypt_with",
    "ecb_decrypt",
    "ecb_decrypt_bytes",
    "ecb_encrypt",
    "encrypt",
]

KEY_LENGTH = 32
# What WeChat Pay calls the algorithm of certificates, notifications and bills.
AEAD_AES_256_GCM = "AEAD_AES_256_GCM"


@hide_values
def encrypt(plaintext: bytes, key: bytes, nonce: bytes, associated_data: bytes = b"") -> str:
    """Base64 of ciphertext and tag; ``key`` has 32 bytes, ``nonce`` 12.

    Source: https://pay.weixin.qq.com/doc/v3/merchant/4012071382
    """
    return base64.b64encode(cipher_of(key).encrypt(nonce, plaintext, associated_data)).decode("ascii")


@hide_values
def decrypt(ciphertext: str, key: bytes, nonce: bytes, associated_data: bytes = b"") -> bytes:
    """What ``encrypt`` was given; DecryptionError for a wrong key or a changed text."""
    return decrypt_with(cipher_of(key), ciphertext, nonce, associated_data)


def decrypt_with(cipher: AESGCM, ciphertext: str, nonce: bytes, associated_data: bytes) -> bytes:
    """The same with a cipher that was made of the key before."""
    try:
        return cipher.decrypt(nonce, base64.b64decode(ciphertext, validate=True), associated_data)
    except InvalidTag:
        reason = "wrong APIv3 key, or nonce, associated data or text were changed"
    except (binascii.Error, ValueError):
        reason = "no base64, or a nonce of impossible length"
    raise DecryptionError(f"ciphertext: {reason}")


def cipher_of(key: bytes) -> AESGCM:
    """The cipher of a key of 32 bytes; ValueError for any other."""
    length = len(key)
    if length != KEY_LENGTH:
        raise ValueError(f"key: {length} bytes, an APIv3 key has {KEY_LENGTH}")
    return AESGCM(key)


_TAG_LENGTH = 16
# The two algorithms of bills differ in the length of their keys.
_BY_KEY_LENGTH: dict[int, Callable[[bytes], CipherAlgorithm]] = {32: AES, 16: SM4}


class GCMDecryptor:
    """Decrypts bytes whose last 16 are the tag; what ``update`` gives is not proven before ``finish`` returns.

    ``key`` has 32 bytes (AES-256) or 16 (SM4), ``nonce`` 8 to 128. DecryptionError for any other.
    Source: https://pay.weixin.qq.com/doc/v3/partner/4014314390
    """

    @hide_values
    def __init__(self, key: bytes, nonce: bytes, associated_data: bytes = b"") -> None:
        length = len(key)
        try:
            cipher = Cipher(_BY_KEY_LENGTH[length](key), GCM(nonce))
            self._decryptor = cipher.decryptor()
        except KeyError:
            reason = f"the key has {length} bytes, expected 32 (AES-256) or 16 (SM4)"
        except ValueError:
            reason = f"the nonce has {len(nonce)} bytes, expected 8 to 128"
        except UnsupportedAlgorithm:
            reason = "this OpenSSL has no SM4; ask for the bill with AEAD_AES_256_GCM"
        else:
            self._decryptor.authenticate_additional_data(associated_data)
            self._held = b""
            return
        raise DecryptionError(f"encrypt_key: {reason}")

    def update(self, piece: bytes) -> bytes:
        """The next plain bytes; the last 16 are held back, since they may be the tag."""
        known = self._held + piece
        self._held = known[-_TAG_LENGTH:]
        return self._decryptor.update(known[:-_TAG_LENGTH])

    def finish(self) -> None:
        """Prove all that came; DecryptionError when anything was changed or is missing."""
        if len(self._held) == _TAG_LENGTH:
            try:
                self._decryptor.finalize_with_tag(self._held)
            except InvalidTag:
                pass
            else:
                return
        raise DecryptionError("its tag does not fit: it was changed or cut, or its key is another")


ECB_KEY_LENGTH = 32
_MODE = ECB()  # noqa: S305


@hide_values
def ecb_encrypt(plaintext: bytes, key: bytes) -> str:
    """Base64 of the ciphertext; ``key`` has 32 bytes, in APIv2 the MD5 of its key in lower-case hex.

    Raises ValueError for another length: PHP pads and cuts keys, and then encrypts under one that is not meant.
    """
    length = len(key)
    if length != ECB_KEY_LENGTH:
        raise _wrong_key(length)
    padder, encryptor = PKCS7(AES.block_size).padder(), Cipher(AES(key), _MODE).encryptor()
    padded = padder.update(plaintext) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode("ascii")


@hide_values
def ecb_decrypt(ciphertext: str, key: bytes) -> str:
    """The text that ``ecb_encrypt`` was given; DecryptionError for a wrong key, no base64, or bytes that are no UTF-8.

    Raises ValueError for a key that has not 32 bytes.
    """
    plain = ecb_decrypt_bytes(ciphertext, key)
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        raise DecryptionError("ciphertext: wrong key, or the decrypted bytes are no UTF-8 text") from None


@hide_values
def ecb_decrypt_bytes(ciphertext: str, key: bytes) -> bytes:
    """What ``ecb_encrypt`` was given; DecryptionError or ValueError as for ``ecb_decrypt``."""
    length = len(key)
    if length != ECB_KEY_LENGTH:
        raise _wrong_key(length)
    unpadder, decryptor = PKCS7(AES.block_size).unpadder(), Cipher(AES(key), _MODE).decryptor()
    try:
        padded = decryptor.update(base64.b64decode(ciphertext, validate=True)) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except (binascii.Error, ValueError):
        raise DecryptionError("ciphertext: wrong key, or no base64 of whole blocks") from None


def _wrong_key(length: int) -> ValueError:
    # The frames of a traceback must not hold a key, so it is told by its length alone.
    return ValueError(f"key: {length} bytes, AES-256 has {ECB_KEY_LENGTH}; it is neither padded nor cut")
