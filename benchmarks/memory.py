"""Whether memory grows with the ids in paths: 100,000 of them, each another one, to the checked request unsent.

``python -m benchmarks.soak`` makes so many real calls, which takes minutes.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import resident
from benchmarks.table import Table
from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.chain.node import Chain

__all__ = ["grown", "tables"]

CALLS = 100_000
_WARM_UP = 5_000
_MIB = 1 << 20


def grown(calls: int = CALLS, warm_up: int = _WARM_UP) -> int:
    """Bytes of resident memory that ``calls`` requests with an id of their own leave behind."""
    with Sandbox() as gateway:
        wxpay = gateway.client()
        _made(wxpay, range(warm_up))
        before = resident()
        _made(wxpay, range(warm_up, warm_up + calls))
        return resident() - before


def _made(wxpay: Wechatpay, numbers: range) -> None:
    """An id as a segment, as a word, as a placeholder's value and in a text, in turn."""
    transactions = wxpay.v3.pay.transactions
    for number in numbers:
        name = f"a{1_000_000_000 + number}"
        given: dict[str, str] = {}
        node: Chain
        match number % 4:
            case 0:
                node = transactions.id / name
            case 1:
                node = getattr(transactions, name)
            case 2:
                node, given = transactions.outTradeNo._out_trade_no_, {"out_trade_no": name}
            case _:
                node = wxpay[f"v3/pay/transactions/id/{name}"]
        wxpay._request(wxpay._call("GET", "/".join(node._path), ({"params": {"mchid": name}},), given))


def tables(rounds: int) -> Iterator[Table]:
    """One table."""
    yield Table(
        "memory",
        [f"{CALLS:,} requests, each with an id of its own", "MiB"],
        [["resident memory more than before", f"{grown(CALLS) / _MIB:.2f}"]],
    )
