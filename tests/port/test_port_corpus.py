"""Shops of many frameworks: every statement of the SDK is found, and no check of a signature is lost."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.port.listing import without_comments
from wechatpay_chain import Sandbox
from wechatpay_chain.php import AesGcm, Formatter, Rsa
from wechatpay_chain.port import conversion
from wechatpay_chain.port.report import Report, port
from wechatpay_chain.port.snippets import snippets_in

FOLDER = Path(__file__).parent.parent / "data" / "port"
LANGUAGES = {".php": "php", ".js": "js", ".mjs": "js", ".cjs": "js", ".ts": "ts"}
FILES = sorted(path for path in FOLDER.iterdir() if path.suffix in (*LANGUAGES, ".vue"))
# Whoever wrote a file counted by hand: a mark stands in the first line of each statement.
MARK = re.compile(r"// sdk\b")
GUARDS = [path for path in FILES if "// sdk guard" in path.read_text(encoding="utf-8")]


@cache
def report_of(path: Path, text: str | None = None) -> Report:
    text = path.read_text(encoding="utf-8") if text is None else text
    is_component = path.suffix == ".vue"
    snippets = snippets_in(text, LANGUAGES.get(path.suffix), is_page=False, is_component=is_component)
    report = port([(path.name, each) for each in snippets])
    compile(report.python(), path.name, "exec")
    return report


def test_the_corpus_is_there() -> None:
    """Thirty files, both languages and TypeScript, and a guard in each manner."""
    assert len(FILES) == 30
    assert {path.suffix for path in FILES} == {*LANGUAGES, ".vue"}
    assert len(GUARDS) == 9


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_statement_is_found(path: Path) -> None:
    """Each once, at its line, and none of them is left."""
    lines = path.read_text(encoding="utf-8").split("\n")
    marked = [number for number, line in enumerate(lines, 1) if MARK.search(line)]
    report = report_of(path)
    assert sorted(each.line for each in report.statements) == marked
    assert [each.reasons for each in report.statements if each.status == "left"] == []


def test_most_are_ported_but_for_what_is_the_shops() -> None:
    """Nine of ten: a hole with something of the SDK within is the shop's function that is called with it."""
    counts: Counter[bool] = Counter()
    for path in FILES:
        for each in report_of(path).statements:
            code = each.python if not each.python.endswith(":") else f"{each.python} pass"
            holes = [
                node
                for node in ast.walk(ast.parse(code))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "HERE"
            ]
            counts[any(isinstance(argument, ast.Lambda) for hole in holes for argument in hole.args)] += 1
    assert counts.total() > 140
    assert counts[False] / counts.total() >= 0.9


def section(path: Path) -> str:
    """The Python of the function that checks the signature, and no other."""
    report = report_of(path)
    lines = path.read_text(encoding="utf-8").split("\n")
    guard = next(number for number, line in enumerate(lines, 1) if "// sdk guard" in line)
    (place,) = {each.place for each in report.statements if each.line == guard}
    chunks = re.split(r"^(?=# \S+:\d+)", report.python(), flags=re.MULTILINE)
    imports = "\n".join(line for line in chunks[0].split("\n") if line.startswith(("import ", "from ")))
    # A function without a name is told by its line.
    first = max((number for number, line in enumerate(lines[:guard], 1) if "function (" in line), default=0)
    told: list[str] = []
    for chunk in chunks[1:]:
        head = re.match(r"# \S+:(\d+) ?(.*)", chunk)
        assert head is not None
        if head[2] == place and (place or int(head[1]) >= first):
            told.append(chunk)
    return imports + "\n" + "".join(told)


class Told(str):
    """Text of a request that is also its own ``toString()``."""


def run_guard(path: Path, gateway: Sandbox, monkeypatch: pytest.MonkeyPatch, is_forged: bool) -> tuple[str, int]:
    """How the function ends for a notice, and how often something is decrypted."""
    identity = gateway.identity
    timestamp, nonce = str(Formatter.timestamp()), Formatter.nonce()
    resource = {
        "ciphertext": AesGcm.encrypt(
            '{"out_trade_no":"T1","trade_state":"SUCCESS"}', identity.apiv3_key, "n" * 12, "transaction"
        )
    }
    body = json.dumps({"resource": {**resource, "nonce": "n" * 12, "associated_data": "transaction"}})
    signed = body if not is_forged else body + " "
    signature = Rsa.sign(Formatter.joinedByLineFeed(timestamp, nonce, signed), identity.public_key)
    public_key = gateway.configuration()["certs"][identity.public_key_id]
    opened: list[object] = []
    decrypt = AesGcm.decrypt

    def counted(*given: Any) -> str:
        opened.append(given)
        return str(decrypt(*given))

    monkeypatch.setattr(AesGcm, "decrypt", staticmethod(counted))
    monkeypatch.setattr(Rsa, "from_", staticmethod(lambda *given: public_key))
    monkeypatch.setenv("APIV3_KEY", identity.apiv3_key)
    monkeypatch.setenv("APIV3", identity.apiv3_key)
    monkeypatch.setenv("PUB_KEY", str(public_key))
    answers: tuple[tuple[str, Any], ...] = (
        ("decrypt", {}),
        ("apiv3", identity.apiv3_key),
        ("v3_key", identity.apiv3_key),
        ("apiv3_key", identity.apiv3_key),
        ("iphertext", resource["ciphertext"]),
        ("associated_data", "transaction"),
        ("resource.nonce", "n" * 12),
        ("resource[", "n" * 12),
        ("body.resource['nonce']", "n" * 12),
        ("imestamp", timestamp),
        ("once", nonce),
        ("ignature", signature),
        ("platform", public_key),
        ("cert", public_key),
        ("ublicKey", public_key),
        ("keys.find", public_key),
        ("raw", body),
        ("ody", body),
        ("ontent", body),
        ("input", body),
        ("text()", body),
    )

    def here(number: int, source: str, *values: Any) -> Any:
        if source.startswith("..."):
            return resource["ciphertext"], identity.apiv3_key, "n" * 12, "transaction"
        return next((answer for word, answer in answers if word.lower() in source.lower()), Told(""))

    given = {"HERE": here, "timestamp": timestamp, "nonce": nonce, "signature": signature}
    try:
        exec(compile(section(path), path.name, "exec"), given)
    except NotImplementedError as error:
        return str(error), len(opened)
    return "the end", len(opened)


@pytest.mark.parametrize("path", GUARDS, ids=lambda path: path.name)
def test_a_forged_notice_gets_no_further_than_its_guard(
    path: Path, gateway: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NotImplementedError, and nothing is decrypted; the genuine one is."""
    ending, opened = run_guard(path, gateway, monkeypatch, is_forged=True)
    assert opened == 0, section(path)
    # One of them is an expression: what stands behind the colon is the shop's.
    assert ending.startswith("the end" if path.name == "slim_actions.php" else "line "), section(path)
    monkeypatch.undo()
    ending, opened = run_guard(path, gateway, monkeypatch, is_forged=False)
    assert opened == 1, (ending, section(path))


def test_what_is_printed_is_what_the_conversions_need() -> None:
    """Every name that the printed Python imports from this package is there."""
    imported = {
        name for path in FILES for name in re.findall(r"port\.conversion import (.*)", report_of(path).python())
    }
    words = {word for line in imported for word in line.split(", ")}
    assert words <= set(conversion.__all__)
    assert without_comments(report_of(FILES[0]).python())
