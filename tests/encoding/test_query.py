from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain.encoding import query
from wechatpay_chain.encoding.style import JS, PHP, Style
from wechatpay_chain.errors import ChainError

BEIJING = timezone(timedelta(hours=8))
PLAIN = st.dictionaries(st.text(min_size=1), st.text())


@pytest.mark.parametrize(
    ("params", "style", "text"),
    [
        (None, JS, ""),
        ({}, JS, ""),
        ({"a": "b c"}, JS, "a=b%20c"),
        ({"a": "b c"}, PHP, "a=b%20c"),
        ({"a": True, "b": False}, JS, "a=true&b=false"),
        ({"a": True, "b": False}, PHP, "a=1&b=0"),
        ({"a": ["x", "y z"]}, JS, "a%5B%5D=x&a%5B%5D=y%20z"),
        ({"a": ["x", "y z"]}, PHP, "a%5B0%5D=x&a%5B1%5D=y%20z"),
        (
            {"a": {"b": {"c": "d", "e": [1, 2]}}},
            JS,
            "a%5Bb%5D%5Bc%5D=d&a%5Bb%5D%5Be%5D%5B0%5D=1&a%5Bb%5D%5Be%5D%5B1%5D=2",
        ),
        ({"a": None, "b": ""}, JS, "b="),
        ({"a": None, "b": ""}, PHP, "b="),
        ({"k": "!$'()*,;:@[]"}, PHP, "k=%21%24%27%28%29%2A%2C%3B%3A%40%5B%5D"),
        ({"k": "!$'()*,;:@[]"}, JS, "k=!$'()*,%3B:%40%5B%5D"),
        ({"k": "100%", "j": "%41"}, JS, "k=100%25&j=%2541"),
        ({"n": 1, "f": 1.0, "g": 0.1, "d": Decimal("1.50")}, JS, "n=1&f=1&g=0.1&d=1.50"),
        ([("a", "1"), ("a", "2")], JS, "a=1&a=2"),
        ("a=1&b=2", JS, "a=1&b=2"),
        ("?a=1", PHP, "a=1"),
        ({"a": []}, JS, ""),
        ({"a": 1e-7, "b": 1e25, "c": 0.1 + 0.2, "d": -0.0}, PHP, "a=1.0E-7&b=1.0E%2B25&c=0.3&d=-0"),
        ({"a": 1e-7, "b": 1e21, "c": 0.1 + 0.2, "d": -0.0}, JS, "a=1e-7&b=1e%2B21&c=0.30000000000000004&d=0"),
        ({"a[]": [1, 2]}, JS, "a%5B%5D=1&a%5B%5D=2"),
        (["x", ["y"]], PHP, "0=x&1%5B0%5D=y"),
        ({"a": [None, 1, {}]}, JS, "a%5B1%5D=1"),
        ({"t": datetime(2023, 12, 20, 17, 18, 47, 5999, BEIJING)}, JS, "t=2023-12-20T09:18:47.005Z"),
        ({"t": [datetime(1, 1, 2, tzinfo=BEIJING)]}, JS, "t%5B%5D=0001-01-01T16:00:00.000Z"),
    ],
)
def test_a_query_is_spelled_as_each_face_is_used_to(params: object, style: Style, text: str) -> None:
    """Lists, booleans, numbers, None and what stays bare, in the style of axios and of http_build_query."""
    assert query.build(params, style) == text


@pytest.mark.parametrize(
    "params", [5, b"a=1", object(), ["ab"], [("a", "b", "c")], {"a": object()}, {"a": b"x"}, {"a": float("nan")}]
)
def test_what_has_no_plain_spelling_raises(params: object) -> None:
    """The error names the parameter or says what was expected."""
    with pytest.raises(ChainError, match=r"^query: "):
        query.build(params, JS)


@given(PLAIN, st.sampled_from([JS, PHP]))
def test_text_comes_back_from_a_query(params: dict[str, str], style: Style) -> None:
    """Whatever the names and values, a server reads what was written."""
    try:
        text = query.build(params, style)
    except ChainError:
        return
    assert dict(parse_qsl(text, keep_blank_values=True)) == params


@pytest.mark.parametrize(
    ("value", "style", "words"),
    [
        (datetime(2023, 12, 20), JS, "^query: t is datetime; pass one with a time zone; nothing was sent$"),
        (datetime(2023, 12, 20, tzinfo=BEIJING), PHP, "^query: t is datetime; pass"),
        (date(2023, 12, 20), JS, "^query: t is date; pass text"),
        (datetime.min.replace(tzinfo=BEIJING), JS, "beyond the calendar in UTC; nothing was sent$"),
    ],
)
def test_a_date_that_names_no_moment_raises(value: object, style: Style, words: str) -> None:
    """Without a time zone it is another moment on another machine; PHP's users format their dates."""
    with pytest.raises(ChainError, match=words):
        query.build({"t": value}, style)


def test_what_stands_in_every_query_is_joined() -> None:
    """A call adds to it and replaces of it; text and pairs follow it."""
    defaults = {"a": 1, "b": 2}
    assert query.merge_params({}, None, JS) is None
    assert query.merge_params(defaults, None, JS) == defaults
    assert query.merge_params(defaults, {"b": 3, "c": 4}, JS) == {"a": 1, "b": 3, "c": 4}
    assert query.merge_params(defaults, "c=4", JS) == "a=1&b=2&c=4"
    assert query.merge_params(defaults, [("b", "3")], JS) == "a=1&b=2&b=3"
