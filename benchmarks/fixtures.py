"""``python -m benchmarks.fixtures``: what the test kit adds to each test of a shop, beside one call of the test.

In turn: the two fixtures of a test (a sandbox that is emptied, a client of it), and one order that is placed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from benchmarks.sandbox import ORDER
from wechatpay_chain import testing

__all__ = ["main", "medians"]


def medians(rounds: int) -> tuple[float, float]:
    """Seconds of the fixtures of a test, and of a call in it: the medians."""
    fixtures, calls = [], []
    for number in range(rounds):
        begin = time.perf_counter()
        with testing.sandbox() as gateway, gateway.client() as wxpay:
            body = {**ORDER, "mchid": wxpay.mchid, "out_trade_no": "BOOK-0001"}
            before = time.perf_counter()
            wxpay.v3.pay.transactions.native.post(body)
            after = time.perf_counter()
        end = time.perf_counter()
        if number:  # the first one makes the keys
            fixtures.append(before - begin + end - after)
            calls.append(after - before)
    return statistics.median(fixtures), statistics.median(calls)


def main(rounds: int = 300, say: Callable[[str], object] = print) -> None:
    """Both, and the one as a part of the other."""
    fixtures, call = medians(rounds)
    say(f"fixtures {fixtures * 1000:.1f} ms a test, one order {call * 1000:.1f} ms: {fixtures / call:.2f} of an order")


if __name__ == "__main__":
    main()
