"""``wechatpay-chain bill KIND DATE``: ask for bills, download and check them, four at a time."""

from __future__ import annotations

import argparse
import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.cli.kinds import KINDS, Kind
from wechatpay_chain.cli.progress import Tracker, watched
from wechatpay_chain.cli.request import client
from wechatpay_chain.cli.status import Status, status_of
from wechatpay_chain.cli.totals import table, totals_of
from wechatpay_chain.client import Wechatpay
from wechatpay_chain.crypto import digest
from wechatpay_chain.errors import ChainError
from wechatpay_chain.protocol.files import files_in
from wechatpay_chain.transport.download import Progress

__all__ = ["run"]

_AT_ONCE = 4
_THERE = "is there already"
_MOST_DAYS = 366
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class _Wanted(NamedTuple):
    """One bill, and where it goes."""

    day: date
    fields: dict[str, str]
    path: Path


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Fetch what is not there yet; a line for each bill, and the totals when they are asked for."""
    kind = _kind(arguments.kind)
    days = _days(arguments.date)
    wanted = [_Wanted(day, kind.fields(day, arguments), _path(kind, day, days, arguments)) for day in days]
    status: int = Status.OK
    totals: dict[str, dict[str, str]] = {}
    with client(arguments, console) as wxpay, watched(console.stderr) as tracker:
        outcomes = _all(wxpay, kind, wanted, tracker)
    for bill, outcome in zip(wanted, outcomes, strict=True):
        error = outcome.exception()
        if error is not None:
            console.complain(f"{bill.day}: {type(error).__name__}: {error}")
            status = status or status_of(error)
            continue
        console.say(f"{bill.path}  {outcome.result()}")
        if arguments.summary:
            totals[bill.day.isoformat()] = totals_of(bill.path)
    for line in table(totals) if totals else ():
        console.say(line)
    return status


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise ItemError(f"{name[:40]!r}: expected a kind of {', '.join(KINDS)}")
    return KINDS[name]


def _days(text: str) -> list[date]:
    """``2026-11-01`` or ``2026-11-01..2026-11-20``."""
    first, dots, last = text.partition("..")
    begin = _day(first)
    end = _day(last) if dots else begin
    count = (end - begin).days + 1
    if not 1 <= count <= _MOST_DAYS:
        raise ItemError(f"{text}: expected 1 to {_MOST_DAYS} days, the first one first")
    return [begin + timedelta(days=number) for number in range(count)]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise ItemError(f"{text[:40]!r}: expected a day such as 2026-11-01, or 2026-11-01..2026-11-20") from None


def _path(kind: Kind, day: date, days: list[date], arguments: argparse.Namespace) -> Path:
    to = Path(arguments.to or ".").expanduser()
    if to.is_dir():
        return to / kind.file_name(day, arguments)
    if len(days) == 1:
        return to
    try:
        to.mkdir()
    except OSError as error:
        raise ItemError(f"--to: {str(to)[:80]!r} is no folder, which several days need ({error.strerror})") from None
    return to / kind.file_name(day, arguments)


def _all(wxpay: Wechatpay, kind: Kind, wanted: list[_Wanted], tracker: Tracker) -> list[Future[str]]:
    """All bills, four at a time; whoever interrupts ends those that are on their way."""
    ended = threading.Event()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        outcomes = [pool.submit(_one, wxpay, kind, bill, tracker, ended) for bill in wanted]
        try:
            for outcome in outcomes:
                outcome.exception()
        except BaseException:
            ended.set()
            pool.shutdown(cancel_futures=True)
            raise
    return outcomes


def _one(wxpay: Wechatpay, kind: Kind, bill: _Wanted, tracker: Tracker, ended: threading.Event) -> str:
    if kind.is_file and bill.path.is_file():
        return _THERE
    source = _file(wxpay, kind, bill) if kind.is_file else wxpay.chain(kind.path).get(params=bill.fields)
    if not kind.is_file and _is_whole(bill.path, source.data):
        return _THERE
    download = wxpay.download(source, bill.path, progress=_until(ended, bill, tracker))
    checked = "verified" if download.verified else "no digest was named"
    return f"{download.size} bytes, {download.hash_type} {download.digest}, {checked}"


def _file(wxpay: Wechatpay, kind: Kind, bill: _Wanted) -> Any:
    if kind.is_legacy:
        fields = {"mch_id": wxpay._settings.merchant.mchid, **bill.fields}
        return wxpay.chain(kind.path).post(fields, stream=True, security=kind.security)
    return wxpay.prepare(wxpay.chain(kind.path).get, params=bill.fields).url


def _is_whole(path: Path, data: Any) -> bool:
    """Whether the file that was named is there; of one in parts there is no digest, but a part never has its name."""
    if not path.is_file():
        return False
    files = files_in(data)
    if len(files) > 1 or not files[0].digest:
        return True
    with path.open("rb") as file:
        return digest.digest(file, files[0].hash_type) == files[0].digest


def _until(ended: threading.Event, bill: _Wanted, tracker: Tracker) -> Progress:
    told = tracker(bill.path.name)

    def progress(received: int, total: int | None) -> None:
        if ended.is_set():
            raise ChainError(f"{bill.day}: interrupted")
        told(received, total)

    return progress
