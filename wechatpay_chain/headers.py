"""The headers of a request: those that every one has, then the configured ones, then the call's own."""

from __future__ import annotations

import requests

from wechatpay_chain.call import Call
from wechatpay_chain.fields import HeaderFields
from wechatpay_chain.settings import Settings
from wechatpay_chain.version import __version__

__all__ = ["of"]

_USER_AGENT = f"wechatpay_chain/{__version__} requests/{requests.__version__}"


def of(call: Call, settings: Settings) -> HeaderFields:
    """All but what depends on the body and on the keys; a value of None leaves a header out."""
    headers = HeaderFields.of((*call.default_headers().items(), ("User-Agent", _USER_AGENT)))
    for name, value in (*settings.headers, *call.headers):
        if value is None:
            headers.pop(name, None)
        else:
            headers[name] = value
    return headers
