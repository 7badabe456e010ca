"""Connections that are not stale, send a short request in one piece, and know when nothing was sent."""

from __future__ import annotations

import contextlib
import math
import queue
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from urllib3 import HTTPConnectionPool, PoolManager
    from urllib3.connection import HTTPConnection
else:
    HTTPConnectionPool = HTTPConnection = object

__all__ = ["LONGEST_IDLE", "Unconnected", "with_fresh_connections"]

# Seconds. WeChat Pay closes a connection that is idle for 8, and what is sent in that moment is lost.
LONGEST_IDLE = 7.0
# Bytes. What is longer is sent behind its head: to join them would copy it.
_SHORT = 1 << 16


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

    @property
    def is_stale(self) -> bool:
        """Whether its last answer is too long ago for another request."""
        return time.monotonic() - self._last_heard > LONGEST_IDLE

    @property
    def is_connected(self) -> bool:
        # The pool asks before it hands out a connection, and makes a new one of what is none.
        return not self.is_stale and super().is_connected

    def connect(self) -> None:
        try:
            super().connect()
        except Exception as error:
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
        if connection is not None and connection.is_stale:
            connection.close()
        connections.put_nowait(connection)


@lru_cache(maxsize=16)
def _fresh(kind: Any) -> Any:
    """The same pool, of http, https or a SOCKS proxy, with both of the above."""
    connection = type(kind.ConnectionCls.__name__, (_Connection, kind.ConnectionCls), {})
    return type(kind.__name__, (_Pool, kind), {"ConnectionCls": connection})
