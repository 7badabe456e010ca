"""The download of WeChat Pay's certificates: what a client's keyring calls when it needs them."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from wechatpay_chain.errors import ApiError, ConfigError, TransportError, UnknownSerial, VerificationError
from wechatpay_chain.protocol.hosts import Base
from wechatpay_chain.protocol.keyring import Fetched, Keyring, canonical
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.response import HeaderFields, Response
from wechatpay_chain.transport.retry import DEFAULT_DEADLINE, SendOptions
from wechatpay_chain.transport.session import Session
from wechatpay_chain.transport.signed_request import SignedRequest

if TYPE_CHECKING:
    from cryptography import x509

    from wechatpay_chain.protocol.authorities import Authorities
    from wechatpay_chain.protocol.certificate_folder import Folder

__all__ = ["CertificateDownload"]

_PATH = "/v3/certificates"
# Overseas the same list has a path of its own.
_PATHS = {"https://apihk.mch.weixin.qq.com": "/v3/global/certificates"}
_ADVICE = "configure the public key of the merchant console as certs={'PUB_KEY_ID_…': public key}"
_NO_CERTIFICATES = (403, 404)
# Seconds: a call waits for this download, whose answer is small and always ready.
_PATIENCE = 5.0
# Seconds for all attempts of it.
_LONGEST = 15.0


class _Get(NamedTuple):
    path: str
    method: str = "GET"
    query: str = ""
    body: None = None


class CertificateDownload:
    """``GET /v3/certificates``, or what another process left in ``folder`` (``certs_dir``).

    ``headers`` are those of a GET; ``bases``, ``timeout`` (connect, read) in seconds and ``keyring`` are the client's.
    """

    def __init__(
        self,
        session: Session,
        merchant: Merchant,
        keyring: Keyring,
        folder: Folder | None,
        bases: Sequence[Base],
        timeout: tuple[float, float],
        headers: HeaderFields,
        authorities: Authorities | None = None,
    ) -> None:
        self._session = session
        self._merchant = merchant
        self._keyring = keyring
        self._folder = folder
        self._bases = tuple(bases)
        self._timeout = timeout
        self._headers = headers
        self._authorities = authorities

    def __call__(self, wanted: str) -> Fetched:
        """The certificates; ``wanted`` is an id that is looked for, or empty.

        Raises ConfigError where the merchant has none, and what any call raises, in words that tell that
        the call that needed them was not sent.
        """
        stored = self._read_folder(wanted)
        if stored is not None:
            return stored
        try:
            fetched, certificates = self._fetch(_PATIENCE)
        except (ApiError, VerificationError, TransportError) as error:
            _refuse(error, bool(self._keyring))
        if self._folder is not None:
            self._folder.store(certificates, fetched.at)
        return fetched

    def download(self) -> list[x509.Certificate]:
        """The certificates that are valid now, from WeChat Pay itself, whatever a folder holds.

        Raises ConfigError where the merchant has none, and what any call raises.
        """
        try:
            return self._fetch()[1]
        except (ApiError, UnknownSerial) as error:
            refusal = _missing_configuration(error, bool(self._keyring.fixed))
            if refusal is None:
                raise
            raise refusal from error

    def _fetch(self, patience: float = math.inf) -> tuple[Fetched, list[x509.Certificate]]:
        connect, read = self._timeout
        options = SendOptions(
            self._bases,
            (min(connect, patience), min(read, patience)),
            deadline=time.monotonic() + (_LONGEST if patience < math.inf else DEFAULT_DEADLINE),
        )
        brought: tuple[Fetched, list[x509.Certificate]] = self._session.send(self._request(), options).data
        return brought

    def _read_folder(self, wanted: str) -> Fetched | None:
        keyring = self._keyring
        stored = None if self._folder is None else self._folder.read_shared(self._authorities)
        if stored is None or keyring.is_old(stored):
            return None
        now = keyring.clock()
        fitting = [key for key in stored.keys if now < key.until and canonical(wanted) in ("", canonical(key.id))]
        return stored if fitting else None

    def _request(self) -> SignedRequest:
        from wechatpay_chain.protocol.certificates import Bootstrap

        base = self._bases[0]
        path = _PATH if base.prefix else _PATHS.get(base.origin, _PATH)
        headers = HeaderFields.of(self._headers.items())
        fixed = self._keyring.fixed
        if fixed:
            headers["Wechatpay-Serial"] = max(fixed.values(), key=lambda key: key.since).id
        protocol = Bootstrap(self._merchant, fixed, self._keyring.clock, self._authorities)
        return SignedRequest(_Get(path), headers, protocol, Response)


def _refuse(error: ApiError | VerificationError | TransportError, holds_keys: bool) -> NoReturn:
    """Raise the same error in words that cannot be taken for those of the call that needed the keys."""
    tried = "; ".join(f"{attempt.host}: {attempt.error}" for attempt in getattr(error, "attempts", ()))
    reason = tried if isinstance(error, TransportError) else error
    told = f"the call was not sent, since WeChat Pay's certificates could not be had: {reason}"
    lack = _missing_configuration(error, holds_keys)
    if lack is not None:
        raise lack from error
    if isinstance(error, TransportError):
        # Of the call itself, that is, no byte has left.
        raise type(error)(told, tuple(attempt._replace(sent=False) for attempt in error.attempts)) from error
    raise type(error)(told, error.response) from error  # type: ignore[arg-type]


def _missing_configuration(error: Exception, holds_keys: bool) -> ConfigError | None:
    """What to configure, where the error tells that certificates alone do not serve this merchant."""
    if isinstance(error, ApiError) and error.status in _NO_CERTIFICATES and error.code:
        reason = "this merchant has no platform certificates"
    elif isinstance(error, UnknownSerial) and not holds_keys:
        reason = "WeChat Pay does not sign with the certificates that it gives out"
    else:
        return None
    return ConfigError(f"certs: {reason} ({error}); {_ADVICE}", "certs")
