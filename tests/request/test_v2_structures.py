"""Fields of APIv2 that hold structures: the JSON text that WeChat Pay takes, written and signed alike in both faces."""

from __future__ import annotations

import hashlib
import json
from collections import ChainMap, OrderedDict
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.encoding.json_text import field_text
from wechatpay_chain.encoding.style import JS, PHP
from wechatpay_chain.php import Instance
from wechatpay_chain.protocol.xml import from_xml

DETAIL = {"goods_detail": [{"goods_id": "1", "goods_name": "茶 & <b>", "quantity": 1, "price": 1.5 * 100}]}
TEXT = '{"goods_detail":[{"goods_id":"1","goods_name":"茶 & <b>","quantity":1,"price":150}]}'


def fits(fields: dict[str, Any], secret: str) -> bool:
    """The sign by hashlib over what the XML holds."""
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value and name != "sign")
    return bool(fields["sign"] == hashlib.md5(f"{text}&key={secret}".encode()).hexdigest().upper())


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("detail", DETAIL, TEXT),
        ("scene_info", {"store_info": {"id": "1"}}, '{"store_info":{"id":"1"}}'),
        ("receivers", [{"type": "MERCHANT_ID", "amount": 100}], '[{"type":"MERCHANT_ID","amount":100}]'),
        ("receivers", ({"amount": 1},), '[{"amount":1}]'),
        ("detail", {}, "{}"),
        ("detail", [], "[]"),
        ("detail", {"a": None, "b": True, "c": "]]>"}, '{"a":null,"b":true,"c":"]]>"}'),
        ("detail", TEXT, TEXT),
        ("detail", MappingProxyType({"a": 1}), '{"a":1}'),
        ("detail", OrderedDict(a=(1.0,)), '{"a":[1]}'),
        ("detail", ChainMap({"a": 1}), '{"a":1}'),
    ],
)
def test_a_structure_is_json_text(
    gateway: Sandbox, wxpay: Wechatpay, instance: Instance, name: str, value: Any, text: str
) -> None:
    """One request for each face: the field is that text, and the sign fits it."""
    fields = {"mch_id": gateway.mchid, "appid": "wx1", "out_trade_no": "1", name: value}
    for send in (
        lambda: wxpay.v2.pay.orderquery.post(fields),
        lambda: wxpay.v2.pay.orderquery.post(xml=fields),
        lambda: instance.v2.pay.orderquery.post({"xml": fields}),
        lambda: instance.chain("v2/pay/orderquery").postAsync({"xml": fields}).wait(),
    ):
        gateway.reset()
        with pytest.raises(errors.BusinessError, match="ORDERNOTEXIST") as caught:
            send()
        assert caught.value.verified
        (received,) = gateway.requests
        arrived = from_xml(received.body)
        assert arrived[name] == text
        assert json.loads(arrived[name]) == json.loads(text)
        assert fits(arrived, gateway.identity.secret)
        assert not received.verdict


def test_what_spells_itself_keeps_its_text(wxpay: Wechatpay) -> None:
    """As PHP's JsonStringable: its sign is its text."""

    class Own(dict[str, Any]):
        def __str__(self) -> str:
            return "own"

    assert field_text(Own(a=1), "detail", JS) == {"a": 1}


@pytest.mark.parametrize(
    "value",
    [{"a": float("nan")}, {"a": object()}, [b"\xff"], {"a": {1, 2}}, {("a",): 1}],
    ids=["nan", "object", "bytes", "set", "key"],
)
def test_what_json_cannot_hold_is_named(gateway: Sandbox, wxpay: Wechatpay, instance: Instance, value: Any) -> None:
    """And nothing is sent."""
    cycle: list[Any] = []
    cycle.append(cycle)
    for wrong in (value, cycle):
        fields = {"mch_id": gateway.mchid, "detail": wrong}
        for send in (
            lambda f=fields: wxpay.v2.pay.orderquery.post(f),
            lambda f=fields: instance.v2.pay.orderquery.post({"xml": f}),
        ):
            with pytest.raises(errors.ChainError, match=r"^detail: no JSON text can be made of it.*nothing was sent$"):
                send()
    assert not gateway.requests


@pytest.mark.parametrize("character", ["\0", "\x01", "\x08", "\x0b", "\x0c", "\x1f", "\ud83d", "\ufffe", "\uffff"])
@pytest.mark.parametrize("around", ["{}", "<{}>", "a{}b", "]]>{}"])
def test_control_characters_are_refused(
    gateway: Sandbox, wxpay: Wechatpay, instance: Instance, character: str, around: str
) -> None:
    """XML cannot hold them: WeChat Pay would sign something else, or refuse it all. The field is named."""
    fields = {"mch_id": gateway.mchid, "body": around.format(character)}
    for send in (
        lambda: wxpay.v2.pay.orderquery.post(fields),
        lambda: instance.v2.pay.orderquery.post({"xml": fields}),
    ):
        with pytest.raises(
            errors.ChainError, match=r"^(body|xml): .*(XML cannot hold|UTF-8 cannot); nothing was sent$"
        ):
            send()
    assert not gateway.requests


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(st.integers() | st.booleans() | st.none() | st.text(), st.lists, max_leaves=20),
    )
)
def test_any_structure_is_read_back(value: dict[str, Any]) -> None:
    """By whoever reads JSON."""
    for style in (JS, PHP):
        assert json.loads(str(field_text(value, "detail", style))) == value


def test_blanks_that_xml_holds_are_sent(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Tab, line feed and carriage return, and everything beyond."""
    fields = {"mch_id": gateway.mchid, "appid": "wx1", "out_trade_no": "1", "body": "a\tb\nc\rd\x7f\x85é中😀"}
    with pytest.raises(errors.BusinessError, match="ORDERNOTEXIST"):
        wxpay.v2.pay.orderquery.post(fields)
    assert from_xml(gateway.requests[0].body)["body"] == fields["body"]


def test_a_structure_beside_a_file_is_json_text(gateway: Sandbox, wxpay: Wechatpay) -> None:
    upload = wxpay.v2.secapi.mch.uploadmedia
    request: Any = wxpay.prepare(
        upload.post, xml={"mch_id": gateway.mchid, "a": {"b": [1.0]}}, files={"media": ("a.png", b"x")}
    )

    assert b'{"b":[1]}' in [part.content for part in request.body.parts]
