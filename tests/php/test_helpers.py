"""The helper classes under their PHP names: what they share with PHP, where they part, and openssl's opinion."""

from __future__ import annotations

import base64
import inspect
import json
import os
import re
import subprocess
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.openssl import authorization_fields
from wechatpay_chain.errors import ConfigError, DecryptionError, WechatpayError
from wechatpay_chain.php.aes import AesEcb, AesGcm, AesInterface
from wechatpay_chain.php.formatter import Formatter
from wechatpay_chain.php.hashing import Hash
from wechatpay_chain.php.helper import tidy_base64
from wechatpay_chain.php.pem_util import PemUtil
from wechatpay_chain.php.rsa import OPENSSL_PKCS1_PADDING, Rsa
from wechatpay_chain.php.transformer import Transformer
from wechatpay_chain.protocol.xml import XMLError, from_xml, to_xml

CLASSES = (AesEcb, AesGcm, Formatter, Hash, PemUtil, Rsa, Transformer)
KEY = generate_private_key(65537, 2048)
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
LOCKED = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass")).decode()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

# The public static methods of wechatpay-php 1.4.12, with their arguments.
PHP_METHODS = """
AesEcb: encrypt(plaintext, key, iv) decrypt(ciphertext, key, iv)
AesGcm: encrypt(plaintext, key, iv, aad) decrypt(ciphertext, key, iv, aad)
Formatter: nonce(size) timestamp() authorization(mchid, nonce, signature, timestamp, serial)
 request(method, uri, timestamp, nonce, body) response(timestamp, nonce, body) joinedByLineFeed(pieces) ksort(thing)
 queryStringLike(thing)
Hash: md5(thing, key, agency) hmac(thing, key, algorithm) equals(known_string, user_string) sign(type, data, key)
PemUtil: loadPrivateKey(filepath) loadPrivateKeyFromString(content) loadCertificate(filepath)
 loadCertificateFromString(content) parseCertificateSerialNo(certificate)
Rsa: pkcs1ToSpki(thing) fromPkcs8(thing) fromPkcs1(thing, type) fromSpki(thing) from_(thing, type)
 encrypt(plaintext, publicKey, padding) verify(message, signature, publicKey) sign(message, privateKey)
 decrypt(ciphertext, privateKey, padding)
Transformer: toArray(xml) sanitize(xml) toXml(data, headless, indent, root, item)
"""


@pytest.mark.parametrize("owner", CLASSES)
def test_names_and_arguments_are_phps(owner: type) -> None:
    """Each public static method and its arguments in order; none is missing and none is more."""
    line = re.search(rf"^{owner.__name__}:((?:[^\n]|\n )*)", PHP_METHODS, re.MULTILINE)
    assert line
    methods = {name for name, value in vars(owner).items() if isinstance(value, staticmethod)}
    wanted = dict(re.findall(r"(\w+)\(([^)]*)\)", line[1]))
    assert methods == set(wanted)
    for name, arguments in wanted.items():
        given = inspect.signature(getattr(owner, name)).parameters.values()
        # By name alone: what PHP has no need of.
        assert ", ".join(each.name for each in given if each.kind is not each.KEYWORD_ONLY) == arguments
        assert {each.name for each in given if each.kind is each.KEYWORD_ONLY} <= {"raw"}


def test_constants_are_phps() -> None:
    """Under their names, with their values."""
    assert (Rsa.KEY_TYPE_PUBLIC, Rsa.KEY_TYPE_PRIVATE) == ("public", "private")
    assert (Hash.ALGO_MD5, Hash.ALGO_HMAC_SHA256) == ("MD5", "HMAC-SHA256")
    assert (AesInterface.BLOCK_SIZE, AesInterface.KEY_LENGTH_BYTE, AesInterface.AUTH_TAG_LENGTH_BYTE) == (16, 32, 16)
    assert (AesGcm.ALGO_AES_256_GCM, AesEcb.ALGO_AES_256_ECB) == ("aes-256-gcm", "aes-256-ecb")


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def test_rsa_agrees_with_openssl(tmp_path: Path) -> None:
    """Signatures, OAEP both ways, and the conversion of a public key."""
    path = tmp_path / "key"
    path.write_text(PRIVATE)
    pkcs1 = openssl("rsa", "-in", str(path), "-RSAPublicKey_out", "-outform", "DER")
    spki = openssl("rsa", "-in", str(path), "-pubout", "-outform", "DER")
    assert base64.b64decode(Rsa.pkcs1ToSpki(base64.b64encode(pkcs1).decode())) == spki
    assert Rsa.fromSpki(base64.b64encode(spki).decode()) == KEY.public_key()
    assert Rsa.fromPkcs1(base64.b64encode(pkcs1).decode(), "public") == KEY.public_key()
    signature = Rsa.sign("签名", str(path))
    assert base64.b64decode(signature) == openssl("dgst", "-sha256", "-sign", str(path), data="签名".encode())
    assert Rsa.verify("签名", signature, KEY.public_key())
    oaep = ("pkeyutl", "-decrypt", "-inkey", str(path), "-pkeyopt", "rsa_padding_mode:oaep")
    assert openssl(*oaep, data=base64.b64decode(Rsa.encrypt("张三", PUBLIC))) == "张三".encode()
    assert Rsa.decrypt(Rsa.encrypt("张".encode(), PUBLIC), [LOCKED, "pass"]) == "张"


@pytest.mark.parametrize("text", ["", "a", "0123456789abcdef", "退款" * 40])
def test_ecb_agrees_with_openssl(text: str) -> None:
    """The ciphertext, byte for byte, and back."""
    key = os.urandom(16).hex()
    ciphertext = openssl("enc", "-aes-256-ecb", "-K", key.encode().hex(), data=text.encode())
    assert base64.b64decode(AesEcb.encrypt(text, key)) == ciphertext
    assert AesEcb.decrypt(base64.b64encode(ciphertext), key) == text


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33, 64])
def test_keys_are_neither_padded_nor_cut(length: int) -> None:
    """PHP fills a short AES key with zeros and drops what is beyond 32 bytes; here both are errors."""
    key = "k" * length
    uses: list[Callable[[], str]] = [
        lambda: AesEcb.encrypt("text", key),
        lambda: AesEcb.decrypt("A" * 24, key),
        lambda: AesGcm.encrypt("text", key, "i" * 12),
        lambda: AesGcm.decrypt("A" * 24, key, "i" * 12),
    ]
    for use in uses:
        with pytest.raises(ConfigError, match=rf"^key: {length} bytes, ") as caught:
            use()
        assert caught.value.field == "key"


def test_bytes_that_are_no_text_are_never_returned_as_text() -> None:
    """DecryptionError says what is wrong; raw gives the bytes to those who want them."""
    key, iv, raw = os.urandom(16).hex(), "i" * 12, b"\xff\xfe"
    with pytest.raises(DecryptionError, match=r"no UTF-8 text$"):
        AesEcb.decrypt(AesEcb.encrypt(raw, key), key)
    with pytest.raises(DecryptionError, match=r"no UTF-8 text$"):
        AesGcm.decrypt(AesGcm.encrypt(raw, key, iv), key, iv)
    with pytest.raises(DecryptionError, match=r"no UTF-8 text$"):
        Rsa.decrypt(Rsa.encrypt(raw, PUBLIC), PRIVATE)
    assert AesEcb.decrypt(AesEcb.encrypt(raw, key), key, raw=True) == raw
    assert AesGcm.decrypt(AesGcm.encrypt(raw, key, iv), key, iv, raw=True) == raw
    assert Rsa.decrypt(Rsa.encrypt(raw, PUBLIC), PRIVATE, raw=True) == raw


def told(error: BaseException) -> str:
    """All that a log of ``error`` could show of this package: messages and the values in its frames."""
    seen = traceback.TracebackException.from_exception(error, capture_locals=True)
    values = [frame.locals or {} for frame in seen.stack if "wechatpay_chain" in frame.filename]
    assert values
    return "\n".join([str(error), repr(error.__context__), *(text for each in values for text in each.values())])


SECRET = "5ec2e7" * 5 + "ab"
FAILING: dict[str, Callable[[], Any]] = {
    "AesGcm.encrypt": lambda: AesGcm.encrypt("text", SECRET, "i"),
    "AesGcm.decrypt": lambda: AesGcm.decrypt("A" * 24, SECRET, "i" * 12),
    "AesEcb.encrypt": lambda: AesEcb.encrypt("text", SECRET + SECRET),
    "AesEcb.decrypt": lambda: AesEcb.decrypt("A" * 24, SECRET),
    "Hash.sign": lambda: Hash.sign("SHA1", "text", SECRET),
    "Hash.hmac": lambda: Hash.hmac("text", SECRET, "sha-none"),
    "Hash.md5": lambda: Hash.md5("\ud800", SECRET),
    "Rsa.from_": lambda: Rsa.from_(f"private.pkcs8://{SECRET}"),
    "Rsa.from_ pair": lambda: Rsa.from_([LOCKED, SECRET]),
    "Rsa.fromPkcs1": lambda: Rsa.fromPkcs1(SECRET),
    "Rsa.fromPkcs8": lambda: Rsa.fromPkcs8(SECRET),
    "Rsa.sign": lambda: Rsa.sign("text", SECRET * 8),
    "Rsa.decrypt": lambda: Rsa.decrypt("AAAA", (LOCKED, SECRET)),
    "Rsa.encrypt": lambda: Rsa.encrypt(SECRET * 8, PUBLIC),
    "Rsa.encrypt padding": lambda: Rsa.encrypt(SECRET, PUBLIC, OPENSSL_PKCS1_PADDING),
    "PemUtil": lambda: PemUtil.loadPrivateKeyFromString(SECRET * 8),
}


@pytest.mark.parametrize("case", FAILING)
def test_an_error_holds_no_secret(case: str) -> None:
    """One line, one of this package's classes, and nothing of what was given in its message or frames."""
    with pytest.raises(WechatpayError) as caught:
        FAILING[case]()
    assert SECRET[:12] not in told(caught.value)
    assert "\n" not in str(caught.value)


def test_the_formatter_spells_as_php() -> None:
    """Order by bytes; true is 1, false and None are nothing, a list is Array, an object its own text."""

    class JsonStringable(dict[str, int]):
        def __str__(self) -> str:
            return json.dumps(self)

    fields = {"é": 1, "a10": 2, "a9": 3, "Z": 4, "a": 5, "": 6, "_": 7}
    assert list(Formatter.ksort(fields)) == ["", "Z", "_", "a", "a10", "a9", "é"]
    assert Formatter.ksort() == {}
    values = {"t": True, "f": False, "n": None, "e": "", "z": 0, "s": "0", "d": 1.0, "l": ["p"], "sign": "S"}
    assert Formatter.queryStringLike(values) == "t=1&f=&z=0&s=0&d=1&l=Array"
    assert Formatter.queryStringLike({"detail": JsonStringable(a=1)}) == 'detail={"a": 1}'
    assert Formatter.queryStringLike() == Formatter.joinedByLineFeed() == ""
    assert Formatter.joinedByLineFeed("a", 1, 1.5, True, None) == "a\n1\n1.5\n1\n\n"


def test_the_formatter_writes_what_apiv3_signs() -> None:
    """A header with the five fields, an answer's three lines; a fresh nonce, the time in whole seconds."""
    header = Formatter.authorization("1230000109", "N", "S==", 1554208460, "5157F0")
    assert authorization_fields({"Authorization": header}) == {
        "mchid": "1230000109",
        "serial_no": "5157F0",
        "timestamp": "1554208460",
        "nonce_str": "N",
        "signature": "S==",
    }
    assert Formatter.response(1, "n", "{}") == Formatter.response("1", "n", b"{}") == "1\nn\n{}\n"
    assert Formatter.request("GET", "/", 1, "n") == "GET\n/\n1\nn\n\n"
    assert len({Formatter.nonce() for _ in range(100)}) == 100
    assert re.fullmatch("[0-9A-Za-z]{32}", Formatter.nonce())
    assert abs(Formatter.timestamp() - time.time()) < 5
    for size in (0, -1):
        with pytest.raises(ConfigError, match=rf"^size: expected at least 1, found {size}$"):
            Formatter.nonce(size)


@pytest.mark.parametrize("serial", ["01", "0A", "FF", "100", "BC614E", "05157F09EFDC096DE15EBE81A47057A7232F1B8E"])
def test_a_serial_has_whole_bytes(serial: str, tmp_path: Path) -> None:
    """As openssl and PHP write it, from text, object and URL."""
    key, path = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key.write_text(PRIVATE)
    made = openssl("req", "-x509", "-subj", "/CN=s", "-set_serial", f"0x{serial}", "-key", str(key))
    path.write_bytes(made)
    wanted = openssl("x509", "-noout", "-serial", data=made).decode().strip().partition("=")[2]
    for source in (made, made.decode(), x509.load_pem_x509_certificate(made), path.as_uri()):
        assert PemUtil.parseCertificateSerialNo(source) == wanted
        assert PemUtil.loadCertificateFromString(source) == x509.load_pem_x509_certificate(made)
    assert PemUtil.loadCertificate(path.as_uri()) == PemUtil.loadCertificate(str(path))
    assert PemUtil.loadCertificate(str(key)) is False
    with pytest.raises(ConfigError, match=r"^certificate: expected an X\.509 certificate"):
        PemUtil.parseCertificateSerialNo(PUBLIC)
    with pytest.raises(ConfigError, match=r"^filepath: neither a key nor a readable file"):
        PemUtil.loadCertificate("/lost.pem")


def test_the_transformer_writes_as_php() -> None:
    """Indented, with a declaration, with names of one's own; a carriage return in CDATA as PHP leaves it."""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    fields = {"a": 1, "b": {"c": [2, "<"], "d": [], "e": ""}}
    lines = ["<xml>", " <a>1</a>", " <b>", "  <c>", "   <item>2</item>", "   <item><![CDATA[<]]></item>", "  </c>"]
    indented = "\n".join([*lines, "  <d/>", "  <e></e>", " </b>", "</xml>", ""])
    assert Transformer.toXml(fields, True, True) == indented
    assert Transformer.toXml(fields, False, True) == head + indented
    assert Transformer.toXml({"a": [1]}, False, False, "r", "row") == head + "<r><a><row>1</row></a></r>\n"
    assert Transformer.toXml({}, False) == head + "<xml/>\n"
    assert Transformer.toXml({"a": "<\r"}) == "<xml><a><![CDATA[<\r]]></a></xml>"
    assert to_xml({"a": "<\r"}) == "<xml><a><![CDATA[<]]>&#13;<![CDATA[]]></a></xml>"


def test_the_transformer_reads_as_php() -> None:
    """Comments are entries for PHP's users alone; nothing at all is nothing, and control characters go."""
    text = "<xml><!-- c --><a>1</a><?p q?></xml>"
    assert Transformer.toArray(text) == {"comment": " c ", "a": "1", "p": "q"}
    assert from_xml(text) == {"a": "1"}
    assert Transformer.toArray() == Transformer.toArray("") == Transformer.toArray(b"") == {}
    assert Transformer.sanitize("a\0\x01\ufffe\ud800\t\r\n\x7f中😀") == "a\t\r\n\x7f中😀"
    assert (Transformer.sanitize("é".encode()), Transformer.sanitize(b"\xff<xml/>")) == ("é", "")


@given(st.binary(), st.lists(st.sampled_from(["\r\n", " ", "*", "=", "-", "_", "é"]), max_size=8), st.data())
def test_untidy_base64_is_read_as_php_reads_it(raw: bytes, junk: list[str], data: st.DataObject) -> None:
    """What is not of the alphabet is skipped, wherever it stands, and so is missing padding."""
    text = base64.b64encode(raw).decode().rstrip("=")
    for piece in junk:
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + piece + text[at:]
    assert base64.b64decode(tidy_base64(text)) == raw


@pytest.mark.slow
@given(st.text() | st.binary(), st.text() | st.binary(), st.text() | st.binary())
def test_any_text_is_judged(text: str | bytes, key: str | bytes, iv: str | bytes) -> None:
    """Only this package's errors come out, and a verification is never an error."""
    with pytest.raises(WechatpayError):
        AesGcm.decrypt(text, key, iv, iv)
    with pytest.raises(WechatpayError):
        AesEcb.decrypt(text, key, iv)
    with pytest.raises(DecryptionError):
        Rsa.decrypt(text, PRIVATE)
    assert not Rsa.verify(text, key, PUBLIC)
    assert Hash.equals(text, text)
    assert not Hash.equals(text)


@pytest.mark.parametrize(
    "use",
    [
        lambda: AesGcm.decrypt(5, SECRET, "i" * 12),  # type: ignore[call-overload]
        lambda: Hash.md5(5, SECRET),  # type: ignore[arg-type]
        lambda: Hash.hmac(5, SECRET),  # type: ignore[arg-type]
        lambda: Hash.hmac("x", "y", SECRET),
        lambda: Hash.sign(SECRET, "x", "MD5"),
        lambda: Hash.equals(SECRET, 5),  # type: ignore[arg-type]
        lambda: Hash.equals(None, SECRET),  # type: ignore[arg-type]
        lambda: Rsa.pkcs1ToSpki([SECRET]),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_argument_shows_no_secret(use: Callable[[], object]) -> None:
    """Neither in the words, as where arguments are swapped, nor in a frame of ours."""
    with pytest.raises(WechatpayError) as caught:
        use()
    assert SECRET not in told(caught.value)


def test_the_transformer_reads_text_alone() -> None:
    """XMLError tells what was found."""
    with pytest.raises(XMLError, match="expected text or bytes, found int"):
        Transformer.toArray(5)  # type: ignore[arg-type]


NUMBER: Any = 5
HOSTILE: dict[str, Any] = {"None": None, "a number": 5, "a list": [1], "an object": object(), "lone": "\ud800"}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize(
    "call",
    [
        lambda given: Formatter.nonce(given),
        lambda given: Formatter.ksort(NUMBER if given is None else given),
        lambda given: Formatter.queryStringLike(NUMBER if given is None else given),
        lambda given: Formatter.response("1", "x", given),
        lambda given: Formatter.request("GET", "/x", "1", "\ud800", given),
        lambda given: Hash.hmac("text", "key", given),
        lambda given: Hash.md5(given, "key"),
        lambda given: Hash.sign(given, "text", "key"),
        lambda given: Transformer.sanitize(NUMBER if isinstance(given, str) else given),
        lambda given: Transformer.toXml({"a": 1}, True, False, given, given),
        lambda given: AesGcm.decrypt(given, "k" * 32, "n" * 12),
        lambda given: AesEcb.encrypt("text", given),
        lambda given: Rsa.from_(given),
        lambda given: PemUtil.parseCertificateSerialNo(given),
    ],
)
def test_what_is_of_another_type_is_told_in_one_line(call: Callable[[Any], Any], kind: str) -> None:
    """By an error of this package, where Python's own would name a method of ours."""
    if kind == "a number" and call.__code__.co_names[:2] == ("Formatter", "nonce"):
        assert len(call(HOSTILE[kind])) == 5
        return
    with pytest.raises(WechatpayError) as caught:
        call(HOSTILE[kind])
    assert "\n" not in str(caught.value)
    assert str(caught.value)
