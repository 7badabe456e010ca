"""Encryption for WeChat Pay: the key of a request and the id that it names are chosen together."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.call import Call
from wechatpay_chain.crypto import rsa
from wechatpay_chain.errors import ChainError, WechatpayError
from wechatpay_chain.fields import HeaderFields
from wechatpay_chain.protocol.keyring import Key, Keyring
from wechatpay_chain.sealed import Envelope
from wechatpay_chain.settings import Settings

__all__ = ["Encrypted", "Fields", "addressed"]

_HEADER = "Wechatpay-Serial"


class Encrypted(str):
    """Base64 of a ciphertext; ``serial`` is the id of WeChat Pay's key that opens it."""

    serial: str

    @classmethod
    def of(cls, text: object, key: Key, encrypt: Callable[[str, RSAPublicKey], str]) -> Encrypted:
        """``text`` encrypted for ``key``; ChainError for what is no text or does not fit."""
        try:
            encrypted = cls(encrypt(text, key.public_key)) if isinstance(text, str) else None
            told = f"text: expected text, found {type(text).__name__}"
        except UnicodeEncodeError:
            encrypted, told = None, "text: it holds characters that UTF-8 cannot"
        except ValueError as error:
            encrypted, told = None, str(error)
        finally:
            del text  # a name or an identity number: not for a traceback
        if encrypted is None:
            raise ChainError(told)
        encrypted.serial = key.id
        return encrypted


class Fields:
    """What a client offers for single fields: it encrypts for WeChat Pay and decrypts for the merchant."""

    _settings: Settings

    def encrypt(self, text: str) -> Encrypted:
        """``text`` encrypted (RSA-OAEP) for WeChat Pay, in base64; ``.serial`` names the key.

        Send it with ``headers={"Wechatpay-Serial": encrypted.serial}``, or use ``Sealed``, which sees to that.
        Raises ChainError for text of more than 214 bytes; downloads certificates when no key is held yet.
        """
        try:
            return Encrypted.of(text, self._settings.keyring.current, rsa.encrypt)
        finally:
            del text  # a name or an identity number: not for a traceback

    def encrypt_pkcs1v15(self, text: str) -> Encrypted:
        """The same with PKCS#1 v1.5 padding, for the overseas APIs that ask for it; up to 245 bytes."""
        try:
            return Encrypted.of(text, self._settings.keyring.current, rsa.encrypt_pkcs1v15)
        finally:
            del text

    def decrypt(self, ciphertext: str) -> str:
        """The text of an encrypted field (RSA-OAEP) in an answer; DecryptionError when it is not for this merchant."""
        return self._settings.merchant.decrypt(ciphertext)


def addressed(call: Call, headers: HeaderFields, keyring: Keyring, offline: bool = False) -> Call:
    """The call with its sealed texts encrypted, after the key's id is among the headers.

    A header of the caller's own selects the key, or raises ChainError when that is not held. ``offline`` leaves
    the id out while no key is held and none is needed.
    """
    # Even where the caller names a key: what cannot be proven is not sent.
    chosen = keyring.newest() if offline else keyring.current
    asked = headers.get(_HEADER)
    if isinstance(call.body, Envelope):
        key = _named(asked, keyring) if asked else chosen or keyring.current
        headers[_HEADER] = key.id
        return call._replace(body=call.body.opened(lambda text: rsa.encrypt(text, key.public_key)))
    if not asked and chosen is not None:
        headers[_HEADER] = chosen.id
    return call


def _named(key_id: str, keyring: Keyring) -> Key:
    try:
        return keyring.find(key_id)
    except WechatpayError as error:
        reason = str(error)
    told = f"headers: {_HEADER} names {key_id[:64]!r}, for which nothing can be encrypted: {reason}"
    raise ChainError(f"{told}; nothing was sent")
