"""JavaScript's declarations, imports and assignments as Python's."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from wechatpay_chain.port import nodes
from wechatpay_chain.port.js_library import FUNCTIONS
from wechatpay_chain.port.js_patterns import Patterns
from wechatpay_chain.port.kinds import Kind
from wechatpay_chain.port.names import CLASSES
from wechatpay_chain.port.source import Refusal, children, descendants, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Declarations"]

_PLUGIN = "wechatpay-axios-plugin"
_PARTS = frozenset(["AesEcb", "AesGcm", "Aes", "Formatter", "Hash", "Multipart", "Rsa", "Transformer", "Wechatpay"])
_FILES = frozenset(["readFileSync", "createReadStream"])
_MODULES = {"fs": _FILES, "node:fs": _FILES, _PLUGIN: _PARTS}
_STEPS: dict[str, ast.operator] = {"+=": ast.Add(), "-=": ast.Sub(), "*=": ast.Mult(), "/=": ast.Div()}


class Declarations(Patterns):
    """Statements that give names to values."""

    def declared(self, node: Node) -> list[ast.stmt]:
        """One ``name = value``, a pattern, or what is required."""
        pattern, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if pattern is None or node.type != "variable_declarator":
            raise Refusal(node, "a declaration without a name")
        if value is None:
            return [nodes.assign(self.names[text(pattern)], nodes.constant(None))]
        module = self._required(value)
        if module is not None:
            return self._parts(pattern, module, value)
        if pattern.type == "identifier":
            return self._named(pattern, value)
        made: list[ast.stmt] = []
        found = self.expression(value)
        bounds = list(self.taken_apart(pattern, found))
        if len(bounds) > 1 and not isinstance(found, ast.Name):
            kind = self.kind(found)
            kept = self.word(kind, self.scope)
            made.append(nodes.assign(kept, found))
            self.scope[kept] = kind
            bounds = list(self.taken_apart(pattern, nodes.name(kept)))
        return made + [self.bound(each) for each in bounds]

    def imported_as(self, node: Node, module: str, part: str, alias: str) -> None:
        """Keep what a name of the snippet stands for; raises Refusal for what is not known here."""
        if module not in _MODULES or (part and part not in _MODULES[module]):
            raise Refusal(node, f"{module[:40]}{'.' if part else ''}{part[:40]}: not known here")
        self.imported[alias] = part
        if part in CLASSES:
            self.uses(CLASSES[part], part)

    def returning(self, node: Node, variable: str) -> None:
        """Keep whether a function of the snippet hands back a promise."""
        body = node.child_by_field_name("body")
        if any(each.type == "async" for each in node.children):
            self.returns[variable] = "async"
        elif body is not None and body.type != "statement_block":
            self.returns[variable] = "promise" if body.type == "call_expression" and _is_call(body) else "value"
        else:
            returned = [each for each in descendants(body or node) if each.type == "return_statement"]
            given = [children(each)[0] for each in returned if children(each)]
            is_promise = any(each.type == "call_expression" and _is_call(each) for each in given)
            self.returns[variable] = "promise" if is_promise else "value"

    def assigned(self, node: Node) -> list[ast.stmt]:
        """``a = …``, ``a.b = …`` and ``[a, b] = …``."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            raise Refusal(node, "an assignment without a value")
        if text(left) in ("module.exports", "exports"):
            raise Refusal(node, "module.exports: everything in a module is exported")
        if left.type == "identifier":
            self._store(left)
            return self._named(left, right)
        value = self.expression(right)
        if left.type in ("object_pattern", "array_pattern"):
            bounds = list(self.taken_apart(left, value))
            for each in bounds:
                self._store(each.node)
            if len(bounds) > 1 and not isinstance(value, ast.Name):
                raise Refusal(node, "a pattern of several variables outside of a declaration")
            return [self.bound(each) for each in bounds]
        return [nodes.assign(self._entry(left), value)]

    def augmented(self, node: Node) -> list[ast.stmt]:
        """``+=`` and its like."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = text(node.child_by_field_name("operator"))
        if left is None or right is None or operator not in _STEPS:
            raise Refusal(node, f"{operator}: nothing here does the same")
        target = self._variable(left)
        value = self.expression(right)
        kinds = (self.kind(target), self.kind(value))
        if operator == "+=" and kinds[0] is Kind.TEXT and not (kinds[1] is Kind.TEXT or isinstance(value, ast.Name)):
            value = self.joined([(node, nodes.constant("")), (right, value)])
        elif Kind.TEXT in kinds and operator != "+=":
            raise Refusal(node, f"{operator}: Python would find another value")
        return [ast.AugAssign(target, _STEPS[operator], value)]

    def updated(self, node: Node) -> list[ast.stmt]:
        """``i++`` as a statement."""
        argument = node.child_by_field_name("argument")
        if argument is None:
            raise Refusal(node, "++: of nothing")
        step = ast.Add() if "++" in text(node) else ast.Sub()
        return [ast.AugAssign(self._variable(argument), step, nodes.constant(1))]

    def _variable(self, node: Node) -> ast.Name | ast.Subscript:
        if node.type == "identifier":
            self._store(node)
            return nodes.name(self.names[text(node)])
        return self._entry(node)

    def _entry(self, node: Node) -> ast.Subscript:
        target = self.expression(node)
        if not isinstance(target, ast.Subscript) or self.is_chain(target):
            raise Refusal(node, "an assignment to what is no variable and no entry")
        return target

    def _store(self, node: Node) -> None:
        """A variable of an outer function, or of none, has to be named as such in Python."""
        variable = text(node)
        if variable not in self.scope.declared and self.scope.outer is not None:
            self.scope.stores.add(variable)

    def _named(self, pattern: Node, value: Node) -> list[ast.stmt]:
        variable = text(pattern)
        if value.type in FUNCTIONS:
            self.returning(value, variable)
            found = self.function_value(value, Kind.UNKNOWN, self.names[variable])
            self.brought[variable] = self.brings
            if not isinstance(found, ast.Lambda):
                self.scope[self.names[variable]] = Kind.FUNCTION
                return self.renamed(found, self.names[variable])
        else:
            found = self.expression(value)
        self.know(self.names[variable], found)
        return [nodes.assign(self.names[variable], found)]

    def _required(self, value: Node) -> str | None:
        """The module of ``require('…')``, with what is taken of it."""
        function = value.child_by_field_name("function")
        arguments = value.child_by_field_name("arguments")
        if value.type != "call_expression" or text(function) != "require" or arguments is None:
            return None
        given = children(arguments)
        return nodes.text_of(self.expression(given[0])) if len(given) == 1 else None

    def _parts(self, pattern: Node, module: str, node: Node) -> list[ast.stmt]:
        if pattern.type == "identifier":
            self.imported_as(node, module, "", text(pattern))
            return []
        for each in children(pattern):
            if each.type == "shorthand_property_identifier_pattern":
                self.imported_as(each, module, text(each), text(each))
                continue
            key, inner = each.child_by_field_name("key"), each.child_by_field_name("value")
            if key is None or inner is None:
                raise Refusal(each, "require(): of parts that are not known here")
            if inner.type == "object_pattern" and text(key) == "Aes":
                self._parts(inner, module, node)
            elif inner.type == "identifier":
                self.imported_as(each, module, text(key), text(inner))
            else:
                raise Refusal(each, "require(): of parts that are not known here")
        return []


def _is_call(node: Node) -> bool:
    """Whether a call is one of a chain, as far as its source tells."""
    source = text(node)
    return any(f".{word}" in source for word in ("v2.", "v3.", "get(", "post(", "then(", "put(", "patch(", "delete("))
