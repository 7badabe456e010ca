"""Errors without the values of our frames: a log that shows them would show keys, passwords and bodies."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

__all__ = ["cleared", "hiding", "without_frames"]

E = TypeVar("E", bound=BaseException)
P = ParamSpec("P")
R = TypeVar("R")


def without_frames(error: E) -> E:
    """``error`` without traceback and context, whose frames hold what was configured."""
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


def cleared(error: BaseException) -> None:
    """Forget the values in all frames that an error and what caused it have left; the lines stay."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        traceback.clear_frames(found.__traceback__)
        found = found.__cause__ or found.__context__


def hiding(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose errors show where they come from, and no value that was there."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            cleared(error)
            del args, kwargs
            raise

    return call
