"""What the readers of both languages share: how a tree of tree-sitter becomes the parts of a program."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from wechatpay_chain.port import ir
from wechatpay_chain.port.source import children, field_of, is_broken, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Reader", "Rules", "any_of", "by_type"]

# Deeper than any program of a shop, and well within Python's own stack.
_MAX_DEPTH = 64
_BLOCKS = ("compound_statement", "colon_block", "switch_block", "statement_block", "class_body")
_LEAVES = ("break_statement", "return_statement", "continue_statement", "throw_statement")
_TEXTS = ("string_content", "escape_sequence", "string_fragment")
# Of a node that lacks a part, or of a literal that Python cannot hold: it has no rule.
_NO_RULE = (IndexError, TypeError, ValueError, OverflowError)
# What makes a part or several of a node; None where the rule does not hold.
Rules = dict[str, Callable[[Any, "Node"], Any]]


def by_type(rules: Rules) -> Rules:
    """Rules by the type of a node, from rules for several types each."""
    return {each: rule for types, rule in rules.items() for each in types.split()}


class Reader:
    """One file; a language brings its rules, by the names that its grammar has for them."""

    skipped: ClassVar[re.Pattern[str]]
    # The sign by which ``switch`` compares, and the field of what is compared.
    switch: ClassVar[tuple[str, str]]
    depth = 0

    def short_type(self, node: Node | None) -> str:
        """The short name of a type."""
        raise NotImplementedError

    def unescape(self, source: str) -> str:
        """The text that the source of a literal stands for; raises ValueError for what no text can be."""
        raise NotImplementedError

    # Statements

    def block(self, nodes: Iterable[Node]) -> list[ir.Part]:
        """Statements in their order."""
        return [part for node in nodes for part in self.statement(node)]

    def body(self, node: Node | None) -> list[ir.Part]:
        """The statements of a block, or the one that stands for it."""
        if node is None:
            return []
        return self.block(children(node) if node.type in _BLOCKS else [node])

    def statement(self, node: Node) -> list[ir.Part]:
        """The statements that a node stands for."""
        if self.depth > _MAX_DEPTH:
            return [ir.Other(node, [], "nested too deeply")]
        self.depth += 1
        try:
            made = self._by_rule(self.statements, node)
            if made is not None:
                return made if isinstance(made, list) else [made]
            if node.type in self.expressions:
                return self.effect(node, self.value(node))
            if self.skipped.fullmatch(node.type) or node.type.endswith("_type"):
                return []
            return [ir.Other(node, self.block(children(node)), _problem(node))]
        finally:
            self.depth -= 1

    def _by_rule(self, rules: Rules, node: Node) -> Any:
        if node.type in rules and not is_broken(node):
            with contextlib.suppress(*_NO_RULE):
                return rules[node.type](self, node)
        return None

    def effect(self, node: Node, value: ir.Part) -> list[ir.Part]:
        """An expression statement; ``a ? b : c``, ``a && b`` and ``a or b`` are ifs."""
        inner = ir.awaited(value)
        if isinstance(inner, ir.Operation) and inner.operator in ("&&", "and", "||", "or"):
            left, right = inner.operands
            test = left if inner.operator in ("&&", "and") else ir.Operation(left.node, "!", [left])
            return [ir.If(node, test, self.effect(right.node, right), [])]
        if isinstance(value, ir.Operation) and value.operator == "?:" and len(value.operands) == 3:
            test, body, other = value.operands
            return [ir.If(node, test, self.effect(body.node, body), self.effect(other.node, other))]
        return [] if isinstance(value, ir.Literal) else [ir.Do(node, value)]

    def expression(self, node: Node) -> list[ir.Part]:
        """An expression, or several with commas between, as a statement."""
        made: list[ir.Part] = []
        for each in children(node):
            made += self.statement(each) if each.type in self.statements else self.effect(node, self.value(each))
        return made

    def branch(self, node: Node) -> ir.Part:
        """``if`` with all its alternatives."""
        other: list[ir.Part] = []
        for each in reversed(node.children_by_field_name("alternative")):
            if each.type == "else_clause":
                other = self.body(field_of(each, "body") or children(each)[0])
            else:
                test, body = self.value(field_of(each, "condition")), self.body(field_of(each, "body"))
                other = [ir.If(each, test, body, other)]
        body = self.body(field_of(node, "body", "consequence"))
        return ir.If(node, self.value(field_of(node, "condition")), body, other)

    def loop(self, node: Node) -> ir.Part:
        """``for (;;)``, ``while``, ``do``."""
        test, start = field_of(node, "condition"), field_of(node, "initialize", "initializer")
        parts = (start, field_of(node, "body"), field_of(node, "increment", "update"))
        body = [made for part in parts for made in self.body(part)]
        if test is None or test.type == "empty_statement":
            return ir.Loop(node, None, None, [], body)
        value = self.value(test)
        is_first = node.type == "do_statement"
        return ir.Loop(node, None if is_first else value, value if is_first else None, [], body)

    def cases(self, node: Node) -> list[ir.Part]:
        """``switch``: each case is an if; one that falls through is a condition of the next.

        The default is what no case is.
        """
        sign, name = self.switch
        made: list[ir.Part] = []
        subject = self.value(field_of(node, name))
        if not isinstance(subject, ir.Name | ir.Literal | ir.Access):
            word = ir.Name(subject.node, f"case_{node.start_byte}")
            made.append(ir.Do(subject.node, ir.Assign(subject.node, word, "=", subject, declares=True)))
            subject = word
        clauses = [(each, field_of(each, "value")) for each in children(field_of(node, "body"))]
        cases: dict[Node, ir.Part] = {
            each: ir.Operation(each, sign, [subject, self.value(value)]) for each, value in clauses if value is not None
        }
        tests: list[ir.Part] = []
        for each, value in clauses:
            tests.append(cases.get(each) or ir.Operation(each, "!", [any_of(each, list(cases.values()))]))
            body = [child for child in children(each) if child != value]
            if len(body) == 1 and body[0].type in _BLOCKS:
                body = children(body[0])
            if body:
                parts = self.block(body[:-1] if body[-1].type == "break_statement" else body)
                made.append(ir.If(each, any_of(each, tests), parts, []))
                tests = [] if body[-1].type in _LEAVES else tests
        return made

    def attempt(self, node: Node) -> ir.Part:
        """``try`` with what it catches."""
        handlers: list[ir.Handler] = []
        final: list[ir.Part] = []
        for each in children(node):
            if each.type == "catch_clause":
                name = field_of(each, "name", "parameter")
                target = None if name is None else self.pattern(name)
                handlers.append(ir.Handler(each, self.caught_classes(each), target, self.body(field_of(each, "body"))))
            elif each.type == "finally_clause":
                final = self.body(field_of(each, "body"))
        return ir.Try(node, self.body(field_of(node, "body")), handlers, final)

    def caught_classes(self, node: Node) -> list[ir.ClassName]:
        """The classes that a ``catch`` takes: any, where the language does not say."""
        return [ir.ClassName(node, "Exception", True)]

    # Classes and functions

    def define_class(self, node: Node) -> ir.Part:
        """A class, a trait, an enumeration."""
        parts = self.block(children(field_of(node, "body") or node))
        return ir.Define(node, text(field_of(node, "name")) or "class", parts, is_class=True)

    def method(self, node: Node) -> ir.Part:
        """A method, or a function with a name."""
        function = self.function(node)
        return ir.Define(node, function.name, [function])

    def member(self, node: Node, name: str, value: ir.Part) -> ir.Part:
        """A property of ``this`` that gets a value."""
        target = ir.Access(node, ir.Name(node, "this"), ir.Literal(node, name))
        return ir.Do(node, ir.Assign(node, target, "=", value))

    def class_property(self, node: Node, kind: str, name: str, value: Node | None) -> ir.Part:
        """A property of a class, filled or not."""
        told = ir.Literal(node, None) if value is None else self.value(value)
        return ir.Define(node, f"{kind} {name}", [self.member(node, name, told)])

    def function(self, node: Node) -> ir.Function:
        """A function, a method or a closure; parameters may be properties too."""
        single = field_of(node, "parameter")
        nodes = [single] if single is not None else children(field_of(node, "parameters"))
        parameters = [self.parameter(each) for each in nodes]
        parts = [
            self.member(each.node, ir.word_of(each.pattern), each.pattern)
            for each in parameters
            if self.is_promoted(each.node)
        ]
        body = field_of(node, "body")
        is_value = body is not None and body.type not in _BLOCKS
        parts += [ir.Return(body, self.value(body))] if body is not None and is_value else self.body(body)
        is_async = any(child.type == "async" for child in node.children)
        name, returns = text(field_of(node, "name")).lstrip("#"), self.short_type(field_of(node, "return_type"))
        return ir.Function(node, parameters, parts, name, is_async, self.shared_names(node), returns)

    def parameter(self, node: Node) -> ir.Parameter:
        """A parameter with its default and its type."""
        pattern = self.pattern(field_of(node, "pattern", "left", "name") or node)
        if node.type == "variadic_parameter":
            pattern = ir.Spread(node, pattern)
        default = field_of(node, "value", "right", "default_value")
        value = None if default is None else self.value(default)
        return ir.Parameter(node, pattern, value, self.short_type(field_of(node, "type")))

    def is_promoted(self, node: Node) -> bool:
        """Whether a parameter is a property as well."""
        marks = {mark for child in node.children for mark in (child.type, text(child))}
        return node.type == "property_promotion_parameter" or bool(marks & {"accessibility_modifier", "readonly"})

    def shared_names(self, node: Node) -> frozenset[str]:
        """The variables of others that a function changes, where the language has to say so."""
        return frozenset()

    # Expressions

    def value(self, node: Node | None) -> ir.Part:
        """The expression that a node stands for."""
        if node is None:
            raise TypeError
        if self.depth > _MAX_DEPTH:
            return ir.Other(node, [], "nested too deeply")
        self.depth += 1
        try:
            found: ir.Part | None = self._by_rule(self.expressions, node)
            if found is not None:
                return found
            parts: list[ir.Part] = []
            for child in children(node):
                is_other = child.type in self.statements or self.skipped.fullmatch(child.type)
                is_value = child.type in self.expressions or not is_other
                parts += [self.value(child)] if is_value else self.statement(child)
            return ir.Other(node, parts, _problem(node))
        finally:
            self.depth -= 1

    def inner(self, node: Node) -> ir.Part | None:
        """What stands within parentheses, or behind a word."""
        found = children(node)
        return self.value(found[0]) if found else None

    def first(self, node: Node) -> ir.Part:
        """What stands behind a sign."""
        return self.value(children(node)[0])

    def operation(self, node: Node) -> ir.Part | None:
        """An operator with one or two operands, or ``? :``."""
        names = ("condition", "body", "consequence", "alternative", "left", "right", "argument")
        operands = [self.value(found) for name in names if (found := field_of(node, name)) is not None]
        sign = field_of(node, "operator") or node.children[0]
        word = "?:" if field_of(node, "condition") is not None else text(sign)
        return ir.Operation(node, word.lower(), operands)

    def assign(self, node: Node) -> ir.Part:
        """An assignment with any operator."""
        sign, left = field_of(node, "operator"), field_of(node, "left")
        target = self.pattern(left) if left is not None else ir.Other(node, [])
        return ir.Assign(node, target, "=" if sign is None else text(sign), self.value(field_of(node, "right")))

    def pattern(self, node: Node) -> ir.Part:
        """What is assigned to."""
        return self.value(node)

    def positions(self, node: Node) -> ir.Part:
        """A destructuring by position, or by the keys that stand before ``=>``."""
        entries: list[tuple[ir.Part | None, ir.Part]] = []
        key: ir.Part | None = None
        place = 0
        for child in node.children:
            place += child.type == ","
            if child.type == "by_ref":
                raise TypeError
            if child.type == "=>":
                key = entries.pop()[1]
            elif child.is_named and child.type != "comment":
                entries.append((key or ir.Literal(child, place), self.pattern(child)))
                key = None
        return ir.Items(node, entries, is_list=False)

    def template(self, node: Node) -> ir.Part:
        """Text with values in it."""
        pieces: list[ir.Part] = []
        whole, place, told = node.text or b"", node.start_byte, ""
        for each in node.children:
            # Not all of the text stands in parts that the grammar names.
            told += whole[place - node.start_byte : each.start_byte - node.start_byte].decode("utf-8", "replace")
            place = each.end_byte
            if each.type in _TEXTS:
                told += text(each)
            elif each.is_named:
                pieces += [ir.Literal(node, self.unescape(told)), self.interpolation(each)]
                told = ""
        pieces.append(ir.Literal(node, self.unescape(told)))
        return pieces[0] if len(pieces) == 1 else ir.Template(node, pieces)

    def interpolation(self, node: Node) -> ir.Part:
        """A value in a text."""
        return self.value(node)

    # What both grammars have, each by names of its own.
    statements: ClassVar[Rules] = by_type(
        {
            "expression_statement decorator": expression,
            "compound_statement statement_block": body,
            "labeled_statement internal_module namespace_definition": lambda self, node: self.body(
                field_of(node, "body")
            ),
            "break_statement continue_statement goto_statement": lambda self, node: ir.Leave(node),
            "return_statement": lambda self, node: ir.Return(node, self.inner(node)),
            "throw_statement exit_statement": lambda self, node: ir.Throw(node, self.inner(node)),
            "if_statement": branch,
            "for_statement while_statement do_statement": loop,
            "switch_statement": cases,
            "try_statement": attempt,
            "class_declaration abstract_class_declaration trait_declaration class anonymous_class": define_class,
            "function_definition method_declaration method_definition function_declaration": method,
        }
    )
    expressions: ClassVar[Rules] = by_type(
        {
            "null": lambda self, node: ir.Literal(node, None),
            "encapsed_string template_string": template,
            "list_literal": positions,
            "spread_element variadic_unpacking": lambda self, node: ir.Spread(node, self.first(node)),
            "anonymous_function_creation_expression anonymous_function": function,
            "arrow_function function_expression function generator_function": function,
            "binary_expression unary_op_expression conditional_expression ternary_expression": operation,
            "assignment_expression augmented_assignment_expression": lambda self, node: self.assign(node),
            "update_expression": lambda self, node: ir.Assign(node, self.first(node), "++", ir.Literal(node, 1)),
            "parenthesized_expression error_suppression_expression as_expression": inner,
            "satisfies_expression non_null_expression instantiation_expression": inner,
        }
    )


def any_of(node: Node, tests: list[ir.Part]) -> ir.Part:
    """Whether one of the tests is true."""
    made = tests[0] if tests else ir.Literal(node, False)
    for other in tests[1:]:
        made = ir.Operation(node, "||", [made, other])
    return made


def _problem(node: Node) -> str:
    return "the syntax is broken" if node.type == "ERROR" or is_broken(node) else ""
