"""The notices that the sandbox sends by itself: written down with the change that they tell of, delivered in the back.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012082053 (the schedule, and what a receiver answers).
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple, overload
from urllib.parse import urlsplit

import requests

from wechatpay_chain.sandbox.clock import Clock
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.platform import Platform
from wechatpay_chain.sandbox.push import SCHEDULE, Delivery, Try, envelope, post, post_signed
from wechatpay_chain.sandbox.store import Row, Store, dump, load

__all__ = ["TABLES", "Outbox", "Sent"]

TABLES = (
    "CREATE TABLE IF NOT EXISTS notices (id INTEGER PRIMARY KEY AUTOINCREMENT, number TEXT NOT NULL UNIQUE,"
    " event_type TEXT NOT NULL, url TEXT NOT NULL, host TEXT NOT NULL, resource TEXT NOT NULL, body TEXT,"
    " created REAL NOT NULL, state TEXT NOT NULL, due REAL, tries INTEGER NOT NULL DEFAULT 0)",
    "CREATE INDEX IF NOT EXISTS notices_due ON notices (due) WHERE due IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS attempts (id INTEGER PRIMARY KEY, notice INTEGER NOT NULL, at REAL NOT NULL,"
    " status INTEGER NOT NULL, told TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS attempts_notice ON attempts (notice)",
)
_LOGGER = logging.getLogger("wechatpay_chain.sandbox")
# A receiver that does not answer holds so many of the threads, and leaves the rest to others.
_WORKERS, _PER_HOST = 8, 4
# So often a wait looks again, in seconds.
_LOOK = 0.05
# So long nothing is tried again after an error of the database, in the machine's seconds.
_AFTER_ERROR = 1.0
# Names that nobody can receive under (RFC 2606), and WeChat Pay's own, which documentation uses as examples.
_NO_RECEIVER = (
    ".example",
    ".invalid",
    ".test",
    "example.com",
    "example.org",
    "example.net",
    ".qq.com",
    ".tenpay.com",
    ".wechatpay.cn",
    ".wechatpay.com.cn",
)
_ACCEPTED, _WAITING, _ENDED = "accepted", "waiting", "given up"


class Sent(NamedTuple):
    """A notice in the outbox: its ``id``, what it tells, where it goes, and every attempt so far.

    ``state`` is waiting, accepted or given up; ``due`` is when it goes (again), None for never; times are the
    sandbox's, in seconds since 1970.
    """

    id: str
    event_type: str
    url: str
    resource: Mapping[str, Any]
    state: str
    created: float
    due: float | None
    attempts: tuple[Try, ...]

    @property
    def accepted(self) -> bool:
        """Whether its receiver took it."""
        return self.state == _ACCEPTED


class Outbox(Sequence[Sent]):
    """The notices of one sandbox, the oldest first.

    ``v2`` makes the body of an APIv2 notice out of its fields, anew at each attempt.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        identity: Identity,
        platform: Callable[[], Platform],
        v2: Callable[[str, Mapping[str, Any]], bytes],
    ) -> None:
        self._store = store
        self._clock = clock
        self._identity = identity
        self._platform = platform
        self._v2 = v2
        # Never held while the store is asked: whoever has the store may be waiting for it.
        self._guard = threading.Lock()
        self._changed, self._ended = threading.Event(), threading.Event()
        self._busy: dict[int, str] = {}
        self._queue: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_closed = False
        with store.transaction():
            # After a restart what was missed goes once, not once for each pause that passed.
            store.run("UPDATE notices SET due=? WHERE due<?", clock.now(), clock.now())
        if store.one("SELECT 1 FROM notices WHERE due IS NOT NULL LIMIT 1"):
            self.wake()

    def __repr__(self) -> str:
        return f"<Outbox of {len(self)} notices>"

    def __len__(self) -> int:
        row = self._store.one("SELECT count(*) AS found FROM notices")
        return int(row["found"]) if row else 0

    @overload
    def __getitem__(self, place: int) -> Sent: ...
    @overload
    def __getitem__(self, place: slice) -> list[Sent]: ...
    def __getitem__(self, place: int | slice) -> Sent | list[Sent]:
        """By place, as in any sequence."""
        if isinstance(place, slice):
            return list(self)[place]
        order, offset = ("ASC", place) if place >= 0 else ("DESC", -place - 1)
        row = self._store.one(f"SELECT * FROM notices ORDER BY id {order} LIMIT 1 OFFSET ?", offset)  # noqa: S608
        if row is None:
            raise IndexError(f"there are {len(self)} notices, not {place}")
        return self._read_sent(row)

    def __iter__(self) -> Iterator[Sent]:
        return iter([self._read_sent(row) for row in self._store.all("SELECT * FROM notices ORDER BY id")])

    def last(self, count: int = 100) -> list[Sent]:
        """The newest notices, the newest first."""
        return [
            self._read_sent(row) for row in self._store.all("SELECT * FROM notices ORDER BY id DESC LIMIT ?", count)
        ]

    def find(self, number: str) -> Sent | None:
        """The notice with an id."""
        row = self._store.one("SELECT * FROM notices WHERE number=?", number)
        return None if row is None else self._read_sent(row)

    def add(self, url: str, event_type: str, resource: Mapping[str, Any], at: float, after: float = 0.0) -> str:
        """Write down an APIv3 notice, which goes ``after`` so many seconds; its id."""
        number, body = envelope(event_type, resource, self._identity.apiv3_key, at)
        self._add(url, number, event_type, resource, body.decode("utf-8"), at, after)
        return number

    def add_v2(self, url: str, kind: str, fields: Mapping[str, Any], at: float) -> None:
        """Write down an APIv2 notice, whose XML is made and signed at each attempt."""
        self._add(url, f"V2-{at:.0f}-{time.monotonic_ns()}", kind, fields, None, at, 0)

    def push(self, url: str, event_type: str, resource: Mapping[str, Any], at: float) -> Delivery:
        """Write down an APIv3 notice and try it once, now; the outbox repeats it where that fails."""
        number, body = envelope(event_type, resource, self._identity.apiv3_key, at)
        self._add(url, number, event_type, resource, body.decode("utf-8"), at, None)
        row = {**dict(self._store.all("SELECT * FROM notices WHERE number=?", number)[0]), "due": at}
        with requests.Session() as session:
            session.trust_env = False
            done = self._attempt(session, row)
        self._note(row, done)
        self.wake()
        return Delivery(number, (done,))

    def again(self, number: str) -> bool:
        """Let a notice go once more, now; False for an id that is not there."""
        with self._store.transaction():
            found = self._store.run(
                "UPDATE notices SET due=?, state=? WHERE number=?", self._clock.now(), _WAITING, number
            )
        self.wake()
        return bool(found)

    def wait(self, timeout: float = 5.0) -> bool:
        """Wait until no notice is due and none is under way; False after ``timeout`` seconds of the machine."""
        end = time.monotonic() + timeout
        while True:
            self._ended.clear()
            if not self._is_due() and not self._under_way():
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._ended.wait(min(left, _LOOK))

    def wake(self) -> None:
        """Look for what is due, now; also after the clock was changed."""
        with self._guard:
            if not self._threads and not self._is_closed:
                self._threads = [threading.Thread(target=self._dispatch, name="sandbox-notices", daemon=True)]
                self._threads += [
                    threading.Thread(target=self._work, name=f"sandbox-notice-{number}", daemon=True)
                    for number in range(_WORKERS)
                ]
                for thread in self._threads:
                    thread.start()
        self._changed.set()

    def close(self) -> None:
        """Deliver nothing more; what is under way is left to itself."""
        with self._guard:
            self._is_closed = True
        self._changed.set()
        for _ in self._threads[1:]:
            self._queue.put(None)
        for thread in self._threads[:1]:
            thread.join()

    def _add(
        self,
        url: str,
        number: str,
        event_type: str,
        resource: Mapping[str, Any],
        body: str | None,
        at: float,
        after: float | None,
    ) -> None:
        self._store.add(
            "notices",
            number=number,
            event_type=event_type,
            url=url,
            host=urlsplit(url).netloc,
            resource=dump(resource),
            body=body,
            created=at,
            state=_WAITING,
            due=None if after is None else at + after,
        )
        # The transaction that this belongs to holds the store until it is committed: nobody reads it before.
        self.wake()

    def _read_sent(self, row: Row) -> Sent:
        tries = self._store.all("SELECT at, status, told FROM attempts WHERE notice=? ORDER BY id", row["id"])
        return Sent(
            row["number"],
            row["event_type"],
            row["url"],
            load(row["resource"]),
            row["state"],
            row["created"],
            row["due"],
            tuple(Try(*each) for each in tries),
        )

    def _under_way(self) -> dict[int, str]:
        with self._guard:
            return dict(self._busy)

    def _is_due(self) -> bool:
        return self._store.one("SELECT 1 FROM notices WHERE due<=? LIMIT 1", self._clock.now()) is not None

    def _dispatch(self) -> None:
        while not self._is_closed:
            # Cleared before the look, so that what comes in between is seen in the next round.
            self._changed.clear()
            try:
                for row in self._due():
                    self._queue.put(dict(row))
                pause = self._pause()
            except sqlite3.Error as error:
                _LOGGER.error("notices wait: %s", error)
                pause = _AFTER_ERROR
            if not self._is_closed:
                self._changed.wait(pause)

    def _due(self) -> list[Row]:
        """What may be sent now, the first attempts first; each is marked as under way."""
        busy = self._under_way()
        hosts = Counter(busy.values())
        full = [host for host, count in hosts.items() if count >= _PER_HOST]
        room = _WORKERS - len(busy)
        if room <= 0:
            return []
        rows = self._store.all(
            "SELECT * FROM notices WHERE due<=?"  # noqa: S608
            f" AND id NOT IN ({', '.join('?' * len(busy))}) AND host NOT IN ({', '.join('?' * len(full))})"
            " ORDER BY tries, due LIMIT ?",
            self._clock.now(),
            *busy,
            *full,
            room,
        )
        chosen = []
        for row in rows:
            if hosts[row["host"]] < _PER_HOST:
                hosts[row["host"]] += 1
                chosen.append(row)
        with self._guard:
            self._busy.update((row["id"], row["host"]) for row in chosen)
        return chosen

    def _pause(self) -> float | None:
        # Whoever ends an attempt wakes the dispatcher, so what is under way needs no look.
        row = self._store.one("SELECT min(due) AS due FROM notices WHERE due>?", self._clock.now())
        if row is None or row["due"] is None:
            return None
        left = self._clock.wait_for(row["due"])
        return None if left is None else max(left, 0.001)

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while (row := self._queue.get()) is not None:
                try:
                    if not self._is_closed:
                        self._note(row, self._attempt(session, row))
                except sqlite3.Error as error:
                    # It stays due, and is sent again once the disk has room for what came of it.
                    _LOGGER.error("what came of notice %s is not written down: %s", row["id"], error)
                    time.sleep(_AFTER_ERROR)
                finally:
                    with self._guard:
                        self._busy.pop(row["id"], None)
                    self._ended.set()
                    self._changed.set()

    def _attempt(self, session: requests.Session, row: Mapping[str, Any]) -> Try:
        at = row["due"]
        host = urlsplit(row["url"]).hostname or ""
        if f".{host}".endswith(_NO_RECEIVER):
            return Try(at, 0, f"not sent: {host} is a name of documentation, nobody receives there")
        if row["body"] is None:
            done = post(
                session, row["url"], self._v2(row["event_type"], load(row["resource"])), {"Content-Type": "text/xml"}
            )
        else:
            key_id, key = self._platform().notice_signer()
            done = post_signed(session, row["url"], row["body"].encode("utf-8"), key_id, key)
        return done._replace(at=at)

    def _note(self, row: Mapping[str, Any], done: Try) -> None:
        tries = row["tries"] + 1
        due = row["due"] + SCHEDULE[tries - 1] if not done.accepted and tries <= len(SCHEDULE) else None
        state = _ACCEPTED if done.accepted else _WAITING if due is not None else _ENDED
        with contextlib.suppress(sqlite3.ProgrammingError), self._store.transaction():  # closed in between
            # A reset in between leaves nothing to write to.
            if self._store.run("UPDATE notices SET tries=?, due=?, state=? WHERE id=?", tries, due, state, row["id"]):
                self._store.add("attempts", notice=row["id"], at=done.at, status=done.status, told=done.told)
