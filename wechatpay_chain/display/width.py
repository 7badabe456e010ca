"""How wide text is in a terminal, where Chinese letters take two cells."""

from __future__ import annotations

import unicodedata

__all__ = ["cell_width", "cut", "pad"]


def cell_width(text: str) -> int:
    """How many cells a terminal gives it."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def pad(text: str, width: int) -> str:
    """``text`` with spaces behind it, so that it takes ``width`` cells."""
    return text + " " * (width - cell_width(text))


def cut(text: str, width: int) -> str:
    """The beginning of ``text`` that takes ``width`` cells at most."""
    used = 0
    for at, letter in enumerate(text):
        used += cell_width(letter)
        if used > width:
            return text[:at]
    return text
