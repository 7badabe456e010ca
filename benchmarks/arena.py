"""Contestants as processes, which take turns: whatever disturbs the machine for a while disturbs all of them."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.gateway import CERTIFICATE, in_another_process

__all__ = ["ROOT", "Arena", "Cost", "Entry", "arena", "contestant", "others", "wanting"]

ROOT = Path(__file__).parent.parent
_SDK = Path(__file__).parent / "sdk"


class Cost(NamedTuple):
    """Seconds for each call: of the processor, and as the clock counts them."""

    processor: float
    clock: float


class Entry(NamedTuple):
    """A program that speaks as ``contestant.py`` does; the file with the configuration follows its ``command``."""

    command: Sequence[str]
    folder: Path = ROOT


def contestant(name: str, folder: Path = ROOT) -> Entry:
    """One of those written in Python, with the package as it is in ``folder``."""
    return Entry([sys.executable, "-m", "benchmarks.contestant", name], folder)


def others() -> dict[str, Entry]:
    """The SDKs in other languages that are present."""
    programs = {"wechatpay-axios-plugin (node)": ["node", "node.cjs"], "wechatpay-php": [_php(), "php.php"]}
    found = {name: Entry([program, str(_SDK / file)]) for name, (program, file) in programs.items()}
    return {name: entry for name, entry in found.items() if not _lack(name)}


def wanting() -> dict[str, str]:
    """Why the others are not there."""
    names = ("wechatpay-axios-plugin (node)", "wechatpay-php")
    return {name: lack for name in names if (lack := _lack(name))}


class Arena:
    """Contestants that stand ready before one gateway."""

    def __init__(self, processes: Mapping[str, subprocess.Popen[str]]) -> None:
        self._processes = processes

    def turn(self, name: str, calls: int, threads: int = 1) -> Cost:
        """What each of ``calls`` costs that contestant; RuntimeError when it gave up."""
        process = self._processes[name]
        assert process.stdin is not None
        assert process.stdout is not None
        print(calls, threads, file=process.stdin, flush=True)
        told = process.stdout.readline()
        if not told:
            raise RuntimeError(f"{name} gave up; its error is above")
        processor, clock = map(float, told.split())
        return Cost(processor / calls, clock / calls)

    def peak(self, name: str) -> int:
        """The most bytes of resident memory that a contestant has held so far; Linux only."""
        status = Path(f"/proc/{self._processes[name].pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def rounds(self, count: int, calls: int, threads: int = 1) -> dict[str, Cost]:
        """The median costs of ``count`` rounds after one to warm up; in each every contestant has its turn."""
        costs: dict[str, list[Cost]] = {name: [] for name in self._processes}
        for number in range(count + 1):
            for name in self._processes:
                cost = self.turn(name, calls, threads)
                if number:
                    costs[name].append(cost)
        return {name: Cost(*map(statistics.median, zip(*taken, strict=True))) for name, taken in costs.items()}


@contextmanager
def arena(entries: Mapping[str, Entry], tls: bool = False, canned: bool = False, delay: float = 0.0) -> Iterator[Arena]:
    """The contestants, and a gateway in another process that they call; over TLS all trust its certificate."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        configuration = stack.enter_context(in_another_process(folder if tls else None, canned, delay))
        certificate = str(folder / CERTIFICATE) if tls else None
        told = folder / "told.json"
        told.write_text(json.dumps({"entries": configuration, "ca": certificate}))
        environment = _environment(certificate)
        processes = {}
        for name, entry in entries.items():
            process = subprocess.Popen(
                [*entry.command, str(told)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=entry.folder,
                env={**environment, "PYTHONPATH": str(entry.folder)},
            )
            processes[name] = stack.enter_context(process)  # it ends when its standard input does
        yield Arena(processes)


def _environment(certificate: str | None) -> dict[str, str]:
    """Ours without proxies, and with the certificate to trust as each language looks for it."""
    left = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    if certificate is None:
        return left
    return {**left, "REQUESTS_CA_BUNDLE": certificate, "NODE_EXTRA_CA_CERTS": certificate}


def _php() -> str:
    return os.environ.get("PHP", "php")


def _lack(name: str) -> str:
    if name == "wechatpay-php":
        if shutil.which(_php()) is None:
            return "there is no php"
        folder = os.environ.get("PHP_SDK", "")
        found = bool(folder) and Path(folder, "vendor", "autoload.php").is_file()
        return "" if found else "PHP_SDK names no folder that holds vendor/autoload.php"
    if shutil.which("node") is None:
        return "there is no node"
    folders = os.environ.get("NODE_PATH", "").split(os.pathsep)
    found = any(folder and Path(folder, "wechatpay-axios-plugin").is_dir() for folder in folders)
    return "" if found else "NODE_PATH names no folder that holds it"
