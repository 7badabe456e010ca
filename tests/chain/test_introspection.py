from __future__ import annotations

import html
import os
import pydoc
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import IPython.lib.pretty
import pytest

from tests.catalog.pages import steady
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.catalog import facts, sample, tree
from wechatpay_chain.chain.node import Chain
from wechatpay_chain.php import Instance

ROOT = Path(__file__).parent.parent.parent
# Untyped in IPython.
pretty: Callable[[object], str] = IPython.lib.pretty.pretty
EVERY_VERB = {"get", "getAsync", "get_async", "post", "postAsync", "delete", "patch", "put_async", "chain"}


@pytest.mark.parametrize(
    ("path", "told", "untold"),
    [
        ("v3/pay/transactions", {"outTradeNo", "jsapi", "chain"}, {"get", "post", "out-trade-no"}),
        ("v3/pay/transactions/jsapi", {"post", "postAsync", "post_async", "chain"}, {"get", "delete"}),
        ("v3/pay/transactions/out-trade-no", {"_out_trade_no_"}, {"get"}),
        ("v3/pay/transactions/out-trade-no/4200", {"get", "getAsync", "get_async", "close"}, {"post"}),
        ("v3", {"global_", "merchantService", "pay"}, {"get", "global"}),
        ("v3/ecommerce/applyments", {"_empty_", "_applyment_id_"}, {"post"}),
        ("v3/profitsharing/receivers", {"add", "delete"}, {"get"}),
        ("v3/nowhere", EVERY_VERB, {"pay"}),
        ("v2/pay", {"unifiedorder"}, {"get"}),
    ],
)
def test_dir_lists_children_and_verbs(wxpay: Wechatpay, path: str, told: set[str], untold: set[str]) -> None:
    """In the spelling that a user types; every verb where nothing is known, since an unknown path works the same."""
    listed = dir(wxpay[path])
    assert told <= set(listed)
    assert not untold & set(listed)
    assert all(name.isidentifier() for name in listed)


def test_dir_of_a_client(wxpay: Wechatpay, instance: Instance) -> None:
    """Where paths begin, and what a client offers besides."""
    for client in (wxpay, instance):
        assert {"v2", "v3", "hk", "global_", "chain", "prepare", "download", "notification", "close"} <= set(
            dir(client)
        )
        assert not [name for name in dir(client) if name.startswith("_")]


def test_dir_after_a_verb(wxpay: Wechatpay) -> None:
    """A verb ends a chain, unless its word goes on as a path."""
    assert dir(wxpay.v3.pay.transactions.jsapi.post) == ["chain"]
    assert set(dir(wxpay.v3.profitsharing.receivers.delete)) == {"post", "postAsync", "post_async", "chain"}


def test_every_child_is_reached_as_it_is_listed(wxpay: Wechatpay) -> None:
    """From the client down, by what dir lists alone: each operation but for three words that no attribute spells."""
    reached = set()

    def walk(node: Any) -> None:
        for name in dir(node):
            child = getattr(node, name) if name != "chain" else None
            match = (
                re.match(r"<(GET|POST|PUT|PATCH|DELETE) (/[^:]*)", repr(child)) if isinstance(child, Chain) else None
            )
            if match and not name.endswith(("Async", "_async")):
                reached.add((match[1], match[2]))
            if isinstance(child, Chain) and name not in ("get", "post", "put", "patch"):
                walk(child)

    for name in ("v2", "v3", "hk", "global_"):
        walk(getattr(wxpay, name))
    known = {
        (each.method, "/" + "/".join(each.words).replace("{", "<").replace("}", ">"))
        for each in facts.operations()
        if not re.search("Institutionsub", each.path)
    }
    assert known - {(method, path) for method, path in reached} == {
        (method, path) for method, path in known if path.endswith("/")
    }
    assert {("POST", "/v3/ecommerce/applyments/<empty>"), ("POST", "/v3/applyment4sub/applyment/<empty>")} <= reached


def test_keys_complete_paths(wxpay: Wechatpay) -> None:
    """What ['…'] takes: each gives a node of a known operation."""
    keys = wxpay.v3._ipython_key_completions_()
    assert len(keys) > 800
    assert "pay/transactions/out-trade-no/<out_trade_no>/close" in keys
    assert all(tree.branch(repr(wxpay.v3[key])[2:].partition(">:")[0].partition(":")[0]) for key in keys[:50])
    whole = wxpay._ipython_key_completions_()
    assert "v3/certificates" in whole
    assert "v2/pay/unifiedorder" in whole
    assert wxpay.v3.nowhere._ipython_key_completions_() == []


def test_repr_names_the_operations_below(wxpay: Wechatpay) -> None:
    """One line; of a verb the official name; nothing more where nothing is known."""
    assert repr(wxpay.v3.nowhere) == "</v3/nowhere>"
    assert repr(wxpay.v3.nowhere.get) == "<GET /v3/nowhere>"
    assert repr(wxpay.v3.pay.transactions.jsapi.post) == "<POST /v3/pay/transactions/jsapi: JSAPI下单API>"
    assert repr(wxpay.v3.pay.transactions.id) == "</v3/pay/transactions/id: GET <transaction_id> 微信支付订单号查询>"
    assert re.fullmatch(
        r"</v3/pay/transactions: POST jsapi JSAPI下单API, .* and \d+ more>", repr(wxpay.v3.pay.transactions)
    )


@pytest.mark.parametrize("name", ["wxpay", "instance"])
def test_help_shows_a_call_that_is_accepted(gateway: Sandbox, name: str) -> None:
    """help(node) in both faces: what can be called there, the merchant's own number filled in; pasted, it works."""
    client: Any = gateway.client() if name == "wxpay" else gateway.builder()
    with client:
        node = client.v3.pay.transactions.native
        told = pydoc.plain(pydoc.render_doc(node))
        assert "POST /v3/pay/transactions/native" in told
        calls = [text.strip() for text in re.split(r"\n\s*\n", told) if text.strip().startswith("call")]
        assert len(calls) == 2
        for call in calls:
            assert f'"mchid": "{gateway.mchid}"' in call
            assert eval(call.partition("\n")[2].strip(), {name: client}).status == 200
    assert [each.verdict for each in gateway.requests] == ["", ""]


def test_help_of_what_has_no_page(wxpay: Wechatpay) -> None:
    """An unknown path tells how chains work; a branch lists what is below; the class keeps its own text."""
    assert str(Chain.__doc__).startswith("A path under construction")
    assert wxpay.v3.nowhere.__doc__ == Chain.__doc__
    assert "v3.pay.transactions.jsapi" in str(wxpay.v3.pay.__doc__)
    assert str(wxpay.v3.profitsharing.receivers.delete.__doc__).startswith("POST /v3/profitsharing/receivers/delete")
    page = str(wxpay.v3.pay.transactions.jsapi.post.__doc__)
    assert steady(page) == steady(sample_page(wxpay))


def sample_page(wxpay: Wechatpay) -> str:
    from wechatpay_chain.catalog.manual import page

    operation = tree.match("POST", "v3/pay/transactions/jsapi")
    assert operation
    return page(operation, wxpay.mchid, sample.NATIVE)


def test_displays_of_ipython(wxpay: Wechatpay) -> None:
    """Alone a line for each operation, in a list one line; HTML is escaped and linked."""
    node = wxpay.v3.pay.transactions
    assert "\n  POST   v3.pay.transactions.jsapi  JSAPI下单API\n" in pretty(node)
    assert pretty([node.jsapi]) == "[</v3/pay/transactions/jsapi: POST JSAPI下单API>]"
    table = node._repr_html_()
    assert "<td><code>v3.pay.transactions.outTradeNo._out_trade_no_.close</code></td>" in table
    assert re.search(r'<a href="https://pay\.weixin\.qq\.com/[^"<>]*">JSAPI下单API</a>', table)
    hostile = wxpay.v3["<script>alert(1)</script>"]
    assert "<script>" not in hostile._repr_html_()
    assert html.unescape(hostile._repr_html_()).count("<script>") == 1


def test_a_404_of_an_unknown_path_tells_what_was_meant(gateway: Sandbox, wxpay: Wechatpay, instance: Instance) -> None:
    """After the answer, in both faces and through promises; the error is a plain one where the path is known."""
    told = "out_trade_no: did you mean outTradeNo → out-trade-no?"
    for client in (wxpay, instance):
        with pytest.raises(errors.ClientError) as caught:
            client.v3.pay.transactions.out_trade_no["4200"].get()
        assert str(caught.value).endswith(f"; {told}")
        assert (caught.value.status, caught.value.code) == (404, "")
        promise = client.v3.pay.transactions.out_trade_no["4200"].get_async()
        with pytest.raises(errors.ClientError, match=re.escape(told)):
            promise.wait()
    assert [request.target for request in gateway.requests] == ["/v3/pay/transactions/out_trade_no/4200"] * 4
    with pytest.raises(errors.ClientError) as caught:
        wxpay.v3.pay.transactions.outTradeNo._out_trade_no_.get(out_trade_no="x", params={"mchid": gateway.mchid})
    assert "did you mean" not in str(caught.value)


def test_nothing_of_it_sends(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Names, keys, help, displays: the gateway hears nothing."""
    before = gateway.connections
    jsapi = wxpay.v3.pay.transactions.jsapi
    nodes: list[Any] = [wxpay.v3, jsapi, jsapi.post, wxpay.v3.nowhere]
    for node in nodes:
        dir(node)
        repr(node)
        pretty(node)
        pretty({"a": [node]})
        node._repr_html_()
        node._ipython_key_completions_()
        pydoc.render_doc(node)
        pydoc.plain(pydoc.render_doc(node))
    assert not gateway.requests
    assert gateway.connections == before


def test_rlcompleter_writes_a_bracket_behind_verbs_alone(gateway: Sandbox) -> None:
    """A plain prompt of Python, without IPython: words go on with a dot, other names are as they always are."""
    code = (
        "import rlcompleter, sys; from wechatpay_chain import Wechatpay; wxpay = Wechatpay.from_env();"
        "complete = rlcompleter.Completer({'wxpay': wxpay, 'text': 'a'}).complete;"
        "print([complete(typed, 0) for typed in ('wxpay.v3.pay.transac', 'wxpay.v3.pay.transactions.jsapi.post_',"
        " 'wxpay.v3.ecommerce.applyments._emp', 'text.uppe')], 'IPython' in sys.modules);"
        "names = [complete('wxpay.v3.pay.transactions.outTradeNo.', n) for n in range(99)];"
        "print([name for name in names if name and '__' not in name], complete('wxpay.v3.pay.transactions.id._', 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **gateway.environment()},
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout == (
        "['wxpay.v3.pay.transactions', 'wxpay.v3.pay.transactions.jsapi.post_async(',"
        " 'wxpay.v3.ecommerce.applyments._empty_', 'text.upper()'] False\n"
        "['wxpay.v3.pay.transactions.outTradeNo._out_trade_no_'] wxpay.v3.pay.transactions.id._transaction_id_\n"
    )


def test_where_only_placeholders_lead_on_nothing_else_is_offered(wxpay: Wechatpay) -> None:
    """Completers hide names with an underscore as long as there is another."""
    assert dir(wxpay.v3.pay.transactions.id) == ["_transaction_id_"]
    assert "chain" in dir(wxpay.v3.refund.domestic.refunds)
    assert wxpay.v3.pay.transactions.id.chain("x") == wxpay.v3.pay.transactions.id.x


def test_what_would_steer_a_terminal_is_shown(wxpay: Wechatpay) -> None:
    """In repr, and in the displays that hold it."""
    node = wxpay.v3["a\0b\r\nX: \x1b[31my"]
    assert repr(node) == r"</v3/a\u0000b\u000d\u000aX: \u001b[31my>"
    assert pretty(node) == repr(node)


def test_a_root_shows_the_words_that_follow(wxpay: Wechatpay) -> None:
    """With Chinese names and counts, those of products first that most shops use: not fifty paths by alphabet."""
    head, *lines = pretty(wxpay.v3).splitlines()
    assert head == "</v3: 992 operations>"
    assert [line.split() for line in lines[:3]] == [
        ["v3.pay", "29", "下单、查单、关单"],
        ["v3.refund", "3", "退款"],
        ["v3.bill", "3", "账单"],
    ]
    assert sum(int(line.split()[1]) for line in lines) == 992
    first = pretty(wxpay.v3.fundApp).splitlines()[1]
    assert first == "  POST   v3.fundApp.mchTransfer.transferBills  发起转账"
    assert repr(wxpay.v3).startswith("</v3: pay 下单、查单、关单 29, refund 退款 3, ")
    assert repr(wxpay.v3).endswith(" more words>")
    assert "<td><code>v3.refund</code></td><td>3</td><td>退款</td>" in wxpay.v3._repr_html_()


def test_help_tells_labels_roles_errors_and_what_is_needed(wxpay: Wechatpay) -> None:
    """Of a refund, which direct merchants and service providers share, and of a red packet."""
    page = str(wxpay.v3.refund.domestic.refunds.post.__doc__)
    assert re.search(r"\n  out_refund_no +string +商户退款单号 +required, e\.g\. ", page)
    assert re.search(r"\n  sub_mchid +string +子商户号 +required of service providers, who alone send it", page)
    assert "\none of: out_trade_no, transaction_id\n" in page
    assert re.search(r"\n  403 NOT_ENOUGH +商户余额不足 +Top up the account, then send the same request", page)
    assert "\ncall: direct merchant 直连商户\n" in page
    assert "\ncall: service provider 服务商\n" in page
    assert "needs: security=True" in str(wxpay.v2.mmpaymkttransfers.sendredpack.__doc__)
    assert "security" not in page
