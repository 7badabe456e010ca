"""Expressions of either language as Python's: what means the same for every kind of value, and a hole for the rest."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from wechatpay_chain.port import ir, python
from wechatpay_chain.port.python import Names
from wechatpay_chain.port.sdk import CONSTANTS, EXCEPTIONS, verb_of
from wechatpay_chain.port.source import text

__all__ = ["Expressions", "Knowledge", "NoRule", "Scope", "Value"]

_INDEX = re.compile(r"0|[1-9][0-9]*")
_EQUAL = {"===": True, "!==": False, "==": True, "!=": False, "<>": False}


class NoRule(Exception):
    """Nothing here is right for every value: a hole takes the place of the part."""


class Value(NamedTuple):
    """Python for a part: its kind where that is known, that of what a promise brings, how much of the SDK is in it."""

    code: ast.expr
    kind: str = ""
    brings: str = ""
    uses: int = 0
    left: tuple[str, ...] = ()


class Scope:
    """What is known of the variables in one function."""

    def __init__(self, outer: Scope | None = None, unstable: Iterable[str] = ()) -> None:
        self.outer = outer
        self.kinds: dict[str, str] = {}
        self.brings: dict[str, str] = {}
        self.keys: dict[str, set[str]] = {}
        # Names of a pattern, which stand for what is read.
        self.aliases: dict[str, Value] = {}
        # Set from within a function that runs who knows when.
        self.unstable = frozenset(unstable)
        # Arrays that are changed in place, and ``[key]`` of entries that are, with the last place where that is done.
        # PHP copies these where they are stored.
        self.changed: dict[str, int] = outer.changed if outer is not None else {}

    def holder(self, word: str) -> Scope | None:
        """The scope that has a variable, or None."""
        if word in self.kinds or word in self.unstable:
            return self
        return None if self.outer is None else self.outer.holder(word)

    def kind(self, word: str) -> str:
        """What a variable is; empty where that is not known."""
        holder = self.holder(word)
        kind = "" if holder is None else holder.kinds.get(word, "")
        # A check stays one: what a function did to it is never taken for granted.
        return "" if holder is not None and word in holder.unstable and kind != "flag" else kind

    def promised_kind(self, word: str) -> str:
        """What a promise in a variable brings."""
        if word in self.brings or self.outer is None:
            return self.brings.get(word, "")
        return self.outer.promised_kind(word)


class Knowledge:
    """What one reading of a file tells the next: which properties the SDK fills, and what functions hand back."""

    def __init__(self) -> None:
        self.properties: dict[str, str] = {}
        self.functions: dict[str, str] = {}
        # Functions that call the SDK.
        self.callers: frozenset[str] = frozenset()
        # Functions that hand back such a property.
        self.getters: dict[str, str] = {}

    def state(self) -> tuple[object, ...]:
        """To see whether another reading would tell more."""
        tables = (self.properties, self.functions, self.getters)
        return *(tuple(sorted(each.items())) for each in tables), self.callers


class Expressions:
    """The translation of one file; statements and calls build on it."""

    def __init__(self, language: str, names: Names, knowledge: Knowledge, mentions: bool) -> None:
        self.is_php = language == "php"
        self.names = names
        self.knowledge = knowledge
        self.mentions = mentions
        # Then whatever has a path of WeChat Pay is a client.
        self.imports_plugin = False
        self.imports: set[tuple[str, str]] = set()
        self.scope = Scope()
        self.hoisted: list[ast.stmt] = []
        self.done: dict[ir.Part, Value] = {}
        self.ported: set[ir.Part] = set()
        # What is appended to a form, statement by statement.
        self.forms: dict[str, list[ir.Call]] = {}
        self.uses = 0
        self.left: list[str] = []
        self.is_within_closure = False

    # The frame of every rule

    def value(self, part: ir.Part) -> Value:
        """Python for an expression; holes where there is no rule."""
        found = self.done.get(part)
        if found is not None:
            self.uses += found.uses
            self.left += found.left
            return found
        uses, left, hoisted, ported = self.uses, len(self.left), len(self.hoisted), set(self.ported)
        try:
            made = (self._rule(part) or self.on_nothing)(part)
        except NoRule:
            self.uses, self.ported = uses, ported
            del self.left[left:], self.hoisted[hoisted:]
            made = self.hole(part)
        self.done[part] = made._replace(uses=self.uses - uses, left=tuple(self.left[left:]))
        return self.done[part]

    def _rule(self, part: ir.Part) -> Callable[[Any], Value] | None:
        """The method that is named for a kind of part."""
        return getattr(self, f"on_{type(part).__name__.lower()}", None)

    def exact(self, part: ir.Part) -> Value:
        """Python for an expression that is wholly known; raises NoRule."""
        made = self.value(part)
        if next(python.holes_in(made.code), None) is not None:
            raise NoRule
        return made

    def on_nothing(self, part: ir.Part) -> Value:
        """What has no rule."""
        raise NoRule

    def hole(self, part: ir.Part) -> Value:
        """What the reader must write, with what the SDK brings to it."""
        if isinstance(part, ir.Other) and part.problem:
            self.left.append(part.problem)
        is_call = isinstance(part, ir.Invocation)
        values: list[ast.expr] = []
        for each in self._inner_uses(part):
            is_hole = isinstance(each, ast.Call) and each in python.holes_in(each)
            for value in each.args[1:] if is_hole and isinstance(each, ast.Call) else [each]:
                # Only the arguments of a call are sure to be evaluated there, and once.
                is_now = is_call or isinstance(value, ast.Lambda)
                values.append(value if is_now else python.code("lambda: _0", value))
        function = ir.function_of(part)
        word = ir.word_of(function) or self.own_method(function) or self.own_method(part)
        kind = self.knowledge.functions.get(word, "") or self._stored_kind(part)
        return Value(python.hole(text(part.node), values), kind)

    def _stored_kind(self, part: ir.Part) -> str:
        """The kind of what is kept once it was made: ``$c ??= …``, ``c || (c = …)``."""
        operands = [part.value] if isinstance(part, ir.Assign) else []
        if isinstance(part, ir.Operation) and part.operator in ("??", "?:", "||"):
            operands = part.operands[-2:]
        return _common(found.kind for each in operands if (found := self.done.get(each)) is not None)

    def _inner_uses(self, part: ir.Part) -> Iterator[ast.expr]:
        method = part.function if isinstance(part, ir.Call) and isinstance(part.function, ir.Access) else None
        for found in ir.inner_parts(part):
            # A method is no entry of what it belongs to.
            each = method.base if method is not None and found is method else found
            if isinstance(each, ir.Other | ir.Parameter):
                yield from self._inner_uses(each)
                self.left += [each.problem] if isinstance(each, ir.Other) and each.problem else []
            elif self._rule(each) and not isinstance(each, ir.Function):
                made = self.value(each)
                if made.uses:
                    yield made.code.value if isinstance(made.code, ast.Starred) else made.code

    def own_method(self, part: ir.Part | None) -> str:
        """The name of a method or property of ``this``; empty for anything else."""
        is_own = isinstance(part, ir.Access) and ir.word_of(part.base) == "this" and not part.is_optional
        return ir.name_of_call(part) if is_own else ""

    def use(self, value: Value) -> Value:
        """Note that an expression is the SDK's."""
        self.uses += 1
        return value

    def needs(self, module: str, word: str = "") -> ast.expr:
        """A name that is imported."""
        self.imports.add((module, word))
        return python.name(word or module)

    def convert(self, word: str, code: ast.expr) -> ast.Call:
        """A call of one of the conversions."""
        return python.call(self.needs("wechatpay_chain.port.conversion", word), code)

    def inner_scope(self, unstable: Iterable[str] = ()) -> Scope:
        """A scope within the present one."""
        return Scope(self.scope, unstable)

    # Values

    def on_literal(self, part: ir.Literal) -> Value:
        """A literal; ``undefined`` is nothing too."""
        return Value(ast.Constant(part.value), _KINDS[type(part.value)])

    def on_name(self, part: ir.Name) -> Value:
        """A variable, or what a pattern made of it."""
        if part.word in ("this", "GLOBALS", "arguments") or (part.word.startswith("_") and part.word.isupper()):
            raise NoRule
        scope: Scope | None = self.scope
        while scope is not None and part.word not in scope.kinds:
            if part.word in scope.aliases:
                self.uses += scope.aliases[part.word].uses
                return scope.aliases[part.word]
            scope = scope.outer
        is_custom = part.word == ("instance" if self.is_php else "wxpay") and self.scope.holder(part.word) is None
        kind = "client" if is_custom else self.scope.kind(part.word)
        if kind == "form":
            raise NoRule
        return Value(python.name(self.names[part.word]), kind, self.scope.promised_kind(part.word))

    def copy_of(self, part: ir.Part, is_changed: bool = False) -> Value:
        """A value that is stored: PHP's arrays are copied then, as far as anyone could tell the difference."""
        made = self.value(part)
        is_changed = is_changed or self.scope.changed.get(ir.word_of(part), 0) > part.node.start_byte
        is_array = isinstance(made.code, ast.Name) and made.kind in ("", "map", "list", "json")
        if self.is_php and isinstance(part, ir.Name) and is_changed and is_array:
            return made._replace(code=python.method(self.needs("copy"), "deepcopy", made.code))
        return made

    def as_text(self, made: Value) -> ast.expr:
        """The text of a value, as the language would write it."""
        if made.kind == "text":
            return made.code
        if made.kind in ("int", "body"):
            is_constant = isinstance(made.code, ast.Constant)
            return ast.Constant(ast.unparse(made.code)) if is_constant else python.call("str", made.code)
        if made.kind in ("map", "list", "none", "answer", "promise", "client", "node", "verb"):
            raise NoRule
        return self.convert("php_text" if self.is_php else "js_text", made.code)

    def on_template(self, part: ir.Template) -> Value:
        """Text joined from pieces."""
        codes: list[ast.expr] = []
        for piece in part.pieces:
            code = self.as_text(self.value(piece))
            if isinstance(code, ast.Constant) and codes and isinstance(codes[-1], ast.Constant):
                codes[-1] = ast.Constant(str(codes[-1].value) + str(code.value))
            elif not isinstance(code, ast.Constant) or code.value != "":
                codes.append(code)
        made = codes[0] if codes else ast.Constant("")
        for code in codes[1:]:
            made = ast.BinOp(made, ast.Add(), code)
        return Value(made, "text")

    def on_items(self, part: ir.Items) -> Value:
        """An array or an object."""
        if part.is_list:
            values = [self.copy_of(value) for _, value in part.entries]
            brings = {each.brings for each in values if each.kind == "promise"}
            is_promises = len(brings) == 1 and all(each.kind == "promise" for each in values)
            listed = ast.List([each.code for each in values], ast.Load())
            return Value(listed, "list", brings.pop() if is_promises else "")
        entries: list[tuple[ast.expr | None, ast.expr]] = []
        count, are_words, time_out = 0, True, ""
        for key, value in part.entries:
            time_out = time_out or self._time_out(key, value)
            if isinstance(value, ir.Spread):
                entries.append((None, self._spread(value, ("map", "json"))))
                continue
            if not self.is_php and text(value.node).partition(" ")[0] in ("undefined", "void"):
                continue
            told = Value(ast.Constant(count)) if key is None else self.value(key)
            found = told.code.value if isinstance(told.code, ast.Constant) else ...
            if self.is_php and isinstance(found, str) and _INDEX.fullmatch(found):
                found = int(found)
            if isinstance(found, bool | float) or found is None:
                raise NoRule
            are_words = are_words and isinstance(found, str) and not _INDEX.fullmatch(found)
            count = max(count, found + 1) if isinstance(found, int) else count
            code = ast.Constant(found) if isinstance(found, str | int) else told.code
            entries.append((code, self.copy_of(value, is_changed=f"[{found!s}]" in self.scope.changed).code))
        keys = [key.value if isinstance(key, ast.Constant) else None for key, _ in entries]
        if self.is_php and keys == list(range(len(keys))):
            return Value(ast.List([value for _, value in entries], ast.Load()), "list")
        if not self.is_php and any(isinstance(key, str) and _INDEX.fullmatch(key) for key in keys):
            # Keys that are whole numbers come first in JavaScript, the least of them before the others.
            if None in keys:
                raise NoRule
            entries.sort(key=lambda entry: _order(entry[0]))
        made = ast.Dict([key for key, _ in entries], [value for _, value in entries])
        return Value(made, "map" if are_words or not self.is_php else "", time_out)

    def _time_out(self, key: ir.Part | None, value: ir.Part) -> str:
        """``timeout`` for an entry that brings a time-out, in milliseconds."""
        brings = self.value(value.value).brings if isinstance(value, ir.Spread) else ir.literal_text(key)
        return "timeout" if brings == "timeout" and not self.is_php else ""

    def _spread(self, part: ir.Spread, kinds: tuple[str, ...]) -> ast.expr:
        made = self.value(part.value)
        is_known = not self.is_php or made.kind in kinds
        return made.code if is_known else python.hole(text(part.node), [made.code] if made.uses else [])

    def on_spread(self, part: ir.Spread) -> Value:
        """``...list``, in a list or among arguments."""
        made = self._spread(part, ("list",))
        (inner,) = made.elts if isinstance(made, ast.List) and len(made.elts) == 1 else [made]
        return Value(inner if isinstance(inner, ast.Starred) else ast.Starred(made, ast.Load()))

    def on_assign(self, part: ir.Assign) -> Value:
        """An assignment within an expression, of a variable."""
        if part.operator != "=" or not isinstance(part.target, ir.Name) or self.is_within_closure:
            raise NoRule
        made = self.value(part.value)
        self.scope.kinds[part.target.word] = made.kind
        return made._replace(code=ast.NamedExpr(ast.Name(self.names[part.target.word], ast.Store()), made.code))

    # What is read

    def property_of(self, part: ir.Part | None) -> str:
        """The name of a property of ``this`` that the SDK fills; empty for anything else."""
        word = self.own_method(part)
        return word if word in self.knowledge.properties else ""

    def on_access(self, part: ir.Access) -> Value:
        """A word of a path, a part of an answer, an entry of decoded JSON."""
        if isinstance(part.base, ir.ClassName):
            word, owner = ir.name_of_call(part), part.base.word if part.base.known else ""
            if word in CONSTANTS.get(owner, ()):
                return self.use(Value(python.attribute(self.needs("wechatpay_chain.php", owner), word), "text"))
            helper = self.helper(part, owner, word)
            if helper is not None:
                return self.use(helper)
            if owner != "Wechatpay":
                raise NoRule
            self.left.append(f"Wechatpay.{word[:40]}: the package has no such method")
            return self.use(Value(python.hole(text(part.node))))
        if _is_environment(part):
            return self.environment(part)
        owned = self.property_of(part)
        if owned:
            return Value(python.name(self.names[owned]), self.knowledge.properties[owned])
        node = self.node(part, is_sure=True)
        if node is not None:
            return self.use(Value(node, "verb" if verb_of(ir.name_of_call(part)) else "node"))
        return self.entry(self.value(part.base), part.key, part.is_optional)

    def helper(self, part: ir.Access, owner: str, word: str) -> Value | None:
        """A static method of a helper class as a value; None where there is none."""
        raise NotImplementedError

    def environment(self, part: ir.Part, default: ir.Part | None = None) -> Value:
        """``process.env.X``: missing is an error, or what ``||`` gives."""
        word = ir.literal_text(part.key) if isinstance(part, ir.Access) and not part.is_optional else None
        if word is None:
            raise NoRule
        self.needs("os")
        if default is None:
            return Value(python.code(f"os.environ[{word!r}]"), "text")
        other = self.value(default)
        return Value(python.code(f"os.environ.get({word!r}) or _0", other.code), "text" if other.kind == "text" else "")

    def entry(self, base: Value, key: ir.Part | None, is_optional: bool = False, default: Value | None = None) -> Value:
        """An entry of a value that came from the SDK, or of a literal; raises NoRule."""
        raise NoRule

    def node(self, part: ir.Part, is_sure: bool = False) -> ast.expr | None:
        """The node of a chain; None where it is none, or, asked to be sure, where its root is not known."""
        raise NotImplementedError

    # Operators

    def on_operation(self, part: ir.Operation) -> Value:
        """Operators that mean the same in Python, for operands of these kinds."""
        operator, operands = part.operator, part.operands
        first = operands[0]
        if operator == "||" and _is_environment(first):
            return self.environment(first, operands[1])
        if operator in ("&&", "||") and not self.is_php and {self.value(each).kind for each in operands} != {"flag"}:
            raise NoRule  # one of the operands, not a flag
        if operator in _FLAGS:
            return Value(self.flag(part), "flag")
        if operator == "??":
            return self._default(first, operands[1])
        if operator.startswith("("):
            return self.cast(operator[1:-1], first)
        if len(operands) == 1:
            if operator == "-" and isinstance(first, ir.Literal) and isinstance(first.value, int | float):
                return Value(python.code("-_0", ast.Constant(first.value)), _KINDS[type(first.value)])
            if operator == "+" and not self.is_php:
                return self.js_int(first)
            raise NoRule
        if operator == "?:" and len(operands) == 3:
            test = self.condition(first)
            body, other = (self.value(each) for each in operands[1:])
            kind = body.kind if body.kind == other.kind else _common((body.kind, other.kind))
            return Value(ast.IfExp(test, body.code, other.code), kind)
        left, right = (self.value(each) for each in operands[:2])
        kinds = (left.kind, right.kind)
        if operator == "+" and not self.is_php and "text" in kinds:
            return self.on_template(ir.Template(part.node, list(operands)))
        if operator == "+" and self.is_php and kinds == ("map", "map") and isinstance(left.code, ast.Name):
            return Value(python.code("{**_0, **_1, **_0}", left.code, right.code), "map")
        if operator in ("+", "-", "*") and kinds == ("int", "int"):
            return Value(python.code(f"_0 {operator} _1", left.code, right.code), "int")
        raise NoRule

    def _default(self, first: ir.Part, second: ir.Part) -> Value:
        if isinstance(first, ir.Access) and not self.property_of(first) and not first.is_optional:
            base = self.value(first.base)
            if base.kind not in ("json", "map") or first.key is None:
                raise NoRule
            if isinstance(second, ir.Literal) and second.value is None:
                return Value(python.method(base.code, "get", self.value(first.key).code), "json")
            if base.uses:
                raise NoRule
            return self.entry(base, first.key, default=self.value(second))
        made, other = self.value(first), self.value(second)
        if not isinstance(made.code, ast.Name):
            raise NoRule
        code = python.code("_0 if _1 is None else _1", other.code, made.code)
        return Value(code, made.kind if made.kind == other.kind else "")

    def cast(self, kind: str, operand: ir.Part) -> Value:
        """``(int)``, ``(string)`` and their like."""
        made = self._read(operand) if kind == "int" else self.value(operand)
        if kind == "string":
            return Value(self.as_text(made), "text")
        if kind == "object" and isinstance(operand, ir.Items):
            return Value(made.code if operand.entries else ast.Dict([], []), "map")
        if made.kind in _CASTS.get(kind, ()) or (
            kind == "array" and made.kind == "json" and isinstance(operand, ir.Call)
        ):
            return made
        if kind == "int" and made.kind not in ("map", "list", "float", "flag"):
            return Value(self.convert("php_int", made.code), "int")
        raise NoRule

    def js_int(self, operand: ir.Part) -> Value:
        """``Number(x)``, ``parseInt(x)``, ``+x``: where that is a whole number."""
        made = self._read(operand)
        if made.kind not in ("int", "", "text", "json"):
            raise NoRule
        return made if made.kind == "int" else Value(self.convert("js_int", made.code), "int")

    def _read(self, operand: ir.Part) -> Value:
        """What becomes a whole number: amounts are read, never computed."""
        return self.value(operand) if isinstance(operand, ir.Name | ir.Access) else self.exact(operand)

    # Conditions

    def condition(self, part: ir.Part) -> ast.expr:
        """A flag: what the language takes for true, or a hole."""
        uses, left = self.uses, len(self.left)
        try:
            return self.flag(part)
        except NoRule:
            self.uses = uses
            del self.left[left:]
            return self.hole(part).code

    def flag(self, part: ir.Part) -> ast.expr:
        """What the language takes for true; raises NoRule."""
        if isinstance(part, ir.Operation):
            operator, operands = part.operator, part.operands
            if operator == "!":
                return _negate(self.condition(operands[0]))
            if operator in _LOGIC:
                return ast.BoolOp(_LOGIC[operator](), [self.condition(each) for each in operands])
            if operator in _EQUAL:
                test = self._equal(operator, *operands)
                return test if _EQUAL[operator] else _negate(test)
            left = self.value(operands[0])
            if operator in ("<", ">", "<=", ">="):
                right = self.value(operands[1])
                if (left.kind, right.kind) != ("int", "int"):
                    raise NoRule
                return python.code(f"_0 {operator} _1", left.code, right.code)
            if operator == "instanceof":
                kind = operands[1]
                found = EXCEPTIONS.get(kind.word) if isinstance(kind, ir.ClassName) and kind.known else None
                if found is None or left.kind not in ("error", "sdk error"):
                    raise NoRule
                return python.call("isinstance", left.code, self.exception(found[0]))
        word = ir.word_of(part.function).lower() if isinstance(part, ir.Call) and self.is_php else ""
        if isinstance(part, ir.Call) and word in ("isset", "is_null", "empty"):
            tests = [self._is_nothing(each, word) for each in part.arguments]
            tests = [_negate(each) for each in tests] if word == "isset" else tests
            return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)
        made = self.value(part)
        if made.kind == "flag":
            return made.code
        if made.kind == "text" and not self.is_php:
            return python.code("_0 != ''", made.code)
        if made.kind in ("client", "answer"):
            return python.code("_0 is not None", python.response_of(self.exact(part).code))
        raise NoRule

    def exception(self, word: str) -> ast.expr:
        """The name of an exception here."""
        return python.name(word) if word == "Exception" else self.needs("wechatpay_chain.php", word)

    def _is_nothing(self, part: ir.Part, word: str) -> ast.expr:
        """``is_null``, or the opposite of ``isset``."""
        if not isinstance(part, ir.Access) or self.property_of(part):
            made = self.exact(part)
            if word == "empty" and made.kind != "client":
                raise NoRule
            return python.code("_0 is None", made.code)
        base, key = self.exact(part.base), ir.literal_text(part.key)
        if base.kind not in ("json", "map") or key is None or word == "empty":
            raise NoRule
        return python.code(f"_0.get({key!r}) is None", base.code)

    def _equal(self, operator: str, first: ir.Part, second: ir.Part) -> ast.expr:
        """Equality that Python finds where the language finds it, whatever the values are."""
        if isinstance(first, ir.Literal):
            first, second = second, first
        is_strict = len(operator) == 3
        left, right = self.value(first), self.value(second)
        literal = second.value if isinstance(second, ir.Literal) else ...
        kinds = {left.kind, right.kind}
        if literal is None or isinstance(literal, bool):
            is_sure = is_strict == self.is_php or left.kind == "client"
            if not is_sure if literal is None else not (is_strict or left.kind == "flag"):
                raise NoRule
            return python.code("_0 is _1", left.code, right.code)
        if kinds == {"flag", "int"} and not is_strict and literal in (0, 1):
            return python.code("_0 is True" if literal else "_0 is False", left.code)
        # A text equals nothing but that text; PHP's == takes what looks like a number for one.
        is_word = not self.is_php or (isinstance(literal, str) and not re.match(r"\s*[-+.]?\d", literal))
        texts = "text" in kinds if is_strict else kinds == {"text"} and is_word
        # True is 1 in Python, and nothing but 1.
        number = is_strict and isinstance(literal, int) and not self.is_php and literal not in (0, 1)
        if kinds in ({"int"}, {"flag"}) or texts or number:
            return python.code("_0 == _1", left.code, right.code)
        raise NoRule


_KINDS: dict[type, str] = {bool: "flag", int: "int", float: "float", str: "text", type(None): "none"}
_LOGIC: dict[str, type[ast.boolop]] = {"&&": ast.And, "and": ast.And, "||": ast.Or, "or": ast.Or}
_FLAGS = frozenset(["!", "instanceof", "<", ">", "<=", ">=", *_EQUAL, *_LOGIC])
# What a cast leaves as it is.
_CASTS = {"array": ("map", "list"), "bool": ("flag",), "int": ("int",)}


def _common(kinds: Iterable[str]) -> str:
    """The client or the answer that a value is where one of its sources tells and the others are the shop's."""
    known = set(kinds) - {"", "none"}
    return known.pop() if known in ({"client"}, {"answer"}) else ""


def _is_environment(part: ir.Part) -> bool:
    env = ir.owner_of(part) if isinstance(part, ir.Access) else None
    return isinstance(env, ir.Access) and ir.name_of_call(env) == "env" and isinstance(env.base, ir.ClassName)


def _order(key: ast.expr | None) -> tuple[int, int]:
    word = str(key.value) if isinstance(key, ast.Constant) else ""
    return (0, int(word)) if _INDEX.fullmatch(word) else (1, 0)


def _negate(test: ast.expr) -> ast.expr:
    """The opposite of a flag, without two negations."""
    pairs = ((ast.Is, ast.IsNot), (ast.IsNot, ast.Is), (ast.Eq, ast.NotEq), (ast.NotEq, ast.Eq))
    opposite: dict[type[ast.cmpop], type[ast.cmpop]] = dict(pairs)
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in opposite:
        return ast.Compare(test.left, [opposite[type(test.ops[0])]()], test.comparators)
    is_not = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    return test.operand if is_not and isinstance(test, ast.UnaryOp) else ast.UnaryOp(ast.Not(), test)
