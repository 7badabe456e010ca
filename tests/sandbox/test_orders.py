"""The sandbox's orders: as much of WeChat Pay as the documentation's examples need, with its refusals."""

from __future__ import annotations

from typing import Any

import pytest

from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.php import Rsa

ORDER: dict[str, Any] = {
    "appid": "wx8888888888888888",
    "description": "a",
    "out_trade_no": "T1",
    "notify_url": "https://weixin.qq.com/",
    "amount": {"total": 3},
}


@pytest.mark.parametrize(
    ("way", "name", "kind"),
    [
        ("native", "code_url", "NATIVE"),
        ("jsapi", "prepay_id", "JSAPI"),
        ("app", "prepay_id", "APP"),
        ("h5", "h5_url", "MWEB"),
    ],
)
def test_an_order_is_made_paid_and_refunded(gateway: Sandbox, wxpay: Wechatpay, way: str, name: str, kind: str) -> None:
    """In part and again, never more than was paid; a refund of the same number is the same refund."""
    pay = wxpay.v3.pay.transactions
    made = pay[way].post({**ORDER, "mchid": gateway.mchid}).data
    assert set(made) == {name}
    asked = pay.outTradeNo._out_trade_no_.get(out_trade_no="T1", params={"mchid": gateway.mchid}).data
    assert (asked["trade_state"], asked["trade_type"], asked["amount"]) == (
        "NOTPAY",
        kind,
        {"currency": "CNY", "total": 3},
    )
    number = gateway.pay("T1")
    assert (pay.id / number).get(params={"mchid": gateway.mchid}).data["trade_state"] == "SUCCESS"
    refund = wxpay.v3.refund.domestic.refunds
    wanted = {"transaction_id": number, "out_refund_no": "R1", "amount": {"refund": 2, "total": 3, "currency": "CNY"}}
    first = refund.post(wanted).data
    assert refund.post(wanted).data == first == (refund / "R1").get().data
    with pytest.raises(errors.ClientError, match="退款金额错误"):
        refund.post({**wanted, "out_refund_no": "R2"})
    assert refund.post({"out_trade_no": "T1", "out_refund_no": "R2", "amount": {"refund": 1}}).data["status"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"appid": None}, "PARAM_ERROR"),
        ({"description": ""}, "PARAM_ERROR"),
        ({"amount": 5}, "PARAM_ERROR"),
        ({"amount": {"total": "3"}}, "PARAM_ERROR"),
        ({"amount": {"total": 0}}, "PARAM_ERROR"),
        ({"mchid": "1"}, "PARAM_ERROR"),
    ],
)
def test_an_order_is_checked(gateway: Sandbox, wxpay: Wechatpay, changes: dict[str, Any], code: str) -> None:
    """What WeChat Pay requires is required."""
    with pytest.raises(errors.ClientError) as caught:
        wxpay.v3.pay.transactions.native.post({**ORDER, "mchid": gateway.mchid, **changes})
    assert (caught.value.code, caught.value.verified) == (code, True)


def test_an_order_ends_once(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Closed or paid, it is not opened again."""
    native, close = wxpay.v3.pay.transactions.native, wxpay.v3.pay.transactions.outTradeNo._no_.close
    order = {**ORDER, "mchid": gateway.mchid}
    native.post(order)
    assert close.post({"mchid": gateway.mchid}, no="T1").status == 204
    native.post({**order, "out_trade_no": "T2"})
    gateway.pay("T2")
    for number, code in (("T1", "ORDER_CLOSED"), ("T2", "ORDERPAID")):
        with pytest.raises(errors.ClientError, match=code):
            native.post({**order, "out_trade_no": number})
    with pytest.raises(errors.ClientError, match="ORDERPAID"):
        close.post({"mchid": gateway.mchid}, no="T2")
    with pytest.raises(errors.ClientError, match="ORDER_NOT_EXIST"):
        close.post({"mchid": gateway.mchid}, no="T3")
    with pytest.raises(errors.ClientError, match="未支付"):
        wxpay.v3.refund.domestic.refunds.post({"out_trade_no": "T1", "out_refund_no": "R", "amount": {"refund": 1}})
    with pytest.raises(errors.ClientError, match="退款单不存在"):
        (wxpay.v3.refund.domestic.refunds / "R").get()
    with pytest.raises(KeyError):
        gateway.pay("T3")


def test_an_application_is_opened_with_the_key_that_it_names(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Fields that were encrypted for another key, or not at all, are refused."""
    apply = wxpay.v3.applyment4sub.applyment._empty_.post
    certs = gateway.configuration()["certs"]
    for key_id, key in certs.items():
        sealed = {"business_code": "A", "contact_info": {"contact_name": Rsa.encrypt("联系人", key)}}
        headers = {"Wechatpay-Serial": key_id}
        assert apply(sealed, headers=headers).data["applyment_id"]
        with pytest.raises(errors.ClientError, match="contact_name"):
            apply({"business_code": "A", "contact_info": {"contact_name": "联系人"}}, headers=headers)
        other = next(each for each in certs if each != key_id)
        with pytest.raises(errors.ClientError, match="contact_name"):
            apply(sealed, headers={"Wechatpay-Serial": other})
