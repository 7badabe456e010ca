"""The catalogue only helps: without its files every answer, refusal and display is what it would be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import wechatpay_chain
from wechatpay_chain import Sandbox
from wechatpay_chain.catalog import facts

PACKAGE = Path(wechatpay_chain.__file__).parent
DATA = ("*.json", "*.jsonl", "*.bin", "*.bash", "*.zsh", "*.pyi", "__pycache__")
PROGRAM = """
import pydoc
from wechatpay_chain import Wechatpay, errors
wxpay = Wechatpay.from_env()
print(wxpay.v3.certificates.get().verified)
for chain in (wxpay.v3.pay.transactions.outTradeNo["no-such-order"], wxpay.v3.pay.transactions.outTradeNos):
    try:
        chain.get(params={"mchid": wxpay.mchid})
    except errors.ClientError as error:
        print(error.status, error.code, error.verified, error.message in str(error))
native = wxpay.v3.pay.transactions.native
print(repr(native), repr(native.post), "post" in dir(native), "chain" in dir(wxpay))
print(native._ipython_key_completions_(), "native" in native._repr_html_(), bool(pydoc.render_doc(native)))
"""


def without_files(folder: Path) -> Path:
    """The package as a packager leaves it that takes modules alone."""
    shutil.copytree(PACKAGE, folder / "wechatpay_chain", ignore=shutil.ignore_patterns(*DATA))
    return folder


def zipped(folder: Path) -> Path:
    """The same in one archive, from which no file can be opened by a path."""
    without_files(folder / "unpacked")
    archive = folder / "package.zip"
    with zipfile.ZipFile(archive, "w") as written:
        for path in (folder / "unpacked").rglob("*.py"):
            written.write(path, path.relative_to(folder / "unpacked"))
    return archive


def cut(folder: Path) -> Path:
    """The package after a copy that the disk had no room for."""
    without_files(folder)
    for name in (facts.INDEX, facts.DETAILS):
        whole = (PACKAGE / "catalog" / name).read_bytes()
        (folder / "wechatpay_chain/catalog" / name).write_bytes(whole[: len(whole) // 2])
    return folder


def half(folder: Path) -> Path:
    """The package with one of its two files."""
    without_files(folder)
    shutil.copy(PACKAGE / "catalog" / facts.INDEX, folder / "wechatpay_chain/catalog")
    return folder


@pytest.mark.parametrize("packaged", [without_files, zipped, cut, half])
def test_a_program_without_the_files_gets_every_answer(
    gateway: Sandbox, tmp_path: Path, packaged: Callable[[Path], Path]
) -> None:
    """A refusal keeps its type, code and signature; a chain is shown by its path."""
    done = python(["-c", PROGRAM], packaged(tmp_path), gateway)
    assert done.stderr == ""
    first, missing, unknown, shown, rest = done.stdout.splitlines()
    assert first == "True"
    assert missing.startswith("404 ORDER_NOT_EXIST")
    assert unknown.startswith("404 ")
    assert missing.endswith("True")
    assert unknown.endswith("True")
    assert shown.startswith("</v3/pay/transactions/native")
    assert shown.endswith("True True")
    assert rest.endswith("True True")


def test_the_search_says_that_it_has_nothing_to_search(gateway: Sandbox, tmp_path: Path) -> None:
    """``api`` without the files is an error that names them, on one line."""
    done = python(["-m", "wechatpay_chain", "api", "refund"], without_files(tmp_path), gateway)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"the catalogue is missing from this installation: catalog/{facts.INDEX}" in done.stderr


def test_what_the_search_raises_does_not_replace_a_refusal(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is."""
    monkeypatch.setattr("wechatpay_chain.catalog.search.suggest", lambda *_: 1 / 0)
    with gateway.client() as wxpay, pytest.raises(wechatpay_chain.errors.ClientError) as caught:
        wxpay.v3.pay.transactions.outTradeNos.get()
    assert caught.value.status == 404


def python(arguments: list[str], path: Path, gateway: Sandbox) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **gateway.environment(), "PYTHONPATH": str(path)}
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=path.parent, check=False)
