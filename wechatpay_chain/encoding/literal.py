"""Values as Python text that is ready to paste."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

__all__ = ["Code", "call_text", "literal"]

_WIDTH = 88
_INDENT = "    "


class Code(str):
    """Text that stands as it is: an expression, not a string."""

    __slots__ = ()


def literal(value: object, room: int = _WIDTH, indent: str = "") -> str:
    """A value of JSON, or ``Code``, as Python: on one line where it fits into ``room``, else an item a line."""
    flat = _flat(value)
    if len(flat) <= room or not value or not isinstance(value, Mapping | list):
        return flat
    deeper = indent + _INDENT
    left = _WIDTH - len(deeper)
    if isinstance(value, Mapping):
        names = [f"{_flat(name)}: " for name in value]
        lines = [
            name + literal(item, left - len(name) - 1, deeper) for name, item in zip(names, value.values(), strict=True)
        ]
        return _block("{", lines, "}", indent)
    return _block("[", [literal(item, left - 1, deeper) for item in value], "]", indent)


def call_text(function: str, positional: Iterable[object] = (), named: Mapping[str, object] | None = None) -> str:
    """A call of ``function``: on one line where it fits, else an argument a line."""
    one = [_flat(value) for value in positional]
    one += [f"{name}={_flat(value)}" for name, value in (named or {}).items()]
    text = f"{function}({', '.join(one)})"
    if len(text) <= _WIDTH:
        return text
    left = _WIDTH - len(_INDENT) - 1
    lines = [literal(value, left, _INDENT) for value in positional]
    lines += [f"{name}={literal(value, left - len(name) - 1, _INDENT)}" for name, value in (named or {}).items()]
    return function + _block("(", lines, ")", "")


def _block(begin: str, lines: Iterable[str], end: str, indent: str) -> str:
    return f"{begin}\n" + "".join(f"{indent}{_INDENT}{line},\n" for line in lines) + indent + end


def _flat(value: object) -> str:
    if isinstance(value, Code):
        return str(value)
    if isinstance(value, str):
        # JSON's escapes are Python's, and its quotes are those of this project; what is no text is escaped by repr.
        return json.dumps(value, ensure_ascii=False) if value.isprintable() else repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flat(name)}: {_flat(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    return repr(value)
