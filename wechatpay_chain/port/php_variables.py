"""What a snippet of PHP stores, and which of its arrays change."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from wechatpay_chain.port.source import children, descendants, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["changed_in", "changed_within", "changes", "constant_keys", "is_optional", "stored"]


def stored(node: Node) -> Iterator[Node]:
    """The variables that a node stores to by itself."""
    if node.type in ("assignment_expression", "augmented_assignment_expression"):
        left = node.child_by_field_name("left")
        if left is not None and left.type == "variable_name":
            yield left
        elif left is not None and left.type in ("list_literal", "array_creation_expression"):
            yield from (each for each in descendants(left) if each.type == "variable_name")
    elif node.type == "update_expression":
        yield from (each for each in children(node) if each.type == "variable_name")
    elif node.type == "foreach_statement":
        body = node.child_by_field_name("body")
        for each in children(node)[1:]:
            if body is None or each.start_byte != body.start_byte:
                yield from (part for part in descendants(each) if part.type == "variable_name")


def changes(node: Node) -> Iterator[tuple[Node, bool]]:
    """The variables whose arrays a node changes, and whether it does so by a key."""
    if node.type in ("assignment_expression", "augmented_assignment_expression", "update_expression"):
        left = node.child_by_field_name("left") or node.child_by_field_name("argument")
        if left is not None and left.type == "subscript_expression":
            is_keyed = True
            while left.type == "subscript_expression":
                is_keyed = len(children(left)) == 2
                left = children(left)[0]
            if left.type == "variable_name":
                yield left, is_keyed
        elif node.type == "augmented_assignment_expression" and left is not None and left.type == "variable_name":
            yield left, False
    elif node.type == "unset_statement":
        for each in children(node):
            if each.type == "subscript_expression" and children(each)[0].type == "variable_name":
                yield children(each)[0], True


def changed_within(node: Node) -> Iterator[Node]:
    """The variables in whose arrays a node changes an inner one."""
    left = node.child_by_field_name("left") or node.child_by_field_name("argument")
    depth = 0
    while left is not None and left.type == "subscript_expression":
        left, depth = children(left)[0], depth + 1
    if left is not None and left.type == "variable_name" and depth > 1:
        yield left


def changed_in(body: Node | None) -> set[str]:
    """The variables whose arrays a body changes."""
    parts = descendants(body) if body is not None else iter(())
    return {text(node)[1:] for each in parts for node, _ in changes(each)}


def constant_keys(value: ast.expr) -> set[object] | None:
    """The keys of a mapping that is written out."""
    keys = value.keys if isinstance(value, ast.Dict) else [None]
    found: set[object] = {key.value for key in keys if isinstance(key, ast.Constant)}
    return found if len(found) == len(keys) else None


def is_optional(node: Node) -> bool:
    """Whether a node takes its first part for one that may be missing."""
    return node.type == "binary_expression" and text(node.child_by_field_name("operator")) == "??"
