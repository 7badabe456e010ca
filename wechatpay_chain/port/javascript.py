"""The syntax of JavaScript and TypeScript, read into the parts that both languages share."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from wechatpay_chain.port import ir
from wechatpay_chain.port.reader import Reader, by_type
from wechatpay_chain.port.source import children, field_of, need, nodes_in, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["JavaScriptReader"]

# The plugin, by itself or as Deno and browsers name it.
_PLUGIN = re.compile(r"(?:.*[:/])?wechatpay-axios-plugin(?:@[^/]*)?")
_HELPERS = frozenset(["AesEcb", "AesGcm", "Formatter", "Hash", "Rsa", "Transformer", "Wechatpay", "Multipart"])
_FILES = frozenset(["readFileSync", "createReadStream"])
_LANGUAGE = frozenset(["JSON", "Object", "Promise", "Math", "console", "process", "String", "Number", "parseInt"])
_NAMED = _HELPERS | _FILES | {"Aes"}
# What stands for the plugin, or for the module of files, as a whole.
_SPACES = frozenset(["Aes", "fs", "default", ""])
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "b": "\b", "f": "\f", "0": "\0"}
_LETTERS |= dict.fromkeys(("\n", "\r\n", "\r", "\u2028", "\u2029"), "")
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(\r\n|[\s\S]))")
_EXACT = 2**53
# ``require('x')``, ``await import('x')``, and the part that is taken of it.
_REQUIRE = re.compile(r"""\(?(?:await\s+)?(?:require|import)\(\s*['"`]([^'"`]+)['"`]\s*\)\)?(?:\.(\w+))?$""")
_FUNCTIONS = ("arrow_function", "function_expression", "function", "generator_function")
_SHORTHANDS = ("shorthand_property_identifier", "shorthand_property_identifier_pattern", "identifier")


class JavaScriptReader(Reader):
    """One file: what it imports from the plugin, and what it declares itself."""

    def __init__(self, root: Node) -> None:
        # A name of the file, and which part of which library it is; "" is the plugin as a whole.
        self.imported: dict[str, str] = {}
        self.declared: set[str] = set()
        self.early: set[ir.Part | None] = set()
        for node in nodes_in(root):
            if node.type == "import_statement":
                self._import_statement(node)
            elif node.type == "variable_declarator":
                self._declarator(need(node, "name"), text(field_of(node, "value")))
            elif node.type in ("class_declaration", "function_declaration"):
                self.declared.add(text(field_of(node, "name")))
        self.parts = self.block(children(root))

    def _import_statement(self, node: Node) -> None:
        library = text(field_of(node, "source"))[1:-1]
        for each in nodes_in(node):
            if each.type == "import_specifier":
                word = text(field_of(each, "name"))
                self._import(library, text(field_of(each, "alias")) or word, word)
            elif each.type == "import_clause":
                for whole in children(each):
                    if whole.type in ("identifier", "namespace_import"):
                        self._import(library, text(whole).rpartition(" ")[2], "")
            elif each.type == "import_require_clause":
                self._import(text(children(each)[-1])[1:-1], text(children(each)[0]), "")

    def _declarator(self, name: Node, value: str) -> None:
        found, part = _REQUIRE.match(value), re.fullmatch(r"(\w+)\.(\w+)", value)
        if found:
            self._require(found[1], name, found[2] or "")
        elif name.type == "object_pattern" and self.imported.get(value) in ("", "Aes"):
            self._require("wechatpay-axios-plugin", name, "")
        elif part and self.imported.get(part[1]) == "":
            self._import("wechatpay-axios-plugin", text(name), part[2])
        else:
            kind = "shorthand_property_identifier_pattern"
            self.declared.update(text(each) for each in nodes_in(name) if each is name or each.type == kind)

    def _require(self, library: str, pattern: Node, word: str) -> None:
        if pattern.type == "identifier":
            self._import(library, text(pattern), word)
        for each in children(pattern):
            value = field_of(each, "value")
            if each.type in _SHORTHANDS:
                self._import(library, text(each), text(each))
            elif value is not None and value.type == "object_pattern":
                self._require(library, value, "")
            elif value is not None:
                self._import(library, text(value), text(field_of(each, "key")))

    def _import(self, library: str, local: str, word: str) -> None:
        is_file = library.removeprefix("node:") == "fs" and (word in _FILES or not word)
        if is_file or _PLUGIN.fullmatch(library):
            self.imported[local] = "" if word in ("fs", "default") else word
        elif library.removeprefix("node:") != "process":
            self.declared.add(local)

    def short_type(self, node: Node | None) -> str:
        """The class that is not ``null``."""
        told = re.sub(r"\s*\|\s*(?:null|undefined)\b|[?!]", "", text(node))
        return re.split(r"[.:<|&\s]", told)[-1]

    # Statements

    def effect(self, node: Node, value: ir.Part) -> list[ir.Part]:
        """An expression statement; ``process.exit()`` and ``ctx.throw()`` leave."""
        base = ir.owner_of(value) if isinstance(value, ir.Call) else None
        is_stop = (ir.word_of(base), ir.name_of_call(value)) == ("process", "exit")
        is_stop |= ir.name_of_call(value) == "throw" and "ctx" in (ir.word_of(base), ir.name_of_call(base))
        return [ir.Throw(node, value)] if is_stop else super().effect(node, value)

    def _export(self, node: Node) -> list[ir.Part]:
        inner = field_of(node, "declaration", "value")
        decorators = [each for each in children(node) if each.type == "decorator" and children(each)]
        made: list[ir.Part] = [ir.Do(each, self.first(each)) for each in decorators]
        return made + (self.statement(inner) if inner is not None else [])

    def _declaration(self, node: Node) -> list[ir.Part]:
        made: list[ir.Part] = []
        for each in children(node):
            name, value = field_of(each, "name"), field_of(each, "value")
            if each.type != "variable_declarator" or name is None or self._is_import(name, text(value)):
                continue
            told: ir.Part = ir.Literal(each, None) if value is None else self.value(value)
            if name.type == "identifier":
                _name_function(told, text(name))
            assign = ir.Do(node, ir.Assign(each, self.pattern(name), "=", told, declares=True))
            kind = self.short_type(field_of(each, "type"))
            made.append(ir.Define(each, f"{kind} {text(name)}", [assign]) if kind else assign)
        return made

    def _is_import(self, name: Node, value: str) -> bool:
        is_taken = name.type == "object_pattern" and self.imported.get(value) in ("", "Aes")
        return _REQUIRE.match(value) is not None or is_taken or text(name) in self.imported

    def _field(self, node: Node) -> list[ir.Part]:
        name, value = field_of(node, "name", "property"), field_of(node, "value")
        if name is None:
            return []
        word = text(name).lstrip("#")
        if value is None or value.type not in _FUNCTIONS:
            return [self.class_property(node, self.short_type(field_of(node, "type")), word, value)]
        told = self.value(value)
        _name_function(told, word)
        return [ir.Define(node, word, [told])]

    def _for_in(self, node: Node) -> ir.Part:
        targets = [self.pattern(need(node, "left"))]
        return ir.Loop(node, None, self.value(field_of(node, "right")), targets, self.body(field_of(node, "body")))

    # Expressions

    def _identifier(self, node: Node) -> ir.Part:
        word = self.unescape(text(node))
        if word == "undefined":
            return ir.Literal(node, None)
        if word in self.imported:
            return ir.ClassName(node, self.imported[word], True)
        is_ours = word in _NAMED | _LANGUAGE and word not in self.declared
        return ir.ClassName(node, word, True) if is_ours else ir.Name(node, word)

    def _number(self, node: Node) -> ir.Part | None:
        digits = text(node).replace("_", "").lower()
        if digits.endswith("n") and not digits.startswith("0x"):
            return ir.Literal(node, int(digits[:-1], 0))
        value = int(digits, 0) if digits[:2] in ("0x", "0o", "0b") else float(digits)
        if abs(value) >= _EXACT or re.fullmatch(r"0\d+", digits):
            return None
        return ir.Literal(node, int(value) if value == int(value) else value)

    def _string(self, node: Node) -> ir.Part:
        return ir.Literal(node, self.unescape(text(node)[1:-1]))

    def interpolation(self, node: Node) -> ir.Part:
        """A value in a template."""
        return self.first(node)

    def unescape(self, source: str) -> str:
        """The text of a literal or a name; line breaks are one character."""

        def letter(found: re.Match[str]) -> str:
            code = found[1] or found[2] or found[3]
            if not code and found[4].isdigit() and found[4] != "0":
                raise ValueError
            return chr(int(code, 16)) if code else _LETTERS.get(found[4], found[4])

        # Two escapes may be the halves of one character.
        told = _ESCAPE.sub(letter, source.replace("\r\n", "\n"))
        return told.encode("utf-16", "surrogatepass").decode("utf-16")

    def _array(self, node: Node) -> ir.Part | None:
        signs = [child.type for child in node.children if child.type != "comment"]
        if any(first in ("[", ",") and second == "," for first, second in itertools.pairwise(signs)):
            return None
        return ir.Items(node, [(None, self.value(each)) for each in children(node)], is_list=True)

    def _object(self, node: Node) -> ir.Part:
        return ir.Items(node, list(map(self._entry, children(node))), is_list=False)

    def _entry(self, node: Node) -> tuple[ir.Part | None, ir.Part]:
        if node.type == "pair":
            found = self.value(field_of(node, "value"))
            _name_function(found, text(field_of(node, "key")))
            return self._key(need(node, "key")), found
        if node.type in _SHORTHANDS:
            return ir.Literal(node, text(node)), self._identifier(node)
        if node.type == "method_definition":
            return ir.Literal(node, text(field_of(node, "name"))), self.function(node)
        if node.type == "spread_element":
            return None, self.value(node)
        return None, ir.Spread(node, ir.Other(node, [], "the syntax is broken" if node.type == "ERROR" else ""))

    def _key(self, node: Node) -> ir.Part:
        if node.type in ("property_identifier", "private_property_identifier"):
            return ir.Literal(node, self.unescape(text(node)))
        value = self.first(node) if node.type == "computed_property_name" else self.value(node)
        is_number = isinstance(value, ir.Literal) and isinstance(value.value, int)
        is_named = is_number and node.type != "computed_property_name"
        return ir.Literal(node, str(value.value)) if is_named and isinstance(value, ir.Literal) else value

    def pattern(self, node: Node) -> ir.Part:
        """A name, or what a destructuring takes apart; defaults are Parameters."""
        if node.type in ("assignment_pattern", "object_assignment_pattern"):
            return ir.Parameter(node, self.pattern(need(node, "left")), self.value(field_of(node, "right")))
        if node.type == "rest_pattern":
            return ir.Spread(node, self.pattern(children(node)[0]))
        if node.type == "object_pattern":
            return ir.Items(node, list(map(self._target_and_value, children(node))), is_list=False)
        if node.type == "array_pattern":
            return self.positions(node)
        return ir.Name(node, text(node)) if "identifier" in node.type else self.value(node)

    def _target_and_value(self, node: Node) -> tuple[ir.Part | None, ir.Part]:
        value = field_of(node, "value")
        if node.type == "pair_pattern" and value is not None:
            return self._key(need(node, "key")), self.pattern(value)
        key = None if node.type == "rest_pattern" else ir.Literal(node, text(field_of(node, "left") or node))
        return key, self.pattern(node)

    def _member(self, node: Node) -> ir.Part:
        name, found = need(node, "property"), self.value(field_of(node, "object"))
        word = text(name).lstrip("#")
        if isinstance(found, ir.ClassName) and found.word in ("", "Aes") and word in _NAMED | _SPACES:
            return ir.ClassName(node, word if word in _NAMED else "", True)
        is_optional = field_of(node, "optional_chain") is not None
        return self._await_whole(
            ir.Access(node, self._without_await(found), ir.Literal(name, word), False, is_optional), found
        )

    def _without_await(self, part: ir.Part) -> ir.Part:
        """What an ``await`` that the grammar put too far within waits for."""
        return part.value if isinstance(part, ir.Await) and part in self.early else part

    def _await_whole(self, made: ir.Part, inner: ir.Part) -> ir.Part:
        """The whole that such an ``await`` is meant for."""
        if inner not in self.early:
            return made
        whole = ir.Await(made.node, made)
        self.early.add(whole)
        return whole

    def _parentheses(self, node: Node) -> ir.Part | None:
        made = self.inner(node)
        self.early.discard(made)
        return made

    def _subscript(self, node: Node) -> ir.Part:
        base, index = self.value(field_of(node, "object")), self.value(field_of(node, "index"))
        is_optional = field_of(node, "optional_chain") is not None
        # A helper's method is one, however it is written.
        is_item = not (isinstance(base, ir.ClassName) and ir.literal_text(index))
        return self._await_whole(ir.Access(node, self._without_await(base), index, is_item, is_optional), base)

    def _call(self, node: Node) -> ir.Part | None:
        arguments = field_of(node, "arguments")
        if arguments is not None and arguments.type != "arguments":
            return None
        function = field_of(node, "function", "constructor")
        values = [self.value(each) for each in children(arguments)]
        if text(function) == "await" and len(values) == 1:
            # The grammar takes ``await (f)`` for a call.
            whole = ir.Await(node, values[0])
            self.early.add(whole)
            return whole
        callee = self.value(function)
        if any(child.type == "optional_chain" for child in node.children):
            return ir.Other(node, [callee, *values])
        if isinstance(callee, ir.Await) and field_of(node, "type_arguments") is not None:
            # The grammar takes ``await f<T>()`` for ``(await f)<T>()``.
            self.early.add(callee)
        if node.type == "new_expression":
            return ir.New(node, callee, values)
        return self._await_whole(ir.Call(node, self._without_await(callee), values), callee)

    def _unary(self, node: Node) -> ir.Part | None:
        made = self.operation(node)
        if not isinstance(made, ir.Operation) or made.operator != "void":
            return made
        (value,) = made.operands
        return ir.Literal(node, None) if isinstance(value, ir.Literal) else value

    def assign(self, node: Node) -> ir.Part:
        """An assignment; a function takes the name of what it is assigned to."""
        made = super().assign(node)
        if isinstance(made, ir.Assign):
            _name_function(made.value, text(field_of(need(node, "left"), "property")))
        return made

    switch = ("===", "value")
    skipped = re.compile(
        "comment|import_statement|empty_statement|hash_bang_line|interface_declaration|"
        "type_alias_declaration|type_annotation|type_identifier|type_parameters|type_arguments|"
        "accessibility_modifier|property_identifier|enum_declaration|private_property_identifier|"
        "abstract_method_signature|function_signature|class_heritage|statement_identifier|optional_chain|"
        "html_comment|override_modifier|index_signature"
    )
    statements = Reader.statements | by_type(
        {
            "lexical_declaration variable_declaration": _declaration,
            "export_statement": _export,
            "public_field_definition field_definition": _field,
            "for_in_statement": _for_in,
        }
    )
    expressions = Reader.expressions | by_type(
        {
            "identifier undefined": _identifier,
            "this super": lambda self, node: ir.Name(node, "this"),
            "number": _number,
            "string": _string,
            "true": lambda self, node: ir.Literal(node, True),
            "false": lambda self, node: ir.Literal(node, False),
            "array": _array,
            "object": _object,
            "member_expression": _member,
            "subscript_expression": _subscript,
            "call_expression new_expression": _call,
            "await_expression": lambda self, node: ir.Await(node, self.first(node)),
            "unary_expression": _unary,
            "parenthesized_expression": _parentheses,
            "type_assertion": lambda self, node: self.value(children(node)[-1]),
        }
    )


def _name_function(part: ir.Part, name: str) -> None:
    """A function without a name has that of what holds it."""
    if isinstance(part, ir.Function):
        part.name = part.name or name
