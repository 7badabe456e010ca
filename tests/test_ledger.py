from __future__ import annotations

import gzip
import hashlib
from decimal import Decimal

import pytest

from wechatpay_chain import Sandbox, Wechatpay, errors, read_bill
from wechatpay_chain.sandbox.ledger import FUND, SHARING, TRADE, Ledger, Table, zipped


@pytest.mark.parametrize("table", [TRADE, FUND, SHARING])
@pytest.mark.parametrize("rows", [1, 999, 1000, 1001, 3500])
def test_a_bill_holds_what_its_totals_say(table: Table, rows: int) -> None:
    """As many rows, every number once, and the sum of their amounts."""
    ledger = Ledger(table, "2026-11-01", "1900000109", rows)
    content = b"".join(ledger)
    bill = read_bill(content, amounts="yuan")
    found = list(bill)
    amount = next(name for name in bill.columns if name in ("订单金额", "收支金额（元）", "分账金额"))
    assert len(found) == rows
    assert len({tuple(row.values()) for row in found}) == rows
    assert sum(row[amount] for row in found) == ledger.total
    totals = list(bill.summary.values())
    assert totals[0] == str(rows)
    assert ledger.total in totals
    assert ledger.digest("SHA1") == (hashlib.sha1(content).hexdigest(), len(content))
    assert gzip.decompress(b"".join(zipped(iter(ledger)))) == content


def test_the_sandbox_takes_rows_from_a_request(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Or from its settings; a day without any has no bill."""
    bill = read_bill(wxpay.download(wxpay.v3.bill.tradebill.get(params={"bill_date": "2026-11-01", "rows": 7})))
    assert len(list(bill)) == 7
    gateway.bills.rows = 3
    bill = read_bill(wxpay.download(wxpay.v3.bill.tradebill.get(params={"bill_date": "2026-11-01"})), amounts="yuan")
    assert sum(row["订单金额"] for row in bill) == bill.summary["订单总金额"] == Decimal("0.24")
    for params in ({"bill_date": "x"}, {}, {"bill_date": "2026-11-01", "rows": "x"}):
        with pytest.raises(errors.ClientError, match="PARAM_ERROR"):
            wxpay.v3.bill.tradebill.get(params=params)
    with pytest.raises(errors.ClientError, match="NO_STATEMENT_EXIST"):
        wxpay.v3.bill.tradebill.get(params={"bill_date": "2026-11-01", "rows": 0})
    with pytest.raises(errors.ClientError, match="下载链接已过期"):
        wxpay.chain("v3/billdownload/file").get(params={"token": "none"})


def test_orders_are_in_the_bill_of_their_day(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Placed by any of the four ways, once each; queried by their number."""
    for number, kind in enumerate(("jsapi", "app", "native", "h5"), 1):
        order = {"out_trade_no": f"order-{number}", "amount": {"total": 101 * number}, "description": "茶"}
        answer = wxpay.chain(f"v3/pay/transactions/{kind}").post(order)
        assert len(answer.data) == 1
        wxpay.chain(f"v3/pay/transactions/{kind}").post(order)
    found = wxpay.v3.pay.transactions.outTradeNo._number_.get(number="order-2", params={"mchid": gateway.mchid}).data
    assert (found["trade_state"], found["amount"]["total"]) == ("SUCCESS", 202)
    answer = wxpay.v3.bill.tradebill.get(params={"bill_date": found["success_time"][:10]})
    bill = read_bill(wxpay.download(answer), amounts="fen")
    rows = {row["商户订单号"]: (row["微信订单号"], row["订单金额"]) for row in bill}
    assert list(rows) == ["order-1", "order-2", "order-3", "order-4"]
    assert rows["order-2"] == (found["transaction_id"], 202)
    assert bill.summary["订单总金额"] == 1010
    assert bill.summary["总交易单数"] == "4"


@pytest.mark.parametrize(
    "order",
    [
        {},
        [],
        {"out_trade_no": "order-1"},
        {"out_trade_no": "x", "amount": {"total": 1}},
        {"out_trade_no": "order-1", "amount": {"total": 0}},
        {"out_trade_no": "order-1", "amount": {"total": "1"}},
        {"out_trade_no": 5, "amount": {"total": 1}},
    ],
)
def test_an_order_is_checked(wxpay: Wechatpay, order: object) -> None:
    """A number, and an amount in whole fen; the same number with another amount is refused."""
    with pytest.raises(errors.ClientError, match="PARAM_ERROR"):
        wxpay.v3.pay.transactions.native.post(data=order)
    wxpay.v3.pay.transactions.native.post({"out_trade_no": "order-1", "amount": {"total": 1}})
    with pytest.raises(errors.ClientError, match="INVALID_REQUEST"):
        wxpay.v3.pay.transactions.native.post({"out_trade_no": "order-1", "amount": {"total": 2}})
    with pytest.raises(errors.ClientError, match="ORDER_NOT_EXIST"):
        wxpay.chain("v3/pay/transactions/out-trade-no/none").get()


def test_the_file_is_not_signed(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """As WeChat Pay's is not."""
    told = wxpay.v3.bill.tradebill.get(params={"bill_date": "2026-11-01"}).data
    answer = wxpay.chain(told["download_url"].removeprefix(gateway.base_url)).get()
    assert "Wechatpay-Signature" not in answer.headers
    assert answer.verified is False
