"""The download command: what an answer names arrives whole, on standard output or in a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_cli import run
from tests.screens import Screen
from wechatpay_chain import Sandbox
from wechatpay_chain.cli import main
from wechatpay_chain.cli.console import Console

COMMAND = [sys.executable, "-m", "wechatpay_chain"]
BILL = ("v3.bill.tradebill.get", "bill_date==2026-11-01")


@pytest.fixture
def answer(gateway: Sandbox) -> str:
    """An answer that names a bill."""
    status, out, err = run(*BILL, environment=gateway.environment())
    assert (status, err) == (0, "")
    return out


def test_a_pipeline(gateway: Sandbox, tmp_path: Path) -> None:
    """As the help shows it; the digest is checked, and the line says so."""
    program = f"{sys.executable} -m wechatpay_chain"
    line = f"{program} {' '.join(BILL)} | {program} download -o trade.csv"
    environment = {**os.environ, **gateway.environment(), "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        line, shell=True, capture_output=True, text=True, cwd=tmp_path, env=environment, check=True, timeout=60
    )
    content = (tmp_path / "trade.csv").read_bytes()
    assert content.startswith("\ufeff".encode())
    assert done.stdout.startswith(f"trade.csv  {len(content)} bytes, SHA1 ")
    assert done.stdout.endswith(", verified\n")
    assert done.stderr == ""


def test_standard_output_and_a_file_get_the_same(gateway: Sandbox, answer: str, tmp_path: Path) -> None:
    """From standard input, a file, and the URL itself."""
    environment = {**os.environ, **gateway.environment()}
    piped = subprocess.run(
        [*COMMAND, "download"], input=answer.encode(), capture_output=True, env=environment, check=True, timeout=60
    ).stdout
    (tmp_path / "answer.json").write_text(answer)
    status, out, err = run("download", str(tmp_path / "answer.json"), environment=gateway.environment())
    assert (status, err, out.encode()) == (0, "", piped)
    url = json.loads(answer)["download_url"]
    path = tmp_path / "bill.csv"
    status, out, err = run("download", url, "--output", str(path), environment=gateway.environment())
    assert (status, err, path.read_bytes()) == (0, "", piped)
    assert "no digest was named" in out


def test_a_file_that_is_not_the_one_that_was_named(gateway: Sandbox, answer: str, tmp_path: Path) -> None:
    """Nothing is printed, nothing is saved."""
    data = {**json.loads(answer), "hash_value": "0" * 40}
    path = tmp_path / "bill.csv"
    for flags in ((), ("-o", str(path))):
        status, out, err = run("download", *flags, environment=gateway.environment(), stdin=json.dumps(data))
        assert (status, out) == (6, "")
        assert "IntegrityError" in err
    assert not path.exists()


@pytest.mark.parametrize(
    ("stdin", "status", "told"),
    [
        ("", 2, "standard input: no JSON"),
        ("{}", 2, "no download_url in the answer"),
        ("[]", 2, "expected an answer or a URL, found list"),
        ('{"code": "PARAM_ERROR", "message": "x"}', 2, "no download_url in the answer (code, message)"),
    ],
)
def test_what_names_no_file(gateway: Sandbox, stdin: str, status: int, told: str) -> None:
    """One line, and nothing is sent."""
    code, out, err = run("download", environment=gateway.environment(), stdin=stdin)
    assert (code, out, err.count("\n")) == (status, "", 1)
    assert told in err
    assert not gateway.requests


def test_nothing_is_waited_for_at_a_terminal(gateway: Sandbox) -> None:
    """Without a source and a pipe it is a usage error."""
    console = Console(Screen(), Screen(), Screen(), gateway.environment())
    assert main(["download"], console) == 2
    assert "expected SOURCE" in str(console.stderr.getvalue())  # type: ignore[attr-defined]
