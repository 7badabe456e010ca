"""The nodes of chains as classes: children as attributes, verbs as methods.

Each node is written twice: as the opt-in client has it, and ``Open`` to unknown words and fields, as the plain one has.
One that has placeholders is written a third time, with all of them ``Filled`` by ``/ value``, so that its verbs ask for
none. A chain that fills some and leaves others to the call goes on ``Open``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scripts.stubs.shapes import Shapes, camel
from scripts.stubs.verbs import Types, types_of
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.catalog.tree import Branch
from wechatpay_chain.encoding import paths
from wechatpay_chain.request.call import VERBS

__all__ = ["OPEN", "Place", "class_name", "written"]

OPEN = "Open"
FILLED = "Filled"


class Place(NamedTuple):
    """A node in the tree: its path from the version on, what stands there, and what stands above."""

    path: tuple[str, ...]
    branch: Branch
    parent: Branch

    def below(self) -> dict[str, Place]:
        """The nodes below by segment, in the order of their spelling."""
        return {
            word: Place((*self.path, word), child, self.branch) for word, child in sorted(self.branch.children.items())
        }


def class_name(path: Sequence[str]) -> str:
    """The class of the node at ``path``: its words behind the version."""
    return "".join(map(camel, path[1:] or path))


def written(name: str, place: Place, children: Mapping[str, str], shapes: Shapes) -> str:
    """The classes of a node; ``children`` are the names of those below it by segment."""
    known = {method: types_of(class_name(place.path), each, shapes) for method, each in place.branch.operations.items()}
    called = _called(place, shapes)
    opened = {word: OPEN + child for word, child in children.items()}
    is_below = any(map(_is_placeholder, place.path))
    filled = {word: FILLED + child for word, child in children.items() if is_below or _is_placeholder(word)}
    values = opened if is_below else filled
    lines = [
        *_class(name, place, children, values, known, called, False),
        *_class(OPEN + name, place, opened, opened, known, called, True),
    ]
    if is_below:
        verbs = {method: _filled(types) for method, types in known.items()}
        below = {word: opened[word] if _is_placeholder(word) else child for word, child in filled.items()}
        lines += _class(FILLED + name, place, below, filled, verbs, _filled(called) if called else None, False)
    return "\n".join(lines)


def _filled(types: Types) -> Types:
    return types._replace(placeholders=(), doc=types.name)


def _is_placeholder(word: str) -> bool:
    return word.startswith("{") and word != "{empty}"


def _class(
    name: str,
    place: Place,
    children: Mapping[str, str],
    valued: Mapping[str, str],
    known: Mapping[str, Types],
    called: Types | None,
    is_open: bool,
) -> list[str]:
    shorthand = "POST" in known and place.path[-1] not in VERBS
    base = "OpenNode" if is_open else "Node" if shorthand or called else "Stem"
    lines = [f"class {name}({base}):"]
    lines += [f"    {paths.attribute(word)}: {child}" for word, child in children.items() if paths.attribute(word)]
    lines += _indexed(children, [child for word, child in valued.items() if _is_placeholder(word)])
    for method in sorted(known):
        verb, types = method.lower(), known[method]
        if verb not in children:
            lines += _method(verb, types, is_open)
        lines += [*_method(f"{verb}Async", types, is_open, "Promise"), f"    {verb}_async = {verb}Async"]
    shortened = known["POST"] if shorthand else called
    return [*lines, *_method("__call__", shortened, is_open)] if shortened else lines


def _called(place: Place, shapes: Shapes) -> Types | None:
    """What calling a node is whose word is a verb of the node above it."""
    verb = VERBS.get(place.path[-1])
    operation: Operation | None = place.parent.operations.get(verb.method) if verb else None
    return types_of(class_name(place.path[:-1]), operation, shapes) if operation else None


def _indexed(children: Mapping[str, str], values: list[str]) -> list[str]:
    unspelled = [(segment, child) for segment, child in children.items() if not paths.attribute(segment)]
    lines = []
    for segment, child in unspelled:
        lines += ["    @overload", f'    def __getitem__(self, text: Literal["{segment}"]) -> {child}: ...']
    if unspelled:
        lines += ["    @overload", "    def __getitem__(self, text: str) -> Chain: ..."]
    if len(values) == 1:
        lines.append(f"    def __truediv__(self, value: Value) -> {values[0]}: ...")
    return lines


def _method(name: str, types: Types, is_open: bool, wrapper: str = "") -> list[str]:
    arguments = _open_arguments(types) if is_open else _arguments(types)
    answer = "Response" if is_open else f"Answer[{types.answer}]"
    returned = f"{wrapper}[{answer}]" if wrapper else answer
    doc = types.doc if name.islower() and name.isalpha() else types.name
    return [f"    def {name}({', '.join(arguments)}) -> {returned}:", f"        {doc}"]


def _arguments(types: Types) -> Iterable[str]:
    """What has to be sent has no default: the body comes first, a query and placeholders by name.

    One signature, since checkers do not say which field is wrong where they have a choice.
    """
    yield "self"
    if types.takes_body:
        # A union would hide which field is wrong.
        yield _body_argument(types)
    yield "config: Config = ..."
    yield "/"
    named = [f"{name}: Value" for name in types.placeholders]
    if types.body and types.body != "Media" and not (types.needs_body and types.takes_body):
        named.append(f"{'xml' if types.is_legacy else 'json'}: {types.body}{'' if types.needs_body else ' = ...'}")
    if types.query:
        named.append(f"params: {types.query}{'' if types.needs_query else ' = ...'}")
    yield from ["*", *named] if named else []
    yield f"**options: Unpack[{'Legacy' if types.is_legacy else ''}Options{'WithoutParams' if types.query else ''}]"


def _body_argument(types: Types) -> str:
    if types.needs_body:
        return f"body: {types.body}"
    return f"body: {types.body} = ..." if types.knows_body else f"body: {types.body} | None = ..."


def _open_arguments(types: Types) -> Iterable[str]:
    yield "self"
    if types.takes_body:
        yield f"body: {types.body} | Body = ..." if types.body != "Media" else "body: Body = ..."
    yield "config: Config = ..."
    yield "/"
    yield from ["*", *(f"{name}: Any = ..." for name in types.placeholders)] if types.placeholders else []
    yield "**options: Any"
