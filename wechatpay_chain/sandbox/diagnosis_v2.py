"""Why an APIv2 sign does not hold: the usual mistakes are tried on the same fields."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from wechatpay_chain.sandbox.diagnosis import Cause

__all__ = ["diagnose_v2"]

_KINDS = {32: "MD5", 64: "HMAC-SHA256"}


def diagnose_v2(fields: Mapping[str, Any], text: str, keys: Mapping[Cause, str]) -> Cause:
    """The likeliest reason why the ``sign`` of ``fields`` is not that of ``text``.

    ``keys`` are the secrets that a client may have taken, by name, the right one first.
    """
    sign = str(fields.get("sign") or "")
    if not sign:
        return Cause("sign is missing", "缺少sign")
    if len(sign) > max(_KINDS):
        return Cause(
            "sign is neither an MD5 of 32 nor an HMAC-SHA256 of 64 digits; APIv2 does not take APIv3's RSA signature",
            "sign不是32位的MD5或64位的HMAC-SHA256；APIv3的签名（RSA）不用于APIv2",
        )
    if len(sign) not in _KINDS:
        return Cause(
            f"sign has {len(sign)} characters, expected 32 (MD5) or 64 (HMAC-SHA256) upper-case hexadecimal digits",
            f"sign的长度为{len(sign)}，应为32位（MD5）或64位（HMAC-SHA256）的大写十六进制",
        )
    declared = fields.get("sign_type")
    if declared and declared not in _KINDS.values():
        found = str(declared)[:40]
        return Cause(
            f"sign_type is {found!r}, expected {' or '.join(_KINDS.values())}",
            f"sign_type为{found}，应为{'或'.join(_KINDS.values())}",
        )
    if declared in _KINDS.values() and declared != _KINDS[len(sign)]:
        found = _KINDS[len(sign)]
        return Cause(f"sign_type says {declared}, and sign is {found}", f"sign_type为{declared}，而sign是{found}")
    right = next(iter(keys))
    for name, key in keys.items():
        for candidate, why in _texts(fields, text, key):
            for made, how in _digests(candidate, key, len(sign)):
                if made.upper() == sign.upper():
                    causes = [_other_key(name, right)] if name != right else []
                    return _joined_causes([*causes, *filter(None, (why, how))]) or _UPPER
    shown = f"{text[:256]}{'…' if len(text) > 256 else ''}&key="
    return Cause(
        f"a field or the key was another when it was signed; the text that has to be signed is {shown}{right.cause}",
        f"字段或密钥与签名时不同；应签文本为 {shown}{right.message}",
    )


_UPPER = Cause("write the sign in upper case", "sign应为大写")
_HMAC_MD5 = Cause("HMAC-MD5 was used, expected MD5", "用了HMAC-MD5，应为MD5")
_SHA256 = Cause("SHA-256 was used, expected HMAC-SHA256", "用了SHA-256，应为HMAC-SHA256")
_NO_KEY_WORD = Cause('"&key=" is missing before the key', "缺少“&key=”")
_NO_KEY_NAME = Cause('"key=" is missing before the key', "缺少“key=”")
_NO_KEY = Cause("the key was not put behind the fields", "没有拼接密钥")
_EMPTY = Cause("fields with an empty value were signed", "空值字段参与了签名")
_UNSORTED = Cause("the fields were not sorted by name", "字段没有按名称排序")
_FOLDED = Cause("the fields were sorted without regard to case", "排序时没有区分大小写")
_ENCODED = Cause("the values were percent-encoded for signing", "签名时对字段值做了URL编码")


def _other_key(name: Cause, right: Cause) -> Cause:
    return Cause(
        f"it was signed with {name.cause}, expected {right.cause}",
        f"签名所用的密钥是{name.message}，应为{right.message}",
    )


def _joined_causes(causes: Sequence[Cause]) -> Cause | None:
    if not causes:
        return None
    return Cause("; ".join(each.cause for each in causes), "；".join(each.message for each in causes))


def _digests(text: str, key: str, size: int) -> Iterator[tuple[str, Cause | None]]:
    """Hexadecimal digests of this size, and what is wrong with each."""
    data = text.encode("utf-8", "surrogatepass")
    if size == len(hashlib.md5(usedforsecurity=False).hexdigest()):
        yield hashlib.md5(data, usedforsecurity=False).hexdigest(), None
        yield hmac.new(key.encode(), data, "md5").hexdigest(), _HMAC_MD5
    else:
        yield hmac.new(key.encode(), data, "sha256").hexdigest(), None
        yield hashlib.sha256(data).hexdigest(), _SHA256


def _texts(fields: Mapping[str, Any], text: str, key: str) -> Iterator[tuple[str, Cause | None]]:
    """Texts that may have been signed with ``key``, and what is wrong with each."""
    given = {name: value for name, value in fields.items() if name != "sign" and isinstance(value, str)}
    for body, why in _orders(given, text):
        yield f"{body}&key={key}", why
        yield f"{body}{key}", _NO_KEY_WORD
        yield f"{body}&{key}", _NO_KEY_NAME
        yield body, _NO_KEY


def _orders(given: Mapping[str, str], text: str) -> Iterator[tuple[str, Cause | None]]:
    yield text, None
    ordered = sorted(given.items())
    kept = [(name, value) for name, value in ordered if value]
    yield _join(ordered), _EMPTY
    yield _join(pair for pair in given.items() if pair[1]), _UNSORTED
    yield _join(sorted(kept, key=lambda pair: pair[0].lower())), _FOLDED
    yield _join((name, quote(value, safe="")) for name, value in kept), _ENCODED
    for left_out, _ in kept:
        why = Cause(f"field {left_out} was not signed", f"字段{left_out}没有参与签名")
        yield _join(pair for pair in kept if pair[0] != left_out), why


def _join(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)
