"""The gateway's own checks: their order, WeChat Pay's texts, and what the sandbox adds to them."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.answers import another_key
from tests.sandbox.by_hand import CERTIFICATES, NATIVE, SCHEME, Answer, authorization, order, request, send
from wechatpay_chain import Sandbox, errors

REFUNDS = "/v3/refund/domestic/refunds/x1"
MALFORMED = "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"


def told(gateway: Sandbox, target: str = CERTIFICATES, **changes: Any) -> Answer:
    """The answer to a signed GET after changes."""
    return send(gateway, request(gateway, "GET", target, **changes))


@pytest.mark.parametrize("name", ["Accept", "User-Agent"])
@pytest.mark.parametrize("target", [CERTIFICATES, REFUNDS])
def test_accept_and_user_agent_come_before_the_signature(gateway: Sandbox, name: str, target: str) -> None:
    """400 without them, signed rightly or not."""
    for value in (None, ""):
        for signature in ("AAAA", None):
            changes = {"signature": signature} if signature else {}
            answer = told(gateway, target, headers={name: value}, **changes)
            assert (answer.status, answer.told["code"]) == (400, "INVALID_REQUEST")
            assert answer.told["message"].startswith("Http头缺少Accept或User-Agent")
            assert name in answer.told["detail"]["sandbox"]["cause"]


def test_transactions_look_at_the_signature_first(gateway: Sandbox) -> None:
    """401 there, and 400 only once the signature holds."""
    target = "/v3/pay/transactions/id/1?mchid=1"
    bare: dict[str, str | None] = {"Accept": None, "User-Agent": None}
    assert told(gateway, target, headers=bare, signature="AAAA").status == 401
    assert told(gateway, target, headers=bare).status == 400


@pytest.mark.parametrize("language", ["*", "de", "zh-CN,zh;q=0.9"])
def test_other_languages_are_406(gateway: Sandbox, language: str) -> None:
    """node's fetch() sends ``*`` by itself."""
    answer = told(gateway, headers={"Accept-Language": language})
    assert (answer.status, answer.told["code"]) == (406, "PARAM_ERROR")
    assert answer.told["message"].startswith("传入了不支持的 Accept-Language")


@pytest.mark.parametrize("language", ["en", "zh-CN", "zh-HK", "zh-TW", ""])
def test_four_languages_are_known(gateway: Sandbox, language: str) -> None:
    """These, as they are spelled here."""
    assert told(gateway, headers={"Accept-Language": language}).status == 200


FORMS: dict[str, tuple[Any, str]] = {
    "absent": (None, "missing"),
    "empty": ("", "missing"),
    "bearer": ("Bearer abc", "the scheme is 'Bearer'"),
    "basic": ("Basic dTpw", "the scheme is 'Basic'"),
    "scheme alone": (SCHEME, "double quotes"),
    "single quotes": (lambda text: text.replace('"', "'"), "double quotes"),
    "no quotes": (lambda text: text.replace('"', ""), "double quotes"),
    "spaces after commas": (lambda text: text.replace(",", ", "), "space"),
    "two spaces": (lambda text: text.replace(" ", "  ", 1), "space"),
    "a line break": (lambda text: text.replace('",', '",\r\n '), "line break"),
    "another name": (lambda text: text.replace("nonce_str", "nonce"), "missing nonce_str; not known nonce"),
    "twice": (lambda text: text.replace("mchid=", 'mchid="1",mchid='), "each once"),
    "a name too many": (lambda text: text + ',x="y"', "not known x"),
    "an empty value": (lambda text: text.replace(f'nonce_str="{text.split(chr(34))[3]}"', 'nonce_str=""'), "not empty"),
    "a comma at the end": (lambda text: text + ",", "each once"),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("target", [CERTIFICATES, "/v3/pay/transactions/id/1"])
def test_an_authorization_of_another_form_is_refused(gateway: Sandbox, name: str, target: str) -> None:
    """401, with what is wrong about it; transactions have a text of their own and no Request-ID."""
    change, cause = FORMS[name]
    value = change(authorization(gateway, "GET", target)) if callable(change) else change
    answer = told(gateway, target, headers={"Authorization": value})
    is_transaction = target != CERTIFICATES
    assert (answer.status, answer.told["code"]) == (401, "SIGN_ERROR")
    assert answer.told["message"].startswith("签名信息错误，验签失败" if is_transaction else MALFORMED)
    assert cause in answer.told["detail"]["sandbox"]["cause"]
    assert ("Request-ID" in answer.headers) != is_transaction
    assert "Wechatpay-Signature" not in answer.headers


def test_another_scheme_is_told(gateway: Sandbox) -> None:
    """When its form is right."""
    value = authorization(gateway, "GET", CERTIFICATES).replace(SCHEME, "WECHATPAY2-SM2-WITH-SM3")
    answer = told(gateway, headers={"Authorization": value})
    assert answer.status == 401
    assert answer.told["message"].startswith("Http头Authorization认证类型不正确")


TIMES: dict[str, tuple[Any, str]] = {
    "long ago": (1, "behind this machine's clock"),
    "six minutes ahead": (lambda now: now + 360, " s ahead of"),
    "milliseconds": (lambda now: now * 1000, "milliseconds"),
    "Beijing's clock as UTC": (lambda now: now + 8 * 3600, "+8 hours off"),
    "text": ("now", "expected seconds"),
    "a fraction": (lambda now: f"{now}.5", "expected seconds"),
    "too many digits": ("9" * 5000, "expected seconds"),
    "negative": ("-1", "expected seconds"),
    "Arabic digits": ("١٧", "expected seconds"),
}


@pytest.mark.parametrize("name", TIMES)
def test_the_time_comes_before_the_signature(gateway: Sandbox, name: str) -> None:
    """More than five minutes off, or no time at all."""
    change, cause = TIMES[name]
    timestamp = change(int(time.time())) if callable(change) else change
    answer = told(gateway, timestamp=timestamp, signature="AAAA")
    assert (answer.status, answer.told["code"]) == (401, "SIGN_ERROR")
    assert answer.told["message"].startswith("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
    assert answer.told["detail"]["sandbox"]["differs"] == "time"
    assert cause in answer.told["detail"]["sandbox"]["cause"]


def _signed(gateway: Sandbox, **fields: Any) -> Any:
    """A right signature beside other fields."""
    answer = told(gateway, **fields)
    assert (answer.status, answer.told["code"]) == (401, "SIGN_ERROR")
    return answer


def test_another_merchant_gets_no_information(gateway: Sandbox) -> None:
    """A number that is not known: the text that was built is not told."""
    for mchid, cause in (
        ("1900000001", "key and serial_no are those of"),
        ("wxd678efh567hg6787", "appid"),
    ):
        answer = _signed(gateway, mchid=mchid)
        assert answer.told["message"].startswith("签名错误")
        assert answer.told["detail"].keys() == {"sandbox"}
        sandbox = answer.told["detail"]["sandbox"]
        assert (sandbox["differs"], sandbox["expected"], sandbox["signed"]) == ("mchid", gateway.mchid, mchid)
        assert cause in sandbox["cause"]
    answer = _signed(gateway, mchid="1900000001", serial_no="AB", key=another_key())
    assert "is not known here" in answer.told["detail"]["sandbox"]["cause"]


def test_another_serial_is_told_apart(gateway: Sandbox) -> None:
    """Spelled otherwise, of WeChat Pay's keys, of another sandbox, of nobody."""
    identity = gateway.identity
    colons = ":".join(identity.serial[at : at + 2] for at in range(0, 40, 2))
    for serial, cause in (
        (identity.serial.lower(), "form"),
        (colons, "form"),
        (f"0x{identity.serial}", "form"),
        (str(int(identity.serial, 16)), "decimal"),
        (identity.public_key_id, "WeChat Pay's key"),
        (identity.certificate_serial, "WeChat Pay's key"),
        ("AB" * 20, "only serial_no is another"),
    ):
        answer = _signed(gateway, serial_no=serial)
        assert answer.told["message"].startswith("商户证书序列号有误。请使用签名私钥匹配的证书序列号")
        assert answer.headers["Request-ID"].endswith("-269546507")
        assert answer.told["detail"]["sandbox"]["differs"] == "serial"
        assert cause in answer.told["detail"]["sandbox"]["cause"]
        assert answer.told["detail"]["sign_information"]["url"] == CERTIFICATES
    answer = _signed(gateway, serial_no="AB" * 20, key=another_key())
    assert "no certificate of this merchant" in answer.told["detail"]["sandbox"]["cause"]


def test_a_merchant_of_another_sandbox_is_told_so(gateway: Sandbox) -> None:
    """The commonest mistake with two sandboxes: the keys of one, the address of the other."""
    with Sandbox() as other:
        for mchid in (other.mchid, gateway.mchid):
            answer = told(gateway, mchid=mchid, serial_no=other.identity.serial, key=other.identity.merchant_key)
            assert answer.status == 401
            assert "belongs to another sandbox" in answer.told["detail"]["sandbox"]["cause"]
            assert "该商户属于另一个沙箱" in answer.told["message"]
        with other.client(base_url=gateway.base_url) as wxpay, pytest.raises(errors.SignError, match="另一个沙箱"):
            wxpay.v3.certificates.get()


def test_a_wrong_signature_has_the_shape_of_captured_answers(gateway: Sandbox) -> None:
    """The five lines, the body cut after eight characters, and the length of the whole text."""
    body = order(gateway, "shape0001")
    answer = send(gateway, request(gateway, "POST", NATIVE, body, key=another_key(), nonce_str="N0"))
    assert answer.status == 401
    assert "Request-ID" not in answer.headers
    assert "Wechatpay-Signature" not in answer.headers
    assert answer.told["code"] == "SIGN_ERROR"
    assert answer.told["message"].startswith("签名错误")
    detail = answer.told["detail"]
    information = detail["sign_information"]
    assert (detail["field"], detail["location"], detail["detail"]) == (
        "signature",
        "authorization",
        {"issue": "sign not match"},
    )
    lines = information["truncated_sign_message"].split("\n")
    assert (lines[0], lines[1], lines[3], lines[4:]) == ("POST", NATIVE, "N0", ['{"appid"', ""])
    assert information["sign_message_length"] == len(f"POST\n{NATIVE}\n{lines[2]}\nN0\n".encode()) + len(body) + 1
    assert (information["method"], information["url"]) == ("POST", NATIVE)
    empty = told(gateway, key=another_key())
    assert empty.told["detail"]["sign_information"]["truncated_sign_message"].endswith("\n\n")
    assert empty.headers["Request-ID"].endswith("-268443699")


def test_the_body_names_the_merchant_that_signs(gateway: Sandbox) -> None:
    """400 after the signature, so it is signed."""
    body = order(gateway, "other0001", mchid="1900000001")
    answer = send(gateway, request(gateway, "POST", NATIVE, body))
    assert (answer.status, answer.told["code"]) == (400, "PARAM_ERROR")
    assert answer.told["message"].startswith("http header中的mchid与post payload中的mchid不匹配")
    assert "Wechatpay-Signature" in answer.headers
    fields = {"combine_mchid": "1900000001"}
    answer = send(gateway, request(gateway, "POST", "/v3/combine-transactions/jsapi", json.dumps(fields).encode()))
    assert answer.told["detail"]["field"] == "/combine_mchid"


def test_an_xml_body_without_authorization_is_apiv2s(gateway: Sandbox) -> None:
    """The envelope of the one on a path of the other."""
    body = b"<xml><mch_id>1</mch_id></xml>"
    answer = send(gateway, request(gateway, "POST", NATIVE, body, headers={"Authorization": None}))
    assert answer.status == 401
    assert "APIv2" in answer.told["detail"]["sandbox"]["cause"]


KEYS: dict[str, tuple[Any, str]] = {
    "PSS": (
        lambda text, key: key.sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()),
        "RSA-PSS",
    ),
    "SHA-1": (lambda text, key: key.sign(text, padding.PKCS1v15(), hashes.SHA1()), "over sha1"),
    "SHA-512": (lambda text, key: key.sign(text, padding.PKCS1v15(), hashes.SHA512()), "over sha512"),
}


@pytest.mark.parametrize("name", KEYS)
def test_another_algorithm_is_told(gateway: Sandbox, name: str) -> None:
    """By what the signature itself holds."""
    make, cause = KEYS[name]
    now, key = str(int(time.time())), gateway.identity.merchant_key
    signature = base64.b64encode(make(f"GET\n{CERTIFICATES}\n{now}\nN\n\n".encode(), key)).decode()
    answer = told(gateway, signature=signature, timestamp=now, nonce_str="N")
    assert (answer.status, answer.told["detail"]["sandbox"]["differs"]) == (401, "key")
    assert cause in answer.told["detail"]["sandbox"]["cause"]


SPELLED: dict[str, tuple[Any, str]] = {
    "hexadecimal": (lambda text: base64.b64decode(text).hex(), "hexadecimal"),
    "URL-safe": (lambda text: f"-_{text[2:]}", "URL-safe"),
    "percent-encoded": (lambda text: text.replace("=", "%3D"), "percent-encoded"),
    "an MD5": (lambda text: "0123456789ABCDEF" * 2, "APIv2"),
    "an HMAC": (lambda text: "0123456789ABCDEF" * 4, "APIv2"),
    "cut": (lambda text: text[:-5], "no base64"),
    "text": (lambda text: "signature", "no base64"),
    "short": (lambda text: "AAAA", "24 bits"),
}


@pytest.mark.parametrize("name", SPELLED)
def test_a_signature_that_is_spelled_otherwise_is_told(gateway: Sandbox, name: str) -> None:
    """Its text is looked at before what is in it."""
    change, cause = SPELLED[name]
    signature = authorization(gateway, "GET", CERTIFICATES).split('signature="')[1].rstrip('"')
    answer = told(gateway, signature=change(signature))
    assert cause in answer.told["detail"]["sandbox"]["cause"]


def test_whose_key_signed_is_told(gateway: Sandbox) -> None:
    """A stranger's, and those of WeChat Pay that the sandbox gives away."""
    for key, cause in (
        (another_key(), "another private key"),
        (gateway.identity.public_key, "WeChat Pay's public key signed"),
        (gateway.identity.certificate_key, "the platform certificate signed"),
    ):
        sandbox = told(gateway, key=key).told["detail"]["sandbox"]
        assert sandbox["differs"] == "key"
        assert cause in sandbox["cause"]
