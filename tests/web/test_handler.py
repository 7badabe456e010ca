from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from wechatpay_chain import Notification, Promise, Wechatpay
from wechatpay_chain.web import fastapi, flask
from wechatpay_chain.web.handler import await_result, check_handler, is_async, require_result


def notify(notification: Notification) -> str:
    return "done"


async def later(notification: Notification) -> str:
    return "done"


def generator(notification: Notification) -> Iterator[None]:
    yield


async def async_generator(notification: Notification) -> AsyncIterator[None]:
    yield


class Called:
    def __call__(self, notification: Notification) -> str:
        return "done"


class Later:
    async def __call__(self, notification: Notification) -> str:
        return "done"


class Yields:
    def __call__(self, notification: Notification) -> Iterator[None]:
        yield

    def method(self, notification: Notification, *, shop: str = "") -> str:
        return "done"


def of_parts(*args: Any, **parts: Any) -> str:
    return "done"


def of_more(notification: Notification, shop: str) -> str:
    return "done"


def with_default(notification: Notification | None = None) -> None:
    """Could be called without one."""


def by_name(*, notification: Notification) -> None:
    """Cannot be given one."""


def without() -> None:
    """Takes none."""


GOOD: dict[str, tuple[Callable[..., Any], bool]] = {
    "function": (notify, False),
    "async function": (later, True),
    "object": (Called(), False),
    "async object": (Later(), True),
    "method": (Yields().method, False),
    "partial": (functools.partial(of_more, shop="x"), False),
    "partial of an async one": (functools.partial(later), True),
    "any arguments": (of_parts, False),
    "lambda": (lambda notification: "done", False),
    "of C": (print, False),
    "of C that does not tell": (dict.fromkeys, False),
}


@pytest.mark.parametrize("name", GOOD)
def test_whatever_takes_a_notification_may_handle_it(name: str) -> None:
    """And whether it has to be awaited is seen where it can be."""
    handler, expected = GOOD[name]
    assert is_async(check_handler(handler)) is expected


BAD: dict[str, tuple[Any, str]] = {
    "generator": (generator, "^generator: a generator does nothing when it is called"),
    "async generator": (async_generator, "^async_generator: a generator does nothing"),
    "object that yields": (Yields(), "^Yields: a generator does nothing"),
    "default": (with_default, "^with_default: its first parameter gets the notification"),
    "by name": (by_name, "^by_name: its first parameter"),
    "without": (without, "^without: its first parameter"),
    "nothing": (None, "^receive: expected a function, found NoneType$"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_could_not_handle_it_is_refused_where_it_stands(wxpay: Wechatpay, name: str) -> None:
    """Or could run without one: on the wrong side of the route Flask would call it so."""
    handler, words = BAD[name]
    for receive in (flask.receive, fastapi.receive):
        with pytest.raises(TypeError, match=words):
            receive(wxpay)(handler)


def unfinished() -> Iterator[Any]:
    yield later(None)  # type: ignore[arg-type]
    yield generator(None)  # type: ignore[arg-type]
    yield async_generator(None)  # type: ignore[arg-type]
    yield Promise.resolve(1)


def test_work_that_is_not_done_is_no_result() -> None:
    """Where nothing can await it; the error names what it is."""
    for result, kind in zip(unfinished(), ("coroutine", "generator", "async_generator", "Promise"), strict=True):
        with pytest.raises(TypeError, match=f"the handler returned a {kind}, whose work is not done"):
            require_result(result)
    for done in (None, 0, True, "text", [1], object()):
        assert require_result(done) is done


def test_work_is_awaited_to_its_end() -> None:
    """Through all that a function may hand on, a task or a promise."""

    async def task() -> Any:
        return asyncio.create_task(later(None))  # type: ignore[arg-type]

    async def of_a_generator() -> Any:
        return generator(None)  # type: ignore[arg-type]

    async def main() -> None:
        assert await await_result(task()) == "done"
        assert await await_result(Promise.resolve(1)) == 1
        assert await await_result(None) is None
        with pytest.raises(TypeError, match="returned a generator"):
            await await_result(of_a_generator())

    asyncio.run(main())
