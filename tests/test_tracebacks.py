"""Errors keep their lines and drop our values; what belongs to the caller is left alone."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from wechatpay_chain import Wechatpay, errors
from wechatpay_chain.tracebacks import clear_values


def values_of(error: BaseException, package: str) -> str:
    """What the frames of a package hold of an error."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return "".join(repr(frame.f_locals) for frame in frames if frame.f_globals["__name__"].startswith(package))


def test_the_lines_stay_and_our_values_go(wxpay: Wechatpay) -> None:
    """Of a call that failed after it was sent; the caller's own frame is as it was."""
    mine = "a value of the caller"
    with pytest.raises(errors.ClientError) as caught:
        wxpay.v3.nowhere.post({"password": "hush-hush"})
    lines = "".join(traceback.format_tb(caught.value.__traceback__))
    assert "transport/session.py" in lines
    assert "hush-hush" not in values_of(caught.value, "wechatpay_chain")
    assert mine in values_of(caught.value, __name__)


def test_a_generator_of_the_callers_goes_on(wxpay: Wechatpay) -> None:
    """Though its frame is in the traceback of an error that is being handled while ours is raised."""

    def pages() -> Iterator[tuple[int, Exception | None]]:
        for number in range(4):
            failed: Exception | None = None
            try:
                if number == 1:
                    raise ConnectionError
            except ConnectionError as error:
                failed = error
            yield number, failed

    seen = []
    for number, failed in pages():
        seen.append(number)
        try:
            if failed:
                raise failed
        except ConnectionError:
            with pytest.raises(errors.ClientError):
                wxpay.v3.nowhere.get()
    assert seen == [0, 1, 2, 3]


def test_an_error_that_was_there_before_keeps_its_values(wxpay: Wechatpay) -> None:
    """Whoever calls while handling an error of ours finds that one unchanged."""
    first: Any = None
    try:
        int("x" if (marker := "mine") else "")
    except ValueError as error:
        first = error
        with pytest.raises(errors.ClientError) as caught:
            wxpay.v3.nowhere.get()
        assert caught.value.__context__ is None or marker
    assert "mine" in values_of(first, __name__)


def test_errors_in_a_circle_are_cleared_once() -> None:
    """A cause of itself, by way of another."""
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    clear_values(one)
