from __future__ import annotations

import io
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import answers
from tests.openssl import authorization_fields, rightly_signed
from tests.sockets import raw_server, request_of, server_context
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.sandbox.answer import Received

CALLBACK = {"notify_url": "https://pay.weixin.qq.com"}
CALLS: dict[str, Callable[[Wechatpay], Any]] = {
    "GET": lambda wxpay: wxpay.v3.certificates.get(),
    "POST": lambda wxpay: wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post(CALLBACK),
}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", CALLS)
def test_a_redirect_is_not_followed(gateway: Sandbox, wxpay: Wechatpay, status: int, method: str) -> None:
    """The other host receives nothing, so no Authorization either; the error names it."""
    with Sandbox() as other:
        gateway.tamper = answers.bare(status, Location=f"{other.base_url}/v3/certificates")
        with pytest.raises(
            errors.ApiError, match=f"{status} redirect to {other.base_url}/v3/certificates not followed"
        ):
            CALLS[method](wxpay)
        assert not other.requests
        assert other.connections == 0
    assert len(gateway.requests) == 1


def test_a_url_of_another_host_is_refused(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Unless the caller names it as base_url."""
    with Sandbox() as other:
        with pytest.raises(errors.ChainError, match="is not a host of WeChat Pay; name it as base_url"):
            wxpay.chain(f"{other.base_url}/v3/certificates").get()
        assert other.connections == 0
        with pytest.raises(errors.SignError):
            wxpay.v3.certificates.get(base_url=other.base_url)
        assert len(other.requests) == 1
    assert not gateway.requests


def test_a_plain_request_is_never_sent(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The adapter sends what was signed, and nothing else, even through the inner session."""
    session = wxpay._session._own
    with pytest.raises(errors.ChainError, match="only requests that this client signed"):
        session.get(f"{gateway.base_url}/v3/certificates")
    with pytest.raises(requests.exceptions.InvalidSchema):
        session.get("http://127.0.0.1:9/")
    assert not gateway.requests


def test_netrc_changes_nothing(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An entry for the host would replace Authorization in a plain requests call."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(gateway.base_url) == ("someone", "secret")
    with gateway.client() as wxpay:
        wxpay.v3.certificates.get()
    assert gateway.requests[-1].headers["Authorization"].startswith("WECHATPAY2-SHA256-RSA2048 ")


def test_every_request_names_a_key(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Wechatpay-Serial, Accept, Content-Type and User-Agent are always there."""
    for call in CALLS.values():
        call(wxpay)
    for received in gateway.requests:
        assert received.headers["Wechatpay-Serial"] == gateway.identity.public_key_id
        assert received.headers["Accept"].startswith("application/json, ")
        assert received.headers["Content-Type"] == "application/json; charset=utf-8"
        assert received.headers["User-Agent"].startswith("wechatpay_chain/")


@pytest.mark.parametrize(
    "call",
    [
        lambda wxpay: wxpay.v3.a.get(params={"a": "b c'()*~%/?", "中": "文", "list": [1, 2]}),
        lambda wxpay: wxpay["v3/a b/%e4%b8?x=%7e'~ y"].get(),
        lambda wxpay: wxpay.v3._id_.get(id="a/b~%2F中 ?#"),
        lambda wxpay: wxpay.v3.a.post({"中": "文/\n\"'<>&", "emoji": "😀"}),
        lambda wxpay: wxpay.v3.a.post(data=b"\x00\xff\r\n\n"),
        lambda wxpay: wxpay.v3.a.delete(data={}),
        lambda wxpay: wxpay.v3.a.put(None),
        lambda wxpay: wxpay["v3/x/./../y/"].patch({}),
    ],
)
def test_what_is_signed_is_what_travels(gateway: Sandbox, wxpay: Wechatpay, call: Callable[[Any], Any]) -> None:
    """openssl verifies the signature over the very bytes that the server received."""
    with pytest.raises(errors.ClientError, match="404"):
        call(wxpay)
    received = gateway.requests[-1]
    assert received.verdict == ""
    assert rightly_signed(received, gateway.identity.merchant_key.public_key())


def test_openssl_refuses_what_was_changed(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The check above can fail."""
    CALLS["POST"](wxpay)
    received = gateway.requests[-1]
    changed = Received(received.method, received.target + "x", received.headers, received.body)
    assert not rightly_signed(changed, gateway.identity.merchant_key.public_key())


def test_threads_share_connections_not_nonces(gateway: Sandbox) -> None:
    """12 threads of 25 calls through one client: rightly signed, nonces all different, connections reused."""
    before = gateway.connections
    with gateway.client() as wxpay, ThreadPoolExecutor(12) as pool:
        together = threading.Barrier(12)

        def calls(thread: int) -> list[str]:
            together.wait()
            answers = [
                wxpay.chain("v3/marketing/partner/delivery-plan/<sp>/notify-url").post(
                    {"notify_url": f"https://a.example/{thread}/{number}"}, sp=f"{thread}-{number}"
                )
                for number in range(25)
            ]
            return [answer.data["notify_url"] for answer in answers]

        told = list(pool.map(calls, range(12)))
    assert told == [[f"https://a.example/{thread}/{number}" for number in range(25)] for thread in range(12)]
    assert len(gateway.requests) == 300
    assert not any(received.verdict for received in gateway.requests)
    nonces = {authorization_fields(received.headers)["nonce_str"] for received in gateway.requests}
    assert len(nonces) == 300
    assert gateway.connections - before <= 12


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_lost_behind_a_proxy_is_not_sent_again(
    gateway: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scheme: str
) -> None:
    """The proxy took the request: whether it was carried out is not known, so the next host does not get it."""
    context, certificate = server_context(tmp_path)
    received: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        if scheme == "https":
            assert request_of(connection).startswith(b"CONNECT a.example:443 ")
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            connection = context.wrap_socket(connection, server_side=True)
        received.append(request_of(connection))
        connection.close()

    with raw_server(behave) as (url, accepted):
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        lost = pytest.raises(errors.TransportError, match="may have been carried out")
        bases = [f"{scheme}://a.example", gateway.base_url]
        with gateway.client(base_url=bases, allow_http=True) as wxpay, lost as caught:
            CALLS["POST"](wxpay)
        assert len(accepted) == 1
    assert len(received) == 1
    assert b"notify_url" in received[0]
    assert [attempt.sent for attempt in caught.value.attempts] == [True]
    assert not gateway.requests


def test_a_tunnel_that_breaks_has_sent_nothing(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that refuses CONNECT, or loses the host while TLS begins: the next host gets the request."""
    answers_of_proxy = [b"HTTP/1.1 407 Who are you\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]

    def behave(connection: socket.socket) -> None:
        assert request_of(connection).startswith(b"CONNECT a.example:443 ")
        connection.sendall(answers_of_proxy[len(accepted) - 1])

    with raw_server(behave) as (url, accepted):
        monkeypatch.setenv("HTTPS_PROXY", url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        for _ in answers_of_proxy:
            with gateway.client(base_url=["https://a.example", gateway.base_url]) as wxpay:
                assert CALLS["POST"](wxpay).verified
        assert len(accepted) == 2
    assert len(gateway.requests) == 2


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_an_interim_answer_is_not_taken_for_an_answer(gateway: Sandbox, size: int) -> None:
    """Any but 101 is passed over, in whatever pieces it comes, and the next call has the same connection."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    interim = hints + b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
    answer = interim + b'HTTP/1.1 404 Not Found\r\nContent-Length: 12\r\n\r\n{"code":"X"}'

    def behave(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(2):
            request_of(connection)
            for at in range(0, len(answer), size):
                connection.sendall(answer[at : at + size])

    with raw_server(behave) as (url, accepted), gateway.client(base_url=url) as wxpay:
        for _ in range(2):
            with pytest.raises(errors.ClientError, match="404 X") as caught:
                CALLS["POST"](wxpay)
            assert caught.value.response.data == {"code": "X"}
        assert len(accepted) == 1


@pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing", b"103 Early Hints", b"199 X"])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_comes_before_the_answer_is_passed_over(gateway: Sandbox, status: bytes, count: int, call: Any) -> None:
    """However often, in one packet with the answer or before it; the connection is used again, call by call."""
    address = ("127.0.0.1", int(gateway.base_url.rpartition(":")[2]))
    hint = b"HTTP/1.1 " + status + b"\r\nLink: </a>; rel=preload\r\nWechatpay-Signature: x\r\n\r\n"

    def behave(connection: socket.socket) -> None:
        while data := request_of(connection):
            with socket.create_connection(address) as behind:
                behind.sendall(data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
                answer = b"".join(iter(lambda: behind.recv(65536), b""))
            for _ in range(count):
                connection.sendall(hint)
            connection.sendall(answer.replace(b"Connection: close\r\n", b"", 1))

    with raw_server(behave) as (url, accepted), gateway.client(base_url=url) as wxpay:
        for _ in range(2):
            assert call(wxpay).verified
        assert len(accepted) == 1
    assert len(gateway.requests) == 2


def test_a_forked_child_opens_connections_of_its_own(gateway: Sandbox) -> None:
    """On a shared connection parent and child would read each other's answers."""
    with gateway.client() as wxpay:
        wxpay.v3.certificates.get()
        before = gateway.connections
        child = os.fork()
        if not child:
            os._exit(0 if wxpay.v3.certificates.get().verified else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert gateway.connections == before + 1
        wxpay.v3.certificates.get()
        assert gateway.connections == before + 1


def test_there_is_a_time_out_by_default(wxpay: Wechatpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """5 s to connect and 30 s to read, unless the call says otherwise."""
    seen: list[Any] = []
    adapter = wxpay._session._adapter
    ask = adapter._ask

    def spying(request: Any, pool: Any, timeout: Any, *rest: Any) -> Any:
        seen.append(timeout)
        return ask(request, pool, timeout, *rest)

    monkeypatch.setattr(adapter, "_ask", spying)
    wxpay.v3.certificates.get()
    wxpay.v3.certificates.get(timeout=(1, 2))
    assert seen == [(5.0, 30.0), (1.0, 2.0)]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("REQUESTS_CA_BUNDLE", "/nowhere.pem", "invalid path: /nowhere.pem"),
        ("HTTPS_PROXY", "http://", "proxy in the environment is no URL"),
        ("HTTPS_PROXY", "http://user:hush@", "proxy in the environment is no URL"),
        ("HTTPS_PROXY", "http://127.0.0.1:9", "Unable to connect to proxy"),
    ],
)
def test_an_environment_that_cannot_work_sends_nothing(
    gateway: Sandbox, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    """A CA bundle or a proxy that is not there is told as such."""
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("NO_PROXY", "")
    refused = pytest.raises(errors.TransportError, match=f"nothing was sent: https://a.example: .*{words}")
    with gateway.client(base_url="https://a.example") as wxpay, refused as caught:
        CALLS["POST"](wxpay)
    assert [attempt.sent for attempt in caught.value.attempts] == [False]


def test_a_sink_receives_the_verified_body(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """A path or a file; nothing is written of an answer that is not verified."""
    answer = wxpay.v3.certificates.get(sink=tmp_path / "a.json")
    assert (tmp_path / "a.json").read_bytes() == answer.content != b""
    file = io.BytesIO()
    answer = wxpay.v3.certificates.get(sink=file)
    assert file.getvalue() == answer.content
    gateway.tamper = answers.changed
    with pytest.raises(errors.SignatureMismatch):
        wxpay.v3.certificates.get(sink=tmp_path / "b.json")
    assert {path.name for path in tmp_path.iterdir()} == {"a.json"}
    gateway.requests.clear()
    for sink in (tmp_path, tmp_path / "none" / "a.json", io.StringIO(), 5):
        with pytest.raises(errors.ChainError, match=r"^sink: .*nothing was sent$"):
            wxpay.v3.certificates.get(sink=sink)
    assert not gateway.requests
