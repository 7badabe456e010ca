"""``wechatpay-chain port FILE``: chain calls of PHP or JavaScript as Python."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

if TYPE_CHECKING:
    from wechatpay_chain.port.snippets import Snippet

__all__ = ["add_parser", "run"]

_LANGUAGES = {".php": "php", ".js": "js", ".mjs": "js", ".cjs": "js"}
_PAGES = (".md", ".markdown", ".txt")
_TYPED = (".ts", ".tsx", ".mts", ".cts")
_MOST = 1_000_000


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "port",
        help="rewrite PHP (wechatpay-php) or JS (wechatpay-axios-plugin) as Python",
        description="Rewrite calls of wechatpay-php or wechatpay-axios-plugin as Python, and list what was left.",
        examples=("wechatpay-chain port order.php > order.py", "wechatpay-chain port - --from js < order.js"),
    )
    parser.add_argument(
        "file", metavar="FILE", help=".php, .js, .mjs, a page (.md, .txt) for its snippets, or - for stdin"
    )
    parser.add_argument(
        "--from", dest="language", choices=("php", "js"), help="the language, where the name does not tell"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the Python; what was left is told on standard error, one line each."""
    from wechatpay_chain.port.source import Missing
    from wechatpay_chain.port.translation import translated

    snippets = _snippets(arguments.file, arguments.language, console)
    try:
        made = translated(snippets)
    except Missing as error:
        raise ItemError(str(error)) from None
    if made.python:
        console.say(made.python.removesuffix("\n"))
    for problem in made.problems:
        console.complain(f"line {problem.line}: {problem.reason}; left as a comment")
    return Status.UNPORTED if made.problems else Status.OK


def _snippets(name: str, language: str | None, console: Console) -> list[Snippet]:
    from wechatpay_chain.port.snippets import snippets_in

    suffix = "" if name == "-" else Path(name).suffix.lower()
    if suffix in _TYPED:
        raise ItemError(f"{name[:80]}: TypeScript is not read; give the JavaScript that it compiles to")
    text = _text(name, console)
    if suffix in _LANGUAGES:
        return snippets_in(text, language or _LANGUAGES[suffix], is_page=False)
    found = snippets_in(text, language, True if suffix in _PAGES else None)
    if not found:
        raise ItemError(f"{name[:80]}: no snippet of {language or 'php or js'} in it")
    return found


def _text(name: str, console: Console) -> str:
    try:
        text = console.stdin.read(_MOST + 1) if name == "-" else _file(name)
        text.encode("utf-8")
    except UnicodeError:
        raise ItemError(f"{name[:80]}: no UTF-8 text") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such name"
        raise ItemError(f"{name[:80]} cannot be read ({reason})") from None
    if len(text) > _MOST:
        raise ItemError(f"{name[:80]}: more than {_MOST} characters")
    if "\0" in text:
        raise ItemError(f"{name[:80]}: a binary file")
    return text.removeprefix("\ufeff")


def _file(name: str) -> str:
    with open(name, encoding="utf-8") as file:
        return file.read(_MOST + 1)
