from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalog.pages import steady
from tests.cli.test_cli import run
from wechatpay_chain.catalog import facts, manual, tree
from wechatpay_chain.catalog.search import close, exact, search
from wechatpay_chain.catalog.vocabulary import MEANINGS
from wechatpay_chain.encoding import paths

ROOT = Path(__file__).parent.parent.parent
JSAPI = "v3/pay/transactions/jsapi"


@pytest.mark.parametrize(
    ("asked", "path", "method"),
    [
        ("v3.pay.transactions.jsapi", JSAPI, "POST"),
        ("wxpay.v3.pay.transactions.jsapi.post", JSAPI, "POST"),
        ('wxpay.v3.pay.transactions.jsapi.post({"appid": "a"})', JSAPI, "POST"),
        ("$instance->v3->pay->transactions->jsapi->postAsync", JSAPI, "POST"),
        ("wxpay['v3/pay/transactions/jsapi'].post", JSAPI, "POST"),
        ("POST /v3/pay/transactions/jsapi", JSAPI, "POST"),
        ("post v3/pay/transactions/jsapi", JSAPI, "POST"),
        ("https://api.mch.weixin.qq.com/v3/pay/transactions/jsapi", JSAPI, "POST"),
        (
            "https://api.mch.weixin.qq.com/v3/pay/transactions/id/4200?mchid=19",
            "v3/pay/transactions/id/{transaction_id}",
            "GET",
        ),
        ("/v3/pay/transactions/id/<transaction_id>", "v3/pay/transactions/id/{transaction_id}", "GET"),
        ("https://api.mch.weixin.qq.com/pay/unifiedorder", "v2/pay/unifiedorder", "POST"),
        ("v2.pay.unifiedorder", "v2/pay/unifiedorder", "POST"),
        ("get v3.marketing.favor.callbacks", "v3/marketing/favor/callbacks", "GET"),
        ("wxpay.v3.marketing.favor.callbacks.post", "v3/marketing/favor/callbacks", "POST"),
        ("二级商户进件API", "v3/ecommerce/applyments/{empty}", "POST"),
        ("统一下单 APIv2∙基础支付", "v2/pay/unifiedorder", "POST"),
    ],
)
def test_one_operation_is_shown_in_full(asked: str, path: str, method: str) -> None:
    """A chain, a path or a URL, with or without its verb, or the whole name: the page that help shows."""
    operation = tree.match(method, path)
    assert operation
    status, out, err = run("api", asked)
    assert (status, err) == (0, "")
    assert steady(out).startswith(steady(f"{manual.page(operation)}\n"))
    assert steady(run("api", *asked.partition("(")[0].split())[1]) == steady(out)


def test_a_link_of_the_documentation_is_found() -> None:
    """As it stands in the address bar."""
    operation = tree.match("POST", JSAPI)
    assert operation
    page = next(each for each in operation.facts["docs"] if "/doc/" in each)
    assert operation in search([f"{page}?from=x#y"])


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("refund", "v3/refund/domestic/refunds"),
        ("Refunds", "v3/refund/domestic/refunds"),
        ("close order", "v3/pay/transactions/out-trade-no/{out_trade_no}/close"),
        ("query certificate", "v3/certificates"),
        ("query certificates", "v3/certificates"),
        ("关单", "v3/pay/transactions/out-trade-no/{out_trade_no}/close"),
        ("订单查询 微信支付", "v3/pay/transactions/id/{transaction_id}"),
        ("申请退款", "v3/refund/domestic/refunds"),
        ("jsapi", JSAPI),
        ("upload image", "v3/merchant-service/images/upload"),
    ],
)
def test_the_closest_comes_first(asked: str, first: str) -> None:
    """English words are found in what they mean in Chinese, names that are turned round too."""
    assert "/".join(search(asked.split())[0].words) == first


@pytest.mark.parametrize("word", MEANINGS)
def test_a_meaning_finds_something(word: str) -> None:
    """Each meaning occurs in a name or a tag, so that no line of the table is idle."""
    for meaning in MEANINGS[word]:
        texts = ("\n".join((each.name, *each.tags)).casefold() for each in facts.operations())
        assert any(meaning in text for text in texts), meaning
    assert search([word])


def test_a_list_is_a_line_each_the_closest_first_and_cut() -> None:
    """Method, chain, name and first tag, in the order of the search; --all cuts nothing."""
    status, out, err = run("api", "refund")
    head, *lines = out.splitlines()
    assert (status, err) == (0, "")
    total = int(head.split()[0])
    assert lines.pop() == f"  and {total - 30} more: add a word, or --all"
    assert len(lines) == 30
    method, chain, name, tag = lines[0].split()
    assert (method, chain) == ("POST", "v3.refund.domestic.refunds")
    assert (name, tag) == ("申请退款API", "[基础支付∙退款]")
    chains = [tree.spell("/".join(each.words)) for each in search(["refund"])[:30]]
    assert [line.split()[1] for line in lines] == chains
    everything = run("api", "refund", "--all")[1].splitlines()
    assert len(everything) == total + 1
    assert len(run("api", "--all")[1].splitlines()) == 1155


def test_what_else_fits_is_said() -> None:
    """One is meant by its whole name, and others have it as a part of theirs."""
    found = search(["查询最大分账比例API"])
    one = exact(["查询最大分账比例API"])
    assert one
    status, out, err = run("api", "查询最大分账比例API")
    assert (status, err) == (0, "")
    assert steady(out) == steady(f"{manual.page(one)}\n\n{len(found) - 1} more that fit: --all\n")
    assert len(run("api", "查询最大分账比例API", "--all")[1].splitlines()) == len(found) + 1
    assert exact(["关闭订单"]) is None
    assert exact(["refund"]) is None
    assert exact(["v3.marketing.favor.callbacks"]) is None
    assert exact([]) is None
    lines = run("api", "v3.marketing.favor.callbacks")[1].splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["POST", "GET"]


def test_no_word_is_an_overview_by_word() -> None:
    """The words that paths begin with, in Chinese, with counts, products first that most shops use; tags in JSON."""
    status, out, err = run("api")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("1154 operations (catalogue ")
    at = lines.index("v3: 992 operations, APIv3")
    assert [line.split() for line in lines[at + 1 : at + 3]] == [
        ["v3.pay", "29", "下单、查单、关单"],
        ["v3.refund", "3", "退款"],
    ]
    assert "v2: 136 operations, APIv2" in lines
    assert len(lines) < 80
    known = json.loads(run("api", "--json")[1])
    assert known["operations"] == 1154
    assert known["version"] == facts.version()
    assert {tag for each in facts.operations() for tag in each.tags} < known["tags"].keys()
    assert {"chain": "v3.pay", "name": "下单、查单、关单", "operations": 29} in known["words"]
    roots = [each for each in known["words"] if "." not in each["chain"]]
    assert sum(each["operations"] for each in roots) == 1154


@pytest.mark.parametrize(
    ("asked", "first"), [("v3", "v3.pay"), ("wxpay.v3", "v3.pay"), ("v3.marketing", "favor"), ("v2", "v2.pay")]
)
def test_a_branch_with_many_operations_is_told_by_its_words(asked: str, first: str) -> None:
    """As the prompt shows it, every word of it; --all lists the operations."""
    status, out, err = run("api", asked)
    head, *lines = out.splitlines()
    assert (status, err) == (0, "")
    total = int(head.removesuffix(" operations"))
    assert lines[0].split()[0].endswith(first)
    assert sum(int(line.split()[1]) for line in lines) == total
    assert len(run("api", asked, "--all")[1].splitlines()) == total + 1


def test_red_packets_say_that_they_need_the_certificate() -> None:
    """In lists and on their page; what needs none says nothing."""
    lines = run("api", "红包")[1].splitlines()
    red = [line for line in lines if "mmpaymkttransfers" in line]
    assert red
    assert all(line.endswith("security=True") for line in red)
    assert not any(line.endswith("security=True") for line in lines if "v3." in line)
    page = run("api", "wxpay.v2.mmpaymkttransfers.sendredpack.post")[1]
    assert "needs: security=True (the merchant's TLS certificate" in page
    assert "    security=True,\n" in page


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["refnd", "jsapi"], "refnd: did you mean refund"),
        (["refund", "jsapi"], "refund: 37 alone, jsapi: 12 alone"),
        (["$(reboot)"], "in none"),
        (["`x`", "'\"", "\\"], "in none"),
        (["..", "//", "?", "#"], "in none"),
        (["v3.no.where"], "in none"),
        (["\x1b[31m"], "in none"),
        (["x" * 5000], "in none"),
        (["https://a.example/v3/nowhere"], "in none"),
        (["https://api.mch.weixin.qq.com/v3/nowhere"], "in none"),
        (["https://pay.weixin.qq.com/doc/v3/merchant/4012791856"], "no operation names this page"),
        (["4012791856"], "no operation names this page, search for its title"),
    ],
)
def test_nothing_found_is_one_line_and_exit_code_1(asked: list[str], told: str) -> None:
    """What each word finds alone, or which words are like it."""
    status, out, err = run("api", *asked)
    assert (status, out) == (1, "")
    assert err.startswith("wechatpay-chain: no operation has all of these words (")
    assert err.count("\n") == 1
    assert told in err
    assert "\x1b" not in err
    assert told in close(asked)


def test_a_misspelt_word_is_taken_for_what_it_is_like() -> None:
    """The list is that of the right word, and standard error says so."""
    status, out, err = run("api", "refnd")
    assert (status, out) == run("api", "refund")[:2]
    assert "refnd: did you mean refund" in err
    assert err.endswith("; shown is: refund\n")
    for flag in ("--all", "--json"):
        assert "; shown is: refund" in run("api", "refnd", flag)[2]


def test_an_error_code_is_explained() -> None:
    """Each product's meaning and remedy, then the operations that answer it."""
    status, out, err = run("api", "NOT_ENOUGH")
    assert (status, err) == (0, "")
    assert out.startswith("403 NOT_ENOUGH [orders] 余额不足 (too little money): ")
    assert "\n403 NOT_ENOUGH [refunds] " in out
    assert "  POST   v3.refund.domestic.refunds " in out


@pytest.mark.parametrize("asked", ["支付回调", "notify", "webhook", "支付通知"])
def test_who_looks_for_notices_is_told_where_they_are(asked: str) -> None:
    """They are no operations, found or not."""
    assert "wxpay.notification, docs/notifications.md" in run("api", asked)[2]


def test_a_word_that_is_no_path_is_a_word() -> None:
    """Chinese with dots and slashes, and paths that lead nowhere, are searched as text."""
    assert search(["商家/商户"]) == []
    assert search(["/close"])
    assert paths.segment("outTradeNo") in {part for each in search(["out-trade-no"]) for part in each.words}


def test_it_needs_neither_configuration_nor_what_sends() -> None:
    """Neither requests nor cryptography is imported, nor the PHP face, nor the sandbox."""
    code = (
        "import sys; from wechatpay_chain.cli import main; status = main(['api', 'refund']);"
        "heavy = {'requests', 'cryptography', 'urllib3', 'wechatpay_chain.client', 'wechatpay_chain.sandbox'};"
        "print(int(status), sorted(heavy & sys.modules.keys()))"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", env=environment, check=True
    )
    assert done.stdout.endswith("\n0 []\n")
