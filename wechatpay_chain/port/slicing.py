"""What becomes of each statement, and which of them are printed: the SDK's own, what they need, what guards them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from wechatpay_chain.port import ir, python
from wechatpay_chain.port.source import text

__all__ = ["FOREVER", "Branch", "Output", "is_log", "leaves", "prune", "words_in"]

FOREVER = 10**9
# Calls that only tell what happens.
_LOGS = re.compile(
    r"(?i)(?:^|[\\$>.:_])(?:log|logger|logging|console|error_log|echo|print|print_r|printf|dump|sleep|usleep|trace|info|debug)\b"
)


@dataclass
class Branch:
    """A branch: ``if``, ``else``, ``try``, ``except``, ``finally``, or a function's own statements."""

    kind: str
    parts: list[ir.Part]
    outputs: list[Output]
    classes: list[ast.expr] = field(default_factory=list)
    name: str = ""


@dataclass
class Output:
    """One statement: its Python, or the branches of it.

    ``kind`` is ``code``, ``print``, ``drop`` for what is the shop's, ``if``, ``try`` or ``scope`` for a function.
    """

    part: ir.Part
    place: str
    kind: str
    code: list[ast.stmt] = field(default_factory=list)
    test: ast.expr | None = None
    branches: list[Branch] = field(default_factory=list)
    uses: int = 0
    left: tuple[str, ...] = ()
    targets: frozenset[str] = frozenset()
    # The place within which a reader of the targets counts, and whether other functions read them too.
    span: tuple[int, int] = (0, FOREVER)
    is_lasting: bool = False
    # The variables of a condition; whether a statement may end the function, or a condition is a check of the SDK.
    reads: frozenset[str] = frozenset()
    may_stop: bool = False
    # Whether the SDK is called after it, in the same function.
    is_followed: bool = False
    is_kept: bool = False

    @property
    def start(self) -> int:
        """Where the statement begins."""
        return int(self.part.node.start_byte)

    @property
    def is_sdk(self) -> bool:
        """Whether something of the SDK is in it."""
        return bool(self.uses or self.left)

    @property
    def is_whole(self) -> bool:
        """Whether it is Python without a hole."""
        is_code = self.kind in ("code", "print") and bool(self.code)
        return is_code and not any(next(python.holes_in(each), None) for each in self.code)

    def loads(self) -> set[str]:
        """The names that the Python reads."""
        trees = [*self.code, *([] if self.test is None else [self.test])]
        return {word for each in trees for word in python.loads(each)}

    def inner(self, into_scopes: bool = True) -> Iterator[Output]:
        """The outputs in all branches, and theirs."""
        for each in (each for branch in self.branches for each in branch.outputs):
            yield each
            if into_scopes or each.kind != "scope":
                yield from each.inner(into_scopes)


def leaves(parts: list[ir.Part]) -> bool:
    """Whether statements never come out at their end."""
    return bool(parts) and isinstance(parts[-1], ir.End)


def is_log(part: ir.Part) -> bool:
    """Whether a statement only tells what happens."""
    return _LOGS.search(text(part.node).split("(")[0]) is not None


def words_in(part: ir.Part) -> set[str]:
    """The variables in a part of a program."""
    return {each.word for each in ir.walk(part, False) if isinstance(each, ir.Name)} - {"this"}


def prune(top: Output) -> None:
    """Mark what is kept, function by function, until nothing more is needed."""
    everything = [top, *top.inner()]
    before: list[bool] = []
    while before != [each.is_kept for each in everything]:
        before = [each.is_kept for each in everything]
        shared = {word for each in everything if each.is_kept for word in each.loads()}
        for each in everything:
            if each.kind == "scope":
                _prune_scope(each, shared)


def _prune_scope(scope: Output, shared: set[str]) -> None:
    own = list(scope.inner(into_scopes=False))
    sdk = [each for each in own if each.is_sdk]
    last = max((each.start for each in sdk), default=0)
    results = {word for each in sdk for word in each.targets}
    for each in own:
        each.is_followed = last >= each.part.node.end_byte
        is_before = each.start < last
        if each.is_sdk or (each.branches and any(found.is_kept for found in each.inner())):
            each.is_kept = True
        elif each.kind == "if" and sdk:
            is_tainted = bool(each.reads & results)
            each.is_kept |= (_may_leave(each) and (is_before or is_tainted)) or (is_tainted and each.may_stop)
        elif each.kind in ("code", "drop", "print"):
            each.is_kept |= is_before and (each.may_stop or _is_shared(each, own))
    scope.is_kept |= any(each.is_kept for each in own)
    kept = [each for each in own if each.is_kept]
    # What functions within read is needed too.
    inner = {
        word
        for each in kept
        if each.kind == "scope"
        for found in each.inner()
        if found.is_kept
        for word in found.loads()
    }
    for each in own:
        if each.kind == "code" and each.targets and not each.is_kept:
            first, end = each.span
            readers = {word for other in kept if first <= other.start <= end for word in other.loads()}
            readers |= (inner if end == FOREVER else set()) | (shared if each.is_lasting else set())
            each.is_kept = bool(each.targets & readers)
        elif each.kind == "print" and not each.is_kept:
            made = {word for other in kept for word in other.targets}
            made |= {branch.name for other in own for branch in other.branches}
            words = each.loads() - {"json", "time"}
            each.is_kept = bool(words) and words <= made and each.is_whole


def _may_leave(output: Output) -> bool:
    """Whether a branch of an ``if`` may end the function, or a turn of a loop: by itself, or by what it calls."""
    if any(each.may_stop for each in output.inner(into_scopes=False) if each.kind in ("code", "drop")):
        return True
    parts = [part for branch in output.branches for part in branch.parts]
    return any(isinstance(each, ir.End) for part in parts for each in ir.walk(part, into_functions=False))


def _is_shared(output: Output, own: list[Output]) -> bool:
    """Whether a call of the shop, which might end the function, has to do with what the SDK does after it."""
    value = output.part.value if isinstance(output.part, ir.Do) and output.kind == "drop" else output.part
    function = ir.function_of(value)
    if function is None or _LOGS.search(text(function.node)):
        return False
    later = [each for each in own if each.is_sdk and each.kind == "code" and each.start > output.start]
    return bool(words_in(value) & {word for each in later for word in words_in(each.part)})
