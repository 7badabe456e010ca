"""What wechatpay-php and wechatpay-axios-plugin put on the wire, against what leaves here."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.openssl import rightly_signed
from wechatpay_chain import Sandbox, errors
from wechatpay_chain.call import VERBS
from wechatpay_chain.words import placeholders

DATA = Path(__file__).parent / "data"
ABSENT = {"$undefined": True}

# Where this project parts from PHP on purpose: a missing or empty placeholder raises, so does an option that
# the path does not use or that means nothing in APIv3, a value that is neither text nor a number, and a host.
PHP_RAISES = re.compile(
    "empty; nothing|no value for|RFC 6570|neither an option nor a placeholder|belongs to APIv2|names a host"
    "|expected text or a whole number|not an option"
)
# Unmarked recordings whose placeholder is empty, or which name another one than their path has.
PLAIN_RAISES = {
    "v3/combine-transactions/out-trade-no/{combine_out_trade_no}/close:post",
    "v3/global/papay/transactions/out-trade-no/{out_trade_no}:get",
    "v3/marketing/favor/stocks/{stock_id}/merchants:get",
    "v3/marketing/paygiftactivity/activities/{activity_id}/terminate:post",
    "v3/marketing/paygiftactivity/activities/{activity_id}:get",
    "v3/merchant/fund/withdraw/bill-type/{bill_type}:get",
    "v3/papay/insurance-sign/contracts/plan-id/{plan_id}/contract-id/{contract_id}/renew:post",
    "v3/payscore/serviceorder/{out_order_no}/send-prepaidmessage:post",
}
# Rows whose target differs on purpose: no leading dash, no conversion in a query.
PHP_TARGETS = {
    "v3/certificates:get~upper": "/v3/c-e-r-t-i-f-i-c-a-t-e-s?algorithm_type=SM2%20%7C%20RSA%20%7C%20ALL",
    "v3/iotmanage/device-inspections/{device_sn}:get~literal": (
        "/v3/iotmanage/device-inspections/a-a-a-a-a123456789012345678"
    ),
    "edge/segment/query-inline": "/v3/statements?date=2020-01-01&type=A%20B",
}
# Default headers stay where PHP drops them for a null.
PHP_ACCEPTS = {"edge/headers/null"}


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [row for row in map(json.loads, file) if "/v2" not in row["id"] and not row["id"].startswith("v2")]


def walked(client: Any, row: dict[str, Any]) -> Any:
    node = client
    for kind, text in row["steps"]:
        node = getattr(node, text) if kind == "attr" else node.chain(text) if kind == "chain" else node[text]
    return node


PHP_ROWS = [
    row
    for row in rows("php")
    if "client" not in row and "$MediaUtil" not in json.dumps(row["options"]) and "error" not in row
]
PLAIN_PHP_ROWS = [row for row in PHP_ROWS if "~" not in row["id"] and not row["id"].startswith("edge")]


@pytest.fixture(scope="module")
def recorder() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def used(node: Any, row: dict[str, Any]) -> dict[str, Any]:
    """The options; of ~myurl and ~literal rows those that their path uses, since leftovers raise here."""
    if "~myurl" not in row["id"] and "~literal" not in row["id"]:
        return dict(row["options"])
    known = {"json", "query", "headers", "base_uri", *placeholders("/".join(node._path))}
    return {name: value for name, value in row["options"].items() if name in known}


def test_there_are_enough_recordings() -> None:
    """So that an empty file would not pass."""
    assert len(PLAIN_PHP_ROWS) > 180
    assert len(PHP_ROWS) > 400


@pytest.mark.parametrize("row", PHP_ROWS, ids=lambda row: row["id"])
def test_the_request_of_php_leaves(recorder: Sandbox, row: dict[str, Any]) -> None:
    """Over a real socket: method, target, content type, accept and body, with a signature openssl verifies."""
    recorder.requests.clear()
    wire = row["wire"]
    with recorder.builder() as instance:
        try:
            node = walked(instance, row)
            options = used(node, row)
            if not wire["host"].startswith("127.0.0.1"):
                options = redirected(instance.prepare(getattr(node, row["verb"]), options), options, wire, recorder)
            getattr(node, row["verb"])(options)
        except errors.ChainError as error:
            told = str(error)
        except errors.ApiError as error:
            told = f"{error.status in (400, 404)}"
        else:
            told = "True"
    if told != "True":
        assert PHP_RAISES.search(told), told
        assert not recorder.requests
        assert row not in PLAIN_PHP_ROWS or row["id"] in PLAIN_RAISES
        return
    assert row["id"] not in PLAIN_RAISES
    (received,) = recorder.requests
    assert received.verdict == ""
    assert rightly_signed(received, recorder.identity.merchant_key.public_key())
    assert (received.method, received.target) == (wire["method"], PHP_TARGETS.get(row["id"], wire["target"]))
    assert received.headers["Content-Type"] == wire["content_type"]
    assert received.headers["Accept"] == wire.get("accept") or row["id"] in PHP_ACCEPTS
    assert same_body(received.body, wire)


def redirected(prepared: Any, options: dict[str, Any], wire: dict[str, Any], recorder: Sandbox) -> dict[str, Any]:
    """The options with the recorder in place of a host that cannot be reached here; the host is checked first."""
    origin = f"{wire['scheme']}://{wire['host']}"
    if wire["host"] == (options.get("headers") or {}).get("Host"):
        assert prepared.headers["Host"] == wire["host"]
        return options
    assert prepared.url == origin + wire["target"]
    names = {"base_uri", "u"} & options.keys()
    moved = {name: options[name].replace(origin, recorder.base_url) for name in names}
    return {"base_uri": recorder.base_url, **options, **moved}


def same_body(body: bytes, wire: dict[str, Any]) -> bool:
    """Equal as bytes or as JSON; PHP escapes slashes and Chinese."""
    if "body" not in wire:
        return len(body) > 10_000 and "body_sha256" in wire
    return body.decode() == wire["body"] or bool(json.loads(body) == json.loads(wire["body"]))


NODE_ROWS = [
    row
    for row in rows("node")
    if "client" not in row
    and "wire" in row
    and "base-url" not in row["id"]
    and '{"$' not in json.dumps([row["data"], row["config"]]).replace(json.dumps(ABSENT), "")
]
# Options of axios that would change nothing here and options that the path does not use raise, so does a
# float or a boolean as a placeholder's value.
NODE_RAISES = re.compile(
    "neither an option nor a placeholder|expected text or a whole number|no value for|segment is empty"
)
# A value is one segment; get sends the data that it is given; default headers stay.
NODE_DIFFERS = {
    "edge/placeholder-myurl",
    "edge/verb/get-config-data",
    "edge/headers/null",
    "edge/headers/get-accept-null",
}


def without_absent(value: Any) -> Any:
    if value == ABSENT:
        return None
    return {name: item for name, item in value.items() if item != ABSENT} if isinstance(value, dict) else value


@pytest.mark.parametrize("row", NODE_ROWS, ids=lambda row: row["id"])
def test_the_request_of_node_leaves(recorder: Sandbox, row: dict[str, Any]) -> None:
    """As PHP's; placeholder values are percent-encoded here, text keeps its case, and a space in a query is %20."""
    wire = row["wire"]
    data, config = without_absent(row["data"]), without_absent(row["config"]) or {}
    literal = "literal-upper" in row["id"]
    if literal:
        config = {name: value for name, value in config.items() if name in ("params", "headers")}
    with recorder.client() as wxpay:
        try:
            node = walked(wxpay, {"steps": [step for step in row["steps"] if step[1] != "(direct call)"]})
            verb = getattr(node, row["verb"] if row["verb"] in VERBS else "post")
            request = wxpay.prepare(verb, *((config,) if row["verb"] in ("get", "delete") else (data, config)))
        except errors.ChainError as error:
            told = str(error)
        else:
            told = ""
    if told:
        assert NODE_RAISES.search(told), told
        assert "edge/" in row["id"] or "plan_id" in row["id"], told
        return
    assert request.method == wire["method"]
    if row["id"] in NODE_DIFFERS:
        return
    path, _, query = request.target.partition("?")
    wire_path, _, wire_query = wire["target"].partition("?")
    cut = "#" in unquote(path)  # axios takes what follows a # in a value for a fragment
    assert query == wire_query.replace("+", "%20")
    assert cut or literal or unquote(path) == unquote(wire_path)
    assert request.headers["Content-Type"] == wire["content_type"]
    assert request.headers["Accept"].startswith("application/json, ")
    assert same_body(request.body if isinstance(request.body, bytes) else b"", wire)
