from __future__ import annotations

import pytest

from tests.catalog.queries import QUERIES, Query
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.catalog.search import search

# What the ranking does not know yet.
UNMET = {
    *("商家转账", "transfer", "分账", "red packet", "企业付款", "查询订单", "query order", "下单"),
    *("投诉", "4012716434", "sjzz", "tk", "fz", "关闭订单", "账单"),
}


def named(operation: Operation) -> str:
    return f"{operation.method} {'/'.join(operation.words)}"


@pytest.mark.parametrize("query", QUERIES, ids=lambda each: str(each.asked))
def test_what_most_shops_mean_comes_first(query: Query, request: pytest.FixtureRequest) -> None:
    """Typed as one line, as in a shell; the neighbours that are meant as often are in the first three."""
    if query.asked in UNMET:
        request.applymarker(pytest.mark.xfail(strict=True, reason="not ranked yet"))
    found = [named(each) for each in search(query.asked.split())[:3]]
    assert found[:1] == [query.first]
    assert set(query.beside) <= set(found)
