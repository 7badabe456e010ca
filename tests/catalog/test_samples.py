"""Every call that help prints is accepted by the sandbox, in both faces, for each role, and in full."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import groupby
from typing import Any

import pytest

from tests.openssl import rightly_signed
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.catalog import sample, tree
from wechatpay_chain.catalog.alternatives import groups
from wechatpay_chain.catalog.facts import Operation, is_legacy, operations
from wechatpay_chain.catalog.roles import DIRECT, PARTNER, roles
from wechatpay_chain.catalog.sample import NATIVE, PHP, Dialect
from wechatpay_chain.catalog.security import needs_certificate
from wechatpay_chain.catalog.values import own_numbers
from wechatpay_chain.php import Instance

PLACEHOLDER = re.compile(r"(?<=\{)\w+")
NUMBER = re.compile(r"\b20\d{20}\b")
# A call that refers to what was never made is a right one all the same.
ABSENT = re.compile(r"[A-Z_]*_?NOT_?(EXISTS?|FOUND)")
ABSENT_MESSAGE = re.compile(r"不存在|已过期")


def named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def product(operation: Operation) -> str:
    return "/".join(operation.words[:2])


PRODUCTS = {name: tuple(listed) for name, listed in groupby(sorted(operations(), key=product), product)}


@pytest.fixture(scope="module")
def shop(served: Sandbox) -> Iterator[Sandbox]:
    served.reset()
    yield served
    served.reset()


@pytest.fixture(scope="module")
def payer(shop: Sandbox) -> Iterator[Wechatpay]:
    """A client with the TLS certificate that some operations of APIv2 ask for."""
    with shop.client(merchant=shop.merchant) as client:
        yield client


@pytest.fixture(scope="module")
def php(shop: Sandbox) -> Iterator[Instance]:
    with shop.builder(merchant=shop.merchant) as client:
        yield client


def pasted(text: str, name: str, client: object) -> Any:
    """What an interactive Python shows for ``text``, where nothing but the client has a name."""
    shown: list[Any] = []
    hook, sys.displayhook = sys.displayhook, shown.append
    try:
        exec(compile(text, "<stdin>", "single"), {name: client})
    finally:
        sys.displayhook = hook
    (value,) = shown
    return value


def is_sent_to(operation: Operation, method: str, target: str) -> bool:
    found = tree.match(method, f"v2{target}" if is_legacy(operation.path) else target)
    # Some paths differ in the name of a placeholder only.
    return found is not None and PLACEHOLDER.sub("", found.path) == PLACEHOLDER.sub("", operation.path)


def refusal(text: str, face: str, client: object) -> str:
    """Why a pasted call is refused; empty where it is accepted, or names what was never made."""
    try:
        answer = pasted(text, face, client)
    except (errors.ApiError, errors.BusinessError) as error:
        is_absent = ABSENT.fullmatch(error.code) or ABSENT_MESSAGE.search(error.message)
        return "" if is_absent else str(error)
    return "" if 200 <= answer.status < 300 else str(answer.status)


def try_all(product: str, gateway: Sandbox, face: str, dialect: Dialect, client: object) -> dict[str, str]:
    refused: dict[str, str] = {}
    for operation in PRODUCTS[product]:
        for title, text in sample.samples(operation, gateway.mchid, dialect):
            # What one sample made does not stand in the way of the next, which refers to the same order.
            gateway.reset()
            why = refusal(text, face, client)
            assert gateway.requests, (named(operation), title, why)
            received = gateway.requests[-1]
            if not why and not is_sent_to(operation, received.method, received.target):
                why = f"sent to {received.method} {received.target}"
            if why:
                refused[f"{named(operation)} {title}"] = why
            if operation.number % 50 == 0 and not is_legacy(operation.path):
                assert rightly_signed(received, gateway.identity.merchant_key.public_key())
    return refused


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_sample_is_accepted(product: str, shop: Sandbox, payer: Wechatpay) -> None:
    """Pasted as it is printed, for each role and in full."""
    assert try_all(product, shop, "wxpay", NATIVE, payer) == {}


@pytest.mark.slow
@pytest.mark.parametrize("product", PRODUCTS)
def test_every_sample_of_the_php_face_is_accepted(product: str, shop: Sandbox, php: Instance) -> None:
    """The same calls as code for wechatpay-php writes them."""
    assert try_all(product, shop, "instance", PHP, php) == {}


def given(text: str) -> list[Any]:
    """The literal arguments of a call; what is encrypted or a file is None."""
    call = ast.parse(text).body[-1]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    values = [*call.value.args, *(each.value for each in call.value.keywords)]
    return [_literal(each) for each in values]


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Dict):
        return {ast.literal_eval(key): _literal(each) for key, each in zip(node.keys, node.values, strict=True) if key}
    if isinstance(node, ast.List | ast.Tuple):
        return [_literal(each) for each in node.elts]
    return None if isinstance(node, ast.Call) else ast.literal_eval(node)


def emptiness(value: Any) -> bool:
    if isinstance(value, dict):
        return not value or any(map(emptiness, value.values()))
    return any(map(emptiness, value)) if isinstance(value, list) else False


def test_no_object_is_empty() -> None:
    """Of an object that requires nothing some fields are shown, and none is printed as {}."""
    empty = [
        named(each)
        for each in operations()
        for _, text in sample.samples(each, "1900000001")
        if any(map(emptiness, given(text)))
    ]
    assert empty == []


def texts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield name, each
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def test_the_number_is_the_clients_own_wherever_it_stands() -> None:
    """As the merchant, as the service provider, as the one that makes a coupon or is complained of."""
    own = {"mchid", "sp_mchid", "mch_id", "combine_mchid", "combine_mch_id", "stock_creator_mchid", "complainted_mchid"}
    wrong = [
        (named(each), name, value)
        for each in operations()
        for _, text in sample.samples(each, "1987654321")
        for name, value in texts(given(text))
        if name in own and value != "1987654321"
    ]
    assert wrong == []


def test_numbers_are_new_at_each_print_and_references_are_not() -> None:
    """A number that the caller makes up is never printed twice; what a call refers to is the documentation's."""
    refund = tree.match("POST", "v3/refund/domestic/refunds")
    assert refund
    first, second = (given(sample.call(refund, "1"))[0] for _ in range(2))
    assert first["out_refund_no"] != second["out_refund_no"]
    assert first["out_trade_no"] == second["out_trade_no"] == "1217752501201407033233368018"
    for path, name in (
        ("v3/pay/transactions/jsapi", "out_trade_no"),
        ("v3/fund-app/mch-transfer/transfer-bills", "out_bill_no"),
        ("v3/profitsharing/orders", "out_order_no"),
        ("v3/profitsharing/return-orders", "out_return_no"),
        ("v3/combine-transactions/native", "combine_out_trade_no"),
        ("v3/marketing/favor/users/x/coupons", "out_request_no"),
        ("v3/payscore/serviceorder", "out_order_no"),
        ("v2/pay/unifiedorder", "out_trade_no"),
        ("v2/mmpaymkttransfers/sendredpack", "mch_billno"),
    ):
        operation = tree.match("POST", path)
        assert operation
        body = given(sample.call(operation, "1"))[0]
        assert NUMBER.fullmatch(body[name]), (path, name, body[name])
    for path in ("v2/pay/orderquery", "v2/pay/closeorder", "v3/combine-transactions/out-trade-no/x/close"):
        operation = tree.match("POST", path)
        assert operation
        assert not NUMBER.search(sample.call(operation, "1"))


def test_the_orders_of_one_sample_have_numbers_of_their_own() -> None:
    """A combined order has two of them, as it must."""
    operation = tree.match("POST", "v3/combine-transactions/jsapi")
    assert operation
    body = given(sample.call(operation, "1"))[0]
    numbers = {each["out_trade_no"] for each in body["sub_orders"]} | {body["combine_out_trade_no"]}
    assert len(body["sub_orders"]) == 2
    assert len(numbers) == 3


@pytest.mark.parametrize(
    ("method", "path", "name", "least", "most"),
    [
        ("POST", "v3/pay/transactions/jsapi", "time_expire", timedelta(hours=1), timedelta(days=7)),
        ("POST", "v3/marketing/favor/coupon-stocks", "available_end_time", timedelta(hours=2), timedelta(days=90)),
        ("GET", "v3/bill/tradebill", "bill_date", timedelta(days=-2), timedelta(0)),
        ("GET", "v3/merchant-service/complaints-v2", "begin_date", timedelta(days=-30), timedelta(days=-1)),
        ("GET", "v3/merchant-service/complaints-v2", "end_date", timedelta(days=-2), timedelta(0)),
    ],
)
def test_times_lie_where_they_make_sense(method: str, path: str, name: str, least: timedelta, most: timedelta) -> None:
    """The end of an order ahead, a bill of yesterday, and a span that begins before it ends."""
    operation = tree.match(method, path)
    assert operation
    values = [dict(texts(given(text))) for _, text in sample.samples(operation, "1")]
    time = next(each[name] for each in reversed(values) if name in each)
    moment = datetime.fromisoformat(time)
    beijing = timezone(timedelta(hours=8))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=beijing)
    assert least <= moment - datetime.now(beijing) <= most


def test_no_year_of_the_documentation_is_left() -> None:
    """A time that a call gives is not one of the years in which its page was written."""
    old = re.compile(r"20(0\d|1\d|2[0-4])-\d\d-\d\d")
    left = {
        (named(each), name)
        for each in operations()
        for _, text in sample.samples(each, "1")
        for name, value in texts(given(text))
        if isinstance(value, str) and old.match(value)
    }
    assert left == set()


def test_each_role_has_a_sample_with_its_fields() -> None:
    """A direct merchant sends no field of a service provider, who always names the sub-merchant but in lists."""
    shared = [each for each in operations() if roles(each)]
    assert len(shared) > 100
    for operation in shared:
        direct, partner = (sample.call(operation, "1", role=role) for role in (DIRECT, PARTNER))
        assert not re.search(r'"(sub|sp)_(mchid|mch_id|appid|openid)"', direct), named(operation)
        if operation.method == "POST" and "sub_mchid" in str(operation.facts.get("body")):
            assert '"sub_mchid"' in partner, named(operation)


def test_of_alternatives_one_is_shown() -> None:
    """In each place of each sample."""
    for operation in operations():
        for role in roles(operation) or ("",):
            values = given(sample.call(operation, "1", role=role))
            for group in groups(operation):
                if not group.place:
                    holder = next(
                        (each for each in values if isinstance(each, dict) and set(group.names) & set(each)), {}
                    )
                    assert len(set(group.names) & set(holder)) == 1, (named(operation), group)


def test_what_is_usual_is_shown_in_full() -> None:
    """The optional fields of an order, beside the bare call."""
    operation = tree.match("POST", "v3/pay/transactions/jsapi")
    assert operation
    bare, full = (given(each.text)[0] for each in sample.samples(operation, "1"))
    assert "detail" not in bare
    assert {"detail", "scene_info", "attach", "time_expire"} <= full.keys()
    assert full["detail"]["goods_detail"][0]["quantity"] == 1


def test_the_tls_certificate_is_asked_for_where_it_is_needed() -> None:
    """Red packets, refunds and reversals of APIv2; never APIv3."""
    asked = {each.path for each in operations() if "security=True" in sample.call(each)}
    assert asked == {each.path for each in operations() if is_legacy(each.path) and needs_certificate(each.path)}
    assert {"/secapi/pay/refund", "/mmpaymkttransfers/sendredpack", "/secapi/pay/reverse"} <= asked
    assert not {"/pay/unifiedorder", "/pay/orderquery", "/secapi/mch/addInstitutionsub"} & asked


@pytest.mark.parametrize(
    ("method", "path", "numbers"),
    [
        ("POST", "v3/pay/transactions/native", ["out_trade_no"]),
        ("POST", "v3/refund/domestic/refunds", ["out_refund_no"]),
        ("POST", "v3/global/refunds", ["out_refund_no"]),
        ("POST", "v3/profitsharing/return-orders", ["out_return_no"]),
        ("POST", "v3/combine-transactions/h5", ["combine_out_trade_no"]),
        ("POST", "v3/global/customs/orders", []),
        ("POST", "v3/pay/transactions/out-trade-no/1/close", []),
        ("GET", "v3/bill/tradebill", []),
        ("POST", "v2/mmpaymkttransfers/sendredpack", ["mch_billno"]),
        ("POST", "v2/pay/orderquery", []),
    ],
)
def test_numbers_that_a_caller_makes_up_are_told(method: str, path: str, numbers: list[str]) -> None:
    """And none of an order that is only referred to."""
    operation = tree.match(method, path)
    assert operation
    assert own_numbers(operation) == numbers
