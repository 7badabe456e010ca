"""What is known to be rough in the catalogue, counted: a new source or a new correction can only make it less."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.catalog.test_samples import emptiness, given
from wechatpay_chain.catalog import sample
from wechatpay_chain.catalog.facts import Operation, links, operations

# As counted today; lower a number with what makes it lower, and never raise one.
MOST = {
    "operations without a page": 0,
    "operations without a name": 0,
    "fields of requests without a label": 0,
    "fields of answers without a label": 0,
    "examples outside their own values": 0,
    "examples of another type": 0,
    "types that are none": 0,
    "objects without fields in requests": 0,
    "objects without fields in answers": 6,
    "lists without items": 0,
    "empty objects in samples": 0,
    "names for values in samples": 239,
}
TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
    "file": str,
}


def schemas(operation: Operation) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every schema: of requests or answers, ``field`` or ``item``, and itself."""
    facts = operation.facts
    for place in ("path_params", "query", "headers", "form"):
        yield from below("requests", facts.get(place, {}))
    yield from below("requests", (facts.get("body") or {}).get("fields", {}))
    for answer in (facts.get("responses") or {}).values():
        yield from below("answers", (answer or {}).get("fields", {}))


def below(where: str, fields: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for schema in fields.values():
        yield where, "field", schema
        inner = schema
        while inner.get("type") == "array" and inner.get("items"):
            inner = inner["items"]
            yield where, "item", inner
        yield from below(where, inner.get("fields", {}))


def count() -> Counter[str]:
    counted: Counter[str] = Counter()
    for operation in operations():
        counted["operations without a page"] += not links(operation)
        counted["operations without a name"] += not operation.name
        for where, kind, schema in schemas(operation):
            sort, example = str(schema.get("type")), schema.get("example")
            counted[f"fields of {where} without a label"] += kind == "field" and not schema.get("label")
            counted["types that are none"] += sort not in TYPES
            if example not in (None, ""):
                counted["examples outside their own values"] += example not in schema.get("enum", [example])
                fits = isinstance(example, TYPES.get(sort, object)) and isinstance(example, bool) == (sort == "boolean")
                counted["examples of another type"] += sort in ("string", "integer", "boolean") and not fits
            counted[f"objects without fields in {where}"] += sort == "object" and not schema.get("fields")
            counted["lists without items"] += sort == "array" and not schema.get("items")
        texts = [each.text for each in sample.samples(operation)]
        counted["empty objects in samples"] += any(map(emptiness, map(given, texts)))
        named = re.findall(r'\b(\w+)(?:": |=)"(\w+)"', texts[0])
        counted["names for values in samples"] += sum(name == text for name, text in named)
    return counted


@pytest.fixture(scope="module")
def counted() -> Counter[str]:
    return count()


@pytest.mark.parametrize("what", MOST)
def test_it_only_gets_better(counted: Counter[str], what: str) -> None:
    """Not more than there were; where there are fewer, the table says so."""
    assert counted[what] <= MOST[what], f"{what}: {counted[what]}, were {MOST[what]}"
    assert counted[what] >= MOST[what], f"{what}: {counted[what]} now, so lower it in this table"
