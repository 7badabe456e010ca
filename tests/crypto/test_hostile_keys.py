"""Hostile keys, key ids and lists of certificates in quantity: only this package's errors come out, and soon.

The usual suite tries a few hundred of each kind; ``-m slow`` tries ``MANY``.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.authority import APIV3_KEY, KEY, body, certificate, entry
from wechatpay_chain import errors
from wechatpay_chain.crypto import asymmetric, ciphers, key_loader
from wechatpay_chain.protocol.certificate_folder import SHARED, Folder
from wechatpay_chain.protocol.certificates import Bootstrap, decrypt_certificates
from wechatpay_chain.protocol.keyring import Fetched, Keyring
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.protocol.v3 import APIv3, answer_text
from wechatpay_chain.sandbox.identity import private_pem, public_pem

FEW = 200
MANY = {"keys": 40_000, "folders": 10_000, "answers": 20_000, "headers": 30_000}
LONGEST = 1.0

GOOD = certificate()
LOCKED = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hush"))
OLD = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"hush"))
SEEDS = [
    private_pem(KEY).encode(),
    public_pem(KEY.public_key()).encode(),
    KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1),
    GOOD.public_bytes(Encoding.PEM),
    GOOD.public_bytes(Encoding.DER),
    LOCKED,
    OLD,
    "".join(private_pem(KEY).splitlines()[1:-1]).encode(),
]
PIECES = [b"", b"\0", b"\n", b"-----", b"-----BEGIN CERTIFICATE-----\n", b"=", b"\xff", b"0\x82", b"file://", b"\\n"]
EDIT = st.tuples(st.floats(0, 1), st.integers(0, 400), st.sampled_from(PIECES) | st.binary(max_size=8))
DAMAGED = st.builds(
    lambda seed, edits: damaged(seed, edits), st.sampled_from(SEEDS), st.lists(EDIT, min_size=1, max_size=4)
)


def damaged(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """``data`` with pieces cut out of it and others put in."""
    for where, cut, piece in edits:
        at = int(where * len(data))
        data = data[:at] + piece + data[at + cut :]
    return data


def amounts(kind: str) -> pytest.MarkDecorator:
    """A few inputs always, many of them when CI asks for what is slow."""
    return pytest.mark.parametrize("amount", [FEW, pytest.param(MANY[kind], marks=pytest.mark.slow)])


def fuzz(inputs: st.SearchStrategy[Any], door: Callable[[Any], object], amount: int) -> None:
    """Give ``door`` so many inputs; each may take a second, and raise an error of this package on one line."""
    tried = 0

    @settings(max_examples=amount, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs)
    def knock(given_input: Any) -> None:
        nonlocal tried
        tried += 1
        started = time.thread_time()
        try:
            door(given_input)
        except errors.WechatpayError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017  # many inputs are right
        assert time.thread_time() - started < LONGEST

    # The collector would walk what the whole run has left, and the bound is on the door's own time.
    gc.collect()
    gc.freeze()
    try:
        knock()
    finally:
        gc.unfreeze()
    assert tried >= amount


def test_many_are_enough() -> None:
    """10^5 in all."""
    assert sum(MANY.values()) >= 100_000


@amounts("keys")
def test_any_damage_to_a_key_is_an_error_or_a_key(amount: int) -> None:
    """As bytes and as text, with a password and without; nothing of the private key is told."""
    lines = private_pem(KEY).splitlines()[1:-1]

    def door(data: bytes) -> None:
        text = data.decode("latin-1")
        tries: list[Callable[[], object]] = [
            lambda: key_loader.load_private_key(data, "private_key"),
            lambda: key_loader.load_private_key(text, "private_key", "hush"),
            lambda: key_loader.load_public_key(data, "certs"),
            lambda: key_loader.load_public_key(text, "certs"),
            lambda: key_loader.load_certificate(text, "certs"),
        ]
        for attempt in tries:
            try:
                attempt()
            except errors.ConfigError as error:
                assert not [line for line in lines if line in str(error)]  # noqa: PT017  # some are still keys
                assert len(str(error).splitlines()) == 1  # noqa: PT017
        assert isinstance(key_loader.names_a_file(text), bool)

    fuzz(DAMAGED | st.binary(max_size=3000), door, amount)


@amounts("folders")
def test_any_damage_to_a_folder_is_ignored(amount: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What a process reads of it are certificates or nothing."""
    folder = Folder.of(tmp_path, is_cache=True)

    def door(data: bytes) -> None:
        for name in (SHARED, "placed.pem"):
            (tmp_path / name).write_bytes(data)
        fetched = folder.read_shared()
        assert fetched is None or fetched.keys
        assert len(folder.certificates()) <= 1
        caplog.clear()

    fuzz(DAMAGED, door, amount)


@amounts("answers")
def test_any_list_of_certificates_is_proven_or_refused(amount: int) -> None:
    """Damaged outside and inside of the encryption; nothing is trusted but the right certificate."""

    def door(knock: tuple[bool, bytes, list[tuple[float, int, bytes]]]) -> None:
        inside, text, edits = knock
        if inside:
            nonce = b"0" * 12
            sealed = entry(GOOD)
            ciphertext = ciphertext_of(text, nonce)
            sealed["encrypt_certificate"].update(nonce=nonce.decode(), ciphertext=ciphertext)
            answer = body(sealed)
        else:
            answer = damaged(body(entry(GOOD)), edits)
        assert [path[0] for path in decrypt_certificates(answer, APIV3_KEY)] in ([], [GOOD])

    fuzz(st.tuples(st.booleans(), DAMAGED, st.lists(EDIT, max_size=3)), door, amount)


def ciphertext_of(data: bytes, nonce: bytes) -> str:
    return ciphers.encrypt(data, APIV3_KEY, nonce, b"certificate")


HEADERS = ("Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature")
SERIAL = key_loader.serial_of(GOOD)
ID = st.sampled_from([SERIAL, SERIAL.lower(), f" {SERIAL}", f"0{SERIAL}", "", "PUB_KEY_ID_1", "A" * 5000]) | st.text()


@amounts("headers")
def test_any_headers_are_proven_or_refused(amount: int) -> None:
    """Only the four right ones prove an answer; whatever arrives, certificates are asked for once in 30 s."""
    now, asked = 1_700_000_000, [0]

    def refresh(wanted: str) -> Fetched:
        asked[0] += 1
        raise errors.TransportError("down")

    keyring = Keyring.of({SERIAL: KEY.public_key()}, clock=lambda: now)
    keyring.refresh = refresh
    merchant = Merchant("1900000001", "AB", KEY, APIV3_KEY)
    signature = asymmetric.sign(answer_text(str(now), "n", b"{}"), KEY)
    right = dict(zip(HEADERS, (str(now), "n", SERIAL, signature), strict=True))
    value = st.sampled_from([*right.values(), "WECHATPAY/SIGNTEST/x"]) | ID | st.integers().map(str)

    def door(changed: dict[str, str]) -> None:
        headers = {**right, **changed}
        if headers == right:
            APIv3(merchant, keyring).verify("/v3/x", headers, b"{}", now)
            return
        with pytest.raises(errors.VerificationError) as caught:
            APIv3(merchant, keyring).verify("/v3/x", headers, b"{}", now)
        assert len(str(caught.value).splitlines()) == 1
        refused = Bootstrap(merchant, keyring.fixed, lambda: now).verify_answer("GET", "/x", "/x", 404, headers, b"{}")
        assert not refused.verified

    fuzz(st.dictionaries(st.sampled_from(HEADERS), value), door, amount)
    assert asked[0] <= 1
