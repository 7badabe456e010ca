"""Refunds of both APIs: sums, repeats, states, notices; and that nothing is refunded twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.listener import Listener, listening
from tests.sandbox import shop
from tests.sandbox.test_orders import refused
from wechatpay_chain import Sandbox, Sealed, Wechatpay, errors


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as server:
        yield server


@pytest.fixture
def paid(gateway: Sandbox, wxpay: Wechatpay) -> str:
    """The number of a paid order of 100 fen."""
    body = shop.order(gateway)
    wxpay.v3.pay.transactions.native.post(body)
    gateway.pay(body["out_trade_no"])
    return str(body["out_trade_no"])


def test_a_refund_ends_by_itself(gateway: Sandbox, wxpay: Wechatpay, paid: str) -> None:
    """PROCESSING, then SUCCESS a second later by the sandbox's clock; the order is REFUND at once."""
    gateway.clock.factor = 0
    refunds = wxpay.v3.refund.domestic.refunds
    wanted = shop.refund(paid, 40)
    first = refunds.post(wanted).data
    assert (first["status"], first["channel"], "success_time" in first) == ("PROCESSING", "ORIGINAL", False)
    assert first["amount"] == {
        **{"total": 100, "refund": 40, "from": [], "payer_total": 100, "payer_refund": 40, "refund_fee": 0},
        **{"settlement_refund": 40, "settlement_total": 100, "discount_refund": 0, "currency": "CNY"},
    }
    assert refunds.post(wanted).data == first == (refunds / wanted["out_refund_no"]).get().data
    assert shop.query(wxpay, gateway, paid)["trade_state"] == "REFUND"
    gateway.advance(1)
    ended = (refunds / wanted["out_refund_no"]).get().data
    assert (ended["status"], ended["refund_id"]) == ("SUCCESS", first["refund_id"])
    assert ended["success_time"]
    assert refunds.post(wanted).data == ended


def test_no_more_is_refunded_than_was_paid(gateway: Sandbox, wxpay: Wechatpay, paid: str) -> None:
    """In parts, up to the whole; each refusal in its code, and a refused number can be used again."""
    refunds = wxpay.v3.refund.domestic.refunds
    first, second = shop.refund(paid, 60), shop.refund(paid, 41)
    refunds.post(first)
    assert refused(lambda: refunds.post(second)) == (400, "INVALID_REQUEST")
    assert refused(lambda: refunds.post({**first, "amount": {**first["amount"], "refund": 1}})) == (
        400,
        "INVALID_REQUEST",
    )
    assert refused(lambda: refunds.post(shop.refund(paid, 1, total=99))) == (400, "INVALID_REQUEST")
    refunds.post({**second, "amount": {**second["amount"], "refund": 40}})
    with pytest.raises(errors.ClientError, match="订单已全额退款"):
        refunds.post(shop.refund(paid, 1))
    for changes in (
        {"refund": 0},
        {"refund": -1},
        {"refund": "1"},
        {"refund": True},
        {"refund": 101},
        {"currency": "USD"},
        {"currency": ...},
        {"total": ...},
    ):
        money = {
            name: value
            for name, value in {"refund": 1, "total": 100, "currency": "CNY", **changes}.items()
            if value is not ...
        }
        assert refused(refunds.post, shop.refund(paid, 1, amount=money)) == (400, "PARAM_ERROR")
    sources = [{"account": "AVAILABLE", "amount": 1}, {"account": "UNAVAILABLE", "amount": 1}]
    money = {"refund": 3, "total": 100, "currency": "CNY", "from": sources}
    assert refused(lambda: refunds.post(shop.refund(paid, 3, amount=money))) == (400, "PARAM_ERROR")


def test_an_order_has_fifty_parts(gateway: Sandbox, wxpay: Wechatpay, paid: str) -> None:
    """The next one is refused."""
    refunds = wxpay.v3.refund.domestic.refunds
    for _ in range(50):
        refunds.post(shop.refund(paid, 1))
    with pytest.raises(errors.ClientError, match="50次"):
        refunds.post(shop.refund(paid, 1))


def test_what_was_not_paid_is_not_refunded(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Nor what nobody made, nor after a year."""
    refunds, body = wxpay.v3.refund.domestic.refunds, shop.order(gateway)
    wxpay.v3.pay.transactions.native.post(body)
    assert refused(lambda: refunds.post(shop.refund(body["out_trade_no"], 1))) == (404, "RESOURCE_NOT_EXISTS")
    assert refused(lambda: refunds.post(shop.refund("nobody", 1))) == (404, "RESOURCE_NOT_EXISTS")
    assert refused(lambda: (refunds / "nobody").get()) == (404, "RESOURCE_NOT_EXISTS")
    gateway.pay(body["out_trade_no"])
    gateway.advance(366 * 86_400)
    with pytest.raises(errors.ClientError, match="退款期限"):
        refunds.post(shop.refund(body["out_trade_no"], 1))


def test_a_refund_becomes_abnormal_and_is_set_going_again(gateway: Sandbox, wxpay: Wechatpay, paid: str) -> None:
    """ABNORMAL waits for the merchant; CLOSED gives the sum free for another number."""
    refunds = wxpay.v3.refund.domestic.refunds
    wanted = shop.refund(paid, 100)
    told = refunds.post(wanted).data
    gateway.refund(wanted["out_refund_no"], "ABNORMAL")
    assert (refunds / wanted["out_refund_no"]).get().data["status"] == "ABNORMAL"
    again = refunds._refund_id_.applyAbnormalRefund
    body = {"out_refund_no": wanted["out_refund_no"], "type": "USER_BANK_CARD", "bank_type": "CMB_DEBIT"}
    assert refused(lambda: again.post(body, refund_id=told["refund_id"])) == (400, "PARAM_ERROR")
    card = {"bank_account": Sealed("6222"), "real_name": Sealed("张三")}
    assert again.post({**body, **card}, refund_id=told["refund_id"]).data["status"] == "PROCESSING"
    gateway.advance(1)
    assert (refunds / wanted["out_refund_no"]).get().data["status"] == "SUCCESS"
    for status in ("ABNORMAL", "CLOSED", "SUCCESS", "x"):
        with pytest.raises(ValueError, match="cannot become"):
            gateway.refund(wanted["out_refund_no"], status)
    with pytest.raises(KeyError):
        gateway.refund("nobody")


def test_a_closed_refund_can_be_made_again(gateway: Sandbox, wxpay: Wechatpay, paid: str) -> None:
    """Under a new number, for its whole sum."""
    refunds = wxpay.v3.refund.domestic.refunds
    wanted = shop.refund(paid, 100)
    refunds.post(wanted)
    gateway.refund(wanted["out_refund_no"], "CLOSED")
    assert refunds.post(shop.refund(paid, 100)).data["status"] == "PROCESSING"
    assert refunds.post(wanted).data["status"] == "CLOSED"


def test_each_end_is_told(gateway: Sandbox, wxpay: Wechatpay, paid: str, listener: Listener) -> None:
    """Encrypted and signed, with this refund's own fields."""
    for status in ("SUCCESS", "ABNORMAL", "CLOSED"):
        wanted = shop.refund(paid, 10, notify_url=listener.url)
        made = wxpay.v3.refund.domestic.refunds.post(wanted).data
        gateway.refund(wanted["out_refund_no"], status)
        assert gateway.notices.wait()
        read = wxpay.notification(*listener.received[-1])
        assert read.event_type == f"REFUND.{status}"
        assert read.resource["refund_status"] == status
        assert read.resource["amount"] == {"total": 100, "refund": 10, "payer_total": 100, "payer_refund": 10}
        names = ("out_refund_no", "refund_id", "transaction_id", "out_trade_no")
        assert {name: read.resource[name] for name in names} == {name: made[name] for name in names}
        assert ("success_time" in read.resource) == (status == "SUCCESS")
        assert read.resource["mchid"] == gateway.mchid


def back(gateway: Sandbox, **changes: Any) -> dict[str, Any]:
    """The fields of an APIv2 refund."""
    own = {"appid": shop.APPID, "mch_id": gateway.mchid, "out_refund_no": shop.number("b"), "total_fee": 100}
    return {**own, "refund_fee": 30, **changes}


def test_apiv2_refunds_in_the_same_book(gateway: Sandbox, listener: Listener) -> None:
    """Its codes, its query by four numbers, and its notice, which is encrypted and not signed."""
    with gateway.client(merchant=gateway.merchant) as wxpay:
        pay, refund = wxpay.v2.pay, wxpay.v2.secapi.pay.refund
        order = shop.v2(gateway)
        pay.unifiedorder.post(order)
        number = order["out_trade_no"]

        def code(**changes: Any) -> str:
            with pytest.raises(errors.BusinessError) as caught:
                refund.post(back(gateway, **{"out_trade_no": number, **changes}), security=False)
            return caught.value.code

        assert code() == "ORDERNOTEXIST"
        gateway.pay(number)
        asked = back(gateway, out_trade_no=number, notify_url=listener.url)
        told = refund.post(asked, security=False).data
        assert (told["refund_fee"], told["total_fee"], told["out_refund_no"]) == ("30", "100", asked["out_refund_no"])
        assert refund.post(asked, security=False).data["refund_id"] == told["refund_id"]
        assert code(refund_fee=71) == "INVALID_REQUEST"
        assert code(total_fee=99) == "INVALID_REQUEST"
        assert code(out_refund_no=asked["out_refund_no"], refund_fee=1) == "INVALID_REQUEST"
        assert code(out_trade_no="nobody") == "ORDERNOTEXIST"
        gateway.advance(1)
        assert gateway.notices.wait()
        read = wxpay.notification_v2(listener.received[-1][1])
        assert read["req_info"]["out_refund_no"] == asked["out_refund_no"]
        assert read["req_info"]["refund_status"] == "SUCCESS"
        own = {"appid": shop.APPID, "mch_id": gateway.mchid}
        for name in ("refund_id", "out_refund_no", "transaction_id", "out_trade_no"):
            found = pay.refundquery.post({**own, name: {**asked, **told}[name]}).data
            assert (found["refund_count"], found["refund_status_0"], found["refund_fee_0"]) == ("1", "SUCCESS", "30")
        with pytest.raises(errors.BusinessError, match="REFUNDNOTEXIST"):
            pay.refundquery.post({**own, "out_refund_no": "nobody"})
        v3 = (wxpay.v3.refund.domestic.refunds / asked["out_refund_no"]).get().data
        assert (v3["status"], v3["amount"]["refund"]) == ("SUCCESS", 30)
        refund.post(back(gateway, out_trade_no=number, refund_fee=70), security=False)
        assert code(refund_fee=1) == "ERROR"
    json.dumps(told)


def test_a_minute_lies_between_two_refunds_where_that_is_asked_for(
    gateway: Sandbox, wxpay: Wechatpay, paid: str
) -> None:
    """A repeat of the first is no second one; WeChat Pay asks for it always, the sandbox where it is set."""
    refunds, first, second = wxpay.v3.refund.domestic.refunds, shop.refund(paid, 10), shop.refund(paid, 20)
    gateway.clock.factor = 0
    gateway.world.settings.refund_wait = 60
    try:
        refunds.post(first)
        assert refused(lambda: refunds.post(second)) == (429, "FREQUENCY_LIMITED")
        assert refunds.post(first).data["out_refund_no"] == first["out_refund_no"]
        gateway.advance(60)
        assert refunds.post(second).data["amount"]["refund"] == 20
    finally:
        gateway.world.settings.refund_wait = 0
