"""Hostile input at every door, in quantity: only errors of this package come out, soon, and nothing leaves.

The usual suite tries a few hundred inputs of each kind; ``-m slow`` tries ``MANY``, which are more than 100,000.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sockets import eventually, raw_server, request_of
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.chain.node import Chain
from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.encoding import paths
from wechatpay_chain.php import Instance
from wechatpay_chain.protocol.v2 import APIv2
from wechatpay_chain.protocol.v3 import APIv3, answer_text
from wechatpay_chain.protocol.xml import XMLError, from_xml, to_xml
from wechatpay_chain.sandbox.answer import Answer
from wechatpay_chain.transport.signed_request import SignedRequest

FEW = 300
MANY = {"words": 30_000, "values": 20_000, "xml": 25_000, "headers": 20_000, "answers": 6_000}
LONGEST = 1.0


def amounts(kind: str) -> pytest.MarkDecorator:
    """A few inputs always, many of them when CI asks for what is slow."""
    return pytest.mark.parametrize("amount", [FEW, pytest.param(MANY[kind], marks=pytest.mark.slow)])


def test_many_are_enough() -> None:
    """10^5 in all."""
    assert sum(MANY.values()) >= 100_000


def fuzz(inputs: st.SearchStrategy[Any], door: Callable[[Any], None], amount: int) -> None:
    """Give ``door`` so many inputs; each may take a second of this thread's time."""
    tried = 0

    @settings(max_examples=amount, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs)
    def knock(given_input: Any) -> None:
        nonlocal tried
        tried += 1
        # A collection of all that hypothesis keeps may fall into one try, not into two.
        assert taken(given_input) < LONGEST or taken(given_input) < LONGEST

    def taken(given_input: Any) -> float:
        started = time.thread_time()
        door(given_input)
        return time.thread_time() - started

    knock()
    assert tried >= amount


def one_line(error: errors.WechatpayError) -> None:
    assert len(str(error).splitlines()) == 1


# What means something to a path, to Python, to HTTP or to XML, among any text.
_PATH = r"""
v3 v2 /v3/ // / . .. ... %2e %2F %2f %00 %zz % ? # & = ; : @ \ | ^ ~ + * ( ) [ ] {} { } {+a} {a} {/a} {?a*} <a> <>
$a$ $ _a_ _ __ ___ a_ _a post get post_async getAsync then close chain _repr_html_ __len__ __class__ http:// https://
//evil.example http://127.0.0.1:1 file:// 中 😀 import class None True self pay.transactions merchantService URLPath
empty _empty_ refunds?a=b#c
"""
BLANKS = ["", " ", "\r\n", "\n", "\t", "\0", "\x7f", "\xa0", "\u2028", "\ufeff", "\ud800"]
PIECES = st.sampled_from([*_PATH.split(), *BLANKS])
TEXT = st.text(max_size=40) | PIECES | st.lists(PIECES | st.text(max_size=5), max_size=6).map("".join)
HOW = st.sampled_from(["attribute", "item", "chain", "slash"])
WORD = st.tuples(HOW, TEXT | st.integers() | st.none() | st.binary())


def chained(client: Any, steps: list[tuple[str, Any]]) -> Any:
    node = client
    for how, word in steps:
        if how == "attribute":
            if not isinstance(word, str) or paths.is_foreign(word):
                continue  # Python's and other libraries' own questions
            found = getattr(node, word)
            node = found if isinstance(found, Chain) else node  # a client has methods beside its chains
        elif how == "item":
            node = node[word]
        elif how == "chain" or node is client:
            node = node.chain(word)
        else:
            node = node / word
    return node


@amounts("words")
def test_any_chain_is_a_path_or_an_error(gateway: Sandbox, wxpay: Wechatpay, instance: Instance, amount: int) -> None:
    """What becomes a request stays at the host and holds no byte that would end its line."""
    before = gateway.connections

    def door(knock: tuple[bool, list[tuple[str, Any]], str]) -> None:
        php, steps, verb = knock
        client = instance if php else wxpay
        try:
            node = chained(client, [*steps, ("attribute", verb)])
            request = client.prepare(node)
        except errors.WechatpayError as error:
            one_line(error)
            return
        assert str(request.url).startswith((f"{gateway.base_url}/", "https://"))
        assert request.target.startswith("/")
        assert request.target.isascii()
        assert request.target.isprintable()
        assert " " not in request.target

    verbs = st.sampled_from(["get", "post", "put", "patch", "delete", "post_async", "getAsync"])
    fuzz(st.tuples(st.booleans(), st.lists(WORD, max_size=6), verbs), door, amount)
    assert gateway.connections == before
    assert not gateway.requests


NO_TEXT: st.SearchStrategy[Any] = st.one_of(
    st.floats(), st.none(), st.booleans(), st.binary(), st.lists(st.integers()), st.dictionaries(st.text(), st.none())
)
VALUE = TEXT | st.integers() | NO_TEXT


@amounts("values")
def test_any_value_fills_one_segment_or_is_an_error(gateway: Sandbox, wxpay: Wechatpay, amount: int) -> None:
    """What a placeholder or a slash takes never adds a segment, a query or a host."""
    before = gateway.connections

    def door(value: Any) -> None:
        ways: list[Callable[[Any], SignedRequest]] = [
            lambda value: wxpay.prepare(wxpay.v3.a._id_.b.get, id=value),
            lambda value: wxpay.prepare((wxpay.v3.a / value).b.get),
            lambda value: wxpay.prepare(wxpay.chain("v3/a/<id>/b").post, {"id": 1}, id=value),
        ]
        for prepare in ways:
            try:
                target = prepare(value).target
            except errors.ChainError:
                continue
            assert target.startswith("/v3/a/")
            assert target.endswith("/b")
            assert target.count("/") == 4
            assert not {"?", "#"} & set(target)
        with suppress(errors.ChainError):
            wxpay.prepare(wxpay.v3.a.get, params={"q": value}, headers={"X": value}, timeout=value, retry=value)
        with suppress(errors.ChainError):
            assert wxpay.prepare(wxpay.chain("v3/{+id}").get, id=value).target.startswith("/v3/")

    fuzz(VALUE, door, amount)
    assert gateway.connections == before
    assert not gateway.requests


_XML = rb"""
<xml> </xml> <xml/> <a> </a> <a/> <sign> </sign> <![CDATA[ ]]> <!-- --> <?pi ?> <!ENTITY &a; &lt; &#0; &#x10ffff;
&#xd800; & < > " ' ]] return_code SUCCESS FAIL result_code x:a xmlns:x="u" encoding="gbk" <!DOCTYPE
<return_code>SUCCESS</return_code> <result_code>FAIL</result_code>
"""
_MORE_XML = [
    b' b="c"',
    b'<?xml version="1.0"?>',
    b"<!DOCTYPE xml>",
    b'<!DOCTYPE x [<!ENTITY a "b">]>',
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\0",
    b"\xe4\xb8\xad",
    b"\xed\xa0\x80",
]
XML_PIECES = st.sampled_from([*_XML.split(), *_MORE_XML])
XML = st.lists(XML_PIECES | st.binary(max_size=4), max_size=30).map(b"".join) | st.binary(max_size=200)
TREE = st.recursive(
    st.text(max_size=10) | st.integers() | st.none() | st.booleans() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@amounts("xml")
def test_any_xml_is_read_or_refused(amount: int) -> None:
    """And no document proves itself: without the key's sign it is an error of APIv2."""
    protocol = APIv2("1900000001", "k" * 32)

    def door(knock: tuple[bytes, Any]) -> None:
        document, tree = knock
        for around in (b"%s", b"<xml>%s</xml>", b"<xml>" * 3000 + b"%s"):
            with suppress(XMLError):
                assert isinstance(from_xml(around % document), dict)
        with pytest.raises((errors.VerificationError, errors.BusinessError)):
            protocol.verify_answer("POST", "/pay/orderquery", "/pay/orderquery", 200, {}, document)
        with suppress(errors.ChainError, XMLError):
            from_xml(to_xml({"a": tree}))

    fuzz(st.tuples(XML, TREE), door, amount)


HEADER = st.text(st.characters(max_codepoint=255), max_size=30) | st.text(max_size=10)
NAMES = ("Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature")
PATHS = ("/v3/certificates", "/v3/global/statements?date=1", "/hk/v3/statements", "/v3/billdownload/file")


@amounts("headers")
def test_any_headers_and_body_are_verified_or_refused(gateway: Sandbox, amount: int) -> None:
    """A true answer of which any part was changed is none, whatever else stands in its headers."""
    protocol: APIv3 = gateway.client(apiv3_key=None)._v3  # it asks for no key
    body, now, nonce = b'{"a":1}', str(int(time.time())), "nonce"
    true = {
        "Wechatpay-Timestamp": now,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": gateway.identity.public_key_id,
        "Wechatpay-Signature": asymmetric.sign(answer_text(now, nonce, body), gateway.identity.public_key),
    }
    assert protocol.verify_answer("GET", PATHS[0], PATHS[0], 200, true, body).verified

    def door(knock: tuple[Mapping[str, str], bytes, str, int]) -> None:
        changed, data, path, status = knock
        headers = {**true, **changed}
        same = data == body and all(headers[name] == true[name] for name in NAMES)
        try:
            proven = protocol.verify_answer("GET", path.partition("?")[0], path, status, headers, data)
        except errors.VerificationError as error:
            one_line(error)
            return
        assert proven.verified is (same and "statements" not in path) or path == PATHS[3] or status >= 300
        assert not (proven.verified and not same)

    names = st.sampled_from([*NAMES, "Wechatpay-Statement-Sha1", "Content-Type", "Retry-After"])
    bodies = st.just(body) | st.binary(max_size=60) | st.binary(max_size=20).map(lambda data: b"\x1f\x8b\x08" + data)
    statuses = st.sampled_from([200, 202, 204, 301, 400, 401, 500, 502])
    fuzz(st.tuples(st.dictionaries(names, HEADER, max_size=4), bodies, st.sampled_from(PATHS), statuses), door, amount)


_HTTP = rb"""
HTTP/1.1 HTTP/1.0 HTTP/2 HTTP/9.9 ICY 200 204 100 101 103 199 302 304 404 502 99 1000 -1 OK : ; , {"code":"A"} [] null
{"code":[]} <html>
"""
_HEADERS = rb"""
Content-Length: 5
Content-Length: -1
Content-Length: 99999999999999999999
Content-Length: x
Transfer-Encoding: chunked
Content-Encoding: gzip
Content-Encoding: br
Content-Encoding: deflate, gzip
Content-Type: text/html;charset=x
Connection: close
Location: //
Set-Cookie: a=b
Retry-After: 0
Wechatpay-Timestamp: 1
Wechatpay-Serial: x
"""
_CHUNKS = [
    b"5\r\nabcde\r\n",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"-5\r\n",
    b"zz\r\n",
    b"\x1f\x8b\x08",
    b"\xff",
    b"\0",
]
_ENDS = [b"\r\n", b"\r\n\r\n", b"\n\n", b"\r", b"\n", b" "]
HTTP_PIECES = st.sampled_from([*_HTTP.split(), *_HEADERS.strip().splitlines(), *_CHUNKS, *_ENDS])
HEAD = b"HTTP/1.1 200 OK\r\n"
TAIL = st.lists(HTTP_PIECES | st.binary(max_size=6), max_size=14)
LINES = st.lists(HTTP_PIECES, max_size=6).map(lambda lines: b"".join(line + b"\r\n" for line in lines) + b"\r\n")


def mutated(answer: bytes) -> st.SearchStrategy[bytes]:
    """A true answer with a few of its bytes replaced, cut out or put in."""
    cut = st.tuples(st.integers(0, len(answer)), st.integers(0, 3), HTTP_PIECES | st.binary(max_size=3))

    def change(cuts: list[tuple[int, int, bytes]]) -> bytes:
        changed = answer
        for at, length, piece in cuts:
            changed = changed[:at] + piece + changed[at + length :]
        return changed

    return st.lists(cut, min_size=1, max_size=3).map(change)


def true_answer(gateway: Sandbox) -> bytes:
    """The bytes of a signed 200."""
    answer = Answer.of(200, {"notify_url": "https://pay.weixin.qq.com"})
    answer.sign(gateway.platform, "")
    head = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    return f"HTTP/1.1 200 OK\r\n{head}Content-Length: {len(answer.body)}\r\n\r\n".encode("latin-1") + answer.body


@pytest.fixture
def saying() -> Iterator[tuple[str, list[bytes], list[int]]]:
    """A server that answers each request with the bytes in a list, and closes."""
    said: list[bytes] = [b""]

    def behave(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request_of(connection)
        connection.sendall(said[0])

    with raw_server(behave) as (url, accepted):
        yield url, said, accepted


@pytest.mark.parametrize("size", ["-5", "-2", "-1"])
def test_a_chunk_of_a_negative_size_is_an_error_of_requests(
    gateway: Sandbox, saying: tuple[str, list[bytes], list[int]], size: str
) -> None:
    """Where the caller reads the stream himself."""
    url, said, _ = saying
    said[0] = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n".encode()
    with gateway.client(base_url=url, timeout=(5, 5)) as wxpay:
        answer = wxpay.v3.billdownload.file.get(retry=False, stream=True)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            _ = answer.content


@amounts("answers")
def test_any_bytes_for_an_answer_are_survived(
    gateway: Sandbox,
    saying: tuple[str, list[bytes], list[int]],
    amount: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Over a real socket: an error of this package, or the true body; sent once, and no thread stays behind."""
    caplog.set_level(logging.CRITICAL, "urllib3")
    url, said, accepted = saying
    threads, true = threading.active_count(), true_answer(gateway)
    body = true.partition(b"\r\n\r\n")[2]

    def door(knock: tuple[bytes, int]) -> None:
        said[0], number = knock
        before = len(accepted)
        path = ("v3/certificates", "v3/billdownload/file")[number % 2]
        try:
            answer = wxpay.chain(path).get(retry=False, stream=number == 3)
            assert answer.content == body or path.endswith("/file")
            assert answer.verified is not path.endswith("/file")
        except errors.WechatpayError as error:
            one_line(error)
        except requests.RequestException:
            assert number == 3  # the caller reads the stream himself
        assert len(accepted) <= before + 1

    tail = TAIL.map(b"".join)
    replies = st.one_of(
        tail,
        tail.map(lambda rest: HEAD + rest),
        st.tuples(LINES, tail).map(lambda parts: HEAD + parts[0] + parts[1]),
        mutated(true),
    )
    with gateway.client(base_url=url, timeout=(5, 5), apiv3_key=None) as wxpay:  # no key is asked for
        fuzz(st.tuples(replies, st.integers(0, 3)), door, amount)
        said[0] = true
        assert wxpay.v3.certificates.get().verified
    assert eventually(lambda: threading.active_count() <= threads)
    assert not gateway.requests
