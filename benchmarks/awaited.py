"""A thousand awaited calls before a server that answers after 100 ms, beside httpx.AsyncClient that signs by hand."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.arena import Arena, Cost, arena, contestant
from benchmarks.table import Table

__all__ = ["NAMES", "measured", "tables"]

CALLS = 1000
DELAY = 0.1
# httpx.AsyncClient opens 100 connections, and looks through all that wait for one again and again.
TASKS = 100
_OURS, _PEER = "wechatpay_chain, `await node.post_async(…)`", "httpx.AsyncClient, signing by hand"
_FEW_TASKS = f"the same by {TASKS} tasks, each one call after the other"
NAMES = {_OURS: "awaited", _PEER: "httpx", _FEW_TASKS: "httpx"}
_MIB = 1 << 20


def measured(ready: Arena, rounds: int, calls: int = CALLS) -> tuple[dict[str, Cost], dict[str, float]]:
    """The median cost of each call, and MiB of resident memory at the peak beyond that of one call."""
    for name in NAMES:
        ready.turn(name, 1)
    before = {name: ready.peak(name) for name in NAMES}
    taken: dict[str, list[Cost]] = {name: [] for name in NAMES}
    for _ in range(rounds):
        for name, costs in taken.items():
            # httpx is many times slower with a thousand calls while connections wait that have expired meanwhile.
            ready.turn(name, 1)
            costs.append(ready.turn(name, calls, TASKS if name == _FEW_TASKS else 1))
    medians = {name: Cost(*map(statistics.median, zip(*costs, strict=True))) for name, costs in taken.items()}
    return medians, {name: (ready.peak(name) - before[name]) / _MIB for name in NAMES}


def tables(rounds: int) -> Iterator[Table]:
    """One table."""
    with arena({name: contestant(each) for name, each in NAMES.items()}, canned=True, delay=DELAY) as ready:
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
