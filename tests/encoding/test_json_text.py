"""JSON's numbers as JavaScript and PHP write them, in both faces, and text that is JSON already."""

from __future__ import annotations

import json
import math
import warnings
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain import Sandbox, Sealed, Wechatpay, errors
from wechatpay_chain.encoding.json_text import dumps, is_json
from wechatpay_chain.encoding.style import JS, PHP
from wechatpay_chain.php import Instance

# What node's JSON.stringify and PHP's json_encode write.
NUMBERS: list[tuple[float, str, str]] = [
    (1.5 * 100, "150", "150"),
    (150.0, "150", "150"),
    (-150.0, "-150", "-150"),
    (0.0, "0", "0"),
    (-0.0, "0", "-0"),
    (1.0, "1", "1"),
    (0.1, "0.1", "0.1"),
    (0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"),
    (0.29 * 100, "28.999999999999996", "28.999999999999996"),
    (123456789.12, "123456789.12", "123456789.12"),
    (1e15, "1000000000000000", "1000000000000000"),
    (1e16, "10000000000000000", "10000000000000000"),
    (1e20, "100000000000000000000", "1.0e+20"),
    (1e21, "1e+21", "1.0e+21"),
    (1.5e25, "1.5e+25", "1.5e+25"),
    (1e25, "1e+25", "1.0e+25"),
    (0.0001, "0.0001", "0.0001"),
    (0.00001, "0.00001", "1.0e-5"),
    (1e-6, "0.000001", "1.0e-6"),
    (1e-7, "1e-7", "1.0e-7"),
    (-2.5e-7, "-2.5e-7", "-2.5e-7"),
]


@pytest.mark.parametrize(("number", "js", "php"), NUMBERS)
def test_a_number_is_spelled_as_the_language_does(number: float, js: str, php: str) -> None:
    """Alone, in an object, in a list, and beside text that looks like it."""
    for style, text in ((JS, js), (PHP, php)):
        assert dumps(number, style) == text
        assert dumps({"total": number, "a": [number, 1, "1.0", ":1.0"]}, style) == (
            f'{{"total":{text},"a":[{text},1,"1.0",":1.0"]}}'
        )


def test_a_total_leaves_as_whole_fen(gateway: Sandbox, wxpay: Wechatpay, instance: Instance) -> None:
    """Both faces, every way of giving a body, sealed texts and dates beside it: what is signed is what arrives."""
    body: dict[str, Any] = {"amount": {"total": 1.5 * 100, "rates": [2.0, 0.5]}}
    sealed = {**body, "name": Sealed("n")}
    requests = [
        wxpay.prepare(wxpay.v3.x.post, body),
        wxpay.prepare(wxpay.v3.x.post, json=body),
        wxpay.prepare(wxpay.v3.x.post, data=body),
        wxpay.prepare(wxpay.v3.x.put, sealed),
        instance.prepare(instance.v3.x.post, {"json": body}),
        instance.prepare(instance.v3.x.patch, {"json": sealed}),
    ]
    for request in requests:
        assert b'{"amount":{"total":150,"rates":[2,0.5]}' in bytes(request.body)
        assert bytes(request.body).decode() in request.message
    wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post({"notify_url": "https://a.example", "n": 3.0})
    assert gateway.requests[-1].body == b'{"notify_url":"https://a.example","n":3}'


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_any_json_keeps_its_value(payload: Any) -> None:
    """Whatever it is spelled like."""
    for style in (JS, PHP):
        assert json.loads(dumps(payload, style)) == payload


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_whole_number_has_a_point(number: float) -> None:
    """Up to the largest that an integer of WeChat Pay can be."""
    if abs(number) < 2**53 and number == math.floor(number):
        assert dumps({"a": number}, JS) == f'{{"a":{int(number)}}}'


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_json_cannot_hold_raises(gateway: Sandbox, wxpay: Wechatpay, number: float) -> None:
    """As it did, with its place."""
    with pytest.raises(errors.ChainError, match=r"^json: a\.b\[1\] is (nan|-?inf), which JSON cannot hold"):
        wxpay.v3.x.post({"a": {"b": [1.0, number]}})
    assert not gateway.requests


@pytest.mark.parametrize("body", [b"\xff", '{"a":1}'.encode("utf-16"), "{}".encode("utf-32")])
def test_bytes_that_are_no_utf8_are_no_body(gateway: Sandbox, wxpay: Wechatpay, body: bytes) -> None:
    """WeChat Pay reads nothing else."""
    with pytest.raises(errors.ChainError, match=r"^json: the body is bytes; pass text"):
        wxpay.v3.x.post(body)
    assert not gateway.requests


def test_keys_that_are_numbers() -> None:
    """As JavaScript's objects have them."""
    assert dumps({1.0: 1, 2.5: 2, "1.0": 3}, JS) == '{"1":1,"2.5":2,"1.0":3}'


# Text as a body.


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ('{"a":1}', '{"a":1}'),
        ('{ "a" : 1.0 }', '{ "a" : 1.0 }'),
        (' {"a":"中"}\n', '{"a":"中"}'),
        ("[1, 2]", "[1, 2]"),
        ("{}", "{}"),
        ('"text"', '"text"'),
        ("150", "150"),
        ("str/中", '"str/中"'),
        ("{a:1}", '"{a:1}"'),
        ("NaN", '"NaN"'),
        ('{"a":Infinity}', '"{\\"a\\":Infinity}"'),
        ("", '""'),
    ],
)
def test_json_text_is_the_body(gateway: Sandbox, wxpay: Wechatpay, text: str, sent: str) -> None:
    """As the JS SDK has it: other text becomes a JSON string. One request, signed over what arrived."""
    for body in (text, text.encode()) if is_json(text) else (text,):
        gateway.reset()
        request = wxpay.prepare(wxpay.v3.x.post, body)
        assert bytes(request.body).decode() == sent
        assert request.headers["Content-Type"].startswith("application/json")
        with pytest.raises(errors.ApiError):
            wxpay.v3.x.post(body)
        assert [each.body.decode() for each in gateway.requests] == [sent]
        assert not gateway.requests[0].verdict


# A number that is no whole one, where the catalogue knows nothing else.

ORDER = {"description": "d", "out_trade_no": "T2026_1", "notify_url": "https://a.example/1.5"}


class Strange(float):
    """A float that writes itself otherwise, as numpy's do: ``np.float64(150.0)``."""

    def __repr__(self) -> str:
        return f"Strange({float.__repr__(self)})"

    __str__ = __repr__

    def __add__(self, other: float) -> Strange:
        return Strange(float(self) + other)


@pytest.mark.parametrize(("number", "js", "php"), NUMBERS)
def test_a_number_of_another_library_is_spelled_alike(number: float, js: str, php: str) -> None:
    for style, text in ((JS, js), (PHP, php)):
        assert dumps({"total": Strange(number)}, style) == f'{{"total":{text}}}'


@pytest.mark.parametrize("total", [Decimal("28.99"), Decimal("0.29"), 0.29 * 100, Strange(0.29)])
def test_every_kind_of_fraction_in_apiv2_is_told(
    gateway: Sandbox, wxpay: Wechatpay, caplog: pytest.LogCaptureFixture, total: Any
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wxpay.prepare(wxpay.v2.pay.unifiedorder.post, {"mch_id": gateway.mchid, "total_fee": Decimal("150.00")})
        assert not caplog.text
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        wxpay.prepare(wxpay.v2.pay.unifiedorder.post, {"mch_id": gateway.mchid, "total_fee": total})
    assert "total_fee: " in caplog.text + "".join(str(each.message) for each in caught)


def test_a_whole_decimal_leaves_as_an_integer(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Databases hand out ``Decimal("150.00")``, and WeChat Pay takes ``150``."""
    fields = {"mch_id": gateway.mchid, "total_fee": Decimal("150.00"), "refund_fee": Decimal("1E+2")}
    body = wxpay.prepare(wxpay.v2.pay.unifiedorder.post, fields).body

    assert b"<total_fee>150</total_fee><refund_fee>100</refund_fee>" in body
    assert str(wxpay.prepare(wxpay.v3.x.get, params={"a": Decimal("150.00"), "b": Decimal("1.50")}).url).endswith(
        "?a=150&b=1.50"
    )


def test_a_fraction_in_text_is_warned_of(wxpay: Wechatpay) -> None:
    for text in ('{"amount":{"total":28.999999999999996}}', b'{"amount":{"total":28.999999999999996}}'):
        for args, options in (((text,), {}), ((), {"data": text})):
            with pytest.warns(UserWarning, match=told(r"amount\.total")):
                wxpay.prepare(wxpay.v3.pay.transactions.native.post, *args, **options)


@pytest.mark.parametrize(
    "text", ['\ufeff{"a":1}', '\ufeff {"a":1}\r\n', b'\xef\xbb\xbf{"a":1}', bytearray(b'\xef\xbb\xbf{"a":1}')]
)
def test_text_of_a_file_that_was_saved_on_windows_is_json(wxpay: Wechatpay, text: Any) -> None:
    """Its byte order mark is no part of it."""
    assert wxpay.prepare(wxpay.v3.x.post, text).body == b'{"a":1}'


def test_a_number_that_python_does_not_write_is_named(wxpay: Wechatpay) -> None:
    with pytest.raises(errors.ChainError, match=r"^json: amount\.total is a number of more than 4300 digits; nothing"):
        wxpay.v3.pay.transactions.native.post({"amount": {"total": 10**5000}})


def told(place: str, text: str = "28.999999999999996") -> str:
    return rf"^{place}: {text} leaves as it is, but WeChat Pay takes a whole number there; round it$"


def test_a_fraction_of_a_fen_is_warned_of(gateway: Sandbox, wxpay: Wechatpay, instance: Instance) -> None:
    """The field is named, in the line of the caller; it leaves all the same, once."""
    body = {**ORDER, "appid": "wx1", "mchid": gateway.mchid, "amount": {"total": 0.29 * 100}}
    detail = {**body, "amount": {"total": 1}, "detail": {"goods_detail": [{"quantity": 1}, {"unit_price": 4.35 * 100}]}}
    native, php = wxpay.v3.pay.transactions.native, instance.v3.pay.transactions.native
    for call, place in (
        (lambda: native.post(body), told(r"amount\.total")),
        (lambda: native.post(json=body), told(r"amount\.total")),
        (lambda: native.post(data=body), told(r"amount\.total")),
        (lambda: native.post_async(body).wait(), told(r"amount\.total")),
        (lambda: wxpay["v3/pay/transactions/native"].post(body), told(r"amount\.total")),
        (lambda: php.post({"json": body}), told(r"amount\.total")),
        (lambda: native.post(detail), told(r"detail\.goods_detail\[1\]\.unit_price", "434.99999999999994")),
        (lambda: native.post({**body, "attach": Sealed("x")}), told(r"amount\.total")),
    ):
        gateway.reset()
        with pytest.warns(UserWarning, match=place) as caught, suppress(errors.ApiError):
            call()
        assert caught[0].filename == __file__
        assert len(gateway.requests) == 1


def test_a_fraction_of_a_fen_in_apiv2(gateway: Sandbox, wxpay: Wechatpay, instance: Instance) -> None:
    """JavaScript writes all its digits; PHP writes 14, which are 29."""
    fields = {"mch_id": gateway.mchid, "appid": "wx1", "out_trade_no": "1", "total_fee": 0.29 * 100}
    with pytest.warns(UserWarning, match=told("total_fee")), suppress(errors.BusinessError):
        wxpay.v2.pay.unifiedorder.post(fields)
    assert b"<total_fee>28.999999999999996</total_fee>" in gateway.requests[-1].body
    with suppress(errors.BusinessError):
        instance.v2.pay.unifiedorder.post({"xml": fields})
    assert b"<total_fee>29</total_fee>" in gateway.requests[-1].body


def test_another_number_goes_to_the_log(wxpay: Wechatpay, caplog: pytest.LogCaptureFixture) -> None:
    """Yuan in the place of fen, which WeChat Pay will refuse."""
    assert wxpay.prepare(wxpay.v3.pay.transactions.native.post, {"amount": {"total": 0.29}}).body
    assert "amount.total: 0.29 leaves as it is, but WeChat Pay takes a whole number there; round it" in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        {"amount": {"total": 29.0}},
        {"amount": {"total": "0.29"}},
        {"amount": 0.5},
        {"unknown": 0.5},
        {"description": "12:30.5", "amount": {"total": 29}},
        [0.5],
        0.5,
    ],
)
def test_nothing_else_is_warned_of(wxpay: Wechatpay, caplog: pytest.LogCaptureFixture, body: Any) -> None:
    """Warnings are errors in these tests."""
    assert wxpay.prepare(wxpay.v3.pay.transactions.native.post, body).body
    assert wxpay.prepare(wxpay.v3.of.nothing.known.post, body).body
    assert not caplog.text


def test_a_program_without_the_catalogue(gateway: Sandbox, wxpay: Wechatpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only helps replaces no call."""

    def missing(*_: object) -> None:
        raise FileNotFoundError("index.json")

    monkeypatch.setattr("wechatpay_chain.catalog.tree.match", missing)
    assert wxpay.prepare(wxpay.v3.pay.transactions.native.post, {"amount": {"total": 0.5}}).body


class Integer:
    """A whole number of another library, as numpy's int64 is."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __index__(self) -> Any:
        return self.value


@pytest.mark.parametrize(
    ("total", "text"),
    [
        (Decimal("0.29") * 100, "29"),
        (Decimal("150.00"), "150"),
        (Decimal("1E+2"), "100"),
        (Decimal("-0.0"), "0"),
        (Integer(150), "150"),
        (Integer(2**60), "1152921504606846976"),
    ],
)
def test_a_whole_number_of_another_type_is_an_integer(
    wxpay: Wechatpay, instance: Instance, total: Any, text: str
) -> None:
    """Fen that were reckoned without floats."""
    for request in (
        wxpay.prepare(wxpay.v3.x.post, {"a": [{"total": total}], "b": 1.0}),
        instance.prepare(instance.v3.x.post, {"json": {"a": [{"total": total}], "b": 1.0}}),
    ):
        assert request.body == f'{{"a":[{{"total":{text}}}],"b":1}}'.encode()
    for request in (
        wxpay.prepare(wxpay.v3.x.get, params={"a": {"total": total}}),
        instance.prepare(instance.v3.x.get, {"query": {"a": {"total": total}}}),
        wxpay.prepare(wxpay.v2.papay.entrustweb.get, params={"mch_id": wxpay.mchid, "a": {"total": total}}),
    ):
        assert f"a%5Btotal%5D={text}" in str(request.url)
    fields = {"mch_id": wxpay.mchid, "total_fee": total}
    for request in (
        wxpay.prepare(wxpay.v2.pay.unifiedorder.post, fields),
        instance.prepare(instance.v2.pay.unifiedorder.post, {"xml": fields}),
    ):
        assert f"<total_fee>{text}</total_fee>".encode() in request.body
    detail = {"mch_id": wxpay.mchid, "detail": {"goods_detail": [{"price": total, "cost": 1.0}]}}
    for request in (
        wxpay.prepare(wxpay.v2.pay.unifiedorder.post, detail),
        instance.prepare(instance.v2.pay.unifiedorder.post, {"xml": detail}),
    ):
        assert f'{{"goods_detail":[{{"price":{text},"cost":1}}]}}'.encode() in request.body
    sealed = wxpay.prepare(wxpay.v3.x.post, {"total": total, "name": Sealed("x")}).body
    assert sealed.startswith(f'{{"total":{text},"name":"'.encode())


@pytest.mark.parametrize("total", ["0.29", "NaN", "Infinity", "1E+999999999", "1E-999999999"])
def test_any_other_decimal_is_refused_before_anything_is_sent(gateway: Sandbox, wxpay: Wechatpay, total: str) -> None:
    """Soon, whatever its exponent, and with the field's name."""
    with pytest.raises(
        errors.ChainError, match=r"^json: a\.total is .*; round it to a whole number.*nothing was sent$"
    ):
        wxpay.v3.x.post({"a": {"total": Decimal(total)}})
    if total != "0.29":
        with pytest.raises(errors.ChainError, match=r"nothing was sent$"):
            wxpay.v3.x.get(params={"total": Decimal(total)})
        with pytest.raises(errors.ChainError, match=r"^total: expected text.*nothing was sent$"):
            wxpay.v2.pay.orderquery.post({"mch_id": gateway.mchid, "total": Decimal(total)})
    assert not gateway.requests


class Array:
    """What numpy's arrays do where they are compared: they answer with an array, which is neither true nor false."""

    def __ne__(self, other: object) -> Any:
        return self

    __eq__ = __ne__
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")


@pytest.mark.parametrize(
    "total",
    [Array(), Integer("x"), Integer(10**5000), 10**5000],
    ids=["an array", "no integer", "an integer without an end", "a number without an end"],
)
def test_what_has_no_spelling_is_named_in_every_place(gateway: Sandbox, wxpay: Wechatpay, total: Any) -> None:
    for call in (
        lambda: wxpay.v2.pay.orderquery.post({"mch_id": gateway.mchid, "total": total}),
        lambda: wxpay.v2.papay.entrustweb.get(params={"mch_id": gateway.mchid, "total": total}),
        lambda: wxpay.v3.x.get(params={"total": total}),
    ):
        with pytest.raises(errors.ChainError, match=r"(total(:| is) |4300 digits).*nothing was sent$"):
            call()
    assert not gateway.requests


def test_what_gives_no_integer_is_named(wxpay: Wechatpay) -> None:
    with pytest.raises(errors.ChainError, match=r"^json: total is Integer, which gives no whole number; nothing"):
        wxpay.v3.x.post({"total": Integer("x")})
    with pytest.raises(errors.ChainError, match=r"^json: total is a number of more than 4300 digits; nothing"):
        wxpay.v3.x.post({"total": Integer(10**5000)})
