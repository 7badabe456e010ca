"""What users of requests rely on, and what stays although nothing is looked up for each call."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.listener import listening
from tests.servers import ROOT
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
        with gateway.client(base_url="http://a.example", allow_http=True) as wxpay:
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


VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_this_machine_is_reached_without_the_environments_proxy(
    gateway: Sandbox, monkeypatch: pytest.MonkeyPatch, variable: str, host: str
) -> None:
    """In both faces, with threads and a shared session, and for the file of a bill; the proxy sees no connection."""
    seen: list[bytes] = []
    with raw_server(refusing(seen)) as (proxy, accepted), requests.Session() as session:
        monkeypatch.setenv(variable, proxy)
        base_url = gateway.base_url.replace("127.0.0.1", host)
        for options in ({}, {"session": session}):
            with gateway.client(base_url=base_url, **options) as wxpay:
                assert wxpay.v3.certificates.get().verified
                assert wxpay.v3.certificates.get_async().result().verified
                bill = wxpay.v3.bill.tradebill.get(params={"bill_date": "2026-11-01"})
                assert wxpay.download(bill)
        with gateway.builder(base_uri=base_url) as instance:
            assert instance.chain("v3/certificates").get().getStatusCode() == 200
        assert not accepted
    assert len(gateway.requests) == 9


def test_a_sandbox_with_tls_is_reached_without_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY would be asked for a tunnel to the loopback of another machine."""
    context, certificate = server_context(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with raw_server(refusing([])) as (proxy, accepted), Sandbox(tls=context) as gateway:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with gateway.client() as wxpay:
            assert wxpay.v3.certificates.get().verified
        assert not accepted


def test_a_proxy_that_is_named_for_a_session_is_asked_for_this_machine_too(gateway: Sandbox) -> None:
    """As tools that record calls want it; only the environment's is passed over."""
    seen: list[bytes] = []
    with raw_server(refusing(seen)) as (proxy, _), requests.Session() as session:
        session.proxies["http"] = proxy
        with gateway.client(session=session) as wxpay, pytest.raises(errors.ClientError):
            wxpay.v3.certificates.get()
    assert [data.split(b" ")[1].decode() for data in seen] == [f"{gateway.base_url}/v3/certificates"]


def test_the_tour_needs_no_proxy(tmp_path: Path) -> None:
    """The README's first line, behind a proxy that refuses everything."""
    with raw_server(refusing([])) as (proxy, accepted):
        environment = {**os.environ, **dict.fromkeys(VARIABLES, proxy)}
        command = [sys.executable, "-W", "error", "-m", "wechatpay_chain", "tour"]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert not accepted


def test_a_notification_is_pushed_to_this_machine_without_a_proxy(
    gateway: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver under test is here as well."""
    with raw_server(refusing([])) as (proxy, accepted), listening() as receiver:
        for variable in VARIABLES:
            monkeypatch.setenv(variable, proxy)
        assert gateway.push("TRANSACTION.SUCCESS", notify_url=receiver.url, schedule=()).status == 204
        assert not accepted
