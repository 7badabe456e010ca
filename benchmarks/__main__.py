"""``python -m benchmarks``: every table, printed as Markdown; ``--write`` puts them into README.md.

``--compare A B`` measures two revisions of this repository beside each other instead.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.measure import machine
from benchmarks.table import Table, replaced

README = Path(__file__).parent / "README.md"
# Each is a module with ``tables(rounds)``; a new one gets a line here and a place in README.md.
BENCHMARKS = ("calls", "chains", "cold", "threads", "memory", "notifications", "catalogue", "awaited")
ROUNDS = 15
_PACKAGES = ("requests", "urllib3", "cryptography", "wechatpayv3", "httpx", "hammock", "slumber", "python-http-client")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of each benchmark, in turn ({ROUNDS})")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=BENCHMARKS, help="these alone")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md and draw calls.svg")
    parser.add_argument("--compare", nargs=2, metavar=("A", "B"), help="two git revisions, beside each other")
    given = parser.parse_args(arguments)
    if given.rounds < 1:
        parser.error("--rounds: at least 1")
    if given.compare:
        from benchmarks.compare import tables

        first, second = given.compare
        for table in tables(first, second, given.rounds):
            print(table)
        return
    made = [Table("machine", [machine(*_PACKAGES)], [[f"{given.rounds} rounds"]])]
    print(made[0], flush=True)
    for name in given.only:
        started = time.perf_counter()
        for table in import_module(f"benchmarks.{name}").tables(given.rounds):
            made.append(table)
            print(f"\n{table}", flush=True)
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    if given.write:
        README.write_text(replaced(README.read_text(), made))
        for table in made:
            if table.name == "calls":
                from benchmarks.plot import draw

                draw(table, README.with_name("calls.svg"))


if __name__ == "__main__":
    main()
