from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from tests.sockets import eventually, raw_server, request_of
from tests.transport.test_session import CALLS
from wechatpay_chain import Sandbox, errors
from wechatpay_chain.transport import connection


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A list whose one number is added to the clock of the pools."""
    added = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + added[0])
    monkeypatch.setattr(connection, "time", clock)
    return added


def test_a_connection_is_used_again_within_seven_seconds(gateway: Sandbox, idle: list[float]) -> None:
    """And closed instead after that, also for the gateway."""
    with gateway.client() as wxpay:
        wxpay.v3.certificates.get()
        before = gateway.connections
        for _ in range(3):
            idle[0] += 6.5
            wxpay.v3.certificates.get()
        assert gateway.connections == before
        for more in (1, 2):
            idle[0] += 7.1
            wxpay.v3.certificates.get()
            assert gateway.connections == before + more
            assert wxpay.v3.certificates.get().verified
            assert gateway.connections == before + more


def test_a_post_on_an_idle_connection_is_not_lost(gateway: Sandbox, idle: list[float]) -> None:
    """The host closes what was idle in the very moment in which the next request comes: it gets a new connection."""
    received: list[int] = []

    def behave(connection: socket.socket) -> None:
        request_of(connection)
        received.append(1)
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        request_of(connection)  # a request here is lost

    with raw_server(behave) as (url, accepted), gateway.client(base_url=url) as wxpay:
        for calls in (1, 2, 3):
            with pytest.raises(errors.ClientError):
                CALLS["POST"](wxpay)
            assert len(received) == len(accepted) == calls
            idle[0] += 7.1
        idle[0] = 0.0
    with raw_server(behave) as (url, _), gateway.client(base_url=url) as wxpay:
        with pytest.raises(errors.ClientError):
            CALLS["POST"](wxpay)
        with pytest.raises(errors.TransportError, match="may have been carried out"):
            CALLS["POST"](wxpay)


def test_what_a_burst_leaves_behind_is_closed(gateway: Sandbox, idle: list[float]) -> None:
    """One thread goes on calling; the connections that the others needed do not stay open for ever."""
    assert eventually(lambda: gateway.open_connections == 0)
    with gateway.client() as wxpay, ThreadPoolExecutor(8) as threads:
        together = threading.Barrier(8)

        def all_at_once(*_: object) -> None:
            together.wait()

        gateway.tamper = all_at_once
        assert all(threads.map(lambda _: CALLS["GET"](wxpay).verified, range(8)))
        gateway.tamper = None
        assert gateway.open_connections == 8
        for _ in range(3):
            idle[0] += 5
            CALLS["GET"](wxpay)
        assert eventually(lambda: gateway.open_connections == 1)


def test_a_client_that_is_closed_meanwhile_loses_no_call(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread closes between the choice of a pool and its use: nothing was sent, and there is a new pool."""
    with gateway.client() as wxpay:
        adapter = wxpay._session._adapter
        choose, closings = adapter._pool, iter([True, False, True])

        def closing(*args: Any) -> Any:
            chosen = choose(*args)
            if next(closings):
                wxpay.close()
            return chosen

        monkeypatch.setattr(adapter, "_pool", closing)
        assert CALLS["POST"](wxpay).verified
        monkeypatch.setattr(adapter, "_pool", choose)
        assert len(gateway.requests) == 1


def test_threads_may_call_while_another_closes(gateway: Sandbox) -> None:
    """Again and again; every POST arrives once."""
    done = threading.Event()
    with gateway.client() as wxpay, ThreadPoolExecutor(5) as threads:

        def closing() -> None:
            while not done.wait(0.001):
                wxpay.close()

        closer = threads.submit(closing)
        calls = [threads.submit(lambda: [CALLS["POST"](wxpay).verified for _ in range(25)]) for _ in range(4)]
        try:
            assert all(all(call.result()) for call in calls)
        finally:
            done.set()
        closer.result()
    assert len(gateway.requests) == 100
