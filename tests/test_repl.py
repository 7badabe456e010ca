from __future__ import annotations

import sys
from pathlib import Path

import pexpect
import pytest

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
