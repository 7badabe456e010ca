"""A signed text of APIv2 has one reading, or it is refused: what was split otherwise on its way is no success."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.test_recordings import DATA
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.protocol import v2
from wechatpay_chain.protocol.v2_fields import KNOWN, check_fields, has_result
from wechatpay_chain.protocol.xml import to_xml
from wechatpay_chain.sandbox.answer import Answer, Received

SECRET = "0123456789abcdef0123456789abcdef"
REFUSED = {
    "appid": "wx1",
    "err_code": "ORDERNOTEXIST",
    "mch_id": "1",
    "nonce_str": "K8264",
    "result_code": "FAIL",
    "return_code": "SUCCESS",
}
PAID = {
    "appid": "wx2421b1c4370ec43b",
    "attach": "uid=1&type=2&oid=3",
    "bank_type": "CFT",
    "cash_fee": "1",
    "mch_id": "1",
    "nonce_str": "5d2b6c2a8db53831f7eda20af46e531c",
    "openid": "o1",
    "out_trade_no": "1409811653",
    "result_code": "SUCCESS",
    "return_code": "SUCCESS",
    "time_end": "20140903131540",
    "total_fee": "1",
    "trade_type": "JSAPI",
    "transaction_id": "1004400740201409030005092168",
}


def signed_operations() -> dict[str, dict[str, Any]]:
    with gzip.open(DATA / "openapi.json.gz", "rt", encoding="utf-8") as file:
        endpoints = json.load(file)["endpoints"]
    found = {}
    for each in endpoints:
        if each["path"].startswith(("/v3", "/hk", "/global")):
            continue
        fields = ((each.get("responses") or {}).get("200") or {}).get("fields") or {}
        if "sign" in fields and not v2.is_unsigned(each["path"]):
            found[each["path"]] = fields
    return found


OPERATIONS = signed_operations()


def text_of(fields: Mapping[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value and name != "sign")


def signed(fields: Mapping[str, str], secret: str = SECRET, kind: str = "MD5") -> dict[str, str]:
    """With the sign that WeChat Pay would make, by hashlib."""
    text = f"{text_of(fields)}&key={secret}".encode()
    made = hashlib.md5(text).hexdigest() if kind == "MD5" else hmac.new(secret.encode(), text, "sha256").hexdigest()
    return {**fields, "sign": made.upper()}


def respelled(fields: Mapping[str, str], name: str) -> dict[str, str]:
    """The same signed text, in which the field before ``name`` has swallowed it."""
    names = sorted(each for each in fields if each != "sign")
    before = names[names.index(name) - 1]
    merged = {**fields, before: f"{fields[before]}&{name}={fields[name]}"}
    del merged[name]
    assert text_of(merged) == text_of(fields)
    return merged


def test_every_operation_that_is_signed_is_known() -> None:
    """Fields and outcomes as the documentation has them."""
    assert len(OPERATIONS) > 90
    names = {re.sub(r"(_\$[nm])+$", "", name) for fields in OPERATIONS.values() for name in fields} - {"sign"}
    assert names <= KNOWN
    assert {path for path in OPERATIONS if not has_result(path)} == {
        path for path, fields in OPERATIONS.items() if "result_code" not in fields
    }


@pytest.mark.parametrize("path", sorted(OPERATIONS))
def test_a_swallowed_field_is_no_success(path: str) -> None:
    """Of every operation, every documented field, by both kinds of signature."""
    protocol = v2.APIv2("1", SECRET)
    documented = [re.sub(r"\$[nm]", "0", name) for name in OPERATIONS[path] if name != "sign"]
    whole = {name: "SUCCESS" if name.endswith("_code") else "x" for name in documented}
    whole |= {"return_code": "SUCCESS"}
    refused = {**whole, "result_code": "FAIL"} if "result_code" in whole else whole
    for kind in ("MD5", "HMAC-SHA256"):
        assert protocol.verify_answer("POST", path, path, 200, {}, to_xml(signed(whole, kind=kind)).encode()).verified
        for name in sorted(refused)[1:]:
            body = to_xml(respelled(signed(refused, kind=kind), name)).encode()
            with pytest.raises(errors.SignatureMismatch, match=r"its value holds|missing|expected SUCCESS or FAIL"):
                protocol.verify_answer("POST", path, path, 200, {}, body)


@pytest.mark.parametrize("lacking", ["return_code", "result_code"])
@pytest.mark.parametrize("path", sorted(OPERATIONS))
def test_a_missing_outcome_is_no_success(path: str, lacking: str) -> None:
    """Where the operation has one; an empty one is none either."""
    fields = {"return_code": "SUCCESS", "result_code": "SUCCESS", "nonce_str": "K"}
    del fields[lacking]
    for given_ in (fields, {**fields, lacking: ""}):
        body = to_xml(signed(given_)).encode()
        if lacking in OPERATIONS[path]:
            with pytest.raises(errors.SignatureMismatch, match=f"^{lacking}: missing"):
                v2.APIv2("1", SECRET).verify_answer("POST", path, path, 200, {}, body)
        else:
            assert v2.APIv2("1", SECRET).verify_answer("POST", path, path, 200, {}, body).verified


@given(
    names=st.lists(st.sampled_from(sorted(KNOWN - {"return_code", "result_code"})), unique=True, max_size=12),
    value=st.text("abcdefghij=&_. 中", max_size=12),
    data=st.data(),
)
def test_whatever_is_respelled_is_refused(names: list[str], value: str, data: st.DataObject) -> None:
    """Any fields, any of them swallowed by those before them: what comes through is what was signed."""
    fields = {**dict.fromkeys(names, f"v{value}"), "return_code": "SUCCESS", "result_code": "SUCCESS"}
    genuine = signed(fields)
    swallowed = data.draw(st.lists(st.sampled_from(sorted(fields)[1:]), unique=True, min_size=1))
    sent: dict[str, str] = dict(genuine)
    for name in sorted(swallowed, reverse=True):
        sent = respelled(sent, name)
    assume(re.search(r"&[a-j_.]+=", value) is None)
    with pytest.raises(errors.SignatureMismatch, match=r"its value holds|missing|expected SUCCESS or FAIL"):
        v2.APIv2("1", SECRET).verify_answer("POST", "/pay/orderquery", "", 200, {}, to_xml(sent).encode())


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"attach": "a=1&b=2"},
        {"attach": "uid=1&openid=o2&out_trade_no=3"},  # both are told, so the text has them once
        {"attach": "&&=&", "nonce_str": "a=b=c"},
        {"attach": "x&product_id=5&status=1"},  # would not stand there in the order of names
        {"mweb_url": "https://wx.tenpay.com/cgi-bin/checkmweb?prepay_id=wx20161215&package=1405458241"},
        {"sign_url": "https://payapp.weixin.qq.com/x?a=1&b=2&sign_type=RSA"},
        {"err_code_des": "a & b", "return_msg": "OK"},
        {"coupon_fee_0": "1", "coupon_id_0": "a&b"},
    ],
)
def test_what_is_only_a_value_comes_through(change: dict[str, str]) -> None:
    """Merchants put query strings into attach, and URLs have parameters."""
    fields = {**PAID, **change}
    proven = v2.APIv2("1", SECRET).verify_answer(
        "POST", "/pay/orderquery", "", 200, {}, to_xml(signed(fields)).encode()
    )
    assert {name: value for name, value in proven.data.items() if name != "sign"} == fields


@pytest.mark.parametrize("name", ["attach", "nonce_str", "zzz", "appid"])
@pytest.mark.parametrize("hidden", ["return_code", "result_code", "total_fee", "trade_state", "cash_fee"])
def test_an_outcome_or_an_amount_hides_in_no_value(name: str, hidden: str) -> None:
    """Wherever it would stand."""
    fields = {**PAID, name: f"x&{hidden}=1"}
    if hidden not in ("return_code", "result_code"):
        fields.pop(hidden, None)
    with pytest.raises(errors.SignatureMismatch, match=f"^{name}: its value holds '&{hidden}='"):
        check_fields(fields)


BODIES = {
    "elements": "<xml>{head}<detail><a>1</a></detail>{sign}</xml>",
    "elements behind text": "<xml>{head}<detail>Array<result_code>FAIL</result_code></detail>{sign}</xml>",
    "twice": "<xml>{head}<detail>1</detail><detail>2</detail>{sign}</xml>",
    "attributes of all": "<xml detail='Array'>{head}{sign}</xml>",
    "no outcome but an attribute": "<xml result_code='SUCCESS'>{head}<detail>Array</detail>{sign}</xml>",
}


@pytest.mark.parametrize("kind", BODIES)
def test_what_is_no_text_is_not_verified(gateway: Sandbox, wxpay: Wechatpay, kind: str) -> None:
    """PHP signs ``Array`` in its place, whatever it holds. One request left for each answer."""
    fields = {"return_code": "SUCCESS", "result_code": "SUCCESS", "detail": "Array"}
    told = signed(fields, gateway.identity.secret)
    head = "".join(f"<{name}>{fields[name]}</{name}>" for name in ("return_code", "result_code"))
    if kind.startswith("no outcome"):
        head = "<return_code>SUCCESS</return_code>"
    body = BODIES[kind].format(head=head, sign=f"<sign>{told['sign']}</sign>").encode()
    gateway.tamper = answering(body)
    with pytest.raises(errors.SignatureMismatch):
        wxpay.v2.pay.orderquery.post({"mch_id": gateway.mchid})
    with pytest.raises(errors.SignatureMismatch):
        wxpay.notification_v2(body)
    assert len(gateway.requests) == 1


def answering(body: bytes) -> Any:
    def tamper(answer: Answer, _: Received) -> None:
        answer.body = body

    return tamper


FORMS = {
    "plain": "<nonce_str>K8264&amp;result_code=FAIL</nonce_str>",
    "cdata": "<nonce_str><![CDATA[K8264&result_code=FAIL]]></nonce_str>",
    "two cdata": "<nonce_str><![CDATA[K8264&result]]><![CDATA[_code=FAIL]]></nonce_str>",
    "references": "<nonce_str>K8264&#38;result&#x5f;code&#61;FAIL</nonce_str>",
    "a comment": "<nonce_str>K8264&amp;result_<!-- -->code=FAIL</nonce_str>",
    "an attribute": "<nonce_str a='1'>K8264&amp;result_code=FAIL</nonce_str>",
    "control characters": "<nonce_str>K8264&amp;res\x01ult_code=FAIL</nonce_str>",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_refusal_is_never_read_as_a_success(gateway: Sandbox, wxpay: Wechatpay, form: str) -> None:
    """However the same text is written in XML, as an answer and as a notice; nothing is sent again."""
    sign = signed(REFUSED, gateway.identity.secret)["sign"]
    others = "".join(f"<{name}>{REFUSED[name]}</{name}>" for name in ("appid", "err_code", "mch_id", "return_code"))
    for extra in ("", "<result_code/>", "<result_code></result_code>", "<xml:result_code>SUCCESS</xml:result_code>"):
        body = f"<xml>{others}{FORMS[form]}{extra}<sign>{sign}</sign></xml>".encode()
        gateway.reset()
        gateway.tamper = answering(body)
        with pytest.raises(errors.SignatureMismatch):
            wxpay.v2.secapi.pay.refund.post({"mch_id": gateway.mchid})
        assert len(gateway.requests) == 1
        with pytest.raises(errors.SignatureMismatch):
            wxpay.notification_v2(body)


def test_a_request_of_ones_own_is_no_answer(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """It is signed with the same key; who sends it back has no outcome to show."""
    order = {"mch_id": gateway.mchid, "appid": "wx1", "out_trade_no": "1", "total_fee": 1}
    request = wxpay.prepare(wxpay.v2.pay.unifiedorder.post, order)
    gateway.tamper = answering(bytes(request.body))
    with pytest.raises(errors.SignatureMismatch, match=r"^return_code: missing"):
        wxpay.v2.pay.unifiedorder.post(order)
    with pytest.raises(errors.SignatureMismatch, match=r"^return_code: missing"):
        wxpay.notification_v2(bytes(request.body))


def test_a_notice_of_a_failed_payment_is_not_respelled(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Its signature holds; its reading does not."""
    failed = signed({**PAID, "result_code": "FAIL"}, gateway.identity.secret)
    assert wxpay.notification_v2(to_xml(failed).encode())["result_code"] == "FAIL"
    for name in sorted(set(failed) - {"appid", "sign"}):
        with pytest.raises(errors.SignatureMismatch, match=r"its value holds|missing|expected SUCCESS or FAIL"):
            wxpay.notification_v2(to_xml(respelled(failed, name)).encode())
    without = {name: value for name, value in PAID.items() if name != "result_code"}
    with pytest.raises(errors.SignatureMismatch, match=r"^result_code: missing"):
        wxpay.notification_v2(to_xml(signed(without, gateway.identity.secret)).encode())
