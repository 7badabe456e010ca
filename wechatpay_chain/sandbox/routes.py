"""What the sandbox can answer: callback addresses that are stored and read, and the platform certificates."""

from __future__ import annotations

import re
import threading
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from wechatpay_chain.sandbox.answer import Answer, Received, Refusal
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.orders import Orders
from wechatpay_chain.sandbox.parameters import json_object
from wechatpay_chain.sandbox.platform import Platform

__all__ = ["Routes"]

_BEIJING = timezone(timedelta(hours=8))
_URL_LENGTH = 256


class _Callback(NamedTuple):
    """One API that keeps a callback address: how it is written, whose it is, what writing and reading tell."""

    method: str
    path: re.Pattern[str]
    owner: str
    wrote: tuple[str, ...]
    read: tuple[str, ...]


# owner: who names the merchant: the caller, a field of body and query, or a part of the path.
_CALLBACKS = (
    _Callback(
        "POST",
        re.compile("/v3/marketing/favor/callbacks"),
        "field",
        ("update_time", "notify_url"),
        ("mchid", "notify_url"),
    ),
    _Callback(
        "PATCH",
        re.compile("/v3/marketing/membercard-open/callback"),
        "caller",
        ("notify_url", "mchid"),
        ("notify_url", "mchid"),
    ),
    _Callback(
        "POST",
        re.compile("/v3/marketing/partner/delivery-plan/([^/]+)/notify-url"),
        "path",
        ("notify_url",),
        ("notify_url",),
    ),
    _Callback(
        "POST",
        re.compile("/v3/marketing/partner/product-coupon/notify-configs"),
        "caller",
        ("notify_url", "update_time"),
        ("notify_url", "update_time"),
    ),
)


class Routes:
    """The state of one sandbox."""

    def __init__(self, identity: Identity, platform: Platform) -> None:
        self._identity = identity
        self.orders = Orders(identity, platform)
        self._platform = platform
        self._stored: dict[tuple[str, str], dict[str, str]] = {}
        self._lock = threading.Lock()

    def answer(self, request: Received) -> Answer | None:
        """The unsigned answer of an API that is here, None for any other; raises Refusal."""
        path, _, query = request.target.partition("?")
        if request.method == "GET" and path == "/v3/certificates":
            listed = self._platform.listed()
            if not listed:
                raise Refusal(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请使用微信支付公钥")
            return Answer.of(200, {"data": listed})
        if path.startswith("/brand/"):
            # No operation of brands is kept: what came is told back.
            return Answer.of(200, {"method": request.method, "path": path, **_told(request.body)})
        for callback in _CALLBACKS:
            matched = callback.path.fullmatch(path)
            if matched and request.method in (callback.method, "GET"):
                fields = json_object(request.body) if request.method != "GET" else _fields(query)
                owner = self._owner(callback, matched, fields, "query" if request.method == "GET" else "body")
                if request.method == "GET":
                    return self._read(callback, owner)
                return self._write(callback, owner, fields)
        return self.orders.answer(
            request, lambda: _fields(query) if request.method == "GET" else json_object(request.body)
        )

    def _owner(self, callback: _Callback, matched: re.Match[str], fields: dict[str, Any], location: str) -> str:
        if callback.owner == "path":
            return matched[1]
        return _required(fields, "mchid", location) if callback.owner == "field" else self._identity.mchid

    def _write(self, callback: _Callback, owner: str, fields: dict[str, Any]) -> Answer:
        stored = {
            "mchid": owner,
            "notify_url": _required(fields, "notify_url"),
            "update_time": datetime.now(_BEIJING).isoformat(timespec="milliseconds"),
        }
        with self._lock:
            self._stored[callback.path.pattern, owner] = stored
        return Answer.of(200, {name: stored[name] for name in callback.wrote})

    def _read(self, callback: _Callback, owner: str) -> Answer:
        with self._lock:
            stored = self._stored.get((callback.path.pattern, owner))
        if stored is None:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "回调地址未设置")
        return Answer.of(200, {name: stored[name] for name in callback.read})


def _told(body: bytes) -> dict[str, Any]:
    return {"body": json_object(body)} if body else {}


def _fields(query: str) -> dict[str, Any]:
    return {name: values[-1] for name, values in parse_qs(query).items()}


def _is_utf8(text: str) -> bool:
    return text == text.encode("utf-8", "replace").decode("utf-8")


def _required(fields: dict[str, Any], name: str, location: str = "body") -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _URL_LENGTH or not _is_utf8(value):
        detail = {"field": f"/{name}", "value": value, "issue": "必填，且为字符串", "location": location}
        raise Refusal(400, "PARAM_ERROR", f"参数 {name} 错误", detail)
    return value
