"""JavaScript's statements as Python's."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from wechatpay_chain.port import nodes
from wechatpay_chain.port.js_declarations import Declarations
from wechatpay_chain.port.js_patterns import element_of
from wechatpay_chain.port.kinds import Kind
from wechatpay_chain.port.source import Refusal, children, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Js"]

# Marks of a documentation tool, which say nothing to readers.
_TOOLING = re.compile(r"^\s*(\^|@filename|---cut|\[!code)|^\[!code")


class Js(Declarations):
    """One snippet of JavaScript."""

    compound = frozenset(
        [
            "if_statement",
            "for_in_statement",
            "for_statement",
            "while_statement",
            "try_statement",
            "function_declaration",
            "statement_block",
            "else_clause",
        ]
    )

    def is_kept(self, line: str) -> bool:
        """Whether a comment is for readers."""
        return _TOOLING.search(line) is None

    def do_hash_bang_line(self, node: Node) -> list[ast.stmt]:
        """``#!/usr/bin/env node``."""
        return []

    def do_empty_statement(self, node: Node) -> list[ast.stmt]:
        """A semicolon."""
        return []

    def do_statement_block(self, node: Node) -> list[ast.stmt]:
        """Braces around statements."""
        return self.block(node.named_children)

    def do_export_statement(self, node: Node) -> list[ast.stmt]:
        """``export const …``: everything in a module is exported."""
        declaration = node.child_by_field_name("declaration")
        if declaration is None:
            raise Refusal(node, "export: of what is no declaration")
        return self.translated(declaration)

    def do_import_statement(self, node: Node) -> list[ast.stmt]:
        """``import { Wechatpay } from 'wechatpay-axios-plugin'``."""
        module = nodes.text_of(self.expression(node.child_by_field_name("source"))) or ""
        clause = next((each for each in children(node) if each.type == "import_clause"), None)
        for each in children(clause) if clause is not None else []:
            for name in children(each) if each.type == "named_imports" else [each]:
                part = text(name.child_by_field_name("name"))
                own = text(name.child_by_field_name("alias")) or part or text(name).rpartition(" ")[2]
                self.imported_as(node, module, part, own)
        return []

    def do_lexical_declaration(self, node: Node) -> list[ast.stmt]:
        """``const``, ``let`` and ``var``."""
        return [made for each in children(node) for made in self.declared(each)]

    do_variable_declaration = do_lexical_declaration

    def do_expression_statement(self, node: Node) -> list[ast.stmt]:
        """An assignment, or a call: what it promises is waited for."""
        inner = children(node)[0]
        if inner.type == "string":
            return []  # 'use strict'
        while inner.type == "parenthesized_expression":
            inner = children(inner)[0]
        handler = {
            "assignment_expression": self.assigned,
            "augmented_assignment_expression": self.augmented,
            "update_expression": self.updated,
        }.get(inner.type)
        if handler is not None:
            return handler(inner)
        if inner.type == "unary_expression" and text(inner).startswith("delete "):
            entry = self.expression(inner.child_by_field_name("argument"))
            if not isinstance(entry, ast.Subscript):
                raise Refusal(node, "delete: of an entry alone")
            if self.kind(entry.value) is Kind.LIST:
                raise Refusal(node, "delete: JS keeps the numbers of the other items, a list of Python does not")
            return [ast.Expr(nodes.method(entry.value, "pop", entry.slice, nodes.constant(None)))]
        if inner.type not in ("call_expression", "await_expression", "new_expression"):
            raise Refusal(node, f"{inner.type.replace('_', ' ')}: does nothing by itself")
        function = inner.child_by_field_name("function")
        if function is not None and function.type == "identifier" and text(function) not in self.returns:
            return [ast.Expr(self.expression(inner))]
        return [ast.Expr(self.awaited(inner))]

    def do_return_statement(self, node: Node) -> list[ast.stmt]:
        """``return``: from an async function what a promise brings."""
        if not self.functions_open:
            raise Refusal(node, "return: outside of a function")
        given = children(node)
        if not given:
            return [ast.Return(None)]
        is_promise = self.functions_open[-1] and given[0].type == "call_expression"
        return [ast.Return(self.awaited(given[0]) if is_promise else self.expression(given[0]))]

    def do_throw_statement(self, node: Node) -> list[ast.stmt]:
        """``throw``."""
        return [ast.Raise(self.expression(children(node)[0]), None)]

    def do_break_statement(self, node: Node) -> list[ast.stmt]:
        """``break`` out of the innermost loop."""
        return self._jump(node, ast.Break())

    def do_continue_statement(self, node: Node) -> list[ast.stmt]:
        """``continue`` of the innermost loop."""
        return self._jump(node, ast.Continue())

    def do_if_statement(self, node: Node) -> list[ast.stmt]:
        """``if`` and ``else``."""
        test = self.expression(node.child_by_field_name("condition"))
        body = self._block(node.child_by_field_name("consequence"))
        alternative = node.child_by_field_name("alternative")
        orelse: list[ast.stmt] = []
        if alternative is not None:
            inner = children(alternative)[0]
            orelse = self.statement(inner) if inner.type == "if_statement" else self._block(inner)
        return [ast.If(test, body, orelse)]

    def do_for_in_statement(self, node: Node) -> list[ast.stmt]:
        """``for (const x of xs)``."""
        left = node.child_by_field_name("left")
        if (
            left is None
            or text(node.child_by_field_name("operator")) != "of"
            or left.type
            not in (
                "identifier",
                "array_pattern",
            )
        ):
            raise Refusal(node, "for: of … of alone")
        things = self.expression(node.child_by_field_name("right"))
        parts = children(left) if left.type == "array_pattern" else [left]
        if any(each.type != "identifier" for each in parts):
            raise Refusal(node, "for: into variables alone")
        names: list[ast.expr] = [nodes.name(self.names[text(each)]) for each in parts]
        if len(names) == 1:
            self.scope[self.names[text(parts[0])]] = element_of(things, self.scope)
        if self.kind(things) is Kind.DICT:
            raise Refusal(node, "for: over an object, which has no order of its own")
        if left.type == "array_pattern" and isinstance(things, ast.Call) and isinstance(things.func, ast.Name):
            things = things.args[0]  # list(x.items()) only walks over it
        target: ast.expr = ast.Tuple(names, ast.Load()) if left.type == "array_pattern" else names[0]
        return [ast.For(target, things, self._looped(node), [])]

    def do_while_statement(self, node: Node) -> list[ast.stmt]:
        """``while``."""
        self.hoisted.append([])
        test = self.expression(node.child_by_field_name("condition"))
        if self.hoisted.pop():
            raise Refusal(node, "while: a condition that Python cannot write in one line")
        return [ast.While(test, self._looped(node), [])]

    def do_for_statement(self, node: Node) -> list[ast.stmt]:
        """``for (let i = 0; i < n; i += 1)`` is a range."""
        begin, test, step = (node.child_by_field_name(field) for field in ("initializer", "condition", "increment"))
        declarator = children(begin)[0] if begin is not None and children(begin) else None
        variable = text(declarator.child_by_field_name("name")) if declarator is not None else ""
        while test is not None and test.type == "expression_statement":
            test = children(test)[0]
        steps = (f"{variable}++", f"++{variable}", f"{variable} += 1", f"{variable}+=1")
        is_counted = test is not None and text(test.child_by_field_name("left")) == variable and text(step) in steps
        if declarator is None or test is None or not is_counted or text(test.child_by_field_name("operator")) != "<":
            raise Refusal(node, "for: a range alone")
        first = self.expression(declarator.child_by_field_name("value"))
        last = self.expression(test.child_by_field_name("right"))
        is_zero = isinstance(first, ast.Constant) and first.value == 0
        self.scope[self.names[variable]] = Kind.NUMBER
        counted = nodes.call("range", *([] if is_zero else [first]), last)
        return [ast.For(nodes.name(self.names[variable]), counted, self._looped(node), [])]

    def do_try_statement(self, node: Node) -> list[ast.stmt]:
        """``try``, ``catch`` and ``finally``."""
        body = self._block(node.child_by_field_name("body"))
        handler, final = node.child_by_field_name("handler"), node.child_by_field_name("finalizer")
        handlers = [] if handler is None else [self._catch(handler)]
        return [ast.Try(body, handlers, [], [] if final is None else self._block(final.child_by_field_name("body")))]

    def do_function_declaration(self, node: Node) -> list[ast.stmt]:
        """``function f(…) { … }``."""
        variable = text(node.child_by_field_name("name"))
        self.returning(node, variable)
        scope, parameters, before = self.entered(node, Kind.UNKNOWN)
        body = node.child_by_field_name("body")
        if body is None:
            raise Refusal(node, "a function without a body")
        outer, self.scope = self.scope, scope
        try:
            made = [*before, *self.body(body)]
        finally:
            self.scope = outer
        self.brought[variable] = self.brings
        return [nodes.function(self.names[variable], parameters, made or [ast.Pass()])]

    def _block(self, node: Node | None) -> list[ast.stmt]:
        """The statements of a body; an empty one passes."""
        if node is None:
            raise Refusal(self.source.root, "a body is missing")
        made = self.block(node.named_children) if node.type == "statement_block" else self.block([node])
        return made or [ast.Pass()]

    def _looped(self, node: Node) -> list[ast.stmt]:
        self.loops_open += 1
        try:
            return self._block(node.child_by_field_name("body"))
        finally:
            self.loops_open -= 1

    def _catch(self, clause: Node) -> ast.ExceptHandler:
        """What is caught: any error, as in JavaScript."""
        parameter = clause.child_by_field_name("parameter")
        kept, declared = dict(self.scope.aliases), set(self.scope.declared)
        word = None
        if parameter is not None and parameter.type == "identifier":
            self.scope.declared.add(text(parameter))
            word = self.names[text(parameter)]
            self.scope[word] = Kind.ERROR
        elif parameter is not None:
            word = self.word(Kind.ERROR, self.scope)
            self.scope[word] = Kind.ERROR
            self.scope.aliases |= {each.variable: each.value for each in self.taken_apart(parameter, nodes.name(word))}
        try:
            body = self._block(clause.child_by_field_name("body"))
        finally:
            self.scope.aliases, self.scope.declared = kept, declared
        return ast.ExceptHandler(nodes.name("Exception"), word, body)

    def _jump(self, node: Node, made: ast.stmt) -> list[ast.stmt]:
        if children(node) or not self.loops_open:
            raise Refusal(node, f"{text(node)[:20]}: out of the innermost loop alone")
        return [made]
