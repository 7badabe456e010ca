"""PHP's operators and casts as Python's."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from wechatpay_chain.port import nodes
from wechatpay_chain.port.kinds import Kind
from wechatpay_chain.port.source import Refusal, text
from wechatpay_chain.port.writer import Writer

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Operators"]

_COMPARISONS = {**nodes.COMPARISONS, "<>": ast.NotEq}
_ARITHMETIC: dict[str, ast.operator] = {"+": ast.Add(), "-": ast.Sub(), "*": ast.Mult()}
_LOGIC: dict[str, type[ast.boolop]] = {"&&": ast.And, "and": ast.And, "||": ast.Or, "or": ast.Or}
_ARRAYS = (Kind.DICT, Kind.LIST, Kind.DATA)


class Operators(Writer):
    """Expressions that compute."""

    def on_binary_expression(self, node: Node) -> ast.expr:
        """Two values and what is done with them."""
        operator = text(node.child_by_field_name("operator")).lower()
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if operator == ".":
            return self.joined([(part, self.expression(part)) for part in _flattened(node, ".")])
        if operator == "??":
            return self._otherwise(self.expression(left), self.expression(right))
        if operator == "instanceof":
            return nodes.call("isinstance", self.expression(left), self.exception(right))
        if operator in _LOGIC:
            return ast.BoolOp(_LOGIC[operator](), [self.expression(part) for part in _flattened(node, operator)])
        if operator in _COMPARISONS:
            return self._compared(node, operator, self.expression(left), self.expression(right))
        first, second = self.expression(left), self.expression(right)
        if operator not in _ARITHMETIC or {self.kind(first), self.kind(second)} & {*_ARRAYS, Kind.TEXT}:
            raise Refusal(node, f"{operator}: Python would find another value")
        return ast.BinOp(first, _ARITHMETIC[operator], second)

    def on_unary_op_expression(self, node: Node) -> ast.expr:
        """``!``, ``-`` and ``+``."""
        operator = text(node.child_by_field_name("operator")) or text(node.children[0])
        value = self.expression(node.child_by_field_name("argument"))
        if operator == "!":
            return nodes.negated(value)
        if operator not in "+-":
            raise Refusal(node, f"{operator}: nothing here does the same")
        if isinstance(value, ast.Constant) and isinstance(value.value, int | float) and operator == "-":
            return nodes.constant(-value.value)
        return ast.UnaryOp(ast.USub() if operator == "-" else ast.UAdd(), value)

    def on_conditional_expression(self, node: Node) -> ast.expr:
        """``a ? b : c`` and ``a ?: c``."""
        test = self.expression(node.child_by_field_name("condition"))
        body = node.child_by_field_name("body")
        orelse = self.expression(node.child_by_field_name("alternative"))
        if body is None:
            return ast.BoolOp(ast.Or(), [test, orelse])
        return nodes.choice(test, self.expression(body), orelse)

    def on_cast_expression(self, node: Node) -> ast.expr:
        """``(string)``, ``(int)``, ``(float)``, ``(bool)``, and ``(array)`` of what is one."""
        kind = text(node.child_by_field_name("type")).lower()
        value = self.expression(node.child_by_field_name("value"))
        found = self.kind(value)
        if kind == "array" and (found in _ARRAYS):
            return value
        if kind == "object" and found in (Kind.DICT, Kind.LIST):
            return ast.Dict([], []) if isinstance(value, ast.List) and not value.elts else self._as_dict(node, value)
        word = {"string": "str", "int": "int", "integer": "int", "float": "float", "bool": "bool"}.get(kind)
        is_odd = word == "str" and found in (*_ARRAYS, Kind.FLAG, Kind.NOTHING)
        if word is None or is_odd or (isinstance(value, ast.Constant) and isinstance(value.value, float)):
            raise Refusal(node, f"({kind}): Python would find another value")
        return (
            value
            if word == "str" and isinstance(value, ast.Constant | ast.JoinedStr) and found is Kind.TEXT
            else nodes.call(word, value)
        )

    def exception(self, node: Node | None) -> ast.expr:
        """The class of an exception."""
        raise NotImplementedError

    def _as_dict(self, node: Node, value: ast.expr) -> ast.expr:
        if isinstance(value, ast.Dict):
            return value
        raise Refusal(node, "(object): of what is no mapping")

    def _compared(self, node: Node, operator: str, left: ast.expr, right: ast.expr) -> ast.expr:
        if nodes.is_loose(operator, left, right):
            raise Refusal(node, f"{operator}: PHP converts what it compares, Python does not; write {operator}=")
        kind = _COMPARISONS[operator]
        is_fixed = isinstance(right, ast.Constant) and (right.value is None or isinstance(right.value, bool))
        return nodes.compared(left, nodes.IDENTITY.get(kind, kind()) if is_fixed else kind(), right)

    def _otherwise(self, value: ast.expr, other: ast.expr) -> ast.expr:
        """``a ?? b``, where ``a`` may be an entry that is not there."""
        found = value
        if isinstance(value, ast.Subscript) and not isinstance(value.slice, ast.Slice):
            found = nodes.method(value.value, "get", value.slice)
        return nodes.choice(nodes.compared(found, ast.Is(), nodes.constant(None)), other, value)


def _flattened(node: Node, operator: str) -> list[Node]:
    """The operands of a row of the same operator, from left to right."""
    parts: list[Node] = []
    each: Node | None = node
    while (
        each is not None
        and each.type == "binary_expression"
        and text(each.child_by_field_name("operator")).lower() == operator
    ):
        right = each.child_by_field_name("right")
        if right is not None:
            parts.append(right)
        each = each.child_by_field_name("left")
    return [*([each] if each is not None else []), *reversed(parts)]
