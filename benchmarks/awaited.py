"""A thousand awaited calls before a server that answers after 100 ms, beside httpx.AsyncClient that signs by hand."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.arena import Arena, Cost, arena, contestant
from benchmarks.table import Table

__all__ = ["measured", "tables"]

CALLS = 1000
DELAY = 0.1
_OURS, _PEER = "wechatpay_chain, `await node.post_async(…)`", "httpx.AsyncClient, signing by hand"
# It opens 100 connections, and searches its queue of those that wait for one again and again.
_NAMES = {_OURS: "awaited", _PEER: "httpx", "the same, at most 100 at once by a semaphore": "httpx_100"}
_MIB = 1 << 20


def measured(ready: Arena, rounds: int, calls: int = CALLS) -> tuple[dict[str, Cost], dict[str, float]]:
    """What each call costs, and MiB of resident memory at the peak beyond that of one call."""
    for name in _NAMES:
        ready.turn(name, 1)
    before = {name: ready.peak(name) for name in _NAMES}
    costs = ready.rounds(rounds, calls)
    return costs, {name: (ready.peak(name) - before[name]) / _MIB for name in _NAMES}


def tables(rounds: int) -> Iterator[Table]:
    """One table."""
    with arena({name: contestant(each) for name, each in _NAMES.items()}, canned=True, delay=DELAY) as ready:
        costs, memory = measured(ready, rounds)
    theirs = costs[_PEER]
    rows = [
        [
            name,
            f"{cost.clock * CALLS:.2f} s",
            f"{cost.clock / theirs.clock:.2f}",
            f"{cost.processor * CALLS:.2f} s",
            f"{memory[name]:.0f} MiB",
        ]
        for name, cost in costs.items()
    ]
    heads = [
        f"{CALLS:,} calls at once, answers after {DELAY * 1000:.0f} ms",
        "clock",
        "of httpx",
        "processor",
        "memory",
    ]
    yield Table("awaited", heads, rows)
