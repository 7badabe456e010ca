"""What wechatpay-php and wechatpay-axios-plugin put on the wire, against what leaves here."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.openssl import rightly_signed
from wechatpay_chain import Media, Sandbox, errors
from wechatpay_chain.encoding.paths import placeholders
from wechatpay_chain.php import InvalidArgumentException, MediaUtil
from wechatpay_chain.request.call import VERBS
from wechatpay_chain.sandbox.upload import form_of, read_form
from wechatpay_chain.transport.multipart import Multipart

DATA = Path(__file__).parent / "data"
ABSENT = {"$undefined": True}

# Where this project parts from PHP on purpose: what the error says, and why it is raised.
PHP_RAISES = {
    r": empty; nothing was sent$": "a placeholder's value is never empty",
    r"no value for <": "nor missing",
    r"neither an option nor a placeholder of": "an option that is misspelt, or that the path does not use, never"
    " travels; other operators of RFC 6570 make no placeholder",
    r"names a host; pass the host as base_url": "a path is no other host",
    r"^headers: Host is that of the URL": "the signed request goes where its URL says",
    r"^xml: it belongs to APIv2": "an option that means nothing in APIv3",
    r"^out_trade_no: expected text, a number or a boolean, found dict": "a nested value, which PHP spells Array",
}
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
# Rows whose target differs on purpose: no conversion in a query, nor of what is no camelCase word.
PHP_TARGETS = {
    "v3/certificates:get~upper": "/v3/CERTIFICATES?algorithm_type=SM2%20%7C%20RSA%20%7C%20ALL",
    "edge/segment/query-inline": "/v3/statements?date=2020-01-01&type=A%20B",
}
# Default headers stay where PHP drops them for a null: WeChat Pay refuses a request without Accept.
PHP_ACCEPTS = {"edge/headers/null"}
# Configuration that PHP takes, or finds fault with at the first call, is refused when the client is made.
CONFIG_ERRORS = {
    "edge/config-error/certs": "certs: missing",
    "edge/config-error/public-key-as-private": "privateKey|private_key: expected an RSA private key",
    "edge/config/serial-empty": "serial: empty",
    # JavaScript joins a query in the middle of the URL.
    "edge/config/base-url-query": "base_url: expected no query",
    "edge/option/base-url-query": "base_url: expected no query",
}


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [row for row in map(json.loads, file) if not is_v2(row)]


def is_v2(row: dict[str, Any]) -> bool:
    """Whether a call is one of APIv2, which has tests of its own."""
    return row["id"].startswith("v2") or "/v2" in row["id"] or row["steps"][0][1] == "v2"


def walked(client: Any, row: dict[str, Any]) -> Any:
    node = client
    for kind, text in row["steps"]:
        node = getattr(node, text) if kind == "attr" else node.chain(text) if kind == "chain" else node[text]
    return node


# In these an id with capitals stands in the path text: PHP sends that of nobody.
PHP_LITERALS = {
    row["id"]: row["steps"][0][1]
    for row in rows("php")
    if "~literal" in row["id"] and row["steps"][0][1].lower() != row["steps"][0][1]
}
PHP_ROWS = [row for row in rows("php") if "error" not in row and row["id"] not in CONFIG_ERRORS]
PLAIN_PHP_ROWS = [row for row in PHP_ROWS if "~" not in row["id"] and not row["id"].startswith("edge")]


@pytest.fixture(scope="module")
def recorder() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def used(node: Any, row: dict[str, Any]) -> dict[str, Any]:
    """The options; of ~myurl and ~literal rows those that their path uses, since leftovers raise here."""
    options = dict(row["options"])
    if isinstance(options.get("body"), dict) and "$MediaUtil" in options["body"]:
        told = options["body"]["$MediaUtil"]
        media = MediaUtil(told["filename"], base64.b64decode(told["content_b64"]))
        if told["set_meta"] is not None:
            media.setMeta(told["set_meta"])
        options |= {"body": media.getStream(), "headers": {"Content-Type": media.getContentType()}}
    if "~myurl" not in row["id"] and "~literal" not in row["id"]:
        return options
    known = {"json", "query", "headers", "base_uri", *placeholders("/".join(node._path))}
    return {name: value for name, value in options.items() if name in known}


# JavaScript's names of what the sandbox configures under others.
PLAIN_NAMES = {"baseURL": "base_url", "privateKey": "private_key"}


def configured(row: dict[str, Any], recorder: Sandbox) -> dict[str, Any]:
    """The settings changed for this call, with the recorder as the server; of no merchant but its own."""
    server = recorder.base_url.removeprefix("http://")
    names = {} if "options" in row else PLAIN_NAMES
    changed = {
        names.get(name, name): value.replace("{server}", server) if isinstance(value, str) else without_absent(value)
        for name, value in row.get("client", {}).items()
        if name != "mchid"
    }
    return {**changed, "apiv3_key": None} if changed.get("certs", "") is None else changed


def test_there_are_enough_recordings() -> None:
    """So that an empty file would not pass."""
    assert len(PLAIN_PHP_ROWS) > 180
    assert len(PHP_ROWS) > 400
    assert 10 < len(PHP_LITERALS) < 40


@pytest.mark.parametrize("row", PHP_ROWS, ids=lambda row: row["id"])
def test_the_request_of_php_leaves(recorder: Sandbox, row: dict[str, Any]) -> None:
    """Over a real socket: method, target, content type, accept and body, with a signature openssl verifies."""
    recorder.requests.clear()
    wire = row["wire"]
    with recorder.builder(**configured(row, recorder)) as instance:
        try:
            node = walked(instance, row)
            options = used(node, row)
            if not wire["host"].startswith("127.0.0.1"):
                options = redirected(instance.prepare(getattr(node, row["verb"]), options), options, row, recorder)
            getattr(node, row["verb"])(options)
        except errors.ChainError as error:
            told = str(error)
        except errors.ApiError as error:
            told = f"{error.status in (400, 404, 405)}"
        else:
            told = "True"
    if told != "True":
        assert any(re.search(words, told) for words in PHP_RAISES), told
        assert not recorder.requests
        assert row not in PLAIN_PHP_ROWS or row["id"] in PLAIN_RAISES
        return
    assert row["id"] not in PLAIN_RAISES
    (received,) = recorder.requests
    assert received.verdict == ""
    assert received.form or rightly_signed(received, recorder.identity.merchant_key.public_key())
    assert (received.method, received.target) == (wire["method"], target_of(row))
    boundary, drawn = (form_of(kind)[1] for kind in (wire["content_type"], received.headers["Content-Type"]))
    assert received.headers["Content-Type"].replace(drawn, boundary) == wire["content_type"]
    assert received.headers["Accept"] == wire.get("accept") or row["id"] in PHP_ACCEPTS
    assert same_body(received.body.replace(drawn.encode(), boundary.encode()), wire)


def target_of(row: dict[str, Any]) -> str:
    """What leaves here for a recording of PHP."""
    target = str(PHP_TARGETS.get(row["id"], row["wire"]["target"]))
    literal = PHP_LITERALS.get(row["id"])
    return target if literal is None else f"/{literal}" + "".join(target.partition("?")[1:])


def redirected(prepared: Any, options: dict[str, Any], row: dict[str, Any], recorder: Sandbox) -> dict[str, Any]:
    """The options with the recorder in place of a host that cannot be reached here; the host is checked first."""
    wire = row["wire"]
    origin = f"{wire['scheme']}://{wire['host']}"
    assert prepared.url == origin + target_of(row)
    names = {"base_uri", "u"} & options.keys()
    moved = {name: options[name].replace(origin, recorder.base_url) for name in names}
    return {"base_uri": recorder.base_url, **options, **moved}


def same_body(body: bytes, wire: dict[str, Any]) -> bool:
    """Equal as bytes or as JSON; PHP escapes slashes and Chinese."""
    if "body" not in wire:
        return len(body) > 10_000 and "body_sha256" in wire
    return body.decode() == wire["body"] or bool(json.loads(body) == json.loads(wire["body"]))


CONFIG_ROWS = [row for row in rows("php") + rows("node") if row["id"] in CONFIG_ERRORS]


@pytest.mark.parametrize("row", CONFIG_ROWS, ids=lambda row: row["id"])
def test_a_configuration_that_cannot_work_is_refused(recorder: Sandbox, row: dict[str, Any]) -> None:
    """When the client is made, or where only one protocol misses something, before anything is sent."""
    recorder.requests.clear()
    make = recorder.builder if "options" in row else recorder.client
    refused = pytest.raises(errors.ArgumentError, match=CONFIG_ERRORS[row["id"]])
    with refused, make(**configured(row, recorder)) as client:
        getattr(walked(client, row), row["verb"])(row["options"] if "options" in row else without_absent(row["config"]))
    assert not recorder.requests


REFUSED_ROWS = [row for row in rows("php") if "error" in row and row["id"] not in CONFIG_ERRORS]


@pytest.mark.parametrize("row", REFUSED_ROWS, ids=lambda row: row["id"])
def test_what_php_refuses_is_refused(recorder: Sandbox, row: dict[str, Any]) -> None:
    """Under the same name; only a segment of digits works here."""
    recorder.requests.clear()
    with recorder.builder() as instance:
        call = getattr(walked(instance, row), row["verb"])
        if row["id"] == "edge/numeric-attr/1":
            assert instance.prepare(call, row["options"]).target == "/v3/pay/1"
            return
        with pytest.raises(InvalidArgumentException, match=r"^(body|headers): expected"):
            call(row["options"])
    assert not recorder.requests


NODE_ROWS = [row for row in rows("node") if "wire" in row and row["id"] not in CONFIG_ERRORS]
# Options of axios that would change nothing here and options that the path does not use raise, so does a
# float, a boolean or an object as a placeholder's value.
NODE_RAISES = re.compile(
    "neither an option nor a placeholder|expected text or a whole number|no value for|segment is empty"
    "|Host is that of the URL"
)
NODE_DIFFERS = {
    "edge/placeholder-myurl": "a value is one segment",
    "edge/verb/get-config-data": "get sends the data that it is given",
    "edge/headers/null": "default headers stay, as for PHP",
    "edge/config/base-url-path-slash-dotdot": "a value cannot leave its place in the path",
}


def revived(value: Any) -> Any:
    """A recorded value as it is in Python; what JavaScript calls undefined is left out."""
    if isinstance(value, list):
        return [revived(item) for item in value]
    if not isinstance(value, dict):
        return value
    told: Any
    mark, told = next(iter(value.items()), ("", None))
    if mark == "$date":
        return datetime.fromisoformat(told.replace("Z", "+00:00"))
    if mark == "$bigint":
        return int(told)
    if mark in ("$form", "$multipart"):
        file = told["file"]
        return Media(base64.b64decode(file["content_b64"]), **json.loads(told["meta"]))
    return {name: revived(item) for name, item in value.items() if item != ABSENT}


def without_absent(value: Any) -> Any:
    return None if value == ABSENT else revived(value)


@pytest.mark.parametrize("row", NODE_ROWS, ids=lambda row: row["id"])
def test_the_request_of_node_leaves(recorder: Sandbox, row: dict[str, Any]) -> None:
    """As PHP's; placeholder values are percent-encoded here, text keeps its case, and a space in a query is %20."""
    wire = row["wire"]
    data, config = without_absent(row["data"]), without_absent(row["config"]) or {}
    if config.get("headers") == "$form.getHeaders()":
        config["headers"] = {"content-type": "multipart/form-data"}
    if "baseURL" in config:
        config["baseURL"] = config["baseURL"].replace("{server}", recorder.base_url.removeprefix("http://"))
    literal = "literal-upper" in row["id"]
    if literal:
        config = {name: value for name, value in config.items() if name in ("params", "headers")}
    with recorder.client(**configured(row, recorder)) as wxpay:
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
    assert request.headers.get("Accept") == wire.get("accept")
    if isinstance(request.body, Multipart):
        assert same_form(request.body, wire)
        return
    assert request.headers["Content-Type"] == wire["content_type"]
    assert same_body(request.body or b"", wire)


def same_form(form: Multipart, wire: dict[str, Any]) -> bool:
    """The same meta and the same file, of the same name and type where axios gives it one."""
    body = base64.b64decode(wire["body_b64"]) if "body_b64" in wire else wire["body"].encode()
    told = read_form(io.BytesIO(body), form_of(wire["content_type"])[1])[1]
    sent = read_form(io.BytesIO(form.read()), form.boundary)[1]
    if "file" in told.fields:
        return sent.meta == told.meta and sent.files["file"].digest == hashlib.sha256(told.fields["file"]).hexdigest()
    return sent.meta == told.meta and sent.files == told.files
