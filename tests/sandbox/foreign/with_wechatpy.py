"""A shop on wechatpy's APIv2, unchanged but for its base URL."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from wechatpy.exceptions import WeChatPayException
from wechatpy.pay import WeChatPay

from tests.sandbox.foreign.shop import Shop, opened

APPID = "wxd678efh567hg6787"


def failed(call: Any, *args: Any, **options: Any) -> dict[str, Any]:
    """The error of a call that has to fail."""
    try:
        call(*args, **options)
    except WeChatPayException as error:
        return {
            name: getattr(error, name) for name in ("return_code", "result_code", "return_msg", "errcode", "errmsg")
        }
    raise AssertionError("it did not fail")


def buy(shop: Shop, pay: Any) -> dict[str, Any]:
    """Order, payment, notice, query, refund with the certificate, its notice and query."""
    number = "wechatpy0001"
    options = {"client_ip": "192.0.2.1", "out_trade_no": number, "product_id": "1"}
    found: dict[str, Any] = {"order": pay.order.create("NATIVE", "书", 100, shop.notify_url, **options)}
    found["unpaid"] = pay.order.query(out_trade_no=number)
    shop.control(f"orders/{number}/pay")
    found["notice"] = pay.parse_payment_result(shop.notice().body)
    found["paid"] = pay.order.query(transaction_id=found["notice"]["transaction_id"])
    refund = {"total_fee": 100, "refund_fee": 30, "out_refund_no": f"R{number}", "out_trade_no": number}
    found["refund"] = pay.refund.apply(**refund, notify_url=shop.notify_url)
    shop.control(f"refunds/R{number}/SUCCESS")
    found["refund notice"] = pay.parse_refund_notify_result(shop.notice().body)
    found["refunded"] = pay.refund.query(out_refund_no=f"R{number}")
    return found


def close(shop: Shop, pay: Any) -> dict[str, Any]:
    """An order that nobody pays, which cannot be closed twice."""
    number = "wechatpy0002"
    pay.order.create("NATIVE", "书", 100, shop.notify_url, client_ip="192.0.2.1", out_trade_no=number, product_id="1")
    return {
        "closed": pay.order.close(number),
        "twice": failed(pay.order.close, number),
        "then": pay.order.query(out_trade_no=number),
    }


def micropay(pay: Any) -> dict[str, Any]:
    """At the till: a code that pays, and what the same code does for a second order."""
    paid = pay.micropay.create("书", 100, "130000000000000100", client_ip="192.0.2.1", out_trade_no="wechatpy0003")
    return {"micropay": paid, "then paid": pay.micropay.query(out_trade_no="wechatpy0003")}


with opened(b"<xml><return_code>SUCCESS</return_code></xml>") as shop, tempfile.TemporaryDirectory() as folder:
    told = shop.configuration
    for name, text in told["merchant"].items():
        Path(folder, name).write_text(text)
    if not told.get("proxy"):
        WeChatPay.API_BASE_URL = f"{shop.base}/"
    files = {"mch_cert": str(Path(folder, "cert")), "mch_key": str(Path(folder, "key"))}
    pay = WeChatPay(APPID, told["secret"], told["mchid"], **files)
    bare = WeChatPay(APPID, told["secret"], told["mchid"])
    shop.found = {**buy(shop, pay), "close": close(shop, pay), **micropay(pay)}
    shop.found["missing"] = failed(pay.order.query, out_trade_no="nobodymade1")
    shop.found["bare"] = failed(bare.refund.apply, 100, 1, "R0001", out_trade_no="wechatpy0001")
