"""What a shell is answered when Tab is pressed, in the form that each takes."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TextIO

from wechatpay_chain.display.width import cut

if TYPE_CHECKING:
    from wechatpay_chain.cli.candidates import Candidate

__all__ = ["COMMAND", "Line", "bash", "complete", "fish", "powershell", "split_line", "zsh"]

# What the scripts call: no word for users.
COMMAND = "_complete"
_UNSAFE = re.compile(r"[^\w%+=:,./@{}~^-]")
_UNSAFE_IN_QUOTES = re.compile(r'["$`\\]')
_LONGEST = 76
_METHODS = ("get", "post", "put", "patch", "delete")


class Line(NamedTuple):
    """A command line up to the cursor: its words, the one being typed, where in it the shell begins to replace,
    and the quotation mark that is open there, if any."""

    words: list[str]
    typed: str
    start: int
    quote: str


def complete(arguments: Sequence[str], output: TextIO | None = None) -> int:
    """Print what the word at the cursor may become, one a line; nothing for a line that no one can go on with."""
    output = output or sys.stdout
    if isinstance(output, io.TextIOWrapper):
        # Where a terminal cannot show Chinese, a word is offered all the same.
        output.reconfigure(errors="replace")
    shell, *rest = arguments or [""]
    if shell == "bash" and len(rest) == 2:
        lines = bash(split_line(*rest))
    elif shell == "zsh" and rest:
        lines = zsh(rest[1:], rest[0])
    elif shell == "fish" and rest:
        lines = fish(rest[1:], rest[0])
    elif shell == "powershell" and not rest:
        lines = powershell(sys.stdin.buffer.read())
    else:
        return 2
    for line in lines:
        output.write(f"{line}\n")
    return 0


def bash(line: Line) -> list[str]:
    """What bash takes in place of the word at the cursor, quoted, with the space that follows a whole word."""
    offered = []
    for each in _candidates(line.words, line.typed):
        text = each.text[line.start :]
        if line.quote == "'":
            offered += [] if "'" in text else [text]
        elif line.quote:
            offered += [] if "!" in text else [_UNSAFE_IN_QUOTES.sub(r"\\\g<0>", text)]
        else:
            offered.append(_UNSAFE.sub(r"\\\g<0>", text) + (" " if each.is_whole else ""))
    return offered


def zsh(before: Sequence[str], typed: str) -> list[str]:
    """What zsh takes: 1 for a whole word or 0, the word, and how it is listed, with tabs between them."""
    found = _candidates(before, typed)
    names = [each.shown or each.text for each in found]
    width = max(map(len, names), default=0)
    listed = (
        cut(f"{name:{width}}  -- {each.told}", _LONGEST) if each.told else name
        for name, each in zip(names, found, strict=True)
    )
    return [f"{each.is_whole:d}\t{each.text}\t{shown}" for each, shown in zip(found, listed, strict=True)]


def fish(before: Sequence[str], typed: str) -> list[str]:
    """What fish takes: the word and what is said of it, with a tab between them; ``typed`` is as it was written."""
    plain = split_line(f"_ {typed}", "").typed
    # fish puts a space behind a word, unless it ends with what goes on, as all do here that are not whole.
    return [f"{each.text}\t{each.told}".rstrip("\t") for each in _candidates(before, plain)]


def powershell(line: str | bytes) -> list[str]:
    """What PowerShell takes: the word, how it is listed, and what is said of it, none of them empty.

    ``line`` is a JSON list of the word being typed and of those before it.
    """
    import json

    try:
        typed, *before = map(str, json.loads(line))
    except (ValueError, TypeError):
        return []
    return [f"{each.text}\t{each.shown or each.text}\t{each.told or each.text}" for each in _candidates(before, typed)]


def split_line(text: str, breaks: str) -> Line:
    """A command line as bash splits it; ``breaks`` are its COMP_WORDBREAKS, at which it begins to replace."""
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


def _candidates(before: Sequence[str], typed: str) -> list[Candidate]:
    # Parsers are read where a command or a flag is: chains and their items need the catalogue alone.
    found: Iterable[Candidate]
    if before and before[-1] in ("<", ">"):
        from wechatpay_chain.cli.candidates import files

        found = files("", typed)
    elif _is_plain(before, typed):
        from wechatpay_chain.cli.candidates import chains, items

        words = list(before[1:] if before[:1] == ["request"] else before)
        method = words.pop(0).lower() if words and words[0].lower() in _METHODS else ""
        if words:
            found = items(f"{words[0]}.{method}" if method else words[0], words[1:], typed)
        else:
            found = map(_without_verb, chains(typed)) if method else chains(typed)
    else:
        from wechatpay_chain.cli.flags import candidates_after

        found = candidates_after(before, typed)
    # What steers a terminal or ends a line is no candidate.
    fitting = (each for each in found if each.text.startswith(typed) and each.text.isprintable())
    return [each for each in fitting if each.is_whole or each.text != typed]


def _without_verb(candidate: Candidate) -> Candidate:
    """Behind a method a path is whole without a verb."""
    if "/" not in candidate.text or not candidate.text.endswith("."):
        return candidate
    return candidate._replace(text=candidate.text[:-1], shown=candidate.shown[:-1], is_whole=True)


def _is_plain(before: Sequence[str], typed: str) -> bool:
    if any(word.startswith("-") for word in (*before, typed)):
        return False
    plain = [word for word in before if word != "request"]
    first = next((word for word in plain if word.lower() not in _METHODS), typed)
    return "." in first or "/" in first
