"""A shop's suites of tests, written into a folder and run by a pytest of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from wechatpay_chain import Wechatpay

__all__ = ["SHOP", "order", "refund", "run_suite"]

ORDER = {"appid": "wxd678efh567hg6787", "description": "a book", "notify_url": "https://shop.example/notify"}


def order(wxpay: Wechatpay, number: str, **fields: object) -> None:
    amount = {"total": 4900, "currency": "CNY"}
    body = {**ORDER, "mchid": wxpay.mchid, "out_trade_no": number, "amount": amount, **fields}
    wxpay.v3.pay.transactions.native.post(body)


def refund(wxpay: Wechatpay, number: str, refund_number: str) -> None:
    amount = {"refund": 4900, "total": 4900, "currency": "CNY"}
    fields = {"out_trade_no": number, "out_refund_no": refund_number, "amount": amount}
    wxpay.v3.refund.domestic.refunds.post(fields)


# Thirty tests of a shop: each counts on a sandbox that has nothing of the tests before it.
SHOP = """
import pytest

def order(wxpay, number, total=4900):
    return wxpay.v3.pay.transactions.native.post({
        "appid": "wxd678efh567hg6787", "mchid": wxpay.mchid, "description": "a book", "out_trade_no": number,
        "notify_url": "https://shop.example/notify", "amount": {"total": total, "currency": "CNY"},
    })

@pytest.mark.parametrize("run", range(10))
def test_an_order_is_paid(wechatpay_sandbox, wxpay, run):
    assert not wechatpay_sandbox.ordered("BOOK-0001")
    order(wxpay, "BOOK-0001", 100 + run)
    assert not wechatpay_sandbox.paid("BOOK-0001")
    wechatpay_sandbox.pay("BOOK-0001")
    assert wechatpay_sandbox.paid("BOOK-0001", total=100 + run)

@pytest.mark.parametrize("run", range(10))
def test_an_order_is_refunded(wechatpay_sandbox, wxpay, run):
    order(wxpay, "BOOK-0001")
    wechatpay_sandbox.pay("BOOK-0001")
    wxpay.v3.refund.domestic.refunds.post({
        "out_trade_no": "BOOK-0001", "out_refund_no": "BACK-0001",
        "amount": {"refund": 4900, "total": 4900, "currency": "CNY"},
    })
    assert wechatpay_sandbox.refunded("BACK-0001", amount=4900)

@pytest.mark.parametrize("run", range(10))
def test_an_order_is_closed(wechatpay_sandbox, wxpay, run):
    order(wxpay, "BOOK-0001")
    wxpay.v3.pay.transactions.outTradeNo._out_trade_no_.close.post(
        {"mchid": wxpay.mchid}, out_trade_no="BOOK-0001")
    assert wechatpay_sandbox.closed("BOOK-0001")
"""


def run_suite(folder: Path, source: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """What pytest says of tests in ``source``, with warnings as errors and no plugins but those that are installed."""
    (folder / "test_shop.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *flags, "test_shop.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
