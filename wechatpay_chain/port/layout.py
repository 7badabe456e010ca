"""Text that breaks where it must: a group of pieces breaks as a whole when it is too long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

__all__ = ["HARD", "LINE", "SOFT", "Doc", "Group", "IfBroken", "Line", "Nest", "joined", "lines"]

WIDTH = 120
INDENT = 4

Doc: TypeAlias = "str | Line | Group | Nest | IfBroken | list[Doc]"


class Line(NamedTuple):
    """A place to break: ``flat`` stands there in a group that fits; a hard one breaks its group."""

    flat: str
    is_hard: bool = False


class Group(NamedTuple):
    """Either all of its lines break, but those of inner groups, or none."""

    doc: Doc


class Nest(NamedTuple):
    """One step further in."""

    doc: Doc


class IfBroken(NamedTuple):
    """Text for a group that breaks."""

    text: str


LINE = Line(" ")
SOFT = Line("")
HARD = Line("", True)
_Todo: TypeAlias = "tuple[int, bool, Doc]"


def joined(separator: Doc, docs: list[Doc]) -> list[Doc]:
    """The pieces with the separator between them."""
    return [piece for doc in docs for piece in (separator, doc)][1:]


def lines(doc: Doc, margin: int = 0) -> list[str]:
    """The text in lines of 120 columns where that is possible, ``margin`` columns further in."""
    text: list[str] = [" " * margin]
    column = margin
    todo: list[_Todo] = [(margin, True, doc)]
    while todo:
        margin, is_broken, piece = todo.pop()
        if isinstance(piece, str):
            text.append(piece)
            column += len(piece)
        elif isinstance(piece, Line):
            if is_broken:
                text.append("\n" + " " * margin)
                column = margin
            else:
                text.append(piece.flat)
                column += len(piece.flat)
        elif isinstance(piece, Group):
            fits = _fits(WIDTH - column, piece.doc, todo)
            todo.append((margin, not fits, piece.doc))
        else:
            todo.extend(_inner(margin, is_broken, piece))
    return [line.rstrip() for line in "".join(text).split("\n")]


def _inner(margin: int, is_broken: bool, piece: Nest | IfBroken | list[Doc]) -> Iterator[_Todo]:
    """What a piece is made of, the last first."""
    if isinstance(piece, Nest):
        yield margin + INDENT, is_broken, piece.doc
    elif isinstance(piece, IfBroken):
        yield margin, is_broken, piece.text if is_broken else ""
    else:
        for inner in reversed(piece):
            yield margin, is_broken, inner


def _fits(room: int, doc: Doc, rest: list[_Todo]) -> bool:
    """Whether a group goes on one line with what follows it up to the next place that may break."""
    todo: list[_Todo] = [(0, False, doc)]
    following = len(rest)
    while room >= 0:
        if not todo:
            if not following:
                return True
            following -= 1
            todo.append(rest[following])
            continue
        margin, is_broken, piece = todo.pop()
        if isinstance(piece, str):
            room -= len(piece)
        elif isinstance(piece, Line):
            if is_broken:
                return True
            if piece.is_hard:
                return False
            room -= len(piece.flat)
        elif isinstance(piece, Group):
            todo.append((margin, is_broken, piece.doc))
        else:
            todo.extend(_inner(margin, is_broken, piece))
    return False
