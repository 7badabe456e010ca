"""``wechatpay-chain completion SHELL``: the script that a shell sources, so that Tab completes."""

from __future__ import annotations

import argparse
import pkgutil
import sys

from wechatpay_chain.cli.completer import COMMAND
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

__all__ = ["CODE", "add_parser", "run"]

# A script that stands in the current folder is never imported on Tab, so no -m.
CODE = "import sys; sys.path[:] = filter(None, sys.path); from wechatpay_chain.cli import main; sys.exit(main())"
_SHELLS = ("bash", "zsh")


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "completion",
        help="print the script for completion by Tab",
        description="Print the script that completes commands, flags, chains, items and files by Tab.",
        examples=('eval "$(wechatpay-chain completion bash)"   # in ~/.bashrc; zsh likewise in ~/.zshrc',),
    )
    parser.add_argument("shell", metavar="SHELL", choices=_SHELLS, help="bash or zsh")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the script for a shell."""
    import shlex

    script = (pkgutil.get_data("wechatpay_chain.cli", f"completion.{arguments.shell}") or b"").decode()
    command = shlex.join([sys.executable, "-c", CODE, COMMAND, arguments.shell])
    console.say(script.replace("@COMMAND@", command).rstrip("\n"))
    return Status.OK
