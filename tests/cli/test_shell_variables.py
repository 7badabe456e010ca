"""Variables as each shell sets them, read back by the shells themselves."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain.cli.shell_variables import SHELLS, assignment, default_shell, quote

COMMAND = [sys.executable, "-m", "wechatpay_chain", "sandbox"]
HOSTILE = [
    "",
    "a b",
    "'",
    '"',
    "\\",
    "\\\\'",
    "$HOME",
    "$(touch ran)",
    "`touch ran`",
    "中 文",
    "a\\nb",
    "!x",
    "%PATH%",
    "’‘",
    "*",
]
TEXTS = st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"]))


@given(TEXTS)
def test_sh_reads_what_was_meant(text: str) -> None:
    """By the rules of POSIX, which shlex knows too."""
    assert shlex.split(assignment("sh", "NAME", text)) == ["export", f"NAME={text}"]


@given(TEXTS)
def test_powershell_reads_what_was_meant(text: str) -> None:
    """Between single quotation marks, plain or typographic, a doubled one is one, and nothing else is special.

    Source: about_Quoting_Rules of PowerShell.
    """
    line = assignment("powershell", "NAME", text)
    found = re.fullmatch(r"\$env:NAME = '((?:[^'\u2018-\u201b]|(['\u2018-\u201b])\2)*)'", line)
    assert found
    assert re.sub(r"(['\u2018-\u201b])\1", r"\1", found[1]) == text


@pytest.mark.parametrize(
    "shell", ["sh", "bash", pytest.param("zsh", marks=pytest.mark.slow), pytest.param("fish", marks=pytest.mark.slow)]
)
def test_a_real_shell_reads_what_was_meant(shell: str, tmp_path: Path) -> None:
    """Nothing in a value is replaced or run; other programs see it."""
    kind = shell if shell in SHELLS else "sh"
    lines = [assignment(kind, f"V{number}", text) for number, text in enumerate(HOSTILE)]
    show = f"{quote(kind, sys.executable)} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    flags = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}.get(shell, [])
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [shell, *flags, "-c", "\n".join([*lines, show])],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=True,
        timeout=60,
    )
    found = json.loads(done.stdout)
    assert [found[f"V{number}"] for number in range(len(HOSTILE))] == HOSTILE
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_sandbox_prints_for_a_shell(shell: str) -> None:
    """One variable a line, in the words of the shell, then comments, whose mark all of them know."""
    variables = {name: value for name, value in os.environ.items() if name != "SHELL"}
    with subprocess.Popen([*COMMAND, "--shell", shell], stdout=subprocess.PIPE, text=True, env=variables) as served:
        assert served.stdout is not None
        lines = []
        for line in served.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("# serving "):
                break
        served.send_signal(signal.SIGINT)
        assert served.wait(10) == 130
    begin, _, end = SHELLS[shell].partition("{name}")
    pattern = re.compile(rf"{re.escape(begin)}(WECHATPAY_\w+){re.escape(end[: end.index('{')])}")
    names = [pattern.match(line) for line in lines if not line.startswith("# ")]
    assert all(names)
    assert {"WECHATPAY_MCHID", "WECHATPAY_PRIVATE_KEY", "WECHATPAY_BASE_URL"} <= {found[1] for found in names if found}
    assert lines[-1].startswith("# serving http://127.0.0.1:")


def test_the_shell_of_a_platform() -> None:
    """PowerShell on Windows, but not in a Unix shell there."""
    assert default_shell({}, "nt") == "powershell"
    assert default_shell({"SHELL": "/usr/bin/bash"}, "nt") == default_shell({}, "posix") == "sh"
    assert default_shell({"SHELL": "/usr/bin/fish"}, "posix") == "sh"


@pytest.mark.slow
def test_all_variables_come_at_once() -> None:
    """A script that waits until the file is not empty, as the README's, reads all of them."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE) as started:
        assert started.stdout
        first = os.read(started.stdout.fileno(), 1 << 16)
        started.send_signal(signal.SIGTERM)
    assert b"WECHATPAY_BASE_URL=" in first
    assert first.endswith(b"until interrupted (Ctrl-C)\n")
