"""The proxy: which hosts it leads here, what is not reached through it, and clients whose base URL is fixed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.promises import PATIENCE
from tests.sandbox import shop
from tests.sandbox.test_foreign_clients import NODE, ROOT, check_v3, has
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.protocol.hosts import HOSTS


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """A sandbox with a proxy."""
    with Sandbox(proxy=0) as made:
        yield made


def through(gateway: Sandbox) -> requests.Session:
    """A session that has the proxy and the authority, and no more."""
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"https": str(gateway.proxy_url), "http": str(gateway.proxy_url)}
    session.verify = str(gateway.ca_file)
    return session


@pytest.mark.parametrize("host", sorted(HOSTS))
def test_each_of_wechat_pays_hosts_leads_here(gateway: Sandbox, host: str) -> None:
    """Under a certificate of its own name."""
    with through(gateway) as session:
        answer = session.get(f"https://{host}/v3/nothing", timeout=PATIENCE)
    assert (answer.status_code, "Sandbox-Hint" in answer.headers) == (404, True)


def test_this_client_pays_through_it(gateway: Sandbox) -> None:
    """At WeChat Pay's own address; a payer's page is at the sandbox's."""
    told = {**gateway.configuration(), "base_url": "https://api.mch.weixin.qq.com"}
    with through(gateway) as session, Wechatpay({**told, "session": session}) as wxpay:
        body = shop.order(gateway, "h5")
        page = wxpay.v3.pay.transactions.h5.post(body).data["h5_url"]
        assert page.startswith(f"{gateway.base_url}/cgi-bin/")
        gateway.pay(body["out_trade_no"])
        assert shop.query(wxpay, gateway, body["out_trade_no"])["trade_state"] == "SUCCESS"


@pytest.mark.parametrize(
    "target",
    [
        *("/_//health", "//_/health", "/%5f/health", "/./_/health", "/x/../_/health", "/_/console/main.js"),
        *("https://api.mch.weixin.qq.com/_/health", "http://127.0.0.1/_/health", "/_/", "*"),
    ],
)
@pytest.mark.parametrize("host", ["api.mch.weixin.qq.com", "127.0.0.1"])
def test_no_way_of_writing_leads_to_its_own(gateway: Sandbox, target: str, host: str) -> None:
    """Neither by the path nor by the Host in the tunnel."""
    context = ssl.create_default_context(cafile=str(gateway.ca_file))
    parts = urlsplit(str(gateway.proxy_url))
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connection:
        connection.sendall(b"CONNECT api.mch.weixin.qq.com:443 HTTP/1.1\r\nHost: api.mch.weixin.qq.com\r\n\r\n")
        while not connection.recv(65536).endswith(b"\r\n\r\n"):
            pass
        with context.wrap_socket(connection, server_hostname="api.mch.weixin.qq.com") as inside:
            inside.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = inside.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 404 ")
    assert gateway.mchid not in answer


@pytest.mark.parametrize("path", ["/_/orders", "/_/health", "/_/", "/_/reset", "/", "/wxpay/bizpayurl?pr=x"])
def test_nothing_of_its_own_is_reached_through_it(gateway: Sandbox, path: str) -> None:
    """Neither control nor pages."""
    with through(gateway) as session:
        told = {"Content-Type": "application/json"}
        for method in ("GET", "POST"):
            answer = session.request(method, f"https://api.mch.weixin.qq.com{path}", headers=told, data="{}", timeout=9)
            assert (answer.status_code, answer.headers.get("Content-Type")) == (404, None)


def raw(gateway: Sandbox, text: str) -> str:
    """What the proxy says to a head, up to its end."""
    parts = urlsplit(str(gateway.proxy_url))
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connection:
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.mark.parametrize(
    "head",
    [
        "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
        "CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "CONNECT api.mch.weixin.qq.com:80 HTTP/1.1\r\nHost: api.mch.weixin.qq.com\r\n\r\n",
        "CONNECT api.mch.weixin.qq.com.evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT api.mch.weixin.qq.com HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT [::1]:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT [api.mch.weixin.qq.com]:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT user@api.mch.weixin.qq.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT api.mch.weixin.qq.com:443:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT api.mch.weixin.qq.com:443/_/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT http://api.mch.weixin.qq.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT :443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT 2130706433:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://api.mch.weixin.qq.com/v3/certificates HTTP/1.1\r\nHost: api.mch.weixin.qq.com\r\n\r\n",
        "GET http://127.0.0.1/_/orders HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "POST /_/reset HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_everything_else_is_refused(gateway: Sandbox, head: str) -> None:
    """Other hosts and ports, and what does not ask for a tunnel."""
    status, _, rest = raw(gateway, head).partition("\r\n")
    assert status == "HTTP/1.1 403 Forbidden"
    assert json.loads(rest.partition("\r\n\r\n")[2])["code"] == "FORBIDDEN"


def test_a_client_that_does_not_trust_it_gets_nothing(gateway: Sandbox) -> None:
    """No handshake, and the proxy goes on."""
    with through(gateway) as session:
        session.verify = True
        with pytest.raises(requests.exceptions.SSLError):
            session.get("https://api.mch.weixin.qq.com/v3/certificates", timeout=PATIENCE)
    test_each_of_wechat_pays_hosts_leads_here(gateway, "api.mch.weixin.qq.com")


def test_a_first_flight_that_comes_with_the_head_is_not_lost(gateway: Sandbox) -> None:
    """A client need not wait for the 200 before it begins with TLS."""
    context = ssl.create_default_context(cafile=str(gateway.ca_file))
    arrived, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    inside = context.wrap_bio(arrived, sent, server_hostname="api.mch.weixin.qq.com")
    with pytest.raises(ssl.SSLWantReadError):
        inside.do_handshake()
    parts = urlsplit(str(gateway.proxy_url))
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connection:
        head = b"CONNECT api.mch.weixin.qq.com:443 HTTP/1.1\r\nHost: api.mch.weixin.qq.com\r\n\r\n"
        connection.sendall(head + sent.read())
        told = b""
        while b"\r\n\r\n" not in told:
            told += connection.recv(1)
        assert told.startswith(b"HTTP/1.1 200 ")
        while True:
            arrived.write(connection.recv(65536))
            try:
                inside.do_handshake()
            except ssl.SSLWantReadError:
                connection.sendall(sent.read())
            else:
                break


def test_a_port_that_is_taken_is_named(gateway: Sandbox) -> None:
    """Before anything is served; nothing stays open."""
    port = urlsplit(str(gateway.proxy_url)).port
    with pytest.raises(errors.ConfigError, match=f"^proxy: {port} is in use") as caught:
        Sandbox(proxy=port)
    assert caught.value.field == "proxy"


def run(gateway: Sandbox, command: list[str], **environment: str) -> Any:
    """What a shop found that was told nothing but a proxy and an authority."""
    told: dict[str, Any] = {**gateway.configuration(), "proxy": gateway.proxy_url}
    key_id = gateway.identity.public_key_id
    told |= {"public_key_id": key_id, "public_key": told["certs"][key_id]}
    authority = str(gateway.ca_file)
    own = {"HTTPS_PROXY": str(gateway.proxy_url), "REQUESTS_CA_BUNDLE": authority, "NODE_EXTRA_CA_CERTS": authority}
    done = subprocess.run(
        command,
        input=json.dumps(told),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **own, **environment},
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout != "") == (0, True), done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_wechatpayv3(gateway: Sandbox) -> None:
    """APIv3 whole, downloads included."""
    check_v3(run(gateway, [sys.executable, "-m", "tests.sandbox.foreign.with_wechatpayv3"]), gateway, "wechatpayv30001")


@pytest.mark.slow
def test_wechatpy() -> None:
    """APIv2 with the merchant's certificate inside the tunnel."""
    with Sandbox(proxy=0) as gateway:
        found = run(gateway, [sys.executable, "-m", "tests.sandbox.foreign.with_wechatpy"])
    has(found["paid"], out_trade_no="wechatpy0001", trade_state="SUCCESS")
    has(found["refund"], out_refund_no="Rwechatpy0001", refund_fee="30")
    assert "证书" in found["bare"]["return_msg"]


def node(script: str) -> list[str]:
    """The command of a program for Node."""
    path = shutil.which("node")
    assert path, "node is not there"
    assert (NODE / "node_modules/tenpay").is_dir(), "run npm install in tests/sandbox/foreign/node"
    return [path, str(NODE / script)]


@pytest.mark.slow
def test_wechatpay_axios_plugin() -> None:
    """Both versions, uploads and bills."""
    with Sandbox(proxy=0) as gateway:
        check_v3(run(gateway, node("shop.cjs")), gateway, "axios00000001")


@pytest.mark.slow
def test_tenpay() -> None:
    """APIv2, whose HTTP library asks for the proxy by a variable of its own."""
    with Sandbox(proxy=0) as gateway:
        found = run(gateway, node("tenpay.cjs"), URLLIB_ENABLE_PROXY="true")
    assert found["order"]["code_url"]
    has(found["unpaid"], trade_state="NOTPAY", out_trade_no="tenpay0000001")
    has(found["closed"], result_code="SUCCESS")
