"""``wechatpay-chain port``: where the source comes from, the report at the end, exit codes, a line for each fault."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.port.listing import without_comments
from wechatpay_chain.cli import main
from wechatpay_chain.cli.console import Console

PHP = "$instance->v3->certificates->get();\n"
PYTHON = "instance.v3.certificates.get()"


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
        ("a.ts", "const a: string = 'b'\nawait (wxpay as Wechatpay).v3.certificates.get()"),
        ("a.tsx", "await wxpay!.v3.certificates.get(); const a = <b>c</b>"),
        ("a.vue", "<template/>\n<script setup lang='ts'>\nwxpay.v3.certificates.get() as any\n</script>\n"),
        ("a.md", f"words\n\n```php\n{PHP}```\n"),
        ("a.txt", f"words\nphp\n{PHP}words"),
        ("noname", PHP),
    ],
)
def test_a_file_is_printed_as_python(tmp_path: Path, name: str, source: str) -> None:
    """By its ending; without one by what is in it."""
    (tmp_path / name).write_bytes(source.encode())
    status, out, err = run(str(tmp_path / name))
    assert status == 0
    assert err.startswith("wechatpay-chain: files: 1; SDK statements found: 1: 1 ported, 0 with holes, 0 left\n")
    assert without_comments(out).replace("wxpay", "instance") == PYTHON


def test_standard_input_is_read() -> None:
    """The language is told by the code, or by a flag."""
    assert without_comments(run("-", stdin=PHP)[1]) == PYTHON
    assert without_comments(run("-", stdin="wxpay.v3.a.get()")[1]) == "wxpay.v3.a.get()"
    assert run("-", "--from", "ts", stdin="let a: b = 1")[:2] == (0, "")
    assert without_comments(run("-", stdin=f"words\n```php\n{PHP}```\n")[1]) == PYTHON


def test_many_files_are_one_text_and_one_report(tmp_path: Path) -> None:
    """Places name the file; what is left is told once for all places, and sets the exit code."""
    (tmp_path / "a.php").write_text(
        "<?php\n$x = Rsa::foo($this->c['x']);\n$instance->v3->a->get($p);\nRsa::foo();\n", encoding="utf-8"
    )
    (tmp_path / "b.js").write_text("wxpay.v3.b.get({ a: this.x })\n", encoding="utf-8")
    status, out, err = run(str(tmp_path / "a.php"), str(tmp_path / "b.js"))
    assert status == 3
    assert "wxpay.v3.b.get({'a': HERE(" in out
    lines = err.replace(f"{tmp_path}/", "").split("\n")
    assert lines[0] == "wechatpay-chain: files: 2; SDK statements found: 4: 1 ported, 1 with holes, 2 left"
    assert lines[1] == "wechatpay-chain: left: a.php:2, a.php:4: Rsa::foo(): the package has no such method"
    assert lines[2:4] == [
        "wechatpay-chain: names to supply in a.php: instance, p",
        "wechatpay-chain: names to supply in b.js: wxpay",
    ]


def test_what_belongs_to_other_frameworks_is_no_news(tmp_path: Path) -> None:
    """Imports, models and routes are nothing to port, and nothing that is left."""
    source = "<?php\nnamespace App;\nuse Illuminate\\Support\\Facades\\Log;\nclass A extends Model { protected $b; }\n"
    (tmp_path / "a.php").write_text(source, encoding="utf-8")
    status, out, err = run(str(tmp_path / "a.php"))
    assert (status, out) == (0, "")
    assert err == "wechatpay-chain: files: 1; SDK statements found: 0: 0 ported, 0 with holes, 0 left\n"


def test_names_of_one_function_are_not_those_of_another(tmp_path: Path) -> None:
    """A parameter is the reader's, whoever else has a variable of its name."""
    one = "function one() { $data = $instance->v3->a->get(); echo $data->getBody(); }"
    (tmp_path / "a.php").write_text(f"{one}\nfunction two($data) {{ $instance->v3->b->post(['json' => $data]); }}")
    assert "names to supply in" in run(str(tmp_path / "a.php"))[2]
    assert run(str(tmp_path / "a.php"))[2].split("a.php: ")[1].split("\n")[0] == "data, instance"


def test_the_report_as_json(tmp_path: Path) -> None:
    """Every statement with its place, its original, its Python and what became of it."""
    (tmp_path / "a.ts").write_text(
        "class A {\n  b() {\n    return this.wxpay.v3.c.get({ d: this.e })\n  }\n}\n", encoding="utf-8"
    )
    status, out, err = run(str(tmp_path / "a.ts"), "--json")
    told = json.loads(out)
    assert (status, err) == (0, "")
    assert {key: told[key] for key in ("found", "ported", "holes", "left")} == {
        "found": 1,
        "ported": 0,
        "holes": 1,
        "left": 0,
    }
    (statement,) = told["statements"]
    assert statement == {
        "file": str(tmp_path / "a.ts"),
        "line": 3,
        "place": "A.b",
        "source": "return this.wxpay.v3.c.get({ d: this.e })",
        "python": "HERE(1, 'this.wxpay').v3.c.get({'d': HERE(2, 'this.e')})",
        "status": "holes",
        "reasons": [],
    }
    assert [each["source"] for each in told["here"]] == ["this.wxpay", "this.e"]


def test_the_difference_stands_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source on the left, Python on the right, within the width of the screen."""
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = run(
        "-", "--diff", stdin="$instance->v3->a->post(['json' => ['x' => $y, 'z' => 'a long text for a line']]);"
    )
    assert status == 0
    assert max(map(len, out.split("\n"))) <= 80
    assert all(" | " in line for line in out.split("\n")[1:4])
    assert run("-", "--diff", "--json", stdin=PHP)[0] == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.php", b"\xff\xfe", "no UTF-8 text"),
        ("a.js", b"a = 1\0", "a binary file"),
        ("a.md", b"no code", "no snippet of php, js or ts"),
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


@pytest.mark.parametrize("name", ["tree_sitter", "tree_sitter_php", "black"])
def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """In one line, and nothing is printed."""
    monkeypatch.setitem(sys.modules, name, None)
    status, out, err = run("-", stdin=PHP)
    assert (status, out) == (2, "")
    assert err == f"wechatpay-chain: port needs {name.replace('_', '-')}: pip install 'wechatpay-chain[port]'\n"


def test_the_command_in_a_process(tmp_path: Path) -> None:
    """What it prints is a program: Chinese stays, the exit code is 3 when something was left."""
    (tmp_path / "a.php").write_text(
        "<?php\n$a = '中文';\n$b = Formatter::joinedByLineFeed($a);\necho $b;\nRsa::foo();\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "wechatpay_chain", "port", str(tmp_path / "a.php")]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, timeout=60, env=environment, check=False)
    assert done.returncode == 3
    program = subprocess.run(
        [sys.executable, "-c", done.stdout.decode()], capture_output=True, timeout=60, env=environment, check=False
    )
    assert program.stdout.decode() == "中文\n\n"
    assert b"NameError: name 'HERE' is not defined" in program.stderr


def test_the_help_names_the_exit_code() -> None:
    """Beside the others."""
    console = Console(io.StringIO(), io.StringIO(), io.StringIO(), {})
    assert main(["--help"], console) == 0
    assert isinstance(console.stdout, io.StringIO)
    assert "3 not all was ported" in console.stdout.getvalue()
