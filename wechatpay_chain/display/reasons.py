"""Why a connection failed, in the words of its innermost cause."""

from __future__ import annotations

import re

__all__ = ["cause_of", "reason_of"]

_OPENSSL = re.compile(r"^\[SSL[^\]]*\] | \(_ssl\.c:\d+\)$")


def reason_of(error: BaseException) -> str:
    """The innermost cause of an error of requests or urllib3, in few words and without addresses of objects."""
    seen = cause_of(error)
    # As OpenSSL writes it: [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006).
    words = _OPENSSL.sub("", str(seen)).rpartition(": ")[2]
    return (words or type(seen).__name__)[:120]


def cause_of(error: BaseException) -> BaseException:
    """The innermost cause of an error of requests or urllib3."""
    seen: BaseException = error
    while (inner := getattr(seen, "reason", None) or (seen.args[0] if seen.args else None)) is not None:
        if not isinstance(inner, BaseException):
            break
        seen = inner
    return seen
