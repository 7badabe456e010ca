"""AEAD_AES_256_GCM against published vectors and cryptography used directly."""

from __future__ import annotations

import base64
import os
import traceback
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain.crypto import ciphers
from wechatpay_chain.errors import DecryptionError

KEY, NONCE, DATA = os.urandom(16).hex().encode(), b"fdasflkja484", b"certificate"
keys, nonces = st.binary(min_size=32, max_size=32), st.binary(min_size=12, max_size=12)

# McGrew and Viega, The Galois/Counter Mode of Operation, test cases 13, 14 and 16: the 256-bit keys with
# 96-bit nonces. Key, nonce, associated data, plaintext, ciphertext and tag.
VECTORS = [
    ("00" * 32, "00" * 12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    ("00" * 32, "00" * 12, "", "00" * 16, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
    (
        "feffe9928665731c6d6a8f9467308308" * 2,
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
]


def told(error: BaseException) -> str:
    """All that a log of ``error`` could show of this package: messages and the values in its frames."""
    seen = traceback.TracebackException.from_exception(error, capture_locals=True)
    values = [frame.locals or {} for frame in seen.stack if "wechatpay_chain" in frame.filename]
    assert values
    return "\n".join([str(error), repr(error.__context__), *(text for each in values for text in each.values())])


@pytest.mark.parametrize("vector", VECTORS, ids=["case 13", "case 14", "case 16"])
def test_published_vectors(vector: tuple[str, str, str, str, str]) -> None:
    """Both directions agree with the paper that defines GCM; without associated data it is empty."""
    key, nonce, data, plaintext, ciphertext = map(bytes.fromhex, vector)
    text, given_data = base64.b64encode(ciphertext).decode(), [data] if data else []
    assert ciphers.encrypt(plaintext, key, nonce, *given_data) == text
    assert ciphers.decrypt(text, key, nonce, *given_data) == plaintext


@given(plaintext=st.binary(max_size=2000), key=keys, nonce=nonces, data=st.binary(max_size=100))
def test_both_directions_agree_with_cryptography(plaintext: bytes, key: bytes, nonce: bytes, data: bytes) -> None:
    """Ciphertext and tag in base64, whatever is encrypted; decrypt gives back what encrypt was given."""
    text = ciphers.encrypt(plaintext, key, nonce, data)
    assert base64.b64decode(text, validate=True) == AESGCM(key).encrypt(nonce, plaintext, data)
    assert ciphers.decrypt(text, key, nonce, data) == plaintext


def test_whatever_was_changed_is_refused() -> None:
    """Another key, nonce or associated data: one error that names the likely cause and holds no key."""
    text, other = ciphers.encrypt(b"text", KEY, NONCE, DATA), KEY[::-1]
    for arguments in ((other, NONCE, DATA), (KEY, b"another nonc", DATA), (KEY, NONCE, b"transaction"), (KEY, NONCE)):
        with pytest.raises(DecryptionError) as caught:
            ciphers.decrypt(text, *arguments)
        assert str(caught.value) == "ciphertext: wrong APIv3 key, or nonce, associated data or text were changed"
        assert arguments[0].decode() not in told(caught.value)


@given(st.data(), st.binary(max_size=100), keys)
def test_each_bit_of_the_text_counts(data: st.DataObject, plaintext: bytes, key: bytes) -> None:
    """One flipped bit or a cut end of ciphertext or tag, and nothing comes out."""
    raw = base64.b64decode(ciphers.encrypt(plaintext, key, NONCE, DATA))
    at = data.draw(st.integers(0, len(raw) - 1))
    flipped = raw[:at] + bytes([raw[at] ^ 1 << data.draw(st.integers(0, 7))]) + raw[at + 1 :]
    for wrong in (flipped, raw[:at]):
        with pytest.raises(DecryptionError, match=r"^ciphertext: wrong APIv3 key, or nonce"):
            ciphers.decrypt(base64.b64encode(wrong).decode(), key, NONCE, DATA)


@pytest.mark.parametrize(("text", "nonce"), [("no base64!", NONCE), ("AAA", NONCE), ("密文", NONCE), ("A" * 24, b"")])
def test_a_text_or_a_nonce_that_cannot_be_is_refused(text: str, nonce: bytes) -> None:
    """No base64, or a nonce that is empty, is a DecryptionError too, without the key."""
    with pytest.raises(DecryptionError) as caught:
        ciphers.decrypt(text, KEY, nonce, DATA)
    assert str(caught.value) == "ciphertext: no base64, or a nonce of impossible length"
    assert KEY.decode() not in told(caught.value)


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33, 64])
def test_a_key_has_32_bytes(length: int) -> None:
    """Also keys that AES itself would take are refused, by their length and without showing them."""
    key = os.urandom(length)
    for use in (lambda: ciphers.encrypt(b"text", key, NONCE), lambda: ciphers.decrypt("A" * 24, key, NONCE)):
        with pytest.raises(ValueError, match=rf"^key: {length} bytes, an APIv3 key has 32$") as caught:
            use()
        assert type(caught.value) is ValueError


@pytest.mark.parametrize("use", [ciphers.encrypt, ciphers.decrypt])
@pytest.mark.parametrize("length", [31, 32])
def test_aes_holds_no_key_in_its_frames(use: Any, length: int) -> None:
    """Neither for a key of the wrong length nor for an impossible nonce."""
    key = os.urandom(16).hex()[:length].encode()
    with pytest.raises(ValueError, match=r"key|[Nn]once") as caught:
        use(b"text" if use is ciphers.encrypt else "A" * 24, key, b"")
    assert key.decode() not in told(caught.value)
