"""Every sample call is right for the typed client, and wrong without any of the fields that it has to have."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.catalog.everyday import without
from tests.catalog.test_typed import mypy
from wechatpay_chain.catalog import sample
from wechatpay_chain.catalog.alternatives import alternatives
from wechatpay_chain.catalog.facts import Operation, operations

HEAD = """from wechatpay_chain import Media, Sealed
from wechatpay_chain.typed import Wechatpay

wxpay = Wechatpay.from_env()
"""
FIRST = HEAD.count("\n") + 1

pytestmark = pytest.mark.slow


def line(text: str) -> str:
    """A sample on one line, without its import."""
    body = ast.parse(text).body
    return ast.unparse(body[-1])


def needed(operation: Operation) -> Iterator[str]:
    """The fields at the top of body and query that a call cannot do without; those of uploads are in their meta."""
    facts = operation.facts
    others = alternatives(operation)
    fields: Mapping[str, Any] = {**(facts.get("body") or {}).get("fields", {}), **facts.get("query", {})}
    for name, schema in fields.items():
        if schema.get("required") and name not in others and not sample.is_sent_by_itself(operation, name):
            yield name


def cut(operation: Operation) -> Iterator[tuple[str, str]]:
    """The call without each of them, beside its name; what an upload has in its meta is left."""
    text = line(sample.samples(operation)[0].text)
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    given = call.args[0] if call.args else next((each.value for each in call.keywords if each.arg == "params"), None)
    keys = given.keys if isinstance(given, ast.Dict) else []
    there = {key.value for key in keys if isinstance(key, ast.Constant)}
    for name in needed(operation):
        if name in there:
            yield name, without(text, (name,))


def test_every_sample_is_checked(tmp_path: Path) -> None:
    """Strictly, for each role and in full; without a field the checker names it at its line."""
    right = [line(each.text) for operation in operations() for each in sample.samples(operation)]
    wrong = [each for operation in operations() for each in cut(operation)]
    assert len(right) > 1500
    assert len(wrong) > 3000
    files = {"right.py": HEAD + "\n".join(right) + "\n", "wrong.py": HEAD + "\n".join(text for _, text in wrong) + "\n"}
    told = mypy(tmp_path, files)
    assert told["right.py"] == {}
    silent = [each for number, each in enumerate(wrong, FIRST) if each[0] not in told["wrong.py"].get(number, "")]
    assert silent == []
