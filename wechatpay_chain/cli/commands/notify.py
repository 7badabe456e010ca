"""``wechatpay-chain notify FILE``: a saved notification, verified and decrypted, as JSON."""

from __future__ import annotations

import argparse
import base64
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from wechatpay_chain.cli.commands.request import client
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.cli.status import Status
from wechatpay_chain.client import Wechatpay
from wechatpay_chain.errors import ClockOffset, SignatureMismatch, UnknownSerial, VerificationError
from wechatpay_chain.protocol import notification
from wechatpay_chain.protocol.signer import looks_like_xml
from wechatpay_chain.protocol.v3 import APIv3

__all__ = [
    "Saved",
    "read_saved",
    "run",
]

# WeChat Pay's notifications have a few KiB.
_MOST = 16 * 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE = re.compile(rb"[A-Z]+ \S+ HTTP/[0-9.]+")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORMS = (
    "expected a request (headers, a blank line, the body), JSON with headers and body, or --headers FILE beside a"
    " bare body"
)

Headers = list[tuple[str, Any]]


class Saved(NamedTuple):
    """What was received: headers as pairs, without any for APIv2, and the body."""

    headers: Headers
    body: bytes


def read_saved(file: str, headers: str | None, console: Console) -> Saved:
    """The notification in a file, ``-`` for standard input; ItemError for what is in none of the forms."""
    if headers == file == "-":
        raise ItemError("--headers: FILE is standard input already")
    content = _content(file, "FILE", console)
    if not content:
        raise ItemError("FILE: empty")
    if headers is not None:
        return Saved(_headers(_content(headers, "--headers", console)), content)
    if looks_like_xml(content):
        return Saved([], content)
    if content.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"{"):
        return _from_json(content)
    end = _EMPTY_LINE.search(content)
    if end is None:
        raise ItemError(f"FILE: {len(content)} bytes without a blank line; {_FORMS}")
    return Saved(_lines(content[: end.start()], "FILE"), content[end.end() :])


def _content(name: str, field: str, console: Console) -> bytes:
    try:
        if name == "-":
            content = console.take(_MOST + 1)
        else:
            with open(name, "rb") as file:
                content = file.read(_MOST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise ItemError(f"{field}: {name[:200]!r} cannot be read ({reason})") from None
    if len(content) > _MOST:
        raise ItemError(f"{field}: more than {_MOST >> 20} MiB, which no notification has")
    return content


def _headers(content: bytes) -> Headers:
    """The headers of ``--headers``: lines, or JSON."""
    if content.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith((b"{", b"[")):
        return _pairs(_json(content, "--headers"), "--headers")
    return _lines(content.strip(b"\r\n"), "--headers")


def _lines(head: bytes, field: str) -> Headers:
    """``Name: value`` on each line, after a request line if there is one."""
    found: Headers = []
    for number, line in enumerate(head.removeprefix(_BYTE_ORDER_MARK).lstrip(b"\r\n").split(b"\n"), 1):
        name, colon, value = line.rstrip(b"\r").decode("latin-1").partition(":")
        if colon and _NAME.fullmatch(name):
            found.append((name, value.strip(" \t")))
        elif number > 1 or not _REQUEST_LINE.fullmatch(line.rstrip(b"\r")):
            # Not shown: what is no header may be a buyer's, or anything.
            raise ItemError(f"{field}: line {number} is no header; {_FORMS}")
    return found


def _from_json(content: bytes) -> Saved:
    saved = _json(content, "FILE")
    if "headers" not in saved:
        raise ItemError("FILE: JSON without headers, which hold the signature; beside a bare body give --headers FILE")
    body = saved.get("body")
    if not isinstance(body, str):
        raise ItemError(
            f"body: expected text, found {type(body).__name__}; the signature covers the very bytes that arrived"
        )
    # As gateways of functions hand requests over.
    return Saved(_pairs(saved.get("headers"), "headers"), _bytes(body, saved.get("isBase64Encoded") is True))


def _bytes(body: str, is_base64: bool) -> bytes:
    try:
        return base64.b64decode(body, validate=True) if is_base64 else body.encode("utf-8")
    except ValueError:
        raise ItemError(f"body: no {'base64' if is_base64 else 'text that UTF-8 can write'}") from None


def _pairs(headers: Any, field: str) -> Headers:
    if isinstance(headers, Mapping):
        return list(headers.items())
    if isinstance(headers, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in headers):
        return [(name, value) for name, value in headers]
    raise ItemError(f"{field}: expected {{name: value}} or pairs, found {type(headers).__name__}")


def _json(content: bytes, field: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        # The parser's own words tell a place, but not which file.
        raise ItemError(f"{field}: {len(content)} bytes that begin as JSON and are none; was it cut off?") from None


_SHOWN = ("id", "create_time", "event_type", "resource_type", "summary", "original_type", "resource")
_SECONDS = re.compile(r"[0-9]{1,15}")
_BOM = b"\xef\xbb\xbf"


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what the notification says, when it is proven."""
    if arguments.sandbox:
        raise ItemError("--sandbox: a new one has signed nothing; take the lines that wechatpay-chain sandbox prints")
    at = None if arguments.at is None else _time(arguments.at)
    saved = read_saved(arguments.file, arguments.headers, console)
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
