"""Why an APIv2 sign does not hold: the usual mistakes are tried on the same fields."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

__all__ = ["diagnose_v2"]

_KINDS = {32: "MD5", 64: "HMAC-SHA256"}


def diagnose_v2(fields: Mapping[str, Any], text: str, keys: Mapping[str, str]) -> str:
    """The likeliest reason, in Chinese, why the ``sign`` of ``fields`` is not that of ``text``.

    ``keys`` are the secrets that a client may have taken, by name, the right one first.
    """
    sign = str(fields.get("sign") or "")
    if not sign:
        return "缺少sign"
    if len(sign) > max(_KINDS):
        return "sign不是32位的MD5或64位的HMAC-SHA256；APIv3的签名（RSA）不用于APIv2"
    if len(sign) not in _KINDS:
        return f"sign的长度为{len(sign)}，应为32位（MD5）或64位（HMAC-SHA256）的大写十六进制"
    declared = fields.get("sign_type")
    if declared and declared not in _KINDS.values():
        return f"sign_type为{str(declared)[:40]}，应为{'或'.join(_KINDS.values())}"
    if declared in _KINDS.values() and declared != _KINDS[len(sign)]:
        return f"sign_type为{declared}，而sign是{_KINDS[len(sign)]}"
    right = next(iter(keys))
    for name, key in keys.items():
        for candidate, why in _texts(fields, text, key):
            for made, how in _digests(candidate, key, len(sign)):
                if made.upper() == sign.upper():
                    causes = [f"签名所用的密钥是{name}，应为{right}"] * (name != right)
                    return "；".join([*causes, *filter(None, (why, how))]) or "sign应为大写"
    return f"字段或密钥与签名时不同；应签文本为 {text[:256]}{'…' if len(text) > 256 else ''}&key={right}"


def _digests(text: str, key: str, size: int) -> Iterator[tuple[str, str]]:
    """Hexadecimal digests of this size, and what is wrong with each."""
    data = text.encode("utf-8", "surrogatepass")
    if size == len(hashlib.md5(usedforsecurity=False).hexdigest()):
        yield hashlib.md5(data, usedforsecurity=False).hexdigest(), ""
        yield hmac.new(key.encode(), data, "md5").hexdigest(), "用了HMAC-MD5，应为MD5"
    else:
        yield hmac.new(key.encode(), data, "sha256").hexdigest(), ""
        yield hashlib.sha256(data).hexdigest(), "用了SHA-256，应为HMAC-SHA256"


def _texts(fields: Mapping[str, Any], text: str, key: str) -> Iterator[tuple[str, str]]:
    """Texts that may have been signed with ``key``, and what is wrong with each."""
    given = {name: value for name, value in fields.items() if name != "sign" and isinstance(value, str)}
    for body, why in _orders(given, text):
        yield f"{body}&key={key}", why
        yield f"{body}{key}", "缺少“&key=”"
        yield f"{body}&{key}", "缺少“key=”"
        yield body, "没有拼接密钥"


def _orders(given: Mapping[str, str], text: str) -> Iterator[tuple[str, str]]:
    yield text, ""
    ordered = sorted(given.items())
    kept = [(name, value) for name, value in ordered if value]
    yield _joined(ordered), "空值字段参与了签名"
    yield _joined(pair for pair in given.items() if pair[1]), "字段没有按名称排序"
    yield _joined(sorted(kept, key=lambda pair: pair[0].lower())), "排序时没有区分大小写"
    yield _joined((name, quote(value, safe="")) for name, value in kept), "签名时对字段值做了URL编码"
    for left_out, _ in kept:
        yield _joined(pair for pair in kept if pair[0] != left_out), f"字段{left_out}没有参与签名"


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)
