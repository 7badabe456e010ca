"""What may stand next beside chains and items: commands, flags and their values, read from the parsers themselves."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from typing import NamedTuple

from wechatpay_chain.cli.candidates import Candidate, chains, files, items
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.parser import COMMANDS, Parser, build_parser

__all__ = ["candidates_after"]

_OUTSIDE = ("--version",)


class _Place(NamedTuple):
    """Where a command line has come to: its parser, plain words, flags, and the flag whose value is next."""

    parser: Parser
    plain: list[str]
    flags: list[str]
    waiting: argparse.Action | None
    is_over: bool


def candidates_after(before: Sequence[str], typed: str) -> Iterator[Candidate]:
    """The candidates for the word ``typed`` after the words ``before``, flags among them or none."""
    place = _place(before)
    if place.waiting:
        yield from _values(place.waiting, place, typed)
        return
    flag, equals, value = typed.partition("=")
    action = _flags(place.parser).get(flag) if equals else None
    if action and not place.is_over and flag.startswith("--"):
        found = _values(action, place, value)
        yield from (each._replace(text=f"{flag}={each.text}") for each in found)
    elif typed.startswith("-") and not place.is_over:
        yield from _flag_names(place, before)
    else:
        yield from _plain(place, typed, before)


def _place(before: Sequence[str]) -> _Place:
    is_command = bool(before) and before[0] in COMMANDS and before[0] != "request"
    parser = build_parser(Console(), before[:1]) if is_command else _request_parser()
    plain: list[str] = []
    flags: list[str] = []
    waiting: argparse.Action | None = None
    is_over = False
    for word in before[1:] if before[:1] == ["request"] else before:
        if waiting:
            waiting = None
        elif word == "--":
            is_over = True
        elif word.startswith("-") and not is_over:
            flags.append(word.partition("=")[0])
            action = _flags(parser).get(flags[-1])
            waiting = action if action and action.nargs != 0 and "=" not in word else None
        elif word in parser.commands and not plain:
            parser, flags = parser.commands[word], []
        else:
            plain.append(word)
    return _Place(parser, plain, flags, waiting, is_over)


def _flag_names(place: _Place, before: Sequence[str]) -> Iterator[Candidate]:
    for name, action in _flags(place.parser).items():
        is_again = any(each in place.flags for each in action.option_strings)
        if not is_again or isinstance(action, argparse._AppendAction):
            yield Candidate(name, action.help or "")
    if not before:
        yield from (Candidate(name) for name in _OUTSIDE)


def _plain(place: _Place, typed: str, before: Sequence[str]) -> Iterator[Candidate]:
    expected = [each for each in place.parser.actions if not each.option_strings]
    if not before:
        yield from _command_names(build_parser(Console()))
    if not expected:
        return
    action = expected[min(len(place.plain), len(expected) - 1)]
    if len(place.plain) >= len(expected) and action.nargs not in ("*", "+"):
        return
    if place.parser.commands:
        yield from _command_names(place.parser)
    else:
        yield from _values(action, place, typed)


def _values(action: argparse.Action, place: _Place, typed: str) -> Iterator[Candidate]:
    if action.choices:
        yield from (Candidate(str(each)) for each in action.choices)
        return
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    give = _BY_NAME.get(action.dest) or _BY_METAVAR.get(metavar)
    if give:
        yield from give(place, typed)
    elif any(kind in metavar for kind in _ON_DISK):
        yield from files("", typed)


def _flags(parser: Parser) -> Mapping[str, argparse.Action]:
    return {name: action for action in parser.actions for name in action.option_strings}


def _command_names(parser: Parser) -> Iterator[Candidate]:
    for name, command in parser.commands.items():
        yield Candidate(name, command.summary.partition(". ")[0])


def _request_parser() -> Parser:
    return build_parser(Console(), ["request"]).commands["request"]


def _help_topics(place: _Place, typed: str) -> Iterator[Candidate]:
    yield from _command_names(build_parser(Console()))


def _kinds(place: _Place, typed: str) -> Iterator[Candidate]:
    # The kinds bring the dates of bills, which no other word asks for.
    from wechatpay_chain.cli.bill_kinds import KINDS

    yield from (Candidate(name, kind.path) for name, kind in KINDS.items())


def _flag_values(flag: str) -> Callable[[_Place, str], Iterator[Candidate]]:
    def values(place: _Place, typed: str) -> Iterator[Candidate]:
        from wechatpay_chain.cli.bill_kinds import KINDS

        kind = KINDS.get(place.plain[0]) if place.plain else None
        yield from map(Candidate, kind.flags.get(flag, ("", ()))[1] if kind else ())

    return values


def _events(place: _Place, typed: str) -> Iterator[Candidate]:
    # As a file, since the sandbox is far more than its list.
    try:
        lines = resources.files("wechatpay_chain").joinpath("sandbox", "events.jsonl").read_text(encoding="utf-8")
    except OSError:  # left out by a packager; a completion never complains
        return
    for row in map(json.loads, lines.splitlines()):
        yield Candidate(row["event_type"], row["name"])


def _certificate(place: _Place, typed: str) -> Iterator[Candidate]:
    key_id, equals, path = typed.partition("=")
    yield from files(f"{key_id}=", path) if equals else ()


def _data(place: _Place, typed: str) -> Iterator[Candidate]:
    yield from files("@", typed[1:]) if typed.startswith("@") else ()


def _items(place: _Place, typed: str) -> Iterator[Candidate]:
    yield from items(place.plain[0], place.plain[1:], typed)


def _chains(place: _Place, typed: str) -> Iterator[Candidate]:
    yield from chains(typed)


_ON_DISK = ("FILE", "PATH", "DIR", "FOLDER", "SOURCE")
_BY_NAME = {"type": _flag_values("type"), "account": _flag_values("account"), "event_type": _events}
_BY_METAVAR: Mapping[str, Callable[[_Place, str], Iterator[Candidate]]] = {
    "CHAIN.VERB": _chains,
    "COMMAND": _help_topics,
    "ID=FILE": _certificate,
    "ITEM": _items,
    "JSON": _data,
    "KIND": _kinds,
    "WORD": _chains,
}
