"""Operations by words of their names, paths and tags, in Chinese and English."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.facts import Operation, operations

__all__ = ["search"]


def search(asked: Sequence[str]) -> list[Operation]:
    """The operations in which every word occurs, in any case, the closest first; all of them for no word.

    A word may also be a path, as documented or as a chain, or an HTTP method.
    """
    wanted = [_plain(word) for word in asked if _plain(word)]
    scored = ((_score(each, wanted), each) for each in operations())
    found = [(score, each.number, each) for score, each in scored if score >= 0]
    return [each for _, _, each in sorted(found)]


def _score(operation: Operation, wanted: Sequence[str]) -> int:
    """How far it is from what is asked: -1 where a word does not occur; APIv3 comes first, and words of its own."""
    text, own = _texts()[operation.number]
    if not all(word in text for word in wanted):
        return -1
    return 2 * sum(word not in own for word in wanted) + (not operation.path.startswith("/v3/"))


@lru_cache(maxsize=1)
def _texts() -> list[tuple[str, frozenset[str]]]:
    return [_text(each) for each in operations()]


def _text(operation: Operation) -> tuple[str, frozenset[str]]:
    path = "/".join(operation.words)
    parts = [operation.method, operation.path, path, tree.spelled(path), operation.name, *operation.tags]
    plain = [_plain(part) for part in parts]
    pieces = [piece for part in plain[1:3] for segment in part.split("/") for piece in (segment, *segment.split("-"))]
    return "\n".join(plain), frozenset([*plain, *pieces, plain[4].removesuffix("api")])


def _plain(word: str) -> str:
    return word.casefold().strip().removeprefix("wxpay.")
