"""The console's files as they are served: what they may load, who may frame them, and that no text is forgotten."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import requests

import wechatpay_chain.sandbox.console
from tests.sandbox.by_hand import send
from wechatpay_chain import Sandbox

FOLDER = Path(wechatpay_chain.sandbox.console.__file__).parent
FILES = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".html", ".css", ".js", ".svg"))
SCRIPTS = [path for path in sorted(FOLDER.iterdir()) if path.suffix == ".js"]
# What the control API says can be done is the name of a text too.
ACTIONS = {"pay", "close", "refund"}
PAGE = (FOLDER / "page.html").read_text()


def fetch(gateway: Sandbox, path: str, method: str = "GET", **headers: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, f"{gateway.base_url}{path}", headers=headers, timeout=10)


def test_the_page_has_a_strict_policy(gateway: Sandbox) -> None:
    """Scripts, styles and answers of this server alone; nothing inline, no frame, no form that leaves."""
    answer = fetch(gateway, "/_/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.content == PAGE.encode()
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Wechatpay-Signature" not in answer.headers


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served(gateway: Sandbox, name: str) -> None:
    """With its type, and to HEAD too."""
    answer = fetch(gateway, f"/_/console/{name}")
    kinds = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    assert (answer.status_code, answer.content) == (200, (FOLDER / name).read_bytes())
    assert answer.headers["Content-Type"].startswith(kinds[Path(name).suffix])
    head = fetch(gateway, f"/_/console/{name}", "HEAD")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    ["nothing.js", "", "../control.py", "assets.py", "__init__.py", "..%2fcontrol.py", "page.html/", "PAGE.HTML"],
)
def test_nothing_else_is_served(gateway: Sandbox, path: str) -> None:
    """No file of the package but those of the page."""
    answer = send(gateway, f"GET /_/console/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert answer.status in (400, 404)
    assert b"import" not in answer.body


@pytest.mark.parametrize("path", ["/_/", "/_/console/main.js", "/_/console/qrcode.svg?text=a"])
def test_the_files_are_only_read(gateway: Sandbox, path: str) -> None:
    """Whatever else is asked of them."""
    for method in ("POST", "PUT", "DELETE"):
        answer = fetch(gateway, path, method, **{"Content-Type": "application/json"})
        assert answer.status_code == 405, method


def test_a_name_that_points_here_is_refused(gateway: Sandbox) -> None:
    """The page too is for who calls this machine by its own name."""
    for path in ("/_/", "/_/console/main.js", "/_/console/qrcode.svg?text=a"):
        assert fetch(gateway, path, Host="shop.example").status_code == 403


def test_a_text_becomes_a_code(gateway: Sandbox) -> None:
    """As an SVG file; a text that makes none is 404."""
    answer = fetch(gateway, "/_/console/qrcode.svg?text=weixin%3A%2F%2Fwxpay%2Fbizpayurl%3Fpr%3Dabc")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert ElementTree.fromstring(answer.content).tag == "{http://www.w3.org/2000/svg}svg"
    for query in ("", "?text=", f"?text={'a' * 1025}"):
        assert fetch(gateway, f"/_/console/qrcode.svg{query}").status_code == 404


def test_without_segno_there_is_no_code(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """404, for which the page shows the address alone."""
    monkeypatch.setitem(sys.modules, "segno", None)
    assert fetch(gateway, "/_/console/qrcode.svg?text=a").status_code == 404


def texts() -> dict[str, tuple[str, str]]:
    """Every text in Chinese and English, a line each in its table."""
    table = (FOLDER / "languages.js").read_text().partition("const TEXTS = {\n")[2].partition("};")[0]
    rows = [
        re.fullmatch(r'  (?:"([^"]+)"|(\w+)): \["((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)"\],', line)
        for line in table.splitlines()
    ]
    return {row[1] or row[2]: (row[3], row[4]) for row in rows if row is not None or pytest.fail("a line is no text")}


def test_every_text_is_there_in_both_languages() -> None:
    """All that the page and its scripts ask for; none is there that nobody asks for."""
    known = texts()
    scripts = "\n".join(path.read_text() for path in SCRIPTS if path.name != "languages.js")
    asked = set(re.findall(r'data-(?:text|label)="([^"]+)"', PAGE)) | set(re.findall(r'\bsay\("([^"]+)"', scripts))
    assert asked - set(known) == set()
    literals = asked | set(re.findall(r'"([^"\n]*)"', scripts))
    # Found by the name of a section or a state.
    families = ("none.", "state.", "trade.")
    assert {name for name in known if name not in literals and not name.startswith(families)} <= ACTIONS
    for name, (zh, en) in known.items():
        assert all((zh, en)), name
        assert sorted(re.findall(r"\{\d\}", zh)) == sorted(re.findall(r"\{\d\}", en)), name


def test_nothing_is_loaded_from_elsewhere() -> None:
    """No address of another server, no inline script, style or handler, and no text as markup."""
    for name in FILES:
        content = (FOLDER / name).read_text()
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", content), name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", content
        ), name
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", PAGE)
    for source in re.findall(r'(?:src|href)="([^"]+)"', PAGE):
        assert source.startswith(("/_/console/", "#")), source
