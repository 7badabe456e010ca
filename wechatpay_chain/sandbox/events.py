"""What WeChat Pay notifies merchants of: every type with the plaintext of its documentation.

Source: the notification pages of https://wechatpay.js.org (MIT).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, NamedTuple

from wechatpay_chain.errors import ChainError

__all__ = ["Event", "event", "events"]

_FILE = "events.jsonl"


class Event(NamedTuple):
    """One type of notification; ``original_type`` may be empty, ``resource`` is an example of what is encrypted."""

    event_type: str
    summary: str
    original_type: str
    resource: Mapping[str, Any]


@cache
def events() -> Mapping[str, Event]:
    """All types by name."""
    text = resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    return MappingProxyType({row["event_type"]: _event(row) for row in rows})


def event(event_type: str, resource: Mapping[str, Any] | None = None) -> Event:
    """The type called ``event_type`` with ``resource`` in place of its example.

    Without ``resource`` the type has to be known; ChainError tells which one is close.
    """
    if not isinstance(event_type, str) or not event_type:
        raise ChainError(f"event_type: expected text such as TRANSACTION.SUCCESS, found {event_type!r:.40}")
    if resource is not None and not isinstance(resource, Mapping):
        raise ChainError(f"resource: expected a mapping, found {type(resource).__name__}")
    known = events().get(event_type)
    if known is None and resource is None:
        close = difflib.get_close_matches(event_type.upper(), events(), n=1, cutoff=0.4)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ChainError(f"event_type: {event_type[:40]!r} has no example, so pass a resource{hint}")
    found = known or Event(event_type, event_type, "", {})
    return found if resource is None else found._replace(resource=resource)


def _event(row: dict[str, Any]) -> Event:
    return Event(
        row["event_type"],
        row["name"].removesuffix("(JSON)"),
        row.get("original_type", ""),
        row["plaintext"],
    )
