"""Labels that the source lacks: the rule by which they are taken over, and a count of ours that can only fall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from scripts import build_catalog, corrections, roles
from scripts.labels import OWN, add_labels

# As counted today; a source with more labels of its own makes both less.
MOST_MISSING = 283
MOST_OF_OURS = 198


def given(path: str, *fields: Mapping[str, Any]) -> dict[str, Any]:
    """An operation whose body has fields, and whose answer has the others."""
    body, *answers = ({"type": "object", "fields": dict(each)} for each in fields)
    return {"method": "POST", "path": path, "body": body, "responses": {"200": answers[0]} if answers else {}}


def label(schema: Mapping[str, Any], *names: str) -> str:
    for name in names:
        while "items" in schema:
            schema = schema["items"]
        schema = schema["fields"][name]
    return str(schema.get("label", ""))


def field(text: str = "") -> dict[str, Any]:
    return {"type": "string", **({"label": text} if text else {})}


def test_a_label_is_taken_from_the_same_product() -> None:
    """In another operation, in a list, in the answer; what is labelled keeps its own."""
    bare = {"a": field(), "rows": {"type": "array", "items": {"type": "object", "fields": {"a": field()}}}}
    operations = [given("/v3/x/one", bare, bare), given("/v3/x/two", {"a": field("甲")}), given("/v3/y/one", bare)]
    own, other, foreign = add_labels(operations, {})
    answer = own["responses"]["200"]
    assert [label(each, *names) for each in (own["body"], answer) for names in (["a"], ["rows", "a"])] == ["甲"] * 4
    assert label(other["body"], "a") == "甲"
    assert label(foreign["body"], "a") == ""
    assert label(operations[0]["body"], "a") == ""


def test_the_same_field_around_it_counts_more() -> None:
    """A receiver's name is not a shop's, and fields of any product inside the same field are alike."""
    shop = {"shop": {"type": "object", "label": "店", "fields": {"name": field("店名")}}}
    receiver = {"receiver": {"type": "object", "label": "收", "fields": {"name": field("姓名")}}}
    bare = {"receiver": {"type": "object", "label": "收", "fields": {"name": field()}}}
    operations = [given("/v3/x/a", shop), given("/v3/x/b", shop), given("/v3/x/c", receiver), given("/v3/x/d", bare)]
    assert label(add_labels(operations, {})[-1]["body"], "receiver", "name") == "姓名"
    assert label(add_labels([operations[2], given("/v3/y/a", bare)], {})[-1]["body"], "receiver", "name") == "姓名"


def test_labels_that_differ_are_not_taken() -> None:
    """Nor those inside a field that is called as anything is; then ours is."""
    operations = [given("/v3/x/a", {"a": field("甲")}), given("/v3/x/b", {"a": field("乙")})]
    assert label(add_labels([*operations, given("/v3/x/c", {"a": field()})], {"a": "丙"})[-1]["body"], "a") == "丙"
    data = {"data": {"type": "object", "fields": {"b": field("乙")}}}
    bare = {"data": {"type": "object", "fields": {"b": field()}}}
    assert label(add_labels([given("/v3/x/a", data), given("/v3/y/a", bare)], {})[-1]["body"], "data", "b") == ""


def fields(operation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and label of each field, in one order."""
    sets = [operation.get(place) or {} for place in ("path_params", "query", "headers", "form")]
    sets += [{"": each or {}} for each in (operation.get("body"), *(operation.get("responses") or {}).values())]
    for each in sets:
        yield from below(each)


def below(each: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, schema in each.items():
        inner = schema
        while inner.get("items"):
            inner = inner["items"]
        if name:
            yield name, str(schema.get("label", ""))
        yield from below(inner.get("fields", {}))


@pytest.mark.slow
def test_labels_of_ours_only_get_fewer() -> None:
    """Counted in the source and as it is shipped; each row of the table is used."""
    source = [
        roles.mark_roles(corrections.correct(each)) for each in build_catalog.read(build_catalog.SOURCE)["endpoints"]
    ]
    taken = add_labels(source, {})
    missing = [
        (name, told)
        for each, own in zip(source, taken, strict=True)
        for (name, text), (_, told) in zip(fields(each), fields(own), strict=True)
        if not text
    ]
    ours = [name for name, told in missing if not told]
    assert (len(missing), len(ours)) == (MOST_MISSING, MOST_OF_OURS)
    assert set(ours) == set(OWN)
