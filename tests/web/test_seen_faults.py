"""A file that cannot be written, and clocks that are set: no handler runs twice, and none waits for a day."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.promises import PATIENCE
from tests.sockets import eventually
from wechatpay_chain import Notification, Sandbox, Wechatpay
from wechatpay_chain.web import Seen, seen_store
from wechatpay_chain.web.receiver import Receiver

ROOT = Path(__file__).parent.parent.parent
DAY = 86_400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "seen.sqlite"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """As a backup, an editor or a hung process may hold it."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(path: Path) -> Iterator[None]:
    """No id can be written as handled, while claims can: a disk that has room for one row and not for the next."""
    told = "SELECT RAISE(ABORT, 'database or disk is full')"
    with closing(sqlite3.connect(path)) as other:
        for event in ("INSERT", "UPDATE"):
            other.execute(
                f"CREATE TRIGGER no_{event} BEFORE {event} ON notifications WHEN NEW.owner IS NULL BEGIN {told}; END"
            )
        other.commit()
        yield
        other.execute("DROP TRIGGER no_INSERT")
        other.execute("DROP TRIGGER no_UPDATE")
        other.commit()


FAULTS = {"locked": locked, "full": full}


class Handler:
    """Counts how often it ran; ``during`` is what happens meanwhile."""

    def __init__(self, during: Callable[[], object] = lambda: None) -> None:
        self.ids: list[str] = []
        self.during = during

    def __call__(self, notification: Notification) -> None:
        self.ids.append(notification.id)
        self.during()


@pytest.mark.parametrize("fault", FAULTS)
def test_what_has_finished_is_not_run_again(gateway: Sandbox, wxpay: Wechatpay, path: Path, fault: str) -> None:
    """It is answered 204, and so is each copy; what was written last is there for every process."""
    seen = Seen(path, lease=0.2)
    receiver = Receiver(wxpay, seen)
    notice = gateway.pusher().notice("TRANSACTION.SUCCESS")
    entered = FAULTS[fault](path)
    handler = Handler(entered.__enter__)
    assert receiver.run(notice.headers, notice.body, handler).status == 204
    try:
        assert seen.handled(notice.id)
        assert seen.claim(notice.id) is None
        for _ in range(3):
            assert receiver.run(notice.headers, notice.body, handler).status == 204
    finally:
        entered.__exit__(None, None, None)
    assert eventually(lambda: Seen(path).handled(notice.id))
    assert receiver.run(notice.headers, notice.body, handler).status == 204
    assert Receiver(wxpay, Seen(path)).run(notice.headers, notice.body, handler).status == 204
    assert handler.ids == [notice.id]
    assert eventually(lambda: not seen._unwritten)


def test_the_claim_is_renewed_meanwhile(path: Path) -> None:
    """Another process does not take over what has finished, though its lease is long over."""
    seen, other = Seen(path, lease=1), Seen(path, lease=1)
    claim = seen.claim("EV-1")
    assert claim is not None
    with full(path):
        claim.done()
        started = time.monotonic()
        while time.monotonic() < started + 1.5:
            assert other.claim("EV-1") is None
            threading.Event().wait(0.05)
    assert eventually(lambda: other.handled("EV-1"))


def test_what_was_given_back_is_free_later(path: Path) -> None:
    """A handler that failed while the file was locked: its own error is what is told, and the lease ends."""
    seen = Seen(path)
    claim = seen.claim("EV-1")
    assert claim is not None
    with locked(path):
        claim.release()
        assert not seen.handled("EV-1")
    assert eventually(lambda: not seen._unwritten)
    assert seen.claim("EV-1") is not None


def test_many_are_written_when_it_can_be(path: Path) -> None:
    """By one thread, which ends."""
    seen = Seen(path)
    claims = [seen.claim(f"EV-{number}") for number in range(50)]
    with locked(path):
        threads = [threading.Thread(target=claim.done) for claim in claims[:8] if claim is not None]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert all(seen.handled(f"EV-{number}") for number in range(8))
        writers = [thread for thread in threading.enumerate() if thread.name == "wechatpay-seen"]
        assert len(writers) == 1
    assert eventually(lambda: all(Seen(path).handled(f"EV-{number}") for number in range(8)))
    writers[0].join(PATIENCE)
    assert not writers[0].is_alive()
    assert not Seen(path).handled("EV-9")


ENDING = """
import sqlite3, sys
from wechatpay_chain.web import Seen
seen = Seen(sys.argv[1])
claim = seen.claim("EV-1")
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
claim.done()
assert seen._unwritten
other.execute("ROLLBACK")
"""


def test_a_process_that_ends_writes_once_more(path: Path) -> None:
    """What it alone knew would be lost."""
    subprocess.run([sys.executable, "-c", ENDING, str(path)], cwd=ROOT, check=True, timeout=PATIENCE)
    assert Seen(path).handled("EV-1")


def test_a_child_of_a_fork_writes_for_itself(path: Path) -> None:
    """The thread of its parent does not live there."""
    seen = Seen(path)
    claim = seen.claim("EV-1")
    assert claim is not None
    with locked(path):
        claim.done()
    assert eventually(lambda: Seen(path).handled("EV-1"))
    own = seen.claim("EV-2")
    assert own is not None
    child = os.fork()
    if not child:
        with locked(path):
            own.done()
        os._exit(0 if eventually(lambda: Seen(path).handled("EV-2")) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert seen.handled("EV-2")


# Clocks.


class Clocks:
    """The clock on the wall, which may be set, and the steady one of the machine."""

    wall = 1_700_000_000.0
    ticks = 5_000.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.ticks += seconds

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(seen_store, "time", made)
    return made


def done(seen: Seen, key: str) -> None:
    claim = seen.claim(key)
    assert claim is not None
    claim.done()


@pytest.mark.parametrize("jump", [DAY, 40 * DAY, 20_000 * DAY, -DAY, -10_000 * DAY])
def test_a_clock_that_is_set_forgets_no_id(path: Path, clocks: Clocks, jump: float) -> None:
    """Neither while it is wrong nor when it is right again; thirty days that pass do."""
    seen = Seen(path)
    done(seen, "EV-1")
    for step in (jump, -jump):
        clocks.pass_(1)
        clocks.wall += step
        done(seen, f"another {step}")
        assert seen.handled("EV-1")
        assert Seen(path).claim("EV-1") is None
    clocks.pass_(30 * DAY - 60)
    assert seen.handled("EV-1")
    clocks.pass_(120)
    assert not seen.handled("EV-1")


@pytest.mark.parametrize("jump", [DAY, 40 * DAY, -DAY, -400 * DAY])
def test_a_clock_that_is_set_holds_no_claim(path: Path, clocks: Clocks, jump: float) -> None:
    """It ends after its lease, and not before: the handler is still running."""
    seen = Seen(path)
    assert seen.claim("EV-1")
    clocks.wall += jump
    clocks.pass_(119)
    assert Seen(path).claim("EV-1") is None
    clocks.pass_(1)
    assert Seen(path).claim("EV-1") is not None


def test_a_machine_that_starts_anew(path: Path, clocks: Clocks) -> None:
    """Its steady clock begins at nothing; claims of before end by the wall, or by a lease of the new time."""
    seen = Seen(path)
    done(seen, "EV-1")
    assert seen.claim("EV-2")
    assert seen.claim("EV-3")
    clocks.ticks, clocks.wall = 3.0, clocks.wall + 200
    assert seen.claim("EV-2") is not None
    clocks.ticks, clocks.wall = 1.0, clocks.wall - 10 * DAY
    assert seen.claim("EV-2") is None
    clocks.pass_(120)
    assert seen.claim("EV-2") is not None
    clocks.ticks, clocks.wall = 1.0, clocks.wall + 20_000 * DAY
    assert seen.handled("EV-1")


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-1e9, 1e9)), max_size=20))
def test_time_passes_as_on_the_machine(steps: list[tuple[float, float]]) -> None:
    """Whatever becomes of the wall's clock, it never goes back and never ahead of the steady one."""
    for ticks, wall in steps:
        assert 0 <= seen_store._elapsed(wall, ticks) <= ticks
    for ticks, wall in steps:
        assert 0 <= seen_store._elapsed(wall, -1 - ticks) <= DAY


def test_a_file_of_an_earlier_version_is_used(path: Path) -> None:
    """It has no clock of its own; its ids are remembered."""
    with closing(sqlite3.connect(path)) as old:
        old.execute("CREATE TABLE notifications (id TEXT PRIMARY KEY, owner TEXT, until REAL NOT NULL) WITHOUT ROWID")
        old.execute("INSERT INTO notifications VALUES ('EV-1', NULL, ?)", (time.time() + DAY,))
        old.commit()
    seen: Any = Seen(path)
    assert seen.handled("EV-1")
    assert seen.claim("EV-1") is None
    assert seen.claim("EV-2") is not None
