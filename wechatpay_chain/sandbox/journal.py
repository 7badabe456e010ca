"""The journal: each request with its verdict, the text that had to be signed, and its answer; the last 10,000."""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import unquote

from wechatpay_chain.catalog import tree
from wechatpay_chain.sandbox import wildcard
from wechatpay_chain.sandbox.answer import Answer, Received, Refusal
from wechatpay_chain.sandbox.routes import is_legacy

__all__ = ["Entry", "Journal", "Kept"]

_LONGEST = 10_000
_MOST_HELD = 64 * 1024 * 1024
# Numbers as JSON, XML and a form's query write them.
_NUMBER = re.compile(
    r'"(?:\w+_no|transaction_id|refund_id)"\s*:\s*"([^"\\]{1,64})"'
    r"|<(?:\w+_no|transaction_id|refund_id)>(?:<!\[CDATA\[)?([^<\]]{1,64})"
)
_FAILED = re.compile(r"<(?:err_code|return_code)>(?:<!\[CDATA\[)?([A-Z_]+)")
_CODE = re.compile(r'"code"\s*:\s*"([^"\\]{1,64})"')
_IN_NUMBER = r"[0-9A-Za-z_\-|*@]"
_SCANNED = 65_536


@dataclass(frozen=True)
class Entry:
    """One request: ``id`` counts from 1, ``time`` is the machine's in seconds, ``status`` is 0 when it was hung up on.

    ``headers`` and ``body`` are the answer's; a body that was made while it was sent is empty here. ``fault`` names
    the fault that it met. ``refusal`` is what was wrong with its signature.
    """

    id: int
    time: float
    request: Received
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    fault: str = ""
    refusal: Refusal | None = None

    @property
    def path(self) -> str:
        """Without the query."""
        return self.request.target.partition("?")[0]

    @property
    def api(self) -> str:
        """v3 or v2."""
        return "v2" if is_legacy(self.path) else "v3"

    @property
    def code(self) -> str:
        """The error code of the answer; empty for none."""
        text = _text(self.body)
        if self.api == "v2":
            return next((code for code in _FAILED.findall(text)[::-1] if code != "SUCCESS"), "")
        found = _CODE.search(text) if self.status >= 300 or self.status == 202 else None
        return found[1] if found else ""

    @property
    def numbers(self) -> list[str]:
        """The numbers of orders, refunds and the like that it is about: of its path, its body and its answer."""
        told = [*self._in_path(), *self._in(_text(self.request.body)), *self._in(_text(self.body))]
        return list(dict.fromkeys(told))

    def names(self, number: str) -> bool:
        """Whether a number stands in its path, its query, its body or its answer."""
        pattern = re.compile(rf"(?<!{_IN_NUMBER}){re.escape(number)}(?!{_IN_NUMBER})")
        form = [] if self.request.form is None else map(_text, self.request.form.fields.values())
        texts = (unquote(self.request.target), _text(self.request.body), _text(self.body), *form)
        return any(pattern.search(text) for text in texts)

    def _in_path(self) -> Iterator[str]:
        known = f"v2{self.path}" if self.api == "v2" else self.path
        operation = tree.match(self.request.method, known)
        template = "" if operation is None else operation.path
        for pattern, part in zip(template.split("/"), self.path.split("/"), strict=False):
            if pattern.startswith("{"):
                yield unquote(part, errors="replace")

    def _in(self, text: str) -> Iterator[str]:
        for groups in _NUMBER.findall(text):
            yield from filter(None, groups)


class Kept(Protocol):
    """Where entries are kept beside."""

    @property
    def last(self) -> int:
        """The highest id that is there; 0 for none."""
        ...

    def write(self, entry: Entry, first: int) -> None:
        """Add an entry, and forget those before the id ``first``."""
        ...

    def read(self, last: int) -> Iterable[Entry]:
        """Those up to the id ``last``, the oldest first."""
        ...


class Journal:
    """The last 10,000 entries, or 64 MiB of bodies; safe to be asked by any thread.

    ``kept`` is where entries are kept beside, None for nowhere; those that are there already are read when somebody
    asks for the first time.
    """

    def __init__(self, kept: Kept | None = None) -> None:
        self._entries: deque[Entry] = deque()
        self._lock = threading.RLock()
        self._held = 0
        self._kept = kept
        self._first_own = 1 + (0 if kept is None else kept.last)
        self._last = self._first_own - 1
        self._is_read = self._last == 0

    def __len__(self) -> int:
        with self._lock:
            return len(self._all())

    def __repr__(self) -> str:
        return f"<Journal of {len(self)} requests>"

    @property
    def last(self) -> int:
        """The id of the newest entry, 0 before the first."""
        return self._last

    def add(
        self,
        request: Received,
        answer: Answer,
        time: float,
        seconds: float,
        *,
        fault: str = "",
        refusal: Refusal | None = None,
    ) -> Entry:
        """Write down a request and its answer; ``seconds`` is how long that took."""
        with self._lock:
            self._last += 1
            status = 0 if answer.is_dropped else answer.status
            entry = Entry(self._last, time, request, status, dict(answer.headers), answer.body, seconds, fault, refusal)
            self._entries.append(entry)
            self._held += _size(entry)
            self._shorten()
            first = self._entries[0].id if self._is_read else 0
        if self._kept is not None:
            self._kept.write(entry, max(first, entry.id - _LONGEST + 1))
        return entry

    def _shorten(self) -> None:
        while len(self._entries) > _LONGEST or (self._held > _MOST_HELD and len(self._entries) > 1):
            self._held -= _size(self._entries.popleft())

    def _all(self) -> deque[Entry]:
        """The entries, with those that were kept before."""
        if not self._is_read and self._kept is not None:
            before: list[Entry] = []
            for entry in self._kept.read(self._first_own - 1):
                # Two sandboxes on one file may have given the same id.
                known = before[-1].id if before else 0
                before.append(entry if entry.id > known else replace(entry, id=known + 1))
            before = [entry for entry in before if entry.id < self._first_own]
            self._entries.extendleft(reversed(before))
            self._held += sum(map(_size, before))
            self._shorten()
        self._is_read = True
        return self._entries

    def clear(self) -> None:
        """Forget all; ids go on."""
        with self._lock:
            self._entries.clear()
            self._held, self._is_read = 0, True

    def entry(self, identifier: int) -> Entry | None:
        """The entry with an id, None when it is not there any more."""
        with self._lock:
            entries = self._all()
            at = bisect_left(entries, identifier, key=lambda entry: entry.id)
            found = entries[at] if at < len(entries) else None
            return found if found is not None and found.id == identifier else None

    def find(self, limit: int = 100, **wanted: Any) -> list[Entry]:
        """The newest entries that fit, the newest first.

        ``after`` and ``before`` are ids; ``number`` is one that an entry is about; ``path`` has ``*`` for anything
        and ``{name}`` for a segment, or is the beginning of a path; ``method``, ``status``; ``verdict`` is ok, wrong,
        or a part of its text. What is empty or None does not count. Raises ArgumentError for a path that is none.
        """
        given = {name: value for name, value in wanted.items() if value not in (None, "")}
        unknown = sorted(given.keys() - _FILTERS.keys())
        if unknown:
            raise TypeError(f"find() has no filter {', '.join(unknown)}; it has {', '.join(_FILTERS)}")
        if "path" in given:
            given["path"] = wildcard.read_pattern(given["path"])
        with self._lock:
            entries = list(self._all())
        found: list[Entry] = []
        for entry in reversed(entries):
            if len(found) >= limit:
                break
            if all(_FILTERS[name](entry, value) for name, value in given.items()):
                found.append(entry)
        return found


def _size(entry: Entry) -> int:
    return len(entry.request.body) + len(entry.body)


def _text(body: bytes) -> str:
    return body[:_SCANNED].decode("utf-8", "replace")


def _on_path(entry: Entry, path: str) -> bool:
    return wildcard.matches(path, entry.path) if wildcard.has_wildcard(path) else entry.path.startswith(path)


def _has_verdict(entry: Entry, verdict: str) -> bool:
    if verdict in ("ok", "wrong"):
        return (entry.request.verdict == "") == (verdict == "ok")
    return verdict in entry.request.verdict


_FILTERS: Mapping[str, Any] = {
    "after": lambda entry, value: entry.id > int(value),
    "before": lambda entry, value: entry.id < int(value),
    "number": lambda entry, value: entry.names(str(value)),
    "path": lambda entry, value: _on_path(entry, str(value)),
    "method": lambda entry, value: entry.request.method == str(value).upper(),
    "status": lambda entry, value: entry.status == int(value),
    "verdict": lambda entry, value: _has_verdict(entry, str(value)),
}
