from __future__ import annotations

import json
import logging
import time
import traceback
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from tests import authority
from tests.authority import APIV3_KEY, KEY, body, certificate, entry
from wechatpay_chain import errors
from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.protocol.certificates import Bootstrap, decrypt_certificates, usable
from wechatpay_chain.protocol.keyring import Key
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.protocol.v3 import answer_text

GOOD = certificate()
PATH = "/v3/certificates"


def proven(answer: bytes, signer: Any = KEY, key_id: str = "", fixed: dict[str, Key] | None = None) -> Any:
    """What the bootstrap makes of an answer that ``signer`` has signed."""
    now, nonce = str(int(time.time())), "n"
    headers = {
        "Wechatpay-Timestamp": now,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": key_id or serial_of(GOOD),
        "Wechatpay-Signature": asymmetric.sign(answer_text(now, nonce, answer), signer),
    }
    merchant = Merchant("1900000001", "AB", KEY, APIV3_KEY)
    return Bootstrap(merchant, fixed or {}, time.time).verify_answer("GET", PATH, PATH, 200, headers, answer)


def test_an_answer_is_proven_by_what_it_brings() -> None:
    """The keys under their serials, with their dates."""
    fetched, certificates = proven(body(entry(GOOD))).data
    (key,) = fetched.keys
    assert key.id == serial_of(GOOD)
    assert key.public_key.public_numbers() == KEY.public_key().public_numbers()
    assert (key.since, key.until) == (GOOD.not_valid_before_utc.timestamp(), GOOD.not_valid_after_utc.timestamp())
    assert abs(fetched.at - time.time()) < 60
    assert certificates == [GOOD]


def test_several_come_together() -> None:
    """Each of them is held; any of them may sign."""
    other_key = authority.other_key()
    other = certificate(other_key)
    answer = body(entry(GOOD), entry(other))
    for signer, key_id in ((KEY, serial_of(GOOD)), (other_key, serial_of(other))):
        assert {key.id for key in proven(answer, signer, key_id).data[0].keys} == {serial_of(GOOD), serial_of(other)}


def test_a_fixed_key_proves_it_too() -> None:
    """WeChat Pay signs with the public key where the request names it."""
    public = authority.other_key()
    fixed = {"PUB_KEY_ID_1": Key("PUB_KEY_ID_1", public.public_key(), float("inf"))}
    assert proven(body(entry(GOOD)), public, "PUB_KEY_ID_1", fixed).data[0].keys
    with pytest.raises(errors.UnknownSerial, match="PUB_KEY_ID_1"):
        proven(body(entry(GOOD)), public, "PUB_KEY_ID_1")


def test_a_signature_of_another_key_is_refused() -> None:
    """Though the certificates open with the APIv3 key."""
    with pytest.raises(errors.SignatureMismatch):
        proven(body(entry(GOOD)), authority.other_key())


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (certificate(days=(-9, -1)), "valid from"),
        (certificate(days=(1, 9)), "valid from"),
        (certificate(ec.generate_private_key(ec.SECP256R1())), "expected an RSA certificate"),
    ],
)
def test_one_that_is_not_to_be_trusted_is_left_out(wrong: Any, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    """The log tells why; the others serve, and alone it serves nobody."""
    caplog.set_level(logging.WARNING)
    fetched, certificates = proven(body(entry(wrong), entry(GOOD))).data
    assert [key.id for key in fetched.keys] == [serial_of(GOOD)]
    assert certificates == [GOOD]
    assert reason in caplog.text
    assert fetched.left_out[0][0] == serial_of(wrong)
    assert reason in fetched.left_out[0][1]
    left_out = rf"holds none; add it to certs; {serial_of(wrong)} is left out: .*{reason}"
    with pytest.raises(errors.UnknownSerial, match=left_out):
        proven(body(entry(wrong)), key_id=serial_of(wrong))


def test_the_reason_of_each_that_is_left_out_is_told() -> None:
    """Where a fixed key proves an answer that brings none."""
    public = authority.other_key()
    fixed = {"PUB_KEY_ID_1": Key("PUB_KEY_ID_1", public.public_key(), float("inf"))}
    old, coming = certificate(days=(-9, -1)), certificate(days=(1, 9))
    with pytest.raises(errors.VerificationError, match=r"brings no certificate that can be used; ") as caught:
        proven(body(entry(old), entry(coming)), public, "PUB_KEY_ID_1", fixed)
    for each in (old, coming):
        assert f"{serial_of(each)} is left out: valid from {each.not_valid_before_utc:%Y-%m-%d}" in str(caught.value)


@pytest.mark.parametrize("issuer", ["Another Root", "Tenpay.com Root CA 2", "x", "Tenpay.com Sandbox Root CA"])
def test_the_name_of_the_issuer_proves_nothing(issuer: str) -> None:
    """Who holds the APIv3 key can write any; a renamed authority must not stop a merchant's calls."""
    named = certificate(issuer=issuer)
    (key,) = proven(body(entry(named)), key_id=serial_of(named)).data[0].keys
    assert key.id == serial_of(named)


def test_a_chain_that_is_given_is_checked() -> None:
    """Each certificate is issued by the next, which is an authority's."""
    root = certificate(authority.AUTHORITY, name=authority.ROOT, is_authority=True)
    assert decrypt_certificates(body(entry(GOOD, root)), APIV3_KEY) == [(GOOD, root)]
    stranger = ec.generate_private_key(ec.SECP256R1())
    impostor = certificate(stranger, name=authority.ROOT, signer=stranger, is_authority=True)
    misnamed = certificate(authority.AUTHORITY, name="Another Root", is_authority=True)
    leaf = certificate(authority.AUTHORITY, name=authority.ROOT)
    odd = certificate(ed25519.Ed25519PrivateKey.generate(), name=authority.ROOT, is_authority=True)
    for issuer in (impostor, misnamed, leaf, odd):
        with pytest.raises(errors.VerificationError, match="no list of encrypted certificates"):
            decrypt_certificates(body(entry(GOOD, issuer)), APIV3_KEY)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"[]",
        b'{"data":5}',
        b'{"data":[5]}',
        b'{"data":[{}]}',
        b"\xff",
        b"[" * 100_000,
        body({**entry(GOOD), "serial_no": "AB"}),
        body({**entry(GOOD), "serial_no": 5}),
        body(entry(GOOD, algorithm="AEAD_SM4_GCM")),
        body(entry(GOOD, nonce=5)),
        body(entry(GOOD, nonce="\ud800")),
        body(entry(GOOD, ciphertext=None)),
        body(entry(GOOD, associated_data=5)),
    ],
)
def test_what_is_no_such_answer_is_refused(answer: bytes) -> None:
    """A VerificationError on one line."""
    with pytest.raises(errors.VerificationError, match=r"^/v3/certificates: no list") as caught:
        decrypt_certificates(answer, APIV3_KEY)
    assert "\n" not in str(caught.value)


def test_an_empty_list_proves_nothing() -> None:
    """Nobody can have signed it."""
    with pytest.raises(errors.VerificationError):
        proven(body())


@pytest.mark.parametrize(
    "wrong",
    [entry(GOOD, key=b"k" * 32), entry(GOOD, associated_data="x"), entry(GOOD, nonce="0" * 12), entry(GOOD, nonce="")],
)
def test_a_wrong_apiv3_key_is_named(wrong: dict[str, Any]) -> None:
    """The likely cause; no frame holds the key, and no error behind it."""
    with pytest.raises(errors.DecryptionError, match=r"^apiv3_key: it does not open the certificates") as caught:
        decrypt_certificates(body(wrong), APIV3_KEY)
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in trace.stack if "wechatpay_chain/" in frame.filename]
    assert frames
    assert APIV3_KEY.decode() not in "".join(f"{frame.locals}" for frame in frames)
    assert caught.value.__context__ is None


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_whatever_is_answered_only_our_errors_come(value: Any) -> None:
    """As the whole answer, as its list, as an entry, and in the place of any field."""
    sealed = entry(GOOD)["encrypt_certificate"]
    tries = [value, {"data": value}, {"data": [value]}, {"data": [{**entry(GOOD), "encrypt_certificate": value}]}]
    tries += [{"data": [{**entry(GOOD), "encrypt_certificate": {**sealed, name: value}}]} for name in sealed]
    tries += [{"data": [{**entry(GOOD), "serial_no": value}]}]
    for answer in tries:
        try:
            assert decrypt_certificates(json.dumps(answer).encode(), APIV3_KEY) in ([], [(GOOD,)])
        except (errors.VerificationError, errors.DecryptionError) as error:
            assert "\n" not in str(error)  # noqa: PT017  # some of these are right by chance


def test_the_dates_are_those_of_the_clock_that_is_given() -> None:
    """From the first second to before the last."""
    begin, end = GOOD.not_valid_before_utc.timestamp(), GOOD.not_valid_after_utc.timestamp()
    assert [usable((GOOD,), at) == "" for at in (begin - 1, begin, end - 1, end)] == [False, True, True, False]
