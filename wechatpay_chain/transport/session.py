"""One session: per attempt choose the host, sign the final bytes, send, verify, hand back."""

from __future__ import annotations

import logging
import math
import os
import ssl
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from wechatpay_chain.errors import (
    ApiError,
    Attempt,
    BusinessError,
    CallError,
    ConfigError,
    TimedOut,
    TransportError,
    VerificationError,
    WechatpayError,
)
from wechatpay_chain.protocol.hosts import HOSTS, Base
from wechatpay_chain.response import Response
from wechatpay_chain.transport.adapter import SigningAdapter
from wechatpay_chain.transport.connection import DEADLINE, is_original
from wechatpay_chain.transport.decoding import TooLarge
from wechatpay_chain.transport.failures import as_failure, failure
from wechatpay_chain.transport.retry import ATTEMPTS, TRANSIENT_STATUSES, RetryPlan, SendOptions, retry_after
from wechatpay_chain.transport.signed_request import SignedRequest
from wechatpay_chain.transport.verification import check_response, convert_response

__all__ = ["Session"]

_log = logging.getLogger("wechatpay_chain")
# What a mock or a tracer may replace; while it has not, a call takes a shorter way that differs in nothing but time.
_SEND = requests.Session.send if is_original(requests.Session.send, "requests.sessions", "Session.send") else None
_GET_ADAPTER = (
    requests.Session.get_adapter
    if is_original(requests.Session.get_adapter, "requests.sessions", "Session.get_adapter")
    else None
)
# What an adapter of a caller's may do otherwise than requests' own.
_WAYS_TO_SEND = (
    *("send", "build_response", "get_connection", "get_connection_with_tls_context", "add_headers"),
    *("request_url", "cert_verify", "proxy_headers", "build_connection_pool_key_attributes"),
)
# Seconds: urllib3 takes no time-out of nothing.
_SHORTEST_TIMEOUT = 0.001
# Where a caller's own session keeps the adapter of all clients that share it: no URL begins like this, so
# nothing else that the session does is changed.
_SHARED = "wechatpay-chain+shared://"
_making = threading.Lock()
# A caller may bring another TLS certificate with each call; the connections of the oldest are given up.
_MOST_CERTIFICATES = 16


class _Environment(NamedTuple):
    """What the environment and the session say about one host, read once: proxies, CA bundle, certificate."""

    proxies: Mapping[str, str]
    verify: bool | str
    cert: Any

    def __repr__(self) -> str:
        return "<environment of a host>"  # a proxy's URL may hold a password

    def override(self, base: Base, options: SendOptions) -> _Environment:
        """What a call says instead of it; ``no_proxy`` among the proxies names hosts that need none."""
        if options.verify is None and options.proxies is None:
            return self
        verify = self.verify if options.verify is None else options.verify
        proxies = self.proxies if options.proxies is None else options.proxies
        if options.proxies and requests.utils.should_bypass_proxies(base.origin, options.proxies.get("no_proxy")):
            proxies = {}
        return _Environment(proxies, verify, self.cert)


class Session:
    """Sends signed requests to WeChat Pay's hosts and to bases that the caller named, to nowhere else.

    ``shared`` is a caller's session, whose proxies, CA bundle, certificate and pool settings count, and whose
    connections all sessions made with it share; ``get_attempts`` is how often a GET may be tried by itself.
    """

    def __init__(
        self,
        bases: Sequence[Base],
        tls: ssl.SSLContext | None = None,
        shared: requests.Session | None = None,
        get_attempts: int = ATTEMPTS,
    ) -> None:
        self._shared = shared
        self._adapter = SigningAdapter() if shared is None else _shared_adapter(shared, bases)
        self._own = _session_of(self._adapter, bases)
        self._tls = tls
        self._with_certificate: dict[ssl.SSLContext, SigningAdapter] = {}
        self._get_attempts = get_attempts

    def send(self, request: SignedRequest, options: SendOptions) -> Response:
        """The verified answer to a request.

        A host that cannot be connected to is followed by the next one. A GET is tried again when no answer came,
        or a 502, 503 or 504; anything else only where ``options`` says so, and an answer that cannot be verified
        never. Raises TransportError, VerificationError, ApiError or BusinessError; ``attempts`` tell what was tried.
        """
        adapter = self._adapter_of(options)
        bases = self._adapter.host_health.order(options.bases)
        plan = RetryPlan(bases, self._limit(request, options), insistent=options.retry is not None)
        while True:
            try:
                outcome = self._attempt(adapter, request, options, plan)
            except CallError:
                raise
            except WechatpayError as error:
                raise _unsent_error(request, error, plan) from error.__cause__
            if isinstance(outcome, Response):
                return outcome
            if time.monotonic() + outcome >= options.deadline:
                raise failure(request, plan.attempts, timed_out=True)
            failed = plan.attempts[-1]
            _log.warning(
                "%s %s: %s: %s; trying %s in %.1f s",
                *(request.method, request.path, failed.host, failed.error, plan.base.origin, outcome),
            )
            time.sleep(outcome)

    def close(self) -> None:
        """Close all connections but those of a caller's session; the next call opens new ones."""
        if self._shared is None:
            self._own.close()
        for adapter in list(self._with_certificate.values()):
            adapter.close()

    def _adapter_of(self, options: SendOptions) -> SigningAdapter:
        """Connections with one TLS certificate are kept apart from those with another, and without."""
        tls = options.tls or (self._tls if options.secure else None)
        if tls is None:
            if options.secure:
                raise ConfigError(
                    "merchant: missing; security=True needs {'cert', 'key'}; nothing was sent", "merchant"
                )
            return self._adapter
        adapter = self._with_certificate.get(tls)
        if adapter is None:
            with _making:
                adapter = self._with_certificate.setdefault(tls, SigningAdapter(ssl_context=tls))
                while len(self._with_certificate) > _MOST_CERTIFICATES:
                    self._with_certificate.pop(next(iter(self._with_certificate))).close()
        return adapter

    def _limit(self, request: SignedRequest, options: SendOptions) -> int:
        """How often the request may be sent; what is read from a stream that cannot be rewound is sent once."""
        if not (request.body is None or isinstance(request.body, bytes) or hasattr(request.body, "seek")):
            return 1
        return options.retry or (self._get_attempts if request.method == "GET" else 1)

    def _attempt(
        self, adapter: SigningAdapter, request: SignedRequest, options: SendOptions, plan: RetryPlan
    ) -> Response | float:
        """The answer, or seconds to wait before the next attempt."""
        base = plan.base
        environment = self._environment(base).override(base, options)
        self._sign(request, base, plan)
        try:
            response = self._exchange(adapter, request, options, environment)
        except TransportError as error:
            return self._wait_after_failure(error, base, request, plan)
        except (ApiError, VerificationError, BusinessError) as error:
            self._adapter.host_health.mark_connected(base)
            wait = _wait_after_answer(error.response, base, plan)
            if wait is None:
                error.attempts = plan.attempts
                raise
            return wait
        self._adapter.host_health.mark_connected(base)
        wait = _wait_after_answer(response, base, plan) if response.status_code in TRANSIENT_STATUSES else None
        return response if wait is None else wait

    def _sign(self, request: SignedRequest, base: Base, plan: RetryPlan) -> None:
        rewind = getattr(request.body, "seek", None)
        try:
            if rewind is not None:
                rewind(0)
            request.sign_for(base)
        except Exception as error:  # a key or a file of the caller's may raise anything
            raise _unsent_error(request, error, plan) from error.__cause__

    def _exchange(
        self, adapter: SigningAdapter, request: SignedRequest, options: SendOptions, environment: _Environment
    ) -> Response:
        """The verified answer to one attempt: straight from the adapter while nobody watches requests."""
        timeout, reset = options.timeout, None
        if options.deadline < math.inf:
            left = max(options.deadline - time.monotonic(), _SHORTEST_TIMEOUT)
            if left < max(timeout):
                timeout = (min(timeout[0], left), min(timeout[1], left))
            reset = DEADLINE.set(options.deadline)
        how: dict[str, Any] = {
            "stream": options.stream,
            "timeout": timeout,
            "verify": environment.verify,
            "cert": environment.cert,
            "proxies": environment.proxies,
        }
        try:
            watched = self._find_tool_session(adapter, request)
            return adapter.send(request, **how) if watched is None else _send_through_session(watched, request, how)
        finally:
            if reset is not None:
                DEADLINE.reset(reset)

    def _find_tool_session(self, adapter: SigningAdapter, request: SignedRequest) -> requests.Session | None:
        """The session through which a request has to go, since a tool, a hook or an adapter of the caller's is there.

        None while there is none: then the adapter alone does what the session would.
        """
        request.hooks = {"response": []}
        theirs = self._shared
        if theirs is not None:
            request.hooks["response"] += theirs.hooks.get("response", ())
            if not _is_stock(theirs) or not _sends_as_usual(theirs.get_adapter(str(request.url))):
                return theirs
        is_plain = requests.Session.send is _SEND and requests.Session.get_adapter is _GET_ADAPTER
        if is_plain and not request.hooks["response"]:
            return None
        return self._own if adapter is self._adapter else _session_of(adapter, (Base.of(request.origin),))

    def _wait_after_failure(self, error: TransportError, base: Base, request: SignedRequest, plan: RetryPlan) -> float:
        """Seconds to wait when no answer came; raises when that was the last attempt."""
        (attempt,) = error.attempts
        if isinstance(error.__cause__, TooLarge) and not error.__cause__.is_damaged:
            # It came, and will be as large when it is asked for again.
            self._adapter.host_health.mark_connected(base)
            plan.attempts += (attempt,)
            wait = None
        elif attempt.sent:
            self._adapter.host_health.mark_connected(base)
            plan.timed_out = isinstance(error, TimedOut)
            wait = plan.wait_after_unserved(attempt)
        else:
            self._adapter.host_health.mark_failed(base)
            wait = plan.wait_after_unreached(attempt)
        if wait is not None:
            return wait
        if len(plan.attempts) == 1:
            raise error
        raise failure(request, plan.attempts, plan.timed_out) from error

    def _environment(self, base: Base) -> _Environment:
        found: _Environment | None = self._adapter.environments.get(base.origin)
        if found is None:
            session = self._shared or self._own
            settings: Any = session.merge_environment_settings(base.origin, {}, None, None, None)
            if settings["verify"] is False and not base.is_loopback:
                raise ConfigError(
                    "session: verify=False would trust any server with these requests; set a CA bundle; nothing was"
                    " sent",
                    "session",
                )
            # What HTTP_PROXY names is another machine as a rule, and reaches its own loopback, not this one's.
            proxies = dict(session.proxies) if base.is_loopback else settings["proxies"]
            found = _Environment(proxies, settings["verify"], settings["cert"])
            self._adapter.environments[base.origin] = found
        return found


def _unsent_error(request: SignedRequest, error: Exception, plan: RetryPlan) -> Exception:
    """What to raise for an attempt that did not leave: a first one that has left may have been carried out."""
    if not any(attempt.sent for attempt in plan.attempts):
        return error
    reason = str(error).removesuffix("; nothing was sent")
    return failure(request, (*plan.attempts, Attempt(plan.base.origin, reason, sent=False)))


def _wait_after_answer(response: Response | None, base: Base, plan: RetryPlan) -> float | None:
    """Seconds to wait after an answer that is no use, None when it is the last word."""
    status = 0 if response is None else response.status_code
    attempt = Attempt(base.origin, f"answered {status}", sent=True)
    if response is not None and status in TRANSIENT_STATUSES:
        return plan.wait_after_unserved(attempt, retry_after(response.headers.get("Retry-After")))
    plan.attempts += (attempt,)
    return None


def _session_of(adapter: SigningAdapter, bases: Sequence[Base]) -> requests.Session:
    """A session whose only way out is ``adapter``: to WeChat Pay's hosts and to ``bases``."""
    session = requests.Session()
    session.adapters.clear()
    for origin in (*(f"https://{host}" for host in HOSTS), *(base.origin for base in bases)):
        session.mount(f"{origin}/", adapter)
    return session


def _is_stock(session: requests.Session) -> bool:
    """Whether a session sends as requests' own does: neither a subclass nor a mock has put something in its place."""
    return (
        type(session).send is requests.Session.send
        and type(session).get_adapter is requests.Session.get_adapter
        and vars(session).keys().isdisjoint(("send", "get_adapter"))
    )


def _sends_as_usual(adapter: BaseAdapter) -> bool:
    """Whether an adapter may have options of its own for its pools, but no other way to send."""
    return isinstance(adapter, HTTPAdapter) and all(
        getattr(type(adapter), name, None) is getattr(HTTPAdapter, name, None) for name in _WAYS_TO_SEND
    )


def _send_through_session(session: requests.Session, request: SignedRequest, how: dict[str, Any]) -> Response:
    """The verified answer through a session: what hooks see is verified, and what they return changes nothing."""
    found: list[Response] = []

    def verify(answer: requests.Response, **_: Any) -> Response:
        if not found:
            own = convert_response(request, answer)
            found.append(own if answer is own else check_response(request, own, how["stream"]))
        return found[0]

    request.hooks["response"].insert(0, verify)
    # No cookie travels, but a store writes down the jar that every prepared request has.
    request.prepare_cookies({})
    before = sys.exc_info()[1]
    try:
        session_answer = session.send(request, **{**how, "allow_redirects": False})
        # A session that caches may have run no hook.
        final = found[0] if found else verify(session_answer)
        # One that stores answers may have made another class of this one.
        return final if isinstance(final, Response) else convert_response(request, final)
    except WechatpayError:
        raise
    except Exception as error:
        known = as_failure(request, error, before)
        raise known from (error if known is not error else error.__cause__)


def _shared_adapter(session: requests.Session, bases: Sequence[Base]) -> SigningAdapter:
    """The one adapter of all who share a caller's session; ``session.close()`` closes its connections too.

    The pools of the session's own adapter tell its size, TLS context and addresses.
    """
    with _making:
        found = session.adapters.get(_SHARED)
        if isinstance(found, SigningAdapter):
            return found
        origin = f"{bases[0].origin}/"
        theirs = max((prefix for prefix in session.adapters if origin.startswith(prefix.lower())), key=len, default="")
        manager = getattr(session.adapters.get(theirs), "poolmanager", None)
        adapter = SigningAdapter(**getattr(manager, "connection_pool_kw", {}))
        session.mount(_SHARED, adapter)
        return adapter


def _reset_after_fork() -> None:
    # The lock may be held by a thread of the parent that does not live on in the child.
    global _making
    _making = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
