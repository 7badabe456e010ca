"""What ``port`` prints for its files: the Python of each statement under its original, and the report at the end."""

from __future__ import annotations

import ast
import builtins
import itertools
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from wechatpay_chain.port import ir, python
from wechatpay_chain.port.expressions import Knowledge
from wechatpay_chain.port.javascript import JavaScriptReader
from wechatpay_chain.port.php import PhpReader
from wechatpay_chain.port.python import Names
from wechatpay_chain.port.sdk import mentions
from wechatpay_chain.port.slicing import Branch, Output, is_log, leaves
from wechatpay_chain.port.snippets import Snippet
from wechatpay_chain.port.source import comment_text, head, is_broken, parse, text
from wechatpay_chain.port.statements import Statements

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Report", "Statement", "port"]

# The first two lines of a file may set its encoding: these are ours.
_HEADER = (
    "# Statements of the WeChat Pay SDK, in Python.",
    "# HERE(n, …) marks what is the shop's own and has to be written.",
)
_MAX_SOURCE = 40
# What stands for a comment until the Python is text: a name that no variable is given.
_MARK = "__comment_"
_CLAUSES = ("else:", "except", "finally:")
_Node = TypeVar("_Node", ast.stmt, ast.expr)


class Statement(NamedTuple):
    """One statement of the SDK: where it stands, what it was and became, and what became of it."""

    file: str
    line: int
    place: str
    source: str
    python: str
    status: str
    reasons: tuple[str, ...]


@dataclass
class Report:
    """All that was found in some files."""

    files: list[str] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    holes: dict[tuple[str, str], int] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)
    imports: set[tuple[str, str]] = field(default_factory=set)
    blocks: list[list[str]] = field(default_factory=list)

    def count(self, status: str) -> int:
        """How many statements came to that: ``ported``, ``holes`` or ``left``."""
        return sum(each.status == status for each in self.statements)

    def python(self) -> str:
        """The Python of all files, with one block of imports."""
        if not self.blocks:
            return ""
        parts = [
            "\n".join(_HEADER),
            *_import_block(self.imports),
            *("\n".join(lines).strip("\n") for lines in self.blocks),
        ]
        return python.format_code("\n\n".join(filter(None, parts)) + "\n")

    def document(self) -> dict[str, object]:
        """The report as JSON has it."""
        keys = ("file", "line", "place", "source", "python", "status", "reasons")
        return {
            "files": self.files,
            "found": len(self.statements),
            **{status: self.count(status) for status in ("ported", "holes", "left")},
            "statements": [dict(zip(keys, (*each[:-1], list(each.reasons)), strict=True)) for each in self.statements],
            "here": [{"number": number, "file": file, "source": told} for (file, told), number in self.holes.items()],
            "names": {file: sorted(words) for file, words in self.names.items() if words},
            "python": self.python(),
        }

    def summary(self) -> list[str]:
        """The end of a run, a line for each fact."""
        counts = f"{self.count('ported')} ported, {self.count('holes')} with holes, {self.count('left')} left"
        lines = [f"files: {len(self.files)}; SDK statements found: {len(self.statements)}: {counts}"]
        told: dict[str, list[str]] = {}
        for each in self.statements:
            for reason in dict.fromkeys(each.reasons):
                told.setdefault(reason, []).append(f"{each.file}:{each.line}")
        lines += [f"left: {', '.join(places)}: {reason}" for reason, places in told.items()]
        for file, words in self.names.items():
            if words:
                lines.append(f"names to supply in {file}: {', '.join(sorted(words))}")
        if self.holes:
            lines.append(f"to be written where HERE stands: {len(self.holes)}")
        return lines

    def side_by_side(self, width: int) -> str:
        """Source and Python beside each other."""
        half = max(20, (width - 3) // 2)
        lines: list[str] = []
        for each in self.statements:
            lines.append(comment_text(f"{each.file}:{each.line} {each.place}".rstrip()))
            left = [piece for line in each.source.split("\n") for piece in _wrap(comment_text(line), half)]
            code = f"{each.python} ..." if each.python.endswith(":") else each.python
            right = [
                piece for line in python.format_code(code, half).rstrip().split("\n") for piece in _wrap(line, half)
            ]
            for first, second in itertools.zip_longest(left, right, fillvalue=""):
                lines.append(f"{first:<{half}} | {second}".rstrip())
            lines.append("")
        return "\n".join(lines)


def port(snippets: Iterable[tuple[str, Snippet]]) -> Report:
    """The statements of snippets, each with the name of its file; raises MissingExtra."""
    report = Report()
    for file, snippet in snippets:
        if file not in report.files:
            report.files.append(file)
        _Listing(report, file, snippet).write()
    return report


def _import_block(imports: set[tuple[str, str]]) -> list[str]:
    """The block of the standard library and that of this package."""
    told: dict[bool, list[str]] = {False: [], True: []}
    for module in sorted({module for module, word in imports if not word}):
        told[False].append(f"import {module}")
    for module in sorted({module for module, word in imports if word}):
        words = sorted(word for found, word in imports if found == module and word)
        told[module.startswith("wechatpay_chain")].append(f"from {module} import {', '.join(words)}")
    return ["\n".join(lines) for lines in told.values()]


def _wrap(line: str, width: int) -> list[str]:
    return [line[start : start + width] for start in range(0, len(line), width)] or [""]


class _Listing:
    """The printing of one snippet."""

    def __init__(self, report: Report, file: str, snippet: Snippet) -> None:
        self.report = report
        self.file = file
        self.snippet = snippet
        self.comments: list[list[str]] = []
        # The names of the present function, and those that stay when it is over.
        self.made: set[str] = set()
        self.read: set[str] = set()
        self.lasting: set[str] = set()
        self.broken = 0

    def write(self) -> None:
        """Read, translate and print the snippet."""
        before = len(self.report.statements)
        try:
            outputs, imports = self._outputs()
        except RecursionError:
            outputs, imports = [], set()
            self.broken = 1
        code = [statement for each in outputs for statement in self._output(each)]
        lines = self._lines(ast.Module(code, []))
        if self.broken and not any(each.reasons for each in self.report.statements[before:]):
            reason = "the syntax is broken" if outputs else "nested too deeply"
            line = self.broken + self.snippet.offset
            self.report.statements.append(Statement(self.file, line, "", "", "", "left", (reason,)))
            lines += ["", f"# left: line {line}: {reason}"]
        self.report.blocks += [lines] if lines else []
        self.report.imports |= {each for each in imports if (each[1] or each[0].partition(".")[0]) in self.read}
        supplied = self.read - self.made - self.lasting - {word or module for module, word in imports} - {"HERE"}
        self.report.names.setdefault(self.file, set()).update(word for word in supplied if not hasattr(builtins, word))

    def _outputs(self) -> tuple[list[Output], set[tuple[str, str]]]:
        """Read again until nothing new is learned of properties and functions."""
        root = parse(self.snippet.code, self.snippet.language)
        self.broken = _first_error(root)
        parts = PhpReader(root).parts if self.snippet.language == "php" else JavaScriptReader(root).parts
        words = {each.word for part in parts for each in ir.walk(part) if isinstance(each, ir.Name)}
        knowledge = Knowledge()
        for _ in range(5):
            before = knowledge.state()
            writer = Statements(self.snippet.language, Names(words - {"this"}), knowledge, mentions(self.snippet.code))
            writer.imports_plugin = "wechatpay-axios-plugin" in self.snippet.code
            outputs = writer.outputs(parts)
            if knowledge.state() == before:
                break
        return outputs, writer.imports

    def _lines(self, module: ast.Module) -> list[str]:
        """The source, with the comments where their marks stand and what is below them apart from the rest."""
        lines: list[str] = []
        for line in filter(None, python.code_of(module).split("\n")):
            word = line.lstrip()
            margin = line[: len(line) - len(word)]
            mark = re.fullmatch(_MARK + r"(\d+)", word)
            if lines and not margin and (mark or (lines[-1][:1] == " " and word.split()[0] not in _CLAUSES)):
                lines.append("")
            lines += [margin + each for each in self.comments[int(mark[1])]] if mark else [line]
        return lines

    def _output(self, output: Output) -> list[ast.stmt]:
        """The statements of an output that is kept."""
        if not output.is_kept:
            return []
        if output.kind == "scope":
            outer, self.made, self.read = (self.made, self.read), set(), set()
            made = self._all(output.branches[0].outputs)
            missing = self.read - self.made
            self.made, self.read = outer
            self.read |= missing
            return made
        if output.kind in ("if", "try"):
            return self._if(output) if output.kind == "if" else self._try(output)
        node = output.part.node
        source = _head(node) if isinstance(output.part, ir.Loop) else _dedent(text(node))
        code = [self._number_holes(each) for each in output.code]
        self.lasting |= output.targets if output.is_lasting else set()
        self.made |= output.targets | {each.name for each in output.code if isinstance(each, ast.FunctionDef)}
        self._record(output, source, "\n".join(map(python.code_of, code)))
        return [self._comment(output, source), *code] if code or output.is_sdk else []

    def _all(self, outputs: Iterable[Output]) -> list[ast.stmt]:
        return [statement for each in outputs for statement in self._output(each)]

    def _if(self, output: Output) -> list[ast.stmt]:
        if output.test is None:
            return []
        source, test = _head(output.part.node), self._number_holes(output.test)
        comment = self._comment(output, source)
        body, *others = [self._branch(branch, output) for branch in output.branches]
        self._record(output, source, f"if {python.code_of(test)}:")
        return [comment, ast.If(test, body, [statement for other in others for statement in other])]

    def _branch(self, branch: Branch, output: Output, cause: str = "") -> list[ast.stmt]:
        """A branch: what is the shop's in it is a hole, and where the original leaves, Python raises."""
        if not leaves(branch.parts) and all(each.is_whole for each in branch.outputs):
            # Nothing of the shop's is in it.
            for each in branch.outputs:
                each.is_kept = True
        kept = [each for each in branch.outputs if each.is_kept and each.kind != "drop"]
        made: list[ast.stmt] = []
        for each in branch.outputs if kept else []:
            if each.is_kept and each.kind != "drop":
                made += self._output(each)
            elif each.kind in ("drop", "if", "try") and not is_log(each.part):
                hole = ast.Expr(python.hole(text(each.part.node)))
                made += [self._mark([f"# {self._where(each)}"]), self._number_holes(hole)]
        parts = branch.parts
        if parts and (not kept or leaves(parts) or branch.kind == "closed"):
            source = text(parts[-1].node) if kept else " ".join(text(each.node) for each in parts)
            made.append(self._number_holes(python.stop(self._line(parts[-1] if kept else parts[0]), source, cause)))
        return made if any(not _is_mark(each) for each in made) else [*made, ast.Pass()]

    def _try(self, output: Output) -> list[ast.stmt]:
        body, *others = output.branches
        handlers = [each for each in others if each.kind == "except"]
        final = [each for each in others if each.kind == "finally" and any(found.is_kept for found in each.outputs)]
        if not (handlers or final) or not any(each.is_kept for each in body.outputs):
            return [statement for branch in output.branches for statement in self._all(branch.outputs)]
        made = self._all(body.outputs)
        told = [node for each in made for node in ast.walk(each)]
        is_open = any(isinstance(each, ast.Raise) or next(python.holes_in(each), None) for each in told)
        caught: list[ast.ExceptHandler] = []
        classes = [each for branch in handlers for each in branch.classes]
        if is_open and any(not isinstance(each, ast.Name) or each.id == "Exception" for each in classes):
            # What is closed stays closed, whatever the original catches.
            kinds = ast.Tuple([python.name("NotImplementedError"), python.name("NameError")], ast.Load())
            caught.append(ast.ExceptHandler(kinds, None, [ast.Raise()]))
        for branch in handlers:
            numbered = [self._number_holes(each) for each in branch.classes]
            kind = numbered[0] if len(numbered) == 1 else ast.Tuple(numbered, ast.Load())
            self.made |= {branch.name}
            caught.append(ast.ExceptHandler(kind, branch.name or None, self._branch(branch, output, branch.name)))
        other: list[ast.stmt] = []
        if leaves(body.parts) and handlers and output.is_followed:
            # Where the original returns from within ``try`` and goes on otherwise, Python does not go on.
            part = body.parts[-1]
            other = [self._number_holes(python.stop(self._line(part), text(part.node)))]
        return [ast.Try(made, caught, other, [statement for each in final for statement in self._all(each.outputs)])]

    def _line(self, part: ir.Part) -> int:
        return int(part.node.start_point[0]) + 1 + self.snippet.offset

    def _where(self, output: Output) -> str:
        return comment_text(f"{self.file}:{self._line(output.part)} {output.place}".rstrip())

    def _comment(self, output: Output, source: str) -> ast.stmt:
        lines = [f"# {self._where(output)}", *(f"#   {comment_text(line)}".rstrip() for line in source.split("\n"))]
        return self._mark([*lines, *(f"# left: {comment_text(reason)}" for reason in dict.fromkeys(output.left))])

    def _mark(self, lines: list[str]) -> ast.stmt:
        self.comments.append(lines)
        return ast.Expr(python.name(f"{_MARK}{len(self.comments) - 1}"))

    def _number_holes(self, node: _Node) -> _Node:
        """Each hole with its number: the same source, the same number."""
        self.read |= python.loads(node)
        self.made |= {each.target.id for each in ast.walk(node) if isinstance(each, ast.NamedExpr)}
        for each in python.holes_in(node):
            first = each.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                number = self.report.holes.setdefault((self.file, first.value), len(self.report.holes) + 1)
                each.args.insert(0, ast.Constant(number))
        return node

    def _record(self, output: Output, source: str, code: str) -> None:
        if output.is_sdk:
            status = "left" if output.left else "holes" if "HERE(" in code else "ported"
            reasons, line = tuple(dict.fromkeys(output.left)), self._line(output.part)
            self.report.statements.append(Statement(self.file, line, output.place, source, code, status, reasons))


def _is_mark(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Name) and value.id.startswith(_MARK)


def _first_error(root: Node) -> int:
    """The first line where the source is not sound; 0 where all of it is."""
    todo = [root]
    while todo:
        node = todo.pop(0)
        if node.type == "ERROR" or is_broken(node):
            return int(node.start_point[0]) + 1
        todo += [child for child in node.children if child.has_error]
    return 0


def _head(node: Node) -> str:
    """A statement on one line as a whole; of any other what stands before its body."""
    whole = text(node)
    return _dedent(head(node) if "\n" in whole else whole)


def _dedent(source: str) -> str:
    """The source of a statement, its later lines moved left with its first."""
    lines = source.split("\n")
    rest = textwrap.dedent("\n".join(lines[1:])).split("\n") if len(lines) > 1 else []
    told = [lines[0], *rest]
    return "\n".join(told if len(told) <= _MAX_SOURCE else [*told[:_MAX_SOURCE], "…"]).replace("\r", "")
