"""Encrypted fields on the wire, opened by the openssl command with the key that the request names."""

from __future__ import annotations

import base64
import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.crypto.test_asymmetric import OAEP, openssl
from tests.openssl import rightly_signed
from wechatpay_chain import Sandbox, Sealed, Wechatpay, errors
from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.php import Instance
from wechatpay_chain.sandbox.answer import Received
from wechatpay_chain.sandbox.identity import private_pem

PKCS1 = ["-pkeyopt", "rsa_padding_mode:pkcs1"]


def key_of(gateway: Sandbox, serial: str) -> RSAPrivateKey:
    key = gateway.platform.key_of(serial)
    assert key is not None
    return key


def opened(ciphertext: str, key: RSAPrivateKey, folder: Path, options: list[str] = OAEP) -> str:
    (folder / "key").write_text(private_pem(key))
    raw = base64.b64decode(ciphertext, validate=True)
    return openssl("pkeyutl", "-decrypt", "-inkey", folder / "key", *options, data=raw).decode()


def sent(gateway: Sandbox) -> Received:
    received = gateway.requests[-1]
    assert received.verdict == ""
    assert rightly_signed(received, gateway.identity.merchant_key.public_key())
    return received


PAYLOAD = {"a": Sealed("张三"), "b": [1, {"c": Sealed("李四")}, (Sealed("x"),)], "d": "plain", "e": Sealed("")}


@pytest.mark.parametrize("face", ["native", "php"])
def test_sealed_texts_are_encrypted_for_the_key_that_is_named(
    face: str, gateway: Sandbox, wxpay: Wechatpay, instance: Instance, tmp_path: Path
) -> None:
    """Anywhere in the body; the rest stays as it is."""
    with pytest.raises(errors.ClientError, match="404"):
        wxpay.v3.x.post(PAYLOAD) if face == "native" else instance.v3.x.post({"json": PAYLOAD})
    received = sent(gateway)
    key = key_of(gateway, received.headers["Wechatpay-Serial"])
    body = json.loads(received.body)
    assert opened(body["a"], key, tmp_path) == "张三"
    assert opened(body["b"][1]["c"], key, tmp_path) == "李四"
    assert opened(body["b"][2][0], key, tmp_path) == "x"
    assert asymmetric.decrypt(body["e"], key) == ""
    assert (body["b"][0], body["d"]) == (1, "plain")


def test_a_header_of_the_callers_selects_the_key(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """Or raises, and nothing is sent, when that key is not held."""
    for serial in gateway.configuration()["certs"]:
        with pytest.raises(errors.ClientError, match="404"):
            wxpay.v3.x.post({"a": Sealed("张三")}, headers={"wechatpay-serial": serial})
        received = sent(gateway)
        assert received.headers["Wechatpay-Serial"] == serial
        assert opened(json.loads(received.body)["a"], key_of(gateway, serial), tmp_path) == "张三"
    gateway.requests.clear()
    with pytest.raises(errors.ChainError, match=r"Wechatpay-Serial names 'PUB_KEY_ID_9'.*nothing was sent"):
        wxpay.v3.x.post({"a": Sealed("张三")}, headers={"Wechatpay-Serial": "PUB_KEY_ID_9"})
    assert not gateway.requests


def test_the_newest_certificate_encrypts_after_a_rotation(gateway: Sandbox, tmp_path: Path) -> None:
    """Body and header change together, also for a promise."""
    with gateway.client(certs=None) as wxpay:
        wxpay.v3.certificates.get()
        new = gateway.platform.rotate()
        gateway.platform.retire()
        wxpay.v3.certificates.get()
        with pytest.raises(errors.ClientError):
            wxpay.v3.x.post_async({"a": Sealed("张三")}).wait()
    received = sent(gateway)
    assert received.headers["Wechatpay-Serial"] == new
    assert opened(json.loads(received.body)["a"], key_of(gateway, new), tmp_path) == "张三"


def test_a_prepared_request_is_encrypted_too(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """What is shown of it is the ciphertext."""
    request = wxpay.prepare(wxpay.v3.x.post, {"a": Sealed("hush")})
    assert isinstance(request.body, bytes)
    key = key_of(gateway, request.headers["Wechatpay-Serial"])
    assert asymmetric.decrypt(json.loads(request.body)["a"], key) == "hush"
    assert "hush" not in f"{request.curl()}{request.message}"
    with gateway.client(certs=None) as keyless:
        assert keyless.prepare(keyless.v3.x.post, {"a": Sealed("hush")}).headers["Wechatpay-Serial"]
    assert [received.target for received in gateway.requests] == ["/v3/certificates"]


@pytest.mark.parametrize(
    "options",
    [
        {"params": {"a": Sealed("hush")}},
        {"headers": {"a": Sealed("hush")}},
        {"id": Sealed("hush")},
        {"json": {Sealed("hush"): 1}},
        {"json": {"a": Sealed("hush" * 60)}},
        {"json": {"a": Sealed("hush"), "b": object()}},
        {"json": {"a": Sealed("hush"), "b": float("nan")}},
    ],
)
def test_elsewhere_a_sealed_text_is_refused(gateway: Sandbox, wxpay: Wechatpay, options: dict[str, Any]) -> None:
    """The field is named, the text is in no message and in no frame, and nothing is sent."""
    with pytest.raises(errors.ChainError, match=r"nothing was sent|pass text") as caught:
        wxpay.v3._id_.post(**{"id": "1", **options})
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "hush" not in str(caught.value)
    assert "hush" not in "".join(f"{frame.locals}" for frame in trace.stack if "wechatpay_chain/" in frame.filename)
    assert not gateway.requests


def test_apiv2_takes_no_sealed_text(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """It has another encryption, by another key."""
    with pytest.raises(errors.ChainError, match=r"^a"):
        wxpay.v2.x.post({"mch_id": gateway.mchid, "a": Sealed("hush")})
    assert not gateway.requests


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.text(max_size=20).map(Sealed),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    )
)
def test_whatever_the_body_it_is_the_same_with_ciphertexts(gateway: Sandbox, wxpay: Wechatpay, payload: Any) -> None:
    """Each in its own place, and no byte of anything else is touched."""
    if payload is None:
        return
    request = wxpay.prepare(wxpay.v3.x.post, json=payload)
    assert isinstance(request.body, bytes)
    key = gateway.identity.public_key

    def same(there: Any, here: Any) -> bool:
        if isinstance(here, Sealed):
            return asymmetric.decrypt(there, key) == here._text
        if isinstance(here, dict):
            return there.keys() == here.keys() and all(same(there[name], here[name]) for name in here)
        if isinstance(here, list):
            return len(there) == len(here) and all(map(same, there, here))
        return bool(there == here)

    assert same(json.loads(request.body), payload)


def test_encrypt_tells_which_key(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """.serial goes into the header; the text is that of openssl."""
    encrypted = wxpay.encrypt("张三")
    assert isinstance(encrypted, str)
    assert opened(encrypted, key_of(gateway, encrypted.serial), tmp_path) == "张三"
    with pytest.raises(errors.ClientError, match="404"):
        wxpay.v3.x.post({"a": encrypted}, headers={"Wechatpay-Serial": encrypted.serial})
    assert json.loads(sent(gateway).body)["a"] == encrypted
    assert "张三" not in repr(encrypted)


def test_pkcs1_v1_5_encrypts_by_its_name_alone(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """Nothing decrypts it: what openssl opens, we refuse."""
    encrypted = wxpay.encrypt_pkcs1v15("a" * 245)
    key = key_of(gateway, encrypted.serial)
    assert opened(encrypted, key, tmp_path, PKCS1) == "a" * 245
    with pytest.raises(errors.DecryptionError):
        asymmetric.decrypt(encrypted, key)
    with pytest.raises(errors.ChainError, match=r"^text: 246 bytes, but this key encrypts at most 245"):
        wxpay.encrypt_pkcs1v15("a" * 246)


def test_decrypt_opens_what_wechat_pay_encrypted_for_the_merchant(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """OAEP, with the merchant's private key; anything else is a DecryptionError."""
    assert wxpay.decrypt(asymmetric.encrypt("张三", gateway.identity.merchant_key.public_key())) == "张三"
    wrong: Any
    for wrong in (None, 5, b"x", "", "x", "张", wxpay.encrypt("x")):
        with pytest.raises(errors.DecryptionError, match=r"^ciphertext: "):
            wxpay.decrypt(wrong)
    with (
        gateway.client(private_key=None, serial=None) as keyless,
        pytest.raises(errors.ConfigError, match="private_key"),
    ):
        keyless.decrypt("x")


@pytest.mark.parametrize("wrong", [None, 5, b"x", ["x"], "\ud800", "hush" * 60])
def test_encrypt_refuses_what_it_cannot(wxpay: Wechatpay, wrong: Any) -> None:
    """A ChainError that does not show it."""
    for encrypt in (wxpay.encrypt, wxpay.encrypt_pkcs1v15):
        if isinstance(wrong, str) and encrypt == wxpay.encrypt_pkcs1v15 and wrong.isascii():
            continue
        with pytest.raises(errors.ChainError, match=r"^text: ") as caught:
            encrypt(wrong)
        trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        frames = [frame.locals for frame in trace.stack if "wechatpay_chain/" in frame.filename]
        assert "hush" not in f"{caught.value}{frames}"


def test_without_any_key_encrypt_says_what_to_configure(gateway: Sandbox) -> None:
    """certs or an APIv3 key."""
    with gateway.client(certs=None, apiv3_key=None) as wxpay, pytest.raises(errors.ConfigError, match=r"^certs"):
        wxpay.encrypt("x")


def test_wechat_pay_opens_what_was_sealed_for_a_key_that_rotates(gateway: Sandbox) -> None:
    """The gateway decrypts with the key that the header names, before, while and after both sign."""
    with gateway.client(certs=None) as wxpay:
        node = wxpay.v3.applyment4sub.applyment._empty_
        steps = (lambda: None, gateway.platform.rotate, gateway.platform.retire)
        for step in steps:
            step()
            for _ in range(3):
                answer = node.post({"business_code": "1", "contact_info": {"contact_name": Sealed("张三")}})
                assert answer.data["applyment_id"]
        with pytest.raises(errors.ClientError, match="contact_name"):
            node.post({"business_code": "1", "contact_info": {"contact_name": "张三"}})
