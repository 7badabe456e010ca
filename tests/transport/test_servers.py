"""Calls inside of real servers: gunicorn's gevent workers with quiet spells, and Celery's soft time limit."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.servers import SOCKET, serving
from tests.sockets import raw_server, request_of
from wechatpay_chain import Sandbox

pytestmark = pytest.mark.slow


def test_gunicorn_with_gevent_calls_once_each(gateway: Sandbox, tmp_path: Path) -> None:
    """After spells that are longer than a connection may be idle, and twenty at once."""
    bind = SOCKET["gunicorn"].replace("--threads 4", "-k gevent")
    command = f"gunicorn {bind} tests.receivers.calling_app:app"
    with serving(command, gateway.environment(), tmp_path / "log") as server:
        called = 0
        for quiet in (0, 0.3, 0, 0.5, 0):
            time.sleep(quiet)  # the spell itself
            assert requests.get(server.url("/"), timeout=30).text == "200"
            called += 1
        with ThreadPoolExecutor(20) as threads:
            told = list(threads.map(lambda _: requests.get(server.url("/"), timeout=30).text, range(20)))
        assert told == ["200"] * 20
        time.sleep(0.3)  # a last spell
        assert requests.get(server.url("/"), timeout=30).text == "200"
    posts = [request for request in gateway.requests if request.method == "POST"]
    # The server looks whether it serves with a request or more of its own.
    assert len(posts) >= called + 21
    assert (tmp_path / "log").read_text().count("Traceback") == 0


def test_the_soft_time_limit_of_celery_comes_out(
    gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is, in a worker process of its own, and the call is not repeated because of it."""
    gate = threading.Event()

    def behave(connection: socket.socket) -> None:
        request_of(connection)
        gate.wait(30)

    for folder in ("queue", "results"):
        (tmp_path / folder).mkdir()
    for name, value in {**gateway.environment(), "QUEUE_FOLDER": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)

    from tests.receivers.celery_app import app, pay

    with raw_server(behave) as (url, accepted), (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tests.receivers.celery_app", "worker", "-c", "1", "-P", "prefork"],
            env=os.environ.copy(),
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            assert pay.delay(url).get(timeout=60) == "SoftTimeLimitExceeded", (tmp_path / "log").read_text()
        finally:
            gate.set()
            worker.terminate()
            worker.wait(30)
        assert len(accepted) == 1
    app.close()
