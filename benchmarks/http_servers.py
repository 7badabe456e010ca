"""What a request and its answer cost the sandbox's server, and others: ``python -m benchmarks.http_servers``.

The numbers of docs/decisions/sandbox-server.md. All answer the same bytes to the same client, which runs in another
process, in turn; what counts is the processor time of the process that serves. http.server and h11 are bare loops:
they look at nothing that they do not have to. ``h11`` comes with uvicorn.
"""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import h11

from wechatpay_chain.sandbox.answer import Answer
from wechatpay_chain.sandbox.server import Server

__all__ = ["main"]

_ROUNDS, _REQUESTS = 5, 2000
_BODY = b'{"prepay_id":"wx201410272009395522657a690389285100"}'
_HEADERS = {
    "Content-Type": "application/json",
    "Wechatpay-Timestamp": "1",
    "Wechatpay-Nonce": "a" * 32,
    "Wechatpay-Serial": "b" * 40,
    "Wechatpay-Signature": "c" * 344,
    "Request-ID": "d" * 46,
}
_REQUEST = (
    b"POST /v3/pay/transactions/jsapi HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: x\r\nAccept: application/json\r\n"
    b"Accept-Encoding: gzip\r\nConnection: keep-alive\r\nContent-Type: application/json\r\nAuthorization: "
    + b"z" * 600
    + b"\r\nContent-Length: 300\r\n\r\n"
    + b"x" * 300
)


def _ours() -> int:
    def respond(*args: Any, **options: Any) -> Answer:
        return Answer(200, _BODY, dict(_HEADERS))

    server = Server("127.0.0.1", 0, respond)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class _Bare(BaseHTTPRequestHandler):
    protocol_version, wbufsize, disable_nagle_algorithm = "HTTP/1.1", -1, True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        for name, value in {"Content-Length": str(len(_BODY)), **_HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(_BODY)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _http_server() -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bare)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def _h11() -> int:
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            threading.Thread(target=_serve_h11, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    port: int = listening.getsockname()[1]
    return port


def _serve_h11(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    state = h11.Connection(h11.SERVER)
    headers = [("Content-Length", str(len(_BODY))), *_HEADERS.items()]
    with connection:
        while True:
            event = state.next_event()
            if event is h11.NEED_DATA:
                state.receive_data(connection.recv(1 << 16))
            elif isinstance(event, h11.ConnectionClosed):
                return
            elif isinstance(event, h11.EndOfMessage):
                answer = state.send(h11.Response(status_code=200, headers=headers)) or b""
                answer += state.send(h11.Data(data=_BODY)) or b""
                connection.sendall(answer + (state.send(h11.EndOfMessage()) or b""))
                state.start_next_cycle()


def _ask(port: int, requests: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(requests):
            connection.sendall(_REQUEST)
            answer = b""
            while not answer.endswith(_BODY):
                answer += connection.recv(1 << 16)


def _cost(port: int, requests: int) -> float:
    """Seconds of this process for one request."""
    client = multiprocessing.get_context("spawn").Process(target=_ask, args=(port, requests))
    began = time.process_time()
    client.start()
    client.join()
    return (time.process_time() - began) / requests


def main(rounds: int = _ROUNDS, requests: int = _REQUESTS) -> dict[str, float]:
    """The median of each, in seconds, which is also printed."""
    servers: dict[str, Callable[[], int]] = {"the sandbox's server": _ours, "http.server": _http_server, "h11": _h11}
    ports = {name: start() for name, start in servers.items()}
    taken: dict[str, list[float]] = {name: [] for name in ports}
    for _ in range(rounds):
        for name, port in ports.items():
            taken[name].append(_cost(port, requests))
    medians = {name: sorted(each)[rounds // 2] for name, each in taken.items()}
    first = next(iter(medians.values()))
    for name, cost in medians.items():
        print(f"{name}: {cost * 1e6:.0f} µs a request, {cost / first:.2f}")
    return medians


if __name__ == "__main__":
    main()
