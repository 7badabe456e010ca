from __future__ import annotations

import json
import sys
from pathlib import Path

import pexpect
import pytest

from tests.screens import plain, scanned
from tests.test_orders import ORDER
from wechatpay_chain import Sandbox

ROOT = Path(__file__).parent.parent


@pytest.fixture
def environment(gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**gateway.environment(), "IPYTHONDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("PAGER", "cat")
    monkeypatch.setenv("PYTHON_BASIC_REPL", "1")


def begun(command: str, prompt: str) -> pexpect.spawn[str]:
    session = pexpect.spawn(command, encoding="utf-8", timeout=60, dimensions=(50, 200), cwd=str(ROOT))
    session.expect(prompt)
    session.sendline("from wechatpay_chain import Wechatpay; wxpay = Wechatpay.from_env(); print('rea' + 'dy')")
    session.expect("ready")
    session.expect(prompt)
    return session


@pytest.mark.usefixtures("environment")
def test_ipython_completes_and_shows_without_sending(gateway: Sandbox) -> None:
    """A real IPython in a terminal: Tab, ?, display and the completer's own questions send nothing."""
    session = begun(f"{sys.executable} -m IPython --no-banner --colors=NoColor", r"In \[\d+\]:")
    session.send("wxpay.v3.pay.transactions.\t")
    session.expect("post_async")
    session.send("\x03")
    for line in ("wxpay.v3.pay?", "wxpay.v3.pay", "[wxpay, wxpay.v3.pay.get]", "wxpay.v3.pay._repr_html_"):
        session.sendline(line)
        session.expect(r"In \[\d+\]:")
    session.sendline("print('asked: ' + str(sorted(get_ipython().Completer.all_completions('wxpay.v3.pay.po'))))")
    session.expect(r"asked: .*wxpay\.v3\.pay\.post_async")
    assert not gateway.requests
    session.sendline("print('status ' + str(wxpay.v3.certificates.get().status))")
    session.expect("status 200")
    assert len(gateway.requests) == 1
    session.sendline("exit")
    session.expect(pexpect.EOF)
    session.close()


@pytest.mark.usefixtures("environment")
def test_plain_python_completes_without_sending(gateway: Sandbox) -> None:
    """python -i with rlcompleter in a terminal."""
    session = begun(f"{sys.executable} -i -q", ">>> ")
    session.sendline("import rlcompleter; c = rlcompleter.Completer(globals())")
    session.expect(">>> ")
    session.sendline("print('told: ' + str([c.complete('wxpay.v3.pay.', n) for n in range(20)]))")
    session.expect(r"told: .*wxpay\.v3\.pay\.post_async")
    for line in ("wxpay.v3.pay", "wxpay", "help(wxpay.v3.pay.__class__.chain)"):
        session.sendline(line)
        session.expect(">>> ")
    assert not gateway.requests
    session.sendline("exit()")
    session.expect(pexpect.EOF)
    session.close()


def displayed(session: pexpect.spawn[str], line: str, prompt: str) -> str:
    """What the prompt shows for a line that is long enough to be wrapped where it is typed."""
    session.sendline(f"print('be' + 'gun'); {line}")
    session.expect("begun")
    session.expect(prompt)
    return str(session.before)


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
    hooked = "import sys; from wechatpay_chain.cli import answer as a, console as c; sys.displayhook = "
    displayed(session, f"{hooked}a.displayhook(c.Console())", ">>> ")
    assert scanned(displayed(session, "answer", ">>> ")) == [data["code_url"]]
    session.sendline("exit()")
    session.expect(pexpect.EOF)
    session.close()
