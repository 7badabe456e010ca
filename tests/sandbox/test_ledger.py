from __future__ import annotations

import gzip
import hashlib
from decimal import Decimal

import pytest

from wechatpay_chain import Sandbox, Wechatpay, errors, read_bill
from wechatpay_chain.sandbox.clock import rfc3339
from wechatpay_chain.sandbox.ledger import FUND, SHARING, TRADE, Ledger, Table, gzip_pieces


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
    assert gzip.decompress(b"".join(gzip_pieces(iter(ledger)))) == content


def test_the_sandbox_takes_rows_from_a_request(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Or from its settings; a day without any has no bill."""
    bill = read_bill(wxpay.download(wxpay.v3.bill.tradebill.get(params={"bill_date": "2026-11-01", "rows": 7})))
    assert len(list(bill)) == 7
    gateway.bills.rows = 3
    bill = read_bill(wxpay.download(wxpay.v3.bill.tradebill.get(params={"bill_date": "2026-11-01"})), amounts="yuan")
    assert sum(row["订单金额"] for row in bill) == bill.summary["订单总金额"] == Decimal("0.24")
    days = ("x", "2026-13-01", "2026-02-30", "2026-1101-")
    for params in ({}, {"bill_date": "2026-11-01", "rows": "x"}, *({"bill_date": day} for day in days)):
        with pytest.raises(errors.ClientError, match="PARAM_ERROR"):
            wxpay.v3.bill.tradebill.get(params=params)
    with pytest.raises(errors.ClientError, match="NO_STATEMENT_EXIST"):
        wxpay.v3.bill.tradebill.get(params={"bill_date": "2026-11-01", "rows": 0})
    with pytest.raises(errors.ClientError, match="下载链接已过期"):
        wxpay.chain("v3/billdownload/file").get(params={"token": "none"})


def test_orders_are_in_the_bill_of_the_day_they_were_paid(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Each once, with its numbers and its amount; what nobody paid is not."""
    order = {"appid": "wx1", "mchid": gateway.mchid, "description": "茶", "notify_url": "https://a.example"}
    paid = {}
    for number in range(1, 5):
        name = f"order-{number}"
        wxpay.v3.pay.transactions.native.post({**order, "out_trade_no": name, "amount": {"total": 101 * number}})
        if number < 4:
            paid[name] = gateway.pay(name)
    found = wxpay.chain("v3/pay/transactions/out-trade-no/order-2").get(params={"mchid": gateway.mchid}).data
    answer = wxpay.v3.bill.tradebill.get(params={"bill_date": found["success_time"][:10]})
    bill = read_bill(wxpay.download(answer), amounts="fen")
    rows = list(bill)
    assert {row["商户订单号"]: row["微信订单号"] for row in rows} == paid
    assert [row["订单金额"] for row in rows] == [101, 202, 303]
    assert (bill.summary["总交易单数"], bill.summary["订单总金额"]) == ("3", 606)
    assert len(list(read_bill(wxpay.download(wxpay.v3.bill.tradebill.get(params={"bill_date": "2020-01-01"}))))) == 20


def test_a_day_without_trade_has_no_bill(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Unless made-up rows are asked for; of both APIs, and a day of which only another sub-merchant has one."""
    gateway.bills.rows = 0
    for path in ("v3/bill/tradebill", "v3/bill/fundflowbill", "v3/profitsharing/bills"):
        with pytest.raises(errors.ClientError, match="NO_STATEMENT_EXIST: 请求的账单文件不存在") as caught:
            wxpay.chain(path).get(params={"bill_date": "2020-01-01"})
        assert caught.value.status == 400
    with pytest.raises(errors.BusinessError, match="No Bill Exist"):
        wxpay.v2.pay.downloadbill.post({"appid": "wx1", "mch_id": gateway.mchid, "bill_date": "20200101"})
    order = {"appid": "wx1", "mchid": gateway.mchid, "description": "茶", "notify_url": "https://a.example"}
    wxpay.v3.pay.transactions.native.post({**order, "out_trade_no": "bill-01", "amount": {"total": 101}})
    gateway.pay("bill-01")
    day = {"bill_date": rfc3339(gateway.clock.now())[:10]}
    assert len(list(read_bill(wxpay.download(wxpay.v3.bill.tradebill.get(params=day))))) == 1
    with pytest.raises(errors.ClientError, match="NO_STATEMENT_EXIST"):
        wxpay.v3.bill.tradebill.get(params={**day, "sub_mchid": "1900000109"})


def test_shares_are_in_the_bill_of_their_day(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """A line for each receiver, and their sum."""
    order = {"appid": "wx1", "mchid": gateway.mchid, "description": "茶", "notify_url": "https://a.example"}
    settle = {"settle_info": {"profit_sharing": True}, "amount": {"total": 1000}}
    wxpay.v3.pay.transactions.native.post({**order, **settle, "out_trade_no": "share-01"})
    receiver = {"type": "PERSONAL_OPENID", "account": "oOne", "relation_type": "STAFF"}
    wxpay.v3.profitsharing.receivers.add.post({"appid": "wx1", **receiver})
    part = {"type": "PERSONAL_OPENID", "account": "oOne", "amount": 123, "description": "给,他"}
    share = {"appid": "wx1", "transaction_id": gateway.pay("share-01"), "out_order_no": "p1", "receivers": [part]}
    wxpay.v3.profitsharing.orders.post({**share, "unfreeze_unsplit": False})
    day = {"bill_date": rfc3339(gateway.clock.now())[:10]}
    bill = read_bill(wxpay.download(wxpay.v3.profitsharing.bills.get(params=day)), amounts="yuan")
    (row,) = bill
    assert (row["商户分账/回退单号"], row["分账金额"], row["分账接收方"]) == ("p1", Decimal("1.23"), "oOne")
    assert bill.summary["分账总金额"] == Decimal("1.23")


def test_the_file_is_not_signed(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """As WeChat Pay's is not."""
    told = wxpay.v3.bill.tradebill.get(params={"bill_date": "2026-11-01"}).data
    answer = wxpay.chain(told["download_url"].removeprefix(gateway.base_url)).get()
    assert "Wechatpay-Signature" not in answer.headers
    assert answer.verified is False
