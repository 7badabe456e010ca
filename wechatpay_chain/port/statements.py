"""Python statements as lines, comments among them."""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Sequence

from wechatpay_chain.port.layout import SOFT, Doc, Group, IfBroken, Nest, lines
from wechatpay_chain.port.python import comments, expression, parameters

__all__ = ["Remark", "printed"]

_INDENT = 4
# What may break only between brackets of its own.
_LOOSE = (ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp)
_AUGMENTED: dict[type[ast.AST], str] = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/=", ast.BitOr: "|="}


class Remark(ast.Pass):
    """A comment that stands where a statement could."""

    def __init__(self, text: str) -> None:
        super().__init__()
        # One line each: nothing of a comment becomes code.
        self.text = "".join(map(_shown, " ".join(text.splitlines()))).rstrip()


def _shown(letter: str) -> str:
    """A letter of a comment; what would steer a terminal, or what UTF-8 cannot hold, is shown as its escape."""
    is_odd = unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") and letter != "\t"
    return ascii(letter)[1:-1] if is_odd else letter


def printed(statements: Sequence[ast.stmt], margin: int = 0) -> list[str]:
    """The lines of a block; one that holds comments alone passes."""
    told: list[str] = []
    previous: ast.stmt | None = None
    for statement in statements:
        is_function = isinstance(statement, ast.FunctionDef)
        if previous is not None and (is_function or isinstance(previous, ast.FunctionDef)) and told[-1]:
            told += [""] * (1 if margin else 2)
        told += _printed(statement, margin)
        previous = statement
    if margin and all(isinstance(statement, Remark) for statement in statements):
        told.append(" " * margin + "pass")
    return told


def _printed(node: ast.stmt, margin: int) -> list[str]:
    if isinstance(node, Remark):
        return [f"{' ' * margin}# {node.text}".rstrip() if node.text else ""]
    if isinstance(node, ast.If | ast.For | ast.While | ast.Try | ast.FunctionDef):
        return _compound(node, margin)
    told = lines(_simple(node), margin)
    after = comments(node, "after")
    return [*told[:-1], f"{told[-1]}  # {'; '.join(after)}"] if after else told


def _value(node: ast.expr) -> Doc:
    """An expression behind ``=`` or ``return``, in parentheses where it is too long for a line."""
    if isinstance(node, _LOOSE):
        return Group([IfBroken("("), Nest([SOFT, expression(node, 0, True)]), SOFT, IfBroken(")")])
    return expression(node)


def _simple(node: ast.stmt) -> Doc:
    if isinstance(node, ast.Expr):
        return expression(node.value)
    if isinstance(node, ast.Assign):
        targets: list[Doc] = [piece for target in node.targets for piece in (_bare(target), " = ")]
        return [*targets, _value(node.value)]
    if isinstance(node, ast.AugAssign):
        return [expression(node.target), f" {_AUGMENTED[type(node.op)]} ", _value(node.value)]
    if isinstance(node, ast.Return):
        return "return" if node.value is None else ["return ", _value(node.value)]
    if isinstance(node, ast.Raise):
        return "raise" if node.exc is None else ["raise ", expression(node.exc)]
    # pass, break, continue, import, global, nonlocal: nothing in them breaks.
    return ast.unparse(node)


def _compound(node: ast.If | ast.For | ast.While | ast.Try | ast.FunctionDef, margin: int) -> list[str]:
    inner = margin + _INDENT
    if isinstance(node, ast.If):
        return _branches(node, "if", margin)
    if isinstance(node, ast.FunctionDef):
        return [f"{' ' * margin}def {node.name}({parameters(node.args)}):", *printed(node.body, inner)]
    if isinstance(node, ast.Try):
        told = [" " * margin + "try:", *printed(node.body, inner)]
        for handler in node.handlers:
            told += _headed(["except ", *_caught(handler)], handler.body, margin)
        return told + ([" " * margin + "finally:", *printed(node.finalbody, inner)] if node.finalbody else [])
    if isinstance(node, ast.For):
        return _headed(["for ", _bare(node.target), " in ", _value(node.iter)], node.body, margin)
    return _headed(["while ", _value(node.test)], node.body, margin)


def _bare(node: ast.expr) -> Doc:
    if isinstance(node, ast.Tuple):
        return ", ".join(item.id for item in node.elts if isinstance(item, ast.Name))
    return expression(node)


def _caught(handler: ast.ExceptHandler) -> list[Doc]:
    kind: Doc = "Exception" if handler.type is None else expression(handler.type)
    return [kind, f" as {handler.name}"] if handler.name else [kind]


def _headed(head: list[Doc], body: Sequence[ast.stmt], margin: int) -> list[str]:
    return [*lines([*head, ":"], margin), *printed(body, margin + _INDENT)]


def _branches(node: ast.If, word: str, margin: int) -> list[str]:
    told = _headed([f"{word} ", _value(node.test)], node.body, margin)
    if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        return told + _branches(node.orelse[0], "elif", margin)
    if node.orelse:
        told += [" " * margin + "else:", *printed(node.orelse, margin + _INDENT)]
    return told
