"""One attempt: send what was signed over connections that are not stale."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Timeout
from urllib3.exceptions import ClosedPoolError, HTTPError
from urllib3.util import Retry, parse_url

from wechatpay_chain.errors import ChainError, TransportError, WechatpayError
from wechatpay_chain.response import HeaderFields, Response
from wechatpay_chain.transport.connection import Unconnected, is_original, with_fresh_connections
from wechatpay_chain.transport.failures import as_failure
from wechatpay_chain.transport.retry import HostHealth
from wechatpay_chain.transport.signed_request import SignedRequest
from wechatpay_chain.transport.verification import check_response, convert_response, response_of

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

__all__ = ["SigningAdapter"]


_SEND = HTTPAdapter.send if is_original(HTTPAdapter.send, "requests.adapters", "HTTPAdapter.send") else None
# What urllib3 makes of ``retries=False`` for each call; neither is ever changed by it.
_NO_RETRIES = Retry(total=False, redirect=False)
# A call may come with a proxy of its own; more ways than this to reach a host are looked up again.
_MOST_WAYS = 64
# Bytes of an upload that are read and sent at a time; http.client takes 16 KiB.
_BLOCK = 1 << 16
# As many as threads of promises unless the client says otherwise; a connection beyond it is closed after its call.
_KEPT_CONNECTIONS = 128


class SigningAdapter(HTTPAdapter):
    """Sends what ``SignedRequest`` has signed, and lets no answer pass that is not verified.

    ``pool_options`` are those of urllib3's pools: a TLS context, a source address. ``host_health`` and
    ``environments`` are what is known of the hosts, for all who share these connections.
    """

    def __init__(self, **pool_options: Any) -> None:
        self._given = pool_options
        self._process = os.getpid()
        self.host_health = HostHealth()
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
        """The verified answer; TransportError with the one attempt when there is none.

        Where a tool has replaced what sends in ``requests.adapters.HTTPAdapter``, it is asked instead.
        """
        if not isinstance(request, SignedRequest):
            raise ChainError("only requests that this client signed can be sent; nothing was sent")
        before = sys.exc_info()[1]
        response: Response | None = None
        try:
            started = time.perf_counter()
            if HTTPAdapter.send is _SEND:
                response = response_of(request, self._exchange(request, timeout, verify, cert, proxies))
            else:
                response = convert_response(request, super().send(request, True, timeout, verify, cert, proxies))
            response.elapsed = timedelta(seconds=time.perf_counter() - started)
            response.connection = self
            return check_response(request, response, stream)
        except WechatpayError:
            raise
        except Exception as error:
            if response is not None:
                with contextlib.suppress(Exception):
                    response.raw.close()
            known = as_failure(request, error, before)
            if isinstance(known, TransportError):
                raise known from (error.__cause__ if isinstance(error, Unconnected) else error)
            raise known from known.__cause__

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
                return self._urlopen(request, pool, timeout, proxies)
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
            pool = self._pools[way] = self._find_pool(request, verify, cert, proxies)
        return pool

    def _find_pool(self, request: SignedRequest, verify: bool | str, cert: Any, proxies: Any) -> Any:
        """The pool of a host, which urllib3 makes or has; it costs as much as a verification to be asked."""
        try:
            proxy = requests.utils.select_proxy(str(request.url), proxies)
            if proxy and not parse_url(proxy).host:
                raise ValueError("a proxy without a host")
            pool = self.get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
            self.cert_verify(pool, request.url, verify, cert)  # type: ignore[no-untyped-call]
        except (OSError, HTTPError, ValueError) as error:
            raise Unconnected(_describe_unusable(error)) from error
        return pool

    def _urlopen(
        self, request: SignedRequest, pool: Any, timeout: tuple[float, float], proxies: Any
    ) -> BaseHTTPResponse:
        raw: BaseHTTPResponse = pool.urlopen(
            method=str(request.method),
            url=self.request_url(request, proxies) if proxies else request.target,
            body=request.body,
            headers=request.headers.plain() if isinstance(request.headers, HeaderFields) else dict(request.headers),
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
            retries=_NO_RETRIES,
            timeout=_timeout(timeout),
            enforce_content_length=True,
        )
        return raw


class _Timeout(Timeout):
    """Seconds to connect and to read: without a total nothing is measured, so that one value serves all calls."""

    def clone(self) -> Timeout:
        return self

    def start_connect(self) -> float:
        return 0.0


@lru_cache(maxsize=64)
def _timeout(seconds: tuple[float, float]) -> Timeout:
    return _Timeout(connect=seconds[0], read=seconds[1])


def _describe_unusable(error: Exception) -> str:
    """Why the environment's CA bundle or proxy cannot be used; a proxy's URL may hold a password."""
    if str(error).startswith(("Could not find", "Missing dependencies")):
        return str(error)
    return f"the host or a proxy in the environment is no URL that can be used ({type(error).__name__})"
