"""Which host comes first: one that could not be reached lately stands behind the others."""

from __future__ import annotations

import time
from collections.abc import Callable

from wechatpay_chain.protocol.hosts import Base

__all__ = ["HELD", "Sites"]

# Seconds for which a backup is kept before the main site is tried again.
HELD = 60.0


class Sites:
    """What is known of the hosts' reachability; ``clock`` counts seconds and never goes back.

    Threads share it without a lock, which a fork could leave locked for ever: each step is one operation of a
    dict, and a step that comes between two others costs at most one more look at a host that is down.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._down: dict[str, float] = {}

    def ordered(self, bases: tuple[Base, ...]) -> tuple[Base, ...]:
        """``bases`` in the order in which they are to be tried."""
        if not self._down or len(bases) < 2:
            return bases
        return tuple(sorted(bases, key=lambda base: self._is_held(base.origin)))

    def failed(self, base: Base) -> None:
        """``base`` could not be connected to."""
        self._down[base.origin] = self._clock()

    def connected(self, base: Base) -> None:
        """``base`` could be connected to."""
        if self._down:
            self._down.pop(base.origin, None)

    def _is_held(self, origin: str) -> bool:
        now, since = self._clock(), self._down.get(origin)
        if since is None or now - since < HELD:
            return since is not None
        # The time is over: the one call that takes the old mark tries the host, the others wait for its outcome.
        taken = self._down.pop(origin, None)
        self._down[origin] = now
        return taken is None or now - taken < HELD
