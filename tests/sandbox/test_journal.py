"""The journal: what came, its verdict, the text that had to be signed, and the answer; by control and by command."""

from __future__ import annotations

import io
import json
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest

from tests.sandbox import by_hand, shop
from wechatpay_chain import Media, Sandbox, Wechatpay
from wechatpay_chain.cli import main
from wechatpay_chain.cli.console import Console
from wechatpay_chain.sandbox.answer import Answer, Received
from wechatpay_chain.sandbox.clock import Clock
from wechatpay_chain.sandbox.journal import Journal
from wechatpay_chain.sandbox.journal_file import TABLES, JournalFile
from wechatpay_chain.sandbox.store import Store
from wechatpay_chain.sandbox.world import Ticker, World


def listed(gateway: Sandbox, query: str = "") -> list[Any]:
    """The rows of the journal."""
    status, told = shop.control(gateway, "GET", f"requests{query}")
    assert status == 200, told
    rows: list[Any] = told["requests"]
    return rows


def test_a_wrong_signature_is_explained(gateway: Sandbox) -> None:
    """Both texts, whole, and the place of their first difference, which is in the body here."""
    body = by_hand.order(gateway, "J1")
    spaced = json.dumps(json.loads(body), ensure_ascii=False).encode()

    def text(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
        return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + spaced + b"\n"

    assert by_hand.send(gateway, by_hand.request(gateway, "POST", by_hand.NATIVE, body, text=text)).status == 401
    [row] = listed(gateway)
    assert (row["status"], row["code"], row["verdict"].partition(":")[0]) == (401, "SIGN_ERROR", "SIGN_ERROR")
    whole = shop.control(gateway, "GET", f"requests/{row['id']}")[1]
    told = whole["signature"]
    sent = whole["headers"]["Authorization"]
    head = f"POST\n{by_hand.NATIVE}\n"
    assert (told["expected"].startswith(head), told["expected"].endswith(f"\n{body.decode()}\n")) == (True, True)
    assert told["signed"].endswith(f"\n{spaced.decode()}\n")
    at = told["difference"]
    assert told["expected"][:at] == told["signed"][:at]
    assert told["expected"][at] != told["signed"][at]
    assert (told["differs"], told["cause"] != "", told["message"] != "") == ("body", True, True)
    assert all(part in sent for part in told["expected"].split("\n")[2:4])
    assert json.loads(whole["answer"]["body"])["code"] == "SIGN_ERROR"
    assert whole["body"] == body.decode()


def test_a_right_one_has_its_text_too(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """With the answer's headers, and without a difference; APIv2's text without the key."""
    wxpay.v3.pay.transactions.native.post(shop.order(gateway))
    whole = shop.control(gateway, "GET", f"requests/{listed(gateway)[0]['id']}")[1]
    assert whole["signature"]["expected"].startswith(f"POST\n{by_hand.NATIVE}\n")
    assert (whole["signature"]["signed"], whole["signature"]["difference"], whole["verdict"]) == (None, None, "")
    assert whole["answer"]["headers"]["Wechatpay-Serial"] == gateway.identity.public_key_id
    wxpay.v2.pay.unifiedorder.post(shop.v2(gateway))
    told = shop.control(gateway, "GET", f"requests/{listed(gateway)[0]['id']}")[1]
    assert (told["api"], told["signature"]["expected"].startswith("appid=")) == ("v2", True)
    assert gateway.identity.secret not in json.dumps(told)


def test_it_is_searched(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """By number (whole ones), path, method, status, verdict, and what is newer or older."""
    for number in ("J100001", "J1000012"):
        wxpay.v3.pay.transactions.native.post(shop.order(gateway, out_trade_no=number))
    shop.query(wxpay, gateway, "J100001")
    wxpay.v2.pay.unifiedorder.post(shop.v2(gateway, out_trade_no="J100001v2"))
    by_hand.send(gateway, by_hand.request(gateway, text=lambda *parts: b"x"))
    ids = [row["id"] for row in listed(gateway)]
    assert ids == sorted(ids, reverse=True)
    assert [row["method"] for row in listed(gateway, "?number=J100001")] == ["GET", "POST"]
    assert [row["numbers"] for row in listed(gateway, "?number=J1000012")] == [["J1000012"]]
    assert [row["api"] for row in listed(gateway, "?number=J100001v2")] == ["v2"]
    assert len(listed(gateway, "?path=/v3/pay/transactions")) == 3
    assert len(listed(gateway, "?path=/v3/*/native")) == 2
    assert len(listed(gateway, "?path=/v3/*/native&method=get")) == 0
    assert [row["path"] for row in listed(gateway, "?verdict=wrong")] == ["/v3/certificates"]
    assert len(listed(gateway, "?verdict=ok&limit=3")) == 3
    assert [row["status"] for row in listed(gateway, "?status=401&verdict=SIGN_ERROR")] == [401]
    assert [row["id"] for row in listed(gateway, f"?after={ids[2]}")] == ids[:2]
    assert [row["id"] for row in listed(gateway, f"?before={ids[2]}")] == ids[3:]
    assert shop.control(gateway, "GET", "health")[1]["last_request"] == ids[0]
    for query in ("?limit=0", "?limit=x", "?limit=10001", "?after=x", "?status=ok", "?before=-1"):
        assert shop.control(gateway, "GET", f"requests{query}")[0] == 400, query
    assert shop.control(gateway, "GET", f"requests/{ids[0] + 1}")[0] == 404


def test_it_holds_the_last_ten_thousand() -> None:
    """And no more than its share of memory; an id that was pushed out is not there."""
    journal = Journal()
    for _ in range(10_050):
        journal.add(Received("GET", "/v3/x", {}, b""), Answer(200), 0.0, 0.0)
    assert (len(journal), journal.last, journal.entry(50), len(journal.find(20_000))) == (10_000, 10_050, None, 10_000)
    first = journal.entry(51)
    assert first is not None
    assert first.id == 51
    for _ in range(5):
        journal.add(Received("POST", "/v3/x", {}, b"x" * (16 << 20)), Answer(200), 0.0, 0.0)
    assert len(journal) == 4
    journal.clear()
    assert (len(journal), journal.last, journal.find()) == (0, 10_055, [])
    with pytest.raises(TypeError):
        journal.find(colour="red")


def test_a_command_lists_it(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """A line for each, or JSON."""
    wxpay.v3.pay.transactions.native.post(shop.order(gateway, out_trade_no="J200001"))
    by_hand.send(gateway, by_hand.request(gateway, text=lambda *parts: b"x"))
    assert run(gateway, "log", "--number", "J200001") == (0, f"POST {by_hand.NATIVE} 200 ok\n", "")
    status, out, _ = run(gateway, "log", "--json", "--verdict", "wrong", "--limit", "1")
    assert (status, json.loads(out)["status"]) == (0, 401)
    assert run(gateway, "log", "--verdict", "wrong")[1].startswith("GET /v3/certificates 401 SIGN_ERROR: the key")
    assert run(gateway, "log", "--verdict", "wrong")[1].isascii()
    assert run(gateway, "log", "--url", "nonsense")[::2] == (
        8,
        "wechatpay-chain: --url: expected http://host:port, found 'nonsense'\n",
    )
    status, _, err = run(gateway, "log", "--limit", "0")
    assert (status, err.startswith("error: 400 PARAM_ERROR") or "400 PARAM_ERROR" in err) == (4, True)


def run(gateway: Sandbox, *argv: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    out, err = io.StringIO(), io.StringIO()
    environment = {"WECHATPAY_BASE_URL": gateway.base_url}
    status = main(("sandbox", *argv), Console(io.StringIO(), out, err, environment))
    return status, out.getvalue(), err.getvalue()


def test_commands_set_faults_and_answers(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """JSON out, and the control API's word for what cannot be."""
    status, out, _ = run(gateway, "fault", "SLOW", "--rate", "5%", "--times", "0", "--seconds", "1", "--path", "/v3/*")
    told = json.loads(out)
    assert (status, told["rate"], told["times"], told["path"]) == (0, 0.05, None, "/v3/*")
    assert len(json.loads(run(gateway, "fault")[1])["faults"]) == 1
    assert run(gateway, "fault", "--clear")[0] == 0
    assert gateway.faults.rules == []
    assert run(gateway, "fault", "NONSENSE")[0] == 4
    assert run(gateway, "answer", "GET", "/v3/x", "200", "-d", '{"a": 1}')[0] == 0
    assert by_hand.send(gateway, by_hand.request(gateway, "GET", "/v3/x")).told == {"a": 1}
    number = shop.number()
    wxpay.v3.pay.transactions.native.post(shop.order(gateway, out_trade_no=number))
    assert json.loads(run(gateway, "close", number)[1]) == {"out_trade_no": number, "trade_state": "CLOSED"}
    assert run(gateway, "close", "nobody")[0] == 4
    assert run(gateway, "resend", "nobody")[0] == 4


@pytest.mark.slow
def test_a_database_keeps_it(tmp_path: Path) -> None:
    """All of each entry, over a restart; ids go on, and a reset forgets them for good."""
    database = tmp_path / "sandbox.db"
    with Sandbox(database=database) as gateway, gateway.client() as wxpay:
        wxpay.v3.pay.transactions.native.post(shop.order(gateway, out_trade_no="J300001"))
        by_hand.send(gateway, by_hand.request(gateway, text=lambda *parts: b"x"))
        picture = tmp_path / "a.png"
        picture.write_bytes(b"\xff\x00")
        wxpay.v3.merchant.media.upload.post(files={"file": Media(picture)})
        before = [shop.control(gateway, "GET", f"requests/{at}")[1] for at in (1, 2, 3)]
        assert before[2]["form"]["files"]["file"]["size"] == 2
    with Sandbox(database=database) as gateway, gateway.client() as wxpay:
        assert [shop.control(gateway, "GET", f"requests/{at}")[1] for at in (1, 2, 3)] == before
        assert [row["id"] for row in listed(gateway, "?verdict=wrong")] == [2]
        shop.query(wxpay, gateway, "J300001")
        assert [row["id"] for row in listed(gateway, "?number=J300001")] == [4, 1]
        gateway.reset()
        assert listed(gateway) == []
    with Sandbox(database=database) as gateway:
        assert listed(gateway) == []


def test_a_row_of_another_version_is_left_out() -> None:
    """And so is one that is damaged: a sandbox starts all the same."""
    store = Store(TABLES)
    file = JournalFile(store)
    kept = Journal(file)
    for _ in range(3):
        kept.add(Received("GET", "/v3/x", {}, b"\xff"), Answer(200, b"\x00"), 0.0, 0.0)
    file.flush()
    store.run("UPDATE journal SET data='{}' WHERE id=1")
    store.run("UPDATE journal SET data='x' WHERE id=2")
    again = Journal(JournalFile(store))
    assert again.last == 3
    again.add(Received("GET", "/v3/y", {}, b""), Answer(200), 0.0, 0.0)
    assert [(entry.id, entry.request.body, entry.body) for entry in again.find()] == [
        (4, b"", b""),
        (3, b"\xff", b"\x00"),
    ]
    store.close()


def test_a_file_holds_no_more_than_the_journal() -> None:
    """What was pushed out of the one goes out of the other; two sandboxes on one file are told apart by their ids."""
    store = Store(TABLES)
    one, other = JournalFile(store), JournalFile(store)
    journals = Journal(one), Journal(other)
    for journal in journals:
        journal.add(Received("GET", "/v3/x", {}, b""), Answer(200), 0.0, 0.0)
    one.flush()
    other.flush()
    assert [entry.id for entry in Journal(one).find()] == [1]
    for _ in range(5):
        journals[0].add(Received("POST", "/v3/x", {}, b"x" * (16 << 20)), Answer(200), 0.0, 0.0)
    one.flush()
    kept = [row["id"] for row in store.all("SELECT id FROM journal ORDER BY id DESC")]
    assert kept == [entry.id for entry in journals[0].find()] == [6, 5, 4, 3]
    store.close()


def test_a_full_disk_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Entries wait until there is room; a transaction says why it failed, and not that nothing was to be undone."""
    store = Store(TABLES, tmp_path / "db")
    file = JournalFile(store)
    journal = Journal(file)
    pages = store.all("PRAGMA page_count")[0][0]
    store.run(f"PRAGMA max_page_count={pages}")
    journal.add(Received("POST", "/v3/x", {}, b"x" * 100_000), Answer(200), 0.0, 0.0)
    file.flush()
    assert [(record.levelname, "database or disk is full" in record.message) for record in caplog.records] == [
        ("ERROR", True)
    ]
    with pytest.raises(sqlite3.OperationalError, match="database or disk is full"), store.transaction():
        store.add("journal", id=1, data="{}", sent=b"x" * 100_000, answered=b"")
    store.run("PRAGMA max_page_count=10000")
    file.flush()
    file.flush()
    assert [entry.id for entry in Journal(JournalFile(store)).find()] == [1]
    store.close()


def test_the_clock_goes_on_after_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """What is due is done once the disk has room again."""
    calls, done = [], threading.Event()

    class Failing:
        clock = Clock()

        def settle(self) -> None:
            calls.append(1)
            if len(calls) == 1:
                raise sqlite3.OperationalError("database or disk is full")
            done.set()

        def next_due(self) -> float | None:
            return None

    ticker = Ticker(lambda: cast(World, Failing()))
    for _ in range(1000):
        ticker.wake()
        if done.wait(0.01):
            break
    ticker.close()
    assert ("database or disk is full" in caplog.text, done.is_set()) == (True, True)


@pytest.mark.slow
def test_what_is_killed_keeps_all_but_the_last_second(tmp_path: Path) -> None:
    """The clock's thread writes, without a word from anybody."""
    with Sandbox(database=tmp_path / "sandbox.db") as gateway:
        gateway.respond("GET", "/v3/certificates", {"Host": "127.0.0.1"}, b"")  # type: ignore[arg-type]
        store = Store((), tmp_path / "sandbox.db")
        deadline = time.monotonic() + 10
        while store.one("SELECT 1 FROM journal") is None and time.monotonic() < deadline:
            threading.Event().wait(0.02)
        assert store.one("SELECT id FROM journal") is not None
        store.close()


def test_a_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    """It holds the keys of both sides."""
    with Sandbox(database=tmp_path / "sandbox.db"):
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
