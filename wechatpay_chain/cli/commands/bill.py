"""``wechatpay-chain bill KIND DATE``: download bills, checked."""

from __future__ import annotations

import argparse
import re
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from wechatpay_chain.cli.configuration import add_configuration, client
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status, status_of

if TYPE_CHECKING:
    from wechatpay_chain.cli.bill_kinds import Kind

__all__ = ["add_parser", "run"]

_MOST_DAYS = 366
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "bill",
        help="download bills, checked, four days at a time; what is whole stays",
        description="Download bills, check each against its digest, and put it in its place when it is whole.",
        examples=(
            "wechatpay-chain bill trade 2026-11-01",
            "wechatpay-chain bill trade 2026-11-01..2026-11-20 --to bills --summary",
            "wechatpay-chain bill fund 2026-11-01 --account OPERATION --to fund.csv",
        ),
    )
    parser.add_argument(
        "kind", metavar="KIND", help="trade, fund, sub-fund, ecommerce-fund, profitsharing, statement, …"
    )
    parser.add_argument("date", metavar="DATE", help="2026-11-01, or 2026-11-01..2026-11-20")
    parser.add_argument("--to", metavar="PATH", help="a file, or the folder for several; the current folder by default")
    parser.add_argument("--sub-mchid", metavar="NUMBER", help="the bill of one sub-merchant")
    parser.add_argument("--type", metavar="TYPE", help="ALL, SUCCESS or REFUND")
    parser.add_argument("--account", metavar="ACCOUNT", help="BASIC, OPERATION or FEES")
    parser.add_argument("--appid", metavar="ID", help="what v2-trade and v2-fund ask for")
    parser.add_argument("--summary", action="store_true", help="print the totals as a table")
    add_configuration(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Fetch what is not there yet; a line for each bill, and the totals when they are asked for."""
    from wechatpay_chain.cli.bill_download import Bill, download_bills
    from wechatpay_chain.cli.bill_totals import read_totals, table
    from wechatpay_chain.cli.progress import progress_display

    kind = _kind(arguments.kind)
    days = _days(arguments.date)
    fields = [kind.fields(day, arguments) for day in days]
    to, is_folder = _place(days, arguments)
    status: int = Status.OK
    totals: dict[str, dict[str, str]] = {}
    with client(arguments, console) as wxpay, progress_display(console.stderr) as tracker:
        names = [kind.file_name(day, wxpay.mchid or wxpay.brand_id, arguments) for day in days]
        paths = [to / name if is_folder else to for name in names]
        wanted = [Bill(*bill, is_folder) for bill in zip(days, fields, paths, strict=True)]
        outcomes = download_bills(wxpay, kind, wanted, tracker)
    for bill, outcome in zip(wanted, outcomes, strict=True):
        error = outcome.exception()
        if error is not None:
            console.complain(f"{bill.day}: {type(error).__name__}: {error}")
            status = status or status_of(error)
            continue
        console.say(f"{bill.path}  {outcome.result()}")
        if arguments.summary:
            try:
                totals[bill.day.isoformat()] = read_totals(bill.path)
            except (ValueError, OSError) as error:
                console.complain(f"{bill.day}: {bill.path}: {error}")
                status = status or Status.ERROR
    for line in table(totals) if totals else ():
        console.say(line)
    return status


def _kind(name: str) -> Kind:
    from wechatpay_chain.cli.bill_kinds import KINDS

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
