"""Downloading and reading bills: ``python -m benchmarks.bills``; ``--mib`` for the size, ``--rows`` for the rows.

The gateway runs in a process of its own, and its work is not counted: next to the time by the clock stands the
processor's time of this process alone. By hand is requests with hashlib, and zlib for gzip, writing the same file.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import requests

from benchmarks.measure import extra_memory, machine, rounds
from wechatpay_chain import Wechatpay, read_bill
from wechatpay_chain.sandbox.ledger import TRADE, Ledger

_BLOCK = 1 << 16
_ROW_BYTES = 244
# wechatpay-axios-plugin, installed under a folder that NODE_PATH names.
_SCRIPT = """
const { Formatter } = require('wechatpay-axios-plugin');
const fs = require('fs');
const started = process.hrtime.bigint();
const { rows } = Formatter.castCsvBill(fs.readFileSync(process.argv[1]));
console.log(JSON.stringify([rows.length, Number(process.hrtime.bigint() - started) / 1e9]));
"""


@contextmanager
def gateway() -> Iterator[Wechatpay]:
    """A client of a sandbox in another process."""
    command = [sys.executable, "-m", "wechatpay_chain", "sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        for line in served.stdout:
            if line.startswith("#"):
                break
            name, _, value = shlex.split(line)[1].partition("=")
            os.environ[name] = value
        try:
            with Wechatpay.from_env(timeout=120) as wxpay:
                yield wxpay
        finally:
            served.terminate()


def by_hand(wxpay: Wechatpay, told: dict[str, str], to: Path, is_gzip: bool) -> None:
    """What a careful caller writes: stream, unzip, hash, write beside, rename."""
    signed = wxpay.prepare(wxpay.chain(told["download_url"]).get)
    found, part = hashlib.sha1(), to.with_suffix(".part")
    inflater = zlib.decompressobj(31)
    with requests.get(str(signed.url), headers=dict(signed.headers), stream=True, timeout=120) as answer:
        answer.raise_for_status()
        with part.open("wb") as file:
            for chunk in answer.iter_content(_BLOCK):
                plain = inflater.decompress(chunk) if is_gzip else chunk
                found.update(plain)
                file.write(plain)
    assert found.hexdigest() == told["hash_value"]
    part.replace(to)


def downloads(mib: int, count: int) -> None:
    """Both ways, plain and gzip: seconds, their ratio, and the memory of ours."""
    rows = mib * (1 << 20) // _ROW_BYTES
    with gateway() as wxpay, tempfile.TemporaryDirectory() as folder:
        to = Path(folder, "bill.csv")
        for tar_type in ("", "GZIP"):
            params = {"bill_date": "2026-11-01", "rows": rows, **({"tar_type": tar_type} if tar_type else {})}
            asked = wxpay.v3.bill.tradebill.get(params=params, timeout=600)
            candidates: dict[str, Callable[[], object]] = {
                "download": partial(wxpay.download, asked, to),
                "by hand": partial(by_hand, wxpay, asked.data, to, bool(tar_type)),
            }
            memory = extra_memory(candidates["download"])
            size = to.stat().st_size / (1 << 20)
            for name, clock in (("clock", time.perf_counter), ("processor", time.process_time)):
                taken = rounds(candidates, count, clock)
                ratio = taken["by hand"] / taken["download"]
                kind = tar_type.lower() or "plain"
                print(
                    f"| {kind}, {size:.0f} MiB, {name} | {taken['download']:.2f} s | {taken['by hand']:.2f} s"
                    f" | {ratio:.2f} | {memory:.1f} MiB |",
                    flush=True,
                )


def dict_reader(path: Path) -> None:
    """csv.DictReader alone, over the same rows."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for _ in csv.DictReader(file):
            pass


def all_rows(path: Path, amounts: str | None = None) -> None:
    """read_bill, to the last row."""
    for _ in read_bill(path, amounts=amounts):
        pass


def reading(rows: int, count: int) -> None:
    """Rows per second of read_bill, csv.DictReader and castCsvBill."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bill.csv")
        with path.open("wb") as file:
            for piece in Ledger(TRADE, "2026-11-01", "1900000109", rows):
                file.write(piece)
        memory = extra_memory(lambda: all_rows(path))
        candidates: dict[str, Callable[[], object]] = {
            "read_bill": lambda: all_rows(path),
            "read_bill, amounts as fen": lambda: all_rows(path, "fen"),
            "csv.DictReader": lambda: dict_reader(path),
        }
        taken = rounds(candidates, count)
        told = cast_csv_bill(path, rows)
        if told:
            taken["castCsvBill (node)"] = told
        for name, seconds in taken.items():
            print(f"| {name} | {rows / seconds:,.0f} rows/s | {taken['csv.DictReader'] / seconds:.2f} |")
        print(f"read_bill took {memory:.1f} MiB of memory for {path.stat().st_size / (1 << 20):.0f} MiB")


def cast_csv_bill(path: Path, rows: int) -> float:
    """The seconds of one pass of the JS plugin's castCsvBill, which holds all rows; 0 where it is not there."""
    node = shutil.which("node")
    if node is None:
        return 0
    command = [node, "--max-old-space-size=8192", "-e", _SCRIPT, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"castCsvBill: {done.stderr.strip().splitlines()[-1] if done.stderr else done.returncode}")
        return 0
    found, seconds = json.loads(done.stdout)
    assert found == rows
    return float(seconds)


def main(argv: Sequence[str] | None = None) -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(argv)
    print(machine("requests", "urllib3", "cryptography"))
    print("| bill | download | by hand | by hand / download | extra memory |\n|---|---|---|---|---|")
    downloads(given.mib, given.rounds)
    print("\n| reader | speed | of csv.DictReader |\n|---|---|---|")
    reading(given.rows, given.rounds)


if __name__ == "__main__":
    main()
