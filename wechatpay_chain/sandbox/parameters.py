"""What a request has to carry by the catalogue: which parameters, of which type; and the rules that products add.

The catalogue alone says nothing of lengths and values: WeChat Pay changes them, so a sandbox that checked them
everywhere would refuse what is right. Products add those that RULES of their pages have, as tables of ``Rule``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from wechatpay_chain.catalog import sample, tree
from wechatpay_chain.catalog.alternatives import Group, crowded_groups, missing_groups
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.sandbox.answer import Received, Refusal, wrong

__all__ = [
    "Parameters",
    "Rule",
    "Sealed",
    "check_rules",
    "encrypted_fields",
    "json_object",
    "missing_fields",
    "query_of",
    "read",
    "refuse_unknown",
]

_REQUIRED = "必填"
# Where a path's parameter is said to be, in answers that were seen: wechatpay-apiv3/wechatpay-php#126.
PATH = "uri_template"
_DIGITS = re.compile("-?[0-9]{1,18}")
_PLACE = re.compile("/[0-9]+(?=/)")
# WeChat Pay's internal code of a bad Content-Type: https://pay.weixin.qq.com/doc/v3/merchant/4020807413
_BAD_MEDIA_TYPE = 270924345


class Parameters(NamedTuple):
    """The parameters of a request by name: texts of path and query, and the fields of its body or form."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    fields: Mapping[str, Any]

    @property
    def all(self) -> dict[str, Any]:
        """Everything at the top level."""
        return {**self.path, **self.query, **self.fields}


class Sealed(NamedTuple):
    """A field of a request that travels encrypted: its place, and its location."""

    name: str
    value: Any
    field: str
    location: str


class Rule(NamedTuple):
    """What a text has to be: at most so many bytes, at least so many characters, of a pattern."""

    most: int
    least: int = 1
    pattern: re.Pattern[str] | None = None


def read(operation: Operation, request: Received, optional: frozenset[str] = frozenset()) -> Parameters:
    """The parameters of a request; Refusal names the first that is missing or of another type.

    ``optional`` are places of the body, such as ``amount/currency``, that need not be there, without the numbers of
    a list's items; ``*`` is all of them.
    """
    facts = operation.facts
    path, _, text = request.target.partition("?")
    filled = dict(_path_values(operation, path)) if "{" in operation.path else {}
    for name, schema in facts.get("headers", {}).items():
        # The key of encrypted fields is asked for where there are any.
        if schema.get("required") and name.lower() != "wechatpay-serial" and not request.headers.get(name):
            raise wrong(name, _REQUIRED, "header")
    query = query_of(text) if text else {}
    for name, schema in facts.get("query", {}).items():
        if query.get(name):
            _check_text(schema, query[name], name, "query")
        elif schema.get("required"):
            raise wrong(name, _REQUIRED, "query", query.get(name, ""), _missing_text(f"query/{name}", schema, name))
    if facts.get("form"):
        return Parameters(filled, query, _form(facts["form"], request))
    schema = facts.get("body")
    body = json_object(request) if schema or (request.body and request.method != "GET") else {}
    if schema:
        _check(schema.get("fields", {}), body, "", optional)
    if "*" not in optional:
        _check_alternatives(operation, query, body)
    return Parameters(filled, query, body)


def encrypted_fields(operation: Operation, given: Parameters) -> Iterator[Sealed]:
    """The fields of a request that has been read which travel encrypted."""
    if not _can_be_sealed(operation):
        return
    facts = operation.facts
    for name, schema in facts.get("query", {}).items():
        if sample.is_sealed(schema) and given.query.get(name):
            yield Sealed(name, given.query[name], name, "query")
    fields = (facts.get("body") or {}).get("fields", {})
    if fields:
        yield from _encrypted_fields(fields, given.fields)


def refuse_unknown(operation: Operation, fields: Mapping[str, Any]) -> None:
    """Raise Refusal for fields of a body that the catalogue does not have."""
    known = (operation.facts.get("body") or {}).get("fields", {})
    extra = list(_unknown_fields(known, fields, "/body"))
    if extra:
        detail = {"location": None, "value": extra}
        raise Refusal(400, "PARAM_ERROR", "请求中含有未在API文档中定义的参数", detail)


def check_rules(
    operation: Operation | None,
    rules: Mapping[str, Rule],
    fields: Mapping[str, Any],
    place: str = "",
    location: str = "body",
) -> None:
    """Raise Refusal for the first text that is not as its rule says; what is not there is not looked at.

    ``operation`` has the names by which WeChat Pay calls the fields in Chinese.
    """
    for name, rule in rules.items():
        value = fields.get(name)
        if isinstance(value, str):
            _check_rule(operation, rule, value, f"{place}{name}", location)


def missing_fields(fields: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """The required fields at the top level that are not there."""
    return [name for name, schema in fields.items() if schema.get("required") and _is_missing(given.get(name))]


def json_object(request: Received) -> dict[str, Any]:
    """The JSON object of a request's body, empty without one; Refusal for anything else."""
    _check_media_type(request)
    body = request.body
    if not body:
        # It lacks what is required in it, and nothing else.
        return {}
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        # Seen at https://github.com/cloudreve/cloudreve/issues/2491
        raise Refusal(400, "INVALID_REQUEST", "请求内容传入了非UTF8参数") from None
    try:
        fields = json.loads(text, parse_constant=_no_number, parse_float=_float, object_pairs_hook=_object)
        if b"\\u" in body:
            # Half a character, escaped, can be read and never be written again.
            json.dumps(fields, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise _no_object("half a character is escaped") from None
    except ValueError as error:
        raise _no_object(str(error)) from None
    except RecursionError:
        raise _no_object("nested too deep") from None
    if not isinstance(fields, dict):
        raise _no_object("not a JSON object")
    return fields


def _no_object(issue: str) -> Refusal:
    """As captured: the place is in the text, and none in the detail."""
    detail = {"location": None, "value": None, "issue": issue}
    return Refusal(400, "PARAM_ERROR", f"解析 Json 出错 (位置: /body): {issue}（沙箱：请求体不是JSON对象）", detail)


def _check_media_type(request: Received) -> None:
    """Refuse a body that is said to be something else than JSON. That none is said is refused nowhere that is known."""
    said = request.headers.get("Content-Type", "")
    kind = said.partition(";")[0].strip().lower()
    if not kind or kind == "application/json" or not (request.body or request.form):
        return
    cause = f"Content-Type {kind[:40]!r}: expected application/json"
    told = f"HTTP 请求不符合微信支付 APIv3 接口规则（沙箱：Content-Type为{kind[:40]!r}，应为application/json）"
    detail = {"sandbox": {"differs": "header", "cause": cause}}
    raise Refusal(400, "INVALID_REQUEST", told, detail, number=_BAD_MEDIA_TYPE)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: of two amounts nobody can say which was meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:40]!r} stands twice in one object")
    return found


def _no_number(text: str) -> Any:
    """NaN and Infinity are Python's own, and not JSON: an answer that told them back could not be read."""
    raise ValueError(f"{text} is no JSON")


def _float(text: str) -> float:
    found = float(text)
    if math.isinf(found):
        raise ValueError("a number is too large")
    return found


def query_of(text: str) -> dict[str, str]:
    """The last text under each name; the items of a list share the name before the bracket."""
    return {name.partition("[")[0]: value for name, value in parse_qsl(text, keep_blank_values=True)}


def _check_rule(operation: Operation | None, rule: Rule, value: str, place: str, location: str) -> None:
    size = len(value.encode("utf-8", "replace"))
    found: Any = size
    if size > rule.most:
        issue = f"字节数 {size}，大于最大值 {rule.most}"
    elif len(value) < rule.least:
        found = len(value)
        issue = f"字符数 {found}，小于最小值 {rule.least}"
    elif rule.pattern is not None and not rule.pattern.fullmatch(value):
        found, issue = value, f"字符串必须匹配正则表达式“{rule.pattern.pattern}”"
    else:
        return
    label = _label(operation, place, location)
    told = f"输入源“/{location}/{place}”映射到值字段“{label}”字符串规则校验失败，{issue}"
    raise wrong(place, issue, location, found, told)


def _label(operation: Operation | None, place: str, location: str) -> str:
    """The Chinese name of the field at ``place``, such as ``amount/total``; its own where there is none."""
    facts = {} if operation is None else operation.facts
    tables = {PATH: facts.get("path_params"), "query": facts.get("query")}
    fields = tables.get(location, (facts.get("body") or {}).get("fields")) or {}
    schema: Mapping[str, Any] = {"fields": fields}
    for word in place.split("/"):
        schema = (schema.get("items") if word.isdecimal() else (schema.get("fields") or {}).get(word)) or {}
    return str(schema.get("label") or place.rpartition("/")[2])


def _path_values(operation: Operation, path: str) -> Iterator[tuple[str, str]]:
    schemas = operation.facts.get("path_params", {})
    for word, segment in zip(operation.words, tree.segments(path), strict=True):
        if word.startswith("{"):
            name = word.strip("{}")
            if segment == tree.EMPTY:
                raise wrong(name, _REQUIRED, PATH, "", _missing_text(f"{PATH}/{name}", schemas.get(name, {}), name))
            value = unquote(segment, errors="replace")
            _check_text(schemas.get(name, {}), value, name, PATH)
            yield name, value


def _form(fields: Mapping[str, Any], request: Received) -> dict[str, str]:
    if request.form is None:
        raise wrong("file", "请求体不是multipart/form-data")
    texts = {name: value.decode("utf-8", "replace") for name, value in request.form.fields.items()}
    for name, schema in fields.items():
        there = request.form.files if schema.get("type") == "file" else texts
        if schema.get("required") and not there.get(name):
            raise wrong(name, _REQUIRED)
    return texts


def _is_missing(value: Any) -> bool:
    return value is None or value == ""


def _missing_text(place: str, schema: Mapping[str, Any], name: str) -> str:
    return f"输入源“/{place}”映射到字段“{schema.get('label') or name}”必填性规则校验失败，此字段为必填项"


def _check(fields: Mapping[str, Any], given: Mapping[str, Any], place: str, optional: frozenset[str]) -> None:
    for name, schema in fields.items():
        value = given.get(name)
        if value is not None and value != "":
            _check_type(schema, value, f"{place}{name}", optional)
        elif schema.get("required") and not optional & {"*", _PLACE.sub("", f"{place}{name}")}:
            raise wrong(f"{place}{name}", _REQUIRED, "body", "", _missing_text(f"body/{place}{name}", schema, name))


def _check_alternatives(operation: Operation, query: Mapping[str, str], body: Mapping[str, Any]) -> None:
    location, given = ("query", query) if operation.method == "GET" else ("body", {**query, **body})
    for group in missing_groups(operation, given):
        raise _wrong_group(group, f"{_choice(group)}，至少填写一个", location)
    for group in crowded_groups(operation, given):
        raise _wrong_group(group, f"{_choice(group)}，只能填写一个", location)


def _choice(group: Group) -> str:
    return "、".join(group.names)


def _wrong_group(group: Group, issue: str, location: str) -> Refusal:
    return wrong("/".join((*group.place, group.names[0])), issue, location, "")


def _check_type(schema: Mapping[str, Any], value: Any, place: str, optional: frozenset[str]) -> None:
    kind = schema.get("type")
    if kind == "object":
        if not isinstance(value, dict):
            raise wrong(place, "应为对象", "body", value)
        _check(schema.get("fields") or {}, value, f"{place}/", optional)
    elif kind == "array":
        if not isinstance(value, list):
            raise wrong(place, "应为数组", "body", value)
        for index, item in enumerate(value):
            _check_type(schema.get("items", {}), item, f"{place}/{index}", optional)
    elif isinstance(value, dict | list):
        raise wrong(place, "不应为对象或数组", "body", value)
    elif kind in _SCALARS:
        issue = _SCALARS[kind](value)
        if issue:
            raise wrong(place, issue, "body", value)


def _integer(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return "应为整数"
    # No documented integer of a request is below zero; the widest are of 64 bits.
    return "应为非负的64位整数" if not 0 <= value < 1 << 63 else ""


def _number(value: Any) -> str:
    return "应为数字" if isinstance(value, bool) or not isinstance(value, int | float) else ""


def _boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else "应为布尔值"


def _string(value: Any) -> str:
    return "" if isinstance(value, str) else "应为字符串"


_SCALARS: Mapping[Any, Callable[[Any], str]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "string": _string,
}


def _check_text(schema: Mapping[str, Any], value: str, name: str, location: str) -> None:
    """Whether a text of path or query can be what its type says."""
    kind = schema.get("type")
    if kind == "integer" and not (_DIGITS.fullmatch(value) and int(value) >= 0):
        raise wrong(name, "此字段需要一个合法的 64 位无符号整数", location, value)
    if kind == "boolean" and value not in ("true", "false"):
        raise wrong(name, "应为 true 或 false", location, value)


def _unknown_fields(known: Mapping[str, Any], fields: Mapping[str, Any], place: str) -> Iterator[str]:
    for name, value in fields.items():
        schema = known.get(name)
        if schema is None:
            yield f"{place}/{name}"
            continue
        while schema.get("type") == "array":
            schema, value = schema.get("items", {}), value[0] if isinstance(value, list) and value else None
        if schema.get("fields") and isinstance(value, dict):
            yield from _unknown_fields(schema["fields"], value, f"{place}/{name}")


@cache
def _can_be_sealed(operation: Operation) -> bool:
    """Most operations encrypt nothing, and their requests are not looked through for it."""
    facts = operation.facts
    return _any_sealed({**facts.get("query", {}), **(facts.get("body") or {}).get("fields", {})})


def _any_sealed(fields: Mapping[str, Any]) -> bool:
    return any(
        sample.is_sealed(schema)
        or _any_sealed(schema.get("fields", {}))
        or _any_sealed({"": schema["items"]} if schema.get("items") else {})
        for schema in fields.values()
    )


def _encrypted_fields(fields: Mapping[str, Any], given: Mapping[str, Any], place: str = "") -> Iterator[Sealed]:
    for name, value in given.items():
        # In the order of the request, which has fewer fields than the catalogue.
        if name in fields and not _is_missing(value):
            yield from _encrypted_field(name, fields[name], value, f"{place}{name}")


def _encrypted_field(name: str, schema: Mapping[str, Any], value: Any, place: str) -> Iterator[Sealed]:
    if sample.is_sealed(schema):
        yield Sealed(name if "/" not in place else "", value, place, "body")
    elif schema.get("type") == "object":
        yield from _encrypted_fields(schema.get("fields", {}), value, f"{place}/")
    elif schema.get("type") == "array":
        for index, item in enumerate(value):
            yield from _encrypted_field("", schema.get("items", {}), item, f"{place}/{index}")
