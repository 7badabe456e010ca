"""A snippet, or all snippets of a page, as one Python text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wechatpay_chain.port.js import Js
from wechatpay_chain.port.php import Php
from wechatpay_chain.port.snippets import Snippet
from wechatpay_chain.port.source import Problem, Source, parsed
from wechatpay_chain.port.statements import printed
from wechatpay_chain.port.writer import Writer

__all__ = ["Translation", "translated"]


class Translation(NamedTuple):
    """The Python, and what was left as it is."""

    python: str
    problems: list[Problem]


def translated(snippets: Iterable[Snippet]) -> Translation:
    """The snippets one behind the other, with one block of imports; raises Missing without the extra."""
    imports: set[tuple[str, str]] = set()
    problems: list[Problem] = []
    blocks: list[str] = []
    for snippet in snippets:
        writer = _writer(snippet.language, parsed(snippet.code, snippet.language, snippet.offset), imports)
        blocks.append("\n".join(printed(writer.document())))
        problems += writer.problems
    whole = "\n\n".join(filter(None, [*_imports(imports), *blocks]))
    return Translation(whole + "\n" if whole else "", problems)


def _writer(language: str, source: Source, imports: set[tuple[str, str]]) -> Writer:
    return Php(source, imports) if language == "php" else Js(source, imports)


def _imports(imports: set[tuple[str, str]]) -> list[str]:
    """The block of the standard library and that of this package."""
    told: dict[bool, list[str]] = {False: [], True: []}
    for module in sorted({module for module, word in imports if not word}):
        told[False].append(f"import {module}")
    for module in sorted({module for module, word in imports if word}):
        words = sorted(word for found, word in imports if found == module and word)
        told[module.startswith("wechatpay_chain")].append(f"from {module} import {', '.join(words)}")
    return ["\n".join(lines) for lines in told.values()]
