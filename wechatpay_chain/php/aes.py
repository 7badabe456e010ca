"""``AesGcm`` and ``AesEcb`` of wechatpay-php."""

from __future__ import annotations

from typing import Literal, overload

from wechatpay_chain.crypto import ciphers
from wechatpay_chain.errors import ConfigError
from wechatpay_chain.php.helper import Text, as_bytes, as_text, raise_helper_errors, tidy_base64

__all__ = ["AesEcb", "AesGcm", "AesInterface"]


class AesInterface:
    """The constants of both ciphers; lengths in bytes."""

    BLOCK_SIZE = 16
    KEY_LENGTH_BYTE = ciphers.KEY_LENGTH
    AUTH_TAG_LENGTH_BYTE = 16
    ALGO_AES_256_GCM = "aes-256-gcm"
    ALGO_AES_256_ECB = "aes-256-ecb"


class AesGcm(AesInterface):
    """AEAD_AES_256_GCM, as APIv3 wraps certificates and notifications.

    Keys have 32 bytes, the ``iv`` 8 to 128 (WeChat Pay's has 12), and a tag is never cut: what PHP takes
    beyond that raises.
    """

    @staticmethod
    @raise_helper_errors
    def encrypt(plaintext: Text, key: Text, iv: Text = "", aad: Text = "") -> str:
        """Base64 of ciphertext and tag; ConfigError for a key or an ``iv`` of another length."""
        nonce = as_bytes(iv)
        if not 8 <= len(nonce) <= 128:
            raise ConfigError(f"iv: {len(nonce)} bytes, expected 12", "iv")
        return ciphers.encrypt(as_bytes(plaintext), as_bytes(key), nonce, as_bytes(aad))

    @overload
    @staticmethod
    def decrypt(
        ciphertext: Text,
        key: Text,
        iv: Text = ...,
        aad: Text = ...,
        *,
        raw: Literal[False] = False,
    ) -> str: ...

    @overload
    @staticmethod
    def decrypt(ciphertext: Text, key: Text, iv: Text = ..., aad: Text = ..., *, raw: Literal[True]) -> bytes: ...

    @staticmethod
    @raise_helper_errors
    def decrypt(
        ciphertext: str | bytes, key: str | bytes, iv: str | bytes = "", aad: str | bytes = "", *, raw: bool = False
    ) -> str | bytes:
        """The text that was encrypted, its bytes with ``raw``.

        Raises DecryptionError for a wrong key, a changed text, or bytes that are no UTF-8 and not asked for.
        """
        found = ciphers.decrypt(tidy_base64(ciphertext), as_bytes(key), as_bytes(iv), as_bytes(aad))
        return found if raw else as_text(found, "ciphertext")


class AesEcb(AesInterface):
    """AES-256-ECB, as APIv2 encrypts its refund notice; ``iv`` is taken and not used, as in PHP."""

    @staticmethod
    @raise_helper_errors
    def encrypt(plaintext: str | bytes, key: str | bytes, iv: str | bytes = "") -> str:
        """Base64 of the ciphertext; ConfigError for a key that has not 32 bytes."""
        return ciphers.ecb_encrypt(as_bytes(plaintext), as_bytes(key))

    @overload
    @staticmethod
    def decrypt(ciphertext: Text, key: Text, iv: Text = ..., *, raw: Literal[False] = False) -> str: ...

    @overload
    @staticmethod
    def decrypt(ciphertext: Text, key: Text, iv: Text = ..., *, raw: Literal[True]) -> bytes: ...

    @staticmethod
    @raise_helper_errors
    def decrypt(ciphertext: str | bytes, key: str | bytes, iv: str | bytes = "", *, raw: bool = False) -> str | bytes:
        """The text that was encrypted, its bytes with ``raw``.

        Raises DecryptionError for a wrong key, a broken text, or bytes that are no UTF-8 and not asked for.
        """
        found = ciphers.ecb_decrypt_bytes(tidy_base64(ciphertext), as_bytes(key))
        return found if raw else as_text(found, "ciphertext")
