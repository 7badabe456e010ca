"""A web application that calls WeChat Pay in each of its requests, for servers of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from wechatpay_chain import Wechatpay
from wechatpay_chain.transport import connection

# Quiet spells of a test are shorter than those of a shop.
connection.LONGEST_IDLE = 0.2
wxpay = Wechatpay.from_env()


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """One POST; its status, or the error in full."""
    try:
        answer = wxpay.v3.marketing.favor.callbacks.post({"mchid": wxpay.mchid, "notify_url": "https://a.example/x"})
        told = str(answer.status)
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [told.encode()]
