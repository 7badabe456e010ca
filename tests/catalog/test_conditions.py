from __future__ import annotations

import re

import pytest

from wechatpay_chain import Sandbox, errors
from wechatpay_chain.catalog import manual, sample, tree
from wechatpay_chain.catalog.conditions import CONDITIONS, Condition, conditions, is_needed
from wechatpay_chain.catalog.facts import Operation, operations
from wechatpay_chain.catalog.openapi import document


def found(method: str, path: str) -> Operation:
    operation = tree.match(method, path)
    assert operation
    return operation


@pytest.mark.parametrize("row", CONDITIONS, ids=lambda each: f"{each.field}-{each.when}")
def test_every_row_is_of_an_optional_field_of_an_operation(row: Condition) -> None:
    """A row that no operation has is idle, and a field that is always required needs none."""
    held = [each for each in operations() if row in conditions(each)]
    assert held
    for each in held:
        fields = {**each.facts.get("query", {}), **(each.facts.get("body") or {}).get("fields", {})}
        assert not fields[row.field].get("required"), each.path


def test_help_and_the_export_say_when_a_field_is_required() -> None:
    """Beside the field, and as an extension of the operation."""
    operation = found("POST", "v3/refund/domestic/refunds/1/apply-abnormal-refund")
    page = manual.page(operation)
    assert re.search(r"^  real_name +string +\S+ +required where type is USER_BANK_CARD, encrypted", page, re.MULTILINE)
    (methods,) = document([operation])["paths"].values()
    assert {"name": "real_name", "when": "type is USER_BANK_CARD"} in methods["post"]["x-required-when"]
    (methods,) = document([found("GET", "v3/certificates")])["paths"].values()
    assert "x-required-when" not in methods["get"]


@pytest.mark.parametrize(
    "operation", [each for each in operations() if any(row.in_samples for row in conditions(each))]
)
def test_a_sample_has_what_its_own_values_make_necessary(operation: Operation) -> None:
    """In each of its calls."""
    needed = [row.field for row in conditions(operation) if row.in_samples]
    assert all(is_needed(operation, name) for name in needed)
    for each in sample.samples(operation):
        assert all(f'"{name}": ' in each.text for name in needed)


def test_the_sandbox_refuses_a_call_without_it() -> None:
    """As WeChat Pay does; with another value of the other field it is not asked for."""
    with Sandbox() as gateway:
        wxpay = gateway.client()
        receiver = {"appid": "wx8888888888888888", "account": wxpay.mchid, "relation_type": "STORE"}
        with pytest.raises(errors.ClientError, match="name"):
            wxpay.v3.profitsharing.receivers.add.post({**receiver, "type": "MERCHANT_ID"})
        assert wxpay.v3.profitsharing.receivers.add.post({**receiver, "type": "PERSONAL_OPENID"}).status == 200
