"""The first page: both languages say the same, the two commands stand, and every block runs in one fresh process."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.pages import FENCE as FENCE
from tests.pages import ROOT, blocks, run_python, run_shell, text_of
from tests.pages import fences as fences

PAGES = ["README.md", "README.zh-CN.md"]


def test_both_pages_say_the_same() -> None:
    """The same fenced blocks in the same order, and as many headings, table rows and lines."""
    english, chinese = map(text_of, PAGES)
    assert fences(PAGES[0]) == fences(PAGES[1])
    for mark in (r"^#", r"^\|", r"$"):
        assert len(re.findall(mark, english, re.MULTILINE)) == len(re.findall(mark, chinese, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_short(page: str) -> None:
    """At most 150 lines; its table of contents has every heading, and the pages that it names are in its language."""
    text = text_of(page)
    assert len(text.splitlines()) <= 150
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.*)$", text, re.MULTILINE)}
    assert {link[1:] for link in re.findall(r"\]\((#[^)]+)\)", text)} == headings
    named = re.findall(r"`((?:docs/)?[\w-]+(?:\.zh-CN)?\.md)`", text)
    assert len(named) > 15
    if page != PAGES[0]:
        assert [name for name in named if (ROOT / re.sub(r"\.md$", ".zh-CN.md", name)).is_file()] == [PAGES[0]]


@pytest.mark.parametrize("page", PAGES)
def test_the_first_two_lines_set_everything_up(page: str) -> None:
    """One for the tour, one for the tests, which CI runs as they stand."""
    first, second = blocks(page, "sh")[0].text.splitlines()
    assert first == "python3 -m venv .venv && .venv/bin/pip install --quiet . && .venv/bin/wechatpay-chain tour"
    assert second.startswith("python3 -m venv .venv && .venv/bin/pip install --quiet '.[test]' && ")
    assert second.endswith(".venv/bin/python -m pytest -n 2")
    assert "README.md" in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_python_runs(page: str, tmp_path: Path) -> None:
    """In order, in one new process that has no name and no variable of a merchant; outputs are those that are shown."""
    run_python(page, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_lines_for_a_shell_run(page: str, tmp_path: Path) -> None:
    """Those of the command line, in one bash."""
    (tmp_path / "README.md").write_text(text_of(page), encoding="utf-8")
    run_shell(page, tmp_path, skip=2)
    assert (tmp_path / "trade.csv").stat().st_size


@pytest.mark.slow
def test_the_package_is_installed_from_git_and_as_a_wheel(tmp_path: Path) -> None:
    """As the page says, in a clone; what is installed serves a sandbox and its framework."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    lines = blocks(PAGES[0], "sh")[1].text
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    subprocess.run(["bash", "-e", "-c", lines], cwd=clone, env=environment, check=True, timeout=600)
    program = "import wechatpay_chain.web.flask as web; print(web.__file__)"
    told = subprocess.run(
        [str(clone / "shop/bin/python"), "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert told.stdout.startswith(str(clone / "shop"))
    assert list((clone / "dist").glob("wechatpay_chain-*.whl"))


def test_every_extra_is_explained() -> None:
    """The table has those of setup.cfg."""
    section = (ROOT / "setup.cfg").read_text().partition("extras_require]")[2].partition("\n[")[0]
    extras = re.findall(r"^(\w+) =$", section, re.MULTILINE)
    rows = re.findall(r"^\| (`.*?) \|", text_of(PAGES[0]), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} >= set(extras)
