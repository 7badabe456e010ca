"""PHP's syntax, read into the parts that both languages share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wechatpay_chain.port import syntax
from wechatpay_chain.port.reader import Reader, any_of, is_broken
from wechatpay_chain.port.source import children, field_of, need, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["PhpReader"]

_OURS = ("wechatpay\\", "guzzlehttp\\", "psr\\http\\")
_ROOTS = frozenset(
    ["exception", "throwable", "error", "invalidargumentexception", "unexpectedvalueexception", "runtimeexception"]
)
_INDENTED = re.compile(r"\n[ \t]+\w+$")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "e": "\x1b", "f": "\f", "\\": "\\", "$": "$", '"': '"'}
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|([ntrvef\\$\"]))")
# Statements that go through by themselves, and the names that calls of these functions stand for.
_STOPS = frozenset(["exit", "die", "abort"])


class PhpReader(Reader):
    """One file: aliases of its ``use``, classes of its own."""

    def __init__(self, root: Node) -> None:
        self.aliases: dict[str, str] = {}
        self.own: set[str] = set()
        self._learn(root)
        self.parts = self.block(children(root))

    def _learn(self, root: Node) -> None:
        todo = [root]
        while todo:
            node = todo.pop()
            todo.extend(node.named_children)
            if node.type in ("class_declaration", "trait_declaration", "interface_declaration", "enum_declaration"):
                self.own.add(text(field_of(node, "name")).lower())
            if node.type != "namespace_use_declaration":
                continue
            prefix = next((text(each) for each in children(node) if each.type == "namespace_name"), "")
            group = field_of(node, "body")
            for clause in children(group) if group is not None else children(node):
                if clause.type == "namespace_use_clause":
                    alias = field_of(clause, "alias")
                    whole = text(next(each for each in children(clause) if each != alias)).strip("\\")
                    whole = f"{prefix}\\{whole}" if group is not None else whole
                    short = text(alias) or whole.rpartition("\\")[2]
                    self.aliases[short.lower()] = whole

    def class_name(self, node: Node) -> syntax.ClassName:
        """The class by its short name; known where its namespace is the SDK's, Guzzle's or PHP's own."""
        written = text(node)
        whole = written.strip("\\")
        first, slash, rest = whole.partition("\\")
        if not written.startswith("\\") and first.lower() in self.aliases:
            whole = self.aliases[first.lower()] + slash + rest
        elif whole.lower() in self.own:
            return syntax.ClassName(node, whole, False)
        short = whole.rpartition("\\")[2]
        if re.match(r"(?i:guzzlehttp\\promise\\)(?:(?i:utils)$|[a-z])", whole):
            short = "Promise"
        is_bare = "\\" not in whole and (written.startswith("\\") or first.lower() not in self.aliases)
        return syntax.ClassName(node, short, whole.lower().startswith(_OURS) or is_bare or whole.lower() in _ROOTS)

    # Statements

    def effect(self, node: Node, value: syntax.Part) -> syntax.Part:
        """An expression statement: ``a ?: die()`` and ``$x = a ?? throw b`` are ifs."""
        whole = value.value if isinstance(value, syntax.Assign) else None
        if isinstance(value, syntax.Assign) and isinstance(whole, syntax.Operation) and self._stop(whole.operands[-1]):
            inner = self.effect(node, whole)
            if isinstance(inner, syntax.If) and len(whole.operands) == 2:
                first = whole.operands[0]
                assign = syntax.Do(node, syntax.Assign(node, value.target, value.operator, first))
                test = inner.test
                if isinstance(test, syntax.Operation) and test.operator == "===":
                    test = syntax.Operation(node, "===", [value.target, test.operands[1]])
                elif isinstance(test, syntax.Operation):
                    test = syntax.Operation(node, "!", [value.target])
                return syntax.Group(node, [assign, syntax.If(node, test, inner.body, [])])
        if isinstance(value, syntax.Operation) and len(value.operands) == 2:
            left, right = value.operands
            stop = self._stop(right)
            if stop is not None and value.operator in ("??", "?:"):
                is_null = syntax.Operation(left.node, "===", [left, syntax.Literal(node, None)])
                test = is_null if value.operator == "??" else syntax.Operation(left.node, "!", [left])
                return syntax.If(node, test, [stop], [])
        return self._stop(value) or super().effect(node, value)

    def _stop(self, value: syntax.Part) -> syntax.Part | None:
        if isinstance(value, syntax.Operation) and value.operator == "throw":
            return syntax.Throw(value.node, value.operands[0])
        word = (
            value.function.word
            if isinstance(value, syntax.Call) and isinstance(value.function, syntax.ClassName)
            else ""
        )
        is_bare = isinstance(value, syntax.ClassName) and value.word.lower() in _STOPS
        arguments = value.arguments if isinstance(value, syntax.Call) else []
        told = arguments[0] if arguments else None
        return syntax.Throw(value.node, told) if word.lower() in _STOPS or is_bare else None

    def _exit(self, node: Node) -> syntax.Part:
        found = children(node)
        return syntax.Throw(node, self.value(found[0]) if found else None)

    def _static(self, node: Node) -> syntax.Part:
        value = field_of(node, "value")
        told = syntax.Literal(node, None) if value is None else self.value(value)
        return syntax.Do(node, syntax.Assign(node, self.value(field_of(node, "name")), "=", told))

    def _match(self, node: Node) -> syntax.Part | None:
        """``match``: a condition for each arm; without a default PHP throws."""
        subject = self.value(field_of(node, "condition"))
        arms = children(field_of(node, "body"))
        tail = [each for each in arms if each.type == "match_default_expression"]
        if not isinstance(subject, syntax.Name | syntax.Literal) or any(map(is_broken, arms)):
            return None
        made = self.value(children(tail[0])[-1]) if tail else syntax.Other(node, [])
        for arm in reversed([each for each in arms if each not in tail]):
            conditions, value = children(arm)
            tests: list[syntax.Part] = [
                syntax.Operation(arm, "===", [subject, self.value(each)]) for each in children(conditions)
            ]
            made = syntax.Operation(node, "?:", [any_of(arm, tests), self.value(value), made])
        return made

    def _foreach(self, node: Node) -> syntax.Part:
        source, target = (each for each in children(node)[:2])
        targets = [self.value(each) for each in (children(target) if target.type in ("pair", "by_ref") else [target])]
        return syntax.Loop(node, None, self.value(source), targets, self.body(field_of(node, "body")))

    def _try(self, node: Node) -> syntax.Part:
        handlers: list[syntax.Handler] = []
        final: list[syntax.Part] = []
        for each in children(node):
            if each.type == "catch_clause":
                name = field_of(each, "name")
                found = field_of(each, "type")
                classes = [
                    self.class_name(kind)
                    for kind in (children(found) if found and found.type == "type_list" else [found])
                    if kind
                ]
                handlers.append(
                    syntax.Handler(
                        each, classes, None if name is None else self.value(name), self.body(field_of(each, "body"))
                    )
                )
            elif each.type == "finally_clause":
                final = self.body(field_of(each, "body"))
        return syntax.Try(node, self.body(field_of(node, "body")), handlers, final)

    def _method(self, node: Node) -> syntax.Part:
        function = self.function(node)
        return syntax.Define(node, function.name, [function])

    def _property(self, node: Node) -> list[syntax.Part]:
        kind = _short_type(field_of(node, "type"))
        this = syntax.Name(node, "this")
        made: list[syntax.Part] = []
        for each in children(node):
            if each.type == "property_element":
                word = text(field_of(each, "name")).lstrip("$")
                value = field_of(each, "default_value")
                told: syntax.Part = syntax.Literal(each, None) if value is None else self.value(value)
                target = syntax.Access(each, this, syntax.Literal(each, word))
                made.append(
                    syntax.Define(each, f"{kind} {word}", [syntax.Do(each, syntax.Assign(each, target, "=", told))])
                )
        return made

    def _echo(self, node: Node) -> syntax.Part:
        values = [part for each in children(node) for part in self._listed(each)]
        return syntax.Do(node, syntax.Call(node, syntax.ClassName(node, "echo", True), values))

    def _echo_value(self, node: Node) -> syntax.Part:
        return syntax.Call(node, syntax.ClassName(node, "echo", True), [self.value(children(node)[0])])

    def _class(self, node: Node) -> syntax.Part:
        name = text(field_of(node, "name")) or "class"
        return syntax.Define(node, name, self.block(children(field_of(node, "body") or node)), is_class=True)

    def _listed(self, node: Node) -> list[syntax.Part]:
        if node.type == "sequence_expression":
            return [part for each in children(node) for part in self._listed(each)]
        return [self.value(node)]

    # Expressions

    def _variable(self, node: Node) -> syntax.Part | None:
        word = text(node).lstrip("$")
        return syntax.Name(node, word) if re.fullmatch(r"\w+", word) else None

    def _name(self, node: Node) -> syntax.Part:
        word = text(node).lower()
        if word == "php_eol":
            return syntax.Literal(node, "\n")
        return self.class_name(node)

    def _number(self, node: Node) -> syntax.Part | None:
        digits = text(node).replace("_", "").lower()
        try:
            if node.type == "float":
                return syntax.Literal(node, float(digits))
            found = int(digits, 8) if re.fullmatch(r"0[0-7]+", digits) else int(digits, 0)
        except ValueError:
            return None
        return syntax.Literal(node, found) if abs(found) < 2**63 else None

    def _quoted(self, node: Node) -> syntax.Part | None:
        source = text(node)
        if node.type == "nowdoc":
            return None if _INDENTED.search(source) else syntax.Literal(node, text(field_of(node, "value"))[1:])
        return syntax.Literal(node, re.sub(r"\\([\\'])", r"\1", source[source.index("'") + 1 : -1]))

    def _template(self, node: Node) -> syntax.Part | None:
        is_heredoc = node.type == "heredoc"
        holder = field_of(node, "value") if is_heredoc else node
        if holder is None:
            return syntax.Literal(node, "")
        if is_heredoc and _INDENTED.search(text(node)):
            return None
        pieces: list[syntax.Part] = []
        whole, place = holder.text or b"", holder.start_byte
        for each in holder.children:
            # Line breaks stand between the parts that the grammar names.
            told = whole[place - holder.start_byte : each.start_byte - holder.start_byte].decode("utf-8", "replace")
            place = each.end_byte
            if each.type in ("string_content", "escape_sequence"):
                found = _unescaped(text(each))
                if found is None:
                    return None
                told += found
            pieces.append(syntax.Literal(each, told))
            if each.type == "subscript_expression" and each.named_children[-1].type == "name":
                base, key = children(each)
                pieces.append(syntax.Access(each, self.value(base), syntax.Literal(key, text(key)), is_item=True))
            elif each.is_named and each.type not in ("string_content", "escape_sequence"):
                pieces.append(self.value(each))
        if is_heredoc and isinstance(pieces[0], syntax.Literal):
            # The first line break ends the opening.
            pieces[0].value = str(pieces[0].value).removeprefix("\n")
        if all(isinstance(piece, syntax.Literal) for piece in pieces):
            return syntax.Literal(
                node, "".join(str(piece.value) for piece in pieces if isinstance(piece, syntax.Literal))
            )
        return syntax.Template(node, [piece for piece in pieces if syntax.literal_text(piece) != ""])

    def _array(self, node: Node) -> syntax.Part | None:
        entries: list[tuple[syntax.Part | None, syntax.Part]] = []
        for each in children(node):
            if each.type == "by_ref" or any(
                child.type in ("by_ref", "reference_modifier", "&") for child in each.children
            ):
                return None
            inner = children(each) if each.type == "array_element_initializer" else [each]
            if not inner:
                return None
            entries.append((self.value(inner[0]) if len(inner) == 2 else None, self.value(inner[-1])))
        return syntax.Items(node, entries, is_list=not any(key is not None for key, _ in entries))

    def _pattern(self, node: Node) -> syntax.Part | None:
        entries: list[tuple[syntax.Part | None, syntax.Part]] = []
        waiting: Node | None = None
        place = 0
        for child in node.children:
            if child.type == ",":
                place += 1
            elif child.type == "=>":
                key = entries.pop()[1]
                waiting = key.node
            elif child.is_named and child.type != "comment":
                if child.type == "by_ref":
                    return None
                told = self.value(waiting) if waiting is not None else syntax.Literal(child, place)
                entries.append((told, self.value(child)))
                waiting = None
        return syntax.Items(node, entries, is_list=False)

    def _member(self, node: Node) -> syntax.Part | None:
        base, name = field_of(node, "object"), field_of(node, "name")
        if name is None:
            return None
        key = syntax.Literal(name, text(name)) if name.type == "name" else self.value(name)
        return syntax.Access(node, self.value(base), key, is_optional=node.type.startswith("nullsafe"))

    def _item(self, node: Node) -> syntax.Part:
        parts = children(node)
        return syntax.Access(node, self.value(parts[0]), self.value(parts[1]) if len(parts) > 1 else None, is_item=True)

    def _static_property(self, node: Node) -> syntax.Part:
        scope, name = need(node, "scope"), need(node, "name")
        is_own = text(scope).lower() in ("self", "static") or text(scope).lower() in self.own
        base = syntax.Name(node, "this") if is_own else self.value(scope)
        return syntax.Access(node, base, syntax.Literal(name, text(name).lstrip("$")))

    def _constant(self, node: Node) -> syntax.Part:
        scope, name = children(node)
        return syntax.Access(node, self.scope(scope), syntax.Literal(name, text(name)))

    def scope(self, node: Node) -> syntax.Part:
        """The left side of ``::``."""
        if node.type in ("name", "qualified_name"):
            return self.class_name(node)
        return (
            syntax.Name(node, "this") if node.type == "relative_scope" and text(node) != "parent" else self.value(node)
        )

    def _call(self, node: Node) -> syntax.Part | None:
        if node.type == "function_call_expression":
            callee: syntax.Part | None = self.value(need(node, "function"))
        elif node.type == "scoped_call_expression":
            scope, name = need(node, "scope"), need(node, "name")
            callee = syntax.Access(
                node, self.scope(scope), syntax.Literal(name, text(name)) if name.type == "name" else self.value(name)
            )
        else:
            callee = self._member(node)
        found = self._arguments(field_of(node, "arguments"))
        return None if found is None or callee is None else syntax.Call(node, callee, *found)

    def _arguments(self, node: Node | None) -> tuple[list[syntax.Part], list[str]] | None:
        values: list[syntax.Part] = []
        names: list[str] = []
        for each in children(node):
            if each.type == "variadic_placeholder":
                return None
            if any(child.type in ("&", "reference_modifier", "by_ref") for child in each.children):
                return None
            name = field_of(each, "name")
            values.append(self.value(children(each)[-1]))
            names.append("" if name is None or len(children(each)) == 1 else text(name))
        return values, names

    def _new(self, node: Node) -> syntax.Part | None:
        named = children(node)[0] if children(node) else None
        if named is None or named.type == "anonymous_class":
            return None
        found = self._arguments(next((child for child in node.children if child.type == "arguments"), None))
        target = self.class_name(named) if named.type in ("name", "qualified_name") else self.value(named)
        return None if found is None else syntax.New(node, target, *found)

    def function(self, node: Node) -> syntax.Function:
        """A function, a method or a closure."""
        parameters: list[syntax.Parameter] = []
        promoted: list[syntax.Part] = []
        for each in children(field_of(node, "parameters")):
            name, default = field_of(each, "name"), field_of(each, "default_value")
            if name is None:
                continue
            kind = _short_type(field_of(each, "type"))
            value: syntax.Part = syntax.Name(name, text(name).lstrip("&$"))
            if each.type == "variadic_parameter":
                value = syntax.Spread(name, value)
            parameters.append(syntax.Parameter(each, value, None if default is None else self.value(default), kind))
            if each.type == "property_promotion_parameter":
                target = syntax.Access(each, syntax.Name(each, "this"), syntax.Literal(name, text(name).lstrip("$")))
                promoted.append(syntax.Do(each, syntax.Assign(each, target, "=", value)))
        body = field_of(node, "body")
        is_arrow = node.type == "arrow_function" and body is not None
        parts: list[syntax.Part] = (
            [syntax.Return(body, self.value(body))] if is_arrow and body is not None else self.body(body)
        )
        shared = re.findall(
            r"&\s*\$(\w+)",
            text(next((each for each in children(node) if each.type == "anonymous_function_use_clause"), None)),
        )
        shared += re.findall(r"&\s*\$(\w+)", text(field_of(node, "parameters")))
        shared += re.findall(r"\bglobal\s+\$(\w+)", text(body))
        returns = _short_type(field_of(node, "return_type"))
        return syntax.Function(
            node, parameters, promoted + parts, text(field_of(node, "name")), False, frozenset(shared), returns
        )

    def _operation(self, node: Node) -> syntax.Part | None:
        sign, left, right = (field_of(node, name) for name in ("operator", "left", "right"))
        if sign is not None and sign.type == ".":
            pieces = [self.value(left), self.value(right)]
            told = [
                each for piece in pieces for each in (piece.pieces if isinstance(piece, syntax.Template) else [piece])
            ]
            return syntax.Template(node, told)
        return self.operation(node)

    def _cast(self, node: Node) -> syntax.Part:
        kind = text(field_of(node, "type")).lower()
        return syntax.Operation(
            node, f"({ {'integer': 'int', 'boolean': 'bool'}.get(kind, kind) })", [self.value(field_of(node, "value"))]
        )


def _short_type(node: Node | None) -> str:
    return re.split(r"[\\?|&]", text(node))[-1] if node is not None else ""


def _unescaped(source: str) -> str | None:
    def letter(found: re.Match[str]) -> str:
        if found[1] or found[2]:
            return chr(int(found[1] or found[2], 16))
        return chr(int(found[3], 8) & 255) if found[3] else _ESCAPES[found[4]]

    try:
        told = _ESCAPE.sub(letter, source)
    except (OverflowError, ValueError):
        return None
    # A byte that is no ASCII would be half a letter.
    return None if re.search(r"\\x[89a-fA-F][0-9a-fA-F]|\\[2-7][0-7]{2}", source) else told


PhpReader.blocks = ("compound_statement", "colon_block", "switch_block")
PhpReader.switch = ("==", "condition")
PhpReader.skipped = re.compile(
    r"php_tag|php_end_tag|text|text_interpolation|namespace_use_declaration|use_declaration|comment|name|"
    r"namespace_name|empty_statement|visibility_modifier|static_modifier|named_type|base_clause|"
    r"class_interface_clause|relative_scope|attribute_list|declare_statement"
)
PhpReader.statements = {
    "expression_statement": lambda self, node: [self.effect(node, self.value(each)) for each in children(node)],
    "compound_statement": lambda self, node: syntax.Group(node, self.block(children(node))),
    "return_statement": PhpReader.give_back,
    "exit_statement": PhpReader._exit,
    **dict.fromkeys(("break_statement", "continue_statement", "goto_statement"), lambda self, node: syntax.Leave(node)),
    "static_variable_declaration": PhpReader._static,
    "echo_statement": PhpReader._echo,
    "if_statement": PhpReader.branch,
    "foreach_statement": PhpReader._foreach,
    **dict.fromkeys(("while_statement", "do_statement", "for_statement"), PhpReader.loop),
    "try_statement": PhpReader._try,
    "switch_statement": PhpReader.cases,
    **dict.fromkeys(("function_definition", "method_declaration"), PhpReader._method),
    "property_declaration": PhpReader._property,
    "unset_statement": lambda self, node: syntax.Do(node, syntax.Other(node, [])),
    "namespace_definition": lambda self, node: self.body(field_of(node, "body")),
    **dict.fromkeys(
        ("class_declaration", "trait_declaration", "enum_declaration", "anonymous_class", "interface_declaration"),
        PhpReader._class,
    ),
}
PhpReader.expressions = {
    "variable_name": PhpReader._variable,
    **dict.fromkeys(("name", "qualified_name"), PhpReader._name),
    **dict.fromkeys(("integer", "float"), PhpReader._number),
    "boolean": lambda self, node: syntax.Literal(node, text(node).lower() == "true"),
    "null": lambda self, node: syntax.Literal(node, None),
    **dict.fromkeys(("string", "nowdoc"), PhpReader._quoted),
    **dict.fromkeys(("encapsed_string", "heredoc"), PhpReader._template),
    **dict.fromkeys(("parenthesized_expression", "error_suppression_expression"), PhpReader.inner),
    "array_creation_expression": PhpReader._array,
    "list_literal": PhpReader._pattern,
    "variadic_unpacking": lambda self, node: syntax.Spread(node, self.value(children(node)[0])),
    **dict.fromkeys(("member_access_expression", "nullsafe_member_access_expression"), PhpReader._member),
    "subscript_expression": PhpReader._item,
    "scoped_property_access_expression": PhpReader._static_property,
    "class_constant_access_expression": PhpReader._constant,
    **dict.fromkeys(
        ("function_call_expression", "member_call_expression", "nullsafe_member_call_expression"), PhpReader._call
    ),
    "scoped_call_expression": PhpReader._call,
    "object_creation_expression": PhpReader._new,
    **dict.fromkeys(
        ("anonymous_function", "anonymous_function_creation_expression", "arrow_function"), PhpReader.function
    ),
    "binary_expression": PhpReader._operation,
    "match_expression": PhpReader._match,
    **dict.fromkeys(("unary_op_expression", "conditional_expression"), PhpReader.operation),
    "cast_expression": PhpReader._cast,
    **dict.fromkeys(("assignment_expression", "augmented_assignment_expression"), PhpReader.assign),
    "throw_expression": lambda self, node: syntax.Operation(node, "throw", [self.value(children(node)[0])]),
    "print_intrinsic": PhpReader._echo_value,
}
