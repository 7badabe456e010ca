"""What users of requests rely on, and what stays although nothing is looked up for each call."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sockets import closed_port, raw_server, request_of, server_context
from tests.transport.test_session import CALLS
from wechatpay_chain import Sandbox, errors


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def refusing(seen: list[bytes]) -> Any:
    """A proxy that answers every request with 404, and keeps its connection."""

    def behave(connection: socket.socket) -> None:
        while data := request_of(connection):
            seen.append(data)
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    return behave


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_gets_every_call(
    gateway: Sandbox, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The second one as well, over the same connection, and each with its own whole URL."""
    seen: list[bytes] = []
    with raw_server(refusing(seen)) as (url, accepted):
        monkeypatch.setenv(variable, url.replace("//", "//user:secret@"))
        with gateway.client(base_url="http://a.example") as wxpay:
            for path in ("v3/one", "v3/two?x=y"):
                with pytest.raises(errors.ClientError):
                    wxpay[path].get()
        assert len(accepted) == 1
    assert [data.split(b" ")[1] for data in seen] == [b"http://a.example/v3/one", b"http://a.example/v3/two?x=y"]
    assert all(b"Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n" in data for data in seen)


@pytest.mark.parametrize("hosts", ["127.0.0.1", "127.0.0.0/8", "a.example,127.0.0.1", "*"])
def test_no_proxy_names_hosts_that_need_none(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch, hosts: str) -> None:
    """Of the same client, one host is asked directly."""
    monkeypatch.setenv("HTTP_PROXY", closed_port())
    monkeypatch.setenv("NO_PROXY", hosts)
    with gateway.client() as wxpay:
        assert all(wxpay.v3.certificates.get().verified for _ in range(2))
    assert len(gateway.requests) == 2


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_ca_bundle_of_the_environment_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, call: Any
) -> None:
    """And without it nothing is, whatever another client was told before."""
    context, certificate = server_context(tmp_path)
    with Sandbox(tls=context) as gateway:
        with gateway.client() as wxpay, pytest.raises(errors.TransportError, match="verify failed"):
            call(wxpay)
        monkeypatch.setenv(variable, str(certificate))
        with gateway.client() as trusting:
            assert all(call(trusting).verified for _ in range(2))
            assert gateway.connections == 2
        monkeypatch.delenv(variable)
        with gateway.client() as wxpay, pytest.raises(errors.TransportError, match="verify failed"):
            call(wxpay)
        assert len(gateway.requests) == 2


def test_urllib3_tells_its_log_what_it_does(gateway: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """A line for a new connection, and one for each answer."""
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    host = gateway.base_url.removeprefix("http://")
    with gateway.client() as wxpay:
        answers = [wxpay.v3.certificates.get(params={"n": number}) for number in (1, 2)]
    assert [record.getMessage() for record in caplog.records] == [
        f"Starting new HTTP connection (1): {host}",
        *(
            f'http://{host} "GET /v3/certificates?n={number} HTTP/1.1" 200 {len(answer.content)}'
            for number, answer in zip((1, 2), answers, strict=True)
        ),
    ]


def test_a_pool_that_urllib3_gave_up_is_replaced(gateway: Sandbox) -> None:
    """It keeps the pools of ten hosts only, and closes that of the one that was asked longest ago."""
    with gateway.client() as wxpay, requests.Session() as session, gateway.client(session=session) as sharing:
        for client in (wxpay, sharing):
            assert client.v3.certificates.get().verified
            client._session._adapter.poolmanager.clear()
            assert client.v3.certificates.get().verified
        session.close()
        assert sharing.v3.certificates.get().verified
    assert len(gateway.requests) == 5


def test_each_proxy_of_a_call_has_its_own_connections(gateway: Sandbox) -> None:
    """In the PHP face a call may name one; the next call without it goes its own way."""
    seen: list[bytes] = []
    with raw_server(refusing(seen)) as (url, _), gateway.builder() as instance:
        assert instance.chain("v3/certificates").get().getStatusCode() == 200
        for calls in (1, 2):
            with pytest.raises(errors.ClientError):
                instance.chain("v3/certificates").get({"proxy": url})
            assert len(seen) == calls
        for _ in range(80):
            with pytest.raises(errors.TransportError):
                instance.chain("v3/certificates").get({"proxy": closed_port()})
        assert len(instance._session._adapter._pools) <= 64
        assert instance.chain("v3/certificates").get().getStatusCode() == 200
    assert len(gateway.requests) == 2


def test_cookies_of_answers_are_an_empty_jar(gateway: Sandbox) -> None:
    """As of an answer of requests without any; it can be set, and travels in a pickle's state."""
    with gateway.client() as wxpay:
        answer = wxpay.v3.certificates.get()
    assert isinstance(answer.cookies, requests.cookies.RequestsCookieJar)
    assert not answer.cookies
    assert answer.cookies is answer.cookies
    assert answer.cookies is not wxpay.v3.certificates.get().cookies
    assert vars(answer).keys() >= vars(requests.Response()).keys()
