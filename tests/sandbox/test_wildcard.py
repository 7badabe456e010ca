"""Paths with stars and names: what they stand for, and that none takes for ever."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain import errors
from wechatpay_chain.sandbox.wildcard import has_wildcard, matches, read_pattern

WORDS = st.text("ab/", max_size=8)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*", "/v3/pay", True),
        ("/v3/pay", "/v3/pay", True),
        ("/v3/pay", "/v3/pay/x", False),
        ("/v3/*/close", "/v3/pay/T1/close", True),
        ("/v3/*/close", "/v3/close", False),
        ("/v3/{a}/close", "/v3/T1/close", True),
        ("/v3/{a}/close", "/v3/a/b/close", False),
        ("/v3/{a}/close", "/v3//close", False),
        ("*/{a}/close", "/v3/pay/T1/close", True),
        ("/v3/*{a}", "/v3/pay", True),
        ("/v3/{a}*", "/v3/pay/x", True),
        ("/v3.pay", "/v3/pay", False),
        ("/v3/*\n", "/v3/x\n", True),
    ],
)
def test_what_it_stands_for(pattern: str, path: str, fits: bool) -> None:
    """Stars for anything, names for one segment."""
    assert matches(read_pattern(pattern), path) is fits


@given(parts=st.lists(WORDS, min_size=1, max_size=5), path=st.text("ab/", max_size=24))
def test_stars_are_those_of_a_shell(parts: list[str], path: str) -> None:
    """As a regular expression that tries all again finds it."""
    found = re.fullmatch(".*".join(map(re.escape, parts)), path) is not None
    assert matches("*".join(parts), path) is found


def test_many_stars_end() -> None:
    """A pattern that looked again for what it had found would not come back."""
    assert not matches("*a" * 40 + "*b", "a" * 4000)
    assert not matches("/{a}" * 40 + "*b", "/a" * 2000)
    assert matches("*a" * 40 + "*b", "a" * 4000 + "b")


@pytest.mark.parametrize("pattern", ["", None, 5, "/v3?x=1", "/v3/x{a}", "/v3/{a}x", "/v3/{a}{b}", "/" * 2049])
def test_what_is_none_is_refused(pattern: object) -> None:
    """With the field's name."""
    with pytest.raises(errors.ArgumentError, match=r"^path: "):
        read_pattern(pattern)


def test_whether_it_is_one() -> None:
    """Braces alone are text."""
    assert [has_wildcard(text) for text in ("/v3", "/v3/*", "/v3/{a}", "/v3/{}", "/v3/{a b}")] == [
        False,
        True,
        True,
        False,
        False,
    ]
