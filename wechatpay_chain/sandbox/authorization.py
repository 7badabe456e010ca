"""The Authorization header, checked as WeChat Pay checks it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.protocol.v3 import CLOCK_WINDOW, request_text
from wechatpay_chain.sandbox.answer import Refusal
from wechatpay_chain.sandbox.identity import Party

__all__ = ["check"]

_FIELDS = frozenset({"nonce_str", "timestamp", "serial_no", "signature"})
_PAIR = re.compile(r'([a-z_]+)="([^"]*)"')
_DIGITS = re.compile("[0-9]{1,15}")
_SHOWN = 256


def check(party: Party, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raise the Refusal that WeChat Pay would answer with; ``body`` is what the signature covers.

    The shape of SIGN_ERROR was seen in wechatpay-apiv3/wechatpay-go#235.
    """
    if not headers.get("Accept") or not headers.get("User-Agent"):
        raise Refusal(400, "PARAM_ERROR", "Http头缺少Accept或User-Agent")
    fields = _fields(headers.get("Authorization", ""), party)
    message = request_text(method, target, fields["timestamp"], fields["nonce_str"], body)
    who = party.scheme.identity
    if fields[who] != party.number:
        raise _sign_error(who, f"{who} not match", method, target, message)
    if fields["serial_no"] != party.serial:
        raise _sign_error("serial_no", "serial_no not match", method, target, message)
    if not _DIGITS.fullmatch(fields["timestamp"]) or abs(time.time() - int(fields["timestamp"])) > CLOCK_WINDOW:
        raise _sign_error("timestamp", "timestamp expired", method, target, message)
    if not party.scheme.verify(message, fields["signature"], party.key.public_key()):
        raise _sign_error("signature", "sign not match", method, target, message)


def _fields(authorization: str, party: Party) -> dict[str, str]:
    scheme, _, pairs = authorization.partition(" ")
    expected = _FIELDS | {party.scheme.identity}
    if scheme != party.scheme.name:
        raise _malformed(f"scheme is not {party.scheme.name}")
    found = [_PAIR.fullmatch(pair) for pair in pairs.split(",")]
    fields = {pair[1]: pair[2] for pair in found if pair}
    if None in found or len(found) != len(fields) or fields.keys() != expected or not all(fields.values()):
        raise _malformed(f"expected {', '.join(sorted(expected))}, each quoted and once")
    return fields


def _malformed(issue: str) -> Refusal:
    detail = {"field": "authorization", "location": "header", "detail": {"issue": issue}}
    return Refusal(401, "SIGN_ERROR", "Http头Authorization值格式错误", detail)


def _sign_error(field: str, issue: str, method: str, target: str, message: bytes) -> Refusal:
    text = message.decode("utf-8", "replace")
    detail: dict[str, Any] = {
        "field": field,
        "location": "authorization",
        "detail": {"issue": issue},
        "sign_information": {
            "method": method,
            "url": target,
            "truncated_sign_message": text[:_SHOWN],
            "sign_message_length": len(message),
        },
    }
    return Refusal(401, "SIGN_ERROR", "错误的签名，验签失败", detail)
