"""RSA signatures and field encryption, each checked against the openssl command."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st

from tests.crypto.test_ciphers import told
from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.errors import DecryptionError

OAEP = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1", "-pkeyopt", "rsa_mgf1_md:sha1"]
MESSAGE = b"GET\n/v3/certificates\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n\n"


KEY, OTHER = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
PUBLIC = KEY.public_key()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where openssl finds both halves of the key."""
    folder = tmp_path_factory.mktemp("rsa")
    (folder / "key").write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "public").write_bytes(PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return folder


def openssl(*arguments: str | Path, data: bytes) -> bytes:
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sealed(plain: bytes, key: Path, *options: str) -> str:
    """What openssl encrypts for ``key``, in base64."""
    arguments = ("pkeyutl", "-encrypt", "-pubin", "-inkey", key, *(options or OAEP))
    return base64.b64encode(openssl(*arguments, data=plain)).decode()


@pytest.mark.parametrize("message", [b"", MESSAGE, "金额：1 元\n".encode(), bytes(range(256)) * 4096])
def test_openssl_accepts_our_signature(message: bytes, files: Path) -> None:
    """sign gives PKCS#1 v1.5 over SHA-256 in base64, on one line and as long as the key."""
    signature = asymmetric.sign(message, KEY)
    raw = base64.b64decode(signature, validate=True)
    assert len(raw) == 256
    (files / "signature").write_bytes(raw)
    command = ("dgst", "-sha256", "-verify", files / "public", "-signature", files / "signature")
    assert openssl(*command, data=message) == b"Verified OK\n"


def test_bytes_that_are_no_text_are_decrypted_too(files: Path) -> None:
    """As the keys of encrypted bills may be; decrypt() wants text, and neither shows what it found."""
    plain = bytes(range(128, 160))
    ciphertext = sealed(plain, files / "public")
    assert asymmetric.decrypt_bytes(ciphertext, KEY) == plain
    with pytest.raises(DecryptionError, match="no UTF-8 text"):
        asymmetric.decrypt(ciphertext, KEY)
    with pytest.raises(DecryptionError, match="not encrypted for this private key"):
        asymmetric.decrypt_bytes(ciphertext, OTHER)


def test_verify_accepts_the_signature_of_openssl_and_nothing_else(files: Path) -> None:
    """A changed message, another key or hash, or one changed, missing or added byte make it False."""
    raw = openssl("dgst", "-sha256", "-sign", files / "key", data=MESSAGE)
    good = base64.b64encode(raw).decode()
    assert asymmetric.verify(MESSAGE, good, PUBLIC)
    assert not asymmetric.verify(MESSAGE + b" ", good, PUBLIC)
    assert not asymmetric.verify(b"", good, PUBLIC)
    assert not asymmetric.verify(MESSAGE, good, OTHER.public_key())
    flipped = [raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] for at in (0, 127, 255)]
    for wrong in (*flipped, raw[:-1], raw[1:], raw + b"\0", b"\0" + raw, raw[::-1]):
        assert not asymmetric.verify(MESSAGE, base64.b64encode(wrong).decode(), PUBLIC)
    sha512 = openssl("dgst", "-sha512", "-sign", files / "key", data=MESSAGE)
    assert not asymmetric.verify(MESSAGE, base64.b64encode(sha512).decode(), PUBLIC)


@example("")
@example("=")
@example("签名\ud800")
@example("A" * 10_000)
@given(st.text() | st.binary(max_size=300).map(lambda raw: base64.b64encode(raw).decode()))
def test_a_text_that_is_no_signature_is_false(signature: str) -> None:
    """Empty, broken, non-ASCII and much too long texts are no exception, only no signature."""
    assert asymmetric.verify(MESSAGE, signature, PUBLIC) is False


@pytest.mark.parametrize("text", ["", "张三", "a" * 214, "元" * 71])
def test_openssl_and_we_open_each_others_texts(text: str, files: Path) -> None:
    """OAEP with SHA-1, up to the last byte that fits, and never twice the same."""
    ciphertext = asymmetric.encrypt(text, PUBLIC)
    raw = base64.b64decode(ciphertext, validate=True)
    assert openssl("pkeyutl", "-decrypt", "-inkey", files / "key", *OAEP, data=raw).decode() == text
    assert asymmetric.decrypt(sealed(text.encode(), files / "public"), KEY) == text
    assert asymmetric.encrypt(text, PUBLIC) != ciphertext


def test_a_text_that_is_too_long_names_both_sizes() -> None:
    """Counted in bytes of UTF-8, by the size of the key; the text itself is not in the message."""
    small = generate_private_key(65537, 1024)
    assert asymmetric.decrypt(asymmetric.encrypt("a" * 86, small.public_key()), small) == "a" * 86
    for text, size, key, limit in (("a" * 87, 87, small, 86), ("元" * 72, 216, KEY, 214)):
        with pytest.raises(ValueError, match=rf"^text: {size} bytes, but this key encrypts at most {limit}$"):
            asymmetric.encrypt(text, key.public_key())


def test_what_does_not_open_names_the_likely_cause(files: Path) -> None:
    """Another key, PKCS#1 v1.5, SHA-256, a changed or a cut text, and no base64 at all."""
    ours = files / "public"
    good = sealed(b"secret", ours)
    sha256 = sealed(b"secret", ours, "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256")
    old = sealed(b"secret", ours, "-pkeyopt", "rsa_padding_mode:pkcs1")
    changed = ("B" if good[0] == "A" else "A") + good[1:]
    broken = [(text, KEY) for text in (sha256, old, changed, good[:-4], good[4:], good[:-1], "", "!", "密文")]
    for text, key in [(good, OTHER), *broken]:
        with pytest.raises(DecryptionError) as caught:
            asymmetric.decrypt(text, key)
        assert str(caught.value) == "ciphertext: it was not encrypted for this private key, or is no base64"


def test_plaintext_that_is_no_text_is_not_shown(files: Path) -> None:
    """Bytes that are not UTF-8 are told of, and no error behind the error holds them."""
    with pytest.raises(DecryptionError, match="no UTF-8 text") as caught:
        asymmetric.decrypt(sealed(b"secret\xff", files / "public"), KEY)
    assert caught.value.__context__ is None


def test_rsa_holds_no_text_in_its_frames() -> None:
    """The text to be encrypted is a name or an identity number."""
    with pytest.raises(ValueError, match="300 bytes") as caught:
        asymmetric.encrypt("secret" * 50, generate_private_key(65537, 2048).public_key())
    assert "secret" not in told(caught.value)
