"""``wechatpay-chain port``: where the source comes from, exit codes, and one line for each fault."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wechatpay_chain.cli import main
from wechatpay_chain.cli.console import Console

PHP = "$instance->v3->certificates->get();\n"
PYTHON = "instance.v3.certificates.get()\n"


def run(*argv: str, stdin: str = "") -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    console = Console(io.StringIO(stdin), io.StringIO(), io.StringIO(), {})
    status = main(["port", *argv], console)
    assert isinstance(console.stdout, io.StringIO)
    assert isinstance(console.stderr, io.StringIO)
    return status, console.stdout.getvalue(), console.stderr.getvalue()


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.php", PHP),
        ("a.php", f"\ufeff<?php\n{PHP}?>\n"),
        ("a.PHP", PHP.replace("\n", "\r\n")),
        ("a.js", "await wxpay.v3.certificates.get()"),
        ("a.mjs", "wxpay.v3.certificates.get();"),
        ("a.md", f"words\n\n```php\n{PHP}```\n"),
        ("a.txt", f"words\nphp\n{PHP}words"),
        ("noname", PHP),
    ],
)
def test_a_file_is_printed_as_python(tmp_path: Path, name: str, source: str) -> None:
    """By its ending; without one by what is in it."""
    (tmp_path / name).write_bytes(source.encode())
    status, out, err = run(str(tmp_path / name))
    assert (status, err) == (0, "")
    assert out.replace("wxpay", "instance") == PYTHON


def test_standard_input_is_read() -> None:
    """The language is told by the code, or by a flag."""
    assert run("-", stdin=PHP) == (0, PYTHON, "")
    assert run("-", stdin="wxpay.v3.a.get()") == (0, "wxpay.v3.a.get()\n", "")
    assert run("-", "--from", "js", stdin="$wxpay.v3.a.get()")[0] == 0
    assert run("-", "--from", "php", stdin="FOO;")[2].startswith("wechatpay-chain: line 1: FOO")
    assert run("-", stdin=f"words\n```php\n{PHP}```\n") == (0, PYTHON, "")


def test_what_is_left_is_told_with_its_line() -> None:
    """On standard error, with exit code 3; the rest is printed."""
    status, out, err = run("-", stdin=f"{PHP}foo();\n{PHP}bar(\n  1\n);\n")
    assert status == 3
    assert (
        out == f"{PYTHON}# port: line 2: foo();\n{PYTHON}# port: line 4: bar(\n# port: line 5: 1\n# port: line 6: );\n"
    )
    assert err == (
        "wechatpay-chain: line 2: foo(): nothing here does the same; left as a comment\n"
        "wechatpay-chain: line 4: bar(): nothing here does the same; left as a comment\n"
    )
    page = f"a\nb\n```php\n{PHP}foo();\n```\n"
    assert "line 5" in run("-", stdin=page)[2]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.ts", b"let a: string", "TypeScript is not read"),
        ("a.php", b"\xff\xfe", "no UTF-8 text"),
        ("a.js", b"a = 1\0", "a binary file"),
        ("a.md", b"no code", "no snippet of php or js"),
        ("a.php", b"$a = 1;\n" * 200_000, "more than 1000000 characters"),
        ("missing/a.php", None, "cannot be read"),
        ("a\0.php", None, "cannot be read"),
        ("", None, "cannot be read"),
    ],
)
def test_faults_are_one_line(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    """A usage error, with nothing on standard output."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    status, out, err = run(str(tmp_path / name))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_an_unknown_language_is_a_usage_error() -> None:
    """As any flag."""
    assert run("-", "--from", "perl")[0] == 2
    assert run()[0] == 2


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, and nothing is printed."""
    for name in ("tree_sitter", "tree_sitter_php"):
        monkeypatch.setitem(sys.modules, name, None)
        status, out, err = run("-", stdin=PHP)
        assert (status, out) == (2, "")
        assert err == f"wechatpay-chain: port needs {name.replace('_', '-')}: pip install 'wechatpay-chain[port]'\n"
        monkeypatch.undo()


def test_the_command_in_a_process(tmp_path: Path) -> None:
    """What it prints is a program: Chinese stays, the exit code is 3 when something was left."""
    (tmp_path / "a.php").write_text("<?php\n$a = '中文';\necho $a;\nfoo();\n", encoding="utf-8")
    command = [sys.executable, "-m", "wechatpay_chain", "port", str(tmp_path / "a.php")]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, timeout=60, env=environment, check=False)
    assert done.returncode == 3
    program = subprocess.run(
        [sys.executable, "-c", done.stdout.decode()], capture_output=True, timeout=60, env=environment, check=True
    )
    assert program.stdout.decode() == "中文\n"


def test_the_help_names_the_exit_code() -> None:
    """Beside the others."""
    console = Console(io.StringIO(), io.StringIO(), io.StringIO(), {})
    assert main(["--help"], console) == 0
    assert isinstance(console.stdout, io.StringIO)
    assert "3 not all was ported" in console.stdout.getvalue()
