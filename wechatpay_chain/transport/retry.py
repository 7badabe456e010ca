"""Which attempts a call may make, at which hosts, and how long it waits before each."""

from __future__ import annotations

import math
import random
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from wechatpay_chain.errors import Attempt
from wechatpay_chain.protocol.hosts import Base

__all__ = [
    "ATTEMPTS",
    "DEFAULT_DEADLINE",
    "DEFAULT_TIMEOUT",
    "LONGEST_RETRY_AFTER",
    "MOST_ATTEMPTS",
    "SET_ASIDE",
    "TRANSIENT_STATUSES",
    "HostHealth",
    "RetryPlan",
    "SendOptions",
    "jitter",
    "retry_after",
]

# Seconds to connect, and between two bytes of the answer.
DEFAULT_TIMEOUT = (5.0, 30.0)
# Seconds for a whole call, attempts and waits included.
DEFAULT_DEADLINE = 60.0
# How often a GET is tried by itself, and how often any call may be when its caller says so.
ATTEMPTS = 3
MOST_ATTEMPTS = 10
# Seconds for which a host that could not be connected to goes last.
SET_ASIDE = 60.0
# Answers of a gateway whose service is away for the moment.
TRANSIENT_STATUSES = frozenset({502, 503, 504})
# Seconds: the ceiling of the first wait, which doubles with each, and the highest ceiling.
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 4.0
# Who asks for more patience than this many seconds gets no further attempt: the caller is told at once.
LONGEST_RETRY_AFTER = 10.0


class HostHealth:
    """What is known of the hosts' reachability; ``clock`` counts seconds and never goes back.

    Threads share it without a lock, which a fork could leave locked for ever: each step is one operation of a
    dict, and a step that comes between two others costs at most one more look at a host that is down.
    """

    def __init__(self, clock: Callable[[], float] = lambda: time.monotonic()) -> None:
        self._clock = clock
        self._down: dict[str, float] = {}

    def order(self, bases: tuple[Base, ...]) -> tuple[Base, ...]:
        """``bases`` in the order in which they are to be tried."""
        if not self._down or len(bases) < 2:
            return bases
        return tuple(sorted(bases, key=lambda base: self._is_set_aside(base.origin)))

    def mark_failed(self, base: Base) -> None:
        """``base`` could not be connected to."""
        self._down[base.origin] = self._clock()

    def mark_connected(self, base: Base) -> None:
        """``base`` could be connected to."""
        if self._down:
            self._down.pop(base.origin, None)

    def _is_set_aside(self, origin: str) -> bool:
        now, since = self._clock(), self._down.get(origin)
        # A clock that was frozen by a test, and is not any more, may have gone back.
        if since is None or 0 <= now - since < SET_ASIDE:
            return since is not None
        # The time is over: the one call that takes the old mark tries the host, the others wait for its outcome.
        taken = self._down.pop(origin, None)
        self._down[origin] = now
        return taken is None or 0 <= now - taken < SET_ASIDE


class SendOptions(NamedTuple):
    """How one call is sent.

    ``bases`` are tried in their order; ``timeout`` is (connect, read) in seconds; ``stream`` leaves an answer that is
    not signed to be read by the caller; ``secure`` shows the merchant's TLS certificate, ``tls`` another one.
    ``verify`` (a CA bundle, or False) and ``proxies`` stand in the place of what the environment says. ``retry`` is
    how often this call may be tried in all, None where its caller said nothing. ``deadline`` is when all of it has to
    end, by the clock of ``time.monotonic``.
    """

    bases: tuple[Base, ...]
    timeout: tuple[float, float] = DEFAULT_TIMEOUT
    stream: bool = False
    secure: bool = False
    tls: ssl.SSLContext | None = None
    verify: bool | str | None = None
    proxies: Mapping[str, str] | None = None
    retry: int | None = None
    deadline: float = math.inf

    def __repr__(self) -> str:
        return f"<SendOptions to {', '.join(base.origin for base in self.bases)}>"  # a proxy's URL may hold a password


def jitter(waits: int) -> float:
    """Seconds to wait after ``waits`` waits before: anything up to a ceiling that doubles (full jitter), so that
    clients which failed together do not come back together.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return random.uniform(0.0, min(_LONGEST_WAIT, _FIRST_WAIT * 2**waits))  # noqa: S311  # no secret


def retry_after(value: str | None) -> float:
    """Seconds that a Retry-After header asks for, as a number or as an HTTP date; 0 for none that can be read."""
    if not value:
        return 0.0
    try:
        return float(Retry().parse_retry_after(value))
    except (HTTPError, ValueError, OverflowError, TypeError, IndexError):
        return 0.0


class RetryPlan:
    """The attempts of one call, at most ``limit`` and at least one for each host that cannot be reached.

    A host that cannot be connected to is followed by the next one at once, since nothing was sent, and is left
    out from then on. After anything else the call waits, and goes to the next host of the list.
    ``insistent``: where no host can be reached, wait and begin anew.
    """

    __slots__ = ("_bases", "_insistent", "_left", "_limit", "_most", "_waits", "attempts", "timed_out")

    def __init__(self, bases: tuple[Base, ...], limit: int, insistent: bool = False) -> None:
        self._bases = bases
        self._left = deque(bases)
        self._limit = limit
        self._most = max(limit, len(bases))
        self._insistent = insistent
        self._waits = 0
        self.attempts: tuple[Attempt, ...] = ()
        self.timed_out = False  # whether the last attempt that was sent was too slow

    @property
    def base(self) -> Base:
        """Where the next attempt goes."""
        return self._left[0]

    def wait_after_unreached(self, attempt: Attempt) -> float | None:
        """Seconds to wait before the next attempt after one of which nothing was sent; None when it was the last."""
        self.attempts += (attempt,)
        self._left.popleft()
        if len(self.attempts) >= self._most:
            return None
        if self._left:
            return 0.0
        if not self._insistent:
            return None
        self._left.extend(self._bases)
        return self._wait()

    def wait_after_unserved(self, attempt: Attempt, asked: float = 0.0) -> float | None:
        """The same after one that was sent in vain; ``asked`` is how long the host asked to be left alone."""
        self.attempts += (attempt,)
        if len(self.attempts) >= self._limit or asked > LONGEST_RETRY_AFTER:
            return None
        self._left.rotate(-1)
        return asked + self._wait()

    def _wait(self) -> float:
        self._waits += 1
        return jitter(self._waits - 1)
