"""The sandbox's own time: as the machine's, stopped, faster, set forward or back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from wechatpay_chain.errors import ConfigError

__all__ = ["BEIJING", "Clock", "compact", "day_of", "parse_time", "rfc3339", "to_beijing"]

BEIJING = timezone(timedelta(hours=8))
# What a time can be written as: the years 1970 to 9999.
_LAST = 253_370_764_799.0


class Clock:
    """Seconds since 1970 that states, expiry, resends and bill days follow; ``factor`` 1 is real, 0 is stopped.

    Signatures and their freshness go by the machine's time and never ask it. ``changed`` is called after each change.
    """

    def __init__(
        self, factor: float = 1.0, machine: Callable[[], float] = lambda: time.time(), start: float | None = None
    ) -> None:
        self._machine = machine
        self._lock = threading.Lock()
        self._factor = _check("factor", factor, 0)
        self._initial = self._factor
        self._origin = machine()
        self._time = self._origin if start is None else start
        self.changed: Callable[[], None] = lambda: None

    def __repr__(self) -> str:
        return f"<Clock {rfc3339(self.now())} x{self._factor:g}>"

    @property
    def factor(self) -> float:
        """How many of its seconds pass in one of the machine's."""
        return self._factor

    @factor.setter
    def factor(self, value: float) -> None:
        """Let it pass at another speed from now on; ConfigError for what is no speed."""
        checked = _check("factor", value, 0)
        with self._lock:
            machine = self._machine()
            self._time, self._origin, self._factor = self._at(machine), machine, checked
        self.changed()

    def now(self) -> float:
        """Its time."""
        with self._lock:
            return self._at(self._machine())

    def advance(self, seconds: float) -> None:
        """Move it forward, or back when ``seconds`` is negative."""
        checked = _check("seconds", seconds)
        with self._lock:
            machine = self._machine()
            self._time, self._origin = min(max(self._at(machine) + checked, 0.0), _LAST), machine
        self.changed()

    def set(self, at: float | str | datetime) -> None:
        """Set it to a moment: seconds since 1970, RFC 3339 text, or a datetime."""
        moment = at.timestamp() if isinstance(at, datetime) else parse_time(at) if isinstance(at, str) else at
        if moment is None:
            raise ConfigError(f"time: expected 2026-11-25T10:00:00+08:00, found {at!r:.40}", "time")
        checked = _check("time", moment, 0)
        with self._lock:
            self._time, self._origin = min(checked, _LAST), self._machine()
        self.changed()

    def reset(self) -> None:
        """Let it be as it was made, at the machine's time."""
        with self._lock:
            self._factor, self._origin = self._initial, self._machine()
            self._time = self._origin
        self.changed()

    def wait_for(self, moment: float) -> float | None:
        """How many of the machine's seconds are left until ``moment``; None while it is stopped before it."""
        left = moment - self.now()
        if left <= 0:
            return 0.0
        return left / self._factor if self._factor else None

    def _at(self, machine: float) -> float:
        return min(self._time + (machine - self._origin) * self._factor, _LAST)


def parse_time(text: str) -> float | None:
    """The moment of an RFC 3339 text such as ``2026-11-25T10:00:00+08:00``; None for anything else."""
    try:
        # Python 3.10 does not know the Z.
        read = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
        return read.timestamp() if read.tzinfo is not None and "T" in text.upper() else None
    except (ValueError, OverflowError):
        return None


def to_beijing(moment: float) -> datetime:
    """A moment in the time zone of all of WeChat Pay's times."""
    return datetime.fromtimestamp(moment, BEIJING)


def rfc3339(moment: float) -> str:
    """As APIv3 writes it: ``2026-11-25T10:00:00+08:00``."""
    return to_beijing(moment).isoformat(timespec="seconds")


def compact(moment: float) -> str:
    """As APIv2 writes it: ``20261125100000``."""
    return f"{to_beijing(moment):%Y%m%d%H%M%S}"


def day_of(moment: float) -> str:
    """Its day in Beijing: ``2026-11-25``."""
    return f"{to_beijing(moment):%Y-%m-%d}"


def _check(name: str, value: Any, least: float = -_LAST) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= _LAST:
        raise ConfigError(f"{name}: expected a number from {least:g} to {_LAST:g}, found {value!r:.40}", name)
    return float(value)
