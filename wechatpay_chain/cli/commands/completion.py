"""``wechatpay-chain completion SHELL``: the script that a shell sources, so that Tab completes."""

from __future__ import annotations

import argparse
import pkgutil
import sys

from wechatpay_chain.cli.completer import COMMAND
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.shell_variables import quote
from wechatpay_chain.cli.status import Status

__all__ = ["CODE", "add_parser", "run"]

# A script that stands in the current folder is never imported on Tab, so no -m.
CODE = "import sys; sys.path[:] = filter(None, sys.path); from wechatpay_chain.cli import main; sys.exit(main())"
_SCRIPTS = {
    "bash": "completion.bash",
    "zsh": "completion.zsh",
    "fish": "completion.fish",
    "powershell": "completion.ps1",
}


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "completion",
        help="print the script for completion by Tab",
        description="Print the script that completes commands, flags, chains, items and files by Tab.",
        examples=(
            'eval "$(wechatpay-chain completion bash)"   # in ~/.bashrc; zsh likewise in ~/.zshrc',
            "wechatpay-chain completion fish | source   # in ~/.config/fish/config.fish",
            "wechatpay-chain completion powershell | Out-String | Invoke-Expression   # in $PROFILE",
        ),
    )
    parser.add_argument("shell", metavar="SHELL", choices=tuple(_SCRIPTS), help=", ".join(_SCRIPTS))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the script for a shell."""
    script = (pkgutil.get_data("wechatpay_chain.cli", _SCRIPTS[arguments.shell]) or b"").decode()
    words = [sys.executable, "-c", CODE, COMMAND, arguments.shell]
    command = " ".join(quote(arguments.shell, word) for word in words)
    console.say(script.replace("@COMMAND@", command).rstrip("\n"))
    return Status.OK
