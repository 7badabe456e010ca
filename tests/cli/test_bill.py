from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import run
from wechatpay_chain import Sandbox
from wechatpay_chain.cli import main
from wechatpay_chain.cli.bill_kinds import KINDS
from wechatpay_chain.cli.bill_totals import table
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.progress import progress_display
from wechatpay_chain.sandbox.answer import Answer, Received


def fetch(gateway: Sandbox, *argv: str) -> tuple[int, str, str]:
    return run("bill", *argv, environment=gateway.environment())


FLAGS = {"sub-fund": ["--sub-mchid", "1900000109"], "v2-trade": ["--appid", "wx1"]}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "v2-fund"])
def test_every_kind_of_bill_is_fetched(gateway: Sandbox, tmp_path: Path, kind: str) -> None:
    """Into a folder under a name of its own, and not a second time."""
    flags = FLAGS.get(kind, [])
    status, out, err = fetch(gateway, kind, "2026-11-01", "--to", str(tmp_path), *flags)
    assert (status, err) == (0, "")
    (path,) = tmp_path.iterdir()
    assert path.name.startswith(f"{kind}-2026-11-01")
    assert f"{path}  {path.stat().st_size} bytes, SHA" in out
    assert ("verified" in out) is not kind.startswith("v2")
    written = path.stat().st_mtime_ns
    status, out, _ = fetch(gateway, kind, "2026-11-01", "--to", str(tmp_path), *flags)
    assert (status, out) == (0, f"{path}  is there already\n")
    assert path.stat().st_mtime_ns == written


def test_a_bill_by_the_tls_certificate_needs_one(gateway: Sandbox, tmp_path: Path) -> None:
    """The error says what to configure, and no file is left."""
    environment = {name: value for name, value in gateway.environment().items() if "MERCHANT" not in name}
    argv = ("bill", "v2-fund", "2026-11-01", "--to", str(tmp_path), "--appid", "wx1")
    status, _, err = run(*argv, environment=environment)
    assert status == 8
    assert "merchant: missing" in err
    assert not list(tmp_path.iterdir())


def test_what_was_asked_for_travels(gateway: Sandbox, tmp_path: Path) -> None:
    """Flags become fields, and parts of the file's name."""
    flags = ["--sub-mchid", "1900000109", "--type", "REFUND", "--to", str(tmp_path)]
    assert fetch(gateway, "trade", "2026-11-01", *flags)[0] == 0
    asked = gateway.requests[0].target
    assert asked == "/v3/bill/tradebill?tar_type=GZIP&bill_date=2026-11-01&sub_mchid=1900000109&bill_type=REFUND"
    assert [path.name for path in tmp_path.iterdir()] == [f"trade-2026-11-01-{gateway.mchid}-1900000109-REFUND.csv"]


def test_several_days_resume(gateway: Sandbox, tmp_path: Path) -> None:
    """The folder is made; what is whole is not fetched again, what is not the file that was named is."""
    tmp_path = tmp_path / "made"
    days, folder = "2026-10-30..2026-11-04", str(tmp_path)
    status, out, _ = fetch(gateway, "trade", days, "--to", folder)
    assert (status, out.count("verified")) == (0, 6)
    assert [path.name for path in sorted(tmp_path.iterdir())][:3] == [
        f"trade-2026-10-30-{gateway.mchid}.csv",
        f"trade-2026-10-31-{gateway.mchid}.csv",
        f"trade-2026-11-01-{gateway.mchid}.csv",
    ]
    (tmp_path / f"trade-2026-10-31-{gateway.mchid}.csv").unlink()
    (tmp_path / f"trade-2026-11-02-{gateway.mchid}.csv").write_bytes(
        (tmp_path / f"trade-2026-11-02-{gateway.mchid}.csv").read_bytes()[:-1]
    )
    gateway.requests.clear()
    status, out, _ = fetch(gateway, "trade", days, "--to", folder)
    assert status == 0
    assert [line.endswith("verified") for line in out.splitlines()] == [False, True, False, True, False, False]
    files = [received for received in gateway.requests if "/billdownload/" in received.target]
    assert (len(gateway.requests), len(files)) == (8, 2)


def test_no_other_file_is_taken_for_the_bill(gateway: Sandbox, tmp_path: Path) -> None:
    """What --to names is fetched again unless a digest proves it: another day's bill, no bill, another app's."""
    place = tmp_path / "b.csv"
    to = ("--to", str(place), "--summary")
    for kind, flags in (("statement", ()), ("v2-trade", ("--appid", "wx1")), ("trade", ())):
        for day in ("2026-11-01", "2026-11-02"):
            status, out, err = fetch(gateway, kind, day, *flags, *to)
            assert (status, err) == (0, "")
            assert " bytes, SHA" in out
            assert f"`{day}" in place.read_text()
        place.write_text("junk\n")
        assert " bytes, SHA" in fetch(gateway, kind, "2026-11-02", *flags, *to)[1]
        again = fetch(gateway, kind, "2026-11-02", *flags, *to)[1]
        assert ("is there already" in again) is (kind != "v2-trade")


def test_each_app_has_a_file_of_its_own(gateway: Sandbox, tmp_path: Path) -> None:
    """Where nothing but the name tells which bill it is."""
    for appid in ("wx1", "wx2"):
        assert " bytes, SHA" in fetch(gateway, "v2-trade", "2026-11-01", "--appid", appid, "--to", str(tmp_path))[1]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"v2-trade-2026-11-01-{gateway.mchid}-{appid}.csv" for appid in ("wx1", "wx2")]


@pytest.mark.parametrize("change", [lambda x: x, lambda x: x[: len(x) // 2], lambda x: x + b"x", lambda x: b"half"])
def test_parts_are_proven_one_by_one(gateway: Sandbox, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """A bill in parts is there when each of them is, in its place and nothing behind them."""
    gateway.bills.parts = 3
    argv = ("ecommerce-fund", "2026-11-01", "--to", str(tmp_path / "b.csv"))
    assert "verified" in fetch(gateway, *argv)[1]
    whole = (tmp_path / "b.csv").read_bytes()
    (tmp_path / "b.csv").write_bytes(change(whole))
    assert ("is there already" in fetch(gateway, *argv)[1]) is (change(whole) == whole)
    assert (tmp_path / "b.csv").read_bytes() == whole


def test_a_bill_without_a_digest_is_told_by_its_name(gateway: Sandbox, tmp_path: Path) -> None:
    """One that this command gave stays; any other is fetched again."""

    def unnamed(answer: Answer, request: Received) -> None:
        if b"hash_value" in answer.body:
            answer.body = answer.body.replace(b"hash_value", b"x").replace(b"hash_type", b"y")
            answer.sign(gateway.platform, "")

    gateway.tamper = unnamed
    for place, again in ((tmp_path / "b.csv", False), (tmp_path, True)):
        assert "no digest was named" in fetch(gateway, "trade", "2026-11-01", "--to", str(place))[1]
        assert ("is there already" in fetch(gateway, "trade", "2026-11-01", "--to", str(place))[1]) is again


def test_totals_that_cannot_be_read_are_told_with_their_bill(gateway: Sandbox) -> None:
    """A device keeps nothing of it."""
    status, out, err = fetch(gateway, "trade", "2026-11-01", "--to", "/dev/null", "--summary")
    assert (status, err) == (1, "wechatpay-chain: 2026-11-01: /dev/null: read_bill: it is empty; no header was found\n")
    assert "verified" in out


def test_one_day_that_fails_does_not_end_the_others(gateway: Sandbox, tmp_path: Path) -> None:
    """Its error is told with its day; the exit code is that of the first."""

    def no_second(answer: Any, request: Any) -> None:
        if "bill_date=2026-11-02" in request.target:
            answer.status, answer.body = 400, b'{"code":"NO_STATEMENT_EXIST","message":"none"}'
            answer.sign(gateway.platform, "")

    gateway.tamper = no_second
    status, out, err = fetch(gateway, "trade", "2026-11-01..2026-11-03", "--to", str(tmp_path))
    assert (status, out.count("verified")) == (4, 2)
    assert err.startswith("wechatpay-chain: 2026-11-02: ClientError: 400 NO_STATEMENT_EXIST: none")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_wrong_digest_has_the_code_of_what_is_not_verified(gateway: Sandbox, tmp_path: Path) -> None:
    """6, one line, no file."""
    gateway.bills.is_wrong = True
    status, out, err = fetch(gateway, "trade", "2026-11-01", "--to", str(tmp_path / "bill.csv"))
    assert (status, out) == (6, "")
    assert "IntegrityError" in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_totals_are_a_table(gateway: Sandbox, tmp_path: Path) -> None:
    """A line for each day, and the sum."""
    _, out, _ = fetch(gateway, "trade", "2026-11-01..2026-11-02", "--to", str(tmp_path), "--summary")
    header, first, second, total = out.splitlines()[2:]
    assert header.split()[:2] == ["总交易单数", "应结订单总金额"]
    assert first.split()[:3] == ["2026-11-01", "20", "13.50"]
    assert second.split()[:3] == ["2026-11-02", "20", "13.50"]
    assert total.split()[:3] == ["合计", "40", "27.00"]


def test_a_table_is_as_wide_as_a_terminal_shows_it() -> None:
    """Chinese letters take two cells; what cannot be added is left out of the sum."""
    lines = table({"a": {"名": "1", "x": "n/a"}, "b": {"名": "10"}})
    assert lines == ["      名    x", "   a   1  n/a", "   b  10", "合计  11"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["x", "2026-11-01"], "'x': expected a kind of trade, fund"),
        (["trade", "2026-11-31"], "'2026-11-31': expected a day such as"),
        (["trade", "20261101"], "expected a day"),
        (["trade", "2026-11-01..x"], "expected a day"),
        (["trade", "2026-11-02..2026-11-01"], "expected 1 to 366 days"),
        (["trade", "2020-01-01..2026-01-01"], "expected 1 to 366 days"),
        (["trade", "2026-11-01", "--sub-mchid", "../../x"], "--sub-mchid: expected letters and digits"),
        (["trade", "2026-11-01", "--type", "../x"], "--type: expected one of ALL, SUCCESS, REFUND"),
        (["trade", "2026-11-01", "--account", "BASIC"], "--account: trade has no such choice"),
        (["sub-fund", "2026-11-01"], "--sub-mchid: sub-fund needs it"),
        (
            ["trade", "2026-11-01..2026-11-02", "--to", "/nowhere/x"],
            "no folder, which several days need (No such file or directory)",
        ),
        (["trade", "2026-11-01", "--to", "~nosuchuser/x"], "--to: there is no home of '~nosuchuser/x'"),
        (["trade"], "DATE"),
    ],
)
def test_mistakes_are_told_before_anything_is_sent(gateway: Sandbox, argv: list[str], words: str) -> None:
    """A usage error in one line; no name that climbs out of the folder."""
    status, out, err = fetch(gateway, *argv)
    assert (status, out) == (2, "")
    assert words in err
    assert not gateway.requests


class Terminal(io.StringIO):
    """A stream that somebody watches."""

    def isatty(self) -> bool:
        return True


def watching(gateway: Sandbox, folder: Path) -> str:
    console = Console(io.StringIO(), io.StringIO(), Terminal(), gateway.environment())
    assert main(["bill", "trade", "2026-11-01", "--to", str(folder)], console) == 0
    assert isinstance(console.stderr, Terminal)
    return console.stderr.getvalue()


def test_a_terminal_sees_a_bar(gateway: Sandbox, tmp_path: Path) -> None:
    """With rich, which the extra repl brings."""
    gateway.bills.rows = 30_000
    assert f"trade-2026-11-01-{gateway.mchid}.csv" in watching(gateway, tmp_path)


def test_without_rich_it_sees_a_counter(gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, written anew and cleared at the end."""
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    shown = watching(gateway, tmp_path)
    assert f"\rtrade-2026-11-01-{gateway.mchid}.csv: 0.0 MiB" in shown
    assert "\n" not in shown
    assert shown.endswith("\r")
    assert shown.rstrip("\r").rsplit("\r", 1)[1].strip() == ""


def test_a_counter_adds_up_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Together, when there are several."""
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    monkeypatch.setattr("wechatpay_chain.cli.progress._INTERVAL", 0)
    stream = Terminal()
    with progress_display(stream) as tracker:
        tracker("a")(1 << 20, 3 << 20)
        tracker("b")(1 << 20, None)
    assert stream.getvalue().startswith("\ra: 1.0 of 3.0 MiB\r2 files, 2.0 MiB")


def test_a_pipe_sees_nothing(gateway: Sandbox, tmp_path: Path) -> None:
    """Standard error stays empty."""
    assert fetch(gateway, "trade", "2026-11-01", "--to", str(tmp_path))[2] == ""


def test_an_interrupt_ends_those_on_their_way(gateway: Sandbox, tmp_path: Path) -> None:
    """130 at once, nothing on standard error, and no part of a file is left."""
    gateway.bills.rows = 20_000
    begun, over = threading.Event(), threading.Event()

    def slowly(pieces: Iterator[bytes]) -> Iterator[bytes]:
        for number, piece in enumerate(pieces):
            yield piece
            if number > 3:
                begun.set()
                over.wait(0.05)

    def slow(answer: Answer, request: Received) -> None:
        if answer.pieces is not None:
            answer.pieces = slowly(answer.pieces)

    gateway.tamper = slow
    command = [
        sys.executable,
        "-m",
        "wechatpay_chain",
        "bill",
        "trade",
        "2026-11-01..2026-11-08",
        "--to",
        str(tmp_path),
    ]
    environment = {**os.environ, **gateway.environment()}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as running:
        assert begun.wait(30)
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        assert running.stderr is not None
        assert running.stderr.read() == b""
    over.set()
    assert not list(tmp_path.iterdir())
