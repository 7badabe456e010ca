"""A snippet as tree-sitter reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["MissingExtra", "children", "field_of", "need", "parse", "shown", "text"]

# Letters that nobody sees although they are no control characters.
_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10)))
_UNSEEN = re.compile(f"[{_BLANK}\U000e0100-\U000e01ef]")


class MissingExtra(Exception):
    """The extra ``port`` is not installed."""


def parse(code: str, language: str) -> Node:
    """The tree of ``php``, ``js``, ``ts`` or ``tsx``; raises MissingExtra."""
    try:
        from tree_sitter import Language, Parser

        grammar = _GRAMMARS[language](code)
    except ImportError as error:
        name = (error.name or "tree_sitter").replace("_", "-")
        raise MissingExtra(f"port needs {name}: pip install 'wechatpay-chain[port]'") from None
    # A lone surrogate has no place in UTF-8.
    return Parser(Language(grammar)).parse(code.encode("utf-8", "replace")).root_node


def _php(code: str) -> Any:
    import tree_sitter_php

    return tree_sitter_php.language_php() if "<?" in code else tree_sitter_php.language_php_only()


def _js(code: str) -> Any:
    import tree_sitter_javascript

    return tree_sitter_javascript.language()


def _ts(code: str) -> Any:
    import tree_sitter_typescript

    return tree_sitter_typescript.language_typescript()


def _tsx(code: str) -> Any:
    import tree_sitter_typescript

    return tree_sitter_typescript.language_tsx()


_GRAMMARS: dict[str, Callable[[str], Any]] = {"php": _php, "js": _js, "ts": _ts, "tsx": _tsx}


def text(node: Node | None) -> str:
    """The source of a node; of none, nothing."""
    return "" if node is None else (node.text or b"").decode("utf-8", "replace")


def children(node: Node | None) -> list[Node]:
    """The named parts of a node without the comments between them."""
    return [] if node is None else [child for child in node.named_children if "comment" not in child.type]


def field_of(node: Node, name: str) -> Node | None:
    """The part of a node that has a name."""
    return node.child_by_field_name(name)


def need(node: Node, name: str) -> Node:
    """The part of a node that has a name; raises TypeError without one, as a broken source may be."""
    found = node.child_by_field_name(name)
    if found is None:
        raise TypeError(name)
    return found


def shown(source: str) -> str:
    """Source on one line of a comment: what is invisible, or would steer a terminal, is an escape."""

    def escape(letter: str) -> str:
        return (
            letter
            if (letter.isprintable() or letter == "\t") and not _UNSEEN.match(letter)
            else f"\\u{{{ord(letter):x}}}"
        )

    return "".join(map(escape, source))
