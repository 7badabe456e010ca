"""The sandbox's listening socket: HTTP/1.0 and 1.1, inside TLS or not, a thread for each connection.

It knows sockets and HTTP; what a request means, ``respond`` knows. Why it stands on http.server:
docs/decisions/sandbox-server.md.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from functools import cache, cached_property, lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any, BinaryIO, Protocol, cast

from requests.structures import CaseInsensitiveDict

from wechatpay_chain.errors import ConfigError
from wechatpay_chain.sandbox import framing, upload
from wechatpay_chain.sandbox.answer import Answer, Client, Form, Refusal
from wechatpay_chain.sandbox.arguments import check_port
from wechatpay_chain.sandbox.framing import BadRequest
from wechatpay_chain.sandbox.routes import is_legacy

__all__ = ["KEEP_ALIVE", "Connection", "Respond", "Server", "peer_serial"]

# WeChat Pay's servers close a connection that is idle for so many seconds.
KEEP_ALIVE = 8
_LONGEST_BODY = 32 * 1024 * 1024
# A form is digested while it arrives, and only a short one is kept.
_LONGEST_FORM = 4 * 1024 * 1024 * 1024
# A client that is refused may still be sending: a socket that is closed before it was read out resets the
# connection, and the client loses the answer. So much is read, for so many seconds.
_LINGER_BYTES = 64 * 1024 * 1024
_LINGER_SECONDS = 2.0
_SERVER = "wechatpay_chain"
_OWN: Mapping[str, str] = {"Server": _SERVER}
_LOGGER = logging.getLogger("wechatpay_chain.sandbox")
_FAILED = Answer.of(500, {"code": "SYSTEM_ERROR", "message": "系统异常，请稍后重试"})
# The first byte of a record that begins a TLS connection.
_HANDSHAKE = b"\x16"
_VERSIONS = ("HTTP/1.0", "HTTP/1.1")
_PLAIN = re.compile(rb"([A-Z]+) [!-~]+ (HTTP/1\.[01])\r?\n")
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - shown in place of it, not bound


class Respond(Protocol):
    """What answers a request; it may be called from many threads at once."""

    def __call__(
        self,
        method: str,
        target: str,
        headers: CaseInsensitiveDict[str],
        body: bytes,
        form: Form | None = None,
        *,
        client: Client,
    ) -> Answer: ...


class Server(ThreadingHTTPServer):
    """A web server that counts its connections and can hang up all of them.

    ``host`` is a name or an address of either IP version. Raises ConfigError for a port or host that cannot be had.
    """

    daemon_threads = True
    request_queue_size = 1024
    # What the option of its port is called.
    option = "port"

    def __init__(
        self,
        host: str,
        port: int,
        respond: Respond,
        tls: ssl.SSLContext | None = None,
        connection: type[BaseHTTPRequestHandler] | None = None,
    ) -> None:
        self.respond = respond
        self.accepted = 0
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        check_port("port", port)
        try:
            family, _, _, _, address = socket.getaddrinfo(
                host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self.address_family = family
            super().__init__(address, connection or Connection)  # type: ignore[arg-type]
        except (OSError, UnicodeError) as error:
            raise _not_to_be_had(host, port, self.option, error) from error

    @cached_property
    def is_local(self) -> bool:
        """Whether it listens for this machine alone."""
        return ip_address(str(self.server_address[0]).partition("%")[0]).is_loopback

    @property
    def url(self) -> str:
        """Where it listens, as the beginning of a URL; the loopback address when it listens at all."""
        host, port = str(self.server_address[0]), int(self.server_address[1])
        host = _WILDCARDS.get(host, host)
        return f"{'https' if self._tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    def server_bind(self) -> None:
        """Without asking the name service for this host's name, as HTTPServer does: that can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[Any, Any]:
        """The next connection, inside TLS when there is a context."""
        try:
            connection, address = super().get_request()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                # Without a pause the listening socket, which stays readable, would keep a core busy.
                threading.Event().wait(0.05)
            raise
        if self._tls is not None:
            # The handshake is left to the connection's own thread: a slow one must not keep others waiting.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count a connection, and serve it."""
        with self._open_lock:
            self._open.add(request)
            self.accepted += 1
        super().process_request(request, client_address)

    @property
    def open_connections(self) -> int:
        """Connections that neither side has closed yet."""
        with self._open_lock:
            return len(self._open)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event; what else ends a connection is logged by it."""

    def replace(self, old: socket.socket, new: socket.socket) -> None:
        """Take a connection's socket for another, inside TLS, that ends with it."""
        with self._open_lock:
            self._open.discard(old)
            self._open.add(new)

    def hang_up(self) -> None:
        """End every connection that is open."""
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _not_to_be_had(host: str, port: int, option: str, error: Exception) -> ConfigError:
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        told = f"{port} is in use on {host}; end the program that listens there, choose another port, or 0 for any"
        return ConfigError(f"{option}: {told}", option)
    if code == errno.EACCES:
        told = f"{port} needs a privilege that this process lacks; choose one above 1023"
        return ConfigError(f"{option}: {told}", option)
    return ConfigError(f"host: {host!r} is no address of this machine ({error}); 127.0.0.1 is the default", "host")


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


@cache
def _line(status: int) -> str:
    reasons = BaseHTTPRequestHandler.responses
    return f"{status} {reasons[status][0] if status in reasons else ''}"


class Connection(BaseHTTPRequestHandler):
    """One connection: its requests in their order, each read to its end before the next."""

    protocol_version = "HTTP/1.1"
    server_version = _SERVER
    sys_version = ""
    timeout = KEEP_ALIVE
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server
    rfile: BinaryIO  # type: ignore[assignment]

    def setup(self) -> None:
        """Make the files of the socket, and shake hands where it speaks TLS."""
        super().setup()
        self._client = Client()
        self._is_refused = False
        if isinstance(self.connection, ssl.SSLSocket):
            try:
                self.connection.do_handshake()
            except ssl.SSLError as error:
                if error.reason == "HTTP_REQUEST":
                    _say_that_it_speaks_tls(self.connection)
                raise
            self._client = Client("https", peer_serial(self.connection))

    def handle(self) -> None:
        """Serve one request after the other; a client that speaks TLS to a plain port is told so."""
        if self._client.scheme == "http" and self.connection.recv(1, socket.MSG_PEEK) == _HANDSHAKE:
            self.requestline = self.command = ""
            self.request_version = "HTTP/1.0"
            self.send_error(400, "this port speaks plain HTTP, and the client TLS: write http://, or use tls=True")
            return
        super().handle()

    def finish(self) -> None:
        """Close, after what a refused client is still sending was read."""
        with contextlib.suppress(OSError):
            super().finish()
            if self._is_refused:
                self._linger()

    def version_string(self) -> str:
        """What ``Server`` says."""
        return self.server_version

    def handle_expect_100(self) -> bool:
        """Nothing yet: the body is asked for when it is read."""
        return True

    def parse_request(self) -> bool:
        """Read the head; False when it was answered with an error."""
        line: bytes = getattr(self, "raw_requestline", b"")
        file, head = self.rfile, framing.Head(self.rfile)
        plain = _PLAIN.fullmatch(line)
        if plain and head.read():
            self.requestline = line.decode("ascii").rstrip()
            self.command, self.request_version = plain[1].decode("ascii"), plain[2].decode("ascii")
            self.close_connection = self.request_version == "HTTP/1.0"
        else:
            # http.server tells what is wrong with it.
            self.rfile = cast(BinaryIO, head)
            try:
                if not super().parse_request():
                    return False
            finally:
                self.rfile = file
        try:
            if head.fault:
                raise BadRequest(400, head.fault)
            self._fields = head.fields or framing.Fields(self.headers.items())
            if self.request_version not in _VERSIONS:
                raise BadRequest(400, "the request line names no version of HTTP")
            framing.check_fields(self._fields, self.request_version)
            self._persist()
            # http.server, which has folded slashes in its own path, keeps the line as it came.
            self.path, host = framing.target_of(line)
            if host:
                # It counts, whatever the header says: RFC 9112, section 3.2.2.
                others = (pair for pair in self._fields.items() if pair[0].lower() != "host")
                self._fields = framing.Fields([*others, ("Host", host)])
        except BadRequest as bad:
            self.send_error(bad.status, str(bad))
            return False
        return True

    def _persist(self) -> None:
        """Whether the connection goes on: HTTP/1.1 unless it is said not to, HTTP/1.0 when it is said."""
        said = {word.strip() for word in self._fields.get("Connection").lower().split(",")}
        if "close" in said:
            self.close_connection = True
        elif "keep-alive" in said:
            self.close_connection = False

    def serve(self) -> None:
        """Read the body, let the request be answered, and send the answer."""
        try:
            body, form = self._read()
        except BadRequest as bad:
            self.send_error(bad.status, str(bad))
            return
        except Refusal as refusal:
            self.send_error(refusal.status, str(refusal))
            return
        headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(self._fields.items())
        try:
            answer = self.server.respond(self.command, self.path, headers, body, form, client=self._client)
        except Exception:
            _LOGGER.exception("%s %s could not be answered", self.command, self.path)
            answer = _FAILED
        if answer.is_dropped:
            self.close_connection = True
            return
        self._send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve
    do_OPTIONS = do_TRACE = do_HEAD = do_CONNECT = serve

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request that can be read, and end the connection.

        A method that is no method is 405, as it is for any path; the others are in WeChat Pay's shape.
        """
        self.close_connection = self._is_refused = True
        if self.request_version not in _VERSIONS:
            # http.server answers such a request without a head.
            self.request_version = "HTTP/1.0"
        if code == 501 and not hasattr(self, f"do_{self.command}"):
            self._send(Answer(405))
            return
        reason = ", ".join(filter(None, (message or HTTPStatus(code).description, explain)))
        told = f"HTTP 请求不符合微信支付 APIv3 接口规则: {reason}"
        self._send(Answer.of(code, {"code": "INVALID_REQUEST", "message": told}))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the gateway remembers what it received."""

    def _read(self) -> tuple[bytes, Form | None]:
        is_form, boundary = upload.form_of(self._fields.get("Content-Type"))
        longest = _LONGEST_FORM if is_form else _LONGEST_BODY
        body = framing.body_of(self._fields, self.rfile, self.request_version, longest, self._ask_for_body)
        if not is_form:
            return b"".join(iter(lambda: body.read(1 << 20), b"")), None
        algorithm = "md5" if is_legacy(self.path) else "sha256"
        return upload.read_form(body, boundary, algorithm)

    def _ask_for_body(self) -> None:
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()

    def _send(self, answer: Answer) -> None:
        framed, pieces = self._frame(answer)
        persistence = {"Connection": "close"} if self.close_connection else _KEPT
        fields = {**_OWN, "Date": _date(int(time.time())), **framed, **answer.headers, **_ALWAYS, **persistence}
        # In one piece: a call of send_header for each takes longer than the book does.
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.wfile.write(f"{self.protocol_version} {_line(answer.status)}\r\n{lines}\r\n".encode("latin-1"))
        if self.command != "HEAD":
            for piece in pieces:
                self.wfile.write(piece)
        self.wfile.flush()

    def _frame(self, answer: Answer) -> tuple[dict[str, str], Iterator[bytes]]:
        """HTTP/1.0 knows no chunks: there the end of the connection ends a body of unknown length."""
        headers, pieces = answer.frame()
        if "Transfer-Encoding" in headers and self.request_version != "HTTP/1.1" and answer.pieces is not None:
            self.close_connection = True
            return {}, answer.pieces
        return headers, pieces

    def _linger(self) -> None:
        self.connection.settimeout(_LINGER_SECONDS)
        self.connection.shutdown(socket.SHUT_WR)
        left = _LINGER_BYTES
        while left > 0 and (block := self.connection.recv(1 << 16)):
            left -= len(block)


# WeChat Pay's own answers have it, and a page of the sandbox needs it.
_ALWAYS: Mapping[str, str] = {"X-Content-Type-Options": "nosniff"}
_KEPT: Mapping[str, str] = {"Connection": "keep-alive", "Keep-Alive": f"timeout={KEEP_ALIVE}"}


def peer_serial(connection: ssl.SSLSocket) -> str:
    """The serial number of a client's certificate in upper-case hexadecimal digits; empty for none."""
    certificate = connection.getpeercert()
    return str(certificate["serialNumber"]).upper() if certificate else ""


def _say_that_it_speaks_tls(connection: ssl.SSLSocket) -> None:
    """In plain text, to a client that spoke so."""
    told = b'{"code":"INVALID_REQUEST","message":"this port speaks TLS, and the client plain HTTP: write https://"}'
    head = (
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    with socket.socket(fileno=os.dup(connection.fileno())) as plain, contextlib.suppress(OSError):
        plain.sendall(head % len(told) + told)
        # The request is read out, so that closing does not reset the connection before the answer arrived.
        plain.settimeout(_LINGER_SECONDS)
        plain.shutdown(socket.SHUT_WR)
        while plain.recv(1 << 16):
            pass
