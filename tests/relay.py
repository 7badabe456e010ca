"""A gateway in between: what comes is changed, as proxies do it, and handed on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import requests

__all__ = ["Passing", "relaying"]


class Passing(NamedTuple):
    """A request on its way."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Change = Callable[[Passing], Passing]
_OF_ONE_HOP = ("host", "connection", "content-length", "transfer-encoding", "date", "server")


class _Relay(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, origin: str, change: Change, date: str) -> None:
        self.origin, self.change, self.date = origin, change, date
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Relay

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        came = Passing(self.command, self.path, dict(self.headers.items()), body)
        gone = self.server.change(came)
        headers = {name: value for name, value in gone.headers.items() if name.lower() not in _OF_ONE_HOP}
        with requests.Session() as session:
            session.trust_env = False
            prepared = requests.Request(gone.method, self.server.origin, headers=headers, data=gone.body).prepare()
            prepared.url = self.server.origin + gone.target
            answer = session.send(prepared, timeout=10, allow_redirects=False)
        self.send_response_only(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in _OF_ONE_HOP:
                self.send_header(name, value)
        self.send_header("Date", self.server.date or self.date_time_string())
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def relaying(origin: str, change: Change = lambda passing: passing, date: str = "") -> Iterator[str]:
    """The URL of a relay to ``origin``; ``date`` is what its answers have in place of the time."""
    with _Relay(origin, change, date) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
