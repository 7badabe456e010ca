"""Exit codes, one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

__all__ = ["MEANINGS", "Status", "status_of"]


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


# As help, the man page and the README say it.
MEANINGS: Mapping[Status, str] = {
    Status.OK: "done",
    Status.ERROR: "error",
    Status.USAGE: "usage",
    Status.UNPORTED: "not all was ported",
    Status.CLIENT_ERROR: "refused (4xx)",
    Status.SERVER_ERROR: "server error (5xx)",
    Status.NOT_VERIFIED: "answer not verified",
    Status.TRANSPORT: "no answer (the message says whether anything was sent)",
    Status.CONFIG: "configuration",
    Status.INTERRUPTED: "interrupted",
}

# Class names, the most special first: naming the classes here would import requests for --help.
_BY_ERROR = {
    "ClientError": Status.CLIENT_ERROR,
    "ServerError": Status.SERVER_ERROR,
    "VerificationError": Status.NOT_VERIFIED,
    "TransportError": Status.TRANSPORT,
    "ConfigError": Status.CONFIG,
    "ChainError": Status.USAGE,
    "ItemError": Status.USAGE,
}


def status_of(error: BaseException) -> Status:
    """The exit code for an error of this package."""
    for kind in type(error).__mro__:
        if kind.__name__ in _BY_ERROR:
            return _BY_ERROR[kind.__name__]
    return Status.ERROR
