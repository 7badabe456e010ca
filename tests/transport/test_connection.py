"""What travels is what http.client would send; only in fewer pieces."""

from __future__ import annotations

import http.client
import socket
from typing import Any

import pytest
import urllib3

from tests.sockets import raw_server, request_of
from wechatpay_chain import Sandbox, errors
from wechatpay_chain.transport.connection import with_fresh_connections

HEADERS = {"Accept": "application/json", "X-Latin": "caf\xe9", "Empty": "", "Content-Type": "a; b=\tc"}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def sent(manager: urllib3.PoolManager, method: str, body: Any, headers: dict[str, str]) -> list[bytes]:
    """The pieces that one request came in, each sent by itself."""
    pieces: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        data = request_of(connection)
        pieces.append(data)
        connection.sendall(OK)

    with raw_server(behave) as (url, _):
        assert manager.request(method, f"{url}/v3/x?a=b", body=body, headers=headers, retries=False).data == b"ok"
        port = url.rpartition(":")[2].encode()
    return [piece.replace(port, b"PORT") for piece in pieces]


BODIES = [None, b"", b"{}", b"x" * (1 << 16), b"y" * ((1 << 16) + 1), "text"]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_bytes_of_a_request_are_those_of_urllib3(method: str, body: Any) -> None:
    """Head and body, in whatever order the fields come."""
    (ours,), (theirs,) = (
        sent(manager, method, body, HEADERS)
        for manager in (with_fresh_connections(urllib3.PoolManager()), urllib3.PoolManager())
    )
    head, _, rest = ours.partition(b"\r\n\r\n")
    expected, _, body_of_theirs = theirs.partition(b"\r\n\r\n")
    assert sorted(head.split(b"\r\n")) == sorted(expected.split(b"\r\n"))
    assert rest == body_of_theirs
    assert head.startswith(f"{method} /v3/x?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n".encode())


def test_names_and_values_may_be_bytes() -> None:
    """As http.client takes them; a pool hands them on as they are given."""
    received: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        received.append(request_of(connection))
        connection.sendall(OK)

    headers: Any = {b"X-Bytes": "a", "X-Value": b"b", "X-Number": 5}
    with raw_server(behave) as (url, _):
        pool = with_fresh_connections(urllib3.PoolManager()).connection_from_url(url)
        pool.urlopen("POST", "/", b"{}", headers, retries=False)
        pool.close()
    for field in (b"X-Bytes: a", b"X-Value: b", b"X-Number: 5"):
        assert b"\r\n%b\r\n" % field in received[0]


def test_a_short_request_leaves_as_one_piece(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call of the socket for head and body, as one TLS record would be."""
    sizes: list[int] = []
    send = http.client.HTTPConnection.send

    def counting(self: Any, data: Any) -> None:
        sizes.append(len(data))
        send(self, data)

    monkeypatch.setattr(http.client.HTTPConnection, "send", counting)
    with gateway.client() as wxpay:
        answer = wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post({"notify_url": "https://a.example"})
        assert len(sizes) == 1
        assert sizes[0] > len(answer.request.body or b"")
        with pytest.raises(errors.ClientError):
            wxpay.v3.nothing.post({"text": "x" * (1 << 16)})
    assert len(sizes) == 3


@pytest.mark.parametrize(
    "headers", [{"A": "b\r\nC: d"}, {"A": "b\nC: d"}, {"A\r\nB": "c"}, {"A": "x\0\r\n"}, {"A": "中"}]
)
def test_no_field_begins_another(headers: dict[str, str]) -> None:
    """What http.client refuses is refused, and nothing is sent."""
    manager = with_fresh_connections(urllib3.PoolManager())

    def behave(connection: socket.socket) -> None:
        received.append(connection.recv(65536))

    received: list[bytes] = []
    with raw_server(behave) as (url, _):
        for each in (urllib3.PoolManager(), manager):
            with pytest.raises((ValueError, UnicodeEncodeError)):
                each.request("POST", url, body=b"{}", headers=headers, retries=False)
            each.clear()
    assert not any(received)


def test_a_host_may_be_left_out() -> None:
    """urllib3's mark for a field that it would add by itself."""
    skip = {"Accept-Encoding": urllib3.util.SKIP_HEADER, "User-Agent": urllib3.util.SKIP_HEADER}
    (piece,) = sent(with_fresh_connections(urllib3.PoolManager()), "GET", None, skip)
    assert b"SKIP" not in piece
    assert b"Accept-Encoding" not in piece


def test_a_connection_is_new_stale_or_from_a_clock_that_went_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose last answer is told by a clock that was frozen might be of any age."""
    pool = with_fresh_connections(urllib3.PoolManager()).connection_from_url("http://127.0.0.1:9")
    one: Any = pool.ConnectionCls("127.0.0.1")
    assert not one.is_stale
    for age, stale in ((0.0, False), (6.9, False), (7.1, True), (-1.7e9, True)):
        monkeypatch.setattr(type(one), "_last_heard", 1000.0 - age)
        monkeypatch.setattr("wechatpay_chain.transport.connection.time.monotonic", lambda: 1000.0)
        assert one.is_stale is stale
        monkeypatch.undo()
