"""What is sent and answered as types: a TypedDict for each object, shared by all that say the same."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from wechatpay_chain.catalog import sample

__all__ = ["Kind", "Shapes", "camel"]

Schema = Mapping[str, Any]
_SCALARS = {"integer": "int", "number": "float", "boolean": "bool", "int": "int", "uint64": "int", "any": "Any"}
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


class Shapes:
    """The TypedDicts of one file, in the order in which they are needed."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        self._lines: list[str] = []
        self._known: dict[str, str] = {}

    def claim(self, name: str) -> str:
        """``name``, or the next one that is free."""
        free = next(each for each in _numbered(name) if each not in self._taken)
        self._taken.add(free)
        return free

    def named(self, name: str, fields: Schema, kind: Kind) -> str:
        """The TypedDict ``name``, which users may import; where another says the same, an alias of that."""
        if name not in self._known:
            found = self._object(name, fields, kind)
            if found in self._taken and name not in self._taken:
                self._taken.add(name)
                self._lines.append(f"{name} = {found}")
                found = name
            self._known[name] = found
        return self._known[name]

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
            (key, self.type_of(name + camel(key), each, kind), bool(each.get("required")))
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


def _written(name: str, rows: list[tuple[str, str, bool]]) -> list[str]:
    written = [(key, kind if required else f"NotRequired[{kind}]") for key, kind, required in rows]
    if all(key.isidentifier() and not keyword.iskeyword(key) and key not in _HIDING for key, _ in written):
        return [f"class {name}(TypedDict):", *(f"    {key}: {kind}" for key, kind in written)]
    inner = ", ".join(f"{_quoted(key)}: {kind}" for key, kind in written)
    return [f'{name} = TypedDict("{name}", {{{inner}}})']


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
