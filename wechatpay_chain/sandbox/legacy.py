"""APIv2 from the other side: the sign of a request is checked, the answer's is made."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import parse_qsl

from wechatpay_chain.crypto import digest
from wechatpay_chain.protocol import v2, xml
from wechatpay_chain.sandbox.answer import Answer, Received

__all__ = ["answer", "is_legacy"]

_TYPES = {32: "MD5", 64: "HMAC-SHA256"}


def is_legacy(target: str) -> bool:
    """Whether a request target belongs to APIv2."""
    return not target.startswith(("/v3/", "/hk/", "/global/", "/brand/"))


def answer(request: Received, mchid: str, secret: str) -> tuple[str, Answer]:
    """Verdict and answer: SUCCESS with what was asked for, or FAIL with the reason.

    What WeChat Pay leaves unsigned is left unsigned here too.
    """
    path, _, query = request.target.partition("?")
    try:
        fields: dict[str, Any] = dict(parse_qsl(query)) if request.method == "GET" else xml.from_xml(request.body)
    except xml.XMLError:
        return "XML格式错误", _xml({"return_code": "FAIL", "return_msg": "XML格式错误"})
    verdict = _checked(fields, mchid, secret)
    if verdict:
        return verdict, _xml({"return_code": "FAIL", "return_msg": verdict})
    told = {name: value for name, value in fields.items() if name not in ("sign", "nonce_str", "sign_type")}
    told |= {"return_code": "SUCCESS", "return_msg": "OK", "result_code": "SUCCESS"}
    if not v2.is_unsigned(path):
        told["nonce_str"] = secrets.token_hex(16)
        told["sign"] = _sign(_TYPES[len(fields["sign"])], told, secret)
    return "", _xml(told)


def _checked(fields: dict[str, Any], mchid: str, secret: str) -> str:
    if mchid not in (fields.get("mch_id"), fields.get("mchid"), fields.get("combine_mch_id")):
        return "商户号mch_id与appid不匹配"
    sign = fields.get("sign")
    kind = _TYPES.get(len(sign)) if isinstance(sign, str) else None
    if kind is None or not digest.equals(_sign(kind, fields, secret), str(sign)):
        return "签名错误"
    return ""


def _sign(kind: str, fields: dict[str, Any], secret: str) -> str:
    return digest.sign(kind, v2.text_of(fields), secret)


def _xml(fields: dict[str, Any]) -> Answer:
    return Answer(200, xml.to_xml(fields).encode("utf-8"), {"Content-Type": "text/xml; charset=utf-8"})
