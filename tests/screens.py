"""What a terminal shows, as a person and as a phone sees it; the QR codes are read by ZXing."""

from __future__ import annotations

import io
import re

import zxingcpp

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[=>()][0-9A-B]?)")
_LIGHT = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}
_SCALE = 4


class Screen(io.StringIO):
    """A terminal in memory."""

    def __init__(self, encoding: str = "utf-8", tty: bool = True) -> None:
        super().__init__()
        self._encoding, self._tty = encoding, tty

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a StringIO has none to be set
        return self._encoding

    def isatty(self) -> bool:
        return self._tty


def plain(text: str) -> str:
    """The text without colours and other escapes."""
    return _ESCAPES.sub("", text).replace("\r", "")


def scanned(text: str) -> list[str]:
    """What a phone reads of the QR codes on a screen, one after the other."""
    codes: list[list[str]] = [[]]
    for line in plain(text).split("\n"):
        if len(line) > 20 and set(line) <= set(_LIGHT) and line.strip():
            codes[-1].append(line)
        elif codes[-1]:
            codes.append([])
    return [found for code in codes if code for found in _read(code)]


def _read(lines: list[str]) -> list[str]:
    rows = [[_LIGHT[letter][half] for letter in line] for line in lines for half in (0, 1)]
    pixels = bytes(255 * cell for row in rows for _ in range(_SCALE) for cell in row for _ in range(_SCALE))
    image = memoryview(pixels).cast("B", (len(rows) * _SCALE, len(rows[0]) * _SCALE))
    return [str(code.text) for code in zxingcpp.read_barcodes(image)]
