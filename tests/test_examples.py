from __future__ import annotations

import os
import runpy
import subprocess
import sys
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.openssl import rightly_signed
from tests.servers import SOCKET, serving
from wechatpay_chain import Sandbox
from wechatpay_chain.sandbox.answer import Received

EXAMPLES = Path(__file__).parent.parent / "examples"
FAVOR = "/v3/marketing/favor/callbacks"
MEMBERCARD = "/v3/marketing/membercard-open/callback"
PLAN = "/v3/marketing/partner/delivery-plan/298689900/notify-url"
VIDEO = "/v3/merchant/media/video_upload"
COUPON = "/v3/marketing/partner/product-coupon/notify-configs"
TRADE = "/v3/bill/tradebill?bill_date=2026-11-01&bill_type=ALL&tar_type=GZIP"
FUND = "/v3/ecommerce/bill/fundflowbill?bill_date=2026-11-01&account_type=ALL&algorithm=AEAD_AES_256_GCM"
FILE = "/v3/billdownload/file?token=*"
# What each example puts on the wire, in order.
SENT: dict[str, list[tuple[str, str]]] = {
    "bill.py": [("GET", target) for target in (TRADE, f"{FILE}&tartype=gzip", FUND, FILE, f"{FILE}&tartype=gzip")],
    "favor_callbacks.py": [("POST", FAVOR)] * 3 + [("GET", f"{FAVOR}?mchid={{mchid}}")] * 2,
    "membercard_callback.py": [("PATCH", MEMBERCARD), *[("GET", MEMBERCARD)] * 3],
    "favor_callbacks_api.py": [("POST", FAVOR)] * 3,
    "delivery_plan_notify_url.py": [("POST", PLAN)] * 9,
    "product_coupon_notify_configs.py": [("POST", COUPON), ("POST", COUPON), ("GET", COUPON), ("GET", COUPON)] * 3,
    "php_pay.py": [
        ("POST", "/v3/pay/transactions/native"),
        ("GET", "/v3/pay/transactions/id/*?mchid={mchid}"),
        ("POST", "/v3/refund/domestic/refunds"),
        ("POST", "/v3/pay/transactions/out-trade-no/native12177525012014070332333/close"),
    ],
    "php_media.py": [("POST", VIDEO), ("POST", "/v3/marketing/favor/media/image-upload"), ("POST", VIDEO)],
    "php_applyment.py": [("POST", "/v3/applyment4sub/applyment/")],
    "php_sign_and_notify.py": [],
    "php_v2_transfers.py": [
        ("POST", "/mmpaymkttransfers/promotion/transfers"),
        ("GET", "/papay/entrustweb?appid=*&mch_id={mchid}&plan_id=12535&contract_code=*&sign=*"),
    ],
}
# What serves each receiver with a merchant's own configuration, as its docstring says.
RECEIVERS = {
    "receiver_flask.py": "gunicorn --pythonpath examples 'receiver_flask:create_app()'",
    "receiver_django.py": "gunicorn --pythonpath examples 'receiver_django:create_app()'",
    "receiver_fastapi.py": "uvicorn --app-dir examples --factory receiver_fastapi:create_app",
}
# Its customer's way is in tests/sandbox/test_shop.py.
SHOP = "shop.py"
PAYMENT = "TRANSACTION.SUCCESS 1217752501201407033233368018\n"


def test_every_example_is_tested() -> None:
    """None is left out."""
    assert {path.name for path in EXAMPLES.glob("*.py")} == SENT.keys() | RECEIVERS.keys() | {SHOP}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SENT, *RECEIVERS, SHOP])
def test_an_example_runs_as_a_script(name: str) -> None:
    """With one command and no output on standard error."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name)]
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
    if name in RECEIVERS:
        assert done.stdout == f"{PAYMENT}answered 204\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", RECEIVERS)
def test_a_receiver_serves_as_its_docstring_says(name: str, gateway: Sandbox, tmp_path: Path) -> None:
    """Under a real server, with its configuration from the environment."""
    command = RECEIVERS[name].replace("examples", str(EXAMPLES))
    assert f"``{RECEIVERS[name]}``" in (EXAMPLES / name).read_text()
    environment = {**gateway.environment(), "PYTHONPATH": str(EXAMPLES.parent)}
    program, _, rest = command.partition(" ")
    listen = f"{program} {SOCKET[program]} {rest}"
    with serving(listen, environment, tmp_path / "log", cwd=tmp_path) as server:
        assert gateway.push("TRANSACTION.SUCCESS", notify_url=server.url(), schedule=()).status == 204
    assert PAYMENT in (tmp_path / "log").read_text()


@pytest.mark.parametrize("name", SENT)
def test_an_example_sends_the_calls_of_its_seed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Method and target of each request are right, and openssl verifies each signature."""
    received: list[tuple[Sandbox, Received]] = []
    respond = Sandbox.respond

    def noting(self: Sandbox, *args: object, **options: object) -> object:
        answer = respond(self, *args, **options)  # type: ignore[arg-type]
        received.append((self, self.requests[-1]))
        return answer

    monkeypatch.setattr(Sandbox, "respond", noting)
    runpy.run_path(str(EXAMPLES / name))
    assert len(received) == len(SENT[name])
    for (sandbox, request), (method, target) in zip(received, SENT[name], strict=True):
        assert request.method == method
        assert fnmatchcase(request.target.replace("?", "#"), target.format(mchid=sandbox.mchid).replace("?", "#"))
        assert request.verdict == ""
        if "Authorization" in request.headers:
            signed = request if request.form is None else replace(request, body=request.form.meta)
            assert rightly_signed(signed, sandbox.identity.merchant_key.public_key())
