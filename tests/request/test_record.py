"""What a client tells of its calls: a line in the log, and a record for ``on_call``."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import answers
from tests.transport.test_session import CALLS
from wechatpay_chain import Sandbox, Wechatpay, errors

ROOT = Path(__file__).parent.parent.parent


def test_a_call_is_one_line(gateway: Sandbox, wxpay: Wechatpay, caplog: pytest.LogCaptureFixture) -> None:
    """Method, path, status, time, attempt and Request-ID; nothing of body, query, key or signature."""
    with caplog.at_level(logging.INFO, "wechatpay_chain"):
        answer = wxpay.v3.marketing.favor.callbacks.post({"mchid": gateway.mchid, "notify_url": "https://a.example/x"})
        with pytest.raises(errors.ClientError):
            wxpay.v3.nowhere.get(params={"hush": "hush-hush"})
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("POST /v3/marketing/favor/callbacks: 200, ")
    assert first.endswith(f" ms, attempt 1, Request-ID {answer.request_id}")
    assert second.startswith("GET /v3/nowhere: 404, ")
    assert "hush" not in caplog.text
    assert "a.example" not in caplog.text
    assert "WECHATPAY2" not in caplog.text


def test_on_call_gets_a_record_of_each(gateway: Sandbox) -> None:
    """Also of one that failed, whose error it holds, and of an asynchronous one."""
    records: list[Any] = []
    with gateway.client(on_call=records.append) as wxpay:
        answer = CALLS["GET"](wxpay)
        wxpay.v3.certificates.get_async().wait()
        gateway.tamper = answers.changed
        with pytest.raises(errors.SignatureMismatch) as caught:
            CALLS["GET"](wxpay)
    first, second, third = records
    assert (first.method, first.path, first.status, first.attempts, first.error) == (
        ("GET", "/v3/certificates", 200, 1, None)
    )
    assert first.request_id == answer.request_id
    assert 0 < first.seconds < 60
    assert second.error is None
    assert third.error is caught.value
    assert third.status == 200


def test_a_call_without_an_answer_is_told_too(gateway: Sandbox) -> None:
    """With all of its attempts."""
    records: list[Any] = []
    client = gateway.client(on_call=records.append, base_url="http://127.0.0.1:9", timeout=0.2)
    with client as wxpay, pytest.raises(errors.TransportError):
        CALLS["POST"](wxpay)
    (record,) = records
    assert (record.status, record.request_id, record.attempts) == (None, "", 1)
    assert isinstance(record.error, errors.TransportError)


def test_what_on_call_raises_goes_no_further(gateway: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """The answer is there; the log says what happened."""

    def broken(record: Any) -> None:
        raise RuntimeError("no room")

    with gateway.client(on_call=broken) as wxpay:
        assert CALLS["POST"](wxpay).verified
    assert "on_call raised after POST" in caplog.text
    assert "no room" in caplog.text


@pytest.mark.parametrize("wrong", ["print", 1, []])
def test_on_call_is_a_function(gateway: Sandbox, wrong: Any) -> None:
    """Checked when the client is made."""
    with pytest.raises(errors.ConfigError, match=r"^on_call: expected a function, found"):
        gateway.client(on_call=wrong)


@pytest.mark.parametrize(
    ("setup", "printed"),
    [("", "loud\n"), ("logging.basicConfig(level='ERROR', format='set up: %(message)s')", "set up: worse\n")],
)
def test_a_warning_is_seen_where_nobody_set_up_logging(setup: str, printed: str) -> None:
    """As Python does it by itself; a program that has handlers decides, and a call prints nothing."""
    code = f"import logging, wechatpay_chain.client\n{setup}\nlog = logging.getLogger('wechatpay_chain')\n"
    code += "log.info('quiet')\nlog.warning('loud')" if not setup else "log.warning('loud')\nlog.error('worse')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr == printed


def test_ipython_shows_the_callers_line_and_the_error(gateway: Sandbox) -> None:
    """In at most 15 lines, without a value of ours; what is behind it stays in ``__cause__``."""
    code = (
        "from wechatpay_chain import Wechatpay, errors\n"
        "wxpay = Wechatpay.from_env(base_url='http://127.0.0.1:9')\n"
        "try:\n    wxpay.v3.certificates.get(retry=False)\n"
        "except errors.TransportError as error:\n    assert error.__cause__ is not None\n"
        "wxpay.v3.pay.transactions.jsapi.post({'description': 'hush-hush'})\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "-c", code],
        env={"PATH": "", "HOME": "/nonexistent", "PYTHONPATH": str(ROOT), **gateway.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    shown = (done.stdout + done.stderr).strip().splitlines()
    assert len(shown) <= 15, done.stdout + done.stderr
    assert any("wxpay.v3.pay.transactions.jsapi.post(" in line for line in shown)
    assert any("TransportError: POST /v3/pay/transactions/jsapi: nothing was sent" in line for line in shown)
