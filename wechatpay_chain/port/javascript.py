"""The syntax of JavaScript and TypeScript, read into the parts that both languages share."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from wechatpay_chain.port import syntax
from wechatpay_chain.port.reader import Reader
from wechatpay_chain.port.source import children, field_of, need, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["JavaScriptReader"]

_PLUGIN = "wechatpay-axios-plugin"
_HELPERS = frozenset(["AesEcb", "AesGcm", "Formatter", "Hash", "Rsa", "Transformer", "Wechatpay", "Multipart"])
_FILES = frozenset(["readFileSync", "createReadStream"])
_LANGUAGE = frozenset(["JSON", "Object", "Promise", "Math", "console", "process", "String", "Number", "parseInt"])
_GLOBALS = _HELPERS | _FILES | _LANGUAGE | {"Aes"}
_SPACES = frozenset(["Aes", "fs", "default"])
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "b": "\b", "f": "\f", "0": "\0"}
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(\r\n|[\s\S]))")
_EXACT = 2**53
# ``require('x')``, ``await import('x')``, and the part that is taken of it.
_REQUIRE = re.compile(r"""\(?(?:await\s+)?(?:require|import)\(\s*['"`]([^'"`]+)['"`]\s*\)\)?(?:\.(\w+))?$""")
_FUNCTIONS = ("arrow_function", "function_expression", "function", "generator_function")


class JavaScriptReader(Reader):
    """One file: what it imports from the plugin, and what it declares itself."""

    def __init__(self, root: Node) -> None:
        # A name of the file, and which part of which library it is; "" is the plugin as a whole.
        self.imported: dict[str, str] = {}
        self.declared: set[str] = set()
        self._learn(root)
        self.parts = self.block(children(root))

    def _learn(self, root: Node) -> None:
        todo = [root]
        while todo:
            node = todo.pop()
            todo.extend(reversed(node.named_children))
            if node.type == "import_statement":
                whole = next((each for each in children(node) if each.type == "import_require_clause"), None)
                if whole is not None:
                    self._import(text(children(whole)[-1])[1:-1], text(children(whole)[0]), "")
                library = text(field_of(node, "source"))[1:-1]
                for each in _inner(node, "import_specifier"):
                    word = text(field_of(each, "name"))
                    self._import(library, text(field_of(each, "alias")) or word, word)
                for clause in _inner(node, "import_clause"):
                    for each in children(clause):
                        if each.type in ("identifier", "namespace_import"):
                            self._import(library, text(each).rpartition(" ")[2], "")
            elif node.type == "variable_declarator":
                name, value = field_of(node, "name"), field_of(node, "value")
                found = _REQUIRE.match(text(value))
                if found and name is not None:
                    self._require(found[1], name, found[2] or "")
                elif (
                    name is not None and name.type == "object_pattern" and self.imported.get(text(value)) in ("", "Aes")
                ):
                    self._require(_PLUGIN, name, "")
                elif (part := re.fullmatch(r"(\w+)\.(\w+)", text(value))) and self.imported.get(part[1]) == "":
                    self._import(_PLUGIN, text(name), part[2])
                elif name is not None:
                    self.declared.update(
                        text(each) for each in [name, *_inner(name, "shorthand_property_identifier_pattern")]
                    )
            elif node.type in ("class_declaration", "function_declaration"):
                self.declared.add(text(field_of(node, "name")))

    def _require(self, library: str, pattern: Node, word: str) -> None:
        if pattern.type == "identifier":
            self._import(library, text(pattern), word)
        for each in children(pattern):
            value = field_of(each, "value")
            if each.type == "shorthand_property_identifier_pattern":
                self._import(library, text(each), text(each))
            elif value is not None and value.type == "object_pattern":
                self._require(library, value, "")
            elif value is not None:
                self._import(library, text(value), text(field_of(each, "key")))

    def _import(self, library: str, local: str, word: str) -> None:
        is_ours = library == _PLUGIN and (word in _HELPERS or word in _SPACES or not word)
        is_file = library.removeprefix("node:") == "fs" and (word in _FILES or not word)
        if is_ours or is_file:
            self.imported[local] = word if word in _HELPERS | _FILES | {"Aes"} else ""
        elif library == _PLUGIN:
            self.imported[local] = word
        else:
            self.declared.add(local)

    # Statements

    def effect(self, node: Node, value: syntax.Part) -> syntax.Part:
        """An expression statement; ``process.exit()`` leaves."""
        if (
            (
                isinstance(value, syntax.Call)
                and isinstance(value.function, syntax.Access)
                and syntax.literal_text(value.function.key) == "exit"
            )
            and isinstance(value.function.base, syntax.ClassName)
            and value.function.base.word == "process"
        ):
            return syntax.Throw(node, None)
        return super().effect(node, value)

    def _export(self, node: Node) -> list[syntax.Part]:
        inner = field_of(node, "declaration") or field_of(node, "value")
        made: list[syntax.Part] = [
            syntax.Do(each, self.value(children(each)[0]))
            for each in children(node)
            if each.type == "decorator" and children(each)
        ]
        return made + (self.statement(inner) if inner is not None else [])

    def _declaration(self, node: Node) -> list[syntax.Part]:
        made: list[syntax.Part] = []
        for each in children(node):
            name, value = field_of(each, "name"), field_of(each, "value")
            is_import = _REQUIRE.match(text(value)) is not None or (
                self.imported.get(text(value)) in ("", "Aes") and name is not None and name.type == "object_pattern"
            )
            is_import = is_import or (name is not None and text(name) in self.imported)
            if each.type != "variable_declarator" or name is None or is_import:
                continue
            told: syntax.Part = syntax.Literal(each, None) if value is None else self.value(value)
            kind = _short_type(field_of(each, "type"))
            if isinstance(told, syntax.Function) and name.type == "identifier":
                told.name = told.name or text(name)
            assign = syntax.Do(node, syntax.Assign(each, self.pattern(name), "=", told, declares=True))
            made.append(syntax.Define(each, f"{kind} {text(name)}", [assign]) if kind else assign)
        return made

    def _class(self, node: Node) -> syntax.Part:
        return syntax.Define(
            node, text(field_of(node, "name")) or "class", self.block(children(field_of(node, "body"))), is_class=True
        )

    def _field(self, node: Node) -> list[syntax.Part]:
        name = field_of(node, "name") or field_of(node, "property")
        value = field_of(node, "value")
        if name is None:
            return []
        told: syntax.Part = syntax.Literal(node, None) if value is None else self.value(value)
        word = text(name).lstrip("#")
        if isinstance(told, syntax.Function):
            told.name = told.name or word
            return [syntax.Define(node, word, [told])]
        target = syntax.Access(node, syntax.Name(node, "this"), syntax.Literal(name, word))
        kind = _short_type(field_of(node, "type"))
        return [syntax.Define(node, f"{kind} {word}", [syntax.Do(node, syntax.Assign(node, target, "=", told))])]

    def _method(self, node: Node) -> syntax.Part:
        function = self.function(node)
        return syntax.Define(node, function.name, [function])

    def _for_in(self, node: Node) -> syntax.Part:
        left = field_of(node, "left")
        targets = [] if left is None else [self.pattern(left)]
        return syntax.Loop(node, None, self.value(field_of(node, "right")), targets, self.body(field_of(node, "body")))

    def _try(self, node: Node) -> syntax.Part:
        handler, final = field_of(node, "handler"), field_of(node, "finalizer")
        handlers: list[syntax.Handler] = []
        if handler is not None:
            name = field_of(handler, "parameter")
            target = None if name is None else self.pattern(name)
            handlers.append(
                syntax.Handler(
                    handler,
                    [syntax.ClassName(handler, "Exception", True)],
                    target,
                    self.body(field_of(handler, "body")),
                )
            )
        return syntax.Try(
            node,
            self.body(field_of(node, "body")),
            handlers,
            self.body(field_of(final, "body")) if final is not None else [],
        )

    # Expressions

    def _identifier(self, node: Node) -> syntax.Part:
        word = _unescaped(text(node)) or ""
        if word == "undefined":
            return syntax.Literal(node, None)
        if word in self.imported:
            return syntax.ClassName(node, self.imported[word], True)
        is_ours = word in _GLOBALS and word not in self.declared
        return syntax.ClassName(node, word, True) if is_ours else syntax.Name(node, word)

    def _number(self, node: Node) -> syntax.Part | None:
        digits = text(node).replace("_", "").lower()
        try:
            if digits.endswith("n") and not digits.startswith("0x"):
                return syntax.Literal(node, int(digits[:-1], 0))
            value = int(digits, 0) if digits[:2] in ("0x", "0o", "0b") else float(digits)
        except ValueError:
            return None
        if abs(value) >= _EXACT or re.fullmatch(r"0\d+", digits):
            return None
        return syntax.Literal(node, int(value) if value == int(value) else value)

    def _string(self, node: Node) -> syntax.Part | None:
        told = _unescaped(text(node)[1:-1])
        return None if told is None else syntax.Literal(node, told)

    def _template(self, node: Node) -> syntax.Part | None:
        pieces: list[syntax.Part] = []
        whole, place = node.text or b"", node.start_byte + 1
        for each in [*(child for child in node.children if child.type == "template_substitution"), None]:
            end = node.end_byte - 1 if each is None else each.start_byte
            between = whole[place - node.start_byte : end - node.start_byte].decode("utf-8", "replace")
            told = _unescaped(between.replace("\r\n", "\n"))
            if told is None:
                return None
            pieces.append(syntax.Literal(node, told))
            if each is not None:
                if not children(each):
                    return None
                pieces.append(self.value(children(each)[0]))
                place = each.end_byte
        return pieces[0] if len(pieces) == 1 else syntax.Template(node, pieces)

    def _array(self, node: Node) -> syntax.Part | None:
        signs = [child.type for child in node.children if child.type != "comment"]
        if any(first in ("[", ",") and second == "," for first, second in itertools.pairwise(signs)):
            return None
        return syntax.Items(node, [(None, self.value(each)) for each in children(node)], is_list=True)

    def _object(self, node: Node) -> syntax.Part:
        entries: list[tuple[syntax.Part | None, syntax.Part]] = []
        for each in children(node):
            key, value = field_of(each, "key"), field_of(each, "value")
            if each.type == "pair":
                told = self._key(need(each, "key"))
                found = self.value(value)
                if isinstance(found, syntax.Function):
                    found.name = found.name or text(key)
                entries.append((told, found))
            elif each.type in ("shorthand_property_identifier", "identifier"):
                entries.append((syntax.Literal(each, text(each)), self._identifier(each)))
            elif each.type == "spread_element":
                entries.append((None, self.value(each)))
            elif each.type == "method_definition":
                entries.append((syntax.Literal(each, text(field_of(each, "name"))), self.function(each)))
            else:
                entries.append(
                    (
                        None,
                        syntax.Spread(
                            each, syntax.Other(each, [], "the syntax is broken" if each.type == "ERROR" else "")
                        ),
                    )
                )
        return syntax.Items(node, entries, is_list=False)

    def _key(self, node: Node) -> syntax.Part:
        if node.type in ("property_identifier", "private_property_identifier"):
            return syntax.Literal(node, _unescaped(text(node)) or "")
        if node.type == "computed_property_name":
            return self.value(children(node)[0])
        value = self.value(node)
        return (
            syntax.Literal(node, str(value.value))
            if isinstance(value, syntax.Literal) and isinstance(value.value, int)
            else value
        )

    def pattern(self, node: Node, default: syntax.Part | None = None) -> syntax.Part:
        """A name, or what a destructuring takes apart; defaults are Parameters."""
        if node.type in ("assignment_pattern", "object_assignment_pattern"):
            return syntax.Parameter(node, self.pattern(need(node, "left")), self.value(field_of(node, "right")))
        if node.type == "object_pattern":
            entries: list[tuple[syntax.Part | None, syntax.Part]] = []
            for each in children(node):
                value = field_of(each, "value")
                if each.type == "pair_pattern" and value is not None:
                    entries.append((self._key(need(each, "key")), self.pattern(value)))
                elif each.type == "rest_pattern":
                    entries.append((None, syntax.Spread(each, self.pattern(children(each)[0]))))
                else:
                    left = field_of(each, "left") or each
                    entries.append((syntax.Literal(each, text(left)), self.pattern(each)))
            return syntax.Items(node, entries, is_list=False)
        if node.type == "array_pattern":
            told: list[tuple[syntax.Part | None, syntax.Part]] = []
            place = 0
            for each in node.children:
                place += each.type == ","
                if each.is_named and each.type != "comment":
                    told.append((syntax.Literal(each, place), self.pattern(each)))
            return syntax.Items(node, told, is_list=False)
        if node.type == "rest_pattern":
            return syntax.Spread(node, self.pattern(children(node)[0]))
        return syntax.Name(node, text(node)) if "identifier" in node.type else self.value(node)

    def _member(self, node: Node) -> syntax.Part | None:
        base, property_ = field_of(node, "object"), field_of(node, "property")
        if property_ is None:
            return None
        word = text(property_).lstrip("#")
        found = self.value(base)
        if isinstance(found, syntax.ClassName) and found.word in ("", "Aes") and word in _HELPERS | _FILES | _SPACES:
            return syntax.ClassName(node, word if word in _HELPERS | _FILES | {"Aes"} else "", True)
        return syntax.Access(
            node, found, syntax.Literal(property_, word), is_optional=field_of(node, "optional_chain") is not None
        )

    def _subscript(self, node: Node) -> syntax.Part:
        index = field_of(node, "index")
        is_optional = field_of(node, "optional_chain") is not None
        return syntax.Access(
            node, self.value(field_of(node, "object")), self.value(index), is_item=True, is_optional=is_optional
        )

    def _call(self, node: Node) -> syntax.Part | None:
        function, arguments = field_of(node, "function") or field_of(node, "constructor"), field_of(node, "arguments")
        if function is None or (arguments is not None and arguments.type != "arguments"):
            return None
        callee = self.value(function)
        if any(child.type == "optional_chain" for child in node.children):
            return syntax.Other(node, [callee, *map(self.value, children(arguments))])
        values = [self.value(each) for each in children(arguments)]
        if isinstance(callee, syntax.Await) and field_of(node, "type_arguments") is not None:
            # The grammar takes ``await f<T>()`` for ``(await f)<T>()``.
            return syntax.Await(node, syntax.Call(node, callee.value, values))
        return syntax.New(node, callee, values) if node.type == "new_expression" else syntax.Call(node, callee, values)

    def function(self, node: Node) -> syntax.Function:
        """A function, a method or an arrow."""
        parameters: list[syntax.Parameter] = []
        promoted: list[syntax.Part] = []
        single = field_of(node, "parameter")
        for each in [single] if single is not None else children(field_of(node, "parameters")):
            pattern = field_of(each, "pattern") or each
            if each.type == "assignment_pattern":
                parameters.append(
                    syntax.Parameter(each, self.pattern(need(each, "left")), self.value(field_of(each, "right")))
                )
                continue
            value = field_of(each, "value")
            kind = _short_type(field_of(each, "type"))
            parameters.append(
                syntax.Parameter(each, self.pattern(pattern), None if value is None else self.value(value), kind)
            )
            if any(child.type == "accessibility_modifier" or text(child) == "readonly" for child in each.children):
                target = syntax.Access(each, syntax.Name(each, "this"), syntax.Literal(each, text(pattern)))
                promoted.append(syntax.Do(each, syntax.Assign(each, target, "=", self.pattern(pattern))))
        body = field_of(node, "body")
        if body is None or body.type == "statement_block":
            parts = self.body(body)
        else:
            parts = [syntax.Return(body, self.value(body))]
        is_async = any(child.type == "async" for child in node.children)
        returns = _short_type(field_of(node, "return_type"))
        return syntax.Function(
            node, parameters, promoted + parts, text(field_of(node, "name")).lstrip("#"), is_async, frozenset(), returns
        )

    def _unary(self, node: Node) -> syntax.Part | None:
        sign, value = text(field_of(node, "operator")), self.value(field_of(node, "argument"))
        return value if sign == "void" else syntax.Operation(node, sign, [value])

    def assign(self, node: Node) -> syntax.Part:
        """An assignment; a function takes the name of what it is assigned to."""
        made = super().assign(node)
        left = field_of(node, "left")
        if isinstance(made, syntax.Assign) and isinstance(made.value, syntax.Function) and left is not None:
            made.value.name = made.value.name or text(field_of(left, "property"))
        return made

    def _expression(self, node: Node) -> list[syntax.Part]:
        return [
            part
            for each in children(node)
            for part in (
                self.statement(each) if each.type in self.statements else [self.effect(node, self.value(each))]
            )
        ]


def _inner(node: Node, kind: str) -> list[Node]:
    found, todo = [], list(node.named_children)
    while todo:
        each = todo.pop()
        found += [each] if each.type == kind else []
        todo.extend(each.named_children)
    return found


def _short_type(node: Node | None) -> str:
    return (
        re.split(r"[.:<|&\s]", re.sub(r"\s*\|\s*(?:null|undefined)\b|[?!]", "", text(node)))[-1]
        if node is not None
        else ""
    )


def _unescaped(source: str) -> str | None:
    def letter(found: re.Match[str]) -> str:
        code = found[1] or found[2] or found[3]
        if code:
            return chr(int(code, 16))
        if found[4].isdigit() and found[4] != "0":
            raise ValueError
        return "" if found[4] in ("\n", "\r\n", "\r", "\u2028", "\u2029") else _LETTERS.get(found[4], found[4])

    try:
        # Two escapes may be the halves of one character.
        return _ESCAPE.sub(letter, source).encode("utf-16", "surrogatepass").decode("utf-16")
    except (ValueError, OverflowError):
        return None


JavaScriptReader.blocks = ("statement_block", "class_body")
JavaScriptReader.switch = ("===", "value")
JavaScriptReader.skipped = re.compile(
    r"comment|import_statement|empty_statement|hash_bang_line|interface_declaration|type_alias_declaration|"
    r"type_annotation|type_identifier|type_parameters|type_arguments|accessibility_modifier|property_identifier|"
    r"enum_declaration|private_property_identifier|abstract_method_signature|function_signature|class_heritage|"
    r"statement_identifier|optional_chain|html_comment|override_modifier|index_signature"
)
JavaScriptReader.statements = {
    "expression_statement": JavaScriptReader._expression,
    "labeled_statement": lambda self, node: self.body(field_of(node, "body")),
    "internal_module": lambda self, node: self.body(field_of(node, "body")),
    "statement_block": lambda self, node: syntax.Group(node, self.block(children(node))),
    **dict.fromkeys(("lexical_declaration", "variable_declaration"), JavaScriptReader._declaration),
    "export_statement": JavaScriptReader._export,
    **dict.fromkeys(("class_declaration", "abstract_class_declaration", "class"), JavaScriptReader._class),
    **dict.fromkeys(("public_field_definition", "field_definition"), JavaScriptReader._field),
    **dict.fromkeys(("method_definition", "function_declaration"), JavaScriptReader._method),
    "decorator": JavaScriptReader._expression,
    "return_statement": JavaScriptReader.give_back,
    "throw_statement": lambda self, node: syntax.Throw(node, self.value(children(node)[0])),
    **dict.fromkeys(("break_statement", "continue_statement"), lambda self, node: syntax.Leave(node)),
    "if_statement": JavaScriptReader.branch,
    "for_in_statement": JavaScriptReader._for_in,
    **dict.fromkeys(("for_statement", "while_statement", "do_statement"), JavaScriptReader.loop),
    "try_statement": JavaScriptReader._try,
    "switch_statement": JavaScriptReader.cases,
}
JavaScriptReader.expressions = {
    **dict.fromkeys(("identifier", "undefined"), JavaScriptReader._identifier),
    **dict.fromkeys(("this", "super"), lambda self, node: syntax.Name(node, "this")),
    "number": JavaScriptReader._number,
    "string": JavaScriptReader._string,
    "template_string": JavaScriptReader._template,
    "true": lambda self, node: syntax.Literal(node, True),
    "false": lambda self, node: syntax.Literal(node, False),
    "null": lambda self, node: syntax.Literal(node, None),
    "array": JavaScriptReader._array,
    "object": JavaScriptReader._object,
    "spread_element": lambda self, node: syntax.Spread(node, self.value(children(node)[0])),
    "member_expression": JavaScriptReader._member,
    "subscript_expression": JavaScriptReader._subscript,
    **dict.fromkeys(("call_expression", "new_expression"), JavaScriptReader._call),
    **dict.fromkeys(_FUNCTIONS, JavaScriptReader.function),
    "await_expression": lambda self, node: syntax.Await(node, self.value(children(node)[0])),
    **dict.fromkeys(("binary_expression", "ternary_expression"), JavaScriptReader.operation),
    "unary_expression": JavaScriptReader._unary,
    **dict.fromkeys(("assignment_expression", "augmented_assignment_expression"), JavaScriptReader.assign),
    **dict.fromkeys(
        ("parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression"),
        JavaScriptReader.inner,
    ),
    "type_assertion": lambda self, node: self.value(children(node)[-1]),
    "instantiation_expression": JavaScriptReader.inner,
}
