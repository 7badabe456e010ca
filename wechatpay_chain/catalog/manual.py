"""What ``help`` tells of a chain: one operation in full, or a list of what stands below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from wechatpay_chain.catalog import sample, tree
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.catalog.sample import NATIVE, Dialect

__all__ = ["Field", "fields", "listed", "manual", "page", "summary"]

_MOST_LISTED = 60
_LONGEST_SUMMARY = 160
_LONGEST_EXAMPLE = 40
_PLACES = {"path_params": "path", "query": "query", "headers": "headers", "form": "form"}


class Field(NamedTuple):
    """A parameter or a field of an answer: how deep it lies, its name, type, and what else is known of it."""

    depth: int
    name: str
    kind: str
    note: str


def manual(path: str, method: str = "", mchid: str = "", dialect: Dialect = NATIVE) -> str:
    """All that is known of a chain's path, or of one method there; empty when that is nothing."""
    known = tree.branch(path)
    if known is None:
        return ""
    here = [each for name, each in sorted(known.operations.items()) if method in ("", name)]
    pages = [page(each, mchid, dialect) for each in here]
    if not method:
        below = [each for each in tree.below(path) if each not in here]
        pages += [f"{len(below)} operations{' below' if here else ''}\n" + "\n".join(listed(below))] if below else []
    return "\n\n".join(pages)


def page(operation: Operation, mchid: str = "", dialect: Dialect = NATIVE) -> str:
    """One operation: name, links, roles, parameters, the answer's fields, and a call ready to paste."""
    facts = operation.facts
    lines = [f"{operation.method} {operation.path}", operation.name, *facts.get("docs", ()), ""]
    lines += [f"{name}: {', '.join(each)}" for name, each in _told(operation) if each]
    for section, schemas in _sections(operation):
        sent = None if section.startswith("answer") else operation
        lines += ["", section, *_table(fields(schemas, sent))]
    lines += ["", "call", sample.call(operation, mchid, dialect)]
    return "\n".join(lines)


def fields(schemas: Mapping[str, Any], sent: Operation | None = None, depth: int = 1) -> Iterator[Field]:
    """Every field by name, those of an object or a list below it; ``sent`` is the operation that they are sent to."""
    for name, schema in schemas.items():
        inner, kind = schema, ""
        while inner.get("type") == "array":
            kind, inner = f"{kind}list of ", inner.get("items") or {}
        yield Field(depth, name, kind + _kind(inner), _note(name, {**inner, **schema}, sent, depth))
        yield from fields(inner.get("fields") or {}, sent, depth + 1)


def listed(operations: list[Operation], most: int = _MOST_LISTED) -> list[str]:
    """A line for each: method, path as a chain, official name; at most ``most``, then how many are left."""
    lines = [f"  {each.method:6} {tree.spelled('/'.join(each.words))}  {each.name}" for each in operations[:most]]
    left = len(operations) - most
    return [*lines, f"  and {left} more: go on by a word, or search with wechatpay-chain api"] if left > 0 else lines


def summary(path: str, method: str = "") -> str:
    """The operations at a chain's path and below it in one line, the first of them by name; empty for none."""
    if method:
        found = tree.matching(method, path)
        return found.name if found else ""
    below, depth, told = tree.below(path), len(tree.segments(path)), ""
    for count, each in enumerate(below):
        one = f"{each.method} {_relative(each, depth)}{each.name}"
        if told and len(told) + len(one) > _LONGEST_SUMMARY:
            return f"{told} and {len(below) - count} more"
        told += f"{', ' if told else ''}{one}"
    return told


def _relative(operation: Operation, depth: int) -> str:
    rest = operation.words[depth:]
    return "/".join(each.replace("{", "<").replace("}", ">") for each in rest) + " " if rest else ""


def _told(operation: Operation) -> Iterator[tuple[str, Iterable[str]]]:
    facts = operation.facts
    yield "tags", operation.tags
    yield "roles", facts.get("roles", ())
    yield "updated", [facts["updated"]] if facts.get("updated") else ()
    yield "deprecated", ["WeChat Pay advises against it"] if facts.get("deprecated") else ()


def _sections(operation: Operation) -> Iterator[tuple[str, Mapping[str, Any]]]:
    facts = operation.facts
    for name, title in _PLACES.items():
        if facts.get(name):
            yield title, facts[name]
    if (facts.get("body") or {}).get("fields"):
        yield "body", facts["body"]["fields"]
    for status, schema in (facts.get("responses") or {}).items():
        yield f"answer {status}", (schema or {}).get("fields") or {}


def _table(rows: Iterable[Field]) -> list[str]:
    known = list(rows)
    names = [f"{'  ' * each.depth}{each.name}" for each in known]
    width = max(map(len, names), default=0)
    kinds = max((len(each.kind) for each in known), default=0)
    return [
        f"{name:{width}}  {each.kind:{kinds}}  {each.note}".rstrip() for name, each in zip(names, known, strict=True)
    ]


def _kind(schema: Mapping[str, Any]) -> str:
    kind = str(schema.get("type", "any"))
    kind = kind if kind in _KINDS else "string"
    return f"{kind}({schema['max_length']})" if schema.get("max_length") else kind


_KINDS = frozenset({"string", "object", "integer", "number", "boolean", "any", "file"})


def _note(name: str, schema: Mapping[str, Any], sent: Operation | None, depth: int) -> str:
    own = sent is not None and depth == 1 and sample.is_sent_by_itself(sent, name)
    told = ["set by the client"] if own else ["required"] if schema.get("required") else []
    if sample.is_sealed(schema):
        return ", ".join([*told, sample.sealing(sent, name, schema, depth) if sent else "encrypted: decrypt(text)"])
    if schema.get("format"):
        told.append(str(schema["format"]))
    if schema.get("enum"):
        told.append(" | ".join(map(str, schema["enum"])))
    elif schema.get("example") not in (None, ""):
        example = " ".join(str(schema["example"]).split())
        cut = example if len(example) <= _LONGEST_EXAMPLE else f"{example[: _LONGEST_EXAMPLE - 1]}…"
        told.append(f"e.g. {cut}")
    return ", ".join(told)
