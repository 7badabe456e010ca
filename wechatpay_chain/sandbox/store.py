"""What the sandbox remembers: one SQLite database behind all products, in memory or in a file.

A number is unique because the database says so, and what was answered was committed before. In a file the journal is
a write-ahead log: https://www.sqlite.org/wal.html says that a process which dies loses nothing that it committed.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wechatpay_chain.errors import ConfigError

__all__ = ["Row", "Store", "dump", "load"]

Row = sqlite3.Row

_KEPT = "CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
# So long one process waits for another that writes into the same file.
_PATIENCE = 10


class Store:
    """One connection, used by one thread at a time; ``tables`` are the products' own, as SQL.

    ``database`` is a file's path, None for memory. Raises ConfigError for a file that cannot be used.
    """

    def __init__(self, tables: Sequence[str], database: str | Path | None = None) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        try:
            if database is not None:
                # It holds keys: for its owner alone, as are the files that SQLite puts beside it.
                os.close(os.open(database, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(
                ":memory:" if database is None else database,
                timeout=_PATIENCE,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=512,
            )
            self._connection.row_factory = Row
            if database is not None:
                self.run("PRAGMA journal_mode=WAL")
            # The log is on the disk's way before an answer leaves: a process that dies loses nothing, a power cut may.
            self.run("PRAGMA synchronous=NORMAL")
            with self.transaction():
                self.run(_KEPT)
                for statement in tables:
                    self.run(statement)
            self._tables = self._table_names()
        except (sqlite3.Error, OSError) as error:
            reason = f"{error}"
        else:
            return
        raise ConfigError(f"database: {str(database)!r} cannot be used: {reason}", "database")

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing of it; a block inside another belongs to it."""
        with self._lock:
            if self._depth:
                yield
                return
            # IMMEDIATE: two processes on one file wait for each other here, and never fail in the middle.
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                # A disk that is full has rolled it back already: https://www.sqlite.org/lang_transaction.html
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            self._connection.execute("COMMIT")

    def run(self, sql: str, *values: Any) -> int:
        """Execute a statement; how many rows it changed. Raises sqlite3.IntegrityError for a number that is taken."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def add(self, table: str, **values: Any) -> int:
        """Insert a row; its id. Raises sqlite3.IntegrityError for a number that is taken."""
        names = ", ".join(values)
        with self._lock:
            statement = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})"  # noqa: S608
            return self._connection.execute(statement, tuple(values.values())).lastrowid or 0

    def change(self, table: str, identifier: int, **values: Any) -> None:
        """Update the row with an id."""
        names = ", ".join(f"{name}=?" for name in values)
        self.run(f"UPDATE {table} SET {names} WHERE id=?", *values.values(), identifier)  # noqa: S608

    def one(self, sql: str, *values: Any) -> Row | None:
        """The first row of a query."""
        with self._lock:
            row: Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def all(self, sql: str, *values: Any) -> list[Row]:
        """Every row of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def keep(self, name: str, value: str) -> None:
        """Write down a text that a reset leaves."""
        self.run("INSERT INTO kept VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value=excluded.value", name, value)

    def read_text(self, name: str) -> str | None:
        """A text that was written down under a name."""
        row = self.one("SELECT value FROM kept WHERE name=?", name)
        return None if row is None else str(row["value"])

    def wipe(self) -> None:
        """Delete every row of every table but what is kept, so that no product can be forgotten."""
        with self.transaction():
            for name in self._tables:
                self.run(f'DELETE FROM "{name}"')  # noqa: S608

    def _table_names(self) -> list[str]:
        rows = self.all("SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite_%'")
        return [row["name"] for row in rows if row["name"] != "kept"]


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def dump(value: Any) -> str:
    """A value as the text of a column."""
    return _ENCODER.encode(value)


def load(text: str) -> Any:
    """The value of such a text."""
    return json.loads(text)
