"""What a front end needs to open WeChat Pay's cashier or to hand out coupons, named as the front ends name it.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012791857 (JSAPI),
https://pay.weixin.qq.com/doc/v3/merchant/4012266109 (mini programs),
https://pay.weixin.qq.com/doc/v3/merchant/4012265144 (apps),
https://pay.weixin.qq.com/wiki/doc/api/wxpay/ch/pay/MiniProgramPay/chapter7_3.shtml and
https://pay.weixin.qq.com/doc/global/v2/zh/4013636475 (APIv2).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from wechatpay_chain.crypto import digest
from wechatpay_chain.errors import ChainError, ConfigError
from wechatpay_chain.protocol.coupon import BusiFavor
from wechatpay_chain.protocol.merchant import Holder, Merchant
from wechatpay_chain.protocol.v2 import text_of

__all__ = ["PayParams", "pay_text"]

_SIGN = "Sign=WXPay"
_PREFIX = "prepay_id="


def pay_text(appid: str, timestamp: str, nonce: str, order: str) -> bytes:
    """The four lines that a paySign covers; ``order`` is ``prepay_id=…``, for apps the bare id."""
    return f"{appid}\n{timestamp}\n{nonce}\n{order}\n".encode()


class PayParams(Holder):
    """The parameters of one merchant's payments: dicts of text, ready to be sent to the front end as JSON.

    Sign with the key that the order was signed with. ``timestamp`` (seconds) and ``nonce`` are drawn when not
    given. A ``prepay_id`` lives two hours. What ends in ``_v2`` is for orders of APIv2, under the ``sign_type``
    of the order. All raise ChainError, which names the argument, and ConfigError without the key that signs.
    """

    def __init__(self, merchant: Merchant) -> None:
        self._merchant = merchant

    def __repr__(self) -> str:
        return f"<PayParams of {self._merchant.identity}>"

    @property
    def busifavor(self) -> BusiFavor:
        """The same for merchant coupons (商家券)."""
        return BusiFavor(self._merchant)

    def jsapi(self, appid: str, prepay_id: str, *, timestamp: int | None = None, nonce: str = "") -> dict[str, str]:
        """What ``WeixinJSBridge.invoke('getBrandWCPayRequest', …)`` takes in WeChat's browser."""
        return {"appId": _word(appid, "appid"), **self.miniprogram(appid, prepay_id, timestamp=timestamp, nonce=nonce)}

    def miniprogram(
        self, appid: str, prepay_id: str, *, timestamp: int | None = None, nonce: str = ""
    ) -> dict[str, str]:
        """What ``wx.requestPayment`` takes in a mini program."""
        package = _PREFIX + _prepay_id(prepay_id)
        moment, once = _drawn(timestamp, nonce)
        signature = self._signed(pay_text(_word(appid, "appid"), moment, once, package))
        return {"timeStamp": moment, "nonceStr": once, "package": package, "signType": "RSA", "paySign": signature}

    def app(
        self, appid: str, prepay_id: str, *, partnerid: str = "", timestamp: int | None = None, nonce: str = ""
    ) -> dict[str, str]:
        """What the SDK for apps takes; ``partnerid`` is the merchant's number when it is not given."""
        fields = self._app(appid, prepay_id, partnerid, timestamp, nonce)
        text = pay_text(fields["appid"], fields["timestamp"], fields["noncestr"], fields["prepayid"])
        return {**fields, "sign": self._signed(text)}

    def h5(self, h5_url: str, redirect_url: str | None = None) -> dict[str, str]:
        """The address that a phone's browser opens: ``h5_url`` of the order, with where to return to.

        It is not signed and lives five minutes; the page that opens it has to be the origin that the order named.
        """
        return {"h5_url": _returning(h5_url, "h5_url", redirect_url)}

    def jsapi_v2(
        self, appid: str, prepay_id: str, *, sign_type: str = "MD5", timestamp: int | None = None, nonce: str = ""
    ) -> dict[str, str]:
        """As ``jsapi``."""
        moment, once = _drawn(timestamp, nonce)
        fields = {
            "appId": _word(appid, "appid"),
            "timeStamp": moment,
            "nonceStr": once,
            "package": _PREFIX + _prepay_id(prepay_id),
            "signType": sign_type,
        }
        return {**fields, "paySign": self._signed_v2(fields, sign_type)}

    def miniprogram_v2(
        self, appid: str, prepay_id: str, *, sign_type: str = "MD5", timestamp: int | None = None, nonce: str = ""
    ) -> dict[str, str]:
        """As ``miniprogram``."""
        fields = self.jsapi_v2(appid, prepay_id, sign_type=sign_type, timestamp=timestamp, nonce=nonce)
        return {name: value for name, value in fields.items() if name != "appId"}

    def app_v2(
        self,
        appid: str,
        prepay_id: str,
        *,
        partnerid: str = "",
        sign_type: str = "MD5",
        timestamp: int | None = None,
        nonce: str = "",
    ) -> dict[str, str]:
        """As ``app``."""
        fields = self._app(appid, prepay_id, partnerid, timestamp, nonce)
        return {**fields, "sign": self._signed_v2(fields, sign_type)}

    def h5_v2(self, mweb_url: str, redirect_url: str | None = None) -> dict[str, str]:
        """As ``h5``, of an order's ``mweb_url``."""
        return {"mweb_url": _returning(mweb_url, "mweb_url", redirect_url)}

    def _app(self, appid: str, prepay_id: str, partnerid: str, timestamp: int | None, nonce: str) -> dict[str, str]:
        moment, once = _drawn(timestamp, nonce)
        return {
            "appid": _word(appid, "appid"),
            "partnerid": _word(partnerid or self._merchant.mchid, "partnerid"),
            "prepayid": _prepay_id(prepay_id),
            "package": _SIGN,
            "noncestr": once,
            "timestamp": moment,
        }

    def _signed(self, text: bytes) -> str:
        if self._merchant.private_key is None:
            raise ConfigError("serial, private_key: missing; a paySign needs them", "private_key")
        return self._merchant.scheme.sign(text, self._merchant.private_key)

    def _signed_v2(self, fields: Mapping[str, Any], sign_type: str) -> str:
        if not self._merchant.secret:
            raise ConfigError("secret: missing; APIv2 signs with it", "secret")
        return digest.sign(sign_type, text_of(fields), self._merchant.secret)


def _word(value: object, name: str) -> str:
    """Text without white space: a line break would change what is signed, and WeChat Pay's own has none."""
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable() or " " in value:
        found = "nothing" if value is None or value == "" else f"{value!r:.40}"
        raise ChainError(f"{name}: expected ASCII text without white space, found {found}")
    return value


def _prepay_id(value: object) -> str:
    text = _word(value, "prepay_id")
    if text.startswith(_PREFIX):
        raise ChainError(f"prepay_id: expected the id alone, as the order's answer has it, found {text[:40]!r}")
    return text


def _drawn(timestamp: object, nonce: object) -> tuple[str, str]:
    if timestamp is None:
        timestamp = int(time.time())
    if isinstance(timestamp, bool) or not isinstance(timestamp, int) or not 0 <= timestamp < 10**10:
        raise ChainError(f"timestamp: expected whole seconds since 1970, found {timestamp!r:.40}")
    return str(timestamp), secrets.token_hex(16).upper() if nonce == "" else _word(nonce, "nonce")


def _returning(url: object, name: str, redirect_url: object) -> str:
    """Source: https://pay.weixin.qq.com/wiki/doc/api/H5.php?chapter=15_4"""
    address = _word(url, name)
    if not _is_http(address):
        raise ChainError(f"{name}: expected the order's http address, found {address[:40]!r}")
    if redirect_url is None:
        return address
    if not isinstance(redirect_url, str) or not redirect_url.isprintable() or not _is_http(redirect_url):
        raise ChainError(f"redirect_url: expected an http address, found {redirect_url!r:.40}")
    if "redirect_url=" in address:
        raise ChainError(f"redirect_url: {name} has one already")
    page, mark, fragment = address.partition("#")
    return f"{page}{'&' if '?' in page else '?'}redirect_url={quote(redirect_url, safe='')}{mark}{fragment}"


def _is_http(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
