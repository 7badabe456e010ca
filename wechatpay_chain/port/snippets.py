"""The code in a text: a whole file, the fences of a Markdown page, or what is left of them in plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Snippet", "language_of", "snippets_in"]

_PHP = re.compile(r"<\?php|\$\w+\s*(?:->|=[^=>]|\[)|^\s*use\s+\\?\w+\\|\w::\w", re.MULTILINE)
_LANGUAGES = {
    **{"php": "php", "js": "js", "javascript": "js", "mjs": "js", "node": "js", "jsx": "js"},
    **{"ts": "ts", "typescript": "ts", "tsx": "tsx"},
}
# The scripts of a component of Vue.
_SCRIPT = re.compile(
    r"^<script\b(?P<flags>[^>]*)>(?P<code>.*?)^[ \t]*</script>", re.MULTILINE | re.DOTALL | re.IGNORECASE
)
_TYPED = re.compile(r"\blang\s*=\s*['\"]?tsx?\b", re.IGNORECASE)
_FENCE = re.compile(
    r"^(?P<quote>(?:>[ ]?)*)[ ]{0,3}(?P<mark>`{3,}|~{3,})[ ]*(?P<word>[\w+-]+)[^`\n]*\n"
    r"(?P<code>.*?)^(?P=quote)[ ]{0,3}(?P=mark)",
    re.MULTILINE | re.DOTALL,
)
# In a text without its Markdown the language stands alone, or behind the end of the code before it.
_MARK = re.compile(r"(?:^|(?<=[;})]))(php|js|javascript)[ \t]*\n", re.MULTILINE)
# What a documentation tool hides from readers stands before it.
_CUT = re.compile(r"^.*//[ ]*---cut---.*\n", re.MULTILINE)
_TOKEN = re.compile(
    r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`(?:\\.|[^`\\])*`|//[^\n]*|/\*.*?\*/|[\[({]|[\])}]|;", re.DOTALL
)
_CODE = {
    "php": re.compile(
        r"\s*(?:[$})\]\\]|->|//|/\*|[A-Z]\w*::|(?:use|echo|print|print_r|var_dump|return|if|else|elseif|foreach|for"
        r"|while|try|catch|finally|throw|function|static|new|require|require_once|declare|const|unset)\b)"
    ),
    "js": re.compile(
        r"\s*(?:[})\]]|\.\w|//|/\*|[\w$]+(?:\.[\w$]+)*[.(\[]|[\w$]+\s*=|(?:const|let|var|await|async|return|if|else|for"
        r"|while|try|catch|finally|throw|function|import|export)\b)"
    ),
}


class Snippet(NamedTuple):
    """Code of ``php``, ``js``, ``ts`` or ``tsx``, and how many lines stand before it."""

    code: str
    language: str
    offset: int = 0


def language_of(code: str) -> str:
    """``php`` for what has its tag or its variables, else ``js``."""
    return "php" if _PHP.search(code) else "js"


def snippets_in(
    text: str, language: str | None = None, is_page: bool | None = None, is_component: bool = False
) -> list[Snippet]:
    """The snippets of a text, of one language where that is given; ``is_page`` says whether it may be prose.

    Where neither is known, fences or marks make it a page, and anything else is one snippet. Of a component the
    scripts are the snippets.
    """
    text = text.replace("\r\n", "\n")
    if is_component:
        return [
            Snippet(
                each["code"],
                language or ("ts" if _TYPED.search(each["flags"]) else "js"),
                text.count("\n", 0, each.start("code")),
            )
            for each in _SCRIPT.finditer(text)
        ]
    if is_page is not False:
        found = list(_fences(text)) or list(_marks(text))
        if found or is_page:
            return [_visible(each) for each in found if language in (None, each.language)]
    return [_visible(Snippet(text, language or language_of(text)))]


def _fences(text: str) -> Iterator[Snippet]:
    for fence in _FENCE.finditer(text):
        word = fence["word"].lower()
        if word in _LANGUAGES:
            quote = re.compile(r"^(?:>[ ]?){" + str(fence["quote"].count(">")) + "}", re.MULTILINE)
            code = quote.sub("", fence["code"]) if fence["quote"] else fence["code"]
            yield Snippet(code, _LANGUAGES[word], text.count("\n", 0, fence.start("code")))


def _marks(text: str) -> Iterator[Snippet]:
    marks = list(_MARK.finditer(text))
    ends = [*(mark.start(1) for mark in marks[1:]), len(text)][: len(marks)]
    for mark, end in zip(marks, ends, strict=True):
        language = _LANGUAGES[mark[1]]
        code = text[mark.end() : end]
        yield Snippet(code[: _end_of_code(code, language)], language, text.count("\n", 0, mark.end()))


def _end_of_code(code: str, language: str) -> int:
    """Where statements end and prose begins, which may follow on the same line."""
    depth, end = 0, 0
    for token in _TOKEN.finditer(code):
        depth += (token[0] in "([{") - (token[0] in ")]}")
        if depth == 0 and token[0] in ";}":
            end = token.end()
            rest = code[end:]
            if not _CODE[language].match(rest):
                return end
    return end or len(code)


def _visible(snippet: Snippet) -> Snippet:
    cuts = list(_CUT.finditer(snippet.code))
    if not cuts:
        return snippet
    hidden = snippet.code[: cuts[-1].end()]
    return snippet._replace(code=snippet.code[len(hidden) :], offset=snippet.offset + hidden.count("\n"))
