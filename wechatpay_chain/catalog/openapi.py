"""The catalogue as an OpenAPI 3.1 document, for other tools: https://spec.openapis.org/oas/v3.1.0"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from wechatpay_chain.catalog.alternatives import Group, groups
from wechatpay_chain.catalog.conditions import conditions
from wechatpay_chain.catalog.facts import Operation, is_legacy, links, operations, version
from wechatpay_chain.catalog.manual import label_of
from wechatpay_chain.catalog.remedies import REPEATS, ErrorCode, error_codes
from wechatpay_chain.catalog.roles import TITLES, roles
from wechatpay_chain.catalog.security import needs_certificate
from wechatpay_chain.encoding import paths

__all__ = ["document"]

_SERVERS = (
    ("https://api.mch.weixin.qq.com", "main site"),
    ("https://api2.mch.weixin.qq.com", "backup site"),
)
_PLACES = {"query": "query", "headers": "header"}
# The formats of the source that JSON Schema has a name for; others travel as they are, which it allows.
_FORMATS = {"rfc3339": "date-time", "url": "uri", "base64": "byte"}
_ERROR = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "title": "错误码"},
        "message": {"type": "string", "title": "错误描述"},
        "detail": {"title": "错误详情"},
    },
    "required": ["code", "message"],
}
# What a header field says by itself in OpenAPI, so that a parameter of its name is ignored.
_OWN_HEADERS = frozenset({"accept", "content-type", "authorization"})


def document(chosen: Sequence[Operation] = ()) -> dict[str, Any]:
    """All operations, or those that are ``chosen``, as OpenAPI 3.1.

    Labels are titles, tags and roles are kept, ``x-`` entries tell the rest.

    Paths that differ in the name of a placeholder alone are one path there, with the name of the first; an operation
    that has such a path beside another is told by ``x-same-path`` of that.
    """
    items: dict[str, dict[str, Any]] = {}
    shapes: dict[str, str] = {}
    names = Counter[str]()
    shown = sorted(chosen, key=lambda each: each.number) or operations()
    for operation in shown:
        path = shapes.setdefault(re.sub(r"\{[^}]*\}", "{}", operation.path), operation.path)
        item, method = items.setdefault(path, {}), operation.method.lower()
        if method in item:
            item[method].setdefault("x-same-path", []).append(operation.path)
        else:
            item[method] = _operation(operation, path, names)
    tags = sorted({tag for each in shown for tag in each.tags})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "微信支付 WeChat Pay",
            "version": version(),
            "description": "Facts from TheNorthMemory/wechatpay-openapi (MIT), as corrected by wechatpay-chain.",
        },
        "servers": [{"url": url, "description": told} for url, told in _SERVERS],
        "tags": [{"name": tag} for tag in tags],
        "paths": items,
        "components": {
            "schemas": {"Error": _ERROR},
            "securitySchemes": {
                "APIv3": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "WECHATPAY2-SHA256-RSA2048, https://pay.weixin.qq.com/doc/v3/merchant/4012365342",
                },
                "merchantCertificate": {"type": "mutualTLS", "description": "the merchant's TLS certificate"},
            },
        },
    }


def _operation(operation: Operation, path: str, names: Counter[str]) -> dict[str, Any]:
    facts = operation.facts
    pages = links(operation)
    told: dict[str, Any] = {"operationId": _name(operation, names), "summary": operation.name}
    if operation.tags:
        told["tags"] = list(operation.tags)
    if facts.get("deprecated"):
        told["deprecated"] = True
    if pages:
        told["externalDocs"] = {"url": pages[0]}
        told["description"] = "\n".join(pages)
    parameters = [*_placeholders(operation, path), *_parameters(operation)]
    if parameters:
        told["parameters"] = parameters
    body = _body(operation)
    if body:
        told["requestBody"] = body
    told["responses"] = _responses(operation)
    security = _security(operation)
    told["security"] = [security] if security else []
    return {**told, **_extensions(operation)}


def _name(operation: Operation, names: Counter[str]) -> str:
    """A name that no other operation has, of its method and its path."""
    words = re.findall(r"[A-Za-z0-9]+", "/".join(operation.words))
    name = operation.method.lower() + "".join(word[:1].upper() + word[1:] for word in words)
    names[name] += 1
    return name if names[name] == 1 else f"{name}{names[name]}"


def _placeholders(operation: Operation, path: str) -> Iterator[dict[str, Any]]:
    known = operation.facts.get("path_params") or {}
    own = paths.placeholders(operation.path)
    for name, first in zip(own, paths.placeholders(path), strict=True):
        schema = known.get(name, {"type": "string"})
        yield {"name": first, "in": "path", "required": True, **_parameter(schema)}


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    facts = operation.facts
    for place, where in _PLACES.items():
        for name, schema in (facts.get(place) or {}).items():
            if where == "header" and name.lower() in _OWN_HEADERS:
                continue
            is_required = {"required": True} if schema.get("required") else {}
            yield {"name": name, "in": where, **is_required, **_parameter(schema)}


def _parameter(schema: Mapping[str, Any]) -> dict[str, Any]:
    label = label_of(schema)
    return {**({"description": label} if label else {}), "schema": _schema(schema)}


def _body(operation: Operation) -> dict[str, Any]:
    facts = operation.facts
    form, body = facts.get("form"), facts.get("body") or {}
    if form:
        return {"required": True, "content": {"multipart/form-data": {"schema": _object(form, ())}}}
    if not body.get("fields") or (operation.method == "GET" and not is_legacy(operation.path)):
        return {}
    kind = "application/xml" if is_legacy(operation.path) else "application/json"
    schema = _object(body["fields"], tuple(group for group in groups(operation) if not group.place))
    if is_legacy(operation.path):
        schema["xml"] = {"name": "xml"}
    return {"required": bool(schema.get("required") or schema.get("anyOf")), "content": {kind: {"schema": schema}}}


def _responses(operation: Operation) -> dict[str, Any]:
    kind = "application/xml" if is_legacy(operation.path) else "application/json"
    codes = error_codes(operation.method, "/".join(operation.words))
    told: dict[str, Any] = {}
    for status, schema in (operation.facts.get("responses") or {"200": None}).items():
        # APIv2 refuses with the status of success.
        told[status] = {"description": "\n".join(["成功", *_descriptions(codes, 0)])}
        if schema and schema.get("fields"):
            told[status]["content"] = {kind: {"schema": _schema(schema)}}
    refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for code in sorted({each.status for each in codes if each.status}):
        told.setdefault(str(code), {"description": "\n".join(_descriptions(codes, code)), "content": refusal})
    # OpenAPI's name for what has no status.
    if unknown := "\n".join(_descriptions(codes, None)):
        told.setdefault("default", {"description": unknown, "content": refusal})
    return told


def _descriptions(codes: Iterable[ErrorCode], status: int | None) -> Iterator[str]:
    for each in codes:
        if each.status == status:
            yield f"{each.code} {each.zh}: {each.remedy} [{REPEATS[each.repeat]}]"


def _security(operation: Operation) -> dict[str, list[str]]:
    if not is_legacy(operation.path):
        return {"APIv3": []}
    return {"merchantCertificate": []} if needs_certificate(operation.path) else {}


def _extensions(operation: Operation) -> dict[str, Any]:
    facts = operation.facts
    known = {
        "x-roles": facts.get("roles"),
        "x-updated": facts.get("updated"),
        "x-callers": [TITLES[role] for role in roles(operation)],
        "x-one-of": [
            {"in": "/".join(group.place), "names": list(group.names), "exactly": group.only_one}
            for group in groups(operation)
        ],
        "x-required-when": [{"name": each.field, "when": each.when} for each in conditions(operation)],
    }
    return {name: value for name, value in known.items() if value}


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    kind, label = str(schema.get("type", "")), label_of(schema)
    told: dict[str, Any]
    if kind == "object":
        told = _object(schema.get("fields") or {}, ())
    elif kind == "array":
        told = {"type": "array", "items": _schema(schema.get("items") or {})}
    elif kind == "file":
        told = {"type": "string", "contentMediaType": "application/octet-stream"}
    else:
        told = {"type": kind} if kind else {}
    if label:
        told["title"] = label
    if schema.get("max_length"):
        told["maxLength"] = schema["max_length"]
    if schema.get("format"):
        told["format"] = _FORMATS.get(str(schema["format"]), schema["format"])
    if schema.get("enum"):
        told["enum"] = schema["enum"]
    if schema.get("example") not in (None, ""):
        told["examples"] = [schema["example"]]
    if schema.get("role"):
        told["x-sent-by"] = TITLES[schema["role"]]
    return told


def _object(fields: Mapping[str, Any], alternatives: Iterable[Group]) -> dict[str, Any]:
    others = {name for group in alternatives for name in group.names}
    required = [name for name, each in fields.items() if each.get("required") and name not in others]
    choices = [[{"required": [name]} for name in group.names] for group in alternatives]
    told: dict[str, Any] = {"type": "object", "properties": {name: _schema(each) for name, each in fields.items()}}
    if required:
        told["required"] = required
    if len(choices) == 1:
        told["anyOf"] = choices[0]
    elif choices:
        told["allOf"] = [{"anyOf": each} for each in choices]
    return told
