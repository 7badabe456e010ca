"""APIv2's signatures and AES-ECB against WeChat Pay's own example, the recordings, and openssl."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import re
import subprocess
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain.crypto import ciphers, digest
from wechatpay_chain.encoding.scalars import signed_text as signed
from wechatpay_chain.encoding.style import JS, PHP, Style
from wechatpay_chain.errors import ChainError, DecryptionError, SignatureMismatch
from wechatpay_chain.protocol.v2 import APIv2, text_of

DATA = Path(__file__).parent.parent / "data"
KEY = "192006250b4c09247ec02edce69f6a2d"
# The example of https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3
TEXT = "appid=wxd930ea5d5a258f4f&body=test&device_info=1000&mch_id=10000100&nonce_str=ibuaiVcKdpRxkhJA"
# The key of every recorded APIv2 call.
RECORDED_KEY = "exposed_your_key_here_have_risks"


def openssl(*arguments: str, data: bytes) -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def openssl_hex(*arguments: str, data: bytes) -> str:
    return openssl(*arguments, data=data).decode().split()[-1].lower()


def test_the_published_example() -> None:
    """WeChat Pay's page prints these two signatures."""
    assert digest.sign("MD5", TEXT, KEY) == "9A0A8659F005D6984697E2CA0A9CF3B7"
    assert digest.sign("HMAC-SHA256", TEXT, KEY) == "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "sha512", "md5", "sha3-256", "sha512/256"])
def test_hmac_agrees_with_openssl(algorithm: str) -> None:
    """Under the names of hashlib and those of PHP, for any text and key."""
    text, key, name = f"{TEXT}&attach=说明", os.urandom(16).hex(), algorithm.replace("/", "-")
    message = f"{text}&key={key}".encode()
    wanted = openssl_hex("dgst", f"-{name}", "-hmac", key, data=message)
    assert digest.hmac(text, key, algorithm) == digest.hmac(text.encode(), key.encode(), algorithm.upper()) == wanted


def test_md5_agrees_with_openssl() -> None:
    """Without a key, with one, and with that of WeCom."""
    for arguments, message in (
        ((), TEXT),
        ((KEY,), f"{TEXT}&key={KEY}"),
        ((KEY, True), f"{TEXT}&secret={KEY}"),
        (("", True), TEXT),
    ):
        assert digest.md5(TEXT, *arguments) == openssl_hex("md5", data=message.encode())


def recorded(name: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each recorded APIv2 call with a body: its id, what was signed, the signature."""
    for line in gzip.decompress((DATA / f"{name}.jsonl.gz").read_bytes()).decode().splitlines():
        row = json.loads(line)
        fields = (row.get("options") or {}).get("xml") if name == "php" else row.get("data")
        body = (row.get("wire") or {}).get("body")
        if not isinstance(fields, dict) or not isinstance(body, str) or row["id"] == "edge/v2/no-secret":
            continue
        if found := re.search("<sign>(.*?)</sign>", body):
            nonce = re.search("<nonce_str>(.*?)</nonce_str>", body)
            yield row["id"], {**({"nonce_str": nonce[1]} if nonce else {}), **fields}, found[1]


class JsonStringable(dict[str, Any]):
    """A mapping that spells itself, as PHP's __toString does."""

    def __str__(self) -> str:
        return json.dumps(self["$JsonStringable"], ensure_ascii=False, separators=(",", ":"))


# Where axios signs with MD5 in place of what it was told; an unknown sign_type raises here.
UNKNOWN_SIGN_TYPE = {
    "v2/pay/profitsharingmerchantratioquery:post",
    "v2/pay/profitsharingmerchantratioquery:post~direct",
    "v2/pay/profitsharingreturnquery:post",
    "v2/secapi/pay/multiprofitsharing:post",
    "v2/secapi/pay/profitsharing:post~chain",
    "v2/secapi/pay/profitsharing:post~mixed",
    "v2/wxv/finishhotelbill:post",
}


@pytest.mark.parametrize(("name", "style", "count"), [("php", PHP, 63), ("node", JS, 39)])
def test_recorded_signatures_hold(name: str, style: Style, count: int) -> None:
    """Every signature that the two SDKs sent, from the fields that they were given."""
    calls = list(recorded(name))
    assert len(calls) == count
    for call, fields, wanted in calls:
        special = {k: JsonStringable(v) for k, v in fields.items() if isinstance(v, dict) and "$JsonStringable" in v}
        ordered = dict(sorted({**fields, **special}.items()))
        text = digest.query_string(ordered, partial(signed, style=style))
        if name == "node" and call in UNKNOWN_SIGN_TYPE:
            with pytest.raises(ChainError, match=r"^sign_type: expected MD5 or HMAC-SHA256"):
                digest.sign(fields["sign_type"], text, RECORDED_KEY)
        else:
            assert digest.sign(fields.get("sign_type") or "MD5", text, RECORDED_KEY) == wanted, call


def test_a_query_string_leaves_out_what_is_not_signed() -> None:
    """The signature itself, None and empty text; zero and false stay, in the given order."""
    fields = {"b": 0, "sign": "S", "n": None, "e": "", "a": False, "k": "v=&"}
    assert digest.query_string(fields, lambda value, key: f"{key}:{value}") == "b=b:0&a=a:False&k=k:v=&"
    assert digest.query_string({}, lambda value, _: value) == ""


def test_signatures_are_compared_whole() -> None:
    """Text and bytes alike, also when they are not ASCII; None is no signature."""
    assert digest.equals("签名", "签名")
    assert digest.equals("AB", b"AB")
    assert digest.equals("", "")
    for known, given_signature in (("AB", "ab"), ("AB", "A"), ("AB", None), ("", None), ("签名", "签")):
        assert not digest.equals(known, given_signature)


@pytest.mark.parametrize("algorithm", ["sha256", "SHA256", "sm3", "SM3", "sha1", "md5"])
def test_a_file_is_digested_as_openssl_does(algorithm: str) -> None:
    """Whatever its length beside the block's, from where the file stands; the file is read once."""
    for size in (0, 1, 65535, 65536, 200_000):
        data = os.urandom(size)
        file = io.BytesIO(b"head" + data)
        file.seek(4)
        wanted = openssl_hex("dgst", f"-{algorithm.lower()}", data=data)
        assert digest.digest(file, algorithm) == wanted
        assert file.read() == b""


def told(error: BaseException) -> str:
    """All that a log of ``error`` could show of this package: messages and the values in its frames."""
    seen = traceback.TracebackException.from_exception(error, capture_locals=True)
    values = [frame.locals or {} for frame in seen.stack if "wechatpay_chain" in frame.filename]
    assert values
    return "\n".join([str(error), repr(error.__context__), *(text for each in values for text in each.values())])


UNKNOWN: dict[str, tuple[Callable[[], Any], str]] = {
    "lower case": (lambda: digest.sign("md5", TEXT, KEY), r"^sign_type: expected MD5 or HMAC-SHA256, found 'md5'"),
    "other": (lambda: digest.sign("HMAC-SHA1", TEXT, KEY), r"^sign_type: .* found 'HMAC-SHA1'$"),
    "none": (lambda: digest.sign(None, TEXT, KEY), r"^sign_type: .* found 'None'"),  # type: ignore[arg-type]
    "hmac": (lambda: digest.hmac(TEXT, KEY, "sha-none"), r"^algorithm: .* found 'sha-none'$"),
    "hmac without a length": (lambda: digest.hmac(TEXT, KEY, "shake_128"), r"^algorithm: .* found 'shake_128'$"),
    "file": (lambda: digest.digest(io.BytesIO(), "crc32"), r"^algorithm: expected sha256, sm3 .* found 'crc32'$"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_an_unknown_algorithm_raises(case: str) -> None:
    """It is named, and neither key nor text is in the error's frames."""
    use, words = UNKNOWN[case]
    with pytest.raises(ChainError, match=words) as caught:
        use()
    assert KEY not in told(caught.value)
    assert TEXT not in told(caught.value)


@pytest.mark.parametrize("text", [TEXT + "\ud800", 5])
@pytest.mark.parametrize("sign_type", digest.SIGN_TYPES)
def test_what_cannot_be_signed_shows_no_key(sign_type: str, text: Any) -> None:
    """Neither key nor text is in the error's frames, whatever error it is."""
    with pytest.raises((UnicodeEncodeError, ChainError)) as caught:
        digest.sign(sign_type, text, KEY)
    assert KEY not in told(caught.value)
    assert TEXT not in told(caught.value)


def test_a_sign_type_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are signed by it, and an answer is proven by any type of that length: it need not name its own."""
    sha3 = partial(digest.hmac, algorithm="sha3_256")
    rows = {**digest.SIGN_TYPES, "HMAC-SHA3-256": digest.SignType(sha3, 64)}
    monkeypatch.setattr(digest, "SIGN_TYPES", rows)
    protocol = APIv2("1900000001", KEY)
    for name, row in rows.items():
        fields = protocol.sign_fields({"mch_id": "1900000001", "a": "b", "sign_type": name})
        assert len(fields["sign"]) == row.length
        protocol.verify(fields)
        protocol.verify({**fields, "sign": digest.sign(name, text_of(fields), KEY)})
        with pytest.raises(SignatureMismatch):
            protocol.verify({**fields, "a": "c"})
    with pytest.raises(SignatureMismatch):
        protocol.verify({"a": "b", "sign": "0" * 40})
    with pytest.raises(ChainError, match=r"^sign_type: expected MD5 or HMAC-SHA256 or HMAC-SHA3-256, found 'SHA'"):
        protocol.sign_fields({"mch_id": "1900000001", "sign_type": "SHA"})


@given(st.text(), st.binary(min_size=32, max_size=32))
def test_ecb_agrees_with_cryptography_and_comes_back(text: str, key: bytes) -> None:
    """PKCS#7 fills the last block; decrypt gives back what encrypt was given."""
    plain = text.encode()
    padded = plain + bytes([16 - len(plain) % 16]) * (16 - len(plain) % 16)
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    assert base64.b64decode(ciphers.ecb_encrypt(plain, key), validate=True) == encryptor.update(padded)
    assert ciphers.ecb_decrypt(ciphers.ecb_encrypt(plain, key), key) == text


def test_a_refund_notice_is_opened_as_openssl_closed_it() -> None:
    """The key is the MD5 of APIv2's key in lower-case hex."""
    key, text = digest.md5(RECORDED_KEY), "<root><refund_status><![CDATA[SUCCESS]]></refund_status></root>"
    sealed = openssl("enc", "-aes-256-ecb", "-K", key.encode().hex(), "-base64", "-A", data=text.encode())
    assert ciphers.ecb_decrypt(sealed.decode(), key.encode()) == text


@given(st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_any_text_is_judged(text: str) -> None:
    """Whatever a notification holds, only DecryptionError comes out, and it shows no key."""
    with pytest.raises(DecryptionError, match=r"^ciphertext: wrong key, or ") as caught:
        ciphers.ecb_decrypt(text, KEY.encode())
    assert KEY not in told(caught.value)


def test_bytes_that_are_no_text_are_not_returned() -> None:
    """A wrong key that happens to fit the padding ends here; what it made of the text is not in the frames."""
    sealed = ciphers.ecb_encrypt(b"\xff\xfe" * 9, KEY.encode())
    with pytest.raises(DecryptionError, match="no UTF-8 text") as caught:
        ciphers.ecb_decrypt(sealed, KEY.encode())
    assert "\\xff" not in told(caught.value)


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33, 64])
def test_a_key_has_32_bytes(length: int) -> None:
    """Also keys that AES itself would take are refused, by their length and without showing them."""
    key = b"k" * length
    uses: list[Callable[[], Any]] = [
        lambda: ciphers.ecb_encrypt(b"text", key),
        lambda: ciphers.ecb_decrypt("A" * 24, key),
    ]
    for use in uses:
        with pytest.raises(ValueError, match=rf"^key: {length} bytes, AES-256 has 32; it is neither") as caught:
            use()
        assert "kkk" not in told(caught.value)
