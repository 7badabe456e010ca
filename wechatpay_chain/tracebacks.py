"""Errors without the values of our frames: a log that shows them would show keys, passwords and bodies."""

from __future__ import annotations

import contextlib
import inspect
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

__all__ = ["cleared", "hiding", "without_frames"]

_PACKAGES = frozenset({"wechatpay_chain", "requests", "urllib3"})
_SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

E = TypeVar("E", bound=BaseException)
P = ParamSpec("P")
R = TypeVar("R")


def without_frames(error: E) -> E:
    """``error`` without traceback and context, whose frames hold what was configured."""
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


def cleared(error: BaseException, before: BaseException | None = None) -> None:
    """Forget the values in the frames that an error has left here and below; their lines stay.

    Frames of callers keep theirs, and so does ``before``, the error that was being handled when the call began.
    """
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and found is not before and id(found) not in seen:
        seen.add(id(found))
        for frame, _ in traceback.walk_tb(found.__traceback__):
            package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            # To clear a generator that waits would end it.
            if package in _PACKAGES and not frame.f_code.co_flags & _SUSPENDABLE:
                with contextlib.suppress(RuntimeError):  # it is still running
                    frame.clear()
        found = found.__cause__ or found.__context__


def hiding(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose errors show where they come from, and no value that was there."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        before = sys.exc_info()[1]
        try:
            return function(*args, **kwargs)
        except Exception as error:
            cleared(error, before)
            del args, kwargs, before
            raise

    return call
