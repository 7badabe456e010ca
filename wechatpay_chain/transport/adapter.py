"""One attempt: send what was signed, read the answer whole, verify it, refuse what is wrong with it."""

from __future__ import annotations

import contextlib
import os
import time
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Timeout
from urllib3.exceptions import ClosedPoolError, ProtocolError, ReadTimeoutError
from urllib3.util import Retry

from wechatpay_chain.errors import (
    ApiError,
    Attempt,
    BusinessError,
    ChainError,
    TimedOut,
    TransportError,
    VerificationError,
    WechatpayError,
)
from wechatpay_chain.protocol.signer import is_file
from wechatpay_chain.response import HeaderFields, Response
from wechatpay_chain.transport.connection import Unconnected, with_fresh_connections
from wechatpay_chain.transport.download import ended
from wechatpay_chain.transport.retry import HostHealth
from wechatpay_chain.transport.signed_request import SignedRequest

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse


__all__ = [
    "SigningAdapter",
    "failure",
    "may_stream",
]

# Enough for the head of a gzip file and what it begins with.
_START = 1024


def may_stream(request: SignedRequest, response: Response) -> bool:
    """Whether the body of a 2xx answer may stream: nothing signs it, or a digest proves it at its end."""
    protocol, method = request.protocol, str(request.method)
    if protocol.is_unsigned(method, request.path):
        return not protocol.refuses_in_body or is_file(_begins(response))
    if not request.is_download:
        return False
    try:
        response.verified = protocol.prove_digest(request.target, response.headers)
    except VerificationError:
        return False  # it is read and refused as any other that is not proven
    return response.verified or request.knows_digest


def _begins(response: Response) -> bytes:
    """The first bytes of a body, which stays whole."""
    start: bytes = response.raw.read(_START, decode_content=True)
    response.raw = _Replayed(start, response.raw)
    return start


class _Replayed:
    """What was read of a body to see how it begins, and then the rest of it."""

    def __init__(self, start: bytes, rest: Any) -> None:
        self._start = start
        self._rest = rest

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        start, self._start = self._start, b""
        if amt is None:
            return start + bytes(self._rest.read(decode_content=decode_content))
        if not start:
            return bytes(self._rest.read(amt, decode_content=decode_content))
        self._start = start[amt:]
        return start[:amt]

    def stream(self, amt: int = 1 << 16, decode_content: bool | None = None) -> Any:
        while piece := self.read(amt, decode_content):
            yield piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rest, name)


# What urllib3 makes of ``retries=False`` for each call; neither is ever changed by it.
_NO_RETRIES = Retry(total=False, redirect=False)
# A call may come with a proxy of its own; more ways than this to reach a host are looked up again.
_MOST_WAYS = 64
# Bytes of an upload that are read and sent at a time; http.client takes 16 KiB.
_BLOCK = 1 << 16
# More threads than this share a client rarely; a connection beyond it is closed after its call.
_KEPT_CONNECTIONS = 64


class SigningAdapter(HTTPAdapter):
    """Sends what ``SignedRequest`` has signed, and lets no answer pass that is not verified.

    ``pool_options`` are those of urllib3's pools: a TLS context, a source address. ``sites`` and
    ``environments`` are what is known of the hosts, for all who share these connections.
    """

    def __init__(self, **pool_options: Any) -> None:
        self._given = pool_options
        self._process = os.getpid()
        self.sites = HostHealth()
        self.environments: dict[str, Any] = {}
        self._pools: dict[tuple[Any, ...], Any] = {}
        options = dict(pool_options)
        block = bool(options.pop("block", False))
        kept = int(options.pop("maxsize", _KEPT_CONNECTIONS))
        self._pool_options = options
        super().__init__(pool_maxsize=kept if block else max(kept, _KEPT_CONNECTIONS), pool_block=block)

    def __reduce__(self) -> Any:
        return type(self), ()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """The pools of hosts, with the options of all."""
        super().init_poolmanager(*args, **{**options, "blocksize": _BLOCK, **self._pool_options})
        with_fresh_connections(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        """The pools behind ``proxy``, with the options of all."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **{**options, "blocksize": _BLOCK, **self._pool_options})
        return manager if known else with_fresh_connections(manager)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """The verified answer; TransportError with the one attempt when there is none."""
        if not isinstance(request, SignedRequest):
            raise ChainError("only requests that this client signed can be sent; nothing was sent")
        started = time.perf_counter()
        try:
            raw = self._exchange(request, timeout, verify, cert, proxies)
            if raw.status < 200:
                # The real answer is still to come, and must not be taken for that of the next call.
                raw.close()
                raise ProtocolError(f"an interim answer ({raw.status}) in place of an answer")
            response = _response(request, raw)
            response.elapsed = timedelta(seconds=time.perf_counter() - started)
            response.connection = self
            if stream and raw.status < 300 and may_stream(request, response):
                return response
            response._content = response.raw.read(decode_content=True)
            if not ended(raw):
                raise ProtocolError("the gzip of the answer ends too early")
            response._content_consumed = True  # type: ignore[attr-defined]  # as .content does
        except Unconnected as error:
            raise failure(request, (Attempt(request.origin, str(error), sent=False),)) from error.__cause__
        except WechatpayError:
            raise
        except Exception as error:  # urllib3 lets ValueError, OverflowError and others of hostile answers through
            attempt = Attempt(request.origin, " ".join(str(error).split()), sent=True)
            raise failure(request, (attempt,), isinstance(error, ReadTimeoutError)) from error
        _judge(request, response)
        return response

    def close(self) -> None:
        """Close all idle connections now; those in use are closed after their call."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118  # it cannot be iterated
                pool = manager.pools.get(key)
                if pool is not None:
                    # urllib3 2 leaves this to the garbage collector, and an answer that is kept holds its pool.
                    pool.close()
        self._pools.clear()
        super().close()

    def _exchange(
        self, request: SignedRequest, timeout: tuple[float, float], verify: bool | str, cert: Any, proxies: Any
    ) -> BaseHTTPResponse:
        while True:
            pool = self._pool(request, verify, cert, proxies)
            try:
                return self._ask(request, pool, timeout, proxies)
            except ClosedPoolError:
                # The client was closed, or its manager gave up the pool: nothing was sent, and there is a new one.
                self._pools.clear()

    def _pool(self, request: SignedRequest, verify: bool | str, cert: Any, proxies: Any) -> Any:
        if self._process != os.getpid():
            # After a fork, parent and child would read each other's answers on one connection.
            self.__init__(**self._given)  # type: ignore[misc]
        way = (
            request.origin,
            verify,
            tuple(cert) if isinstance(cert, list) else cert,
            tuple(proxies.items()) if proxies else (),
        )
        pool = self._pools.get(way)
        if pool is None:
            if len(self._pools) >= _MOST_WAYS:
                self._pools.clear()
            pool = self._pools[way] = self._found(request, verify, cert, proxies)
        return pool

    def _found(self, request: SignedRequest, verify: bool | str, cert: Any, proxies: Any) -> Any:
        """The pool of a host, which urllib3 makes or has; it costs as much as a verification to be asked."""
        try:
            pool = self.get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
            self.cert_verify(pool, request.url, verify, cert)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, TypeError) as error:
            raise Unconnected(_unusable(error)) from error
        return pool

    def _ask(self, request: SignedRequest, pool: Any, timeout: tuple[float, float], proxies: Any) -> BaseHTTPResponse:
        raw: BaseHTTPResponse = pool.urlopen(
            method=str(request.method),
            url=self.request_url(request, proxies) if proxies else request.target,
            body=request.body,
            headers=request.headers.plain(),
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
            retries=_NO_RETRIES,
            timeout=_timeout(timeout),
            enforce_content_length=True,
        )
        return raw


def failure(request: SignedRequest, attempts: tuple[Attempt, ...], timed_out: bool = False) -> TransportError:
    """The error that tells all ``attempts``, and whether the request may have been carried out."""
    told = "; ".join(f"{attempt.host}: {attempt.error}" for attempt in attempts)
    known = _PERHAPS if any(attempt.sent for attempt in attempts) else "nothing was sent"
    kind = TimedOut if timed_out else TransportError
    return kind(f"{request.method} {request.path}: {known}: {told}", attempts)


_PERHAPS = "it may have been carried out; ask for its state before repeating it"


def _response(request: SignedRequest, raw: BaseHTTPResponse) -> Response:
    response = request.response_class()
    response.status_code = raw.status
    response.headers = HeaderFields.of(raw.headers.iteritems())
    response.encoding = _encoding(response.headers.get("Content-Type"))
    response.raw = raw
    response.reason = raw.reason or ""
    response.url = str(request.url)
    response.request = request
    return response


@lru_cache(maxsize=64)
def _encoding(content_type: str | None) -> str | None:
    with contextlib.suppress(AttributeError):  # requests before 2.33 stumbles over a charset without a value
        return requests.utils.get_encoding_from_headers(HeaderFields.of([("Content-Type", content_type or "")]))
    return None


@lru_cache(maxsize=64)
def _timeout(seconds: tuple[float, float]) -> Timeout:
    return Timeout(connect=seconds[0], read=seconds[1])  # urllib3 clones it for each call


def _judge(request: SignedRequest, response: Response) -> None:
    """Refuse what is not proven to be WeChat Pay's, then what WeChat Pay refused."""
    method, status = str(request.method), response.status_code
    try:
        proven = request.protocol.prove(
            method, request.path, request.target, status, response.headers, response.content
        )
    except (VerificationError, BusinessError) as error:
        error.response, error.request = response, request
        raise
    response.verified = proven.verified
    if proven.data is not None:
        response.parsed = proven.data
    if request.refuses(status):
        raise ApiError.of(response)


def _unusable(error: Exception) -> str:
    """Why the environment's CA bundle or proxy cannot be used; a proxy's URL may hold a password."""
    if str(error).startswith(("Could not find", "Missing dependencies")):
        return str(error)
    return f"the host or a proxy in the environment is no URL that can be used ({type(error).__name__})"
