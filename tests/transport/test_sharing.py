"""Many clients on one ``requests.Session``: what is taken from it, what stays ours, and who closes what."""

from __future__ import annotations

import pickle
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests import answers
from tests.openssl import rightly_signed
from tests.sockets import closed_port, eventually, raw_server, request_of, server_context
from tests.transport.test_session import CALLS
from wechatpay_chain import Builder, Sandbox, Wechatpay, errors
from wechatpay_chain.transport.session import Session


@pytest.fixture
def session() -> Any:
    with requests.Session() as session:
        yield session


def test_many_clients_share_connections(gateway: Sandbox, session: requests.Session) -> None:
    """Fifty clients of both faces, one connection, and no thread more."""
    before, threads = gateway.connections, threading.active_count()
    clients = [gateway.client(session=session) for _ in range(49)] + [gateway.builder(session=session)]
    for client in clients:
        assert client.v3.certificates.get().verified
    assert gateway.connections == before + 1
    assert threading.active_count() <= threads + 1  # the gateway's own, for the connection
    assert not any(request.verdict for request in gateway.requests)


def test_threads_of_many_clients_share_connections(gateway: Sandbox, session: requests.Session) -> None:
    """However many clients there are, no more connections than threads."""
    before = gateway.connections
    clients = [gateway.client(session=session) for _ in range(40)]
    with ThreadPoolExecutor(8) as threads:
        assert all(answer.verified for answer in threads.map(CALLS["POST"], clients * 5))
    assert len(gateway.requests) == 200
    assert gateway.connections - before <= 8


def test_closing_one_client_closes_nothing_of_the_others(gateway: Sandbox, session: requests.Session) -> None:
    """Who made the session closes it, and then the sockets are closed."""
    assert eventually(lambda: gateway.open_connections == 0)
    with gateway.client(session=session) as one, gateway.client(session=session) as other:
        kept = one.v3.certificates.get()
        before = gateway.connections
        one.close()
        assert other.v3.certificates.get().verified
        assert one.v3.certificates.get().verified
    assert gateway.connections == before
    assert gateway.open_connections == 1
    session.close()
    assert eventually(lambda: gateway.open_connections == 0)
    assert kept.verified


def test_close_and_with_free_the_sockets(gateway: Sandbox) -> None:
    """As the gateway sees it, also while an answer is kept, and after a burst of many."""
    assert eventually(lambda: gateway.open_connections == 0)
    with gateway.client() as wxpay:
        kept = wxpay.v3.certificates.get()
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: wxpay.v3.certificates.get(), range(40)))
        assert 1 <= gateway.open_connections <= 8
    assert eventually(lambda: gateway.open_connections == 0)
    wxpay.v3.certificates.get()
    assert gateway.open_connections == 1
    wxpay.close()
    assert eventually(lambda: gateway.open_connections == 0)
    assert kept.verified


def test_the_proxies_of_a_session_count(gateway: Sandbox, session: requests.Session) -> None:
    """A proxy of plain requests gets the whole URL."""
    seen: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        seen.append(request_of(connection))
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    with raw_server(behave) as (url, _):
        session.proxies = {"http": url}
        own = gateway.client(session=session, base_url="http://a.example", allow_http=True)
        with own as wxpay, pytest.raises(errors.ClientError):
            wxpay.v3.certificates.get()
        session.close()
    assert seen[0].startswith(b"GET http://a.example/v3/certificates HTTP/1.1\r\n")


def test_trust_env_of_a_session_counts(
    gateway: Sandbox, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the environment's proxies are not asked."""
    monkeypatch.setenv("HTTP_PROXY", closed_port())
    monkeypatch.setenv("NO_PROXY", "")
    session.trust_env = False
    with gateway.client(session=session) as wxpay:
        assert wxpay.v3.certificates.get().verified


def test_the_ca_bundle_of_a_session_counts(
    session: requests.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And TLS is checked without one."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    context, certificate = server_context(tmp_path)
    with Sandbox(tls=context) as gateway:
        with gateway.client(session=session) as wxpay, pytest.raises(errors.TransportError, match="verify failed"):
            wxpay.v3.certificates.get()
        with requests.Session() as trusting:
            trusting.verify = str(certificate)
            assert gateway.client(session=trusting).v3.certificates.get().verified
        assert len(gateway.requests) == 1


def test_a_session_that_trusts_any_server_sends_nothing(
    gateway: Sandbox, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the option verify=False; only this machine itself may be trusted so."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    session.verify = False
    wxpay = gateway.client(session=session, base_url=None)
    with pytest.raises(errors.ConfigError, match=r"^session: verify=False would trust any server .*nothing was sent$"):
        wxpay.v3.certificates.get()
    assert gateway.client(session=session).v3.certificates.get().verified


def test_the_pool_options_of_a_session_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A TLS context and a source address, which are told to an adapter of requests."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    context, certificate = server_context(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate))

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            super().init_poolmanager(*args, **options, ssl_context=trusting, source_address=("127.0.0.7", 0))

    peers: list[str] = []
    with Sandbox(tls=context) as gateway, requests.Session() as session:
        session.mount("https://127.0.0.1", Adapter(pool_maxsize=3, pool_block=True))
        process = gateway._server.process_request

        def noting(connection: Any, address: Any) -> None:
            peers.append(address[0])
            process(connection, address)

        monkeypatch.setattr(gateway._server, "process_request", noting)
        wxpay = gateway.client(session=session)
        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(lambda _: wxpay.v3.certificates.get().verified, range(24)))
    assert set(peers) == {"127.0.0.7"}
    assert len(peers) <= 3


def test_nothing_of_a_session_changes_what_is_signed(gateway: Sandbox, session: requests.Session) -> None:
    """Its headers, auth, cookies, params, hooks and adapters stay its own."""
    session.headers.update({"X-Theirs": "1", "Authorization": "Basic x"})
    session.auth = ("user", "password")
    session.params = {"a": "b"}
    session.cookies.set("c", "d")
    session.hooks["response"].append(lambda *args, **options: pytest.fail("a hook was called"))
    session.mount("http://", HTTPAdapter(max_retries=5))
    gateway.tamper = answers.bare(502)
    with gateway.client(session=session) as wxpay:
        with pytest.raises(errors.ServerError):
            CALLS["POST"](wxpay)
        gateway.tamper = answers.changed
        with pytest.raises(errors.SignatureMismatch):
            CALLS["GET"](wxpay)
    assert len(gateway.requests) == 2
    for received in gateway.requests:
        assert rightly_signed(received, gateway.identity.merchant_key.public_key())
        assert not {"x-theirs", "cookie"} & {name.lower() for name in received.headers}
        assert "?" not in received.target


def test_a_session_goes_on_being_its_owners(gateway: Sandbox, session: requests.Session) -> None:
    """What else it sends is sent as before, to the same host too; it is pickled as before."""
    with gateway.client(session=session) as wxpay:
        wxpay.v3.certificates.get()
        answer = session.get(f"{gateway.base_url}/v3/certificates", timeout=5)
        assert answer.status_code == 401
    again = pickle.loads(pickle.dumps(session))
    with gateway.client(session=again) as wxpay:
        assert wxpay.v3.certificates.get().verified
    again.close()


def test_a_backup_is_kept_for_all_who_share(gateway: Sandbox, session: requests.Session) -> None:
    """One client finds the main site down; the others do not ask it."""
    with raw_server(lambda connection: None) as (url, accepted):
        hosts = [url.replace("http:", "https:"), gateway.base_url]
        for client in [gateway.client(base_url=hosts, session=session) for _ in range(5)]:
            assert client.v3.certificates.get().verified
        assert len(accepted) == 1


@pytest.mark.parametrize("wrong", [5, "session", requests, requests.Session, object(), [requests.Session]])
def test_a_session_is_a_session_of_requests(gateway: Sandbox, wrong: Any) -> None:
    """Anything else is named."""
    for factory in (Wechatpay, Builder.factory):
        with pytest.raises(errors.ConfigError, match=r"^session: expected a requests.Session, found \w+$"):
            factory({"mchid": "1900000001", "session": wrong})


def test_threads_that_come_first_at_once_share_one_pool(gateway: Sandbox, session: requests.Session) -> None:
    """Sixteen clients made at the same moment."""
    together = threading.Barrier(16)

    def adapter(_: int) -> int:
        together.wait()
        return id(gateway.client(session=session)._session._adapter)

    with ThreadPoolExecutor(16) as threads:
        assert len(set(threads.map(adapter, range(16)))) == 1
    assert isinstance(gateway.client(session=session)._session, Session)
