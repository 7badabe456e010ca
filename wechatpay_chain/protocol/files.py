"""Which files an answer names, and what it says of them: digest, compression, encryption.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4013071238 (bills),
https://pay.weixin.qq.com/doc/v3/partner/4014314390 (encrypted bills in parts).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.crypto.ciphers import AEAD_AES_256_GCM, GCMDecryptor
from wechatpay_chain.crypto.digest import FILE_DIGESTS
from wechatpay_chain.errors import ChainError, DecryptionError, IntegrityError
from wechatpay_chain.protocol import xml

__all__ = ["NamedFile", "asks_gzip", "files_in"]

_ALGORITHMS = (AEAD_AES_256_GCM, "SM4_GCM")
_URLS = ("download_url", "url")
_KEYS = ("encrypt_key", "encrypted_key")
_CIPHERS = ("encrypt_type", "algorithm", "encryption_algorithm")
# Files that are parts of one, and files that are not.
_PARTS = "download_bill_list"
_LISTS = ("fapiao_download_info_list",)


@dataclass(frozen=True, slots=True)
class NamedFile:
    """One file to be fetched: ``digest`` is lower-case hex over the plain bytes, empty where none was named.

    ``key`` is the RSA ciphertext of the key under which it is encrypted, empty for a plain file.
    """

    url: str
    digest: str = ""
    hash_type: str = ""
    is_gzip: bool = False
    key: str = ""
    nonce: str = ""
    associated_data: str = ""

    def opener(self, private_key: RSAPrivateKey | None) -> GCMDecryptor | None:
        """What decrypts it, None for a plain file; DecryptionError when its key is not for ``private_key``."""
        if not self.key:
            return None
        if private_key is None:
            raise DecryptionError("encrypt_key: the file is encrypted, and this client has no private_key")
        try:
            return GCMDecryptor(
                asymmetric.decrypt_bytes(self.key, private_key), self.nonce.encode(), self.associated_data.encode()
            )
        except DecryptionError as error:
            told = str(error).removeprefix("ciphertext: ")
        raise DecryptionError(f"{told if told.startswith('encrypt_key') else f'encrypt_key: {told}'}; nothing was sent")


def files_in(data: object, is_gzip: bool = False) -> tuple[NamedFile, ...]:
    """The files that an answer's JSON, one entry of it, or a URL names, in the order of their ``bill_sequence``.

    Raises ChainError where there is none, or several that are not parts of one; IntegrityError for a digest
    that cannot be checked.
    """
    if isinstance(data, str):
        return (_file({_URLS[0]: data}, is_gzip),)
    if not isinstance(data, Mapping):
        raise ChainError(f"download: expected an answer or a URL, found {type(data).__name__}; nothing was sent")
    parts = data.get(_PARTS)
    if parts is None:
        return (_file(_single(data), is_gzip),)
    if not _is_list(parts):
        raise ChainError(f"download: {_PARTS} names no file; nothing was sent")
    return tuple(_file({**_ciphers(data), **part}, is_gzip) for part in _sort_parts(parts, data))


def asks_gzip(query: str, body: bytes | None = None) -> bool:
    """Whether a request asked for a compressed file: ``tar_type`` in its query, ``tartype``, or an APIv2 body."""
    fields: dict[str, Any] = {name: values[-1] for name, values in parse_qs(query).items()}
    if body is not None and body.startswith(b"<xml"):
        with contextlib.suppress(xml.XMLError):
            fields |= xml.from_xml(body)
    return any(str(fields.get(name)).upper() == "GZIP" for name in ("tar_type", "tartype"))


def _single(data: Mapping[str, Any]) -> Mapping[str, Any]:
    entries = next((data[name] for name in _LISTS if _is_list(data.get(name))), None)
    if entries is None:
        return data
    if len(entries) > 1:
        raise ChainError(f"download: the answer names {len(entries)} files; pass one of its entries; nothing was sent")
    single: Mapping[str, Any] = entries[0]
    return single


def _sort_parts(parts: Sequence[Mapping[str, Any]], data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """By ``bill_sequence``, which must count from 1, so that no part can be missing."""
    ordered = sorted(parts, key=lambda part: str(part.get("bill_sequence", 1)).zfill(20))
    found = [str(part.get("bill_sequence", number)) for number, part in enumerate(ordered, 1)]
    count = data.get("download_bill_count", len(parts))
    if found != [str(number) for number in range(1, len(parts) + 1)] or str(count) != str(len(parts)):
        raise IntegrityError(f"download: parts {', '.join(found)[:80]} of {count} were named; nothing was sent")
    return ordered


def _file(data: Mapping[str, Any], is_gzip: bool) -> NamedFile:
    url = next((data[name] for name in _URLS if isinstance(data.get(name), str) and data[name]), "")
    if not url:
        told = ", ".join(map(str, data))[:80] or "nothing"
        raise ChainError(f"download: no download_url in the answer ({told}); it may not be ready; nothing was sent")
    tar_type = str(data.get("tar_type", "")).upper()
    plain = NamedFile(url, *_digest(data), is_gzip or tar_type == "GZIP" or asks_gzip(url.partition("?")[2]))
    key = next((str(data[name]) for name in _KEYS if data.get(name)), "")
    if not key:
        return plain
    unknown = next((str(value) for value in _ciphers(data).values() if value and value not in _ALGORITHMS), "")
    if unknown:
        raise DecryptionError(f"encrypt_type: {unknown[:40]!r} is not one of {_ALGORITHMS}; nothing was sent")
    return replace(
        plain, key=key, nonce=str(data.get("nonce") or ""), associated_data=str(data.get("associated_data") or "")
    )


def _digest(data: Mapping[str, Any]) -> tuple[str, str]:
    value, kind = (str(data.get(name) or "") for name in ("hash_value", "hash_type"))
    if not value and not kind:
        return "", ""
    name = kind.upper().replace("-", "")
    if name not in FILE_DIGESTS:
        known = ", ".join(FILE_DIGESTS)
        raise IntegrityError(f"hash_type: expected one of {known}, found {kind[:40]!r}; nothing was sent")
    if len(value) != FILE_DIGESTS[name] or not set(value.lower()) <= set("0123456789abcdef"):
        raise IntegrityError(f"hash_value: {value[:80]!r} is no {name} in hex; nothing was sent")
    return value.lower(), name


def _ciphers(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in _CIPHERS if name in data}


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)
