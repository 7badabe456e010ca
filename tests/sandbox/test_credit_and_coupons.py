"""PayScore, complaints and merchant coupons: their states, and what each of them does not allow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests

from tests.sandbox import shop
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.sandbox.clock import compact, rfc3339, to_beijing

ADDRESS = "https://shop.example/notify"
SERVICE = {"appid": "wx9", "service_id": "s9"}
CREDIT: dict[str, Any] = {
    **SERVICE,
    "out_order_no": "bike-0001",
    "service_introduction": "充电",
    "time_range": {"start_time": "OnAccept"},
    "risk_fund": {"name": "DEPOSIT", "amount": 10_000},
    "notify_url": ADDRESS,
    "need_user_confirm": True,
}
CHARGED = {**SERVICE, "post_payments": [{"name": "骑行", "amount": 300}], "total_amount": 300}


def told(call: Callable[[], Any]) -> tuple[int, str]:
    """Status and code of a refusal."""
    with pytest.raises(errors.ClientError) as caught:
        call()
    return caught.value.status, caught.value.code


class Ride:
    """A PayScore order, and what its merchant does with it."""

    def __init__(self, wxpay: Wechatpay, number: str = "bike-0001") -> None:
        self._orders, self.number = wxpay.v3.payscore.serviceorder, number

    def post(self, verb: str = "", **fields: Any) -> Any:
        if not verb:
            return self._orders.post({**CREDIT, "out_order_no": self.number, **fields}).data
        return getattr(self._orders._no_, verb).post({**SERVICE, **fields}, no=self.number).data

    def get(self, **changes: Any) -> Any:
        return self._orders.get(params={**SERVICE, "out_order_no": self.number, **changes}).data


def test_a_service_does_not_end_before_it_begins(wxpay: Wechatpay) -> None:
    """Nor is it made; at the same moment it may."""
    ride = Ride(wxpay)
    backwards = {"start_time": "20261128100000", "end_time": "20261127"}
    assert told(lambda: ride.post(time_range=backwards)) == (400, "PARAM_ERROR")
    assert told(lambda: ride.get()) == (404, "ORDER_NOT_EXIST")
    assert ride.post(time_range={"start_time": "20261128", "end_time": "20261128000000"})["state"] == "CREATED"


def test_a_ride_is_confirmed_completed_paid_and_refunded(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """With a notice from the user's confirmation and payment, each with this order's fields; money in the one book."""
    ride = Ride(wxpay)
    made = ride.post()
    assert (made["state"], made["order_id"], "state_description" in made) == ("CREATED", made["order_id"], False)
    assert made["package"]
    assert ride.post() == made
    assert told(lambda: ride.post(service_introduction="停车")) == (400, "INVALID_REQUEST")
    assert told(lambda: ride.post("complete", **CHARGED)) == (400, "INVALID_REQUEST")
    gateway.payscore(ride.number, "DOING")
    assert (ride.get()["state"], ride.get()["state_description"]) == ("DOING", "USER_CONFIRM")
    assert ride.get()["time_range"]["start_time"] == compact(gateway.clock.now())[:14]
    assert told(lambda: ride.post("complete", **{**CHARGED, "total_amount": 301})) == (400, "PARAM_ERROR")
    assert told(lambda: ride.post("complete", **{**CHARGED, "appid": "wx8"})) == (400, "PARAM_ERROR")
    done = ride.post("complete", **CHARGED)
    assert (done["state"], done["state_description"], done["total_amount"]) == ("DOING", "MCH_COMPLETE", 300)
    assert ride.get()["collection"]["state"] == "USER_PAYING"
    lower = {"post_payments": [{"name": "骑行", "amount": 200}], "total_amount": 200, "reason": "优惠"}
    assert ride.post("modify", **lower)["total_amount"] == 200
    assert told(lambda: ride.post("modify", **lower)) == (400, "PARAM_ERROR")
    gateway.payscore(ride.number, "DONE")
    paid = ride.get()
    (detail,) = paid["collection"]["details"]
    assert (paid["state"], paid["collection"]["state"], detail["amount"]) == ("DONE", "USER_PAID", 200)
    amount = {"refund": 200, "total": 200, "currency": "CNY"}
    refund = {"transaction_id": detail["transaction_id"], "out_refund_no": "back", "amount": amount}
    assert wxpay.v3.refund.domestic.refunds.post(refund).data["status"] == "PROCESSING"
    assert [(sent.event_type, sent.resource["state"]) for sent in gateway.notices][:2] == [
        ("PAYSCORE.USER_CONFIRM", "DOING"),
        ("PAYSCORE.USER_PAID", "DONE"),
    ]
    with pytest.raises(ValueError, match="is DONE, which cannot become 'DOING'"):
        gateway.payscore(ride.number, "DOING")
    with pytest.raises(KeyError):
        gateway.payscore("nobody's", "DOING")


def test_a_ride_is_cancelled_synced_or_forgotten(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """A repeat of a cancel has to be the same; what costs nothing is done at once; 30 days end what waits."""
    ride = Ride(wxpay)
    ride.post()
    assert ride.post("cancel", reason="坏了")["out_order_no"] == ride.number
    assert ride.post("cancel", reason="坏了")["out_order_no"] == ride.number
    assert told(lambda: ride.post("cancel", reason="别的")) == (400, "INVALID_REQUEST")
    assert ride.get()["state"] == "REVOKED"
    cash = Ride(wxpay, "bike-0002")
    cash.post(need_user_confirm=False, openid="oUser")
    assert cash.get()["state"] == "DOING"
    assert (
        told(lambda: cash.post("sync", type="Order_Paid", detail={"paid_time": "20261101"}))[1] == "INVALID_ORDER_STATE"
    )
    cash.post("complete", **CHARGED)
    gateway.world.settings.cancel_while_paying = False
    try:
        assert told(lambda: cash.post("cancel", reason="x")) == (400, "PARAM_ERROR")
    finally:
        gateway.world.settings.cancel_while_paying = True
    synced = cash.post("sync", type="Order_Paid", detail={"paid_time": "20261101"})
    assert (synced["state"], synced["collection"]["details"][0]["paid_type"]) == ("DONE", "MCH")
    free = Ride(wxpay, "bike-0003")
    free.post(need_user_confirm=False, openid="oUser")
    assert free.post("complete", post_payments=[{"name": "x", "amount": 0}], total_amount=0)["state"] == "DONE"
    late = Ride(wxpay, "bike-0004")
    late.post()
    gateway.advance(31 * 86_400)
    assert late.get()["state"] == "EXPIRED"
    assert told(lambda: late.get(service_id="another")) == (404, "ORDER_NOT_EXIST")


def test_a_complaint_is_answered_and_completed(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """PENDING, PROCESSING, PROCESSED, and PENDING again; its log tells who did what."""
    service = wxpay.v3.merchantService
    wxpay.v3.pay.transactions.native.post(shop.order(gateway, out_trade_no="book-0001"))
    with pytest.raises(ValueError, match="only who has paid"):
        gateway.complain("book-0001")
    gateway.pay("book-0001")
    address = service.complaintNotifications
    assert told(address.get) == (400, "RESOURCE_NOT_EXISTS")
    address.post({"url": ADDRESS})
    assert told(lambda: address.post({"url": ADDRESS})) == (400, "RESOURCE_ALREADY_EXISTS")
    number = gateway.complain("book-0001", "没有收到货")
    node, days = service.complaintsV2._id_, {"begin_date": rfc3339(gateway.clock.now())[:10]}
    days["end_date"] = days["begin_date"]
    (listed,) = service.complaintsV2.get(params=days).data["data"]
    order = listed["complaint_order_info"][0]
    assert (listed["complaint_id"], order["out_trade_no"], order["amount"]) == (number, "book-0001", 100)
    assert told(lambda: node.complete.post({"complainted_mchid": gateway.mchid}, id=number))[1] == "INVALID_REQUEST"
    node.response.post({"complainted_mchid": gateway.mchid, "response_content": "已补发"}, id=number)
    assert node.get(id=number).data["complaint_state"] == "PROCESSING"
    node.complete.post({"complainted_mchid": gateway.mchid}, id=number)
    assert node.get(id=number).data["complaint_state"] == "PROCESSED"
    assert gateway.complain("book-0001", "还是没有") == number
    again = node.get(id=number).data
    assert (again["complaint_state"], again["user_complaint_times"]) == ("PENDING", 2)
    log = [each["operate_type"] for each in node.negotiationHistorys.get(id=number).data["data"]]
    assert log == [
        "USER_CONTINUE_COMPLAINT",
        "MERCHANT_CONFIRM_COMPLETE",
        "MERCHANT_RESPONSE",
        "USER_CREATE_COMPLAINT",
    ]
    assert [sent.resource["action_type"] for sent in gateway.notices if sent.event_type.startswith("COMPLAINT")] == [
        "CREATE_COMPLAINT",
        "CONTINUE_COMPLAINT",
    ]
    assert told(lambda: node.get(id="nobody's")) == (404, "RESOURCE_NOT_EXISTS")
    assert told(lambda: service.complaintsV2.get(params={**days, "begin_date": "2020-01-01"}))[1] == "PARAM_ERROR"
    address.delete()
    assert told(address.delete) == (400, "RESOURCE_NOT_EXISTS")


def stock(wxpay: Wechatpay, gateway: Sandbox, **changes: Any) -> str:
    """The number of a new stock."""
    begin = to_beijing(gateway.clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    times = {"available_begin_time": begin.isoformat(), "available_end_time": (begin + timedelta(days=10)).isoformat()}
    fields = {
        "stock_name": "八月",
        "belong_merchant": gateway.mchid,
        "goods_name": "书",
        "stock_type": "NORMAL",
        "coupon_use_rule": {"coupon_available_time": times, "use_method": "OFF_LINE"},
        "stock_send_rule": {"max_coupons": 2, "max_coupons_per_user": 1},
        "out_request_no": "stock-1",
        "coupon_code_mode": "WECHATPAY_MODE",
    }
    number: str = wxpay.v3.marketing.busifavor.stocks.post({**fields, **changes}).data["stock_id"]
    return number


def test_a_merchant_coupon_is_sent_used_returned_and_deactivated(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """Once for each number; what is another coupon's, over or spent is refused."""
    favor = wxpay.v3.marketing.busifavor
    number = stock(wxpay, gateway)
    assert stock(wxpay, gateway) == number
    assert told(lambda: stock(wxpay, gateway, goods_name="笔")) == (400, "RESOURCE_ALREADY_EXISTS")
    sending = {"openid": "oOne", "appid": "wx9", "stock_id": number, "out_request_no": "send-1"}
    code = favor.coupons.send.post(sending).data["coupon_code"]
    assert favor.coupons.send.post(sending).data["coupon_code"] == code
    assert told(lambda: favor.coupons.send.post({**sending, "out_request_no": "send-2"})) == (403, "RULE_LIMIT")

    def coupon() -> Any:
        return favor.users._o_.coupons._c_.appids._a_.get(o="oOne", c=code, a="wx9").data

    assert coupon()["coupon_state"] == "SENDED"
    use = {"coupon_code": code, "appid": "wx9", "use_request_no": "use-1", "use_time": rfc3339(gateway.clock.now())}
    assert favor.coupons.use.post(use).data["openid"] == "oOne"
    favor.coupons.use.post(use)
    assert told(lambda: favor.coupons.use.post({**use, "use_request_no": "use-2"})) == (400, "INVALID_REQUEST")
    assert (coupon()["coupon_state"], coupon()["use_request_no"]) == ("USED", "use-1")
    back = {"coupon_code": code, "stock_id": number, "return_request_no": "back-1"}
    favor.coupons["return"].post(back)
    assert (coupon()["coupon_state"], "use_time" in coupon()) == ("SENDED", False)
    off = {"coupon_code": code, "stock_id": number, "deactivate_request_no": "off-1"}
    favor.coupons.deactivate.post(off)
    assert told(lambda: favor.coupons["return"].post({**back, "return_request_no": "b2"})) == (400, "INVALID_REQUEST")
    favor.coupons.send.post({**sending, "openid": "oTwo", "out_request_no": "send-3"})
    last = {**sending, "openid": "oThree", "out_request_no": "send-4"}
    assert told(lambda: favor.coupons.send.post(last)) == (403, "NOT_ENOUGH")
    budget = favor.stocks._id_.budget
    wrong = {"target_max_coupons": 3, "current_max_coupons": 5, "modify_budget_request_no": "m"}
    assert told(lambda: budget.patch(wrong, id=number)) == (400, "PARAM_ERROR")
    assert budget.patch({**wrong, "current_max_coupons": 2}, id=number).data == {"max_coupons": 3}
    third = favor.coupons.send.post(last).data["coupon_code"]
    assert favor.stocks._id_.get(id=number).data["send_count_information"] == {"total_send_num": 3}
    gateway.advance(11 * 86_400)
    mine = {"appid": "wx9", "belong_merchant": gateway.mchid}
    assert favor.users._o_.coupons.get(o="oThree", params=mine).data["data"][0]["coupon_state"] == "EXPIRED"
    assert told(lambda: favor.coupons.use.post({**use, "coupon_code": third})) == (400, "INVALID_REQUEST")
    assert told(lambda: favor.coupons.use.post({**use, "coupon_code": "nobody"})) == (404, "RESOURCE_NOT_EXISTS")


def test_uploaded_codes_are_counted_and_sent_in_turn(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """Each once; what is too long, twice or there already is told."""
    favor = wxpay.v3.marketing.busifavor
    number = stock(wxpay, gateway, coupon_code_mode="MERCHANT_UPLOAD")
    codes = {"coupon_code_list": ["A1", "A1", "中"], "upload_request_no": "u1"}
    answer = favor.stocks._id_.couponcodes.post(codes, id=number).data
    assert (answer["success_codes"], answer["duplicate_codes"], answer["fail_count"]) == (["A1"], ["A1"], 1)
    assert favor.stocks._id_.couponcodes.post(codes, id=number).data["exist_codes"] == ["A1"]
    sending = {"openid": "oOne", "appid": "wx9", "stock_id": number, "out_request_no": "send-1"}
    assert favor.coupons.send.post(sending).data["coupon_code"] == "A1"
    other = {**sending, "openid": "oTwo", "out_request_no": "send-2"}
    assert told(lambda: favor.coupons.send.post(other)) == (403, "NOT_ENOUGH")


def test_a_program_steers_them_over_http(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """As it pays orders."""
    Ride(wxpay).post()
    with requests.Session() as session:
        url = f"{gateway.base_url}/_/payscore/bike-0001"
        assert session.post(f"{url}/DOING", json={}).json() == {"out_order_no": "bike-0001", "state": "DOING"}
        assert session.post(f"{url}/EXPIRED", json={}).status_code == 409
        assert session.post(f"{gateway.base_url}/_/orders/nobody/complain", json={}).status_code == 404


@pytest.mark.parametrize(
    ("path", "name", "states", "read"),
    [
        (
            "v3/applyment4sub/applyment/",
            "business_code",
            [(0, "APPLYMENT_STATE_AUDITING"), (60, "APPLYMENT_STATE_TO_BE_SIGNED"), (120, "APPLYMENT_STATE_FINISHED")],
            "business_code/{}",
        ),
        (
            "v3/ecommerce/applyments/",
            "out_request_no",
            [(0, "CHECKING"), (60, "NEED_SIGN"), (60, "FINISH")],
            "out-request-no/{}",
        ),
    ],
)
def test_an_application_is_audited_as_the_clock_goes(
    wxpay: Wechatpay, gateway: Sandbox, path: str, name: str, states: list[tuple[float, str]], read: str
) -> None:
    """Its merchant is there from signing on; a repeat is told the old id, and what was rejected begins again."""
    gateway.clock.factor = 0
    made = wxpay.chain(path).post({name: "A_1"}).data["applyment_id"]
    assert wxpay.chain(path).post({name: "A_1", "contact_info": {}}).data["applyment_id"] == made

    def found() -> Any:
        return wxpay.chain(path + read.format("A_1")).get().data

    for pause, state in states:
        gateway.advance(pause)
        assert found()["applyment_state"] == state
        assert ("sub_mchid" in found()) == (pause > 0)
        assert "audit_detail" not in found()
    gateway.applyment("A_1", "REJECTED", "看不清")
    assert found()["audit_detail"][0]["reject_reason"] == "看不清"
    assert wxpay.chain(path).post({name: "A_1"}).data["applyment_id"] == made
    assert found()["applyment_state"] == states[0][1]
    with pytest.raises(ValueError, match="expected"):
        gateway.applyment("A_1", "NOTHING")
    status, code = told(lambda: wxpay.chain(path + read.format("A_2")).get())
    assert (status, code in ("APPLYMENT_NOT_EXIST", "RESOURCE_NOT_EXISTS")) == (404, True)


def test_an_application_is_revoked(wxpay: Wechatpay) -> None:
    """By either number, once."""
    node = wxpay.v3.ecommerce.applyments
    made = node._empty_.post({"out_request_no": "A_3"}).data["applyment_id"]
    assert node._id_.revoke.post(id=made).data == {"applyment_id": made, "out_request_no": "A_3"}
    assert node._id_.get(id=made).data["applyment_state"] == "CANCELED"
    assert told(lambda: node.outRequestNo._no_.revoke.post(no="A_3")) == (400, "INVALID_REQUEST")
