"""The pages under docs/: both languages say the same, every block runs in one fresh process, outputs are as shown."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from tests.pages import FENCE, ROOT, blocks, fences, fits, run_python, run_shell, text_of
from wechatpay_chain import Sandbox, errors, settings
from wechatpay_chain.request.options import NATIVE

PAGES = sorted(path.stem for path in (ROOT / "docs").glob("*.md") if not path.name.endswith(".zh-CN.md"))
# Blocks of these need what a page cannot make: another language beside them, a type checker, a shell.
ELSEWHERE = {
    "porting": "tests/port/test_porting.py",
    "typing": "tests/catalog/test_typed.py",
    "command-line": "tests/cli/test_command_line_page.py",
}
WITHOUT_BLOCKS = {"design"}
MIGRATION = {"from-wechatpayv3", "from-wechatpy"}
RUN = [page for page in PAGES if page not in {*ELSEWHERE, *WITHOUT_BLOCKS, *MIGRATION}]


def test_no_page_is_left_out() -> None:
    """Blocks that are run elsewhere are run there, and a page without blocks has none."""
    for page, test in ELSEWHERE.items():
        assert f"docs/{page}" in (ROOT / test).read_text(encoding="utf-8")
    for page in WITHOUT_BLOCKS:
        assert not blocks(f"docs/{page}.md", "python", "sh")
    assert set(PAGES) >= {*ELSEWHERE, *WITHOUT_BLOCKS, *MIGRATION}
    assert len(RUN) >= 7


@pytest.mark.parametrize("page", sorted({*PAGES} - WITHOUT_BLOCKS))
def test_both_pages_say_the_same(page: str) -> None:
    """The same blocks in the same order, and as many lines, headings, list items and table rows."""
    english, chinese = (text_of(f"docs/{page}{suffix}") for suffix in (".md", ".zh-CN.md"))
    assert fences(f"docs/{page}.md") == fences(f"docs/{page}.zh-CN.md")
    for mark in (r"^#", r"^\|"):
        assert len(re.findall(mark, english, re.MULTILINE)) == len(re.findall(mark, chinese, re.MULTILINE))


LINKED = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "docs/decisions/*.md", "examples/**/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("page", LINKED)
def test_every_link_leads_somewhere(page: str) -> None:
    """To a file of the repository, and to a heading that its page has."""
    prose = FENCE.sub("", text_of(page))
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        name, _, anchor = target.partition("#")
        if "://" in name:
            continue
        file = (ROOT / page).parent / name if name else ROOT / page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}, target


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_every_block_runs(page: str, tmp_path: Path) -> None:
    """In order, in one new process that has no name and no variable of a merchant."""
    run_python(f"docs/{page}.md", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_every_block_of_the_chinese_page_runs(page: str, tmp_path: Path) -> None:
    """The same for the other language."""
    run_python(f"docs/{page}.zh-CN.md", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["docs/sandbox-for-a-team.md", "docs/sandbox-for-a-team.zh-CN.md"])
def test_the_lines_for_a_team_run(page: str, tmp_path: Path) -> None:
    """The control by curl, in one bash that ends at the first line that fails."""
    assert '"status": "ABNORMAL"' in run_shell(page, tmp_path).stdout


def test_every_block_for_a_shell_is_run_by_a_test() -> None:
    """By one of those that run a page's lines."""
    pages = {page for page in PAGES if blocks(f"docs/{page}.md", "sh")}
    assert pages == {"command-line", "sandbox-for-a-team", "testing-your-shop"}


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("a\n", "a\n"),
        ("order: …\n", "order: 1\n"),
        ("a\n…\nb\n", "a\nb\n"),
        ("a\n…\nb\n", "a\n1\n2\nb\n"),
        ("(a.b)\n", "(a.b)\n"),
    ],
)
def test_an_output_that_fits(shown: str, printed: str) -> None:
    """The dots stand for anything in a line, and for any lines."""
    assert fits(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [("a\n", "b\n"), ("a\n", "a\nb\n"), ("a …\n", "a \nb\n"), ("a\n…\nb\n", "a\n1\n"), ("a.c\n", "abc\n"), ("a\n", "")],
)
def test_an_output_that_differs(shown: str, printed: str) -> None:
    """In a letter, by a line more or less."""
    assert not fits(shown, printed)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```python\nprint(2)\n```\n\n```text\n1\n```\n", "line 6: shown"),
        ("```python\nprint(wxpay)\n```\n", "NameError"),
        ("```python\na = 1\n```\n\n```python\nprint(a)\n```\n\n```text\n2\n```\n", "line 10: shown"),
    ],
)
def test_a_page_that_is_wrong_fails(text: str, told: str, tmp_path: Path) -> None:
    """An output that differs, a name that no block makes, and an output behind a second block."""
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(AssertionError, match=told):
        run_python(str(page), tmp_path)


def test_every_entry_of_the_configuration_is_explained() -> None:
    """With its other spellings and its variable."""
    page = text_of("docs/configuration.md")
    rows = "\n".join(re.findall(r"^\| `.*", page, re.MULTILINE))
    names = {*settings._NAMES, *settings._ALIASES, *settings._ENVIRONMENT, *settings._MERCHANT_ENVIRONMENT}
    assert not [name for name in sorted(names) if f"`{name}`" not in rows]


def test_every_option_of_a_call_is_explained() -> None:
    """Each name that is taken has its row, and the other way round."""
    table = text_of("docs/calls.md").partition("| option |")[2].partition("\n\n")[0]
    first_cells = "\n".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))
    assert {*re.findall(r"`(\w+)`", first_cells)} == {*NATIVE.options}


def test_every_setting_of_the_sandbox_is_explained() -> None:
    """Each argument has its row, and each row is of an argument or a method."""
    section = text_of("docs/sandbox.md").partition("## Settings")[2].partition("## For programs")[0]
    named = re.findall(r"`(\w+)[=`(]", "\n".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)))
    arguments = {*inspect.signature(Sandbox).parameters}
    assert arguments <= {*named}
    assert all(hasattr(Sandbox, name) for name in {*named} - arguments)


def test_every_error_is_explained() -> None:
    """Each class has a row, or a sentence where it is a base of others."""
    page = text_of("docs/errors.md")
    classes = [name for name in errors.__all__ if name != "Attempt"]
    assert not [name for name in classes if f"`{name}`" not in page and f"`errors.{name}`" not in page]


def test_both_pages_on_security_say_the_same() -> None:
    """The same tests in the same rows, each of which exists, and as many paragraphs."""
    english, chinese = (text_of(page) for page in ("SECURITY.md", "SECURITY.zh-CN.md"))
    tests = re.compile(r"`([\w/]+\.py)`")
    assert tests.findall(english) == tests.findall(chinese)
    assert not [name for name in tests.findall(english) if not (ROOT / "tests" / name).is_file()]
    for mark in (r"^#", r"^\|", r"^- \*\*"):
        assert len(re.findall(mark, english, re.MULTILINE)) == len(re.findall(mark, chinese, re.MULTILINE))
