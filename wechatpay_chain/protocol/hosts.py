"""WeChat Pay's hosts, and base URLs that a caller names."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from wechatpay_chain.encoding import paths
from wechatpay_chain.errors import ConfigError

__all__ = ["DEFAULT", "HOSTS", "Base", "bases_of"]

# https://pay.weixin.qq.com/doc/v3/merchant/4012081710: main site and backup, under both names; overseas;
# and two hosts of APIv2.
HOSTS = frozenset(
    {
        "api.mch.weixin.qq.com",
        "api2.mch.weixin.qq.com",
        "api.wechatpay.cn",
        "api2.wechatpay.cn",
        "apihk.mch.weixin.qq.com",
        "fraud.mch.weixin.qq.com",
        "payapp.weixin.qq.com",
    }
)


_LOCAL_NAME = re.compile(r"(?:[a-z0-9_-]+\.)*localhost")
# Whose every host is WeChat Pay's or its owner's.
_DOMAINS = (".weixin.qq.com", ".wechatpay.cn", ".tenpay.com")


class Base(NamedTuple):
    """Where requests go: ``origin`` is scheme, host and port; ``prefix`` stands before every path."""

    origin: str
    prefix: str = ""

    @classmethod
    def of(cls, url: object, field: str = "base_url") -> Base:
        """The base in ``url``; ConfigError for anything but http(s) with a host and at most a path."""
        if not isinstance(url, str):
            raise ConfigError(f"{field}: expected text, found {type(url).__name__}", field)
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ConfigError(f"{field}: {url[:80]!r} is no URL ({error})", field) from None
        if parts.scheme not in ("http", "https") or not host or not host.isascii() or parts.path.startswith("//"):
            # What is no URL at all may be a key in the wrong place.
            found = repr(url[:80]) if "://" in url else f"{len(url)} characters"
            raise ConfigError(f"{field}: expected https://host, found {found}", field)
        if "@" in parts.netloc:
            raise ConfigError(f"{field}: leave user and password out; requests are signed", field)
        if parts.query or parts.fragment:
            raise ConfigError(f"{field}: expected no query or fragment, found {url[:80]!r}", field)
        address = f"[{host}]" if ":" in host else host
        return cls(
            f"{parts.scheme}://{address}{'' if port is None else f':{port}'}", paths.escape(parts.path.rstrip("/"))
        )

    @property
    def is_wechat(self) -> bool:
        """Whether this is one of WeChat Pay's own hosts, over TLS and at the usual port."""
        return self.origin.removeprefix("https://") in HOSTS

    @property
    def is_of_wechat(self) -> bool:
        """Whether the host is one of WeChat Pay's, by whatever scheme and port."""
        host = (urlsplit(self.origin).hostname or "").rstrip(".")
        return host in HOSTS or host.endswith(_DOMAINS)

    @property
    def is_loopback(self) -> bool:
        """Whether this is the machine itself."""
        host = (urlsplit(self.origin).hostname or "").rstrip(".")
        try:
            address = ip_address(host)
        except ValueError:
            # RFC 6761, 6.3: names under it never leave the machine.
            return _LOCAL_NAME.fullmatch(host) is not None
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        found = mapped or address
        return found.is_loopback or found.is_unspecified


DEFAULT = (Base("https://api.mch.weixin.qq.com"), Base("https://api2.mch.weixin.qq.com"))


def bases_of(urls: object, field: str = "base_url", allow_http: bool = False) -> tuple[Base, ...]:
    """One URL or a sequence of them as bases, main site first; WeChat Pay's two sites for None.

    Plain http is for the machine itself; with ``allow_http`` for other hosts too, but never for WeChat Pay's.
    Raises ConfigError for it, and for what is no base.
    """
    if urls is None:
        return DEFAULT
    if isinstance(urls, str):
        urls = [urls]
    if not isinstance(urls, list | tuple) or not urls:
        raise ConfigError(f"{field}: expected a URL or a list of them, found {type(urls).__name__}", field)
    bases = [Base.of(url, field) for url in urls]
    for base in bases:
        _check_scheme(base, field, allow_http)
    return tuple(bases)


def _check_scheme(base: Base, field: str, allow_http: bool) -> None:
    if not base.origin.startswith("http://") or base.is_loopback:
        return
    if base.is_of_wechat:
        raise ConfigError(f"{field}: WeChat Pay is reached by https alone, found {base.origin!r}", field)
    if not allow_http:
        raise ConfigError(
            f"{field}: {base.origin!r} is plain http, by which payments can be read and changed on their way; use"
            " https, or say allow_http=True for a host of your own",
            field,
        )
