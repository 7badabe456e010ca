"""Connections that are not stale, send a short request in one piece, and know when nothing was sent."""

from __future__ import annotations

import contextlib
import http.client
import io
import math
import queue
import re
import socket
import time
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from urllib3 import HTTPConnectionPool, PoolManager
    from urllib3.connection import HTTPConnection
else:
    HTTPConnectionPool = HTTPConnection = object

__all__ = ["DEADLINE", "LONGEST_IDLE", "DeadlineOver", "Unconnected", "with_fresh_connections"]

# Seconds. WeChat Pay closes a connection that is idle for 8, and what is sent in that moment is lost.
LONGEST_IDLE = 7.0
# Bytes. What is longer is sent behind its head: to join them would copy it.
_SHORT = 1 << 16
# When the call that this thread makes has to end, by the clock of ``time.monotonic``.
DEADLINE: ContextVar[float] = ContextVar("DEADLINE", default=math.inf)
# Seconds. While more is left than any time-out between two bytes, the deadline need not be looked at.
_LONGEST_TIMEOUT = 86_400.0
# 101 ends HTTP on a connection, and is none of these.
_INTERIM = re.compile(rb"HTTP/1\.[0-9] 1(?:0[02-9]|[1-9][0-9])[ \r\n]")
_STATUS_AT, _STATUS_LENGTH, _ONE = 9, 13, ord("1")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_LONGEST_HEAD = 1 << 16
_MOST_INTERIM = 100


class DeadlineOver(TimeoutError):
    """The call took longer than its deadline, however busily its bytes came in."""


class Unconnected(Exception):
    """There is no connection to the host, its TLS included: no byte of the request can have left.

    It is none of the errors that urllib3 would wrap.
    """


def with_fresh_connections(manager: PoolManager) -> Any:
    """``manager``, whose pools from now on close what was idle for ``LONGEST_IDLE`` instead of using it again."""
    classes = {scheme: _fresh(kind) for scheme, kind in manager.pool_classes_by_scheme.items()}
    manager.pool_classes_by_scheme = classes
    return manager


class _Connection(HTTPConnection):
    # A body that takes long makes its connection old too: the host may have sent it long before it was read.
    _last_heard = math.inf
    _held: list[bytes] | None = None
    _made_of: Any = None

    @property
    def is_stale(self) -> bool:
        """Whether its last answer is too long ago for another request."""
        idle = time.monotonic() - self._last_heard
        # A clock that was frozen by a test, and is not any more, may have gone back.
        return idle > LONGEST_IDLE or -math.inf < idle < 0

    @property
    def is_connected(self) -> bool:
        # The pool asks before it hands out a connection, and makes a new one of what is none. What was opened before a
        # test or gevent put another class in the place of sockets would go past it.
        return self._made_of is socket.socket and not self.is_stale and super().is_connected

    def connect(self) -> None:
        self._made_of = socket.socket
        try:
            super().connect()
        except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
            at_proxy = getattr(self, "proxy", None) and not getattr(self, "has_connected_to_proxy", False)
            reason = " ".join(str(error).split()) or type(error).__name__
            raise Unconnected(f"{'Unable to connect to proxy: ' if at_proxy else ''}{reason}") from error
        self._last_heard = math.inf

    def request(  # type: ignore[override]  # as urllib3's, which differs from that of http.client
        self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        if not (body is None or (isinstance(body, bytes) and len(body) <= _SHORT)):
            super().request(method, url, body=body, headers=headers, **options)
            return
        # Head and body together: one packet, one TLS record.
        held: list[bytes] = []
        self._held = held
        try:
            super().request(method, url, body=body, headers=headers, **options)
        finally:
            self._held = None
        self.send(b"".join(held))

    def send(self, data: Any) -> None:
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)

    def getresponse(self) -> Any:
        response = super().getresponse()
        self._last_heard = time.monotonic()
        return response

    def response_class(self, sock: Any, *args: Any, **options: Any) -> http.client.HTTPResponse:  # type: ignore[override]
        """What http.client calls for the answer to each request."""
        return http.client.HTTPResponse(_Incoming(sock, DEADLINE.get()), *args, **options)  # type: ignore[arg-type]


class _Incoming(NamedTuple):
    """A socket as http.client reads an answer from it."""

    sock: Any
    deadline: float

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self.sock, self.deadline))


class _Reader(io.RawIOBase):
    """The bytes of one answer as they arrive: until the deadline, and without interim answers (103 Early Hints).

    Source: https://www.rfc-editor.org/rfc/rfc9110#name-informational-1xx
    """

    def __init__(self, sock: Any, deadline: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", 0)  # by its place: a mock of sockets has another name for it
        self._deadline = deadline
        self._begun = False
        self._held = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._held:
            return self._give(buffer)
        size = self._receive(buffer)
        if self._begun:
            return size
        self._begun = True
        if size >= _STATUS_LENGTH and buffer[_STATUS_AT] != _ONE:
            return size
        self._held = self._final_head(bytes(buffer[:size]), len(buffer))
        return self._give(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()

    def _give(self, buffer: Any) -> int:
        given, self._held = self._held[: len(buffer)], self._held[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)

    def _receive(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left < _LONGEST_TIMEOUT:
            if left <= 0:
                raise DeadlineOver("the deadline is over")
            timeout = self._sock.gettimeout()
            if timeout is None or left < timeout:
                self._sock.settimeout(left)
        return int(self._raw.readinto(buffer) or 0)

    def _final_head(self, held: bytes, size: int) -> bytes:
        """What begins with the head of the answer itself, after every interim one."""
        buffer = memoryview(bytearray(size))
        interim = 0
        while True:
            if _INTERIM.match(held):
                end = _END_OF_HEAD.search(held)
                interim = interim if end is None else interim + 1
                if len(held) > _LONGEST_HEAD or interim > _MOST_INTERIM:
                    raise http.client.HTTPException("interim answers without an end")
                held = held if end is None else held[end.end() :]
                if end is not None:
                    continue
            elif len(held) >= _STATUS_LENGTH:
                return held
            received = self._receive(buffer)
            if not received:
                return held
            held += bytes(buffer[:received])


class _Pool(HTTPConnectionPool):
    _swept = -math.inf

    def _put_conn(self, connection: Any) -> None:
        super()._put_conn(connection)
        now = time.monotonic()
        if now - self._swept > LONGEST_IDLE:
            self._swept = now
            with contextlib.suppress(Exception):  # an answer is there, and what is tidied up must not cost it
                _close_stale(self.pool)


def _close_stale(connections: Any) -> None:
    """Close what a burst left behind: the last one used is taken first, so the others are never seen again."""
    taken = []
    with contextlib.suppress(queue.Empty):
        while True:
            taken.append(connections.get_nowait())
    for connection in reversed(taken):
        if getattr(connection, "is_stale", False):
            connection.close()
        connections.put_nowait(connection)


@lru_cache(maxsize=16)
def _fresh(kind: Any) -> Any:
    """The same pool, of http, https or a SOCKS proxy, with both of the above.

    Where a tool that records has put a class of connections of its own into urllib3's pool, that one is used.
    """
    own = kind.ConnectionCls
    connection = type(own.__name__, (_Connection, own), {})
    chosen = property(lambda _: connection if kind.ConnectionCls is own else kind.ConnectionCls)
    return type(kind.__name__, (_Pool, kind), {"ConnectionCls": chosen})
