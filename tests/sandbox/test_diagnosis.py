"""What a wrong signature teaches: each usual mistake is made by hand, and has to be found."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.by_hand import CERTIFICATES, NATIVE, authorization, order, request, send
from wechatpay_chain import Sandbox

Text = Callable[[str, str, str, str, bytes], bytes]
QUERY = f"{CERTIFICATES}?b=2&a=%E4%B9%A6%2F~&c=x+y&d=&algorithm_type=RSA"


def lines(*parts: str | bytes, end: str = "\n") -> bytes:
    """The text of these lines."""
    return b"".join((part if isinstance(part, bytes) else part.encode()) + end.encode() for part in parts)


def sandbox(gateway: Sandbox, text: Text, method: str = "GET", target: str = QUERY, body: bytes = b"") -> Any:
    """What the sandbox adds to SIGN_ERROR when ``text`` was signed."""
    answer = send(gateway, request(gateway, method, target, body, text=text))
    assert (answer.status, answer.told["code"]) == (401, "SIGN_ERROR")
    assert answer.told["detail"]["detail"] == {"issue": "sign not match"}
    found = answer.told["detail"]["sandbox"]
    assert found["cause"]
    assert "沙箱：" in answer.told["message"]
    return found


def target(change: Callable[[str], str]) -> Text:
    """Another target was signed."""
    return lambda method, target, time, nonce, body: lines(method, change(target), time, nonce, body)


def path(change: Callable[[str], str]) -> Text:
    """Another query was signed."""
    return target(lambda whole: f"{whole.partition('?')[0]}?{change(whole.partition('?')[2])}")


def ordered(query: str) -> str:
    return "&".join(sorted(query.split("&")))


TARGETS: dict[str, tuple[Text, str]] = {
    "the whole URL": (target(lambda text: f"https://api.mch.weixin.qq.com{text}"), "whole URL"),
    "the host": (target(lambda text: f"api.mch.weixin.qq.com{text}"), "whole URL"),
    "no query": (target(lambda text: text.partition("?")[0]), "query was left out"),
    "no slash": (target(lambda text: text[1:]), "slash at the beginning"),
    "no /v3": (target(lambda text: text[3:]), "without /v3"),
    "a slash at the end": (target(lambda text: text.replace("?", "/?")), "slash was signed at the end"),
    "sorted": (path(ordered), "another order"),
    "reversed": (path(lambda text: "&".join(reversed(text.split("&")))), "another order"),
    "decoded": (path(unquote), "before it was percent-encoded"),
    "encoded twice": (path(lambda text: text.replace("%", "%25")), "percent-encoded twice"),
    "%7E": (path(lambda text: text.replace("~", "%7E")), "%7E"),
    "%20": (path(lambda text: text.replace("+", "%20")), "signed as %20, and sent as +"),
    "lower-case escapes": (path(lambda text: text.replace("%E4%B9%A6%2F", "%e4%b9%a6%2f")), "another case"),
    "a parameter less": (path(lambda text: text.replace("&c=x+y", "")), "parameter c was not signed"),
    "no empty parameters": (path(lambda text: text.replace("&d=", "")), "empty parameters"),
    "quoted by Python": (
        path(lambda text: urlencode(parse_qsl(text, keep_blank_values=True), safe="/")),
        "another percent-encoding",
    ),
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_that_differs_is_found(gateway: Sandbox, name: str) -> None:
    """With both texts beside each other."""
    text, cause = TARGETS[name]
    found = sandbox(gateway, text)
    assert (found["differs"], found["expected"]) == ("target", QUERY)
    assert cause in found["cause"]
    assert found["signed"] == text("GET", QUERY, "", "", b"").decode().split("\n")[1]


def test_a_target_with_seven_e_on_the_wire_is_found(gateway: Sandbox) -> None:
    """requests writes ``~`` for ``%7E``: what is signed before is another text."""
    whole = f"{CERTIFICATES}?a=~"
    found = sandbox(gateway, target(lambda text: text.replace("~", "%7E")), target=whole)
    assert (found["expected"], found["signed"]) == (whole, f"{CERTIFICATES}?a=%7E")
    found = sandbox(gateway, target(lambda text: text.replace("%257E", "%7E")), target=f"{CERTIFICATES}?a=%257E")
    assert "twice when sent" in found["cause"]


def test_a_path_whose_placeholders_were_not_filled_is_found(gateway: Sandbox) -> None:
    """The documented path, as a template was signed before it was filled."""
    whole = "/v3/pay/transactions/out-trade-no/N0000001?mchid=1"
    template = "/v3/pay/transactions/out-trade-no/{out_trade_no}"
    answer = send(gateway, request(gateway, target=whole, text=target(lambda _: f"{template}?mchid=1")))
    assert "placeholders" in answer.told["detail"]["sandbox"]["cause"]


SHAPES: dict[str, tuple[Text, str]] = {
    "no break at the end": (lambda *parts: lines(*parts)[:-1], "line break after the last line"),
    "no fifth line": (lambda *parts: lines(*parts[:4]), "last line, the body, is missing"),
    "a break too many": (lambda *parts: lines(*parts, ""), "one line break too many"),
    "hashed twice": (lambda *parts: hashlib.sha256(lines(*parts)).digest(), "hashed before it was signed"),
    "hashed twice, in hexadecimal digits": (
        lambda *parts: hashlib.sha256(lines(*parts)).hexdigest().encode(),
        "hashed before it was signed",
    ),
    "base64": (lambda *parts: base64.b64encode(lines(*parts)), "as base64"),
    "a byte order mark": (lambda *parts: b"\xef\xbb\xbf" + lines(*parts), "byte order mark"),
    "CRLF": (lambda *parts: lines(*parts, end="\r\n"), "\\r\\n instead of \\n"),
    "an escape that is none": (lambda *parts: lines(*parts, end="\\n"), "backslash"),
    "no breaks": (lambda *parts: lines(*parts, end=""), "not separated"),
    "an answer's text": (lambda m, t, time, nonce, body: lines(time, nonce, body), "answer or notice"),
    "nonce before time": (lambda m, t, time, nonce, body: lines(m, t, nonce, time, body), "wrong order"),
    "time first": (lambda m, t, time, nonce, body: lines(time, nonce, m, t, body), "come before method"),
    "target first": (lambda m, t, time, nonce, body: lines(t, m, time, nonce, body), "target comes before"),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_lines_that_are_written_otherwise_are_found(gateway: Sandbox, name: str, method: str) -> None:
    """Breaks and order, with a body and without; the text that was signed is told whole."""
    text, cause = SHAPES[name]
    body = order(gateway, "shapes01") if method == "POST" else b""
    found = sandbox(gateway, text, method, NATIVE if body else QUERY, body)
    assert found["differs"] == "lines" or not body
    assert cause in found["cause"] or not body
    assert found["expected"] != found["signed"]
    assert gateway.mchid not in found["signed"] or body


OTHERS: dict[str, tuple[Text, str, str]] = {
    "a lower method": (lambda m, *rest: lines(m.lower(), *rest), "method", "lower case"),
    "another method": (lambda m, *rest: lines("POST", *rest), "method", "POST was signed, and GET was sent"),
    "a clock read twice": (
        lambda m, t, time, *rest: lines(m, t, str(int(time) - 1), *rest),
        "time",
        "clock was read twice",
    ),
    "milliseconds": (lambda m, t, time, *rest: lines(m, t, f"{time}000", *rest), "time", "milliseconds"),
    "an upper nonce": (lambda m, t, time, nonce, b: lines(m, t, time, nonce.upper(), b), "nonce", "another case"),
    "no nonce": (lambda m, t, time, nonce, b: lines(m, t, time, "", b), "nonce", "no nonce"),
    "{} for nothing": (lambda *parts: lines(*parts[:4], "{}"), "body", "'{}' was signed"),
    "null for nothing": (lambda *parts: lines(*parts[:4], "null"), "body", "'null' was signed"),
    "undefined": (lambda *parts: lines(*parts[:4], "undefined"), "body", "'undefined' was signed"),
    "the query as body": (
        lambda m, t, *rest: lines(m, t.partition("?")[0], *rest[:2], t.partition("?")[2]),
        "target,body",
        "query was signed as the body",
    ),
    "body and no break": (lambda *parts: lines(*parts[:4], "{}")[:-1], "body,lines", "line break after"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_parts_that_differ_are_found(gateway: Sandbox, name: str) -> None:
    """Method, time, nonce, a body where there is none, and two mistakes at once."""
    text, differs, cause = OTHERS[name]
    found = sandbox(gateway, text)
    assert found["differs"] == differs
    assert cause in found["cause"]


def body(change: Callable[[bytes], str | bytes]) -> Text:
    """Another body was signed."""
    return lambda method, target, time, nonce, sent: lines(method, target, time, nonce, change(sent))


def dumps(**options: Any) -> Text:
    return body(lambda sent: json.dumps(json.loads(sent), **options))


BODIES: dict[str, tuple[Text, str]] = {
    "none": (body(lambda _: ""), "no body was signed"),
    "Python's dumps": (dumps(), "serialised twice"),
    "without escapes": (dumps(ensure_ascii=False), "serialised twice"),
    "sorted": (dumps(sort_keys=True, separators=(",", ":"), ensure_ascii=False), "sorted order"),
    "sorted and spaced": (dumps(sort_keys=True), "sorted order"),
    "pretty": (dumps(indent=2, ensure_ascii=False), "serialised twice"),
    "by PHP": (body(lambda sent: json.dumps(json.loads(sent), separators=(",", ":")).replace("/", "\\/")), "twice"),
    "a line break": (body(lambda sent: sent + b"\r\n"), "white space"),
    "a mark": (body(lambda sent: b"\xef\xbb\xbf" + sent), "byte order mark"),
    "GBK": (body(lambda sent: sent.decode().encode("gbk")), "gbk"),
    "Python's text": (body(lambda sent: str(json.loads(sent))), "Python's text"),
    "bytes as text": (body(lambda sent: str(sent)), "Python's text"),
    "JSON twice": (body(lambda sent: json.dumps(sent.decode(), ensure_ascii=False)), "serialised once more"),
    "a form": (body(lambda sent: urlencode(json.loads(sent))), "form"),
    "an object": (body(lambda _: "[object Object]"), "object was signed"),
    "its query": (lambda m, t, time, nonce, sent: lines("GET", t, time, nonce, ""), "GET was signed"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_differs_is_found(gateway: Sandbox, name: str) -> None:
    """As the serialisers of other languages write it, with the place where the texts part."""
    text, cause = BODIES[name]
    found = sandbox(gateway, text, "POST", NATIVE, order(gateway, "bodies01"))
    assert "body" in found["differs"]
    assert cause in found["cause"]
    assert found["expected"] != found["signed"]


def test_a_long_body_is_told_where_it_differs(gateway: Sandbox) -> None:
    """Not whole: the part around the first difference, in both texts."""
    sent = order(gateway, "long0001", detail={"cost_price": 1, "note": "x" * 5000, "end": "书"})
    found = sandbox(gateway, dumps(separators=(",", ":")), "POST", NATIVE, sent)
    assert max(len(found["expected"]), len(found["signed"])) < 1100
    assert "书" in found["expected"]
    assert "\\u4e66" in found["signed"]


def test_a_whole_form_that_was_signed_is_found(gateway: Sandbox) -> None:
    """Of an upload the text of meta alone is signed."""
    meta = b'{"filename":"a.jpg","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}'
    form = b'--b0\r\nContent-Disposition: form-data; name="meta"\r\n\r\n' + meta + b"\r\n"
    form += b'--b0\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\nabc\r\n--b0--\r\n'
    headers: dict[str, str | None] = {"Content-Type": "multipart/form-data; boundary=b0"}
    upload = "/v3/merchant/media/upload"
    answer = send(gateway, request(gateway, "POST", upload, form, headers=headers))
    assert "the whole form was signed" in answer.told["detail"]["sandbox"]["cause"]
    other = json.dumps(json.loads(meta)).encode()
    headers["Authorization"] = authorization(gateway, "POST", upload, other)
    answer = send(gateway, request(gateway, "POST", upload, form, headers=headers))
    assert "serialised twice" in answer.told["detail"]["sandbox"]["cause"]


def test_a_text_that_no_mistake_explains_is_told_by_its_digest(gateway: Sandbox) -> None:
    """Whoever prints the SHA-256 of what was signed sees at once which of both texts is which."""
    import hashlib

    signed: list[bytes] = []

    def another(method: str, target: str, time: str, nonce: str, body: bytes) -> bytes:
        signed.append(lines(method, target, time, "another nonce", body))
        return signed[0]

    found = sandbox(gateway, another)
    assert found["differs"] == "text"
    assert hashlib.sha256(signed[0]).hexdigest() in found["cause"]
    assert found["expected"].startswith(f"GET\n{QUERY}\n")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=10),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=6,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_json_that_was_serialised_otherwise_is_found(gateway: Sandbox, value: Any) -> None:
    """Whatever is in it: sent compact, signed as Python's json.dumps writes it."""
    try:
        sent = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return
    answer = send(gateway, request(gateway, "POST", NATIVE, sent, text=dumps()))
    if answer.status == 401:
        assert "body" in answer.told["detail"]["sandbox"]["differs"]
    else:
        assert json.dumps(value).encode() == sent


def test_a_long_request_with_a_wrong_signature_is_answered(gateway: Sandbox) -> None:
    """However large body and query are: what is tried has a bound, where 500 parameters have 500! orders."""
    whole = f"{CERTIFICATES}?" + "&".join(f"p{at}={quote('书')}" for at in range(500))
    found = send(gateway, request(gateway, "GET", whole, b"[" + b"1," * 500_000 + b"1]", nonce_str="another"))
    assert (found.status, found.told["detail"]["sandbox"]["differs"]) == (401, "text")
