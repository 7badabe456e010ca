"""PHP's literals and arrays as Python's."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from wechatpay_chain.port import nodes
from wechatpay_chain.port.php_operators import Operators
from wechatpay_chain.port.source import Refusal, children, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Values"]

_SINGLE = re.compile(r"\\([\\'])")
_DOUBLE = re.compile(r"\\(?:([nrtvef\\$\"])|u\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{1,2})|([0-7]{1,3}))", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "v": "\v", "e": "\x1b", "f": "\f", "\\": "\\", "$": "$", '"': '"'}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_MOST = 2**63
_GLOBALS = frozenset(
    ["this", "GLOBALS", "_SERVER", "_GET", "_POST", "_FILES", "_COOKIE", "_SESSION", "_REQUEST", "_ENV"]
)


class Values(Operators):
    """Expressions that call nothing."""

    constants: frozenset[str] = frozenset()

    def on_variable_name(self, node: Node) -> ast.expr:
        """``$outTradeNo`` is ``out_trade_no``."""
        variable = text(node)[1:]
        if variable in _GLOBALS:
            raise Refusal(node, f"${variable}: what it holds is not known outside of PHP")
        return nodes.name(self.names[variable])

    def on_name(self, node: Node) -> ast.expr:
        """A constant."""
        word = text(node)
        if word == "PHP_EOL":
            return nodes.constant("\n")
        if word == "OPENSSL_PKCS1_OAEP_PADDING":
            self.uses("wechatpay_chain.php.rsa", word)
            return nodes.name(word)
        if word in self.constants:
            return nodes.name(word)
        raise Refusal(node, f"{word[:40]}: this constant is not known here")

    def on_string(self, node: Node) -> ast.expr:
        """Text in single quotes."""
        literal = text(node)
        if not literal.startswith("'"):
            raise Refusal(node, "a prefix before a string")
        return nodes.constant(_SINGLE.sub(r"\1", literal[1:-1]))

    def on_encapsed_string(self, node: Node) -> ast.expr:
        """Text in double quotes, with the values in it."""
        if not text(node).startswith('"'):
            raise Refusal(node, "a prefix before a string")
        return self._interpolated(node, node.children[1:-1])

    def on_heredoc(self, node: Node) -> ast.expr:
        """The text between two marks."""
        body = node.child_by_field_name("value")
        if body is None:
            return nodes.constant("")
        end = node.child_by_field_name("end_tag")
        if end is not None and end.start_point.column:
            raise Refusal(node, "a heredoc whose end is indented")
        return self._interpolated(node, body.children)

    def on_integer(self, node: Node) -> ast.expr:
        """A whole number of 64 bits."""
        digits = text(node).replace("_", "").lower()
        if digits.startswith("0") and digits.isdigit():
            digits = "0o" + digits
        try:
            value = int(digits, 0) if len(digits) < 80 else _MOST
        except ValueError:
            raise Refusal(node, "a number that PHP does not know") from None
        if value >= _MOST:
            raise Refusal(node, "a number that PHP would round")
        return nodes.constant(value)

    def on_float(self, node: Node) -> ast.expr:
        """A number with a point."""
        value = float(text(node).replace("_", ""))
        if value == float("inf"):
            raise Refusal(node, "a number that PHP would round")
        return nodes.constant(value)

    def on_boolean(self, node: Node) -> ast.expr:
        """``true`` or ``FALSE``."""
        return nodes.constant(text(node).lower() == "true")

    def on_null(self, node: Node) -> ast.expr:
        """``null``."""
        return nodes.constant(None)

    def on_parenthesized_expression(self, node: Node) -> ast.expr:
        """What stands between the parentheses."""
        return self.expression(children(node)[0])

    def on_array_creation_expression(self, node: Node) -> ast.expr:
        """A list or a dict: PHP's array is a list when its keys count from 0."""
        keys: list[ast.expr | None] = []
        found: list[ast.expr] = []
        made: dict[int, ast.AST] = {}
        is_list, index = True, 0
        for entry in children(node):
            key, value = self._entry(entry)
            made[entry.start_byte] = value
            if isinstance(value, ast.Starred):
                index = -1
            elif key is None:
                key = nodes.constant(index)
                index += 1 if index >= 0 else 0
            else:
                number = key.value if isinstance(key, ast.Constant) else None
                is_list = is_list and number == index
                index = number + 1 if isinstance(number, int) and number >= index >= 0 else index
            keys.append(key)
            found.append(value)
        whole: ast.expr = ast.List(found, ast.Load())
        if not is_list:
            whole = self._mapping(node, keys, found, index)
            made = {place: value.value if isinstance(value, ast.Starred) else value for place, value in made.items()}
        self.noted(node.children, whole, made)
        return whole

    def _entry(self, entry: Node) -> tuple[ast.expr | None, ast.expr]:
        parts = children(entry)
        if any(child.type == "&" for child in entry.children) or not parts:
            raise Refusal(entry, "a reference in an array")
        if parts[0].type == "variadic_unpacking":
            return None, ast.Starred(self.expression(children(parts[0])[0]), ast.Load())
        if len(parts) == 1:
            return None, self.expression(parts[0])
        return self._key(self.expression(parts[0]), parts[0]), self.expression(parts[1])

    def _key(self, key: ast.expr, node: Node) -> ast.expr:
        """A key as PHP keeps it: text of digits is a number."""
        if isinstance(key, ast.Constant):
            value = key.value
            if isinstance(value, str):
                return (
                    nodes.constant(int(value))
                    if _INTEGER.fullmatch(value) and value != "-0" and len(value) < 19
                    else key
                )
            if value is None or isinstance(value, bool):
                return nodes.constant("" if value is None else int(value))
            if isinstance(value, float):
                raise Refusal(node, "a key with a point")
        return key

    def _mapping(self, node: Node, keys: list[ast.expr | None], found: list[ast.expr], index: int) -> ast.Dict:
        if any(isinstance(value, ast.Starred) and key is None for key, value in zip(keys, found, strict=True)):
            if any(isinstance(key, ast.Constant) and isinstance(key.value, int) for key in keys):
                raise Refusal(node, "... among entries without keys")
            found = [value.value if isinstance(value, ast.Starred) else value for value in found]
        elif any(not isinstance(key, ast.Constant) for key in keys) and any(
            isinstance(key, ast.Constant) and isinstance(key.value, int) for key in keys
        ):
            raise Refusal(node, "entries without keys beside keys that are not known")
        return ast.Dict(keys, found)

    def _interpolated(self, node: Node, parts: list[Node]) -> ast.expr:
        told: list[tuple[Node, ast.expr]] = []
        for part in parts:
            if part.type in ("{", "}"):
                continue
            if part.is_named and part.type not in ("string_content", "escape_sequence", "nowdoc_string"):
                told.append((part, self.expression(part)))
            else:
                told.append((part, nodes.constant(_unescaped(text(part), part))))
        self.joined([*told, (node, nodes.constant(""))])  # refuses what Python would spell otherwise
        return nodes.concatenated([value for _, value in told])


def _unescaped(literal: str, node: Node) -> str:
    def letter(found: re.Match[str]) -> str:
        if found[1]:
            return _LETTERS[found[1]]
        code = int(found[2] or found[3] or found[4], 16 if not found[4] else 8)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000 or (code > 0x7F and not found[2]):
            raise Refusal(node, "an escape that is no character")
        return chr(code)

    return _DOUBLE.sub(letter, literal)
