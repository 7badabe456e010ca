"""What a word of a command line may become: chains, the items of an operation, files; reads the catalogue alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from wechatpay_chain.catalog import manual, sample, tree
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.catalog.overview import Word, overview
from wechatpay_chain.cli.items import SEPARATOR
from wechatpay_chain.encoding import paths

__all__ = ["Candidate", "chains", "files", "items"]

_VERBS = ("get", "post", "put", "patch", "delete")
_EMPTY = "{empty}"
_JSON = frozenset({"integer", "number", "boolean", "object", "array"})


class Candidate(NamedTuple):
    """A whole word, one line about it, how it is listed, and whether the next word follows it."""

    text: str
    told: str = ""
    shown: str = ""
    is_whole: bool = True


def chains(typed: str) -> Iterator[Candidate]:
    """How a chain or a path goes on: children with what follows them, then the verbs that exist there."""
    rest = typed.removeprefix("wxpay.")
    prefix = typed[: len(typed) - len(rest)]
    for each in _paths(rest) if "/" in rest else _chain_candidates(rest):
        yield each._replace(text=prefix + each.text)


def items(chain: str, given: Sequence[str], typed: str) -> Iterator[Candidate]:
    """The names that an operation still takes, those it requires first; after a separator the values of one."""
    separator = SEPARATOR.search(typed)
    if separator and separator[0].endswith("@"):
        yield from files(typed[: separator.end()], typed[separator.end() :])
        return
    takes = _takes(chain)
    if separator:
        schema = takes.get((typed[: separator.start()], separator[0]), (None, {}))[1]
        yield from (Candidate(typed[: separator.end()] + each, shown=each) for each in _values(schema))
    # A name whose separator is only begun goes on too.
    held = {found.string[: found.end()] for found in map(SEPARATOR.search, given) if found}
    rows = [(name + sign, *known) for (name, sign), known in takes.items() if name + sign not in held]
    for text, note, _ in sorted(rows, key=lambda row: "required" not in row[1].split(", ")):
        yield Candidate(text, note, is_whole=False)


def files(prefix: str, typed: str) -> Iterator[Candidate]:
    """The files and folders that ``typed`` may become, each behind ``prefix``."""
    cut = typed.rfind("/") + 1
    folder, start = typed[:cut], typed[cut:]
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as listed:
            found = sorted((each.name, each.is_dir()) for each in listed)
    except (OSError, ValueError):
        return
    for name, is_folder in found:
        if name.startswith(start) and (start or not name.startswith(".")):
            shown = f"{name}/" if is_folder else name
            yield Candidate(f"{prefix}{folder}{shown}", shown=shown, is_whole=not is_folder)


def _chain_candidates(typed: str) -> Iterator[Candidate]:
    before, dot, _ = typed.rpartition(".")
    path = _path(before)
    if path is None:
        return
    for word in overview(path):
        name = paths.attribute(word.word)
        if name:
            yield Candidate(f"{before}{dot}{name}.", _describe(word), f"{name}.", is_whole=False)
    if before:
        yield from _verbs(before, path)


def _paths(typed: str) -> Iterator[Candidate]:
    before, _, last = typed.rpartition("/")
    head = f"{before}/" if before else "/"
    if "." in last:
        route = head + last.rpartition(".")[0]
        yield from _verbs(route, route)
        return
    for word in overview(before.removeprefix("/")):
        known = tree.branch(word.path)
        name = "" if word.word == _EMPTY else word.word
        told = _describe(word)
        if known and known.children:
            yield Candidate(f"{head}{name}/", told, f"{name}/", is_whole=False)
        if known and known.operations:
            yield Candidate(f"{head}{name}.", told, f"{name}.", is_whole=False)


def _verbs(before: str, path: str) -> Iterator[Candidate]:
    known = tree.branch(path)
    if known is None:
        # What the catalogue does not know can be called all the same.
        yield from (Candidate(f"{before}.{verb}", "", verb) for verb in _VERBS)
        return
    for verb in _VERBS:
        operation = known.operations.get(verb.upper()) if known.operations else tree.match(verb.upper(), path)
        if operation:
            yield Candidate(f"{before}.{verb}", operation.name, verb)


def _describe(word: Word) -> str:
    """What a word leads to: the name of its one operation, or what the product is called and how many there are."""
    return word.name if word.total == 1 else f"{word.name}, {word.total} operations"


def _path(dotted: str) -> str | None:
    """The path of a chain's words; None for what is none."""
    pieces = dotted.split(".") if dotted else []
    if any(not each.strip() or "?" in each or "#" in each or paths.is_foreign(each) for each in pieces):
        return None
    return "/".join(map(paths.segment, pieces))


def _takes(chain: str) -> Mapping[tuple[str, str], tuple[str, Mapping[str, Any]]]:
    """What a call of ``chain`` takes: what is told of it and its schema, by name and separator."""
    route, _, verb = chain.removeprefix("wxpay.").rpartition(".")
    path = route if "/" in route else _path(route)
    if not path or path.startswith("//") or "?" in path or "#" in path:
        return {}
    operation = tree.match(verb.upper(), path)
    if operation is None:
        return {}
    takes: dict[tuple[str, str], tuple[str, Mapping[str, Any]]] = {}
    for name, sign, schema in _fields(operation, paths.placeholders(paths.as_written(path))):
        if not sample.is_sent_by_itself(operation, name):
            takes.setdefault((name, sign), (_note(name, schema, operation), schema))
    return takes


def _fields(operation: Operation, placeholders: Sequence[str]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    facts = operation.facts
    known = facts.get("path_params") or {}
    yield from ((name, "=", {**known.get(name, {}), "required": True}) for name in placeholders)
    body = {} if operation.method == "GET" else (facts.get("body") or {}).get("fields") or {}
    for name, schema in body.items():
        yield name, ":=" if schema.get("type") in _JSON else "=", schema
    yield from ((name, "==", schema) for name, schema in (facts.get("query") or {}).items())
    yield from ((name, ":", schema) for name, schema in (facts.get("headers") or {}).items())


def _note(name: str, schema: Mapping[str, Any], operation: Operation) -> str:
    field = next(manual.fields({name: schema}, operation))
    return ", ".join(filter(None, (field.label, field.kind, field.note)))


def _values(schema: Mapping[str, Any]) -> list[str]:
    if schema.get("enum"):
        return [str(each).lower() if isinstance(each, bool) else str(each) for each in schema["enum"]]
    return ["true", "false"] if schema.get("type") == "boolean" else []
