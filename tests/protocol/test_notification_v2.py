from __future__ import annotations

import base64
import copy
import hashlib
import pickle
import subprocess
import traceback
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.crypto import digest
from wechatpay_chain.php import Instance
from wechatpay_chain.protocol.notification import NotificationV2
from wechatpay_chain.protocol.v2 import text_of
from wechatpay_chain.protocol.xml import to_xml

PAID = {
    "return_code": "SUCCESS",
    "appid": "wx2421b1c4370ec43b",
    "mch_id": "10000100",
    "nonce_str": "5d2b6c2a8db53831f7eda20af46e531c",
    "result_code": "SUCCESS",
    "out_trade_no": "1409811653",
    "total_fee": "1",
    "attach": "支付测试",
}
OPENED = {"out_refund_no": "131811191610442717309", "refund_status": "SUCCESS", "refund_recv_accout": "支付用户零钱"}
REFUND = {"return_code": "SUCCESS", "appid": "wx2421b1c4370ec43b", "mch_id": "10000100", "nonce_str": "TeqClE3i0mvn"}


def notice(fields: dict[str, Any]) -> bytes:
    return to_xml(fields).encode()


def signed(gateway: Sandbox, fields: dict[str, Any], kind: str = "MD5") -> bytes:
    return notice({**fields, "sign": digest.sign(kind, text_of(fields), gateway.identity.secret)})


def encrypted(text: bytes, secret: str) -> str:
    """AES-256-ECB under the MD5 of the key in lower-case hex, by the openssl command."""
    key = hashlib.md5(secret.encode()).hexdigest().encode().hex()
    command = ["openssl", "enc", "-aes-256-ecb", "-K", key, "-base64", "-A"]
    return subprocess.run(command, input=text, capture_output=True, check=True).stdout.decode()


@pytest.mark.parametrize("kind", ["MD5", "HMAC-SHA256"])
def test_a_payment_is_verified(gateway: Sandbox, wxpay: Wechatpay, instance: Instance, kind: str) -> None:
    """Both faces, both kinds of signature; every field is handed over."""
    body = signed(gateway, PAID, kind)
    for client in (wxpay, instance):
        read = client.notification_v2(body)
        assert {name: value for name, value in read.items() if name != "sign"} == PAID


def test_a_failed_payment_is_told_as_it_is(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """It is signed: what to make of it is the handler's business."""
    failed = {**PAID, "result_code": "FAIL", "err_code": "ORDERCLOSED"}
    assert wxpay.notification_v2(signed(gateway, failed))["result_code"] == "FAIL"


def test_a_refund_is_opened(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """What openssl encrypted; nothing signs it."""
    sealed = encrypted(to_xml(OPENED, root="root").encode(), gateway.identity.secret)
    read = wxpay.notification_v2(notice({**REFUND, "mch_id": gateway.mchid, "req_info": sealed}))
    assert read == {**REFUND, "mch_id": gateway.mchid, "req_info": OPENED}
    read = wxpay.notification_v2(signed(gateway, {**PAID, "req_info": sealed}))
    assert (read["req_info"], read["out_trade_no"]) == (OPENED, "1409811653")


def test_a_refund_is_opened_and_not_verified(gateway: Sandbox, wxpay: Wechatpay, instance: Instance) -> None:
    """Whoever hands it on can read that off it; a payment is verified, and so is a refund that is signed."""
    sealed = encrypted(to_xml(OPENED, root="root").encode(), gateway.identity.secret)
    refund = notice({**REFUND, "mch_id": gateway.mchid, "req_info": sealed})
    for client in (wxpay, instance):
        read = client.notification_v2(refund)
        assert read.verified is False
        assert client.notification_v2(signed(gateway, PAID)).verified is True
        assert client.notification_v2(signed(gateway, {**PAID, "req_info": sealed})).verified is True
        for again in (pickle.loads(pickle.dumps(read)), copy.copy(read), copy.deepcopy(read)):
            assert (again, again.verified) == (read, False)
    assert "refundquery" in str(NotificationV2.__doc__)
    assert "refundquery" in str(Wechatpay.notification_v2.__doc__)


def test_blocks_of_two_refunds_can_be_spliced(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The openssl command shows it: AES-ECB alone is no proof, and nothing here pretends that it is."""

    def sealed(number: str, status: str) -> bytes:
        head = f"<root><out_refund_no>{number}</out_refund_no>".ljust(48)
        return base64.b64decode(encrypted(f"{head}<s>{status}</s></root>".encode(), gateway.identity.secret))

    failed, done = sealed("11", "REFUNDCLOSE"), sealed("22", "SUCCESS")
    assert failed[:48] != done[:48]
    spliced = base64.b64encode(failed[:48] + done[48:]).decode()
    for _ in range(2):  # and it can be sent again for ever
        read = wxpay.notification_v2(notice({**REFUND, "mch_id": gateway.mchid, "req_info": spliced}))
        assert read["req_info"] == {"out_refund_no": "11", "s": "SUCCESS"}
        assert read.verified is False


def test_nothing_unproven_slips_in_beside_a_refund(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """A refund seen once must not carry fields of a payment that nobody signed."""
    sealed = encrypted(to_xml(OPENED, root="root").encode(), gateway.identity.secret)
    read = wxpay.notification_v2(notice({**PAID, "mch_id": gateway.mchid, "req_info": sealed}))
    assert not {"out_trade_no", "total_fee", "result_code", "attach"} & read.keys()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"total_fee": "2"}, errors.SignatureMismatch),
        ({"extra": "x"}, errors.SignatureMismatch),
        ({"sign": ""}, errors.SignatureMismatch),
        ({"sign": "A" * 32}, errors.SignatureMismatch),
        ({"sign": {"a": "b"}}, errors.SignatureMismatch),
        ({"return_code": "FAIL", "return_msg": "x"}, errors.BusinessError),
        ({"return_code": ""}, errors.SignatureMismatch),
        ({"return_code": None}, errors.SignatureMismatch),
        ({"return_code": {"a": "b"}}, errors.SignatureMismatch),
        ({"sign": "", "req_info": "x"}, errors.DecryptionError),
        ({"sign": "", "req_info": {"a": "b"}}, errors.DecryptionError),
        ({"sign": "", "req_info": ""}, errors.DecryptionError),
    ],
)
def test_what_is_not_proven_is_refused(
    gateway: Sandbox, wxpay: Wechatpay, change: dict[str, Any], kind: type[Exception]
) -> None:
    """A changed, an unsigned and a refusing notice."""
    paid = {**PAID, "mch_id": gateway.mchid}
    sign = digest.sign("MD5", text_of(paid), gateway.identity.secret)
    with pytest.raises(kind):
        wxpay.notification_v2(notice({**paid, "sign": sign, **change}))


@pytest.mark.parametrize("body", [b"<xml></xml>", b"<xml><return_code><a/></return_code></xml>", b"<html/>"])
def test_what_says_nothing_is_no_refusal(wxpay: Wechatpay, body: bytes) -> None:
    """A refusal would have a code and words."""
    with pytest.raises(errors.SignatureMismatch, match=r"^return_code: missing; it may not be WeChat Pay's$"):
        wxpay.notification_v2(body)


@pytest.mark.parametrize("number", ["999", None, "", {"a": "b"}])
def test_a_refund_of_another_merchant_is_refused(gateway: Sandbox, wxpay: Wechatpay, number: object) -> None:
    """Whoever has seen one of this merchant could send it under another number."""
    sealed = encrypted(to_xml(OPENED, root="root").encode(), gateway.identity.secret)
    with pytest.raises(
        errors.SignatureMismatch, match=f"^mch_id: expected this client's merchant {gateway.mchid}, fou"
    ):
        wxpay.notification_v2(notice({**REFUND, "mch_id": number, "req_info": sealed}))


def told(error: BaseException) -> str:
    seen = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in seen.stack if "wechatpay_chain" in frame.filename]
    assert frames
    return str(error) + "".join(f"{frame.locals}" for frame in frames)


def test_no_secret_is_shown(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Neither the APIv2 key nor what was decrypted, in message or frames."""
    sealed = encrypted(b"<root>secret-openid", gateway.identity.secret)
    for info in (sealed, encrypted(b"<root/>", "another key")):
        with pytest.raises(errors.DecryptionError) as caught:
            wxpay.notification_v2(notice({**REFUND, "mch_id": gateway.mchid, "req_info": info}))
        key = hashlib.md5(gateway.identity.secret.encode()).hexdigest()
        assert not [secret for secret in (gateway.identity.secret, key, "openid") if secret in told(caught.value)]
    with gateway.client(secret=None) as bare, pytest.raises(errors.ConfigError, match="secret: missing"):
        bare.notification_v2(signed(gateway, PAID))


@pytest.mark.parametrize("body", ["<xml/>", {}, None, 1])
def test_a_body_that_is_not_raw_is_a_type_error(wxpay: Wechatpay, body: Any) -> None:
    """As for APIv3."""
    with pytest.raises(TypeError, match="expected the raw body as bytes"):
        wxpay.notification_v2(body)


_tags = st.sampled_from([b"<xml>", b"</xml>", b"<return_code>SUCCESS</return_code>", b"<sign>", b"</sign>", b"&amp;"])


@given(parts=st.lists(_tags | st.binary(max_size=20), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_hostile_bytes_raise_errors_of_this_package_alone(wxpay: Wechatpay, parts: list[bytes]) -> None:
    """Whatever arrives, nothing is taken for a notice."""
    with pytest.raises(errors.WechatpayError):
        wxpay.notification_v2(b"".join(parts))


@given(plain=st.binary(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_hostile_refunds_raise_errors_of_this_package_alone(gateway: Sandbox, wxpay: Wechatpay, plain: bytes) -> None:
    """Encrypted under the right key, and no XML."""
    sealed = encrypted(b"x" + plain, gateway.identity.secret)
    with pytest.raises(errors.DecryptionError):
        wxpay.notification_v2(notice({**REFUND, "mch_id": gateway.mchid, "req_info": sealed}))
