"""Each recipe starts with its one command and sells: with the sandbox of the test, and with one of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.pages import ROOT, fences, text_of
from tests.promises import PATIENCE
from wechatpay_chain import Sandbox

RECIPES = ROOT / "examples/recipes"
NAMES = ["flask_shop", "django_shop", "fastapi_shop", "celery_shop"]


def test_both_pages_say_the_same() -> None:
    """One row for each recipe, with its command."""
    pages = ["examples/recipes/README.md", "examples/recipes/README.zh-CN.md"]
    assert fences(pages[0]) == fences(pages[1])
    assert {path.name for path in RECIPES.iterdir() if (path / "__main__.py").is_file()} == set(NAMES)
    for name in NAMES:
        for page in pages:
            assert f"| `{name}` | `python -m {name}` |" in text_of(page)


@contextmanager
def started(name: str, folder: Path, merchant: Mapping[str, str]) -> Iterator[list[str]]:
    """The lines that a recipe printed until it serves."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("WECHATPAY_", "SHOP_", "CELERY_"))}
    environment = {**plain, **merchant, "PORT": "0", "SHOP_DB": str(folder / "shop.sqlite"), "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", name],
            cwd=RECIPES,
            env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdout is not None
        try:
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("the shop is at "):
                    break
            else:
                raise AssertionError((folder / "log").read_text()[-3000:])
            yield lines
        finally:
            process.terminate()
            process.wait(PATIENCE)
            process.stdout.close()


def until(found: Callable[[], Any], log: Path) -> None:
    """Ask until it is so; a worker is another process, which tells nobody."""
    end = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < end, log.read_text()[-3000:]
        time.sleep(0.05)


def sell(shop: str, pay: Callable[[str], object], log: Path) -> str:
    """An order, its payment and its notice, a query and a refund; the order's number."""
    with requests.Session() as customer:
        customer.trust_env = False
        for method, path in (
            ("POST", "goods/nothing/orders"),
            ("GET", "orders/nothing"),
            ("POST", "orders/nothing/refund"),
        ):
            assert customer.request(method, f"{shop}/{path}", timeout=PATIENCE).status_code == 404, path
        answer = customer.post(f"{shop}/goods/book/orders", timeout=PATIENCE)
        assert answer.status_code == 200, answer.text + log.read_text()[-3000:]
        order = answer.json()
        assert order["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
        page = f"{shop}/orders/{order['number']}"
        before = customer.get(page, timeout=PATIENCE).json()
        assert (before["state"], before.get("noticed", False)) == ("NOTPAY", False)
        pay(order["number"])

        def is_paid() -> bool:
            told = customer.get(page, timeout=PATIENCE).json()
            return bool(told["state"] == "SHIPPED" if "noticed" not in told else told["noticed"])

        until(is_paid, log)
        refund = customer.post(f"{page}/refund", timeout=PATIENCE).json()
        assert refund["refund"] in ("PROCESSING", "ACCEPTED")
        number: str = order["number"]
        return number


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_sells(name: str, gateway: Sandbox, tmp_path: Path) -> None:
    """The books of the sandbox have its order and its refund, and its notices were taken."""
    log = tmp_path / "log"
    with started(name, tmp_path, gateway.environment()) as lines:
        number = sell(lines[-1].split()[-1], gateway.pay, log)
        assert gateway.notices.wait(PATIENCE)
        assert gateway.notices[-1].accepted

        def refunded() -> bool:
            return any(each.target == "/v3/refund/domestic/refunds" for each in gateway.requests)

        until(refunded, log)
        with gateway.client() as wxpay:
            node = wxpay.v3.refund.domestic.refunds._out_refund_no_
            assert node.get(out_refund_no=f"refund-{number}").data["amount"]["refund"] == 4900
    assert not [each.verdict for each in gateway.requests if each.verdict]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_brings_a_sandbox(name: str, tmp_path: Path) -> None:
    """Where no merchant is configured; the command that it prints pays an order."""
    with started(name, tmp_path, {}) as lines:
        command = re.fullmatch(r"to pay an order: (wechatpay-chain sandbox pay) NUMBER (--url \S+)\n", lines[0])
        assert command

        def pay(number: str) -> None:
            words = [*command[1].split()[1:], number, *command[2].split()]
            subprocess.run([sys.executable, "-m", "wechatpay_chain", *words], check=True, cwd=ROOT, timeout=PATIENCE)

        sell(lines[-1].split()[-1], pay, tmp_path / "log")
