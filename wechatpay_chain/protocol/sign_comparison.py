"""Why WeChat Pay refused a signature: the text that it built against the text that was signed.

What ``sign_information`` holds: https://pay.weixin.qq.com/doc/v3/merchant/4012072670
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

__all__ = ["explain"]

_PAIR = re.compile(r'([a-z_]+)="([^"]{0,80})"')
_SHOWN = 60
# How WeChat Pay's own messages begin.
_WRONG_TIME, _WRONG_SERIAL = "Http头Authorization中的timestamp", "商户证书序列号有误"
_CLOCK_WINDOW = 300
_CHANGED_ON_THE_WAY = "a proxy, a gateway or a hook of the session changed it after it was signed"


class _Lines(NamedTuple):
    """The five lines of a signed text."""

    method: str
    target: str
    timestamp: str
    nonce: str
    body: str

    @classmethod
    def of(cls, text: str) -> _Lines | None:
        parts = text.split("\n", 4)
        if len(parts) < len(cls._fields):
            return None
        method, target, timestamp, nonce, body = parts
        return cls(method, target, timestamp, nonce, body.removesuffix("\n"))


def explain(signed: str, authorization: str, message: str, detail: object, date: str = "") -> str:
    """The first difference of the two texts and its usual cause, one sentence without any secret.

    ``signed`` is the text that was signed, ``authorization`` the header that was sent, ``message`` and ``detail`` are
    the refusal's, ``date`` is the answer's header ``Date``. Of a body only its length is told.
    """
    sent = dict(_PAIR.findall(authorization))
    fields: Mapping[str, Any] = detail if isinstance(detail, Mapping) else {}
    if message.startswith(_WRONG_TIME) or fields.get("field") == "timestamp":
        return _explain_clock(sent.get("timestamp", ""), date)
    if message.startswith(_WRONG_SERIAL):
        return (
            f"serial {sent.get('serial_no', '')} is not that of a certificate of {_who(sent)} that is in force: usually"
            " serial is WeChat Pay's instead of the merchant's, or the API certificate was renewed and serial was not"
        )
    information = fields.get("sign_information")
    if not isinstance(information, Mapping):
        return _explain_silence(sent, fields)
    expected = _parse_lines(information)
    own = _Lines.of(signed)
    if expected is None or own is None:
        return ""
    length = information.get("sign_message_length")
    return _difference(own, expected, length, len(signed.encode("utf-8", "surrogateescape"))) or (
        f"WeChat Pay built the very text that was signed, so the key is wrong: private_key does not belong to serial"
        f" {sent.get('serial_no', '')} of {_who(sent)}; usually it is of another merchant, or the certificate was"
        " renewed and only one of the two was changed"
    )


def _who(sent: Mapping[str, str]) -> str:
    return f"brand {sent['brand_id']}" if "brand_id" in sent else f"mchid {sent.get('mchid', '')}"


def _explain_clock(timestamp: str, date: str) -> str:
    """How far this machine's clock was from WeChat Pay's; the answer's own ``Date`` says the latter."""
    try:
        theirs, whose = parsedate_to_datetime(date).timestamp(), "WeChat Pay's"
        offset = int(timestamp) - theirs
    except (TypeError, ValueError, OverflowError):
        return "the clock of this machine is wrong: set it by NTP"
    if abs(offset) <= _CLOCK_WINDOW and abs(time.time() - int(timestamp)) > _CLOCK_WINDOW:
        return "the request waited more than 300 s between signing and sending"
    side = "ahead of" if offset > 0 else "behind"
    return f"this machine's clock is {abs(offset):.0f} s {side} {whose}, {_CLOCK_WINDOW} s are allowed: set it by NTP"


def _explain_silence(sent: Mapping[str, str], fields: Mapping[str, Any]) -> str:
    if fields.get("field") == "authorization":
        return f"the header Authorization did not arrive as it was made: usually {_CHANGED_ON_THE_WAY}"
    return (
        f"WeChat Pay told no text: it does not know {_who(sent)} with serial {sent.get('serial_no', '')}; usually mchid"
        " is an appid or a sub_mchid, or serial and private_key belong to another merchant"
    )


def _parse_lines(information: Mapping[str, Any]) -> _Lines | None:
    """The lines that WeChat Pay built; the body is cut after a few characters."""
    text = information.get("truncated_sign_message")
    return _Lines.of(text) if isinstance(text, str) else None


def _difference(own: _Lines, expected: _Lines, length: object, own_length: int) -> str:
    if own.method != expected.method:
        return (
            f"the method differs: signed {own.method[:_SHOWN]}, arrived {expected.method[:_SHOWN]}; usually a redirect"
            " or a proxy changed it"
        )
    if own.target != expected.target:
        return _explain_target(own.target, expected.target)
    for name, signed, arrived in (
        ("timestamp", own.timestamp, expected.timestamp),
        ("nonce", own.nonce, expected.nonce),
    ):
        if signed != arrived:
            return (
                f"the {name} differs: signed {signed[:_SHOWN]}, arrived {arrived[:_SHOWN]}; usually another"
                " Authorization was sent than the one that was made: an old one, or one of a proxy"
            )
    if not own.body.startswith(expected.body) or (not expected.body and own.body):
        place = _place(own.body, expected.body)
        what = "an empty body arrived" if not expected.body else f"the body differs from its character {place + 1} on"
        return f"{what}; usually {_CHANGED_ON_THE_WAY}, such as JSON that was written anew"
    if isinstance(length, int) and not isinstance(length, bool) and length != own_length:
        return (
            f"the body differs behind its beginning: {own_length} bytes were signed in all, {length} arrived; usually"
            f" {_CHANGED_ON_THE_WAY}, such as JSON with other spaces or letters in another encoding"
        )
    return ""


def _explain_target(signed: str, arrived: str) -> str:
    """Where two targets part; values of a query are not shown, as they may be of a person."""
    (path, _, query), (their_path, _, their_query) = signed.partition("?"), arrived.partition("?")
    if path != their_path:
        if path.endswith(their_path) or their_path.endswith(path):
            cause = "a proxy adds or takes away a prefix; base_url has to name the path that WeChat Pay sees"
        elif path.rstrip("/") == their_path.rstrip("/"):
            cause = "a proxy adds or takes away the slash at the end"
        else:
            cause = "a proxy rewrites or unescapes the path"
        return f"the path differs: signed {path[:_SHOWN]}, arrived {their_path[:_SHOWN]}; usually {cause}"
    if bool(query) != bool(their_query):
        side = "was signed and did not arrive" if query else "arrived and was not signed"
        return f"the query {side}; usually a proxy drops or adds parameters"
    if sorted(query.split("&")) == sorted(their_query.split("&")):
        return "the parameters of the query arrived in another order; usually a proxy sorts them"
    place = _place(query, their_query)
    return (
        f"the query differs from its character {place + 1} on; usually a proxy escapes it in another way, or adds"
        " parameters"
    )


def _place(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
