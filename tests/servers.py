"""Web servers as processes of their own, on a socket that is open before they start: no port is lost to another."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import requests

from tests.promises import PATIENCE

ROOT = Path(__file__).parent.parent
# How each server takes a socket that it inherits.
SOCKET = {"gunicorn": "--bind fd://{fd} --threads 4 --no-control-socket", "uvicorn": "--fd {fd} --log-level warning"}
# What serves the app of each framework.
COMMANDS = {
    "flask": f"gunicorn {SOCKET['gunicorn']} tests.receivers.flask_app:app",
    "django": f"gunicorn {SOCKET['gunicorn']} tests.receivers.django_app:app",
    "fastapi": f"uvicorn {SOCKET['uvicorn']} tests.receivers.fastapi_app:app",
}


class Server(NamedTuple):
    """A running server."""

    address: tuple[str, int]
    process: subprocess.Popen[bytes]

    def url(self, path: str = "/notify") -> str:
        return f"http://{self.address[0]}:{self.address[1]}{path}"


@contextmanager
def serving(
    command: str, environment: Mapping[str, str], log: Path, program: str = f"{sys.executable} -m", cwd: Path = ROOT
) -> Iterator[Server]:
    """A server until the end of the block; what it says goes to ``log``."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening, log.open("ab") as output:
        fd = listening.fileno()
        process = subprocess.Popen(
            [*program.split(), *shlex.split(command.format(fd=fd))],
            cwd=cwd,
            env={**os.environ, **environment},
            pass_fds=[fd],
            stdout=output,
            stderr=output,
        )
        server = Server(listening.getsockname(), process)
        try:
            _await(server, log)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _await(server: Server, log: Path) -> None:
    """Return when the server answers; fail with its log when it ends or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.process.poll() is None:
        with suppress(requests.RequestException):
            requests.get(server.url("/"), timeout=1)
            return
    raise AssertionError(f"no server: {log.read_text()[-2000:]}")
