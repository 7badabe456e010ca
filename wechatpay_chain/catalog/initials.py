"""Chinese found by its initials in pinyin: ``sjzz`` is 商家转账."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

__all__ = ["FILE", "has_initials", "is_spelled"]

FILE = "initials.json"


def is_spelled(initials: str, text: str) -> bool:
    """Whether ``text`` is a Chinese word with these initials."""
    return len(initials) == len(text) and has_initials(initials, text)


def has_initials(initials: str, text: str) -> bool:
    """Whether a part of ``text`` has these initials, a letter of Chinese each."""
    letters = _spelled(text)
    width = len(initials)
    return any(
        all(initial in letters[at + place] for place, initial in enumerate(initials))
        for at in range(len(letters) - width + 1)
    )


@lru_cache(maxsize=2048)
def _spelled(text: str) -> Sequence[str]:
    known = _initials()
    return [known.get(letter, "") for letter in text]


@cache
def _initials() -> Mapping[str, str]:
    """The initials of each letter of Chinese that the catalogue has; several where it is read in several ways."""
    table: dict[str, str] = json.loads(pkgutil.get_data("wechatpay_chain.catalog", FILE) or b"{}")
    told: dict[str, str] = {}
    for initial, letters in table.items():
        for letter in letters:
            told[letter] = told.get(letter, "") + initial
    return told
