"""The sandbox's listening socket: one thread for each connection, all of which can be hung up."""

from __future__ import annotations

import contextlib
import io
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

from requests.structures import CaseInsensitiveDict

from wechatpay_chain.sandbox import upload
from wechatpay_chain.sandbox.answer import Answer, Refusal
from wechatpay_chain.sandbox.routes import is_legacy

__all__ = ["Server"]

Respond: TypeAlias = Callable[..., Answer]

_LONGEST_BODY = 32 * 1024 * 1024
_LONGEST_FORM = 4 * 1024 * 1024 * 1024
_LONGEST_KEPT_FORM = 1024 * 1024
_KEEP_ALIVE = 8


class Server(ThreadingHTTPServer):
    """A web server on a port of its own that counts its connections, inside TLS when it is given a context."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, respond: Respond, tls: ssl.SSLContext | None = None) -> None:
        self.accepted = 0
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__((host, port), _handler(respond))

    def server_bind(self) -> None:
        """Without asking the name service for this host's name, as HTTPServer does: that can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def get_request(self) -> tuple[Any, Any]:
        """The next connection, inside TLS when there is a context."""
        connection, address = super().get_request()
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
        """A client that hangs up is no event."""

    def hang_up(self) -> None:
        """End every connection that is open."""
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _handler(respond: Respond) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "wechatpay_chain"
        timeout = _KEEP_ALIVE
        disable_nagle_algorithm = True
        wbufsize = -1

        def serve(self) -> None:
            given = self.headers.get("Content-Length", "0")
            length = int(given) if given.isascii() and given.isdigit() else -1
            boundary = upload.boundary_of(self.headers.get("Content-Type", ""))
            if not 0 <= length <= (_LONGEST_FORM if boundary else _LONGEST_BODY) or "Transfer-Encoding" in self.headers:
                self.close_connection = True
                status, message = (413, "请求体过大") if length > _LONGEST_BODY else (400, "请求体长度无效")
                self.send_error(status, message)
                return
            body = b"" if boundary and length > _LONGEST_KEPT_FORM else self.rfile.read(length)
            try:
                file: Any = io.BytesIO(body) if body else self.rfile
                algorithm = "md5" if is_legacy(self.target()) else "sha256"
                form = upload.read_form(file, length, boundary, algorithm) if boundary else None
            except Refusal as refusal:
                self.send_error(refusal.status, str(refusal))
                return
            headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(self.headers.items())
            self.reply(respond(self.command, self.target(), headers, body, form))

        def target(self) -> str:
            """The target as it was received; http.server folds slashes at its beginning."""
            line: bytes = getattr(self, "raw_requestline", b"")
            words = line.decode("latin-1").split()
            return words[1] if len(words) > 1 else self.path

        def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
            """What is no request that WeChat Pay knows: 404 or the fitting status, in its shape and signed."""
            self.close_connection = True
            answer = Answer.of(404 if code == 501 else code, {"code": "PARAM_ERROR", "message": f"沙箱: {message}"})
            self.reply(answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve
        do_OPTIONS = do_TRACE = do_HEAD = serve

        def reply(self, answer: Answer) -> None:
            framing, pieces = answer.framed()
            self.send_response(answer.status)
            for name, value in {**framing, **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in () if self.command == "HEAD" else pieces:
                self.wfile.write(piece)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
