"""Operations by words of their names, paths and tags, in Chinese and English."""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.facts import Operation, is_legacy, links, operations
from wechatpay_chain.catalog.initials import has_initials, is_spelled
from wechatpay_chain.catalog.overview import popularity
from wechatpay_chain.catalog.remedies import is_code, operations_of_code
from wechatpay_chain.catalog.usage import usage
from wechatpay_chain.catalog.vocabulary import MEANINGS, forms
from wechatpay_chain.encoding import paths

__all__ = [
    "close",
    "correct",
    "exact",
    "path_of",
    "search",
    "suggest",
]

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_URL = re.compile(r"https?://[^/\s]+(/[^?#\s]*)")
# An address without its scheme, as browsers show it.
_HOST = re.compile(r"(?=(?:[\w-]+\.)*(?:qq\.com|wechatpay\.im)/)")
_API = re.compile(r"https?://(api|127\.|localhost)")
_CHAIN = re.compile(r"(?:\$?instance|wxpay)(?=[.\[/])[.]?|^/")
_PIECE = re.compile(r"[\w{}<>$+-]*", re.ASCII)
_VERB = re.compile(rf"(?:\.|->)({'|'.join(_METHODS)})(?:_?async)?$", re.IGNORECASE)
_CALL = re.compile(rf"{_VERB.pattern.removesuffix('$')}(?=\()", re.IGNORECASE)
# The number of a page of the documentation.
_DOCUMENT = re.compile(r"\d{6,}")
_INITIALS = re.compile(r"[a-z]{2,8}")
# Before letters that are initials, and no word.
_SPELLED = "initials:"
# Before the name of a field, and an error code.
_FIELD = "field:"
_CODE = "code:"
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_IDENTITY = re.compile(r"(mch|app|open)id")
# What comes first: what shops use, what is called so, what shops use and only answers it, and all else.
_USED, _EXACT, _ANSWERED, _OTHER = range(4)
# Further away than all that sends it: a field that an operation only answers.
_FAR = 10
# Words that are put together, as programs write them: appPay, refund_query.
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_-]+")
# A part of another word by chance, as app is of apply, is no word.
_SHORT = 3
# Shorter words are like too many others.
_SHORTEST_TYPO = 5
_LONGEST_TYPO = 40
# An official page, by product and name.
_PAGE = re.compile(r"^https?://[^/\s]+/docs/\w+/apis/([\w-]+)/(?:[\w-]+/)*([\w-]+)\.html", re.ASCII)
_TYPED = re.compile(r"[a-z0-9][\w.-]*", re.ASCII | re.IGNORECASE)
# So many words are a text, and each is compared with all that are known.
_MOST_CORRECTED = 5
_COMMUNITY = "https://wechatpay.im/openapi/"
_EMPTY_WORDS = frozenset(["a", "an", "the", "of", "for", "to", "with", "by", "in", "on"])
# Letters and digits as input methods for Chinese write them.
_FULL_WIDTH = {ord(letter) + 0xFEE0: letter for letter in string.ascii_letters + string.digits}
# What sentences have beside what is asked for.
_ASKING = frozenset(["how", "do", "does", "can", "i", "my", "using", "via", "wechat", "weixin", "curl"])
# What is said around a word when somebody asks for it.
_FILLERS = re.compile("给(?:员工|用户|个人|客户)|怎么|怎样|如何|请问|我要|我想|接入|对接|接口|文档|一下|的|api|API")
_PAIR = 2
_ROLES = frozenset({"服务商", "直连商户", "普通商户", "电商平台", "渠道商", "从业机构"})
_ROLE_NAMES = {"partner": "服务商", "service-provider": "服务商", "电商": "电商平台", "ecommerce": "电商平台"}
# Before a word that is looked for among an operation's roles alone.
_ROLE = "role:"
# The Chinese words of the vocabulary: what shops say, and names do not.
_SYNONYMS = frozenset(word for word in MEANINGS if not word.isascii())
# Those that names have too.
_KNOWN = (
    _SYNONYMS | _ROLES | {"电商"} | {each for meanings in MEANINGS.values() for each in meanings if not each.isascii()}
)
_NAMED = 3

_Measure = Callable[[Operation], int]


def search(asked: Sequence[str]) -> list[Operation]:
    """The operations in which every word occurs, in any case, the closest first; all of them for no word.

    A word may also be what an English word means in Chinese, the initials of Chinese in pinyin, a path as documented
    or as a chain, with or without its host, filled or not, a link of the documentation or its number, an HTTP method,
    the name of a field, or an error code. Of what fits, the operations that shops use most come first. Where nothing
    fits, misspelt words are taken for those that they are like.
    """
    found = _as_given(asked)
    better = [] if found else correct(asked)
    return _as_given(better) if better else found


def correct(asked: Sequence[str]) -> list[str]:
    """What is searched for where nothing has all words: misspelt ones as those that they are like, else known ones.

    Empty where the words are found as they are, and where nothing is like them.
    """
    wanted = _split(asked)
    if not 0 < len(wanted) <= _MOST_CORRECTED or _as_given(wanted):
        return []
    parts = [[part for part in _words(bare) if _is_known(part)] for word in wanted for bare in _bare(word)]
    known = [part for each in parts for part in each] if all(parts) else []
    like = [each for word in wanted for each in ([word] if _as_given([word]) else _likest(word))]
    return next((words for words in (like, known) if words and words != wanted and _as_given(words)), [])


def _likest(word: str) -> list[str]:
    """What one word is taken for that is not found: a page of the documentation for the words of its address."""
    page = _PAGE.search(word)
    if not page:
        return [next(_like(word), word)]
    product, own = (part.split("-") for part in page.groups())
    # The products of payments, as jsapi-payment, have the same pages for the order.
    readings = ([*dict.fromkeys(product + own)], own if product[-1] == "payment" else product, product)
    return next((each for each in readings if _as_given(each)), [word])


def _is_known(word: str) -> bool:
    return (word in _KNOWN or word.isascii()) and bool(_as_given([word]))


def _as_given(asked: Sequence[str]) -> list[Operation]:
    """What has all words in some reading: the first one that finds what shops use or what is called so, else any."""
    return list(_read(tuple(_split(asked))))


@lru_cache(maxsize=32)
def _read(wanted: tuple[str, ...]) -> Sequence[Operation]:
    # Names turn Chinese words round, 订单查询 is 查询订单, and shops have other words than names.
    bare = _split_words(wanted, _bare)
    words = _split_words(bare, _words)
    readings = (
        _split_words(wanted, _special),
        wanted,
        bare,
        _split_words(bare, _synonyms),
        _split_words(bare, _pairs),
        _split_words(bare, _by_role),
        words,
        _split_words(words, _by_role),
        _split_words(wanted, _compound),
    )
    any_found: list[Operation] = []
    for reading in dict.fromkeys(map(tuple, readings)):
        found, is_meant = _found(reading)
        if is_meant:
            return found
        any_found = any_found or found
    return any_found


def _split_words(wanted: Sequence[str], part: Callable[[str], Sequence[str]]) -> list[str]:
    return [each for word in wanted for each in part(word)]


def exact(asked: Sequence[str]) -> Operation | None:
    """The one operation that is meant: by path and method, by its whole name, or because nothing else fits."""
    wanted = _split(asked)
    found = _found(wanted)[0] or search(asked)
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
        found = len(_as_given([word]))
        like = [] if found else list(_like(word))
        is_page = _DOCUMENT.fullmatch(word) or (not _API.match(word) and _HOST.match(word.partition("://")[2]))
        none = "no operation names this page, search for its title" if is_page else "in none"
        text = f"{found} alone" if found else f"did you mean {' or '.join(like)}?" if like else none
        told.append(f"{word[:40]}: {text}")
    return ", ".join(told)


def _split(asked: Sequence[str]) -> list[str]:
    # The arguments of a call that was pasted hold spaces, and nothing to search for.
    asked = [text.translate(_FULL_WIDTH) for text in asked]
    asked = [_HOST.sub("https://", text, count=1) if _HOST.match(text) else text for text in asked]
    calls = [(text, _CALL.search(text)) for text in asked]
    texts = (text[: call.end()] if call else text for text, call in calls)
    # A chain that is not finished ends with its dot.
    wanted = [word.rstrip(".") or word for text in texts for word in text.split()]
    wanted = [word for word in wanted if word.casefold() not in _EMPTY_WORDS | _ASKING] or wanted
    return list(_join_phrases(wanted))


def _join_phrases(words: Sequence[str]) -> Iterator[str]:
    """The words, two of them as one where they mean something together: ``red packet`` is ``red-packet``."""
    left = list(words)
    while left:
        two = "-".join(left[:2]).casefold()
        is_one = len(left) > 1 and any(form in MEANINGS for form in forms(two))
        yield two if is_one else left[0]
        del left[: 1 + is_one]


def _found(wanted: Sequence[str]) -> tuple[list[Operation], bool]:
    """What has all words, the closest first; and whether shops use one of them much, or one is called just so."""
    name = _name("".join(wanted))
    measures = [_distance(word) for word in wanted]
    scored = ((_score(each, measures), each) for each in operations())
    found = sorted((score, each.number, each) for score, each in scored if score)
    is_meant = any(word.startswith((_FIELD, _CODE)) for word in wanted) or any(
        score[0] == _USED or _name(each.name) == name for score, _, each in found
    )
    return [each for _, _, each in found], is_meant


def _score(operation: Operation, measures: Iterable[_Measure]) -> tuple[int, ...]:
    """How far it is from what is asked, and how seldom it is used; empty where a word does not occur."""
    total = 0
    for measure in measures:
        distance = measure(operation)
        if distance < 0:
            return ()
        total += distance
    is_other = not operation.path.startswith("/v3/")
    used = usage().get(operation.number)
    if used is not None:
        return (_USED if total < _FAR else _ANSWERED, is_other, used)
    return (_EXACT if total == 0 else _OTHER, 2 * total + is_other, popularity(operation))


def _distance(word: str) -> _Measure:
    """0 where ``word`` is a whole word, 1 where it is a part of one, 2 where its meaning occurs, -1 elsewhere.

    A part that words of English are put together of, as ``transfer`` of ``mch-transfer``, is a whole word too.
    """
    if word.startswith(_CODE):
        having = operations_of_code(word.removeprefix(_CODE))
        return lambda each: 0 if each.number in having else -1
    if word.startswith(_FIELD):
        holders = _fields().get(word.removeprefix(_FIELD), {})
        return lambda each: holders.get(each.number, -1)
    if word in _METHODS:
        return lambda each: 0 if each.method == word else -1
    at = _at(word)
    if at:
        return lambda each: at.get(each.number, -1)
    if word.startswith(_ROLE):
        role = word.removeprefix(_ROLE)
        return lambda each: 2 if role in each.facts.get("roles", ()) else -1
    if word.startswith(_SPELLED):
        initials = word.removeprefix(_SPELLED)
        return lambda each: 2 if has_initials(initials, each.name) else -1
    plain = _plain(word)
    spelled = list(forms(plain))
    meanings = [_plain(meaning) for form in spelled for meaning in MEANINGS.get(form, ())]
    is_short = plain.isascii() and len(plain) <= _SHORT
    whole = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(map(re.escape, spelled))})(?![a-z0-9])")

    def measure(operation: Operation) -> int:
        text, own = _texts()[operation.number]
        if plain in own:
            return 0
        if whole.search(text) if is_short else any(form in text for form in spelled):
            return 1
        return 2 if any(meaning in text for meaning in meanings) else -1

    return measure


@lru_cache(maxsize=16)
def _at(word: str) -> dict[int, int]:
    """The distance of the operations at a path, by number: 0 there, 1 below it; none for what is no known path."""
    url = _URL.match(word)
    paged = _on_page(word) if (url and not _API.match(word)) or _DOCUMENT.fullmatch(word) else {}
    if paged:
        return paged
    if word.startswith(_COMMUNITY):
        path, _, verb = word.removeprefix(_COMMUNITY).partition("#")
        return _at(f"/{unquote(path)}{f'.{verb}' if verb.upper() in _METHODS else ''}")
    path, method = _path(url[1] if url else word)
    if not path:
        return {}
    for route in (path, f"v2/{path}", path.rstrip("/")):
        here = {method: tree.match(method, route) for method in _METHODS}
        below = tree.below(route)
        if below or any(here.values()):
            exactly = {each.number: 0 for name, each in here.items() if each and method in ("", name)}
            return exactly if method else {**{each.number: 1 for each in below}, **exactly}
    return {}


def _on_page(word: str) -> dict[int, int]:
    """The operations of a page of the documentation, by its address or by its number."""
    page = word.partition("#")[0]
    asked = (word, page, page.partition("?")[0], word.isdecimal() and f"#{word}")
    found = next((known for each in asked if each and (known := _pages().get(each))), ())
    return dict.fromkeys(found, 0)


@lru_cache(maxsize=1)
def _pages() -> dict[str, list[int]]:
    """The numbers of operations by the addresses of their pages, and by the numbers of these."""
    pages: dict[str, list[int]] = {}
    for each in operations():
        for link in links(each):
            page = link.partition("#")[0]
            for name in dict.fromkeys((link, page, f"#{page.rpartition('/')[2]}")):
                pages.setdefault(name, []).append(each.number)
    return pages


def path_of(word: str) -> str:
    """The path of a chain or of its first word, as ``v3``; empty for what is no known path."""
    path = _path(word)[0] or ("" if "/" in word else paths.segment(word) if _PIECE.fullmatch(word) else "")
    return path if path and tree.below(path) else ""


def _path(word: str) -> tuple[str, str]:
    """A chain's path, and its method if it ends with a verb; empty for a word that is neither path nor chain."""
    text = word.replace("->", ".").replace('["', "/").replace("['", "/").replace('"]', "").replace("']", "")
    verb = _VERB.search(text)
    method = verb[1].upper() if verb else ""
    rest = _CHAIN.sub("", text[: verb.start()] if verb else text, count=1).partition("?")[0].removeprefix("/")
    words, slash, behind = rest.partition("/")
    if slash and "." in words:
        # A chain that goes on in brackets.
        pieces = [*map(paths.segment, filter(None, words.split("."))), *behind.split("/")]
    elif slash or rest in tree.children(""):
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


def _initials(word: str) -> list[str]:
    """What a word means that is no word but initials: a Chinese word of shops, else a part of a name."""
    if not _INITIALS.fullmatch(word) or word in MEANINGS or any(word in own for _, own in _texts()):
        return [word]
    known = [each for each in MEANINGS if each in _SYNONYMS and is_spelled(word, each)]
    if known:
        return known[:1]
    meant = [each for each in _KNOWN if is_spelled(word, each)]
    return meant if len(meant) == 1 else [_SPELLED + word]


def _special(word: str) -> list[str]:
    """What a word means that is none of a language: an error code, the name of a field, initials."""
    if is_code(word):
        return [_CODE + word]
    is_name = "_" in word or _IDENTITY.fullmatch(word) or f"{{{word}}}" in _placeholders()
    if _NAME.fullmatch(word) and is_name and word in _fields():
        return [_FIELD + word]
    if "_" in word and is_code(word.upper()):
        return [_CODE + word.upper()]
    turned = word[_PAIR:] + word[:_PAIR]
    if len(word) == 2 * _PAIR and word not in MEANINGS and turned in _SYNONYMS:
        return [turned]
    return _initials(word)


def _bare(word: str) -> list[str]:
    """A Chinese word without what is said around it: 怎么退款 is 退款."""
    if word.isascii():
        return [word]
    return list(filter(None, _FILLERS.split(word))) or [word]


def _synonyms(word: str) -> list[str]:
    """A Chinese word taken apart where a part of it is a word of shops: 企业付款查询 is 企业付款 and 查询."""
    return _taken_apart(word, _SYNONYMS)


def _words(word: str) -> list[str]:
    """A Chinese word taken apart at every word that shops or names have: 服务商退款 is 服务商 and 退款."""
    return _taken_apart(word, _KNOWN)


def _taken_apart(word: str, known: frozenset[str]) -> list[str]:
    part = next((each for each in sorted(known, key=lambda each: (-len(each), each)) if each in word), "")
    if not part or part == word:
        return [word]
    before, _, behind = word.partition(part)
    return [
        *(_taken_apart(before, known) if before else ()),
        part,
        *(_taken_apart(behind, known) if behind else ()),
    ]


def _compound(word: str) -> list[str]:
    """A word of ASCII taken apart where programs put words together: appPay is app and pay."""
    return [word] if not word.isascii() or _at(word) else list(_join_phrases(list(filter(None, _CAPITAL.split(word)))))


def _by_role(word: str) -> list[str]:
    """A word for who calls, where neither names nor tags have it."""
    role = _ROLE_NAMES.get(word, word)
    return [_ROLE + role] if role in _ROLES else [word]


def _like(word: str) -> Iterator[str]:
    """The known words that a misspelt one is like, the likest first."""
    if not (_SHORTEST_TYPO <= len(word) <= _LONGEST_TYPO and _TYPED.fullmatch(word)):
        return
    # Only where nothing was found: it takes longer to import than a search takes.
    import difflib

    yield from difflib.get_close_matches(_plain(word), _vocabulary(), n=_NAMED, cutoff=0.7)


@lru_cache(maxsize=1)
def _vocabulary() -> list[str]:
    """The words of English that the catalogue and shops have."""
    known = {*MEANINGS, *(piece for _, own in _texts() for piece in own)}
    return sorted(word for word in known if _TYPED.fullmatch(word))


@lru_cache(maxsize=1)
def _fields() -> dict[str, dict[int, int]]:
    """The operations that have a field, by its name: number and distance, 0 in the path, far only in the answer."""
    holders: dict[str, dict[int, int]] = {}
    for each in operations():
        details = each.facts
        answered = filter(None, (details.get("responses") or {}).values())
        sets: list[tuple[int, Mapping[str, Any]]] = [(0, details.get("path_params") or {})]
        sets += [(1, details[place]) for place in ("query", "form") if details.get(place)]
        sets += [(1, {"": details["body"]})] if details.get("body") else []
        sets += [(_FAR, {"": answer}) for answer in answered]
        for distance, fields in sets:
            for name in _names_in(fields):
                holders.setdefault(name, {}).setdefault(each.number, distance)
    return holders


def _names_in(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in fields.items():
        inner = schema
        while inner.get("items"):
            inner = inner["items"]
        yield name
        yield from _names_in(inner.get("fields", {}))


@lru_cache(maxsize=1)
def _placeholders() -> frozenset[str]:
    return frozenset(word for each in operations() for word in each.words if word.startswith("{"))


@lru_cache(maxsize=1)
def _texts() -> list[tuple[str, frozenset[str]]]:
    return [_text(each) for each in operations()]


def _text(operation: Operation) -> tuple[str, frozenset[str]]:
    path = "/".join(operation.words)
    parts = [operation.method, operation.path, path, tree.spell(path), operation.name, *operation.tags]
    plain = [_plain(part) for part in parts]
    pieces = [piece for part in plain[1:3] for segment in part.split("/") for piece in (segment, *segment.split("-"))]
    return "\n".join(plain), frozenset([*plain, *pieces, plain[4].removesuffix("api")])


def _name(text: str) -> str:
    return "".join(text.split()).casefold().removesuffix("api")


def _plain(word: str) -> str:
    # Names write both letters for an account.
    return word.casefold().strip().removeprefix("wxpay.").replace("帐", "账")


# Below it, half of the letters are chance: nothing is not profitsharing.
_CUTOFF = 0.65
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
        return f"{_display_path(path)}: did you mean {tree.spell(path)}._empty_ → {_display_path(path)}/?"
    return _further(path, tree.children(path))


def _instead(word: str, known: list[str], before: str) -> str:
    plain = {_plain_word(each): each for each in known}
    close = difflib.get_close_matches(_plain_word(word), plain, n=1, cutoff=_CUTOFF)
    if close:
        right = plain[close[0]]
        typed = paths.attribute(right) or right
        # What is typed as it is, or was meant as path text, needs no second spelling.
        spelled = "" if typed in (right, word) else f"{typed} → "
        return f"{_display_path(word)}: did you mean {spelled}{_display_path(right)}?"
    return _further(before, known) if before else ""


def _further(path: str, known: list[str]) -> str:
    if not 0 < len(known) <= _MOST:
        return ""
    return f"{_display_path(path)} goes on with {', '.join(paths.attribute(each) or each for each in known)}"


def _display_path(path: str) -> str:
    return paths.display_path(path)[:80]


def _plain_word(word: str) -> str:
    """A word without what its spelling adds."""
    return word.strip("{}").replace("_", "").replace("-", "").casefold()
