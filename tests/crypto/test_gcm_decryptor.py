from __future__ import annotations

import secrets
from itertools import count, pairwise

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain.crypto.ciphers import GCMDecryptor
from wechatpay_chain.errors import DecryptionError

KEY, NONCE = secrets.token_bytes(32), secrets.token_bytes(12)


def cut(content: bytes, places: list[int]) -> list[bytes]:
    """The content in pieces that end at these places."""
    ends = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[begin:end] for begin, end in pairwise(ends)]


@given(st.binary(max_size=200), st.binary(max_size=20), st.lists(st.integers(0, 500), max_size=8))
def test_any_pieces_are_opened(plain: bytes, associated: bytes, places: list[int]) -> None:
    """However small, empty ones too; cryptography's own AESGCM sealed them."""
    opener = GCMDecryptor(KEY, NONCE, associated)
    sealed = AESGCM(KEY).encrypt(NONCE, plain, associated)
    assert b"".join(opener.update(piece) for piece in cut(sealed, places)) == plain
    opener.finish()


@given(st.binary(max_size=64), st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_is_noticed(plain: bytes, place: int, change: int) -> None:
    """In the text or in the tag."""
    sealed = bytearray(AESGCM(KEY).encrypt(NONCE, plain, b""))
    sealed[place % len(sealed)] ^= change
    opener = GCMDecryptor(KEY, NONCE)
    opener.update(bytes(sealed))
    with pytest.raises(DecryptionError, match="tag does not fit"):
        opener.finish()


@pytest.mark.parametrize("length", range(16))
def test_what_is_shorter_than_a_tag_is_none(length: int) -> None:
    """Nothing at all proves nothing either."""
    opener = GCMDecryptor(KEY, NONCE)
    assert opener.update(bytes(length)) == b""
    with pytest.raises(DecryptionError, match="tag does not fit"):
        opener.finish()


@pytest.mark.parametrize(
    ("key", "nonce", "words"),
    [
        (b"", NONCE, "the key has 0 bytes"),
        (bytes(24), NONCE, "the key has 24 bytes"),
        (KEY, b"", "the nonce has 0 bytes"),
    ],
    ids=count(),
)
def test_lengths_are_checked(key: bytes, nonce: bytes, words: str) -> None:
    """The message tells lengths alone."""
    with pytest.raises(DecryptionError, match=words):
        GCMDecryptor(key, nonce)
