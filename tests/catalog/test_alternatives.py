from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts import build_catalog, corrections
from wechatpay_chain import Sandbox, errors, testing
from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.alternatives import (
    ALTERNATIVES,
    GROUPS,
    alternatives,
    crowded_groups,
    groups,
    missing_groups,
)
from wechatpay_chain.catalog.conditions import is_needed
from wechatpay_chain.catalog.facts import Operation, is_legacy, operations
from wechatpay_chain.catalog.roles import DIRECT, PARTNER, is_required, roles
from wechatpay_chain.catalog.security import needs_certificate
from wechatpay_chain.catalog.typical import PRESETS, TYPICAL, preset

DATA = Path(__file__).parent.parent / "data"


def named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def operation_of(method: str, path: str) -> Operation:
    found = tree.match(method, path)
    assert found
    return found


def test_every_row_has_an_operation() -> None:
    """With at least two of its names in its place, so that no row is idle and none is about a misspelt field."""
    for row in GROUPS:
        assert any(
            group.place == row.place and set(group.names) <= set(row.names)
            for each in operations()
            if re.fullmatch(row.operations, named(each))
            for group in groups(each)
        ), row


def test_no_field_is_in_two_groups_of_one_place() -> None:
    """One is enough of what: the answer is one."""
    for each in operations():
        for group in groups(each):
            assert len(alternatives(each, group.place)) == sum(
                len(other.names) for other in groups(each) if other.place == group.place
            )


def test_of_an_order_s_two_numbers_one_is_enough_wherever_both_are_asked_for() -> None:
    """In APIv3 of payments, refunds and sharing; declarations to the customs and invoices need both."""
    left = []
    for each in operations():
        fields = {**each.facts.get("query", {}), **((each.facts.get("body") or {}).get("fields") or {})}
        if each.method != "GET" and {"transaction_id", "out_trade_no"} <= fields.keys() - alternatives(each):
            left.append(named(each))
    assert [each for each in left if "customs" not in each] == [
        "POST /v3/industry-rebate/retail-industry/transactions",
        "POST /v3/marketing/busifavor/coupons/use",
    ]


@pytest.mark.parametrize(
    ("path", "given", "missing"),
    [
        ("v3/refund/domestic/refunds", {"out_refund_no": "1"}, [("out_trade_no", "transaction_id")]),
        ("v3/refund/domestic/refunds", {"transaction_id": "1"}, []),
        (
            "v3/refund/domestic/refunds",
            {"transaction_id": "", "out_trade_no": None},
            [("out_trade_no", "transaction_id")],
        ),
        ("v3/pay/partner/transactions/jsapi", {"payer": {}}, [("sp_openid", "sub_openid")]),
        ("v3/pay/partner/transactions/jsapi", {"payer": {"sub_openid": "o"}}, []),
        ("v3/pay/partner/transactions/jsapi", {}, []),
        ("v3/pay/transactions/codepay", {"scene_info": {"store_info": {}}}, [("id", "out_id")]),
        ("v3/pay/transactions/codepay", {"scene_info": "x"}, []),
        ("v3/combine-transactions/jsapi", {"combine_payer_info": {"identity": {}}}, [("openid", "sub_openid")]),
        ("v2/pay/orderquery", {"mch_id": "1"}, [("out_trade_no", "transaction_id")]),
        ("v2/pay/refundquery", {"refund_id": "1"}, []),
    ],
)
def test_what_lacks_is_told_in_any_depth(path: str, given: dict[str, Any], missing: list[tuple[str, ...]]) -> None:
    """Of objects that are there; those that lack as a whole are another matter."""
    assert [group.names for group in missing_groups(operation_of("POST", path), given)] == missing


@pytest.mark.parametrize(
    ("path", "given", "lacks", "has_two"),
    [
        ("v3/payscore/serviceorder", {}, True, False),
        ("v3/payscore/serviceorder", {"query_id": "1"}, False, False),
        ("v3/payscore/partner/serviceorder", {"query_id": "1", "out_order_no": "2"}, False, True),
        ("v3/marketing/busifavor/users/{openid}/coupons", {"appid": "wx"}, True, False),
        (
            "v3/marketing/busifavor/users/{openid}/coupons",
            {"belong_merchant": "1", "sender_merchant": "1"},
            False,
            False,
        ),
        ("v3/marketing/favor/users/{openid}/coupons", {"creator_mchid": "1", "available_mchid": "1"}, False, True),
    ],
)
def test_a_query_has_one_of_them_and_where_it_is_said_no_more(
    path: str, given: dict[str, Any], lacks: bool, has_two: bool
) -> None:
    """As the pages have it: of payscore's numbers both are refused, of a coupon's merchants they are not."""
    operation = operation_of("GET", path)
    assert bool(missing_groups(operation, given)) == lacks
    assert bool(crowded_groups(operation, given)) == has_two


@pytest.mark.parametrize(
    ("path", "fields", "wrong"),
    [
        ("v3/payscore/permissions/assess-user-risk-level", {"service_id": "1", "appid": "wx"}, True),
        ("v3/payscore/permissions/assess-user-risk-level", {"service_id": "1", "appid": "wx", "openid": "o"}, False),
        ("v3/marketing/favor/stocks/1/modify-goods-id", {"stock_creator_mchid": "1"}, True),
    ],
)
def test_the_sandbox_refuses_what_has_none(served: Sandbox, path: str, fields: dict[str, Any], wrong: bool) -> None:
    """In every product, by the same table."""
    with served.client() as wxpay:
        try:
            wxpay.chain(path).post(fields)
            refusal = None
        except errors.ClientError as error:
            refusal = error
    assert (refusal is not None and refusal.code == "PARAM_ERROR" and "至少填写一个" in refusal.message) == wrong


def test_the_sandbox_refuses_two_where_only_one_may_be() -> None:
    """A service order is asked for by one number."""
    with testing.sandbox() as gateway, gateway.client() as wxpay:
        params = {"service_id": "1", "appid": "wx", "out_order_no": "1", "query_id": "2"}
        with pytest.raises(errors.ClientError, match="只能填写一个"):
            wxpay.v3.payscore.serviceorder.get(params=params)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["payer", "sp_openid", "x"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["payer", "scene_info", "out_trade_no"]), JSON))
def test_any_body_is_looked_at(body: dict[str, Any]) -> None:
    """Whatever is sent in the place of an object."""
    for path in ("v3/pay/partner/transactions/jsapi", "v3/refund/domestic/refunds"):
        assert isinstance(missing_groups(operation_of("POST", path), body), list)


def test_the_table_of_apiv2_is_the_same_one() -> None:
    """Under its paths, as what checks requests reads it."""
    for each in operations():
        if is_legacy(each.path) and each.method == "POST":
            known = [names for pattern, names in ALTERNATIVES if pattern.fullmatch(each.path)]
            assert all(set(group.names) <= frozenset().union(*known) for group in groups(each))


def test_every_correction_changes_the_source() -> None:
    """A row that a new source makes needless has to go."""
    source = build_catalog.read(build_catalog.SOURCE)["endpoints"]
    for row in corrections.CORRECTIONS:
        assert row.reason.endswith(".")
        others = tuple(each for each in corrections.CORRECTIONS if each is not row)
        named = [each for each in source if row.operations.fullmatch(f"{each['method']} {each['path']}")]
        assert named
        whole = [corrections.correct(each) for each in named]
        assert whole != [corrections.correct(each, others) for each in named], row


def test_presets_are_of_fields_that_there_are() -> None:
    """Each row matches an operation that has its field, and says why."""
    for row in PRESETS:
        assert row.reason
        matching = [each for each in operations() if re.fullmatch(row.operations, named(each))]
        assert any(_has(each, row.place) for each in matching), row
        assert all(preset(each, row.place) == row.value for each in matching)
    everywhere = {name for each in operations() for name in _names(each.facts.get("query", {}))}
    everywhere |= {name for each in operations() for name in _names((each.facts.get("body") or {}).get("fields", {}))}
    assert everywhere >= TYPICAL
    assert is_needed(operation_of("POST", "v2/pay/unifiedorder"), "openid")


def _has(operation: Operation, place: tuple[str, ...]) -> bool:
    fields = (operation.facts.get("body") or {}).get("fields", {})
    for name in place:
        if name not in fields:
            return False
        inner = fields[name]
        while inner.get("type") == "array":
            inner = inner.get("items") or {}
        fields = inner.get("fields") or {}
    return True


def _names(fields: dict[str, Any]) -> set[str]:
    names = set(fields)
    for schema in fields.values():
        inner = schema
        while inner.get("type") == "array":
            inner = inner.get("items") or {}
        names |= _names(inner.get("fields") or {})
    return names


def test_fields_of_one_role_are_required_of_nobody_else() -> None:
    """Neither of a direct merchant the number of a sub-merchant, nor the other way round."""
    refunds = operation_of("POST", "v3/refund/domestic/refunds")
    assert roles(refunds) == (DIRECT, PARTNER)
    number = refunds.facts["body"]["fields"]["sub_mchid"]
    assert not is_required(number)
    assert not is_required(number, DIRECT)
    assert is_required(number, PARTNER)
    overseas = operation_of("POST", "v3/global/transactions/jsapi").facts["body"]["fields"]
    assert is_required(overseas["mchid"], DIRECT)
    assert not is_required(overseas["mchid"], PARTNER)
    assert is_required(overseas["sp_mchid"], PARTNER)
    bill = operation_of("GET", "v3/bill/tradebill").facts["query"]["sub_mchid"]
    assert not is_required(bill, PARTNER)
    assert roles(operation_of("POST", "v3/pay/transactions/jsapi")) == ()
    assert roles(operation_of("POST", "v3/pay/partner/transactions/jsapi")) == ()


def test_the_certificate_is_asked_for_where_the_sdks_documentation_asks_for_it() -> None:
    """As recorded from the calls of their pages."""
    asked: set[str] = set()
    unasked: set[str] = set()
    for name in ("php", "node"):
        with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for call in map(json.loads, lines):
                path = str((call.get("wire") or {}).get("target", "")).partition("?")[0]
                options = {**(call.get("options") or {}), **(call.get("config") or {})}
                known = tree.match("POST", f"v2{path}")
                if known is not None and is_legacy(known.path):
                    (asked if options.get("security") else unasked).add(path)
    assert len(asked) > 15
    assert {path for path in asked if not needs_certificate(path)} == set()
    # Some pages leave it out where another of the same operation has it.
    assert {path for path in unasked - asked if needs_certificate(path)} == set()
