"""Guzzle's request options, made into what this client's engine takes.

Source: https://docs.guzzlephp.org/en/stable/request-options.html
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import ssl
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TextIO, TypeAlias

from wechatpay_chain.crypto.key_loader import read_passphrase
from wechatpay_chain.encoding import paths, query, scalars
from wechatpay_chain.encoding.style import PHP
from wechatpay_chain.errors import ChainError, ConfigError
from wechatpay_chain.php.media_util import MediaUtil
from wechatpay_chain.protocol.hosts import Base
from wechatpay_chain.request import options as opts
from wechatpay_chain.transport.multipart import File, Multipart, Part
from wechatpay_chain.transport.retry import DEFAULT_TIMEOUT
from wechatpay_chain.transport.tls import client_context

__all__ = ["DEFAULTS", "OPTIONS", "Extra", "check_verify", "spell_placeholder", "translate"]

Options: TypeAlias = "dict[str, Any]"

# Under which name ``call.build`` takes each.
OPTIONS: Mapping[str, str] = {
    "json": "json",
    "query": "params",
    "body": "raw",
    "form_params": "form",
    "multipart": "multipart",
    "headers": "headers",
    "timeout": "timeout",
    "connect_timeout": "timeout",
    "read_timeout": "timeout",
    "retry": "retry",
    "stream": "stream",
    "sink": "sink",
    "base_uri": "base_url",
    "verify": "verify",
    "proxy": "proxies",
    "cert": "tls",
    "ssl_key": "tls",
    "auth": "authorization",
    "allow_redirects": "redirects",
    "http_errors": "http_errors",
    "debug": "debug",
    "xml": "xml",
    "nonceless": "nonceless",
    "security": "security",
}
# What ``Builder.factory`` takes for every call.
DEFAULTS = frozenset(
    {
        "query",
        "timeout",
        "connect_timeout",
        "read_timeout",
        "verify",
        "proxy",
        "cert",
        "ssl_key",
        "auth",
        "allow_redirects",
        "http_errors",
        "debug",
    }
)
# The first that is there is the body, as Guzzle picks it.
_BODIES = ("json", "multipart", "form_params", "body")
_MOST_REDIRECTS = 5
# To Guzzle 0 seconds is no limit; here it is a day.
_NO_LIMIT = 86_400.0
_TIMEOUTS = ("timeout", "connect_timeout", "read_timeout")
_FORM = "application/x-www-form-urlencoded"


class Extra(NamedTuple):
    """The options that only this face has, as ``translate`` leaves them; ``redirects`` is how many may be followed."""

    verify: bool | str | None = None
    proxies: Mapping[str, str] | None = None
    tls: ssl.SSLContext | None = None
    authorization: str | None = None
    http_errors: bool = True
    redirects: int | None = None
    debug: TextIO | None = None

    def __repr__(self) -> str:
        return "<options of Guzzle>"  # a proxy's URL and the header may hold a password


def check_verify(extra: Mapping[str, Any], bases: Iterable[Base]) -> None:
    """Raise ChainError for ``verify: False`` where any other host than this machine would be trusted."""
    if extra.get("verify") is False and not all(base.is_loopback for base in bases):
        raise ChainError("verify: False would trust any server with these requests; pass a CA bundle; nothing was sent")


def translate(given: Mapping[str, Any]) -> Options:
    """The options under the same names, each value as ``call.build`` takes it; ChainError names a wrong one."""
    options = {name: value for name, value in given.items() if value is not None or name not in OPTIONS}
    for name, read in _READERS.items():
        if name in options:
            options[name] = read(options[name])
    _choose_body(options)
    _join_timeouts(options)
    _join_certificate(options)
    return options


def spell_placeholder(value: Any, name: str) -> Any:
    """A placeholder's value as PHP spells it: scalars as strings, items joined by commas (RFC 6570, level 1 and 2)."""
    if isinstance(value, Mapping):
        value = [item for pair in value.items() for item in pair]
    if isinstance(value, list | tuple):
        return paths.Joined(scalars.spell(item, name) for item in value)
    return scalars.spell(value, name) if isinstance(value, bool | float) else value


def _choose_body(options: Options) -> None:
    if "form_params" in options and "multipart" in options:
        raise ChainError("form_params and multipart are two bodies; pass one; nothing was sent")
    for name in [name for name in _BODIES if name in options][1:]:
        del options[name]
    if isinstance(options.get("body"), MediaUtil):
        options["body"] = options["body"].getStream()
    elif isinstance(options.get("body"), bool | int | float):
        options["body"] = scalars.spell(options["body"], "body")
    if "form_params" in options:
        fields = {} if options["form_params"] == [] else options["form_params"]
        text = query.build(opts.mapping(fields, "form_params"), PHP)
        options["form_params"] = (text.replace("%20", "+").replace("~", "%7E"), _FORM)
    if "multipart" in options:
        options["multipart"] = _form(options["multipart"])


def _join_timeouts(options: Options) -> None:
    """``timeout`` bounds the waits to connect and to read, each of which may have a time-out of its own."""
    given = {name: _seconds(options.pop(name), name) for name in _TIMEOUTS if name in options}
    if given:
        whole = given.get("timeout", DEFAULT_TIMEOUT)
        connect, read = (given.get(name, whole) for name in _TIMEOUTS[1:])
        options["timeout"] = (connect[0], read[1])


def _seconds(limit: Any, name: str) -> tuple[float, float]:
    endless = limit == 0 and not isinstance(limit, bool)
    return opts.read_timeout(_NO_LIMIT if endless else limit, name) or DEFAULT_TIMEOUT


def _join_certificate(options: Options) -> None:
    key = options.pop("ssl_key", None)
    if key is not None and "cert" not in options:
        raise ChainError("ssl_key: missing beside it: cert; nothing was sent")
    if "cert" in options:
        options["cert"] = _certificate(options["cert"], options["cert"] if key is None else key)


def _certificate(cert: tuple[Any, Any], key: tuple[Any, Any]) -> Any:
    for name, (file, passphrase) in (("cert", cert), ("ssl_key", key)):
        if not isinstance(file, str | os.PathLike):
            raise ChainError(f"{name}: expected a path, found {type(file).__name__}; nothing was sent")
        try:
            read_passphrase(passphrase, name)
        except ConfigError as error:
            raise ChainError(f"{error}; nothing was sent") from None
    try:
        return _context(cert[0], key[0], key[1], _stamp(cert[0]), _stamp(key[0]))
    except ConfigError as error:
        reason = str(error).removeprefix("merchant").lstrip(".")
    raise ChainError(f"{reason}; nothing was sent")


@lru_cache(maxsize=16)
def _context(cert: Any, key: Any, passphrase: Any, *stamps: int) -> ssl.SSLContext:
    """One context for all calls with these files as they are now: its connections are used again."""
    return client_context({"cert": cert, "key": key, "passphrase": passphrase})


def _stamp(path: Any) -> int:
    with contextlib.suppress(OSError, ValueError):  # text that is no path is perhaps the certificate itself
        return os.stat(path).st_mtime_ns
    return 0


def _file(value: Any) -> tuple[Any, Any]:
    """A path, or a path and its passphrase."""
    return (value[0], value[1]) if isinstance(value, list | tuple) and len(value) == 2 else (value, None)


def _form(parts: Any) -> Multipart:
    if not isinstance(parts, list | tuple):
        raise ChainError(f"multipart: expected a list of parts, found {type(parts).__name__}; nothing was sent")
    if not parts:
        raise ChainError("multipart: empty; nothing was sent")
    return Multipart([_part(part, index) for index, part in enumerate(parts)])


def _part(part: Any, index: int) -> Part:
    field = f"multipart[{index}]"
    fields = opts.mapping(part, field)
    unknown = next((name for name in fields if name not in ("name", "contents", "filename", "headers")), None)
    name, contents = fields.get("name"), fields.get("contents")
    if unknown is not None or not isinstance(name, str) or not name or contents is None:
        raise ChainError(
            f"{field}: expected name, contents and perhaps filename and headers"
            f"{'' if unknown is None else f', found {unknown[:40]!r}'}; nothing was sent"
        )
    headers = {key: value or "" for key, value in opts.read_headers(fields.get("headers"))}
    if isinstance(contents, bool | int | float | str | bytes):
        content = contents if isinstance(contents, bytes) else scalars.spell(contents, field).encode()
        return Part(name, content, os.path.basename(str(fields.get("filename") or "")), headers)
    file = File(contents, f"{field}.contents")
    return Part(name, file, os.path.basename(str(fields.get("filename") or file.name)), headers)


def _verify(value: Any) -> bool | str:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and os.path.exists(value):
        return value
    if isinstance(value, str):
        raise ChainError(f"verify: no CA bundle at {value[:80]!r}; nothing was sent")
    raise ChainError(
        f"verify: expected True, False or a CA bundle's path, found {type(value).__name__}; nothing was sent"
    )


def _proxies(value: Any) -> dict[str, str]:
    """Requests' form of a proxy for all, or of one for each scheme; ``no`` lists hosts without one."""
    given = {"http": value, "https": value} if isinstance(value, str) else dict(opts.mapping(value, "proxy"))
    hosts = given.pop("no", None) or ()
    wrong = next((name for name in given if name not in ("http", "https")), None)
    if wrong is not None or not all(isinstance(url, str) for url in given.values()):
        raise ChainError("proxy: expected a URL, or {'http', 'https', 'no'}; nothing was sent")
    return {**given, "no_proxy": hosts if isinstance(hosts, str) else ",".join(map(str, hosts))}


def _redirects(value: Any) -> int:
    """How many may be followed; 0 hands the first one back."""
    if isinstance(value, bool) or value in ({}, []):
        return _MOST_REDIRECTS if value else 0
    given = opts.mapping(value, "allow_redirects")
    other = next((name for name in given if name != "max"), None)
    if other is not None:
        raise ChainError(f"allow_redirects: {other[:40]!r} is not supported, max alone; nothing was sent")
    most = given.get("max", _MOST_REDIRECTS)
    if isinstance(most, int) and not isinstance(most, bool) and 0 <= most <= 100:
        return most
    raise ChainError("allow_redirects: expected True, False or {'max': a number}; nothing was sent")


def _auth(value: Any) -> str | None:
    """The header that Guzzle makes of it; in APIv3 the signature takes its place, as in PHP."""
    if value is False or value == []:
        return None
    pair = list(value) if isinstance(value, list | tuple) else []
    if len(pair) in (2, 3) and all(isinstance(item, str) for item in pair) and pair[2:] in ([], ["basic"]):
        return "Basic " + base64.b64encode(f"{pair[0]}:{pair[1]}".encode("utf-8", "replace")).decode("ascii")
    raise ChainError("auth: expected [user, password]; other types than basic are not supported; nothing was sent")


def _debug(value: Any) -> Any:
    if isinstance(value, bool):
        return sys.stdout if value else None
    if (isinstance(value, io.TextIOBase) or hasattr(value, "encoding")) and opts.is_writable(value):
        return value
    raise ChainError(
        f"debug: expected True, False or a text file to write, found {type(value).__name__}; nothing was sent"
    )


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "verify": _verify,
    "proxy": _proxies,
    "cert": _file,
    "ssl_key": _file,
    "auth": _auth,
    "allow_redirects": _redirects,
    "http_errors": lambda value: opts.read_flag(value, "http_errors"),
    "debug": _debug,
}
