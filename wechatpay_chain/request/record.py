"""What a client tells of a call after it: one line in the log, and a value for ``on_call``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["CallRecord", "report"]

_log = logging.getLogger("wechatpay_chain")


class _QuietHandler(logging.NullHandler):
    """Nothing is printed of calls; a warning is, on stderr, where nobody has set up logging.

    A notification whose handler fails, or a certificate that is left out, must not go unseen.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING and logging.lastResort is not None and not _has_handler():
            logging.lastResort.handle(record)
        return True


def _has_handler() -> bool:
    """Whether somebody else handles what this package logs."""
    logger: logging.Logger | None = _log
    while logger is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


_log.addHandler(_QuietHandler())


class CallRecord(NamedTuple):
    """One call that has ended: nothing of its body, its query or its headers.

    ``path`` is without host and query, ``status`` is None without an answer, ``seconds`` counts attempts and waits,
    ``attempts`` is how often it was tried, ``request_id`` is WeChat Pay's, ``error`` what the call raised, or None.
    """

    method: str
    path: str
    status: int | None
    seconds: float
    attempts: int
    request_id: str
    error: BaseException | None


def report(record: CallRecord, on_call: Callable[[CallRecord], Any] | None) -> None:
    """Write the line of a call, and hand its record to ``on_call``; what that raises is logged and goes no further."""
    _log.info(
        "%s %s: %s, %.0f ms, attempt %d, Request-ID %s",
        *(record.method, record.path, record.status or "no answer", record.seconds * 1000, record.attempts),
        record.request_id or "none",
    )
    if on_call is not None:
        try:
            on_call(record)
        except Exception:
            _log.exception("on_call raised after %s %s", record.method, record.path)
