"""What goes wrong on the network becomes an error of this package; whatever else is raised passes as it is."""

from __future__ import annotations

import http.client
import inspect
import traceback
import zlib
from collections.abc import Iterator
from functools import partial
from itertools import takewhile
from types import CodeType, FrameType
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from wechatpay_chain.errors import Attempt, TimedOut, TransportError
from wechatpay_chain.transport.connection import DeadlineOver, Unconnected
from wechatpay_chain.transport.decoding import TooLarge
from wechatpay_chain.transport.signed_request import SignedRequest

__all__ = ["as_failure", "failure"]

# What these packages raise is the network's: sockets, TLS, HTTP and what stands in their place.
_PACKAGES = frozenset(
    {"_socket", "_ssl", "email", "encodings", "eventlet", "gevent", "http", "idna", "requests", "selectors"}
    | {"socket", "socks", "ssl", "urllib3", "zlib"}
)
# ValueError, ArithmeticError and LookupError: what parsers of hostile answers raise.
_KINDS = (OSError, http.client.HTTPException, HTTPError, zlib.error, ValueError, ArithmeticError, LookupError)
_HUBS = frozenset({"eventlet", "gevent", "greenlet"})
_PERHAPS = "it may have been carried out; ask for its state before repeating it"


def failure(request: SignedRequest, attempts: tuple[Attempt, ...], timed_out: bool = False) -> TransportError:
    """The error that tells all ``attempts``, and whether the request may have been carried out."""
    reasons = "; ".join(f"{attempt.host}: {attempt.error}" for attempt in attempts)
    known = _PERHAPS if any(attempt.sent for attempt in attempts) else "nothing was sent"
    kind = TimedOut if timed_out else TransportError
    return kind(f"{request.method} {request.path}: {known}: {reasons}", attempts)


def as_failure(request: SignedRequest, error: Exception, before: BaseException | None) -> BaseException:
    """What to raise for an error of one attempt: a TransportError for what the network raised, else the error itself.

    ``before`` is the error that was being handled when the attempt began.
    """
    foreign = _find_foreign_error(error, before)
    return foreign or _network_failure(request, error) or error


def _network_failure(request: SignedRequest, error: Exception) -> TransportError | None:
    if isinstance(error, Unconnected):
        return failure(request, (Attempt(request.origin, str(error), sent=False),))
    if isinstance(error, TooLarge):
        reason = f"the answer has more than max_body={error.limit} bytes; nothing of it was kept"
        return failure(request, (Attempt(request.origin, reason, sent=True),))
    if not isinstance(error, _KINDS) or (not _is_ours(error) and _package(error) not in _PACKAGES):
        return None
    reason = " ".join(str(error).split()) or type(error).__name__
    unsent = isinstance(error, requests.exceptions.ConnectTimeout) or any(
        isinstance(each, NewConnectionError | ConnectTimeoutError | Unconnected) for each in _chain(error)
    )
    late = isinstance(error, ReadTimeoutError | requests.exceptions.ReadTimeout) or any(
        isinstance(each, DeadlineOver) for each in _chain(error)
    )
    return failure(request, (Attempt(request.origin, reason, sent=not unsent),), late and not unsent)


def _find_foreign_error(error: BaseException, before: BaseException | None) -> BaseException | None:
    """What neither the network nor this package has raised, though it stands behind ``error``; None for nothing.

    A signal handler may raise anything anywhere, and urllib3 takes an OSError of it for the host's.
    """
    chain = list(takewhile(lambda each: each is not before, _chain(error)))
    handlers = _codes_of_handlers()
    # The innermost: urllib3 wraps what it takes for the host's, under the traceback of what it wraps.
    thrown = next((each for each in reversed(chain) if _is_raised_by(each, handlers)), None)
    if thrown is not None:
        return thrown
    for each in chain:
        package = "" if _is_ours(each) else _package(each)
        if package and package not in _PACKAGES and package != "wechatpay_chain":
            return each
    return None


def _codes_of_handlers() -> set[CodeType]:
    """The code of each signal handler that this process has set; what it raises is not the network's, of any kind."""
    import signal  # a call that goes well never needs it

    found: set[CodeType] = set()
    for number in signal.valid_signals():
        handler: Any = signal.getsignal(number)
        while isinstance(handler, partial):
            handler = handler.func
        if callable(handler):
            function = handler if inspect.isroutine(handler) else handler.__call__
            code = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
            if code is not None:
                found.add(code)
    return found


def _is_raised_by(error: BaseException, handlers: set[CodeType]) -> bool:
    """Whether a handler has raised it, or the hub of green threads: that throws what a caller's timeout is to raise."""
    codes = [(frame.f_code, frame) for frame, _ in traceback.walk_tb(error.__traceback__)]
    if any(code in handlers for code, _ in codes):
        return True
    if not codes or _package_of(codes[-1][1]) not in _HUBS:
        return False
    # What green sockets raise themselves has the system's number, or is their time-out.
    is_of_sockets = isinstance(error, OSError) and (error.errno is not None or "timed out" in str(error))
    return _is_ours(error) or not is_of_sockets


def _is_ours(error: BaseException) -> bool:
    return isinstance(error, HTTPError | requests.RequestException | http.client.HTTPException | zlib.error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        reason = getattr(found, "reason", None)
        inner = found.args[0] if found.args and isinstance(found.args[0], BaseException) else None
        if isinstance(reason, BaseException) and id(reason) not in seen:
            yield reason
        found = found.__cause__ or found.__context__ or inner


def _package(error: BaseException) -> str:
    """The top-level package of the code that raised an error; empty where that is not known."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return _package_of(frames[-1][0]) if frames else ""


def _package_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
