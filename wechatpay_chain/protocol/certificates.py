"""The answer of ``/v3/certificates``: opened with the APIv3 key, checked, and proven by what it brings.

Source: https://pay.weixin.qq.com/doc/v3/merchant/4012551764
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cryptography import x509
from cryptography.x509.oid import NameOID

from wechatpay_chain.crypto import ciphers, key_loader
from wechatpay_chain.errors import ConfigError, DecryptionError, VerificationError
from wechatpay_chain.protocol.keyring import Clock, Fetched, Key, Keyring, key_of
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.protocol.signer import Proven, Signed
from wechatpay_chain.protocol.v3 import APIv3
from wechatpay_chain.tracebacks import hide_values

if TYPE_CHECKING:
    from cryptography import x509


__all__ = [
    "ISSUER",
    "SHARED",
    "Bootstrap",
    "Folder",
    "opened",
    "usable",
]

_log = logging.getLogger("wechatpay_chain")

# One file for all of them, so that they are replaced as a whole; its time is that of the download.
SHARED = "wechatpay-platform.pem"


class Folder:
    """``*.pem`` in a ``certs_dir``: platform certificates by their serials.

    ``is_cache``: what is downloaded is stored there too, so it may be empty, or come into being later.
    """

    def __init__(self, path: Path, is_cache: bool) -> None:
        self.path = path
        self.is_cache = is_cache

    @classmethod
    def of(cls, entry: object, is_cache: bool) -> Folder:
        """The folder that a ``certs_dir`` entry names; ConfigError for what can be none."""
        if not isinstance(entry, str | os.PathLike):
            raise ConfigError(f"certs_dir: expected a path, found {type(entry).__name__}", "certs_dir")
        if not os.fsdecode(entry).strip():
            raise ConfigError("certs_dir: empty", "certs_dir")
        path = Path(os.fsdecode(entry))
        shown = _shown(path)
        try:
            path = path.expanduser()
            is_path = key_loader.names_a_file(entry) and (path.is_absolute() or key_loader.looks_like_a_path(str(path)))
            possible = path.is_dir() or (is_path and not path.exists())
        except (OSError, RuntimeError, ValueError):  # RuntimeError: ~ of a user who does not exist
            possible = False
        if is_cache and not possible:
            raise ConfigError(f"certs_dir: expected a folder, found {shown}", "certs_dir")
        return cls(path, is_cache)

    def certificates(self) -> dict[str, x509.Certificate]:
        """The certificates that a person put there, by serial; files that hold none are passed over.

        Where the folder is no cache, the shared file is one of them, and ConfigError is raised for a folder
        without any.
        """
        try:
            files = sorted(file for file in self.path.glob("*.pem") if file.name != SHARED or not self.is_cache)
        except (OSError, ValueError):
            files = []
        found = {key_loader.serial_of(each): each for file in files for each in _certificates(file, self.is_cache)}
        if not found and not self.is_cache:
            raise ConfigError(f"certs_dir: no certificate (*.pem) in {_shown(self.path)}", "certs_dir")
        return found

    def shared(self) -> Fetched | None:
        """What a process stored last; None when there is nothing, or nothing that can be read, which is logged."""
        file = self.path / SHARED
        try:
            keys: tuple[Key, ...] = tuple(key_of(each, "certs_dir") for each in _bundle(file))
            return Fetched(keys, file.stat().st_mtime)
        except FileNotFoundError:
            return None
        except Exception as error:  # cryptography raises InvalidVersion and others that are bare Exceptions
            _log.warning("certs_dir: %s is damaged and ignored (%s)", file, type(error).__name__)
            return None

    def store(self, certificates: Sequence[x509.Certificate], at: float) -> None:
        """Replace the shared file, for this user alone; a folder that cannot be written is only logged."""
        from cryptography.hazmat.primitives.serialization import Encoding

        part = ""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=self.path, prefix=".wechatpay-", suffix=".part")  # mode 0600
            with os.fdopen(handle, "wb") as file:
                file.write(b"".join(each.public_bytes(Encoding.PEM) for each in certificates))
                file.flush()
                os.fsync(handle)
            os.utime(part, (at, at))
            os.replace(part, self.path / SHARED)
        except OSError as error:
            _log.warning("certs_dir: %s cannot be written (%s)", self.path / SHARED, error.strerror)
            with contextlib.suppress(OSError):
                os.unlink(part)


def _shown(path: Path) -> str:
    """A path as an error shows it: what does not look like one may be a key."""
    name = str(path)
    return repr(name) if key_loader.looks_like_a_path(name) else f"{len(name)} characters"


def _bundle(file: Path) -> list[x509.Certificate]:
    if file.exists() and not file.is_file():
        raise OSError("no regular file")  # a pipe would be waited for
    from cryptography import x509

    return x509.load_pem_x509_certificates(file.read_bytes())


def _certificates(file: Path, is_cache: bool) -> list[x509.Certificate]:
    if file.name == SHARED:
        with contextlib.suppress(Exception):  # as above
            return _bundle(file)
    try:
        certificate = key_loader.load_certificate(file, "certs_dir")
    except ConfigError:
        if not is_cache:
            raise
        certificate = None
    if certificate is not None:
        return [certificate]
    if "key" not in file.name:
        _log.warning("certs_dir: %s holds no certificate that can be read, and is ignored", file)
    return []


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


@hide_values
def opened(body: bytes, apiv3_key: bytes) -> list[CertPath]:
    """The certificates in an answer's body, each with the chain that is given with it, which is checked.

    Raises DecryptionError when the key does not open them, VerificationError for what is no such answer.
    """
    try:
        entries = json.loads(body)["data"]
        return [_opened(entry, apiv3_key) for entry in entries]
    except DecryptionError:
        raise DecryptionError(
            "apiv3_key: it does not open the certificates of WeChat Pay; compare it with the console's"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise VerificationError(
            f"/v3/certificates: no list of encrypted certificates ({type(error).__name__})"
        ) from None


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
    _log.warning("platform certificate %s is left out: %s", key_loader.serial_of(path[0]), reason)
    return None


def _opened(entry: Any, apiv3_key: bytes) -> CertPath:
    sealed = entry["encrypt_certificate"]
    if sealed["algorithm"] != _ALGORITHM:
        raise ValueError("algorithm")
    associated = (sealed.get("associated_data") or "").encode()
    data = ciphers.decrypt(sealed["ciphertext"], apiv3_key, sealed["nonce"].encode(), associated)
    path = tuple(x509.load_pem_x509_certificates(data))
    if key_loader.serial_of(path[0]) != entry["serial_no"].upper():
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
