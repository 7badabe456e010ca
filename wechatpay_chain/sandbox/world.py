"""What all products of one sandbox share: its keys, store, clock, notices and settings, and work that is due later."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from wechatpay_chain.sandbox.clock import Clock
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.outbox import Outbox
from wechatpay_chain.sandbox.platform import Platform
from wechatpay_chain.sandbox.store import Store

__all__ = ["TABLES", "Job", "Settings", "Ticker", "World"]

TABLES = (
    "CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY, due REAL NOT NULL, kind TEXT NOT NULL,"
    " subject INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due, id)",
    "CREATE INDEX IF NOT EXISTS jobs_subject ON jobs (subject, kind)",
)
_LOGGER = logging.getLogger("wechatpay_chain.sandbox")
# Another process on the same file may have left work behind: so often it is looked for, in the machine's seconds.
_LOOK = 1.0


@dataclass
class Settings:
    """How a sandbox behaves where WeChat Pay leaves it to the user; all times in seconds of the sandbox's clock.

    ``pay_after`` pays every order by itself, None never; ``refund_after`` ends every refund, None never;
    ``close_wait`` is how old an order has to be before it may be closed, ``refund_wait`` how long after one refund the
    next of the same order may be asked for. ``bill_rows`` are made up for a day on which nothing was traded.
    ``cancel_while_paying``: a completed PayScore order can be cancelled. ``is_tls`` says that clients come by TLS, so
    that their certificate can be asked for.
    """

    pay_after: float | None = None
    refund_after: float | None = 1.0
    close_wait: float = 0.0
    refund_wait: float = 0.0
    bill_rows: int = 0
    cancel_while_paying: bool = True
    is_tls: bool = False


@dataclass
class World:
    """One sandbox from the inside; ``jobs`` are the products' kinds of work by name, ``bills`` how bills are."""

    identity: Identity
    platform: Platform
    store: Store
    clock: Clock
    notices: Outbox
    settings: Settings
    jobs: Mapping[str, Job]
    bills: Any = None
    wake: Callable[[], None] = lambda: None

    def later(self, at: float, kind: str, subject: int) -> None:
        """Let the work called ``kind`` be done on the row ``subject`` when the clock has come to ``at``."""
        if kind not in self.jobs:
            raise KeyError(f"{kind!r} is no work that a product can do")
        self.store.add("jobs", due=at, kind=kind, subject=subject)
        self.wake()

    def cancel(self, kind: str, subject: int) -> None:
        """Forget work that was to be done."""
        self.store.run("DELETE FROM jobs WHERE subject=? AND kind=?", subject, kind)

    def settle(self) -> None:
        """Do what is due, in the order of its time; each piece is all done or not at all."""
        while self.store.one("SELECT 1 FROM jobs WHERE due<=? LIMIT 1", self.clock.now()) is not None:
            with self.store.transaction():
                row = self.store.one("SELECT * FROM jobs WHERE due<=? ORDER BY due, id LIMIT 1", self.clock.now())
                if row is not None:
                    self.store.run("DELETE FROM jobs WHERE id=?", row["id"])
                    # It is as if it had been done in time, whenever that is noticed.
                    self.jobs[row["kind"]](self, row["subject"], row["due"])

    def next_due(self) -> float | None:
        """When the next piece of work is due."""
        row = self.store.one("SELECT min(due) AS due FROM jobs")
        return None if row is None else row["due"]


Job: TypeAlias = Callable[[World, int, float], None]


class Ticker:
    """The thread that does what the clock brings, also while nobody asks; ``beside`` is called at least each second."""

    def __init__(self, world: Callable[[], World], beside: Callable[[], object] = lambda: None) -> None:
        self._world = world
        self._beside = beside
        self._changed = threading.Event()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="sandbox-clock", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look again: the clock was changed, or work was added."""
        self._changed.set()

    def close(self) -> None:
        """Stop."""
        self._is_closed = True
        self._changed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_closed:
            self._changed.clear()
            try:
                left = self._work()
            except Exception as error:
                # Such as a disk that is full: what is due is done once that has passed.
                _LOGGER.error("what the sandbox's clock brings waits: %s: %s", type(error).__name__, error)
                left = None
            if not self._is_closed:
                self._changed.wait(_LOOK if left is None else min(max(left, 0.001), _LOOK))

    def _work(self) -> float | None:
        """Do what is due; the machine's seconds until the next is, None for nothing."""
        world = self._world()
        world.settle()
        self._beside()
        due = world.next_due()
        return None if due is None else world.clock.wait_for(due)
