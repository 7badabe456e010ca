"""How one call travels: where to, how long it may take, and over which kind of connection."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from wechatpay_chain.protocol.hosts import Base

__all__ = ["DEFAULT_TIMEOUT", "Delivery"]

# Seconds to connect, and between two bytes of the answer.
DEFAULT_TIMEOUT = (5.0, 30.0)


@dataclass(frozen=True, slots=True)
class Delivery:
    """``bases`` are tried in their order; ``timeout`` is (connect, read) in seconds; ``stream`` leaves an answer
    that is not signed to be read by the caller; ``secure`` shows the merchant's TLS certificate, ``tls`` another
    one. ``verify`` (a CA bundle, or False) and ``proxies`` stand in the place of what the environment says."""

    bases: tuple[Base, ...]
    timeout: tuple[float, float] = DEFAULT_TIMEOUT
    stream: bool = False
    secure: bool = False
    tls: ssl.SSLContext | None = None
    verify: bool | str | None = None
    proxies: Mapping[str, str] | None = None
