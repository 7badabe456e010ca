"""``wechatpay-chain sandbox pay NO`` and its like: what is done to a sandbox that runs, over its control API."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError, read_data
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

__all__ = ["add_parsers", "add_place", "push", "refuse_serving", "run"]

_PATIENCE = 10
_BASE_URL = "WECHATPAY_BASE_URL"
_TOKEN = "WECHATPAY_SANDBOX_TOKEN"  # noqa: S105 - a variable's name
_TRUST = "REQUESTS_CA_BUNDLE"
_NUMBER = (("number", "NO"),)
_COMMANDS: Mapping[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "pay": ("pay an order, as its payer would", _NUMBER),
    "close": ("close an order, as its merchant would", _NUMBER),
    "refund": ("end a refund: SUCCESS, ABNORMAL or CLOSED", (*_NUMBER, ("state", "STATE"))),
    "transfer": ("end a transfer: SUCCESS, FAIL or CANCELLED", (*_NUMBER, ("state", "STATE"))),
    "payscore": ("let the user of a PayScore order act: DOING, DONE or EXPIRED", (*_NUMBER, ("state", "STATE"))),
    "applyment": ("let an application take a state, such as REJECTED", (*_NUMBER, ("state", "STATE"))),
    "complain": ("let the payer of an order complain", _NUMBER),
    "resend": ("send a notice once more, now", (("number", "ID"),)),
    "fault": ("let requests meet a fault, or list and clear the faults", ()),
    "answer": ("answer the next requests with what is given", (("method", "METHOD"), ("path", "PATH"))),
    "advance": ("move its clock by so many seconds", (("seconds", "S"),)),
    "reset": ("forget all that it was told", ()),
    "log": ("list what it was asked, the newest first", ()),
}
_HELP = {
    "number": "the merchant's number: out_trade_no, out_refund_no and the like; a notice's id",
    "state": "the state that it takes",
    "seconds": "how many; back when it is negative",
    "method": "of which requests; * for any",
    "path": "of which requests, with * for anything",
}
_EXAMPLES = {
    "number": "order-100001",
    "state": "SUCCESS",
    "seconds": "3600",
    "method": "POST",
    "path": "/v3/pay/transactions/native",
}
_MORE = {"fault": "SYSTEM_ERROR --when after", "answer": "200 -d '{}'", "log": "--verdict wrong"}
_FILTERS = ("number", "path", "method", "status", "verdict", "limit")


class _Place(NamedTuple):
    """Where a sandbox listens, what it asks for, and which authority certifies it (None for none of its own)."""

    url: str
    token: str
    trust: str | None


def add_parsers(commands: Commands) -> None:
    """Add the commands, each with its words."""
    for name, (about, words) in _COMMANDS.items():
        sentence = f"{about[:1].upper()}{about[1:]}, of a sandbox that runs."
        typed = (name, *(_EXAMPLES[word] for word, _ in words), *_MORE.get(name, "").split())
        example = f"wechatpay-chain sandbox {' '.join(typed)}"
        parser = commands.add_parser(name, help=about, description=sentence, examples=(example,))
        for word, metavar in words:
            kind = float if word == "seconds" else str
            parser.add_argument(word, metavar=metavar, type=kind, help=_HELP[word])
        _OWN.get(name, _no_flags)(parser)
        add_place(parser)
        parser.set_defaults(run=run, action=name)


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which sandbox is meant."""
    parser.add_argument("--url", metavar="URL", help="where it listens; WECHATPAY_BASE_URL by default")
    # SUPPRESS: what stands before the command, as in sandbox --dir D log, is kept.
    parser.add_argument(
        "--dir",
        metavar="D",
        default=argparse.SUPPRESS,
        help="the folder that it was given as --dir, which says where it listens",
    )


def refuse_serving(arguments: argparse.Namespace, command: str) -> None:
    """Raise ItemError for a flag before a command that only a sandbox which begins can take."""
    for name, default in arguments.serving.items():
        if getattr(arguments, name) != default:
            flag = f"--{name.replace('_', '-')}"
            raise ItemError(f"{flag}: sandbox {command} serves nothing; give it to the sandbox that it speaks to")


def _no_flags(parser: argparse.ArgumentParser) -> None:
    pass


def _pay_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--openid", help="who pays; the order's openid or a new one by default")


def _transfer_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fail-reason", metavar="REASON", help="why it failed")


def _applyment_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", help="why it was rejected")


def _complain_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detail", metavar="TEXT", help="what about")


def _fault_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="SLOW, HANG_UP, any error code; without it they are listed"
    )
    parser.add_argument("--method", metavar="METHOD", help="of which requests; any by default")
    parser.add_argument("--path", metavar="PATH", help="of which requests, with * for anything; any by default")
    parser.add_argument("--times", metavar="N", type=int, help="how often; once by default, 0 for ever")
    parser.add_argument("--when", choices=("before", "after"), help="before the work is done, or after it was")
    parser.add_argument("--rate", metavar="RATE", help="of how many of the requests: 5%%, or 0.05")
    parser.add_argument("--seconds", metavar="S", type=float, help="how long SLOW takes")
    parser.add_argument("--clear", action="store_true", help="take all faults and given answers away")


def _answer_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("status", metavar="STATUS", type=int, help="of the answer: 200 to 599")
    parser.add_argument("-d", "--data", metavar="JSON", help="the body: JSON text, @file, or @- for stdin")
    parser.add_argument("--times", metavar="N", type=int, help="how often; once by default, 0 for ever")


def _log_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--number", metavar="NO", help="an order's, a refund's or another number")
    parser.add_argument("--path", metavar="PATH", help="the beginning of a path, or a path with * for anything")
    parser.add_argument("--method", metavar="METHOD", help="of these requests alone")
    parser.add_argument("--status", metavar="N", type=int, help="answered so; 0 when it was hung up on")
    parser.add_argument("--verdict", metavar="TEXT", help="ok, wrong, or a part of what was wrong with a signature")
    parser.add_argument("--limit", metavar="N", type=int, help="so many at most; 100 by default")
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="one line of JSON for each request"
    )


_OWN = {
    "pay": _pay_flags,
    "transfer": _transfer_flags,
    "applyment": _applyment_flags,
    "complain": _complain_flags,
    "fault": _fault_flags,
    "answer": _answer_flags,
    "log": _log_flags,
}


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Ask, and print what it says: JSON for what was done, one line for each request of a log."""
    refuse_serving(arguments, arguments.action)
    method, path, body = _call(arguments, console)
    status, told = _ask(arguments, console, method, path, body, _TOLD.get(arguments.action, _OF_FAULTS[method]))
    if told is None:
        return status
    if arguments.action == "log":
        for request in told["requests"]:
            if arguments.json:
                console.say(json.dumps(request, ensure_ascii=False))
            else:
                verdict = ": ".join(filter(None, (request["code"], request["cause"]))) if request["verdict"] else "ok"
                console.say(f"{request['method']} {request['target']} {request['status'] or 'hung up'} {verdict}")
    else:
        console.say(json.dumps(told, ensure_ascii=False))
    return status


def push(arguments: argparse.Namespace, console: Console, fields: Mapping[str, Any]) -> int:
    """Let the sandbox itself push, and go on by its schedule; fails where the receiver did not accept it at once."""
    status, told = _ask(arguments, console, "POST", "push", fields, "accepted")
    if told is None:
        return status
    console.say(json.dumps(told, ensure_ascii=False))
    if told["accepted"]:
        return Status.OK
    if not told["status"]:
        return Status.TRANSPORT
    return Status.SERVER_ERROR if told["status"] >= 500 else Status.CLIENT_ERROR


def _ask(
    arguments: argparse.Namespace, console: Console, method: str, path: str, body: Mapping[str, Any] | None, key: str
) -> tuple[int, Any]:
    """The exit code and what was answered; None where the complaint has been made. ``key`` is in a sandbox's answer."""
    import requests

    place = _place(arguments, console.environment)
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": f"Bearer {place.token}"} if place.token else {}
        is_json = {"Content-Type": "application/json"} if method != "GET" else {}
        data = None if method == "GET" else json.dumps(body or {})
        query = body if method == "GET" else None
        try:
            answer = session.request(
                method,
                f"{place.url.rstrip('/')}/_/{path}",
                params=query,
                data=data,
                headers=headers | is_json,
                timeout=_PATIENCE,
                verify=place.trust or True,
            )
            told = answer.json()
        except (requests.RequestException, ValueError, OSError) as error:
            console.complain(f"no sandbox answers at {place.url}: {type(error).__name__}")
            return Status.TRANSPORT, None
    is_refused = answer.status_code >= 400
    if not isinstance(told, dict) or ("code" if is_refused else key) not in told:
        console.complain(f"no sandbox answers at {place.url}: what is there says {answer.status_code} in other words")
        return Status.TRANSPORT, None
    if is_refused:
        console.complain(f"{answer.status_code} {told['code']}: {told.get('message')}")
        return Status.CLIENT_ERROR, None
    return Status.OK, told


def _place(arguments: argparse.Namespace, environment: Mapping[str, str]) -> _Place:
    from wechatpay_chain.errors import ConfigError

    token, trust = environment.get(_TOKEN, ""), environment.get(_TRUST)
    if arguments.dir is not None:
        if not arguments.dir:
            raise ConfigError("--dir: expected a folder, found an empty text", "dir")
        path = Path(arguments.dir).expanduser() / "sandbox.json"
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            return _Place(arguments.url or kept["base_url"], kept["token"] or token, kept["files"]["ca"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            told = (
                f"--dir: {str(path)!r} cannot be read ({type(error).__name__}); start the sandbox with this --dir first"
            )
        raise ConfigError(told, "dir")
    url = arguments.url or environment.get(_BASE_URL)
    if url and not url.startswith(("http://", "https://")):
        name = "--url" if arguments.url else _BASE_URL
        raise ConfigError(f"{name}: expected http://host:port, found {url[:80]!r}", name)
    if not url:
        raise ConfigError(
            f"{_BASE_URL}: not set; pass --url or --dir, or take the lines that wechatpay-chain sandbox prints",
            _BASE_URL,
        )
    return _Place(url, token, trust)


def _call(arguments: argparse.Namespace, console: Console) -> tuple[str, str, dict[str, Any] | None]:
    action = arguments.action
    if action in _CALLS:
        return _CALLS[action](arguments, console)
    number = _segment(arguments.number, "ID" if action == "resend" else "NO")
    if action == "pay":
        return "POST", f"orders/{number}/pay", {"openid": arguments.openid} if arguments.openid else {}
    if action in ("close", "resend"):
        return "POST", f"{'orders' if action == 'close' else 'notices'}/{number}/{action}", {}
    if action == "complain":
        return "POST", f"orders/{number}/complain", {"detail": arguments.detail} if arguments.detail else {}
    names = ("fail_reason", "reason")
    body = {name: getattr(arguments, name) for name in names if getattr(arguments, name, None)}
    path = action if action == "payscore" else f"{action}s"
    return "POST", f"{path}/{number}/{_segment(arguments.state.upper(), 'STATE')}", body


def _segment(text: str, metavar: str) -> str:
    """A word as one segment of a path; the dots would be another path, whichever way they are written."""
    if text in ("", ".", ".."):
        raise ItemError(f"{metavar}: expected a number or a word, found {text!r}")
    return quote(text, safe="")


def _log(arguments: argparse.Namespace, console: Console) -> tuple[str, str, dict[str, Any] | None]:
    given = {name: getattr(arguments, name) for name in _FILTERS}
    return "GET", "requests", {name: value for name, value in given.items() if value is not None}


def _fault(arguments: argparse.Namespace, console: Console) -> tuple[str, str, dict[str, Any] | None]:
    names = ("name", "method", "path", "when", "rate", "seconds", "times")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    if arguments.clear and given:
        raise ItemError("--clear: it takes all faults away, and goes with nothing else")
    if arguments.clear:
        return "DELETE", "faults", {}
    if given and arguments.name is None:
        raise ItemError("NAME: missing; without it the faults are listed, and no flag goes with that")
    if not given:
        return "GET", "faults", None
    return "POST", "faults", {**given, **_times(arguments)}


def _answer(arguments: argparse.Namespace, console: Console) -> tuple[str, str, dict[str, Any] | None]:
    body = None if arguments.data is None else read_data(arguments.data, console)
    given = {"method": arguments.method, "path": arguments.path, "status": arguments.status, "body": body}
    return "POST", "answers", {**given, **_times(arguments)}


def _times(arguments: argparse.Namespace) -> dict[str, Any]:
    """Nothing for once, None for ever."""
    return {} if arguments.times is None else {"times": arguments.times or None}


# A field that each answer has: another server's 200 is none that something was done.
_TOLD = {
    "pay": "transaction_id",
    "close": "trade_state",
    "refund": "out_refund_no",
    "transfer": "out_bill_no",
    "payscore": "out_order_no",
    "applyment": "number",
    "complain": "complaint_id",
    "resend": "id",
    "answer": "id",
    "advance": "factor",
    "reset": "status",
    "log": "requests",
}
_OF_FAULTS = {"GET": "faults", "POST": "id", "DELETE": "status"}

_Made = tuple[str, str, "dict[str, Any] | None"]
_CALLS: Mapping[str, Callable[[argparse.Namespace, Console], _Made]] = {
    "log": _log,
    "fault": _fault,
    "answer": _answer,
    "reset": lambda arguments, console: ("POST", "reset", {}),
    "advance": lambda arguments, console: ("POST", "clock", {"advance": arguments.seconds}),
}
