"""``Builder.factory([...])`` and what the chain of wechatpay-php does differently."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TextIO
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests

from wechatpay_chain import response, settings
from wechatpay_chain.client import Client
from wechatpay_chain.encoding import paths
from wechatpay_chain.encoding.style import PHP
from wechatpay_chain.errors import ApiError, CallError, ChainError, ConfigError
from wechatpay_chain.php import guzzle
from wechatpay_chain.php.psr7 import Response
from wechatpay_chain.request import options as opts
from wechatpay_chain.request.call import Call, with_url
from wechatpay_chain.settings import Recipe, Settings
from wechatpay_chain.tracebacks import hide_values
from wechatpay_chain.transport.retry import SendOptions
from wechatpay_chain.transport.signed_request import SignedRequest

__all__ = [
    "Builder",
    "Instance",
    "trace",
]

# Whoever holds a signature could send this very request once more.
_SECRET = re.compile(r'(signature="|Basic )[^",]*')


def trace(file: TextIO | None, request: SignedRequest, send: Callable[[], response.Response]) -> response.Response:
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


_FACE = opts.Face(
    name="PHP",
    options=guzzle.OPTIONS,
    elsewhere={},
    style=PHP,
    json_content_type=opts.JSON,
    query_replaces=True,
    xml_accept="text/xml, text/plain, application/x-gzip",
    spell=guzzle.spell_placeholder,
    false_header="",
    extra=frozenset(guzzle.Extra._fields),
)
_ALIASES = {"privateKey": "private_key", "apiv3Key": "apiv3_key", "base_uri": "base_url"}


class Builder:
    """The entry of wechatpay-php."""

    @staticmethod
    @hide_values
    def factory(config: Mapping[str, Any] | None = None, /, **options: Any) -> Instance:
        """A client with the PHP face.

        Takes ``mchid serial privateKey certs secret merchant base_uri headers``, and Guzzle's options that are
        to hold for every call (``query timeout connect_timeout read_timeout verify proxy cert ssl_key auth
        allow_redirects http_errors debug``), as one mapping or by name. Raises ConfigError, which names the entry.
        """
        return Instance(*_configured(config, options))


class Instance(Client):
    """What ``Builder.factory`` returns: chains take Guzzle's options, answers have PSR-7's methods."""

    _face = _FACE
    _response_class = Response

    def __init__(self, configured: Settings, defaults: Mapping[str, Any]) -> None:
        self._defaults = defaults
        super().__init__(configured)

    @classmethod
    @hide_values
    def _from_recipe(cls, recipe: Recipe) -> Instance:
        defaults = {name: value for name, value in recipe.entries.items() if name in guzzle.DEFAULTS}
        rest = {name: value for name, value in recipe.entries.items() if name not in defaults}
        return cls(replace(settings.from_recipe(recipe._replace(entries=rest)), recipe=recipe), defaults)

    def _text(self, text: str) -> str:
        return paths.as_php(text)

    def _read(self, method: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
        if len(args) > 1:
            raise ChainError(f"{method.lower()}: one mapping of options, found {len(args)} arguments; nothing was sent")
        # PHP has one empty array for lists and mappings: post([]) is post({}).
        given = None if not args or args[0] == [] else args[0]
        own = opts.merge_options(opts.mapping(given, "options"), options)
        merged = guzzle.translate({**self._defaults, **own})
        if merged.get("base_uri") is not None:
            merged["base_uri"] = _directory(merged["base_uri"])
        return merged

    def _call(self, method: str, path: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Call:
        call = super()._call(method, path, args, options)
        guzzle.check_verify(call.extra, call.bases or self._settings.bases)
        return call

    def _request(self, call: Call, offline: bool = False) -> SignedRequest:
        extra = guzzle.Extra(**call.extra)
        request = super()._request(call, offline)
        if extra.authorization:
            request.headers["Authorization"] = extra.authorization
        request.http_errors, request.redirect_errors = extra.http_errors, extra.redirects is None
        return request

    def _send_options(self, call: Call) -> SendOptions:
        extra = guzzle.Extra(**call.extra)
        return super()._send_options(call)._replace(tls=extra.tls, verify=extra.verify, proxies=extra.proxies)

    def _exchange(self, call: Call, request: SignedRequest) -> response.Response:
        most = guzzle.Extra(**call.extra).redirects or 0
        answer = self._exchange_once(call, request)
        for _ in range(most):
            if not answer.is_redirect:
                return answer
            call = self._redirect(call, answer)
            answer = self._exchange_once(call, self._request(call))
        if most and answer.is_redirect:
            raise ApiError.of(answer)
        return answer

    def _exchange_once(self, call: Call, request: SignedRequest) -> response.Response:
        return trace(guzzle.Extra(**call.extra).debug, request, lambda: super(Instance, self)._exchange(call, request))

    def _redirect(self, call: Call, answer: response.Response) -> Call:
        """The call at the place that a redirect names; ApiError where it may not be sent again, or not there."""
        if call.method == "GET" and call.payload is None:
            with contextlib.suppress(ChainError, ValueError):  # ValueError: the place is no URL
                there = with_url(call, urljoin(answer.url, answer.headers["Location"]), self._settings.bases)
                guzzle.check_verify(there.extra, there.bases or ())
                return there
        raise ApiError.of(answer)


def _configured(config: Mapping[str, Any] | None, options: Mapping[str, Any]) -> tuple[Settings, dict[str, Any]]:
    given = settings.entries(config, options)
    if isinstance(given.get("base_uri"), str):
        given["base_uri"] = _directory(given["base_uri"])
    defaults = {name: given.pop(name) for name in guzzle.DEFAULTS & given.keys()}
    try:
        guzzle.translate(defaults)
    except ChainError as error:
        told = str(error).removesuffix("; nothing was sent")
        raise ConfigError(told, told.partition(":")[0]) from None
    configured = settings.read(given, {}, _ALIASES)
    defaults = {name: value for name, value in defaults.items() if value is not None}
    return replace(configured, recipe=configured.recipe.plus(defaults)), defaults


def _directory(uri: Any) -> Any:
    """What RFC 3986 keeps of a base URI when a path is resolved against it: no file, query or user."""
    if not isinstance(uri, str):
        return uri
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    if not parts.netloc:
        return uri
    folder = parts.path[: parts.path.rfind("/") + 1]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], folder, "", ""))
