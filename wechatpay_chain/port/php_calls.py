"""Chains, methods, classes and functions of PHP as Python's."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from wechatpay_chain.port import nodes
from wechatpay_chain.port.kinds import Kind, waited
from wechatpay_chain.port.names import CLASSES, EXCEPTIONS, METHODS, STATIC, VERBS, method_word, path_word
from wechatpay_chain.port.php_functions import called
from wechatpay_chain.port.php_values import Values
from wechatpay_chain.port.source import Refusal, children, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Calls"]

_OURS = ("WeChatPay\\", "GuzzleHttp\\", "Psr\\")
_PROMISES = {"settle", "all", "unwrap", "any"}
_AES = {"BLOCK_SIZE", "KEY_LENGTH_BYTE", "AUTH_TAG_LENGTH_BYTE", "ALGO_AES_256_GCM", "ALGO_AES_256_ECB"}
_CONSTANTS = {
    "Rsa": {"KEY_TYPE_PUBLIC", "KEY_TYPE_PRIVATE"},
    "Hash": {"ALGO_MD5", "ALGO_HMAC_SHA256"},
    "AesGcm": _AES,
    "AesEcb": _AES,
}
_RAISED = {"Exception": "Exception", "RuntimeException": "RuntimeError", "LogicException": "RuntimeError"}
_CALLBACKS = {"then": ("on_fulfilled", "on_rejected"), "otherwise": ("on_rejected",)}


class Calls(Values):
    """Expressions that call."""

    functions: frozenset[str] = frozenset()
    # Short name to whole name, of the snippet's ``use``; replaced by each translation.
    imported: dict[str, str] = {}  # noqa: RUF012

    def on_member_access_expression(self, node: Node) -> ast.expr:
        """A word of a path, or a field of decoded JSON."""
        value = self.expression(node.child_by_field_name("object"))
        word = self._word(node.child_by_field_name("name"))
        if self.kind(value) in (Kind.DATA, Kind.DICT):
            return nodes.item(value, word)
        plain = nodes.text_of(word)
        attribute = None if plain is None else path_word(plain)
        made = nodes.item(value, word) if attribute is None else nodes.attribute(value, attribute)
        if not self.is_chain(made):
            raise Refusal(node, f"->{plain or '{…}'}: whether this is a client's path is not known")
        return made

    def on_subscript_expression(self, node: Node) -> ast.expr:
        """An entry of an array, or path text."""
        parts = children(node)
        if len(parts) != 2:
            raise Refusal(node, "[] without a key is no value")
        value = self.expression(parts[0])
        if self.kind(value) in (Kind.RESPONSE, Kind.TEXT, Kind.NUMBER):
            raise Refusal(node, "[…] of what is no array")
        # Within a string the key needs no quotes.
        is_bare = parts[1].type == "name" and text(parts[1]) not in self.constants
        return nodes.item(value, nodes.constant(text(parts[1])) if is_bare else self.expression(parts[1]))

    def on_member_call_expression(self, node: Node) -> ast.expr:
        """A verb, ``chain``, or a method that the package has."""
        name = node.child_by_field_name("name")
        if name is None or name.type != "name":
            raise Refusal(node, "a method whose name is not known")
        value = self.expression(node.child_by_field_name("object"))
        word = text(name)
        if word == "chain" or word.removesuffix("Async") in VERBS:
            return self._verb(node, value, word)
        if word == "__toString":
            return nodes.call("str", value)
        if word not in METHODS:
            raise Refusal(node, f"{word}(): the package has no such method")
        given, keywords = self._arguments(node, waited(value, self.scope), word)
        return nodes.method(value, method_word(word), *given, **keywords)

    def on_scoped_call_expression(self, node: Node) -> ast.expr:
        """A static method of a helper class."""
        scope, name = node.child_by_field_name("scope"), node.child_by_field_name("name")
        short, word = self.resolved(scope), text(name)
        given, keywords = self._arguments(node)
        if short == "Promise\\Utils" and word in _PROMISES:
            self.uses("wechatpay_chain", "Promise")
            return nodes.method(nodes.name("Promise"), word, *given, **keywords)
        if word not in STATIC.get(short, ()):
            raise Refusal(node, f"{text(scope)[:40]}::{word[:40]}(): the package has no such method")
        self.uses(CLASSES[short], short)
        return nodes.method(nodes.name(short), method_word(word), *given, **keywords)

    def on_class_constant_access_expression(self, node: Node) -> ast.expr:
        """``Rsa::KEY_TYPE_PUBLIC``."""
        scope, name = children(node)
        short, word = self.resolved(scope), text(name)
        if word not in _CONSTANTS.get(short, ()):
            raise Refusal(node, f"{text(node)[:60]}: the package has no such constant")
        self.uses(CLASSES[short], short)
        return nodes.attribute(nodes.name(short), word)

    def on_object_creation_expression(self, node: Node) -> ast.expr:
        """``new MediaUtil(…)``, an empty object, or an exception to throw."""
        named = children(node)[0]
        if named.type not in ("name", "qualified_name"):
            raise Refusal(node, "new: of a class that is not known here")
        short = self.resolved(named)
        given, keywords = self._arguments(node)
        if short == "stdClass":
            return ast.Dict([], [])
        if short == "MediaUtil":
            self.uses(CLASSES[short], short)
            return nodes.call(short, *given, **keywords)
        if short in _RAISED and len(given) <= 1 and not keywords:
            return nodes.call(_RAISED[short], *given)
        raise Refusal(node, f"new {text(named)[:40]}: the package has no such class")

    def on_function_call_expression(self, node: Node) -> ast.expr:
        """A function of PHP, of the snippet, or one that a variable holds."""
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        if function is None or arguments is None:
            raise Refusal(node, "a call of nothing")
        if function.type == "variable_name":
            given, keywords = self._arguments(node)
            return nodes.call(self.expression(function), *given, **keywords)
        word = text(function).removeprefix("\\")
        if word.startswith("GuzzleHttp\\Promise\\") and word.rpartition("\\")[2] in _PROMISES:
            given, keywords = self._arguments(node)
            self.uses("wechatpay_chain", "Promise")
            return nodes.method(nodes.name("Promise"), word.rpartition("\\")[2], *given, **keywords)
        if word in self.functions:
            given, keywords = self._arguments(node)
            return nodes.call(self.names[word], *given, **keywords)
        sources = [text(each) for each in children(arguments)]
        # Flags and named formats are told by their source.
        flags = {"json_encode": 1, "json_decode": 1}.get(word.lower(), 99)
        is_named = word.lower() == "date" and sources[:1] and sources[0].startswith("DATE_")
        given = [
            nodes.constant("") if index >= flags or (is_named and index == 0) else self._argument(each)
            for index, each in enumerate(children(arguments))
        ]
        return called(self, word, node, given, sources)

    def on_anonymous_function(self, node: Node) -> ast.expr:
        """``function (…) use (…) { … }``."""
        return self.function_value(node, Kind.UNKNOWN, "callback")

    on_anonymous_function_creation_expression = on_anonymous_function
    on_arrow_function = on_anonymous_function

    def function_value(self, node: Node, first: Kind, word: str, least: int = 0) -> ast.expr:
        """A closure whose first parameter is a value of the given kind, called with ``least`` arguments."""
        raise NotImplementedError

    def resolved(self, node: Node | None) -> str:
        """The short name of a class of the SDK or of Guzzle; of any other one its whole name."""
        written = text(node)
        whole = written.removeprefix("\\")
        first, slash, rest = whole.partition("\\")
        if not written.startswith("\\") and first in self.imported:
            whole = self.imported[first] + slash + rest
        if "\\" not in whole:
            return whole
        if whole in ("GuzzleHttp\\Promise\\Utils", "GuzzleHttp\\Promise\\Promise"):
            return whole.removeprefix("GuzzleHttp\\")
        return whole.rpartition("\\")[2] if whole.startswith(_OURS) else whole

    def exception(self, node: Node | None) -> ast.expr:
        """The class that is caught, or tested for."""
        short = self.resolved(node)
        if node is None or node.type not in ("name", "qualified_name", "named_type") or short not in EXCEPTIONS:
            raise Refusal(node or self.source.root, f"{text(node)[:60]}: the package has no such exception")
        name = EXCEPTIONS[short] or short
        if name != "Exception":
            self.uses("wechatpay_chain.php", name)
        return nodes.name(name)

    def _word(self, node: Node | None) -> ast.expr:
        if node is not None and node.type == "name":
            return nodes.constant(text(node))
        return self.expression(node)

    def _verb(self, node: Node, value: ast.expr, word: str) -> ast.expr:
        if not (word == "chain" or self.is_chain(value)):
            raise Refusal(node, f"{word}(): whether this is a client's path is not known")
        given, keywords = self._arguments(node)
        if "options" in keywords and not given:
            given, keywords = [keywords.pop("options")], keywords
        if "segment" in keywords and word == "chain":
            given, keywords = [keywords.pop("segment")], keywords
        is_odd = keywords or len(given) > 1 or (word == "chain" and not given)
        if is_odd or any(isinstance(each, ast.Starred) for each in given):
            raise Refusal(node, f"{word}(): takes one array of options")
        if word != "chain" and given and self.kind(given[0]) in (Kind.TEXT, Kind.NUMBER):
            raise Refusal(node, f"{word}(): takes one array of options")
        return nodes.method(value, word, *given)

    def _arguments(
        self, node: Node, first: Kind = Kind.UNKNOWN, word: str = ""
    ) -> tuple[list[ast.expr], dict[str, ast.expr]]:
        """Positional and named arguments; ``first`` is what callbacks of ``word`` are called with."""
        found = node.child_by_field_name("arguments")
        if found is None:
            found = next((child for child in node.children if child.type == "arguments"), None)
        given: list[ast.expr] = []
        keywords: dict[str, ast.expr] = {}
        made: dict[int, ast.AST] = {}
        for index, each in enumerate(children(found) if found is not None else []):
            name = each.child_by_field_name("name")
            words = _CALLBACKS.get(word, ())
            callback = words[index] if index < len(words) else "callback"
            kind = Kind.ERROR if callback == "on_rejected" else first
            value = self._argument(each, kind, callback, int(index < len(words)))
            if name is not None and name.type == "name" and len(children(each)) == 2:
                keywords[method_word(text(name))] = value
            else:
                given.append(value)
            made[each.start_byte] = value
        if found is not None:
            self.noted(found.children, ast.Tuple([], ast.Load()), made)
        return given, keywords

    def _argument(self, node: Node, first: Kind = Kind.UNKNOWN, word: str = "callback", least: int = 0) -> ast.expr:
        if node.type != "argument":
            raise Refusal(node, "an argument that is no value")
        value = children(node)[-1]
        if any(child.type in ("&", "reference_modifier") for child in node.children):
            raise Refusal(node, "an argument by reference")
        if value.type == "variadic_unpacking":
            return self._spread(value)
        if value.type in ("anonymous_function", "arrow_function", "anonymous_function_creation_expression"):
            return self.function_value(value, first, word, least)
        return self.expression(value)

    def _spread(self, node: Node) -> ast.expr:
        value = self.expression(children(node)[0])
        # *params.values() needs no list around it.
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "list":
            value = value.args[0]
        if self.kind(value) is Kind.DICT:
            raise Refusal(node, "...: of a mapping")
        return ast.Starred(value, ast.Load())
