"""The operations as a tree of path segments: what stands below a chain, and which operation a request is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from wechatpay_chain.catalog.facts import Operation, operations
from wechatpay_chain.encoding import paths

__all__ = ["EMPTY", "Branch", "below", "branch", "children", "match", "segments", "spell", "spellings"]

# The empty word, as a chain writes it.
EMPTY = "{empty}"


class Branch:
    """A segment of known paths: its ``children`` by segment, and its ``operations`` by HTTP method."""

    __slots__ = ("children", "operations")

    def __init__(self) -> None:
        self.children: dict[str, Branch] = {}
        self.operations: dict[str, Operation] = {}


def segments(path: str) -> tuple[str, ...]:
    """The segments of a chain's path, without its query; the empty word is ``{empty}``."""
    route = path.partition("?")[0].partition("#")[0].removeprefix("/")
    return tuple(each or EMPTY for each in route.split("/")) if route else ()


def branch(path: str) -> Branch | None:
    """Where a chain's path leads, None where nothing is known of it. A filled placeholder is one too."""
    return next(_branches(_root(), segments(path)), None)


def match(method: str, path: str) -> Operation | None:
    """The operation that a request or a chain with ``path`` is; None when it is none that is known."""
    found = (each.operations.get(method) for each in _branches(_root(), segments(path)))
    return next(filter(None, found), None)


def children(path: str) -> list[str]:
    """The segments that may follow a chain's path."""
    known = branch(path)
    return sorted(known.children) if known else []


def below(path: str) -> list[Operation]:
    """Every operation at a chain's path and below it, by path."""
    known = branch(path)
    return sorted(_operations(known), key=lambda each: each.number) if known else []


def spell(path: str) -> str:
    """A chain's path in Python: attributes, and ``["…"]`` where there is none: ``v3.pay.transactions.outTradeNo``."""
    return "".join(f".{name}" if name else f'["{each}"]' for each, name in _names(path)).removeprefix(".")


@cache
def spellings() -> frozenset[str]:
    """Every attribute that spells a word of a known path."""
    known = {word or EMPTY for each in operations() for word in each.words}
    return frozenset(filter(None, map(paths.attribute, known)))


def _names(path: str) -> Iterator[tuple[str, str | None]]:
    return ((each, paths.attribute(each)) for each in segments(path))


def _branches(start: Branch, path: Sequence[str]) -> Iterator[Branch]:
    """The branches that a path may be, the one that it is word by word first."""
    if not path:
        yield start
        return
    word, rest = path[0], path[1:]
    if word in start.children:
        yield from _branches(start.children[word], rest)
    for name, child in start.children.items():
        if name != word and _is_placeholder(name):
            yield from _branches(child, rest)


def _is_placeholder(word: str) -> bool:
    return word.startswith("{") and word != EMPTY


def _operations(start: Branch) -> Iterator[Operation]:
    yield from start.operations.values()
    for child in start.children.values():
        yield from _operations(child)


@cache
def _root() -> Branch:
    root = Branch()
    for operation in operations():
        here = root
        for word in operation.words:
            here = here.children.setdefault(word or EMPTY, Branch())
        here.operations[operation.method] = operation
    return root
