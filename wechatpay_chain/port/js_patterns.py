"""JavaScript's patterns and functions: what is taken apart, and what scopes hold."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from wechatpay_chain.port import nodes
from wechatpay_chain.port.js_calls import Calls
from wechatpay_chain.port.js_library import FUNCTIONS
from wechatpay_chain.port.js_values import GLOBALS
from wechatpay_chain.port.kinds import Kind, Scope, either, kind_of, waited
from wechatpay_chain.port.names import Names
from wechatpay_chain.port.source import Refusal, Source, children, descendants, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["LOOPS", "Bound", "Patterns", "declared_in", "element_of"]

LOOPS = ("for_in_statement", "for_statement", "while_statement", "do_statement")
_NAMES = ("identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern")
_PATTERNS = ("object_pattern", "array_pattern")
_WORDS = {Kind.RESPONSE: "answer", Kind.ERROR: "error"}
_DECLARING = ("lexical_declaration", "variable_declaration")


class Bound(NamedTuple):
    """A variable of a pattern, and the value that it takes."""

    variable: str
    value: ast.expr
    node: Node


class Patterns(Calls):
    """Patterns, parameters and functions."""

    def __init__(self, source: Source, imports: set[tuple[str, str]]) -> None:
        found = list(descendants(source.root))
        variables = {text(node) for node in found if node.type in _NAMES} - GLOBALS - {"undefined"}
        super().__init__(source, Names(variables), imports)
        self.imported = {}
        self.returns = {}
        self.brought = {}
        self.stored = {text(node) for each in found for node in _stored(each)}
        # Constants of a loop's body: each round has its own.
        self.rebound = {
            variable for loop in found if loop.type in LOOPS for variable in declared_in(loop, through=True)
        } - self.stored
        self.functions_open: list[bool] = []
        self.loops_open = 0
        self.scope.declared |= declared_in(source.root)

    def taken_apart(self, pattern: Node, value: ast.expr) -> Iterator[Bound]:
        """Every variable of a pattern with the part of ``value`` that it stands for."""
        if pattern.type == "identifier":
            yield Bound(text(pattern), value, pattern)
        elif pattern.type == "object_pattern":
            for each in children(pattern):
                yield from self._field(each, value)
        elif pattern.type == "array_pattern":
            if any(one.type == two.type == "," for one, two in itertools.pairwise(pattern.children)):
                raise Refusal(pattern, "an array pattern with holes")
            for index, each in enumerate(children(pattern)):
                yield from self.taken_apart(each, nodes.item(value, index))
        else:
            raise Refusal(pattern, f"{pattern.type.replace('_', ' ')} in a pattern")

    def function_value(self, node: Node, first: Kind, word: str, least: int = 0) -> ast.expr:
        """A lambda, or the name of a function that stands before the statement."""
        scope, parameters, before = self.entered(node, first, least)
        body = node.child_by_field_name("body")
        if body is None:
            raise Refusal(node, "a function without a body")
        return self.closure(parameters, body, word, scope, before)

    def body(self, node: Node) -> list[ast.stmt]:
        """The statements of a function, and what it stores outside of itself."""
        function = node.parent
        is_async = function is not None and any(each.type == "async" for each in function.children)
        self.functions_open.append(is_async)
        loops, self.loops_open = self.loops_open, 0
        try:
            if node.type == "statement_block":
                made = self.block(node.named_children)
            else:
                self.hoisted.append([])
                value = self.awaited(node) if is_async else self.expression(node)
                made = [*self.hoisted.pop(), ast.Return(value)]
        finally:
            self.functions_open.pop()
            self.loops_open = loops
        kinds = {self.kind(value) for value in _returned(made)}
        self.brings = kinds.pop() if len(kinds) == 1 else Kind.UNKNOWN
        return [*self._outer_stores(), *made]

    def entered(self, node: Node, first: Kind, least: int = 0) -> tuple[Scope, ast.arguments, list[ast.stmt]]:
        """The scope of a function, its parameters, and what has to be taken apart before its body."""
        scope = Scope(self.scope)
        body = node.child_by_field_name("body")
        scope.declared = declared_in(body) if body is not None and body.type == "statement_block" else set()
        given = node.child_by_field_name("parameters")
        single = node.child_by_field_name("parameter")
        patterns = [single] if single is not None else children(given) if given is not None else []
        names: list[str] = []
        defaults: list[ast.expr] = []
        before: list[ast.stmt] = []
        rest = None
        for pattern in patterns:
            kind = first if not names else Kind.ERROR if first is not Kind.UNKNOWN else Kind.UNKNOWN
            default = None
            if pattern.type == "assignment_pattern":
                default = self.expression(pattern.child_by_field_name("right"))
                pattern = pattern.child_by_field_name("left") or pattern
            if pattern.type == "rest_pattern":
                pattern = children(pattern)[0]
                rest = self._parameter(pattern, scope, Kind.LIST, before)
                continue
            names.append(self._parameter(pattern, scope, kind, before))
            if default is not None or defaults:
                defaults.append(default or nodes.constant(None))
        # JavaScript drops an argument that a function does not take.
        names += ["_"] * (least - len(names) if rest is None else 0)
        taken = [] if rest else self._taken(node, scope)
        return scope, nodes.parameters([*names, *taken], [*defaults, *map(nodes.name, taken)], rest), before

    def bound(self, bound: Bound) -> ast.stmt:
        """An assignment of a part to its variable."""
        name = self.names[bound.variable]
        self.know(name, bound.value)
        return nodes.assign(name, copy.deepcopy(bound.value))

    def know(self, name: str, value: ast.expr) -> None:
        """Keep what a variable holds."""
        before, found = self.scope.kinds.get(name), self.kind(value)
        is_changing = before is not None and any(self.names[each] == name for each in self.stored)
        self.scope[name] = either(before, found) if before is not None and is_changing else found
        if self.is_chain(value) and self.scope[name] is Kind.UNKNOWN:
            self.scope[name] = Kind.NODE
        self.scope.promised[name] = waited(value, self.scope)

    def word(self, kind: Kind, scope: Scope) -> str:
        """A name for what a pattern takes apart, that nothing around it has."""
        base = found = _WORDS.get(kind, "found")
        number = 2
        while found in self.names or _is_around(found, scope):
            found, number = f"{base}_{number}", number + 1
        return found

    def _parameter(self, pattern: Node, scope: Scope, kind: Kind, before: list[ast.stmt]) -> str:
        if pattern.type == "identifier":
            name = self.names[text(pattern)]
            scope.declared.add(text(pattern))
        elif pattern.type in _PATTERNS:
            name = self.word(kind, scope)
        else:
            raise Refusal(pattern, "a parameter of this form")
        scope.words.add(name)
        scope[name] = kind
        if pattern.type in _PATTERNS:
            outer, self.scope = self.scope, scope
            try:
                for each in self.taken_apart(pattern, nodes.name(name)):
                    if each.variable in self.stored:
                        scope.declared.add(each.variable)
                        before.append(self.bound(each))
                    else:
                        scope.aliases[each.variable] = each.value
            finally:
                self.scope = outer
        return name

    def _field(self, node: Node, value: ast.expr) -> Iterator[Bound]:
        if node.type == "shorthand_property_identifier_pattern":
            yield Bound(text(node), self.member(node, value, text(node)), node)
        elif node.type == "pair_pattern":
            key, inner = node.child_by_field_name("key"), node.child_by_field_name("value")
            if key is None or inner is None:
                raise Refusal(node, "a pattern without a key")
            plain = text(key) if key.type == "property_identifier" else None
            found = nodes.item(value, self.key(key)) if plain is None else self.member(node, value, plain)
            yield from self.taken_apart(inner, found)
        elif node.type == "object_assignment_pattern":
            left = node.child_by_field_name("left")
            found = self.member(node, value, text(left))
            if (
                left is None
                or left.type != "shorthand_property_identifier_pattern"
                or not isinstance(found, ast.Subscript)
            ):
                raise Refusal(node, "a default in a pattern")
            default = self.expression(node.child_by_field_name("right"))
            yield Bound(text(left), nodes.method(found.value, "get", found.slice, default), node)
        else:
            raise Refusal(node, f"{node.type.replace('_', ' ')} in a pattern")

    def _taken(self, node: Node, scope: Scope) -> list[str]:
        """The constants of a loop that a function keeps."""
        if not self.loops_open:
            return []
        used = [text(each) for each in descendants(node) if each.type in _NAMES[:2] and text(each) in self.rebound]
        own = scope.declared | scope.aliases.keys()
        return [self.names[variable] for variable in dict.fromkeys(used) if variable not in own]

    def _outer_stores(self) -> list[ast.stmt]:
        """``nonlocal`` and ``global`` for what a function stores outside of itself."""
        made: list[ast.stmt] = []
        for variable in sorted(self.scope.stores):
            holder = self.scope.holding(variable)
            is_global = holder is None or holder.outer is None
            made.append(ast.Global([self.names[variable]]) if is_global else ast.Nonlocal([self.names[variable]]))
        return made


def _returned(made: list[ast.stmt]) -> Iterator[ast.expr]:
    """What a function returns, not those within it."""
    todo: list[ast.AST] = list(made)
    while todo:
        each = todo.pop()
        if isinstance(each, ast.Return) and each.value is not None:
            yield each.value
        if not isinstance(each, ast.FunctionDef | ast.expr):
            todo.extend(ast.iter_child_nodes(each))


def _is_around(word: str, scope: Scope) -> bool:
    outer: Scope | None = scope
    while outer is not None:
        if word in outer.words:
            return True
        outer = outer.outer
    return False


def declared_in(node: Node, through: bool = False) -> set[str]:
    """The variables that a block declares, its inner blocks too; of functions inside only ``through`` looks."""
    found: set[str] = set()
    todo = list(node.children)
    if node.type == "for_in_statement":
        left = node.child_by_field_name("left")
        found |= set() if left is None else {text(each) for each in descendants(left) if each.type in _NAMES}
    while todo:
        each = todo.pop()
        if each.type in _DECLARING:
            for declarator in children(each):
                name = declarator.child_by_field_name("name")
                found |= set() if name is None else {text(part) for part in descendants(name) if part.type in _NAMES}
        if each.type == "function_declaration":
            found.add(text(each.child_by_field_name("name")))
        if each.type == "for_in_statement":
            left = each.child_by_field_name("left")
            found |= set() if left is None else {text(part) for part in descendants(left) if part.type in _NAMES}
        if through or each.type not in (*FUNCTIONS, "function_declaration"):
            todo.extend(each.children)
    return found


def _stored(node: Node) -> Iterator[Node]:
    if node.type in ("assignment_expression", "augmented_assignment_expression"):
        left = node.child_by_field_name("left")
        if left is not None:
            yield from (each for each in descendants(left) if each.type in _NAMES and left.type != "member_expression")
    elif node.type == "update_expression":
        yield from (each for each in children(node) if each.type == "identifier")


def element_of(things: ast.expr, scope: Scope) -> Kind:
    """What a loop over ``things`` meets."""
    return Kind.RESPONSE if kind_of(things, scope) is Kind.ANSWERS else Kind.UNKNOWN
