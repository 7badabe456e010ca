"""The platform certificates of one sandbox, which rotate as WeChat Pay's do."""

from __future__ import annotations

import secrets
import threading
from datetime import timedelta, timezone
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from wechatpay_chain.crypto import asymmetric, ciphers
from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.errors import DecryptionError
from wechatpay_chain.sandbox.answer import Received, wrong
from wechatpay_chain.sandbox.identity import Identity, new_certificate

__all__ = ["Platform"]

_BEIJING = timezone(timedelta(hours=8))


class _Pair(NamedTuple):
    certificate: x509.Certificate
    key: RSAPrivateKey

    @property
    def serial(self) -> str:
        return serial_of(self.certificate)


class Platform:
    """Which certificates ``/v3/certificates`` lists, and which key signs an answer.

    ``rotate`` lets a new one appear beside the old, and both sign in turns; ``retire`` ends the old ones.
    While ``public_key_only`` is set there are none, as for a merchant that has only the public key.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._pairs = [_Pair(identity.certificate, identity.certificate_key)]
        self._known = {self._pairs[0].serial}
        self._turn = 0
        self._lock = threading.Lock()
        self.public_key_only = False

    @property
    def certificates(self) -> list[x509.Certificate]:
        """Those that are listed, the oldest first."""
        return [pair.certificate for pair in self._pairs]

    def successor(self) -> tuple[x509.Certificate, RSAPrivateKey]:
        """A certificate that begins after all others, and its key."""
        return new_certificate(self.certificates[-1].not_valid_before_utc + timedelta(minutes=1))

    def rotate(self, made: tuple[x509.Certificate, RSAPrivateKey] | None = None) -> str:
        """A new certificate, or one that was ``made`` before, signs in turns with those that there are; its serial."""
        pair = _Pair(*(made or self.successor()))
        with self._lock:
            self._pairs = [*self._pairs, pair]
            self._known.add(pair.serial)
        return pair.serial

    def retire(self) -> None:
        """All but the newest certificate go."""
        with self._lock:
            self._pairs = self._pairs[-1:]

    def signer(self, asked: str) -> tuple[str, RSAPrivateKey]:
        """Id and key for an answer: a certificate's when the request named any, else the public key's."""
        with self._lock:
            if asked not in self._known or self.public_key_only:
                return self._identity.public_key_id, self._identity.public_key
            self._turn += 1
            pair = self._pairs[self._turn % len(self._pairs)]
            return pair.serial, pair.key

    def notice_signer(self) -> tuple[str, RSAPrivateKey]:
        """Id and key for a notification."""
        return self._identity.public_key_id, self._identity.public_key

    def key_of(self, key_id: str) -> RSAPrivateKey | None:
        """The private key behind an id that signs now, to open what a client encrypted for it."""
        keys = {self._identity.public_key_id: self._identity.public_key}
        return {**keys, **{pair.serial: pair.key for pair in self._pairs}}.get(key_id)

    def opened(self, request: Received, ciphertext: object, field: str, location: str = "body") -> str:
        """The text of an encrypted field; Refusal unless the key that ``Wechatpay-Serial`` names opens it."""
        key = self.key_of(request.headers.get("Wechatpay-Serial", ""))
        try:
            return asymmetric.decrypt(str(ciphertext), key or self._identity.public_key)
        except DecryptionError:
            raise wrong(field, "敏感信息解密失败，请检查Wechatpay-Serial与加密公钥", location) from None

    def listed(self) -> list[dict[str, Any]]:
        """The entries of ``/v3/certificates``, each encrypted under the APIv3 key."""
        return [] if self.public_key_only else [self._entry(certificate) for certificate in self.certificates]

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
