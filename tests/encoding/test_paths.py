from __future__ import annotations

import json
import keyword
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from wechatpay_chain.encoding import paths
from wechatpay_chain.errors import ChainError

PATHS: list[tuple[str, str]] = [
    tuple(row) for row in json.loads((Path(__file__).parent.parent / "data/paths.json").read_text())
]
SEGMENTS = sorted({segment for _, path in PATHS for segment in path.split("/") if segment})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("merchantService", "merchant-service"),
        ("complaintsV2", "complaints-v2"),
        ("MerchantService", "merchant-service"),
        ("V3", "v3"),
        ("mch_operate", "mch_operate"),
        ("global_", "global"),
        ("return_", "return"),
        ("import_", "import"),
        ("try_", "try"),
        ("applyment4sub", "applyment4sub"),
        ("post", "post"),
        ("plain_", "plain_"),
        ("_sp_mchid_", "{sp_mchid}"),
        ("_outTradeNo_", "{outTradeNo}"),
        ("_x_", "{x}"),
        ("_empty_", "{empty}"),
        ("$sp_mchid$", "{sp_mchid}"),
        ("{sp_mchid}", "{sp_mchid}"),
        ("<sp_mchid>", "{sp_mchid}"),
        ("out-trade-no", "out-trade-no"),
        ("ÀB", "À-b"),
        ("中文", "中文"),
    ],
)
def test_an_attribute_becomes_a_segment(name: str, text: str) -> None:
    """Capitals become kebab-case, underscores inside stay, a keyword drops one trailing underscore."""
    assert paths.segment(name) == text


FOREIGN = """
    __len__ __wrapped__ _ _x _repr_html_ _repr_png_ _ipython_display_ _as_parameter_ _fields __x_ _9_
    _ipython_canary_method_should_not_exist_
"""


@pytest.mark.parametrize("name", FOREIGN.split())
def test_foreign_names_are_refused(name: str) -> None:
    """What displays, ctypes and Python itself ask for is no word of a path."""
    assert paths.is_foreign(name)


@pytest.mark.parametrize("name", ["_sp_mchid_", "v3", "keys", "global_", "_id_", "中文"])
def test_words_and_placeholders_are_not_foreign(name: str) -> None:
    """Everything else is a word."""
    assert not paths.is_foreign(name)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("v3/pay/<id>", "v3/pay/{id}"),
        ("v3/pay/{id}/", "v3/pay/{id}/"),
        ("v3/pay/$id$", "v3/pay/{id}"),
        ("/v3/pay", "v3/pay"),
        ("v3/Pay/outTradeNo", "v3/Pay/outTradeNo"),
        ("v3/statements?date=2020-01-01&type=A B", "v3/statements?date=2020-01-01&type=A B"),
        ("_x_", "_x_"),
        ("v3/$5 off", "v3/$5 off"),
    ],
)
def test_text_is_taken_as_it_is_written(text: str, path: str) -> None:
    """In the native face only the spelling of placeholders changes."""
    assert paths.as_written(text) == path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("v3/merchantService/complaintsV2", "v3/merchant-service/complaints-v2"),
        ("V3/pay", "v3/pay"),
        ("V2", "v2"),
        ("v3/{outTradeNo}/closeOrder", "v3/{outTradeNo}/close-order"),
        ("v3/h5PreEntrustSign/x", "v3/h5-pre-entrust-sign/x"),
        ("v3/oUpF8uMuAJO_M2", "v3/oUpF8uMuAJO_M2"),
        ("v3/statements?type=A B&k=outTradeNo", "v3/statements?type=A B&k=outTradeNo"),
        ("_out_trade_no_", "{out_trade_no}"),
        ("v3/pay/_x_", "v3/pay/_x_"),
        ("{+myUrl}", "{+myUrl}"),
    ],
)
def test_php_text_is_converted_by_segments(text: str, path: str) -> None:
    """chain() and [] of the PHP face convert case in the path, never in a query or a placeholder's name."""
    assert paths.as_php(text) == path


@pytest.mark.parametrize(
    "number",
    [
        "T2026_1",
        "t2026A",
        "wxPay2026",
        "ORDER",
        "Order",
        "orderNO",
        "pbLatjvWOibDc5-TBnbUk1pD12o0",
        "A",
        "aB1",
        "PAY-1",
    ],
)
def test_a_number_in_path_text_stays_as_it_is_written(number: str) -> None:
    """Whatever is no camelCase word: PHP would send -t2026_1, which is nobody's order."""
    path = f"v3/pay/transactions/out-trade-no/{number}/close"
    assert paths.as_php(path) == path
    assert paths.as_php(number) == number
    assert paths.as_php(f"v3/merchantService/x{{a}}{number}") == f"v3/merchant-service/x{{a}}{number}"


@given(st.from_regex(r"[A-Za-z0-9_*|-]{1,32}", fullmatch=True))
def test_only_words_of_letters_are_converted(number: str) -> None:
    """What WeChat Pay takes for an order number arrives as it is written, but for a camelCase word."""
    path = f"v3/pay/transactions/out-trade-no/{number}"
    is_word = re.fullmatch(r"([a-z]+|[a-z]\d)([A-Z][a-z]+|V\d)+", number)
    is_placeholder = re.fullmatch(r"_[A-Za-z](?:[\w-]*\w)?_", number)
    assert is_placeholder or bool(is_word) == (paths.as_php(path) != path)


@given(st.text(min_size=1))
def test_php_conversion_never_makes_a_leading_dash(text: str) -> None:
    """A capital at the start of a segment is only lowered."""
    try:
        path = paths.as_php(text).partition("?")[0]
    except ChainError:
        return
    given_segments = text.removeprefix("/").partition("?")[0].split("/")
    for before, after in zip(given_segments, path.split("/"), strict=False):
        assert not after.startswith("-") or before.startswith("-")


def spelled(segment: str) -> str:
    """How a user types a segment as an attribute."""
    if segment.startswith("{"):
        return f"_{segment[1:-1]}_"
    camel = re.sub("-([a-z0-9])", lambda match: match[1].upper(), segment)
    return f"{camel}_" if keyword.iskeyword(camel) else camel


@pytest.mark.parametrize("segment", SEGMENTS)
def test_every_segment_of_wechat_pay_is_an_attribute(segment: str) -> None:
    """Each of the catalogue's segments comes back from its attribute, but the three that hold a capital."""
    name = spelled(segment)
    assert name.isidentifier()
    assert not paths.is_foreign(name)
    if segment in ("addInstitutionsub", "modifyInstitutionsub", "queryInstitutionsub"):
        assert paths.segment(name) != segment
        assert paths.as_written(segment) == segment
    else:
        assert paths.segment(name) == segment


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("1230000109", "1230000109"),
        (7, "7"),
        (-7, "-7"),
        ("a/b", "a%2Fb"),
        ("a b", "a%20b"),
        ("a%b", "a%25b"),
        ("a+b?c#d&e=f", "a%2Bb%3Fc%23d%26e%3Df"),
        ("~-_.x", "~-_.x"),
        ("中", "%E4%B8%AD"),
        ("...", "..."),
        ("{a}", "%7Ba%7D"),
    ],
)
def test_a_value_is_encoded_once(value: str | int, encoded: str) -> None:
    """Nothing but RFC 3986's unreserved characters stays bare."""
    assert paths.encode_segment(value, "id") == encoded
    assert paths.expand("v3/{id}/close", {"id": value}) == f"v3/{encoded}/close"


@pytest.mark.parametrize("value", ["", ".", "..", None, True, 1.5, b"x", ["a"], {"a": 1}, object(), "\ud800"])
def test_an_unusable_value_raises(value: object) -> None:
    """It names the placeholder and says that nothing was sent."""
    with pytest.raises(ChainError, match=r"^id: .*nothing was sent$"):
        paths.expand("v3/{id}", {"id": value})


def test_a_plus_placeholder_takes_encoded_text() -> None:
    """Slashes, escapes and a query stay; what cannot travel is encoded."""
    assert paths.expand("{+path}", {"path": "v3/a%2Fb?c=d e#f"}) == "v3/a%2Fb?c=d%20e"


@pytest.mark.parametrize("path", ["v3{?a}", "v3{/a}", "v3/{a,b}", "v3/{a*}", "v3/{a:3}", "v3/{}", "v3/{a b}"])
def test_other_operators_raise(path: str) -> None:
    """RFC 6570 beyond {x} and {+x} is not guessed at."""
    with pytest.raises(ChainError, match="RFC 6570"):
        paths.expand(path, {"a": "1", "b": "2"})


def test_the_empty_word_needs_no_value() -> None:
    """/v3/ecommerce/applyments/ ends with it; a value for it raises."""
    assert paths.expand("v3/ecommerce/applyments/{empty}", {}) == "v3/ecommerce/applyments/"
    assert paths.expand("v3/{empty}/x", {"empty": ""}) == "v3//x"


@pytest.mark.parametrize("text", ["", " ", "/", "//evil.example/v3", None, 1.5, b"v3", ["v3"], slice(1), True])
def test_text_that_is_no_path_raises(text: object) -> None:
    """Neither nothing, nor another host, nor another type."""
    with pytest.raises(ChainError):
        paths.as_written(text)  # type: ignore[arg-type]
    with pytest.raises(ChainError):
        paths.as_php(text)  # type: ignore[arg-type]


@given(st.text(), st.text(min_size=1))
def test_an_expanded_path_is_a_fixed_point(text: str, value: str) -> None:
    """urllib3 has nothing left to rewrite in what was expanded, so what is signed is what travels."""
    try:
        path = paths.expand("v3/" + paths.as_written(text + "{id}"), {"id": value})
    except ChainError:
        return
    assert path.isascii()
    assert paths.escape(path) == path
    if "/." not in path.partition("?")[0]:
        assert parse_url(f"http://host/{path}").request_uri == f"/{path}"


@given(st.text())
def test_no_value_leaves_its_segment(value: str) -> None:
    """Whatever the value, the path has as many segments as the template, and no query of its own."""
    try:
        path = paths.expand("v3/{id}/close", {"id": value})
    except ChainError:
        return
    assert path.count("/") == 2
    assert "?" not in path
    assert path.split("/")[1] not in ("", ".", "..")
