"""Which notifications were handled already: one SQLite file for all processes of a machine."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial

from wechatpay_chain.errors import ConfigError

__all__ = ["Claim", "Seen", "positive"]

_DAY = 86_400
# WeChat Pay waits five seconds for an answer.
_LOCK_PATIENCE = 4
_PAUSE = 0.02
# Milliseconds: what is finished is answered in time, and written later if need be.
_SETTLE_PATIENCE = 500
# Seconds between two tries to write what could not be written; a lock is waited for in between.
_AGAIN = 0.2
_log = logging.getLogger("wechatpay_chain.web")
# A power cut may forget the last seconds, never spoil the file; what was answered 204 is seldom sent again.
_TABLE = (
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS notifications"
    " (id TEXT PRIMARY KEY, owner TEXT, until REAL NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS notifications_until ON notifications (until);"
    # The time by which ids and claims end, and what the two clocks said when it was last told.
    "CREATE TABLE IF NOT EXISTS clock"
    " (one INTEGER PRIMARY KEY CHECK (one = 1), time REAL NOT NULL, wall REAL NOT NULL, ticks REAL NOT NULL)"
)


# Connections of a parent process: closing one here could end a lock of the parent's.
_inherited: list[_Opened] = []


class Claim:
    """The right to handle one notification; whoever has it says how it went, once."""

    def __init__(self, settle: Callable[[bool], None]) -> None:
        self._settle = settle

    def done(self) -> None:
        """It was handled, and every duplicate is told so from now on."""
        self._settle(True)

    def release(self) -> None:
        """It was not handled: the next one may claim it at once."""
        self._settle(False)


class _Opened:
    """A connection of one process, for one thread at a time; a child of a fork opens its own."""

    def __init__(self, path: str) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.connection = sqlite3.connect(path, timeout=_LOCK_PATIENCE, isolation_level=None, check_same_thread=False)

    def __del__(self, getpid: Callable[[], int] = os.getpid) -> None:
        if hasattr(self, "connection") and self.pid == getpid():
            self.connection.close()


class Seen:
    """A store of notification ids in the SQLite file ``path``, which is made when it is not there.

    ``days`` is how long an id is remembered. ``lease`` (seconds) is how long a handler may run: a claim that is
    older belongs to a process that died, and another one takes it over. It is two minutes, far beyond the five
    seconds that WeChat Pay waits, for a handler that runs twice is worse than one that runs late. A clock that is set
    forward or back ends neither: time passes in the file as it does on the machine's steady clock. What has finished
    while the file could not be written is remembered by this process and written as soon as it can be. The file has
    to be on a disk of this machine; several machines need a store of their own. It is for its owner alone (mode 0600),
    whatever its mode was. ``clock`` gives seconds since 1970
    in place of both clocks, for tests. Raises ConfigError, which names the argument, and the file when it cannot be
    used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        days: float = 30,
        lease: float = 120,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.path = _file(path)
        self._kept = positive(days, "seen.days") * _DAY
        self._lease = positive(lease, "seen.lease")
        if clock is not None and not callable(clock):
            raise ConfigError(f"seen.clock: expected a function, found {type(clock).__name__}", "seen.clock")
        self._clock = clock
        # By id: the owner of a claim, and whether it was handled, as it is not in the file yet.
        self._unwritten: dict[str, tuple[str, bool]] = {}
        self._writing = threading.Lock()
        self._writer = 0
        try:
            self._opened = _open(self.path)
        except ConfigError:
            raise
        except (sqlite3.Error, ValueError) as error:  # ValueError: no name that a file can have
            reason = str(error)
        else:
            return
        raise ConfigError(f"seen.path: {self.path!r} cannot be used ({reason})", "seen.path")

    def __repr__(self) -> str:
        return f"<Seen {self.path}>"

    def claim(self, key: str) -> Claim | None:
        """The claim on ``key`` when nobody holds it; None while another one does, and when it was handled.

        ``handled(key)`` tells which. Claiming is one transaction: of all processes one gets it.
        """
        if self._has_finished(key):
            return None
        owner = secrets.token_hex(16)
        with self._connect() as connection:
            connection.execute("BEGIN IMMEDIATE")
            now = self._now(connection)
            connection.execute("DELETE FROM notifications WHERE until <= ?", (now,))
            row = (key, owner, now + self._lease)
            done = connection.execute("INSERT OR IGNORE INTO notifications VALUES (?, ?, ?)", row)
            return Claim(partial(self._settle, key, owner)) if done.rowcount else None

    def handled(self, key: str) -> bool:
        """Whether ``key`` was handled, and is still remembered."""
        if self._has_finished(key):
            return True
        query = "SELECT 1 FROM notifications WHERE id = ? AND owner IS NULL AND until > ?"
        with self._connect() as connection:
            return connection.execute(query, (key, self._now(connection, told=False))).fetchone() is not None

    def _now(self, connection: sqlite3.Connection, told: bool = True) -> float:
        """The time by which ids and claims end; where it is ``told``, the next one counts from here."""
        wall, ticks = time.time() if self._clock is None else self._clock(), time.monotonic()
        before = connection.execute("SELECT time, wall, ticks FROM clock").fetchone()
        now: float = wall
        if before is not None:
            passed = wall - before[1]
            now = before[0] + (_elapsed(passed, ticks - before[2]) if self._clock is None else max(passed, 0))
        if told:
            connection.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?)", (now, wall, ticks))
        return now

    def _has_finished(self, key: str) -> bool:
        """Whether this process handled it, though the file does not say so yet."""
        return self._unwritten.get(key, ("", False))[1]

    def _settle(self, key: str, owner: str, handled: bool) -> None:
        reason = ""
        try:
            with self._connect() as connection:
                # Where the file is waited for already, nobody else has to.
                if not self._unwritten:
                    reason = self._try_to_record(connection, key, owner, handled)
                    if not reason:
                        return
        except sqlite3.Error as error:  # a child of a fork opens the file here
            reason = str(error)
        # It did happen, whatever becomes of the file: this process knows it from now on.
        self._unwritten[key] = (owner, handled)
        if reason:
            _log.warning("seen: %s cannot be written now (%s); it is tried again until it can be", self.path, reason)
        self._write_later()

    def _try_to_record(self, connection: sqlite3.Connection, key: str, owner: str, handled: bool) -> str:
        """Why it could not be written; empty when it was."""
        connection.execute(f"PRAGMA busy_timeout = {_SETTLE_PATIENCE}")
        try:
            with connection:
                self._record(connection, key, owner, handled)
        except sqlite3.Error as error:
            return str(error) or type(error).__name__
        finally:
            connection.execute(f"PRAGMA busy_timeout = {_LOCK_PATIENCE * 1000}")
        return ""

    def _record(self, connection: sqlite3.Connection, key: str, owner: str, handled: bool) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if not handled:
            connection.execute("DELETE FROM notifications WHERE id = ? AND owner = ?", (key, owner))
            return
        # Even when the lease is over: it did happen.
        until = self._now(connection) + self._kept
        done = connection.execute("UPDATE notifications SET owner = NULL, until = ? WHERE id = ?", (until, key))
        if not done.rowcount:
            connection.execute("INSERT INTO notifications VALUES (?, NULL, ?)", (key, until))

    def _write_later(self) -> None:
        """Begin to write what is unwritten, unless this process has begun already."""
        if self._writer != os.getpid():
            # Of a fork no thread lives on, and one of them may have held the lock.
            self._writing, self._writer = threading.Lock(), 0
        with self._writing:
            if self._writer:
                return
            self._writer = os.getpid()
        atexit.register(self._write_once)
        thread = threading.Thread(target=self._write_until_done, name="wechatpay-seen", daemon=True)
        with suppress(RuntimeError):  # the interpreter is about to end, and writes once more
            thread.start()

    def _write_until_done(self) -> None:
        wait = threading.Event().wait
        while True:
            if not self._write_once():
                wait(_AGAIN)
            with self._writing:
                if not self._unwritten:
                    self._writer = 0
                    atexit.unregister(self._write_once)
                    return

    def _write_once(self) -> bool:
        """Write what is unwritten, and renew the claim of what cannot be; False when something could not."""
        for key, settled in list(self._unwritten.items()):
            # A connection of its own: whoever claims meanwhile does not wait for this one.
            try:
                with closing(sqlite3.connect(self.path, timeout=_LOCK_PATIENCE, isolation_level=None)) as connection:
                    self._write(connection, key, *settled)
            except sqlite3.Error:
                return False
            if self._unwritten.get(key) == settled:
                del self._unwritten[key]
        return True

    def _write(self, connection: sqlite3.Connection, key: str, owner: str, handled: bool) -> None:
        try:
            with connection:
                self._record(connection, key, owner, handled)
        except sqlite3.Error:
            if handled:  # nobody may take over what has finished
                with suppress(sqlite3.Error), connection:
                    connection.execute("BEGIN IMMEDIATE")
                    row = (self._now(connection) + self._lease, key, owner)
                    connection.execute("UPDATE notifications SET until = ? WHERE id = ? AND owner = ?", row)
            raise

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """The connection; what is done with it is undone when it raises."""
        if self._opened.pid != os.getpid():
            _inherited.append(self._opened)
            self._opened = _open(self.path)
        opened = self._opened
        with opened.lock, opened.connection:
            yield opened.connection


def _elapsed(wall: float, ticks: float) -> float:
    """How long it has been, in seconds, by how far both clocks have gone; the steady one starts anew with the machine.

    The clock on the wall may be set, so it counts only where it says less, and for a day after a start.
    """
    if ticks < 0:
        return min(max(wall, 0.0), _DAY)
    return ticks if wall < 0 else min(wall, ticks)


def positive(number: float, name: str) -> float:
    """``number`` when it is one that a clock can count to; ConfigError names it when it is not."""
    if isinstance(number, int | float) and not isinstance(number, bool) and 0 < number < 1e9:
        return number
    raise ConfigError(f"{name}: expected a number between 0 and 1e9, found {_display(number)}", name)


def _display(value: object) -> str:
    # Python does not write out an int of any size.
    is_short = isinstance(value, int) and abs(value) < 1e12
    return f"{value!r:.40}" if is_short or isinstance(value, float | str) else type(value).__name__


def _file(path: object) -> str:
    if not isinstance(path, str | bytes | os.PathLike):
        raise ConfigError(f"seen.path: expected the name of a file, found {type(path).__name__}", "seen.path")
    name = os.fsdecode(path)
    if name in ("", ":memory:"):
        raise ConfigError(f"seen.path: expected a file that all processes share, found {name!r}", "seen.path")
    return os.path.abspath(name)


def _create(path: str) -> None:
    """Make the file for its owner alone, as SQLite then makes those beside it."""
    with suppress(OSError):  # SQLite tells what is wrong with the path
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _restrict(path: str) -> None:
    """Make a store that is there one for its owner alone, with the files beside it.

    Of another user's the log tells. Raises ConfigError where everybody can write it, and this user cannot change
    that: whoever can takes an id for handled, and the payment is lost. On Windows a mode means nothing.
    """
    if not hasattr(os, "getuid"):
        return
    for each in (path, f"{path}-wal", f"{path}-shm"):
        with suppress(OSError):
            found = os.stat(each)
            others = stat.S_IMODE(found.st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
            if others and stat.S_ISREG(found.st_mode):
                _close_to_others(each, found, others)


def _close_to_others(path: str, found: os.stat_result, others: int) -> None:
    if found.st_uid == os.getuid():
        with suppress(OSError):
            os.chmod(path, stat.S_IMODE(found.st_mode) & ~others)
            _log.warning("seen: %s could be used by others (mode %o); it is for its owner alone now", path, others)
            return
    if others & stat.S_IWOTH:
        raise ConfigError(f"seen.path: {path!r} can be written by everybody; chmod 600", "seen.path")
    _log.warning("seen: %s is user %s's and can be used by others (mode %o); chmod 600", path, found.st_uid, others)


def _open(path: str) -> _Opened:
    _create(path)
    opened = _Opened(path)
    deadline = time.monotonic() + _LOCK_PATIENCE
    while True:
        try:
            opened.connection.executescript(_TABLE)
            _restrict(path)
            return opened
        except sqlite3.OperationalError as error:
            # For the lock that begins WAL, SQLite does not wait by itself.
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)
