"""Operations by words of their names, paths and tags, in Chinese and English."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.facts import Operation, is_legacy, operations
from wechatpay_chain.catalog.vocabulary import MEANINGS, forms
from wechatpay_chain.encoding import paths

__all__ = [
    "close",
    "exact",
    "search",
    "suggest",
]

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_URL = re.compile(r"https?://[^/\s]+(/[^?#\s]*)")
_CHAIN = re.compile(r"(?:\$?instance|wxpay)(?=[.\[/])[.]?|^/")
_PIECE = re.compile(r"[\w{}<>$+-]*", re.ASCII)
_VERB = re.compile(rf"(?:\.|->)({'|'.join(_METHODS)})(?:_?async)?$", re.IGNORECASE)
_CALL = re.compile(rf"{_VERB.pattern.removesuffix('$')}(?=\()", re.IGNORECASE)
# What most look for: of two that fit as well, theirs comes first.
_COMMON = frozenset({"基础支付", "基础支付∙退款", "基础支付∙账单", "通用接口"})
_EMPTY_WORDS = frozenset(["a", "an", "the", "of", "for", "to", "with", "by", "in", "on"])
_PAIR = 2
_NAMED = 3

_Measure = Callable[[Operation], int]


def search(asked: Sequence[str]) -> list[Operation]:
    """The operations in which every word occurs, in any case, the closest first; all of them for no word.

    A word may also be what an English word means in Chinese, a path as documented or as a chain, with or without
    its host, filled or not, a link of the documentation, or an HTTP method.
    """
    wanted = _split(asked)
    found = _found(wanted)
    # Names turn such words round: 订单查询 is 查询订单.
    pairs = [pair for word in wanted for pair in _pairs(word)]
    return found or (_found(pairs) if pairs != wanted else [])


def exact(asked: Sequence[str]) -> Operation | None:
    """The one operation that is meant: by path and method, by its whole name, or because nothing else fits."""
    wanted = _split(asked)
    found = _found(wanted) or search(asked)
    if len(found) <= 1:
        return next(iter(found), None)
    if any(map(_at, wanted)):
        named = [each for each in found if all(_distance(word)(each) == 0 for word in wanted)]
    else:
        # A whole name of APIv2 may be a part of names of APIv3, which are meant as well.
        name, is_old = _name(" ".join(wanted)), all(is_legacy(each.path) for each in found)
        named = [each for each in found if _name(each.name) == name and is_legacy(each.path) == is_old]
    return named[0] if len(named) == 1 else None


def close(asked: Sequence[str]) -> str:
    """What to try where a search finds nothing: how much each word finds alone, or the words that are like it."""
    told = []
    for word in _split(asked):
        found = len(search([word]))
        like = [] if found else _like(word)
        text = f"{found} alone" if found else f"did you mean {' or '.join(like)}?" if like else "in none"
        told.append(f"{word[:40]}: {text}")
    return ", ".join(told)


def _split(asked: Sequence[str]) -> list[str]:
    # The arguments of a call that was pasted hold spaces, and nothing to search for.
    calls = [(text, _CALL.search(text)) for text in asked]
    wanted = [word for text, call in calls for word in (text[: call.end()] if call else text).split()]
    return [word for word in wanted if word.casefold() not in _EMPTY_WORDS] or wanted


def _found(wanted: Sequence[str]) -> list[Operation]:
    measures = [_distance(word) for word in wanted]
    scored = ((_score(each, measures), each) for each in operations())
    found = [(score, each.number, each) for score, each in scored if score >= 0]
    return [each for _, _, each in sorted(found)]


def _score(operation: Operation, measures: Iterable[_Measure]) -> int:
    """How far it is from what is asked: -1 where a word does not occur; APIv3 comes first, and words of its own."""
    total = 0
    for measure in measures:
        distance = measure(operation)
        if distance < 0:
            return -1
        total += distance
    return 4 * total + 2 * (not operation.path.startswith("/v3/")) + _COMMON.isdisjoint(operation.tags)


def _distance(word: str) -> _Measure:
    """0 where ``word`` is a whole word, 1 where it is a part of one, 2 where its meaning occurs, -1 elsewhere."""
    if word in _METHODS:
        return lambda each: 0 if each.method == word else -1
    at = _at(word)
    if at:
        return lambda each: at.get(each.number, -1)
    plain = _plain(word)
    spelled = list(forms(plain))
    meanings = [meaning for form in spelled for meaning in MEANINGS.get(form, ())]

    def measure(operation: Operation) -> int:
        text, own = _texts()[operation.number]
        if plain in own:
            return 0
        if any(form in text for form in spelled):
            return 1
        return 2 if any(meaning in text for meaning in meanings) else -1

    return measure


@lru_cache(maxsize=16)
def _at(word: str) -> dict[int, int]:
    """The distance of the operations at a path, by number: 0 there, 1 below it; none for what is no known path."""
    url = _URL.match(word)
    if url and "/doc/" in url[1]:
        page = word.partition("#")[0].partition("?")[0]
        return {each.number: 0 for each in operations() if page in each.facts.get("docs", ())}
    path, method = _path(url[1] if url else word)
    if not path:
        return {}
    for route in (path, f"v2/{path}"):
        here = {method: tree.matching(method, route) for method in _METHODS}
        below = tree.below(route)
        if below or any(here.values()):
            exactly = {each.number: 0 for name, each in here.items() if each and method in ("", name)}
            return exactly if method else {**{each.number: 1 for each in below}, **exactly}
    return {}


def _path(word: str) -> tuple[str, str]:
    """A chain's path, and its method if it ends with a verb; empty for a word that is neither path nor chain."""
    text = word.replace("->", ".").replace('["', "/").replace("['", "/").replace('"]', "").replace("']", "")
    verb = _VERB.search(text)
    method = verb[1].upper() if verb else ""
    rest = _CHAIN.sub("", text[: verb.start()] if verb else text, count=1).partition("?")[0].removeprefix("/")
    if "/" in rest:
        pieces = rest.split("/")
    elif "." in rest or verb:
        pieces = [paths.segment(each) if each and _PIECE.fullmatch(each) else each for each in rest.split(".")]
    else:
        return ("", "")
    return ("/".join(pieces), method) if all(map(_PIECE.fullmatch, pieces)) else ("", "")


def _pairs(word: str) -> list[str]:
    if word.isascii() or len(word) < 2 * _PAIR:
        return [word]
    return [word[at : at + _PAIR] for at in range(0, len(word) - 1, _PAIR)]


def _like(word: str) -> list[str]:
    # Only where nothing was found: it takes longer to import than a search takes.
    import difflib

    known = {*MEANINGS, *(piece for _, own in _texts() for piece in own if "\n" not in piece and "/" not in piece)}
    return difflib.get_close_matches(_plain(word), sorted(known), n=_NAMED, cutoff=0.7)


@lru_cache(maxsize=1)
def _texts() -> list[tuple[str, frozenset[str]]]:
    return [_text(each) for each in operations()]


def _text(operation: Operation) -> tuple[str, frozenset[str]]:
    path = "/".join(operation.words)
    parts = [operation.method, operation.path, path, tree.spelled(path), operation.name, *operation.tags]
    plain = [_plain(part) for part in parts]
    pieces = [piece for part in plain[1:3] for segment in part.split("/") for piece in (segment, *segment.split("-"))]
    return "\n".join(plain), frozenset([*plain, *pieces, plain[4].removesuffix("api")])


def _name(text: str) -> str:
    return "".join(text.split()).casefold().removesuffix("api")


def _plain(word: str) -> str:
    return word.casefold().strip().removeprefix("wxpay.")


_CUTOFF = 0.6
_MOST = 8


def suggest(method: str, path: str) -> str:
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
        return f"{_shown_path(path)}: did you mean {tree.spelled(path)}._empty_ → {_shown_path(path)}/?"
    return _further(path, tree.children(path))


def _instead(word: str, known: list[str], before: str) -> str:
    plain = {_plain_word(each): each for each in known}
    close = difflib.get_close_matches(_plain_word(word), plain, n=1, cutoff=_CUTOFF)
    if close:
        right = plain[close[0]]
        typed = paths.attribute(right) or right
        # What is typed as it is, or was meant as path text, needs no second spelling.
        spelled = "" if typed in (right, word) else f"{typed} → "
        return f"{_shown_path(word)}: did you mean {spelled}{_shown_path(right)}?"
    return _further(before, known) if before else ""


def _further(path: str, known: list[str]) -> str:
    if not 0 < len(known) <= _MOST:
        return ""
    return f"{_shown_path(path)} goes on with {', '.join(paths.attribute(each) or each for each in known)}"


def _shown_path(path: str) -> str:
    return paths.shown(path)[:80]


def _plain_word(word: str) -> str:
    """A word without what its spelling adds."""
    return word.strip("{}").replace("_", "").replace("-", "").casefold()
