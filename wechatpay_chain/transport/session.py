"""One session: per attempt choose the host, sign the final bytes, send, verify, hand back."""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from wechatpay_chain.errors import (
    ApiError,
    Attempt,
    BusinessError,
    ChainError,
    ConfigError,
    TimedOut,
    TransportError,
    VerificationError,
)
from wechatpay_chain.protocol.hosts import HOSTS, Base
from wechatpay_chain.response import Response
from wechatpay_chain.transport.delivery import Delivery
from wechatpay_chain.transport.request import SignedRequest
from wechatpay_chain.transport.streaming import may_stream

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

__all__ = ["Session"]

# More threads than this share a client rarely; a connection beyond it is closed after its call.
_KEPT_CONNECTIONS = 64


class _Environment(NamedTuple):
    """What the environment says about one host: proxies and CA bundle, read once."""

    proxies: Mapping[str, str]
    verify: bool | str

    def replaced(self, base: Base, delivery: Delivery) -> _Environment:
        """What a call says instead of it; ``no_proxy`` among the proxies names hosts that need none."""
        verify = self.verify if delivery.verify is None else delivery.verify
        proxies = self.proxies if delivery.proxies is None else delivery.proxies
        if delivery.proxies and requests.utils.should_bypass_proxies(base.origin, delivery.proxies.get("no_proxy")):
            proxies = {}
        return _Environment(proxies, verify)


class Session:
    """Sends signed requests to WeChat Pay's hosts and to bases that the caller named, to nowhere else."""

    def __init__(self, bases: Sequence[Base], tls: ssl.SSLContext | None = None) -> None:
        self._session = requests.Session()
        self._session.adapters.clear()
        self._adapter = _SigningAdapter()
        self._tls = tls
        self._with_certificate: WeakKeyDictionary[ssl.SSLContext, _SigningAdapter] = WeakKeyDictionary()
        for origin in (*(f"https://{host}" for host in HOSTS), *(base.origin for base in bases)):
            self._session.mount(f"{origin}/", self._adapter)
        self._environments: dict[str, _Environment] = {}
        self._lock = threading.Lock()

    def send(self, request: SignedRequest, delivery: Delivery) -> Response:
        """The verified answer to a request.

        A host that cannot be connected to is followed by the next one; nothing else is ever sent twice.
        Raises TransportError, VerificationError or ApiError.
        """
        adapter = self._adapter_of(delivery)
        attempts: list[Attempt] = []
        for base in delivery.bases:
            request.sign_for(base)
            environment = self._environment(base).replaced(base, delivery)
            try:
                return adapter.send(
                    request,
                    stream=delivery.stream,
                    timeout=delivery.timeout,
                    verify=environment.verify,
                    proxies=environment.proxies,
                )
            except _NotConnected as error:
                attempts.append(Attempt(base.origin, str(error), sent=False))
        told = "; ".join(f"{attempt.host}: {attempt.error}" for attempt in attempts)
        raise TransportError(f"{request.method} {request.path}: nothing was sent: {told}", tuple(attempts))

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        self._session.close()
        for adapter in list(self._with_certificate.values()):
            adapter.close()

    def _adapter_of(self, delivery: Delivery) -> _SigningAdapter:
        """Connections with one TLS certificate are kept apart from those with another, and without."""
        tls = delivery.tls or (self._tls if delivery.secure else None)
        if tls is None:
            if delivery.secure:
                raise ConfigError(
                    "merchant: missing; security=True needs {'cert', 'key'}; nothing was sent", "merchant"
                )
            return self._adapter
        with self._lock:
            adapter = self._with_certificate.get(tls)
            if adapter is None:
                adapter = self._with_certificate[tls] = _SigningAdapter(tls)
        return adapter

    def _environment(self, base: Base) -> _Environment:
        found = self._environments.get(base.origin)
        if found is None:
            with self._lock:
                if f"{base.origin}/" not in self._session.adapters:
                    self._session.mount(f"{base.origin}/", self._adapter)
                settings: Any = self._session.merge_environment_settings(base.origin, {}, None, None, None)
                found = _Environment(settings["proxies"], settings["verify"])
                self._environments[base.origin] = found
        return found


class _NotConnected(Exception):
    """No byte of the request can have left."""


class _SigningAdapter(HTTPAdapter):
    """Sends what ``SignedRequest`` has signed, and lets no answer pass that is not verified."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._process = os.getpid()
        super().__init__(pool_maxsize=_KEPT_CONNECTIONS)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **self._with_tls(options))

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **self._with_tls(options))

    def _with_tls(self, options: dict[str, Any]) -> dict[str, Any]:
        return options if self._tls is None else {**options, "ssl_context": self._tls}

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        if not isinstance(request, SignedRequest):
            raise ChainError("only requests that this client signed can be sent; nothing was sent")
        pool = self._pool(request, verify, cert, proxies)
        started = time.perf_counter()
        try:
            raw = self._exchange(request, pool, timeout, proxies)
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
            response._content_consumed = True  # type: ignore[attr-defined]  # as .content does
        except (HTTPError, OSError) as error:
            raise _failure(request, error) from error
        _judge(request, response)
        return response

    def _pool(self, request: SignedRequest, verify: bool | str, cert: Any, proxies: Any) -> Any:
        if self._process != os.getpid():
            # After a fork, parent and child would read each other's answers on one connection.
            self.__init__(self._tls)  # type: ignore[misc]
        try:
            pool = self.get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
            self.cert_verify(pool, request.url, verify, cert)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, TypeError) as error:
            reason = _unusable(error)
        else:
            return pool
        told = f"{request.method} {request.path}: nothing was sent: {request.origin}: {reason}"
        raise TransportError(told, (Attempt(request.origin, reason, sent=False),))

    def _exchange(
        self, request: SignedRequest, pool: Any, timeout: tuple[float, float], proxies: Any
    ) -> BaseHTTPResponse:
        raw: BaseHTTPResponse = pool.urlopen(
            method=str(request.method),
            url=self.request_url(request, proxies),
            body=request.body,
            headers=request.headers,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
            retries=False,
            timeout=Timeout(connect=timeout[0], read=timeout[1]),
            enforce_content_length=True,
        )
        return raw


def _response(request: SignedRequest, raw: BaseHTTPResponse) -> Response:
    response = request.response_class()
    response.status_code = raw.status
    response.headers = CaseInsensitiveDict(raw.headers)
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response.raw = raw
    response.reason = raw.reason or ""
    response.url = str(request.url)
    response.request = request
    return response


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
    if "CA certificate bundle" in str(error):
        return str(error)
    return f"the host or a proxy in the environment is no URL that can be used ({type(error).__name__})"


def _failure(request: SignedRequest, error: Exception) -> Exception:
    told = " ".join(str(error).split())
    # urllib3 tells an answer that was lost behind a proxy as a ProxyError too: only the cause is decisive.
    cause = error.original_error if isinstance(error, ProxyError) else error
    if isinstance(cause, NewConnectionError | ConnectTimeoutError):
        return _NotConnected(told)
    untrusted = isinstance(error, SSLError) and any(isinstance(x, ssl.SSLCertVerificationError) for x in error.args)
    known = "nothing was sent" if untrusted else _PERHAPS
    kind = TimedOut if isinstance(error, ReadTimeoutError) else TransportError
    attempts = (Attempt(request.origin, told, sent=not untrusted),)
    return kind(f"{request.method} {request.path}: {known}: {request.origin}: {told}", attempts)


_PERHAPS = "it may have been carried out; ask for its state before repeating it"
