"""PHP's syntax, read into the parts that both languages share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from wechatpay_chain.port import ir
from wechatpay_chain.port.reader import Reader, any_of, by_type
from wechatpay_chain.port.source import children, field_of, is_broken, need, nodes_in, text

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
# Functions of PHP and its frameworks that never come back.
_STOPS = frozenset(["exit", "die", "abort", "dd", "halt", "show_404", "show_error", "wp_die"])
_STOPS |= {"wp_send_json", "wp_send_json_error", "wp_send_json_success"}
_CLASSES = ("class_declaration", "trait_declaration", "interface_declaration", "enum_declaration")
_REFERENCES = ("by_ref", "reference_modifier", "&")
_CASTS = {"integer": "int", "boolean": "bool"}


class PhpReader(Reader):
    """One file: aliases of its ``use``, classes of its own."""

    def __init__(self, root: Node) -> None:
        self.aliases: dict[str, str] = {}
        self.own: set[str] = set()
        for node in nodes_in(root):
            if node.type in _CLASSES:
                self.own.add(text(field_of(node, "name")).lower())
            elif node.type == "namespace_use_declaration":
                self._use(node)
        self.parts = self.block(children(root))

    def _use(self, node: Node) -> None:
        prefix = next((text(each) for each in children(node) if each.type == "namespace_name"), "")
        group = field_of(node, "body")
        for clause in children(group) if group is not None else children(node):
            if clause.type == "namespace_use_clause":
                alias = field_of(clause, "alias")
                whole = text(next(each for each in children(clause) if each != alias)).strip("\\")
                whole = f"{prefix}\\{whole}" if group is not None else whole
                self.aliases[(text(alias) or whole.rpartition("\\")[2]).lower()] = whole

    def class_name(self, node: Node) -> ir.ClassName:
        """The class by its short name; known where its namespace is the SDK's, Guzzle's or PHP's own."""
        written = text(node)
        whole = written.strip("\\")
        first, slash, rest = whole.partition("\\")
        is_alias = first.lower() in self.aliases
        if not written.startswith("\\") and is_alias:
            whole = self.aliases[first.lower()] + slash + rest
        elif whole.lower() in self.own:
            return ir.ClassName(node, whole, False)
        short = whole.rpartition("\\")[2]
        if re.match(r"(?i:guzzlehttp\\promise\\)(?:(?i:utils)$|[a-z])", whole):
            short = "Promise"
        is_bare = "\\" not in whole and (written.startswith("\\") or not is_alias)
        return ir.ClassName(node, short, whole.lower().startswith(_OURS) or is_bare or whole.lower() in _ROOTS)

    def short_type(self, node: Node | None) -> str:
        """The class of the last alternative."""
        return re.split(r"[\\?|&]", text(node))[-1]

    # Statements

    def effect(self, node: Node, value: ir.Part) -> list[ir.Part]:
        """An expression statement: ``a ?: die()`` and ``$x = a ?? throw b`` are ifs."""
        whole = value.value if isinstance(value, ir.Assign) else None
        if isinstance(value, ir.Assign) and _is_split(whole):
            target, sign = value.target, value.operator
            return self._split(value.value, lambda each: ir.Do(each.node, ir.Assign(each.node, target, sign, each)))
        if isinstance(value, ir.Assign) and isinstance(whole, ir.Operation) and self._stop(whole.operands[-1]):
            (inner,) = self.effect(node, whole)
            if isinstance(inner, ir.If) and len(whole.operands) == 2:
                assign = ir.Do(node, ir.Assign(node, value.target, value.operator, whole.operands[0]))
                test = inner.test
                if isinstance(test, ir.Operation):
                    test = ir.Operation(node, test.operator, [value.target, *test.operands[1:]])
                return [assign, ir.If(node, test, inner.body, [])]
        if isinstance(value, ir.Operation) and value.operator in ("??", "?:") and len(value.operands) == 2:
            left, right = value.operands
            stop = self._stop(right)
            is_null = ir.Operation(left.node, "===", [left, ir.Literal(node, None)])
            if stop is not None:
                test = is_null if value.operator == "??" else ir.Operation(left.node, "!", [left])
                return [ir.If(node, test, [stop], [])]
        stop = self._stop(value)
        return super().effect(node, value) if stop is None else [stop]

    def _split(self, value: ir.Part, make: Callable[[ir.Part], ir.Part]) -> list[ir.Part]:
        """The branches of ``? :`` or ``match``, each as a statement of its own."""
        if isinstance(value, ir.Operation) and _is_split(value):
            test, body, other = value.operands
            return [ir.If(value.node, test, self._split(body, make), self._split(other, make))]
        return [self._stop(value) or make(value)]

    def _return(self, node: Node) -> list[ir.Part]:
        value = self.inner(node)
        if value is None or not _is_split(value):
            return [ir.Return(node, value)]
        return self._split(value, lambda each: ir.Return(each.node, each))

    def _stop(self, value: ir.Part) -> ir.Part | None:
        if isinstance(value, ir.Operation) and value.operator == "throw":
            return ir.Throw(value.node, value.operands[0])
        arguments = value.arguments if isinstance(value, ir.Call) else []
        function = value.function if isinstance(value, ir.Call) else value
        is_stop = isinstance(function, ir.ClassName) and function.word.lower() in _STOPS
        return ir.Throw(value.node, arguments[0] if arguments else None) if is_stop else None

    def _static(self, node: Node) -> ir.Part:
        value = field_of(node, "value")
        told = ir.Literal(node, None) if value is None else self.value(value)
        return ir.Do(node, ir.Assign(node, self.value(field_of(node, "name")), "=", told))

    def _foreach(self, node: Node) -> ir.Part:
        source, target = children(node)[:2]
        nodes = children(target) if target.type == "pair" else [target]
        targets = [self.value(children(each)[0] if each.type == "by_ref" else each) for each in nodes]
        body = self.body(field_of(node, "body"))
        if nodes[-1].type == "by_ref":
            # The turns change what they go through.
            body.append(ir.Do(node, ir.Assign(node, self.value(source), "&=", targets[-1])))
        return ir.Loop(node, None, self.value(source), targets, body)

    def caught_classes(self, node: Node) -> list[ir.ClassName]:
        """The classes that a ``catch`` names."""
        found = field_of(node, "type")
        kinds = children(found) if found is not None and found.type == "type_list" else [found]
        return [self.class_name(kind) for kind in kinds if kind is not None]

    def _property(self, node: Node) -> list[ir.Part]:
        kind = self.short_type(field_of(node, "type"))
        return [
            self.class_property(each, kind, text(field_of(each, "name")).lstrip("$"), field_of(each, "default_value"))
            for each in children(node)
            if each.type == "property_element"
        ]

    def _unset(self, node: Node) -> ir.Part:
        return ir.Do(node, ir.Call(node, ir.ClassName(node, "unset", True), list(map(self.value, children(node)))))

    def _echo(self, node: Node) -> ir.Part:
        """``echo`` and ``print``."""
        return ir.Call(node, ir.ClassName(node, "echo", True), list(map(self.value, _flatten(children(node)))))

    # Expressions

    def _variable(self, node: Node) -> ir.Part | None:
        word = text(node).lstrip("&$")
        return ir.Name(node, word) if re.fullmatch(r"\w+", word) else None

    def _name(self, node: Node) -> ir.Part:
        return ir.Literal(node, "\n") if text(node).lower() == "php_eol" else self.class_name(node)

    def _number(self, node: Node) -> ir.Part | None:
        digits = text(node).replace("_", "").lower()
        if node.type == "float":
            return ir.Literal(node, float(digits))
        found = int(digits, 8) if re.fullmatch(r"0[0-7]+", digits) else int(digits, 0)
        return ir.Literal(node, found) if abs(found) < 2**63 else None

    def _quotation(self, node: Node) -> ir.Part | None:
        source = text(node)
        if node.type == "nowdoc":
            return None if _INDENTED.search(source) else ir.Literal(node, text(field_of(node, "value"))[1:])
        return ir.Literal(node, re.sub(r"\\([\\'])", r"\1", source[source.index("'") + 1 : -1]))

    def _heredoc(self, node: Node) -> ir.Part | None:
        holder = field_of(node, "value")
        if holder is None:
            return ir.Literal(node, "")
        if _INDENTED.search(text(node)):
            return None
        made = self.template(holder)
        first = made.pieces[0] if isinstance(made, ir.Template) else made
        if isinstance(first, ir.Literal):
            # The first line break ends the opening.
            first.value = str(first.value).removeprefix("\n")
        made.node = node
        return made

    def interpolation(self, node: Node) -> ir.Part:
        """A value in a text, where a key needs no quotes."""
        if node.type == "subscript_expression" and node.named_children[-1].type == "name":
            base, key = children(node)
            return ir.Access(node, self.value(base), ir.Literal(key, text(key)), is_item=True)
        return self.value(node)

    def unescape(self, source: str) -> str:
        """The text of a literal; a byte that is no ASCII would be half a letter."""

        def letter(found: re.Match[str]) -> str:
            if found[1] or found[2]:
                return chr(int(found[1] or found[2], 16))
            return chr(int(found[3], 8) & 255) if found[3] else _ESCAPES[found[4]]

        if re.search(r"\\x[89a-fA-F][0-9a-fA-F]|\\[2-7][0-7]{2}", source):
            raise ValueError
        return _ESCAPE.sub(letter, source)

    def _array(self, node: Node) -> ir.Part | None:
        entries: list[tuple[ir.Part | None, ir.Part]] = []
        for each in children(node):
            if _is_reference(each):
                return None
            inner = children(each) if each.type == "array_element_initializer" else [each]
            entries.append((self.value(inner[0]) if len(inner) == 2 else None, self.value(inner[-1])))
        return ir.Items(node, entries, is_list=not any(key is not None for key, _ in entries))

    def _member(self, node: Node) -> ir.Part:
        base, name = need(node, "object", "scope"), need(node, "name")
        key = ir.Literal(name, text(name)) if name.type == "name" else self.value(name)
        return ir.Access(node, self._scope(base), key, is_optional=node.type.startswith("nullsafe"))

    def _item(self, node: Node) -> ir.Part:
        base, *keys = map(self.value, children(node))
        return ir.Access(node, base, keys[0] if keys else None, is_item=True)

    def _static_property(self, node: Node) -> ir.Part:
        scope, name = need(node, "scope"), need(node, "name")
        is_own = text(scope).lower() in ("self", "static") or text(scope).lower() in self.own
        base = ir.Name(node, "this") if is_own else self.value(scope)
        return ir.Access(node, base, ir.Literal(name, text(name).lstrip("$")))

    def _constant(self, node: Node) -> ir.Part:
        scope, name = children(node)
        return ir.Access(node, self._scope(scope), ir.Literal(name, text(name)))

    def _scope(self, node: Node) -> ir.Part:
        """The left side of ``->`` and ``::``."""
        if node.type in ("name", "qualified_name"):
            return self.class_name(node)
        is_own = node.type == "relative_scope" and text(node) != "parent"
        return ir.Name(node, "this") if is_own else self.value(node)

    def _call(self, node: Node) -> ir.Part | None:
        function, nodes = field_of(node, "function"), children(field_of(node, "arguments"))
        callee = self._member(node) if function is None else self.value(function)
        if any(each.type == "variadic_placeholder" for each in nodes):
            return callee  # the function itself
        found = self._arguments(nodes)
        return None if found is None else ir.Call(node, callee, *found)

    def _arguments(self, nodes: list[Node]) -> tuple[list[ir.Part], list[str]] | None:
        """The arguments of a call and their names; None for what is changed by it."""
        if any(map(_is_reference, nodes)):
            return None
        names = [text(field_of(each, "name")) if len(children(each)) > 1 else "" for each in nodes]
        return [self.value(children(each)[-1]) for each in nodes], names

    def _new(self, node: Node) -> ir.Part | None:
        named, *_ = children(node)
        if named.type == "anonymous_class":
            return None
        found = self._arguments(children(next((child for child in node.children if child.type == "arguments"), None)))
        target = self.class_name(named) if named.type in ("name", "qualified_name") else self.value(named)
        return None if found is None else ir.New(node, target, *found)

    def shared_names(self, node: Node) -> frozenset[str]:
        """What it is given by reference, and what is global."""
        uses = [text(each) for each in children(node) if each.type == "anonymous_function_use_clause"]
        given = "".join([*uses, text(field_of(node, "parameters"))])
        globals_ = re.findall(r"\bglobal\s+\$(\w+)", text(field_of(node, "body")))
        return frozenset([*re.findall(r"&\s*\$(\w+)", given), *globals_])

    def _reference(self, node: Node) -> ir.Part:
        target, value = map(self.value, children(node))
        return ir.Assign(node, target, "&=", value)

    def _operation(self, node: Node) -> ir.Part | None:
        if text(field_of(node, "operator")) != ".":
            return self.operation(node)
        pieces = [self.value(field_of(node, "left")), self.value(field_of(node, "right"))]
        told = [each for piece in pieces for each in (piece.pieces if isinstance(piece, ir.Template) else [piece])]
        return ir.Template(node, told)

    def _cast(self, node: Node) -> ir.Part:
        kind = text(field_of(node, "type")).lower()
        return ir.Operation(node, f"({_CASTS.get(kind, kind)})", [self.value(field_of(node, "value"))])

    def _match(self, node: Node) -> ir.Part | None:
        """``match``: a condition for each arm; without a default PHP throws."""
        subject = self.value(field_of(node, "condition"))
        arms = children(field_of(node, "body"))
        tail = [each for each in arms if each.type == "match_default_expression"]
        if any(map(is_broken, arms)):
            return None
        given: list[ir.Part] = [subject]
        if not isinstance(subject, ir.Name | ir.Literal):
            # The first comparison keeps the subject.
            subject = ir.Name(node, f"case_{node.start_byte}")
            given[0] = ir.Assign(node, subject, "=", given[0], declares=True)
        made = self.value(children(tail[0])[-1]) if tail else ir.Other(node, [])
        branches: list[tuple[ir.Part, ir.Part]] = []
        for arm in [each for each in arms if each not in tail]:
            conditions, value = children(arm)
            tests: list[ir.Part] = []
            for each in children(conditions):
                tests.append(ir.Operation(each, "===", [given.pop() if given else subject, self.value(each)]))
            branches.append((any_of(conditions, tests), self.value(value)))
        for test, branch in reversed(branches):
            made = ir.Operation(node, "?:", [test, branch, made])
        return made

    switch = ("==", "condition")
    skipped = re.compile(
        "php_tag|php_end_tag|text|text_interpolation|namespace_use_declaration|use_declaration|comment|name|"
        "namespace_name|empty_statement|visibility_modifier|static_modifier|named_type|base_clause|"
        "class_interface_clause|relative_scope|attribute_list|declare_statement"
    )
    statements = Reader.statements | by_type(
        {
            "interface_declaration enum_declaration": Reader.define_class,
            "return_statement": _return,
            "static_variable_declaration": _static,
            "echo_statement": lambda self, node: ir.Do(node, self._echo(node)),
            "foreach_statement": _foreach,
            "property_declaration": _property,
            "unset_statement": _unset,
        }
    )
    expressions = Reader.expressions | by_type(
        {
            "variable_name": _variable,
            "name qualified_name": _name,
            "integer float": _number,
            "boolean": lambda self, node: ir.Literal(node, text(node).lower() == "true"),
            "string nowdoc": _quotation,
            "heredoc": _heredoc,
            "array_creation_expression": _array,
            "member_access_expression nullsafe_member_access_expression": _member,
            "subscript_expression": _item,
            "scoped_property_access_expression": _static_property,
            "class_constant_access_expression": _constant,
            "function_call_expression member_call_expression": _call,
            "nullsafe_member_call_expression scoped_call_expression": _call,
            "object_creation_expression": _new,
            "binary_expression": _operation,
            "cast_expression": _cast,
            "match_expression": _match,
            "throw_expression": lambda self, node: ir.Operation(node, "throw", [self.first(node)]),
            "print_intrinsic": _echo,
            "reference_assignment_expression": _reference,
        }
    )


def _is_split(value: ir.Part | None) -> bool:
    """Whether one of the branches of ``? :`` throws."""
    is_choice = isinstance(value, ir.Operation) and value.operator == "?:" and len(value.operands) == 3
    inner = ir.walk(value, into_functions=False) if is_choice and value is not None else ()
    return any(isinstance(each, ir.Operation) and each.operator == "throw" for each in inner)


def _flatten(nodes: list[Node]) -> list[Node]:
    """What commas part."""
    return [
        each for node in nodes for each in (_flatten(children(node)) if node.type == "sequence_expression" else [node])
    ]


def _is_reference(node: Node) -> bool:
    return node.type in _REFERENCES or any(child.type in _REFERENCES for child in node.children)
