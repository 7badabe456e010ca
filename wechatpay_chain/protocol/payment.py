"""What a front end needs to open WeChat Pay's cashier or to hand out coupons, named as the front ends name it.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012791857 (JSAPI),
https://pay.weixin.qq.com/doc/v3/merchant/4012266109 (mini programs),
https://pay.weixin.qq.com/doc/v3/merchant/4012265144 (apps),
https://pay.weixin.qq.com/wiki/doc/api/wxpay/ch/pay/MiniProgramPay/chapter7_3.shtml and
https://pay.weixin.qq.com/doc/global/v2/zh/4013636475 (APIv2).
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from wechatpay_chain.crypto import digest
from wechatpay_chain.errors import ChainError, ConfigError
from wechatpay_chain.protocol.merchant import Holder, Merchant
from wechatpay_chain.protocol.v2 import text_of

__all__ = [
    "BusiFavor",
    "PayParams",
    "pay_text",
]

_PAGE = "https://action.weixin.qq.com/busifavor/getcouponinfo"
# Without it WeChat refuses the page with 268435461.
_FRAGMENT = "#wechat_pay&wechat_redirect"
_NEEDED = ("stock_id", "out_request_no")
_OPTIONAL = ("coupon_code", "customize_send_time", "create_coupon_merchant")
_MOST = 10


class BusiFavor(Holder):
    """Coupons of one merchant, who hands them out.

    A coupon is a mapping of ``stock_id`` and ``out_request_no``, and where the stock asks for them ``coupon_code``,
    ``customize_send_time`` (RFC 3339) and ``create_coupon_merchant``. ``send_coupon_merchant`` is the merchant's
    number when it is not given; a brand has none.
    All raise ChainError, which names the argument, and ConfigError without the APIv2 key.
    """

    def __init__(self, merchant: Merchant) -> None:
        self._merchant = merchant

    def __repr__(self) -> str:
        return f"<BusiFavor of {self._merchant.identity}>"

    def miniprogram(self, coupons: Sequence[Mapping[str, str]], *, send_coupon_merchant: str = "") -> dict[str, Any]:
        """The attributes of the plug-in's ``<send-coupon>``, for one to ten coupons."""
        checked = _coupons(coupons)
        merchant = self._sender(send_coupon_merchant)
        return {
            "send_coupon_params": checked,
            "sign": self._sign_list(checked, merchant),
            "send_coupon_merchant": merchant,
        }

    def jsapi(self, coupons: Sequence[Mapping[str, str]], *, send_coupon_merchant: str = "") -> dict[str, Any]:
        """What ``wx.addCard`` takes in WeChat's browser; the first card carries the signature of all."""
        checked = _coupons(coupons)
        merchant = self._sender(send_coupon_merchant)
        extras = [{name: text for name, text in coupon.items() if name != "stock_id"} for coupon in checked]
        extras[0] |= {"send_coupon_merchant": merchant, "sign": self._sign_list(checked, merchant)}
        return {
            "cardList": [
                {"cardId": coupon["stock_id"], "cardExt": json.dumps(extra, ensure_ascii=False)}
                for coupon, extra in zip(checked, extras, strict=True)
            ]
        }

    def h5(self, coupon: Mapping[str, str], open_id: str, *, send_coupon_merchant: str = "") -> dict[str, str]:
        """The page that WeChat's browser is sent to, as ``{"url": …}``."""
        fields = {
            **_coupon(coupon, "coupon"),
            "send_coupon_merchant": self._sender(send_coupon_merchant),
            "open_id": _coupon_text(open_id, "open_id"),
        }
        fields["sign"] = self._sign(fields)
        return {"url": f"{_PAGE}?{urlencode(fields)}{_FRAGMENT}"}

    def _sender(self, given: object) -> str:
        number = self._merchant.mchid if given is None or given == "" else given
        if isinstance(number, str) and number.isascii() and number.isdigit():
            return number
        raise ChainError(f"send_coupon_merchant: expected a merchant's number as digits, found {_coupon_shown(number)}")

    def _sign_list(self, coupons: list[dict[str, str]], merchant: str) -> str:
        numbered = {f"{name}{number}": text for number, coupon in enumerate(coupons) for name, text in coupon.items()}
        return self._sign({**numbered, "send_coupon_merchant": merchant})

    def _sign(self, fields: Mapping[str, str]) -> str:
        if not self._merchant.secret:
            raise ConfigError("secret: missing; coupons are signed with the APIv2 key", "secret")
        return digest.sign("HMAC-SHA256", text_of(fields), self._merchant.secret)


def _coupons(coupons: object) -> list[dict[str, str]]:
    if not isinstance(coupons, list | tuple) or not 1 <= len(coupons) <= _MOST:
        found = f"{len(coupons)}" if isinstance(coupons, list | tuple) else type(coupons).__name__
        raise ChainError(f"coupons: expected a list of 1 to {_MOST}, found {found}")
    return [_coupon(coupon, f"coupons[{number}]") for number, coupon in enumerate(coupons)]


def _coupon(coupon: object, name: str) -> dict[str, str]:
    if not isinstance(coupon, Mapping):
        raise ChainError(f"{name}: expected a mapping, found {type(coupon).__name__}")
    unknown = next((key for key in coupon if key not in (*_NEEDED, *_OPTIONAL)), None)
    if unknown is not None:
        raise ChainError(f"{name}: {unknown!s:.40} is none of {', '.join((*_NEEDED, *_OPTIONAL))}")
    given = {key: coupon[key] for key in _OPTIONAL if coupon.get(key) is not None}
    needed = {key: coupon.get(key) for key in _NEEDED}
    return {key: _coupon_text(value, f"{name}.{key}") for key, value in {**needed, **given}.items()}


def _coupon_text(value: object, name: str) -> str:
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise ChainError(f"{name}: expected text of one line, found {_coupon_shown(value)}")


def _coupon_shown(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    return f"{value!r:.40}" if isinstance(value, str) else type(value).__name__


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
        moment, once = _timestamp_and_nonce(timestamp, nonce)
        signature = self._sign(pay_text(_word(appid, "appid"), moment, once, package))
        return {"timeStamp": moment, "nonceStr": once, "package": package, "signType": "RSA", "paySign": signature}

    def app(
        self, appid: str, prepay_id: str, *, partnerid: str = "", timestamp: int | None = None, nonce: str = ""
    ) -> dict[str, str]:
        """What the SDK for apps takes; ``partnerid`` is the merchant's number when it is not given."""
        fields = self._app(appid, prepay_id, partnerid, timestamp, nonce)
        text = pay_text(fields["appid"], fields["timestamp"], fields["noncestr"], fields["prepayid"])
        return {**fields, "sign": self._sign(text)}

    def h5(self, h5_url: str, redirect_url: str | None = None) -> dict[str, str]:
        """The address that a phone's browser opens: ``h5_url`` of the order, with where to return to.

        It is not signed and lives five minutes; the page that opens it has to be the origin that the order named.
        """
        return {"h5_url": _add_redirect(h5_url, "h5_url", redirect_url)}

    def jsapi_v2(
        self, appid: str, prepay_id: str, *, sign_type: str = "MD5", timestamp: int | None = None, nonce: str = ""
    ) -> dict[str, str]:
        """As ``jsapi``."""
        moment, once = _timestamp_and_nonce(timestamp, nonce)
        fields = {
            "appId": _word(appid, "appid"),
            "timeStamp": moment,
            "nonceStr": once,
            "package": _PREFIX + _prepay_id(prepay_id),
            "signType": sign_type,
        }
        return {**fields, "paySign": self._sign_v2(fields, sign_type)}

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
        return {**fields, "sign": self._sign_v2(fields, sign_type)}

    def h5_v2(self, mweb_url: str, redirect_url: str | None = None) -> dict[str, str]:
        """As ``h5``, of an order's ``mweb_url``."""
        return {"mweb_url": _add_redirect(mweb_url, "mweb_url", redirect_url)}

    def _app(self, appid: str, prepay_id: str, partnerid: str, timestamp: int | None, nonce: str) -> dict[str, str]:
        moment, once = _timestamp_and_nonce(timestamp, nonce)
        return {
            "appid": _word(appid, "appid"),
            "partnerid": _word(partnerid or self._merchant.mchid, "partnerid"),
            "prepayid": _prepay_id(prepay_id),
            "package": _SIGN,
            "noncestr": once,
            "timestamp": moment,
        }

    def _sign(self, text: bytes) -> str:
        if self._merchant.private_key is None:
            raise ConfigError("serial, private_key: missing; a paySign needs them", "private_key")
        return self._merchant.scheme.sign(text, self._merchant.private_key)

    def _sign_v2(self, fields: Mapping[str, Any], sign_type: str) -> str:
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


def _timestamp_and_nonce(timestamp: object, nonce: object) -> tuple[str, str]:
    if timestamp is None:
        timestamp = int(time.time())
    if isinstance(timestamp, bool) or not isinstance(timestamp, int) or not 0 <= timestamp < 10**10:
        raise ChainError(f"timestamp: expected whole seconds since 1970, found {timestamp!r:.40}")
    return str(timestamp), secrets.token_hex(16).upper() if nonce == "" else _word(nonce, "nonce")


def _add_redirect(url: object, name: str, redirect_url: object) -> str:
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
