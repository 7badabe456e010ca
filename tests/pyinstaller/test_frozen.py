from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from wechatpay_chain import Sandbox
from wechatpay_chain.pyinstaller import get_hook_dirs

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
from wechatpay_chain import (
    Builder, Media, Notification, Promise, Response, Sandbox, Sealed, Wechatpay, errors, read_bill
)
from wechatpay_chain.cli import main

wxpay = Wechatpay.from_env()
print(wxpay.v3.certificates.get().verified)
print(wxpay.v3.certificates.getAsync().result().verified)
for chain in (wxpay.v3.pay.transactions.outTradeNo["no-such-order"], wxpay.v3.pay.transactions.outTradeNos):
    try:
        chain.get(params={"mchid": wxpay.mchid})
    except errors.ClientError as error:
        print(error)
print(repr(wxpay.v3.pay.transactions.native.post))
with Sandbox() as gateway:
    print(gateway.builder().chain("v3/certificates").get().getStatusCode())
main(["api", "v3/pay/transactions/native"])
main(["completion", "bash"])
"""


def test_pyinstaller_finds_the_hooks_by_the_entry_point() -> None:
    """The folder that it names holds one for the package."""
    (found,) = (each for each in entry_points(group="pyinstaller40") if each.value.startswith("wechatpay_chain."))
    assert found.load() is get_hook_dirs
    (folder,) = get_hook_dirs()
    assert Path(folder, "hook-wechatpay_chain.py").is_file()


@pytest.mark.slow
def test_a_frozen_program_calls_helps_and_refuses(gateway: Sandbox, tmp_path: Path) -> None:
    """It has every public name and the catalogue, with no hook folder given by hand, and runs without this tree."""
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    options = ["--noconfirm", "--log-level", "WARN", "--paths", str(ROOT)]
    freeze = [sys.executable, "-m", "PyInstaller", *options, "program.py"]
    made = subprocess.run(freeze, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-2000:]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [tmp_path / "dist/program/program"],
        env={**alone, **gateway.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, second, missing, unknown, shown, status, *page = done.stdout.splitlines()
    assert (first, second, status) == ("True", "True", "200")
    assert missing.startswith("404 ORDER_NOT_EXIST")
    assert "did you mean outTradeNo → out-trade-no?" in unknown
    assert shown == "<POST /v3/pay/transactions/native: Native下单API>"
    assert page[0] == "POST /v3/pay/transactions/native"
    assert "complete" in "\n".join(page)
