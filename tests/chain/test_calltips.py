"""What is shown of a verb before it is called: signature and fields; nothing is sent for it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.chain.calltips import complete_fields
from wechatpay_chain.chain.node import Chain

ROOT = Path(__file__).parent.parent.parent


def test_a_signature_has_placeholders_and_parameters(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Placeholders by name and without a default, the body first, the query in words."""
    close = inspect.signature(wxpay.v3.pay.transactions.outTradeNo._out_trade_no_.close.post)
    assert list(close.parameters) == ["data", "config", "out_trade_no", "options"]
    assert close.parameters["out_trade_no"].default is inspect.Parameter.empty
    assert "mchid" in close.parameters["data"].annotation
    bill = inspect.signature(wxpay.v3.bill.tradebill.get_async)
    assert list(bill.parameters) == ["config", "params", "options"]
    assert bill.parameters["params"].annotation.startswith("{bill_date, ")
    assert not gateway.requests


def test_a_signature_of_what_is_unknown_says_no_more_than_it_knows(wxpay: Wechatpay) -> None:
    """The class is not a node, and a placeholder that is an option's name leaves the config alone."""
    assert list(inspect.signature(wxpay.v3.nowhere._a_.get).parameters) == ["config", "a", "options"]
    assert list(inspect.signature(wxpay.v3.nowhere._params_._data_._config_.post).parameters) == ["config"]
    assert "client" in inspect.signature(Chain).parameters


TYPED: list[tuple[str, str, list[str]]] = [
    ("wxpay.v3.pay.transactions.jsapi.post({'des", "'des", ["'description': "]),
    ('answer = wxpay.v3.pay.transactions.jsapi.post({"out_tr', '"out_tr', ['"out_trade_no": ']),
    ("wxpay['v3/pay'].transactions.jsapi.post_async(json={'appid': 'wx', 'a", "'a", ["'amount': ", "'attach': "]),
    ("wxpay.v3.pay.transactions.jsapi.post({'appid': 'de", "", []),
    ("wxpay.v3.pay.transactions.jsapi.get({'des", "", []),
    ("wxpay.v3.nowhere.post({'des", "", []),
    ("other.v3.pay.transactions.jsapi.post({'des", "", []),
    ("evil().v3.pay.transactions.jsapi.post({'des", "", []),
    ("wxpay.v3.pay.transactions[evil()].post({'des", "", []),
    ("wxpay.__class__.post({'des", "", []),
    ("", "", []),
]


@pytest.mark.parametrize(("text", "typed", "offered"), TYPED)
def test_fields_follow_what_is_typed(
    gateway: Sandbox, wxpay: Wechatpay, text: str, typed: str, offered: list[str]
) -> None:
    """Those that are not given yet; nothing of the text is called, and a name that is no client's tells nothing."""
    called: list[Any] = []
    namespace = {"wxpay": wxpay, "other": called, "evil": lambda: called.append(1)}
    assert complete_fields(text, namespace) == (typed, offered)
    assert not called
    assert not gateway.requests


@pytest.mark.slow
def test_ipython_completes_the_fields_of_a_body(gateway: Sandbox) -> None:
    """By a matcher of its completer, which comes with the first client and once."""
    code = (
        "from IPython.core.interactiveshell import InteractiveShell as Shell\n"
        "shell = Shell.instance()\n"
        "from wechatpay_chain import Wechatpay\n"
        "shell.push({'wxpay': Wechatpay.from_env(), 'two': Wechatpay.from_env()})\n"
        "dir(shell.user_ns['wxpay'].v3)\n"
        'text = "wxpay.v3.pay.transactions.jsapi.post({\'out_t"\n'
        "print(shell.complete(None, text, len(text))[1])\n"
        "print(len(shell.Completer.custom_matchers))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "", "HOME": "/nonexistent", "PYTHONPATH": str(ROOT), **gateway.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "[\"'out_trade_no': \"]\n1\n"), done.stderr
    assert not gateway.requests
