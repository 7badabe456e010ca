"""A verb and its arguments become one value, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import requests
from urllib3.util import parse_url

from wechatpay_chain.encoding import paths, query
from wechatpay_chain.errors import ChainError, ConfigError
from wechatpay_chain.protocol.hosts import Base, bases_of
from wechatpay_chain.request.body import Body, encode, replace_boundary, signable
from wechatpay_chain.request.options import (
    JSON_UTF8,
    V2_OPTIONS,
    XML_UTF8,
    Face,
    Sink,
    read_deadline,
    read_flag,
    read_headers,
    read_response_type,
    read_retry,
    read_sink,
    read_timeout,
    split_options,
)
from wechatpay_chain.response import HeaderFields
from wechatpay_chain.version import __version__

if TYPE_CHECKING:
    from wechatpay_chain.request.v2_payload import Payload

__all__ = ["VERBS", "Call", "Verb", "build", "download_url", "with_url"]


class Verb(NamedTuple):
    """What the last word of a called chain means."""

    method: str
    is_async: bool


_METHODS = ("get", "post", "put", "patch", "delete")
VERBS: Mapping[str, Verb] = {
    name: Verb(method.upper(), is_async)
    for method in _METHODS
    for name, is_async in ((method, False), (f"{method}Async", True), (f"{method}_async", True))
}

# Both reference SDKs send it; bills, images and PDF come from the same hosts.
_USER_AGENT = f"wechatpay_chain/{__version__} requests/{requests.__version__}"
_ACCEPT = "application/json, text/plain, application/x-gzip, application/pdf, image/png, image/*;q=0.5"


_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Call(NamedTuple):
    """One request before it is signed: ``path`` begins with a slash, both it and ``query`` are final.

    ``extra`` are the options that only the client of one face knows (``Face.extra``).
    """

    method: str
    path: str
    query: str = ""
    body: Body = None
    headers: tuple[tuple[str, str | None], ...] = ()
    content_type: str = JSON_UTF8
    bases: tuple[Base, ...] | None = None
    timeout: tuple[float, float] | None = None
    retry: int | None = None
    deadline: float | None = None
    stream: bool = False
    sink: Sink | None = None
    accept: str = _ACCEPT
    payload: Payload | None = None
    response_type: str = ""
    extra: Mapping[str, Any] = _NOTHING

    def __repr__(self) -> str:
        # Not the rest: bodies, headers and proxies hold what is secret.
        return f"<Call {self.method} {self.path}>"

    @property
    def protocol(self) -> str:
        """``v2`` when there is a payload to be signed, else ``v3``."""
        return "v3" if self.payload is None else "v2"

    def request_headers(self, configured: Iterable[tuple[str, str | None]]) -> HeaderFields:
        """The headers that every request has, then the ``configured`` ones, then the call's own.

        All but what depends on the body and on the keys; a value of None leaves a header out.
        """
        defaults = (("Accept", self.accept), ("Content-Type", self.content_type), ("User-Agent", _USER_AGENT))
        headers = HeaderFields(defaults)
        for name, value in (*configured, *self.headers):
            if value is None:
                headers.pop(name, None)
            else:
                headers[name] = value
        return headers


def build(
    method: str,
    path: str,
    given: Mapping[str, Any],
    face: Face,
    known_bases: Iterable[Base] = (),
    allow_http: bool = False,
) -> Call:
    """The call for a chain's ``path`` with all that was given for it, placeholder values among the options.

    ``allow_http`` says that a ``base_url`` among them may be plain http beyond the machine itself. Raises ChainError
    for whatever could not be sent as it was meant.
    """
    values, options = split_options(paths.placeholders(path), given, path, face, method)
    urls = options.get("base_url")
    bases = None if urls is None else _bases(urls, face.typed_name("base_url"), allow_http)
    if "{" in path or "//" in path:
        text, bases = _split_url(paths.expand(path, values), bases, known_bases)
        route, inline = _split_query(text)
    else:
        route, inline = _fixed_route(path)
    is_v2 = route.lower().startswith("/v2/")
    if not is_v2 and not options.keys().isdisjoint(V2_OPTIONS):
        _refuse_v2(options)
    signs_query = is_v2 and method == "GET"
    if signs_query and inline:
        raise ChainError(f"?{inline[:60]}: APIv2 signs the query of get; pass it as an option; nothing was sent")
    body, content_type = (None, XML_UTF8) if is_v2 else encode(options, face)
    response_type = read_response_type(options.get("response_type"))
    return Call(
        method=method,
        path=route[len("/v2") :] if is_v2 else route,
        query=_query(inline, None if signs_query else options.get("params"), face),
        body=signable(body),
        headers=replace_boundary(read_headers(options.get("headers"), face), body, content_type),
        content_type=content_type,
        accept=face.xml_accept if is_v2 else _ACCEPT,
        payload=_payload(method, options, face) if is_v2 else None,
        bases=bases,
        stream=read_flag(options.get("stream"), "stream") or response_type == "stream",
        response_type=response_type,
        extra={name: options[name] for name in face.extra if name in options} if face.extra else _NOTHING,
        # Most calls give none of these.
        **({} if options.keys().isdisjoint(_READERS) else _read_limits(options)),
    )


def _payload(method: str, options: Mapping[str, Any], face: Face) -> Payload:
    # Most merchants never call APIv2.
    from wechatpay_chain.request.v2_payload import Payload

    return Payload.of(method, options, face)


def _refuse_v2(options: Mapping[str, Any]) -> None:
    for name in V2_OPTIONS:
        if options.get(name) is not None:
            raise ChainError(f"{name}: it belongs to APIv2, whose chains begin with v2; nothing was sent")


def _read_limits(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: read(options[name]) for name, read in _READERS.items() if name in options}


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "timeout": read_timeout,
    "retry": read_retry,
    "deadline": read_deadline,
    "sink": read_sink,
}


def with_url(call: Call, url: str, known_bases: Iterable[Base]) -> Call:
    """The same call at another URL of WeChat Pay's hosts or of ``known_bases``; ChainError for any other host."""
    if not url.lower().startswith(("http://", "https://")):
        raise ChainError(f"{url[:80]!r} is no URL; nothing was sent")
    text, bases = _split_url(paths.escape(url), None, known_bases)
    route, _, inline = text.partition("?")
    return call._replace(path=_resolve_dots(route), query=inline, bases=bases)


def download_url(call: Call, url: str, known_bases: Iterable[Base]) -> Call:
    """The same call as a streamed GET of a URL that an answer names: byte for byte, nothing in it is a placeholder.

    A stray character alone is escaped, and an escape written in capitals, as urllib3 would do after the
    signature. Where all of ``known_bases`` are other hosts (a sandbox, a gateway of one's own), a URL of
    WeChat Pay's is asked for there. ChainError for a host that is neither WeChat Pay's nor one of ``known_bases``.
    """
    bases = tuple(known_bases)
    there = with_url(call, url.strip().partition("#")[0], bases)
    base = next((base for base in bases if there.bases and base.origin == there.bases[0].origin), None)
    if base is not None and base.prefix and there.path.startswith(f"{base.prefix}/"):
        there = there._replace(path=there.path[len(base.prefix) :], bases=(base,))
    if base is None and bases and not any(known.is_of_wechat for known in bases):
        there = there._replace(bases=bases)
    # A refusal must not be taken for the file, whatever is usual for this client's calls.
    return there._replace(stream=True, sink=None, response_type="", extra=_NOTHING)


def _bases(urls: object, name: str, allow_http: bool) -> tuple[Base, ...]:
    try:
        return bases_of(urls, name, allow_http)
    except ConfigError as error:
        raise ChainError(f"{error}; nothing was sent") from None


def _split_url(
    text: str, bases: tuple[Base, ...] | None, known_bases: Iterable[Base]
) -> tuple[str, tuple[Base, ...] | None]:
    """Path and bases, where the path may be a whole URL of WeChat Pay's hosts or of a base that was named."""
    if not text.lower().startswith(("http://", "https://", "//")):
        return "/" + text.removeprefix("/"), bases
    path_at = text.find("/", text.find("//") + 2)
    path = text[path_at:] if path_at > 0 else "/"
    try:
        base = Base.of(text if path_at < 0 else text[:path_at])
    except ConfigError:
        raise ChainError(f"{text[:80]!r} is no URL; nothing was sent") from None
    named = {known.origin for known in (*known_bases, *(bases or ()))}
    if not base.is_wechat and base.origin not in named:
        raise ChainError(f"{base.origin} is not a host of WeChat Pay; name it as base_url; nothing was sent")
    return path, (base,)


@lru_cache(maxsize=1024)
def _fixed_route(path: str) -> tuple[str, str]:
    """Path and query of a chain that has neither placeholders nor a host."""
    return _split_query("/" + paths.expand(path, _NOTHING).removeprefix("/"))


def _split_query(text: str) -> tuple[str, str]:
    route, _, inline = text.partition("?")
    return _resolve_dots(route), inline


def _resolve_dots(path: str) -> str:
    if "/." in path:
        path = parse_url(f"http://host{path}").path or "/"
    if path.startswith("//"):
        raise ChainError(f"{path[:80]!r} begins with two slashes; nothing was sent")
    return path


def _query(inline: str, params: object, face: Face) -> str:
    if params is None or (not face.query_replaces and isinstance(params, dict) and not params):
        return inline
    added = paths.escape(query.build(params, face.style))
    if face.query_replaces:
        return added
    return "&".join(filter(None, (inline, added)))
