"""Whole pages through ``wechatpay-chain port``: the porting page, and a page that lost its Markdown."""

from __future__ import annotations

import ast
import io
import json
import re
from pathlib import Path

import pytest

from tests.port.listing import listed, without_comments
from tests.port.test_porting import PAGES, ROOT, ported_blocks
from wechatpay_chain import Sandbox
from wechatpay_chain.cli import main
from wechatpay_chain.cli.console import Console
from wechatpay_chain.port.report import port
from wechatpay_chain.port.snippets import snippets_in

STRIPPED = Path(__file__).parent.parent / "data" / "product-coupon.txt"
PATH = "/v3/marketing/partner/product-coupon/notify-configs"


def tree(python: str) -> str:
    """What a text of Python says, however it is laid out."""
    return ast.dump(ast.parse(python))


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_the_page_is_what_the_port_gives(page: str) -> None:
    """The same program, with nothing left and no hole."""
    blocks = ported_blocks(page)
    assert len(blocks) > 15
    for kind, source, python in blocks:
        report = listed(source, kind)
        assert (report.holes, report.count("ported")) == ({}, len(report.statements))
        assert tree(report.python()) == tree(python)


def test_the_whole_classes_of_the_page_are_found() -> None:
    """Order, notice, refund and query, in PHP and in TypeScript; nothing of them is left."""
    text = (ROOT / PAGES[0]).read_text(encoding="utf-8")
    for kind, count in (("php", 13), ("ts", 9)):
        (source,) = re.findall(rf"^```{kind}\n((?:(?!```).)*?class Shop.*?)^```", text, re.MULTILINE | re.DOTALL)
        report = listed(source, kind)
        assert (len(report.statements), report.count("left")) == (count, 0)
        assert {each.place.split("::")[-1].split(".")[-1] for each in report.statements} == {
            "order",
            "notice",
            "refund",
            "query",
        }


@pytest.mark.parametrize("page", PAGES)
def test_the_page_as_a_whole_is_one_text(page: str) -> None:
    """The command finds the snippets between the prose; imports are joined at its head."""
    console = Console(io.StringIO(), io.StringIO(), io.StringIO(), {})
    assert main(["port", str(ROOT / page)], console) == 0
    assert isinstance(console.stdout, io.StringIO)
    whole = console.stdout.getvalue()
    compile(whole, page, "exec")
    assert whole.count("import json\n") == 1
    statements = {tree(ast.unparse(each)) for each in ast.parse(whole).body}
    for _, _, python in ported_blocks(page):
        assert {
            tree(ast.unparse(each))
            for each in ast.parse(python).body
            if not isinstance(each, ast.Import | ast.ImportFrom)
        } <= statements


def test_a_page_without_its_markdown_has_its_snippets() -> None:
    """The language stands glued to the code before it, prose behind the code."""
    found = snippets_in(STRIPPED.read_text(encoding="utf-8"), None, is_page=True)
    assert len(found) == 12
    assert {each.language for each in found} == {"php"}
    assert all(each.code.startswith("$") and each.code.endswith(";") for each in found)
    lines = STRIPPED.read_text(encoding="utf-8").split("\n")
    assert all(lines[each.offset] == each.code.split("\n")[0] for each in found)


@pytest.mark.parametrize("index", range(12))
def test_each_snippet_sends_the_request_of_the_page(
    gateway: Sandbox, capsys: pytest.CaptureFixture[str], index: int
) -> None:
    """Three spellings, with promises and without: one POST, one GET, rightly signed; the answer is printed."""
    snippet = snippets_in(STRIPPED.read_text(encoding="utf-8"), None, is_page=True)[index]
    report = port([("page", snippet)])
    assert report.count("left") == 0
    assert report.holes == {}
    with gateway.builder() as instance:
        instance.chain(PATH).post({"json": {"notify_url": "https://pay.weixin.qq.com"}})
        gateway.requests.clear()
        exec(compile(report.python(), "snippet", "exec"), {"instance": instance})
    (received,) = gateway.requests
    assert (received.verdict, received.target) == ("", PATH)
    assert received.method == ("POST" if index < 6 else "GET")
    sent = json.loads(received.body) if received.body else None
    assert sent == ({"notify_url": "https://pay.weixin.qq.com"} if index < 6 else None)
    assert "notify_url" in capsys.readouterr().out


def test_fences_are_found_wherever_they_stand() -> None:
    """In a quote, with words behind the language, after what a documentation tool hides; other languages are not."""
    page = """\
> ```js twoslash
> import { wxpay } from './virtual'
> // ---cut---
> wxpay.v3.a.get({})
> //        ^^^
> ```

~~~php
$instance->v3->a->get();
~~~

```python
print(1)
```
"""
    found = snippets_in(page)
    assert [(each.language, each.offset) for each in found] == [("js", 3), ("php", 8)]
    report = port([("page", each) for each in found])
    assert without_comments(report.python()) == "wxpay.v3.a.get({})\ninstance.v3.a.get()"


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("<?php echo 1;", "php"),
        ("$instance->v3->a->get();", "php"),
        ("use WeChatPay\\Builder;", "php"),
        ("wxpay.v3.a.get()", "js"),
        ("wxpay.v3.$id$.get({ id })", "js"),
    ],
)
def test_the_language_is_told_by_the_code(code: str, language: str) -> None:
    """PHP by its tag or its variables."""
    assert [each.language for each in snippets_in(code)] == [language]
