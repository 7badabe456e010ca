"""The server, over raw sockets: every client's way to write a request, and what no client should send."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import resource
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.by_hand import CERTIFICATES, NATIVE, authorization, connected, order, read, request, send
from tests.sockets import eventually
from wechatpay_chain import Sandbox, errors


def chunked(body: bytes, size: int, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    """A body in chunks of ``size`` bytes."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces)
    return chunks + b"0\r\n" + trailers + b"\r\n"


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(("extension", "trailers"), [(b"", b""), (b" ;a=b", b"X-Trailer: 1\r\nY: 2\r\n")])
def test_a_body_in_chunks_is_read(gateway: Sandbox, size: int, extension: bytes, trailers: bytes) -> None:
    """Of any size, with extensions and trailers, as clients send what they stream."""
    body = order(gateway, f"chunked{size}{len(trailers)}")
    text = request(gateway, "POST", NATIVE, body, headers={"Transfer-Encoding": "chunked"}, length=False)
    answer = send(gateway, text + chunked(body, size, extension, trailers))
    assert (answer.status, list(answer.told)) == (200, ["code_url"])
    assert gateway.requests[-1].body == body


def test_who_waits_to_be_asked_for_a_body_is_asked(gateway: Sandbox) -> None:
    """``100 Continue`` comes before the body is sent, as curl waits for it."""
    body = order(gateway, "expect100")
    with connected(gateway) as connection:
        text = request(gateway, "POST", NATIVE, body, headers={"Expect": "100-continue"})
        connection.sendall(text.removesuffix(body))
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read(connection).status == 200


def test_a_body_that_is_too_long_is_never_asked_for(gateway: Sandbox) -> None:
    """The refusal is the first thing that is said."""
    for length, expected, status in ((1 << 40, "100-continue", 413), (1, "a-coffee", 417)):
        text = f"POST {NATIVE} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nExpect: {expected}\r\n\r\n"
        assert send(gateway, text).status == status


def test_http_1_0_ends_with_the_connection(gateway: Sandbox) -> None:
    """Unless the client asks to keep it."""
    with connected(gateway) as connection:
        connection.sendall(request(gateway, version="HTTP/1.0"))
        assert read(connection).status == 200
        assert connection.recv(1) == b""
    with connected(gateway) as connection:
        for _ in range(3):
            connection.sendall(request(gateway, version="HTTP/1.0", headers={"Connection": "keep-alive"}))
            answer = read(connection)
            assert (answer.status, answer.headers["Connection"]) == (200, "keep-alive")


def test_a_connection_is_kept_until_the_client_says_close(gateway: Sandbox) -> None:
    """And says for how many seconds."""
    with connected(gateway) as connection:
        for _ in range(3):
            connection.sendall(request(gateway))
            assert read(connection).headers["Keep-Alive"] == "timeout=8"
        connection.sendall(request(gateway, headers={"Connection": "close"}))
        assert read(connection).headers["Connection"] == "close"
        assert connection.recv(1) == b""


def test_requests_that_come_at_once_are_answered_in_their_order(gateway: Sandbox) -> None:
    """Pipelining: a hundred on one connection."""
    before = gateway.connections
    page = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    text = b"".join(request(gateway) + page for _ in range(50))
    with connected(gateway) as connection:
        sender = threading.Thread(target=connection.sendall, args=(text,), daemon=True)
        sender.start()
        reader = connection.makefile("rb")
        for kind in ("application/json", "text/html") * 50:
            assert reader.readline() == b"HTTP/1.1 200 OK\r\n"
            headers = http.client.parse_headers(reader)
            assert headers.get_content_type() == kind
            assert len(reader.read(int(headers["Content-Length"]))) == int(headers["Content-Length"])
        sender.join()
    assert gateway.connections == before + 1


def test_a_head_is_answered_as_get_without_the_body(gateway: Sandbox) -> None:
    """With the length that GET's body has; signed over HEAD; and the connection stays usable."""
    with connected(gateway) as connection:
        for _ in range(2):
            connection.sendall(request(gateway, "HEAD"))
            answer = read(connection, "HEAD")
            assert (answer.status, answer.body) == (200, b"")
            assert int(answer.headers["Content-Length"]) > 100
            assert "Wechatpay-Signature" in answer.headers
    assert send(gateway, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD").status == 200


def test_a_proxys_form_of_the_target_is_read(gateway: Sandbox) -> None:
    """``GET http://host/path``: scheme and host are no part of what is signed."""
    assert send(gateway, request(gateway, sent=f"http://api.example{CERTIFICATES}")).status == 200


@pytest.mark.parametrize("query", ["?a=%7e%7E~&b=%2f%2F/&c=%20+", "??&&=", "?é=书", "?a=http://x//y", "?%zz"])
def test_the_target_is_signed_as_it_travels(gateway: Sandbox, query: str) -> None:
    """Escapes of either case, what is no escape, and UTF-8 text stay what they are."""
    assert send(gateway, request(gateway, "GET", CERTIFICATES + query)).status == 200
    assert gateway.requests[-1].target == CERTIFICATES + query


def test_the_page_says_what_this_is(gateway: Sandbox) -> None:
    """In a browser, without a signature."""
    with requests.Session() as browser:
        answer = browser.get(gateway.base_url, timeout=10)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert gateway.base_url in answer.text
    assert gateway.mchid in answer.text
    assert "WeChat Pay" in answer.text
    links = re.findall('href="([^"]*)"', answer.text)
    with requests.Session() as browser:
        assert [browser.get(gateway.base_url + link, timeout=10).status_code for link in links] == [200] * 5
    assert "微信支付" in answer.text
    secret = gateway.identity
    assert not [text for text in (secret.apiv3_key, secret.secret, "PRIVATE KEY") if text in answer.text]


HOST = "Host: x\r\n"
POST = f"POST {NATIVE} HTTP/1.1\r\n"
# What is no request, and the status of its answer.
BROKEN: dict[str, tuple[str, int]] = {
    "no words": ("\x01\x02\x03\r\n\r\n", 400),
    "one word": ("GET\r\n\r\n", 400),
    "two words, HTTP/0.9": ("GET /\r\n\r\n", 400),
    "four words": ("GET / x HTTP/1.1\r\n\r\n", 400),
    "another protocol": ("GET / SPDY/3\r\n\r\n", 400),
    "HTTP/2": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "a target of 100 KB": (f"GET /{'x' * 100_000} HTTP/1.1\r\n{HOST}\r\n", 414),
    "a header of 100 KB": (f"GET / HTTP/1.1\r\n{HOST}X: {'x' * 100_000}\r\n\r\n", 431),
    "a thousand headers": ("GET / HTTP/1.1\r\n" + "X: y\r\n" * 1000 + "\r\n", 431),
    "no host": ("GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (f"GET / HTTP/1.1\r\n{HOST}{HOST}\r\n", 400),
    "NUL in the target": (f"GET /v3/\0 HTTP/1.1\r\n{HOST}\r\n", 400),
    "NUL in a header": (f"GET / HTTP/1.1\r\n{HOST}X: a\0b\r\n\r\n", 400),
    "NUL in a name": (f"GET / HTTP/1.1\r\n{HOST}X\0: b\r\n\r\n", 400),
    "a return in a header": (f"GET / HTTP/1.1\r\n{HOST}X: a\rAuthorization: b\r\n\r\n", 400),
    "a space before the colon": (f"{POST}{HOST}Content-Length : 5\r\n\r\nabcde", 400),
    "no colon": (f"GET / HTTP/1.1\r\n{HOST}Authorization\r\n\r\n", 400),
    "base64 in lines": (f'GET / HTTP/1.1\r\n{HOST}Authorization: X signature="abc\r\ndef"\r\n\r\n', 400),
    "a folded header": (f"GET / HTTP/1.1\r\n{HOST}X: a\r\n b\r\n\r\n", 400),
    "a first line that is folded": (f"GET / HTTP/1.1\r\n X: a\r\n{HOST}\r\n", 400),
    "two authorizations": (f"GET / HTTP/1.1\r\n{HOST}Authorization: a\r\nAuthorization: b\r\n\r\n", 400),
    "a negative length": (f"{POST}{HOST}Content-Length: -5\r\n\r\n", 400),
    "a length with a sign": (f"{POST}{HOST}Content-Length: +5\r\n\r\nabcde", 400),
    "a length in words": (f"{POST}{HOST}Content-Length: five\r\n\r\n", 400),
    "a length in Arabic digits": (f"{POST}{HOST}Content-Length: ٥\r\n\r\n", 400),
    "a length of 5,000 digits": (f"{POST}{HOST}Content-Length: {'9' * 5000}\r\n\r\n", 400),
    "two lengths": (f"{POST}{HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400),
    "two lengths in one": (f"{POST}{HOST}Content-Length: 5, 5\r\n\r\nabcde", 400),
    "a terabyte": (f"{POST}{HOST}Content-Length: {1 << 40}\r\n\r\n", 413),
    "chunks and a length": (f"{POST}{HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks in HTTP/1.0": (f"POST {NATIVE} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks twice": (f"{POST}{HOST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
    "another coding": (f"{POST}{HOST}Transfer-Encoding: gzip\r\n\r\n", 501),
    "an xchunked coding": (f"{POST}{HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    "a size in words": (f"{POST}{HOST}Transfer-Encoding: chunked\r\n\r\nfive\r\nabcde\r\n0\r\n\r\n", 400),
    "a size with 0x": (f"{POST}{HOST}Transfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n", 400),
    "a negative size": (f"{POST}{HOST}Transfer-Encoding: chunked\r\n\r\n-5\r\nabcde\r\n0\r\n\r\n", 400),
    "a size of nothing": (f"{POST}{HOST}Transfer-Encoding: chunked\r\n\r\n\r\nabcde\r\n0\r\n\r\n", 400),
    "a size without a return": (f"{POST}{HOST}Transfer-Encoding: chunked\r\n\r\n5\nabcde\r\n0\r\n\r\n", 400),
    "an enormous size": (f"{POST}{HOST}Transfer-Encoding: chunked\r\n\r\n{'f' * 16}\r\nabcde", 413),
    "a size of 17 digits": (f"{POST}{HOST}Transfer-Encoding: chunked\r\n\r\n{'0' * 16}5\r\nabcde\r\n0\r\n\r\n", 400),
    "a chunk that is longer": (f"{POST}{HOST}Transfer-Encoding: chunked\r\n\r\n2\r\nabcde\r\n0\r\n\r\n", 400),
    "an endless extension": (f"{POST}{HOST}Transfer-Encoding: chunked\r\n\r\n5;{'x' * 10_000}\r\nabcde", 400),
    "endless trailers": (f"{POST}{HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n{'X: y' * 9000}\r\n\r\n", 400),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_request_is_refused_and_the_connection_ends(gateway: Sandbox, name: str) -> None:
    """In WeChat Pay's shape with the reason, unsigned, and nothing after it is read as a request."""
    text, status = BROKEN[name]
    with connected(gateway) as connection:
        connection.sendall(text.encode() + request(gateway))
        answer = read(connection)
        assert connection.recv(1) == b""
    assert answer.status == status
    assert answer.told["code"] == "INVALID_REQUEST"
    assert len(answer.told["message"]) > 40
    assert "\n" not in answer.told["message"]
    assert "Wechatpay-Signature" not in answer.headers
    assert not gateway.requests
    assert send(gateway, request(gateway)).status == 200


@pytest.mark.parametrize(
    "text",
    [
        "GET /v3/certificates HTT",
        f"GET {CERTIFICATES} HTTP/1.1\r\nHost: x\r\nAccept: a",
        f"{POST}{HOST}Content-Length: 10\r\n\r\nabc",
        f"{POST}{HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
        f"{POST}{HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
        f"{POST}{HOST}Content-Length: 200\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-D",
        "",
    ],
)
def test_half_a_request_leaves_nothing_behind(gateway: Sandbox, text: str) -> None:
    """A client that stops in the middle: no order, no open connection, and the next client is answered."""
    with connected(gateway) as connection:
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while connection.recv(65536):
                pass
    assert not gateway.requests
    assert eventually(lambda: gateway.open_connections == 0)
    assert send(gateway, request(gateway)).status == 200


def test_a_long_body_that_is_refused_does_not_lose_the_answer(gateway: Sandbox) -> None:
    """A client that sends all before it reads still reads 413, and no reset."""
    size = 33 * 1024 * 1024
    with connected(gateway) as connection:
        connection.sendall(f"{POST}{HOST}Content-Length: {size}\r\n\r\n".encode())
        connection.sendall(b"x" * size)
        assert read(connection).status == 413


def test_who_speaks_tls_to_a_plain_port_is_told(gateway: Sandbox) -> None:
    """The beginning of a handshake is answered in words, without waiting for a line that never ends."""
    with connected(gateway) as connection:
        connection.sendall(bytes.fromhex("160301020001000001fc0303"))
        answer = read(connection)
    assert (answer.status, "http://" in answer.told["message"]) == (400, True)
    with pytest.raises(ssl.SSLError):
        send(gateway, request(gateway), tls=ssl.create_default_context())


def test_a_thousand_idle_sockets_keep_nobody_waiting(monkeypatch: pytest.MonkeyPatch, gateway: Sandbox) -> None:
    """Nor do clients that have sent half a head."""
    # On a busy machine the first would be closed for their idleness before the last is there.
    monkeypatch.setattr("wechatpay_chain.sandbox.server.Connection.timeout", 60)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for at in range(1000):
            connection = stack.enter_context(connected(gateway))
            if at % 2:
                connection.sendall(b"GET / HTTP/1.1\r\nHo")
        for _ in range(20):
            assert send(gateway, request(gateway)).status == 200
        assert gateway.open_connections >= 1000
    assert eventually(lambda: gateway.open_connections == 0)


def test_a_request_may_come_byte_by_byte(gateway: Sandbox) -> None:
    """Head, chunks and body, each byte a packet of its own."""
    body = order(gateway, "slow000001")
    text = request(gateway, "POST", NATIVE, body, headers={"Transfer-Encoding": "chunked"}, length=False)
    with connected(gateway) as connection:
        for byte in text + chunked(body, 100):
            connection.sendall(bytes((byte,)))
        assert read(connection).status == 200


SIGNS = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b'"',
    b"\xff",
    b"%",
    b"0",
    b"-1",
    b"HTTP/1.1",
    b"--b0\r\n",
]
FIELDS = [b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n"]
PIECES = st.sampled_from([*SIGNS, *FIELDS, b"A" * 70_000])
PLACE = st.floats(0, 1, exclude_max=True)
CHANGES = st.lists(st.tuples(PLACE, st.integers(0, 40), PIECES | st.binary(max_size=4)), min_size=1, max_size=6)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3), CHANGES)
def test_any_bytes_are_answered_or_hung_up_on(
    gateway: Sandbox, kind: int, changes: list[tuple[float, int, bytes]]
) -> None:
    """Requests of every kind after cuts and insertions: no answer is garbage, and none a failure inside."""
    body = order(gateway, "anybytes01")
    form = b'--b0\r\nContent-Disposition: form-data; name="meta"\r\n\r\n{}\r\n--b0--\r\n'
    chunks: dict[str, str | None] = {"Transfer-Encoding": "chunked"}
    text = (
        lambda: request(gateway),
        lambda: request(gateway, "POST", NATIVE, body),
        lambda: request(gateway, "POST", NATIVE, body, headers=chunks, length=False) + chunked(body, 50),
        lambda: request(gateway, "POST", NATIVE, form, headers={"Content-Type": "multipart/form-data"}),
    )[kind]()
    for place, cut, piece in changes:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + cut :]
    answered = b""
    with connected(gateway) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(text)
        with contextlib.suppress(OSError):  # who has been hung up on already is not connected
            connection.shutdown(socket.SHUT_WR)
        while block := connection.recv(65536):
            answered += block
    assert answered == b"" or answered.startswith(b"HTTP/1.1 ")
    assert not answered.startswith(b"HTTP/1.1 500")
    assert send(gateway, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").status == 200


def test_an_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch, gateway: Sandbox) -> None:
    """After the seconds that ``Keep-Alive`` tells."""
    monkeypatch.setattr("wechatpay_chain.sandbox.server.Connection.timeout", 0.3)
    text = request(gateway)
    with connected(gateway) as connection:
        connection.sendall(text)
        assert read(connection).status == 200
        assert connection.recv(1) == b""


def test_what_fails_inside_is_a_system_error(
    monkeypatch: pytest.MonkeyPatch, gateway: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """500 in WeChat Pay's shape, the connection stays, and the log has the reason."""

    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("the reason")

    with connected(gateway) as connection:
        with monkeypatch.context() as patched:
            patched.setattr("wechatpay_chain.sandbox.authorization.check", fail)
            connection.sendall(request(gateway))
            answer = read(connection)
        assert (answer.status, answer.told["code"]) == (500, "SYSTEM_ERROR")
        assert "the reason" in caplog.text
        connection.sendall(request(gateway))
        assert read(connection).status == 200


def test_a_port_in_use_says_which_and_what_to_do(gateway: Sandbox) -> None:
    """ConfigError, as every mistake in a configuration is."""
    port = int(gateway.base_url.rpartition(":")[2])
    with pytest.raises(errors.ConfigError, match=f"port: {port} is in use on 127.0.0.1; .*another port, or 0"):
        Sandbox(port)


@pytest.mark.parametrize(
    ("port", "host", "told"),
    [(70000, "127.0.0.1", "port: .*70000"), (-1, "::1", "port: "), (0, "192.0.2.1", "host: ")],
)
def test_a_port_or_host_that_is_none_is_told(port: int, host: str, told: str) -> None:
    """Which of both, and what was found."""
    with pytest.raises(errors.ConfigError, match=told):
        Sandbox(port, host)


def has_ipv6() -> bool:
    """Whether this machine has the loopback address of IPv6."""
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0", *(["::1", "::"] if has_ipv6() else [])])
def test_another_host_is_served(host: str) -> None:
    """Names, all addresses, and IPv6, whose address stands in brackets."""
    with Sandbox(host=host) as gateway, gateway.client() as wxpay:
        assert ("[" in gateway.base_url) == (":" in host)
        assert wxpay.v3.certificates.get().ok


@pytest.fixture(scope="module")
def tls() -> Iterator[Sandbox]:
    with Sandbox(tls=True) as gateway:
        yield gateway


@pytest.fixture
def trust(tls: Sandbox, tmp_path: Path) -> Path:
    """The file of the sandbox's authority."""
    path = tmp_path / "ca.pem"
    path.write_text(tls.identity.server_authority.pem)
    return path


def test_tls_is_served_under_the_sandboxs_authority(tls: Sandbox, trust: Path) -> None:
    """A client that trusts it and nothing else is answered, by address and by name."""
    context = ssl.create_default_context(cafile=str(trust))
    assert send(tls, request(tls), tls=context).status == 200
    assert tls.base_url.startswith("https://127.0.0.1:")
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(tls.base_url.replace("127.0.0.1", "localhost"), verify=str(trust), timeout=10)
    assert page.status_code == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        send(tls, request(tls), tls=ssl.create_default_context())


def test_its_own_clients_trust_a_tls_sandbox() -> None:
    """Of every kind, without a word about certificates; the file goes when the sandbox closes."""
    with Sandbox(tls=True) as gateway:
        file = gateway.ca_file
        assert file is not None
        assert file.read_text() == gateway.identity.server_authority.pem
        with gateway.client() as wxpay, gateway.builder() as instance, gateway.brand_client() as brand:
            assert wxpay.v3.certificates.get().ok
            assert instance.v3.certificates.get().getStatusCode() == 200
            assert brand.brand.x.get().ok
            fields = {"mch_id": gateway.mchid, "appid": "wx1", "out_trade_no": "nobodymade", "out_refund_no": "r1"}
            with pytest.raises(errors.BusinessError, match="ORDERNOTEXIST"):
                wxpay.v2.secapi.pay.refund.post({**fields, "total_fee": 1, "refund_fee": 1}, security=True)
            with pytest.raises(errors.BusinessError, match="商户API证书校验出错"):
                wxpay.v2.secapi.pay.refund.post({**fields, "total_fee": 1, "refund_fee": 1})
    assert not file.exists()


def test_the_command_serves_tls() -> None:
    """``--tls`` prints, beside the merchant, the file that clients have to trust."""
    command = [sys.executable, "-m", "wechatpay_chain", "sandbox", "--tls", "--json", "--host", "localhost"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, requests.Session() as session:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            session.trust_env = False
            assert told["base_url"].startswith("https://")
            answer = session.get(f"{told['base_url']}/_/health", verify=told["requests_ca_bundle"], timeout=10)
            assert answer.json()["mchid"] == told["mchid"]
        finally:
            process.terminate()
    assert not Path(told["requests_ca_bundle"]).exists()


def test_a_strict_client_takes_the_certificates(tls: Sandbox, trust: Path) -> None:
    """RFC 5280 to the letter, as Python 3.13 asks for by itself."""
    context = ssl.create_default_context(cafile=str(trust))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert send(tls, request(tls), tls=context).status == 200


def test_urls_for_download_are_https_under_tls(tls: Sandbox, trust: Path) -> None:
    """They begin as the address does that the client called."""
    target = "/v3/bill/tradebill?bill_date=2020-01-02&rows=1"
    context = ssl.create_default_context(cafile=str(trust))
    answer = send(tls, request(tls, "GET", target), tls=context)
    assert answer.told["download_url"].startswith(f"{tls.base_url}/v3/billdownload/file?")


def test_a_merchants_certificate_is_seen(tls: Sandbox, trust: Path, tmp_path: Path) -> None:
    """Its serial is the merchant's; who shows none, and who shows another authority's, is told apart."""
    entry = tls.identity.merchant_entry
    (tmp_path / "merchant.pem").write_text(entry["cert"] + entry["key"])
    context = ssl.create_default_context(cafile=str(trust))
    send(tls, request(tls), tls=context)
    assert tls.requests[-1].client[:2] == ("https", "")
    context.load_cert_chain(tmp_path / "merchant.pem")
    send(tls, request(tls), tls=context)
    assert tls.requests[-1].client[:2] == ("https", tls.identity.serial)


def test_a_certificate_of_another_sandbox_is_refused(
    tls: Sandbox, trust: Path, tmp_path: Path, gateway: Sandbox
) -> None:
    """In the handshake, as no certificate of a stranger passes."""
    entry = gateway.identity.merchant_entry
    (tmp_path / "stranger.pem").write_text(entry["cert"] + entry["key"])
    context = ssl.create_default_context(cafile=str(trust))
    context.load_cert_chain(tmp_path / "stranger.pem")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        send(tls, request(tls), tls=context)
    assert send(tls, request(tls), tls=ssl.create_default_context(cafile=str(trust))).status == 200


def test_who_speaks_plain_http_to_a_tls_port_is_told(tls: Sandbox) -> None:
    """In plain text, since it cannot read TLS."""
    answer = send(tls, request(tls))
    assert (answer.status, "https://" in answer.told["message"]) == (400, True)


def test_a_handshake_that_never_comes_keeps_nobody_waiting(tls: Sandbox, trust: Path) -> None:
    """It has a thread of its own."""
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(connected(tls))
        assert send(tls, request(tls), tls=ssl.create_default_context(cafile=str(trust))).status == 200


def test_a_form_without_a_boundary_is_read(gateway: Sandbox) -> None:
    """wechatpayv3 sends such forms: the first line is the delimiter."""
    meta = b'{"filename":"a.jpg","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}'
    form = b'--b0\r\nContent-Disposition: form-data; name="meta"\r\n\r\n' + meta + b"\r\n"
    form += (
        b'--b0\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\nabc'
    )
    form += b"\r\n--b0--\r\n"
    target = "/v3/merchant/media/upload"
    signed = authorization(gateway, "POST", target, meta)
    for kind in ("multipart/form-data", "multipart/form-data; boundary=b0", 'multipart/form-data; boundary="b0"'):
        headers: dict[str, str | None] = {"Content-Type": kind, "Authorization": signed}
        answer = send(gateway, request(gateway, "POST", target, form, headers=headers))
        assert (answer.status, list(answer.told)) == (200, ["media_id"])
        assert gateway.requests[-1].body == form
        headers = {**headers, "Transfer-Encoding": "chunked"}
        text = request(gateway, "POST", target, form, headers=headers, length=False)
        assert send(gateway, text + chunked(form, 10)).status == 200


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"--\r\n",
        b"no delimiter\r\n--b0--",
        b"--b0",
        b"--b0\r\n",
        b"--" + b"x" * 5000,
        b"--b0\r\nContent-Disposition: form-data; name=meta\r\n\r\n{}",
        b"--b0\r\n" + b"X: y\r\n" * 10_000,
        b"--b0\r\nContent-Disposition: form-data; name=meta\r\n\r\n" + b"x" * 3_000_000 + b"\r\n--b0--",
    ],
)
def test_a_broken_form_is_refused(gateway: Sandbox, form: bytes) -> None:
    """With the reason; nothing is stored, and the next client is answered."""
    headers: dict[str, str | None] = {"Content-Type": "multipart/form-data", "Content-Length": str(len(form))}
    answer = send(gateway, request(gateway, "POST", "/v3/merchant/media/upload", form, headers=headers))
    assert answer.status in (400, 413)
    assert json.loads(answer.body)["message"]
    assert send(gateway, request(gateway)).status == 200
