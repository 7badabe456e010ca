"""What a request has to carry by the catalogue: which parameters, and of which shape; not how long, nor which values.

WeChat Pay changes lengths and enumerations, so a sandbox that checked them would refuse what is right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from wechatpay_chain.catalog import sample, tree
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.sandbox.answer import Received, Refusal, wrong

__all__ = ["Sealed", "json_object", "missing", "read", "sealed"]

_REQUIRED = "必填"
# How a field of each type travels in JSON; any other is a scalar.
_SHAPES: Mapping[str, tuple[type, str]] = {"object": (dict, "应为对象"), "array": (list, "应为数组")}


class Sealed(NamedTuple):
    """A field of a request that travels encrypted: its place, and its location."""

    name: str
    value: Any
    field: str
    location: str


def read(operation: Operation, request: Received) -> dict[str, Any]:
    """The parameters at the top level by name, those of path, query and form as text; Refusal names what is wrong."""
    facts = operation.facts
    path, _, text = request.target.partition("?")
    given: dict[str, Any] = dict(_filled(operation, path))
    for name, schema in facts.get("headers", {}).items():
        if schema.get("required") and not request.headers.get(name):
            raise wrong(name, _REQUIRED, "header")
    query = _query(text)
    for name, schema in facts.get("query", {}).items():
        if schema.get("required") and not query.get(name):
            raise wrong(name, _REQUIRED, "query")
    if facts.get("form"):
        return {**given, **query, **_form(facts["form"], request)}
    body = _body(request.body) if facts.get("body") else {}
    _check((facts.get("body") or {}).get("fields", {}), body)
    return {**given, **query, **body}


def sealed(operation: Operation, request: Received) -> Iterator[Sealed]:
    """The fields of a request that has been read which travel encrypted."""
    facts = operation.facts
    query = _query(request.target.partition("?")[2])
    for name, schema in facts.get("query", {}).items():
        if sample.is_sealed(schema) and query.get(name):
            yield Sealed(name, query[name], name, "query")
    fields = (facts.get("body") or {}).get("fields", {})
    if fields:
        yield from _sealed(fields, _body(request.body))


def missing(fields: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """The required fields at the top level that are not there."""
    return [name for name, schema in fields.items() if schema.get("required") and _is_missing(given.get(name))]


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; Refusal for anything else."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise Refusal(400, "PARAM_ERROR", "请求体不是JSON对象", {"location": "body", "issue": "not a JSON object"})
    return fields


def _filled(operation: Operation, path: str) -> Iterator[tuple[str, str]]:
    for word, segment in zip(operation.words, tree.segments(path), strict=True):
        if word.startswith("{"):
            if segment == tree.EMPTY:
                raise wrong(word.strip("{}"), _REQUIRED, "path")
            yield word.strip("{}"), unquote(segment, errors="replace")


def _query(text: str) -> dict[str, str]:
    """The last text under each name; the items of a list share the name before the bracket."""
    return {name.partition("[")[0]: value for name, value in parse_qsl(text, keep_blank_values=True)}


def _form(fields: Mapping[str, Any], request: Received) -> dict[str, str]:
    if request.form is None:
        raise wrong("file", "请求体不是multipart/form-data")
    texts = {name: value.decode("utf-8", "replace") for name, value in request.form.fields.items()}
    for name, schema in fields.items():
        there = request.form.files if schema.get("type") == "file" else texts
        if schema.get("required") and not there.get(name):
            raise wrong(name, _REQUIRED)
    return texts


def _body(body: bytes) -> dict[str, Any]:
    # A request without a body lacks what is required in it, and nothing else.
    return json_object(body) if body else {}


def _is_missing(value: Any) -> bool:
    return value is None or value == ""


def _check(fields: Mapping[str, Any], given: Mapping[str, Any], place: str = "") -> None:
    for name, schema in fields.items():
        value = given.get(name)
        if not _is_missing(value):
            _check_shape(schema, value, f"{place}{name}")
        elif schema.get("required"):
            raise wrong(f"{place}{name}", _REQUIRED)


def _check_shape(schema: Mapping[str, Any], value: Any, place: str) -> None:
    kind = str(schema.get("type"))
    if kind in _SHAPES:
        expected, told = _SHAPES[kind]
        if not isinstance(value, expected):
            raise wrong(place, told)
    elif isinstance(value, dict | list):
        raise wrong(place, "不应为对象或数组")
    if kind == "object":
        _check(schema.get("fields", {}), value, f"{place}/")
    elif kind == "array":
        for index, item in enumerate(value):
            _check_shape(schema.get("items", {}), item, f"{place}/{index}")


def _sealed(fields: Mapping[str, Any], given: Mapping[str, Any], place: str = "") -> Iterator[Sealed]:
    for name, schema in fields.items():
        if not _is_missing(given.get(name)):
            yield from _sealed_in(name, schema, given[name], f"{place}{name}")


def _sealed_in(name: str, schema: Mapping[str, Any], value: Any, place: str) -> Iterator[Sealed]:
    if sample.is_sealed(schema):
        yield Sealed(name if "/" not in place else "", value, place, "body")
    elif schema.get("type") == "object":
        yield from _sealed(schema.get("fields", {}), value, f"{place}/")
    elif schema.get("type") == "array":
        for index, item in enumerate(value):
            yield from _sealed_in("", schema.get("items", {}), item, f"{place}/{index}")
