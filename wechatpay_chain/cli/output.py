"""An answer on the console: pictures, tables and colours for who looks, the body as it is for a pipe."""

from __future__ import annotations

import builtins
import json
import sys
from collections.abc import Callable

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.display import rendering, terminal
from wechatpay_chain.errors import ApiError, BusinessError
from wechatpay_chain.response import Response

__all__ = ["describe_refusal", "displayhook", "show", "show_head"]


def show(answer: Response, console: Console, include: bool = False) -> None:
    """Print the body, after status and headers when they are to be included.

    A pipe gets JSON indented by two, text as it is, or bytes; a terminal gets colours, a table or a QR code
    where it can show them, and nothing that would steer it.
    """
    screen = terminal.terminal_of(console.stdout, console.environment)
    safe = _safe(console)
    if include:
        show_head(answer, console)
    data = answer.data
    if isinstance(data, bytes):
        if console.stdout.isatty():
            raise ItemError(f"{len(data)} bytes that are no text would disturb the terminal; save them: --output FILE")
        console.write_bytes(data)
    elif isinstance(data, str):
        console.say(safe(data))
    elif data is not None:
        text = safe(json.dumps(data, ensure_ascii=False, indent=2))
        console.say(text if screen is None else terminal.draw(text, data, answer.verified, screen))


def show_head(answer: Response, console: Console) -> None:
    """Print status, headers and a blank line."""
    safe = _safe(console)
    console.say(safe(f"{answer.status_code} {answer.reason}"))
    for name, value in answer.headers.items():
        console.say(safe(f"{name}: {value}"))
    console.say()


def describe_refusal(error: ApiError | BusinessError) -> str:
    """Status, code, reason and Request-ID of a refusal, and what may help."""
    answer = error.response
    if isinstance(error, ApiError):
        return str(error) if error.verified else f"{error}; the answer is not signed"
    if answer is None:
        return str(error)
    reference = f" (Request-ID {answer.request_id})" if answer.request_id else ""
    return f"{answer.status_code} {error}{reference}"


def _safe(console: Console) -> Callable[[str], str]:
    return rendering.escape_controls if console.stdout.isatty() else str


def displayhook(console: Console) -> Callable[[object], None]:
    """A ``sys.displayhook`` for a prompt: answers as in IPython, with QR codes, all else as the present hook does."""
    before = sys.displayhook

    def display(value: object) -> None:
        if not isinstance(value, Response):
            before(value)
            return
        builtins._ = value  # type: ignore[attr-defined]  # what a prompt keeps
        console.say(terminal.display(value, terminal.terminal_of(console.stdout, console.environment)))

    return display
