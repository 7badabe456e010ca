"""How long a prompt waits for the catalogue, and a shell for Tab."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.measure import rounds
from benchmarks.table import Table
from wechatpay_chain.cli.commands.completion import CODE
from wechatpay_chain.cli.completer import COMMAND

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


def tables(count: int) -> Iterator[Table]:
    """One table: ``dir`` at a prompt, and commands of a shell, each in ``count`` processes of their own, in turn."""
    commands, note = _commands(count)
    yield Table("catalogue", ["what is waited for", "median", "budget"], [*_completions(count), *commands], note)


def _completions(count: int) -> list[list[str]]:
    first, later, alone = [], [], []
    for _ in range(count):
        lines = [line.split() for line in _run("-c", _PROMPT).splitlines()]
        first.append(float(lines[0][0]))
        later += [float(line[0]) for line in lines[1:]]
        alone.append(float(_run("-c", _ALONE).split()[0]))
    return [
        [title, f"{statistics.median(taken) * 1000:.2f} ms ({max(taken) * 1000:.2f} at most)", f"{budget} ms"]
        for title, taken, budget in (
            (f"the first `dir(node)` of a process ({lines[0][1]} names)", first, 60),
            ("the first, with the imports of the catalogue", alone, 60),
            ("a later one, of another node", later, 2),
        )
    ]


def _commands(count: int) -> tuple[list[list[str]], str]:
    bare = partial(_run, "-c", "pass")
    commands = {name: partial(_run, "-c", CODE, *arguments) for name, arguments in _COMMANDS.items()}
    medians = rounds({"": bare, **commands}, count)
    above = {name: (medians[name] - medians[""]) * 1000 for name in commands}
    rows = [[name, f"{more:.1f} ms above `python -c pass`", "100 ms"] for name, more in above.items()]
    loaded = _run("-c", _LOADED).strip()
    took = f"`python -c pass` took {medians[''] * 1000:.1f} ms"
    return rows, f"{took}; of requests and cryptography, `import wechatpay_chain` loads {loaded}."


def _run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=True, env=_ENVIRONMENT, cwd="/")
    return done.stdout.decode()
