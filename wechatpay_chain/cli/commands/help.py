"""``wechatpay-chain help [COMMAND]``: the help of all, of one command, or of an operation."""

from __future__ import annotations

import argparse
import difflib

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.cli.parser import COMMANDS, PROGRAM, Commands, Parser, build_parser
from wechatpay_chain.cli.status import Status

__all__ = ["add_parser", "run"]


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "help",
        help="show the help of all, or of one command",
        description="Show the help of all commands, of one of them, or what the catalogue says of a chain or a path.",
        examples=(
            "wechatpay-chain help",
            "wechatpay-chain help sandbox push",
            "wechatpay-chain help v3.pay.transactions.native.post",
        ),
    )
    parser.add_argument("words", metavar="COMMAND", nargs="*", help="a command, or a chain, a path, a URL")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print it, as ``--help`` behind the command does."""
    words: list[str] = arguments.words
    parser = build_parser(console)
    if words and words[0] not in COMMANDS and set("./") & set(words[0]):
        operation = build_parser(console, ["api"]).parse_args(["api", *words])
        status: int = operation.run(operation, console)
        return status
    for word in words:
        if word not in parser.commands:
            raise ItemError(
                f"{word if word.strip() else repr(word)}: no such command of {parser.prog}; {_suggestion(word, parser)}"
            )
        parser = parser.commands[word]
    parser.print_help()
    return Status.OK


def _suggestion(word: str, parser: Parser) -> str:
    close = difflib.get_close_matches(word.lower(), parser.commands, n=1)
    if close:
        return f"did you mean {close[0]}?"
    known = ", ".join(parser.commands) or "none"
    return f"there is {known}; {PROGRAM} api {word} searches operations"
