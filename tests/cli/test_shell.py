from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.cli.test_cli import run
from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.request.call import VERBS

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "wechatpay_chain", "shell"]
NAMES = ["Media", "Promise", "Sealed", "errors", "read_bill", "wxpay"]

Begin = Callable[..., "pexpect.spawn[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a user's configuration of IPython, and a folder whose Python has none."""
    profile = tmp_path / "ipython/profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_config.py").write_text("get_config().InteractiveShell.colors = 'NoColor'\n")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare/sitecustomize.py").write_text("import sys\nsys.modules['IPython'] = None\n")
    return tmp_path


@pytest.fixture
def begin(home: Path) -> Iterator[Begin]:
    """Begins ``wechatpay-chain shell`` in a pseudo-terminal: with IPython, or as where it is not installed."""
    begun: list[pexpect.spawn[str]] = []

    def spawn(*flags: str, bare: bool = False, environment: dict[str, str] | None = None) -> pexpect.spawn[str]:
        path = [str(home / "bare"), str(ROOT)] if bare else [str(ROOT)]
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WECHATPAY_")},
            **(environment or {}),
            "PYTHONPATH": os.pathsep.join(path),
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "IPYTHONDIR": str(home / "ipython"),
            "TERM": "xterm",
            "INPUTRC": "/dev/null",
            "PAGER": "cat",
            "PYTHONUTF8": "1",
        }
        session: pexpect.spawn[str] = pexpect.spawn(
            COMMAND[0],
            [*COMMAND[1:], *flags],
            encoding="utf-8",
            timeout=60,
            dimensions=(60, 200),
            env=variables,
            cwd=str(ROOT),
        )
        begun.append(session)
        session.expect(">>> " if bare else r"In \[\d+\]:")
        return session

    yield spawn
    for session in begun:
        session.close(force=True)


def ended(session: pexpect.spawn[str]) -> int | None:
    """The exit code of a session that is leaving."""
    session.expect(pexpect.EOF)
    session.close()
    status: int | None = session.exitstatus
    return status


def completed(wxpay: Wechatpay) -> list[tuple[str, str]]:
    """What is typed, and the word that Tab makes of it: a verb, and every word that ``dir`` lists below a chain."""
    words = sorted(set(dir(wxpay.v3.pay)) - VERBS.keys() - {"chain"})[::2]
    below = [(f"wxpay.v3.pay.{word[:-1]}", word) for word in words]
    return [("wxpay.v3.pay.transactions.jsapi.post_asyn", "post_async"), *below]


@pytest.mark.slow
def test_ipython(begin: Begin, wxpay: Wechatpay) -> None:
    """Tab, ?, display and the completer's own questions send nothing; a call is answered; Ctrl-D is 0."""
    session = begin("--sandbox")
    shown = str(session.before)
    assert "sandbox that lives as long as this shell" in shown
    assert "wxpay.v3.<Tab>" in shown
    for typed, word in completed(wxpay):
        session.sendline(f"print('at', sorted(get_ipython().Completer.all_completions('{typed}')), 'end')")
        session.expect(rf"at \[.*\.{word}'.*\] end")
        session.expect(r"In \[\d+\]:")
    session.send("wxpay.v3.pay.transactions.jsapi.post_a\t")
    session.expect("post_async")
    session.sendline(".__class__.__name__ + '!'")
    session.expect("Chain!")
    for line in ("wxpay.v3.pay?", "wxpay.v3.certificates", "gateway", "instance", "wxpay.v3.pay._repr_html_"):
        session.sendline(line)
        session.expect(r"In \[\d+\]:")
    session.sendline("print('sent', len(gateway.requests))")
    session.expect("sent 0")
    session.sendline("print('status', wxpay.v3.certificates.get().status, len(gateway.requests))")
    session.expect("status 200 1")
    session.expect(r"In \[\d+\]:")
    session.send("\x04")
    session.expect("exit")
    session.sendline("y")
    assert ended(session) == 0


@pytest.mark.slow
def test_the_plain_shell(begin: Begin, home: Path, wxpay: Wechatpay) -> None:
    """Where IPython is not installed: the same, and a history for its owner alone that the next shell has."""
    session = begin("--sandbox", bare=True)
    for typed, word in completed(wxpay):
        session.send(f"{typed}\t")
        session.expect_exact(word)
        session.sendline("\x15print('at', 'end')")
        session.expect("at end")
        session.expect(">>> ")
    session.send("wxpay.v3.certificates.ge\t\t\t")
    session.expect("get_async")
    session.sendline("\x15print('sent', len(gateway.requests), instance)")
    session.expect("sent 0 <Instance")
    session.sendline("print('status', wxpay.v3.certificates.get().status)")
    session.expect("status 200")
    session.sendline(f"print('here', {', '.join(NAMES)})")
    session.expect("here .*<Wechatpay")
    session.sendline("exit()")
    assert ended(session) == 0
    history = home / "state/wechatpay-chain/history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.parent.stat().st_mode) == 0o700
    assert "wxpay.v3.certificates.get()" in history.read_text()
    history.chmod(0o644)
    again = begin("--sandbox", bare=True)
    again.send("\x1b[A")
    again.expect_exact("exit()")
    again.send("\x15")
    again.send("\x04")
    assert ended(again) == 0
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_a_history_that_cannot_be_kept_is_told(begin: Begin, home: Path) -> None:
    """In one line, and nothing else is lost."""
    (home / "state").write_text("a file where a folder would be")
    session = begin("--sandbox", bare=True)
    session.sendline("exit(3)")
    session.expect("history cannot be kept")
    assert ended(session) == 3


def test_the_environment_connects_it(begin: Begin, gateway: Sandbox) -> None:
    """To the merchant that it names; there is no sandbox then."""
    session = begin(bare=True, environment=gateway.environment())
    assert f"<Wechatpay {gateway.mchid} at {gateway.base_url}>" in str(session.before)
    assert "gateway" not in str(session.before)
    session.sendline("print('status', wxpay.v3.certificates.get().status)")
    session.expect("status 200")
    assert len(gateway.requests) == 1
    session.sendline("exit('a word')")
    session.expect("a word")
    assert ended(session) == 1


@pytest.mark.slow
def test_without_a_terminal_lines_are_run() -> None:
    """From a pipe, as python does."""
    lines = "print('status', wxpay.v3.certificates.get().status)\n1 / 0\nraise SystemExit(5)\n"
    done = subprocess.run([*COMMAND, "--sandbox"], input=lines, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 5
    assert "status 200" in done.stdout
    assert "ZeroDivisionError" in done.stderr
    done = subprocess.run([*COMMAND, "--sandbox"], input="", capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("flags", "status", "told"),
    [
        ([], 8, "mchid: neither given nor set"),
        (["--profile", "none"], 8, "profile: "),
        (["--cert", "A"], 2, "--cert: expected ID=FILE"),
        (["--sandbox", "x"], 2, "unrecognized"),
    ],
)
def test_what_cannot_connect_is_told(flags: list[str], status: int, told: str) -> None:
    """One line and the exit code of every command, before any prompt."""
    code, out, err = run("shell", *flags, environment={"WECHATPAY_PROFILES": "/nowhere/profiles.toml"})
    assert (code, out, err.count("\n")) == (status, "", 1)
    assert told in err
