"""A saved notification: read from a file in one of its forms, verified, and what became of its body explained."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.client import Wechatpay
from wechatpay_chain.errors import ClockOffset, SignatureMismatch, UnknownSerial, VerificationError, WechatpayError
from wechatpay_chain.protocol import notification
from wechatpay_chain.protocol.signer import looks_like_xml

__all__ = ["SavedNotification", "read_saved", "timestamp_of", "verify_saved"]

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


class SavedNotification(NamedTuple):
    """What was received: headers as pairs, without any for APIv2, and the body."""

    headers: Headers
    body: bytes


def read_saved(file: str, headers: str | None, console: Console) -> SavedNotification:
    """The notification in a file, ``-`` for standard input; ItemError for what is in none of the forms."""
    if headers == file == "-":
        raise ItemError("--headers: FILE is standard input already")
    content = _content(file, "FILE", console)
    if not content:
        raise ItemError("FILE: empty")
    if headers is not None:
        return SavedNotification(_headers(_content(headers, "--headers", console)), content)
    if looks_like_xml(content):
        return SavedNotification([], content)
    if content.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"{"):
        return _from_json(content)
    end = _EMPTY_LINE.search(content)
    if end is None:
        raise ItemError(f"FILE: {len(content)} bytes without a blank line; {_FORMS}")
    return SavedNotification(_lines(content[: end.start()], "FILE"), content[end.end() :])


def _content(name: str, field: str, console: Console) -> bytes:
    try:
        if name == "-":
            content = console.read_bytes(_MOST + 1)
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


def _from_json(content: bytes) -> SavedNotification:
    saved = _json(content, "FILE")
    if "headers" not in saved:
        raise ItemError("FILE: JSON without headers, which hold the signature; beside a bare body give --headers FILE")
    body = saved.get("body")
    if not isinstance(body, str):
        raise ItemError(
            f"body: expected text, found {type(body).__name__}; the signature covers the very bytes that arrived"
        )
    # As gateways of functions hand requests over.
    return SavedNotification(
        _pairs(saved.get("headers"), "headers"), _bytes(body, saved.get("isBase64Encoded") is True)
    )


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


def verify_saved(wxpay: Wechatpay, saved: SavedNotification, now: float | None) -> dict[str, Any]:
    """What a notification of APIv3 says, verified as of ``now``; raises the VerificationError with what may help."""
    try:
        found = wxpay.notification(saved.headers, saved.body, now=now)
    except ClockOffset as error:
        failure: VerificationError = ClockOffset(
            f"{error}; one that was saved is verified as of its own time with --saved, or as of --at TIME"
        )
    except SignatureMismatch as error:
        failure = SignatureMismatch(f"{error}{_hint(wxpay, saved, now)}")
    except UnknownSerial as error:
        failure = UnknownSerial(f"{error}; as --cert ID=FILE, or WECHATPAY_PUBLIC_KEY_ID and WECHATPAY_PUBLIC_KEY")
    else:
        return {name: getattr(found, name) for name in _SHOWN}
    raise failure


def _hint(wxpay: Wechatpay, saved: SavedNotification, now: float | None) -> str:
    """What became of the body on its way into the file, as far as it can be told."""
    for body, reason in _bodies(saved.body):
        try:
            wxpay.notification(saved.headers, body, now=now)
        except VerificationError:
            continue
        except WechatpayError:
            pass  # its signature holds, whatever else is wrong with it
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
    if body.startswith(_BYTE_ORDER_MARK):
        yield body.removeprefix(_BYTE_ORDER_MARK), "without the byte order mark that an editor put before it"


def timestamp_of(saved: SavedNotification) -> float | None:
    """The time that the notification names; None for what is none, which the verification tells."""
    text = notification.signature_headers(saved.headers).get("Wechatpay-Timestamp", "")
    return float(text) if _SECONDS.fullmatch(text) else None
