"""Requests and answers as they were on the wire, for ``--dry-run`` and ``--verbose``; what proves or opens something
is masked there."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from wechatpay_chain.catalog import sample, tree
from wechatpay_chain.cli.console import Console
from wechatpay_chain.display import rendering
from wechatpay_chain.errors import CallError
from wechatpay_chain.response import Response
from wechatpay_chain.transport.signed_request import SignedRequest

__all__ = ["lines_of", "log_attempts", "mask", "show_exchange"]

_MASK = "***"
# A signature, a payment code and the token of a download are good for whoever has them, if only for minutes.
_NAMES = "token|sign|paySign|auth_code|authcode|secret|apiv3_key|key|password"
_SECRETS = (
    re.compile(r'(signature=")[^"]*'),
    re.compile(rf"(<(?:{_NAMES})>(?:<!\[CDATA\[)?)[^<\]]*"),
    re.compile(rf'("(?:{_NAMES})"\s*:\s*")(?:[^"\\]|\\.)*'),
    re.compile(rf"((?:[?&]|^)(?:{_NAMES})=)[^&#\s]*", re.MULTILINE),
)
_SECRET_HEADERS = re.compile(r"auth(?!orization$)|cookie|token|secret|password|api-?key", re.IGNORECASE)


def mask(text: str, sealed: Iterable[str] = ()) -> str:
    """``text`` without signatures, payment codes, download tokens and keys, and without the fields of these names."""
    for secret in _SECRETS:
        text = secret.sub(rf"\1{_MASK}", text)
    names = "|".join(map(re.escape, sealed))
    return re.sub(rf'("(?:{names})"\s*:\s*")(?:[^"\\]|\\.)*', rf"\1{_MASK}", text) if names else text


def _sealed_fields(request: SignedRequest) -> set[str]:
    """The names of the fields that travel encrypted, which may have been given as they are."""
    known = tree.match(str(request.method), request.target.partition("?")[0])
    return set(_sealed_in((known.facts.get("body") or {}).get("fields", {}))) if known else set()


def _sealed_in(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in fields.items():
        inner = schema
        while inner.get("items"):
            inner = inner["items"]
        if sample.is_sealed(inner):
            yield name
        yield from _sealed_in(inner.get("fields", {}))


def lines_of(request: SignedRequest, authorization: str = "") -> list[str]:
    """Request line, headers, a blank line and the body; ``authorization`` stands in place of the signature's."""
    url = urlsplit(str(request.url))
    headers = dict(request.headers.items())
    if authorization and "Authorization" in headers:
        headers["Authorization"] = authorization
    lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {url.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if request.body is None:
        return lines
    if isinstance(request.body, bytes):
        return [*lines, "", *request.body.decode("utf-8", "backslashreplace").split("\n")]
    return [*lines, "", f"(a form of {len(request.body)} bytes)"]


def show_exchange(
    request: SignedRequest, answer: Response | None, error: Exception | None, seconds: float, console: Console
) -> None:
    """Request, signed text, attempts, the answer's head and times on standard error, secrets masked."""
    sealed = _sealed_fields(request)
    for line in lines_of(request):
        _say(">", mask(_mask_header(line), sealed), console)
    if request.message:
        _say("*", "signed text:", console)
        for line in request.message.removesuffix("\n").split("\n"):
            _say("*", f"  {mask(line, sealed)}", console)
    for number, attempt in enumerate(error.attempts if isinstance(error, CallError) else (), 1):
        sent = "sent" if attempt.sent else "nothing was sent"
        _say("*", f"attempt {number}: {attempt.host}: {attempt.error} ({sent})", console)
    if answer is None:
        _say("*", f"no answer after {seconds:.3f} s", console)
        return
    _say("<", rendering.status_line(answer), console)
    for name, value in answer.headers.items():
        _say("<", _mask_header(f"{name}: {value}"), console)
    _say("*", f"{_size(answer)} bytes in {seconds:.3f} s, {_proof(answer)}", console)


@contextlib.contextmanager
def log_attempts(console: Console) -> Iterator[None]:
    """While it lasts, a line of standard error tells of each attempt that is followed by another one."""
    logger = logging.getLogger("wechatpay_chain")
    handler = logging.StreamHandler(console.stderr)
    handler.setFormatter(logging.Formatter("* %(message)s"))
    # The line about each call is left to those who set up logging.
    handler.setLevel(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _size(answer: Response) -> int | str:
    try:
        return len(answer.content)
    except (RuntimeError, requests.RequestException):  # it went into a file, or broke off
        return answer.headers.get("Content-Length", "unknown")


def _proof(answer: Response) -> str:
    key = answer.headers.get("Wechatpay-Serial")
    return f"verified with {key}" if answer.verified and key else "verified" if answer.verified else "not verified"


def _mask_header(line: str) -> str:
    name = line.partition(": ")[0]
    return f"{name}: {_MASK}" if name != line and _SECRET_HEADERS.search(name) else mask(line)


def _say(sign: str, line: str, console: Console) -> None:
    print(f"{sign} {rendering.escape_controls(line)}".rstrip(), file=console.stderr, flush=True)
