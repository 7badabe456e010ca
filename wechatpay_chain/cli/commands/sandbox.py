"""``wechatpay-chain sandbox``: a gateway for other programs, and what can be asked of a running one."""

from __future__ import annotations

import argparse
import json
import signal
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wechatpay_chain.cli import sandbox_control
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError, read_data
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.shell_variables import SHELLS, assignment, default_shell
from wechatpay_chain.cli.status import Status

if TYPE_CHECKING:
    from wechatpay_chain.sandbox.push import Pusher, Try

__all__ = ["add_parser", "push", "run"]

_KEY_MODES = ("both", "public-key", "certificate", "switching")
# Flags that the sandbox takes by the same name.
_OPTIONS = ("mchid", "tls", "clock", "pay_after", "close_wait", "refund_wait", "bill_rows", "verify", "proxy")
_NEEDED = ("WECHATPAY_APIV3_KEY", "WECHATPAY_PUBLIC_KEY_ID", "WECHATPAY_SANDBOX_KEY")


def add_parser(commands: Commands) -> None:
    """Add the command, its flags and its own commands."""
    parser = commands.add_parser(
        "sandbox",
        help="serve a sandbox until interrupted; prints its configuration",
        description="Serve a sandbox until it is interrupted; prints the variables that configure a client for it.",
        examples=("wechatpay-chain sandbox", "wechatpay-chain sandbox --port 8080 --shell fish"),
    )
    parser.add_argument("--port", type=_port, default=0, help="where to listen; any free port by default")
    parser.add_argument("--host", default="127.0.0.1", help="at which address; 127.0.0.1 by default")
    parser.add_argument("--db", metavar="FILE", help="keep everything in a file, and go on with it after a restart")
    parser.add_argument(
        "--dir", metavar="D", help="a folder of keys, variables and snippets: made once, and used again"
    )
    parser.add_argument("--mchid", metavar="N", default="", help="the merchant's number; any by default")
    parser.add_argument("--tls", action="store_true", help="speak TLS, under an authority of its own")
    parser.add_argument(
        "--proxy", metavar="PORT", type=_port, help="a proxy that leads WeChat Pay's hosts here; 0 for any free port"
    )
    parser.add_argument(
        "--fault",
        metavar="RULE",
        type=_rule,
        action="append",
        default=[],
        help="let requests meet a fault, such as 5%%:SYSTEM_ERROR,when=after; may be given more than once",
    )
    parser.add_argument(
        "--clock", metavar="FACTOR", type=float, help="how fast its time passes: 60, or 0 to stand still"
    )
    parser.add_argument("--pay-after", metavar="S", type=float, help="pay every order by itself after so many seconds")
    parser.add_argument(
        "--close-wait", metavar="S", type=float, default=0, help="refuse to close an order before so many seconds"
    )
    parser.add_argument(
        "--refund-wait",
        metavar="S",
        type=float,
        default=0,
        help="refuse another refund of an order for so many seconds, as WeChat Pay does for 60",
    )
    parser.add_argument(
        "--bill-rows", metavar="N", type=int, default=0, help="make up so many rows for the bill of a day without trade"
    )
    parser.add_argument("--verify", choices=_KEY_MODES, default="both", help="which key signs; both by default")
    parser.add_argument("--json", action="store_true", help="print the configuration as one line of JSON")
    parser.add_argument("--shell", choices=tuple(SHELLS), help="whose words the variables are set in; sh by default")
    serving = (*_OPTIONS, "port", "host", "db", "fault", "shell")
    parser.set_defaults(run=run, serving={name: parser.get_default(name) for name in serving})
    inner: Commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_push(inner)
    sandbox_control.add_parsers(inner)


def _add_push(commands: Commands) -> None:
    parser = commands.add_parser(
        "push",
        help="push a notification with the keys of a sandbox, until it is accepted",
        description="Push a notification with the keys of a running sandbox, until the receiver accepts it.",
        examples=("wechatpay-chain sandbox push TRANSACTION.SUCCESS --to http://127.0.0.1:8000/notify",),
    )
    parser.add_argument("event_type", metavar="TYPE", help="TRANSACTION.SUCCESS, or any other type")
    parser.add_argument("--to", metavar="URL", required=True, help="where the receiver listens (notify_url)")
    parser.add_argument("-d", "--data", metavar="JSON", help="what is encrypted: JSON text, @file, or @- for stdin")
    parser.add_argument("--once", action="store_true", help="do not push again when it is refused")
    sandbox_control.add_place(parser)
    parser.set_defaults(run=push)


def _rule(text: str) -> str:
    """Text that is a rule, for ``Sandbox``."""
    from wechatpay_chain.errors import ArgumentError
    from wechatpay_chain.sandbox.faults import parse_rule

    try:
        parse_rule(text)
    except ArgumentError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text[:6]) <= 65535):
        raise argparse.ArgumentTypeError(f"{text[:40]!r}: expected a number from 0 to 65535")
    return int(text)


# What its control asks for, where it listens for other machines.
_TOKEN = "WECHATPAY_SANDBOX_TOKEN"  # noqa: S105 - a variable's name
# What requests, wechatpayv3 and wechatpy, and what node read for the authority that they have to trust.
_TRUSTS = ("REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Serve, and print what a client needs: as lines for a shell, or as one line of JSON."""
    from wechatpay_chain.sandbox import Sandbox

    shell = arguments.shell or default_shell(console.environment)
    options = {name: getattr(arguments, name) for name in _OPTIONS}
    options |= {
        "database": arguments.db,
        "directory": arguments.dir,
        "faults": arguments.fault,
        "token": console.environment.get(_TOKEN, ""),
    }
    with Sandbox(arguments.port, arguments.host, **options) as gateway:
        is_proxied = arguments.proxy is not None
        trusted = dict.fromkeys(_TRUSTS, str(gateway.ca_file)) if arguments.tls or is_proxied else {}
        proxied = {"HTTPS_PROXY": str(gateway.proxy_url)} if is_proxied else {}
        environment = {**gateway.environment(), **trusted, **proxied}
        if arguments.json:
            told = {_short(name): value for name, value in environment.items()}
            console.say(json.dumps({**told, **gateway.description()}, ensure_ascii=False))
        else:
            # PEM text has lines; \\n is read as one, so that each variable stays one line.
            values = {name: value.replace("\n", "\\n") for name, value in environment.items()}
            lines = [assignment(shell, name, value) for name, value in values.items()]
            if arguments.dir is not None:
                lines.append(f"# keys, variables and snippets are in {gateway.description()['directory']}")
            token = f"#token={gateway.token}" if gateway.token else ""
            lines.append(f"# its console and control: {gateway.base_url}/_/{token}")
            lines.append(f"# serving {gateway.base_url} until interrupted (Ctrl-C)")
            # At once: who waits until the file is not empty reads the whole.
            console.say("\n".join(lines))
        # A shell that starts it in the background has SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # What a service manager sends: the files of the sandbox are closed, and those for the moment go.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        while True:
            # An Event that is waited for can lose its lock to the signal, and end with a RuntimeError.
            time.sleep(3600)


def _short(name: str) -> str:
    return name.removeprefix("WECHATPAY_").lower()


def push(arguments: argparse.Namespace, console: Console) -> int:
    """Push, tell of every try, and end when one is accepted."""
    sandbox_control.refuse_serving(arguments, "push")
    from wechatpay_chain.sandbox.push import SCHEDULE, Try

    resource = None if arguments.data is None else read_data(arguments.data, console)
    if resource is not None and not isinstance(resource, dict):
        raise ItemError(f"-d: expected a JSON object, found {type(resource).__name__}")
    if arguments.url or arguments.dir is not None:
        fields = {"event_type": arguments.event_type, "url": arguments.to}
        return sandbox_control.push(arguments, console, fields | ({} if resource is None else {"resource": resource}))
    pusher = _pusher(console.environment)
    notice = pusher.notice(arguments.event_type, resource)
    console.say(f"{arguments.event_type} {notice.id} to {arguments.to}")
    done = Try(0, 0, "")
    for done in pusher.tries(notice, arguments.to, () if arguments.once else SCHEDULE):
        console.say(_describe(done))
    return _push_status(done)


def _pusher(environment: Mapping[str, str]) -> Pusher:
    from wechatpay_chain.crypto.key_loader import load_private_key
    from wechatpay_chain.errors import ConfigError
    from wechatpay_chain.sandbox.push import Pusher

    given: dict[str, Any] = {name: environment.get(name, "").strip() for name in _NEEDED}
    missing = [name for name in _NEEDED if not given[name]]
    if missing:
        raise ConfigError(
            f"{', '.join(missing)}: not set; take over the lines that wechatpay-chain sandbox prints, in this shell"
            " and in the receiver's",
            missing[0],
        )
    apiv3_key, key_id, key = (given[name] for name in _NEEDED)
    return Pusher(apiv3_key, key_id, load_private_key(key, _NEEDED[2]))


def _describe(done: Try) -> str:
    if done.accepted:
        return f"{done.status} accepted"
    said = " ".join(done.told.split())
    return f"{done.status} refused: {said}" if done.status else f"no answer: {said}"


def _push_status(done: Try) -> int:
    if done.accepted:
        return Status.OK
    if not done.status:
        return Status.TRANSPORT
    return Status.SERVER_ERROR if done.status >= 500 else Status.CLIENT_ERROR
