from __future__ import annotations

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from tests.promises import PATIENCE
from wechatpay_chain.protocol.single_flight import SingleFlight


def test_many_threads_do_the_work_once(gate: threading.Event) -> None:
    """All have the result of the one that came first."""
    done: list[int] = []
    begun = threading.Event()

    def work() -> int:
        begun.set()
        assert gate.wait(PATIENCE)
        done.append(1)
        return 7

    flight = SingleFlight(work)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(flight.run) for _ in range(8)]
        assert begun.wait(PATIENCE)
        gate.set()
        assert [each.result(PATIENCE) for each in waiting] == [7] * 8
    assert done == [1]
    assert flight.run() == 7


def test_an_error_is_everybodys() -> None:
    """Who comes later does not try again."""
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        raise ValueError("no")

    flight = SingleFlight(work)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            flight.run()
    assert tries == [1]


def test_an_interrupt_is_meant_for_one() -> None:
    """The others are told that nothing came of it."""

    def work() -> None:
        raise KeyboardInterrupt

    flight = SingleFlight(work)
    with pytest.raises(KeyboardInterrupt):
        flight.run()
    with pytest.raises(CancelledError):
        flight.run()
