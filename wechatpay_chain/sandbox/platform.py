"""Which key of WeChat Pay signs what: the four key modes, and platform certificates that rotate.

A merchant has the public key, platform certificates, or both while it switches from these to that. What signs in
each mode: https://pay.weixin.qq.com/doc/v3/merchant/4012154180 and the answers of WeChat Pay's staff.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from datetime import timedelta, timezone
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from wechatpay_chain.crypto import asymmetric, ciphers
from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.errors import ConfigError, DecryptionError
from wechatpay_chain.sandbox.answer import Received, Refusal
from wechatpay_chain.sandbox.identity import Identity, is_of_a_sandbox

__all__ = ["MODES", "Platform"]

_BEIJING = timezone(timedelta(hours=8))
# The first is the default. ``both`` is no merchant's at WeChat Pay: each key signs for who names it, so that a
# client of either kind can be tried on one sandbox.
MODES = ("both", "public-key", "certificate", "switching")
_ENCRYPTED_SIZE = 256
_HEADER = "Wechatpay-Serial"


class _Pair(NamedTuple):
    certificate: x509.Certificate
    key: RSAPrivateKey

    @property
    def serial(self) -> str:
        return serial_of(self.certificate)


class Platform:
    """Which certificates ``/v3/certificates`` lists, and which key signs an answer or a notice.

    ``verify`` is one of MODES, and can be set at any time; ConfigError for another. ``notice_share`` is the part
    of all notices (0 to 1) that the public key signs in mode ``switching``. ``rotate`` lets a new certificate
    appear beside the old, and both sign in turns; ``retire`` ends the old ones.
    """

    def __init__(self, identity: Identity, verify: str = MODES[0]) -> None:
        self._identity = identity
        self._pairs = [_Pair(identity.certificate, identity.certificate_key)]
        self._by_serial = {identity.certificate_serial: self._pairs[0]}
        self._turn = 0
        self._lock = threading.Lock()
        self.verify = verify
        self.notice_share = 0.5

    @property
    def verify(self) -> str:
        """The mode."""
        return self._verify

    @verify.setter
    def verify(self, mode: str) -> None:
        """Set the mode; ConfigError for one that is none."""
        if mode not in MODES:
            raise ConfigError(f"verify: expected {', '.join(MODES)}, found {mode!r}", "verify")
        self._verify = mode

    @property
    def certificates(self) -> list[x509.Certificate]:
        """Those that are listed, the oldest first."""
        return [pair.certificate for pair in self._pairs]

    def successor(self) -> tuple[x509.Certificate, RSAPrivateKey]:
        """A certificate that begins after all others, and its key."""
        return self._identity.new_platform_certificate(
            self.certificates[-1].not_valid_before_utc + timedelta(minutes=1)
        )

    def rotate(self, made: tuple[x509.Certificate, RSAPrivateKey] | None = None) -> str:
        """A new certificate, or one that was ``made`` before, signs in turns with those that there are; its serial."""
        pair = _Pair(*(made or self.successor()))
        with self._lock:
            self._pairs = [*self._pairs, pair]
            self._by_serial = {**self._by_serial, pair.serial: pair}
        return pair.serial

    def retire(self) -> None:
        """All but the newest certificate go."""
        with self._lock:
            self._pairs = self._pairs[-1:]

    def signer(self, asked: str) -> tuple[str, RSAPrivateKey]:
        """Id and key for the answer to a request that named ``asked``, which is empty for none."""
        names_public_key = asked == self._identity.public_key_id
        by_certificate = {
            "both": asked in self._by_serial,
            "public-key": False,
            "certificate": True,
            "switching": not names_public_key,
        }
        return self._certificate_signer() if by_certificate[self._verify] else self._public_key_signer()

    def notice_signer(self) -> tuple[str, RSAPrivateKey]:
        """Id and key for a notice; in mode ``switching`` one of both at random, by ``notice_share``."""
        draw = secrets.randbelow(1 << 32) / (1 << 32)
        by_certificate = {
            "both": False,
            "public-key": False,
            "certificate": True,
            "switching": draw >= self.notice_share,
        }
        return self._certificate_signer() if by_certificate[self._verify] else self._public_key_signer()

    def key_of(self, key_id: str) -> RSAPrivateKey | None:
        """The private key behind an id that is in use, to open what a client encrypted for it."""
        pairs = [] if self._verify == "public-key" else self._pairs
        keys = {} if self._verify == "certificate" else {self._identity.public_key_id: self._identity.public_key}
        return {**keys, **{pair.serial: pair.key for pair in pairs}}.get(key_id)

    def decrypt(self, request: Received, ciphertext: object, field: str, location: str = "body") -> str:
        """The text of an encrypted field; Refusal unless the key that ``Wechatpay-Serial`` names opens it."""
        asked = request.headers.get(_HEADER, "")
        if not asked:
            told = "HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)"
            raise _refusal(told, _HEADER, "", f"{field} is encrypted, and no header says for which key", "header")
        key = self.key_of(asked)
        if key is None:
            raise _refusal("平台证书序列号Wechatpay-Serial错误", _HEADER, asked, self._not_in_use(asked), "header")
        text = str(ciphertext)
        if not _is_ciphertext(text):
            issue = "it is no base64 of 256 bytes, as text that RSA-OAEP encrypted under a 2048-bit key is"
            raise _refusal("请确认待处理的消息是否为加密后的密文", f"/{field}", text, issue, location)
        try:
            return asymmetric.decrypt(text, key)
        except DecryptionError:
            issue = f"it was encrypted for another key than {asked}, or with another padding than RSA-OAEP (SHA-1)"
            raise _refusal("平台私钥解密失败", f"/{field}", text, issue, location) from None

    def list_certificates(self) -> list[dict[str, Any]]:
        """The entries of ``/v3/certificates``, each encrypted under the APIv3 key; none for a public key alone."""
        return [] if self._verify == "public-key" else [self._entry(certificate) for certificate in self.certificates]

    def _not_in_use(self, asked: str) -> str:
        if asked == self._identity.serial:
            return "this is the serial of the merchant's own certificate; name the key of WeChat Pay"
        if is_of_a_sandbox(asked) and asked not in (self._identity.public_key_id, *self._by_serial):
            return "this key belongs to another sandbox"
        in_use = [key for key in (self._identity.public_key_id, *map(serial_of, self.certificates)) if self.key_of(key)]
        return f"no key in use has this id; in use: {', '.join(in_use)}"

    def _public_key_signer(self) -> tuple[str, RSAPrivateKey]:
        return self._identity.public_key_id, self._identity.public_key

    def _certificate_signer(self) -> tuple[str, RSAPrivateKey]:
        with self._lock:
            self._turn += 1
            pair = self._pairs[self._turn % len(self._pairs)]
        return pair.serial, pair.key

    def _entry(self, certificate: x509.Certificate) -> dict[str, Any]:
        nonce, associated = secrets.token_hex(6), "certificate"
        pem = certificate.public_bytes(Encoding.PEM)
        return {
            "serial_no": serial_of(certificate),
            "effective_time": certificate.not_valid_before_utc.astimezone(_BEIJING).isoformat(),
            "expire_time": certificate.not_valid_after_utc.astimezone(_BEIJING).isoformat(),
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": nonce,
                "associated_data": associated,
                "ciphertext": ciphers.encrypt(
                    pem, self._identity.apiv3_key.encode(), nonce.encode(), associated.encode()
                ),
            },
        }


def _is_ciphertext(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == _ENCRYPTED_SIZE
    except (binascii.Error, ValueError):
        return False


def _refusal(message: str, field: str, value: str, issue: str, location: str) -> Refusal:
    detail = {"field": field, "value": value, "issue": issue, "location": location}
    return Refusal(400, "PARAM_ERROR", f"{message}（沙箱：{field.lstrip('/')}: {issue}）", detail)
