"""A forward proxy for clients whose base URL is fixed: it ends the TLS of WeChat Pay's hosts, and refuses all others.

A client that has it as ``HTTPS_PROXY``, and trusts the sandbox's authority, calls the sandbox in WeChat Pay's place.
Nothing of the sandbox's own, such as its control, is reached through it.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

from wechatpay_chain.protocol.hosts import HOSTS
from wechatpay_chain.sandbox.answer import Answer, Client
from wechatpay_chain.sandbox.certificate import Authority
from wechatpay_chain.sandbox.server import Connection, Respond, Server, peer_serial

__all__ = ["Proxy"]

_PORT = "443"


class Proxy(Server):
    """Listens for ``CONNECT host:443``; ``base_url`` is where the sandbox is without it."""

    option = "proxy"

    def __init__(self, host: str, port: int, respond: Respond, authority: Authority, base_url: str) -> None:
        self.inside = authority.server_context(sorted(HOSTS), clients=authority)
        self.base_url = base_url
        super().__init__(host, port, respond, connection=_Tunnel)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, name="sandbox-proxy", daemon=True
        )

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Close it and all that is open."""
        self.shutdown()
        self.server_close()
        self.hang_up()
        self._thread.join()


class _Tunnel(Connection):
    """One connection: in plain text until it has said where it wants to go, and in TLS from then on."""

    # What follows the head is TLS's, and must not be read into a buffer before.
    rbufsize = 0
    server: Proxy

    def setup(self) -> None:
        """Make the files of the socket."""
        super().setup()
        self._outer: socket.socket | None = None

    def serve(self) -> None:
        """Open the tunnel, or answer what came through it."""
        if self._outer is not None:
            super().serve()
        elif self.command == "CONNECT":
            self._connect()
        else:
            self._refuse(f"this is a proxy for https alone: CONNECT, not {self.command}")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve
    do_OPTIONS = do_TRACE = do_HEAD = do_CONNECT = serve

    def finish(self) -> None:
        """Close both, the socket and the TLS in it."""
        super().finish()
        if self._outer is not None:
            self.server.replace(self.connection, self._outer)
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()

    def _connect(self) -> None:
        host, _, port = self.path.rpartition(":")
        if host.lower().rstrip(".") not in HOSTS or port != _PORT:
            hosts = ", ".join(sorted(HOSTS))
            self._refuse(f"{self.path[:120]} is not WeChat Pay's; this proxy leads to port {_PORT} of {hosts}")
            return
        self.send_response_only(200, "Connection established")
        self.end_headers()
        self.wfile.flush()
        self._outer = self.connection
        inner = self.server.inside.wrap_socket(self._outer, server_side=True, do_handshake_on_connect=False)
        self.server.replace(self._outer, inner)
        self.connection = inner
        try:
            inner.do_handshake()
        except (ssl.SSLError, OSError):
            # Most clients that do not trust the authority hang up without a word.
            self.close_connection = True
            return
        self.rfile = inner.makefile("rb", -1)
        self.wfile = inner.makefile("wb", -1)
        self._client = Client("https", peer_serial(inner), self.server.base_url)
        self.close_connection = False

    def _refuse(self, reason: str) -> None:
        self.close_connection = self._is_refused = True
        self._send(Answer.of(403, {"code": "FORBIDDEN", "message": reason}))
