from __future__ import annotations

import io
import os
import pickle
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests import answers
from tests.openssl import authorization_fields, rightly_signed
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.sandbox.answer import Received
from wechatpay_chain.sandbox.identity import private_pem

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
    session = wxpay._session._session
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


@contextmanager
def raw_server(behave: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[int]]]:
    """A server that does with each connection what ``behave`` does; its URL and a list that grows with each."""
    accepted: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                accepted.append(1)
                with connection:
                    behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", accepted
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("method", CALLS)
def test_a_host_that_is_down_is_followed_by_the_next(gateway: Sandbox, method: str) -> None:
    """Nothing was sent to the first, so the second gets the request, newly signed."""
    with gateway.client(base_url=[closed_port(), gateway.base_url]) as wxpay:
        CALLS[method](wxpay)
    assert len(gateway.requests) == 1
    assert gateway.requests[0].verdict == ""


def test_when_every_host_is_down_each_attempt_is_told(gateway: Sandbox) -> None:
    """attempts has host, error and whether anything was sent."""
    hosts = [closed_port(), closed_port()]
    with (
        gateway.client(base_url=hosts) as wxpay,
        pytest.raises(errors.TransportError, match="nothing was sent") as caught,
    ):
        wxpay.v3.certificates.get()
    assert [attempt.host for attempt in caught.value.attempts] == hosts
    assert not any(attempt.sent for attempt in caught.value.attempts)
    assert not isinstance(caught.value, errors.TimedOut)
    assert isinstance(caught.value, requests.ConnectionError)
    assert pickle.loads(pickle.dumps(caught.value)).attempts == caught.value.attempts


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_a_broken_answer_is_never_asked_for_twice(gateway: Sandbox, method: str, answer: bytes) -> None:
    """The request may have been carried out, so the next host does not get it."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with raw_server(behave) as (url, accepted), gateway.client(base_url=[url, gateway.base_url]) as wxpay:
        with pytest.raises(errors.TransportError, match="may have been carried out") as caught:
            CALLS[method](wxpay)
        assert len(accepted) == 1
    assert caught.value.attempts[0].sent is True
    assert not gateway.requests


def test_a_slow_answer_times_out(gateway: Sandbox) -> None:
    """TimedOut is a TransportError and a requests.Timeout; the request went out once."""
    over = threading.Event()

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        over.wait(10)

    with (
        raw_server(behave) as (url, accepted),
        gateway.client(base_url=[url, gateway.base_url], timeout=(2, 0.2)) as wxpay,
    ):
        with pytest.raises(errors.TimedOut, match="may have been carried out") as caught:
            wxpay.v3.certificates.get(timeout=(2, 0.2))
        over.set()
        assert isinstance(caught.value, requests.Timeout)
        assert len(accepted) == 1
    assert not gateway.requests


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_lost_behind_a_proxy_is_not_sent_again(
    gateway: Sandbox, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """The proxy took the request: whether it was carried out is not known, so the next host does not get it."""

    def behave(connection: socket.socket) -> None:
        if connection.recv(65536).startswith(b"CONNECT"):
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            connection.recv(65536)

    with raw_server(behave) as (url, accepted):
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        lost = pytest.raises(errors.TransportError, match="may have been carried out")
        with gateway.client(base_url=[f"{scheme}://a.example", gateway.base_url]) as wxpay, lost as caught:
            CALLS["POST"](wxpay)
        assert len(accepted) == 1
    assert caught.value.attempts[0].sent is True
    assert not gateway.requests


def test_an_interim_answer_is_not_taken_for_an_answer(gateway: Sandbox) -> None:
    """Nor is what follows it taken for the answer to the next call: the connection ends."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        connection.recv(65536)

    with raw_server(behave) as (url, accepted), gateway.client(base_url=url) as wxpay:
        for calls in (1, 2):
            with pytest.raises(errors.TransportError, match="interim answer"):
                wxpay.v3.certificates.get()
            assert len(accepted) == calls


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
    exchange = adapter._exchange

    def spying(request: Any, pool: Any, timeout: Any, *rest: Any) -> Any:
        seen.append(timeout)
        return exchange(request, pool, timeout, *rest)

    monkeypatch.setattr(adapter, "_exchange", spying)
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


def test_an_untrusted_certificate_sends_nothing(gateway: Sandbox, tmp_path: Path) -> None:
    """TLS is checked before a byte of the request leaves."""
    key = answers.another_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 5, now - timedelta(1), now + timedelta(1))
    ).sign(key, hashes.SHA256())
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (tmp_path / "key.pem").write_text(private_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    received: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                received.append(secured.recv(65536))
        except OSError:
            pass

    with raw_server(behave) as (url, _), gateway.client(base_url=url.replace("http:", "https:")) as wxpay:
        with pytest.raises(errors.TransportError, match=r"nothing was sent.*certificate verify failed") as caught:
            CALLS["POST"](wxpay)
        assert caught.value.attempts[0].sent is False
    assert not [data for data in received if data]


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
