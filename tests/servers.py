"""Web servers as processes of their own, on a socket that is open before they start: nobody waits for a port."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

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
        try:
            yield Server(listening.getsockname(), process)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
