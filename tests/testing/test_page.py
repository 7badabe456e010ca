"""The page about testing a shop: both languages say the same, and every block runs as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sockets import closed_port
from wechatpay_chain import Sandbox

ROOT = Path(__file__).parent.parent.parent
PAGES = ["docs/testing-your-shop.md", "docs/testing-your-shop.zh-CN.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Each block is a file of tests; so many tests are in them.
TESTS = 10


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return [text for found, text in FENCE.findall(text_of(PAGES[0])) if found == kind]


def test_both_pages_say_the_same() -> None:
    """The same blocks in the same order, and as many headings and table rows."""
    english, chinese = map(text_of, PAGES)
    assert FENCE.findall(english) == FENCE.findall(chinese)
    for mark in (r"^#", r"^\|"):
        assert len(re.findall(mark, english, re.MULTILINE)) == len(re.findall(mark, chinese, re.MULTILINE))


@pytest.mark.slow
def test_every_test_of_the_page_passes(tmp_path: Path) -> None:
    """pytest, unittest, Flask, Django and FastAPI, in one run of pytest without any configuration."""
    for number, source in enumerate(blocks("python")):
        (tmp_path / f"test_block_{number}.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{TESTS} passed" in done.stdout


def test_the_lines_for_other_languages_run(tmp_path: Path) -> None:
    """In a bash that ends at the first that fails; the sandbox ends with it. Here its port is a free one."""
    script = "".join(blocks("sh"))
    port = closed_port().rpartition(":")[2]
    assert "--port 18080" in script
    folder = str(Path(sys.executable).parent)
    environment = {"PATH": os.pathsep.join([folder, os.environ["PATH"]]), "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script.replace("18080", port)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "code_url" in done.stdout


def test_the_dockerfile_is_what_the_page_says() -> None:
    """It is not built here: a user without rights, a health check, the port and the volume of the page."""
    text = (ROOT / "Dockerfile").read_text()
    instructions = dict(re.findall(r"^(USER|HEALTHCHECK|EXPOSE|VOLUME|FROM) (.*)$", text, re.MULTILINE))
    assert instructions["USER"] not in ("root", "0")
    assert "/_/health" in text.partition("HEALTHCHECK")[2]
    assert {"tests", "screenshots", ".git", ".venv*"} <= set((ROOT / ".dockerignore").read_text().split())
    assert instructions["EXPOSE"] == "8080"
    assert instructions["VOLUME"] == "/data"
    assert "8080:8080" in text_of(PAGES[0])


@pytest.mark.slow
def test_the_health_check_asks_the_container_itself(gateway: Sandbox) -> None:
    """Whatever proxy its environment has; it fails when nobody answers."""
    [command] = re.findall(r"CMD (\[.*\])", (ROOT / "Dockerfile").read_text())
    executable, flag, program = json.loads(command)
    port = gateway.base_url.rpartition(":")[2]
    environment = {**os.environ, "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    assert (executable, flag) == ("python", "-c")
    for listening, status in ((port, 0), ("9", 1)):
        command = [sys.executable, "-c", program.replace("8080", listening)]
        done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
        assert done.returncode == status
