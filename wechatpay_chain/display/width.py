"""How wide text is in a terminal, where Chinese letters take two cells."""

from __future__ import annotations

import unicodedata

__all__ = ["cell_width", "padded"]


def cell_width(text: str) -> int:
    """How many cells a terminal gives it."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, width: int) -> str:
    """``text`` with spaces behind it, so that it takes ``width`` cells."""
    return text + " " * (width - cell_width(text))
