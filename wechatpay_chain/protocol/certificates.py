"""The answer of ``/v3/certificates``: opened with the APIv3 key, checked, and proven by what it brings.

Source: https://pay.weixin.qq.com/doc/v3/merchant/4012551764
"""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Mapping
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.x509.oid import NameOID

from wechatpay_chain.crypto import aes, pem
from wechatpay_chain.errors import DecryptionError, VerificationError
from wechatpay_chain.protocol.keyring import Clock, Fetched, Key, Keyring, key_of
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.protocol.proof import Proven, Signed
from wechatpay_chain.protocol.v3 import APIv3

__all__ = ["ISSUER", "Bootstrap", "opened", "usable"]

_log = logging.getLogger("wechatpay_chain")

# https://pay.weixin.qq.com/doc/v3/merchant/4012072597
ISSUER = "Tenpay.com Root CA"
_ALGORITHM = "AEAD_AES_256_GCM"
# A certificate, and those that vouch for it, each for the one before.
CertPath: TypeAlias = "tuple[x509.Certificate, ...]"


class Bootstrap:
    """Signs like the merchant's other requests; proves an answer by the certificates that it brings.

    What it has proven is ``Proven.data``: the ``Fetched`` certificates with their PEM text. Keys that are
    fixed prove it as well, since WeChat Pay signs with the public key where a merchant has one.
    """

    refuses_in_body = False

    def __init__(self, merchant: Merchant, fixed: Mapping[str, Key], clock: Clock) -> None:
        self._merchant = merchant
        self._fixed = fixed
        self._clock = clock
        self._signer = APIv3(merchant, Keyring({}))

    def sign(self, method: str, target: str, body: bytes) -> Signed:
        """The signature of one attempt."""
        return self._signer.sign(method, target, body)

    def is_unsigned(self, method: str, path: str) -> bool:
        """Never: these are the keys that all else is proven with."""
        return False

    def prove_digest(self, target: str, headers: Mapping[str, str]) -> bool:
        """Never: the signature covers the body itself."""
        return False

    def prove(
        self, method: str, path: str, target: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> Proven:
        """The certificates of a 2xx; raises VerificationError, DecryptionError for a wrong APIv3 key."""
        if status >= 300:
            return Proven(verified=False)
        now = self._clock()
        paths = opened(body, self._merchant.apiv3_key or b"")
        keys = tuple(_key(path, now) for path in paths)
        brought = Fetched(tuple(key for key in keys if key is not None), now)
        candidates = Keyring({**{key.id: key for key in brought.keys}, **self._fixed})
        APIv3(self._merchant, candidates).verify(target, headers, body, now)
        if not brought.keys:
            raise VerificationError("/v3/certificates brings no certificate that is valid now; see the log")
        good = [path[0] for path, key in zip(paths, keys, strict=True) if key is not None]
        return Proven(True, (brought, good))


def opened(body: bytes, apiv3_key: bytes) -> list[CertPath]:
    """The certificates in an answer's body, each with the chain that is given with it, which is checked.

    Raises DecryptionError when the key does not open them, VerificationError for what is no such answer.
    """
    try:
        entries = json.loads(body)["data"]
        return [_opened(entry, apiv3_key) for entry in entries]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, DecryptionError):
            told = "apiv3_key: it does not open the certificates of WeChat Pay; compare it with the console's"
            failure: Exception = DecryptionError(told)
        else:
            failure = VerificationError(f"/v3/certificates: no list of encrypted certificates ({type(error).__name__})")
    finally:
        del apiv3_key  # the frames of a traceback must not hold a key
    raise failure from None


def usable(path: CertPath, now: float) -> str:
    """Why a platform certificate is not to be trusted now (seconds since 1970); empty when it is."""
    issuers = [str(name.value) for each in path for name in each.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if ISSUER not in issuers:
        return f"issued by {', '.join(issuers)[:80]!r}, expected {ISSUER!r}"
    for each in path:
        if not each.not_valid_before_utc.timestamp() <= now < each.not_valid_after_utc.timestamp():
            return f"valid from {each.not_valid_before_utc:%Y-%m-%d} to {each.not_valid_after_utc:%Y-%m-%d}"
    return ""


def _key(path: CertPath, now: float) -> Key | None:
    """The key, or None for a certificate that is not to be trusted, which the log tells."""
    try:
        reason = usable(path, now)
        if not reason:
            return key_of(path[0], "certificate")
    except ValueError as error:  # a ConfigError, or cryptography's for a name that is none
        reason = str(error)
    _log.warning("platform certificate %s is left out: %s", pem.serial_of(path[0]), reason)
    return None


def _opened(entry: Any, apiv3_key: bytes) -> CertPath:
    sealed = entry["encrypt_certificate"]
    if sealed["algorithm"] != _ALGORITHM:
        raise ValueError("algorithm")
    associated = (sealed.get("associated_data") or "").encode()
    try:
        data = aes.decrypt(sealed["ciphertext"], apiv3_key, sealed["nonce"].encode(), associated)
    finally:
        del apiv3_key
    path = tuple(x509.load_pem_x509_certificates(data))
    if pem.serial_of(path[0]) != entry["serial_no"].upper():
        raise ValueError("serial_no")
    for certificate, issuer in itertools.pairwise(path):
        _check_issued(certificate, issuer)
    return path


def _check_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """ValueError unless ``issuer`` is an authority's and has signed ``certificate``."""
    try:
        certificate.verify_directly_issued_by(issuer)
        is_authority = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except Exception:  # InvalidSignature, ExtensionNotFound, UnsupportedAlgorithm: bare Exceptions
        is_authority = False
    if not is_authority:
        raise ValueError("chain")
