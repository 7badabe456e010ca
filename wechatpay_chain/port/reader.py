"""What the readers of both languages share: how a tree of tree-sitter becomes the parts of a program."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from wechatpay_chain.port import syntax
from wechatpay_chain.port.source import children, field_of, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Reader", "any_of", "is_broken"]

# Deeper than any program of a shop, and well within Python's own stack.
_MAX_DEPTH = 64
_LEAVES = ("break_statement", "return_statement", "continue_statement", "throw_statement")


class Reader:
    """One file; a language brings its rules, by the names that its grammar has for them."""

    expressions: ClassVar[dict[str, Callable[[Any, Node], syntax.Part | None]]]
    statements: ClassVar[dict[str, Callable[[Any, Node], Any]]]
    skipped: ClassVar[re.Pattern[str]]
    blocks: ClassVar[tuple[str, ...]]
    # The sign by which ``switch`` compares, and the field of what is compared.
    switch: ClassVar[tuple[str, str]]
    depth = 0

    def block(self, nodes: Iterable[Node]) -> list[syntax.Part]:
        """Statements in their order."""
        return [part for node in nodes for part in self.statement(node)]

    def body(self, node: Node | None) -> list[syntax.Part]:
        """The statements of a block, or the one that stands for it."""
        if node is None:
            return []
        return self.block(children(node) if node.type in self.blocks else [node])

    def statement(self, node: Node) -> list[syntax.Part]:
        """The statements that a node stands for."""
        if self.depth > _MAX_DEPTH:
            return [syntax.Other(node, [], "nested too deeply")]
        self.depth += 1
        try:
            rule = self.statements.get(node.type)
            if rule is not None and not is_broken(node):
                with contextlib.suppress(IndexError, TypeError):  # of a node that lacks a part
                    made = rule(self, node)
                    return made if isinstance(made, list) else [made]
            if node.type in self.expressions:
                return [self.effect(node, self.value(node))]
            if self.skipped.fullmatch(node.type) or node.type.endswith("_type"):
                return []
            return [syntax.Other(node, self.block(children(node)), _problem(node))]
        finally:
            self.depth -= 1

    def effect(self, node: Node, value: syntax.Part) -> syntax.Part:
        """An expression statement; ``a ? b : c``, ``a && b`` and ``a or b`` are ifs."""
        inner = value.value if isinstance(value, syntax.Await) else value
        if isinstance(inner, syntax.Operation) and inner.operator in ("&&", "and", "||", "or"):
            left, right = inner.operands
            test = left if inner.operator in ("&&", "and") else syntax.Operation(left.node, "!", [left])
            return syntax.If(node, test, [self.effect(right.node, right)], [])
        if isinstance(value, syntax.Operation) and value.operator == "?:" and len(value.operands) == 3:
            test, body, other = value.operands
            return syntax.If(node, test, [self.effect(body.node, body)], [self.effect(other.node, other)])
        return syntax.Do(node, value)

    def value(self, node: Node | None) -> syntax.Part:
        """The expression that a node stands for."""
        if node is None:
            raise TypeError
        if self.depth > _MAX_DEPTH:
            return syntax.Other(node, [], "nested too deeply")
        self.depth += 1
        try:
            rule = self.expressions.get(node.type)
            if rule is not None and not is_broken(node):
                with contextlib.suppress(IndexError, TypeError):
                    found = rule(self, node)
                    if found is not None:
                        return found
            parts: list[syntax.Part] = []
            for child in children(node):
                is_value = child.type in self.expressions or not (
                    child.type in self.statements or self.skipped.fullmatch(child.type)
                )
                parts += [self.value(child)] if is_value else self.statement(child)
            return syntax.Other(node, parts, _problem(node))
        finally:
            self.depth -= 1

    def inner(self, node: Node) -> syntax.Part | None:
        """What stands within parentheses, or behind a word that changes nothing."""
        found = children(node)
        return self.value(found[0]) if found else None

    def operation(self, node: Node) -> syntax.Part | None:
        """An operator with one or two operands, or ``? :``."""
        names = ("condition", "body", "consequence", "alternative", "left", "right", "argument")
        operands = [self.value(found) for name in names if (found := field_of(node, name)) is not None]
        sign = field_of(node, "operator")
        word = (
            "?:"
            if field_of(node, "condition") is not None
            else text(sign)
            if sign is not None
            else node.children[0].type
        )
        return syntax.Operation(node, word.lower(), operands)

    def assign(self, node: Node) -> syntax.Part:
        """An assignment with any operator."""
        sign, left = field_of(node, "operator"), field_of(node, "left")
        target = self.pattern(left) if left is not None else syntax.Other(node, [])
        return syntax.Assign(node, target, "=" if sign is None else text(sign), self.value(field_of(node, "right")))

    def pattern(self, node: Node) -> syntax.Part:
        """What is assigned to."""
        return self.value(node)

    def give_back(self, node: Node) -> syntax.Part:
        """``return``."""
        found = children(node)
        return syntax.Return(node, self.value(found[0]) if found else None)

    def branch(self, node: Node) -> syntax.Part:
        """``if`` with all its alternatives."""
        other: list[syntax.Part] = []
        alternatives = [
            each for index, each in enumerate(node.children) if node.field_name_for_child(index) == "alternative"
        ]
        for each in reversed(alternatives):
            if each.type == "else_clause":
                other = self.body(field_of(each, "body") or children(each)[0])
            else:
                other = [
                    syntax.If(each, self.value(field_of(each, "condition")), self.body(field_of(each, "body")), other)
                ]
        body = self.body(field_of(node, "body") or field_of(node, "consequence"))
        return syntax.If(node, self.value(field_of(node, "condition")), body, other)

    def loop(self, node: Node) -> syntax.Part:
        """``for (;;)``, ``while``, ``do``."""
        test, start = field_of(node, "condition"), field_of(node, "initialize") or field_of(node, "initializer")
        body = [*(self.statement(start) if start is not None else []), *self.body(field_of(node, "body"))]
        if test is None or test.type == "empty_statement":
            return syntax.Loop(node, None, None, [], body)
        value = self.value(test)
        is_first = node.type == "do_statement"
        return syntax.Loop(node, None if is_first else value, value if is_first else None, [], body)

    def cases(self, node: Node) -> list[syntax.Part]:
        """``switch``: each case is an if; one that falls through is a condition of the next.

        The default is what no case is.
        """
        sign, name = self.switch
        made: list[syntax.Part] = []
        subject = self.value(field_of(node, name))
        if not isinstance(subject, syntax.Name | syntax.Literal | syntax.Access):
            word = syntax.Name(subject.node, f"case_{node.start_byte}")
            made.append(syntax.Do(subject.node, syntax.Assign(subject.node, word, "=", subject, declares=True)))
            subject = word
        clauses = children(field_of(node, "body"))
        values = {each: field_of(each, "value") for each in clauses}
        cases: dict[Node, syntax.Part] = {
            each: syntax.Operation(each, sign, [subject, self.value(value)])
            for each, value in values.items()
            if value is not None
        }
        tests: list[syntax.Part] = []
        for each in clauses:
            value = values[each]
            is_any = any_of(each, list(cases.values()))
            tests.append(syntax.Operation(each, "!", [is_any]) if value is None else cases[each])
            body = [child for child in children(each) if child != value]
            if len(body) == 1 and body[0].type in self.blocks:
                body = children(body[0])
            if not body:
                continue
            test = any_of(each, tests)
            parts = self.block(body[:-1] if body[-1].type == "break_statement" else body)
            made.append(syntax.If(each, test, parts, []))
            tests = [] if body[-1].type in _LEAVES else tests
        return made


def any_of(node: Node, tests: list[syntax.Part]) -> syntax.Part:
    """Whether one of the tests is true."""
    made = tests[0] if tests else syntax.Literal(node, False)
    for other in tests[1:]:
        made = syntax.Operation(node, "||", [made, other])
    return made


def is_broken(node: Node) -> bool:
    """Whether the source of a node is not sound; the semicolon at its end may be missing."""
    return any(child.type == "ERROR" or (child.is_missing and child.type != ";") for child in node.children)


def _problem(node: Node) -> str:
    return "the syntax is broken" if node.type == "ERROR" or is_broken(node) else ""
