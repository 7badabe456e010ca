"""APIv2's signatures over text, and digests of files.

Sources: https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3 (signatures),
https://work.weixin.qq.com/api/doc/90000/90135/90281 (the key of WeCom).
"""

from __future__ import annotations

import hashlib
import hmac as _hmac
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple, Protocol

from cryptography.hazmat.primitives import hashes

from wechatpay_chain.errors import ChainError
from wechatpay_chain.tracebacks import hide_values

__all__ = [
    "FILE_DIGESTS",
    "SIGN_TYPES",
    "Hash",
    "SignType",
    "digest",
    "equals",
    "hmac",
    "md5",
    "new",
    "query_string",
    "sign",
    "sign_type_of",
    "sign_types_of",
]

# The digests by which an answer may name a file, and their lengths in hex. MD5 proves nothing, and is not among them.
# A name that hashlib does not have needs a class in ``new``.
FILE_DIGESTS: Mapping[str, int] = {"SHA1": 40, "SHA256": 64, "SM3": 64}
_BLOCK = 1 << 16


@hide_values
def md5(text: str | bytes, key: str | bytes = "", agency: bool = False) -> str:
    """The MD5 in lower-case hex of ``text``, with ``&key=`` and the key behind it when there is one.

    ``agency`` says that the key is WeCom's: then it follows ``&secret=``.
    """
    found = hashlib.md5(_bytes(text), usedforsecurity=False)
    if key:
        found.update((b"&secret=" if agency else b"&key=") + _bytes(key))
    return found.hexdigest()


@hide_values
def hmac(text: str | bytes, key: str | bytes, algorithm: str = "sha256") -> str:
    """The HMAC in lower-case hex of ``text``, ``&key=`` and the key, under that same key.

    Raises ChainError for an ``algorithm`` that hashlib does not have.
    """
    found = _hash(algorithm) if isinstance(algorithm, str) else None
    if found is None:
        raise ChainError(f"algorithm: expected a name such as sha256, found {_describe_name(algorithm)}")
    return _hmac.new(_bytes(key), _bytes(text) + b"&key=" + _bytes(key), found.name).hexdigest()


@hide_values
def sign(sign_type: str, text: str | bytes, key: str | bytes) -> str:
    """APIv2's signature of ``text`` in upper-case hex; ChainError for a ``sign_type`` other than ``SIGN_TYPES``."""
    if not isinstance(sign_type, str) or sign_type not in SIGN_TYPES:
        raise ChainError(f"sign_type: expected {' or '.join(SIGN_TYPES)}, found {_describe_name(sign_type)}")
    return SIGN_TYPES[sign_type].sign(text, key).upper()


def sign_types_of(signature: str) -> tuple[str, ...]:
    """The sign types whose signatures are as long as this one, since an answer does not always name its own."""
    return tuple(name for name, each in SIGN_TYPES.items() if each.length == len(signature))


def sign_type_of(signature: str, declared: object = None) -> str | None:
    """The sign type of a signature by its length: ``declared`` if that fits, else the first that does, or None."""
    fitting = sign_types_of(signature)
    return declared if isinstance(declared, str) and declared in fitting else next(iter(fitting), None)


class SignType(NamedTuple):
    """How APIv2 signs a text with a key: ``sign`` gives hex digits, as many as ``length``."""

    sign: Callable[[str | bytes, str | bytes], str]
    length: int


# What a call may name as its sign_type; the first is meant where none is named.
SIGN_TYPES: Mapping[str, SignType] = {
    "MD5": SignType(md5, 32),
    "HMAC-SHA256": SignType(hmac, 64),
}


@hide_values
def equals(known: str | bytes, given: str | bytes | None) -> bool:
    """Whether two signatures are the same, in a time that does not tell where they differ; None is no signature."""
    return given is not None and _hmac.compare_digest(_bytes(known), _bytes(given))


def query_string(fields: Mapping[str, Any], spell: Callable[[Any, str], str]) -> str:
    """``k=v&…`` of the fields in their order, as APIv2 signs it: without ``sign``, None and empty text.

    ``spell`` gives the text of a value, and is told its key.
    """
    # Only text is compared with text: an array of numpy answers with an array.
    kept = (
        (key, value)
        for key, value in fields.items()
        if key != "sign" and value is not None and not (isinstance(value, str) and value == "")
    )
    return "&".join(f"{key}={spell(value, str(key))}" for key, value in kept)


def digest(file: BinaryIO, algorithm: str = "sha256") -> str:
    """The digest in lower-case hex of what a binary file holds from where it stands, read once in small blocks.

    ``algorithm`` is ``sm3`` or one of hashlib's; ChainError for any other.
    """
    found = new(algorithm)
    while block := file.read(_BLOCK):
        found.update(block)
    return found.hexdigest()


class Hash(Protocol):
    """A digest in the making, as hashlib's are."""

    def update(self, block: bytes, /) -> None:
        """Take in the next bytes."""
        ...

    def hexdigest(self) -> str:
        """The digest in lower-case hex of what came so far."""
        ...


def new(algorithm: str) -> Hash:
    """An empty digest; ``algorithm`` is ``sm3`` or one of hashlib's, ChainError for any other."""
    found: Hash | None = _SM3() if algorithm.lower() == "sm3" else _hash(algorithm)
    if found is None:
        raise ChainError(f"algorithm: expected sha256, sm3 or another of hashlib's, found {algorithm[:40]!r}")
    return found


class _SM3:
    """SM3 with the methods of hashlib, which has it only where its OpenSSL was built with it."""

    def __init__(self) -> None:
        self._hash = hashes.Hash(hashes.SM3())

    def update(self, block: bytes) -> None:
        self._hash.update(block)

    def hexdigest(self) -> str:
        return self._hash.copy().finalize().hex()


def _hash(algorithm: str) -> Any:
    """An empty hash by its name in hashlib, or as PHP writes it (``sha512/256``); None when there is none."""
    name = algorithm.lower().replace("-", "_").replace("/", "_")
    try:
        found = hashlib.new(name, usedforsecurity=False)
    except (TypeError, ValueError):  # TypeError: half a character
        return None
    # SHAKE has no length of its own.
    return found if found.digest_size else None


def _describe_name(name: object) -> str:
    """A name that is none; what is as long as a key is perhaps one in the wrong place."""
    text = str(name)
    return repr(text) if len(text) < 16 else f"{len(text)} characters"


def _bytes(text: object) -> bytes:
    if isinstance(text, str):
        return text.encode("utf-8")
    if isinstance(text, bytes):
        return text
    raise ChainError(f"expected text or bytes, found {type(text).__name__}")
