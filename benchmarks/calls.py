"""What one call costs, over http and over TLS, beside the floor and beside those who do the same.

``python -m benchmarks --only calls``. NODE_PATH names a folder with wechatpay-axios-plugin, PHP_SDK one with
wechatpay-php and its ``vendor/autoload.php`` (PHP the program, when it has another name).
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.arena import Cost, Entry, arena, contestant, others, wanting
from benchmarks.table import Table

__all__ = ["costs", "entries", "tables"]

CALLS = 100
_OURS = "wechatpay_chain"


def entries() -> dict[str, Entry]:
    """All who can take part here."""
    return {**{name: contestant(name) for name in ("floor", _OURS, "requests", "wechatpayv3")}, **others()}


def costs(rounds: int, calls: int = CALLS) -> dict[str, dict[str, Cost]]:
    """Over ``http`` and over ``TLS``: what one call costs each."""
    found = {}
    for name, tls in (("http", False), ("TLS", True)):
        with arena(entries(), tls) as ready:
            found[name] = ready.rounds(rounds, calls)
    return found


def tables(rounds: int) -> Iterator[Table]:
    """One table over both."""
    found = costs(rounds)
    heads = [
        "one call",
        *(
            f"{name}, {what}"
            for name in found
            for what in ("processor", "of the floor", "of wechatpayv3", "of the floor by the clock")
        ),
    ]
    names = next(iter(found.values()))
    rows = [[_SHOWN.get(name, name), *_cells(found, name)] for name in names]
    lacks = "; ".join(f"{name} is not here: {lack}" for name, lack in wanting().items())
    yield Table("calls", heads, rows, lacks)


_SHOWN = {
    "floor": "floor: sign, urllib3, verify, JSON",
    "requests": "`requests.Session.post`, signed and verified by hand",
}


def _cells(found: dict[str, dict[str, Cost]], name: str) -> Iterator[str]:
    for taken in found.values():
        cost, floor, other = taken[name], taken["floor"], taken["wechatpayv3"]
        yield f"{cost.processor * 1e6:.0f} µs"
        yield f"{cost.processor / floor.processor:.2f}"
        yield f"{cost.processor / other.processor:.2f}"
        yield f"{cost.clock / floor.clock:.2f}"
