"""The function that gets a notification: what may be one, and when it has finished."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

__all__ = ["await_result", "check_handler", "is_async", "name_of", "require_result"]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def check_handler(handler: Any) -> Callable[..., Any]:
    """The function that a call of ``handler`` runs, which of an object is its ``__call__``.

    Raises TypeError for a generator, since a call would run nothing of it, and for a function that could be called
    without a notification: on the wrong side of ``receive`` it would run for whoever asks.
    """
    if not callable(handler):
        raise TypeError(f"receive: expected a function, found {type(handler).__name__}")
    is_function = inspect.isroutine(handler) or isinstance(handler, partial)
    function: Callable[..., Any] = handler if is_function else handler.__call__
    name = name_of(handler)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{name}: a generator does nothing when it is called; leave out its yield")
    first = next(iter(_parameters(function)), None)
    if first is None or not _takes_a_notification(first):
        raise TypeError(f"{name}: its first parameter gets the notification: it has to be positional, with no default")
    return function


def name_of(handler: object) -> str:
    """How errors name it."""
    return str(getattr(handler, "__name__", type(handler).__name__))


def is_async(function: Callable[..., Any]) -> bool:
    """Whether what a call hands back has to be awaited, as far as that can be seen before."""
    return inspect.iscoroutinefunction(function)


def require_result(result: Any) -> Any:
    """``result``; TypeError when it stands for work that has not been done."""
    if not (inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result)):
        return result
    if inspect.iscoroutine(result) or inspect.isgenerator(result):
        result.close()
    raise TypeError(
        f"the handler returned a {type(result).__name__}, whose work is not done; under a decorator that is not"
        " async itself an async function looks like any other"
    )


async def await_result(result: Any) -> Any:
    """What ``result`` comes to in the end; TypeError when that stands for work that has not been done."""
    while inspect.isawaitable(result):
        result = await result
    return require_result(result)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError:  # a function of C that does not tell
        return [inspect.Parameter("notification", inspect.Parameter.POSITIONAL_ONLY)]


def _takes_a_notification(first: inspect.Parameter) -> bool:
    if first.kind is inspect.Parameter.VAR_POSITIONAL:
        return True
    return first.kind in _POSITIONAL and first.default is inspect.Parameter.empty
