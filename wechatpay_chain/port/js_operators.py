"""JavaScript's operators as Python's."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from wechatpay_chain.port import nodes
from wechatpay_chain.port.kinds import Kind
from wechatpay_chain.port.source import Refusal, children, text
from wechatpay_chain.port.writer import Writer

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Operators"]

_ARITHMETIC: dict[str, ast.operator] = {"-": ast.Sub(), "*": ast.Mult(), "/": ast.Div()}


class Operators(Writer):
    """Expressions that compute."""

    def on_binary_expression(self, node: Node) -> ast.expr:
        """Two values and what is done with them."""
        operator = text(node.child_by_field_name("operator"))
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if operator in ("+", "&&", "||"):
            parts = _flattened(node, operator)
            if operator == "+":
                return self._sum([(part, self.expression(part)) for part in parts])
            kind = ast.And if operator == "&&" else ast.Or
            return ast.BoolOp(kind(), [self.expression(part) for part in parts])
        first, second = self.expression(left), self.expression(right)
        if operator == "??":
            found = nodes.method(first.value, "get", first.slice) if isinstance(first, ast.Subscript) else first
            return nodes.choice(nodes.compared(found, ast.Is(), nodes.constant(None)), second, first)
        if operator in nodes.COMPARISONS:
            if nodes.is_loose(operator, first, second):
                raise Refusal(node, f"{operator}: JS converts what it compares, Python does not; write {operator}=")
            compare = nodes.COMPARISONS[operator]
            is_fixed = isinstance(second, ast.Constant) and (second.value is None or isinstance(second.value, bool))
            return nodes.compared(first, nodes.IDENTITY.get(compare, compare()) if is_fixed else compare(), second)
        if operator == "in":
            return nodes.compared(first, ast.In(), second)
        if operator not in _ARITHMETIC or Kind.TEXT in (self.kind(first), self.kind(second)):
            raise Refusal(node, f"{operator}: Python would find another value")
        return ast.BinOp(first, _ARITHMETIC[operator], second)

    def on_unary_expression(self, node: Node) -> ast.expr:
        """``!`` and ``-``; ``+`` of a date is its milliseconds."""
        operator = text(node.child_by_field_name("operator"))
        argument = node.child_by_field_name("argument")
        while argument is not None and argument.type == "parenthesized_expression":
            argument = children(argument)[0]
        if operator == "+" and argument is not None and text(argument).removesuffix("()") == "new Date":
            return self.milliseconds()
        value = self.expression(argument)
        if operator == "!":
            return nodes.negated(value)
        if operator == "-" and isinstance(value, ast.Constant) and isinstance(value.value, int | float):
            return nodes.constant(-value.value)
        if operator != "-":
            raise Refusal(node, f"{operator}: nothing here does the same")
        return ast.UnaryOp(ast.USub(), value)

    def on_ternary_expression(self, node: Node) -> ast.expr:
        """``a ? b : c``."""
        test, body, orelse = (
            self.expression(node.child_by_field_name(field)) for field in ("condition", "consequence", "alternative")
        )
        return nodes.choice(test, body, orelse)

    def milliseconds(self) -> ast.expr:
        """The time as JavaScript counts it."""
        seconds = nodes.method(self.module("time"), "time")
        return nodes.call("int", ast.BinOp(seconds, ast.Mult(), nodes.constant(1000)))

    def _sum(self, parts: list[tuple[Node, ast.expr]]) -> ast.expr:
        kinds = [self.kind(value) for _, value in parts]
        if Kind.TEXT in kinds[:2]:
            return self.joined(parts)
        if Kind.TEXT in kinds:
            raise Refusal(parts[0][0], "+: whether these are numbers or texts is not known")
        whole = parts[0][1]
        for _, value in parts[1:]:
            whole = ast.BinOp(whole, ast.Add(), value)
        return whole


def _flattened(node: Node, operator: str) -> list[Node]:
    """The operands of a row of the same operator, from left to right."""
    parts: list[Node] = []
    each: Node | None = node
    while (
        each is not None and each.type == "binary_expression" and text(each.child_by_field_name("operator")) == operator
    ):
        right = each.child_by_field_name("right")
        if right is not None:
            parts.append(right)
        each = each.child_by_field_name("left")
    return [*([each] if each is not None else []), *reversed(parts)]
