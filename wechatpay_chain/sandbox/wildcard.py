"""Paths with ``*`` for anything and ``{name}`` for a whole segment, as rules and the journal's filter take them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from wechatpay_chain.errors import ArgumentError

__all__ = ["has_wildcard", "matches", "read_pattern"]

_MOST = 2048
_SEGMENT = re.compile(r"\{\w+\}")
_MISPLACED = re.compile(r"[^/*]\{\w+\}|\{\w+\}[^/*]")


def read_pattern(pattern: Any) -> str:
    """The pattern with its slash in front; ArgumentError for what is none.

    >>> read_pattern("v3/refund/*")
    '/v3/refund/*'
    """
    if not isinstance(pattern, str) or not pattern or "?" in pattern:
        raise ArgumentError(f"path: expected a path such as /v3/refund/*, without a query, found {pattern!r:.80}")
    if len(pattern) > _MOST:
        raise ArgumentError(f"path: expected at most {_MOST} characters, found {len(pattern)}")
    if _MISPLACED.search(pattern):
        raise ArgumentError(f"path: {{name}} stands for a whole segment, found {pattern!r:.80}")
    return pattern if pattern.startswith(("/", "*")) else f"/{pattern}"


def has_wildcard(pattern: str) -> bool:
    """Whether it stands for more than one path."""
    return "*" in pattern or _SEGMENT.search(pattern) is not None


def matches(pattern: str, path: str) -> bool:
    """Whether a path fits a pattern that was read; ``{name}`` is never empty.

    >>> matches("/v3/pay/*/{number}/close", "/v3/pay/transactions/out-trade-no/T1/close")
    True
    """
    return _compile(pattern).fullmatch(path) is not None


@lru_cache(maxsize=256)
def _compile(pattern: str) -> re.Pattern[str]:
    first, *rest = (_literal(part) for part in re.split(r"\*+", pattern))
    if not rest:
        return re.compile(first)
    *middle, last = rest
    # What was found is never looked for again, further on: with many stars that would take for ever.
    found = (f"(?=(?P<_{at}>.*?{part}))(?P=_{at})" for at, part in enumerate(middle))
    return re.compile(f"{first}{''.join(found)}.*{last}", re.DOTALL)


def _literal(part: str) -> str:
    return re.sub(r"\\\{\w+\\\}", "[^/]+(?![^/])", re.escape(part))
