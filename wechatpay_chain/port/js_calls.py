"""Calls of JavaScript: verbs and promises, the helper classes of wechatpay-axios-plugin, and the language's own."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from wechatpay_chain.port import nodes
from wechatpay_chain.port.js_functions import called
from wechatpay_chain.port.js_library import CONSTANTS, FUNCTIONS, HELPERS, Library
from wechatpay_chain.port.kinds import Kind, known, waited
from wechatpay_chain.port.names import CLASSES, STATIC, VERBS, method_word
from wechatpay_chain.port.source import Refusal, children, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Calls"]

_CONSOLE = frozenset(["log", "info", "error", "warn", "debug"])
# What the plugin names otherwise than wechatpay-php, whose names this package has.
_RENAMED = {("Transformer", "toObject"): "toArray"}
_GATHERED = frozenset(["all", "any", "race"])
_THEN = {"then": "then", "catch": "catch", "finally": "finally_"}


class Calls(Library):
    """Expressions that call; a verb makes a promise unless it is awaited."""

    def on_member_expression(self, node: Node) -> ast.expr:
        """Also a constant of a helper class, and ``console.log`` as a callback."""
        object_ = node.child_by_field_name("object")
        word = text(node.child_by_field_name("property"))
        short = self.helper(object_)
        if text(object_) == "console" and word in _CONSOLE:
            return nodes.name("print")
        if short in HELPERS:
            if (short, word) not in CONSTANTS:
                raise Refusal(node, f"{short}.{word[:40]}: the package has no such constant")
            self.uses(CLASSES[short], short)
            return nodes.attribute(nodes.name(short), word)
        if text(object_) == "process.env":
            return nodes.item(nodes.attribute(self.module("os"), "environ"), word)
        return super().on_member_expression(node)

    def on_new_expression(self, node: Node) -> ast.expr:
        """``new Wechatpay(…)``, ``new Date()``, ``new Error(…)``."""
        constructor = node.child_by_field_name("constructor")
        short = self.helper(constructor) or text(constructor)
        given = self.arguments(node)
        if short == "Wechatpay" and len(given) == 1:
            self.uses("wechatpay_chain", "Wechatpay")
            return nodes.call("Wechatpay", self.configuration(given[0]))
        if short == "Error" and len(given) <= 1:
            return nodes.call("Exception", *given)
        if short == "Date" and len(given) <= 1 and not any(self.kind(each) is Kind.TEXT for each in given):
            return self.date(given)
        raise Refusal(node, f"new {short[:40]}: the package has no such class")

    def on_call_expression(self, node: Node) -> ast.expr:
        """Any call; what is awaited goes another way."""
        return self._called(node, is_awaited=False)

    def on_await_expression(self, node: Node) -> ast.expr:
        """``await``: the answer itself."""
        return self.awaited(children(node)[0])

    def awaited(self, node: Node) -> ast.expr:
        """What an expression brings once it is there."""
        while node.type == "parenthesized_expression":
            node = children(node)[0]
        value = self._called(node, is_awaited=True) if node.type == "call_expression" else self.expression(node)
        if self.kind(value) is Kind.PROMISE:
            return nodes.method(value, "wait")
        if node.type in ("identifier", "member_expression", "subscript_expression"):
            raise Refusal(node, f"await {text(node)[:40]}: whether that is a promise is not known")
        return value

    def _called(self, node: Node, is_awaited: bool) -> ast.expr:
        function = node.child_by_field_name("function")
        if function is None or node.child_by_field_name("optional_chain") is not None:
            raise Refusal(node, "?.(): nothing here does the same")
        if text(function) == "require":
            raise Refusal(node, "require(): of another module")
        if function.type == "parenthesized_expression":
            return self._at_once(node, children(function)[0], is_awaited)
        short = self.helper(function)
        if short:
            return called(self, short, node, self.arguments(node))
        if function.type == "identifier":
            return self._function(node, function, is_awaited)
        if function.type == "member_expression":
            return self._method(node, function, is_awaited)
        if function.type == "subscript_expression":
            return self._shorthand(node, self.expression(function), is_awaited)
        raise Refusal(node, "a call of what is no function")

    def _function(self, node: Node, function: Node, is_awaited: bool) -> ast.expr:
        word = text(function)
        if self.scope.holding(word) is None and word in ("encodeURIComponent", "parseInt", "String"):
            return called(self, word, node, self.arguments(node))
        value = self.expression(function)
        if self.is_chain(value):
            return self._shorthand(node, value, is_awaited)
        return self._own(word, nodes.call(value, *self.arguments(node)), is_awaited, node)

    def _own(self, word: str, made: ast.expr, is_awaited: bool, node: Node) -> ast.expr:
        """A call of the snippet's own function; one that is async runs as a promise unless it is awaited."""
        returned = self.returns.get(word)
        if returned == "promise":
            return known(made, Kind.PROMISE, Kind.RESPONSE)
        if returned == "async" and not is_awaited:
            self.uses("wechatpay_chain", "Promise")
            promise = nodes.method(nodes.name("Promise"), "run", _thunk(made))
            return known(promise, Kind.PROMISE, self.brought.get(word, Kind.UNKNOWN))
        if returned is None and is_awaited:
            raise Refusal(node, f"await {word[:40]}(): what it hands back is not known")
        kind = self.brought.get(word, Kind.UNKNOWN)
        return made if kind is Kind.UNKNOWN else known(made, kind)

    def _at_once(self, node: Node, function: Node, is_awaited: bool) -> ast.expr:
        """``(async () => { … })()``."""
        if function.type not in FUNCTIONS or self.arguments(node):
            raise Refusal(node, "a call of what is no function")
        made = nodes.call(self.function_value(function, Kind.UNKNOWN, "main"))
        if is_awaited or not any(each.type == "async" for each in function.children):
            return made
        self.uses("wechatpay_chain", "Promise")
        return known(nodes.method(nodes.name("Promise"), "run", _thunk(made)), Kind.PROMISE)

    def _method(self, node: Node, function: Node, is_awaited: bool) -> ast.expr:
        object_, word = function.child_by_field_name("object"), text(function.child_by_field_name("property"))
        if function.child_by_field_name("optional_chain") is not None or object_ is None:
            raise Refusal(node, "?.: nothing here does the same")
        short = self.helper(object_)
        if short in HELPERS:
            return self._static(node, short, word)
        if text(object_) == "console" and word in _CONSOLE:
            return nodes.call("print", *self.arguments(node))
        if text(object_) == "Promise":
            return self._gathered(node, word)
        if text(object_) in ("JSON", "Object", "Math", "Date") and self.scope.holding(text(object_)) is None:
            return called(self, f"{text(object_)}.{word}", node, self.arguments(node))
        made = self.form(node, object_, word)
        if made is not None:
            return made
        value = self.expression(object_)
        if word in _THEN and self.kind(value) is Kind.PROMISE:
            brought = Kind.ERROR if word == "catch" else waited(value, self.scope)
            kinds = () if word == "finally" else (brought, Kind.ERROR)
            return nodes.method(value, _THEN[word], *self.arguments(node, kinds))
        if self.is_chain(value):
            if word == "chain":
                return nodes.method(value, word, *self.arguments(node))
            if word.lower() in VERBS and word in (word.lower(), word.upper()):
                return self._verb(node, value, word.lower(), is_awaited)
        made = self.member(node, value, word) if self.is_chain(value) or _is_start(word) else None
        if made is not None and self.is_chain(made):
            return self._shorthand(node, made, is_awaited)
        return called(self, f".{word}", node, [value, *self.arguments(node)])

    def _verb(self, node: Node, value: ast.expr, word: str, is_awaited: bool) -> ast.expr:
        given = [self.configuration(each) for each in self.arguments(node)]
        if any(isinstance(each, ast.Starred) for each in given):
            raise Refusal(node, f"{word}(): with arguments that are not known")
        made = nodes.method(value, word if is_awaited else f"{word}_async", *given)
        return known(made, Kind.RESPONSE if is_awaited else Kind.PROMISE, Kind.RESPONSE)

    def _shorthand(self, node: Node, value: ast.expr, is_awaited: bool) -> ast.expr:
        """A path that is called posts; without a verb Python needs to see the mapping."""
        given = node.child_by_field_name("arguments")
        first = children(given)[0] if given is not None and children(given) else None
        if not self.is_chain(value):
            raise Refusal(node, "a call of what is no function")
        if is_awaited and first is not None and first.type == "object":
            arguments = [self.configuration(each) for each in self.arguments(node)]
            return known(nodes.call(value, *arguments), Kind.RESPONSE, Kind.RESPONSE)
        return self._verb(node, value, "post", is_awaited)

    def _static(self, node: Node, short: str, word: str) -> ast.expr:
        given = self.arguments(node)
        found = _RENAMED.get((short, word), word)
        if found not in STATIC[short]:
            raise Refusal(node, f"{short}.{word[:40]}(): the package has no such method")
        self.uses(CLASSES[short], short)
        if (short, found) == ("Hash", "sign") and len(given) == 3:
            # The plugin sorts and joins by itself.
            self.uses(CLASSES["Formatter"], "Formatter")
            formatter = nodes.name("Formatter")
            given[1] = nodes.method(formatter, "queryStringLike", nodes.method(formatter, "ksort", given[1]))
        return nodes.method(nodes.name(short), method_word(found), *given)

    def _gathered(self, node: Node, word: str) -> ast.expr:
        given = self.arguments(node)
        if word not in (*_GATHERED, "resolve", "reject"):
            raise Refusal(node, f"Promise.{word[:40]}(): nothing here does the same")
        self.uses("wechatpay_chain", "Promise")
        made = nodes.method(nodes.name("Promise"), word, *given)
        items = given[0].elts if given and isinstance(given[0], ast.List) else []
        are_answers = bool(items) and all(waited(each, self.scope) is Kind.RESPONSE for each in items)
        brings = Kind.ANSWERS if word == "all" else Kind.RESPONSE
        return known(made, Kind.PROMISE, brings if are_answers and word in _GATHERED else Kind.UNKNOWN)


def _is_start(word: str) -> bool:
    return word.lower() in ("v2", "v3")


def _thunk(made: ast.expr) -> ast.expr:
    """A function that makes a call later."""
    is_bare = isinstance(made, ast.Call) and not made.args and not made.keywords
    return made.func if is_bare and isinstance(made, ast.Call) else nodes.lambda_(nodes.parameters([]), made)
