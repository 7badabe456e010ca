"""PHP's statements and closures as Python's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from wechatpay_chain.port import nodes
from wechatpay_chain.port.kinds import Kind, Scope
from wechatpay_chain.port.names import CLASSES, EXCEPTIONS, TYPES, path_word
from wechatpay_chain.port.php_assignments import Assignments
from wechatpay_chain.port.php_variables import changed_in, stored
from wechatpay_chain.port.source import Refusal, children, descendants, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Php"]


class Php(Assignments):
    """One snippet of PHP."""

    compound = frozenset(
        [
            "if_statement",
            "foreach_statement",
            "for_statement",
            "while_statement",
            "try_statement",
            "function_definition",
            "compound_statement",
        ]
    )

    def do_php_tag(self, node: Node) -> list[ast.stmt]:
        """``<?php``, a semicolon."""
        return []

    def do_text_interpolation(self, node: Node) -> list[ast.stmt]:
        """``?>`` with nothing behind it."""
        if text(node).replace("?>", "").strip():
            raise Refusal(node, "?>: text outside of PHP")
        return []

    # declare(strict_types=1): Python is as strict.
    do_declare_statement = do_empty_statement = do_php_tag

    def do_namespace_use_declaration(self, node: Node) -> list[ast.stmt]:
        """``use``: what is used is imported."""
        group = node.child_by_field_name("body")
        prefix = next((text(each) + "\\" for each in children(node) if each.type == "namespace_name"), "")
        for clause in children(group if group is not None else node):
            if clause.type != "namespace_use_clause" or text(clause).startswith(("function ", "const ")):
                if clause.type == "namespace_name":
                    continue
                raise Refusal(node, "use: of what is no class")
            named = children(clause)[0]
            whole = (prefix + text(named)).removeprefix("\\")
            alias = text(clause.child_by_field_name("alias")) or whole.rpartition("\\")[2]
            self.imported[alias] = whole
            self._import(node, whole)
        return []

    def do_expression_statement(self, node: Node) -> list[ast.stmt]:
        """An assignment, a call, a throw."""
        inner = children(node)[0]
        while inner.type == "parenthesized_expression":
            inner = children(inner)[0]
        handler = {
            "assignment_expression": self.assigned,
            "augmented_assignment_expression": self.augmented,
            "update_expression": self.updated,
            "throw_expression": self._throw,
            "require_once_expression": self._load,
            "require_expression": self._load,
            "include_expression": self._load,
            "include_once_expression": self._load,
            "print_intrinsic": self.do_echo_statement,
        }.get(inner.type)
        return handler(inner) if handler else [ast.Expr(self.expression(inner))]

    def do_echo_statement(self, node: Node) -> list[ast.stmt]:
        """``echo a, b``: the line ends by itself."""
        given = children(node)
        if len(given) == 1 and given[0].type == "sequence_expression":
            given = list(_sequence(given[0]))
        values = [self.expression(each) for each in given]
        while values and nodes.text_of(values[-1]) in ("\n", "\r\n"):
            values.pop()
        if values:
            values[-1] = nodes.without_end(values[-1])
        return [ast.Expr(nodes.call("print", *values))]

    def do_compound_statement(self, node: Node) -> list[ast.stmt]:
        """Braces around statements."""
        return self.block(node.named_children)

    def do_return_statement(self, node: Node) -> list[ast.stmt]:
        """``return``."""
        if not self.functions_open:
            raise Refusal(node, "return: outside of a function")
        given = children(node)
        return [ast.Return(self.expression(given[0]) if given else None)]

    def do_break_statement(self, node: Node) -> list[ast.stmt]:
        """``break`` and ``continue``, of one loop."""
        if children(node) or not self.loops_open:
            raise Refusal(node, f"{text(node)[:20]}: of one loop alone")
        return [ast.Break() if node.type == "break_statement" else ast.Continue()]

    do_continue_statement = do_break_statement

    def do_unset_statement(self, node: Node) -> list[ast.stmt]:
        """``unset($a['b'])``, not of a list: Python's has no holes."""
        made: list[ast.stmt] = []
        for each in children(node):
            value = self.expression(each)
            if not isinstance(value, ast.Subscript) or self.is_chain(value) or self.kind(value.value) is Kind.LIST:
                raise Refusal(node, "unset: of an entry of a mapping alone")
            made.append(ast.Expr(nodes.method(value.value, "pop", value.slice, nodes.constant(None))))
        return made

    def do_if_statement(self, node: Node) -> list[ast.stmt]:
        """``if``, ``elseif`` and ``else``."""
        rest = list(node.children_by_field_name("alternative"))
        return [self._branch(node, rest)]

    def do_foreach_statement(self, node: Node) -> list[ast.stmt]:
        """``foreach ($a as $k => $v)``."""
        body = node.child_by_field_name("body")
        source, target = [each for each in children(node) if body is None or each.start_byte != body.start_byte][:2]
        things = self.expression(source)
        names = children(target) if target.type == "pair" else [target]
        if any(each.type != "variable_name" for each in names) or "&" in text(target):
            raise Refusal(node, "foreach: into variables alone")
        targets = [self.expression(each) for each in names]
        kind = self.kind(things)
        changing = changed_in(body)
        first = [self.copied(each) for each in names if text(each)[1:] in changing]
        if kind not in (Kind.DICT, Kind.LIST) and not isinstance(things, ast.Name | ast.Subscript):
            kept = self.names.fresh("found")
            self.hoisted[-1].append(nodes.assign(kept, things))
            things = nodes.name(kept)
        if len(targets) == 2:
            self.scope[self.names[text(names[0])[1:]]] = Kind.KEY
        walked = nodes.method(things, "items" if len(targets) == 2 else "values")
        listed = nodes.call("enumerate", things) if len(targets) == 2 else things
        if kind not in (Kind.DICT, Kind.LIST):
            # PHP walks over lists and mappings alike.
            things = nodes.choice(nodes.call("isinstance", things, nodes.name("dict")), walked, listed)
        else:
            things = walked if kind is Kind.DICT else listed
        whole: ast.expr = ast.Tuple(targets, ast.Load()) if len(targets) == 2 else targets[0]
        return [ast.For(whole, things, [*first, *self._looped(body)], [])]

    def do_for_statement(self, node: Node) -> list[ast.stmt]:
        """``for ($i = 0; $i < $n; $i++)`` is a range."""
        parts = [node.child_by_field_name(field) for field in ("initialize", "condition", "update", "body")]
        begin, test, step, body = parts
        variable = text(begin.child_by_field_name("left")) if begin is not None else ""
        operator = text(test.child_by_field_name("operator")) if test is not None else ""
        is_counted = (
            begin is not None
            and test is not None
            and variable
            and text(test.child_by_field_name("left")) == variable
            and operator in ("<", "<=")
            and text(step) in (f"{variable}++", f"++{variable}")
            and not any(text(each) == variable for part in descendants(body or node) for each in stored(part))
        )
        if not is_counted or begin is None or test is None:
            raise Refusal(node, "for: a range alone")
        last = self.expression(test.child_by_field_name("right"))
        if operator == "<=":
            last = ast.BinOp(last, ast.Add(), nodes.constant(1))
        first = self.expression(begin.child_by_field_name("right"))
        is_zero = isinstance(first, ast.Constant) and first.value == 0
        self.scope[self.names[variable[1:]]] = Kind.NUMBER
        counted = nodes.call("range", *([] if is_zero else [first]), last)
        return [ast.For(nodes.name(self.names[variable[1:]]), counted, self._looped(body), [])]

    def do_while_statement(self, node: Node) -> list[ast.stmt]:
        """``while``."""
        self.hoisted.append([])
        test = self.expression(node.child_by_field_name("condition"))
        if self.hoisted.pop():
            raise Refusal(node, "while: a condition that Python cannot write in one line")
        return [ast.While(test, self._looped(node.child_by_field_name("body")), [])]

    def do_try_statement(self, node: Node) -> list[ast.stmt]:
        """``try``, ``catch`` and ``finally``."""
        handlers: list[ast.ExceptHandler] = []
        final: list[ast.stmt] = []
        body = self._block(node.child_by_field_name("body"))
        for clause in children(node):
            if clause.type == "finally_clause":
                final = self._block(clause.child_by_field_name("body"))
            elif clause.type == "catch_clause":
                handlers.append(self._catch(clause))
        return [ast.Try(body, handlers, [], final)]

    def do_function_definition(self, node: Node) -> list[ast.stmt]:
        """``function f(…) { … }``."""
        scope = Scope()
        parameters, first = self.parameters(node, scope, Kind.UNKNOWN, [])
        outer, self.scope = self.scope, scope
        self.functions_open += 1
        try:
            made = [*first, *self._block(node.child_by_field_name("body"))]
        finally:
            self.scope = outer
            self.functions_open -= 1
        return [nodes.function(self.names[text(node.child_by_field_name("name"))], parameters, made)]

    def do_const_declaration(self, node: Node) -> list[ast.stmt]:
        """``const NAME = …``."""
        made: list[ast.stmt] = []
        for each in children(node):
            name, value = children(each)
            if path_word(text(name)) != text(name) or text(name) in CLASSES:
                raise Refusal(node, "const: a name that Python keeps for itself")
            made.append(nodes.assign(text(name), self.expression(value)))
            self.constants = self.constants | {text(name)}
        return made

    def _import(self, node: Node, whole: str) -> None:
        short = self.resolved_whole(whole)
        if short in CLASSES:
            self.uses(CLASSES[short], short)
        elif short in EXCEPTIONS:
            name = EXCEPTIONS[short] or short
            if name != "Exception":
                self.uses("wechatpay_chain.php", name)
        elif short == "Promise\\Utils":
            self.uses("wechatpay_chain", "Promise")
        elif short not in TYPES:
            raise Refusal(node, f"use {whole[:60]}: the package has no such class")

    def _branch(self, node: Node, rest: list[Node]) -> ast.If:
        test = self.expression(node.child_by_field_name("condition"))
        body = self._block(node.child_by_field_name("body"))
        if not rest:
            return ast.If(test, body, [])
        following = rest[0]
        if following.type == "else_if_clause":
            self.hoisted.append([])
            orelse: list[ast.stmt] = [self._branch(following, rest[1:])]
            return ast.If(test, body, [*self.hoisted.pop(), *orelse])
        inner = following.child_by_field_name("body")
        if inner is not None and inner.type == "if_statement":
            return ast.If(test, body, self.statement(inner))
        return ast.If(test, body, self._block(inner))

    def _block(self, node: Node | None) -> list[ast.stmt]:
        """The statements of a body; an empty one passes."""
        if node is None:
            raise Refusal(self.source.root, "a body is missing")
        self.blocks_open += 1
        try:
            made = self.block(node.named_children if node.type in ("compound_statement", "colon_block") else [node])
        finally:
            self.blocks_open -= 1
        return made or [ast.Pass()]

    def _looped(self, node: Node | None) -> list[ast.stmt]:
        self.loops_open += 1
        try:
            return self._block(node)
        finally:
            self.loops_open -= 1

    def _catch(self, clause: Node) -> ast.ExceptHandler:
        kinds = children(clause.child_by_field_name("type") or clause)
        classes = [self.exception(children(each)[0] if each.type == "named_type" else each) for each in kinds]
        name = clause.child_by_field_name("name")
        word = None if name is None else self.names[text(name)[1:]]
        if word is not None:
            self.scope[word] = Kind.ERROR
        body = self._block(clause.child_by_field_name("body"))
        whole = classes[0] if len(classes) == 1 else ast.Tuple(classes, ast.Load())
        return ast.ExceptHandler(whole, word, body)

    def _throw(self, node: Node) -> list[ast.stmt]:
        return [ast.Raise(self.expression(children(node)[0]), None)]

    def _load(self, node: Node) -> list[ast.stmt]:
        """Composer's autoloader needs no counterpart: Python's imports do what it does."""
        if text(node).rstrip("'\") ").endswith("autoload.php"):
            return []
        raise Refusal(node, "require: of another file")


def _sequence(node: Node) -> Iterator[Node]:
    for each in children(node):
        if each.type == "sequence_expression":
            yield from _sequence(each)
        else:
            yield each
