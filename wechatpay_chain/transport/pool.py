"""Connection pools that hand out no stale connection, and know when nothing was sent."""

from __future__ import annotations

import math
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wechatpay_chain.transport.wire import Wire

if TYPE_CHECKING:
    from urllib3 import HTTPConnectionPool, PoolManager
else:
    HTTPConnectionPool = object

__all__ = ["LONGEST_IDLE", "Unconnected", "with_fresh_connections"]

# Seconds. WeChat Pay closes a connection that is idle for 8, and what is sent in that moment is lost.
LONGEST_IDLE = 7.0


class Unconnected(Exception):
    """There is no connection to the host, its TLS included: no byte of the request can have left.

    It is none of the errors that urllib3 would wrap.
    """


def with_fresh_connections(manager: PoolManager) -> Any:
    """``manager``, whose pools from now on close what was idle for ``LONGEST_IDLE`` instead of using it again."""
    classes = {scheme: _fresh(kind) for scheme, kind in manager.pool_classes_by_scheme.items()}
    manager.pool_classes_by_scheme = classes
    return manager


class _Connection(Wire):
    # A body that takes long makes its connection old too: the host may have sent it long before it was read.
    last_heard = math.inf

    def connect(self) -> None:
        try:
            super().connect()
        except Exception as error:
            at_proxy = getattr(self, "proxy", None) and not getattr(self, "has_connected_to_proxy", False)
            told = " ".join(str(error).split()) or type(error).__name__
            raise Unconnected(f"{'Unable to connect to proxy: ' if at_proxy else ''}{told}") from error

    def getresponse(self) -> Any:
        response = super().getresponse()
        self.last_heard = time.monotonic()
        return response


class _Pool(HTTPConnectionPool):
    _swept = -math.inf

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        _close_if_stale(connection, time.monotonic())
        return connection

    def _put_conn(self, connection: Any) -> None:
        super()._put_conn(connection)
        now = time.monotonic()
        if now - self._swept > LONGEST_IDLE:
            self._swept = now
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        """Close what a burst left behind: the last one used is taken first, so the others are never seen again."""
        pool = self.pool
        if pool is not None:
            with pool.mutex:
                for connection in filter(None, pool.queue):
                    _close_if_stale(connection, now)


def _close_if_stale(connection: Any, now: float) -> None:
    if now - connection.last_heard > LONGEST_IDLE:
        connection.close()
        connection.last_heard = math.inf


@lru_cache(maxsize=16)
def _fresh(kind: Any) -> Any:
    """The same pool, of http, https or a SOCKS proxy, with both of the above."""
    connection = type(kind.ConnectionCls.__name__, (_Connection, kind.ConnectionCls), {})
    return type(kind.__name__, (_Pool, kind), {"ConnectionCls": connection})
