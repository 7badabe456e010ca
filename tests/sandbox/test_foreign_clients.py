"""Clients that others wrote, unchanged but for base URL and keys: whole lives of orders, each in its own process.

``npm install`` in tests/sandbox/foreign/node brings wechatpay-axios-plugin; the others come with the extra ``dev``.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.promises import PATIENCE
from wechatpay_chain import Sandbox

ROOT = Path(__file__).parent.parent.parent
NODE = ROOT / "tests/sandbox/foreign/node"
PAID = {"trade_state": "SUCCESS", "trade_state_desc": "支付成功"}

pytestmark = pytest.mark.slow


def run(gateway: Sandbox, command: list[str], folder: Path) -> Any:
    """What a shop found; it trusts the sandbox's authority."""
    authority = folder / "ca.pem"
    authority.write_text(gateway.identity.server_authority.pem)
    told = gateway.configuration()
    key_id = gateway.identity.public_key_id
    if key_id in told["certs"]:
        told |= {"public_key_id": key_id, "public_key": told["certs"][key_id]}
    trusted = {"REQUESTS_CA_BUNDLE": str(authority), "NODE_EXTRA_CA_CERTS": str(authority)}
    done = subprocess.run(
        command,
        input=json.dumps(told),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **trusted},
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout != "") == (0, True), done.stderr
    return json.loads(done.stdout)


def has(found: Any, **fields: Any) -> None:
    """Each of these fields has this value."""
    assert {name: found.get(name) for name in fields} == fields


def check_v3(found: Any, gateway: Sandbox, number: str) -> None:
    """The life of an order by APIv3, as its own shop saw it."""
    assert found["order"]["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    has(found["unpaid"], out_trade_no=number, trade_state="NOTPAY", mchid=gateway.mchid)
    has(found["notice"], event_type="TRANSACTION.SUCCESS", resource_type="encrypt-resource")
    paid = {"out_trade_no": number, "trade_type": "NATIVE", "mchid": gateway.mchid, **PAID}
    has(found["notice"]["resource"], **paid)
    has(found["paid"], **paid, transaction_id=found["notice"]["resource"]["transaction_id"])
    assert found["paid"]["amount"]["payer_total"] == 100
    has(found["refund"], out_refund_no=f"R{number}", status="PROCESSING")
    has(found["refund notice"], event_type="REFUND.SUCCESS")
    has(found["refund notice"]["resource"], out_refund_no=f"R{number}", refund_status="SUCCESS")
    has(found["refunded"], status="SUCCESS", refund_id=found["refund"]["refund_id"])
    assert found["refunded"]["amount"]["refund"] == 30
    assert found["closed"] == 204
    has(found["then"], trade_state="CLOSED")
    assert found["upload"]["media_id"]


@pytest.mark.parametrize("mode", ["public-key", "certificate"])
def test_wechatpayv3(mode: str, tmp_path: Path) -> None:
    """By the public key, and by certificates that it downloads; its forms have no boundary."""
    with Sandbox(verify=mode) as gateway:
        found = run(gateway, [sys.executable, "-m", "tests.sandbox.foreign.with_wechatpayv3"], tmp_path)
        assert not [request.target for request in gateway.requests if request.verdict]
        assert ("/v3/certificates" in [request.target for request in gateway.requests]) == (mode == "certificate")
    check_v3(found, gateway, "wechatpayv30001")
    assert found["forged"] is None
    assert (found["again"][0], json.loads(found["again"][1])["code"]) == (400, "ORDERPAID")
    assert (found["missing"][0], json.loads(found["missing"][1])["code"]) == (404, "ORDER_NOT_EXIST")
    check_bill(found["bill"]["content"], found["bill"]["asked"]["hash_value"])


def check_bill(content: str, digest: str) -> None:
    """The file has the digest that was told, and the payment and the refund as rows."""
    plain = gzip.decompress(bytes.fromhex(content))
    assert hashlib.sha1(plain).hexdigest() == digest
    text = plain.decode("utf-8-sig")
    assert text.startswith("交易时间,公众账号ID,商户号,")
    assert text.count("`wechatpayv30001") == 2
    assert "`Rwechatpayv30001" in text


def test_wechatpy(tmp_path: Path) -> None:
    """APIv2 under TLS: what needs the merchant's certificate has it, and is refused without."""
    with Sandbox(tls=True) as gateway:
        found = run(gateway, [sys.executable, "-m", "tests.sandbox.foreign.with_wechatpy"], tmp_path)
    number, mchid = "wechatpy0001", gateway.mchid
    assert found["order"]["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    assert found["order"]["prepay_id"]
    has(found["unpaid"], out_trade_no=number, trade_state="NOTPAY", total_fee="100")
    paid = {"out_trade_no": number, "mch_id": mchid, "trade_type": "NATIVE", "result_code": "SUCCESS"}
    has(found["notice"], **paid, total_fee=100)
    has(found["paid"], **paid, trade_state="SUCCESS", transaction_id=found["notice"]["transaction_id"])
    has(found["refund"], out_refund_no=f"R{number}", refund_fee="30")
    has(found["refund notice"], out_refund_no=f"R{number}", refund_status="SUCCESS", refund_fee=30)
    has(found["refunded"], out_refund_no_0=f"R{number}", refund_status_0="SUCCESS")
    has(found["close"]["closed"], result_code="SUCCESS")
    has(found["close"]["twice"], errcode="ORDERCLOSED")
    has(found["close"]["then"], trade_state="CLOSED")
    has(found["micropay"], result_code="SUCCESS", trade_type="MICROPAY")
    has(found["then paid"], trade_state="SUCCESS", transaction_id=found["micropay"]["transaction_id"])
    has(found["missing"], errcode="ORDERNOTEXIST")
    has(found["bare"], return_code="FAIL", result_code=None)
    assert "证书" in found["bare"]["return_msg"]


def test_wechatpay_axios_plugin(tmp_path: Path) -> None:
    """Both versions under TLS, uploads in one piece and in chunks, and a bill."""
    node = shutil.which("node")
    assert node, "node is not there"
    assert (NODE / "node_modules").is_dir(), "run npm install in tests/sandbox/foreign/node"
    with Sandbox(tls=True) as gateway:
        found = run(gateway, [node, str(NODE / "shop.cjs")], tmp_path)
        assert [request.target for request in gateway.requests if request.verdict] == ["/secapi/pay/refund"]
    check_v3(found, gateway, "axios00000001")
    assert (found["again"]["status"], found["again"]["data"]["code"]) == (400, "ORDERPAID")
    assert (found["missing"]["status"], found["missing"]["data"]["code"]) == (404, "ORDER_NOT_EXIST")
    ((serial, pem),) = found["certificates"]
    assert x509.load_pem_x509_certificate(pem.encode()).serial_number == int(serial, 16)
    assert found["streamed"]["media_id"] != found["upload"]["media_id"]
    assert found["v2 order"]["code_url"]
    has(found["v2 unpaid"], trade_state="NOTPAY")
    has(found["v2 notice"], out_trade_no="axios00000003", result_code="SUCCESS")
    has(found["v2 paid"], trade_state="SUCCESS", transaction_id=found["v2 notice"]["transaction_id"])
    assert len(found["v2 paid"]["sign"]) == 64
    has(found["v2 refund"], out_refund_no="Raxios00000003", refund_fee="30")
    has(found["v2 refund notice"], refund_status="SUCCESS", refund_fee="30")
    has(found["v2 refunded"], refund_status_0="SUCCESS")
    has(found["micropay"], trade_type="MICROPAY")
    assert "证书" in found["bare"]["data"]["return_msg"]
    assert "`axios00000001" in found["bill"]
    assert "`axios00000003" in found["bill"]
