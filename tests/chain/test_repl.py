from __future__ import annotations

import json
import sys
from pathlib import Path

import pexpect
import pytest

from tests.sandbox.shop import ORDER
from tests.screens import plain, scanned
from wechatpay_chain import Sandbox

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def environment(gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**gateway.environment(), "IPYTHONDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PAGER", "cat")
    monkeypatch.setenv("PYTHON_BASIC_REPL", "1")


def begun(command: str, prompt: str) -> pexpect.spawn[str]:
    session = pexpect.spawn(command, encoding="utf-8", timeout=60, dimensions=(50, 200), cwd=str(ROOT))
    session.expect(prompt)
    session.sendline("from wechatpay_chain import Wechatpay; wxpay = Wechatpay.from_env(); print('rea' + 'dy')")
    session.expect("ready")
    session.expect(prompt)
    return session


def printed(session: pexpect.spawn[str], expression: str, prompt: str) -> str:
    """The text of an expression, which the echo of the line that asks for it does not hold."""
    session.sendline(f"print('to' + 'ld: ' + str({expression}) + ' th' + 'us')")
    session.expect(r"told: (.*?) thus")
    told: str = session.match[1]
    session.expect(prompt)
    return told


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_ipython_completes_and_shows_without_sending(gateway: Sandbox) -> None:
    """A real IPython in a terminal: Tab after a dot and a bracket, ?, display and help send nothing."""
    prompt = r"In \[\d+\]:"
    session = begun(f"{sys.executable} -m IPython --no-banner --colors=NoColor", prompt)
    for typed, offered in (
        ("wxpay.v3.pay.transactions.\t", "outTradeNo"),
        ("wxpay.v3['pay/transactions/j\t", "jsapi-w"),
    ):
        session.send(typed)
        session.expect(offered)
        session.send("\x15")  # Ctrl-U empties the line
    completions = "sorted(get_ipython().Completer.all_completions('wxpay.v3.pay.transactions.jsapi.'))"
    told = printed(session, completions, prompt)
    assert "wxpay.v3.pay.transactions.jsapi.post_async" in told
    assert "jsapi.get" not in told
    for line, shown in (
        ("wxpay.v3.pay.transactions.jsapi?", "JSAPI下单API"),
        ("wxpay.v3.pay.transactions", r"POST   v3\.pay\.transactions\.jsapi  JSAPI下单API"),
        ("[wxpay.v3.pay.transactions.jsapi.post]", r"\[<POST /v3/pay/transactions/jsapi: JSAPI下单API>\]"),
        ("help(wxpay.v3.certificates)", r"wxpay\.v3\.certificates\.get\(\)"),
        ("wxpay", "<Wechatpay "),
    ):
        session.sendline(line)
        session.expect(shown)
        session.expect(prompt)
    assert not gateway.requests
    assert printed(session, "wxpay.v3.certificates.get().status", prompt) == "200"
    assert len(gateway.requests) == 1
    session.sendline("exit")
    session.expect(pexpect.EOF)
    session.close()


@pytest.mark.usefixtures("environment")
def test_plain_python_completes_without_sending(gateway: Sandbox) -> None:
    """python -i in a terminal: Tab by readline and rlcompleter, display and help."""
    session = begun(f"{sys.executable} -i -q", ">>> ")
    session.send("wxpay.v3.pay.transactions.outTr\t")
    session.expect(r"transactions\.outTradeNo")  # and no bracket behind it
    session.send("._out_trade_no_.\t\t")
    session.expect(r"getAsync")
    session.send("\x03")
    session.expect(">>> ")
    for line, shown in (
        ("wxpay.v3.pay.transactions.jsapi", r"</v3/pay/transactions/jsapi: POST JSAPI下单API>"),
        ("help(wxpay.v3.certificates)", r"wxpay\.v3\.certificates\.get\(\)"),
        ("wxpay.v3.nowhere", "</v3/nowhere>"),
        ("wxpay", "<Wechatpay "),
    ):
        session.sendline(line)
        session.expect(shown)
        session.expect(">>> ")
    assert not gateway.requests
    session.sendline("exit()")
    session.expect(pexpect.EOF)
    session.close()


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_ptpython_completes_without_sending(gateway: Sandbox) -> None:
    """Its menu opens while one types."""
    session = pexpect.spawn(
        f"{sys.executable} -m ptpython", encoding="utf-8", timeout=60, dimensions=(50, 160), cwd=str(ROOT)
    )
    # It asks the terminal where the cursor is.
    session.expect(r"\x1b\[6n")
    session.send("\x1b[1;1R")
    session.send("from wechatpay_chain import Wechatpay; wxpay = Wechatpay.from_env(); print('rea' + 'dy')\r")
    session.expect("ready")
    session.send("wxpay.v3.pay.transactions.")
    session.expect("jsapiWithContract")
    assert not gateway.requests
    session.close(force=True)


def displayed(session: pexpect.spawn[str], line: str, prompt: str) -> str:
    """What the prompt shows for a line that is long enough to be wrapped where it is typed."""
    session.sendline(f"print('be' + 'gun'); {line}")
    session.expect("begun")
    session.expect(prompt)
    return str(session.before)


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("colours", ["Linux", "NoColor"])
def test_ipython_shows_status_json_and_a_code_to_scan(gateway: Sandbox, colours: str) -> None:
    """A real IPython in a terminal; in a list an answer is one line."""
    order = {**ORDER, "mchid": gateway.mchid}
    prompt = r"In \[(?:\x1b\[[\d;]*m)*\d+(?:\x1b\[[\d;]*m)*\]:"
    session = begun(f"{sys.executable} -m IPython --no-banner --colors={colours}", prompt)
    shown = displayed(session, f"answer = wxpay.v3.pay.transactions.native.post({order}); answer", prompt)
    text = plain(shown)
    status, _, rest = text[text.index("200 OK") :].partition("\n")
    data = json.loads(rest[: rest.index("}") + 1])
    assert (status, set(data)) == ("200 OK", {"code_url"})
    assert "\ncode_url:\n█" in text
    assert scanned(shown) == [data["code_url"]]
    assert ("\x1b[97;40m" in shown) == (colours != "NoColor")
    nested = plain(displayed(session, "[answer, answer]", prompt))
    assert nested.count("<200 OK { ") == 2
    assert not scanned(nested)
    assert len(gateway.requests) == 1
    session.sendline("exit")
    session.expect(pexpect.EOF)
    session.close()


@pytest.mark.usefixtures("environment")
def test_plain_python_shows_status_and_json_and_a_code_with_the_hook(gateway: Sandbox) -> None:
    """python -i in a terminal; the hook is installed by whoever wants pictures."""
    order = {**ORDER, "mchid": gateway.mchid}
    session = begun(f"{sys.executable} -i -q", ">>> ")
    shown = displayed(session, f"answer = wxpay.v3.pay.transactions.native.post({order}); answer", ">>> ")
    data = json.loads(shown[shown.index("200 OK") + 6 :])
    assert not scanned(shown)
    hooked = "import sys; from wechatpay_chain.cli import output as a, console as c; sys.displayhook = "
    displayed(session, f"{hooked}a.displayhook(c.Console())", ">>> ")
    assert scanned(displayed(session, "answer", ">>> ")) == [data["code_url"]]
    session.sendline("exit()")
    session.expect(pexpect.EOF)
    session.close()
