"""Threads of promises: how many there are, what ends with the program, and what happens when no more can be had."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.promises import PATIENCE, one
from wechatpay_chain import Promise, Sandbox, Wechatpay, errors
from wechatpay_chain.workers import MAX_WORKERS, Workers

pytestmark = pytest.mark.usefixtures("no_hang")


@pytest.mark.parametrize("limit", [1, 3])
def test_a_client_says_how_many_calls_are_under_way(limit: int, gateway: Sandbox, gate: threading.Event) -> None:
    """The others are sent as places become free."""
    here: list[int] = []
    arrived = threading.Semaphore(0)

    def hold(*_: Any) -> None:
        arrived.release()
        assert gate.wait(PATIENCE)

    gateway.tamper = hold
    with gateway.client(max_workers=limit) as wxpay:
        promises = [wxpay.v3.certificates.get_async() for _ in range(4 * limit)]
        for _ in range(limit):
            assert arrived.acquire(timeout=PATIENCE)
        here.append(len(gateway.requests))
        gate.set()
        assert all(answer.verified for answer in Promise.all(promises).result(PATIENCE))
    assert here == [limit]
    assert len(gateway.requests) == 4 * limit


def test_slow_answers_do_not_starve_other_calls(gateway: Sandbox, wxpay: Wechatpay, gate: threading.Event) -> None:
    """While 32 calls wait, 40 others are answered."""

    def hold(_: Any, received: Any) -> None:
        if received.target == "/v3/slow":
            assert gate.wait(PATIENCE)

    gateway.tamper = hold
    slow = [wxpay.v3.slow.get_async() for _ in range(32)]
    quick = Promise.all([wxpay.v3.certificates.get_async() for _ in range(40)])
    assert len(quick.result(PATIENCE)) == 40
    assert not any(promise.done() for promise in slow)
    gate.set()
    Promise.settle(slow).wait()


@pytest.mark.parametrize("value", [0, -1, True, False, 2.5, "8", [8]])
def test_max_workers_is_a_number_of_threads(value: Any, gateway: Sandbox) -> None:
    """Anything else is refused when the client is made; the error names the field and what was found."""
    found = repr(value) if type(value) is int else type(value).__name__
    with pytest.raises(errors.ConfigError, match=rf"^max_workers: expected a whole number from 1, found {found}$"):
        gateway.client(max_workers=value)
    with pytest.raises(errors.ConfigError, match=r"^max_workers: "):
        gateway.builder(max_workers=value)


def test_threads_are_started_on_demand_and_used_again() -> None:
    """One call after the other needs no crowd; more than 32 may be under way."""
    pool = Workers(100)
    names = {Promise.run(threading.get_ident, pool=pool).wait() for _ in range(50)}
    assert len(names) <= 5
    assert MAX_WORKERS > 32


def test_a_waiting_worker_gives_its_place_away() -> None:
    """A pool of one thread does what 50 tasks within each other wait for."""
    pool = Workers(1)

    def nested(depth: int) -> int:
        return Promise.run(lambda: nested(depth - 1), pool=pool).wait() + 1 if depth else 0

    assert Promise.run(lambda: nested(50), pool=pool).result(PATIENCE) == 50


def test_no_more_threads_than_the_limit_work_after_a_wait(gate: threading.Event) -> None:
    """Those that waited go on beside those that took their places, and then one by one end."""
    pool = Workers(2)
    outer = [Promise.run(lambda: Promise.run(one, pool=pool).wait(), pool=pool) for _ in range(20)]
    assert Promise.all(outer).result(PATIENCE) == [1] * 20
    begun = threading.Semaphore(0)
    inner = [Promise.run(lambda: begun.release() or gate.wait(PATIENCE), pool=pool) for _ in range(6)]  # type: ignore[func-returns-value]
    for _ in range(2):
        assert begun.acquire(timeout=PATIENCE)
    assert not begun.acquire(timeout=0.05)
    gate.set()
    assert Promise.all(inner).result(PATIENCE) == [True] * 6


class NoThreads(threading.Thread):
    """What the system says when there are too many."""

    def start(self) -> None:
        raise RuntimeError("can't start new thread")


def test_no_thread_to_be_had_is_an_error_and_no_hang(monkeypatch: pytest.MonkeyPatch, gate: threading.Event) -> None:
    """A pool without any thread says so; one that has a thread leaves the work to it, but not to one that waits."""
    empty, busy = Workers(), Workers()
    first = Promise.run(lambda: gate.wait(PATIENCE) and Promise.run(one, pool=busy).wait(), pool=busy)
    monkeypatch.setattr(threading, "Thread", NoThreads)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        Promise.run(one, pool=empty)
    second = Promise.run(one, pool=busy)
    gate.set()
    with pytest.raises(RuntimeError, match="can't start new thread"):
        first.result(PATIENCE)
    assert second.result(PATIENCE) == 1
    monkeypatch.undo()
    assert Promise.run(one, pool=empty).result(PATIENCE) == 1


# The configuration of a client comes from the standard input, and its gateway is in the process of the test: none
# may be in one that ends, since it starts threads. ``drip`` is a call whose answer never ends.
SCRIPT = """
import json, os, socket, sys, threading, time
from wechatpay_chain import Promise, Wechatpay, workers
server = socket.create_server(("127.0.0.1", 0))
arrived = threading.Event()
def serve():
    connection, _ = server.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 1000000\\r\\n\\r\\n")
    arrived.set()
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)
threading.Thread(target=serve, daemon=True).start()
workers._PATIENCE = 0.5
given = json.loads(sys.stdin.readline())
wxpay = Wechatpay(given)
show = lambda answer: sys.stdout.write(f"{answer.status}\\n")
def drip(wxpay):
    promise = wxpay.v3.drip.get_async(base_url=f"http://127.0.0.1:{server.getsockname()[1]}")
    arrived.wait(20)
"""
CUT = "GET /v3/drip is cut off by the end of the program; it may be carried out\n"
ENDS = {
    "a dripping call": ("drip(wxpay)", CUT),
    "answers on the wire": ("for _ in range(3): wxpay.v3.certificates.get_async().then(show)", "200\n200\n200\n"),
    "both": ("drip(wxpay)\nwxpay.v3.certificates.get_async().then(show)", f"200\n{CUT}"),
    "a call that was not begun": (
        "one = Wechatpay(given, max_workers=1)\ndrip(one)\none.v3.certificates.get_async()",
        f"{CUT}GET /v3/certificates was not begun before the end of the program\n",
    ),
    "an error in the main program": (
        "wxpay.v3.certificates.get_async().then(show)\nsys.excepthook = lambda *_: print('failed', flush=True)\n1 / 0",
        "failed\n200\n",
    ),
    "a child of multiprocessing": (
        "import multiprocessing\n"
        "def child():\n"
        "    wxpay.v3.certificates.get_async().then(lambda answer: print('in the child', answer.status, flush=True))\n"
        "process = multiprocessing.get_context('fork').Process(target=child)\nprocess.start()\nprocess.join()\n"
        "print(process.exitcode, flush=True)",
        "in the child 200\n0\n",
    ),
}


@contextmanager
def program(script: str, gateway: Sandbox) -> Iterator[subprocess.Popen[str]]:
    """A process that runs ``script``, with a client of the gateway."""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", SCRIPT + script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PYTHONWARNINGS": "ignore::DeprecationWarning"},
    ) as process:
        assert process.stdin is not None
        print(json.dumps(gateway.configuration()), file=process.stdin, flush=True)
        yield process


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDS)
def test_the_program_ends(name: str, gateway: Sandbox) -> None:
    """After what is on the wire, as long as answers come; what never ends is cut, which the log tells."""

    def late(*_: Any) -> None:
        time.sleep(0.25)

    gateway.tamper = late
    script, expected = ENDS[name]
    with program(script, gateway) as process:
        output, _ = process.communicate(timeout=PATIENCE / 2)
    assert (output, process.returncode) == (expected, int("1 / 0" in script))


def test_an_interrupt_ends_the_wait_at_the_end(gateway: Sandbox) -> None:
    """Ctrl-C during it: the program does not wait any longer."""
    script = (
        "workers._PATIENCE = 60\ndrip(wxpay)\n"
        # It runs right before the wait.
        "import atexit\natexit.register(lambda: print('ending'))\n"
    )
    with program(script, gateway) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ending\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(PATIENCE) == 0
    assert rest == CUT
