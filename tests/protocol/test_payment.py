from __future__ import annotations

import json
import re
import subprocess
import traceback
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.openssl import verified
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.php import Instance
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.protocol.payment import PayParams

APPID, PREPAY = "wx8888888888888888", "wx201410272009395522657a690389285100"
MOMENT, NONCE = 1414561699, "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"
DRAWN: dict[str, Any] = {"timestamp": MOMENT, "nonce": NONCE}
COUPON = {"stock_id": "1212", "out_request_no": "abc123"}


def openssl(command: str, text: str) -> str:
    """The last word of what ``openssl dgst`` prints, in upper case."""
    words = ["openssl", *command.split()]
    done = subprocess.run(words, input=text.encode(), capture_output=True, check=True)
    return done.stdout.decode().split()[-1].upper()


def md5(text: str, secret: str) -> str:
    return openssl("dgst -md5", f"{text}&key={secret}")


def hmac(text: str, secret: str) -> str:
    return openssl(f"dgst -sha256 -hmac {secret}", f"{text}&key={secret}")


def test_jsapi_is_what_the_bridge_takes(gateway: Sandbox, wxpay: Wechatpay, instance: Instance) -> None:
    """Names and case of getBrandWCPayRequest; openssl verifies the four lines of the documentation."""
    text = f"{APPID}\n{MOMENT}\n{NONCE}\nprepay_id={PREPAY}\n"
    for client in (wxpay, instance):
        params = client.pay_params.jsapi(APPID, PREPAY, **DRAWN)
        signature = params.pop("paySign")
        assert list(params.items()) == [
            ("appId", APPID),
            ("timeStamp", str(MOMENT)),
            ("nonceStr", NONCE),
            ("package", f"prepay_id={PREPAY}"),
            ("signType", "RSA"),
        ]
        assert verified(text.encode(), signature, gateway.identity.merchant_key.public_key())


def test_miniprogram_is_what_request_payment_takes(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The same without appId, which is signed all the same."""
    params = wxpay.pay_params.miniprogram(APPID, PREPAY, **DRAWN)
    assert list(params) == ["timeStamp", "nonceStr", "package", "signType", "paySign"]
    text = f"{APPID}\n{MOMENT}\n{NONCE}\nprepay_id={PREPAY}\n"
    assert verified(text.encode(), params["paySign"], gateway.identity.merchant_key.public_key())


def test_app_is_what_the_sdk_takes(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Lower case, and the bare id is signed."""
    params = wxpay.pay_params.app(APPID, PREPAY, **DRAWN)
    signature = params.pop("sign")
    assert params == {
        "appid": APPID,
        "partnerid": gateway.mchid,
        "prepayid": PREPAY,
        "package": "Sign=WXPay",
        "noncestr": NONCE,
        "timestamp": str(MOMENT),
    }
    text = f"{APPID}\n{MOMENT}\n{NONCE}\n{PREPAY}\n"
    assert verified(text.encode(), signature, gateway.identity.merchant_key.public_key())
    assert wxpay.pay_params.app(APPID, PREPAY, partnerid="1900000109")["partnerid"] == "1900000109"


def test_h5_is_an_address(wxpay: Wechatpay) -> None:
    """Untouched without a way back; with one it is a single encoded parameter."""
    url = f"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={PREPAY}&package=2150917749"
    assert wxpay.pay_params.h5(url) == {"h5_url": url}
    back = "https://shop.example/paid?order=1&x=中#done"
    address = wxpay.pay_params.h5(url, back)["h5_url"]
    assert address.startswith(f"{url}&redirect_url=https%3A%2F%2Fshop.example")
    assert parse_qs(urlsplit(address).query)["redirect_url"] == [back]
    assert wxpay.pay_params.h5_v2(url, back) == {"mweb_url": address}


@pytest.mark.parametrize(("sign_type", "sign"), [("MD5", md5), ("HMAC-SHA256", hmac)])
def test_apiv2_signs_what_it_says(gateway: Sandbox, wxpay: Wechatpay, sign_type: str, sign: Any) -> None:
    """openssl makes the same signatures of the sorted fields."""
    options, secret = {**DRAWN, "sign_type": sign_type}, gateway.identity.secret
    text = f"appId={APPID}&nonceStr={NONCE}&package=prepay_id={PREPAY}&signType={sign_type}&timeStamp={MOMENT}"
    params = wxpay.pay_params.jsapi_v2(APPID, PREPAY, **options)
    assert list(params) == ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"]
    assert params["paySign"] == sign(text, secret)
    mini = wxpay.pay_params.miniprogram_v2(APPID, PREPAY, **options)
    assert mini == {name: value for name, value in params.items() if name != "appId"}
    app = wxpay.pay_params.app_v2(APPID, PREPAY, **options)
    text = f"appid={APPID}&noncestr={NONCE}&package=Sign=WXPay&partnerid={gateway.mchid}&prepayid={PREPAY}"
    assert app.pop("sign") == sign(f"{text}&timestamp={MOMENT}", secret)
    assert list(app) == ["appid", "partnerid", "prepayid", "package", "noncestr", "timestamp"]


def test_time_and_nonce_are_drawn_anew(wxpay: Wechatpay) -> None:
    """Ten digits of seconds, and 32 characters that never come twice."""
    drawn = [wxpay.pay_params.jsapi(APPID, PREPAY) for _ in range(5)]
    assert len({params["nonceStr"] for params in drawn}) == 5
    assert all(re.fullmatch("[0-9A-F]{32}", params["nonceStr"]) for params in drawn)
    assert all(re.fullmatch("[0-9]{10}", params["timeStamp"]) for params in drawn)


def test_the_coupon_plug_in_takes_a_list_and_its_signature(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The names are numbered where they are signed, and the raw values are."""
    second = {**COUPON, "coupon_code": "C1", "customize_send_time": "2015-05-20T13:29:35+08:00"}
    params = wxpay.pay_params.busifavor.miniprogram([COUPON, second])
    text = (
        "coupon_code1=C1&customize_send_time1=2015-05-20T13:29:35+08:00&out_request_no0=abc123&out_request_no1=abc123"
        f"&send_coupon_merchant={gateway.mchid}&stock_id0=1212&stock_id1=1212"
    )
    assert params == {
        "send_coupon_params": [COUPON, second],
        "sign": hmac(text, gateway.identity.secret),
        "send_coupon_merchant": gateway.mchid,
    }


def test_the_coupon_page_is_an_address(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """With the fragment without which WeChat refuses it."""
    url = wxpay.pay_params.busifavor.h5(COUPON, "oUpF8uMuAJ", send_coupon_merchant="10016226")["url"]
    parts = urlsplit(url)
    text = "open_id=oUpF8uMuAJ&out_request_no=abc123&send_coupon_merchant=10016226&stock_id=1212"
    assert (parts.netloc, parts.path) == ("action.weixin.qq.com", "/busifavor/getcouponinfo")
    assert parts.fragment == "wechat_pay&wechat_redirect"
    query = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()}
    assert query.pop("sign") == hmac(text, gateway.identity.secret)
    assert query == {**COUPON, "send_coupon_merchant": "10016226", "open_id": "oUpF8uMuAJ"}


def test_coupon_cards_carry_one_signature(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """wx.addCard: the first card's extension has merchant and signature, each has its own number."""
    cards = wxpay.pay_params.busifavor.jsapi([COUPON, {**COUPON, "out_request_no": "x"}])["cardList"]
    text = (
        f"out_request_no0=abc123&out_request_no1=x&send_coupon_merchant={gateway.mchid}&stock_id0=1212&stock_id1=1212"
    )
    assert [card["cardId"] for card in cards] == ["1212", "1212"]
    assert [json.loads(card["cardExt"]) for card in cards] == [
        {
            "out_request_no": "abc123",
            "send_coupon_merchant": gateway.mchid,
            "sign": hmac(text, gateway.identity.secret),
        },
        {"out_request_no": "x"},
    ]


WRONG: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("jsapi", (None, PREPAY), {}, "appid: expected ASCII text without white space, found nothing"),
    ("jsapi", ("wx\n1", PREPAY), {}, "appid: "),
    ("jsapi", ("中", PREPAY), {}, "appid: "),
    ("jsapi", (1, PREPAY), {}, "appid: "),
    ("jsapi", (" ", PREPAY), {}, "appid: expected ASCII text without white space, found ' '"),
    ("app", (f" {APPID}", PREPAY), {}, "appid: expected ASCII text without white space"),
    ("jsapi_v2", (APPID, f"{PREPAY} "), {}, "prepay_id: expected ASCII text without white space"),
    ("miniprogram", (APPID, None), {}, "prepay_id: "),
    ("miniprogram", (APPID, ""), {}, "prepay_id: "),
    ("app", (APPID, f"prepay_id={PREPAY}"), {}, "prepay_id: expected the id alone"),
    ("app", (APPID, PREPAY), {"partnerid": 5}, "partnerid: "),
    ("jsapi", (APPID, PREPAY), {"timestamp": "1"}, "timestamp: expected whole seconds"),
    ("jsapi", (APPID, PREPAY), {"timestamp": 1.5}, "timestamp: "),
    ("jsapi", (APPID, PREPAY), {"timestamp": 1414561699000}, "timestamp: "),
    ("jsapi", (APPID, PREPAY), {"nonce": "a\n"}, "nonce: "),
    ("jsapi_v2", (APPID, PREPAY), {"sign_type": "RSA"}, "sign_type: expected MD5 or HMAC-SHA256, found 'RSA'$"),
    ("app_v2", (APPID, PREPAY), {"sign_type": None}, "sign_type: "),
    ("h5", (None,), {}, "h5_url: "),
    ("h5", ("weixin://x",), {}, "h5_url: expected the order's http address"),
    ("h5", ("https://",), {}, "h5_url: expected the order's http address"),
    ("h5", ("https://[",), {}, "h5_url: expected the order's http address"),
    ("h5", ("https://a b/",), {}, "h5_url: expected ASCII text without white space"),
    ("h5", ("https://a/?b", "https://"), {}, "redirect_url: expected an http address"),
    ("h5", ("https://a/?b", "https://\ud800"), {}, "redirect_url: expected an http address"),
    ("h5", ("https://a/?b", "https://c\n"), {}, "redirect_url: expected an http address"),
    ("h5", ("https://a/?redirect_url=b", "https://c"), {}, "redirect_url: h5_url has one already"),
    ("h5", ("https://a/?b", "/paid"), {}, "redirect_url: expected an http address"),
    ("h5_v2", ("https://a/?b", 5), {}, "redirect_url: "),
    ("busifavor.miniprogram", ([],), {}, "coupons: expected a list of 1 to 10, found 0"),
    ("busifavor.miniprogram", ([COUPON] * 11,), {}, "found 11"),
    ("busifavor.miniprogram", (COUPON,), {}, "coupons: expected a list"),
    ("busifavor.jsapi", (["x"],), {}, r"coupons\[0\]: expected a mapping"),
    ("busifavor.jsapi", ([{"stock_id": "1"}],), {}, r"coupons\[0\].out_request_no: expected text"),
    ("busifavor.jsapi", ([{**COUPON, "stockId": "1"}],), {}, "stockId is none of"),
    ("busifavor.h5", (COUPON, None), {}, "open_id: expected text of one line, found nothing$"),
    ("busifavor.h5", ({**COUPON, "coupon_code": 5}, "o"), {}, "coupon.coupon_code: .*, found int$"),
    ("busifavor.h5", ({**COUPON, "stock_id": "a\nb"}, "o"), {}, r"coupon.stock_id: .* one line, found 'a\\nb'$"),
    ("busifavor.h5", ({**COUPON, "stock_id": 0}, "o"), {}, "coupon.stock_id: .*, found int$"),
]


@pytest.mark.parametrize(("name", "args", "options", "words"), WRONG)
def test_what_cannot_be_right_is_refused(
    wxpay: Wechatpay, name: str, args: tuple[Any, ...], options: dict[str, Any], words: str
) -> None:
    """ChainError names the argument; nothing wrong is signed."""
    method: Any = wxpay.pay_params
    for part in name.split("."):
        method = getattr(method, part)
    with pytest.raises(errors.ChainError, match=words):
        method(*args, **options)


@pytest.mark.parametrize("sender", ["\ud800", 5, ["x"], 0, "a\n", "a&key=b", "é", "１", "1 "])
@pytest.mark.parametrize("name", ["miniprogram", "jsapi", "h5"])
def test_whoever_sends_a_coupon_is_a_number(gateway: Sandbox, wxpay: Wechatpay, name: str, sender: Any) -> None:
    """What else would be signed is refused by name, and no frame of the error holds the key."""
    coupon = {"miniprogram": ([COUPON],), "jsapi": ([COUPON],), "h5": (COUPON, "o")}[name]
    with pytest.raises(errors.ChainError, match=r"^send_coupon_merchant: expected a merchant's number") as caught:
        getattr(wxpay.pay_params.busifavor, name)(*coupon, send_coupon_merchant=sender)
    seen = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in seen.stack if "wechatpay_chain" in frame.filename]
    assert ours
    assert gateway.identity.secret not in "".join(f"{frame.locals}" for frame in ours)


def test_a_brand_names_who_sends_a_coupon() -> None:
    """It has no merchant's number of its own, and none is signed in its place."""
    busifavor = PayParams(Merchant(mchid="", brand_id="1234", secret="of APIv2")).busifavor
    assert repr(busifavor) == "<BusiFavor of 1234>"
    with pytest.raises(
        errors.ChainError, match="send_coupon_merchant: expected a merchant's number as digits, found n"
    ):
        busifavor.miniprogram([COUPON])
    assert busifavor.miniprogram([COUPON], send_coupon_merchant="1")["send_coupon_merchant"] == "1"


def test_a_fragment_stays_behind_where_to_return_to(wxpay: Wechatpay) -> None:
    """A browser sends nothing that stands behind it."""
    page = wxpay.pay_params.h5("https://wx.tenpay.com/x?a=1#top", "https://shop.example/完成?a=b")["h5_url"]
    parts = urlsplit(page)
    assert (parts.fragment, parse_qs(parts.query)["redirect_url"]) == ("top", ["https://shop.example/完成?a=b"])


def test_the_key_that_signs_is_named_when_it_is_missing(gateway: Sandbox) -> None:
    """Each protocol needs its own."""
    with gateway.client(serial=None, private_key=None, secret=None) as wxpay:
        with pytest.raises(errors.ConfigError, match="serial, private_key: missing"):
            wxpay.pay_params.jsapi(APPID, PREPAY)
        with pytest.raises(errors.ConfigError, match="secret: missing"):
            wxpay.pay_params.jsapi_v2(APPID, PREPAY)
        with pytest.raises(errors.ConfigError, match="secret: missing"):
            wxpay.pay_params.busifavor.h5(COUPON, "o")
        assert gateway.mchid in repr(wxpay.pay_params)
        assert gateway.mchid in repr(wxpay.pay_params.busifavor)
