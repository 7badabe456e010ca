"""How many calls a second 1, 2, 4 and 8 threads make with one client, and how the floor scales; and a fan-out.

The gateway is a process on the same machine and takes its part of the cores, so it is the one that costs next to
nothing; with two cores there is nothing left for more than two threads.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.arena import Arena, arena, contestant
from benchmarks.table import Table

__all__ = ["rates", "tables"]

CALLS = 160
THREADS = (1, 2, 4, 8)
_OURS, _FAN_OUT = "wechatpay_chain", "wechatpay_chain, `post_async` and `Promise.unwrap`"


def rates(ready: Arena, rounds: int, calls: int = CALLS) -> dict[tuple[str, int], float]:
    """Median calls a second of each contestant with so many threads."""
    taken: dict[tuple[str, int], list[float]] = {}
    for number in range(rounds + 1):
        for threads in THREADS:
            for name in ("floor", _OURS):
                taken.setdefault((name, threads), []).append(1 / ready.turn(name, calls, threads).clock)
        taken.setdefault((_FAN_OUT, 0), []).append(1 / ready.turn(_FAN_OUT, calls).clock)
        if not number:
            taken.clear()
    return {key: statistics.median(each) for key, each in taken.items()}


def tables(rounds: int) -> Iterator[Table]:
    """One table."""
    entries = {"floor": contestant("floor"), _OURS: contestant(_OURS), _FAN_OUT: contestant("fan_out")}
    with arena(entries, canned=True) as ready:
        found = rates(ready, rounds)
    rows = []
    for name in ("floor", _OURS):
        alone = found[name, 1]
        rows.append([name, f"{alone:.0f}", *(f"{found[name, count] / alone:.2f}" for count in THREADS[1:])])
    one = found[_OURS, 1]
    rows.append([_FAN_OUT, f"{one:.0f}", f"{found[_FAN_OUT, 0] / one:.2f}, all threads of the pool", "", ""])
    heads = ["calls a second", "1 thread", *(f"{count} threads, times that" for count in THREADS[1:])]
    yield Table("threads", heads, rows)
