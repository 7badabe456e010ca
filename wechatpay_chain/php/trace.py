"""Guzzle's ``debug``: requests and answers as they travelled, in a text file."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from typing import TextIO

import requests

from wechatpay_chain.errors import CallError
from wechatpay_chain.response import Response
from wechatpay_chain.transport.request import SignedRequest

__all__ = ["traced"]

# Whoever holds a signature could send this very request once more.
_SECRET = re.compile(r'(signature="|Basic )[^",]*')


def traced(file: TextIO | None, request: SignedRequest, send: Callable[[], Response]) -> Response:
    """What ``send`` returns; ``file``, where there is one, is told both sides without their bodies."""
    if file is None:
        return send()
    try:
        answer = send()
    except CallError as error:
        _write_both(file, request, error.response)
        raise
    _write_both(file, request, answer)
    return answer


def _write_both(file: TextIO, request: SignedRequest, answer: requests.Response | None) -> None:
    _write(file, ">", f"{request.method} {request.url} HTTP/1.1", request.headers)
    if answer is not None:
        _write(file, "<", f"HTTP/1.1 {answer.status_code} {answer.reason}", answer.headers)


def _write(file: TextIO, mark: str, first: str, headers: Mapping[str, str]) -> None:
    shown = {name: _SECRET.sub(r"\1…", value) for name, value in headers.items()}
    lines = [first, *(f"{name}: {value}" for name, value in shown.items()), ""]
    with contextlib.suppress(OSError, ValueError):  # what became of the answer must not depend on who watches
        file.write("".join(f"{mark} {line}".rstrip() + "\n" for line in lines))
