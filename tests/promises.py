"""Promises that a test holds back, and callbacks for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from wechatpay_chain import Promise
from wechatpay_chain.workers import MAX_WORKERS

LENGTH, PATIENCE = 10_000, 60.0
WORKERS = MAX_WORKERS


def one(_: Any = None) -> int:
    return 1


def add(value: int) -> int:
    return value + 1


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


def held(gate: threading.Event, value: Any = None) -> Promise[Any]:
    """A promise that settles once the gate opens: with ``value``, or rejected when that is an error."""
    opened = Promise.run(lambda: gate.wait(PATIENCE))
    return opened.then(failing(value) if isinstance(value, Exception) else lambda _: value)


def error_of(promise: Promise[Any]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # the caller compares the very object
        promise.result(PATIENCE)
    return caught.value
