"""The porting page: its Python runs, its PHP and JavaScript stand beside it, and both languages say the same."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.test_readme import FENCE, fences
from wechatpay_chain import Sandbox
from wechatpay_chain.php import AesGcm, Formatter, Instance, Rsa, guzzle
from wechatpay_chain.sandbox.answer import Received

PAGES = ["docs/porting.md", "docs/porting.zh-CN.md"]
ROOT = Path(__file__).parent.parent.parent


def test_both_pages_say_the_same() -> None:
    """The same fences, as many headings, rows and items."""
    english, chinese = ((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    assert FENCE.findall(english) == FENCE.findall(chinese)
    for mark in ("^#", r"^\|", "^- "):
        assert len(re.findall(mark, english, re.MULTILINE)) == len(re.findall(mark, chinese, re.MULTILINE))


def test_every_block_is_ported() -> None:
    """PHP or JavaScript, then the Python that does the same."""
    kinds = [kind for kind, _ in FENCE.findall((ROOT / PAGES[0]).read_text(encoding="utf-8"))]
    assert len(kinds) > 20
    assert set(kinds[::2]) == {"php", "js"}
    assert set(kinds[1::2]) == {"python"}


def test_every_option_of_guzzle_is_told() -> None:
    """In the table of the page."""
    table = (ROOT / PAGES[0]).read_text(encoding="utf-8").partition("## Guzzle's options")[2].partition("\n## ")[0]
    told = set(re.findall(r"\w+", " ".join(re.findall(r"^\| `([^`]+)`", table, re.MULTILINE))))
    assert told == guzzle.OPTIONS.keys() - {"nonceless", "security"}


def names(gateway: Sandbox, folder: Path) -> dict[str, Any]:
    """What the page's variables stand for: a sandbox's merchant, a file, and a notification."""
    entries, identity = gateway.configuration(), gateway.identity
    (folder / "logo.png").write_bytes(b"png")
    timestamp, nonce = str(Formatter.timestamp()), Formatter.nonce()
    resource = {"ciphertext": AesGcm.encrypt('{"a":1}', identity.apiv3_key, "n" * 12, "transaction")}
    body = json.dumps({"resource": {**resource, "nonce": "n" * 12, "associated_data": "transaction"}})
    return {
        "mchid": entries["mchid"],
        "serial": entries["serial"],
        "private_key": entries["private_key"],
        "platform_id": identity.public_key_id,
        "platform_key": entries["certs"][identity.public_key_id],
        "base_uri": entries["base_url"],
        "base_url": entries["base_url"],
        "url": "https://pay.weixin.qq.com",
        "notify_url": "https://pay.weixin.qq.com",
        "sp_mchid": "298689900",
        "path": str(folder / "logo.png"),
        "meta": {"filename": "logo.png", "sha256": hashlib.sha256(b"png").hexdigest()},
        "name": "联系人",
        "number": "T1",
        "appid": "wx8888888888888888",
        "prepay_id": "wx201410272009395522657a690389285100",
        "apiv3_key": identity.apiv3_key,
        "timestamp": timestamp,
        "nonce": nonce,
        "body": body,
        "signature": Rsa.sign(Formatter.joinedByLineFeed(timestamp, nonce, body), identity.public_key),
    }


@pytest.mark.parametrize("index", range(len(fences(PAGES[0], "python"))))
def test_the_python_of_the_page_runs(gateway: Sandbox, tmp_path: Path, index: int) -> None:
    """Every block, each request rightly signed."""
    given = names(gateway, tmp_path)
    with gateway.client() as wxpay, gateway.builder(merchant=gateway.merchant) as instance:
        given |= {"wxpay": wxpay, "instance": instance}
        exec(compile(fences(PAGES[0], "python")[index], f"{PAGES[0]}, block {index}", "exec"), given)
        made = [value for value in given.values() if isinstance(value, Instance) and value is not instance]
    received: list[Received] = list(gateway.requests)
    assert not [request.verdict for request in received if request.verdict]
    for client in made:
        client.close()
    if "proven" in given:
        assert given["proven"]
        assert given["order"] == {"a": 1}
