"""Completion in bash and zsh: the script that a shell sources, and what it is answered when Tab is pressed."""

from __future__ import annotations

import io
import pkgutil
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    import argparse

    from wechatpay_chain.cli.candidates import Candidate
    from wechatpay_chain.cli.console import Console

__all__ = ["CODE", "COMMAND", "Line", "answer", "bash", "parted", "run", "zsh"]

# What the scripts call: no word for users.
COMMAND = "_complete"
# A script that stands in the current folder is never imported on Tab, so no -m.
CODE = "import sys; sys.path[:] = filter(None, sys.path); from wechatpay_chain.cli import main; sys.exit(main())"
_UNSAFE = re.compile(r"[^\w%+=:,./@{}~^-]")
_UNSAFE_IN_QUOTES = re.compile(r'["$`\\]')
_LONGEST = 76


class Line(NamedTuple):
    """A command line up to the cursor: its words, the one being typed, where in it the shell begins to replace,
    and the quotation mark that is open there, if any."""

    words: list[str]
    typed: str
    start: int
    quote: str


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the script for a shell: ``eval "$(wechatpay-chain completion bash)"``."""
    import shlex

    script = (pkgutil.get_data("wechatpay_chain.cli", f"completion.{arguments.shell}") or b"").decode()
    command = shlex.join([sys.executable, "-c", CODE, COMMAND, arguments.shell])
    console.say(script.replace("@COMMAND@", command).rstrip("\n"))
    return 0


def answer(arguments: Sequence[str], output: TextIO | None = None) -> int:
    """Print what the word at the cursor may become, one a line; nothing for a line that no one can go on with."""
    output = output or sys.stdout
    if isinstance(output, io.TextIOWrapper):
        # Where a terminal cannot show Chinese, a word is offered all the same.
        output.reconfigure(errors="replace")
    shell, *rest = arguments or [""]
    if shell == "bash" and len(rest) == 2:
        lines = bash(parted(*rest))
    elif shell == "zsh" and rest:
        lines = zsh(rest[1:], rest[0])
    else:
        return 2
    for line in lines:
        output.write(f"{line}\n")
    return 0


def bash(line: Line) -> list[str]:
    """What bash takes in place of the word at the cursor, quoted, with the space that follows a whole word."""
    told = []
    for each in _following(line.words, line.typed):
        text = each.text[line.start :]
        if line.quote == "'":
            told += [] if "'" in text else [text]
        elif line.quote:
            told += [] if "!" in text else [_UNSAFE_IN_QUOTES.sub(r"\\\g<0>", text)]
        else:
            told.append(_UNSAFE.sub(r"\\\g<0>", text) + (" " if each.is_whole else ""))
    return told


def zsh(before: Sequence[str], typed: str) -> list[str]:
    """What zsh takes: 1 for a whole word or 0, the word, and how it is listed, with tabs between them."""
    found = _following(before, typed)
    names = [each.shown or each.text for each in found]
    width = max(map(len, names), default=0)
    listed = (
        f"{name:{width}}  -- {each.told}"[:_LONGEST] if each.told else name
        for name, each in zip(names, found, strict=True)
    )
    return [f"{each.is_whole:d}\t{each.text}\t{shown}" for each, shown in zip(found, listed, strict=True)]


def parted(text: str, breaks: str) -> Line:
    """A command line as bash parts it; ``breaks`` are its COMP_WORDBREAKS, at which it begins to replace."""
    words: list[str] = []
    typed, start, quote = "", 0, ""
    is_word = is_escaped = False
    for letter in text:
        if is_escaped:
            typed, is_escaped = typed + letter, False
        elif letter == "\\" and quote != "'":
            is_word = is_escaped = True
        elif quote:
            typed, quote, start = (typed, "", len(typed)) if letter == quote else (typed + letter, quote, start)
        elif letter in "'\"":
            is_word, quote, start = True, letter, len(typed)
        elif letter in " \t\n<>":
            words += [typed] if is_word else []
            words += [letter] if letter in "<>" else []
            typed, start, is_word = "", 0, False
        else:
            # Before these two bash begins to replace, after the others.
            start = len(typed) + (letter not in "$@") if letter in breaks else start
            typed, is_word = typed + letter, True
    return Line(words[1:], typed, start, quote)


def _following(before: Sequence[str], typed: str) -> list[Candidate]:
    # Parsers are read where a command or a flag is: chains and their items need the catalogue alone.
    found: Iterable[Candidate]
    if before and before[-1] in ("<", ">"):
        from wechatpay_chain.cli.candidates import files

        found = files("", typed)
    elif _is_plain(before, typed):
        from wechatpay_chain.cli.candidates import chains, items

        words = list(before[1:] if before[:1] == ["request"] else before)
        found = items(words[0], words[1:], typed) if words else chains(typed)
    else:
        from wechatpay_chain.cli.flags import following

        found = following(before, typed)
    # What steers a terminal or ends a line is no candidate.
    fitting = (each for each in found if each.text.startswith(typed) and each.text.isprintable())
    return [each for each in fitting if each.is_whole or each.text != typed]


def _is_plain(before: Sequence[str], typed: str) -> bool:
    if any(word.startswith("-") for word in (*before, typed)):
        return False
    first = next((word for word in before if word != "request"), typed)
    return "." in first or "/" in first
