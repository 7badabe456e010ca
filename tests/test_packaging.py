"""What is published: an sdist that can test itself, metadata, and a page whose links work wherever it is shown."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "README.zh-CN.md")
# Everything that is written by hand; what tools leave beside it is not.
FOLDERS = (".ci", "benchmarks", "docs", "examples", "scripts", "tests", "wechatpay_chain")
LEFT_BY_TOOLS = {
    "__pycache__",
    ".mypy_cache",
    ".hypothesis",
    ".pytest_cache",
    ".ruff_cache",
    "node_modules",
    "screenshots",
}
LINK = re.compile(
    r"!?\[[^\]\[\n]*\]\(<?([^)\s>]+)[^)\n]*\)|^\[[^\]]+\]:\s*(\S+)|(?:href|src)=\"([^\"]+)\"", re.MULTILINE
)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
# These need every kind of file that is no module: recordings, pages, examples, scripts, stubs, and the README itself.
SELF_TEST = (
    "tests/test_readme.py",
    "tests/test_architecture.py",
    "tests/test_recordings.py",
    "tests/test_examples.py",
    "tests/catalog/test_catalog.py",
    "tests/catalog/test_missing_files.py",
    "tests/php/test_vectors.py",
    "tests/port/test_port_pages.py",
    "tests/test_packaging.py",
)


class Built(NamedTuple):
    """The two archives that ``python -m build`` makes."""

    sdist: Path
    wheel: Path

    def metadata(self) -> Message:
        """What a package index reads."""
        with zipfile.ZipFile(self.wheel) as wheel:
            name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
            return BytesParser().parsebytes(wheel.read(name))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """As a release is made: the sdist from this tree, the wheel from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=plain_environment())
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Deprecat" not in done.stdout + done.stderr
    return Built(next(folder.glob("*.tar.gz")), next(folder.glob("*.whl")))


def plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}


def written() -> Iterator[str]:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not set(path.parts) & LEFT_BY_TOOLS:
                yield path.relative_to(ROOT).as_posix()
    yield from (
        path.name for path in ROOT.iterdir() if path.suffix in (".md", ".toml", ".cfg") or path.name == "LICENSE"
    )


@pytest.mark.slow
def test_the_sdist_is_whole(built: Built) -> None:
    """Every file of the project but what tools left is in it."""
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert set(written()) - names == set()
    assert not [name for name in names if name.endswith(".pyc")]
    assert not [name for name in names if set(name.split("/")) & LEFT_BY_TOOLS]


@pytest.mark.slow
def test_the_unpacked_sdist_passes_its_own_tests(built: Built, tmp_path: Path) -> None:
    """All of them can be collected there, and those that need files which are no modules are run."""
    # By its command: which arguments the function wants depends on the version.
    subprocess.run([sys.executable, "-m", "tarfile", "-e", str(built.sdist), str(tmp_path)], check=True)
    (folder,) = tmp_path.iterdir()
    where = "import wechatpay_chain, tests; print(wechatpay_chain.__file__, tests.__file__)"
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    for command in ([sys.executable, "-c", where], [*pytest_command, "--collect-only"], [*pytest_command, *SELF_TEST]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=plain_environment())
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
        assert command[1] != "-c" or done.stdout.count(str(folder)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("page", ["docs/typing.md", "docs/typing.zh-CN.md"])
def test_the_page_about_types_says_what_the_stubs_weigh(built: Built, page: str) -> None:
    """Within a tenth."""
    text = (ROOT / page).read_text(encoding="utf-8").splitlines()
    (line,) = [each for each in text if "wheel" in each and "4." in each]
    count = int(re.findall(r"\d+", line)[0])
    shown = [float(each) for each in re.findall(r"(\d+\.\d+)(?= (?:MB|to))", line)[:4]]
    with zipfile.ZipFile(built.wheel) as wheel:
        stubs = [each for each in wheel.infolist() if each.filename.endswith(".pyi")]
    packed = sum(each.compress_size for each in stubs)
    whole = built.wheel.stat().st_size
    measured = [sum(each.file_size for each in stubs), packed, whole - packed, whole]
    assert count == len(stubs)
    assert [each / 1e6 for each in measured] == pytest.approx(shown, rel=0.1)


@pytest.mark.slow
def test_the_metadata_says_what_an_index_shows(built: Built) -> None:
    """Licence by its SPDX expression, project URLs, languages, and the README with links that work there."""
    metadata = built.metadata()
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License"] is None
    assert metadata["License-File"] == "LICENSE"
    urls = dict(re.split(r", ", each, maxsplit=1) for each in metadata.get_all("Project-URL", []))
    assert len(urls) >= 3
    assert all(url.startswith("https://") and len(label) <= 32 for label, url in urls.items())
    assert metadata["Description-Content-Type"] == "text/markdown"
    payload = metadata.get_payload(decode=True)
    assert isinstance(payload, bytes)
    page = payload.decode("utf-8")
    assert page.startswith("# wechatpay_chain")
    assert not broken_links(page)
    with zipfile.ZipFile(built.wheel) as wheel:
        names = wheel.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == {"wechatpay_chain"}
    assert "wechatpay_chain/pyinstaller/hook-wechatpay_chain.py" in names


def test_setup_cfg_describes_the_project() -> None:
    """Frameworks, natural languages, and a licence in the classifiers' place."""
    configuration = configparser.RawConfigParser()
    configuration.read(ROOT / "setup.cfg", encoding="utf-8")
    metadata = configuration["metadata"]
    classifiers = [line for line in metadata["classifiers"].splitlines() if line]
    assert metadata["license_expression"] == "MIT"
    assert not [each for each in classifiers if each.startswith("License ::")]
    assert {"Framework :: Django", "Framework :: FastAPI", "Framework :: Flask"} <= set(classifiers)
    assert {"Natural Language :: English", "Natural Language :: Chinese (Simplified)"} <= set(classifiers)
    assert classifiers == sorted(classifiers)
    for line in filter(None, metadata["project_urls"].splitlines()):
        label, url = line.split(" = ")
        assert (len(label) <= 32, url.startswith("https://")) == (True, True)


def broken_links(page: str) -> list[str]:
    """The links of a page that do not work wherever it is shown: neither a whole URL nor a heading of its own."""
    text = CODE.sub("", page)
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in headings(page)}
    links = [next(filter(None, found)) for found in LINK.findall(text)]
    return [link for link in links if not (link.startswith("https://") or (link[:1] == "#" and link[1:] in anchors))]


def headings(page: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_the_page_work_on_a_package_index(page: str) -> None:
    """There is no folder beside it: a file is named, or linked by its whole URL; named files exist."""
    text = (ROOT / page).read_text(encoding="utf-8")
    assert not broken_links(text)
    named = re.findall(r"`((?:docs|benchmarks|examples)/[\w./-]+\.md|[A-Z]+(?:\.zh-CN)?\.md)`", text)
    assert named
    assert not [name for name in named if not (ROOT / name).is_file()]


@pytest.mark.parametrize(
    "link",
    ["[a](docs/a.md)", "![a](a.png)", "[a](/a)", "[a](#nowhere)", "[a]: docs/a.md", '<a href="a.md">', "[a](http://a)"],
)
def test_a_link_that_does_not_work_is_found(link: str) -> None:
    """So that the test above can fail."""
    assert broken_links(f"# Title\n\n{link}\n")
    assert not broken_links(f"# Title\n\n[a](https://a.example/a.md) [b](#title) `{link}`\n")
