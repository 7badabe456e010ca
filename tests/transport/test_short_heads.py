"""Heads that a connection writes and reads itself are those that urllib3 and http.client would write and read."""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest
import urllib3
from hypothesis import example, given
from hypothesis import strategies as st

from tests.sockets import raw_server, request_of
from wechatpay_chain.transport.connection import with_fresh_connections

URL = "http://127.0.0.1:18080"
KIND: Any = with_fresh_connections(urllib3.PoolManager()).connection_from_url(URL).ConnectionCls
OPTIONS = {"chunked": False, "preload_content": False, "decode_content": False, "enforce_content_length": True}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Wire:
    """A socket that keeps what is sent, and says what it was given."""

    def __init__(self, said: bytes = b"", piece: int = 1 << 16) -> None:
        self.sent: list[bytes] = []
        self._said = io.BytesIO(said)
        self._piece = piece

    def sendall(self, data: bytes) -> None:
        self.sent.append(bytes(data))

    def makefile(self, mode: str, buffering: int = -1) -> Any:
        raw = _Pieces(self._said, self._piece)
        return raw if buffering == 0 else io.BufferedReader(raw)

    def settimeout(self, seconds: float | None) -> None:
        pass

    def gettimeout(self) -> None:
        return None

    def close(self) -> None:
        pass


class _Pieces(io.RawIOBase):
    def __init__(self, said: io.BytesIO, piece: int) -> None:
        self._said, self._piece = said, piece

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._said.read(min(self._piece, len(buffer)))
        buffer[: len(data)] = data
        return len(data)


def connection(warm: bool) -> Any:
    """One of this package's that has written a request before, or urllib3's."""
    if not warm:
        return urllib3.connection.HTTPConnection("127.0.0.1", 18080)
    made = KIND("127.0.0.1", 18080)
    made.sock = Wire(OK)
    made.request("POST", "/v3/x", b"{}", {"User-Agent": "a"}, **OPTIONS)
    assert made.getresponse().read() == b"ok"
    assert made._added == b"Host: 127.0.0.1:18080\r\nAccept-Encoding: identity\r\n"
    return made


def sent(warm: bool, *request: Any) -> bytes | type[BaseException]:
    """All bytes of a request, or what it raises."""
    made = connection(warm)
    made.sock = wire = Wire()
    try:
        made.request(*request, **OPTIONS)
    except (ValueError, UnicodeError, http.client.HTTPException) as error:
        assert not wire.sent
        return type(error)
    return b"".join(wire.sent)


NAMES = st.one_of(
    st.sampled_from(["Accept", "X-A", "Host", "accept-encoding", "Content-Length", "User-agent", "Authorization"]),
    st.text(st.sampled_from("aB-_!1 :\r\n\0é中"), max_size=3),
)
VALUES = st.one_of(st.text(st.sampled_from("ab ,\t\r\n\0\x7fé中"), max_size=5), st.just("4"))


@given(
    st.sampled_from(["GET", "POST", "DELETE", "PUT", "OPTIONS", "po st"]),
    st.sampled_from(["/v3/x?a=b", "/", "/a b", "http://h/x", "/\r\nX: y", "", "/%E4", "/é"]),
    st.sampled_from([None, b"", b'{"a":1}']),
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.booleans(),
)
@example("POST", "/v3/x", b"{}", {"A": "b\r\nC: d"}, True)
@example("POST", "/v3/x", b"{}", {"A": "b\r\n C: d"}, True)
@example("POST", "/v3/x", b"{}", {"A": "\r\n", "": "x"}, True)
@example("POST", "/v3/x", b"{}", {"Accept-Encoding": urllib3.util.SKIP_HEADER}, True)
def test_a_request_is_byte_for_byte_that_of_urllib3(
    method: str, url: str, body: bytes | None, headers: dict[str, str], named: bool
) -> None:
    """Whatever the fields are, refusals included."""
    headers = {**headers, "User-Agent": "wechatpay_chain"} if named else headers
    assert sent(True, method, url, body, headers) == sent(False, method, url, body, headers)


def read(warm: bool, said: bytes, piece: int, method: str = "POST") -> Any:
    """What becomes of an answer: all that can be seen of it, or what it raises."""
    made = connection(warm)
    made.sock = wire = Wire(said, piece)
    made.request(method, "/v3/x", None, {"User-Agent": "a"}, **OPTIONS)
    assert len(wire.sent) == 1
    try:
        response = made.getresponse()
        seen = (
            *(response.status, response.reason, response.version, response.length_remaining, response.url),
            *(getattr(response, "version_string", ""), response.retries, response.enforce_content_length),
            *(list(response.headers.iteritems()), response._original_response.msg.items()),
            *(response._original_response.msg.as_bytes(), response._original_response.msg.get_payload()),
            *(response._original_response.will_close, made.sock is None),
        )
        return (*seen, response.read())
    except (http.client.HTTPException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return type(error), str(error)


HEADS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200\r\ncontent-length:2\r\nX: \t a \t\r\n\r\nok",
    b"HTTP/1.1 400  Bad  Request \r\nContent-Length: 2\r\nX-Empty:\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2 \r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: " + b"0" * 30 + b"2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Close\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: a\r\n b\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n: x\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: \x85\xe9\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: a\rb\r\n\r\nok",
    b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n",
    b"HTTP/1.1 103 Early\r\nX: a\r\n\r\n" + OK,
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + b"A: b\r\n" * 120 + b"\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(120)) + b"\r\nok",
    b"",
    b"HTTP/1.1 200 OK\r\nContent-Le",
]


@pytest.mark.parametrize("piece", [1 << 16, 20])
@pytest.mark.parametrize("said", HEADS, ids=range(len(HEADS)))
def test_an_answer_is_read_as_http_client_reads_it(said: bytes, piece: int) -> None:
    """Whether its head is of the commonest form or not, and whether it comes at once or in pieces."""
    interim = said.startswith(b"HTTP/1.1 103")
    # http.client takes 103 for the answer itself; this package's reader leaves interim answers out.
    assert read(True, said, piece) == read(False, OK if interim else said, piece)


def test_the_commonest_answer_needs_no_parser() -> None:
    """Its message is made when somebody asks for it."""
    made = connection(True)
    made.sock = wire = Wire(HEADS[1])
    made.request("POST", "/v3/x", b"{}", {"User-Agent": "a"}, **OPTIONS)
    response = made.getresponse()
    assert len(wire.sent) == 1
    assert made.plain_fields == {"content-length": ("content-length", "2"), "x": ("X", "a \t")}
    assert response._original_response._message is None
    assert response._original_response.msg["x"] == "a \t"
    assert response.read() == b"ok"


@given(st.data())
def test_a_head_with_a_wrong_byte_is_read_as_http_client_reads_it(data: st.DataObject) -> None:
    """Any byte, anywhere in the head."""
    said = bytearray(data.draw(st.sampled_from(HEADS[:3])))
    at = data.draw(st.integers(len(b"HTTP/1.1 "), len(said) - 3))
    said[at : at + 1] = bytes(data.draw(st.lists(st.sampled_from(b"\0\t\n\r :a1\x0b\x1c\x7f\x85\xe9"), max_size=2)))
    if said[len(b"HTTP/1.1 ") : len(b"HTTP/1.1 ") + 1] != b"1":
        assert read(True, bytes(said), 1 << 16) == read(False, bytes(said), 1 << 16)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (http.client.HTTPConnection, "putheader"),
        (http.client.HTTPConnection, "endheaders"),
        (http.client.HTTPConnection, "getresponse"),
        (http.client.HTTPResponse, "begin"),
        (http.client, "parse_headers"),
        (urllib3.connection.HTTPConnection, "request"),
        (urllib3.connection.HTTPConnection, "putrequest"),
        (urllib3.connection.HTTPConnection, "getresponse"),
    ],
)
def test_a_tracer_sees_every_request(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it comes when the connection is in use already."""
    calls: list[str] = []
    original = getattr(owner, name)

    def traced(*args: Any, **options: Any) -> Any:
        calls.append(name)
        return original(*args, **options)

    made = connection(True)
    monkeypatch.setattr(owner, name, traced)
    made.sock = Wire(OK)
    made.request("POST", "/v3/x", b"{}", {"User-Agent": "a", "X-A": "b"}, **OPTIONS)
    assert made.getresponse().read() == b"ok"
    assert calls


def test_a_request_without_an_answer_is_forgotten() -> None:
    """The connection that sent it was closed, and is used again for a long body, which urllib3 sends itself."""
    made = connection(True)
    made.sock = Wire()
    made.request("POST", "/v3/x", b"{}", {"User-Agent": "a"}, **OPTIONS)
    made.close()
    for body in [b"x" * (1 << 17)] * 2:
        made.sock = Wire(OK)
        made.request("POST", "/v3/x", body, {"User-Agent": "a"}, **OPTIONS)
        assert made.getresponse().read(2) == b"ok"


def test_a_connection_is_used_again_after_either_way() -> None:
    """An answer that http.client had to read leaves the connection as any other does."""
    answers = [OK, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"] * 3
    received: list[bytes] = []

    def behave(sock: Any) -> None:
        for answer in answers:
            received.append(request_of(sock))
            sock.sendall(answer)

    with raw_server(behave) as (url, _):
        pool = with_fresh_connections(urllib3.PoolManager()).connection_from_url(url)
        for _ in answers:
            assert pool.urlopen("POST", "/v3/x", b"{}", {"User-Agent": "a"}, retries=False).data == b"ok"
        pool.close()
    assert len(set(received)) == 1
    assert pool.num_connections == 1
