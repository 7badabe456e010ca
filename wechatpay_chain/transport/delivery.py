"""How one call travels: where to, how long it may take, how often, and over which kind of connection."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import NamedTuple

from wechatpay_chain.protocol.hosts import Base

__all__ = ["ATTEMPTS", "DEFAULT_TIMEOUT", "MOST_ATTEMPTS", "Delivery"]

# Seconds to connect, and between two bytes of the answer.
DEFAULT_TIMEOUT = (5.0, 30.0)
# How often a GET is tried by itself, and how often any call may be when its caller says so.
ATTEMPTS = 3
MOST_ATTEMPTS = 10


class Delivery(NamedTuple):
    """``bases`` are tried in their order; ``timeout`` is (connect, read) in seconds; ``stream`` leaves an answer
    that is not signed to be read by the caller; ``secure`` shows the merchant's TLS certificate, ``tls`` another
    one. ``verify`` (a CA bundle, or False) and ``proxies`` stand in the place of what the environment says.
    ``retry`` is how often this call may be tried in all, None where its caller said nothing."""

    bases: tuple[Base, ...]
    timeout: tuple[float, float] = DEFAULT_TIMEOUT
    stream: bool = False
    secure: bool = False
    tls: ssl.SSLContext | None = None
    verify: bool | str | None = None
    proxies: Mapping[str, str] | None = None
    retry: int | None = None

    def __repr__(self) -> str:
        return f"<Delivery to {', '.join(base.origin for base in self.bases)}>"  # a proxy's URL may hold a password
