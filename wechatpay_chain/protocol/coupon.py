"""What a front end needs to hand out merchant coupons (商家券): the HMAC-SHA256 forms under the APIv2 key.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012285674 (the mini program's plug-in),
https://pay.weixin.qq.com/docs/merchant/apis/offer-coupons-by-h5/h5-coupon.html (the H5 page),
https://developers.weixin.qq.com/community/pay/doc/0002aeac904cc8ab4fac9f6db5e400 (JSAPI).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from wechatpay_chain.crypto import digest
from wechatpay_chain.errors import ChainError, ConfigError
from wechatpay_chain.protocol.merchant import Holder, Merchant
from wechatpay_chain.protocol.v2 import text_of

__all__ = ["BusiFavor"]

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
            "sign": self._signed_list(checked, merchant),
            "send_coupon_merchant": merchant,
        }

    def jsapi(self, coupons: Sequence[Mapping[str, str]], *, send_coupon_merchant: str = "") -> dict[str, Any]:
        """What ``wx.addCard`` takes in WeChat's browser; the first card carries the signature of all."""
        checked = _coupons(coupons)
        merchant = self._sender(send_coupon_merchant)
        extras = [{name: text for name, text in coupon.items() if name != "stock_id"} for coupon in checked]
        extras[0] |= {"send_coupon_merchant": merchant, "sign": self._signed_list(checked, merchant)}
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
            "open_id": _text(open_id, "open_id"),
        }
        fields["sign"] = self._signed(fields)
        return {"url": f"{_PAGE}?{urlencode(fields)}{_FRAGMENT}"}

    def _sender(self, given: object) -> str:
        number = self._merchant.mchid if given is None or given == "" else given
        if isinstance(number, str) and number.isascii() and number.isdigit():
            return number
        raise ChainError(f"send_coupon_merchant: expected a merchant's number as digits, found {_shown(number)}")

    def _signed_list(self, coupons: list[dict[str, str]], merchant: str) -> str:
        numbered = {f"{name}{number}": text for number, coupon in enumerate(coupons) for name, text in coupon.items()}
        return self._signed({**numbered, "send_coupon_merchant": merchant})

    def _signed(self, fields: Mapping[str, str]) -> str:
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
    return {key: _text(value, f"{name}.{key}") for key, value in {**needed, **given}.items()}


def _text(value: object, name: str) -> str:
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise ChainError(f"{name}: expected text of one line, found {_shown(value)}")


def _shown(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    return f"{value!r:.40}" if isinstance(value, str) else type(value).__name__
