"""What the catalogue says of a call that may be wrong. It only helps: where it cannot be read, nothing is said."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Mapping

from wechatpay_chain.errors import ApiError, BusinessError
from wechatpay_chain.response import parse_json

__all__ = ["advise", "has_fraction", "warn_of_fractions"]

_log = logging.getLogger("wechatpay_chain")


def has_fraction(value: object) -> bool:
    """Whether a float that is no whole number is anywhere in a body."""
    if isinstance(value, Mapping):
        return any(map(has_fraction, value.values()))
    if isinstance(value, list | tuple):
        return any(map(has_fraction, value))
    return isinstance(value, float) and not value.is_integer()


def warn_of_fractions(method: str, path: str, body: object, spell: Callable[[float], str]) -> None:
    """Warn of a number that is no whole one, where the catalogue knows that WeChat Pay takes nothing else.

    What floats leave of a whole one (``0.29 * 100``) is a warning of the caller's line, any other goes to the log.
    ``spell`` writes a float as the body has it.
    """
    try:
        from wechatpay_chain.catalog.whole_numbers import fractions

        body = parse_json(bytes(body)) if isinstance(body, bytes | bytearray) else body
        body = parse_json(body) if isinstance(body, str) else body
        found = list(fractions(method, path, body, spell)) if isinstance(body, Mapping) else []
    except Exception:  # a program without the catalogue's files, or a body in itself
        return
    for each in found:
        told = f"{each.place}: {each.text} leaves as it is, but WeChat Pay takes a whole number there; round it"
        if each.is_rounding:
            warnings.warn(told, stacklevel=_callers_level())
        else:  # whoever wrote 12.5 meant it; WeChat Pay will say no
            _log.warning("%s", told)


def advise(error: ApiError | BusinessError, method: str, path: str, protocol: str) -> None:
    """Add to a refusal what the call was perhaps meant to be, or what to do about it; ``protocol`` is v2 or v3."""
    status = error.status if isinstance(error, ApiError) else 0
    if status == 404 and protocol == "v3":
        hint = _hint(method, path)
        error.add(hint)
        if hint:
            return  # no operation was called, so no operation's code was answered
    error.advise(_remedy(method, path, status, error))


def _hint(method: str, path: str) -> str:
    try:
        from wechatpay_chain.catalog.search import suggest

        return suggest(method, path)
    except Exception:  # a program without the catalogue's files
        return ""


def _remedy(method: str, path: str, status: int, error: ApiError | BusinessError) -> str:
    try:
        from wechatpay_chain.catalog.remedies import remedy

        return remedy(method, path, status, error.code, error.message)
    except Exception:  # a program without the catalogue's files
        return ""


def _callers_level() -> int:
    """How far above a warning, as ``stacklevel``, the code is that made the call."""
    own = __name__.partition(".")[0]
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == own:
        frame, level = frame.f_back, level + 1
    return level
