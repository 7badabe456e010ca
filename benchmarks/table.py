"""A table of figures: printed as Markdown, and put in its place in README.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Table", "replaced"]


@dataclass(frozen=True)
class Table:
    """``name`` is that of its place; the first cell of a row says what was measured."""

    name: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def __str__(self) -> str:
        lines = [self.heads, ["---"] * len(self.heads), *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{table}\n\n{self.note}" if self.note else table


def replaced(page: str, tables: Sequence[Table]) -> str:
    """``page`` with each of ``tables`` between the two comments that name it; ValueError where they are missing."""
    for table in tables:
        begin, end = f"<!-- {table.name} -->\n", f"<!-- /{table.name} -->\n"
        if begin not in page or end not in page:
            raise ValueError(f"README.md has no place for {table.name}: {begin.strip()} … {end.strip()}")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}{table}\n{end}{rest.partition(end)[2]}"
    return page
