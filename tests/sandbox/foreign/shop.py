"""What a shop needs beside its client: a receiver of notices, and the sandbox's control API."""

from __future__ import annotations

import json
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import requests

PATIENCE = 20


class Notice(NamedTuple):
    """What was pushed."""

    headers: Mapping[str, str]
    body: bytes


class Shop:
    """A configuration, a receiver, and what has been found so far."""

    def __init__(self, configuration: Mapping[str, Any], url: str, notices: queue.Queue[Notice]) -> None:
        self.configuration, self.notify_url, self._notices = configuration, url, notices
        self.base: str = configuration["base_url"]
        self.found: dict[str, Any] = {}

    def notice(self) -> Notice:
        """The next notice that is pushed."""
        return self._notices.get(timeout=PATIENCE)

    def control(self, path: str, **fields: Any) -> Any:
        """POST to the control API, as any program can."""
        answer = requests.post(f"{self.base}/_/{path}", json=fields, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def opened(reply: bytes) -> Iterator[Shop]:
    """A shop whose configuration comes by standard input; what it found goes to standard output, as JSON."""
    notices: queue.Queue[Notice] = queue.Queue()
    with ThreadingHTTPServer(("127.0.0.1", 0), _receiver(notices.put, reply)) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        shop = Shop(json.load(sys.stdin), f"http://127.0.0.1:{server.server_address[1]}/notify", notices)
        yield shop
        server.shutdown()
    json.dump(shop.found, sys.stdout)


def _receiver(put: Callable[[Notice], None], reply: bytes) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)
            put(Notice(dict(self.headers.items()), body))

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Receiver
