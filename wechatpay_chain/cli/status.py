"""Exit codes, one table."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Status", "status_of"]


class Status(IntEnum):
    """How ``wechatpay-chain`` ends."""

    OK = 0
    ERROR = 1
    USAGE = 2
    UNPORTED = 3
    CLIENT_ERROR = 4
    SERVER_ERROR = 5
    NOT_VERIFIED = 6
    TRANSPORT = 7
    CONFIG = 8
    INTERRUPTED = 130


# Class names, the most special first: naming the classes here would import requests for --help.
_BY_ERROR = {
    "ClientError": Status.CLIENT_ERROR,
    "ServerError": Status.SERVER_ERROR,
    "VerificationError": Status.NOT_VERIFIED,
    "TransportError": Status.TRANSPORT,
    "ConfigError": Status.CONFIG,
    "ChainError": Status.USAGE,
}


def status_of(error: BaseException) -> Status:
    """The exit code for an error of this package."""
    for kind in type(error).__mro__:
        if kind.__name__ in _BY_ERROR:
            return _BY_ERROR[kind.__name__]
    return Status.ERROR
