"""Why a connection failed, in the words of its innermost cause."""

from __future__ import annotations

__all__ = ["reason_of"]


def reason_of(error: BaseException) -> str:
    """The innermost cause of an error of requests or urllib3, in few words and without addresses of objects."""
    seen: BaseException = error
    while (inner := getattr(seen, "reason", None) or (seen.args[0] if seen.args else None)) is not None:
        if not isinstance(inner, BaseException):
            break
        seen = inner
    words = str(seen).rpartition(": ")[2]
    return (words or type(seen).__name__)[:120]
