"""Every command has its own file with flags, a description and examples, and help reads nothing heavy."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.cli.test_cli import run
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.parser import COMMANDS, PROGRAM, Parser, build_parser

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "wechatpay_chain/cli/commands"


def parsers(parser: Parser, *words: str) -> dict[tuple[str, ...], Parser]:
    """Each command and each command of a command, by its words."""
    found = {}
    for name, inner in parser.commands.items():
        found[(*words, name)] = inner
        found |= parsers(inner, *words, name)
    return found


ALL = parsers(build_parser(Console()))


def test_each_command_is_one_file() -> None:
    """No file without a command, and no command whose file adds another one."""
    assert sorted(COMMANDS.values()) == sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
    for name, module in COMMANDS.items():
        assert import_module(f"wechatpay_chain.cli.commands.{module}").__all__
        assert list(build_parser(Console(), [name]).commands) == [name]


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_has_a_description_and_an_example(words: tuple[str, ...]) -> None:
    """On standard output, in the words of the command; every flag says what it is for."""
    status, out, err = run(*words, "--help")
    parser = ALL[words]
    assert (status, err) == (0, "")
    assert out.startswith((f"usage: {PROGRAM} {' '.join(words)} ", f"usage: {PROGRAM} [{' '.join(words)}] "))
    assert parser.summary
    assert parser.summary in " ".join(out.split())
    assert parser.examples
    assert all(f"\n  {example}\n" in out for example in parser.examples)
    assert not [action for action in parser.actions if not action.help and not parser.commands]


@pytest.mark.parametrize("example", [each for parser in ALL.values() for each in parser.examples])
def test_every_example_can_be_parsed(example: str) -> None:
    """The words of its command are those that its parser takes."""
    line = example.partition("#")[0]
    inner = line.partition("$(")[2].partition(")")[0] or line
    for part in inner.split(" | "):
        program, *words = shlex.split(part.partition(" > ")[0].partition(" < ")[0])
        if program == PROGRAM:
            parse(words)


def parse(words: list[str]) -> None:
    parser = build_parser(Console())
    if words[0] in COMMANDS and words[0] != "request":
        assert parser.parse_args(words).run
    else:
        assert parser.commands["request"].parse_intermixed_args(words).run


@pytest.mark.parametrize("words", [["--help"], ["bill", "--help"], ["completion", "bash"], ["--version"]])
def test_help_reads_nothing_heavy(words: list[str]) -> None:
    """Neither what sends nor what signs, nor the catalogue's rows, nor the sandbox."""
    code = (
        f"import sys; from wechatpay_chain.cli import main; main({words!r});"
        "heavy = {'requests', 'cryptography', 'urllib3', 'wechatpay_chain.client', 'wechatpay_chain.sandbox',"
        "'wechatpay_chain.bill_reader', 'rich'}; print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", env=environment, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"
