"""How long a prompt waits for the catalogue, and a shell for Tab: ``python -m benchmarks.catalogue``."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.measure import machine, rounds
from wechatpay_chain.cli.completion import CODE, COMMAND

_ROOT = Path(__file__).parent.parent
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1"}
# A client is there, as at any prompt; what is measured begins with the first question.
_PROMPT = """
import time
from wechatpay_chain import Sandbox
with Sandbox() as gateway, gateway.client() as wxpay:
    nodes = [wxpay.v3.pay.transactions, wxpay, wxpay.v3, wxpay.v3.marketing, wxpay.v3.pay.transactions.jsapi]
    for node in nodes:
        started = time.perf_counter()
        names = dir(node)
        print(time.perf_counter() - started, len(names))
"""
_ALONE = """
import time
started = time.perf_counter()
from wechatpay_chain.catalog import tree
names = tree.children("v3/pay/transactions")
print(time.perf_counter() - started, len(names))
"""
_LOADED = """
import sys, wechatpay_chain
print(*sorted({"requests", "cryptography"} & sys.modules.keys()) or ["neither"])
"""
_CHAIN = "v3.pay.transactions."
_COMMANDS = {
    "`wechatpay-chain --help`": ("--help",),
    "Tab in a chain": (COMMAND, "bash", f"wechatpay-chain {_CHAIN}", "="),
    "Tab at an item": (COMMAND, "zsh", "", f"{_CHAIN}jsapi.post"),
    "Tab at a flag": (COMMAND, "zsh", "--", f"{_CHAIN}jsapi.post"),
    "Tab at a command": (COMMAND, "zsh", ""),
}


def main(count: int = 21) -> None:
    """Measure ``count`` processes of each kind, in turn, and print the tables."""
    told = machine("requests", "cryptography")
    print(f"{told}; medians of {count} processes each, the slowest in brackets\n")
    _completions(count)
    _commands(count)
    print(f"\n`import wechatpay_chain` loads of requests and cryptography: {_run('-c', _LOADED).strip()}")


def _completions(count: int) -> None:
    first, later, alone = [], [], []
    for _ in range(count):
        lines = [line.split() for line in _run("-c", _PROMPT).splitlines()]
        first.append(float(lines[0][0]))
        later += [float(line[0]) for line in lines[1:]]
        alone.append(float(_run("-c", _ALONE).split()[0]))
    names = lines[0][1]
    print("| completion | took | budget |\n|---|---|---|")
    for title, taken, budget in (
        (f"the first `dir(node)` of a process ({names} names)", first, 60),
        ("the first, with the imports of the catalogue", alone, 60),
        ("a later one, of another node", later, 2),
    ):
        print(f"| {title} | {statistics.median(taken) * 1000:.2f} ms ({max(taken) * 1000:.2f}) | {budget} ms |")


def _commands(count: int) -> None:
    bare = partial(_run, "-c", "pass")
    commands = {name: partial(_run, "-c", CODE, *arguments) for name, arguments in _COMMANDS.items()}
    medians = rounds({"": bare, **commands}, count)
    print(
        f"\n`python -c pass` took {medians[''] * 1000:.1f} ms\n\n| command | more than that | budget |\n|---|---|---|"
    )
    for name in commands:
        print(f"| {name} | {(medians[name] - medians['']) * 1000:.1f} ms | 100 ms |")


def _run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=True, env=_ENVIRONMENT, cwd="/")
    return done.stdout.decode()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=21)
    main(parser.parse_args().count)
