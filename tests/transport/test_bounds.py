"""Hostile servers and signals: no call takes longer, or more memory, than was said, and what is not ours passes."""

from __future__ import annotations

import gzip
import http.client
import io
import resource
import signal
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from tests.sockets import raw_server, request_of
from tests.transport.test_session import CALLS
from wechatpay_chain import Media, Sandbox, errors

DEADLINE = 0.5
# Seconds; what a busy machine may add.
SLACK = 5.0


def dripping(head: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    """A server that sends ``drop`` for ever, a piece every few milliseconds: no pause is a time-out."""

    def behave(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(head)
        while True:
            connection.sendall(drop)
            time.sleep(0.005)  # the pace of the attack

    return behave


DRIPS = {
    "a body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
    "a body of chunks": dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "a body without a length": dripping(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "a head": dripping(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "a status line": dripping(b"HTTP/1.1 200 ", b"x"),
    "100 Continue": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "103 Early Hints": dripping(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
}


@pytest.mark.parametrize(("drip", "method"), [*((drip, "POST") for drip in DRIPS), ("a body", "GET")])
def test_a_drip_ends_at_the_deadline(gateway: Sandbox, method: str, drip: str) -> None:
    """A POST is sent once; no attempt of a GET begins after it."""
    with raw_server(DRIPS[drip]) as (url, accepted), gateway.client(base_url=url, deadline=DEADLINE) as wxpay:
        started = time.monotonic()
        with pytest.raises(errors.TransportError, match="may have been carried out"):
            CALLS[method](wxpay)
        assert time.monotonic() - started < DEADLINE + SLACK
        assert len(accepted) <= {"POST": 1, "GET": 3}[method]


def test_a_call_has_a_deadline_of_its_own(gateway: Sandbox) -> None:
    """It may be longer or shorter than the client's."""
    with raw_server(DRIPS["a body"]) as (url, _), gateway.client(base_url=url) as wxpay:
        started = time.monotonic()
        with pytest.raises(errors.TransportError):
            wxpay.v3.certificates.get(deadline=DEADLINE)
        assert time.monotonic() - started < DEADLINE + SLACK


@pytest.mark.parametrize("wrong", [0, -1, "1", True, float("nan"), []])
def test_a_deadline_that_is_none_is_refused(gateway: Sandbox, wrong: Any) -> None:
    """For a client and for a call, by the name of the entry; nothing is sent."""
    with pytest.raises(errors.ConfigError, match=r"^deadline: expected seconds above 0, found"):
        gateway.client(deadline=wrong)
    with gateway.client() as wxpay, pytest.raises(errors.ChainError, match=r"^deadline: .*; nothing was sent$"):
        wxpay.v3.certificates.get(deadline=wrong)
    assert not gateway.requests


@pytest.mark.parametrize("wrong", [0, -1, "1", True, 1.5])
def test_a_size_that_is_none_is_refused(gateway: Sandbox, wrong: Any) -> None:
    """By the name of the entry."""
    with pytest.raises(errors.ConfigError, match=r"^max_body: expected a number of bytes above 0, found"):
        gateway.client(max_body=wrong)


def saying(answer: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(answer)
        connection.recv(1)

    return behave


def sipping(connection: socket.socket) -> None:
    """A server that takes a request in small pieces, each before any time-out, for longer than the deadline."""
    end = time.monotonic() + 2 * DEADLINE
    while time.monotonic() < end and connection.recv(1 << 12):
        time.sleep(0.005)  # the pace of the attack


def ignoring(connection: socket.socket) -> None:
    """A server that takes nothing."""
    time.sleep(2 * DEADLINE)  # longer than the call waits


@pytest.mark.slow
@pytest.mark.parametrize("behave", [sipping, ignoring])
@pytest.mark.parametrize("kind", ["upload", "body"])
def test_a_request_that_is_taken_slowly_ends_at_the_deadline(
    gateway: Sandbox, kind: str, behave: Callable[[socket.socket], None]
) -> None:
    """A file has no deadline by itself, but one that was given holds while it is sent."""
    large = bytes(12 << 20)
    with raw_server(behave) as (url, accepted), gateway.client(base_url=url) as wxpay:
        send = {
            "upload": partial(wxpay.v3.merchant.media.video_upload.post, Media(io.BytesIO(large), filename="a.mp4")),
            "body": partial(wxpay.v3.x.post, data=large),
        }[kind]
        started = time.monotonic()
        with pytest.raises(errors.TimedOut, match=r"it may have been carried out.*the deadline is over") as caught:
            send(deadline=DEADLINE)
        assert time.monotonic() - started < SLACK
    assert [attempt.sent for attempt in caught.value.attempts] == [True]
    assert len(accepted) == 1


def encoded(body: bytes, coding: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


ZEROS = gzip.compress(bytes(64 << 20), mtime=0)
BOMBS = {
    "gzip": encoded(ZEROS, "gzip"),
    "gzip, gzip": encoded(gzip.compress(ZEROS, mtime=0), "gzip, gzip"),
    "deflate": encoded(zlib.compress(bytes(64 << 20)), "deflate"),
    "10 GB announced": b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n{",
    "no length": b"HTTP/1.1 200 OK\r\n\r\n" + bytes(17 << 20),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_not_inflated(gateway: Sandbox, bomb: str) -> None:
    """Neither time nor memory for what is inside; the error names the entry, and nothing of it is handed over."""
    with raw_server(saying(BOMBS[bomb])) as (url, _), gateway.client(base_url=url) as wxpay:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.monotonic()
        with pytest.raises(errors.TransportError, match=r"more than max_body=16777216 bytes; nothing of it was kept"):
            CALLS["POST"](wxpay)
        assert time.monotonic() - started < SLACK
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
        assert grown < 96, f"{grown} MiB"


def test_the_limit_is_the_clients(gateway: Sandbox) -> None:
    """An answer of just as many bytes is read."""
    with gateway.client() as wxpay:
        size = len(wxpay.v3.certificates.get().content)
    with gateway.client(max_body=size) as wxpay:
        assert wxpay.v3.certificates.get().verified
    with (
        gateway.client(max_body=size - 1) as wxpay,
        pytest.raises(errors.TransportError, match=f"max_body={size - 1} "),
    ):
        wxpay.v3.certificates.get()


@pytest.mark.parametrize("verb", ["get", "post"])
@pytest.mark.parametrize("option", [{}, {"retry": 3}])
def test_what_is_too_large_is_asked_for_once(gateway: Sandbox, verb: str, option: dict[str, Any]) -> None:
    """It will not be smaller the next time, at this site or at the other one."""
    sites = [gateway.base_url, gateway.base_url.replace("127.0.0.1", "localhost")]
    with (
        gateway.client(max_body=10, base_url=sites) as wxpay,
        pytest.raises(errors.TransportError, match=r"it may have been carried out.*more than max_body=10 ") as caught,
    ):
        # Refusals are as long as that.
        getattr(wxpay.chain(f"v3/{'bill/tradebill' if verb == 'get' else 'refund/domestic/refunds'}"), verb)(**option)
    assert [attempt.sent for attempt in caught.value.attempts] == [True]
    assert len(gateway.requests) == 1


class Alarm(Exception):
    """What a signal handler raises: Celery's soft time limit is such a one."""


class LateAlarm(TimeoutError):
    """One that urllib3 would take for the host's."""


@contextmanager
def alarm(kind: type[Exception], seconds: float) -> Iterator[list[Exception]]:
    raised: list[Exception] = []

    def handler(*_: object) -> None:
        raised.append(kind("time is up"))
        raise raised[0]

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield raised
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


MORE: list[Any] = [
    *(requests.ConnectionError, HTTPError, http.client.RemoteDisconnected, zlib.error),
    *(BrokenPipeError, ssl.SSLError, ValueError),
]
KINDS = [Alarm, LateAlarm, requests.Timeout, *(pytest.param(kind, marks=pytest.mark.slow) for kind in MORE)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", CALLS)
def test_what_a_signal_handler_raises_comes_out(gateway: Sandbox, method: str, kind: type[Exception]) -> None:
    """As it is, whatever it is, and nothing is repeated because of it, though the call may be."""
    gate = threading.Event()

    def behave(connection: socket.socket) -> None:
        request_of(connection)
        gate.wait(10)

    with raw_server(behave) as (url, accepted), gateway.client(base_url=url, retry=3) as wxpay:
        with alarm(kind, 0.05) as raised, pytest.raises(kind) as caught:
            CALLS[method](wxpay)
        gate.set()
        assert caught.value is raised[0]
        assert len(accepted) == 1


def test_a_programming_error_is_not_the_hosts_fault(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes out as it is, not as a bad URL or a lost answer."""
    with gateway.client() as wxpay:
        monkeypatch.setattr(HTTPAdapter, "get_connection_with_tls_context", lambda *_, **__: len(5))  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="has no len"):
            wxpay.v3.certificates.get()
