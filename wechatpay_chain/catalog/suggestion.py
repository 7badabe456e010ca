"""What was probably meant by a path that no operation has."""

from __future__ import annotations

import difflib

from wechatpay_chain import words
from wechatpay_chain.catalog import tree

__all__ = ["meant"]

_CUTOFF = 0.6
_MOST = 8


def meant(method: str, path: str) -> str:
    """One line for a request that WeChat Pay does not know; empty where the catalogue knows it, or nothing close.

    ``path`` is a chain's: the words that were typed in it are compared with those that are known in their place.
    """
    known = tree.branch(path)
    if known is not None and known.operations:
        return "" if method in known.operations else f"{method}: did you mean {' or '.join(sorted(known.operations))}?"
    segments = tree.segments(path)
    if not segments:
        return ""
    depth = next((at for at in range(len(segments)) if not tree.branch("/".join(segments[: at + 1]))), len(segments))
    before = "/".join(segments[:depth])
    if depth < len(segments):
        return _instead(segments[depth], tree.children(before), before)
    empty = known.children.get(tree.EMPTY) if known else None
    if empty is not None and method in empty.operations:
        return f"{_shown(path)}: did you mean {tree.spelled(path)}._empty_ → {_shown(path)}/?"
    return _further(path, tree.children(path))


def _instead(word: str, known: list[str], before: str) -> str:
    plain = {_plain(each): each for each in known}
    close = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=_CUTOFF)
    if close:
        right = plain[close[0]]
        typed = words.attribute(right) or right
        # What is typed as it is, or was meant as path text, needs no second spelling.
        spelled = "" if typed in (right, word) else f"{typed} → "
        return f"{_shown(word)}: did you mean {spelled}{_shown(right)}?"
    return _further(before, known) if before else ""


def _further(path: str, known: list[str]) -> str:
    if not 0 < len(known) <= _MOST:
        return ""
    return f"{_shown(path)} goes on with {', '.join(words.attribute(each) or each for each in known)}"


def _shown(path: str) -> str:
    return words.shown(path)[:80]


def _plain(word: str) -> str:
    """A word without what its spelling adds."""
    return word.strip("{}").replace("_", "").replace("-", "").casefold()
