"""What wechatpay-axios-plugin brings: its classes, its options and its forms."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from wechatpay_chain.port import nodes
from wechatpay_chain.port.js_values import Values
from wechatpay_chain.port.kinds import Kind
from wechatpay_chain.port.source import Refusal, children, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["CONSTANTS", "FUNCTIONS", "HELPERS", "Library"]

FUNCTIONS = ("arrow_function", "function_expression", "function")
HELPERS = frozenset(["AesEcb", "AesGcm", "Formatter", "Hash", "Rsa", "Transformer"])
CONSTANTS = {
    ("Rsa", "KEY_TYPE_PUBLIC"),
    ("Rsa", "KEY_TYPE_PRIVATE"),
    ("Hash", "ALGO_MD5"),
    ("Hash", "ALGO_HMAC_SHA256"),
}
KNOWN = HELPERS | {"Wechatpay", "Multipart", "createReadStream", "readFileSync"}
_CALLBACKS = {Kind.RESPONSE: "on_fulfilled", Kind.ERROR: "on_rejected"}


class Library(Values):
    """Names of the library, and arguments."""

    # What the snippet imports: its name there, and which part of which library that is.
    imported: dict[str, str] = {}  # noqa: RUF012  # replaced by each translation
    # What the snippet's own functions hand back: a promise, or, made with async, what it brings.
    returns: dict[str, str] = {}  # noqa: RUF012  # replaced by each translation
    # What kind of value that is, as far as it is known, and that of the function that was read last.
    brought: dict[str, Kind] = {}  # noqa: RUF012  # replaced by each translation
    brings = Kind.UNKNOWN

    def helper(self, node: Node | None) -> str:
        """Which class or function of a library a name stands for; empty for any other."""
        if node is None or node.type not in ("identifier", "member_expression"):
            return ""
        word = text(node).replace(" ", "")
        if word in self.imported:
            return self.imported[word]
        first, dot, rest = word.partition(".")
        if dot and self.imported.get(first) in ("", "Aes"):
            return rest if rest in KNOWN else ""
        return word if word in KNOWN and self.scope.holding(word) is None else ""

    def named(self, variable: str, node: Node) -> ast.expr:
        """A variable; a class of the plugin is no value here."""
        if variable in self.imported or (variable in KNOWN and self.scope.holding(variable) is None):
            raise Refusal(node, f"{variable}: not in this place")
        return super().named(variable, node)

    def configuration(self, value: ast.expr) -> ast.expr:
        """Options as they are here: time-outs in seconds, and no headers of a form, which has its own."""
        if isinstance(value, ast.Dict):
            for index in reversed(range(len(value.keys))):
                key, option = nodes.text_of(value.keys[index] or nodes.constant(0)), value.values[index]
                if key == "timeout":
                    value.values[index] = _seconds(option)
                if key == "headers" and vars(option).get("_form_headers"):
                    del value.keys[index], value.values[index]
        return value

    def arguments(self, node: Node, kinds: tuple[Kind, ...] = ()) -> list[ast.expr]:
        """The arguments; callbacks among them are called with values of the given kinds."""
        found = node.child_by_field_name("arguments")
        given: list[ast.expr] = []
        made: dict[int, ast.AST] = {}
        for index, each in enumerate(children(found) if found is not None else []):
            kind = kinds[index] if index < len(kinds) else Kind.UNKNOWN
            if each.type == "spread_element":
                value: ast.expr = ast.Starred(self.expression(children(each)[0]), ast.Load())
            elif each.type in FUNCTIONS:
                value = self.function_value(each, kind, _CALLBACKS.get(kind, "callback"), int(index < len(kinds)))
            else:
                value = self.expression(each)
            given.append(value)
            made[each.start_byte] = value
        if found is not None:
            self.noted(found.children, ast.Tuple([], ast.Load()), made)
        return given

    def function_value(self, node: Node, first: Kind, word: str, least: int = 0) -> ast.expr:
        """A function whose first parameter is a value of the given kind, called with ``least`` arguments."""
        raise NotImplementedError

    def form(self, node: Node, object_: Node, word: str) -> ast.expr | None:
        """``new Multipart().append('meta', …).append('file', …)`` is a Media; its headers make themselves."""
        if word == "getHeaders":
            value = self.expression(object_)
            if self.kind(value) is Kind.MEDIA:
                vars(value)["_form_headers"] = True
                return value
        if word != "append":
            return None
        parts: list[list[ast.expr]] = []
        each: Node | None = node
        while each is not None and each.type == "call_expression":
            function = each.child_by_field_name("function")
            parts.append(self.arguments(each))
            each = None if function is None else function.child_by_field_name("object")
        constructor = each.child_by_field_name("constructor") if each is not None else None
        if each is None or each.type != "new_expression" or self.helper(constructor) != "Multipart":
            return None
        return self._media(node, parts[::-1])

    def _media(self, node: Node, parts: list[list[ast.expr]]) -> ast.expr:
        fields = {nodes.text_of(part[0]): part[1:] for part in parts if len(part) > 1}
        meta, file = fields.get("meta", []), fields.get("file", [])
        is_whole = len(parts) == 2 and meta and file
        dumped, opened = (meta[0], file[0]) if is_whole else (nodes.constant(None), nodes.constant(None))
        given = vars(dumped).get("_dumped")
        path = vars(opened).get("_opened")
        if not isinstance(given, ast.expr) or not isinstance(path, ast.expr):
            raise Refusal(node, "a form other than JSON.stringify(meta) and createReadStream(path)")
        self.imports.discard(("json", ""))
        self.uses("wechatpay_chain", "Media")
        made = nodes.call("Media", path)
        made.keywords.append(ast.keyword(None, given))
        return made

    def date(self, given: list[ast.expr]) -> ast.expr:
        """``new Date()``, now or so many milliseconds after 1970, as an instant that JSON spells as JavaScript does."""
        self.uses("datetime", "datetime")
        self.uses("datetime", "timezone")
        zone = nodes.attribute(nodes.name("timezone"), "utc")
        if not given:
            return nodes.method(nodes.name("datetime"), "now", zone)
        seconds = ast.BinOp(given[0], ast.Div(), nodes.constant(1000))
        return nodes.method(nodes.name("datetime"), "fromtimestamp", seconds, zone)


def _seconds(milliseconds: ast.expr) -> ast.expr:
    if isinstance(milliseconds, ast.Constant) and isinstance(milliseconds.value, int | float):
        seconds = milliseconds.value / 1000
        return nodes.constant(int(seconds) if seconds == int(seconds) else seconds)
    return ast.BinOp(milliseconds, ast.Div(), nodes.constant(1000))
