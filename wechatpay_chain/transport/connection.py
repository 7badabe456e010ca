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
from inspect import signature
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPHeaderDict
from urllib3 import connection as urllib3_connection
from urllib3 import response as urllib3_response
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER

if TYPE_CHECKING:
    from urllib3 import HTTPConnectionPool, PoolManager
    from urllib3.connection import HTTPConnection
else:
    HTTPConnectionPool = HTTPConnection = object

__all__ = ["DEADLINE", "LONGEST_IDLE", "DeadlineOver", "Unconnected", "is_original", "with_fresh_connections"]


def is_original(function: Any, module: str, name: str) -> bool:
    """Whether a function is the one that its library defines, and no mock or tracer has replaced or wrapped it."""
    return (function.__module__, function.__qualname__) == (module, name) and not hasattr(function, "__wrapped__")


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
# Fields that urllib3 writes as they are, and http.client reads as they are; any other is left to them.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_READABLE = bytes((0x09, *range(0x20, 0x7F)))
_WRITABLE = bytes((*_READABLE, *range(0x80, 0x100)))
# These decide what urllib3 adds by itself.
_DECISIVE = frozenset({"accept-encoding", "content-length", "host", "transfer-encoding"})
_TARGET = re.compile(r"/[!-~]*")
# What urllib3 writes of a request that has no body.
_WITHOUT_BODY = {
    "GET": b"",
    "DELETE": b"",
    **dict.fromkeys(("POST", "PUT", "PATCH"), b"Content-Length: 0\r\n"),
}
# What urllib3 adds to the fields of a request to a host.
_ADDED = re.compile(
    rb"[A-Z]+ [!-~]+ HTTP/1\.1\r\n(Host: [!-~]+\r\nAccept-Encoding: identity\r\n)(?:Content-Length: [0-9]+\r\n)?"
)
_NOTHING_MORE = {"User-Agent": SKIP_HEADER}
# The commonest answer: one that has a body.
_STATUS = re.compile(r"HTTP/1\.1 (?!204|304)([2-5][0-9][0-9])(?: (.*))?")
_ABSENT = ("", "")
_MOST_FIELDS = 99
_MOST_DIGITS = 18

# What a tracer may replace; while it has not, heads are written and read by a shorter way that differs in nothing but
# time.
_of_a_connection = attrgetter("request", "putrequest", "putheader", "endheaders", "getresponse")
_of_http_client = attrgetter(
    *("HTTPConnection.putrequest", "HTTPConnection.putheader", "HTTPConnection.endheaders"),
    *("HTTPConnection.getresponse", "HTTPResponse.begin", "parse_headers"),
)
_CONNECTION = _of_a_connection(urllib3_connection.HTTPConnection)
_HTTP_CLIENT = _of_http_client(http.client)
# What urllib3 makes a response of; one that knows of more is left to it.
_PARTS = signature(urllib3_response.HTTPResponse).parameters.keys()
_NEWER_PARTS = frozenset({"version_string", "sock_shutdown"})
_KNOWN_PARTS = frozenset(
    {"body", "headers", "status", "version", "reason", "preload_content", "decode_content", "original_response", "pool"}
    | {"connection", "msg", "retries", "enforce_content_length", "request_method", "request_url", "auto_close"}
)
_HAS_NEWER_PARTS = _NEWER_PARTS <= _PARTS
_IS_ORIGINAL = _PARTS - (_NEWER_PARTS if _HAS_NEWER_PARTS else set()) == _KNOWN_PARTS and all(
    each.__module__ in ("http.client", "urllib3.connection") and not hasattr(each, "__wrapped__")
    for each in (*_CONNECTION, *_HTTP_CLIENT)
)


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
    # The class of connections that urllib3 would use.
    _own: Any = HTTPConnection
    # The fields that urllib3 adds to every request of this connection; empty as long as it has written none.
    _added = b""
    # The request that was written without urllib3, and has no answer yet; and an answer that http.client is to read.
    _asked: tuple[str, str, dict[str, Any]] | None = None
    _answer: _Answer | None = None
    # Of the answer whose body is read now: its fields by their names in lower case, where they were plain.
    plain_fields: dict[str, tuple[str, str]] | None = None
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
        self._asked = self._answer = None
        if not (body is None or (isinstance(body, bytes) and len(body) <= _SHORT)):
            super().request(method, url, body=body, headers=headers, **options)
            return
        fields = _fields_to_send(headers) if self._is_original() else b""
        if fields and self._added and _TARGET.fullmatch(url) and method in _WITHOUT_BODY and not options.get("chunked"):
            self._asked = method, url, options
            if self.sock is not None:
                self.sock.settimeout(self.timeout)
            length = _WITHOUT_BODY[method] if body is None else b"Content-Length: %d\r\n" % len(body)
            head = f"{method} {url} HTTP/1.1\r\n".encode("ascii")
            self.send(b"".join((head, self._added, length, fields, b"\r\n", body or b"")))
            return
        held = self._write(method, url, body, headers, options)
        added = _ADDED.match(held[0]) if fields else None
        if added is not None:
            self._added = added[1]
        self.send(b"".join(held))

    def _write(self, method: str, url: str, body: Any, headers: Any, options: Any) -> list[bytes]:
        """What urllib3 sends of a request: head and body, which travel together, in one packet and one TLS record."""
        held: list[bytes] = []
        self._held = held
        try:
            super().request(method, url, body=body, headers=headers, **options)
        finally:
            self._held = None
        return held

    def _is_original(self) -> bool:
        return (
            _IS_ORIGINAL
            and _of_a_connection(self._own) == _CONNECTION
            and _of_http_client(http.client) == _HTTP_CLIENT
            and not self.debuglevel
        )

    def send(self, data: Any) -> None:
        if self._held is not None:
            self._held.append(data)
            return
        left = DEADLINE.get() - time.monotonic()
        if self.sock is None or left >= _LONGEST_TIMEOUT:
            super().send(data)
            return
        # A host may take an upload piece by piece, each just in time.
        timeout = self.sock.gettimeout()
        is_last = timeout is None or left < timeout
        if left <= 0:
            raise DeadlineOver("the deadline is over")
        if is_last:
            self.sock.settimeout(left)
        try:
            super().send(data)
        except TimeoutError as error:
            if is_last:
                raise DeadlineOver("the deadline is over") from error
            raise

    def getresponse(self) -> Any:
        asked, self._asked, self.plain_fields = self._asked, None, None
        response = super().getresponse() if asked is None else self._read_response(*asked)
        self._last_heard = time.monotonic()
        return response

    def _read_response(self, method: str, url: str, options: dict[str, Any]) -> Any:
        sock: Any = self.sock
        sock.settimeout(self.timeout)
        answer = _Answer(_Reader(sock, DEADLINE.get()), method=method)  # type: ignore[arg-type]
        try:
            fields = answer.read_head()
        except BaseException as error:  # as http.client does
            if isinstance(error, ConnectionError):
                self.close()
            answer.close()
            raise
        if fields is None:
            # What has arrived is for http.client and urllib3, which take notes of what they sent.
            self._answer = answer
            self._write(method, url, None, _NOTHING_MORE, options)
            return super().getresponse()
        self.plain_fields = fields
        newer: dict[str, Any] = {"version_string": "HTTP/1.1", "sock_shutdown": getattr(sock, "shutdown", None)}
        return urllib3_response.HTTPResponse(
            body=answer,
            headers=HTTPHeaderDict(fields.values()),
            status=answer.status,
            version=answer.version,
            reason=answer.reason,
            original_response=answer,
            request_method=method,
            request_url=url,
            **(newer if _HAS_NEWER_PARTS else {}),
            **{name: value for name, value in options.items() if name != "chunked"},
        )

    def response_class(self, sock: Any, *args: Any, **options: Any) -> http.client.HTTPResponse:  # type: ignore[override]
        """What http.client calls for the answer to each request."""
        if self._answer is not None:
            answer, self._answer = self._answer, None
            return answer
        return _HTTPResponse(_Reader(sock, DEADLINE.get()), *args, **options)  # type: ignore[arg-type]


def _fields_to_send(headers: Mapping[str, str] | None) -> bytes:
    """The lines of all fields; empty where urllib3 has to look at them."""
    if not headers or {*map(type, headers), *map(type, headers.values())} != {str}:
        return b""
    names = {name.lower() for name in headers}
    if "user-agent" not in names or "" in names or not names.isdisjoint(_DECISIVE):
        return b""
    text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    try:
        fields = text.encode("latin-1")
    except UnicodeEncodeError:
        return b""
    # Whatever is left but the end of each line would end it elsewhere.
    is_plain = fields.translate(None, _WRITABLE) == b"\r\n" * len(headers) and _TOKEN.fullmatch("".join(names))
    return fields if is_plain and SKIP_HEADER not in text else b""


class _HTTPResponse(http.client.HTTPResponse):
    """An answer as http.client reads it, but for blanks behind its Transfer-Encoding, which are no part of that.

    With them it would read the chunks' sizes as the body, and wait for its end. Source: RFC 9110, 5.5.
    """

    def begin(self) -> None:
        super().begin()
        coding = self.headers.get("Transfer-Encoding", "")
        if not self.chunked and coding.rstrip(" \t").lower() == "chunked":
            self.chunked, self.chunk_left, self.length = True, None, None


class _Answer(_HTTPResponse):
    """An answer whose head, where it is of the commonest form, is read without the parser of mails."""

    _fields: dict[str, tuple[str, str]] | None = None
    _message: http.client.HTTPMessage | None = None

    @property
    def headers(self) -> Any:
        """The fields as http.client would have parsed them, made when somebody asks."""
        if self._message is None and self._fields is not None:
            self._message = http.client.HTTPMessage()
            for name, value in self._fields.values():
                self._message[name] = value
            self._message.set_payload("")
        return self._message

    @headers.setter
    def headers(self, message: Any) -> None:
        self._message = message

    msg = headers

    def read_head(self) -> dict[str, tuple[str, str]] | None:
        """The fields of a head that has arrived whole and in which nothing has to be decided.

        By their names in lower case, each with the name as it was written; None for any other, which is left unread.
        """
        arrived: bytes = self.fp.peek()
        end = arrived.find(b"\r\n\r\n")
        head = arrived[: max(end, 0)]
        first, *lines = head.decode("latin-1").split("\r\n")
        status = _STATUS.fullmatch(first)
        if status is None or not lines or head.translate(None, _READABLE) != b"\r\n" * len(lines):
            return None
        names, colons, values = zip(*[line.partition(":") for line in lines], strict=True)
        fields = {name.lower(): (name, value.lstrip(" \t")) for name, value in zip(names, values, strict=True)}
        length = fields.get("content-length", _ABSENT)[1]
        if (
            not (_TOKEN.fullmatch("".join(names)) and all(names) and all(colons))
            or len(fields) < len(lines)  # a name that comes twice
            or len(lines) > _MOST_FIELDS
            or not (length.isdecimal() and len(length) <= _MOST_DIGITS)
            or "transfer-encoding" in fields
            or "close" in fields.get("connection", _ABSENT)[1].lower()
        ):
            return None
        self.fp.read(end + 4)
        self._fields = fields
        self.version, self.chunked, self.will_close = 11, False, False
        self.code = self.status = int(status[1])
        self.reason, self.length = (status[2] or "").strip(), int(length)
        return fields


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

    def makefile(self, mode: str) -> io.BufferedReader:
        """What http.client asks a socket for."""
        return io.BufferedReader(self)

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
    connection = type(own.__name__, (_Connection, own), {"_own": own})
    chosen = property(lambda _: connection if kind.ConnectionCls is own else kind.ConnectionCls)
    return type(kind.__name__, (_Pool, kind), {"ConnectionCls": chosen})
