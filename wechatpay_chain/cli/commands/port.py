"""``wechatpay-chain port FILE…``: the statements of the SDK for PHP or JavaScript as Python."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

if TYPE_CHECKING:
    from wechatpay_chain.port.report import Report
    from wechatpay_chain.port.snippets import Snippet

__all__ = ["add_parser", "run"]

_LANGUAGES = {
    **dict.fromkeys((".php", ".phtml", ".inc"), "php"),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), "js"),
    **dict.fromkeys((".ts", ".mts", ".cts"), "ts"),
    ".tsx": "tsx",
}
_PAGES = (".md", ".markdown", ".txt")
_MAX_CHARACTERS = 1_000_000


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "port",
        help="print the calls of wechatpay-php or wechatpay-axios-plugin as Python",
        description="Print each statement of wechatpay-php or wechatpay-axios-plugin as Python, under its original.",
        examples=("wechatpay-chain port src/*.php > calls.py", "wechatpay-chain port - --from js < order.js"),
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="+",
        help=".php, .js, .ts, .vue and their like, a page (.md, .txt) for its snippets, or - for stdin",
    )
    parser.add_argument(
        "--from", dest="language", choices=("php", "js", "ts"), help="the language, where the name does not tell"
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="the whole report as JSON")
    shape.add_argument("--diff", action="store_true", help="source and Python side by side")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the Python; the report goes to standard error, or with ``--json`` all of it to standard output."""
    from wechatpay_chain.port.report import port
    from wechatpay_chain.port.source import MissingExtra

    snippets = [(name, each) for name in arguments.file for each in _snippets(name, arguments.language, console)]
    try:
        report = port(snippets)
        report.files += [name for name in dict.fromkeys(arguments.file) if name not in report.files]
        text = _text_of(report, arguments)
    except MissingExtra as error:
        raise ItemError(str(error)) from None
    if text:
        console.say(text.removesuffix("\n"))
    for line in [] if arguments.json else report.summary():
        console.complain(line)
    return Status.UNPORTED if report.count("left") else Status.OK


def _text_of(report: Report, arguments: argparse.Namespace) -> str:
    if arguments.json:
        return json.dumps(report.document(), indent=2)
    return report.side_by_side(shutil.get_terminal_size((160, 24)).columns) if arguments.diff else report.python()


def _snippets(name: str, language: str | None, console: Console) -> list[Snippet]:
    from wechatpay_chain.port.snippets import snippets_in

    suffix = "" if name == "-" else Path(name).suffix.lower()
    text = _text(name, console)
    if suffix in _LANGUAGES:
        return snippets_in(text, language or _LANGUAGES[suffix], is_page=False)
    if suffix == ".vue":
        return snippets_in(text, language, is_component=True)
    found = snippets_in(text, language, True if suffix in _PAGES else None)
    if not found:
        raise ItemError(f"{name[:80]}: no snippet of {language or 'php, js or ts'} in it")
    return found


def _text(name: str, console: Console) -> str:
    try:
        text = console.stdin.read(_MAX_CHARACTERS + 1) if name == "-" else _file(name)
        text.encode("utf-8")
    except UnicodeError:
        raise ItemError(f"{name[:80]}: no UTF-8 text") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such name"
        raise ItemError(f"{name[:80]} cannot be read ({reason})") from None
    if len(text) > _MAX_CHARACTERS:
        raise ItemError(f"{name[:80]}: more than {_MAX_CHARACTERS} characters")
    if "\0" in text:
        raise ItemError(f"{name[:80]}: a binary file")
    return text.removeprefix("\ufeff")


def _file(name: str) -> str:
    with open(name, encoding="utf-8") as file:
        return file.read(_MAX_CHARACTERS + 1)
