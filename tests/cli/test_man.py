"""The man page is what the parsers say, and one that man can read."""

from __future__ import annotations

import configparser
import subprocess

import pytest

from scripts import build_man
from tests.cli.test_parser import ALL, ROOT
from wechatpay_chain import settings


def test_the_page_is_built_anew() -> None:
    """``python -m scripts.build_man`` after a change of commands, flags or version."""
    assert build_man.PAGE.read_text(encoding="utf-8") == build_man.page()


def test_it_has_everything() -> None:
    """Each command, flag, example and variable."""
    text = build_man.page().replace("\\-", "-").replace("\\(aq", "'").replace("\\(ti", "~").replace("\\e", "\\")
    for words, parser in ALL.items():
        assert f"\n.SS {' '.join(words)}\n" in text
        assert all(f"\\&  {example}\n" in text for example in parser.examples)
        flags = [flag for action in parser.actions for flag in action.option_strings if flag not in ("-h", "--help")]
        assert all(f"\\fB{flag}\\fR" in text for flag in flags)
    assert all(name in text for name in (*settings._ENVIRONMENT, *settings._MERCHANT_ENVIRONMENT))


def test_it_is_installed_with_the_package() -> None:
    """Where man looks for it beside the command."""
    configuration = configparser.RawConfigParser()
    configuration.read(ROOT / "setup.cfg")
    path = build_man.PAGE.relative_to(ROOT).as_posix()
    assert configuration["options.data_files"]["share/man/man1"].split() == [path]


@pytest.mark.slow
def test_mandoc_finds_nothing_wrong() -> None:
    """mandoc, which .ci/run installs, knows no warning about it."""
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", str(build_man.PAGE)], capture_output=True, text=True, check=False
    )
    told = [line for line in done.stdout.splitlines() if ": STYLE: " not in line]
    assert told == []


@pytest.mark.slow
def test_man_shows_it() -> None:
    """As a reader sees it, without a complaint of groff."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "100"}
    command = ["man", "--warnings", "--encoding=UTF-8", "-l", str(build_man.PAGE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == ""
    assert "wechatpay-chain - WeChat Pay from a shell" in done.stdout
    assert "\n   sandbox push\n" in done.stdout
