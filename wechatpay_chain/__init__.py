"""The WeChat Pay client whose URL is the code.

>>> from wechatpay_chain import Sandbox
>>> with Sandbox() as gateway:
...     wxpay = gateway.client()
...     url = "https://pay.weixin.qq.com"
...     wxpay.v3.marketing.favor.callbacks.post({"mchid": gateway.mchid, "notify_url": url}).status
200

PYTEST_DONT_REWRITE: pytest rewrites the assertions of packages with a plugin, and warns of one that is imported before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wechatpay_chain.version import __version__

if TYPE_CHECKING:
    from wechatpay_chain import errors
    from wechatpay_chain.bill_reader import read_bill
    from wechatpay_chain.client import Wechatpay
    from wechatpay_chain.php import Builder
    from wechatpay_chain.promise import Promise
    from wechatpay_chain.protocol.notification import Notification
    from wechatpay_chain.request.encryption import Sealed
    from wechatpay_chain.response import Response
    from wechatpay_chain.sandbox import Sandbox
    from wechatpay_chain.transport.media import Media
__all__ = [
    "Builder",
    "Media",
    "Notification",
    "Promise",
    "Response",
    "Sandbox",
    "Sealed",
    "Wechatpay",
    "__version__",
    "errors",
    "read_bill",
]

_ROOMS = {
    "Builder": "php",
    "Media": "transport.media",
    "Notification": "protocol.notification",
    "Promise": "promise",
    "Response": "response",
    "Sandbox": "sandbox",
    "Sealed": "request.encryption",
    "Wechatpay": "client",
    "read_bill": "bill_reader",
}


def __getattr__(name: str) -> Any:
    # PEP 562: requests and cryptography cost 150 ms to import, so nothing is imported before it is used.
    if name == "errors":
        return import_module("wechatpay_chain.errors")
    if name in _ROOMS:
        return getattr(import_module(f"wechatpay_chain.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
