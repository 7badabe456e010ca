"""The command of the benchmarks, with as little work as there can be: that its parts work, never how fast."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import arena, awaited, calls, cold, fixtures, http_servers, memory, threads
from benchmarks.table import Table, replaced
from wechatpay_chain import Sandbox

OURS = ["floor", "wechatpay_chain", "fan_out", "requests"]
# What is compared with comes with the extra bench, which the tests can do without, and processes start for all.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("tls", [False, True], ids=["http", "TLS"])
@pytest.mark.parametrize("name", [*OURS, "wechatpayv3"])
def test_every_contestant_is_answered(name: str, tls: bool) -> None:
    """Over http and TLS, what each call costs is more than nothing."""
    with arena.arena({name: arena.contestant(name)}, tls) as ready:
        for name, cost in ready.rounds(1, 2).items():
            assert cost.processor > 0, name
            assert cost.clock > 0, name


def test_threads_are_answered_by_the_canned_gateway() -> None:
    """Every number of them, and the fan-out."""
    names = {"floor": "floor", "wechatpay_chain": "wechatpay_chain", threads._FAN_OUT: "fan_out"}
    with arena.arena({name: arena.contestant(each) for name, each in names.items()}, canned=True) as ready:
        rates = threads.rates(ready, 1, 8)
    assert len(rates) == 2 * len(threads.THREADS) + 1
    assert all(rate > 0 for rate in rates.values())


def test_awaited_calls_are_answered() -> None:
    """By each of the contestants, and their memory is counted."""
    with arena.arena(
        {name: arena.contestant(each) for name, each in awaited.NAMES.items()}, canned=True, delay=0.01
    ) as ready:
        costs, memory = awaited.measured(ready, 1, 2 * awaited.TASKS)
    assert all(cost.clock > 0 for cost in costs.values())
    assert costs.keys() == memory.keys()


def test_a_contestant_that_gives_up_is_told() -> None:
    """Its name is in the error."""
    entry = arena.Entry(["python3", "-c", "import sys; sys.stdin.readline()"])
    with arena.arena({"quitter": entry}) as ready, pytest.raises(RuntimeError, match="quitter gave up"):
        ready.turn("quitter", 1)


def test_the_sdks_that_are_not_there_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And one whose folder is there takes part."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("PHP", raising=False)
    assert set(arena.wanting().values()) == {"there is no node", "there is no php"}
    assert arena.others() == {}
    for program in ("node", "php"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NODE_PATH", raising=False)
    monkeypatch.delenv("PHP_SDK", raising=False)
    assert all("names no folder" in lack for lack in arena.wanting().values())
    (tmp_path / "wechatpay-axios-plugin").mkdir()
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/autoload.php").touch()
    monkeypatch.setenv("NODE_PATH", str(tmp_path))
    monkeypatch.setenv("PHP_SDK", str(tmp_path))
    assert arena.wanting() == {}
    assert len(arena.others()) == 2


def test_every_chain_arrives(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six words become the same path in each library."""
    import python_http_client

    from benchmarks import chains

    monkeypatch.setattr(python_http_client.Client, "_make_request", chains._unopened)
    made = chains.candidates(gateway)
    assert made["wechatpay_chain"]() == made["wechatpay_chain, to the checked request"]() == chains.PATH
    for name in ("hammock", "slumber"):
        made[name]()
    assert chains.asked == {chains.HOST + chains.PATH}
    made["python-http-client"]()
    assert not gateway.requests


@pytest.mark.parametrize("name", cold.PROGRAMS)
def test_every_cold_start_ends_well(name: str) -> None:
    """Those that call are answered."""
    with cold.prepared() as told:
        assert cold.run(cold.PROGRAMS[name], told).processor > 0
        with pytest.raises(RuntimeError, match="ended with 3"):
            cold.run("raise SystemExit(3)", told)


def test_memory_is_counted() -> None:
    """Every way to write an id builds a request."""
    assert memory.grown(calls=8, warm_up=8) < 1 << 26


def test_a_table_takes_its_place() -> None:
    """Between the two comments with its name, again and again; nowhere else."""
    table = Table("a", ["x", "y"], [["1", "2"]], "a note")
    page = "before\n<!-- a -->\nold\n<!-- /a -->\nafter\n"
    written = replaced(page, [table])
    assert written == f"before\n<!-- a -->\n{table}\n<!-- /a -->\nafter\n"
    assert replaced(written, [table]) == written
    assert str(table) == "| x | y |\n| --- | --- |\n| 1 | 2 |\n\na note"
    with pytest.raises(ValueError, match="no place for b"):
        replaced(page, [Table("b", [], [])])


def test_every_benchmark_has_its_place() -> None:
    """In README.md, in the order in which they run."""
    page = command.README.read_text()
    found = re.findall(r"<!-- (\w+) -->\n.*?<!-- /\1 -->\n", page, re.DOTALL)
    assert sorted(found) == sorted(("machine", *command.BENCHMARKS))


def test_the_plot_is_small_and_always_the_same(tmp_path: Path) -> None:
    """No date, and text that stays text."""
    from benchmarks import plot

    heads = ["one call", "http, of the floor", "TLS, of the floor"]
    table = Table("calls", heads, [["floor", "1.00", "1.00"], ["`other`", "2.00", "4.20"]])
    files = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for file in files:
        plot.draw(table, file)
    first, second = (file.read_bytes() for file in files)
    assert first == second
    assert b">other<" in first
    assert len(first) < 40_000


def test_the_command_writes_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed is what stands in README.md afterwards; what was not asked for stays."""
    monkeypatch.setattr(command, "_PACKAGES", ["requests"])
    page = tmp_path / "README.md"
    shutil.copy(command.README, page)
    monkeypatch.setattr(command, "README", page)
    monkeypatch.setattr(memory, "CALLS", 8)
    command.main(["--rounds", "1", "--only", "memory", "--write"])
    printed = capsys.readouterr().out
    (table,) = re.findall(r"<!-- memory -->\n(.*?)<!-- /memory -->", page.read_text(), re.DOTALL)
    assert table in printed
    assert "8 requests" in table
    for wrong in (["--rounds", "0"], ["--only", "nothing"], ["--compare", "HEAD"]):
        with pytest.raises(SystemExit):
            command.main(wrong)


def test_a_revision_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With what git said, and no worktree stays behind."""
    from benchmarks import compare

    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    monkeypatch.setattr(compare, "ROOT", tmp_path)
    with pytest.raises(RuntimeError, match="nothing-like-this"):
        list(compare.tables("nothing-like-this", "HEAD", 1))


def test_the_table_of_calls_names_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each contestant, and why the others are not there."""
    monkeypatch.setenv("PATH", "")
    names = ["floor", "wechatpay_chain", "requests", "wechatpayv3"]
    costs = {kind: {name: arena.Cost(2.0, 4.0) for name in names} for kind in ("http", "TLS")}
    monkeypatch.setattr(calls, "costs", lambda rounds: costs)
    (table,) = calls.tables(1)
    assert len(table.rows) == len(names)
    assert {len(row) for row in table.rows} == {len(table.heads)}
    assert "there is no node" in table.note


def test_the_servers_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """Each answers the same client, and costs something."""
    costs = http_servers.main(rounds=1, requests=20)
    assert len(costs) == 3
    assert all(cost > 0 for cost in costs.values())
    assert "the sandbox's server" in capsys.readouterr().out


def test_the_fixtures_of_the_test_kit_are_measured() -> None:
    """Beside a call, in one run."""
    said: list[str] = []
    fixtures.main(3, said.append)
    assert re.fullmatch(r"fixtures [\d.]+ ms a test, one order [\d.]+ ms: [\d.]+ of an order", said[0])
