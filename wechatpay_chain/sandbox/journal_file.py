"""Entries of the journal as rows of the sandbox's database: written each second, read when they are asked for."""

from __future__ import annotations

import base64
import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from requests.structures import CaseInsensitiveDict

from wechatpay_chain.sandbox.answer import Client, FileSeen, Form, Received, Refusal
from wechatpay_chain.sandbox.journal import Entry
from wechatpay_chain.sandbox.store import Row, Store, dump, load

__all__ = ["TABLES", "JournalFile"]

_LOGGER = logging.getLogger("wechatpay_chain.sandbox")

TABLES = (
    "CREATE TABLE IF NOT EXISTS journal (key INTEGER PRIMARY KEY, id INTEGER NOT NULL, data TEXT NOT NULL,"
    " sent BLOB NOT NULL, answered BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS journal_id ON journal (id)",
)


# A transaction for each request would cost it a tenth of its time.
_MOST_WAITING = 256
# As many as the journal holds.
_MOST_KEPT = 10_000


class JournalFile:
    """The rows of one database. What was added since the last ``flush()`` is lost when the process is killed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: list[tuple[Entry, int]] = []

    def write(self, entry: Entry, first: int) -> None:
        """Add an entry, and forget those before the id ``first``."""
        self._waiting.append((entry, first))
        if len(self._waiting) % _MOST_WAITING == 0:
            self.flush()

    def flush(self) -> None:
        """Write what waits; where the file takes nothing, such as on a full disk, it waits on."""
        with self._lock:
            waiting = list(self._waiting)
            if not waiting:
                return
            try:
                self._write(waiting)
            except sqlite3.Error as error:
                _LOGGER.error("%d requests are not in the journal's file yet: %s", len(waiting), error)
                del self._waiting[:-_MOST_KEPT]
            else:
                del self._waiting[: len(waiting)]

    def _write(self, waiting: list[tuple[Entry, int]]) -> None:
        with self._store.transaction():
            for entry, _ in waiting:
                row = {"id": entry.id, "data": dump(_row(entry)), "sent": entry.request.body, "answered": entry.body}
                self._store.add("journal", **row)
            self._store.run("DELETE FROM journal WHERE id<?", max(first for _, first in waiting))

    def discard(self) -> None:
        """Forget what waits; the rows go with all others of the database."""
        with self._lock:
            self._waiting = []

    @property
    def last(self) -> int:
        """The highest id; 0 for none."""
        row = self._store.one("SELECT max(id) AS last FROM journal")
        return 0 if row is None or row["last"] is None else int(row["last"])

    def read(self, last: int) -> Iterator[Entry]:
        """The entries up to the id ``last``, the oldest first; one that cannot be read is left out."""
        for row in self._store.all("SELECT * FROM journal WHERE id<=? ORDER BY id, key", last):
            try:
                yield _entry(row)
            except (KeyError, TypeError, ValueError):
                # Of another version of this package.
                continue


def _row(entry: Entry) -> dict[str, Any]:
    request = entry.request
    return {
        "time": entry.time,
        "method": request.method,
        "target": request.target,
        "headers": dict(request.headers),
        "verdict": request.verdict,
        "cause": request.cause,
        "form": None if request.form is None else _form_row(request.form),
        "client": list(request.client),
        "status": entry.status,
        "answered": dict(entry.headers),
        "seconds": entry.seconds,
        "fault": entry.fault,
        "refusal": None if entry.refusal is None else _refusal_row(entry.refusal),
    }


def _entry(row: Row) -> Entry:
    told = load(row["data"])
    request = Received(
        told["method"],
        told["target"],
        CaseInsensitiveDict(told["headers"]),
        bytes(row["sent"]),
        told["verdict"],
        None if told["form"] is None else _form(told["form"]),
        Client(*told["client"]),
        told["cause"],
    )
    refusal = None if told["refusal"] is None else _refusal(told["refusal"])
    return Entry(
        row["id"],
        told["time"],
        request,
        told["status"],
        told["answered"],
        bytes(row["answered"]),
        told["seconds"],
        told["fault"],
        refusal,
    )


def _form_row(form: Form) -> dict[str, Any]:
    fields = {name: base64.b64encode(value).decode("ascii") for name, value in form.fields.items()}
    return {"fields": fields, "files": {name: asdict(seen) for name, seen in form.files.items()}}


def _form(told: Mapping[str, Any]) -> Form:
    fields = {name: base64.b64decode(value) for name, value in told["fields"].items()}
    return Form(fields, {name: FileSeen(**seen) for name, seen in told["files"].items()})


def _refusal_row(refusal: Refusal) -> dict[str, Any]:
    return {"status": refusal.status, "payload": refusal.payload, "signed_text": refusal.signed_text}


def _refusal(told: Mapping[str, Any]) -> Refusal:
    payload = told["payload"]
    how: dict[str, Any] = {"is_signed": False, "has_request_id": False, "signed_text": told["signed_text"]}
    return Refusal(told["status"], payload["code"], payload["message"], payload.get("detail"), **how)
