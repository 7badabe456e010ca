"""The intermediate form of PHP and JavaScript: the parts of a program that statements of the SDKs are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = [
    *("Access", "Assign", "Await", "Call", "ClassName", "Define", "Do", "End", "Function", "Handler", "Holder", "If"),
    *("Invocation", "Items", "Leave", "Literal", "Loop", "Name", "New", "Operation", "Other", "Parameter", "Part"),
    *("Return", "Spread", "Template", "Throw", "Try", "awaited", "function_of", "inner_parts", "literal_text"),
    *("name_of_call", "owner_of", "path_of", "walk", "word_of"),
]


@dataclass(eq=False)
class Part:
    """A part of a program, and where it stands."""

    node: Node


# Expressions


@dataclass(eq=False)
class Literal(Part):
    """Text, a number, a flag or nothing."""

    value: str | int | float | bool | None


@dataclass(eq=False)
class Name(Part):
    """A variable; ``this`` is one."""

    word: str


@dataclass(eq=False)
class ClassName(Part):
    """A class or a function of a library by its short name, ``known`` where it is the SDK's or Guzzle's."""

    word: str
    known: bool


@dataclass(eq=False)
class Template(Part):
    """Text with values in it, or joined from several."""

    pieces: list[Part]


@dataclass(eq=False)
class Items(Part):
    """An array or an object: keys and values; a key of None counts on."""

    entries: list[tuple[Part | None, Part]]
    is_list: bool


@dataclass(eq=False)
class Holder(Part):
    """A part around another."""

    value: Part


class Spread(Holder):
    """``...value``."""


@dataclass(eq=False)
class Access(Part):
    """``base->key``, ``base.key`` or, as an item, ``base[key]``; without a key ``base[]``."""

    base: Part
    key: Part | None
    is_item: bool = False
    is_optional: bool = False


@dataclass(eq=False)
class Invocation(Part):
    """What is given arguments; ``names`` has the name of each that is given by one."""

    function: Part
    arguments: list[Part]
    names: list[str] = field(default_factory=list)


class Call(Invocation):
    """A call."""


class New(Invocation):
    """``new Class(…)``."""


@dataclass(eq=False)
class Parameter(Part):
    """A parameter: its pattern, its default, the short name of its class, the kind of what it is given."""

    pattern: Part
    default: Part | None = None
    type: str = ""
    kind: str = ""


@dataclass(eq=False)
class Function(Part):
    """A function: ``shared`` names variables of others that it changes."""

    parameters: list[Parameter]
    body: list[Part]
    name: str = ""
    is_async: bool = False
    shared: frozenset[str] = frozenset()
    returns: str = ""


@dataclass(eq=False)
class Operation(Part):
    """An operator or a cast, with its operands."""

    operator: str
    operands: list[Part]


@dataclass(eq=False)
class Assign(Part):
    """``target = value``, or another operator; the target may be a pattern of Items, and new in its scope."""

    target: Part
    operator: str
    value: Part
    declares: bool = False


class Await(Holder):
    """``await value``."""


@dataclass(eq=False)
class Other(Part):
    """What has no rule, with the parts in it; ``problem`` says what is wrong with the source."""

    parts: list[Part]
    problem: str = ""


# Statements


class Do(Holder):
    """An expression by itself."""


@dataclass(eq=False)
class End(Part):
    """What never comes out at its end, and the value that it takes along."""

    value: Part | None = None


class Return(End):
    """``return``."""


class Throw(End):
    """``throw``, ``exit``, or a call that never comes back."""


class Leave(End):
    """``break``, ``continue``, ``goto``."""


@dataclass(eq=False)
class If(Part):
    """``if``; an ``else if`` is one within ``other``."""

    test: Part
    body: list[Part]
    other: list[Part]


@dataclass(eq=False)
class Loop(Part):
    """Any loop: the condition, or what is gone through and the names it gives."""

    test: Part | None
    source: Part | None
    targets: list[Part]
    body: list[Part]


@dataclass(eq=False)
class Handler(Part):
    """A ``catch``: short names of classes, the name or pattern of the error."""

    classes: list[ClassName]
    target: Part | None
    body: list[Part]


@dataclass(eq=False)
class Try(Part):
    """``try``."""

    body: list[Part]
    handlers: list[Handler]
    final: list[Part]


@dataclass(eq=False)
class Define(Part):
    """A class, a method, a property: whatever has a name and something in it."""

    name: str
    parts: list[Part]
    is_class: bool = False


def inner_parts(part: Part) -> Iterator[Part]:
    """The parts right within a part, in their order."""

    def found(value: Any) -> Iterator[Part]:
        if isinstance(value, Part):
            yield value
        elif isinstance(value, list | tuple):
            for each in value:
                yield from found(each)

    for each in fields(part):
        if each.name != "node":
            yield from found(getattr(part, each.name))


def walk(part: Part, into_functions: bool = True) -> Iterator[Part]:
    """A part and all that is in it; functions within are given, but not entered where that is not asked for."""
    todo = [part]
    while todo:
        each = todo.pop()
        yield each
        if into_functions or each is part or not isinstance(each, Function):
            todo.extend(reversed(list(inner_parts(each))))


def literal_text(part: Part | None) -> str | None:
    """The text of a literal; None for anything else."""
    return part.value if isinstance(part, Literal) and isinstance(part.value, str) else None


def path_of(part: Part) -> tuple[Part, list[Part | None]]:
    """What a chain of accesses starts from, and its keys from left to right."""
    keys: list[Part | None] = []
    while isinstance(part, Access):
        keys.insert(0, part.key)
        part = part.base
    return part, keys


def word_of(part: Part | None) -> str:
    """The word of a variable, of a class or a function; of anything else nothing."""
    return part.word if isinstance(part, Name | ClassName) else ""


def awaited(part: Part) -> Part:
    """What an ``await`` waits for; any other expression as it is."""
    return part.value if isinstance(part, Await) else part


def function_of(part: Part) -> Part | None:
    """What a call calls, awaited or not."""
    inner = awaited(part)
    return inner.function if isinstance(inner, Call) else None


def owner_of(part: Part | None) -> Part | None:
    """What a method is called on, or what a property or an entry belongs to."""
    access = part.function if isinstance(part, Call) else part
    return access.base if isinstance(access, Access) else None


def name_of_call(part: Part | None) -> str:
    """The name of the method that a call calls, or, of an access, its plain key."""
    access = part.function if isinstance(part, Call) else part
    return (literal_text(access.key) or "") if isinstance(access, Access) and not access.is_item else ""
