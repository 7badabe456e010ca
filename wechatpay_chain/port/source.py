"""A snippet as tree-sitter reads it, and what a translator says of a part that it cannot translate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["ERRORS", "Missing", "Problem", "Refusal", "Source", "children", "descendants", "parsed", "text"]

ERRORS = ("ERROR", "MISSING")


class Missing(Exception):
    """The extra ``port`` is not installed."""


class Refusal(Exception):
    """A part that is not translated; its statement is left as it is."""

    def __init__(self, node: Node, reason: str) -> None:
        super().__init__(reason)
        self.node = node


class Problem(NamedTuple):
    """What was left: the line where it stands, and why."""

    line: int
    reason: str


class Source(NamedTuple):
    """A snippet: its lines, the tree of it, and how many lines stand before it in its file."""

    lines: list[str]
    root: Node
    offset: int


def parsed(code: str, language: str, offset: int = 0) -> Source:
    """Read a snippet of ``php`` or ``js``; raises Missing without the extra."""
    try:
        from tree_sitter import Language, Parser

        grammar = _GRAMMARS[language](code)
    except ImportError as error:
        name = (error.name or "tree_sitter").replace("_", "-")
        raise Missing(f"port needs {name}: pip install 'wechatpay-chain[port]'") from None
    # Columns and bytes are told by tree-sitter in UTF-8; a lone surrogate has no place there.
    tree = Parser(Language(grammar)).parse(code.encode("utf-8", "replace"))
    return Source(code.split("\n"), tree.root_node, offset)


def _php(code: str) -> Any:
    import tree_sitter_php

    return tree_sitter_php.language_php() if "<?" in code else tree_sitter_php.language_php_only()


def _js(code: str) -> Any:
    import tree_sitter_javascript

    return tree_sitter_javascript.language()


_GRAMMARS: dict[str, Callable[[str], Any]] = {"php": _php, "js": _js}


def text(node: Node | None) -> str:
    """The source of a node; of none, nothing."""
    return "" if node is None else (node.text or b"").decode("utf-8", "replace")


def children(node: Node) -> list[Node]:
    """The named parts of a node without the comments between them."""
    return [child for child in node.named_children if child.type != "comment"]


def descendants(node: Node) -> Iterator[Node]:
    """A node and all that is in it, without recursion."""
    todo = [node]
    while todo:
        each = todo.pop()
        yield each
        todo.extend(reversed(each.children))
