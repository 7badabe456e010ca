"""``wechatpay-chain sandbox pay NO`` and its like: what is done to a sandbox that runs, over its control API."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

__all__ = ["add_parsers", "run"]

_PATIENCE = 10
_BASE_URL = "WECHATPAY_BASE_URL"
_COMMANDS: Mapping[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "pay": ("pay an order, as its payer would", (("number", "NO"),)),
    "refund": ("end a refund: SUCCESS, ABNORMAL or CLOSED", (("number", "NO"), ("state", "STATE"))),
    "transfer": ("end a transfer: SUCCESS, FAIL or CANCELLED", (("number", "NO"), ("state", "STATE"))),
    "advance": ("move its clock by so many seconds", (("seconds", "S"),)),
    "reset": ("forget all that it was told", ()),
    "log": ("list what it was asked, the newest first", ()),
}
_HELP = {
    "number": "the merchant's number: out_trade_no, out_refund_no or out_bill_no",
    "state": "the state that it takes",
    "seconds": "how many; back when it is negative",
}
_EXAMPLES = {"number": "order-100001", "state": "SUCCESS", "seconds": "3600"}


def add_parsers(commands: Commands) -> None:
    """Add the commands, each with its words."""
    for name, (about, words) in _COMMANDS.items():
        sentence = f"{about[:1].upper()}{about[1:]}, of a sandbox that runs."
        example = f"wechatpay-chain sandbox {' '.join((name, *(_EXAMPLES[word] for word, _ in words)))}"
        parser = commands.add_parser(name, help=about, description=sentence, examples=(example,))
        for word, metavar in words:
            kind = float if word == "seconds" else str
            parser.add_argument(word, metavar=metavar, type=kind, help=_HELP[word])
        if name == "pay":
            parser.add_argument("--openid", help="who pays; the order's openid or a new one by default")
        parser.add_argument("--url", metavar="URL", help="where it listens; WECHATPAY_BASE_URL by default")
        parser.set_defaults(run=run, action=name)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Ask, and print what it says: JSON for what was done, one line for each request of a log."""
    import requests

    from wechatpay_chain.errors import ConfigError

    base_url = arguments.url or console.environment.get(_BASE_URL)
    if not base_url:
        raise ConfigError(
            f"{_BASE_URL}: not set; pass --url, or take the lines that wechatpay-chain sandbox prints", _BASE_URL
        )
    method, path, body = _call(arguments)
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.request(method, f"{base_url.rstrip('/')}/_/{path}", json=body, timeout=_PATIENCE)
            told = answer.json()
        except (requests.RequestException, ValueError) as error:
            console.complain(f"no sandbox answers at {base_url}: {type(error).__name__}")
            return Status.TRANSPORT
    if answer.status_code >= 400:
        console.complain(f"{answer.status_code} {told.get('code')}: {told.get('message')}")
        return Status.CLIENT_ERROR
    if arguments.action == "log":
        for request in told["requests"]:
            console.say(f"{request['method']} {request['target']} {request['verdict'] or 'ok'}")
    else:
        console.say(json.dumps(told, ensure_ascii=False))
    return Status.OK


def _call(arguments: argparse.Namespace) -> tuple[str, str, dict[str, Any] | None]:
    action = arguments.action
    if action == "log":
        return "GET", "requests", None
    if action == "reset":
        return "POST", "reset", {}
    if action == "advance":
        return "POST", "clock", {"advance": arguments.seconds}
    number = quote(arguments.number, safe="")
    if action == "pay":
        return "POST", f"orders/{number}/pay", {"openid": arguments.openid} if arguments.openid else {}
    return "POST", f"{action}s/{number}/{quote(arguments.state.upper(), safe='')}", {}
