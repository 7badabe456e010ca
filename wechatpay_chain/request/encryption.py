"""Text that travels encrypted: what a caller seals, and the key whose id the request names."""

from __future__ import annotations

import secrets
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.errors import ChainError, WechatpayError
from wechatpay_chain.protocol.keyring import Key, Keyring
from wechatpay_chain.tracebacks import hide_values

__all__ = ["SERIAL_HEADER", "Encrypted", "Envelope", "Sealed", "Seals", "encrypt_fields"]

# Names the key of WeChat Pay that a request is encrypted for, and that is to sign the answer.
SERIAL_HEADER = "Wechatpay-Serial"


class Sealed:
    """A text that WeChat Pay wants encrypted, such as a name or an identity number.

    Anywhere in a JSON body it becomes the base64 of its RSA-OAEP ciphertext when the request is made, for
    the very key that the request's ``Wechatpay-Serial`` names. At most 214 bytes of UTF-8. It is never
    shown, printed or pickled. Source: https://pay.weixin.qq.com/doc/v3/merchant/4013053257
    """

    __slots__ = ("_text",)

    _text: str

    @hide_values
    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise ChainError(f"Sealed: expected text, found {type(text).__name__}; nothing was sent")
        if text != text.encode("utf-8", "replace").decode("utf-8"):
            raise ChainError("Sealed: text that UTF-8 cannot hold; nothing was sent")
        object.__setattr__(self, "_text", str.__str__(text))

    def __repr__(self) -> str:
        return "Sealed(…)"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a sealed text never changes: {name} cannot be set")

    def __copy__(self) -> Sealed:
        return self

    def __deepcopy__(self, memo: object) -> Sealed:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Sealed holds a text that is not to be stored, and is not pickled; seal it where it is sent")


class Seals:
    """What ``json.dumps`` takes as ``default``: it puts a mark in the place of each sealed text.

    ``fallback`` spells what is not sealed, as another ``default`` does.
    """

    def __init__(self, fallback: Callable[[Any], str | int] | None = None) -> None:
        self._fallback = fallback
        self.texts: list[Sealed] = []
        self.mark = ""

    def __call__(self, value: Any) -> str | int:
        """The mark for a sealed text; TypeError, as ``json`` expects it, for what nobody spells."""
        if not isinstance(value, Sealed):
            if self._fallback is None:
                raise TypeError(type(value).__name__)
            return self._fallback(value)
        self.mark = self.mark or secrets.token_hex(16)
        self.texts.append(value)
        return self.mark


class Envelope(bytes):
    """A JSON body with marks in the places of sealed texts; ``paths`` name the fields, in the same order.

    It is bytes, so that whoever takes it for the final body sends marks, and never a text.
    """

    _seals: Seals
    _paths: Sequence[str]

    @classmethod
    def of(cls, body: bytes, seals: Seals, paths: Sequence[str]) -> Envelope:
        """The body in which ``seals`` has left its marks."""
        envelope = cls(body)
        envelope._seals, envelope._paths = seals, paths
        return envelope

    def encrypt_texts(self, encrypt: Callable[[str], str]) -> bytes:
        """The body with every text encrypted; ChainError names the field of one that is too long."""
        head, *rest = bytes(self).split(self._seals.mark.encode("ascii"))
        body = [head]
        for piece, sealed, path in zip(rest, self._seals.texts, self._paths, strict=True):
            body += (_encrypt(sealed, path, encrypt), piece)
        return b"".join(body)


def _encrypt(sealed: Sealed, path: str, encrypt: Callable[[str], str]) -> bytes:
    try:
        return encrypt(sealed._text).encode("ascii")
    except ValueError as error:
        reason = str(error).removeprefix("text: ")
    raise ChainError(f"json: {path or 'the body'}: {reason}; nothing was sent")


class Encrypted(str):
    """Base64 of a ciphertext; ``serial`` is the id of WeChat Pay's key that opens it."""

    serial: str

    @classmethod
    def of(cls, text: object, key: Key, encrypt: Callable[[str, RSAPublicKey], str]) -> Encrypted:
        """``text`` encrypted for ``key``; ChainError for what is no text or does not fit."""
        if not isinstance(text, str):
            raise ChainError(f"text: expected text, found {type(text).__name__}")
        try:
            encrypted = cls(encrypt(text, key.public_key))
        except UnicodeEncodeError:
            raise ChainError("text: it holds characters that UTF-8 cannot") from None
        except ValueError as error:
            raise ChainError(str(error)) from None
        encrypted.serial = key.id
        return encrypted


def encrypt_fields(body: Envelope, headers: MutableMapping[str, str], keyring: Keyring) -> bytes:
    """The body with its sealed texts encrypted, after the key's id is among the headers.

    A header of the caller's own selects the key, or raises ChainError when that is not held.
    """
    asked = headers.get(SERIAL_HEADER)
    key = _find_key(asked, keyring) if asked else keyring.current
    headers[SERIAL_HEADER] = key.id
    return body.encrypt_texts(lambda text: asymmetric.encrypt(text, key.public_key))


def _find_key(key_id: str, keyring: Keyring) -> Key:
    try:
        return keyring.find(key_id)
    except WechatpayError as error:
        reason = str(error)
    told = f"headers: {SERIAL_HEADER} names {key_id[:64]!r}, for which nothing can be encrypted: {reason}"
    raise ChainError(f"{told}; nothing was sent")
