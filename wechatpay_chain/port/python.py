"""Python as it is printed: names, holes, and lines that keep to a width."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterable, Iterator

from wechatpay_chain.encoding import paths
from wechatpay_chain.port.sdk import CLASSES, EXCEPTIONS
from wechatpay_chain.port.source import MissingExtra, comment_text

__all__ = [
    *("Names", "assign", "attribute", "call", "code", "code_of", "format_code", "hole", "holes_in", "item", "loads"),
    *("method", "name", "path_word", "response_of", "stop", "targets_of"),
]

_WIDTH = 100
_HOLE = "HERE"
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Names that the printed Python itself may use.
_RESERVED = frozenset(
    [*CLASSES, *(name for name, _ in EXCEPTIONS.values()), "HERE", "Media", "Path", "Promise", "copy", "json", "os"]
) | {"time", "traceback", "php_text", "php_int", "php_json", "js_text", "js_int", "js_json"}
# What a node or a client keeps for itself: as a word of a path it stands in brackets.
_KEPT = frozenset(["chain", "prepare", "download", "pay_params", "close", "notification", "encrypt", "decrypt"])


class Names:
    """The Python names of a file's variables: ASCII, one for each, never two for one."""

    def __init__(self, variables: Iterable[str]) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()
        self._lent: set[str] = set()
        # Who is written as Python writes it keeps its name, whoever comes first.
        for variable in sorted(set(variables), key=lambda each: (_snake(each) != each, each)):
            self[variable]

    def __getitem__(self, variable: str) -> str:
        if variable not in self._given:
            self._given[variable] = self.fresh(_identifier(_snake(variable)))
        return self._given[variable]

    def fresh(self, word: str) -> str:
        """A name that nothing else has."""
        found, number = word, 2
        while found in self._taken:
            found, number = f"{word}_{number}", number + 1
        self._taken.add(found)
        return found

    def lend(self, word: str) -> str:
        """A name that nothing else has until the statement is over."""
        found = self.fresh(word)
        self._lent.add(found)
        return found

    def release(self) -> None:
        """Take back what was lent."""
        self._taken -= self._lent
        self._lent.clear()


def _snake(word: str) -> str:
    return word if word.isupper() else _WORD.sub("_", word).lower()


def _identifier(word: str) -> str:
    word = "".join(letter if re.match("[A-Za-z0-9_]", letter) else f"_u{ord(letter):x}" for letter in word)
    word = word if word.isidentifier() else f"_{word}"
    is_taken = keyword.iskeyword(word) or (keyword.issoftkeyword(word) and word != "_") or hasattr(builtins, word)
    return word + "_" if is_taken or word in _RESERVED else word


def path_word(word: str) -> str | None:
    """The attribute that gives the same segment as ``word``; None for what has to stand in brackets."""
    if keyword.iskeyword(word):
        return word + "_"
    is_plain = word.isascii() and word.isidentifier() and word not in _KEPT and not paths.is_foreign(word)
    is_shorn = word.endswith("_") and keyword.iskeyword(word[:-1])
    return word if is_plain and not is_shorn and not word.startswith("__") else None


# Expressions


def name(word: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(word, ast.Load())


def attribute(value: ast.expr, word: str) -> ast.Attribute:
    """``value.word``."""
    return ast.Attribute(value, word, ast.Load())


def call(function: ast.expr | str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
    """``function(arguments)``."""
    callee = name(function) if isinstance(function, str) else function
    return ast.Call(callee, list(arguments), [ast.keyword(word, value) for word, value in keywords.items()])


def method(value: ast.expr, word: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
    """``value.word(arguments)``; a keyword takes one underscore."""
    return call(attribute(value, word + "_" if keyword.iskeyword(word) else word), *arguments, **keywords)


def code(template: str, *parts: ast.expr) -> ast.expr:
    """An expression of Python in which ``_0``, ``_1`` stand for parts."""

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return parts[int(node.id[1:])] if re.fullmatch(r"_\d", node.id) else node

    filled: ast.expr = Fill().visit(ast.parse(template, mode="eval").body)
    return filled


def response_of(value: ast.expr) -> ast.expr:
    """``error.response`` where errors of others have none; any other expression as it is."""
    if isinstance(value, ast.Attribute) and value.attr == "response":
        return code("getattr(_0, 'response', None)", value.value)
    return value


def item(value: ast.expr, key: ast.expr | str | int) -> ast.Subscript:
    """``value[key]``."""
    return ast.Subscript(value, key if isinstance(key, ast.expr) else ast.Constant(key), ast.Load())


def hole(source: str, values: Iterable[ast.expr] = ()) -> ast.expr:
    """What the reader must write; ``values`` are what the SDK brings to it."""
    return call(_HOLE, ast.Constant(_short(source)), *values)


def stop(line: int, source: str, cause: str = "") -> ast.stmt:
    """The end of the road where the original goes on in the shop's own way."""
    message = ast.Constant(f"line {line}: {_short(source)}")
    return ast.Raise(call("NotImplementedError", message), name(cause) if cause else None)


def _short(source: str) -> str:
    told = " ".join(source.split())
    return told if len(told) <= 100 else f"{told[:99]}…"


def assign(word: str, value: ast.expr) -> ast.stmt:
    """``word = value``."""
    return ast.Assign([ast.Name(word, ast.Store())], value)


def targets_of(statement: ast.stmt) -> set[str]:
    """The names that a statement gives or changes."""
    found: list[ast.expr] = []
    if isinstance(statement, ast.Assign | ast.AugAssign):
        found = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        found = [function.value] if isinstance(function, ast.Attribute) and function.attr == "append" else []
    roots = [next((each for each in ast.walk(target) if isinstance(each, ast.Name)), None) for target in found]
    return {root.id for root in roots if root is not None}


def holes_in(node: ast.AST) -> Iterator[ast.Call]:
    """The calls of HERE in a tree, from left to right."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == _HOLE:
        yield node
    parts: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.Dict):
        parts = [part for pair in zip(node.keys, node.values, strict=True) for part in pair if part is not None]
    for each in parts:
        yield from holes_in(each)


def loads(node: ast.AST) -> set[str]:
    """The names that a tree reads and does not make itself."""
    inner = list(ast.walk(node))
    names = [each for each in inner if isinstance(each, ast.Name)]
    loops = [each.target for each in inner if isinstance(each, ast.comprehension)]
    own = names if isinstance(node, ast.FunctionDef) else loops
    made = {each.arg for each in inner if isinstance(each, ast.arg)}
    made |= {each.id for each in own if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    changed = {each.target for each in inner if isinstance(each, ast.AugAssign)}
    read = {each.id for each in names if isinstance(each.ctx, ast.Load) or each in changed}
    return {word for word in read - made if not hasattr(builtins, word)}


# Printing


def code_of(node: ast.AST) -> str:
    """The source of a tree on as few lines as may be; what is invisible in a string is an escape."""

    # Letters beyond ASCII stand in strings alone, where an escape means the same.
    def escape(letter: str) -> str:
        if letter == "\n" or comment_text(letter) == letter:
            return letter
        return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"

    return "".join(map(escape, ast.unparse(ast.fix_missing_locations(node))))


def format_code(code: str, width: int = _WIDTH) -> str:
    """Python laid out by black, its strings as they are; raises MissingExtra."""
    try:
        import black
    except ImportError:
        raise MissingExtra("port needs black: pip install 'wechatpay-chain[port]'") from None
    return black.format_str(code, mode=black.Mode(line_length=width, string_normalization=False))
