"""What a verb takes and gives, as the names of types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from scripts.stubs.shapes import Kind, Shapes
from wechatpay_chain.catalog import sample
from wechatpay_chain.catalog.alternatives import alternatives, groups
from wechatpay_chain.catalog.facts import Operation, is_legacy, links
from wechatpay_chain.catalog.manual import CERTIFICATE, label_of
from wechatpay_chain.catalog.security import needs_certificate
from wechatpay_chain.encoding import paths

__all__ = ["Types", "types_of"]

_UNKNOWN = "Mapping[str, Any]"
_SENT = Kind(sealed="str | Sealed", mapping=_UNKNOWN)
# XML and queries are text: their numbers may be written as either. A query is flat, and spells objects in its own way.
_XML = Kind(text="Text", mapping=_UNKNOWN)
_QUERY = Kind(text="Text", mapping=f"Text | {_UNKNOWN}", is_flat=True)
_ANSWERED = Kind()
_ANSWERED_AS_TEXT = Kind(text="str")
_WITH_BODY = ("POST", "PUT", "PATCH")
_LEGACY_CALLER = "mch_id"


class Types(NamedTuple):
    """The types of one operation; "" for a body or query that it has not."""

    name: str
    doc: str
    body: str
    query: str
    answer: str
    placeholders: tuple[str, ...]
    takes_body: bool
    knows_body: bool
    needs_body: bool
    needs_query: bool
    is_legacy: bool


def types_of(name: str, operation: Operation, shapes: Shapes) -> Types:
    """What ``operation`` of the node ``name`` takes and gives; adds to ``shapes`` what is needed for it."""
    hint, facts = name + operation.method.capitalize(), operation.facts
    body = _body(operation, f"{hint}Body", shapes)
    return Types(
        name=_quoted(_name(operation)),
        doc=_quoted(_name(operation), *links(operation)[:1], ", ".join(facts.get("roles", ())), *_told(operation)),
        body=body,
        query=_query(operation, f"{hint}Query", shapes),
        answer=_answer(operation, f"{hint}Answer", shapes),
        placeholders=paths.placeholders(operation.path),
        takes_body=operation.method in _WITH_BODY,
        knows_body=body not in (_UNKNOWN, "Media", ""),
        needs_body=_is_needed(operation, (facts.get("body") or {}).get("fields") or {}) or body == "Media",
        needs_query=_is_needed(operation, facts.get("query") or {}),
        is_legacy=is_legacy(operation.path),
    )


def _is_needed(operation: Operation, fields: Mapping[str, Any]) -> bool:
    """Whether something of it has to be sent: a field of everyone, or one of several."""
    return any(each.get("required") for each in _sent(operation, fields).values()) or any(
        not group.place and set(group.names) & fields.keys() for group in groups(operation)
    )


def _told(operation: Operation) -> Iterator[str]:
    """What an editor shows besides: the fields that have to be sent, by their official names, and what else."""
    facts = operation.facts
    fields = {**facts.get("query", {}), **(facts.get("body") or {}).get("fields", {})}
    required = [name for name, each in _sent(operation, fields).items() if each.get("required")]
    if required:
        yield "required: " + ", ".join(f"{name} {label_of(fields[name])}".strip() for name in required)
    for group in groups(operation):
        yield "one of: " + ", ".join(".".join((*group.place, name)) for name in group.names)
    if is_legacy(operation.path) and needs_certificate(operation.path):
        yield f"needs: {CERTIFICATE}"


def _body(operation: Operation, name: str, shapes: Shapes) -> str:
    facts = operation.facts
    form = facts.get("form")
    if form:
        return "Media" if form.keys() == {"file", "meta"} else _UNKNOWN
    fields = (facts.get("body") or {}).get("fields")
    if not fields:
        return _UNKNOWN if operation.method in _WITH_BODY else ""
    return shapes.named(name, _sent(operation, fields), _XML if is_legacy(operation.path) else _SENT)


def _query(operation: Operation, name: str, shapes: Shapes) -> str:
    fields = operation.facts.get("query")
    return shapes.named(name, _sent(operation, fields), _QUERY) if fields else ""


def _sent(operation: Operation, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, of which nothing is required that the client adds; APIv2 always takes the merchant's number."""
    sent = _without_alternatives(operation, fields, ())
    for name in sent:
        if sample.is_sent_by_itself(operation, name):
            sent[name]["required"] = False
    if is_legacy(operation.path):
        sent.setdefault(_LEGACY_CALLER, {"type": "string"})
    return sent


def _without_alternatives(
    operation: Operation, fields: Mapping[str, Any], place: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """The fields, of which none is required that another may stand for, in any depth."""
    others = alternatives(operation, place)
    told = {}
    for name, each in fields.items():
        told[name] = {**each, "required": bool(each.get("required")) and name not in others}
        if each.get("fields"):
            told[name]["fields"] = _without_alternatives(operation, each["fields"], (*place, name))
    return told


def _answer(operation: Operation, name: str, shapes: Shapes) -> str:
    answers = operation.facts.get("responses") or {}
    schema = next((each for each in answers.values() if each), None)
    if schema is None:
        return "None" if answers.keys() & {"202", "204"} else "Any"
    kind = _ANSWERED_AS_TEXT if is_legacy(operation.path) else _ANSWERED
    return shapes.named(name, schema.get("fields") or {}, kind)


def _name(operation: Operation) -> str:
    return operation.name + (" (deprecated)" if operation.facts.get("deprecated") else "")


def _quoted(*paragraphs: str) -> str:
    text = "\n\n        ".join(filter(None, paragraphs))
    return '"""' + text.replace("\\", "\\\\").replace('"', "'") + '"""'
