"""The test kit as a shop uses it: a pytest of its own, alone and in parallel, and unittest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.listener import listening
from tests.testing.suites import SHOP, order, refund, run_suite
from wechatpay_chain import Media, Wechatpay, errors, testing
from wechatpay_chain.php import Instance
from wechatpay_chain.testing import ObservedSandbox


@pytest.mark.parametrize("flags", [(), pytest.param(("-n", "2"), marks=pytest.mark.slow)], ids=["alone", "xdist"])
def test_a_suite_of_thirty_tests_runs(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """Each test uses the same numbers: nothing of one is left for the next, in any worker."""
    done = run_suite(tmp_path, SHOP, *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "30 passed" in done.stdout


@pytest.mark.slow
def test_a_failure_says_what_was_found(tmp_path: Path) -> None:
    """The state of the order, the refund or the notice, instead of a bare False."""
    source = """
from tests.testing.suites import order, refund

def test_order(wechatpay_sandbox, wxpay):
    order(wxpay, "BOOK-0001")
    assert wechatpay_sandbox.paid("BOOK-0001")

def test_refund(wechatpay_sandbox):
    assert wechatpay_sandbox.refunded("BACK-0001")

def test_notice(wechatpay_sandbox):
    assert wechatpay_sandbox.noticed("TRANSACTION.SUCCESS")
"""
    root = Path(__file__).parent.parent.parent
    done = run_suite(tmp_path, source, "-o", f"pythonpath={root}")
    assert done.returncode == 1
    assert "3 failed" in done.stdout
    assert "<order BOOK-0001 of 4900: NOTPAY>" in done.stdout
    assert "<no refund BACK-0001; there are: none>" in done.stdout
    assert "<no notice TRANSACTION.SUCCESS; sent: none>" in done.stdout


@pytest.mark.slow
def test_the_plugin_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    """A run without its fixtures imports nothing of the package but names, and starts no thread."""
    source = """
import sys, threading

def test_light():
    ours = {name for name in sys.modules if name.startswith("wechatpay_chain")}
    light = {"wechatpay_chain", "wechatpay_chain.version"}
    assert ours == light | {"wechatpay_chain.testing", "wechatpay_chain.testing.fixtures"}
    assert threading.active_count() == 1
"""
    done = run_suite(tmp_path, source)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_module_is_light() -> None:
    """Even by hand: what is heavy is imported with the name that needs it."""
    code = (
        "import sys, wechatpay_chain.testing as t; "
        "print({'requests', 'urllib3', 'cryptography', 'pytest', 'sqlite3'} & sys.modules.keys()); "
        "t.signed; print('requests' in sys.modules, 'sqlite3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "set()"
    assert done.stdout.splitlines()[1].endswith("False")


@pytest.mark.slow
def test_the_plugin_can_be_named_or_left_out(tmp_path: Path) -> None:
    """As any other: -p loads it where entry points are not read, -p no: takes it away."""
    source = "def test_it(wechatpay_sandbox):\n    assert not wechatpay_sandbox.ordered('A')\n"
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    (tmp_path / "test_shop.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shop.py"]
    named = subprocess.run([*command, "-p", "wechatpay_chain.testing"], cwd=tmp_path, env=environment, check=False)
    assert named.returncode == 0
    done = run_suite(tmp_path, source, "-p", "no:wechatpay_chain")
    assert done.returncode == 1
    assert "fixture 'wechatpay_sandbox' not found" in done.stdout


def test_unittest_has_the_same(tmp_path: Path) -> None:
    """A context manager in setUp; the second test finds nothing of the first."""
    (tmp_path / "test_unit.py").write_text(
        """
import contextlib, unittest
from wechatpay_chain import testing

class Shop(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.gateway = stack.enter_context(testing.sandbox())
        self.wxpay = stack.enter_context(self.gateway.client())

    def order(self):
        self.assertFalse(self.gateway.ordered("BOOK-0001"))
        self.wxpay.v3.pay.transactions.native.post({
            "appid": "wxd678efh567hg6787", "mchid": self.wxpay.mchid, "description": "a book",
            "out_trade_no": "BOOK-0001", "notify_url": "https://shop.example/notify", "amount": {"total": 1}})
        self.gateway.pay("BOOK-0001")
        self.assertTrue(self.gateway.paid("BOOK-0001"))

    def test_one(self):
        self.order()

    def test_two(self):
        self.order()
"""
    )
    command = [sys.executable, "-W", "error", "-m", "unittest", "test_unit"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Ran 2 tests" in done.stderr


def test_two_sandboxes_at_once_are_two() -> None:
    """The second block in the first has one of its own; the first is taken again later."""
    with testing.sandbox() as outer, testing.sandbox() as inner:
        assert inner.base_url != outer.base_url
        assert inner.mchid != outer.mchid
    with testing.sandbox() as again:
        assert again.base_url in (outer.base_url, inner.base_url)


def test_threads_have_one_each() -> None:
    """No sandbox is handed out twice at the same time."""
    seen, barrier = [], threading.Barrier(3)

    def use() -> None:
        with testing.sandbox() as gateway:
            barrier.wait(30)
            seen.append(gateway.base_url)
            barrier.wait(30)

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 3


@pytest.fixture
def shop(wechatpay_sandbox: ObservedSandbox) -> Wechatpay:
    return wechatpay_sandbox.client()


def test_what_became_of_an_order(wechatpay_sandbox: ObservedSandbox, shop: Wechatpay) -> None:
    """paid, closed, refunded and their amounts; nothing is true of a number that is not known."""
    for number in ("BOOK-0001", "BOOK-0002"):
        order(shop, number)
        assert wechatpay_sandbox.ordered(number)
    wechatpay_sandbox.pay("BOOK-0001")
    assert wechatpay_sandbox.paid("BOOK-0001", total=4900)
    assert not wechatpay_sandbox.paid("BOOK-0001", total=4800)
    assert not wechatpay_sandbox.closed("BOOK-0001")
    refund(shop, "BOOK-0001", "BACK-0001")
    assert wechatpay_sandbox.refunded("BACK-0001", amount=4900)
    assert not wechatpay_sandbox.refunded("BACK-0001", amount=1)
    assert wechatpay_sandbox.paid("BOOK-0001"), "a refund does not undo that it was paid"
    node = shop.v3.pay.transactions.outTradeNo._out_trade_no_.close
    node.post({"mchid": shop.mchid}, out_trade_no="BOOK-0002")
    assert wechatpay_sandbox.closed("BOOK-0002")
    for question in ("ordered", "paid", "closed", "refunded", "transferred"):
        finding = getattr(wechatpay_sandbox, question)("NOBODY")
        assert not finding
        assert re.match(r"<no (order|refund|transfer) NOBODY; there are: ", repr(finding))


def test_an_order_that_expires_is_closed(wechatpay_sandbox: ObservedSandbox, shop: Wechatpay) -> None:
    """The sandbox's clock does it."""
    order(shop, "BOOK-0001")
    wechatpay_sandbox.advance(8 * 24 * 3600)
    assert wechatpay_sandbox.closed("BOOK-0001")


def test_a_transfer_arrives(wechatpay_sandbox: ObservedSandbox, shop: Wechatpay) -> None:
    """When its receiver has confirmed it."""
    fields = {"appid": "wxd678efh567hg6787", "out_bill_no": "PLFK2020042013", "openid": "o-MYE42l80oelYMDE34nYD456Xoy"}
    scene = [
        {"info_type": "活动名称", "info_content": "新会员有礼"},
        {"info_type": "奖励说明", "info_content": "一等奖"},
    ]
    more = {"transfer_scene_id": "1000", "transfer_remark": "a gift", "transfer_scene_report_infos": scene}
    shop.v3.fundApp.mchTransfer.transferBills.post({**fields, **more, "transfer_amount": 100})
    assert not wechatpay_sandbox.transferred("PLFK2020042013")
    wechatpay_sandbox.transfer("PLFK2020042013", "SUCCESS")
    assert wechatpay_sandbox.transferred("PLFK2020042013", amount=100)


def test_a_notice_is_waited_for(wechatpay_sandbox: ObservedSandbox, shop: Wechatpay) -> None:
    """noticed is true when the receiver took it, and tells its answer when it did not."""
    with listening() as server:
        order(shop, "BOOK-0001", notify_url=server.url)
        wechatpay_sandbox.pay("BOOK-0001")
        assert wechatpay_sandbox.noticed("TRANSACTION.SUCCESS", "BOOK-0001")
        assert not wechatpay_sandbox.noticed("TRANSACTION.SUCCESS", "BOOK-0002")
        assert not wechatpay_sandbox.noticed("REFUND.SUCCESS")
        server.answers = [(500, b"")]
        refund(shop, "BOOK-0001", "BACK-0001")
        finding = wechatpay_sandbox.noticed("REFUND.SUCCESS", "BACK-0001", timeout=1)
        assert not finding


def test_requests_can_be_asked_for(wechatpay_sandbox: ObservedSandbox, shop: Wechatpay) -> None:
    """By method, path and fields of the body or the query; those with a wrong signature do not count."""
    order(shop, "BOOK-0001")
    path = "/v3/pay/transactions/native"
    assert wechatpay_sandbox.requested("POST", path)
    assert wechatpay_sandbox.requested("post", path, out_trade_no="BOOK-0001")
    finding = wechatpay_sandbox.requested("POST", path, out_trade_no="BOOK-0002")
    assert not finding
    assert repr(finding).endswith(f"came last: POST {path}>")
    assert wechatpay_sandbox.requested("POST", "v3/pay/*", out_trade_no="BOOK-0001")
    assert wechatpay_sandbox.requested("POST", "/v3/pay/{kind}/native")
    assert not wechatpay_sandbox.requested("POST", "/v3/pay")
    with pytest.raises(errors.ArgumentError, match=r"^path: "):
        wechatpay_sandbox.requested("POST", None)  # type: ignore[arg-type]


def test_requests_of_apiv2_and_forms_have_fields(wechatpay_sandbox: ObservedSandbox, shop: Wechatpay) -> None:
    """XML and forms are read as JSON is; their fields are texts."""
    fields = {"appid": "wxd678efh567hg6787", "mch_id": shop.mchid, "body": "A book", "out_trade_no": "BOOK-0001"}
    more = {"total_fee": 100, "spbill_create_ip": "127.0.0.1", "trade_type": "NATIVE"}
    shop.v2.pay.unifiedorder.post({**fields, **more, "notify_url": "https://shop.example/notify"})
    assert wechatpay_sandbox.requested("POST", "/pay/unifiedorder", out_trade_no="BOOK-0001", total_fee="100")
    assert not wechatpay_sandbox.requested("POST", "/pay/unifiedorder", out_trade_no="BOOK-0002")
    picture = Media(b"\x89PNG\r\n\x1a\n", filename="a.png")
    shop.v3.merchant.media.upload.post(picture)
    assert wechatpay_sandbox.requested("POST", "/v3/merchant/media/upload", meta=picture.meta())


@pytest.mark.slow
def test_one_that_a_test_has_closed_is_not_used_again() -> None:
    """As ``with wechatpay_sandbox:`` does."""
    with testing.sandbox() as gateway, gateway:
        url = gateway.base_url
    assert gateway.is_closed
    with testing.sandbox() as other, other.client() as client:
        assert (other is gateway, other.base_url == url, other.is_closed) == (False, False, False)
        order(client, "BOOK-0001")


def test_an_amount_that_is_another_is_told(wechatpay_sandbox: ObservedSandbox, shop: Wechatpay) -> None:
    """What was found looks right where only the type differs."""
    order(shop, "BOOK-0001")
    assert repr(wechatpay_sandbox.paid("BOOK-0001", 4900)) == "<order BOOK-0001 of 4900: NOTPAY>"
    wechatpay_sandbox.pay("BOOK-0001")
    assert repr(wechatpay_sandbox.paid("BOOK-0001", "4900")).endswith("SUCCESS; asked for '4900'>")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "number", "reason", "field"),
    [
        (1.5, "", "", "amount"),
        ("5", "", "", "amount"),
        (True, "", "", "amount"),
        (0, "", "", "amount"),
        (-1, "", "", "amount"),
        (1, "a b", "", "out_refund_no"),
        (1, "R" * 65, "", "out_refund_no"),
        (1, 5, "", "out_refund_no"),
        (1, "", "字" * 27, "reason"),
        (1, "", "\ud83d", "reason"),
    ],
)
def test_half_a_fen_is_not_refunded(
    wechatpay_sandbox: ObservedSandbox, shop: Wechatpay, amount: Any, number: Any, reason: str, field: str
) -> None:
    """Nor what no request could ask for: nothing is written down."""
    order(shop, "BOOK-0001")
    wechatpay_sandbox.pay("BOOK-0001")
    with pytest.raises(errors.ArgumentError, match=f"^{field}: "):
        wechatpay_sandbox.ask_refund("BOOK-0001", amount, number, reason)
    assert wechatpay_sandbox.world.store.all("SELECT 1 FROM refunds") == []


def test_the_php_face_is_a_fixture_too(wechatpay_sandbox: ObservedSandbox, wechatpay_instance: Instance) -> None:
    """It calls the same sandbox."""
    assert wechatpay_instance.chain("v3/certificates").get().getStatusCode() == 200
    assert wechatpay_sandbox.requested("GET", "/v3/certificates")


@pytest.mark.slow
def test_faults_and_answers_end_with_their_test(tmp_path: Path) -> None:
    """What one test asked for and did not use is not there for the next."""
    source = """
import pytest
from wechatpay_chain import errors

def test_one(wechatpay_sandbox, wxpay):
    wechatpay_sandbox.fault("SYSTEM_ERROR", times=None)
    wechatpay_sandbox.answer("GET", "/v3/certificates", 418, {"code": "TEAPOT", "message": "x"}, times=None)
    wechatpay_sandbox.advance(3600)
    with pytest.raises(errors.ApiError):
        wxpay.v3.certificates.get(retry=False)

def test_two(wechatpay_sandbox, wxpay):
    assert len(wechatpay_sandbox.requests) == len(wechatpay_sandbox.notices) == 0
    assert wxpay.v3.certificates.get().status == 200
"""
    done = run_suite(tmp_path, source)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_program_may_import_the_package_before_it_starts_pytest(tmp_path: Path) -> None:
    """pytest would warn that assertions cannot be rewritten any more, which is an error for some."""
    source = """
import pytest
import wechatpay_chain.testing.fixtures

def test_no_warning():
    pytest.register_assert_rewrite(
        "wechatpay_chain", "wechatpay_chain.testing", "wechatpay_chain.testing.fixtures")
"""
    done = run_suite(tmp_path, source)
    assert done.returncode == 0, done.stdout + done.stderr
