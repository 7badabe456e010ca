"""Whole pages through ``wechatpay-chain port``: the porting page, and a page that lost its Markdown."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.port.test_porting import PAGES, ROOT
from tests.test_readme import FENCE
from wechatpay_chain import Sandbox
from wechatpay_chain.cli import main
from wechatpay_chain.cli.console import Console
from wechatpay_chain.port.snippets import Snippet, snippets_in
from wechatpay_chain.port.translation import translated

STRIPPED = Path(__file__).parent.parent / "data" / "product-coupon.txt"
PATH = "/v3/marketing/partner/product-coupon/notify-configs"


def fenced(page: str) -> list[tuple[str, str, str]]:
    """Language, source and Python of each pair of blocks."""
    blocks = FENCE.findall((ROOT / page).read_text(encoding="utf-8"))
    return [(kind, source, python) for (kind, source), (_, python) in zip(blocks[::2], blocks[1::2], strict=True)]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_the_page_is_what_the_port_gives(page: str) -> None:
    """Byte for byte."""
    assert len(fenced(page)) > 15
    for kind, source, python in fenced(page):
        made = translated([Snippet(source, kind)])
        assert (made.python, made.problems) == (python, [])


@pytest.mark.parametrize("page", PAGES)
def test_the_page_as_a_whole_is_one_text(page: str) -> None:
    """The command finds the snippets between the prose; imports are joined at its head."""
    console = Console(io.StringIO(), io.StringIO(), io.StringIO(), {})
    assert main(["port", str(ROOT / page)], console) == 0
    assert isinstance(console.stdout, io.StringIO)
    whole = console.stdout.getvalue()
    compile(whole, page, "exec")
    assert whole.count("import json\n") == 1
    for _, _, python in fenced(page):
        body = "\n".join(line for line in python.split("\n") if not line.startswith(("import ", "from "))).strip()
        assert body in whole


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
    made = translated([snippet])
    assert made.problems == []
    with gateway.builder() as instance:
        instance.chain(PATH).post({"json": {"notify_url": "https://pay.weixin.qq.com"}})
        gateway.requests.clear()
        exec(compile(made.python, "snippet", "exec"), {"instance": instance})
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
    made = translated(found)
    assert (made.python, made.problems) == ("wxpay.v3.a.get({})\n\ninstance.v3.a.get()\n", [])


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
