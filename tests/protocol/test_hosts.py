"""Plain http is for the machine itself; other hosts take a word, and WeChat Pay's own take none."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sockets import raw_server, request_of
from wechatpay_chain import Builder, Sandbox, Wechatpay, errors
from wechatpay_chain.protocol.hosts import HOSTS, Base, bases_of

LOOPBACK = [
    "http://127.0.0.1",
    "http://127.0.0.1:8080/prefix",
    "http://127.255.0.9:1",
    "http://localhost:5000",
    "http://LOCALHOST",
    "http://localhost.:80",
    "http://pay.localhost",
    "http://[::1]:8080",
    "http://[::ffff:127.0.0.1]",
    "http://0.0.0.0:8080",
]
ELSEWHERE = [
    "http://10.0.0.5:8080",
    "http://192.168.1.2",
    "http://[fe80::1]",
    "http://[2001:db8::1]:80",
    "http://gateway:8080",
    "http://a.example/prefix",
    "http://localhost.a.example",
    "http://notlocalhost",
    "http://127.0.0.1.a.example",
    "http://128.0.0.1",
    "http://api.mch.weixin.qq.com.a.example",
    "HTTP://a.example",
    " http://a.example ",
]
WECHATS = [
    *(f"http://{host}" for host in sorted(HOSTS)),
    "http://api.mch.weixin.qq.com:80",
    "http://api.mch.weixin.qq.com:443/",
    "http://API.MCH.weixin.qq.com",
    "HTTP://api.mch.weixin.qq.com.",
    "http://other.mch.weixin.qq.com",
    "http://api3.wechatpay.cn",
    "http://pay.wechatpay.cn/prefix",
]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Whatever leaves for any host, since a proxy takes it."""
    received: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        received.append(request_of(connection))
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    with raw_server(behave) as (url, _):
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("http_proxy", url)
        yield received


@pytest.mark.parametrize("url", LOOPBACK)
def test_the_machine_itself_may_be_plain(url: str) -> None:
    """Under every name that it has."""
    assert Base.of(url).is_loopback
    assert bases_of([url, "https://a.example"])


@pytest.mark.parametrize("url", ["http://a.example%2f.localhost", "http://a.example%00.localhost"])
def test_what_only_ends_like_it_is_somewhere_else(url: str) -> None:
    """Whatever a resolver would make of it."""
    with pytest.raises(errors.ConfigError, match=r"is plain http"):
        bases_of(url)


@pytest.mark.parametrize("url", [*ELSEWHERE, *WECHATS])
def test_other_hosts_are_refused_at_construction(gateway: Sandbox, wire: list[bytes], url: str) -> None:
    """In both faces, alone or behind another; nothing leaves, neither an order nor its signature."""
    words = "^base_ur[il]: .*(is plain http.*use https, or say allow_http=True|is reached by https alone)"
    entries = gateway.configuration()
    php = {"privateKey": entries["private_key"], **{k: entries[k] for k in ("mchid", "serial", "certs")}}
    for make in (
        lambda: gateway.client(base_url=url),
        lambda: gateway.client(base_url=["https://a.example", url]),
        lambda: Builder.factory({**php, "base_uri": url}),
    ):
        with pytest.raises(errors.ConfigError, match=words):
            make().v3.pay.transactions.native.post({"amount": {"total": 1}})
    with gateway.client() as wxpay, pytest.raises(errors.ChainError, match=f"{words}.*; nothing was sent$"):
        wxpay.v3.pay.transactions.native.post({"amount": {"total": 1}}, base_url=url)
    assert not wire
    assert not gateway.requests


@pytest.mark.parametrize("url", ELSEWHERE)
def test_an_explicit_word_is_enough(gateway: Sandbox, wire: list[bytes], url: str) -> None:
    """One request goes to that host, and no other."""
    with gateway.client(base_url=url, allow_http=True) as wxpay:
        with pytest.raises(errors.ClientError):
            wxpay.v3.pay.transactions.native.post({"amount": {"total": 1}})
        with pytest.raises(errors.ClientError):
            wxpay.v3.pay.transactions.native.post({"amount": {"total": 1}}, base_url="http://another.example")
    assert len(wire) == 2
    assert wire[0].startswith(f"POST {Base.of(url).origin}".encode())
    assert wire[1].startswith(b"POST http://another.example/v3/pay")


@pytest.mark.parametrize("url", WECHATS)
def test_no_word_opens_the_way_to_wechat_pay(gateway: Sandbox, wire: list[bytes], url: str) -> None:
    """Who sits between could read every order, and take the place of every answer that is not signed."""
    with pytest.raises(errors.ConfigError, match=r"^base_url: WeChat Pay is reached by https alone"):
        gateway.client(base_url=url, allow_http=True)
    with gateway.client(allow_http=True) as wxpay:
        with pytest.raises(errors.ChainError, match=r"is reached by https alone"):
            wxpay.v3.certificates.get(base_url=url)
        with pytest.raises(errors.ChainError):
            wxpay.chain(f"{url.strip()}/v3/certificates").get()
        with pytest.raises(errors.ChainError):
            wxpay.download(f"{url.strip().lower()}/v3/billdownload/file?token=x")
    assert not wire


def test_the_environment_and_a_profile_say_it(
    gateway: Sandbox, wire: list[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """As text, which is all that an environment has."""
    for name, value in {**gateway.environment(), "WECHATPAY_BASE_URL": "http://gateway:8080"}.items():
        monkeypatch.setenv(name, value)
    for text, refused in (("", True), ("0", True), ("False", True), ("1", False), (" true ", False)):
        monkeypatch.setenv("WECHATPAY_ALLOW_HTTP", text)
        if refused:
            with pytest.raises(errors.ConfigError, match=r"^base_url: 'http://gateway:8080' is plain http"):
                Wechatpay.from_env()
        else:
            Wechatpay.from_env().close()
    monkeypatch.setenv("WECHATPAY_ALLOW_HTTP", "perhaps")
    with pytest.raises(errors.ConfigError, match=r"^allow_http: expected True or False, found 'perhaps'"):
        Wechatpay.from_env()
    wrong: Any
    for wrong in (2, [], "yes please", 1.0):
        with pytest.raises(errors.ConfigError, match=r"^allow_http: expected True or False"):
            gateway.client(allow_http=wrong)
    assert not wire
