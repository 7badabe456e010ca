"""Keys behind sign and verify, as an HSM or a signing service lends them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

from tests.openssl import rightly_signed
from wechatpay_chain import Builder, Sandbox, Sealed, Wechatpay, errors
from wechatpay_chain.crypto import asymmetric, key_loader


class Signer:
    """A signing service."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self.key = key
        self.asked: list[bytes] = []

    def sign(self, message: bytes) -> bytes:
        self.asked.append(message)
        return self.key.sign(message, padding.PKCS1v15(), SHA256())


class Verifier:
    """The other half: ``says`` makes its answer of the right one."""

    def __init__(self, key: RSAPublicKey, says: Callable[[bool], Any]) -> None:
        self.key = key
        self.says = says

    def verify(self, signature: bytes, message: bytes) -> Any:
        try:
            self.key.verify(signature, message, padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            return self.says(False)
        return self.says(True)


def raising(holds: bool) -> None:
    if not holds:
        raise InvalidSignature


def failing(holds: bool) -> Any:
    raise OSError("hush: the service is down")


def client(gateway: Sandbox, says: Callable[[bool], Any] = bool, **options: Any) -> Wechatpay:
    public = Verifier(gateway.identity.public_key.public_key(), says)
    return gateway.client(**{"certs": {gateway.identity.public_key_id: public}, **options})


@pytest.mark.parametrize("says", [bool, raising])
def test_both_keys_may_be_elsewhere(gateway: Sandbox, says: Callable[[bool], Any]) -> None:
    """openssl verifies what sign returned; True and None prove an answer; a changed one is refused."""
    signer = Signer(gateway.identity.merchant_key)
    with client(gateway, says, private_key=signer) as wxpay:
        assert wxpay.v3.certificates.get().verified
        received = gateway.requests[-1]
        assert rightly_signed(received, gateway.identity.merchant_key.public_key())
        assert signer.asked[0].startswith(b"GET\n/v3/certificates\n")
        gateway.tamper = lambda answer, _: setattr(answer, "body", answer.body + b" ")
        with pytest.raises(errors.SignatureMismatch):
            wxpay.v3.certificates.get()


def test_the_php_face_takes_them_too(gateway: Sandbox) -> None:
    """Any object, also one whose method is an attribute."""
    entries = gateway.configuration()
    sign = Signer(gateway.identity.merchant_key).sign
    php = {"mchid": entries["mchid"], "serial": entries["serial"], "certs": entries["certs"]}
    with Builder.factory({**php, "privateKey": SimpleNamespace(sign=sign), "base_uri": gateway.base_url}) as instance:
        assert instance.v3.certificates.get().verified


@pytest.mark.parametrize("verdict", [False, 0, 1, "", "yes", b"", [], object()])
def test_only_true_and_none_prove_an_answer(gateway: Sandbox, verdict: Any) -> None:
    """A truthy value is not enough: it may be an error's text."""
    with client(gateway, lambda _: verdict) as wxpay, pytest.raises(errors.SignatureMismatch):
        wxpay.v3.certificates.get()


def test_a_verifier_that_fails_proves_nothing(gateway: Sandbox) -> None:
    """The request has been sent, so it is a VerificationError, with the response and the cause."""
    with client(gateway, failing) as wxpay:
        with pytest.raises(
            errors.VerificationError, match=r"verify\(\) failed \(OSError\); the answer is not proven"
        ) as caught:
            wxpay.v3.certificates.get()
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.response is not None
        with pytest.raises(errors.ClientError) as refused:
            wxpay.v3.x.get()
        assert refused.value.verified is False


def test_what_a_signer_raises_comes_before_anything_is_sent(gateway: Sandbox) -> None:
    """As it is: only its owner knows what it means."""

    def down(message: bytes) -> bytes:
        raise ConnectionResetError("the HSM")

    with client(gateway, private_key=SimpleNamespace(sign=down)) as wxpay:
        with pytest.raises(ConnectionResetError, match="the HSM"):
            wxpay.v3.certificates.get()
        with pytest.raises(ConnectionResetError, match="the HSM"):
            wxpay.v3.certificates.get_async().wait()
    assert not gateway.requests


@pytest.mark.parametrize("returned", [None, "c2ln", b"", 5, ["x"], bytearray()])
def test_a_signature_is_bytes(gateway: Sandbox, returned: Any) -> None:
    """Base64 text and nothing at all are told before anything is sent."""
    signer = SimpleNamespace(sign=lambda message: returned)
    refused = pytest.raises(errors.ConfigError, match=r"^private_key: its sign\(\) returned")
    with client(gateway, private_key=signer) as wxpay, refused:
        wxpay.v3.certificates.get()
    assert not gateway.requests


def test_what_they_cannot_do_is_said(gateway: Sandbox) -> None:
    """Encrypting and decrypting take the keys themselves."""
    with client(gateway, private_key=Signer(gateway.identity.merchant_key)) as wxpay:
        with pytest.raises(errors.ConfigError, match=r"^private_key: an object that only signs"):
            wxpay.decrypt("x")
        for encrypt in (wxpay.encrypt, lambda text: wxpay.v3.x.post({"a": Sealed(text)})):
            with pytest.raises(
                errors.WechatpayError, match=r"certs\['PUB_KEY.* only verifies; encrypting takes the key"
            ):
                encrypt("x")
        with pytest.raises(TypeError, match=r"private_key.* would be in it"):
            pickle.dumps(wxpay)
        assert wxpay.v3.certificates.get().verified
    assert len(gateway.requests) == 1


def test_a_lent_key_does_nothing_else() -> None:
    """Neither another algorithm nor another method; decrypting is no DecryptionError of a wrong key."""
    private: Any = key_loader.load_private_key(SimpleNamespace(sign=bytes), "private_key")
    public: Any = key_loader.load_public_key(SimpleNamespace(verify=bool), "certs")
    assert isinstance(private, RSAPrivateKey)
    assert isinstance(public, RSAPublicKey)
    assert (repr(private), repr(public)) == ("<a key that signs elsewhere>", "<a key that verifies elsewhere>")
    mgf = padding.PSS(padding.MGF1(SHA256()), 32)
    tries: list[Callable[[], Any]] = [
        lambda: private.sign(b"", mgf, SHA256()),
        lambda: private.sign(b"", padding.PKCS1v15(), SHA512()),
        lambda: public.verify(b"", b"", mgf, SHA256()),
        lambda: private.private_bytes,
        lambda: private.public_key(),
        lambda: asymmetric.decrypt("AAAA", private),
        lambda: asymmetric.encrypt("x", public),
    ]
    for attempt in tries:
        with pytest.raises(
            errors.WechatpayError, match=r"an object that only (signs|verifies); .* takes the key"
        ) as caught:
            attempt()
        assert not isinstance(caught.value, errors.DecryptionError)


@pytest.mark.parametrize(
    "wrong",
    [
        Signer,
        ed25519.Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP256R1()),
        object(),
        SimpleNamespace(sign="x"),
        SimpleNamespace(),
    ],
)
def test_other_objects_are_no_keys(gateway: Sandbox, wrong: Any) -> None:
    """A class, a key that is not of RSA although it signs, and what has no sign()."""
    with pytest.raises(errors.ConfigError, match=r"^private_key: "):
        gateway.client(private_key=wrong)
    public = wrong.public_key() if hasattr(wrong, "public_key") else wrong
    with pytest.raises(errors.ConfigError, match=r"^certs"):
        gateway.client(certs={"PUB_KEY_ID_1": public})


def test_cryptographys_own_keys_are_told_apart(gateway: Sandbox) -> None:
    """They have sign and verify with other arguments."""
    key = gateway.identity.merchant_key
    assert key_loader.load_private_key(key, "private_key") is key
    certs = {gateway.identity.public_key_id: gateway.identity.public_key.public_key()}
    with gateway.client(private_key=key, certs=certs) as wxpay:
        assert wxpay.v3.certificates.get().verified
