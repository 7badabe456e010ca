from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from wechatpay_chain import errors
from wechatpay_chain.web import Seen

ROOT = Path(__file__).parent.parent.parent
CLAIMING = """
import sys
from wechatpay_chain.web import Seen
print("ready", flush=True)
sys.stdin.readline()
seen = Seen(sys.argv[1])
for number in range(40):
    claim = seen.claim(f"EV-{number}")
    if claim is not None:
        print(number)
        claim.done()
"""
DYING = """
import sys
from wechatpay_chain.web import Seen
assert Seen(sys.argv[1]).claim("EV-1")
print("claimed", flush=True)
sys.stdin.readline()
"""


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seen(tmp_path: Path, clock: Clock) -> Seen:
    return Seen(tmp_path / "seen.sqlite", clock=clock)


def test_a_claim_is_given_once(seen: Seen) -> None:
    """While it is held, and for good when it was handled."""
    claim = seen.claim("EV-1")
    assert claim is not None
    assert (seen.claim("EV-1"), seen.handled("EV-1")) == (None, False)
    assert seen.claim("EV-2") is not None
    claim.done()
    assert (seen.claim("EV-1"), seen.handled("EV-1")) == (None, True)


def test_a_claim_that_is_given_back_is_free(seen: Seen) -> None:
    """At once, for anybody."""
    for _ in range(2):
        claim = seen.claim("EV-1")
        assert claim is not None
        claim.release()
    assert not seen.handled("EV-1")


def test_a_claim_lapses_after_its_lease(seen: Seen, clock: Clock) -> None:
    """Whoever held it died; if not, it cannot take the claim of its successor back."""
    first = seen.claim("EV-1")
    clock.now += 119
    assert seen.claim("EV-1") is None
    clock.now += 1
    second = seen.claim("EV-1")
    assert first is not None
    assert second is not None
    first.release()
    assert seen.claim("EV-1") is None
    first.done()
    assert seen.handled("EV-1")
    second.release()
    assert seen.handled("EV-1")


def test_an_id_is_remembered_for_thirty_days(seen: Seen, clock: Clock) -> None:
    """Then it is forgotten, and takes no room."""
    for number in range(3):
        claim = seen.claim(f"EV-{number}")
        assert claim is not None
        claim.done()
    clock.now += 30 * 86_400 - 1
    assert seen.handled("EV-1")
    clock.now += 1
    assert not seen.handled("EV-1")
    assert seen.claim("EV-1") is not None
    with closing(sqlite3.connect(seen.path)) as connection:
        assert connection.execute("SELECT count(*) FROM notifications").fetchone() == (1,)


def test_days_and_lease_may_be_others(tmp_path: Path, clock: Clock) -> None:
    """For what a handler needs, and what a disk holds."""
    seen = Seen(str(tmp_path / "seen.sqlite"), days=1, lease=5, clock=clock)
    assert seen.claim("EV-1")
    clock.now += 5
    claim = seen.claim("EV-1")
    assert claim is not None
    claim.done()
    clock.now += 86_400
    assert not seen.handled("EV-1")
    assert "seen.sqlite" in repr(seen)


def start(script: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, str(path)]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert started.stdout is not None
    assert started.stdout.readline() in ("ready\n", "claimed\n")
    return started


def test_of_many_processes_one_gets_each_claim(tmp_path: Path) -> None:
    """Three at once, over forty ids, on a file that each of them may be the first to make."""
    processes = [start(CLAIMING, tmp_path / "seen.sqlite") for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    claimed = [process.communicate()[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(int(number) for numbers in claimed for number in numbers) == list(range(40))


def test_a_process_that_is_killed_blocks_nobody_for_ever(tmp_path: Path) -> None:
    """Its claim stands until the lease is over."""
    path = tmp_path / "seen.sqlite"
    with start(DYING, path) as process:
        os.kill(process.pid, signal.SIGKILL)
    assert Seen(path).claim("EV-1") is None
    assert Seen(path, clock=lambda: time.time() + 121).claim("EV-1") is not None


def test_a_store_waits_for_one_that_is_being_made(tmp_path: Path) -> None:
    """Workers that start together make it once, and none of them fails."""
    path = tmp_path / "seen.sqlite"
    with closing(sqlite3.connect(path)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("CREATE TABLE of_another (id)")
        other.execute("BEGIN EXCLUSIVE")
        made = pool.submit(Seen, path)
        assert not wait([made], timeout=0.2).done
        other.rollback()
        assert made.result(20).claim("EV-1")


def test_a_child_of_a_fork_opens_the_file_anew(seen: Seen) -> None:
    """A server that forks its workers shares the store among them, and the parent goes on."""
    claim = seen.claim("EV-1")
    assert claim is not None
    child = os.fork()
    if not child:
        found = seen.claim("EV-1") is None and seen.claim("EV-2") is not None
        os._exit(0 if found else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    claim.done()
    assert (seen.handled("EV-1"), seen.claim("EV-2")) == (True, None)


@pytest.mark.parametrize("name", ["", ":memory:", "nowhere/seen.sqlite", "folder", "text.txt", "a\0b", "\ud800"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    """When the store is made, not when the first notification comes."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("no database\n" * 100)
    path = name if not name or ":" in name else str(tmp_path / name)
    with pytest.raises(errors.ConfigError, match=r"^seen\.path: ") as caught:
        Seen(path)
    assert caught.value.field == "seen.path"
    assert repr(path) in str(caught.value)


@pytest.mark.parametrize("name", [b"", b":memory:"])
def test_a_store_of_one_process_is_none(name: Any) -> None:
    """In bytes as well."""
    with pytest.raises(errors.ConfigError, match=r"^seen\.path: expected a file that all processes share"):
        Seen(name)


@pytest.mark.parametrize("path", [None, 1, object()])
def test_what_is_no_path_is_refused(path: Any) -> None:
    """By the same error."""
    with pytest.raises(errors.ConfigError, match=r"^seen\.path: expected the name of a file, found ") as caught:
        Seen(path)
    assert caught.value.field == "seen.path"


@pytest.mark.parametrize("name", ["days", "lease"])
@pytest.mark.parametrize("value", ["30", None, 0, -1, float("nan"), float("inf"), 10**400, True, [1]])
def test_what_is_no_time_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    """With days of text the handler would run and be answered 500, with none each duplicate would run."""
    options: dict[str, Any] = {name: value}
    with pytest.raises(
        errors.ConfigError, match=f"^seen.{name}: expected a number between 0 and 1e9, found "
    ) as caught:
        Seen(tmp_path / "seen.sqlite", **options)
    assert caught.value.field == f"seen.{name}"
    assert not (tmp_path / "seen.sqlite").exists()


def test_what_is_no_clock_is_refused(tmp_path: Path) -> None:
    """It is called for the time."""
    with pytest.raises(errors.ConfigError, match=r"^seen\.clock: expected a function, found int") as caught:
        Seen(tmp_path / "seen.sqlite", clock=5)  # type: ignore[arg-type]
    assert caught.value.field == "seen.clock"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o007])
def test_the_files_are_for_their_owner_alone(tmp_path: Path, umask: int) -> None:
    """Whatever the umask leaves, those beside it too, and a file that is there already."""
    given = tmp_path / "given.db"
    given.touch()
    given.chmod(0o666)
    before = os.umask(umask)
    try:
        for path in (tmp_path / "seen.db", given):
            seen = Seen(path)
            claim = seen.claim("EV-1")
            assert claim is not None
            claim.done()
            modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.glob(f"{path.name}*")}
            assert len(modes) >= 1
            assert set(modes.values()) == {0o600}
    finally:
        os.umask(before)


def test_the_files_of_an_open_store_are_closed_to_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As one of before 0.4 left them, and a journal beside it; what was handled is still known."""
    path = tmp_path / "seen.db"
    seen = Seen(path)
    claim = seen.claim("EV-1")
    assert claim is not None
    claim.done()
    files = list(tmp_path.glob("seen.db*"))
    for each in files:
        each.chmod(0o664)

    assert Seen(path).handled("EV-1")

    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}
    assert f"seen: {path} could be used by others (mode 64); it is for its owner alone now" in caplog.text


@pytest.mark.parametrize(("mode", "refused"), [(0o606, True), (0o660, False), (0o604, False)])
def test_a_file_of_another_user_is_told_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, mode: int, refused: bool
) -> None:
    path = tmp_path / "seen.db"
    path.touch()
    path.chmod(mode)
    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
    if refused:
        with pytest.raises(
            errors.ConfigError, match=r"^seen\.path: '.*seen\.db' can be written by everybody; chmod 600$"
        ):
            Seen(path)
    else:
        Seen(path)
        assert "and can be used by others" in caplog.text
    assert path.stat().st_mode & 0o777 == mode


def test_what_is_no_store_keeps_its_mode(tmp_path: Path) -> None:
    """Somebody's file, given by mistake."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"x" * 5000)
    path.chmod(0o664)
    with pytest.raises(errors.ConfigError, match=r"^seen\.path: .* cannot be used"):
        Seen(path)
    assert path.stat().st_mode & 0o777 == 0o664
