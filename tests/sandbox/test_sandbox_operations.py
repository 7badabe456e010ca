"""Every operation of the catalogue: the call that help prints is accepted, and without a parameter it is not."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.catalog import sample
from wechatpay_chain.catalog.facts import Operation, is_legacy, operations
from wechatpay_chain.catalog.sample import NATIVE, PHP, Dialect
from wechatpay_chain.php import Instance

PLACEHOLDER = re.compile(r"(?<=\{)\w+")


def nothing(gateway: Sandbox, wxpay: Wechatpay) -> None:
    pass


def callbacks(gateway: Sandbox, wxpay: Wechatpay) -> None:
    body = {"mchid": gateway.mchid, "notify_url": "https://pay.weixin.qq.com"}
    wxpay.v3.marketing.favor.callbacks.post(body)
    wxpay.v3.marketing.membercardOpen.callback.patch(body)
    wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post(body)


# What has to be there before it can be read or changed; the documentation's own orders always are.
BEFORE: Mapping[str, Callable[[Sandbox, Wechatpay], None]] = {
    "GET /v3/marketing/favor/callbacks": callbacks,
    "GET /v3/marketing/membercard-open/callback": callbacks,
    "GET /v3/marketing/partner/product-coupon/notify-configs": callbacks,
}


def named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


@pytest.fixture
def wxpay(gateway: Sandbox) -> Iterator[Wechatpay]:
    """With the TLS certificate that some operations ask for."""
    with gateway.client(merchant=gateway.merchant) as client:
        yield client


@pytest.fixture
def instance(gateway: Sandbox) -> Iterator[Instance]:
    with gateway.builder(merchant=gateway.merchant) as client:
        yield client


class Typed(NamedTuple):
    """A call as it was typed, taken apart: its chain, and its arguments by name, 0 for the first."""

    function: Callable[..., Any]
    arguments: dict[int | str, Any]

    @classmethod
    def of(cls, text: str, name: str, client: object) -> Typed:
        *imports, last = ast.parse(text).body
        names: dict[str, Any] = {name: client}
        exec(compile(ast.Module(imports, []), "<imports>", "exec"), names)
        assert isinstance(last, ast.Expr)
        assert isinstance(last.value, ast.Call)
        given = [*enumerate(last.value.args), *((each.arg, each.value) for each in last.value.keywords)]
        evaluated = {place: eval(ast.unparse(value), names) for place, value in given}
        if name == "instance":
            # PHP's one mapping of options is the same by name.
            evaluated = evaluated.get(0, {})
        return cls(eval(ast.unparse(last.value.func), names), evaluated)  # type: ignore[arg-type]

    def __call__(self) -> Any:
        positional = [value for place, value in self.arguments.items() if isinstance(place, int)]
        return self.function(*positional, **{k: v for k, v in self.arguments.items() if isinstance(k, str)})


class Parameter(NamedTuple):
    """A required parameter: where it travels, and the way to it; ``group`` has the others that would do instead."""

    location: str
    way: tuple[str | int, ...]
    group: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "/".join(map(str, self.way))


# Added by the client, or compared by it with its own number before anything is sent.
BY_CLIENT = {"sign", "nonce_str", "sign_type", "mch_id", "mchid", "combine_mch_id"}
ORDER = ("transaction_id", "out_trade_no")
REFUNDED = (*ORDER, "out_refund_no", "refund_id")
DECLARED = (*ORDER, "sub_order_no", "sub_order_id")


# Rooms of their own keep state, and take shorter bodies than WeChat Pay does; these are what they ask for.
DATE = {"bill_date"}
PAYING = {"appid", "mchid", "description", "out_trade_no", "notify_url", "amount/total"}
OWN = {
    **dict.fromkeys((f"POST /v3/pay/transactions/{way}" for way in ("native", "jsapi", "app", "h5")), PAYING),
    "POST /v3/refund/domestic/refunds": {"out_refund_no"},
    "POST /v3/applyment4sub/applyment/": {"business_code"},
    "POST /v3/ecommerce/applyments/": {"out_request_no"},
    "GET /v3/bill/tradebill": DATE,
    "GET /v3/bill/fundflowbill": DATE,
    "GET /v3/bill/sub-merchant-fundflowbill": DATE,
    "GET /v3/ecommerce/bill/fundflowbill": DATE,
    "GET /v3/profitsharing/bills": DATE,
    "GET /v3/funds-to-oversea/bill-download-url": DATE,
}


def required(operation: Operation) -> list[Parameter]:
    """Those that a caller could forget; a file and its meta are tested by themselves."""
    asked = documented(operation)
    names = OWN.get(named(operation), {each.name for each in asked})
    return [each for each in asked if each.name in names]


def documented(operation: Operation) -> list[Parameter]:
    facts, legacy = operation.facts, is_legacy(operation.path)
    asked = [
        Parameter(location, (name,))
        for section, location in (("query", "query"), ("headers", "header"))
        for name, schema in facts.get(section, {}).items()
        if schema.get("required") and not (name in BY_CLIENT if legacy else name == "Wechatpay-Serial")
    ]
    form = {name: each for name, each in facts.get("form", {}).items() if each["type"] != "file" and name != "meta"}
    asked += [Parameter("body", way) for way in ways(form or (facts.get("body") or {}).get("fields", {}))]
    if not legacy:
        return asked
    asked = [each for each in asked if each.way[0] not in BY_CLIENT and each.way[0] != "media_hash"]
    return [each._replace(group=instead(operation, str(each.way[0]))) for each in asked]


def ways(fields: Mapping[str, Any]) -> Iterator[tuple[str | int, ...]]:
    for name, schema in fields.items():
        if schema.get("required"):
            yield (name,)
            inner, below = schema, (name,)
            while inner.get("type") == "array":
                inner, below = inner.get("items", {}), (*below, 0)  # type: ignore[assignment]
            for way in ways(inner.get("fields", {})):
                yield (*below, *way)


def instead(operation: Operation, name: str) -> tuple[str, ...]:
    """The names of an order of which one is enough, though the catalogue requires all of them."""
    if operation.path.endswith("customdeclarequery"):
        return DECLARED if name in DECLARED else ()
    if "refundquery" in operation.path:
        return REFUNDED if name in REFUNDED else ()
    return ORDER if name in ORDER and not operation.path.startswith("/cgi-bin/") else ()


def without(typed: Typed, parameter: Parameter, operation: Operation, dialect: Dialect) -> Typed:
    """The call without a parameter, and without what would do in its place."""
    arguments = copy.deepcopy(typed.arguments)
    if parameter.location == "header":
        holder = arguments["headers"]
    elif parameter.location == "query":
        holder = arguments[dialect.query]
    elif "multipart" in arguments:
        arguments["multipart"] = [each for each in arguments["multipart"] if each["name"] != parameter.way[0]]
        return typed._replace(arguments=arguments)
    else:
        holder = next(arguments[place] for place in (0, "data", "json", "xml") if place in arguments)
    *above, last = parameter.way
    for step in above:
        holder = holder[step]
    for name in (last, *parameter.group):
        holder.pop(name, None)
    return typed._replace(arguments=arguments)


@pytest.mark.slow
@pytest.mark.parametrize("operation", [each for each in operations() if required(each)], ids=named)
def test_a_call_without_a_required_parameter_is_refused(
    operation: Operation, gateway: Sandbox, wxpay: Wechatpay, instance: Instance
) -> None:
    """Six or all of them in the native face, one in the other; the refusal names exactly that field."""
    BEFORE.get(named(operation), nothing)(gateway, wxpay)
    asked = required(operation)
    faces: tuple[tuple[Dialect, str, object, list[Parameter]], ...] = (
        (NATIVE, "wxpay", wxpay, asked[:: -(-len(asked) // 6)]),
        (PHP, "instance", instance, [asked[operation.number % len(asked)]]),
    )
    for dialect, name, client, dropped in faces:
        typed = Typed.of(sample.call(operation, gateway.mchid, dialect), name, client)
        for parameter in dropped:
            call = without(typed, parameter, operation, dialect)
            gateway.requests.clear()
            if is_legacy(operation.path):
                first = min(parameter.group or parameter.way, key=lambda each: order_of(operation, each))
                with pytest.raises(errors.BusinessError, match=f"^FAIL: 缺少参数 {first}$"):
                    call()
            else:
                with pytest.raises(errors.ClientError) as caught:
                    call()
                told = caught.value.detail
                assert (caught.value.status, caught.value.code) == (400, "PARAM_ERROR")
                assert (told["field"], told["location"]) == (f"/{parameter.name}", parameter.location)
            (received,) = gateway.requests
            assert received.verdict == ""


def order_of(operation: Operation, name: str | int) -> int:
    """Its place among the required fields, which are asked for in the documented order."""
    fields = {**operation.facts.get("query", {}), **(operation.facts.get("body") or {}).get("fields", {})}
    names = [each for each, schema in fields.items() if schema.get("required")]
    return names.index(str(name)) if name in names else len(names)


def test_each_room_asks_for_something() -> None:
    """No operation with required parameters goes unasked, and no row of the table is about nothing."""
    assert all(required(each) for each in operations() if documented(each))
    known = {named(each): {parameter.name for parameter in documented(each)} for each in operations()}
    assert all(names <= known[operation] for operation, names in OWN.items())


def test_only_the_order_of_the_documentation_is_always_there(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Any other has to be made first, and one that was made is told as it is."""
    orders = wxpay.v3.pay.transactions.outTradeNo._out_trade_no_
    number, params = "1217752501201407033233368018", {"mchid": gateway.mchid}
    assert orders.get(params=params, out_trade_no=number).data["trade_state"] == "SUCCESS"
    with pytest.raises(errors.ClientError, match="ORDER_NOT_EXIST"):
        orders.get(params=params, out_trade_no=f"{number}0")
    body = {"appid": "wxd678efh567hg6787", "mchid": gateway.mchid, "description": "a", "amount": {"total": 100}}
    wxpay.v3.pay.transactions.native.post({**body, "out_trade_no": number, "notify_url": "https://a.example/b"})
    assert orders.get(params=params, out_trade_no=number).data["trade_state"] == "NOTPAY"
    refund = {"out_refund_no": "a", "amount": {"refund": 1, "total": 888, "currency": "CNY"}}
    with pytest.raises(errors.ClientError, match="INVALID_REQUEST"):
        wxpay.v3.refund.domestic.refunds.post({"out_trade_no": number, **refund})
