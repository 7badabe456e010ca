"""Which attempts a call may make, at which hosts, and how long it waits before each."""

from __future__ import annotations

import random
from collections import deque

from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from wechatpay_chain.errors import Attempt
from wechatpay_chain.protocol.hosts import Base

__all__ = ["LONGEST_RETRY_AFTER", "PASSING", "Course", "jitter", "retry_after"]

# Answers of a gateway whose service is away for the moment.
PASSING = frozenset({502, 503, 504})
# Seconds: the ceiling of the first wait, which doubles with each, and the highest ceiling.
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 4.0
# Who asks for more patience than this many seconds gets no further attempt: the caller is told at once.
LONGEST_RETRY_AFTER = 10.0


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


class Course:
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

    def unreached(self, attempt: Attempt) -> float | None:
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

    def unserved(self, attempt: Attempt, asked: float = 0.0) -> float | None:
        """The same after one that was sent in vain; ``asked`` is how long the host asked to be left alone."""
        self.attempts += (attempt,)
        if len(self.attempts) >= self._limit or asked > LONGEST_RETRY_AFTER:
            return None
        self._left.rotate(-1)
        return asked + self._wait()

    def _wait(self) -> float:
        self._waits += 1
        return jitter(self._waits - 1)
