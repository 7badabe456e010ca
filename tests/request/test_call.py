from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain import Sandbox, errors
from wechatpay_chain.encoding.style import PHP
from wechatpay_chain.errors import ChainError
from wechatpay_chain.protocol.hosts import Base
from wechatpay_chain.request import options
from wechatpay_chain.request.call import VERBS, build
from wechatpay_chain.request.options import NATIVE

TEXT = st.text(st.characters(codec="utf-8"))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


def test_verbs_are_five_in_three_spellings() -> None:
    """get post put patch delete, each also Async and _async."""
    assert len(VERBS) == 15
    assert VERBS["post"] == ("POST", False)
    assert VERBS["postAsync"] == VERBS["post_async"] == ("POST", True)


def test_json_is_utf8_with_plain_slashes_and_no_spaces() -> None:
    """The body is as short as JSON can be, and Chinese stays Chinese."""
    call = build("POST", "v3/x", {"json": {"a": "中/文", "b": [1, None, True]}}, NATIVE)
    assert call.body == '{"a":"中/文","b":[1,null,true]}'.encode()
    assert call.content_type == "application/json; charset=utf-8"


def test_a_date_is_written_as_javascript_does() -> None:
    """In UTC and milliseconds, wherever it stands; without a time zone it names no moment."""
    moment = datetime(2023, 12, 20, 17, 18, 47, tzinfo=timezone(timedelta(hours=8)))
    call = build("POST", "v3/x", {"json": {"a": [{"time_expire": moment}]}}, NATIVE)
    assert call.body == b'{"a":[{"time_expire":"2023-12-20T09:18:47.000Z"}]}'
    for wrong, words in (
        (moment.replace(tzinfo=None), r"a\[0\] is a datetime without a time zone; give it one"),
        (moment.date(), r"a\[0\] is date"),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-8))), "beyond the calendar"),
    ):
        with pytest.raises(ChainError, match=f"^json: .*{words}.*nothing was sent$"):
            build("POST", "v3/x", {"json": {"a": [wrong]}}, NATIVE)
    with pytest.raises(ChainError, match=r"^json: a is datetime; pass text"):
        build("POST", "v3/x", {"json": {"a": moment}}, NATIVE._replace(style=PHP))


def test_an_empty_object_is_a_body() -> None:
    """{} is sent and signed as {}; None is no body."""
    assert build("POST", "v3/x", {"json": {}}, NATIVE).body == b"{}"
    assert build("POST", "v3/x", {"json": None}, NATIVE).body is None


@given(JSON_VALUES)
def test_any_json_travels_unchanged(payload: Any) -> None:
    """What json can hold comes back equal."""
    body = build("POST", "v3/x", {"json": payload}, NATIVE).body
    assert payload is None or (isinstance(body, bytes) and json.loads(body) == payload)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"amount": {"total": object()}}, "amount.total is object"),
        ({"a": [1, {"b": b"x"}]}, r"a\[1\].b is bytes"),
        ({"a": float("nan")}, "a is nan"),
        ({"a": float("inf")}, "a is inf"),
        ({"a": {("x",): 1}}, "a has a key that is tuple"),
        ({"a": "\ud800"}, "a holds text that UTF-8 cannot"),
        (object(), "the body is object"),
        ({"a": MappingProxyType({})}, "a is mappingproxy"),
    ],
)
def test_what_is_no_json_is_named(payload: object, words: str) -> None:
    """The error tells the place in the body and what was found there."""
    with pytest.raises(ChainError, match=f"^json: {words}.*nothing was sent$"):
        build("POST", "v3/x", {"json": payload}, NATIVE)


def test_a_body_that_holds_itself_raises() -> None:
    """However wide the loop, the answer comes at once."""
    loop: list[object] = []
    loop += [loop, loop, {"a": loop}]
    with pytest.raises(ChainError, match="in itself"):
        build("POST", "v3/x", {"json": loop}, NATIVE)


def test_data_is_raw_text_bytes_or_json() -> None:
    """Text and bytes are sent as they are; a mapping is JSON, as axios has it."""
    assert build("POST", "v3/x", {"data": "raw 中"}, NATIVE).body == "raw 中".encode()
    assert build("POST", "v3/x", {"data": b"\x00\xff"}, NATIVE).body == b"\x00\xff"
    assert build("DELETE", "v3/x", {"data": {"a": 1}}, NATIVE).body == b'{"a":1}'
    with pytest.raises(ChainError, match="two bodies"):
        build("POST", "v3/x", {"data": "raw", "json": {}}, NATIVE)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("param", "did you mean params"),
        ("sp_mchd", "did you mean sp_mchid"),
        ("Json", "did you mean json"),
        ("xml", "belongs to APIv2"),
        ("verify", "always verified"),
        ("query", "write params"),
        ("zzz", "neither an option nor a placeholder"),
    ],
)
def test_a_misspelt_option_never_travels(name: str, words: str) -> None:
    """The error names the option and what was probably meant."""
    with pytest.raises(ChainError, match=f"^{name}: .*{words}.*nothing was sent$"):
        build("POST", "v3/{sp_mchid}", {"sp_mchid": "1", name: "x"}, NATIVE)


def test_a_placeholder_named_as_an_option_raises() -> None:
    """One name cannot mean two things."""
    with pytest.raises(ChainError, match="both an option and a placeholder"):
        build("GET", "v3/{json}", {"json": "x"}, NATIVE)


def test_an_option_under_two_names_raises() -> None:
    """base_url and baseURL are one."""
    with pytest.raises(ChainError, match="given twice"):
        build("GET", "v3/x", {"base_url": "https://a.example", "baseURL": "https://b.example"}, NATIVE)


@pytest.mark.parametrize(
    ("text", "inline", "params", "query"),
    [
        ("v3/x", "", {"a": "1"}, "a=1"),
        ("v3/x?a=1", "", None, "a=1"),
        ("v3/x?a=1", "", {"b": "2"}, "a=1&b=2"),
        ("v3/x?a=A B&u='", "", "c=d e", "a=A%20B&u='&c=d%20e"),
        ("v3/x#fragment", "", {"a": 1}, "a=1"),
        ("v3/x?", "", None, ""),
    ],
)
def test_a_query_in_the_path_is_kept(text: str, inline: str, params: object, query: str) -> None:
    """params come after it; a fragment never travels."""
    call = build("GET", text, {"params": params}, NATIVE)
    assert (call.path, call.query) == ("/v3/x", query)


def test_dot_segments_are_resolved_before_signing() -> None:
    """urllib3 and servers would resolve them, so they are resolved first."""
    assert build("GET", "v3/pay/../certificates", {}, NATIVE).path == "/v3/certificates"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v3/x",
        "http://api.mch.weixin.qq.com/v3/x",
        "https://api.mch.weixin.qq.com:8443/v3/x",
        "https://api.mch.weixin.qq.com.evil.example/v3/x",
        "https://api.mch.weixin.qq.com@evil.example/v3/x",
        "//evil.example/v3/x",
        "HTTPS://evil.example",
        "https://",
        "https://[::1/x",
    ],
)
def test_another_host_is_refused(url: str) -> None:
    """A URL in an answer or a value is followed only to WeChat Pay's hosts, over TLS."""
    with pytest.raises(ChainError, match="nothing was sent"):
        build("GET", "{+url}", {"url": url}, NATIVE)


def test_a_url_of_wechat_pay_or_of_a_named_base_is_followed() -> None:
    """Its path and query are kept byte for byte."""
    call = build("GET", "{+url}", {"url": "https://api2.mch.weixin.qq.com/v3/billdownload/file?token=A%2Fb_C"}, NATIVE)
    assert (call.path, call.query) == ("/v3/billdownload/file", "token=A%2Fb_C")
    assert call.bases == (Base("https://api2.mch.weixin.qq.com"),)
    own = build("GET", "http://127.0.0.1:8080/v3/x", {}, NATIVE, (Base("http://127.0.0.1:8080"),))
    assert own.bases == (Base("http://127.0.0.1:8080"),)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "x"},
        {"content-length": "5"},
        {"Transfer-Encoding": "chunked"},
        {"X-A": "a\r\nB: c"},
        {"X-A": "a\nb"},
        {"X-A": "a\x00"},
        {"X-A": "中"},
        {"X A": "b"},
        {"": "b"},
        {"X-A": object()},
        {1: "b"},
        "X: y",
        5,
    ],
)
def test_headers_that_could_harm_are_refused(headers: object) -> None:
    """Neither the signature nor the framing can be replaced, nor another header begun."""
    with pytest.raises(ChainError, match=r"headers.*nothing was sent"):
        build("GET", "v3/x", {"headers": headers}, NATIVE)


def test_header_values_are_text() -> None:
    """Lists are joined, spaces trimmed, None leaves a default out."""
    call = build("GET", "v3/x", {"headers": {"A": "  a b ", "B": ["x", "y"], "C": 5, "D": None, "E": True}}, NATIVE)
    assert call.headers == (("A", "a b"), ("B", "x, y"), ("C", "5"), ("D", None), ("E", "true"))


@pytest.mark.parametrize("timeout", [0, -1, "5", True, (1,), (1, 2, 3), (0, 1), float("nan"), float("inf"), {}])
def test_a_timeout_that_cannot_be_raises(timeout: object) -> None:
    """Seconds above 0, one number or a pair."""
    with pytest.raises(ChainError, match=r"^timeout: "):
        build("GET", "v3/x", {"timeout": timeout}, NATIVE)


def test_timeouts_are_seconds() -> None:
    """One number is both."""
    assert build("GET", "v3/x", {"timeout": 2}, NATIVE).timeout == (2.0, 2.0)
    assert build("GET", "v3/x", {"timeout": (1, 2.5)}, NATIVE).timeout == (1.0, 2.5)
    assert build("GET", "v3/x", {}, NATIVE).timeout is None


def test_stream_and_sink_are_checked() -> None:
    """A flag is a flag, a sink a path or a binary file."""
    assert build("GET", "v3/x", {"stream": True, "sink": io.BytesIO()}, NATIVE).stream
    for name, value in {"stream": "yes", "sink": 5}.items():
        with pytest.raises(ChainError, match=f"^{name}: expected"):
            build("GET", "v3/x", {name: value}, NATIVE)


def test_native_arguments_are_data_and_config() -> None:
    """post(data, config) and get(config), as in JS; keywords join the config."""
    assert options.read_native("POST", ({"a": 1}, {"params": {"b": 2}}), {"id": 3}) == {
        "json": {"a": 1},
        "params": {"b": 2},
        "id": 3,
    }
    assert options.read_native("GET", ({"params": {}},), {}) == {"params": {}}
    assert options.read_native("POST", ({"b": 2}, {"data": {"a": 1}}), {}) == {"json": {"b": 2}}
    assert options.read_native("POST", (None, {"headers": {}}), {}) == {"headers": {}}


@pytest.mark.parametrize(
    ("method", "args", "keywords"),
    [
        ("GET", ({}, {}), {}),
        ("POST", ({}, {}, {}), {}),
        ("POST", ({},), {"json": {}}),
        ("POST", ({},), {"data": "x"}),
        ("POST", ({}, {"headers": {}}), {"headers": {}}),
        ("GET", ("v3",), {}),
        ("POST", ({}, 5), {}),
        ("GET", ({1: 2},), {}),
    ],
)
def test_arguments_that_contradict_raise(method: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Nothing that was given is silently dropped."""
    with pytest.raises(ChainError, match="nothing was sent"):
        options.read_native(method, args, keywords)


def test_the_first_word_picks_the_protocol() -> None:
    """v2 is APIv2, everything else APIv3."""
    assert build("POST", "v2/pay/micropay", {}, NATIVE).protocol == "v2"
    assert build("GET", "hk/v3/statements", {}, NATIVE).protocol == "v3"
    assert build("GET", "v2x/y", {}, NATIVE).protocol == "v3"


@pytest.mark.parametrize("name", ["Host", "host", "HOST"])
def test_a_host_header_is_refused(gateway: Sandbox, name: str) -> None:
    """Of a call and of a client, in both faces: the signed request goes where its URL says; nothing is sent."""
    told = rf"^headers: {name} is that of the URL; pass the host as base_url"
    headers = {name: "api.mch.weixin.qq.com"}
    with gateway.client() as wxpay, gateway.builder() as instance:
        calls: list[Callable[[], object]] = [
            lambda: wxpay.v3.certificates.get(headers=headers),
            lambda: wxpay.v3.certificates.get({"headers": {name: None}}),
            lambda: instance.chain("v3/certificates").get({"headers": headers}),
        ]
        for call in calls:
            with pytest.raises(errors.ChainError, match=f"{told}; nothing was sent$"):
                call()
    with pytest.raises(errors.ConfigError, match=f"{told}$"):
        gateway.client(headers=headers)
    assert not gateway.requests
