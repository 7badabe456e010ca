"""A snippet as tree-sitter reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = [
    "MissingExtra",
    "children",
    "comment_text",
    "field_of",
    "head",
    "is_broken",
    "need",
    "nodes_in",
    "parse",
    "text",
]

# Letters that nobody sees although they are no control characters.
_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10)))
_UNSEEN = re.compile(f"[{_BLANK}\U000e0100-\U000e01ef]")


class MissingExtra(Exception):
    """The extra ``port`` is not installed."""


def parse(code: str, language: str) -> Node:
    """The tree of ``php``, ``js``, ``ts`` or ``tsx``; raises MissingExtra."""
    try:
        from tree_sitter import Language, Parser

        grammar = _grammar(code, language)
    except ImportError as error:
        name = (error.name or "tree_sitter").replace("_", "-")
        raise MissingExtra(f"port needs {name}: pip install 'wechatpay-chain[port]'") from None
    # A lone surrogate has no place in UTF-8.
    return Parser(Language(grammar)).parse(code.encode("utf-8", "replace")).root_node


def _grammar(code: str, language: str) -> Any:
    """A language's grammar; each is imported in sight of those who freeze a program."""
    if language == "php":
        import tree_sitter_php

        return tree_sitter_php.language_php() if "<?" in code else tree_sitter_php.language_php_only()
    if language == "js":
        import tree_sitter_javascript

        return tree_sitter_javascript.language()
    import tree_sitter_typescript

    return tree_sitter_typescript.language_tsx() if language == "tsx" else tree_sitter_typescript.language_typescript()


def text(node: Node | None) -> str:
    """The source of a node; of none, nothing."""
    return "" if node is None else (node.text or b"").decode("utf-8", "replace")


def head(node: Node) -> str:
    """The source of a node up to its body; of one without a body the first line."""
    body = field_of(node, "body", "consequence")
    if body is None or body.start_byte == node.start_byte:
        return text(node).split("\n")[0]
    return (node.text or b"")[: body.start_byte - node.start_byte].decode("utf-8", "replace").rstrip()


def children(node: Node | None) -> list[Node]:
    """The named parts of a node without the comments between them."""
    return [] if node is None else [child for child in node.named_children if "comment" not in child.type]


def nodes_in(node: Node) -> Iterator[Node]:
    """A node and all named ones in it, in their order."""
    todo = [node]
    while todo:
        each = todo.pop()
        yield each
        todo.extend(reversed(each.named_children))


def field_of(node: Node, *names: str) -> Node | None:
    """The part of a node that has the first of these names that any part has."""
    return next((found for name in names if (found := node.child_by_field_name(name)) is not None), None)


def need(node: Node, *names: str) -> Node:
    """The part of a node that has one of these names; raises TypeError without one, as a broken source may be."""
    found = field_of(node, *names)
    if found is None:
        raise TypeError(names[0])
    return found


def is_broken(node: Node) -> bool:
    """Whether the source of a node is not sound; the semicolon at its end may be missing."""
    return any(child.type == "ERROR" or (child.is_missing and child.type != ";") for child in node.children)


def comment_text(source: str) -> str:
    """Source on one line of a comment: what is invisible, or would steer a terminal, is an escape."""

    def escape(letter: str) -> str:
        is_seen = (letter.isprintable() or letter == "\t") and not _UNSEEN.match(letter)
        return letter if is_seen else f"\\u{{{ord(letter):x}}}"

    return "".join(map(escape, source))
