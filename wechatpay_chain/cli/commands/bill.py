"""``wechatpay-chain bill KIND DATE``: ask for bills, download and check them, four at a time."""

from __future__ import annotations

import argparse
import contextlib
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO, TypeAlias

from wechatpay_chain.bill_reader import read_bill, yuan
from wechatpay_chain.cli.bill_kinds import KINDS, Kind
from wechatpay_chain.cli.commands.request import client
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.cli.status import Status, status_of
from wechatpay_chain.client import Wechatpay
from wechatpay_chain.crypto import digest
from wechatpay_chain.errors import ChainError
from wechatpay_chain.protocol.files import files_in
from wechatpay_chain.protocol.v3 import DIGEST_HEADER
from wechatpay_chain.transport.download import Progress

__all__ = [
    "Tracker",
    "run",
    "table",
    "totals_of",
    "watched",
]

Tracker: TypeAlias = Callable[[str], Progress]

_INTERVAL = 0.1


@contextlib.contextmanager
def watched(stream: TextIO) -> Iterator[Tracker]:
    """What makes, for the name of a file, the function that is told of its bytes."""
    if not stream.isatty():
        yield lambda name: _nothing
        return
    try:
        rich: Any = import_module("rich.progress")
    except ImportError:
        counter = _Counter(stream)
        try:
            yield counter.track
        finally:
            counter.clear()
        return
    console = import_module("rich.console").Console(file=stream)
    columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), rich.DownloadColumn(binary_units=True))
    with rich.Progress(*columns, rich.TransferSpeedColumn(), console=console, transient=True) as bars:

        def track(name: str) -> Progress:
            task = bars.add_task(name, total=None)
            return lambda received, total: bars.update(task, completed=received, total=total)

        yield track


def _nothing(received: int, total: int | None) -> None:
    """Nobody watches."""


class _Counter:
    """One line that is written anew, for all files together."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._received: dict[str, int] = {}
        self._next = 0.0
        self._width = 0

    def track(self, name: str) -> Progress:
        """What one file reports to."""

        def told(received: int, total: int | None) -> None:
            with self._lock:
                self._received[name] = received
                if time.monotonic() >= self._next:
                    self._next = time.monotonic() + _INTERVAL
                    self._write(self._line(name, received, total))

        return told

    def clear(self) -> None:
        """Leave an empty line."""
        self._write("")
        self._stream.write("\r")
        self._stream.flush()

    def _line(self, name: str, received: int, total: int | None) -> str:
        if len(self._received) > 1:
            return f"{len(self._received)} files, {sum(self._received.values()) / (1 << 20):.1f} MiB"
        of = "" if total is None else f" of {total / (1 << 20):.1f}"
        return f"{name}: {received / (1 << 20):.1f}{of} MiB"

    def _write(self, line: str) -> None:
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)


_SUM = "合计"


def totals_of(path: Path) -> dict[str, str]:
    """The totals at the end of a bill, as they are written there."""
    with read_bill(path) as bill:
        for _ in bill:
            pass
        return bill.summary


def table(totals: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Lines of a table with a row for each bill, and their sum when there are several."""
    names = list(dict.fromkeys(name for found in totals.values() for name in found))
    rows = [["", *names]] + [[day, *(found.get(name, "") for name in names)] for day, found in totals.items()]
    if len(totals) > 1:
        rows.append([_SUM, *(_sum([found.get(name, "") for found in totals.values()]) for name in names)])
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_padded(*pair) for pair in zip(row, widths, strict=True)).rstrip() for row in rows]


def _sum(values: Sequence[str]) -> str:
    try:
        return str(sum((yuan(value) for value in values if value), Decimal(0)))
    except ValueError:
        return ""


def _padded(text: str, width: int) -> str:
    return " " * (width - _width(text)) + text


def _width(text: str) -> int:
    """How many cells a terminal gives it: Chinese letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


_AT_ONCE = 4
_THERE = "is there already"
_MOST_DAYS = 366
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class _Wanted(NamedTuple):
    """One bill, and where it goes; ``is_own`` is a name that tells which bill it is, made here."""

    day: date
    fields: dict[str, str]
    path: Path
    is_own: bool


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Fetch what is not there yet; a line for each bill, and the totals when they are asked for."""
    kind = _kind(arguments.kind)
    days = _days(arguments.date)
    fields = [kind.fields(day, arguments) for day in days]
    to, is_folder = _place(days, arguments)
    status: int = Status.OK
    totals: dict[str, dict[str, str]] = {}
    with client(arguments, console) as wxpay, watched(console.stderr) as tracker:
        merchant = wxpay._settings.merchant
        names = [kind.file_name(day, merchant.mchid or merchant.brand_id, arguments) for day in days]
        paths = [to / name if is_folder else to for name in names]
        wanted = [_Wanted(*bill, is_folder) for bill in zip(days, fields, paths, strict=True)]
        outcomes = _all(wxpay, kind, wanted, tracker)
    for bill, outcome in zip(wanted, outcomes, strict=True):
        error = outcome.exception()
        if error is not None:
            console.complain(f"{bill.day}: {type(error).__name__}: {error}")
            status = status or status_of(error)
            continue
        console.say(f"{bill.path}  {outcome.result()}")
        if arguments.summary:
            try:
                totals[bill.day.isoformat()] = totals_of(bill.path)
            except (ValueError, OSError) as error:
                console.complain(f"{bill.day}: {bill.path}: {error}")
                status = status or Status.ERROR
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


def _place(days: list[date], arguments: argparse.Namespace) -> tuple[Path, bool]:
    """Where ``--to`` leads, and whether that is a folder; several days make one."""
    try:
        to = Path(arguments.to or ".").expanduser()
    except RuntimeError:
        raise ItemError(f"--to: there is no home of {arguments.to[:80]!r}") from None
    if to.is_dir() or len(days) == 1:
        return to, to.is_dir()
    try:
        to.mkdir()
    except OSError as error:
        raise ItemError(f"--to: {str(to)[:80]!r} is no folder, which several days need ({error.strerror})") from None
    return to, True


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
    if kind.is_legacy and bill.is_own and bill.path.is_file():
        return _THERE  # nothing proves it but its name, which it got when it was whole
    source = _asked(wxpay, kind, bill)
    if bill.path.is_file() and _is_there(bill, source, kind):
        source.close()
        return _THERE
    download = wxpay.download(source, bill.path, progress=_until(ended, bill, tracker))
    checked = "verified" if download.verified else "no digest was named"
    return f"{download.size} bytes, {download.hash_type} {download.digest}, {checked}"


def _asked(wxpay: Wechatpay, kind: Kind, bill: _Wanted) -> Any:
    """The answer that names a file, or is it and streams."""
    if kind.is_legacy:
        fields = {"mch_id": wxpay.mchid, **bill.fields}
        return wxpay.chain(kind.path).post(fields, stream=True, security=kind.security)
    return wxpay.chain(kind.path).get(params=bill.fields, stream=kind.is_file)


def _is_there(bill: _Wanted, source: Any, kind: Kind) -> bool:
    """Whether the file is the one that was named; where no digest was named its own name must do."""
    if kind.is_legacy:
        return False
    if kind.is_file:
        return _holds(bill.path, [(source.headers.get(DIGEST_HEADER, "").lower(), "SHA1")])
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


def _until(ended: threading.Event, bill: _Wanted, tracker: Tracker) -> Progress:
    told = tracker(bill.path.name)

    def progress(received: int, total: int | None) -> None:
        if ended.is_set():
            raise ChainError(f"{bill.day}: interrupted")
        told(received, total)

    return progress
