"""An answer on the console: pictures, tables and colours for who looks, the body as it is for a pipe."""

from __future__ import annotations

import builtins
import json
import sys
from collections.abc import Callable

from wechatpay_chain.cli.console import Console
from wechatpay_chain.display import rendering, terminal
from wechatpay_chain.response import Response

__all__ = ["displayhook", "show"]


def show(answer: Response, console: Console, include: bool = False) -> None:
    """Print the body, after status and headers when they are to be included.

    A pipe gets JSON indented by two, text as it is, or bytes; a terminal gets colours, a table or a QR code
    where it can show them, and nothing that would steer it.
    """
    screen = terminal.terminal_of(console.stdout, console.environment)
    safe = rendering.shown if console.stdout.isatty() else str
    if include:
        console.say(safe(f"{answer.status_code} {answer.reason}"))
        for name, value in answer.headers.items():
            console.say(safe(f"{name}: {value}"))
        console.say()
    data = answer.data
    if isinstance(data, bytes):
        console.pour(data)
    elif isinstance(data, str):
        console.say(safe(data))
    elif data is not None:
        told = safe(json.dumps(data, ensure_ascii=False, indent=2))
        console.say(told if screen is None else terminal.drawn(told, data, answer.verified, screen))


def displayhook(console: Console) -> Callable[[object], None]:
    """A ``sys.displayhook`` for a prompt: answers as in IPython, with QR codes, all else as the present hook does."""
    before = sys.displayhook

    def displayed(value: object) -> None:
        if not isinstance(value, Response):
            before(value)
            return
        builtins._ = value  # type: ignore[attr-defined]  # what a prompt keeps
        console.say(terminal.displayed(value, terminal.terminal_of(console.stdout, console.environment)))

    return displayed
