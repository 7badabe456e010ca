"""One command is run, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wechatpay_chain.cli import completer

if TYPE_CHECKING:
    import argparse

    from wechatpay_chain.cli.console import Console

__all__ = ["main"]

# Errors whose message needs no class name before it.
_PLAIN_ERRORS = ("ChainError", "ConfigError", "ItemError")


def main(argv: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run one command; the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == [completer.COMMAND]:
        # A Tab is waiting: parsers and console are not even imported.
        return completer.complete(words[1:], console.stdout if console else None)
    return _run(words, console)


def _run(words: list[str], console: Console | None) -> int:
    from wechatpay_chain.cli.console import Console
    from wechatpay_chain.cli.parser import Exit, build_parser
    from wechatpay_chain.cli.status import Status, status_of

    console = console or Console()
    if not words:
        build_parser(console).print_help()
        return Status.USAGE
    try:
        arguments = _parse(words, console)
        status: int = arguments.run(arguments, console)
        return status
    except Exit as end:
        return end.status
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has seen enough; nothing more may be written at interpreter exit.
        sys.stdout = None
        return Status.ERROR
    except Exception as error:
        is_plain = any(kind.__name__ in _PLAIN_ERRORS for kind in type(error).__mro__)
        console.complain(error if is_plain else f"{type(error).__name__}: {error}")
        return status_of(error)


def _parse(words: list[str], console: Console) -> argparse.Namespace:
    """The arguments of one command; those of ``request`` where the first word is no command."""
    from wechatpay_chain.cli.parser import COMMANDS, build_parser

    if words[0] in ("-h", "--help", "--version"):
        return build_parser(console).parse_args(words)
    if words[0] in COMMANDS and words[0] != "request":
        parser = build_parser(console, words[:1])
        arguments, rest = parser.parse_known_args(words)
        if rest:
            # argparse would name the help of all commands.
            parser.commands[words[0]].error(f"unrecognized arguments: {' '.join(rest)}")
        return arguments
    request = build_parser(console, ["request"]).commands["request"]
    # Flags may stand between items, which a sub-parser cannot do.
    return request.parse_intermixed_args(words[words[0] == "request" :])
