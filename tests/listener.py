"""A web server that answers as it is told, and keeps what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from requests.structures import CaseInsensitiveDict


class Listener(ThreadingHTTPServer):
    """``answers`` are given in turn, the last one for ever: status, or status and body."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = [(204, b"")]
        self.received: list[tuple[CaseInsensitiveDict[str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/notify"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.received.append((CaseInsensitiveDict(self.headers.items()), body))
        answers = self.server.answers
        status, told = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        if status >= 300:
            self.send_header("Location", self.server.url)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def listening() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
