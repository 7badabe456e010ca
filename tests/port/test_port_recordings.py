"""Source text of the calls whose requests were recorded: what it is ported to sends the same."""

from __future__ import annotations

import ast
import gzip
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import pytest

from tests.port.listing import listed
from tests.test_recordings import (
    CONFIG_ERRORS,
    DATA,
    NODE_DIFFERS,
    NODE_RAISES,
    PHP_RAISES,
    configured,
    is_v2,
    same_body,
    target_of,
    used,
    walked,
    without_absent,
)
from wechatpay_chain import Sandbox, errors
from wechatpay_chain.request.call import VERBS

# Inputs that are no source text: files, and instants that JavaScript reads from text.
OBJECTS = ("$MediaUtil", "$form", "$multipart", "$date")
# Letters of a recording whose source text takes seconds to read.
LONG = 50_000


def recorded(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    return [row for row in found if "error" not in row and not any(mark in json.dumps(row) for mark in OBJECTS)]


PHP_ROWS = recorded("php")
NODE_ROWS = [row for row in recorded("node") if "wire" in row and row["id"] not in CONFIG_ERRORS]


def sampled(rows: list[dict[str, Any]]) -> list[Any]:
    """Each fourth that is short in the default run, all of them in CI's."""
    return [
        row if number % 4 == 0 and len(str(row)) < LONG else pytest.param(row, marks=pytest.mark.slow)
        for number, row in enumerate(rows)
    ]


@pytest.fixture(scope="module")
def recorder() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def in_php(value: Any, depth: int = 0) -> str:
    """A value as PHP's source: arrays in both syntaxes, texts in both quotes."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "FALSE"}[value]
    if isinstance(value, str) and len(value) % 2:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if value == {}:
        return "(object) []"
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
        entries = [
            f"{in_php(key)} => {in_php(item, depth + 1)}" if key else in_php(item, depth + 1) for key, item in items
        ]
        opening, closing = ("array(", ")") if depth % 2 else ("[", "]")
        return opening + "".join(f"\n{entry}, // entry" for entry in entries) + "\n" + closing
    return repr(value)


def php_of(row: Mapping[str, Any], options: Any) -> str:
    source = "$instance"
    for kind, word in row["steps"]:
        if kind == "attr":
            source += f"->{word}" if word.isidentifier() and word.isascii() else f"->{{{in_php(word)}}}"
        else:
            source += f"->chain({in_php(word)})" if kind == "chain" else f"[{in_php(word)}]"
    return f"{source}\n->{row['verb']}({in_php(options)});\n"


def in_js(value: Any) -> str:
    """A value as JavaScript's source."""
    if value == {"$undefined": True}:
        return "undefined"
    if isinstance(value, dict) and "$bigint" in value:
        return f"{value['$bigint']}n"
    if isinstance(value, dict):
        entries = [
            f"{key if key.isidentifier() and key.isascii() else json.dumps(key)}: {in_js(item)}"
            for key, item in value.items()
        ]
        return "{\n" + ",\n".join(entries) + ",\n}" if entries else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(in_js, value))}]"
    return json.dumps(value, ensure_ascii=False)


def js_of(row: Mapping[str, Any]) -> str:
    source = "wxpay"
    for kind, word in row["steps"]:
        if word != "(direct call)":
            is_plain = kind == "attr" and word.replace("$", "_").isidentifier()
            source += f".{word}" if is_plain else f".chain({in_js(word)})" if kind == "chain" else f"[{in_js(word)}]"
    given = [row["config"]] if row["verb"] in ("get", "delete") else [row["data"], row["config"]]
    while given and given[-1] == {"$undefined": True}:
        given.pop()
    is_direct = row["verb"] not in VERBS
    return f"await {source}{'' if is_direct else '.' + row['verb']}({', '.join(map(in_js, given))})\n"


def ported(source: str, language: str) -> ast.Call:
    """The one call that a snippet is ported to."""
    report = listed(source, language)
    assert (len(report.statements), report.count("ported")) == (1, 1), source
    (statement,) = ast.parse(report.python()).body
    assert isinstance(statement, ast.Expr)
    call = statement.value
    assert isinstance(call, ast.Call)
    return call


def evaluated(node: ast.expr, **names: Any) -> Any:
    return eval(compile(ast.Expression(node), "ported", "eval"), names)


def test_there_are_enough_recordings() -> None:
    """So that an empty file would not pass."""
    assert len(PHP_ROWS) > 450
    assert len(NODE_ROWS) > 380


@pytest.mark.parametrize("row", sampled(PHP_ROWS), ids=lambda row: row["id"])
def test_php_is_ported_to_the_same_call(recorder: Sandbox, row: dict[str, Any]) -> None:
    """The same node of the chain, the same options."""
    call = ported(php_of(row, row["options"]), "php")
    with recorder.builder() as instance:
        if row["id"] == "edge/segment/scheme-relative":
            with pytest.raises(errors.ChainError, match="names a host"):
                evaluated(call.func, instance=instance)
            return
        verb = evaluated(call.func, instance=instance)
        assert verb == getattr(walked(instance, row), row["verb"])
        assert [evaluated(each) for each in call.args] == [row["options"]]


@pytest.mark.parametrize("row", sampled([row for row in PHP_ROWS if not is_v2(row)]), ids=lambda row: row["id"])
def test_ported_php_sends_what_php_sent(recorder: Sandbox, row: dict[str, Any]) -> None:
    """Target, content type and body of the recorded request, or the error that this project raises on purpose."""
    wire = row["wire"]
    try:
        settings = configured(row, recorder)
        with recorder.builder(**settings) as instance:
            call = ported(php_of(row, used(walked(instance, row), row)), "php")
            request = instance.prepare(evaluated(call.func, instance=instance), *map(evaluated, call.args))
    except errors.ConfigError:
        assert row["id"].startswith("edge/config")
        return
    except errors.ChainError as error:
        told = str(error)
    else:
        told = ""
    if told:
        assert any(re.search(words, told) for words in PHP_RAISES), told
        return
    assert (request.method, request.target) == (wire["method"], target_of(row))
    assert request.headers["Content-Type"] == wire["content_type"]
    body = request.body or b""
    assert isinstance(body, bytes)
    assert same_body(body, wire)


@pytest.mark.parametrize("row", sampled([row for row in NODE_ROWS if is_v2(row)]), ids=lambda row: row["id"])
def test_js_of_apiv2_is_ported_to_the_same_call(recorder: Sandbox, row: dict[str, Any]) -> None:
    """The same node, the same arguments; what leaves for these is held against the recordings elsewhere."""
    call = ported(js_of(row), "js")
    with recorder.client() as wxpay:
        verb = evaluated(call.func, wxpay=wxpay)
        node = walked(wxpay, {"steps": [step for step in row["steps"] if step[1] != "(direct call)"]})
        assert verb == (getattr(node, row["verb"]) if row["verb"] in VERBS else node)
    given = [row["config"]] if row["verb"] in ("get", "delete") else [row["data"], row["config"]]
    assert [evaluated(each) for each in call.args] == [without_absent(each) for each in given][: len(call.args)]


@pytest.mark.parametrize("row", sampled([row for row in NODE_ROWS if not is_v2(row)]), ids=lambda row: row["id"])
def test_ported_js_sends_what_node_sent(recorder: Sandbox, row: dict[str, Any]) -> None:
    """The recorded request; what is written in brackets becomes a path as it does in JavaScript."""
    wire = row["wire"]
    call = ported(js_of(row), "js")
    try:
        # A recording names its host as {server}, which is no loopback address.
        with recorder.client(**configured(row, recorder), allow_http=True) as wxpay:
            verb = evaluated(call.func, wxpay=wxpay)
            request = wxpay.prepare(verb if row["verb"] in VERBS else verb.post, *map(evaluated, call.args))
    except errors.ConfigError:
        assert row["id"].startswith("edge/")
        return
    except errors.ChainError as error:
        told = str(error)
    else:
        told = ""
    if told:
        assert NODE_RAISES.search(told), told
        return
    assert request.method == wire["method"]
    if row["id"] in NODE_DIFFERS:
        return
    path, _, query = request.target.partition("?")
    wire_path, _, wire_query = wire["target"].partition("?")
    assert query == wire_query.replace("+", "%20")
    assert "#" in unquote(path) or unquote(path) == unquote(wire_path)
    assert request.headers["Content-Type"] == wire["content_type"]
    body = request.body or b""
    assert isinstance(body, bytes)
    assert same_body(body, wire)
