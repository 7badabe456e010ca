"""What a wrong sign of APIv2 teaches: each usual mistake is made by hand, and has to be found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from urllib.parse import quote

import pytest
import requests

from wechatpay_chain import Sandbox

Fields = dict[str, str]


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest().upper()


def joined(fields: Fields, kept: Callable[[str], bool] = bool) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if kept(value))


MISTAKES: dict[str, tuple[Callable[[Fields, Sandbox], str], str]] = {
    "no sign": (lambda fields, gateway: "", "缺少sign"),
    "another length": (lambda fields, gateway: "AB", "长度为2"),
    "an RSA signature": (lambda fields, gateway: "A" * 344, "APIv3的签名"),
    "lower case": (lambda fields, gateway: md5(f"{joined(fields)}&key={gateway.identity.secret}").lower(), "大写"),
    "the APIv3 key": (lambda fields, gateway: md5(f"{joined(fields)}&key={gateway.identity.apiv3_key}"), "APIv3密钥"),
    "no key": (lambda fields, gateway: md5(joined(fields)), "没有拼接密钥"),
    "no &key=": (lambda fields, gateway: md5(joined(fields) + gateway.identity.secret), "缺少“&key=”"),
    "empty values": (
        lambda fields, gateway: md5(f"{joined(fields, lambda _: True)}&key={gateway.identity.secret}"),
        "空值字段参与了签名",
    ),
    "no order": (
        lambda fields, gateway: md5(
            "&".join(f"{name}={value}" for name, value in fields.items() if value) + f"&key={gateway.identity.secret}"
        ),
        "没有按名称排序",
    ),
    "percent-encoded": (
        lambda fields, gateway: md5(
            "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(fields.items()) if value)
            + f"&key={gateway.identity.secret}"
        ),
        "URL编码",
    ),
    "a field less": (
        lambda fields, gateway: md5(
            joined({name: value for name, value in fields.items() if name != "body"})
            + f"&key={gateway.identity.secret}"
        ),
        "字段body没有参与签名",
    ),
    "SHA-256 for HMAC": (
        lambda fields, gateway: (
            hashlib.sha256(f"{joined(fields)}&key={gateway.identity.secret}".encode()).hexdigest().upper()
        ),
        "应为HMAC-SHA256",
    ),
    "something else": (lambda fields, gateway: md5("x"), "应签文本为 appid=wx1&"),
}


def told(gateway: Sandbox, fields: Fields) -> str:
    """The message of the answer to an order."""
    elements = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
    with requests.Session() as session:
        url = f"{gateway.base_url}/pay/unifiedorder"
        answer = session.post(url, data=f"<xml>{elements}</xml>".encode(), timeout=10)
    message = answer.content.decode()
    assert "FAIL" in message
    return message


def order(gateway: Sandbox) -> Fields:
    return {
        "mch_id": gateway.mchid,
        "appid": "wx1",
        "body": "书 & a/b",
        "attach": "",
        "nonce_str": "N",
        "out_trade_no": "v2000001",
    }


@pytest.mark.parametrize("name", MISTAKES)
def test_the_mistake_in_a_sign_is_told(gateway: Sandbox, name: str) -> None:
    """``return_msg`` begins with WeChat Pay's text and says what was found."""
    make, cause = MISTAKES[name]
    fields = order(gateway)
    message = told(gateway, {**fields, "sign": make(fields, gateway)})
    assert "签名错误（沙箱：" in message
    english = gateway.requests[-1].cause.replace(fields["body"], "")
    assert (english.isascii(), len(english) > 10) == (True, True), english
    assert gateway.identity.secret not in english
    assert cause in message
    assert gateway.identity.secret not in message
    assert gateway.identity.apiv3_key not in message


def test_a_sign_type_that_the_sign_is_not_is_told(gateway: Sandbox) -> None:
    """MD5 where HMAC-SHA256 is announced."""
    fields = {**order(gateway), "sign_type": "HMAC-SHA256"}
    message = told(gateway, {**fields, "sign": md5(f"{joined(fields)}&key={gateway.identity.secret}")})
    assert "sign_type为HMAC-SHA256，而sign是MD5" in message


def test_another_merchants_number_is_told(gateway: Sandbox) -> None:
    """With the one that is known here."""
    fields = {**order(gateway), "mch_id": "1"}
    assert f"本沙箱的商户号为{gateway.mchid}" in told(gateway, {**fields, "sign": md5("x")})
