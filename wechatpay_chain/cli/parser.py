"""The command line's parser, collected from the commands: light, since ``--help`` reads it all."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NoReturn, TypeAlias

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.status import MEANINGS, Status
from wechatpay_chain.version import __version__

__all__ = ["COMMANDS", "PROGRAM", "Commands", "Exit", "Parser", "build_parser"]

PROGRAM = "wechatpay-chain"

# What a command's ``add_parser`` gets.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

# Each command, as help lists it, and its file in ``commands/``.
COMMANDS: Mapping[str, str] = {
    "tour": "tour",
    "api": "api",
    "shell": "shell",
    "sandbox": "sandbox",
    "bill": "bill",
    "certs": "certs",
    "notify": "notify",
    "port": "port",
    "download": "file_download",
    "doctor": "doctor",
    "completion": "completion",
    "help": "help",
    "request": "request",
}

_EXAMPLES = (
    "wechatpay-chain tour",
    "wechatpay-chain api refund",
    "wechatpay-chain shell --sandbox",
    "wechatpay-chain --sandbox v3.certificates.get",
    "wechatpay-chain v3.marketing.favor.callbacks.get mchid==1900000001",
    "wechatpay-chain bill trade 2026-11-01..2026-11-20 --to bills --summary",
    "wechatpay-chain sandbox push TRANSACTION.SUCCESS --to http://127.0.0.1:8000/notify",
)
_FILES = """\
profiles: $WECHATPAY_PROFILES, else wechatpay-chain/profiles.toml in ~/.config
  ($XDG_CONFIG_HOME), ~/Library/Application Support (macOS), %APPDATA% (Windows)"""
_WIDTH = 80
_CHOICE = re.compile(r"invalid choice: '(.*?)' \(choose from (.*)\)")
_LONG_WORD = re.compile(r"[^\s='\"]{32,}")


class Exit(Exception):
    """The end of a command that its arguments already decide, such as --help."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Parser(argparse.ArgumentParser):
    """argparse on a console: an error is one line, nothing ends the process, and ``examples`` end the help."""

    def __init__(
        self, *args: Any, console: Console, description: str = "", examples: Sequence[str] = (), **options: Any
    ) -> None:
        self.console = console
        self.summary = description
        self.examples = tuple(examples)
        self.commands: Mapping[str, Parser] = {}
        if examples:
            options["epilog"] = "\n".join(["examples:", *(f"  {each}" for each in examples)])
        options["formatter_class"] = argparse.RawDescriptionHelpFormatter
        # Examples keep their lines, which the formatter would fill too.
        options["description"] = textwrap.fill(description, _WIDTH)
        super().__init__(*args, **options)

    @property
    def actions(self) -> Sequence[argparse.Action]:
        """All arguments, groups and their members included; argparse has no public name for them."""
        return tuple(self._actions)

    def add_subparsers(self, **options: Any) -> Any:
        """As argparse does, with the same console; ``commands`` has what is added."""
        parser_class: Any = partial(Parser, console=self.console)
        action = super().add_subparsers(parser_class=parser_class, **options)
        self.commands = action.choices
        return action

    def error(self, message: str) -> NoReturn:
        """One line about a usage error; raises Exit."""
        # Only here: no command needs it that is typed right.
        import difflib

        choice = _CHOICE.search(message)
        close = difflib.get_close_matches(choice[1], re.findall(r"[\w-]+", choice[2]), n=1) if choice else []
        hint = f"; did you mean {close[0]}?" if close else f"; see {self.prog} --help"
        # A word in the wrong place may be a key.
        self.console.complain(_LONG_WORD.sub("…", message) + hint)
        raise Exit(Status.USAGE)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Raise Exit."""
        if message:
            self.console.complain(message)
        raise Exit(status)

    def _print_message(self, message: str, file: object = None) -> None:
        print(message, file=self.console.stdout, end="")


def build_parser(console: Console, names: Iterable[str] = COMMANDS) -> Parser:
    """The parser of the whole command line, or of the commands that are named, of which alone files are read."""
    parser = Parser(
        prog=PROGRAM,
        description="WeChat Pay from a shell: CHAIN.VERB is the URL and the method.",
        console=console,
        examples=_EXAMPLES,
    )
    codes = ", ".join(f"{status:d} {meaning}" for status, meaning in MEANINGS.items())
    parser.epilog = f"{parser.epilog}\n\n{_FILES}\n\n{textwrap.fill(f'exit codes: {codes}', _WIDTH)}\n"
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands: Commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name in names:
        import_module(f"wechatpay_chain.cli.commands.{COMMANDS[name]}").add_parser(commands)
    return parser
