"""A gateway that says the same signed answer to whoever asks, and costs next to nothing.

Many threads are measured before it: the sandbox checks each request, which would be what limits them. It checks
nothing; that the same calls are right is seen in the other benchmarks, before the sandbox.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from typing import Any

from wechatpay_chain.sandbox.answer import signed_headers
from wechatpay_chain.sandbox.identity import Identity

__all__ = ["Canned"]

# Seconds for which one signature is said again; WeChat Pay's clock and ours may be 300 apart.
_FRESH = 10.0
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_BODY = json.dumps({"notify_url": "https://pay.weixin.qq.com/notify", "update_time": "2026-01-01T00:00:00+08:00"})


class Canned:
    """It listens until the process ends, and answers after ``delay`` seconds."""

    def __init__(self, delay: float = 0.0) -> None:
        self._delay = delay
        self._identity = Identity.new()
        self._answer, self._since = b"", 0.0
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        threading.Thread(target=self._listen, daemon=True).start()

    def configuration(self) -> dict[str, Any]:
        """The merchant's entries."""
        return {**self._identity.configuration(), "base_url": f"http://127.0.0.1:{self._socket.getsockname()[1]}"}

    def _listen(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        left = b""
        with connection:
            while True:
                while (end := self._end(left)) < 0:
                    more = connection.recv(65536)
                    if not more:
                        return
                    left += more
                left = left[end:]
                time.sleep(self._delay)
                connection.sendall(self._signed())

    @staticmethod
    def _end(data: bytes) -> int:
        """Where the first request in ``data`` ends, -1 while it has not."""
        head = data.find(b"\r\n\r\n") + 4
        if head < 4:
            return -1
        length = _LENGTH.search(data, 0, head)
        end = head + (int(length[1]) if length else 0)
        return end if len(data) >= end else -1

    def _signed(self) -> bytes:
        now = time.time()
        if now - self._since > _FRESH:
            identity = self._identity
            body = _BODY.encode()
            signed = signed_headers(identity.public_key_id, identity.public_key, body, now)
            fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **signed}
            head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
            self._answer, self._since = f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body, now
        return self._answer
