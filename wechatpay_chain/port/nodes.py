"""Python's syntax tree, built in few words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

__all__ = [
    "COMPARISONS",
    "IDENTITY",
    "assign",
    "attribute",
    "call",
    "choice",
    "compared",
    "concatenated",
    "constant",
    "function",
    "is_loose",
    "item",
    "lambda_",
    "method",
    "name",
    "negated",
    "parameters",
    "text_of",
    "without_end",
]

# What both languages write alike; === of two values is == between equal types, and "is" beside a constant.
COMPARISONS: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "===": ast.Eq,
    "!=": ast.NotEq,
    "!==": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
}
# Loosely compared, these are numbers, or true and false, to PHP and JavaScript, and other values to Python.
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*", re.IGNORECASE)
_LOOSE = ("==", "!=", "<>")
IDENTITY: dict[type[ast.cmpop], ast.cmpop] = {ast.Eq: ast.Is(), ast.NotEq: ast.IsNot()}


def name(text: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(text, ast.Load())


def constant(value: str | int | float | bool | None) -> ast.Constant:
    """A literal."""
    return ast.Constant(value)


def attribute(value: ast.expr, word: str) -> ast.Attribute:
    """``value.word``."""
    return ast.Attribute(value, word, ast.Load())


def item(value: ast.expr, key: ast.expr | str | int) -> ast.Subscript:
    """``value[key]``."""
    return ast.Subscript(value, key if isinstance(key, ast.expr) else ast.Constant(key), ast.Load())


def call(function: ast.expr | str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
    """``function(…)``."""
    called = name(function) if isinstance(function, str) else function
    return ast.Call(called, list(arguments), [ast.keyword(word, value) for word, value in keywords.items()])


def method(value: ast.expr, word: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
    """``value.word(…)``."""
    return call(attribute(value, word), *arguments, **keywords)


def assign(target: ast.expr | str, value: ast.expr) -> ast.Assign:
    """``target = value``."""
    return ast.Assign([name(target) if isinstance(target, str) else target], value)


def choice(test: ast.expr, body: ast.expr, orelse: ast.expr) -> ast.IfExp:
    """``body if test else orelse``."""
    return ast.IfExp(test, body, orelse)


def compared(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.Compare:
    """Two values compared."""
    return ast.Compare(left, [operator], [right])


def negated(value: ast.expr) -> ast.expr:
    """``not value``; a comparison is turned round."""
    turned = {ast.Is: ast.IsNot(), ast.IsNot: ast.Is(), ast.In: ast.NotIn(), ast.NotIn: ast.In()}
    if isinstance(value, ast.Compare) and type(value.ops[0]) in turned:
        return ast.Compare(value.left, [turned[type(value.ops[0])]], value.comparators)
    return ast.UnaryOp(ast.Not(), value)


def parameters(names: Iterable[str], defaults: Sequence[ast.expr] = (), rest: str | None = None) -> ast.arguments:
    """The parameters of a function; defaults belong to the last of them."""
    return ast.arguments(
        posonlyargs=[],
        args=[ast.arg(each) for each in names],
        vararg=ast.arg(rest) if rest else None,
        kwonlyargs=[],
        kw_defaults=[],
        defaults=list(defaults),
    )


def lambda_(arguments: ast.arguments, body: ast.expr) -> ast.Lambda:
    """``lambda …: body``."""
    return ast.Lambda(arguments, body)


def function(word: str, arguments: ast.arguments, body: list[ast.stmt]) -> ast.FunctionDef:
    """``def word(…):``."""
    return ast.FunctionDef(name=word, args=arguments, body=body, decorator_list=[])


def text_of(node: ast.expr) -> str | None:
    """The text of a literal, None for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def concatenated(parts: Sequence[ast.expr]) -> ast.expr:
    """An f-string of texts and values; neighbouring texts become one, and text alone is a plain literal."""
    values: list[ast.expr] = []
    for part in parts:
        inner = part.values if isinstance(part, ast.JoinedStr) else [part]
        for each in inner:
            text = text_of(each)
            last = values[-1] if values else None
            if text is None:
                values.append(each if isinstance(each, ast.FormattedValue) else ast.FormattedValue(each, -1, None))
            elif isinstance(last, ast.Constant):
                values[-1] = ast.Constant((text_of(last) or "") + text)
            elif text:
                values.append(ast.Constant(text))
    if all(isinstance(value, ast.Constant) for value in values):
        return values[0] if values else ast.Constant("")
    return ast.JoinedStr(values)


def without_end(value: ast.expr) -> ast.expr:
    """A text without the end of a line, which print writes by itself."""
    if isinstance(value, ast.BinOp) and text_of(value.right) == "\n":
        return value.left
    last = value.values[-1] if isinstance(value, ast.JoinedStr) else None
    if isinstance(value, ast.JoinedStr) and isinstance(last, ast.Constant):
        return concatenated([*value.values[:-1], constant(str(last.value).removesuffix("\n"))])
    return value


def is_loose(operator: str, *operands: ast.expr) -> bool:
    """Whether a comparison is decided by conversion: ``$status == "200"`` holds for a number, in Python never."""
    if operator not in _LOOSE:
        return False
    fixed = [each.value for each in operands if isinstance(each, ast.Constant)]
    return any(isinstance(each, bool) or (isinstance(each, str) and _NUMBER.fullmatch(each)) for each in fixed) or (
        len(fixed) == len(operands) and None in fixed
    )
