"""What a prompt asks a chain: which words may follow, what can be called there, and how it looks."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import NamedTuple

from wechatpay_chain.catalog import manual, sample, tree
from wechatpay_chain.catalog.facts import Operation, links
from wechatpay_chain.catalog.overview import overview
from wechatpay_chain.catalog.usage import by_usage
from wechatpay_chain.chain.completers import trust
from wechatpay_chain.display import rendering
from wechatpay_chain.encoding import paths
from wechatpay_chain.request.call import VERBS, Verb

__all__ = ["Place"]

_MOST_ROWS = 40


class Place(NamedTuple):
    """Where a chain stands: its path without the verb that it ends with, and that verb, if any.

    ``whole`` is the path in which the last word is a word, whatever else it may be.
    """

    path: str
    verb: Verb | None
    whole: str

    def names(self) -> list[str]:
        """The attributes that make sense next: words as they are typed, and the verbs that exist here.

        Where nothing is known of the path, every verb may be meant.
        """
        trust()
        spelled = filter(None, map(paths.attribute, tree.children(self.whole)))
        names = [*spelled, *self._verbs()]
        # Completers hide names with an underscore where there is another one, and would insert it unasked.
        return names if names and all(name.startswith("_") for name in names) else [*names, "chain"]

    def keys(self) -> list[str]:
        """The paths of the operations below, as ``[…]`` takes them."""
        depth = len(tree.segments(self.whole))
        below = ("/".join(each.words[depth:]) for each in tree.below(self.whole) if len(each.words) > depth)
        return [paths.display_path(path) for path in dict.fromkeys(below)]

    def manual(self, mchid: str, face: str) -> str:
        """What ``help`` tells of it to users of a face; empty where nothing is known."""
        dialect = sample.DIALECTS[face]
        if self.verb is None:
            return manual.manual(self.path, "", mchid, dialect)
        told = manual.manual(self.path, self.verb.method, mchid, dialect)
        below = manual.manual(self.whole, "", mchid, dialect)
        return "\n\n".join(filter(None, (told, below)))

    def line(self) -> str:
        """Its path, and the operations at it and below."""
        summary = manual.summary(self.path, self.verb.method if self.verb else "")
        return f"<{self.display_text()}{': ' if summary else ''}{summary}>"

    def display_text(self) -> str:
        """Verb and path, placeholders as ``<name>``."""
        path = rendering.escape_controls(paths.display_path(self.path)).replace("\n", "\\u000a")
        return f"{self.verb.method + ' ' if self.verb else ''}/{path}"

    def listing(self) -> str:
        """The same as ``line``, an operation a line."""
        if self.verb is not None:
            return self.line()
        below = tree.below(self.path)
        return "\n".join([f"<{self.display_text()}{_count_text(below)}>", *manual.words_below(self.path, below)])

    def html(self) -> str:
        """The same as a table, each name linked to its documentation."""
        rows = "".join(self._words() or self._rows())
        title = f"<p><code>{html.escape(self.display_text())}</code></p>"
        return f"{title}<table>{rows}</table>" if rows else title

    def _words(self) -> list[str]:
        """A row for each word that may follow, where these lead to many operations."""
        if self.verb is not None or len(tree.below(self.path)) <= _MOST_ROWS:
            return []
        return [
            f"<tr><td><code>{html.escape(tree.spell(each.path))}</code></td><td>{each.total}</td>"
            f"<td>{html.escape(each.name)}</td></tr>"
            for each in overview(self.path)
            if each.total
        ]

    def _rows(self) -> Iterator[str]:
        found = tree.below(self.path)
        if self.verb is not None:
            found = [each for each in (tree.match(self.verb.method, self.path),) if each]
        for each in by_usage(found)[:_MOST_ROWS]:
            name = html.escape(each.name)
            link = next(iter(links(each)), "")
            name = f'<a href="{html.escape(link)}">{name}</a>' if link else name
            chain = html.escape(tree.spell("/".join(each.words)))
            yield f"<tr><td>{each.method}</td><td><code>{chain}</code></td><td>{name}</td></tr>"

    def _verbs(self) -> Iterator[str]:
        here = tree.branch(self.whole)
        if here is None and self.verb is not None and tree.match(self.verb.method, self.path):
            return
        for name, verb in VERBS.items():
            if here is None or verb.method in here.operations:
                yield name


def _count_text(below: list[Operation]) -> str:
    return f": {len(below)} operations" if len(below) > _MOST_ROWS else ""
