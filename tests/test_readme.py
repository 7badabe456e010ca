from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.php import Instance

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "README.zh-CN.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def fences(page: str, language: str = "") -> list[str]:
    found = FENCE.findall((ROOT / page).read_text(encoding="utf-8"))
    return [text for kind, text in found if not language or kind == language]


def test_both_pages_say_the_same() -> None:
    """The same fenced blocks in the same order, and as many headings and table rows."""
    english, chinese = ((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    assert fences(PAGES[0]) == fences(PAGES[1])
    assert len(re.findall("^#", english, re.MULTILINE)) == len(re.findall("^#", chinese, re.MULTILINE))
    assert len(re.findall(r"^\|", english, re.MULTILINE)) == len(re.findall(r"^\|", chinese, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_the_first_two_lines_set_everything_up(page: str) -> None:
    """One for the tour, one for the tests, which CI runs as they stand."""
    first, second = fences(page, "sh")[0].splitlines()[:2]
    assert first == "python3 -m venv .venv && .venv/bin/pip install --quiet . && .venv/bin/wechatpay-chain tour"
    assert second.startswith("python3 -m venv .venv && .venv/bin/pip install --quiet '.[test]' && ")
    assert second.endswith(".venv/bin/python -m pytest")
    assert "README.md" in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("index", range(len(fences(PAGES[0], "python"))))
def test_the_python_of_the_page_runs(
    gateway: Sandbox,
    wxpay: Wechatpay,
    instance: Instance,
    index: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Each block by itself; names that the text explains are given, and the sandbox answers."""
    monkeypatch.chdir(tmp_path)
    for name, value in gateway.environment().items():
        monkeypatch.setenv(name, value)
    for file in ("logo.png", "clip.mp4", "fapiao.pdf"):
        Path(file).write_bytes(b"a file to upload")
    names: dict[str, Any] = {"__name__": "__main__", "gateway": gateway, "wxpay": wxpay, "instance": instance}
    names |= {"mchid": gateway.mchid, "notify_url": "https://pay.weixin.qq.com"}
    before = len(gateway.requests)
    exec(compile(fences(PAGES[0], "python")[index], f"README.md, block {index}", "exec"), names)
    assert not [received.verdict for received in list(gateway.requests)[before:] if received.verdict]
