"""Coming from another library: the two programs of a page do the same to the books of a sandbox.

The other libraries come with the extra ``dev``; they are imported where they are used.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.serving import make_server

from tests.pages import blocks, text_of
from tests.promises import PATIENCE
from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.catalog import tree
from wechatpay_chain.chain.node import Chain, call_of

NUMBER = "migration-0001"
# What a sandbox makes up anew in each run.
_OWN = re.compile(r"_id$|_time$|^time(_end)?$|^id$|^created$|^at$|^openid$|^url$|^code_url$|^prepay_id$|^user_received")


def set_base_url(monkeypatch: pytest.MonkeyPatch, gateway: Sandbox) -> None:
    """wechatpayv3 has a literal in its constructor, wechatpy an attribute of its class."""
    from wechatpayv3.core import Core
    from wechatpy import pay as wechatpy

    code = Core.__init__.__code__
    texts = tuple(gateway.base_url if each == "https://api.mch.weixin.qq.com" else each for each in code.co_consts)
    assert texts != code.co_consts
    monkeypatch.setattr(Core.__init__, "__code__", code.replace(co_consts=texts))
    monkeypatch.setattr(wechatpy.WeChatPay, "API_BASE_URL", f"{gateway.base_url}/")


@contextmanager
def served(program: str, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, set[str]]]:
    """The address of a program's shop, and the orders that it knows to be paid."""
    server = make_server("127.0.0.1", 0, Flask("shop"), threaded=True)
    url = f"http://127.0.0.1:{server.port}"
    monkeypatch.setenv("SHOP_URL", url)
    names: dict[str, Any] = {"__name__": name}
    exec(compile(program, name, "exec"), names)
    server.app = names["app"]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield url, names["paid"]
    finally:
        server.shutdown()
        thread.join()


def said(answer: requests.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.text


def books(gateway: Sandbox, shop: str) -> dict[str, Any]:
    """Every order, refund and notice of a sandbox, without what it made up itself or the port of the shop."""
    with gateway.client() as wxpay:
        order = wxpay.v3.pay.transactions.outTradeNo._out_trade_no_.get(
            params={"mchid": wxpay.mchid}, out_trade_no=NUMBER
        )
        refund = wxpay.v3.refund.domestic.refunds._out_refund_no_.get(out_refund_no=f"refund-{NUMBER}")
    shown = requests.get(f"{gateway.base_url}/_/orders", timeout=PATIENCE, verify=str(gateway.ca_file)).json()
    notices = [(sent.event_type, sent.accepted, len(sent.attempts), own(sent.resource)) for sent in gateway.notices]
    written = {"order": own(order.data), "refund": own(refund.data), "orders": own(shown), "notices": notices}
    return {name: without(shop, value) for name, value in written.items()}


def own(data: Any) -> Any:
    """The same without numbers and times that each sandbox makes up."""
    if isinstance(data, dict):
        return {name: own(value) for name, value in data.items() if not _OWN.search(name)}
    return [own(each) for each in data] if isinstance(data, list) else data


def without(shop: str, data: Any) -> Any:
    """The same with addresses of the shop as paths: each run of a program serves another port."""
    if isinstance(data, dict):
        return {name: without(shop, value) for name, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [without(shop, each) for each in data]
    return data.removeprefix(shop) if isinstance(data, str) else data


@pytest.mark.slow
@pytest.mark.parametrize("page", ["from-wechatpayv3", "from-wechatpy"])
def test_both_programs_have_the_same_effects(page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Order, payment, notice, query and refund, each under TLS on a sandbox of its own; then the books are compared."""
    monkeypatch.chdir(tmp_path)
    programs = blocks(f"docs/{page}.md", "python")
    assert len(programs) == 2
    found: list[dict[str, Any]] = []
    states: list[list[str]] = []
    for number, program in enumerate(programs):
        with (
            Sandbox(tls=True, mchid="1900000001") as gateway,
            monkeypatch.context() as patch,
            requests.Session() as customer,
        ):
            set_base_url(patch, gateway)
            customer.trust_env = False
            for name, value in gateway.environment().items():
                patch.setenv(name, value)
            patch.setenv("REQUESTS_CA_BUNDLE", str(gateway.ca_file))
            with served(program.text, f"{page}, program {number}", patch) as (shop, paid):
                assert said(customer.post(f"{shop}/orders/{NUMBER}")).startswith("weixin://wxpay/bizpayurl")
                said_states = [said(customer.get(f"{shop}/orders/{NUMBER}"))]
                gateway.pay(NUMBER, openid="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")
                assert gateway.notices.wait(PATIENCE)
                assert paid == {NUMBER}
                said_states.append(said(customer.get(f"{shop}/orders/{NUMBER}")))
                said_states.append(said(customer.post(f"{shop}/orders/{NUMBER}/refund")))
                missing = customer.get(f"{shop}/orders/nobody-made-this")
                said_states.append(f"{missing.status_code} {missing.text}")
                gateway.refund(f"refund-{NUMBER}")
                assert gateway.notices.wait(PATIENCE)
            patch.delenv("REQUESTS_CA_BUNDLE")
            found.append(books(gateway, shop))
            states.append(said_states)
            assert not [request.verdict for request in gateway.requests if request.verdict]
    assert found[0] == found[1]
    assert found[0]["orders"]["orders"][0]["notify_url"] == "/notify"
    assert states[0] == states[1]
    assert states[0][:2] == ["NOTPAY", "SUCCESS"]
    assert found[0]["refund"]["status"] == "SUCCESS"


def rows(page: str) -> dict[str, str]:
    """The last table of a page: the name in the other library, and what stands for it here."""
    table = text_of(f"docs/{page}.md").rpartition("|---|---|\n")[2]
    return dict(re.findall(r"^\| `(.*?)` \| (.*) \|$", table, re.MULTILINE))


@pytest.mark.slow
def test_every_call_of_wechatpayv3_has_a_row() -> None:
    """And of wechatpy's payments, whose parts are objects of their own."""
    from wechatpayv3 import WeChatPay
    from wechatpy import pay as wechatpy

    assert set(rows("from-wechatpayv3")) == {name for name in dir(WeChatPay) if not name.startswith("_")}
    names = set(rows("from-wechatpy"))
    client = wechatpy.WeChatPay("", "", "")
    parts = [(name, part) for name, part in vars(client).items() if isinstance(part, wechatpy.BaseWeChatPayAPI)]
    calls = {f"{name}.{each}" for name, part in parts for each in vars(type(part)) if not each.startswith("_")}
    assert names == calls | {"parse_payment_result", "parse_refund_notify_result"}


@pytest.mark.parametrize("page", ["from-wechatpayv3", "from-wechatpy"])
def test_every_chain_of_a_row_is_an_operation(page: str, wxpay: Wechatpay) -> None:
    """With the method that WeChat Pay documents."""
    unknown = set()
    for cell in rows(page).values():
        for code in re.findall(r"`(wxpay\.v[23]\..*?)\(.*?\)`", cell):
            node = eval(code, {"wxpay": wxpay})
            assert isinstance(node, Chain)
            verb, path = call_of(node)
            if tree.match(verb.method, path) is None:
                unknown.add(f"{verb.method} /{path}")
    assert not unknown
