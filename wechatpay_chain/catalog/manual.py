"""What ``help`` tells of a chain: one operation in full, or a list of what stands below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from wechatpay_chain.catalog import sample, tree
from wechatpay_chain.catalog.alternatives import groups
from wechatpay_chain.catalog.conditions import conditions
from wechatpay_chain.catalog.facts import Operation, is_legacy, links
from wechatpay_chain.catalog.overview import overview
from wechatpay_chain.catalog.remedies import REPEATS, error_codes
from wechatpay_chain.catalog.roles import DIRECT, PARTNER
from wechatpay_chain.catalog.sample import NATIVE, Dialect
from wechatpay_chain.catalog.security import needs_certificate
from wechatpay_chain.catalog.usage import by_usage
from wechatpay_chain.display.width import cell_width, pad

__all__ = [
    "CERTIFICATE",
    "MOST_LISTED",
    "Field",
    "fields",
    "label_of",
    "list_operations",
    "manual",
    "page",
    "remark",
    "summary",
    "words_below",
]

CERTIFICATE = "security=True (the merchant's TLS certificate: merchant={'cert': …, 'key': …})"
# More operations than these are told by the words that lead to them.
MOST_LISTED = 40
_LONGEST_SUMMARY = 160
_LONGEST_EXAMPLE = 40
_PLACES = {"path_params": "path", "query": "query", "headers": "headers", "form": "form"}


class Field(NamedTuple):
    """A parameter or a field of an answer: how deep it lies, its name, type, official name, and what else is known."""

    depth: int
    name: str
    kind: str
    label: str
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
        head = f"{len(below)} operations{' below' if here else ''}"
        pages += ["\n".join([head, *words_below(path, below)])] if below else []
    return "\n\n".join(pages)


def label_of(schema: Mapping[str, Any]) -> str:
    """The official name of a field; of a list that has none that of its items."""
    while not schema.get("label") and schema.get("type") == "array":
        schema = schema.get("items") or {}
    return str(schema.get("label", ""))


def page(operation: Operation, mchid: str = "", dialect: Dialect = NATIVE) -> str:
    """One operation: name, links, roles, parameters, the answer's fields, errors, and calls ready to paste."""
    lines = [f"{operation.method} {operation.path}", operation.name, *links(operation), ""]
    lines += [f"{name}: {', '.join(each)}" for name, each in _manual_sections(operation) if each]
    for section, schemas in _sections(operation):
        sent = None if section.startswith("answer") else operation
        lines += ["", section, *_table(fields(schemas, sent))]
    errors = list(_errors(operation))
    lines += ["", "errors", *errors] if errors else []
    for title, text in sample.samples(operation, mchid, dialect):
        lines += ["", f"call{': ' if title else ''}{title}", text]
    return "\n".join(lines)


def fields(schemas: Mapping[str, Any], sent: Operation | None = None, place: tuple[str, ...] = ()) -> Iterator[Field]:
    """Every field by name, those of an object or a list below it; ``sent`` is the operation that they are sent to."""
    for name, schema in schemas.items():
        inner, kind = schema, ""
        while inner.get("type") == "array":
            kind, inner = f"{kind}list of ", inner.get("items") or {}
        note = _note(name, {**inner, **schema}, sent, place)
        yield Field(len(place) + 1, name, kind + _kind(inner), label_of(schema), note)
        yield from fields(inner.get("fields") or {}, sent, (*place, name))


def words_below(path: str, operations: list[Operation], most: int = MOST_LISTED) -> list[str]:
    """What stands below a chain's path: the operations, or the words that may follow where these are many."""
    words = [each for each in overview(path) if each.total]
    if len(operations) <= most or len(words) < 2:
        return list_operations(operations, most)
    shown = [tree.spell(each.path) for each in words]
    width = max(map(len, shown))
    return [f"  {name:{width}}  {each.total:4}  {each.name}" for name, each in zip(shown, words, strict=True)]


def list_operations(operations: list[Operation], most: int = MOST_LISTED) -> list[str]:
    """A line for each, those first that shops use most: method, path as a chain, official name; at most ``most``, then
    how many are left."""
    operations = by_usage(operations)
    lines = [
        f"  {each.method:6} {tree.spell('/'.join(each.words))}  {each.name}{remark(each)}" for each in operations[:most]
    ]
    left = len(operations) - most
    return [*lines, f"  and {left} more: go on by a word, or search with wechatpay-chain api"] if left > 0 else lines


def remark(operation: Operation) -> str:
    """What a line about an operation says besides its name; empty for most."""
    return "  security=True" if is_legacy(operation.path) and needs_certificate(operation.path) else ""


def summary(path: str, method: str = "") -> str:
    """The operations at a chain's path and below it in one line, or the words that lead to many; empty for none."""
    if method:
        found = tree.match(method, path)
        return found.name if found else ""
    below, depth = tree.below(path), len(tree.segments(path))
    if len(below) > MOST_LISTED:
        words = [f"{tree.spell(each.word)} {each.name} {each.total}" for each in overview(path) if each.total]
        return _join_names(words, "words")
    return _join_names([f"{each.method} {_relative(each, depth)}{each.name}" for each in by_usage(below)], "")


def _join_names(parts: list[str], noun: str) -> str:
    """As many as one line holds, and how many are left."""
    told = ""
    for count, one in enumerate(parts):
        if told and len(told) + len(one) > _LONGEST_SUMMARY:
            return f"{told} and {len(parts) - count} more{' ' if noun else ''}{noun}"
        told += f"{', ' if told else ''}{one}"
    return told


def _relative(operation: Operation, depth: int) -> str:
    rest = operation.words[depth:]
    return "/".join(each.replace("{", "<").replace("}", ">") for each in rest) + " " if rest else ""


def _manual_sections(operation: Operation) -> Iterator[tuple[str, Iterable[str]]]:
    facts = operation.facts
    yield "tags", operation.tags
    yield "roles", facts.get("roles", ())
    yield "updated", [facts["updated"]] if facts.get("updated") else ()
    yield "deprecated", ["WeChat Pay advises against it"] if facts.get("deprecated") else ()
    yield "needs", [CERTIFICATE] if is_legacy(operation.path) and needs_certificate(operation.path) else ()
    for group in groups(operation):
        names = [".".join((*group.place, name)) for name in group.names]
        yield "exactly one of" if group.only_one else "one of", names


def _sections(operation: Operation) -> Iterator[tuple[str, Mapping[str, Any]]]:
    facts = operation.facts
    for name, title in _PLACES.items():
        if facts.get(name):
            yield title, facts[name]
    if (facts.get("body") or {}).get("fields"):
        yield "body", facts["body"]["fields"]
    for status, schema in (facts.get("responses") or {}).items():
        yield f"answer {status}", (schema or {}).get("fields") or {}


def _errors(operation: Operation) -> Iterator[str]:
    known = error_codes(operation.method, "/".join(operation.words))
    width = max((len(each.code) for each in known), default=0)
    names = max((cell_width(each.zh) for each in known), default=0)
    for each in known:
        status = f"{each.status} " if each.status else ""
        yield f"  {status}{each.code:{width}}  {pad(each.zh, names)}  {each.remedy} [{REPEATS[each.repeat]}]"


def _table(rows: Iterable[Field]) -> list[str]:
    known = list(rows)
    names = [f"{'  ' * each.depth}{each.name}" for each in known]
    width = max(map(len, names), default=0)
    kinds = max((len(each.kind) for each in known), default=0)
    labels = max((cell_width(each.label) for each in known), default=0)
    return [
        f"{name:{width}}  {each.kind:{kinds}}  {pad(each.label, labels)}  {each.note}".rstrip()
        for name, each in zip(names, known, strict=True)
    ]


def _kind(schema: Mapping[str, Any]) -> str:
    kind = str(schema.get("type", "any"))
    return f"{kind}({schema['max_length']})" if schema.get("max_length") else kind


# What is said of a field that only one role sends, by role and whether that role has to.
_OF_ROLES = {
    (DIRECT, True): "required of direct merchants, who alone send it",
    (DIRECT, False): "sent by direct merchants alone",
    (PARTNER, True): "required of service providers, who alone send it",
    (PARTNER, False): "sent by service providers alone",
}


def _note(name: str, schema: Mapping[str, Any], sent: Operation | None, place: tuple[str, ...]) -> str:
    told = _demands(name, schema, sent, place)
    if sample.is_sealed(schema):
        how = sample.encryption_of(sent, name, schema, len(place) + 1) if sent else "encrypted: decrypt(text)"
        return ", ".join([*told, how])
    if schema.get("format"):
        told.append(str(schema["format"]))
    if schema.get("enum"):
        told.append(" | ".join(map(str, schema["enum"])))
    elif schema.get("example") not in (None, ""):
        example = " ".join(str(schema["example"]).split())
        cut = example if len(example) <= _LONGEST_EXAMPLE else f"{example[: _LONGEST_EXAMPLE - 1]}…"
        told.append(f"e.g. {cut}")
    return ", ".join(told)


def _demands(name: str, schema: Mapping[str, Any], sent: Operation | None, place: tuple[str, ...]) -> list[str]:
    """Whether a field has to be sent, and by whom."""
    if sent is None:
        return ["required"] if schema.get("required") else []
    if not place and sample.is_sent_by_itself(sent, name):
        return ["set by the client"]
    others = next((each.names for each in groups(sent) if each.place == place and name in each.names), ())
    role = _OF_ROLES.get((str(schema.get("role")), bool(schema.get("needed"))), "")
    one = f"one of {', '.join(others)}" if others else ""
    when = ["" if place else f"required where {each.when}" for each in conditions(sent) if each.field == name]
    return list(filter(None, ["required" if schema.get("required") and not others else "", one, *when, role]))
