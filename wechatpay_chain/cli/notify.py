"""``wechatpay-chain notify FILE``: a saved notification, verified and decrypted, as JSON."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.cli.request import client
from wechatpay_chain.cli.saved import Saved, read
from wechatpay_chain.cli.status import Status
from wechatpay_chain.client import Wechatpay
from wechatpay_chain.errors import ClockOffset, SignatureMismatch, UnknownSerial, VerificationError
from wechatpay_chain.protocol import notification
from wechatpay_chain.protocol.proof import looks_like_xml
from wechatpay_chain.protocol.v3 import APIv3

__all__ = ["run"]

_SHOWN = ("id", "create_time", "event_type", "resource_type", "summary", "original_type", "resource")
_SECONDS = re.compile(r"[0-9]{1,15}")
_BOM = b"\xef\xbb\xbf"


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what the notification says, when it is proven."""
    if arguments.sandbox:
        raise ItemError("--sandbox: a new one has signed nothing; take the lines that wechatpay-chain sandbox prints")
    at = None if arguments.at is None else _time(arguments.at)
    saved = read(arguments.file, arguments.headers, console)
    with client(arguments, console) as wxpay:
        if looks_like_xml(saved.body):
            told = wxpay.notification_v2(saved.body)
            if arguments.saved or at is not None:
                console.complain("--saved, --at: without effect, since a notification of APIv2 names no time")
        else:
            now = _own_time(saved) if arguments.saved else at
            told = _told(wxpay, saved, now)
            if arguments.saved:
                console.complain("its freshness was not judged: it may be one that somebody recorded and sent again")
    console.say(json.dumps(told, ensure_ascii=False, indent=2))
    return Status.OK


def _told(wxpay: Wechatpay, saved: Saved, now: float | None) -> dict[str, Any]:
    protocol, merchant = APIv3(wxpay._settings.merchant, wxpay._settings.keyring), wxpay._settings.merchant
    try:
        found = notification.read(protocol, merchant, saved.headers, saved.body, now)
    except ClockOffset as error:
        failure: VerificationError = ClockOffset(
            f"{error}; one that was saved is verified as of its own time with --saved, or as of --at TIME"
        )
    except SignatureMismatch as error:
        failure = SignatureMismatch(f"{error}{_hint(protocol, saved, now)}")
    except UnknownSerial as error:
        failure = UnknownSerial(f"{error}; as --cert ID=FILE, or WECHATPAY_PUBLIC_KEY_ID and WECHATPAY_PUBLIC_KEY")
    else:
        return {name: getattr(found, name) for name in _SHOWN}
    raise failure


def _hint(protocol: APIv3, saved: Saved, now: float | None) -> str:
    """What became of the body on its way into the file, as far as it can be told."""
    for body, reason in _bodies(saved.body):
        try:
            protocol.verify("", notification.signature_headers(saved.headers), body, now)
        except VerificationError:
            continue
        return f"; it fits {reason}: save the bytes as they arrived"
    given = next((str(value) for name, value in saved.headers if str(name).lower() == "content-length"), None)
    return "" if given in (None, str(len(saved.body))) else f"; Content-Length says {given!r:.20}"


def _bodies(body: bytes) -> Iterator[tuple[bytes, str]]:
    """What an editor or a shell makes of a body, undone."""
    bare = body.rstrip(b"\r\n")
    if bare != body:
        yield bare, "without the line break at the end, as an editor or echo adds it"
    elif body:
        yield body + b"\n", "with a line break at the end, which was cut off"
    if b"\r\n" in body:
        yield body.replace(b"\r\n", b"\n"), "with \\n in place of \\r\\n"
    if body.startswith(_BOM):
        yield body.removeprefix(_BOM), "without the byte order mark that an editor put before it"


def _own_time(saved: Saved) -> float | None:
    """The time that the notification names; None for what is none, which the verification tells."""
    text = notification.signature_headers(saved.headers).get("Wechatpay-Timestamp", "")
    return float(text) if _SECONDS.fullmatch(text) else None


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
