"""PHP's assignments and closures: arrays are copied there, and closures keep the values that they take."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from wechatpay_chain.port import nodes
from wechatpay_chain.port.kinds import Kind, Scope, either, waited
from wechatpay_chain.port.names import Names
from wechatpay_chain.port.php_calls import Calls
from wechatpay_chain.port.php_variables import changed_in, changed_within, changes, constant_keys, is_optional, stored
from wechatpay_chain.port.source import Refusal, Source, children, descendants, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Assignments"]

_TYPES = {
    **{"string": Kind.TEXT, "int": Kind.NUMBER, "float": Kind.NUMBER, "bool": Kind.FLAG},
    **{"ResponseInterface": Kind.RESPONSE, "MessageInterface": Kind.RESPONSE, "BuilderChainable": Kind.CLIENT},
}
_CLOSURES = ("anonymous_function", "arrow_function", "anonymous_function_creation_expression")
_STEPS: dict[str, ast.operator] = {"-=": ast.Sub(), "*=": ast.Mult(), "+=": ast.Add(), ".=": ast.Add()}
_LOOPS = ("foreach_statement", "for_statement", "while_statement")


class Assignments(Calls):
    """Statements that store, and functions."""

    def __init__(self, source: Source, imports: set[tuple[str, str]]) -> None:
        found = list(descendants(source.root))
        variables = [text(node)[1:] for node in found if node.type == "variable_name"]
        functions = [text(node.child_by_field_name("name")) for node in found if node.type == "function_definition"]
        super().__init__(source, Names({*variables, *functions}), imports)
        self.functions = frozenset(functions)
        self.imported = {}
        # Variables whose arrays change, and those that get entries by key: an empty one of these is a mapping.
        self.mutated = {text(node)[1:] for each in found for node, _ in changes(each)}
        self.keyed = {text(node)[1:] for each in found for node, is_keyed in changes(each) if is_keyed}
        self.deep = {text(node)[1:] for each in found for node in changed_within(each)}
        times = Counter(text(node)[1:] for each in found for node in stored(each))
        looped = {
            text(node)[1:]
            for each in found
            if each.type in _LOOPS
            for part in descendants(each)
            for node in stored(part)
        }
        self.rebound = looped | {variable for variable, count in times.items() if count > 1}
        self.optional = {text(child)[1:] for each in found if is_optional(each) for child in children(each)[:1]}
        self.known: dict[str, set[object] | None] = {}
        self.functions_open = 0
        self.loops_open = 0
        self.blocks_open = 0

    def assigned(self, node: Node) -> list[ast.stmt]:
        """``$a = …``, ``$a['b'] = …``, ``$a[] = …`` and ``['b' => $c] = …``."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None or any(child.type in ("&", "reference_modifier") for child in node.children):
            raise Refusal(node, "an assignment by reference")
        if right.type in _CLOSURES and left.type == "variable_name":
            return self._closure_of(left, right)
        value, before = self._value(left, right)
        if left.type in ("list_literal", "array_creation_expression"):
            return [*before, *self._unpacked(left, value)]
        if left.type == "subscript_expression" and len(children(left)) == 1:
            target = self.expression(children(left)[0])
            if isinstance(target, ast.Name) and self.kind(target) is not Kind.LIST:
                raise Refusal(node, "[]=: whether the array is a list is not known")
            return [*before, ast.Expr(nodes.method(target, "append", value))]
        target = self.expression(left)
        if not isinstance(target, ast.Name | ast.Subscript) or (
            self.is_chain(target) and isinstance(target, ast.Subscript)
        ):
            raise Refusal(left, "an assignment to what is no variable and no entry")
        if isinstance(target, ast.Name):
            self._know(target.id, value)
        elif isinstance(target.value, ast.Name):
            self._learn(target.value.id, constant_keys(ast.Dict([target.slice], [value])))
        return [*before, nodes.assign(target, value)]

    def augmented(self, node: Node) -> list[ast.stmt]:
        """``+=`` and its like; of arrays ``+=`` keeps what is there."""
        target = self.expression(node.child_by_field_name("left"))
        right = node.child_by_field_name("right")
        value = self.expression(right)
        operator = text(node.child_by_field_name("operator"))
        kinds = {self.kind(target), self.kind(value)}
        if not isinstance(target, ast.Name | ast.Subscript) or operator not in _STEPS:
            raise Refusal(node, f"{operator}: nothing here does the same")
        if operator == "+=" and kinds & {Kind.DICT, Kind.DATA}:
            return [ast.AugAssign(target, ast.BitOr(), self._added(node, target, value))]
        if operator == ".=":
            is_plain = self.kind(value) is Kind.TEXT or (isinstance(value, ast.Name) and Kind.NUMBER not in kinds)
            text_ = value if is_plain else self.joined([(node, nodes.constant("")), (right or node, value)])
            return [ast.AugAssign(target, ast.Add(), text_)]
        if kinds & {Kind.TEXT, Kind.LIST, Kind.FLAG, Kind.NOTHING}:
            raise Refusal(node, f"{operator}: Python would find another value")
        return [ast.AugAssign(target, _STEPS[operator], value)]

    def updated(self, node: Node) -> list[ast.stmt]:
        """``$i++`` as a statement."""
        target = self.expression(node.child_by_field_name("argument"))
        if not isinstance(target, ast.Name | ast.Subscript):
            raise Refusal(node, "++: of a variable alone")
        step = ast.Add() if "++" in text(node) else ast.Sub()
        return [ast.AugAssign(target, step, nodes.constant(1))]

    def copied(self, variable: Node) -> ast.stmt:
        """A parameter's own copy, since PHP passes arrays by value."""
        target = self.names[text(variable)[1:]]
        return nodes.assign(target, self._copy(nodes.name(target)))

    def function_value(self, node: Node, first: Kind, word: str, least: int = 0) -> ast.expr:
        """A closure; what it takes along keeps the value of this moment."""
        scope = Scope(self.scope)
        taken = self._taken(node)
        parameters, copies = self.parameters(node, scope, first, taken, least)
        body = node.child_by_field_name("body")
        if body is None:
            raise Refusal(node, "a function without a body")
        self.functions_open += 1
        loops, self.loops_open = self.loops_open, 0
        try:
            return self.closure(parameters, body, word, scope, copies)
        finally:
            self.functions_open -= 1
            self.loops_open = loops

    def parameters(
        self, node: Node, scope: Scope, first: Kind, taken: list[str], least: int = 0
    ) -> tuple[ast.arguments, list[ast.stmt]]:
        """The parameters of a function, and the copies to make of those whose arrays change."""
        names: list[str] = []
        defaults: list[ast.expr] = []
        copies: list[ast.stmt] = []
        changing = changed_in(node.child_by_field_name("body"))
        rest = None
        for each in children(node.child_by_field_name("parameters") or node):
            variable = each.child_by_field_name("name")
            if variable is None or each.child_by_field_name("reference_modifier") is not None:
                raise Refusal(each, "a parameter by reference")
            name = self.names[text(variable)[1:]]
            scope[name] = self._typed(each, first if not names else Kind.UNKNOWN)
            default = each.child_by_field_name("default_value")
            if each.type == "variadic_parameter":
                rest = name
                continue
            names.append(name)
            if default is not None or defaults:
                defaults.append(self.expression(default))
            if text(variable)[1:] in changing:
                copies.append(self.copied(variable))
        # PHP drops an argument that a function does not take.
        names += ["_"] * (least - len(names) if rest is None else 0)
        taken = [name for name in taken if name not in names]
        if rest is not None and taken:
            raise Refusal(node, "a closure that takes variables along and any number of arguments")
        return nodes.parameters([*names, *taken], [*defaults, *map(nodes.name, taken)], rest), copies

    def resolved_whole(self, whole: str) -> str:
        """The short name of a class by its whole one."""
        if whole == "GuzzleHttp\\Promise\\Utils":
            return "Promise\\Utils"
        is_ours = whole.startswith(("WeChatPay\\", "GuzzleHttp\\", "Psr\\")) or "\\" not in whole
        return whole.rpartition("\\")[2] if is_ours else whole

    def _value(self, left: Node, right: Node) -> tuple[ast.expr, list[ast.stmt]]:
        """What is stored, and the assignments within it that come first."""
        if right.type == "assignment_expression":
            before = self.assigned(right)
            inner = right.child_by_field_name("left")
            return self._stored(self.expression(inner)), before
        value = self.expression(right)
        is_keyed = left.type == "variable_name" and text(left)[1:] in self.keyed
        if is_keyed and isinstance(value, ast.List) and not value.elts:
            return ast.Dict([], []), []
        changed = text(left)[1:] if left.type == "variable_name" else ""
        return self._stored(value, changed in self.mutated, changed in self.deep), []

    def _closure_of(self, left: Node, right: Node) -> list[ast.stmt]:
        name = self.names[text(left)[1:]]
        found = self.function_value(right, Kind.UNKNOWN, name)
        self.scope[name] = Kind.FUNCTION
        return [nodes.assign(name, found)] if isinstance(found, ast.Lambda) else self.renamed(found, name)

    def _stored(self, value: ast.expr, changes_here: bool = False, changes_within: bool = False) -> ast.expr:
        """A value as PHP stores it: an array that will change, there or here, is copied."""
        is_changing = changes_here or any(self.names[variable] == getattr(value, "id", "") for variable in self.mutated)
        if isinstance(value, ast.Name) and is_changing and self.kind(value) not in _ATOMS:
            return self._copy(value)
        if isinstance(value, ast.Dict):
            value.values = [self._stored(each, changes_within, changes_within) for each in value.values]
        if isinstance(value, ast.List):
            value.elts = [self._stored(each, changes_within, changes_within) for each in value.elts]
        return value

    def _copy(self, value: ast.expr) -> ast.expr:
        return nodes.method(self.module("copy"), "deepcopy", value)

    def _know(self, name: str, value: ast.expr) -> None:
        before, found = self.scope.kinds.get(name), self.kind(value)
        # In a branch or a loop both values may be met later.
        self.scope[name] = either(before, found) if before is not None and self.blocks_open else found
        self._learn(name, constant_keys(value))
        if self.is_chain(value) and self.scope[name] is Kind.UNKNOWN:
            self.scope[name] = Kind.NODE
        self.scope.promised[name] = waited(value, self.scope)

    def _unpacked(self, left: Node, value: ast.expr) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        entries = list(self._targets(left, []))
        if len(entries) > 1 and not isinstance(value, ast.Name):
            kept = self.names.fresh("found")
            made.append(nodes.assign(kept, value))
            self._know(kept, value)
            value = nodes.name(kept)
        for keys, target in entries:
            found = value
            for key in keys:
                is_last = key is keys[-1]
                maybe = is_last and text(target)[1:] in self.optional
                found = nodes.method(found, "get", key) if maybe else nodes.item(found, key)
            made.append(nodes.assign(self.expression(target), found))
        return made

    def _targets(self, node: Node, keys: list[ast.expr]) -> Iterator[tuple[list[ast.expr], Node]]:
        """The variables of a pattern, each with the keys that lead to it."""
        index = 0
        key: ast.expr | None = None
        for each in node.children:
            if each.type == ",":
                index, key = index + 1, None
            elif each.type == "array_element_initializer":
                parts = children(each)
                own = self.expression(parts[0]) if len(parts) == 2 else nodes.constant(index)
                yield from self._target(parts[-1], [*keys, own])
            elif each.type in ("variable_name", "list_literal", "array_creation_expression"):
                yield from self._target(each, [*keys, nodes.constant(index) if key is None else key])
            elif each.is_named and each.type != "comment":
                key = self.expression(each)

    def _target(self, node: Node, keys: list[ast.expr]) -> Iterator[tuple[list[ast.expr], Node]]:
        if node.type in ("list_literal", "array_creation_expression"):
            yield from self._targets(node, keys)
        elif node.type == "variable_name":
            yield keys, node
        else:
            raise Refusal(node, "unpacking into what is no variable")

    def _added(self, node: Node, target: ast.expr, value: ast.expr) -> ast.expr:
        """The entries that ``+=`` adds: those whose keys are not there."""
        if not isinstance(target, ast.Name):
            raise Refusal(node, "+=: of a variable alone")
        known, keys = self.known.get(target.id), constant_keys(value)
        self._learn(target.id, keys)
        if known is not None and keys is not None and not keys & known:
            return value
        return ast.Dict([None, None], [value, target])

    def _learn(self, name: str, keys: set[object] | None) -> None:
        """Which keys a variable's array may have; None where that is not known."""
        known = self.known.get(name, set())
        self.known[name] = None if known is None or keys is None else known | keys

    def _taken(self, node: Node) -> list[str]:
        """What a closure takes along and what changes later, by its Python names."""
        clause = next((each for each in node.children if each.type == "anonymous_function_use_clause"), None)
        if clause is not None and any(each.type == "by_ref" for each in clause.children):
            raise Refusal(node, "use (&…): a variable by reference")
        if node.type == "arrow_function":
            body = node.child_by_field_name("body")
            used = [each for each in descendants(body or node) if each.type == "variable_name"]
        else:
            used = children(clause) if clause is not None else []
        own = {text(each) for each in descendants(node.child_by_field_name("parameters") or node)}
        taken = [text(each)[1:] for each in used if text(each)[1:] in self.rebound and text(each) not in own]
        return [self.names[variable] for variable in dict.fromkeys(taken)]

    def _typed(self, parameter: Node, first: Kind) -> Kind:
        kind = text(parameter.child_by_field_name("type")).removeprefix("?").rpartition("\\")[2]
        return _TYPES.get(kind, first)


_ATOMS = (Kind.TEXT, Kind.NUMBER, Kind.FLAG, Kind.NOTHING, Kind.CLIENT, Kind.NODE, Kind.PROMISE, Kind.RESPONSE)
