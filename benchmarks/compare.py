"""Two revisions of this repository beside each other: worktrees in a temporary folder, measured by these benchmarks."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.arena import ROOT, Cost, arena, contestant
from benchmarks.cold import PROGRAMS, prepared, run
from benchmarks.table import Table

__all__ = ["tables"]

CALLS = 40
_CHAINS = """
import time
from benchmarks.chains import candidates
from wechatpay_chain import Sandbox
with Sandbox() as gateway:
    make = candidates(gateway)["wechatpay_chain"]
    started = time.process_time()
    for _ in range(20000):
        make()
    print((time.process_time() - started) / 20000)
"""


def tables(first: str, second: str, rounds: int) -> Iterator[Table]:
    """One table; RuntimeError for a revision that git does not know."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        trees = {}
        for name, revision in (("A", first), ("B", second)):
            trees[name] = folder / name
            _check_out(revision, trees[name])
            stack.callback(_git, "worktree", "remove", "--force", str(trees[name]))
        rows = [_row(what, taken) for what, taken in _measured(trees, rounds)]
    yield Table("compare", ["processor", f"A: {first}", f"B: {second}", "B / A"], rows)


def _measured(trees: dict[str, Path], rounds: int) -> Iterator[tuple[str, dict[str, float]]]:
    entries = {name: contestant("wechatpay_chain", tree) for name, tree in trees.items()}
    for what, tls in (("one call, http", False), ("one call, TLS", True)):
        with arena(entries, tls) as ready:
            yield what, {name: cost.processor for name, cost in ready.rounds(rounds, CALLS).items()}
    chains: dict[str, list[float]] = {name: [] for name in trees}
    cold: dict[str, dict[str, list[Cost]]] = {what: {name: [] for name in trees} for what in _COLD}
    with prepared() as told:
        for _ in range(rounds + 1):
            for name, tree in trees.items():
                told_of_chains = subprocess.check_output([sys.executable, "-c", _CHAINS], cwd=tree, text=True)
                chains[name].append(float(told_of_chains))
                for what, taken in cold.items():
                    taken[name].append(run(PROGRAMS[_COLD[what]], told, tree))
    yield "six words and a verb", {name: statistics.median(each) for name, each in chains.items()}
    for what, taken in cold.items():
        yield what, {name: statistics.median(cost.processor for cost in each) for name, each in taken.items()}


_COLD = {"a process that imports it": "import wechatpay_chain", "a process with one call": "wechatpay_chain"}


def _row(what: str, taken: dict[str, float]) -> list[str]:
    return [what, *(f"{taken[name] * 1e6:,.1f} µs" for name in ("A", "B")), f"{taken['B'] / taken['A']:.2f}"]


def _check_out(revision: str, tree: Path) -> None:
    """A worktree of a revision, with the benchmarks of this one."""
    _git("worktree", "add", "--detach", str(tree), revision)
    shutil.rmtree(tree / "benchmarks", ignore_errors=True)
    shutil.copytree(Path(__file__).parent, tree / "benchmarks", ignore=shutil.ignore_patterns("__pycache__"))


def _git(*arguments: str) -> None:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
