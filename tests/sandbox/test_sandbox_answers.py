"""What the sandbox says of operations that have no room of their own: what was wrong, or what is documented."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.sandbox import shop
from wechatpay_chain import Media, Sandbox, Sealed, Wechatpay, errors
from wechatpay_chain.php import Instance

ORDERS: dict[str, Any] = {
    "combine_appid": "a",
    "combine_mchid": "1",
    "combine_out_trade_no": "x",
    "notify_url": "https://pay.weixin.qq.com",
    "sub_orders": [
        {
            "mchid": "1",
            "sub_mchid": "2",
            "attach": "b",
            "out_trade_no": "3",
            "description": "c",
            "amount": {"total_amount": 1, "currency": "CNY"},
        }
    ],
}


def combined(wxpay: Wechatpay, mchid: str, **changes: Any) -> Callable[[], Any]:
    fields = {name: value for name, value in {**ORDERS, "combine_mchid": mchid, **changes}.items() if value is not ...}
    return lambda: wxpay.v3.combineTransactions.native.post(fields)


def refusal(call: Callable[[], Any]) -> tuple[str, str, str]:
    """Field, location and issue of a PARAM_ERROR."""
    with pytest.raises(errors.ClientError) as caught:
        call()
    assert (caught.value.status, caught.value.code, caught.value.verified) == (400, "PARAM_ERROR", True)
    detail = caught.value.detail
    return detail["field"], detail["location"], detail["issue"]


@pytest.mark.parametrize(
    ("changes", "field", "issue"),
    [
        ({"combine_appid": ...}, "/combine_appid", "必填"),
        ({"combine_appid": None}, "/combine_appid", "必填"),
        ({"combine_appid": ""}, "/combine_appid", "必填"),
        ({"combine_appid": {"a": 1}}, "/combine_appid", "不应为对象或数组"),
        ({"combine_appid": ["a"]}, "/combine_appid", "不应为对象或数组"),
        ({"sub_orders": {}}, "/sub_orders", "应为数组"),
        ({"sub_orders": ["x"]}, "/sub_orders/0", "应为对象"),
        ({"sub_orders": [{}]}, "/sub_orders/0/mchid", "必填"),
        ({"scene_info": "x"}, "/scene_info", "应为对象"),
        ({"scene_info": {}}, "/scene_info/payer_client_ip", "必填"),
    ],
)
def test_a_body_of_another_shape_is_refused(
    gateway: Sandbox, wxpay: Wechatpay, changes: dict[str, Any], field: str, issue: str
) -> None:
    """The place is told as a JSON pointer; an optional object has to be whole where it is sent."""
    assert refusal(combined(wxpay, gateway.mchid, **changes)) == (field, "body", issue)


def test_a_second_item_is_checked_as_the_first(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The pointer counts them."""
    (first,) = ORDERS["sub_orders"]
    told = refusal(combined(wxpay, gateway.mchid, sub_orders=[first, {**first, "amount": {"currency": "CNY"}}]))
    assert told == ("/sub_orders/1/amount/total_amount", "body", "必填")


def test_a_body_that_is_no_object_is_refused(wxpay: Wechatpay) -> None:
    """A request without one lacks the first field; a list and broken JSON are told as such."""
    assert refusal(wxpay.v3.combineTransactions.native.post) == ("/combine_appid", "body", "必填")
    for body in ("[]", "{", '"x"', "[" * 100_000):
        with pytest.raises(errors.ClientError, match="请求体不是JSON对象"):
            wxpay.v3.combineTransactions.native.post(data=body)


@pytest.mark.parametrize("twice", ["total", "amount"])
def test_a_name_that_stands_twice_is_refused(gateway: Sandbox, wxpay: Wechatpay, twice: str) -> None:
    """Of two amounts nobody can say which was meant; a name in two objects is none."""
    body = json.dumps(shop.order(gateway)).replace(f'"{twice}":', f'"{twice}": 1, "{twice}":')
    with pytest.raises(errors.ClientError, match=f"解析 Json 出错 .位置: /body.: '{twice}' stands twice") as caught:
        wxpay.v3.pay.transactions.native.post(data=body)
    assert caught.value.status == 400
    assert caught.value.detail["location"] is None


@pytest.mark.parametrize("path", ["v3/pay/transactions/native", "v3/combine-transactions/native"])
def test_a_body_is_utf_8(wxpay: Wechatpay, path: str) -> None:
    """Another encoding is told apart from broken JSON."""
    with pytest.raises(errors.ClientError, match="INVALID_REQUEST: 请求内容传入了非UTF8参数"):
        wxpay.chain(path).post(data=b'{"description":"\xb2\xe8"}')


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/xml"])
def test_a_body_that_is_said_to_be_no_json_is_refused(gateway: Sandbox, wxpay: Wechatpay, kind: str) -> None:
    """After the signature, with WeChat Pay's number for it; nothing is done. JSON may have a charset."""
    native, body = wxpay.v3.pay.transactions.native, shop.order(gateway)
    with pytest.raises(errors.ClientError, match=f"Content-Type为'{kind}'，应为application/json") as caught:
        native.post(data=json.dumps(body), headers={"Content-Type": kind})
    assert (caught.value.status, caught.value.code, caught.value.verified) == (400, "INVALID_REQUEST", True)
    assert str(caught.value.request_id).endswith("-270924345")
    assert native.post(data=json.dumps(body), headers={"Content-Type": "Application/JSON;charset=utf8"}).status == 200


LABELLED: list[tuple[str, dict[str, Any], str, str]] = [
    ("v3/pay/transactions/native", {"description": "茶" * 50}, "/body/description", "商品描述"),
    ("v3/pay/transactions/native", {"out_trade_no": "5"}, "/body/out_trade_no", "商户订单号"),
    ("v3/pay/transactions/native", {"attach": "a" * 203}, "/body/attach", "附加数据"),
    (
        "v3/combine-transactions/native",
        {"combine_out_trade_no": "a b c d"},
        "/body/combine_out_trade_no",
        "合单商户订单号",
    ),
]


@pytest.mark.parametrize(("path", "changes", "place", "label"), LABELLED)
def test_a_length_is_told_with_the_official_name(
    gateway: Sandbox, wxpay: Wechatpay, path: str, changes: dict[str, Any], place: str, label: str
) -> None:
    """As the validator of WeChat Pay tells it."""
    body = shop.combined(gateway) if "combine" in path else shop.order(gateway)
    with pytest.raises(errors.ClientError, match=f"输入源“{place}”映射到值字段“{label}”字符串规则校验失败，"):
        wxpay.chain(path).post({**body, **changes})


def test_the_name_of_a_nested_field_and_of_a_path(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """In the item of a list, and in what a path is asked for."""
    body = shop.combined(gateway)
    body["sub_orders"][1]["description"] = "茶" * 50
    with pytest.raises(errors.ClientError, match="“/body/sub_orders/1/description”映射到值字段“商品描述”"):
        wxpay.v3.combineTransactions.native.post(body)
    with pytest.raises(errors.ClientError, match=r"“/uri_template/out_trade_no”映射到值字段“商户订单号”.*字节数 35"):
        shop.query(wxpay, gateway, "1" * 35)


CREDIT: dict[str, Any] = {
    "out_order_no": "no9",
    "appid": "wx9",
    "service_id": "s9",
    "service_introduction": "充电",
    "time_range": {"start_time": "OnAccept"},
    "risk_fund": {"name": "DEPOSIT", "amount": 10_000},
    "notify_url": "https://a.example/n",
    "need_user_confirm": True,
}


def test_lengths_and_values_are_not_checked(wxpay: Wechatpay) -> None:
    """WeChat Pay changes them."""
    answer = wxpay.v3.payscore.serviceorder.post({**CREDIT, "service_id": "x" * 5000})
    assert answer.data["service_id"] == "x" * 5000


def test_what_was_sent_is_told_back(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """From path, query and body, where name and type are the same; the merchant is the caller."""
    told = wxpay.v3.payscore.serviceorder.post(CREDIT).data
    assert (told["service_id"], told["appid"], told["out_order_no"]) == ("s9", "wx9", "no9")
    assert told["mchid"] == gateway.mchid
    told = wxpay.v3.transfer.billReceipt.post({"out_batch_no": "a/b 中"}).data
    assert told["out_batch_no"] == "a/b 中"
    assert wxpay.v3.transfer.billReceipt._out_batch_no_.get(out_batch_no="a/b 中").data["out_batch_no"] == "a/b 中"


def test_what_was_stored_is_read_back(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """By the merchant's number; the same each time, and marked as an example."""
    orders = wxpay.v3.payscore.smartretailOrders
    fields = {"appid": "wx9", "out_order_no": "no9", "service_id": "s9", "service_introduction": "充电"}
    made = orders.post(fields)
    assert made.headers["Sandbox-Example"] == "1"
    asked = {"service_id": "s9", "appid": "wx9"}
    read = orders.get(params={**asked, "out_order_no": "no9"}).data
    assert read["service_introduction"] == "充电"
    assert orders.get(params={**asked, "out_order_no": "no9"}).data == read
    assert orders.post(fields).data == made.data
    with pytest.raises(errors.ClientError, match="相同单号但请求数据不一致"):
        orders.post({**fields, "service_introduction": "停车"})
    for call in (
        lambda: orders.get(params={**asked, "out_order_no": "no8"}),
        lambda: orders._no_.cancel.post({**asked, "reason": "x"}, no="no8"),
    ):
        with pytest.raises(errors.ClientError) as caught:
            call()
        assert (caught.value.status, caught.value.code) == (404, "ORDER_NOT_EXIST")
    gateway.reset()
    with pytest.raises(errors.ClientError, match="ORDER_NOT_EXIST"):
        orders.get(params={**asked, "out_order_no": "no9"})


def test_what_a_path_makes_is_there_whatever_its_name(wxpay: Wechatpay) -> None:
    """A store's id is a merchant's own elsewhere; here a POST makes it, new each time."""
    stores = wxpay.v3.merchantStore.stores
    body = {"sub_mchid": "1900000109", "store_basics": {"store_name": "茶铺"}}
    first, second = (stores.post(body).data["store_id"] for _ in range(2))
    assert first != second
    assert stores._store_id_.get(store_id=first).data["store_basics"] == body["store_basics"]
    with pytest.raises(errors.ClientError) as caught:
        stores._store_id_.get(store_id=1)
    assert (caught.value.status, caught.value.code) == (404, "RESOURCE_NOT_EXISTS")


def test_what_was_deleted_is_gone(wxpay: Wechatpay) -> None:
    """And a change is read back."""
    build = wxpay.v3.merchantService.complaintNotifications
    assert build.post({"url": "https://a.example/1"}).data["url"] == "https://a.example/1"
    assert build.put({"url": "https://a.example/2"}).data["url"] == "https://a.example/2"


def test_a_path_waits_for_its_value(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """An empty one is refused, unless an operation is there; a method that no operation has is 404."""
    assert refusal(wxpay["v3/ecommerce/applyments/"].get) == ("/applyment_id", "uri_template", "必填")
    for verb, status in (
        (wxpay.v3.combineTransactions.native.get, 405),
        (wxpay.v3.combineTransactions.nothing.post, 404),
    ):
        with pytest.raises(errors.ClientError) as caught:
            verb()
        assert (caught.value.status, caught.value.code) == (status, "")


def test_a_target_with_a_fragment_is_answered(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """No client sends one; whoever does is told that the signature does not fit."""
    request = wxpay.prepare(wxpay.v3.transfer.billReceipt._n_.get, n="1")
    with requests.Session() as session:
        plain = request.copy()
        plain.headers["Authorization"] = request.headers["Authorization"]
        plain.url = f"{gateway.base_url}/v3/transfer/bill-receipt/%23x"
        assert session.send(plain, timeout=10).status_code == 401


def test_a_header_is_required(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The idempotency key of partnerships."""
    build = wxpay.v3.marketing.partnerships.build
    body = {"partner": {"type": "APPID", "appid": "a"}, "authorized_data": {"business_type": "FAVOR_STOCK"}}
    assert refusal(lambda: build.post(body)) == ("/Idempotency-Key", "header", "必填")
    assert build.post(body, headers={"Idempotency-Key": "1"}).status == 200
    request = wxpay.prepare(wxpay.v3.security.echo.post, {"echo_message": "a", "encrypted_echo_message": Sealed("b")})
    headers = {name: value for name, value in request.headers.items() if name != "Wechatpay-Serial"}
    with requests.Session() as session:
        answer = session.post(str(request.url), request.body, headers=headers, timeout=10)
    assert answer.status_code == 400
    detail = answer.json()["detail"]
    assert (detail["field"], detail["location"]) == ("Wechatpay-Serial", "header")


def test_what_is_encrypted_is_opened_and_told_back_encrypted(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Under the key that the request names, the public key's or a certificate's; and for the merchant."""
    for serial in gateway.configuration()["certs"]:
        answer = wxpay.v3.security.echo.post(
            {"echo_message": "a", "encrypted_echo_message": Sealed("张三")}, headers={"Wechatpay-Serial": serial}
        )
        assert wxpay.decrypt(answer.data["encrypted_echo_message"]) == "张三"


def test_what_does_not_open_is_refused_in_its_place(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """In the body, however deep, and in the query; also what is encrypted for another key than is named."""
    echo = wxpay.v3.security.echo
    body = {"echo_message": "a", "encrypted_echo_message": "张三"}
    assert refusal(lambda: echo.post(body))[:2] == ("/encrypted_echo_message", "body")
    public, certificate = gateway.configuration()["certs"]
    encrypted = wxpay.encrypt("张三")
    other = certificate if encrypted.serial == public else public
    wrong = {**body, "encrypted_echo_message": encrypted}
    assert refusal(lambda: echo.post(wrong, headers={"Wechatpay-Serial": other}))[0] == "/encrypted_echo_message"
    details = [
        {"out_detail_no": "1", "transfer_amount": 1, "transfer_remark": "a", "openid": "o", "user_name": name}
        for name in (Sealed("张三"), "李四")
    ]
    batch = {"appid": "a", "out_batch_no": "1", "batch_name": "b", "batch_remark": "c", "total_amount": 2}
    batch |= {"total_num": 2, "transfer_scene_id": "1", "transfer_detail_list": details}
    assert refusal(lambda: wxpay.v3.transfer.batches.post(batch))[0] == "/transfer_detail_list/1/user_name"
    search = wxpay.v3.capital.capitallhh.banks.searchBanksByBankAccount
    assert refusal(lambda: search.get(params={"account_number": "6222"}))[:2] == ("/account_number", "query")
    assert search.get(params={"account_number": wxpay.encrypt("6222")}).status == 200


def test_a_receipt_can_be_downloaded(wxpay: Wechatpay) -> None:
    """What an answer names lies at the sandbox, under a digest that holds."""
    wxpay.v3.transfer.billReceipt.post({"out_batch_no": "1"})
    receipt = wxpay.v3.transfer.billReceipt._out_batch_no_.get(out_batch_no="1")
    assert len(wxpay.download(receipt)) > 100
    asked = {"bill_date": "2026-11-01", "service_id": "1", "encryption_algorithm": "AEAD_AES_256_GCM"}
    assert len(wxpay.download(wxpay.v3.payscore.merchantBill.get(params=asked))) > 100


def test_a_file_that_nothing_names_is_not_signed(wxpay: Wechatpay) -> None:
    """As WeChat Pay has it for images."""
    with pytest.raises(errors.ClientError, match="RESOURCE_NOT_EXISTS"):
        wxpay.v3.merchantService.images._media_id_.get(media_id="1")
    media_id = wxpay.v3.merchantService.images.upload.post(Media(b"x", filename="a.png")).data["media_id"]
    answer = wxpay.v3.merchantService.images._media_id_.get(media_id=media_id)
    assert (answer.verified, answer.headers.get("Wechatpay-Signature")) == (False, None)
    assert answer.content


def test_a_form_has_its_fields_and_its_file(gateway: Sandbox, wxpay: Wechatpay, instance: Instance) -> None:
    """Under their documented names; what is uploaded twice gets two ids."""
    upload = wxpay.v3.mchManage.submissionFiles.subMchid._sub_mchid_.upload
    file = ("a.png", b"x")
    fields = {"item_id": "1", "manage_record_id": "2"}
    assert refusal(lambda: upload.post(files={"file": file}, data=fields, sub_mchid="1"))[0] == "/submission_file"
    files = {"submission_file": file}
    assert refusal(lambda: upload.post(files=files, sub_mchid="1"))[0] == "/item_id"
    ids = {upload.post(files=files, data=fields, sub_mchid="1").data["file_id"] for _ in range(2)}
    assert len(ids) == 2
    assert refusal(lambda: wxpay.v3.merchant.media.upload.post({"a": 1}))[0] == "/file"
    with pytest.raises(errors.ClientError, match=r"INVALID_REQUEST: HTTP 请求不符合.*multipart/form-data"):
        wxpay.v3.combineTransactions.native.post(files={"file": file})
    meta = {"name": "meta", "contents": '{"filename":"a.png"}'}
    assert refusal(lambda: instance.v3.merchant.media.upload.post({"multipart": [meta]}))[0] == "/file"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("v2/pay/refundquery", "REFUNDNOTEXIST"),
        ("v2/pay/orderquery", "ORDERNOTEXIST"),
        ("v2/deposit/refundquery", "REFUNDNOTEXIST"),
    ],
)
@pytest.mark.parametrize("name", ["transaction_id", "out_trade_no"])
def test_one_name_of_an_order_is_enough_in_apiv2(
    gateway: Sandbox, wxpay: Wechatpay, path: str, code: str, name: str
) -> None:
    """The documentation says: one of them. A number that nobody made has its code."""
    with pytest.raises(errors.BusinessError, match=code):
        wxpay[path].post({"appid": "wx1", "mch_id": gateway.mchid, "sub_mch_id": "1", name: "n9"})


def test_apiv2_answers_with_the_documented_fields(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """What was sent under a number is asked for by it; lists are repeated elements, no field is of a failure."""
    fields = {"appid": "wx1", "mch_id": gateway.mchid}
    packet = {"mch_billno": "b1", "wxappid": "wx1", "send_name": "a", "re_openid": "o1", "total_amount": 100}
    packet |= {"total_num": 1, "wishing": "b", "client_ip": "127.0.0.1", "act_name": "c", "remark": "d"}
    sent = wxpay.v2.mmpaymkttransfers.sendredpack.post({"mch_id": gateway.mchid, **packet}, security=False)
    assert sent.headers["Sandbox-Example"] == "1"
    asked = {**fields, "mch_billno": "b1", "bill_type": "MCHT"}
    packets = wxpay.v2.mmpaymkttransfers.gethbinfo.post(asked, security=False).data
    assert (packets["mch_billno"], packets["total_amount"]) == ("b1", "100")
    assert packets["hblist"]["hbinfo"]["openid"]
    assert not packets.keys() & {"err_code", "err_code_des"}
    with pytest.raises(errors.BusinessError, match="NOT_FOUND"):
        wxpay.v2.mmpaymkttransfers.gethbinfo.post({**asked, "mch_billno": "b2"}, security=False)
    with pytest.raises(errors.BusinessError, match=r"^FAIL: 缺少参数 bill_type"):
        wxpay.v2.mmpaymkttransfers.gethbinfo.post({**fields, "mch_billno": "1"}, security=False)


def test_a_path_of_apiv2_that_does_not_exist_is_404(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """With nothing in it."""
    with pytest.raises(errors.ClientError) as caught:
        wxpay.v2.nothing.here.post({"mch_id": gateway.mchid, "a": "中"})
    assert (caught.value.status, caught.value.response.content) == (404, b"")
