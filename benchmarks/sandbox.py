"""``python -m benchmarks.sandbox``: what the sandbox answers in a second, and what 100,000 orders and requests cost it.

Two client processes create orders and ask for them, in memory and in a file; the machine is shared by them and the
sandbox. On a machine that does other work too the microseconds of a processor that a call takes tell more than the
calls a second. The rest goes through ``Sandbox.respond``, without sockets, so that it is the sandbox that is measured.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from requests.structures import CaseInsensitiveDict

from benchmarks.measure import resident
from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.sandbox.book import Book

__all__ = ["Rate", "growth", "lookups", "main", "rates", "starts"]

ORDER: dict[str, Any] = {
    "appid": "wx8888888888888888",
    "description": "a",
    "notify_url": "http://127.0.0.1:9/notify",
    "amount": {"total": 3},
}
_MIB = 1 << 20
_CLIENT = """
import os, sys, time
from benchmarks.sandbox import ORDER
from wechatpay_chain import Wechatpay
who, count, mchid = sys.argv[1], int(sys.argv[2]), os.environ["WECHATPAY_MCHID"]
with Wechatpay.from_env() as wxpay:
    native, query = wxpay.v3.pay.transactions.native, wxpay.v3.pay.transactions.outTradeNo._no_
    native.post({**ORDER, "mchid": mchid, "out_trade_no": f"{who}warm"})
    spent = 0.0
    for work in (
        lambda number: native.post({**ORDER, "mchid": mchid, "out_trade_no": number}),
        lambda number: query.get(no=number, params={"mchid": mchid}),
    ):
        print(spent, flush=True)
        sys.stdin.readline()
        began = time.process_time()
        for number in range(count):
            work(f"{who}{number:08d}")
        spent = time.process_time() - began
    print(spent, flush=True)
"""


class Rate(NamedTuple):
    """Calls a second, and the microseconds of a processor that one call takes of the sandbox and of its client."""

    per_second: float
    sandbox: float
    client: float

    def __str__(self) -> str:
        return f"{self.per_second:.0f} ({self.sandbox:.0f} + {self.client:.0f} us)"


def rates(count: int, database: Path | None = None) -> tuple[Rate, Rate]:
    """Created orders and queries, of two client processes with ``count`` of each."""
    with Sandbox(database=database) as gateway:
        environment = {**os.environ, **gateway.environment()}
        clients = [
            subprocess.Popen(
                [sys.executable, "-c", _CLIENT, who, str(count)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            for who in ("first", "other")
        ]
        _answered(clients)
        found = [_rate(clients, len(clients) * count) for _ in range(2)]
        for client in clients:
            client.communicate()
    return found[0], found[1]


def _rate(clients: list[subprocess.Popen[str]], calls: int) -> Rate:
    started, began = time.perf_counter(), time.process_time()
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("\n")
        client.stdin.flush()
    spent = _answered(clients)
    passed, own = time.perf_counter() - started, time.process_time() - began
    return Rate(calls / passed, own / calls * 1e6, spent / calls * 1e6)


def lookups(orders: int = 100_000, rounds: int = 300) -> tuple[float, float]:
    """The median seconds of a query of the first and of the last order, in turn, of so many."""
    with Sandbox() as gateway, gateway.client() as wxpay:
        book = Book(gateway.world, gateway.clock.now())
        body = {**ORDER, "mchid": gateway.mchid}
        data = {"api": "v3", "way": "native", "trade_type": "NATIVE", **body, "request": body}
        with gateway.world.store.transaction():
            for number in range(orders):
                book.place(gateway.mchid, f"order{number:08d}", 3, None, data)
        first, last = (_query(gateway, wxpay, f"order{number:08d}") for number in (0, orders - 1))
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for work, times in zip((first, last), taken, strict=True):
                started = time.perf_counter()
                work()
                times.append(time.perf_counter() - started)
    return statistics.median(taken[0]), statistics.median(taken[1])


def starts(count: int = 15) -> float:
    """The median seconds from nothing to a sandbox that serves."""
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        gateway = Sandbox()
        taken.append(time.perf_counter() - started)
        gateway.close()
    return statistics.median(taken)


def growth(requests: int = 100_000, warm: int = 20_000) -> float:
    """MiB by which resident memory grew from ``warm`` requests to ``requests``; what is remembered is full by then."""
    with Sandbox() as gateway, gateway.client() as wxpay:
        body = {**ORDER, "mchid": gateway.mchid, "out_trade_no": "order00000000"}
        wxpay.v3.pay.transactions.native.post(body)
        work = _query(gateway, wxpay, "order00000000")
        before = 0
        for number in range(requests):
            if number == warm:
                before = resident()
            work()
        return (resident() - before) / _MIB


def _query(gateway: Sandbox, wxpay: Wechatpay, out_trade_no: str) -> Callable[[], None]:
    node = wxpay.v3.pay.transactions.outTradeNo._no_
    made = wxpay.prepare(node.get, no=out_trade_no, params={"mchid": gateway.mchid})
    target = str(made.url).removeprefix(gateway.base_url)
    headers = CaseInsensitiveDict(made.headers)

    def work() -> None:
        assert gateway.respond("GET", target, headers, b"").status == 200

    return work


def _answered(clients: list[subprocess.Popen[str]]) -> float:
    """Wait for every client; the seconds of a processor that they took together."""
    total = 0.0
    for client in clients:
        assert client.stdout is not None
        total += float(client.stdout.readline())
    return total


def main(count: int = 1500) -> None:
    """Measure all of it, and print it as it is found."""
    print(f"start: {starts():.2f} s")
    print("| two clients | created orders a second | queries a second |\n|---|---|---|")
    for name in ("in memory", "in a file"):
        with tempfile.TemporaryDirectory() as folder:
            created, asked = rates(count, Path(folder) / "sandbox.db" if name == "in a file" else None)
        print(f"| {name} | {created} | {asked} |", flush=True)
    first, last = lookups()
    print(f"query of the last of 100,000 orders: {last / first:.2f} of the first's time ({first * 1e6:.0f} us)")
    print(f"memory from 20,000 to 100,000 requests: {growth():+.2f} MiB")


if __name__ == "__main__":
    main()
