"""Which key signs what, in each of the four key modes, checked with cryptography alone."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.sandbox.by_hand import Answer, request, send
from wechatpay_chain import Sandbox, errors
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.platform import MODES

KEY, CERTIFICATE = "public key", "certificate"
NAMES = {"the public key": KEY, "nothing": "", "the certificate": CERTIFICATE, "a stranger": "ABCD"}
# The signer by what a request names: https://pay.weixin.qq.com/doc/v3/merchant/4012154180
SIGNERS: dict[str, dict[str, str]] = {
    "both": {"the public key": KEY, "nothing": KEY, "the certificate": CERTIFICATE, "a stranger": KEY},
    "public-key": dict.fromkeys(NAMES, KEY),
    "certificate": dict.fromkeys(NAMES, CERTIFICATE),
    "switching": {**dict.fromkeys(NAMES, CERTIFICATE), "the public key": KEY},
}
SIGNED = "/v3/bill/tradebill?bill_date=2020-01-02"


def verified_by(gateway: Sandbox, answer: Answer) -> str:
    """Whose signature an answer or notice carries."""
    identity = gateway.identity
    keys: dict[str, tuple[str, RSAPublicKey]] = {
        identity.public_key_id: (KEY, identity.public_key.public_key()),
        identity.certificate_serial: (CERTIFICATE, identity.certificate_key.public_key()),
    }
    headers = answer.headers
    whose, key = keys[headers["Wechatpay-Serial"]]
    text = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + answer.body + b"\n"
    key.verify(base64.b64decode(headers["Wechatpay-Signature"]), text, padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(headers["Wechatpay-Signature"]), text + b"x", padding.PKCS1v15(), hashes.SHA256())
    return whose


def named(gateway: Sandbox, name: str) -> str:
    ids = {KEY: gateway.identity.public_key_id, CERTIFICATE: gateway.identity.certificate_serial}
    return ids.get(NAMES[name], NAMES[name])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_the_signer_of_an_answer_follows_mode_and_request(gateway: Sandbox, mode: str, name: str) -> None:
    """And the header names the key that signed."""
    gateway.platform.verify = mode
    answer = send(gateway, request(gateway, target=SIGNED, headers={"Wechatpay-Serial": named(gateway, name) or None}))
    assert answer.status == 200
    assert verified_by(gateway, answer) == SIGNERS[mode][name]


@pytest.mark.parametrize("mode", MODES)
def test_certificates_are_absent_for_a_public_key_alone(gateway: Sandbox, mode: str) -> None:
    """404 with WeChat Pay's text, signed; 200 in every other mode."""
    gateway.platform.verify = mode
    answer = send(gateway, request(gateway))
    if mode != "public-key":
        assert (answer.status, len(answer.told["data"])) == (200, 1)
        return
    assert (answer.status, answer.told["code"]) == (404, "RESOURCE_NOT_EXISTS")
    assert answer.told["message"].startswith("无可用的平台证书")
    assert verified_by(gateway, answer) == KEY


@pytest.mark.parametrize(
    ("mode", "share", "signers"),
    [
        ("both", 0.5, {KEY}),
        ("public-key", 0.5, {KEY}),
        ("certificate", 0.5, {CERTIFICATE}),
        ("switching", 0.0, {CERTIFICATE}),
        ("switching", 1.0, {KEY}),
        ("switching", 0.5, {KEY, CERTIFICATE}),
    ],
)
def test_notices_are_signed_by_mode_and_share(gateway: Sandbox, mode: str, share: float, signers: set[str]) -> None:
    """In ``switching`` at random; what a request names has no part in it."""
    gateway.platform.verify, gateway.platform.notice_share = mode, share
    ids = {gateway.identity.public_key_id: KEY, gateway.identity.certificate_serial: CERTIFICATE}
    assert {ids[gateway.platform.notice_signer()[0]] for _ in range(200)} == signers


@pytest.mark.parametrize("mode", MODES)
def test_a_client_of_each_mode_verifies_what_it_gets(mode: str) -> None:
    """With the keys that such a merchant has, and no others."""
    with Sandbox(verify=mode) as gateway:
        identity = gateway.identity
        expected = {
            "both": {identity.public_key_id, identity.certificate_serial},
            "public-key": {identity.public_key_id},
            "certificate": {identity.certificate_serial},
            "switching": {identity.public_key_id, identity.certificate_serial},
        }
        assert gateway.configuration()["certs"].keys() == expected[mode]
        assert ("WECHATPAY_PUBLIC_KEY" in gateway.environment()) == (mode != "certificate")
        with gateway.client() as wxpay, gateway.client(certs=None) as bare:
            assert wxpay.chain(SIGNED).get().verified
            if mode == "public-key":
                with pytest.raises(errors.ConfigError, match="public key"):
                    bare.chain(SIGNED).get()
            else:
                assert bare.chain(SIGNED).get().verified
        gateway.reset()
        assert gateway.platform.verify == mode


def test_a_mode_that_is_none_is_told() -> None:
    """ConfigError at the making, with the four that there are."""
    with pytest.raises(
        errors.ConfigError, match="verify: expected both, public-key, certificate, switching, found 'x'"
    ):
        Sandbox(verify="x")


SENSITIVE = "/v3/profitsharing/receivers/add"


def receiver(name: str) -> bytes:
    """A request with one encrypted field."""
    return json.dumps(
        {
            "appid": "wx8888888888888888",
            "type": "MERCHANT_ID",
            "account": "1900000109",
            "name": name,
            "relation_type": "STORE",
        }
    ).encode()


def test_an_encrypted_field_needs_the_key_that_the_header_names(gateway: Sandbox) -> None:
    """Each of WeChat Pay's four refusals has its own text."""
    identity = gateway.identity
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    text = base64.b64encode(identity.public_key.public_key().encrypt("门店".encode(), oaep)).decode()
    foreign = base64.b64encode(b"x" * 256).decode()

    def refused(name: str, serial: str | None) -> tuple[int, str, Any]:
        answer = send(
            gateway, request(gateway, "POST", SENSITIVE, receiver(name), headers={"Wechatpay-Serial": serial})
        )
        return answer.status, answer.told.get("code"), answer.told.get("message", "").partition("（")[0]

    assert refused(text, identity.public_key_id)[0] == 200
    missing = "HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)"
    assert refused(text, None) == (400, "PARAM_ERROR", missing)
    for serial in (identity.serial, "ABCD"):
        assert refused(text, serial) == (400, "PARAM_ERROR", "平台证书序列号Wechatpay-Serial错误")
    for serial in (identity.public_key_id, identity.certificate_serial):
        assert refused(foreign, serial) == (400, "PARAM_ERROR", "平台私钥解密失败")
        assert refused("门店", serial) == (400, "PARAM_ERROR", "请确认待处理的消息是否为加密后的密文")
    stranger = send(
        gateway,
        request(
            gateway,
            "POST",
            SENSITIVE,
            receiver(text),
            headers={"Wechatpay-Serial": Identity.new().public_key_id},
        ),
    )
    assert stranger.told["detail"]["issue"] == "this key belongs to another sandbox"
    gateway.platform.verify = "certificate"
    assert refused(text, identity.public_key_id) == (400, "PARAM_ERROR", "平台证书序列号Wechatpay-Serial错误")


def test_an_identity_is_read_back() -> None:
    """Every key and number, from the JSON that was kept."""
    identity = Identity.new("1900000109")
    again = Identity.from_json(identity.to_json())
    assert again.configuration() == identity.configuration()
    assert again.merchant_entry["key"] == identity.merchant_entry["key"]
    assert again.authority.pem == identity.authority.pem
    assert again.server_authority.pem == identity.server_authority.pem
    assert again.to_json() == identity.to_json()
    assert identity.secret not in repr(identity)
    assert identity.apiv3_key not in repr(identity)
    for text in ("{}", "[]", "x"):
        with pytest.raises(ValueError, match=r".+"):
            Identity.from_json(text)


def test_the_certificates_are_those_of_one_authority() -> None:
    """The merchant's, which has its number and serial, and the platform's: both verify."""
    identity = Identity.new("1900000109")
    for certificate in (identity.merchant_certificate, identity.certificate):
        certificate.verify_directly_issued_by(identity.authority.root)
    merchant = identity.merchant_certificate
    assert merchant.serial_number == int(identity.serial, 16)
    assert [name.value for name in merchant.subject] == ["1900000109"]
    assert x509.load_pem_x509_certificate(identity.merchant_entry["cert"].encode()) == merchant
