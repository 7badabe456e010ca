"""The answer of ``/v3/certificates``: opened with the APIv3 key, checked, and proven by what it brings.

Source: https://pay.weixin.qq.com/doc/v3/merchant/4012551764
"""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Mapping
from typing import Any

from cryptography import x509

from wechatpay_chain.crypto import ciphers, key_loader
from wechatpay_chain.errors import DecryptionError, VerificationError
from wechatpay_chain.protocol.authorities import Authorities, CertPath, is_issued
from wechatpay_chain.protocol.keyring import Clock, Fetched, Key, Keyring, canonical, key_of
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.protocol.signer import Signature, VerifyResult
from wechatpay_chain.protocol.v3 import APIv3
from wechatpay_chain.tracebacks import hide_values

__all__ = ["Bootstrap", "decrypt_certificates", "usable"]

_log = logging.getLogger("wechatpay_chain")


class Bootstrap:
    """Signs like the merchant's other requests; proves an answer by the certificates that it brings.

    What it has proven is ``VerifyResult.data``: the ``Fetched`` certificates with their PEM text. Keys that are
    fixed prove it as well, since WeChat Pay signs with the public key where a merchant has one.
    """

    refuses_in_body = False

    def __init__(
        self, merchant: Merchant, fixed: Mapping[str, Key], clock: Clock, authorities: Authorities | None = None
    ) -> None:
        self._merchant = merchant
        self._fixed = fixed
        self._clock = clock
        self._authorities = authorities
        self._signer = APIv3(merchant, Keyring({}))

    def sign(self, method: str, target: str, body: bytes) -> Signature:
        """The signature of one attempt."""
        return self._signer.sign(method, target, body)

    def is_unsigned(self, method: str, path: str) -> bool:
        """Never: these are the keys that all else is proven with."""
        return False

    def verify_digest(self, target: str, headers: Mapping[str, str]) -> bool:
        """Never: the signature covers the body itself."""
        return False

    def verify_answer(
        self, method: str, path: str, target: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> VerifyResult:
        """The certificates of a 2xx; raises VerificationError, DecryptionError for a wrong APIv3 key."""
        if status >= 300:
            return VerifyResult(verified=False)
        now = self._clock()
        paths = decrypt_certificates(body, self._merchant.apiv3_key or b"")
        keys: list[Key] = []
        good: list[x509.Certificate] = []
        left_out: list[tuple[str, str]] = []
        for chain in paths:
            key = _key(chain, now, self._authorities)
            if isinstance(key, Key):
                keys.append(key)
                good.append(chain[0])
            else:
                left_out.append((key_loader.serial_of(chain[0]), key))
        brought = Fetched(tuple(keys), now, tuple(left_out))
        candidates = Keyring({**{key.id: key for key in keys}, **self._fixed}, Fetched((), now, brought.left_out))
        APIv3(self._merchant, candidates).verify(target, headers, body, now)
        if not keys:
            raise VerificationError(f"/v3/certificates brings no certificate that can be used{brought.reasons()}")
        return VerifyResult(True, (brought, good))


@hide_values
def decrypt_certificates(body: bytes, apiv3_key: bytes) -> list[CertPath]:
    """The certificates in an answer's body, each with the chain that is given with it, which is checked.

    Raises DecryptionError when the key does not open them, VerificationError for what is no such answer.
    """
    try:
        entries = json.loads(body)["data"]
        return [_decrypt_entry(entry, apiv3_key) for entry in entries]
    except DecryptionError:
        raise DecryptionError(
            "apiv3_key: it does not open the certificates of WeChat Pay; compare it with the console's"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise VerificationError(
            f"/v3/certificates: no list of encrypted certificates ({type(error).__name__})"
        ) from None


def usable(path: CertPath, now: float, authorities: Authorities | None = None) -> str:
    """Why a platform certificate is not to be trusted now (seconds since 1970); empty when it is.

    Whose name stands there as the issuer's is not asked: what proves it is the APIv3 key under which it came, the
    answer that it signs, and ``authorities`` where a merchant names them.
    """
    for each in path:
        if not each.not_valid_before_utc.timestamp() <= now < each.not_valid_after_utc.timestamp():
            return f"valid from {each.not_valid_before_utc:%Y-%m-%d} to {each.not_valid_after_utc:%Y-%m-%d}"
    return authorities.objection(path, now) if authorities else ""


def _key(path: CertPath, now: float, authorities: Authorities | None) -> Key | str:
    """The key, or why a certificate is not to be trusted, which the log tells too."""
    try:
        reason = usable(path, now, authorities)
        if not reason:
            return key_of(path[0], "certificate")
    except ValueError as error:  # a ConfigError, or cryptography's for a name that is none
        reason = str(error)
    _log.warning("platform certificate %s is left out: %s", key_loader.serial_of(path[0]), reason)
    return reason


def _decrypt_entry(entry: Any, apiv3_key: bytes) -> CertPath:
    sealed = entry["encrypt_certificate"]
    if sealed["algorithm"] != ciphers.AEAD_AES_256_GCM:
        raise ValueError("algorithm")
    associated = (sealed.get("associated_data") or "").encode()
    data = ciphers.decrypt(sealed["ciphertext"], apiv3_key, sealed["nonce"].encode(), associated)
    path = tuple(x509.load_pem_x509_certificates(data))
    if canonical(key_loader.serial_of(path[0])) != canonical(entry["serial_no"]):
        raise ValueError("serial_no")
    for certificate, issuer in itertools.pairwise(path):
        if not is_issued(certificate, issuer):
            raise ValueError("chain")
    return path
