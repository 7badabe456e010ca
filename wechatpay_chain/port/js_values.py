"""JavaScript's literals, objects and members as Python's."""

from __future__ import annotations

import ast
import contextlib
import re
from typing import TYPE_CHECKING

from wechatpay_chain.encoding import paths
from wechatpay_chain.errors import ChainError
from wechatpay_chain.port import nodes
from wechatpay_chain.port.js_operators import Operators
from wechatpay_chain.port.kinds import Kind
from wechatpay_chain.port.names import path_word
from wechatpay_chain.port.source import Refusal, children, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["GLOBALS", "Values", "literal"]

GLOBALS = frozenset(
    [
        "console",
        "Promise",
        "JSON",
        "Date",
        "Object",
        "Array",
        "process",
        "Math",
        "Number",
        "String",
        "Boolean",
        "Buffer",
        "Error",
        "require",
        "module",
        "exports",
        "encodeURIComponent",
        "parseInt",
        "globalThis",
        "this",
        "arguments",
        "NaN",
        "Infinity",
    ]
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(\r\n|.))", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "v": "\v", "b": "\b", "f": "\f", "0": "\0"}
_BREAKS = ("\n", "\r", "\r\n", "\u2028", "\u2029")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_EXACT = 2**53
_ANSWER = {"data": "data", "status": "status", "statusText": "reason", "headers": "headers"}


class Values(Operators):
    """Expressions that call nothing."""

    def on_identifier(self, node: Node) -> ast.expr:
        """A variable, or what a pattern made of it."""
        return self.named(text(node), node)

    on_shorthand_property_identifier = on_identifier

    def named(self, variable: str, node: Node) -> ast.expr:
        """A variable by its name in JavaScript."""
        scope = self.scope.holding(variable)
        if scope is not None and variable in scope.aliases:
            return scope.aliases[variable]
        if variable in GLOBALS and scope is None:
            raise Refusal(node, f"{variable}: nothing here is the same")
        return nodes.name(self.names[variable])

    def on_string(self, node: Node) -> ast.expr:
        """Text in quotes."""
        return nodes.constant(literal(text(node)[1:-1], node))

    def on_template_string(self, node: Node) -> ast.expr:
        """Text with values in it."""
        told: list[tuple[Node, ast.expr]] = []
        place = node.start_byte + 1
        whole = node.text or b""
        for part in [*(each for each in node.children if each.type == "template_substitution"), None]:
            end = node.end_byte - 1 if part is None else part.start_byte
            between = whole[place - node.start_byte : end - node.start_byte].decode("utf-8", "replace")
            told.append((node, nodes.constant(literal(between.replace("\r\n", "\n"), node))))
            if part is not None:
                told.append((part, self.expression(children(part)[0])))
                place = part.end_byte
        self.joined(told)  # refuses what Python would spell otherwise
        return nodes.concatenated([value for _, value in told])

    def on_number(self, node: Node) -> ast.expr:
        """A number; whole ones stay whole."""
        digits = text(node).replace("_", "").lower()
        try:
            if digits.endswith("n") and not digits.startswith("0x"):
                return nodes.constant(int(digits[:-1], 0))
            value = int(digits, 0) if digits[:2] in ("0x", "0o", "0b") else float(digits)
        except ValueError:
            raise Refusal(node, "a number that JavaScript does not know") from None
        whole = int(digits) if digits.isdigit() else value
        if abs(whole) >= _EXACT or (digits.isdigit() and digits != "0" and digits.startswith("0")):
            raise Refusal(node, "a number that JavaScript would round")
        return nodes.constant(int(value) if value == int(value) else value)

    def on_true(self, node: Node) -> ast.expr:
        """``true``."""
        return nodes.constant(True)

    def on_false(self, node: Node) -> ast.expr:
        """``false``."""
        return nodes.constant(False)

    def on_null(self, node: Node) -> ast.expr:
        """``null`` and ``undefined``."""
        return nodes.constant(None)

    on_undefined = on_null

    def on_parenthesized_expression(self, node: Node) -> ast.expr:
        """What stands between the parentheses."""
        return self.expression(children(node)[0])

    def on_array(self, node: Node) -> ast.expr:
        """A list."""
        if ",," in text(node).replace(" ", "") or text(node).replace(" ", "").startswith("[,"):
            raise Refusal(node, "an array with holes")
        whole, made = ast.List([], ast.Load()), {}
        for each in children(node):
            if each.type == "spread_element":
                value: ast.expr = ast.Starred(self.expression(children(each)[0]), ast.Load())
            else:
                value = self.expression(each)
            whole.elts.append(value)
            made[each.start_byte] = value
        self.noted(node.children, whole, dict(made))
        return whole

    def on_object(self, node: Node) -> ast.expr:
        """A dict; ``undefined`` never travels, so it is left out."""
        whole = ast.Dict([], [])
        made: dict[int, ast.AST] = {}
        for each in children(node):
            if each.type == "pair":
                value = each.child_by_field_name("value")
                if value is None or value.type == "undefined":
                    continue
                found = self.expression(value)
                whole.keys.append(self.key(each.child_by_field_name("key")))
            elif each.type == "shorthand_property_identifier":
                found = self.expression(each)
                whole.keys.append(nodes.constant(text(each)))
            elif each.type == "spread_element":
                found = self.expression(children(each)[0])
                whole.keys.append(None)
            else:
                raise Refusal(each, f"{each.type.replace('_', ' ')} in an object")
            whole.values.append(found)
            made[each.start_byte] = found
        self.noted(node.children, whole, made)
        return _sorted(node, whole)

    def key(self, node: Node | None) -> ast.expr:
        """The key of an entry; JavaScript's keys are text."""
        if node is None:
            raise Refusal(self.source.root, "an entry without a key")
        if node.type == "property_identifier":
            return nodes.constant(text(node))
        if node.type == "computed_property_name":
            return self.expression(children(node)[0])
        value = self.expression(node)
        found = value.value if isinstance(value, ast.Constant) else None
        if isinstance(found, str | int) and not isinstance(found, bool):
            return nodes.constant(str(found))
        raise Refusal(node, "a key that is no text")

    def on_member_expression(self, node: Node) -> ast.expr:
        """A word of a path, a part of an answer, or an entry of an object."""
        property_ = node.child_by_field_name("property")
        word = text(property_)
        if property_ is None or property_.type != "property_identifier" or node.child_by_field_name("optional_chain"):
            raise Refusal(node, "?.: nothing here does the same")
        return self.member(node, self.expression(node.child_by_field_name("object")), word)

    def member(self, node: Node, value: ast.expr, word: str) -> ast.expr:
        """``value.word``."""
        plain = path_word(word)
        made = nodes.item(value, word) if plain is None else nodes.attribute(value, plain)
        if self.is_chain(made):
            return made
        kind = self.kind(value)
        if kind is Kind.RESPONSE:
            if word not in _ANSWER:
                raise Refusal(node, f".{word[:40]}: an answer here has no such part")
            return nodes.attribute(value, _ANSWER[word])
        if kind is Kind.ERROR:
            if word not in ("message", "response"):
                raise Refusal(node, f".{word[:40]}: an error here has no such part")
            return nodes.attribute(value, word) if word == "response" else nodes.call("str", value)
        if word == "length":
            return nodes.call("len", value)
        if kind in (Kind.PROMISE, Kind.FUNCTION, Kind.CLIENT, Kind.TEXT, Kind.NUMBER, Kind.MEDIA):
            raise Refusal(node, f".{word[:40]}: what it is here is not known")
        return nodes.item(value, word)

    def on_subscript_expression(self, node: Node) -> ast.expr:
        """Path text, or an entry."""
        value = self.expression(node.child_by_field_name("object"))
        key = self.expression(node.child_by_field_name("index"))
        if node.child_by_field_name("optional_chain"):
            raise Refusal(node, "?.: nothing here does the same")
        made = nodes.item(value, key)
        if self.is_chain(made):
            return self._path(value, key, node)
        if self.kind(value) in (Kind.RESPONSE, Kind.ERROR, Kind.PROMISE):
            raise Refusal(node, "[…] of what is no object")
        return made

    def _path(self, value: ast.expr, key: ast.expr, node: Node) -> ast.expr:
        """``['outTradeNo']`` is ``.outTradeNo`` in JavaScript, and so is each piece of a longer text."""
        word = nodes.text_of(key)
        if word is None:
            return nodes.item(value, key)
        if word.isidentifier() and (word != word.lower() or word.startswith("_")) and path_word(word):
            return nodes.attribute(value, path_word(word) or word)
        path, mark, query = word.partition("?")
        if path == path.lower():
            return nodes.item(value, key)
        with contextlib.suppress(ChainError):  # the call will tell what is wrong with it
            return nodes.item(value, paths.as_php(path) + mark + query)
        return nodes.item(value, key)


def _sorted(node: Node, whole: ast.Dict) -> ast.Dict:
    """Keys that are whole numbers come first in JavaScript, the least of them before the others."""
    texts = [None if key is None else nodes.text_of(key) for key in whole.keys]
    if not any(text_ is not None and _INDEX.fullmatch(text_) for text_ in texts):
        return whole
    if None in texts:
        raise Refusal(node, "keys that are numbers beside keys that are not known")
    entries = list(zip([text_ or "" for text_ in texts], whole.keys, whole.values, strict=True))
    entries.sort(key=lambda entry: (0, int(entry[0])) if _INDEX.fullmatch(entry[0]) else (1, 0))
    whole.keys, whole.values = [key for _, key, _ in entries], [value for _, _, value in entries]
    return whole


def literal(source: str, node: Node) -> str:
    """The text that a literal's source stands for."""

    def letter(found: re.Match[str]) -> str:
        code = found[1] or found[2] or found[3]
        if code:
            if int(code, 16) > 0x10FFFF:
                raise Refusal(node, "an escape that is no character")
            return chr(int(code, 16))
        if found[4].isdigit() and found[4] != "0":
            raise Refusal(node, "an escape that is no character")
        return "" if found[4] in _BREAKS else _LETTERS.get(found[4], found[4])

    told = _ESCAPE.sub(letter, source)
    try:
        # Two escapes may be the halves of one character.
        return told.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise Refusal(node, "half a character, which UTF-8 cannot hold") from None
