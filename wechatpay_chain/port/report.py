"""What ``port`` prints for its files: the Python of each statement under its original, and the report at the end."""

from __future__ import annotations

import ast
import builtins
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from wechatpay_chain.port import ir, python
from wechatpay_chain.port.expressions import Knowledge
from wechatpay_chain.port.javascript import JavaScriptReader
from wechatpay_chain.port.php import PhpReader
from wechatpay_chain.port.python import Names
from wechatpay_chain.port.sdk import mentions
from wechatpay_chain.port.slicing import Branch, Output, is_log, leaves
from wechatpay_chain.port.snippets import Snippet
from wechatpay_chain.port.source import is_broken, parse, shown, text
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
        parts = ["\n".join(_HEADER), *_imported(self.imports), *("\n".join(lines).strip("\n") for lines in self.blocks)]
        return python.formatted("\n\n".join(filter(None, parts)) + "\n")

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
            lines.append(shown(f"{each.file}:{each.line} {each.place}".rstrip()))
            left = [piece for line in each.source.split("\n") for piece in _wrapped(shown(line), half)]
            code = f"{each.python} ..." if each.python.endswith(":") else each.python
            right = [
                piece for line in python.formatted(code, half).rstrip().split("\n") for piece in _wrapped(line, half)
            ]
            for index in range(max(len(left), len(right))):
                first = left[index] if index < len(left) else ""
                second = right[index] if index < len(right) else ""
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


def _imported(imports: set[tuple[str, str]]) -> list[str]:
    """The block of the standard library and that of this package."""
    told: dict[bool, list[str]] = {False: [], True: []}
    for module in sorted({module for module, word in imports if not word}):
        told[False].append(f"import {module}")
    for module in sorted({module for module, word in imports if word}):
        words = sorted(word for found, word in imports if found == module and word)
        told[module.startswith("wechatpay_chain")].append(f"from {module} import {', '.join(words)}")
    return ["\n".join(lines) for lines in told.values()]


def _wrapped(line: str, width: int) -> list[str]:
    return [line[start : start + width] for start in range(0, len(line), width)] or [""]


class _Listing:
    """The printing of one snippet."""

    def __init__(self, report: Report, file: str, snippet: Snippet) -> None:
        self.report = report
        self.file = file
        self.snippet = snippet
        self.lines: list[str] = []
        self.made: set[str] = set()
        self.read: set[str] = set()
        self.broken = 0

    def write(self) -> None:
        """Read, translate and print the snippet."""
        try:
            outputs, imports = self._outputs()
        except RecursionError:
            outputs, imports = [], set()
            statement = Statement(self.file, self.snippet.offset + 1, "", "", "", "left", ("nested too deeply",))
            self.report.statements.append(statement)
            self.lines.append("# left: nested too deeply")
        for each in outputs:
            self._output(each, 0)
        if self.broken and not any(each.file == self.file and each.reasons for each in self.report.statements):
            line = self.broken + self.snippet.offset
            self.report.statements.append(Statement(self.file, line, "", "", "", "left", ("the syntax is broken",)))
            self.lines.append(f"# left: line {line}: the syntax is broken")
        if self.lines:
            self.report.blocks.append(self.lines)
        self.report.imports |= {each for each in imports if (each[1] or each[0].partition(".")[0]) in self.read}
        words = {word for _, word in imports if word} | {module for module, word in imports if not word}
        supplied = self.read - self.made - words - {"HERE"}
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

    # Lines

    def _output(self, output: Output, margin: int) -> None:
        if not output.is_kept:
            return
        if output.kind == "scope":
            for each in output.branches[0].outputs:
                self._output(each, margin)
        elif output.kind == "if":
            self._if(output, margin)
        elif output.kind == "try":
            self._try(output, margin)
        else:
            is_loop = isinstance(output.part, ir.Loop)
            source = (_head if is_loop else _dedented)(output.part)
            code = [line for statement in output.code for line in self._code(statement)]
            if code or output.is_sdk:
                self._comment(output, source, margin)
                self._say(code, margin)
            self.made |= output.targets | {each.name for each in output.code if isinstance(each, ast.FunctionDef)}
            self._record(output, source, code)

    def _if(self, output: Output, margin: int) -> None:
        if output.test is None:
            return
        source = _head(output.part)
        head = [f"if {python.code_of(self._numbered(output.test))}:"]
        self._comment(output, source, margin)
        self._say(head, margin)
        body, *others = output.branches
        self._branch(body, output, margin + 4)
        for branch in others:
            self._say(["else:"], margin)
            self._branch(branch, output, margin + 4)
        if output.uses or output.left:
            self._record(output, source, head)
        if margin == 0:
            self.lines.append("")

    def _branch(self, branch: Branch, output: Output, margin: int, cause: str = "") -> None:
        """A branch: what is the shop's in it is a hole, and where the original leaves, Python raises."""
        kept = [each for each in branch.outputs if each.is_kept and each.kind != "drop"]
        before = len(self.lines)
        if kept:
            for each in branch.outputs:
                if each.is_kept and each.kind != "drop":
                    self._output(each, margin)
                elif each.kind in ("drop", "if", "try") and not is_log(each.part):
                    hole = ast.Expr(python.hole(text(each.part.node)))
                    self._say([f"# {self._where(each)}", *self._code(hole)], margin)
        parts = branch.parts
        if parts and (not kept or leaves(branch.parts) or branch.kind == "closed"):
            part = parts[-1] if kept else parts[0]
            source = text(part.node)
            if not kept and len(parts) > 1:
                source = " ".join(text(each.node) for each in parts)
            self._say(self._code(python.stop(self._line(part), source, cause)), margin)
        if not any(line.strip() and not line.strip().startswith("#") for line in self.lines[before:]):
            self._say(["pass"], margin)

    def _try(self, output: Output, margin: int) -> None:
        body, *others = output.branches
        handlers = [each for each in others if each.kind == "except"]
        final = [each for each in others if each.kind == "finally"]
        is_whole = not handlers and not any(each.is_kept for branch in final for each in branch.outputs)
        if is_whole or not any(each.is_kept for each in body.outputs):
            for branch in output.branches:
                for each in branch.outputs:
                    self._output(each, margin)
            return
        self._say(["try:"], margin)
        before = len(self.lines)
        for each in body.outputs:
            self._output(each, margin + 4)
        told = "\n".join(self.lines[before:])
        catches_all = any(
            not isinstance(each, ast.Name) or each.id == "Exception" for branch in handlers for each in branch.classes
        )
        if catches_all and ("raise NotImplementedError" in told or "HERE(" in told):
            # What is closed stays closed, whatever the original catches.
            self._say(["except (NotImplementedError, NameError):", "    raise"], margin)
        for branch in handlers:
            classes = [python.code_of(self._numbered(each)) for each in branch.classes]
            kinds = classes[0] if len(classes) == 1 else f"({', '.join(classes)})"
            self._say([f"except {kinds}{f' as {branch.name}' if branch.name else ''}:"], margin)
            self.made |= {branch.name}
            self._branch(branch, output, margin + 4, branch.name)
        if leaves(body.parts) and handlers and output.is_followed:
            # Where the original returns from within ``try`` and goes on otherwise, Python does not go on.
            part = body.parts[-1]
            self._say(["else:"], margin)
            self._say(self._code(python.stop(self._line(part), text(part.node))), margin + 4)
        for branch in final:
            if any(each.is_kept for each in branch.outputs):
                self._say(["finally:"], margin)
                for each in branch.outputs:
                    self._output(each, margin + 4)
        if margin == 0:
            self.lines.append("")

    def _say(self, lines: Iterable[str], margin: int) -> None:
        self.lines += [" " * margin + line for line in lines]

    def _line(self, part: ir.Part) -> int:
        return int(part.node.start_point[0]) + 1 + self.snippet.offset

    def _where(self, output: Output) -> str:
        return shown(f"{self.file}:{self._line(output.part)} {output.place}".rstrip())

    def _comment(self, output: Output, source: str, margin: int) -> None:
        if self.lines and self.lines[-1].strip() and margin == 0:
            self.lines.append("")
        lines = [f"# {self._where(output)}", *(f"#   {shown(line)}".rstrip() for line in source.split("\n"))]
        self._say(lines, margin)
        self._say([f"# left: {shown(reason)}" for reason in dict.fromkeys(output.left)], margin)

    def _code(self, statement: ast.stmt) -> list[str]:
        return python.code_of(self._numbered(statement)).split("\n")

    def _numbered(self, node: ast.AST) -> ast.AST:
        """Each hole with its number: the same source, the same number."""
        self.read |= python.loads(node)
        self.made |= {each.target.id for each in ast.walk(node) if isinstance(each, ast.NamedExpr)}
        for each in python.holes_in(node):
            first = each.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                number = self.report.holes.setdefault((self.file, first.value), len(self.report.holes) + 1)
                each.args.insert(0, ast.Constant(number))
        return node

    def _record(self, output: Output, source: str, code: list[str]) -> None:
        if not (output.uses or output.left):
            return
        told = "\n".join(code)
        status = "left" if output.left else "holes" if "HERE(" in told else "ported"
        line = self._line(output.part)
        self.report.statements.append(
            Statement(self.file, line, output.place, source, told, status, tuple(dict.fromkeys(output.left)))
        )


def _first_error(root: Node) -> int:
    """The first line where the source is not sound; 0 where all of it is."""
    todo = [root]
    while todo:
        node = todo.pop(0)
        if node.type == "ERROR" or is_broken(node):
            return int(node.start_point[0]) + 1
        todo += [child for child in node.children if child.has_error]
    return 0


def _dedented(part: ir.Part) -> str:
    """The source of a statement, its later lines moved left with its first."""
    whole = text(part.node)
    lines = whole.split("\n")
    rest = textwrap.dedent("\n".join(lines[1:])).split("\n") if len(lines) > 1 else []
    told = [lines[0], *rest]
    return "\n".join(told if len(told) <= _MAX_SOURCE else [*told[:_MAX_SOURCE], "…"]).replace("\r", "")


def _head(part: ir.Part) -> str:
    """The head of a branch."""
    whole = _dedented(part)
    found = whole.find("{")
    return whole.split("\n")[0] if found < 0 or "\n" not in whole else whole[: found + 1]
