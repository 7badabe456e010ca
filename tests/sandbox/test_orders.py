"""The sandbox's orders: what is refused, what a repeat is told, which states there are and how they follow."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox import shop
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.php import Rsa

WAYS = [
    ("native", "code_url", "NATIVE"),
    ("jsapi", "prepay_id", "JSAPI"),
    ("app", "prepay_id", "APP"),
    ("h5", "h5_url", "MWEB"),
]


def refused(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[int, str]:
    """Status and code of a refusal, which is signed."""
    with pytest.raises(errors.ApiError) as caught:
        call(*arguments, **options)
    assert caught.value.verified
    return caught.value.status, caught.value.code


@pytest.mark.parametrize(("way", "name", "kind"), WAYS)
def test_an_order_is_made_and_paid(gateway: Sandbox, wxpay: Wechatpay, way: str, name: str, kind: str) -> None:
    """NOTPAY tells little, SUCCESS every field; by either number it is the same order."""
    body = shop.order(gateway, way, attach="附")
    made = wxpay.v3.pay.transactions[way].post(body).data
    assert set(made) == {name}
    unpaid = shop.query(wxpay, gateway, body["out_trade_no"])
    assert unpaid["trade_state"] == "NOTPAY"
    assert unpaid["amount"] == {"total": 100, "payer_currency": "CNY"}
    assert not unpaid.keys() & {"transaction_id", "trade_type", "bank_type", "success_time", "attach", "payer"}
    transaction_id = gateway.pay(body["out_trade_no"])
    assert len(transaction_id) == 28
    assert transaction_id.startswith("4200")
    paid = shop.query(wxpay, gateway, body["out_trade_no"])
    by_id = (wxpay.v3.pay.transactions.id / transaction_id).get(params={"mchid": gateway.mchid}).data
    assert by_id == paid
    assert paid["transaction_id"] == transaction_id
    assert (paid["trade_state"], paid["trade_type"], paid["attach"]) == ("SUCCESS", kind, "附")
    assert paid["amount"] == {"total": 100, "payer_total": 100, "currency": "CNY", "payer_currency": "CNY"}
    assert paid["payer"]["openid"] == ("oPayer" if way == "jsapi" else paid["payer"]["openid"])
    assert paid["promotion_detail"] == []


WRONG: dict[str, tuple[dict[str, Any], str, Any]] = {
    "no appid": ({"appid": ...}, "/appid", ""),
    "no mchid": ({"mchid": ...}, "/mchid", ""),
    "no description": ({"description": ""}, "/description", ""),
    "no number": ({"out_trade_no": ...}, "/out_trade_no", ""),
    "no notify_url": ({"notify_url": ...}, "/notify_url", ""),
    "no amount": ({"amount": ...}, "/amount", ""),
    "no total": ({"amount": {"currency": "CNY"}}, "/amount/total", ""),
    "an amount that is none": ({"amount": 5}, "/amount", 5),
    "text as fen": ({"amount": {"total": "100"}}, "/amount/total", "100"),
    "yuan as fen": ({"amount": {"total": 0.1}}, "/amount/total", 0.1),
    "less than nothing": ({"amount": {"total": -1}}, "/amount/total", -1),
    "nothing": ({"amount": {"total": 0}}, "/amount/total", 0),
    "true as fen": ({"amount": {"total": True}}, "/amount/total", True),
    "dollars": ({"amount": {"total": 1, "currency": "USD"}}, "/amount/currency", "USD"),
    "a number as text": ({"description": 5}, "/description", 5),
    "a short number": ({"out_trade_no": "12345"}, "/out_trade_no", 5),
    "a long number": ({"out_trade_no": "1" * 33}, "/out_trade_no", 33),
    "a strange number": ({"out_trade_no": "shop#1234"}, "/out_trade_no", "shop#1234"),
    "a long description": ({"description": "茶" * 43}, "/description", 129),
    "a long attach": ({"attach": "a" * 129}, "/attach", 129),
    "an address with a query": ({"notify_url": "https://a.example/?b=1"}, "/notify_url", "https://a.example/?b=1"),
    "an address with a space": ({"notify_url": " https://a.example/"}, "/notify_url", " https://a.example/"),
    "no time": ({"time_expire": "tomorrow"}, "/time_expire", "tomorrow"),
    "no address": ({"scene_info": {"payer_client_ip": "x"}}, "/scene_info/payer_client_ip", "x"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_order_is_checked(gateway: Sandbox, wxpay: Wechatpay, case: str) -> None:
    """PARAM_ERROR tells field, value, issue and location, and nothing is stored."""
    changes, field, value = WRONG[case]
    body = shop.order(gateway, **changes)
    with pytest.raises(errors.ClientError) as caught:
        wxpay.v3.pay.transactions.native.post(body)
    assert (caught.value.status, caught.value.code, caught.value.verified) == (400, "PARAM_ERROR", True)
    detail = caught.value.detail
    assert (detail["field"], detail["value"], detail["location"]) == (field, value, "body")
    assert detail["issue"]
    assert not gateway.world.store.all("SELECT * FROM orders")


@pytest.mark.parametrize(
    ("way", "changes", "field"),
    [
        ("jsapi", {"payer": ...}, "/payer"),
        ("jsapi", {"payer": {"openid": ""}}, "/payer/openid"),
        ("h5", {"scene_info": ...}, "/scene_info"),
        ("h5", {"scene_info": {"payer_client_ip": "1.1.1.1"}}, "/scene_info/h5_info"),
        ("h5", {"scene_info": {"payer_client_ip": "1.1.1.1", "h5_info": {"type": "X"}}}, "/scene_info/h5_info/type"),
    ],
)
def test_payer_and_scene_are_required_where_they_are(
    gateway: Sandbox, wxpay: Wechatpay, way: str, changes: dict[str, Any], field: str
) -> None:
    """JSAPI needs its payer, H5 its scene."""
    with pytest.raises(errors.ClientError) as caught:
        wxpay.v3.pay.transactions[way].post(shop.order(gateway, way, **changes))
    assert (caught.value.code, caught.value.detail["field"]) == ("PARAM_ERROR", field)


def test_fields_that_are_not_documented_are_refused(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """With their places."""
    body = {**shop.order(gateway), "total_fee": 1, "payer": {"openid": "o"}}
    with pytest.raises(errors.ClientError, match="请求中含有未在API文档中定义的参数") as caught:
        wxpay.v3.pay.transactions.native.post(body)
    assert caught.value.detail["value"] == ["/body/total_fee", "/body/payer/openid"]


def test_another_merchant_is_refused(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """In the body and in the query."""
    assert refused(lambda: wxpay.v3.pay.transactions.native.post(shop.order(gateway, mchid="1")))[1] == "PARAM_ERROR"
    orders = wxpay.v3.pay.transactions.outTradeNo._no_
    assert refused(lambda: orders.get(no="123456", params={"mchid": "1"}))[1] == "INVALID_REQUEST"
    assert refused(lambda: orders.get(no="123456")) == (400, "PARAM_ERROR")


def test_a_repeat_with_the_same_is_the_same(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """And with anything else it is refused, while the first stays as it is."""
    native, body = wxpay.v3.pay.transactions.native, shop.order(gateway)
    first = native.post(body).data
    assert native.post(body).data == first
    for changes in (
        {"amount": {"total": 101}},
        {"description": "水"},
        {"notify_url": "https://b.example/"},
        {"attach": "x"},
    ):
        assert refused(native.post, {**body, **changes}) == (400, "INVALID_REQUEST")
    assert refused(lambda: wxpay.v3.pay.transactions.app.post(body)) == (400, "INVALID_REQUEST")
    assert native.post(body).data == first
    gateway.advance(7201)
    assert native.post(body).data != first


def test_one_of_sixteen_wins(gateway: Sandbox) -> None:
    """Sixteen clients, one number, sixteen amounts: the database holds the number."""
    body, start, told = shop.order(gateway), threading.Barrier(16), []

    def place(total: int) -> None:
        with gateway.client() as wxpay:
            start.wait(30)
            try:
                told.append((total, wxpay.v3.pay.transactions.native.post({**body, "amount": {"total": total}}).status))
            except errors.ClientError as error:
                told.append((total, error.status))

    threads = [threading.Thread(target=place, args=(total,)) for total in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [total for total, status in told if status == 200]
    assert (len(winners), len(told)) == (1, 16)
    with gateway.client() as wxpay:
        assert shop.query(wxpay, gateway, body["out_trade_no"])["amount"]["total"] == winners[0]


def test_an_order_ends_once(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Closed or paid, it is neither opened, paid nor closed otherwise; a close may be repeated."""
    native, close = wxpay.v3.pay.transactions.native, wxpay.v3.pay.transactions.outTradeNo._no_.close
    closed, paid = shop.order(gateway), shop.order(gateway)
    for body in (closed, paid):
        native.post(body)
    for _ in range(2):
        assert close.post({"mchid": gateway.mchid}, no=closed["out_trade_no"]).status == 204
    gateway.pay(paid["out_trade_no"])
    assert shop.query(wxpay, gateway, closed["out_trade_no"])["trade_state"] == "CLOSED"
    assert refused(lambda: native.post(closed)) == (400, "ORDER_CLOSED")
    assert refused(lambda: native.post(paid)) == (400, "ORDERPAID")
    assert refused(lambda: close.post({"mchid": gateway.mchid}, no=paid["out_trade_no"])) == (400, "ORDERPAID")
    assert refused(lambda: close.post({"mchid": gateway.mchid}, no="nobody")) == (404, "ORDER_NOT_EXIST")
    for number, why in ((closed["out_trade_no"], "it is closed"), (paid["out_trade_no"], "paid already")):
        with pytest.raises(ValueError, match=why):
            gateway.pay(number)
    with pytest.raises(KeyError):
        gateway.pay("nobody")


def test_an_order_expires(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """After its time nobody pays it; after seven days it is closed, with a time of its own or without."""
    native, now = wxpay.v3.pay.transactions.native, gateway.clock.now()
    from wechatpay_chain.sandbox.clock import rfc3339

    timed, plain = shop.order(gateway, time_expire=rfc3339(now + 600)), shop.order(gateway)
    soon = shop.order(gateway, time_expire=rfc3339(now - 600))
    for body in (timed, plain, soon):
        native.post(body)
    assert gateway.pay(soon["out_trade_no"])  # moved to a minute
    gateway.advance(601)
    with pytest.raises(ValueError, match="time_expire"):
        gateway.pay(timed["out_trade_no"])
    assert shop.query(wxpay, gateway, timed["out_trade_no"])["trade_state"] == "NOTPAY"
    assert refused(lambda: native.post(timed)) == (400, "ORDER_CLOSED")
    gateway.advance(7 * 86_400)
    for body in (timed, plain):
        assert shop.query(wxpay, gateway, body["out_trade_no"])["trade_state"] == "CLOSED"
    with pytest.raises(ValueError, match="closed"):
        gateway.pay(plain["out_trade_no"])


def test_the_payer_is_the_one_that_was_named(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Another openid cannot pay a JSAPI order; any can pay the others."""
    body, native = shop.order(gateway, "jsapi"), shop.order(gateway)
    wxpay.v3.pay.transactions.jsapi.post(body)
    wxpay.v3.pay.transactions.native.post(native)
    with pytest.raises(ValueError, match="another openid"):
        gateway.pay(body["out_trade_no"], openid="oOther")
    gateway.pay(body["out_trade_no"], openid="oPayer")
    gateway.pay(native["out_trade_no"], openid="oMine")
    assert shop.query(wxpay, gateway, native["out_trade_no"])["payer"] == {"openid": "oMine"}


def test_a_service_provider_sees_its_own_orders(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """By its own paths and with the right sub-merchant; nobody else does."""
    pay = wxpay.v3.pay.partner.transactions
    body = shop.partner(gateway, "jsapi", sub_appid="wxsub", payer={"sub_openid": "oSub"})
    number = body["out_trade_no"]
    pay.jsapi.post(body)
    gateway.pay(number)
    params = {"sp_mchid": gateway.mchid, "sub_mchid": "1900000001"}
    told = pay.outTradeNo._no_.get(no=number, params=params).data
    assert (told["sp_appid"], told["sp_mchid"], told["sub_appid"]) == (shop.APPID, gateway.mchid, "wxsub")
    assert told["sub_mchid"] == "1900000001"
    assert told["payer"]["sub_openid"] == "oSub"
    assert told["payer"]["sp_openid"]
    assert "mchid" not in told
    other = {**params, "sub_mchid": "1900000009"}
    assert refused(lambda: pay.outTradeNo._no_.get(no=number, params=other)) == (400, "INVALID_REQUEST")
    assert refused(lambda: shop.query(wxpay, gateway, number)) == (404, "ORDER_NOT_EXIST")
    direct = shop.order(gateway)
    wxpay.v3.pay.transactions.native.post(direct)
    assert refused(lambda: pay.outTradeNo._no_.get(no=direct["out_trade_no"], params=params))[0] == 404
    assert refused(lambda: pay.native.post(shop.partner(gateway, sub_mchid=gateway.mchid)))[1] == "PARAM_ERROR"
    assert refused(lambda: pay.jsapi.post(shop.partner(gateway, "jsapi", payer={}))) == (400, "PARAM_ERROR")
    assert refused(lambda: pay.jsapi.post(shop.partner(gateway, "jsapi", payer={"sub_openid": "o"})))[0] == 400
    back = shop.refund(number, 1)
    assert refused(lambda: wxpay.v3.refund.domestic.refunds.post(back)) == (404, "RESOURCE_NOT_EXISTS")
    assert wxpay.v3.refund.domestic.refunds.post({**back, "sub_mchid": "1900000001"}).data["status"] == "PROCESSING"


def test_an_early_close_is_a_switch(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Pages disagree whether an order has to be five minutes old."""
    body = shop.order(gateway)
    wxpay.v3.pay.transactions.native.post(body)
    gateway.world.settings.close_wait = 300
    close = wxpay.v3.pay.transactions.outTradeNo._no_.close
    try:
        assert refused(lambda: close.post({"mchid": gateway.mchid}, no=body["out_trade_no"]))[1] == "INVALID_REQUEST"
        gateway.advance(300)
        assert close.post({"mchid": gateway.mchid}, no=body["out_trade_no"]).status == 204
    finally:
        gateway.world.settings.close_wait = 0


def test_orders_are_paid_by_themselves(wxpay: Wechatpay) -> None:
    """After as many seconds as was said, by the sandbox's clock; single and combined ones."""
    with Sandbox(pay_after=60, clock=0) as gateway, gateway.client() as own:
        body, whole = shop.order(gateway), shop.combined(gateway)
        own.v3.pay.transactions.native.post(body)
        own.v3.combineTransactions.native.post(whole)
        gateway.advance(59)
        assert shop.query(own, gateway, body["out_trade_no"])["trade_state"] == "NOTPAY"
        gateway.advance(2)
        assert shop.query(own, gateway, body["out_trade_no"])["trade_state"] == "SUCCESS"
        assert [notice.event_type for notice in gateway.notices] == ["TRANSACTION.SUCCESS"] * 2


def test_an_application_is_opened_with_the_key_that_it_names(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Fields that were encrypted for another key, or not at all, are refused."""
    apply = wxpay.v3.applyment4sub.applyment._empty_.post
    certs = gateway.configuration()["certs"]
    for key_id, key in certs.items():
        sealed = {"business_code": shop.number(), "contact_info": {"contact_name": Rsa.encrypt("联系人", key)}}
        headers = {"Wechatpay-Serial": key_id}
        assert apply(sealed, headers=headers).data["applyment_id"]
        plain = {"business_code": shop.number(), "contact_info": {"contact_name": "联系人"}}
        assert refused(apply, plain, headers=headers) == (400, "PARAM_ERROR")
        other = {"Wechatpay-Serial": next(each for each in certs if each != key_id)}
        assert refused(apply, sealed, headers=other) == (400, "PARAM_ERROR")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_an_answer_is_json_whatever_came(gateway: Sandbox, wxpay: Wechatpay, number: str) -> None:
    """Python's reader takes more than JSON has, and would tell it back."""
    body = json.dumps(shop.order(gateway, amount={"total": 1})).replace("1}", f"{number}}}")
    with pytest.raises(errors.ClientError, match="请求体不是JSON对象") as caught:
        wxpay.v3.pay.transactions.native.post(data=body)
    json.loads(caught.value.response.content, parse_constant=pytest.fail)
