"""Rebuild the initials of the catalogue's Chinese: ``python -m scripts.build_initials``, which needs pypinyin."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from pypinyin import Style, lazy_pinyin

from wechatpay_chain.catalog import facts
from wechatpay_chain.catalog.initials import FILE
from wechatpay_chain.catalog.vocabulary import MEANINGS

__all__ = ["PLACE", "main", "table", "text"]

_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
PLACE = Path(__file__).parent.parent / "wechatpay_chain/catalog" / FILE


def table() -> dict[str, str]:
    """The letters that begin with each initial, as they are read in the names, tags and words that have them."""
    found: dict[str, set[str]] = defaultdict(set)
    for words in _texts():
        for chinese in _CHINESE.findall(words):
            for letter, initial in zip(chinese, lazy_pinyin(chinese, style=Style.FIRST_LETTER), strict=True):
                found[initial].add(letter)
    return {initial: "".join(sorted(letters)) for initial, letters in sorted(found.items())}


def text() -> str:
    """The table as it is shipped."""
    return json.dumps(table(), ensure_ascii=False, indent=1) + "\n"


def _texts() -> Iterator[str]:
    for each in facts.operations():
        yield each.name
        yield from each.tags
    yield from (word for word in MEANINGS if not word.isascii())


def main() -> None:
    """Write the table into the package."""
    PLACE.write_text(text(), encoding="utf-8")
    print(f"{PLACE.name}: {PLACE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
