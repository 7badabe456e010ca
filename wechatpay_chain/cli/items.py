"""``key=value`` words of a command line become the arguments of a call, with httpie's separators."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wechatpay_chain.cli.console import Console

__all__ = ["MOST", "SEPARATOR", "Arguments", "ItemError", "parse", "read_data", "read_json"]

# The bytes of the longest body or field that is read: the API takes none that is near it.
MOST = 64 << 20

# The separator that begins first wins; at one place the longest.
SEPARATOR = re.compile(r":=@|:=|==|=@|=|:|@")


class ItemError(ValueError):
    """A word that is no item; the message says what one looks like."""


@dataclass
class Arguments:
    """What the items add up to: body fields, query parameters, headers, values of placeholders, files by path."""

    body: dict[str, Any] = field(default_factory=dict)
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    files: list[tuple[str, Path]] = field(default_factory=list)


def parse(items: Sequence[str], placeholders: Sequence[str]) -> Arguments:
    """``key=text key:=json key==query Name:header key=@file key:=@file key@upload``; a placeholder's name fills it."""
    arguments = Arguments()
    for item in items:
        found = SEPARATOR.search(item)
        if not found or not found.start():
            raise ItemError(f"{item!r}: expected key=text, key:=json, key==query, Header:text or key@file")
        key, separator, text = item[: found.start()], found[0], item[found.end() :]
        if key in placeholders and separator == "=":
            _put(arguments.values, key, text)
        elif separator == "==":
            arguments.query.append((key, text))
        elif separator == ":":
            _put(arguments.headers, key, text)
        elif separator == "@":
            if any(key == known for known, _ in arguments.files):
                raise ItemError(f"{key}@: given twice")
            arguments.files.append((key, _upload(text, key)))
        else:
            _put(arguments.body, key, _READERS[separator](text, key))
    return arguments


def read_data(data: str, console: Console) -> Any:
    """The JSON of ``-d``: text, ``@file``, or ``@-`` for standard input."""
    if data == "@-":
        return read_json(console.read_bytes(MOST + 1), "-d")
    return read_json(_file(data[1:], "-d") if data.startswith("@") else data, "-d")


def read_json(text: str | bytes, name: str) -> Any:
    """The value that a JSON text holds; ItemError, which says where it stood, for anything else."""
    if len(text) > MOST:
        raise ItemError(f"{name}: over {MOST >> 20} MiB, which no body is")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ItemError(f"{name}: no JSON ({error})") from None


def _put(target: dict[str, Any], key: str, value: Any) -> None:
    if key in target:
        raise ItemError(f"{key}: given twice")
    target[key] = value


def _file(name: str, key: str) -> str:
    try:
        with Path(name).expanduser().open("rb") as file:
            content = file.read(MOST + 1)
        if len(content) > MOST:
            raise ItemError(f"{key}: {name} is over {MOST >> 20} MiB, which no body is")
        return content.decode("utf-8")
    except ItemError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # the last: ~ of a user who does not exist
        reason = getattr(error, "strerror", None) or "no UTF-8 text"
        raise ItemError(f"{key}: {name} cannot be read ({reason})") from None


def _upload(name: str, key: str) -> Path:
    if not name:
        raise ItemError(f"{key}@: expected the name of a file behind it")
    try:
        path = Path(name).expanduser()
        with path.open("rb"):
            return path
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
    raise ItemError(f"{key}: {name} cannot be read ({reason})")


_READERS: dict[str, Callable[[str, str], Any]] = {
    "=": lambda text, _: text,
    ":=": read_json,
    "=@": _file,
    ":=@": lambda name, key: read_json(_file(name, key), key),
}
