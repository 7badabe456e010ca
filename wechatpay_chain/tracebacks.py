"""Errors without the values of this package's frames: a log that shows them would show keys, passwords and bodies."""

from __future__ import annotations

import contextlib
import inspect
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

__all__ = ["caller_lines", "clear_values", "hide_values"]

_PACKAGES = frozenset({"wechatpay_chain", "requests", "urllib3"})
_NOT_THE_CALLER = _PACKAGES | {"IPython", "concurrent", "asyncio", "threading"}
_SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

F = TypeVar("F", bound=Callable[..., Any])


# A function for a function of the same type: editors follow that, and no ParamSpec.
def hide_values(function: F) -> F:
    """Decorate a function that users call: its errors show where they come from, and no value that was there.

    What it calls needs no care of its own. An error that was replaced (``raise … from None``) is dropped, since
    such errors may hold the text that they are about.
    """

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        before = sys.exc_info()[1]
        try:
            return function(*args, **kwargs)
        except Exception as error:
            clear_values(error, before)
            del args, kwargs, before
            raise

    return cast(F, call)


def caller_lines(error: BaseException, most: int = 4) -> list[str]:
    """The lines of an error as a prompt shows them: where the caller stands, and the error itself."""
    frames = [
        summary
        for summary, (frame, _) in zip(
            traceback.extract_tb(error.__traceback__), traceback.walk_tb(error.__traceback__), strict=True
        )
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] not in _NOT_THE_CALLER
    ]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames[-most:])]
    return "".join([*lines, *traceback.format_exception_only(error)]).splitlines()


def clear_values(error: BaseException, before: BaseException | None = None) -> None:
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
        if found.__suppress_context__:
            found.__context__ = found.__cause__
        found = found.__cause__ or found.__context__
