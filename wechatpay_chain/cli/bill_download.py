"""Bills are asked for, downloaded and checked, four at a time; what is whole already stays."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from wechatpay_chain.cli.bill_kinds import Kind
from wechatpay_chain.cli.progress import Tracker
from wechatpay_chain.client import Wechatpay
from wechatpay_chain.crypto import digest
from wechatpay_chain.errors import ChainError
from wechatpay_chain.protocol.files import files_in
from wechatpay_chain.protocol.v3 import DIGEST_HEADER, field_value
from wechatpay_chain.transport.download import Progress

__all__ = ["Bill", "download_bills"]

_AT_ONCE = 4
_THERE = "is there already"


class Bill(NamedTuple):
    """One bill, and where it goes; ``is_own`` is a name that tells which bill it is, made here."""

    day: date
    fields: dict[str, str]
    path: Path
    is_own: bool


def download_bills(wxpay: Wechatpay, kind: Kind, wanted: Sequence[Bill], tracker: Tracker) -> list[Future[str]]:
    """The outcome of each: a line about it, or its error. An interruption ends those that are on their way."""
    ended = threading.Event()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        outcomes = [pool.submit(_download, wxpay, kind, bill, tracker, ended) for bill in wanted]
        try:
            for outcome in outcomes:
                outcome.exception()
        except BaseException:
            ended.set()
            pool.shutdown(cancel_futures=True)
            raise
    return outcomes


def _download(wxpay: Wechatpay, kind: Kind, bill: Bill, tracker: Tracker, ended: threading.Event) -> str:
    if kind.is_legacy and bill.is_own and bill.path.is_file():
        return _THERE  # nothing proves it but its name, which it got when it was whole
    source = _request(wxpay, kind, bill)
    if bill.path.is_file() and _is_there(bill, source, kind):
        source.close()
        return _THERE
    download = wxpay.download(source, bill.path, progress=_progress(ended, bill, tracker))
    checked = "verified" if download.verified else "no digest was named"
    return f"{download.size} bytes, {download.hash_type} {download.digest}, {checked}"


def _request(wxpay: Wechatpay, kind: Kind, bill: Bill) -> Any:
    """The answer that names a file, or is it and streams."""
    if kind.is_legacy:
        fields = {"mch_id": wxpay.mchid, **bill.fields}
        return wxpay.chain(kind.path).post(fields, stream=True, security=kind.security)
    return wxpay.chain(kind.path).get(params=bill.fields, stream=kind.is_file)


def _is_there(bill: Bill, source: Any, kind: Kind) -> bool:
    """Whether the file is the one that was named; where no digest was named its own name must do."""
    if kind.is_legacy:
        return False
    if kind.is_file:
        return _holds(bill.path, [(field_value(source.headers, DIGEST_HEADER).lower(), "SHA1")])
    files = files_in(source.data)
    if all(file.digest for file in files):
        return _holds(bill.path, [(file.digest, file.hash_type) for file in files])
    return bill.is_own


def _holds(path: Path, parts: list[tuple[str, str]]) -> bool:
    """Whether a file is these parts, one behind the other; each but the last ends with a line."""
    *first, (last, hash_type) = parts
    with path.open("rb") as file:
        return all(_begins(file, *part) for part in first) and digest.digest(file, hash_type) == last


def _begins(file: BinaryIO, expected: str, hash_type: str) -> bool:
    found = digest.new(hash_type)
    for line in file:
        found.update(line)
        if found.hexdigest() == expected:
            return True
    return False


def _progress(ended: threading.Event, bill: Bill, tracker: Tracker) -> Progress:
    report = tracker(bill.path.name)

    def progress(received: int, total: int | None) -> None:
        if ended.is_set():
            raise ChainError(f"{bill.day}: interrupted")
        report(received, total)

    return progress
