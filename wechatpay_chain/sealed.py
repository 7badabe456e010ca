"""Text that travels encrypted: what a caller seals, and a JSON body that has yet to be encrypted."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from wechatpay_chain.errors import ChainError

__all__ = ["Envelope", "Sealed", "Seals"]


class Sealed:
    """A text that WeChat Pay wants encrypted, such as a name or an identity number.

    Anywhere in a JSON body it becomes the base64 of its RSA-OAEP ciphertext when the request is made, for
    the very key that the request's ``Wechatpay-Serial`` names. At most 214 bytes of UTF-8. It is never
    shown, printed or pickled. Source: https://pay.weixin.qq.com/doc/v3/merchant/4013053257
    """

    __slots__ = ("_text",)

    _text: str

    def __init__(self, text: str) -> None:
        told = "" if isinstance(text, str) else f"expected text, found {type(text).__name__}"
        if not told and text != text.encode("utf-8", "replace").decode("utf-8"):
            told = "text that UTF-8 cannot hold"
        if told:
            del text
            raise ChainError(f"Sealed: {told}; nothing was sent")
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

    def __init__(self, fallback: Callable[[Any], str] | None = None) -> None:
        self._fallback = fallback
        self.texts: list[Sealed] = []
        self.mark = ""

    def __call__(self, value: Any) -> str:
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

    def opened(self, encrypt: Callable[[str], str]) -> bytes:
        """The body with every text encrypted; ChainError names the field of one that is too long."""
        head, *rest = bytes(self).split(self._seals.mark.encode("ascii"))
        body = [head]
        for piece, sealed, path in zip(rest, self._seals.texts, self._paths, strict=True):
            body += (_encrypted(sealed, path, encrypt), piece)
        return b"".join(body)


def _encrypted(sealed: Sealed, path: str, encrypt: Callable[[str], str]) -> bytes:
    try:
        return encrypt(sealed._text).encode("ascii")
    except ValueError as error:
        reason = str(error).removeprefix("text: ")
    raise ChainError(f"json: {path or 'the body'}: {reason}; nothing was sent")
