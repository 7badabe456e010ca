from __future__ import annotations

import gzip
import hashlib
from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox import shop
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
    for rows in ("x", "²", "-1", "99999999999999999999", "10000001"):
        with pytest.raises(errors.ClientError, match=r"PARAM_ERROR: 参数 rows 错误") as caught:
            wxpay.v3.bill.tradebill.get(params={"bill_date": "2026-11-01", "rows": rows})
        assert caught.value.detail["value"] == rows
    for params in ({}, *({"bill_date": day} for day in days)):
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
            wxpay.chain(path).get(params={"bill_date": rfc3339(gateway.clock.now() - 30 * 86_400)[:10]})
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


LEGACY = {"appid": "wx1", "bill_date": "20200101"}


def test_a_bill_goes_back_three_months(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """By the sandbox's clock and to the day, with what was paid then and without; rows that are made up have no age."""
    bill = wxpay.v3.bill.tradebill
    gateway.bills.rows = 0
    body = shop.order(gateway)
    wxpay.v3.pay.transactions.native.post(body)
    gateway.clock.set("2024-11-30T12:00:00+08:00")
    gateway.pay(body["out_trade_no"])
    day = {"bill_date": "2024-11-30"}
    gateway.clock.set("2025-02-28T23:00:00+08:00")
    assert bill.get(params=day).status == 200
    gateway.clock.set("2025-03-01T01:00:00+08:00")
    for fields in (day, {"bill_date": "2020-01-01"}):
        with pytest.raises(errors.ClientError, match=r"INVALID_REQUEST: .*最近三个月") as caught:
            bill.get(params=fields)
        assert caught.value.status == 400
    with pytest.raises(errors.ClientError, match="NO_STATEMENT_EXIST"):
        bill.get(params={"bill_date": "2024-12-01"})
    with pytest.raises(errors.BusinessError, match="No Bill Exist"):
        wxpay.v2.pay.downloadbill.post({**LEGACY, "mch_id": gateway.mchid})
    assert bill.get(params={"bill_date": "2020-01-01", "rows": 2}).status == 200
    gateway.bills.rows = 1
    assert bill.get(params={"bill_date": "2020-01-01"}).status == 200


def test_a_bill_is_of_a_known_kind(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Of trades, of an account, and packed or not; only the account of payments has money in it."""
    gateway.bills.rows = 0
    body = shop.order(gateway)
    wxpay.v3.pay.transactions.native.post(body)
    gateway.pay(body["out_trade_no"])
    day = {"bill_date": rfc3339(gateway.clock.now())[:10]}
    trade, fund = wxpay.v3.bill.tradebill, wxpay.v3.bill.fundflowbill
    wrong = [(trade, {"bill_type": "X"}), (trade, {"tar_type": "ZIP"}), (fund, {"account_type": "X"})]
    for call, fields in wrong:
        with pytest.raises(errors.ClientError, match=f"PARAM_ERROR: 参数 {next(iter(fields))} 错误"):
            call.get(params={**day, **fields})
    with pytest.raises(errors.BusinessError, match="FAIL: invalid bill_type"):
        wxpay.v2.pay.downloadbill.post({**LEGACY, "mch_id": gateway.mchid, "bill_type": "X"})
    for call, fields in ((trade, {"bill_type": "RECHARGE_REFUND"}), (fund, {"account_type": "FEES"})):
        with pytest.raises(errors.ClientError, match="NO_STATEMENT_EXIST"):
            call.get(params={**day, **fields})
    for call, fields in ((trade, {"bill_type": "ALL_SPECIAL"}), (fund, {"account_type": "BASIC"})):
        assert len(list(read_bill(wxpay.download(call.get(params={**day, **fields}))))) == 1


def test_no_fen_is_lost_in_the_bills(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """What was paid, less what went back by refunds and reversals; a refund that was closed came back."""
    gateway.bills.rows = 0
    pay, refunds = wxpay.v3.pay.transactions, wxpay.v3.refund.domestic.refunds
    plain = shop.order(gateway)
    pay.native.post(plain)
    gateway.pay(plain["out_trade_no"])
    scene = {"store_info": {"id": "1"}}
    code: dict[str, Any] = {"payer": {"auth_code": f"13{shop.number('')}000000000"}, "scene_info": scene}
    till = shop.order(gateway, notify_url=..., amount={"total": 40}, **code)
    pay.codepay.post(till)
    own = {"appid": shop.APPID, "mchid": gateway.mchid}
    for _ in range(2):
        pay.outTradeNo._no_.reverse.post(own, no=till["out_trade_no"])
    for number, amount, end in (("B1", 30, "SUCCESS"), ("B2", 50, "CLOSED"), ("B3", 7, "ABNORMAL")):
        refunds.post(shop.refund(plain["out_trade_no"], amount, out_refund_no=number))
        gateway.refund(number, end)
    day = {"bill_date": rfc3339(gateway.clock.now())[:10]}
    bill = read_bill(wxpay.download(wxpay.v3.bill.tradebill.get(params=day)), amounts="fen")
    rows = {
        (row["商户订单号"], row["交易状态"], row["商户退款单号"]): row["订单金额"] - row["退款金额"] for row in bill
    }
    assert rows == {
        (plain["out_trade_no"], "SUCCESS", "0"): 100,
        (till["out_trade_no"], "SUCCESS", "0"): 40,
        (till["out_trade_no"], "REVOKED", till["out_trade_no"]): -40,
        **{(plain["out_trade_no"], "REFUND", name): -part for name, part in (("B1", 30), ("B2", 50), ("B3", 7))},
    }
    assert bill.summary["订单总金额"] - bill.summary["退款总金额"] == 140 - 40 - 87
    flow = read_bill(wxpay.download(wxpay.v3.bill.fundflowbill.get(params=day)), amounts="fen")
    moves = list(flow)
    left = 140 - 40 - 30 - 7
    signs = {"收入": 1, "支出": -1}
    assert sum(signs[move["收支类型"]] * move["收支金额（元）"] for move in moves) == left
    assert (moves[-1]["账户结余（元）"], flow.summary["收入金额"] - flow.summary["支出金额"]) == (left, left)
    assert (flow.summary["收入笔数"], flow.summary["支出笔数"]) == ("3", "4")


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
