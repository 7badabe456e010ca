"""What both translations share: statements one by one, closures, comments, and what is left untranslated."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wechatpay_chain.port import nodes
from wechatpay_chain.port.kinds import Kind, Scope, kind_of
from wechatpay_chain.port.names import Names
from wechatpay_chain.port.python import commented
from wechatpay_chain.port.source import Problem, Refusal, Source, descendants, text
from wechatpay_chain.port.statements import Remark, printed

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Writer", "in_order"]

_MARKS = re.compile(r"^\s*(?://+|#+|/\*+|\*+/|\*)?\s?|\s*\*+/\s*$")
_PATH = re.compile(r"v[23](/|$)", re.IGNORECASE)
# By these names the documentation of the two SDKs calls a client.
_CLIENTS = ("instance", "wxpay")


class Writer:
    """A translation under way: ``compound`` names the statements that hold others, ``hidden`` what is no word."""

    compound: frozenset[str] = frozenset()

    def __init__(self, source: Source, names: Names, imports: set[tuple[str, str]]) -> None:
        self.source = source
        self.names = names
        self.imports = imports
        self.problems: list[Problem] = []
        self.scope = Scope()
        self.hoisted: list[list[ast.stmt]] = []
        self.rebound: set[str] = set()
        self._spent: set[int] = set()

    def document(self) -> list[ast.stmt]:
        """All of the snippet; what surrounds it is no statement."""
        if self.source.root.type == "ERROR":
            return self._left(self.source.root, "syntax that the grammar does not know")
        return self.block(self.source.root.named_children)

    def block(self, parts: Sequence[Node]) -> list[ast.stmt]:
        """Statements and the comments between them; an empty line stays one."""
        told: list[ast.stmt] = []
        end = -1
        for part in in_order(parts):
            if part.start_byte in self._spent:
                continue
            if end >= 0 and part.start_point.row > end + 1 and told:
                told.append(Remark(""))
            if part.type != "comment":
                told += self.statement(part)
            elif part.start_point.row == end and told and not isinstance(told[-1], Remark):
                for line in self.remarks(part):
                    commented(told[-1], line, "after")
            else:
                told += [Remark(line) for line in self.remarks(part)]
            end = part.end_point.row
        while told and isinstance(told[-1], Remark) and not told[-1].text:
            told.pop()
        return told

    def remarks(self, node: Node) -> list[str]:
        """The lines of a comment without its marks."""
        self._spent.add(node.start_byte)
        lines = [Remark(_MARKS.sub("", line)).text for line in text(node).splitlines()]
        return [line for line in lines if line and self.is_kept(line)]

    def is_kept(self, line: str) -> bool:
        """Whether a comment says anything to a reader of the translation."""
        return True

    def statement(self, node: Node) -> list[ast.stmt]:
        """One statement and what has to stand before it, or the comment in its place."""
        kept, told = set(self.imports), len(self.problems)
        self.hoisted.append([])
        try:
            self._refuse_broken(node)
            made = self.translated(node)
            made = [*self.hoisted[-1], *made]
            if len(self.hoisted) == 1:
                _check(made)
        except Refusal as refusal:
            made = self._left(node, str(refusal), refusal.node, told, kept)
        except (RecursionError, MemoryError):
            made = self._left(node, "nested too deep", node, told, kept)
        except (SyntaxError, ValueError) as error:
            made = self._left(node, f"no Python is known for it ({type(error).__name__})", node, told, kept)
        finally:
            self.hoisted.pop()
        return [*self._strays(node), *made]

    def translated(self, node: Node) -> list[ast.stmt]:
        """The Python of one statement; raises Refusal."""
        handler = getattr(self, f"do_{node.type}", None)
        if handler is None:
            raise Refusal(node, f"{node.type.replace('_', ' ')}: nothing here does the same")
        made: list[ast.stmt] = handler(node)
        return made

    def expression(self, node: Node | None) -> ast.expr:
        """The Python of one expression; raises Refusal."""
        if node is None:
            raise Refusal(self.source.root, "a value is missing")
        handler = getattr(self, f"on_{node.type}", None)
        if handler is None:
            raise Refusal(node, f"{node.type.replace('_', ' ')}: nothing here does the same")
        made: ast.expr = handler(node)
        return made

    def kind(self, node: ast.expr) -> Kind:
        """What an expression's value is, as far as that is known."""
        return kind_of(node, self.scope)

    def uses(self, module: str, word: str = "") -> None:
        """Ask for an import."""
        self.imports.add((module, word))

    def module(self, word: str) -> ast.Name:
        """A module of the standard library."""
        self.uses(word)
        return nodes.name(word)

    def is_chain(self, node: ast.expr) -> bool:
        """Whether an expression is a client, or a path that begins at one."""
        while True:
            if isinstance(node, ast.Name):
                return node.id in _CLIENTS or self.scope[node.id] in (Kind.CLIENT, Kind.NODE)
            if isinstance(node, ast.Attribute):
                if _PATH.fullmatch(node.attr):
                    return True
                node = node.value
            elif isinstance(node, ast.Subscript):
                if _PATH.match(nodes.text_of(node.slice) or ""):
                    return True
                node = node.value
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "chain":
                return True
            else:
                return isinstance(node, ast.Call) and self.kind(node) is Kind.CLIENT

    def closure(self, parameters: ast.arguments, body: Node, word: str, scope: Scope, first: Any = ()) -> ast.expr:
        """A lambda for one expression, else the name of a function that is put before the statement."""
        outer, self.scope = self.scope, scope
        try:
            made = [*first, *self.body(body)]
        finally:
            self.scope = outer
        returned = made[0] if len(made) == 1 else None
        if not made:
            return nodes.lambda_(parameters, nodes.constant(None))
        if isinstance(returned, ast.Return) and returned.value is not None:
            return nodes.lambda_(parameters, returned.value)
        if isinstance(returned, ast.Expr) and _is_print(returned.value):
            return nodes.lambda_(parameters, returned.value)
        name = self.names.fresh(word)
        self.hoisted[-1].append(nodes.function(name, parameters, made))
        return nodes.name(name)

    def renamed(self, found: ast.expr, name: str) -> list[ast.stmt]:
        """A function that is put before the statement gets the name that it is assigned to."""
        for each in self.hoisted[-1]:
            if isinstance(each, ast.FunctionDef) and isinstance(found, ast.Name) and each.name == found.id:
                each.name = name
                self.names.free(found.id)
        return []

    def body(self, node: Node) -> list[ast.stmt]:
        """The statements of a function whose body is a block or one expression."""
        if node.type in ("compound_statement", "statement_block"):
            return self.block(node.named_children)
        self.hoisted.append([])
        value = self.expression(node)
        return [*self.hoisted.pop(), ast.Return(value)]

    def joined(self, parts: list[tuple[Node, ast.expr]]) -> ast.expr:
        """Texts one behind the other: with ``+`` where all can be text, else as an f-string."""
        kinds = [self.kind(value) for _, value in parts]
        for (node, value), kind in zip(parts, kinds, strict=True):
            if kind not in _SPELLED or (isinstance(value, ast.Constant) and isinstance(value.value, float)):
                raise Refusal(node, f"what text {kind.name.lower()} becomes differs in Python")
        plain = all(
            kind is Kind.TEXT or (isinstance(value, ast.Name) and kind is Kind.UNKNOWN)
            for (_, value), kind in zip(parts, kinds, strict=True)
        )
        if not plain:
            return nodes.concatenated([_number(value) for _, value in parts])
        whole = parts[0][1]
        for _, value in parts[1:]:
            whole = ast.BinOp(whole, ast.Add(), value)
        return whole

    def noted(self, parts: Sequence[Node], whole: ast.AST, made: dict[int, ast.AST]) -> None:
        """Keep the comments between entries with the entries, which ``made`` finds by the place where they begin."""
        waiting: list[str] = []
        last: tuple[int, ast.AST] | None = None
        for part in parts:
            if part.type == "comment":
                lines = self.remarks(part)
                if last is not None and part.start_point.row == last[0]:
                    for line in lines:
                        commented(last[1], line, "after")
                else:
                    waiting += lines
            elif part.start_byte in made:
                entry = made[part.start_byte]
                for line in waiting:
                    commented(entry, line)
                waiting, last = [], (part.end_point.row, entry)
        for line in waiting:
            commented(whole, line, "end")

    def _strays(self, node: Node) -> list[ast.stmt]:
        """The comments inside a statement that found no place in it stand before it."""
        found = [each for each in descendants(node) if each.type == "comment" and each.start_byte not in self._spent]
        return [Remark(line) for each in found for line in self.remarks(each)]

    def _refuse_broken(self, node: Node) -> None:
        if not node.has_error:
            return
        parts = node.children if node.type in self.compound else descendants(node)
        for part in [node, *parts]:
            # A snippet may well lack its last semicolon.
            if part.type == "ERROR" or (part.is_missing and part.type != ";"):
                raise Refusal(part, "syntax that the grammar does not know")

    def _left(
        self, node: Node, reason: str, at: Node | None = None, told: int | None = None, kept: Any = None
    ) -> list[ast.stmt]:
        """The source of a statement as comments, each with its line."""
        if told is not None:
            del self.problems[told:]
        if kept is not None:
            self.imports.intersection_update(kept)
        self._spent.update(each.start_byte for each in descendants(node) if each.type == "comment")
        first = node.start_point.row + 1 + self.source.offset
        line = first if at is None else max(first, at.start_point.row + 1 + self.source.offset)
        self.problems.append(Problem(line, reason))
        left: list[ast.stmt] = [
            Remark(f"port: line {first + index}: {each.strip()}")
            for index, each in enumerate(text(node).split("\n"))
            if each.strip()
        ]
        if node.type == "return_statement":
            error = nodes.call("NotImplementedError", nodes.constant(f"line {first} was not ported"))
            left.append(ast.Raise(error, None))
        return left


def in_order(parts: Sequence[Node]) -> list[Node]:
    """Statements with each function before the first of them that names it: Python does not know it earlier."""
    told = list(parts)
    for part in parts:
        if part.type not in _FUNCTIONS:
            continue
        uses = re.compile(rf"\b{re.escape(text(part.child_by_field_name('name')))}\b")
        at = next(index for index, each in enumerate(told) if each is part or uses.search(text(each)))
        if at < told.index(part) and told[at].type != "comment":
            told.remove(part)
            told.insert(at, part)
    return told


_FUNCTIONS = ("function_declaration", "function_definition")
_SPELLED = (Kind.TEXT, Kind.UNKNOWN, Kind.NUMBER, Kind.KEY, Kind.BODY)


def _number(value: ast.expr) -> ast.expr:
    """A number among texts as the text that it becomes."""
    is_number = isinstance(value, ast.Constant) and isinstance(value.value, int)
    return nodes.constant(str(value.value)) if is_number and isinstance(value, ast.Constant) else value


def _is_print(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"


def _check(made: list[ast.stmt]) -> None:
    """Raises SyntaxError for what Python would not read, such as brackets that are nested too deep."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ast.parse("\n".join(printed(made)))
