"""Keys that are not in this process: an HSM or a signing service behind ``sign`` and ``verify``."""

from __future__ import annotations

import os
from typing import Any, NoReturn, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from wechatpay_chain.errors import ConfigError, VerificationError, WechatpayError

__all__ = ["is_lent", "is_remote", "private_key", "public_key"]


def is_remote(source: object, method: str) -> bool:
    """Whether ``source`` is a caller's own object with ``method``, and no text, path or key of cryptography.

    Other keys of cryptography, such as Ed25519 ones, have a ``sign`` and a ``verify`` too, but not of RSA.
    """
    if isinstance(source, str | bytes | os.PathLike | type | RSAPrivateKey | RSAPublicKey):
        return False
    if type(source).__module__.partition(".")[0] == "cryptography":
        return False
    return callable(getattr(source, method, None))


def private_key(source: Any, field: str) -> RSAPrivateKey:
    """A private key that signs by ``source.sign(message)``: RSA PKCS#1 v1.5 over SHA-256, raw bytes.

    What ``sign`` raises is raised by the call, before anything is sent. ConfigError when it returns no bytes.
    """
    return cast(RSAPrivateKey, _PrivateKey(source, field))


def public_key(source: Any, field: str) -> RSAPublicKey:
    """A public key that verifies by ``source.verify(signature, message)``, both raw bytes.

    True holds, and so does None, since cryptography's own keys raise for what does not; any other value
    and InvalidSignature or ValueError do not. What else it raises becomes a VerificationError.
    """
    return cast(RSAPublicKey, _PublicKey(source, field))


def is_lent(key: object) -> bool:
    """Whether ``key`` is one of those two, which neither encrypt nor decrypt."""
    return isinstance(key, _Remote)


_DEEDS = {"decrypt": "decrypting", "encrypt": "encrypting", "key_size": "encrypting"}


class _Remote:
    """As much of a key as another process can lend."""

    __slots__ = ("_field", "_source")
    _ability = ""

    def __init__(self, source: Any, field: str) -> None:
        self._source = source
        self._field = field

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise self._lack(name)

    def __repr__(self) -> str:
        return f"<a key that {self._ability} elsewhere>"

    def _lack(self, what: str) -> WechatpayError:
        # Not a ValueError: who decrypts takes those for a text that was made for another key.
        doing = _DEEDS.get(what, what)
        return WechatpayError(f"{self._field}: an object that only {self._ability}; {doing} takes the key itself")


class _PrivateKey(_Remote):
    __slots__ = ()
    _ability = "signs"

    def sign(self, data: bytes, padding: object, algorithm: object) -> bytes:
        if not isinstance(padding, PKCS1v15) or not isinstance(algorithm, SHA256):
            raise self._lack("another signature than PKCS#1 v1.5 over SHA-256")
        signature = self._source.sign(data)
        if isinstance(signature, bytes | bytearray) and signature:
            return bytes(signature)
        found = "nothing" if not signature else type(signature).__name__
        raise ConfigError(f"{self._field}: its sign() returned {found}, expected the signature's bytes", self._field)


class _PublicKey(_Remote):
    __slots__ = ()
    _ability = "verifies"

    def verify(self, signature: bytes, data: bytes, padding: object, algorithm: object) -> None:
        if not isinstance(padding, PKCS1v15) or not isinstance(algorithm, SHA256):
            raise self._lack("another signature than PKCS#1 v1.5 over SHA-256")
        try:
            verdict = self._source.verify(signature, data)
        except (InvalidSignature, ValueError):
            verdict = False
        except Exception as error:
            told = f"{self._field}: its verify() failed ({type(error).__name__}); the answer is not proven"
            raise VerificationError(told) from error
        if verdict is not None and verdict is not True:
            raise InvalidSignature


# cryptography's keys are interfaces, which others may implement: where one is expected, these may stand.
RSAPrivateKey.register(_PrivateKey)
RSAPublicKey.register(_PublicKey)
