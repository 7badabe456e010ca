"""The addresses that products keep for their notices: written, and read back.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012534537 (cash coupons), and the pages of member cards, delivery
plans and product coupons. A merchant that has set none is told 404.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.clock import to_beijing
from wechatpay_chain.sandbox.product import Call, Product, Route

__all__ = ["PRODUCT"]

_LONGEST = 256


class _Callback(NamedTuple):
    """One API that keeps an address: how it is written, whose it is, what writing and reading tell.

    ``owner`` is who names the merchant: the caller, a field of body and query, or a part of the path.
    """

    method: str
    path: str
    owner: str
    wrote: tuple[str, ...]
    read: tuple[str, ...]


_CALLBACKS = (
    _Callback("POST", "/v3/marketing/favor/callbacks", "mchid", ("update_time", "notify_url"), ("mchid", "notify_url")),
    _Callback("PATCH", "/v3/marketing/membercard-open/callback", "", ("notify_url", "mchid"), ("notify_url", "mchid")),
    _Callback(
        "POST",
        "/v3/marketing/partner/delivery-plan/{sp_mchid}/notify-url",
        "sp_mchid",
        ("notify_url",),
        ("notify_url",),
    ),
    _Callback(
        "POST",
        "/v3/marketing/partner/product-coupon/notify-configs",
        "",
        ("notify_url", "update_time"),
        ("notify_url", "update_time"),
    ),
)
_BY_PATH: Mapping[str, _Callback] = {callback.path: callback for callback in _CALLBACKS}


def _write(call: Call) -> Answer:
    callback = _of(call)
    owner = _owner(call, callback, call.fields, "body")
    update_time = to_beijing(call.now).isoformat(timespec="milliseconds")
    stored = {"mchid": owner, "notify_url": _text(call.fields, "notify_url", "body"), "update_time": update_time}
    call.world.store.run(
        "INSERT INTO callbacks VALUES (?, ?, ?, ?) ON CONFLICT (path, owner)"
        " DO UPDATE SET notify_url=excluded.notify_url, update_time=excluded.update_time",
        callback.path,
        owner,
        stored["notify_url"],
        update_time,
    )
    return Answer.of(200, {name: stored[name] for name in callback.wrote})


def _read(call: Call) -> Answer:
    callback = _of(call)
    owner = _owner(call, callback, call.query, "query")
    row = call.world.store.one("SELECT * FROM callbacks WHERE path=? AND owner=?", callback.path, owner)
    if row is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "回调地址未设置")
    stored = {"mchid": row["owner"], "notify_url": row["notify_url"], "update_time": row["update_time"]}
    return Answer.of(200, {name: stored[name] for name in callback.read})


def _of(call: Call) -> _Callback:
    return _BY_PATH[call.route.path]


def _owner(call: Call, callback: _Callback, given: Mapping[str, Any], location: str) -> str:
    if not callback.owner:
        return call.mchid
    return call.path.get(callback.owner) or _text(given, callback.owner, location)


def _text(given: Mapping[str, Any], name: str, location: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise wrong(name, "必填，且为字符串", location, value)
    return value


PRODUCT = Product(
    name="callbacks",
    tables=(
        "CREATE TABLE IF NOT EXISTS callbacks (path TEXT NOT NULL, owner TEXT NOT NULL, notify_url TEXT NOT NULL,"
        " update_time TEXT NOT NULL, PRIMARY KEY (path, owner)) WITHOUT ROWID",
    ),
    routes=tuple(
        route
        for callback in _CALLBACKS
        for route in (Route(callback.method, callback.path, _write), Route("GET", callback.path, _read))
    ),
)
