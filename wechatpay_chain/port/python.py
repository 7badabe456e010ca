"""Python's syntax tree as readable text: what is printed parses to the tree that was given."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from wechatpay_chain.port.layout import HARD, LINE, SOFT, Doc, Group, IfBroken, Nest, joined

__all__ = ["commented", "comments", "expression", "flat", "parameters", "quoted"]

# How tightly a construct binds; a part that binds less than its place asks for gets parentheses.
_ANY, _LAMBDA, _IF, _OR, _AND, _NOT, _COMPARE, _UNARY, _AWAIT, _ATOM = 0, 1, 2, 3, 4, 5, 6, 13, 15, 16
_OPERATORS: dict[type[ast.AST], tuple[str, int]] = {
    ast.BitOr: ("|", 7),
    ast.BitXor: ("^", 8),
    ast.BitAnd: ("&", 9),
    ast.LShift: ("<<", 10),
    ast.RShift: (">>", 10),
    ast.Add: ("+", 11),
    ast.Sub: ("-", 11),
    ast.Mult: ("*", 12),
    ast.Div: ("/", 12),
    ast.FloorDiv: ("//", 12),
    ast.Mod: ("%", 12),
}
_COMPARISONS: dict[type[ast.AST], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def commented(node: ast.AST, text: str, place: str = "before") -> None:
    """Keep a comment with a part of a tree: ``before`` it, ``after`` it, or at its ``end``, inside of it."""
    vars(node).setdefault(f"_{place}", []).append(text)


def comments(node: ast.AST, place: str = "before") -> list[str]:
    """The comments that stay with a part of a tree."""
    kept: list[str] = vars(node).get(f"_{place}", [])
    return kept


def quoted(text: str) -> str:
    """A string literal of one line, in double quotes unless single ones save escapes."""
    quote = "'" if '"' in text and "'" not in text else '"'
    return quote + "".join(_escaped(letter, quote) for letter in text) + quote


def _escaped(letter: str, quote: str) -> str:
    if letter == quote:
        return "\\" + letter
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    # A space is the one separator that stands for itself.
    return letter if letter.isprintable() else ascii(letter)[1:-1]


def expression(node: ast.expr, least: int = _ANY, is_inside: bool = False) -> Doc:
    """The pieces of an expression; ``is_inside`` says that brackets around it let it break anywhere."""
    print_it, binding = _PRINTERS[type(node)]
    level = binding(node)
    if level < least:
        return ["(", print_it(node, True), ")"]
    return print_it(node, is_inside)


def _list(opening: str, items: Sequence[Doc], closing: str) -> Doc:
    """Items between brackets: on one line, on the next one where that is enough for a call, else on one each."""
    if not items:
        return opening + closing
    inner: Doc = [*joined([",", LINE], list(items)), IfBroken(",") if len(items) > 1 or opening != "(" else ""]
    return Group([opening, Nest([SOFT, Group(inner) if opening == "(" else inner]), SOFT, closing])


def _rows(opening: str, pairs: Sequence[tuple[ast.AST, Doc]], closing: str, node: ast.AST) -> Doc:
    """As ``_list``, for items of which some have comments of their own: each stands on its line."""
    if not comments(node, "end") and not any(comments(item) or comments(item, "after") for item, _ in pairs):
        return _list(opening, [doc for _, doc in pairs], closing)
    rows: list[Doc] = []
    for item, doc in pairs:
        rows += [piece for text in comments(item) for piece in (HARD, f"# {text}")]
        after = comments(item, "after")
        rows += [HARD, doc, "," + (f"  # {'; '.join(after)}" if after else "")]
    rows += [piece for text in comments(node, "end") for piece in (HARD, f"# {text}")]
    return Group([opening, Nest(rows), HARD, closing])


def _dict(node: ast.Dict, is_inside: bool) -> Doc:
    pairs: list[tuple[ast.AST, Doc]] = []
    for key, value in zip(node.keys, node.values, strict=True):
        before: Doc = "**" if key is None else [expression(key, _IF, True), ": "]
        pairs.append((value, [before, expression(value, 7 if key is None else _LAMBDA, True)]))
    return _rows("{", pairs, "}", node)


def _sequence(node: ast.List, is_inside: bool) -> Doc:
    return _rows("[", [(item, expression(item, _LAMBDA, True)) for item in node.elts], "]", node)


def _tuple(node: ast.Tuple, is_inside: bool) -> Doc:
    items = [expression(item, _LAMBDA, True) for item in node.elts]
    if len(items) == 1:
        return ["(", items[0], ",)"]
    return _list("(", items, ")")


def _call(node: ast.Call, is_inside: bool) -> Doc:
    pairs: list[tuple[ast.AST, Doc]] = [(item, expression(item, _LAMBDA, True)) for item in node.args]
    for keyword in node.keywords:
        before = "**" if keyword.arg is None else f"{keyword.arg}="
        pairs.append((keyword.value, [before, expression(keyword.value, _LAMBDA, True)]))
    return [expression(node.func, _ATOM, is_inside), _rows("(", pairs, ")", node)]


def _attribute(node: ast.Attribute, is_inside: bool) -> Doc:
    value = expression(node.value, _ATOM, is_inside)
    # 1.real is no Python.
    return ["(", value, ").", node.attr] if _is_number(node.value) else [value, ".", node.attr]


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)


def _subscript(node: ast.Subscript, is_inside: bool) -> Doc:
    return [expression(node.value, _ATOM, is_inside), "[", expression(node.slice, _LAMBDA, True), "]"]


def _constant(node: ast.Constant, is_inside: bool) -> Doc:
    return quoted(node.value) if isinstance(node.value, str) else repr(node.value)


def _operation(node: ast.BinOp, is_inside: bool) -> Doc:
    level = _OPERATORS[type(node.op)][1]
    left: ast.expr = node
    parts: list[Doc] = []
    while isinstance(left, ast.BinOp) and _OPERATORS[type(left.op)][1] == level:
        symbol = _OPERATORS[type(left.op)][0]
        parts.append([symbol, " ", expression(left.right, level + 1, is_inside)])
        left = left.left
    parts.append(expression(left, level, is_inside))
    return _spread(parts[::-1], is_inside)


def _spread(parts: list[Doc], is_inside: bool) -> Doc:
    return Group(joined(LINE if is_inside else " ", parts))


def _logic(node: ast.BoolOp, is_inside: bool) -> Doc:
    word, level = ("or", _OR) if isinstance(node.op, ast.Or) else ("and", _AND)
    first, *rest = (expression(value, level + 1, is_inside) for value in node.values)
    return _spread([first, *([f"{word} ", doc] for doc in rest)], is_inside)


def _comparison(node: ast.Compare, is_inside: bool) -> Doc:
    rest: list[Doc] = []
    for operator, right in zip(node.ops, node.comparators, strict=True):
        rest.append([_COMPARISONS[type(operator)], " ", expression(right, _COMPARE + 1, is_inside)])
    return _spread([expression(node.left, _COMPARE + 1, is_inside), *rest], is_inside)


def _unary(node: ast.UnaryOp, is_inside: bool) -> Doc:
    if isinstance(node.op, ast.Not):
        return ["not ", expression(node.operand, _NOT, is_inside)]
    return ["-" if isinstance(node.op, ast.USub) else "+", expression(node.operand, _UNARY, is_inside)]


def _choice(node: ast.IfExp, is_inside: bool) -> Doc:
    parts: list[Doc] = [
        expression(node.body, _IF + 1, is_inside),
        ["if ", expression(node.test, _IF + 1, is_inside)],
        ["else ", expression(node.orelse, _IF, is_inside)],
    ]
    return _spread(parts, is_inside)


def _lambda(node: ast.Lambda, is_inside: bool) -> Doc:
    names = parameters(node.args)
    return (
        ["lambda ", names, ": ", expression(node.body, _LAMBDA)]
        if names
        else ["lambda: ", expression(node.body, _LAMBDA)]
    )


def parameters(arguments: ast.arguments) -> str:
    """The parameters of a function as text, with those defaults that they have."""
    names = [each.arg for each in arguments.args]
    count = len(names) - len(arguments.defaults)
    told = names[:count]
    for name, default in zip(names[count:], arguments.defaults, strict=True):
        told.append(f"{name}={flat(default)}")
    if arguments.vararg:
        told.append(f"*{arguments.vararg.arg}")
    return ", ".join(told)


def flat(node: ast.expr) -> str:
    """An expression on one line."""
    return _flattened(expression(node, _LAMBDA))


def _flattened(doc: Doc) -> str:
    if isinstance(doc, str):
        return doc
    if isinstance(doc, list):
        return "".join(map(_flattened, doc))
    if isinstance(doc, IfBroken):
        return ""
    return _flattened(doc.flat if not isinstance(doc, Group | Nest) else doc.doc)


def _formatted(node: ast.JoinedStr, is_inside: bool) -> Doc:
    """An f-string; what Python before 3.12 could not read in one is given to ``format``."""
    fields = {part: _field(part.value) for part in node.values if isinstance(part, ast.FormattedValue)}
    if all(fields.values()):
        return 'f"' + "".join(fields.get(part) or _braced(_text_of(part), '"') for part in node.values) + '"'  # type: ignore[call-overload]
    template = "".join("{}" if part in fields else _doubled(_text_of(part)) for part in node.values)
    method = ast.Attribute(ast.Constant(template), "format", ast.Load())
    return _call(ast.Call(method, [part.value for part in fields], []), is_inside)


def _text_of(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else ""


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _braced(text: str, quote: str) -> str:
    return "".join(_escaped(letter, quote) for letter in _doubled(text))


def _field(node: ast.expr) -> str:
    """A value between braces, its strings in single quotes; empty where that is no Python before 3.12."""
    text = flat(node)
    if '"' in text and "'" not in text:
        text = text.replace('"', "'")
    is_odd = text.startswith("{") or any(letter in text for letter in '"\\#') or "lambda" in text
    return "" if is_odd else "{" + text + "}"


_PRINTERS: dict[type[ast.AST], tuple[Callable[[Any, bool], Doc], Callable[[Any], int]]] = {
    ast.Name: (lambda node, _: node.id, lambda _: _ATOM),
    ast.Constant: (_constant, lambda node: _UNARY if _is_number(node) and node.value < 0 else _ATOM),
    ast.Dict: (_dict, lambda _: _ATOM),
    ast.List: (_sequence, lambda _: _ATOM),
    ast.Tuple: (_tuple, lambda _: _ATOM),
    ast.Call: (_call, lambda _: _ATOM),
    ast.Attribute: (_attribute, lambda _: _ATOM),
    ast.Subscript: (_subscript, lambda _: _ATOM),
    ast.JoinedStr: (_formatted, lambda _: _ATOM),
    ast.Starred: (lambda node, inside: ["*", expression(node.value, 7, inside)], lambda _: _LAMBDA),
    ast.BinOp: (_operation, lambda node: _OPERATORS[type(node.op)][1]),
    ast.BoolOp: (_logic, lambda node: _OR if isinstance(node.op, ast.Or) else _AND),
    ast.Compare: (_comparison, lambda _: _COMPARE),
    ast.UnaryOp: (_unary, lambda node: _NOT if isinstance(node.op, ast.Not) else _UNARY),
    ast.IfExp: (_choice, lambda _: _IF),
    ast.Lambda: (_lambda, lambda _: _LAMBDA),
}
