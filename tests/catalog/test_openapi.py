from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.cli.test_cli import run
from wechatpay_chain.catalog import openapi
from wechatpay_chain.catalog.facts import operations

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document()


def listed(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in document["paths"].values():
        yield from (item[method] for method in METHODS if method in item)


@pytest.mark.slow
def test_the_command_prints_the_document(document: dict[str, Any]) -> None:
    """As JSON, alone on standard output, whatever else is asked."""
    status, out, err = run("api", "--openapi")
    assert (status, err) == (0, "")
    assert json.loads(out) == document
    assert document["openapi"] == "3.1.0"


def test_the_command_prints_what_is_found() -> None:
    """A document of the operations that words find; none is an error as it always is."""
    status, out, err = run("api", "--openapi", "v3.refund.domestic.refunds.post")
    assert (status, err) == (0, "")
    assert list(json.loads(out)["paths"]) == ["/v3/refund/domestic/refunds"]
    assert run("api", "--openapi", "nowhere")[0] == 1


@pytest.mark.slow
def test_it_is_valid(document: dict[str, Any]) -> None:
    """By the validator of python-openapi, which knows the specification's own schema."""
    assert [f"{error.json_path}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_operation_is_in_it(document: dict[str, Any]) -> None:
    """Each once, with a name of its own; paths that differ in a placeholder's name alone are one."""
    same = [path for each in listed(document) for path in each.get("x-same-path", ())]
    assert same == ["/v3/apply4subject/applyment/{business_code}/cancel"]
    assert len(list(listed(document))) + len(same) == len(operations())
    names = [each["operationId"] for each in listed(document)]
    assert len(names) == len(set(names))
    assert all(each["summary"] for each in listed(document))


def test_placeholders_are_those_of_the_path(document: dict[str, Any]) -> None:
    """Each required, by the name that the path has."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                given = [each for each in item[method].get("parameters", ()) if each["in"] == "path"]
                assert sorted(f"{{{each['name']}}}" for each in given) == sorted(
                    word for word in path.replace("+", "").split("/") if word.startswith("{")
                )
                assert all(each["required"] for each in given)


def test_an_operation_in_full(document: dict[str, Any]) -> None:
    """Labels are titles; roles, alternatives, errors and the certificate are told."""
    refund = document["paths"]["/v3/refund/domestic/refunds"]["post"]
    schema = refund["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["out_refund_no"]["title"] == "商户退款单号"
    assert schema["properties"]["sub_mchid"]["x-sent-by"] == "service provider 服务商"
    assert schema["required"] == ["out_refund_no", "amount"]
    assert schema["anyOf"] == [{"required": ["out_trade_no"]}, {"required": ["transaction_id"]}]
    assert "NOT_ENOUGH 商户余额不足" in refund["responses"]["403"]["description"]
    assert refund["security"] == [{"APIv3": []}]
    old = document["paths"]["/secapi/pay/refund"]["post"]
    assert "NOTENOUGH 余额不足: Top up the account" in old["responses"]["200"]["description"]
    assert old["security"] == [{"merchantCertificate": []}]
    assert "application/xml" in old["requestBody"]["content"]
    upload = document["paths"]["/v3/merchant/media/upload"]["post"]
    assert "multipart/form-data" in upload["requestBody"]["content"]


@pytest.mark.parametrize(
    ("body", "is_right"),
    [
        ({"out_trade_no": "1", "out_refund_no": "2", "amount": {"refund": 1, "total": 1, "currency": "CNY"}}, True),
        ({"transaction_id": "1", "out_refund_no": "2", "amount": {"refund": 1, "total": 1, "currency": "CNY"}}, True),
        ({"out_refund_no": "2", "amount": {"refund": 1, "total": 1, "currency": "CNY"}}, False),
        ({"out_trade_no": "1", "out_refund_no": "2", "amount": {"refund": "1", "total": 1, "currency": "CNY"}}, False),
    ],
)
def test_its_schemas_are_those_of_json_schema(document: dict[str, Any], body: dict[str, Any], is_right: bool) -> None:
    """A tool that knows JSON Schema tells a right body from a wrong one."""
    refund = document["paths"]["/v3/refund/domestic/refunds"]["post"]
    validator = jsonschema.Draft202012Validator(refund["requestBody"]["content"]["application/json"]["schema"])
    assert validator.is_valid(body) == is_right
