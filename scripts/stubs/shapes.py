"""What is sent and answered as types: a TypedDict for each object, shared by all that say the same."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from wechatpay_chain.catalog import sample
from wechatpay_chain.catalog.manual import label_of

__all__ = ["Kind", "Row", "Shapes", "camel"]

Schema = Mapping[str, Any]
_SCALARS = {"integer": "int", "number": "float", "boolean": "bool", "any": "Any"}
# A field of one of these names would hide the type from the fields after it.
_HIDING = frozenset(
    {"Any", "Literal", "Mapping", "NotRequired", "Sealed", "bool", "dict", "float", "int", "list", "str"}
)


class Kind(NamedTuple):
    """Where data travels: ``text`` is the type of all scalars where there are no others, ``sealed`` of ciphertexts,
    ``mapping`` of objects whose fields are not known, and of all that lie within where it ``is_flat``."""

    text: str = ""
    sealed: str = "str"
    mapping: str = "dict[str, Any]"
    is_flat: bool = False


class Row(NamedTuple):
    """A field of a TypedDict: its name, its type, whether it is required, and its official name in Chinese."""

    key: str
    kind: str
    is_required: bool
    label: str


class Shapes:
    """The TypedDicts of one file, in the order in which they are needed.

    Each is called after its own operation; within one, what says the same is one.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        self._lines: list[str] = []

    def claim(self, name: str) -> str:
        """``name``, or the next one that is free."""
        free = next(each for each in _numbered(name) if each not in self._taken)
        self._taken.add(free)
        return free

    def named(self, name: str, fields: Schema, kind: Kind) -> str:
        """The TypedDict ``name``, which users may import; a mapping where it has no field."""
        # Those of another operation have its name.
        self._names = {}
        return self._object(name, fields, kind)

    def text(self) -> str:
        """All of them."""
        return "\n".join(self._lines)

    def type_of(self, name: str, schema: Schema, kind: Kind) -> str:
        """The type of one field, whose object would be called ``name``."""
        sort = schema.get("type")
        if sort == "object":
            return kind.mapping if kind.is_flat else self._object(name, schema.get("fields") or {}, kind)
        if sort == "array":
            return f"list[{self.type_of(name, schema.get('items') or {'type': 'any'}, kind)}]"
        if kind.text:
            return kind.text
        if sample.is_sealed(schema):
            return kind.sealed
        scalar = _SCALARS.get(str(sort), "str")
        # WeChat Pay adds values, so those that are known are offered, and any other is taken.
        known = ", ".join(_values(schema.get("enum") or (), scalar))
        return f"Literal[{known}] | {scalar}" if known else scalar

    def _object(self, name: str, fields: Schema, kind: Kind) -> str:
        if not fields or any("$" in key for key in fields):
            # coupon_id_$n stands for as many fields as there are coupons.
            return kind.mapping
        rows = [
            Row(key, self.type_of(name + camel(key), each, kind), bool(each.get("required")), label_of(each))
            for key, each in fields.items()
        ]
        told = repr(rows)
        if told not in self._names:
            self._names[told] = self.claim(name)
            self._lines += _written(self._names[told], rows)
        return self._names[told]


def camel(text: str) -> str:
    """A word as a part of a class's name."""
    return "".join(part[:1].upper() + part[1:] for part in "".join(c if c.isalnum() else " " for c in text).split())


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}{number}"
        number += 1


def _values(enum: Iterable[Any], scalar: str) -> Iterator[str]:
    for value in dict.fromkeys(map(str, enum)):
        if scalar == "str":
            yield _quoted(value)
        elif scalar == "int" and value.isdecimal():
            yield str(int(value))


def _written(name: str, rows: list[Row]) -> list[str]:
    typed = [(row, row.kind if row.is_required else f"NotRequired[{row.kind}]") for row in rows]
    if all(row.key.isidentifier() and not keyword.iskeyword(row.key) and row.key not in _HIDING for row in rows):
        fields = (line for row, kind in typed for line in _field(row, kind))
        return [f"class {name}(TypedDict):", *fields]
    inner = ", ".join(f"{_quoted(row.key)}: {kind}" for row, kind in typed)
    return [f'{name} = TypedDict("{name}", {{{inner}}})']


def _field(row: Row, kind: str) -> Iterator[str]:
    """A field, and its official name as an editor shows it."""
    yield f"    {row.key}: {kind}"
    if row.label:
        yield f"    {_quoted(row.label)}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
