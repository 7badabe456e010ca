"""Entries of the journal as rows of the sandbox's database: written with each request, read after a restart."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from requests.structures import CaseInsensitiveDict

from wechatpay_chain.sandbox.answer import Client, FileSeen, Form, Received, Refusal
from wechatpay_chain.sandbox.journal import Entry
from wechatpay_chain.sandbox.store import Row, Store, dump, load

__all__ = ["TABLES", "JournalFile"]

TABLES = (
    "CREATE TABLE IF NOT EXISTS journal (key INTEGER PRIMARY KEY, id INTEGER NOT NULL, data TEXT NOT NULL,"
    " sent BLOB NOT NULL, answered BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS journal_id ON journal (id)",
)


class JournalFile:
    """The rows of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, entry: Entry, first: int) -> None:
        """Add an entry, and forget those before the id ``first``."""
        request = entry.request
        told = {
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
        with self._store.transaction():
            self._store.add("journal", id=entry.id, data=dump(told), sent=request.body, answered=entry.body)
            self._store.run("DELETE FROM journal WHERE id<?", first)

    def read(self) -> Iterator[Entry]:
        """The entries that are there, the oldest first; what another version wrote and cannot be read is left out."""
        for row in self._store.all("SELECT * FROM journal ORDER BY key"):
            try:
                yield _entry(row)
            except (KeyError, TypeError, ValueError):
                continue


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
    detail, text = payload.get("detail"), told["signed_text"]
    return Refusal(told["status"], payload["code"], payload["message"], detail, is_signed=False, signed_text=text)
