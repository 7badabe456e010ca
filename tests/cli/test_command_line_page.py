"""The page about the command line: both languages say the same, and every block runs as it stands, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_parser import ROOT
from wechatpay_chain import Sandbox
from wechatpay_chain.cli.parser import COMMANDS
from wechatpay_chain.cli.status import Status

PAGES = ["docs/command-line.md", "docs/command-line.zh-CN.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def test_both_pages_say_the_same() -> None:
    """The same blocks in the same order, and as many headings and table rows."""
    english, chinese = map(text_of, PAGES)
    assert FENCE.findall(english) == FENCE.findall(chinese)
    for mark in (r"^#", r"^\|"):
        assert len(re.findall(mark, english, re.MULTILINE)) == len(re.findall(mark, chinese, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_every_exit_code_is_explained(page: str) -> None:
    """One row each."""
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text_of(page), re.MULTILINE)} == set(Status)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_explained(page: str) -> None:
    """One row each."""
    assert {*COMMANDS} <= {*re.findall(r"^\| `(\w+)` \|", text_of(page), re.MULTILINE)}


@pytest.mark.slow
def test_every_block_runs(gateway: Sandbox, tmp_path: Path) -> None:
    """In one bash after the other's lines, which ends at the first that fails; nothing is left but files."""
    folder = str(Path(sys.executable).parent)
    environment = {"PATH": os.pathsep.join([folder, os.environ["PATH"]]), "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    script = "".join(text for kind, text in FENCE.findall(text_of(PAGES[0])) if kind == "sh")
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**environment, **gateway.environment()},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "exit code 4\n" in done.stdout
    assert "wechatpay-chain: 404 " in done.stderr
    assert (tmp_path / "trade.csv").stat().st_size
    assert (tmp_path / "certificates.json").stat().st_size
    assert not [each for each in gateway.requests if each.verdict]
