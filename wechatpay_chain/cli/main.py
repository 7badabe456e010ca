"""One command is run, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from wechatpay_chain.cli.commands import completion

if TYPE_CHECKING:
    import argparse

    from wechatpay_chain.cli.console import Console

__all__ = ["main"]


def main(argv: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run one command; the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == [completion.COMMAND]:
        # A Tab is waiting: parsers and console are not even imported.
        return completion.answer(words[1:], console.stdout if console else None)
    return _run(words, console)


def _run(words: list[str], console: Console | None) -> int:
    from wechatpay_chain.cli.console import Console
    from wechatpay_chain.cli.parser import COMMANDS, Exit, parser_of
    from wechatpay_chain.cli.status import Status, status_of

    console = console or Console()
    parser = parser_of(console)
    if not words:
        parser.print_help(console.stdout)
        return Status.USAGE
    if words[0] not in (*COMMANDS, "-h", "--help", "--version"):
        words.insert(0, "request")
    try:
        arguments = _parsed(parser, words, console)
        run: Callable[[argparse.Namespace, Console], int] = import_module(arguments.room).run
        return run(arguments, console)
    except Exit as end:
        return end.status
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has seen enough; nothing more may be written at interpreter exit.
        sys.stdout = None
        return Status.ERROR
    except Exception as error:
        console.complain(error if _is_told(error) else f"{type(error).__name__}: {error}")
        return Status.USAGE if type(error).__name__ == "ItemError" else status_of(error)


def _parsed(parser: argparse.ArgumentParser, words: list[str], console: Console) -> argparse.Namespace:
    from wechatpay_chain.cli.parser import request_parser

    if words[0] != "request":
        return parser.parse_args(words)
    # Flags may stand between items, which a sub-parser cannot do.
    return request_parser(console).parse_intermixed_args(words[1:])


def _is_told(error: Exception) -> bool:
    return any(kind.__name__ in ("ChainError", "ConfigError", "ItemError") for kind in type(error).__mro__)
