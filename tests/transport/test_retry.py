from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain.errors import Attempt
from wechatpay_chain.protocol.hosts import Base
from wechatpay_chain.transport import retry
from wechatpay_chain.transport.retry import RetryPlan, jitter, retry_after

BASES = tuple(Base(f"https://{name}.example") for name in "abcdef")
UNREACHED = Attempt("h", "e", sent=False)
LOST = Attempt("h", "e", sent=True)


@given(st.integers(0, 1000))
def test_jitter_stays_below_a_ceiling_that_doubles(waits: int) -> None:
    """Half a second, one, two, four, and four from then on."""
    assert 0 <= jitter(waits) <= min(4.0, 0.5 * 2 ** min(waits, 10))


def test_jitter_is_full() -> None:
    """Anywhere between nothing and the ceiling."""
    drawn = [jitter(3) for _ in range(2000)]
    assert min(drawn) < 0.1
    assert max(drawn) > 3.9
    assert 1.7 < sum(drawn) / len(drawn) < 2.3


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("-7", 0),
        ("7.5", 0),
        ("soon", 0),
        ("9" * 5000, 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 99 Foo 2015 99:28:00 GMT", 0),
        ("Wed, 21 Oct 99999999999 07:28:00 GMT", 0),
    ],
)
def test_retry_after_is_seconds(value: str | None, seconds: float) -> None:
    """What cannot be read, or lies behind, asks for nothing."""
    assert retry_after(value) == seconds


def test_retry_after_may_be_a_date() -> None:
    """Seconds from now."""
    assert 55 < retry_after(formatdate(time.time() + 60, usegmt=True)) <= 60
    assert retry_after("999999") > 3600


@given(st.text())
def test_any_retry_after_is_survived(value: str) -> None:
    """Never negative."""
    assert retry_after(value) >= 0


def test_hosts_follow_each_other_at_once_while_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every host once, also when there are more than attempts."""
    monkeypatch.setattr(retry, "jitter", lambda waits: pytest.fail("no wait"))
    plan = RetryPlan(BASES, 1)
    for base in BASES[:-1]:
        assert plan.base == base
        assert plan.wait_after_unreached(UNREACHED) == 0
    assert plan.base == BASES[-1]
    assert plan.wait_after_unreached(UNREACHED) is None
    assert plan.attempts == (UNREACHED,) * 6


def test_waits_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what the host asks for is added, up to ten seconds."""
    monkeypatch.setattr(retry, "jitter", lambda waits: float(waits))
    plan = RetryPlan(BASES[:2], 6)
    assert [plan.wait_after_unserved(LOST, asked) for asked in (0, 0, 2.5, 10)] == [0, 1, 4.5, 13]
    assert plan.base == BASES[0]
    assert plan.wait_after_unserved(LOST, 10.1) is None


def test_a_host_that_was_down_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GET whose main site is down makes its attempts at the backup."""
    monkeypatch.setattr(retry, "jitter", lambda waits: 0.5)
    plan = RetryPlan(BASES[:2], 3)
    assert plan.wait_after_unreached(UNREACHED) == 0
    assert plan.base == BASES[1]
    assert plan.wait_after_unserved(LOST) == 0.5
    assert plan.base == BASES[1]
    assert plan.wait_after_unserved(LOST) is None


@given(
    st.integers(1, 6),
    st.integers(1, 10),
    st.booleans(),
    st.lists(st.sampled_from(["wait_after_unreached", "lost"]), min_size=16),
)
def test_a_course_ends(hosts: int, limit: int, insistent: bool, outcomes: list[str]) -> None:
    """After ``limit`` attempts, or as many as there are hosts; what was sent is never sent again past ``limit``."""
    plan = RetryPlan(BASES[:hosts], limit, insistent)
    for outcome in outcomes:
        assert plan.base in BASES[:hosts]
        wait = (
            plan.wait_after_unreached(UNREACHED)
            if outcome == "wait_after_unreached"
            else plan.wait_after_unserved(LOST)
        )
        if wait is None:
            break
        assert wait <= 4
    assert len(plan.attempts) <= max(limit, hosts)
    sent = [attempt for attempt in plan.attempts if attempt.sent]
    assert len(sent) <= limit
