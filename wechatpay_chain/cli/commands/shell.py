"""``wechatpay-chain shell``: Python at a prompt, with a client that is connected."""

from __future__ import annotations

import argparse
import code
import contextlib
import os
import rlcompleter
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from wechatpay_chain.cli.configuration import add_configuration, client, sandbox
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

if TYPE_CHECKING:
    from wechatpay_chain.client import Wechatpay

__all__ = ["add_parser", "run"]

_LONGEST_HISTORY = 10_000


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "shell",
        help="Python with wxpay connected: IPython where it is installed",
        description="Start Python with wxpay connected to the configured merchant, or to a sandbox.",
        examples=("wechatpay-chain shell --sandbox", "wechatpay-chain shell --profile shop"),
    )
    add_configuration(parser, "shell")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Hand the prompt over until it is left; what ``exit`` was given, or 0."""
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(sandbox(arguments)) if arguments.sandbox else None
        wxpay = stack.enter_context(client(arguments, console, gateway))
        names = _names(wxpay)
        if gateway is not None:
            names |= {"gateway": gateway, "instance": stack.enter_context(gateway.builder())}
        # IPython asks a terminal; what comes from a pipe is for the plain one.
        has_ipython = find_spec("IPython") is not None and console.stdin.isatty()
        hand_over = _ipython if has_ipython else _plain
        try:
            hand_over(names, _banner(wxpay, names), console)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else Status.OK if end.code is None else Status.ERROR
    return Status.OK


def _names(wxpay: Wechatpay) -> dict[str, Any]:
    from wechatpay_chain import errors
    from wechatpay_chain.bill_reader import read_bill
    from wechatpay_chain.promise import Promise
    from wechatpay_chain.request.encryption import Sealed
    from wechatpay_chain.transport.media import Media

    return {
        "wxpay": wxpay,
        "Media": Media,
        "Promise": Promise,
        "Sealed": Sealed,
        "errors": errors,
        "read_bill": read_bill,
    }


def _banner(wxpay: Wechatpay, names: Mapping[str, Any]) -> str:
    lives = ", a sandbox that lives as long as this shell" if "gateway" in names else ""
    return (
        f"wxpay is {wxpay!r}{lives}\nalso here: {', '.join(sorted(names.keys() - {'wxpay'}))}\n"
        "try wxpay.v3.<Tab>, help(wxpay.v3.certificates), wxpay.v3.certificates.get(); exit() or Ctrl-D leaves"
    )


def _ipython(names: dict[str, Any], banner: str, console: Console) -> None:
    from wechatpay_chain.chain.completers import trust

    # Imported where they are used: they come with the extra "repl".
    ipython, loader = import_module("IPython"), import_module("traitlets.config")
    import_module("IPython.core.completer")
    trust()
    config = loader.Config()
    config.TerminalInteractiveShell.banner1 = f"{banner}\n"
    # A placeholder begins with an underscore, and names that do are hidden by default.
    config.IPCompleter.omit__names = 1
    # jedi reads types where a chain has but names.
    config.IPCompleter.use_jedi = False
    ipython.start_ipython(argv=[], user_ns=names, config=config)


def _plain(names: dict[str, Any], banner: str, console: Console) -> None:
    from wechatpay_chain.cli.output import displayhook

    shell = code.InteractiveConsole({"__name__": "__console__", "__doc__": None, **names})
    with _line_editing(shell.locals, console):
        before, sys.displayhook = sys.displayhook, displayhook(console)
        try:
            shell.interact(banner, exitmsg="")
        finally:
            sys.displayhook = before


@contextlib.contextmanager
def _line_editing(names: Any, console: Console) -> Iterator[None]:
    """Completion by Tab, and a history that is kept, where Python has readline."""
    if find_spec("readline") is None or not console.stdin.isatty():
        yield
        return
    from wechatpay_chain.settings import user_folder

    readline = import_module("readline")
    path = user_folder("state", console.environment) / "history"
    readline.set_completer(rlcompleter.Completer(names).complete)
    is_libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")
    # There is none at first.
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    try:
        yield
    finally:
        _keep(path, readline, console)


def _keep(path: Path, readline: ModuleType, console: Console) -> None:
    # What was typed may hold names, numbers and keys: it is for its owner alone, from its first byte.
    before = os.umask(0o077)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.chmod(0o600)
        readline.set_history_length(_LONGEST_HISTORY)
        readline.write_history_file(path)
    except OSError as error:
        console.complain(f"{path}: the history cannot be kept ({error.strerror})")
    finally:
        os.umask(before)
