"""An answer in a terminal: colours and tables with rich, QR codes with segno, plain text without."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple, TextIO

from wechatpay_chain.display import qrcode, rendering

__all__ = ["Terminal", "display", "draw", "here", "terminal_of"]

_LETTERS = "█▀▄─"
# White on black, whatever the colours of the terminal are: a scanner looks for dark on light.
_PAPER = "\x1b[97;40m", "\x1b[0m"
# More than this is not looked at, it is searched.
_COLOURED = 100_000
_CELLS = 2_000
_ABOVE = 10_000


class Terminal(NamedTuple):
    """What somebody looks at: its columns, whether it can show blocks and lines, and whether colours are wanted."""

    width: int = 80
    draws: bool = True
    coloured: bool = True


def terminal_of(stream: TextIO, environment: Mapping[str, str]) -> Terminal | None:
    """The terminal behind a stream; None for a file, a pipe and ``TERM=dumb``. ``NO_COLOR`` counts, and ``COLUMNS``."""
    try:
        if not stream.isatty() or environment.get("TERM") in ("dumb", "unknown"):
            return None
    except (AttributeError, ValueError):  # none at all, or a closed one
        return None
    # A Windows console that understands escapes names one of the two.
    coloured = not environment.get("NO_COLOR") and bool(environment.get("TERM") or environment.get("WT_SESSION"))
    return Terminal(_width(stream, environment), _draws(stream), coloured)


def display(answer: rendering.Answer, terminal: Terminal | None) -> str:
    """Status and body of an answer, drawn as the terminal can."""
    told = rendering.body(answer)
    if terminal is None or not told:
        return rendering.text(answer)
    try:
        data = rendering.data_of(answer)
    except (ValueError, RecursionError):
        return rendering.text(answer)
    return f"{rendering.status_line(answer)}\n{draw(told, data, answer.verified, terminal)}"


def draw(told: str, data: object, verified: bool, terminal: Terminal) -> str:
    """``told``, the JSON text of ``data``, in colours, or as a table where it is one that fits; QR codes below it.

    An answer that is not ``verified`` gets no QR code: nobody should scan what may not be WeChat Pay's.
    """
    table = _table(data, terminal) if terminal.draws else ""
    pieces = [table or _colour(told, terminal)]
    if verified and terminal.draws:
        for name, url in qrcode.addresses(data).items():
            if lines := qrcode.blocks(url, terminal.width):
                pieces += [f"{name}:", *(_on_paper(line, terminal) for line in lines)]
    return "\n".join(pieces)


def here() -> Terminal | None:
    """The terminal of this process; IPython's own wish for no colours counts too."""
    terminal = terminal_of(sys.stdout, os.environ)
    asked = getattr(sys.modules.get("IPython"), "get_ipython", None)
    colours = getattr(asked(), "colors", "") if asked else ""
    if terminal is not None and str(colours).lower() == "nocolor":
        return terminal._replace(coloured=False)
    return terminal


def _width(stream: TextIO, environment: Mapping[str, str]) -> int:
    columns = environment.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns[:6]) > 0:
        return int(columns[:6])
    try:
        return os.get_terminal_size(stream.fileno()).columns or Terminal().width
    except (OSError, ValueError):
        return Terminal().width


def _draws(stream: TextIO) -> bool:
    try:
        _LETTERS.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def _on_paper(line: str, terminal: Terminal) -> str:
    return line.join(_PAPER) if terminal.coloured and line[:1] in _LETTERS else line


def _colour(told: str, terminal: Terminal) -> str:
    rich = _rich() if terminal.coloured and len(told) <= _COLOURED else None
    if rich is None:
        return told
    shown = import_module("rich.highlighter").JSONHighlighter()(import_module("rich.text").Text(told))
    return _render(shown, terminal)


def _table(data: object, terminal: Terminal) -> str:
    """The one list of flat objects in an answer as a table, below what else there is; empty where none fits."""
    fields: Mapping[str, Any] = data if isinstance(data, dict) else {"": data}
    lists = [name for name, value in fields.items() if _is_flat(value)]
    if len(lists) != 1 or _rich() is None:
        return ""
    rest = {name: value for name, value in fields.items() if name != lists[0]}
    above = rendering.escape_controls(json.dumps(rest, ensure_ascii=False, indent=2)) if rest else ""
    table = _table_of(fields[lists[0]], terminal) if len(above) <= _ABOVE else ""
    if not table:
        return ""
    title = f"{rendering.escape_controls(lists[0])}:" if lists[0] else ""
    return "\n".join(piece for piece in (above and _colour(above, terminal), title, table) if piece)


def _is_flat(value: object) -> bool:
    """Whether it is a list of objects without others inside, and short enough to be looked at."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, dict) and row for row in value)
        and sum(map(len, value)) <= _CELLS
        and not any(isinstance(cell, dict | list) for row in value for cell in row.values())
    )


def _table_of(rows: list[dict[str, Any]], terminal: Terminal) -> str:
    table = import_module("rich.table").Table(box=import_module("rich.box").SIMPLE_HEAD, show_edge=False)
    letters = import_module("rich.text").Text
    for name in (names := dict.fromkeys(name for row in rows for name in row)):
        numbers = all(not isinstance(row.get(name), str) for row in rows)
        table.add_column(letters(_cell(name)), no_wrap=True, justify="right" if numbers else "left")
    for row in rows:
        table.add_row(*(letters(_cell(row[name]) if name in row else "") for name in names))
    console = _console(terminal._replace(width=_ABOVE))
    needed = import_module("rich.measure").Measurement.get(console, console.options, table).maximum
    return _render(table, terminal) if needed <= terminal.width else ""


def _cell(value: object) -> str:
    told = value if isinstance(value, str) else json.dumps(value)
    return rendering.escape_controls(told).replace("\n", "\\n").replace("\t", "\\t")


def _render(thing: Any, terminal: Terminal) -> str:
    console = _console(terminal)
    console.print(thing, soft_wrap=not hasattr(thing, "columns"), end="")
    printed: str = console.file.getvalue()
    return "\n".join(line.rstrip() for line in printed.splitlines())


def _console(terminal: Terminal) -> Any:
    rich: Any = _rich()
    system = "standard" if terminal.coloured else None
    return rich.Console(file=io.StringIO(), force_terminal=True, color_system=system, width=terminal.width)


def _rich() -> Any:
    try:
        return import_module("rich.console")
    except ImportError:
        return None
