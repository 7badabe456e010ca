"""The digests of APIv2's signatures."""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["equals", "sign"]


def sign(kind: str, text: str, key: str) -> str:
    """Upper-case hex of the MD5 or HMAC-SHA256 over ``text`` and ``key``; ValueError for another ``kind``.

    MD5 is WeChat Pay's default in APIv2: https://pay.weixin.qq.com/doc/v2/merchant/4011985891
    """
    data = f"{text}&key={key}".encode()
    if kind == "MD5":
        return hashlib.md5(data, usedforsecurity=False).hexdigest().upper()
    if kind == "HMAC-SHA256":
        return hmac.new(key.encode(), data, hashlib.sha256).hexdigest().upper()
    raise ValueError(f"sign_type: expected MD5 or HMAC-SHA256, found {kind[:40]!r}")


def equals(known: str, given: str) -> bool:
    """Whether two signatures are the same, in a time that tells nothing about where they differ."""
    return hmac.compare_digest(known.encode("utf-8", "replace"), given.encode("utf-8", "replace"))
