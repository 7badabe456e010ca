"""Connection pools that hand out no stale connection, and know when nothing was sent."""

from __future__ import annotations

import http.client
import math
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

from urllib3.util import SKIP_HEADER

if TYPE_CHECKING:
    from urllib3 import HTTPConnectionPool, PoolManager
else:
    HTTPConnectionPool = object

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection as _HTTPConnection
else:
    _HTTPConnection = object

__all__ = [
    "LONGEST_IDLE",
    "Unconnected",
    "Wire",
    "with_fresh_connections",
]

# Bytes. What is longer is sent behind its head as before: to join them would copy it.
_SHORT = 1 << 16
_TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  # of RFC 9110, no secret
# Whatever else is asked to be sent, http.client looks at, and refuses.
_SENDABLE = re.compile(rf"{_TOKEN}: [\t\x20-\x7e\x80-\xff]*\r\n")
# Fields without folded lines, and nothing in them but printable ASCII, and no more than http.client takes;
# whatever else comes, it reads.
_PLAIN = re.compile(rf"(?:{_TOKEN}:[\t\x20-\x7e]*\r\n){{1,99}}".encode())
_FIELD = re.compile(r"([^:\r]+):[ \t]*([^\r]*)\r\n")
_END = b"\r\n\r\n"


class Wire(_HTTPConnection):
    """A connection that sends head and body of a short request together, as one packet and one TLS record."""

    _held: list[bytes] | None = None
    _fields: list[str]

    def request(  # type: ignore[override]  # as urllib3's, which differs from that of http.client
        self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        """Send one, as urllib3 does, in one piece where it is short."""
        if not (body is None or (isinstance(body, bytes) and len(body) <= _SHORT)):
            super().request(method, url, body=body, headers=headers, **options)
            return
        held: list[bytes] = []
        self._held, self._fields = held, []
        try:
            super().request(method, url, body=body, headers=headers, **options)
        finally:
            self._held = None
        head, *rest = held
        fields = "".join(self._fields).encode("latin-1")
        self._fields = []
        self.send(b"".join((head[:-2], fields, head[-2:], *rest)))

    def putheader(self, header: str, *values: str) -> None:  # type: ignore[override]
        """Add a field of the request that is begun."""
        value = values[0] if len(values) == 1 else None
        if self._held is not None and isinstance(header, str) and isinstance(value, str) and value != SKIP_HEADER:
            field = f"{header}: {value}\r\n"
            if _SENDABLE.fullmatch(field):
                self._fields.append(field)
                return
        super().putheader(header, *values)

    def send(self, data: Any) -> None:
        """Send bytes, or keep them while a short request is made."""
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)


class _Head(http.client.HTTPMessage):
    """The fields of an answer that hold nothing but ASCII, so that none has to be looked at again.

    ``known`` holds the first value of each, by its name in lower case; None when one was changed after all.
    """

    known: dict[str, str] | None = None

    def get(self, name: str, failobj: Any = None) -> Any:
        return super().get(name, failobj) if self.known is None else self.known.get(name.lower(), failobj)

    def __setitem__(self, name: str, value: Any) -> None:
        self.known = None
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        self.known = None
        super().__delitem__(name)

    def replace_header(self, *args: Any) -> None:
        self.known = None
        super().replace_header(*args)

    def set_boundary(self, boundary: str) -> None:
        self.known = None
        super().set_boundary(boundary)

    def items(self) -> list[tuple[str, Any]]:
        return list(self.raw_items())


def _read_head(fp: Any, *args: Any, **options: Any) -> http.client.HTTPMessage:
    """As ``http.client.parse_headers``, which does it itself where the fields are not plain, or not here yet."""
    arrived: bytes = fp.peek()
    end = arrived.find(_END) + 2
    if end < 2 or not _PLAIN.fullmatch(arrived, 0, end):
        parsed: http.client.HTTPMessage = http.client.parse_headers(fp, *args, **options)
        return parsed
    head = _Head()
    fields: list[tuple[str, str]] = _FIELD.findall(fp.read(end + 2).decode("ascii"))
    for name, value in fields:
        head.set_raw(name, value)
    head.known = {name.lower(): value for name, value in reversed(fields)}
    return head


class _Answer(http.client.HTTPResponse):
    """The answer of http.client, whose own ``begin`` finds another function under the name ``parse_headers``."""

    begin = FunctionType(
        http.client.HTTPResponse.begin.__code__,
        {**vars(http.client), "parse_headers": _read_head},
        "begin",
        http.client.HTTPResponse.begin.__defaults__,
        http.client.HTTPResponse.begin.__closure__,
    )


Wire.response_class = _Answer


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
