"""APIv3: the text that is signed, the verification of answers, and the answers that have no signature.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012365336 (requests),
https://pay.weixin.qq.com/doc/v3/merchant/4013053420 (answers).
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import time
import zlib
from collections.abc import Mapping
from urllib.parse import unquote

from wechatpay_chain.errors import (
    ClockOffset,
    ConfigError,
    HeadersIncomplete,
    SignatureMismatch,
    SignatureProbe,
    VerificationError,
)
from wechatpay_chain.protocol.keyring import Keyring
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.protocol.signer import Signature, VerifyResult

__all__ = ["DIGEST_HEADER", "APIv3", "answer_text", "field_value", "is_unsigned", "request_text"]

CLOCK_WINDOW = 300
_SECONDS = re.compile(r"[0-9]{1,15}")
# A pattern is faster than str.isprintable.
_PRINTABLE = re.compile(r"[ -~]*")
_PROBE = "WECHATPAY/SIGNTEST/"
SIGNATURE_HEADERS = ("Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature")

# Answers that WeChat Pay does not sign: their content is checked by its digest, or not at all.
UNSIGNED = (
    ("GET", re.compile(r"/v3/(billdownload/file|bill/downloadurl)")),
    ("GET", re.compile(r"/v3/transferdownload/(elecvoucherfile|signfile)")),
    ("GET", re.compile(r"/v3/new-tax-control-fapiao/download")),
)
# Images of complaints have no signature either; their ids are base64, which has "/" among its letters.
_IMAGE = re.compile(r"/v3/(?:global/)?merchant-service/images/(.+)")
_MOST_DECODINGS = 8
# The catalogue writes an id as {media_id}.
_IMAGE_ID = re.compile(r"[A-Za-z0-9+/=_.~-]+|\{media_id\}")
_UNSIGNED_METHODS = frozenset(verb for verb, _ in UNSIGNED)
# Answers whose signature covers {"sha1": …} of this header in place of the body.
DIGEST_SIGNED = re.compile(r"/(v3/global|hk/v3)/statements(\?|$)")
DIGEST_HEADER = "Wechatpay-Statement-Sha1"


def request_text(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """The five lines that a request's signature covers."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def answer_text(timestamp: str, nonce: str, body: bytes) -> bytes:
    """The three lines that an answer's signature covers."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def is_unsigned(method: str, path: str) -> bool:
    """Whether WeChat Pay leaves the answer to this request unsigned; ``path`` is without a base's prefix."""
    if method not in _UNSIGNED_METHODS:
        return False
    if any(method == verb and pattern.fullmatch(path) for verb, pattern in UNSIGNED):
        return True
    image = _IMAGE.fullmatch(path)
    return image is not None and _is_image_id(image[1])


def _is_image_id(text: str) -> bool:
    """Whether the end of a path is an id, as it is or encoded, and no way to somewhere else."""
    for _ in range(_MOST_DECODINGS):
        text, before = unquote(text), text
        if text == before:
            break
    else:
        return False
    if not _IMAGE_ID.fullmatch(text):
        return False
    words = text.strip("/").split("/")
    return words != ["upload"] and "." not in words and ".." not in words


def field_value(headers: Mapping[str, str], name: str) -> str:
    """A header's value without the blanks and tabs behind it, which are no part of it.

    Those before it are gone when a response is read. Source: RFC 9110, 5.5.
    """
    return headers.get(name, "").rstrip(" \t")


class APIv3:
    """Signs requests for a merchant or a brand and verifies answers against a keyring."""

    refuses_in_body = False

    def __init__(self, merchant: Merchant, keyring: Keyring) -> None:
        self._merchant = merchant
        self._keyring = keyring
        self._scheme = merchant.scheme
        self._identity = merchant.identity

    def __repr__(self) -> str:
        return f"<APIv3 of {self._merchant.identity}>"

    def sign(self, method: str, target: str, body: bytes, timestamp: int | None = None, nonce: str = "") -> Signature:
        """The signature of one attempt; clock (seconds) and nonce are drawn when not given.

        ConfigError when the merchant's serial and key are not configured.
        """
        merchant = self._merchant
        if merchant.private_key is None:
            raise ConfigError("serial, private_key: missing; APIv3 needs them", "private_key")
        now = str(int(time.time()) if timestamp is None else timestamp)
        once = nonce or secrets.token_hex(16).upper()
        message = request_text(method, target, now, once, body)
        scheme = self._scheme
        signature = scheme.sign(message, merchant.private_key)
        return Signature(
            f'{scheme.name} {scheme.identity}="{self._identity}",nonce_str="{once}",timestamp="{now}",'
            f'serial_no="{merchant.serial}",signature="{signature}"',
            message,
        )

    def is_unsigned(self, method: str, path: str) -> bool:
        """Whether WeChat Pay leaves the answer to this request unsigned."""
        return is_unsigned(method, path)

    def verify_answer(
        self, method: str, path: str, target: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> VerifyResult:
        """Verify an answer; a refusal (status 300 and above) may come unsigned from a gateway or a proxy."""
        succeeded = status < 300
        if succeeded and is_unsigned(method, path):
            return VerifyResult(verified=False)
        try:
            self.verify(target, headers, body)
        except VerificationError:
            if succeeded:
                raise
            return VerifyResult(verified=False)
        return VerifyResult(verified=True)

    def verify(self, target: str, headers: Mapping[str, str], body: bytes, now: float | None = None) -> None:
        """Prove that WeChat Pay made this answer or notification; raises the VerificationError that tells why not."""
        if DIGEST_SIGNED.match(target):
            body = _digest_body(headers, body)
        self._verify(headers, body, time.time() if now is None else now)

    def verify_digest(self, target: str, headers: Mapping[str, str]) -> bool:
        """Whether the signature covers the digest in ``Wechatpay-Statement-Sha1``, and holds.

        What it is the digest of is for the caller to check; raises VerificationError as ``verify`` does.
        """
        if not DIGEST_SIGNED.match(target):
            return False
        self._verify(headers, _digest_text(headers), time.time())
        return True

    def _verify(self, headers: Mapping[str, str], body: bytes, now: float) -> None:
        timestamp, nonce, key_id, signature = values = [
            headers.get(name, "").rstrip(" \t") for name in SIGNATURE_HEADERS
        ]
        if not (timestamp and nonce and key_id and signature):
            missing = ", ".join(name for name, value in zip(SIGNATURE_HEADERS, values, strict=True) if not value)
            raise HeadersIncomplete(f"{missing}: missing; it may not be WeChat Pay's")
        if not _PRINTABLE.fullmatch("".join(values)):
            for name, value in zip(SIGNATURE_HEADERS, values, strict=True):
                _check_characters(name, value)
        if signature.startswith(_PROBE):
            raise SignatureProbe("WeChat Pay sent a deliberate wrong signature to test this client; it was refused")
        _check_clock(timestamp, now)
        key = self._keyring.find(key_id)
        if not self._scheme.verify(answer_text(timestamp, nonce, body), signature, key.public_key):
            raise SignatureMismatch(
                f"the signature does not fit the {len(body)} bytes that arrived and key {key_id[:64]!r}; they were"
                " changed on their way, or the key under this id is another"
            )


def _check_characters(name: str, value: str) -> None:
    """A line break in one of them would move the bounds of the lines that are signed."""
    if not value.isascii() or not value.isprintable():
        raise HeadersIncomplete(f"{name}: expected ASCII text of one line, found {value[:40]!r}")


def _check_clock(timestamp: str, now: float) -> None:
    if not _SECONDS.fullmatch(timestamp):
        raise HeadersIncomplete(f"Wechatpay-Timestamp: expected seconds, found {timestamp[:40]!r}")
    offset = now - int(timestamp)
    if abs(offset) > CLOCK_WINDOW:
        raise ClockOffset(
            f"signed at {timestamp}, this machine's clock says {int(now)}: {abs(offset):.0f} s apart,"
            f" {CLOCK_WINDOW} allowed; set the clock (NTP)"
        )


def _digest_text(headers: Mapping[str, str]) -> bytes:
    digest = field_value(headers, DIGEST_HEADER)
    if not digest:
        raise HeadersIncomplete(f"answer without {DIGEST_HEADER}; it may not be WeChat Pay's")
    return f'{{"sha1":"{digest}"}}'.encode()


def _digest_body(headers: Mapping[str, str], body: bytes) -> bytes:
    text = _digest_text(headers)
    digest = field_value(headers, DIGEST_HEADER)
    if digest.lower() not in _digests(body):
        raise SignatureMismatch(f"{DIGEST_HEADER} is {digest[:64]!r}, the statement's digest is another")
    return text


def _digests(body: bytes) -> set[str]:
    """SHA-1 of the statement as it came and, since it may come as a gzip file, of what is inside."""
    import gzip

    digests = {hashlib.sha1(body, usedforsecurity=False).hexdigest()}
    with contextlib.suppress(OSError, EOFError, zlib.error):
        digests.add(hashlib.sha1(gzip.decompress(body), usedforsecurity=False).hexdigest())
    return digests
