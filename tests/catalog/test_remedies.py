from __future__ import annotations

import json
import pickle
import pkgutil
import re
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.catalog import manual, remedies, tree
from wechatpay_chain.catalog.facts import operations
from wechatpay_chain.catalog.openapi import document
from wechatpay_chain.catalog.remedies import REPEATS, TABLE, error_codes, find_error, remedy
from wechatpay_chain.php import Instance

LINES = [json.loads(line) for line in (pkgutil.get_data("wechatpay_chain.catalog", TABLE) or b"").splitlines()]
PRODUCTS = [each for each in LINES if "operations" in each]
ROWS = [each for each in LINES if "operations" not in each]
JSAPI = "v3/pay/transactions/jsapi"


@pytest.fixture
def no_table() -> Iterator[None]:
    remedies._table.cache_clear()
    yield
    remedies._table.cache_clear()


def test_every_row_is_whole() -> None:
    """Meaning in both languages, cause and remedy as sentences, and whether the same request may be repeated."""
    assert len(ROWS) > 150
    products = {each["product"] for each in PRODUCTS}
    for row in ROWS:
        assert row["product"] in products
        assert row["status"] is None or isinstance(row["status"], int)
        assert re.fullmatch(r"[A-Z0-9_]+", row["code"])
        assert re.search(r"[\u4e00-\u9fff]|APPID|MCHID|XML", row["zh"])
        assert row["en"].isascii()
        assert row["cause"]
        assert re.fullmatch(r"[A-Z].*\.", row["remedy"]), row["remedy"]
        assert row["repeat"] in REPEATS
        assert "\n" not in row["remedy"]


def test_no_two_rows_are_for_the_same_refusal() -> None:
    """A row is found by product, status, code and the part of a message."""
    keys = [(each["product"], each["status"], each["code"], each.get("message", "")) for each in ROWS]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda each: str(each["product"]))
def test_every_product_has_operations_and_codes(product: dict[str, Any]) -> None:
    """The pattern matches some of the catalogue, and each row of the product is told of one of them at least."""
    names = [f"{each.method} {each.path}" for each in operations()]
    known = [name for name in names if re.fullmatch(product["operations"], name)]
    assert known
    for row in ROWS:
        if row["product"] == product["product"] and row.get("on"):
            assert any(re.fullmatch(row["on"], name) for name in known), row


def test_every_operation_has_codes() -> None:
    """At least those that every operation of its protocol may answer, by status."""
    for operation in operations():
        known = error_codes(operation.method, "/".join(operation.words))
        assert {"SYSTEM_ERROR", "PARAM_ERROR"} <= {each.code for each in known} or {"SYSTEMERROR"} <= {
            each.code for each in known
        }
        stated = [each.status for each in known if each.status is not None]
        assert stated == sorted(stated)
        assert {each.status for each in known[len(stated) :]} <= {None}


@pytest.mark.parametrize(
    ("method", "path", "codes", "others"),
    [
        ("POST", JSAPI, {"ORDERPAID", "OUT_TRADE_NO_USED", "NO_AUTH", "APPID_MCHID_NOT_MATCH"}, {"USERPAYING"}),
        ("POST", "v3/pay/transactions/codepay", {"USERPAYING", "AUTH_CODE_INVALID"}, {"ORDER_NOT_EXIST"}),
        ("GET", "v3/pay/transactions/id/4200", {"ORDER_NOT_EXIST", "TRADE_ERROR"}, {"OUT_TRADE_NO_USED"}),
        ("POST", "v3/refund/domestic/refunds", {"NOT_ENOUGH", "USER_ACCOUNT_ABNORMAL"}, set()),
        ("GET", "v3/refund/domestic/refunds/1", {"RESOURCE_NOT_EXISTS"}, {"NOT_ENOUGH", "USER_ACCOUNT_ABNORMAL"}),
        ("GET", "v3/bill/tradebill", {"NO_STATEMENT_EXIST", "STATEMENT_CREATING"}, {"ORDERPAID"}),
        ("POST", "v3/marketing/favor/callbacks", {"MCH_NOT_EXISTS", "REQUEST_BLOCKED", "NOT_ENOUGH"}, {"ORDERPAID"}),
        ("POST", "v2/pay/unifiedorder", {"ORDERPAID", "OUT_TRADE_NO_USED", "SIGNERROR"}, {"REFUNDNOTEXIST"}),
        ("POST", "v2/secapi/pay/refund", {"NOTENOUGH", "TRADE_OVERDUE"}, {"REFUNDNOTEXIST"}),
        ("POST", "v2/mmpaymkttransfers/sendredpack", {"SENDNUM_LIMIT", "SEND_FAILED"}, {"ORDERPAID"}),
    ],
)
def test_codes_are_joined_to_the_operations_that_have_them(
    method: str, path: str, codes: set[str], others: set[str]
) -> None:
    """By product, and within it by what the operation does."""
    known = {each.code for each in error_codes(method, path)}
    assert codes <= known
    assert not others & known


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("POST", JSAPI, 400, "ORDERPAID"), "Query the order and deliver"),
        (("POST", JSAPI, 400, "INVALID_REQUEST", "201 商户订单号重复"), "Send exactly the parameters of the first"),
        (("POST", JSAPI, 400, "INVALID_REQUEST", "别的原因"), "Read the message"),
        (("POST", "/v3/marketing/favor/callbacks", 400, "PARAM_ERROR", "回调url不能为空"), "Send notify_url."),
        (("POST", "v3/refund/domestic/refunds", 500, "SYSTEM_ERROR"), "with the same out_refund_no"),
        (("POST", "v3/any/path/of/tomorrow", 500, "SYSTEM_ERROR"), "with the same number"),
        (("GET", "v3/certificates", 404, "RESOURCE_NOT_EXISTS"), "Configure the public key in certs"),
        (("GET", "v3/certificates?a=b", 401, "SIGN_ERROR", "签名错误"), "of one merchant certificate"),
        (("GET", "v3/certificates", 401, "SIGN_ERROR", "商户证书序列号有误。"), "Set serial"),
        # Of a code whose status differs from product to product, the meaning is the same.
        (("POST", "v3/fund-app/mch-transfer/transfer-bills", 429, "ALREADY_EXISTS"), "Query the transfer"),
        (("GET", "/brand/v3/x", 400, "PARAM_ERROR"), "Correct the field"),
        # The sources give these without a status.
        (("POST", "v3/fund-app/mch-transfer/transfer-bills", 400, "USER_ERROR"), "Ask WeChat Pay's support"),
        (("POST", "v3/marketing/favor/users/o/coupons", 403, "USER_AL_GET_COUPON"), "Send no more coupons"),
        (("GET", "v3/pay/transactions/id/4200", 403, "RULELIMIT"), "Read the message for the rule"),
        (("POST", "v2/pay/unifiedorder", 0, "ORDERPAID"), "Query the order and deliver"),
        (("POST", "pay/unifiedorder", 0, "FAIL", "签名错误"), "Check secret"),
    ],
)
def test_the_narrowest_remedy_is_told(asked: tuple[Any, ...], told: str) -> None:
    """Of the message before the code, of the product before all products."""
    assert told in remedy(*asked)


@pytest.mark.parametrize(
    "asked",
    [
        ("POST", JSAPI, 400, "NO_SUCH_CODE"),
        ("POST", JSAPI, 400, ""),
        ("POST", "v2/pay/unifiedorder", 0, "FAIL", "输入源错误"),
        ("POST", "v2/pay/unifiedorder", 0, "ORDER_NOT_EXIST"),
        ("", "", 0, "\x00"),
        ("POST", "v4/x", 400, "PARAM_ERROR"),
        ("POST", "v2/mmpaymkttransfers/promotion/transfers", 0, "USER_ERROR"),
    ],
)
def test_a_code_that_is_not_in_the_table_says_nothing(asked: tuple[Any, ...]) -> None:
    """Whatever it is."""
    assert find_error(*asked) is None
    assert remedy(*asked) == ""


def test_a_refusal_tells_its_remedy(wxpay: Wechatpay, instance: Instance) -> None:
    """As an attribute, and at the end of the message, so that a traceback shows it; in both faces and promises."""
    params = {"mchid": wxpay.mchid}
    told = "Check the number and the mchid; place the order if it was never placed."
    calls = (
        lambda: wxpay.v3.pay.transactions.outTradeNo._out_trade_no_.get(params=params, out_trade_no="NONE1"),
        lambda: wxpay.v3.pay.transactions.outTradeNo._out_trade_no_.get_async(params=params, out_trade_no="N").wait(),
        lambda: instance.v3.pay.transactions.outTradeNo._out_trade_no_.get({"query": params, "out_trade_no": "NONE1"}),
    )
    for call in calls:
        with pytest.raises(errors.ApiError) as caught:
            call()
        error = caught.value
        assert (error.status, error.code, error.remedy) == (404, "ORDER_NOT_EXIST", told)
        assert str(error).endswith(f"; {told}")
        assert told in "".join(traceback.format_exception(error))
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.remedy) == (str(error), told)


def test_a_refusal_of_apiv2_tells_its_remedy(gateway: Sandbox) -> None:
    """By return_code or by err_code."""
    with gateway.client(secret="0" * 32) as client, pytest.raises(errors.BusinessError) as caught:
        client.v2.pay.orderquery.post({"appid": "a", "mch_id": gateway.mchid, "out_trade_no": "1"})
    error = caught.value
    assert error.remedy == "Check secret (the APIv2 key, not the APIv3 key) and sign_type."
    assert str(error).endswith(f"; {error.remedy}")
    assert pickle.loads(pickle.dumps(error)).remedy == error.remedy


def test_an_error_made_by_hand_has_no_remedy() -> None:
    """There is no operation to tell it by."""
    assert errors.BusinessError.of({"err_code": "ORDERPAID"}, verified=True).remedy == ""


@pytest.mark.parametrize(
    "content", [OSError(), None, b"\xff", b"{", b"[]", b'{"product": 1}', b'{"product":"a","x":1}']
)
@pytest.mark.usefixtures("no_table")
def test_a_broken_table_never_hides_an_answer(
    wxpay: Wechatpay, monkeypatch: pytest.MonkeyPatch, content: object
) -> None:
    """The error is WeChat Pay's own, without a remedy."""

    def data(package: str, name: str) -> object:
        if name != TABLE:
            return whole(package, name)
        if isinstance(content, OSError):
            raise content
        return content

    whole = pkgutil.get_data
    monkeypatch.setattr(pkgutil, "get_data", data)
    with pytest.raises(errors.ApiError) as caught:
        wxpay.v3.pay.transactions.id._transaction_id_.get(params={"mchid": wxpay.mchid}, transaction_id="4200")
    assert caught.value.code == "ORDER_NOT_EXIST"
    assert caught.value.remedy == ""


@pytest.mark.parametrize(
    ("code", "status", "row"),
    [
        ("NOAUTH", 403, "NO_AUTH"),
        ("ORDERNOTEXIST", 404, "ORDER_NOT_EXIST"),
        ("SYSTEMERROR", 500, "SYSTEM_ERROR"),
        ("ORDERPAID", 400, "ORDERPAID"),
        ("ORDER_PAID", 400, "ORDER_PAID"),
    ],
)
def test_the_older_spelling_of_a_code_has_its_remedy(code: str, status: int, row: str) -> None:
    """The code as it is spelled comes first; APIv2 has rows of its own."""
    found = find_error("GET", "v3/pay/transactions/id/4200", status, code)
    found = found or find_error("POST", JSAPI, status, code)
    assert found
    assert (found.code, found.status) == (row, status)


def test_a_code_without_a_status_has_a_row() -> None:
    """It is shown without one, behind the others."""
    transfer = tree.match("POST", "v3/fund-app/mch-transfer/transfer-bills")
    coupon = tree.match("POST", "v3/marketing/favor/users/o/coupons")
    assert transfer
    assert coupon
    assert re.search(r"^  USER_ERROR +商户存在异常", manual.page(transfer), re.MULTILINE)
    described = document([coupon])["paths"]
    (operation,) = (methods["post"] for methods in described.values())
    assert "USER_AL_GET_COUPON" in operation["responses"]["default"]["description"]
    assert {"USER_ERROR", "USER_AL_GET_COUPON", "RULELIMIT"} <= {row["code"] for row in ROWS}
