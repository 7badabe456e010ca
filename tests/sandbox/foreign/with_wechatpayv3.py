"""A shop on wechatpayv3, unchanged but for the constant that is its base URL."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core

from tests.sandbox.foreign.shop import Shop, opened

APPID = "wxd678efh567hg6787"
AMOUNT = {"total": 100, "currency": "CNY"}


def set_base_url(url: str) -> None:
    """It is a literal in the constructor, which asks for certificates before anything could be set from outside."""
    code = Core.__init__.__code__
    texts = tuple(url if each == "https://api.mch.weixin.qq.com" else each for each in code.co_consts)
    assert texts != code.co_consts
    Core.__init__.__code__ = code.replace(co_consts=texts)


def client(shop: Shop) -> Any:
    """A client that has the public key, or without one downloads certificates."""
    told = shop.configuration
    own = {name: told[name] for name in ("public_key", "public_key_id") if name in told}
    return WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=told["mchid"],
        private_key=told["private_key"],
        cert_serial_no=told["serial"],
        appid=APPID,
        apiv3_key=told["apiv3_key"],
        notify_url=shop.notify_url,
        **own,
    )


def told(answer: tuple[int, Any]) -> Any:
    """The JSON of a success."""
    status, text = answer
    assert status == 200, answer
    return json.loads(text)


def buy(shop: Shop, wxpay: Any, number: str) -> dict[str, Any]:
    """Order, payment, notice, queries, refund and its notice."""
    found: dict[str, Any] = {"order": told(wxpay.pay("书", number, AMOUNT))}
    found["unpaid"] = told(wxpay.query(out_trade_no=number))
    shop.control(f"orders/{number}/pay")
    notice = shop.notice()
    found["notice"] = wxpay.callback(notice.headers, notice.body)
    found["forged"] = wxpay.callback(notice.headers, notice.body + b" ")
    found["paid"] = told(wxpay.query(transaction_id=found["notice"]["resource"]["transaction_id"]))
    found["again"] = wxpay.pay("书", number, AMOUNT)
    amount = {"total": 100, "refund": 30, "currency": "CNY"}
    found["refund"] = told(wxpay.refund(f"R{number}", amount, out_trade_no=number, notify_url=shop.notify_url))
    shop.control(f"refunds/R{number}/SUCCESS")
    notice = shop.notice()
    found["refund notice"] = wxpay.callback(notice.headers, notice.body)
    found["refunded"] = told(wxpay.query_refund(f"R{number}"))
    return found


def close(wxpay: Any, number: str) -> dict[str, Any]:
    """An order that nobody pays."""
    wxpay.pay("书", number, AMOUNT)
    return {"closed": wxpay.close(number)[0], "then": told(wxpay.query(out_trade_no=number))}


def upload(wxpay: Any) -> Any:
    """Without a boundary in the Content-Type, as this client does it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "店.png")
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
        return told(wxpay.image_upload(str(path)))


def bill(shop: Shop, wxpay: Any) -> dict[str, Any]:
    """Yesterday's, once the sandbox's clock says that it is the next day's afternoon."""
    day = shop.control("clock", advance=0)["time"][:10]
    shop.control("clock", advance=36 * 3600)
    asked = told(wxpay.trade_bill(day, tar_type="GZIP"))
    status, content = wxpay.download_bill(asked["download_url"])
    return {"day": day, "asked": asked, "status": status, "content": content.hex()}


with opened(b"") as shop:
    if not shop.configuration.get("proxy"):
        set_base_url(shop.base)
    wxpay = client(shop)
    shop.found = {**buy(shop, wxpay, "wechatpayv30001"), **close(wxpay, "wechatpayv30002"), "upload": upload(wxpay)}
    shop.found["bill"] = bill(shop, wxpay)
    shop.found["missing"] = wxpay.query(out_trade_no="nobodymade1")
