from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from tests.answers import another_key
from tests.promises import PATIENCE
from wechatpay_chain import errors
from wechatpay_chain.protocol.keyring import Fetched, Key, Keyring

PUBLIC = generate_private_key(65537, 2048).public_key()
START = 1_700_000_000.0
DAY = 86_400.0
HOUR = 3600.0


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def key(key_id: str, since: float = START - DAY, until: float = START + 365 * DAY) -> Key:
    return Key(key_id, PUBLIC, since, until)


class Source:
    """What WeChat Pay hands out, and how often it was asked."""

    def __init__(self, clock: Clock, *ids: str) -> None:
        self.clock = clock
        self.ids = ids
        self.wanted: list[str] = []
        self.failure: Exception | None = None
        self.renewed = threading.Event()

    def __call__(self, wanted: str) -> Fetched:
        self.wanted.append(wanted)
        self.renewed.set()
        if self.failure is not None:
            raise self.failure
        return Fetched(tuple(key(each, START + at) for at, each in enumerate(self.ids)), self.clock())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(clock: Clock) -> Source:
    return Source(clock, "A")


def ring(source: Source, **fixed: Key) -> Keyring:
    keyring = Keyring(fixed, clock=source.clock)
    keyring.refresh = source
    source.clock.now = START + 10
    return keyring


def test_nothing_is_asked_for_before_it_is_needed(source: Source) -> None:
    """The first need asks once; later ones do not."""
    keyring = ring(source)
    assert not source.wanted
    assert keyring.current.id == "A"
    assert keyring.find("A").id == "A"
    assert source.wanted == [""]


def test_a_fixed_key_needs_no_download(source: Source) -> None:
    """Neither for what leaves nor for what it proves."""
    keyring = ring(source, PUB_KEY_ID_1=Key("PUB_KEY_ID_1", PUBLIC, float("inf")))
    assert keyring.current.id == keyring.find("PUB_KEY_ID_1").id == "PUB_KEY_ID_1"
    assert not source.wanted


def test_an_unknown_id_is_asked_for_once_in_30_seconds(source: Source, clock: Clock) -> None:
    """Whatever arrives; the first download does not count."""
    keyring = ring(source)
    assert keyring.current.id == "A"
    source.ids = ("A", "B")
    assert keyring.find("B").id == "B"
    for unknown in ("C", "D", "E" * 128):
        with pytest.raises(errors.UnknownSerial, match="this client holds A, B"):
            keyring.find(unknown)
    assert source.wanted == ["", "B"]
    clock.now += 29.9
    with pytest.raises(errors.UnknownSerial):
        keyring.find("C")
    assert source.wanted == ["", "B"]
    clock.now += 0.2
    source.ids = ("A", "B", "C")
    assert keyring.find("C").id == "C"
    assert source.wanted == ["", "B", "C"]


def test_a_failing_first_download_is_not_repeated_by_what_arrives(source: Source) -> None:
    """Neither a flood of notifications nor calls of one's own ask more than once in 30 s; each is told why."""
    keyring = ring(source)
    source.failure = errors.TransportError("down")
    for _ in range(5):
        with pytest.raises(errors.WechatpayError):
            keyring.find("A")
    assert source.wanted == ["A"]
    for _ in range(2):
        with pytest.raises(errors.TransportError, match=r"^down \(asked less than 30 s ago"):
            _ = keyring.current
    assert source.wanted == ["A"]
    source.clock.now += 29.9
    with pytest.raises(errors.TransportError, match=r"^down \(asked"):
        _ = keyring.current
    source.clock.now += 0.2
    for _ in range(3):
        with pytest.raises(errors.TransportError, match=r"^down( \(asked less than 30 s ago[^(]*\))?$"):
            _ = keyring.current
    assert source.wanted == ["A", ""]
    source.failure = None
    source.clock.now += 30
    assert keyring.current.id == "A"


def test_a_download_that_brings_none_is_not_repeated(source: Source, clock: Clock) -> None:
    """It succeeded, and there is still no key: asked again after 30 s, whether all are expired or there is none."""
    keyring = ring(source)
    source.ids = ()
    for _ in range(5):
        with pytest.raises(errors.ConfigError, match=r"^certs: no key of WeChat Pay"):
            _ = keyring.current
    assert source.wanted == [""]
    clock.now += 30
    keyring.refresh = lambda wanted: Fetched((key("old", START - 9 * DAY, START),), source(wanted).at)
    for _ in range(5):
        assert keyring.current.id == "old"  # better than none: the answer tells
    assert source.wanted == ["", ""]
    clock.now += 30
    keyring.refresh, source.ids = source, ("A",)
    assert keyring.current.id == "A"


@pytest.mark.parametrize("unknown", ["PUB_KEY_ID_0123", "", " ", "A B", "ü", "x" * 129, "A\nB"])
def test_what_no_download_brings_is_not_asked_for(source: Source, unknown: str) -> None:
    """Public keys come from the console alone, and what is no id is none."""
    keyring = ring(source)
    assert keyring.current.id == "A"
    with pytest.raises(errors.UnknownSerial):
        keyring.find(unknown)
    assert source.wanted == [""]


def test_an_unknown_id_whose_download_fails_is_told_with_the_reason(source: Source) -> None:
    """UnknownSerial when any key is held, else a ConfigError that names the public key."""
    source.failure = errors.TransportError("down")
    with pytest.raises(errors.UnknownSerial, match="holds PUB_KEY_ID_1; add it to certs; asking for it failed: down"):
        ring(source, PUB_KEY_ID_1=Key("PUB_KEY_ID_1", PUBLIC, float("inf"))).find("A")
    with pytest.raises(errors.ConfigError, match="asking for it failed: down; configure the public key") as caught:
        ring(source).find("A")
    assert caught.value.field == "certs"


def test_many_threads_ask_once(source: Source, gate: threading.Event) -> None:
    """All wait for the one answer: at the first need, and for an unknown id."""
    keyring = ring(source)
    plain = source.__call__

    def slowly(wanted: str) -> Fetched:
        fetched = plain(wanted)
        assert gate.wait(PATIENCE)
        return fetched

    keyring.refresh = slowly
    need: Callable[[], str]
    for need, wanted in ((lambda: keyring.current.id, ["A"]), (lambda: keyring.find("B").id, ["A", "B"])):
        source.ids = tuple(wanted)
        source.renewed.clear()
        gate.clear()
        with ThreadPoolExecutor(16) as pool:
            waiting = [pool.submit(need) for _ in range(16)]
            assert source.renewed.wait(PATIENCE)
            gate.set()
            assert {each.result(PATIENCE) for each in waiting} == {wanted[-1]}
    assert source.wanted == ["", "B"]


def test_old_certificates_are_renewed_behind_a_call(source: Source, clock: Clock, gate: threading.Event) -> None:
    """After 12 h the call that finds them old begins it, and does not wait; others begin no second one."""
    keyring = ring(source)
    assert keyring.current.id == "A"
    plain, swapped = source.__call__, threading.Event()

    def slowly(wanted: str) -> Fetched:
        assert gate.wait(PATIENCE)
        fetched = plain(wanted)
        swapped.set()
        return fetched

    keyring.refresh = slowly
    clock.now += 12 * HOUR - 1
    assert keyring.current.id == "A"
    clock.now += 2
    source.ids = ("A", "B")
    assert [keyring.current.id for _ in range(3)] == ["A"] * 3
    assert keyring.find("A").id == "A"
    assert source.wanted == [""]
    gate.set()
    assert swapped.wait(PATIENCE)
    assert keyring.find("B").id == "B"
    assert keyring.current.id == "B"
    assert source.wanted == ["", ""]


def test_a_failing_renewal_fails_no_call(source: Source, clock: Clock) -> None:
    """The old ones verify; a log tells; it is tried again after 30 s at the earliest."""
    keyring = ring(source)
    assert keyring.current.id == "A"
    clock.now += 13 * HOUR
    source.failure = errors.TransportError("down")
    source.renewed.clear()
    told: queue.Queue[str] = queue.Queue()
    handler = logging.Handler()
    handler.emit = lambda record: told.put(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("wechatpay_chain")
    log.addHandler(handler)
    assert keyring.current.id == "A"
    assert told.get(timeout=PATIENCE) == "the platform certificates could not be renewed: down"
    log.removeHandler(handler)
    assert [keyring.current.id for _ in range(3)] == ["A"] * 3
    assert source.wanted == ["", ""]


def test_a_clock_that_jumps_ends_no_renewal(source: Source, clock: Clock) -> None:
    """Set back by a year, what was brought counts as old, and the pause as over."""
    keyring = ring(source)
    assert keyring.current.id == "A"
    source.ids = ("A", "B")
    assert keyring.find("B")
    source.renewed.clear()
    clock.now -= 365 * DAY
    assert keyring.find("A")
    assert source.renewed.wait(PATIENCE)


def test_a_certificate_that_is_gone_verifies_for_five_minutes(source: Source, clock: Clock) -> None:
    """Answers under way may still name it; then it is unknown, and meanwhile nothing is encrypted for it."""
    keyring = ring(source)
    assert keyring.current.id == "A"
    source.ids = ("B",)
    assert keyring.find("B")
    assert keyring.find("A").until == clock.now + 300
    assert keyring.current.id == "B"
    clock.now += 301
    with pytest.raises(errors.UnknownSerial):
        keyring.find("A")


def test_the_newest_that_is_valid_now_is_for_what_leaves(clock: Clock) -> None:
    """Not one of tomorrow, and no expired one; a public key before all of them."""
    keys = {
        "old": key("old", START - 9 * DAY),
        "new": key("new", START - DAY),
        "tomorrow": key("tomorrow", START + DAY),
        "expired": key("expired", START - 2 * DAY, START - 1),
    }
    keyring = Keyring(keys, clock=clock)
    assert keyring.current.id == "new"
    clock.now += 2 * DAY
    assert keyring.current.id == "tomorrow"
    assert Keyring({**keys, "P": Key("P", PUBLIC, float("inf"))}, clock=clock).current.id == "P"


def test_expired_certificates_are_replaced_before_a_call(source: Source, clock: Clock) -> None:
    """Those of a folder that was not used for years; without a download they are better than none."""
    keyring = ring(source, old=key("old", START - 9 * DAY, START - 1))
    assert keyring.current.id == "A"
    assert Keyring({"old": key("old", START - 9 * DAY, START - 1)}, clock=clock).current.id == "old"


def test_an_interrupted_download_leaves_the_others_to_it(source: Source) -> None:
    """Ctrl-C ends one thread's wait; the next need asks again."""
    keyring = ring(source)

    def interrupted(wanted: str) -> Fetched:
        raise KeyboardInterrupt

    keyring.refresh = interrupted
    with pytest.raises(KeyboardInterrupt):
        _ = keyring.current
    keyring.refresh = source
    assert keyring.current.id == "A"


@given(st.text() | st.text(alphabet="ABCDEF0123456789", min_size=1))
def test_whatever_id_arrives_only_our_errors_come(key_id: str) -> None:
    """On one line, and an attacker's text is cut short."""
    clock = Clock()
    source = Source(clock, "ZZ")
    keyring = ring(source)
    assert keyring.current.id == "ZZ"
    with pytest.raises(errors.UnknownSerial) as caught:
        keyring.find(key_id)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 800
    assert len(source.wanted) <= 2


def child(keyring: Keyring) -> None:
    os._exit(0 if keyring.current.id == "A" else 1)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_download_of_the_parent_keeps_no_child_waiting(source: Source, gate: threading.Event, no_hang: None) -> None:
    """A child that was forked in the midst of one makes its own."""
    keyring = ring(source)

    def stuck(wanted: str) -> Fetched:
        source.renewed.set()
        assert gate.wait(PATIENCE)
        return Fetched((), START)

    keyring.refresh = stuck

    def wait() -> None:
        with pytest.raises(errors.ConfigError):
            _ = keyring.current

    thread = threading.Thread(target=wait)
    thread.start()
    assert source.renewed.wait(PATIENCE)
    keyring.refresh = Source(source.clock, "A")
    process = multiprocessing.get_context("fork").Process(target=child, args=(keyring,))
    process.start()
    process.join(PATIENCE)
    gate.set()
    thread.join(PATIENCE)
    assert process.exitcode == 0


def test_an_id_is_given_once() -> None:
    """Also where blanks around it hide that it is the same."""
    key = another_key().public_key()
    with pytest.raises(errors.ConfigError, match=r"^certs\['A'\]: given twice$"):
        Keyring.of({"A": key, " A": key})
