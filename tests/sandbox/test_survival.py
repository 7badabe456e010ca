"""A sandbox on a file: what was answered is there after kill -9, and the outbox goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.listener import listening
from tests.sandbox import shop
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.sandbox.store import Store

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def process(*flags: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A sandbox of its own, and what it printed; it is killed at the end in any case."""
    command = [sys.executable, "-m", "wechatpay_chain", "sandbox", "--json", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as served:
        assert served.stdout is not None
        try:
            yield served, json.loads(served.stdout.readline())
        finally:
            served.kill()


def client(told: dict[str, str]) -> Wechatpay:
    """A client of a sandbox in another process, from what it printed."""
    certs = {told["public_key_id"]: told["public_key"]}
    names = ("mchid", "serial", "private_key", "apiv3_key", "secret", "base_url")
    return Wechatpay({**{name: told[name] for name in names}, "certs": certs, "timeout": 10})


def work(told: dict[str, str], who: str, answered: list[tuple[str, Any]], stop: threading.Event) -> None:
    """Orders, payments and refunds, each written down when it was answered; until the sandbox is gone."""
    with client(told) as wxpay, suppress(errors.CallError, OSError):
        for count in range(10**6):
            if stop.is_set():
                return
            number, mchid = f"{who}{count:06d}", told["mchid"]
            order = {"appid": shop.APPID, "mchid": mchid, "description": "a", "out_trade_no": number}
            wxpay.v3.pay.transactions.native.post({**order, "notify_url": shop.NOWHERE, "amount": {"total": count + 1}})
            answered.append(("NOTPAY", (number, count + 1)))
            status, paid = control(told, f"orders/{number}/pay")
            if status != 200:
                return
            answered.append(("SUCCESS", (number, paid["transaction_id"])))
            wxpay.v3.refund.domestic.refunds.post(shop.refund(number, 1, count + 1, out_refund_no=f"r{number}"))
            answered.append(("REFUND", (number, f"r{number}")))


def control(told: dict[str, str], path: str) -> tuple[int, Any]:
    import requests

    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{told['base_url']}/_/{path}", json={}, timeout=10)
    return answer.status_code, answer.json()


@pytest.mark.slow
def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    """Five times under the load of four clients; the merchant, its keys and its orders are those of before."""
    database, merchants = tmp_path / "sandbox.db", set()
    everything: list[tuple[str, Any]] = []
    for round_ in range(5):
        answered: list[tuple[str, Any]] = []
        with process("--db", str(database)) as (served, told):
            merchants.add((told["mchid"], told["private_key"]))
            check(told, everything)
            stop = threading.Event()
            threads = [
                threading.Thread(target=work, args=(told, f"w{round_}{who}x", answered, stop)) for who in range(4)
            ]
            for thread in threads:
                thread.start()
            end = time.monotonic() + 60
            while len(answered) < 40 * (round_ + 1) and time.monotonic() < end:
                stop.wait(0.01)
            served.kill()
            served.wait(10)
            stop.set()
            for thread in threads:
                thread.join(60)
        assert len(answered) >= 40
        everything += answered
    assert len(merchants) == 1
    with process("--db", str(database)) as (_, told):
        check(told, everything)


def check(told: dict[str, str], answered: list[tuple[str, Any]]) -> None:
    """Everything that was answered is as it was told, or has gone on from there."""
    with client(told) as wxpay:
        orders = wxpay.v3.pay.transactions.outTradeNo._no_
        for state, (number, value) in answered:
            found = orders.get(no=number, params={"mchid": told["mchid"]}).data
            if state == "NOTPAY":
                assert found["amount"]["total"] == value
            elif state == "SUCCESS":
                assert found["transaction_id"] == value
            else:
                assert found["trade_state"] == "REFUND"
                back = (wxpay.v3.refund.domestic.refunds / value).get().data
                assert back["amount"]["refund"] == 1


def test_a_file_goes_on(tmp_path: Path) -> None:
    """Merchant, keys, orders, clock and the notices that are still due."""
    database = tmp_path / "sandbox.db"
    with listening() as listener:
        listener.answers = [(500, b"")]
        with Sandbox(database=database, clock=0) as gateway, gateway.client() as wxpay:
            before = gateway.configuration()
            body = shop.order(gateway, notify_url=listener.url)
            wxpay.v3.pay.transactions.native.post(body)
            gateway.advance(86_400)
            gateway.pay(body["out_trade_no"])
            assert gateway.notices.wait()
            now, number = gateway.clock.now(), gateway.notices[0].id
            assert len(gateway.notices[0].attempts) == 1
        listener.answers = [(204, b"")]
        with Sandbox(database=database) as gateway, gateway.client() as wxpay:
            after = gateway.configuration()
            assert {**before, "base_url": ""} == {**after, "base_url": ""}
            assert gateway.clock.factor == 0
            # It stood still while nobody served.
            assert gateway.clock.now() == pytest.approx(now, abs=0.001)
            assert shop.query(wxpay, gateway, body["out_trade_no"])["trade_state"] == "SUCCESS"
            gateway.advance(15)
            assert gateway.notices.wait()
            assert [(notice.id, notice.state, len(notice.attempts)) for notice in gateway.notices] == [
                (number, "accepted", 2)
            ]
            gateway.reset()
            assert len(gateway.notices) == 0
            assert gateway.configuration()["private_key"] == after["private_key"]


def test_a_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """Before anything is served."""
    (tmp_path / "text").write_text("no database, and longer than a header of one would be" * 3)
    for path in (tmp_path, tmp_path / "nowhere" / "x.db", tmp_path / "text"):
        with pytest.raises(errors.ConfigError, match="cannot be used") as caught:
            Sandbox(database=path)
        assert caught.value.field == "database"


def test_two_processes_share_one_book(tmp_path: Path) -> None:
    """The database holds the numbers: of two sandboxes on one file one takes the order, the other refuses."""
    database = tmp_path / "sandbox.db"
    with Sandbox(database=database) as first, Sandbox(database=database) as second:
        assert first.mchid == second.mchid
        body = shop.order(first)
        with first.client() as one, second.client() as other:
            one.v3.pay.transactions.native.post(body)
            with pytest.raises(errors.ClientError, match="INVALID_REQUEST"):
                other.v3.pay.transactions.native.post({**body, "amount": {"total": 7}})
            second.pay(body["out_trade_no"])
            assert shop.query(one, first, body["out_trade_no"])["trade_state"] == "SUCCESS"


def test_a_transaction_is_all_or_nothing() -> None:
    """What fails in the middle leaves nothing; the inner block belongs to the outer."""
    store = Store(["CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"])

    def fail() -> None:
        with store.transaction():
            store.add("things", name="a")
            with store.transaction():
                store.add("things", name="b")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.all("SELECT * FROM things") == []
    store.add("things", name="a")
    store.keep("x", "1")
    store.wipe()
    assert (store.all("SELECT * FROM things"), store.read_text("x")) == ([], "1")
    store.close()
