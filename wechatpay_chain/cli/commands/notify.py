"""``wechatpay-chain notify FILE``: a saved notification, verified and decrypted, as JSON."""

from __future__ import annotations

import argparse
import json
import re
from datetime import datetime
from typing import Any

from wechatpay_chain.cli.configuration import add_configuration, client
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

__all__ = ["add_parser", "run"]

_SECONDS = re.compile(r"[0-9]{1,15}")


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "notify",
        help="verify and decrypt a saved notification; prints it as JSON",
        description="Verify a notification that was saved as it arrived, decrypt it, and print it as JSON.",
        examples=(
            "wechatpay-chain notify request.txt --saved",
            "wechatpay-chain notify body.json --headers headers.txt --at 2026-11-01T08:00:00+08:00",
        ),
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        help="the request as it was received (headers, a blank line, the body), JSON with headers and body, or the"
        " bare body of APIv2; - for stdin",
    )
    parser.add_argument("--headers", metavar="FILE", help="the headers, as lines or as JSON; FILE is the bare body")
    when = parser.add_mutually_exclusive_group()
    when.add_argument(
        "--saved", action="store_true", help="verify it as of the time that it names; its freshness is not judged"
    )
    when.add_argument(
        "--at", metavar="TIME", help="when it was received: 2026-11-01T08:00:00+08:00, or seconds since 1970"
    )
    add_configuration(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what the notification says, when it is proven."""
    from wechatpay_chain.cli.saved_notification import read_saved, timestamp_of, verify_saved
    from wechatpay_chain.protocol.signer import looks_like_xml

    if arguments.sandbox:
        raise ItemError("--sandbox: a new one has signed nothing; take the lines that wechatpay-chain sandbox prints")
    at = None if arguments.at is None else _time(arguments.at)
    saved = read_saved(arguments.file, arguments.headers, console)
    with client(arguments, console) as wxpay:
        if looks_like_xml(saved.body):
            refund = wxpay.notification_v2(saved.body)
            found: dict[str, Any] = refund
            if not refund.verified:
                console.complain("a refund of APIv2 is encrypted and not signed: ask refundquery before it is booked")
            if arguments.saved or at is not None:
                console.complain("--saved, --at: without effect, since a notification of APIv2 names no time")
        else:
            now = timestamp_of(saved) if arguments.saved else at
            found = verify_saved(wxpay, saved, now)
            if arguments.saved:
                console.complain("its freshness was not judged: it may be one that somebody recorded and sent again")
    console.say(json.dumps(found, ensure_ascii=False, indent=2))
    return Status.OK


def _time(text: str) -> float:
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        # Python 3.10 does not know Z.
        moment = datetime.fromisoformat(re.sub("[Zz]$", "+00:00", text))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ItemError(
            f"--at: expected 2026-11-01T08:00:00+08:00, with its zone, or seconds since 1970, found {text[:40]!r}"
        )
    return moment.timestamp()
