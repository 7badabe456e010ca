"""Combined orders, payment codes, APIv2's orders, transfers and profit sharing: their states and their refusals."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.listener import Listener, listening
from tests.sandbox import shop
from tests.sandbox.test_orders import refused
from wechatpay_chain import Sandbox, Sealed, Wechatpay, errors
from wechatpay_chain.catalog import tree
from wechatpay_chain.sandbox import products
from wechatpay_chain.sandbox.clock import rfc3339
from wechatpay_chain.sandbox.events import events
from wechatpay_chain.sandbox.product import Product
from wechatpay_chain.sandbox.products import PRODUCTS
from wechatpay_chain.sandbox.products.codepay import OUTCOMES
from wechatpay_chain.sandbox.routes import Routes, is_legacy


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as server:
        yield server


def test_every_product_is_in_the_list() -> None:
    """One file each; none has a state of its own, and no operation has two."""
    names = {name for _, name, _ in pkgutil.iter_modules(products.__path__)} - {"stored"}
    files = {name: __import__(f"{products.__name__}.{name}", fromlist=["PRODUCT"]).PRODUCT for name in names}
    assert {id(product) for product in files.values()} == {id(product) for product in PRODUCTS}
    assert all(isinstance(product, Product) and product.routes for product in PRODUCTS)
    routes = Routes(PRODUCTS, lambda call: None)  # type: ignore[arg-type, return-value]
    outside = [
        (method, path)
        for method, path in sorted(routes.named)
        if tree.match(method, f"v2{path}" if is_legacy(path) else path) is None
    ]
    # Read back though no page documents it, closed in WeChat Pay's own sandboxes, and the brands'.
    assert outside == [
        ("*", "/brand/*"),
        ("GET", "/v3/marketing/partner/delivery-plan/{sp_mchid}/notify-url"),
        ("POST", "/sandboxnew/pay/closeorder"),
        ("POST", "/xdc/apiv2sandbox/pay/closeorder"),
        ("POST", "/xdc/apiv2sandbox/pay/unifiedorder"),
    ]
    told = {name for product in PRODUCTS for name in product.notices}
    assert told - events().keys() == {"v2.pay", "v2.refund"}


def test_a_combined_order_is_paid_at_once(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """All of it or nothing; refunded part by part, by the part's own number."""
    combine, body = wxpay.v3.combineTransactions, shop.combined(gateway)
    number, parts = body["combine_out_trade_no"], [part["out_trade_no"] for part in body["sub_orders"]]
    first = combine.native.post(body).data
    assert combine.native.post(body).data == first
    changed = {**body, "notify_url": "https://b.example/"}
    assert refused(lambda: combine.native.post(changed)) == (400, "INVALID_REQUEST")
    asked = combine.outTradeNo._no_
    assert [part["trade_state"] for part in asked.get(no=number).data["sub_orders"]] == ["NOTPAY"] * 2
    gateway.pay(number)
    told = asked.get(no=number).data
    assert [part["trade_state"] for part in told["sub_orders"]] == ["SUCCESS"] * 2
    assert [part["amount"]["total_amount"] for part in told["sub_orders"]] == [30, 70]
    assert len({part["transaction_id"] for part in told["sub_orders"]}) == 2
    assert combine.id._no_.get(no=told["combine_transaction_id"]).data == told
    assert refused(lambda: shop.query(wxpay, gateway, parts[0])) == (404, "ORDER_NOT_EXIST")
    assert refused(lambda: shop.query(wxpay, gateway, number)) == (404, "ORDER_NOT_EXIST")
    refunds = wxpay.v3.refund.domestic.refunds
    assert refused(lambda: refunds.post(shop.refund(number, 1))) == (404, "RESOURCE_NOT_EXISTS")
    assert refused(lambda: refunds.post(shop.refund(parts[1], 71, 70)))[0] == 400
    refunds.post(shop.refund(parts[1], 70, 70))
    assert [part["trade_state"] for part in asked.get(no=number).data["sub_orders"]] == ["SUCCESS", "REFUND"]
    assert refused(lambda: combine.native.post(body)) == (400, "ORDERPAID")
    with pytest.raises(ValueError, match="paid already"):
        gateway.pay(parts[0])


def test_a_combined_order_is_closed_whole(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """With exactly its parts; then nobody pays it."""
    body = shop.combined(gateway)
    number = body["combine_out_trade_no"]
    wxpay.v3.combineTransactions.native.post(body)
    close = wxpay.v3.combineTransactions.outTradeNo._no_.close
    parts = [{name: part[name] for name in ("mchid", "out_trade_no")} for part in body["sub_orders"]]
    whole = {"combine_appid": shop.APPID, "sub_orders": parts}
    assert refused(lambda: close.post({**whole, "sub_orders": parts[:1]}, no=number))[0] == 400
    assert close.post(whole, no=number).status == 204
    with pytest.raises(ValueError, match="closed"):
        gateway.pay(number)
    assert refused(lambda: close.post(whole, no="nobody")) == (404, "ORDER_NOT_EXIST")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda parts: parts[:1], "/sub_orders"),
        (lambda parts: parts * 6, "/sub_orders"),
        (lambda parts: [parts[0], {**parts[1], "out_trade_no": parts[0]["out_trade_no"]}], "/sub_orders"),
        (lambda parts: [parts[0], {**parts[1], "out_trade_no": "1"}], "/sub_orders/1/out_trade_no"),
        (
            lambda parts: [parts[0], {**parts[1], "amount": {"total_amount": 0, "currency": "CNY"}}],
            "/sub_orders/1/amount/total_amount",
        ),
        (
            lambda parts: [parts[0], {**parts[1], "amount": {"total_amount": 1, "currency": "USD"}}],
            "/sub_orders/1/amount/currency",
        ),
        (lambda parts: [{**part, "sub_mchid": "1"} for part in parts], "/sub_orders/1/mchid"),
    ],
)
def test_parts_are_checked(
    gateway: Sandbox, wxpay: Wechatpay, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], field: str
) -> None:
    """Their count, their numbers and their amounts."""
    body = shop.combined(gateway)
    with pytest.raises(errors.ClientError) as caught:
        wxpay.v3.combineTransactions.native.post({**body, "sub_orders": change(body["sub_orders"])})
    assert (caught.value.code, caught.value.detail["field"]) == ("PARAM_ERROR", field)


def till(gateway: Sandbox, ending: str, **changes: Any) -> dict[str, Any]:
    """The body of a payment by code, whose last two digits choose what happens."""
    code = f"13{shop.number('')}0000000{ending}"
    body = {**shop.order(gateway, notify_url=...), "payer": {"auth_code": code}}
    return {**body, "scene_info": {"store_info": {"id": "1"}}, **changes}


def state(wxpay: Wechatpay, gateway: Sandbox, body: dict[str, Any]) -> Any:
    return shop.query(wxpay, gateway, body["out_trade_no"])["trade_state"]


def test_a_code_pays(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """At once, after a password, or not; each code once."""
    pay = wxpay.v3.pay.transactions.codepay
    body = till(gateway, "00")
    told = pay.post(body).data
    assert (told["trade_state"], told["trade_type"]) == ("SUCCESS", "MICROPAY")
    again = {**till(gateway, "00"), "payer": body["payer"]}
    assert refused(lambda: pay.post(again)) == (400, "AUTH_CODE_INVALID")
    waits = till(gateway, "91")
    assert pay.post(waits).data["trade_state"] == "USERPAYING"
    assert state(wxpay, gateway, waits) == "USERPAYING"
    gateway.advance(5)
    assert state(wxpay, gateway, waits) == "SUCCESS"
    fails = till(gateway, "92")
    pay.post(fails)
    gateway.advance(5)
    assert state(wxpay, gateway, fails) == "PAYERROR"
    dear = till(gateway, "00", amount={"total": 100_001})
    assert pay.post(dear).data["trade_state"] == "USERPAYING"
    gateway.pay(dear["out_trade_no"])
    assert state(wxpay, gateway, dear) == "SUCCESS"
    for ending, outcome in OUTCOMES.items():
        if outcome.v3 is not None:
            assert refused(pay.post, till(gateway, ending)) == outcome.v3[:2]
    for code in ("99" + "0" * 16, "13", "1" * 19, "13" + "x" * 16):
        assert refused(pay.post, till(gateway, "00", payer={"auth_code": code})) == (
            400,
            "PARAM_ERROR",
        )
    close = wxpay.v3.pay.transactions.outTradeNo._no_.close
    with pytest.raises(errors.ClientError, match="只能撤销"):
        close.post({"mchid": gateway.mchid}, no=waits["out_trade_no"])


def test_a_code_is_taken_back(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Before and after it was paid; not after a week, nor an order that is none."""
    pay, own = wxpay.v3.pay.transactions, {"appid": shop.APPID, "mchid": gateway.mchid}
    for ending in ("00", "91"):
        body = till(gateway, ending)
        pay.codepay.post(body)
        for _ in range(2):
            told = pay.outTradeNo._no_.reverse.post(own, no=body["out_trade_no"]).data
            assert told == {**own, "out_trade_no": body["out_trade_no"]}
        assert state(wxpay, gateway, body) == "REVOKED"
        gateway.advance(6)
        assert state(wxpay, gateway, body) == "REVOKED"
        assert refused(pay.codepay.post, body) == (400, "ORDER_REVERSED")
        back = shop.refund(body["out_trade_no"], 1)
        assert refused(wxpay.v3.refund.domestic.refunds.post, back)[0] == 404
    native = shop.order(gateway)
    pay.native.post(native)
    assert refused(lambda: pay.outTradeNo._no_.reverse.post(own, no=native["out_trade_no"]))[0] == 400
    old = till(gateway, "00")
    pay.codepay.post(old)
    gateway.advance(8 * 86_400)
    assert refused(lambda: pay.outTradeNo._no_.reverse.post(own, no=old["out_trade_no"]))[0] == 400


def test_a_code_tells_its_payer(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """As often as it is asked, before it pays; whoever is paid with it is told the same payer."""
    code = till(gateway, "00")["payer"]["auth_code"]
    ask = wxpay.v2.tools.authcodetoopenid.post
    own = {"appid": shop.APPID, "mch_id": gateway.mchid}
    told = ask({**own, "auth_code": code})
    assert "Sandbox-Example" not in told.headers
    assert ask({**own, "auth_code": code}).data["openid"] == told.data["openid"]
    body = till(gateway, "00", payer={"auth_code": code})
    paid = wxpay.v3.pay.transactions.codepay.post(body).data
    assert paid["payer"]["openid"] == told.data["openid"]
    other = ask({**own, "auth_code": till(gateway, "00")["payer"]["auth_code"]})
    assert other.data["openid"] != told.data["openid"]
    for wrong, err in (
        ("1", "AUTH_CODE_ERROR"),
        (f"{code[:-2]}94", "AUTHCODEEXPIRE"),
        (f"{code[:-2]}95", "AUTH_CODE_INVALID"),
    ):
        assert business(ask, {**own, "auth_code": wrong}) == err


def business(call: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    """The err_code of APIv2."""
    with pytest.raises(errors.BusinessError) as caught:
        call(*arguments, **options)
    return caught.value.code


def test_apiv2_orders_are_in_the_same_book(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Made by one API, told by the other; with the older codes."""
    pay, own = wxpay.v2.pay, {"appid": shop.APPID, "mch_id": gateway.mchid}
    order = shop.v2(gateway, attach="附", device_info="POS")
    asked = {**own, "out_trade_no": order["out_trade_no"]}
    made = pay.unifiedorder.post(order).data
    assert (made["trade_type"], made["code_url"][:33]) == (
        "NATIVE",
        "weixin://wxpay/bizpayurl?pr=" + made["code_url"][28:33],
    )
    assert pay.unifiedorder.post(order).data["prepay_id"] == made["prepay_id"]
    assert business(lambda: pay.unifiedorder.post({**order, "total_fee": 1})) == "INVALID_REQUEST"
    told = pay.orderquery.post(asked).data
    assert (told["trade_state"], told["device_info"]) == ("NOTPAY", "POS")
    assert "transaction_id" not in told
    assert state(wxpay, gateway, order) == "NOTPAY"
    transaction_id = gateway.pay(order["out_trade_no"])
    for name, value in (("transaction_id", transaction_id), ("out_trade_no", order["out_trade_no"])):
        told = pay.orderquery.post({**own, name: value}).data
        assert (told["trade_state"], told["total_fee"], told["attach"]) == ("SUCCESS", "100", "附")
    assert business(lambda: pay.unifiedorder.post(order)) == "ORDERPAID"
    assert business(lambda: pay.closeorder.post(asked)) == "ORDERPAID"
    other = shop.v2(gateway, trade_type="MWEB")
    assert pay.unifiedorder.post(other).data["mweb_url"].startswith(gateway.base_url)
    closing = {**own, "out_trade_no": other["out_trade_no"]}
    assert pay.closeorder.post(closing).data["result_code"] == "SUCCESS"
    assert business(lambda: pay.closeorder.post(closing)) == "ORDERCLOSED"
    assert business(lambda: pay.unifiedorder.post(other)) == "ORDERCLOSED"
    for node in (pay.orderquery, pay.closeorder):
        assert business(node.post, {**own, "out_trade_no": "nobody"}) == "ORDERNOTEXIST"
    assert business(lambda: pay.unifiedorder.post(shop.v2(gateway, trade_type="JSAPI"))) == "PARAM_ERROR"
    with pytest.raises(errors.BusinessError, match="字节数 129，大于最大值 128"):
        pay.unifiedorder.post(shop.v2(gateway, body="茶" * 43))
    for fee in ("0.1", "x", "-1", "0"):
        with pytest.raises(errors.BusinessError, match="total_fee"):
            pay.unifiedorder.post(shop.v2(gateway, total_fee=fee))
    v3 = shop.order(gateway)
    wxpay.v3.pay.transactions.native.post(v3)
    assert pay.orderquery.post({**own, "out_trade_no": v3["out_trade_no"]}).data["trade_state"] == "NOTPAY"


def test_apiv2_pays_by_code(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """USERPAYING is asked for until it is clear, or reversed."""
    pay, own = wxpay.v2.pay, {"appid": shop.APPID, "mch_id": gateway.mchid}

    def code(ending: str) -> dict[str, Any]:
        return {**shop.v2(gateway, notify_url=..., trade_type=...), "auth_code": f"13{shop.number('')}0000000{ending}"}

    paid = pay.micropay.post(code("00")).data
    assert (paid["trade_type"], paid["total_fee"]) == ("MICROPAY", "100")
    waits = code("91")
    assert business(lambda: pay.micropay.post(waits)) == "USERPAYING"
    asked = {**own, "out_trade_no": waits["out_trade_no"]}
    assert pay.orderquery.post(asked).data["trade_state"] == "USERPAYING"
    gateway.advance(5)
    assert pay.orderquery.post(asked).data["trade_state"] == "SUCCESS"
    reverse = wxpay.v2.secapi.pay.reverse
    assert reverse.post(asked, security=False).data["recall"] == "N"
    assert pay.orderquery.post(asked).data["trade_state"] == "REVOKED"
    assert business(lambda: reverse.post({**own, "out_trade_no": "nobody"}, security=False)) == "ORDERNOTEXIST"
    for ending, outcome in OUTCOMES.items():
        if outcome.v2 is not None:
            assert business(pay.micropay.post, code(ending)) == outcome.v2[0]
    assert business(lambda: pay.micropay.post({**code("00"), "auth_code": "1"})) == "AUTH_CODE_ERROR"


def reports(*more: tuple[str, str]) -> list[dict[str, str]]:
    """What a transfer for cash marketing reports, and more."""
    told = (("活动名称", "a"), ("奖励说明", "b"), *more)
    return [{"info_type": kind, "info_content": content} for kind, content in told]


def bill(**changes: Any) -> dict[str, Any]:
    """The body of a transfer."""
    body = {
        "appid": shop.APPID,
        "out_bill_no": shop.number("bill"),
        "openid": "oPayee",
        "transfer_amount": 100,
        "transfer_remark": "奖",
        "transfer_scene_id": "1000",
        "transfer_scene_report_infos": reports(),
    }
    return {**body, **changes}


BILLS = "v3/fund-app/mch-transfer/transfer-bills"


def test_a_transfer_ends(gateway: Sandbox, wxpay: Wechatpay, listener: Listener) -> None:
    """Confirmed, failed, taken back or too late; the merchant is told, and a repeat is the same bill."""
    bills = wxpay.chain(BILLS)
    asked = wxpay.chain(f"{BILLS}/out-bill-no/<no>")
    body = bill(notify_url=listener.url, transfer_amount=200_000, user_name=Sealed("张三"))
    made = bills.post(body).data
    assert (made["state"], made["transfer_bill_no"][:4]) == ("WAIT_USER_CONFIRM", "1330")
    found = asked.get(no=body["out_bill_no"]).data
    assert (found["state"], wxpay.decrypt(found["user_name"])) == ("WAIT_USER_CONFIRM", "张三")
    assert "package_info" not in found
    gateway.transfer(body["out_bill_no"], "SUCCESS")
    gateway.notices.wait()
    read = wxpay.notification(*listener.received[-1])
    assert (read.event_type, read.resource["state"], read.resource["out_bill_no"]) == (
        "MCHTRANSFER.BILL.FINISHED",
        "SUCCESS",
        body["out_bill_no"],
    )
    plain = bill()
    first = bills.post(plain).data
    assert bills.post(plain).data == first
    assert refused(lambda: bills.post({**plain, "transfer_amount": 99})) == (400, "INVALID_REQUEST")
    by_id = wxpay.chain(f"{BILLS}/transfer-bill-no/<no>").get(no=first["transfer_bill_no"]).data
    assert by_id == asked.get(no=plain["out_bill_no"]).data
    gateway.transfer(plain["out_bill_no"], "FAIL", "TRANSFER_RISK")
    assert asked.get(no=plain["out_bill_no"]).data["fail_reason"] == "TRANSFER_RISK"
    back = bill()
    bills.post(back)
    cancel = wxpay.chain(f"{BILLS}/out-bill-no/<no>/cancel")
    assert cancel.post(no=back["out_bill_no"]).data["state"] == "CANCELING"
    gateway.advance(1)
    assert asked.get(no=back["out_bill_no"]).data["state"] == "CANCELLED"
    assert cancel.post(no=back["out_bill_no"]).data["state"] == "CANCELLED"
    assert refused(lambda: cancel.post(no=plain["out_bill_no"])) == (400, "INVALID_REQUEST")
    late = bill()
    bills.post(late)
    gateway.advance(86_401)
    told = asked.get(no=late["out_bill_no"]).data
    assert (told["state"], told["fail_reason"]) == ("FAIL", "OVERDUE_CLOSE")
    with pytest.raises(ValueError, match="cannot become"):
        gateway.transfer(late["out_bill_no"], "SUCCESS")
    for call in (lambda: asked.get(no="nobody"), lambda: cancel.post(no="nobody")):
        assert refused(call) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"out_bill_no": "a_b"}, "PARAM_ERROR"),
        ({"transfer_amount": 9}, "INVALID_REQUEST"),
        ({"transfer_amount": "100"}, "PARAM_ERROR"),
        ({"transfer_amount": 200_000}, "PARAM_ERROR"),
        ({"transfer_amount": 20, "user_name": Sealed("张三")}, "PARAM_ERROR"),
        ({"transfer_scene_id": "9"}, "INVALID_REQUEST"),
        ({"transfer_scene_report_infos": [{"info_type": "活动名称", "info_content": "a"}]}, "PARAM_ERROR"),
        ({"transfer_remark": "茶" * 33}, "PARAM_ERROR"),
        ({"transfer_scene_report_infos": reports(("茶" * 16, "a"))}, "PARAM_ERROR"),
        ({"transfer_scene_report_infos": reports(("茶", "茶" * 33))}, "PARAM_ERROR"),
        ({"amount": 1}, "PARAM_ERROR"),
    ],
)
def test_a_transfer_is_checked(gateway: Sandbox, wxpay: Wechatpay, changes: dict[str, Any], code: str) -> None:
    """Numbers, amounts, names and the reports of a scene."""
    assert refused(lambda: wxpay.chain(BILLS).post(bill(**changes))) == (400, code)


def test_profits_are_shared(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Among receivers that were added, up to the ratio, until the rest is set free; and come back."""
    sharing = wxpay.v3.profitsharing
    body = shop.order(gateway, amount={"total": 1000}, settle_info={"profit_sharing": True})
    plain = shop.order(gateway)
    for each in (body, plain):
        wxpay.v3.pay.transactions.native.post(each)
    paid = gateway.pay(body["out_trade_no"])

    def share(amount: int, number: str = "", **changes: Any) -> dict[str, Any]:
        receiver = {"type": "MERCHANT_ID", "account": "1900000002", "amount": amount, "description": "分"}
        own = {"appid": shop.APPID, "transaction_id": paid, "out_order_no": number or shop.number("share")}
        return {**own, "receivers": [receiver], "unfreeze_unsplit": False, **changes}

    assert refused(lambda: sharing.orders.post(share(100))) == (400, "INVALID_REQUEST")
    add = {"appid": shop.APPID, "type": "MERCHANT_ID", "account": "1900000002", "relation_type": "PARTNER"}
    assert refused(lambda: sharing.receivers.add.post(add)) == (400, "PARAM_ERROR")
    assert sharing.receivers.add.post({**add, "name": Sealed("公司")}).data["account"] == "1900000002"
    first = share(200)
    told = sharing.orders.post(first).data
    assert (told["state"], told["receivers"][0]["result"]) == ("PROCESSING", "PENDING")
    assert not told["receivers"][0].keys() & {"fail_reason", "finish_time"}
    gateway.advance(1)
    asked = sharing.orders._no_.get(no=first["out_order_no"], params={"transaction_id": paid}).data
    assert (asked["state"], asked["receivers"][0]["result"]) == ("FINISHED", "SUCCESS")
    assert asked["receivers"][0]["finish_time"] >= asked["receivers"][0]["create_time"]
    assert sharing.orders.post(first).data == asked
    assert refused(lambda: sharing.orders.post(share(1, first["out_order_no"]))) == (400, "INVALID_REQUEST")
    assert refused(lambda: sharing.orders.post(share(101))) == (400, "INVALID_REQUEST")
    assert refused(lambda: sharing.orders.post(share(801))) == (403, "NOT_ENOUGH")
    amounts = sharing.transactions._id_.amounts
    assert amounts.get(id=paid).data["unsplit_amount"] == 800
    back = {"out_order_no": first["out_order_no"], "out_return_no": shop.number("ret"), "return_mchid": "1900000002"}
    back |= {"amount": 150, "description": "退"}
    assert sharing.returnOrders.post(back).data["result"] == "SUCCESS"
    assert sharing.returnOrders.post(back).data["result"] == "SUCCESS"
    assert refused(lambda: sharing.returnOrders.post({**back, "out_return_no": shop.number("ret")})) == (
        403,
        "NOT_ENOUGH",
    )
    query = {"out_order_no": first["out_order_no"]}
    assert sharing.returnOrders._no_.get(no=back["out_return_no"], params=query).data["amount"] == 150
    free = {"transaction_id": paid, "out_order_no": shop.number("free"), "description": "完"}
    sharing.orders.unfreeze.post(free)
    assert amounts.get(id=paid).data["unsplit_amount"] == 0
    with pytest.raises(errors.ClientError, match="已完结"):
        sharing.orders.post(share(1))
    other = gateway.pay(plain["out_trade_no"])
    with pytest.raises(errors.ClientError, match="非分账订单"):
        sharing.orders.post(share(1, transaction_id=other))
    assert refused(lambda: sharing.orders._no_.get(no="nobody", params={"transaction_id": paid}))[0] == 404
    assert sharing.receivers.delete.post({name: add[name] for name in ("appid", "type", "account")}).status == 200


@pytest.mark.parametrize("api", ["v3", "v2"])
def test_what_was_shared_is_not_refunded_too(gateway: Sandbox, wxpay: Wechatpay, api: str) -> None:
    """As long as the rest is frozen no more goes back than is left of it; 30 days on it is free by itself."""
    sharing, own = wxpay.v3.profitsharing, {"appid": shop.APPID}
    receiver = {"type": "PERSONAL_OPENID", "account": "oOne"}
    sharing.receivers.add.post({**own, **receiver, "relation_type": "STAFF"})
    part = {**receiver, "amount": 300, "description": "分"}
    wxpay.v3.pay.transactions.native.post(
        body := shop.order(gateway, amount={"total": 1000}, settle_info={"profit_sharing": True})
    )
    number, paid = body["out_trade_no"], gateway.pay(body["out_trade_no"])
    share = {**own, "transaction_id": paid, "receivers": [part], "unfreeze_unsplit": False}
    sharing.orders.post({**share, "out_order_no": shop.number("share")})

    def refund(amount: int) -> Any:
        name = shop.number("back")
        if api == "v3":
            return wxpay.v3.refund.domestic.refunds.post(shop.refund(number, amount, 1000, out_refund_no=name))
        fields = {**own, "mch_id": gateway.mchid, "out_trade_no": number, "out_refund_no": name}
        money = {"total_fee": 1000, "refund_fee": amount}
        return wxpay.v2.secapi.pay.refund.post({**fields, **money}, security=False)

    def is_refused(amount: int) -> bool:
        if api == "v3":
            return refused(lambda: refund(amount)) == (403, "NOT_ENOUGH")
        return business(lambda: refund(amount)) == "NOTENOUGH"

    assert is_refused(701)
    with pytest.raises(ValueError, match="shared out, unfreeze it first"):
        gateway.ask_refund(number)
    refund(600)
    amounts = sharing.transactions._id_.amounts
    assert amounts.get(id=paid).data["unsplit_amount"] == 100
    assert is_refused(101)
    gateway.advance(30 * 86_400 + 1)
    assert amounts.get(id=paid).data["unsplit_amount"] == 0
    with pytest.raises(errors.ClientError, match="已完结"):
        sharing.orders.post({**share, "out_order_no": shop.number("share")})
    refund(400)


def test_coupons_are_sent_from_a_stock_that_runs(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Started, paused and restarted; each request one coupon, and no more than there are."""
    favor, own = wxpay.v3.marketing.favor, {"stock_creator_mchid": gateway.mchid}
    now = gateway.clock.now()
    body: dict[str, Any] = {
        "stock_name": "茶券",
        "belong_merchant": gateway.mchid,
        "available_begin_time": rfc3339(now),
        "available_end_time": rfc3339(now + 86_400),
        "stock_use_rule": {
            "max_coupons": 1,
            "max_amount": 100,
            "max_coupons_per_user": 1,
            "natural_person_limit": False,
            "prevent_api_abuse": False,
        },
        "coupon_use_rule": {
            "coupon_available_time": {"available_time_after_receive": 60},
            "fixed_normal_coupon": {"coupon_amount": 100, "transaction_minimum": 101},
        },
        "no_cash": False,
        "stock_type": "NORMAL",
        "out_request_no": shop.number("stock"),
    }
    wrong = {**body, "stock_use_rule": {**body["stock_use_rule"], "max_amount": 99}}
    assert refused(lambda: favor.couponStocks.post(wrong)) == (400, "PARAM_ERROR")
    stock_id = favor.couponStocks.post(body).data["stock_id"]
    assert favor.couponStocks.post(body).data["stock_id"] == stock_id
    stock = favor.stocks._id_

    def told() -> Any:
        return stock.get(id=stock_id, params=own).data["status"]

    def send(number: str, openid: str = "oUser") -> Any:
        wanted = {"stock_id": stock_id, "out_request_no": number, "appid": shop.APPID, **own}
        return favor.users._openid_.coupons.post(wanted, openid=openid).data["coupon_id"]

    assert told() == "unactivated"
    assert refused(lambda: send("s1")) == (400, "INVALID_REQUEST")
    assert refused(lambda: stock.pause.post(own, id=stock_id)) == (400, "INVALID_REQUEST")
    for verb, state in (("start", "running"), ("pause", "paused"), ("restart", "running"), ("start", "running")):
        assert stock[verb].post(own, id=stock_id).data["stock_id"] == stock_id
        assert told() == state
    coupon = send("s1")
    assert send("s1") == coupon
    assert refused(lambda: send("s1", "oOther")) == (400, "RESOURCE_ALREADY_EXISTS")
    assert refused(lambda: send("s2")) == (403, "NOT_ENOUGH")
    asked = favor.users._openid_.coupons._id_
    found = asked.get(openid="oUser", id=coupon, params={"appid": shop.APPID}).data
    assert (found["status"], found["stock_id"]) == ("SENDED", stock_id)

    def listed(openid: str, **query: Any) -> list[tuple[str, str]]:
        whose = query if any(name.endswith("_mchid") for name in query) else {"sender_mchid": gateway.mchid, **query}
        told = favor.users._o_.coupons.get(o=openid, params={"appid": shop.APPID, **whose}).data
        assert told["total_count"] == len(told["data"])
        return [(each["coupon_id"], each["status"]) for each in told["data"]]

    assert listed("oUser", creator_mchid=gateway.mchid) == [(coupon, "SENDED")]
    assert listed("oOther") == listed("oUser", status="USED") == []
    assert refused(lambda: listed("oUser", creator_mchid="1", sender_mchid="1")) == (400, "PARAM_ERROR")
    assert refused(lambda: listed("oUser", limit=21)) == (400, "PARAM_ERROR")
    gateway.advance(2 * 86_400)
    assert listed("oUser") == [(coupon, "EXPIRED")]
    assert listed("oUser", available_mchid=gateway.mchid) == []
    assert asked.get(openid="oUser", id=coupon, params={"appid": shop.APPID}).data["status"] == "EXPIRED"
    for call in (
        lambda: stock.get(id="nobody", params=own),
        lambda: stock.start.post(own, id="nobody"),
        lambda: asked.get(openid="oOther", id=coupon, params={"appid": shop.APPID}),
    ):
        assert refused(call) == (404, "RESOURCE_NOT_EXISTS")
