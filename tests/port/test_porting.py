"""The porting page: its Python runs, its PHP and JavaScript stand beside it, and both languages say the same."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.test_readme import FENCE, fences
from wechatpay_chain import Sandbox, errors
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


def ported_blocks(page: str) -> list[tuple[str, str, str]]:
    """Language, source and Python of each pair of blocks that ``port`` writes: all before the whole class."""
    text = (ROOT / page).read_text(encoding="utf-8")
    place = re.search(r"^## (?:A whole class|一个完整的类)$", text, re.MULTILINE)
    assert place is not None
    return re.findall(
        r"^```(php|js|ts)\n(.*?)^```\n+```python\n(.*?)^```", text[: place.start()], re.MULTILINE | re.DOTALL
    )


def test_every_block_is_ported() -> None:
    """PHP, JavaScript or TypeScript, then the Python that does the same."""
    kinds = [kind for kind, _ in FENCE.findall((ROOT / PAGES[0]).read_text(encoding="utf-8"))]
    assert set(kinds) == {"php", "js", "ts", "python"}
    assert len(ported_blocks(PAGES[0])) == kinds.count("php") + kinds.count("js") - 1
    assert kinds.count("python") == len(kinds) - kinds.count("python") + 1


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
        "number": "T20261",
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
        block = fences(PAGES[0], "python")[index]
        if "wxpay.notification(headers, body)" in block and "class " not in block:
            notice = gateway.pusher().notice("TRANSACTION.SUCCESS", {"a": 1})
            given |= {"headers": notice.headers, "body": notice.body}
        if "v2.pay.orderquery" in block:
            placed = {
                "appid": given["appid"],
                "mch_id": given["mchid"],
                "out_trade_no": given["number"],
                "body": "a book",
            }
            placed |= {"total_fee": 1, "spbill_create_ip": "10.0.0.1", "notify_url": given["notify_url"]}
            wxpay.v2.pay.unifiedorder.post({**placed, "trade_type": "NATIVE"})
            gateway.pay(given["number"])
        exec(compile(block, f"{PAGES[0]}, block {index}", "exec"), given)
        made = [value for value in given.values() if isinstance(value, Instance) and value is not instance]
    received: list[Received] = list(gateway.requests)
    assert not [request.verdict for request in received if request.verdict]
    for client in made:
        client.close()
    if "proven" in given:
        assert given["proven"]
        assert given["order"] == {"a": 1}


class Orders:
    """The shop's own: what was paid, for either class of the page."""

    def __init__(self) -> None:
        self.found: dict[str, int] = {}

    def paid(self, number: str, cents: int) -> Orders:
        self.found[number] = cents
        return self

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


@pytest.mark.parametrize("name", ["Shop", "AsyncShop"])
def test_the_whole_class_of_the_page_keeps_a_shop(gateway: Sandbox, name: str) -> None:
    """An order, its notice and a forged one, a query, a refund, and one that is refused."""
    (block,) = [each for each in fences(PAGES[0], "python") if f"class {name}:" in each]
    given: dict[str, Any] = {}
    exec(compile(block, PAGES[0], "exec"), given)

    def done(result: Any) -> Any:
        return asyncio.run(result) if inspect.iscoroutine(result) else result

    with gateway.client() as wxpay:
        shop = given[name](wxpay, "wx8888888888888888", "https://shop.example.com/notify", Orders())
        assert done(shop.order("T20261", 100, "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"))["signType"] == "RSA"
        paid = {"out_trade_no": "T20261", "trade_state": "SUCCESS", "amount": {"total": 100}}
        notice = gateway.pusher().notice("TRANSACTION.SUCCESS", paid)
        with pytest.raises(errors.VerificationError):
            done(shop.notice({**notice.headers, "Wechatpay-Signature": "Zm9yZ2Vk"}, notice.body))
        assert shop.orders.found == {}
        done(shop.notice(notice.headers, notice.body))
        assert shop.orders.found == {"T20261": 100}
        gateway.pay("T20261")
        assert done(shop.query("T20261")) == "SUCCESS"
        assert done(shop.refund("T20261", 100, 100)) in ("PROCESSING", "SUCCESS")
        with pytest.raises(ValueError, match=r"^[A-Z_]+$"):
            done(shop.refund("T20262", 100, 100))
    assert not [request.verdict for request in gateway.requests if request.verdict]
