"""What a call is aimed at: ``CHAIN.VERB``, a method before a chain or a path, or a URL as documentation has it."""

from __future__ import annotations

import difflib
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from wechatpay_chain.catalog import tree
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.cli.parser import COMMANDS, PROGRAM
from wechatpay_chain.encoding import paths

__all__ = ["VERBS", "Target", "placeholders", "read_target"]

VERBS = ("get", "post", "put", "patch", "delete")
_URL = re.compile(r"https?://", re.IGNORECASE)
# A host without its scheme, as browsers show it.
_HOST = re.compile(r"(?=(?:[\w-]+\.)*(?:weixin\.qq\.com|wechatpay\.(?:cn|im))/)", re.IGNORECASE)
_PAGES = ("pay.weixin.qq.com", "pay.wechatpay.cn", "wechatpay.im", "www.wechatpay.im")
_METHOD = re.compile(r"[A-Z]{3,}")
# Main site and backup under both names are one: a URL of theirs is sent to the hosts that are configured.
_SAME_HOSTS = ("api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "api.wechatpay.cn", "api2.wechatpay.cn")


class Target(NamedTuple):
    """``verb`` is a method in small letters, empty where a URL stood alone; ``path`` is path text with at most a
    query; ``host`` is the origin of a URL that names another host than WeChat Pay's main sites."""

    verb: str
    path: str
    host: str = ""

    @property
    def is_v2(self) -> bool:
        """Whether this is a call of APIv2."""
        return self.path.lower().removeprefix("/").startswith("v2/")

    def with_method(self, has_body: bool) -> Target:
        """A URL alone is got, or with a body posted; ItemError where the catalogue knows other methods alone."""
        if self.verb:
            return self
        verb = "post" if has_body else "get"
        known = tree.branch(self.path)
        if known and known.operations and verb.upper() not in known.operations:
            method = next(iter(known.operations))
            raise ItemError(f"expected a method before the URL: {PROGRAM} {method} {self.host}{self.path[:200]}")
        return self._replace(verb=verb)


def read_target(words: list[str]) -> tuple[Target, list[str]]:
    """The target among the first words of a command line, and the items behind it.

    Raises ItemError, which says what was probably meant.
    """
    first, rest = _with_scheme(words[0]), words[1:]
    if first.lower() in VERBS:
        if not rest:
            raise ItemError(f"{first}: expected a path, a chain or a URL after it: {first.upper()} /v3/certificates")
        return _aim(first.lower(), rest[0]), rest[1:]
    if _METHOD.fullmatch(first) and rest:
        raise ItemError(f"{first}: expected a method of {', '.join(VERBS).upper()}")
    if _URL.match(first):
        return _aim("", first), rest
    path, verb = _split_verb(first)
    return _aim(verb, path), rest


def placeholders(target: Target) -> tuple[str, ...]:
    """The names that the path waits for."""
    return paths.placeholders(paths.as_written(target.path))


def _aim(verb: str, text: str) -> Target:
    """The target of a method and a chain, a path or a URL."""
    text = _with_scheme(text)
    if _URL.match(text):
        return _aim_at_url(verb, text)
    if not text.strip("/"):
        raise ItemError(f"{text!r}: expected a path such as /v3/certificates")
    chain = text.removeprefix("wxpay.")
    if "/" in chain:
        return Target(verb, chain)
    words = chain.split(".")
    for word in words:
        if not word or paths.is_foreign(word):
            raise ItemError(f"{text}: {word!r} is no word of a path")
    segments = list(map(paths.segment, words))
    if words[-1] in VERBS and tree.branch("/".join(segments)) is None and tree.branch("/".join(segments[:-1])):
        raise ItemError(f"{text}: the method stands before it already; leave .{words[-1]} out, or {verb.upper()}")
    return Target(verb, "/".join(segments))


def _aim_at_url(verb: str, url: str) -> Target:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise ItemError(f"{url[:80]!r} is no URL ({error})") from None
    if "@" in parts.netloc:
        raise ItemError(f"{host}: leave user and password out of the URL; requests are signed")
    if host in _PAGES:
        raise ItemError(f"{url[:80]}: a page of the documentation; {PROGRAM} api {url[:200]} shows its operation")
    if not parts.path.strip("/"):
        raise ItemError(f"{url[:80]}: expected a path in the URL, such as /v3/certificates")
    path = _with_version(parts.path) + (f"?{parts.query}" if parts.query else "")
    if host in _SAME_HOSTS:
        return Target(verb, path)
    return Target(verb, path, f"{parts.scheme.lower()}://{parts.netloc}")


def _with_scheme(text: str) -> str:
    return f"https://{text}" if _HOST.match(text) else text


def _with_version(path: str) -> str:
    """The path of a chain: the pages of APIv2 write theirs without a version."""
    return f"/v2{path}" if tree.branch(path) is None and tree.branch(f"v2{path}") is not None else path


def _split_verb(text: str) -> tuple[str, str]:
    path, dot, verb = text.removeprefix("wxpay.").rpartition(".")
    if dot and path and verb in VERBS:
        return path, verb
    if not set("./") & set(text):
        raise ItemError(f"{text if text.strip() else repr(text)}: {_command_suggestion(text)}")
    raise ItemError(f"{text}: expected CHAIN.VERB with a verb of {', '.join(VERBS)}{_suggestion(text, path, verb)}")


def _command_suggestion(word: str) -> str:
    if word in COMMANDS:
        return f"a command is the first word: {PROGRAM} {word} …"
    close = difflib.get_close_matches(word.lower(), COMMANDS, n=1)
    if close:
        return f"no such command; did you mean {close[0]}?"
    return f"no such command; expected CHAIN.VERB such as v3.certificates.get, or a command; see {PROGRAM} help"


def _suggestion(text: str, path: str, verb: str) -> str:
    if text.startswith("/") or "/" in verb:
        return f"; write a method before a path: {PROGRAM} GET {text}"
    known = tree.branch(_path(text))
    if known and known.operations:
        return f"; did you mean {text}.{next(iter(known.operations)).lower()}?"
    close = difflib.get_close_matches(verb.lower(), VERBS, n=1)
    return f"; did you mean {path}.{close[0]}?" if close and path else ""


def _path(chain: str) -> str:
    words = chain.removeprefix("wxpay.").split(".")
    return "" if not all(words) or any(map(paths.is_foreign, words)) else "/".join(map(paths.segment, words))
