"""Every operation of the catalogue: the call that help prints is accepted, and without a parameter it is not."""

from __future__ import annotations

import ast
import copy
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from tests.openssl import rightly_signed
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.catalog import sample, tree
from wechatpay_chain.catalog.facts import Operation, is_legacy, operations
from wechatpay_chain.catalog.sample import NATIVE, PHP, Dialect
from wechatpay_chain.php import Instance
from wechatpay_chain.protocol import v2, v3, xml
from wechatpay_chain.sandbox.answer import Received
from wechatpay_chain.sandbox.parameters import query_of, read
from wechatpay_chain.sandbox.products import PRODUCTS, stored

PLACEHOLDER = re.compile(r"(?<=\{)\w+")


def nothing(gateway: Sandbox, wxpay: Wechatpay) -> None:
    pass


def callbacks(gateway: Sandbox, wxpay: Wechatpay) -> None:
    body = {"mchid": gateway.mchid, "notify_url": "https://pay.weixin.qq.com"}
    wxpay.v3.marketing.favor.callbacks.post(body)
    wxpay.v3.marketing.membercardOpen.callback.patch(body)
    wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post(body)
    wxpay.v3.marketing.busifavor.callbacks.post(body)


def complaint_address(gateway: Sandbox, wxpay: Wechatpay) -> None:
    wxpay.v3.merchantService.complaintNotifications.post({"url": "https://pay.weixin.qq.com"})


# What is printed is what the catalogue requires; these ask for more, each in its own words.
MORE: Mapping[str, str] = {
    "GET /v3/billdownload/file": "下载链接已过期",
}


# What has to be there before it can be read or changed; the documentation's own orders always are.
BEFORE: Mapping[str, Callable[[Sandbox, Wechatpay], None]] = {
    "GET /v3/marketing/favor/callbacks": callbacks,
    "GET /v3/marketing/busifavor/callbacks": callbacks,
    "GET /v3/marketing/membercard-open/callback": callbacks,
    **{f"{verb} /v3/merchant-service/complaint-notifications": complaint_address for verb in ("GET", "PUT", "DELETE")},
    "GET /v3/marketing/partner/product-coupon/notify-configs": callbacks,
}


def named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


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


def is_signed(operation: Operation) -> bool:
    if is_legacy(operation.path):
        return not v2.is_unsigned(operation.path)
    return not v3.is_unsigned(operation.method, operation.path)


def is_sent_to(operation: Operation, method: str, target: str) -> bool:
    found = tree.match(method, f"v2{target}" if is_legacy(operation.path) else target)
    # Some paths differ in the name of a placeholder only.
    return found is not None and PLACEHOLDER.sub("", found.path) == PLACEHOLDER.sub("", operation.path)


@pytest.mark.parametrize("face", ["wxpay", pytest.param("instance", marks=pytest.mark.slow)])
@pytest.mark.parametrize("operation", operations(), ids=named)
def test_the_call_that_help_prints_is_accepted(
    operation: Operation, face: str, gateway: Sandbox, wxpay: Wechatpay, instance: Instance
) -> None:
    """Pasted in either face it sends one request, rightly signed, and the documented answer is verified."""
    dialect, client = (NATIVE, wxpay) if face == "wxpay" else (PHP, instance)
    documented = int(next(iter(operation.facts.get("responses") or {"200": None})))
    gateway.reset()
    BEFORE.get(named(operation), nothing)(gateway, wxpay)
    gateway.requests.clear()
    text = sample.call(operation, gateway.mchid, dialect)
    answer, refusal = attempt(text, face, client)
    if refusal is not None:
        if named(operation) in MORE:
            assert MORE[named(operation)] in str(refusal)
            return
        assert absence(refusal), refusal
        numbers = asked_for(operation, gateway.requests[-1])
        assert numbers, refusal
        if (operation.method, operation.path) in MODELLED:
            return
        for name, value in numbers:
            stored.learn(gateway.world, "a notice", {name: value})
        gateway.requests.clear()
        answer = pasted(text, face, client)
    assert (answer.status, answer.verified) == (documented, is_signed(operation))
    # A client of the sandbox is not sent to WeChat Pay by what it is told.
    assert is_legacy(operation.path) or not re.search(
        r"https://api(hk)?2?\.(mch\.weixin\.qq\.com|wechatpay\.cn)/", answer.text
    )
    opened(operation, answer.data, wxpay)
    assert not contradictions(answer.data)
    (received,) = gateway.requests
    assert (received.method, received.verdict) == (operation.method, "")
    assert is_sent_to(operation, received.method, received.target)
    if operation.number % 50 == 0 and not is_legacy(operation.path):
        assert rightly_signed(received, gateway.identity.merchant_key.public_key())


MODELLED = frozenset((route.method, route.path) for product in PRODUCTS for route in product.routes)


def attempt(text: str, face: str, client: object) -> tuple[Any, Exception | None]:
    """The answer of a call that is pasted, or what was said instead."""
    try:
        return pasted(text, face, client), None
    except (errors.ClientError, errors.BusinessError) as error:
        return None, error


def absence(error: Exception) -> bool:
    """Whether a refusal says that a number is not there: 404, or in APIv2 a code that says so."""
    if isinstance(error, errors.BusinessError):
        return re.search("NOT_?EXIST|NOT_FOUND|PARAM_ERROR: 记录不存在", str(error)) is not None
    return isinstance(error, errors.ClientError) and error.status == 404


def asked_for(operation: Operation, received: Received) -> list[tuple[str, str]]:
    """The numbers by which a request asks for something."""
    if is_legacy(operation.path):
        fields = {**xml.from_xml(received.body), **query_of(received.target.partition("?")[2])}
        return stored.lookups(operation, fields) or [("transaction_id", str(fields.get("transaction_id")))]
    path, query, body = read(operation, received, frozenset({"*"}))
    asked = [pair for given in (path, query, body) for pair in stored.lookups(operation, given)]
    return asked or [
        (name, str(body[name])) for name in (*ORDER, "stock_id", "out_order_no", "coupon_code") if body.get(name)
    ]


def contradictions(told: Any) -> list[str]:
    """Fields of a failure in an answer that is none."""
    if isinstance(told, dict):
        inner = [found for value in told.values() for found in contradictions(value)]
        inner += [name for name in told if re.search("fail(ed)?_(reason|code|desc)|reject_reason|err_code", name)]
        # What explains a failure, where the example was one.
        return inner + [
            name for name, text in told.items() if re.search("desc|reason|message|msg", name) and "失败" in str(text)
        ]
    return [found for value in told for found in contradictions(value)] if isinstance(told, list) else []


def opened(operation: Operation, data: Any, wxpay: Wechatpay) -> None:
    """The merchant's key opens every field of an answer that is documented as encrypted."""
    fields = ((operation.facts.get("responses") or {}).get("200") or {}).get("fields", {})
    left = [(schema, data[name]) for name, schema in fields.items() if isinstance(data, dict) and name in data]
    while left:
        schema, value = left.pop()
        if sample.is_sealed(schema):
            assert wxpay.decrypt(value)
        elif schema.get("items") and isinstance(value, list):
            left += [(schema["items"], item) for item in value]
        elif schema.get("fields") and isinstance(value, dict):
            left += [(schema["fields"][name], item) for name, item in value.items() if name in schema["fields"]]


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


# Applications take shorter bodies than WeChat Pay does; these are what they ask for.
OWN = {
    "POST /v3/applyment4sub/applyment/": {"business_code"},
    "POST /v3/ecommerce/applyments/": {"out_request_no"},
}
# What the catalogue requires and WeChat Pay does not: of service providers alone, and names for all payees or for none.
UNASKED = {
    "POST /v3/vehicle/transactions/parking": {"sub_appid", "sub_mchid"},
    "POST /v3/transfer/batches": {"transfer_detail_list/0/user_name"},
}


def required(operation: Operation) -> list[Parameter]:
    """Those that a caller could forget; a file and its meta are tested by themselves."""
    asked = documented(operation)
    names = OWN.get(named(operation), {each.name for each in asked} - UNASKED.get(named(operation), set()))
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


def test_not_even_the_order_of_the_documentation_is_there(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """It has to be made first, as any other, and is then told as it is."""
    orders = wxpay.v3.pay.transactions.outTradeNo._out_trade_no_
    operation, params = operation_of("POST", "v3/pay/transactions/native"), {"mchid": gateway.mchid}
    exec(sample.call(operation, gateway.mchid), {"wxpay": wxpay})
    number = json.loads(gateway.requests[-1].body)["out_trade_no"]
    assert orders.get(params=params, out_trade_no=number).data["trade_state"] == "NOTPAY"
    gateway.reset()
    with pytest.raises(errors.ClientError, match="ORDER_NOT_EXIST"):
        orders.get(params=params, out_trade_no=number)


def operation_of(method: str, path: str) -> Operation:
    found = tree.match(method, path)
    assert found
    return found
