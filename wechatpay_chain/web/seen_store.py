"""Which notifications were handled already: one SQLite file for all processes of a machine."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from wechatpay_chain.errors import ConfigError

__all__ = ["Claim", "Seen", "positive"]

_DAY = 86_400
# WeChat Pay waits five seconds for an answer.
_LOCK_PATIENCE = 4
_PAUSE = 0.02
# A power cut may forget the last seconds, never spoil the file; what was answered 204 is seldom sent again.
_TABLE = (
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS notifications"
    " (id TEXT PRIMARY KEY, owner TEXT, until REAL NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS notifications_until ON notifications (until)"
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
    seconds that WeChat Pay waits, for a handler that runs twice is worse than one that runs late. The file has to
    be on a disk of this machine; several machines need a store of their own. Raises ConfigError, which names the
    argument, and the file when it cannot be used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        days: float = 30,
        lease: float = 120,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = _file(path)
        self._kept = positive(days, "seen.days") * _DAY
        self._lease = positive(lease, "seen.lease")
        if not callable(clock):
            raise ConfigError(f"seen.clock: expected a function, found {type(clock).__name__}", "seen.clock")
        self._clock = clock
        try:
            self._opened = _opened(self.path)
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
        now, owner = self._clock(), secrets.token_hex(16)
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM notifications WHERE until <= ?", (now,))
            row = (key, owner, now + self._lease)
            done = connection.execute("INSERT OR IGNORE INTO notifications VALUES (?, ?, ?)", row)
            return Claim(partial(self._settle, key, owner)) if done.rowcount else None

    def handled(self, key: str) -> bool:
        """Whether ``key`` was handled, and is still remembered."""
        query = "SELECT 1 FROM notifications WHERE id = ? AND owner IS NULL AND until > ?"
        with self._connected() as connection:
            return connection.execute(query, (key, self._clock())).fetchone() is not None

    def _settle(self, key: str, owner: str, handled: bool) -> None:
        with self._connected() as connection:
            if handled:  # even when the lease is over: it did happen
                row = (key, None, self._clock() + self._kept)
                connection.execute("INSERT OR REPLACE INTO notifications VALUES (?, ?, ?)", row)
            else:
                connection.execute("DELETE FROM notifications WHERE id = ? AND owner = ?", (key, owner))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """The connection; what is done with it is undone when it raises."""
        if self._opened.pid != os.getpid():
            _inherited.append(self._opened)
            self._opened = _opened(self.path)
        opened = self._opened
        with opened.lock, opened.connection:
            yield opened.connection


def positive(number: float, name: str) -> float:
    """``number`` when it is one that a clock can count to; ConfigError names it when it is not."""
    if isinstance(number, int | float) and not isinstance(number, bool) and 0 < number < 1e9:
        return number
    raise ConfigError(f"{name}: expected a number between 0 and 1e9, found {_shown(number)}", name)


def _shown(value: object) -> str:
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


def _opened(path: str) -> _Opened:
    opened = _Opened(path)
    deadline = time.monotonic() + _LOCK_PATIENCE
    while True:
        try:
            opened.connection.executescript(_TABLE)
            return opened
        except sqlite3.OperationalError as error:
            # For the lock that begins WAL, SQLite does not wait by itself.
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)
