"""The sandboxes of one process's tests: made when they are first needed, used again by the next test."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator

from wechatpay_chain.testing.observed import ObservedSandbox

__all__ = ["close", "sandbox"]

_guard = threading.Lock()
_idle: list[ObservedSandbox] = []


@contextlib.contextmanager
def sandbox() -> Iterator[ObservedSandbox]:
    """A sandbox without orders, requests, notices and faults, for as long as the block or the test lasts.

    One that is not in use is taken again, since making keys is slow; two blocks at once have one each. For unittest:
    ``self.enterContext(testing.sandbox())`` in ``setUp`` (Python 3.11), or ``contextlib.ExitStack``. Refunds end at
    once; all else is as ``Sandbox`` has it.
    """
    with _guard:
        gateway = _idle.pop() if _idle else None
    if gateway is None:
        gateway = ObservedSandbox(refund_after=0)
    else:
        gateway.reset()
    try:
        yield gateway
    finally:
        # One that its test has closed, as a with statement does, is not used again.
        if not gateway.is_closed:
            # What a test left is gone before the next one begins, and nothing of it is delivered later.
            gateway.reset()
            with _guard:
                _idle.append(gateway)


def close() -> None:
    """Close the sandboxes that are not in use; the next test makes one anew."""
    with _guard:
        closing, _idle[:] = list(_idle), []
    for gateway in closing:
        gateway.close()


def _forget() -> None:
    """A forked process has neither the threads nor the sockets of its parent."""
    global _guard
    _guard = threading.Lock()
    _idle.clear()


atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
