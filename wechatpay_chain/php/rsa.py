"""``Rsa`` of wechatpay-php: keys in all their forms, signatures, and encrypted fields."""

from __future__ import annotations

import base64
from typing import Any, Final, Literal, overload

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from wechatpay_chain.crypto import asymmetric, key_loader
from wechatpay_chain.errors import ConfigError
from wechatpay_chain.php.helper import Text, as_bytes, as_text, raise_helper_errors, tidy_base64

__all__ = ["OPENSSL_PKCS1_OAEP_PADDING", "OPENSSL_PKCS1_PADDING", "Rsa"]

OPENSSL_PKCS1_PADDING = 1
OPENSSL_PKCS1_OAEP_PADDING = 4


class Rsa:
    """A key is whatever ``crypto.key_loader`` loads, or a private key and its passphrase as a pair.

    What is no such key is a ConfigError; its message tells what was found instead and never shows a key.
    """

    KEY_TYPE_PUBLIC: Final = "public"
    KEY_TYPE_PRIVATE: Final = "private"

    @overload
    @staticmethod
    def from_(thing: Any, type: Literal["private"] = ...) -> RSAPrivateKey: ...

    @overload
    @staticmethod
    def from_(thing: Any, type: Literal["public"]) -> RSAPublicKey: ...

    @overload
    @staticmethod
    def from_(thing: Any, type: str) -> RSAPrivateKey | RSAPublicKey: ...

    @staticmethod
    @raise_helper_errors
    def from_(thing: Any, type: str = KEY_TYPE_PRIVATE) -> RSAPrivateKey | RSAPublicKey:
        """The key in ``thing``: ``Rsa::from``, whose name is a keyword here."""
        return _public(thing) if type == Rsa.KEY_TYPE_PUBLIC else _private(thing)

    @staticmethod
    @raise_helper_errors
    def fromPkcs8(thing: str) -> RSAPrivateKey:
        """The private key in the bare base64 of PKCS#8."""
        return _private(f"private.pkcs8://{thing}")

    @staticmethod
    @raise_helper_errors
    def fromPkcs1(thing: str, type: str = KEY_TYPE_PRIVATE) -> RSAPrivateKey | RSAPublicKey:
        """The key in the bare base64 of PKCS#1."""
        return (
            _public(f"public.pkcs1://{thing}") if type == Rsa.KEY_TYPE_PUBLIC else _private(f"private.pkcs1://{thing}")
        )

    @staticmethod
    @raise_helper_errors
    def fromSpki(thing: str) -> RSAPublicKey:
        """The public key in the bare base64 of SubjectPublicKeyInfo."""
        return _public(f"public.spki://{thing}")

    @staticmethod
    @raise_helper_errors
    def pkcs1ToSpki(thing: str) -> str:
        """The bare base64 of a PKCS#1 public key as that of SubjectPublicKeyInfo."""
        return base64.b64encode(key_loader.pkcs1_to_spki(base64.b64decode(tidy_base64(thing)))).decode("ascii")

    @staticmethod
    @raise_helper_errors
    def sign(message: Text, privateKey: Any) -> str:
        """The signature (SHA-256, PKCS#1 v1.5) in base64."""
        return asymmetric.sign(as_bytes(message), _private(privateKey))

    @staticmethod
    @raise_helper_errors
    def verify(message: Text, signature: Text, publicKey: Any) -> bool:
        """Whether the base64 ``signature`` is one of ``message``."""
        return asymmetric.verify(as_bytes(message), tidy_base64(signature), _public(publicKey))

    @staticmethod
    @raise_helper_errors
    def encrypt(plaintext: Text, publicKey: Any, padding: int = OPENSSL_PKCS1_OAEP_PADDING) -> str:
        """The RSA-OAEP ciphertext in base64; ConfigError for another padding and for text that is too long."""
        _check(padding)
        return asymmetric.encrypt(as_bytes(plaintext), _public(publicKey))

    @overload
    @staticmethod
    def decrypt(ciphertext: Text, privateKey: Any, padding: int = ..., *, raw: Literal[False] = False) -> str: ...

    @overload
    @staticmethod
    def decrypt(ciphertext: Text, privateKey: Any, padding: int = ..., *, raw: Literal[True]) -> bytes: ...

    @staticmethod
    @raise_helper_errors
    def decrypt(
        ciphertext: str | bytes, privateKey: Any, padding: int = OPENSSL_PKCS1_OAEP_PADDING, *, raw: bool = False
    ) -> str | bytes:
        """The text in a base64 RSA-OAEP ciphertext, its bytes with ``raw``.

        Raises DecryptionError when it was not made for this key, or for bytes that are no UTF-8 and not asked for.
        """
        _check(padding)
        found = asymmetric.decrypt_bytes(tidy_base64(ciphertext), _private(privateKey))
        return found if raw else as_text(found, "ciphertext")


def _private(thing: Any) -> RSAPrivateKey:
    return key_loader.load_private_key(thing, "privateKey")


def _public(thing: Any) -> RSAPublicKey:
    return key_loader.load_public_key(thing, "publicKey")


def _check(padding: int) -> None:
    if padding != OPENSSL_PKCS1_OAEP_PADDING:
        raise ConfigError(f"padding: only OPENSSL_PKCS1_OAEP_PADDING (4) is safe, found {padding!r}", "padding")
