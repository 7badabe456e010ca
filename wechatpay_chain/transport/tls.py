"""The merchant's TLS client certificate, which some calls of APIv2 need."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from urllib3.util.ssl_ import create_urllib3_context

from wechatpay_chain.crypto import key_loader
from wechatpay_chain.encoding import file_urls
from wechatpay_chain.errors import ConfigError

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["client_context"]

_ENTRIES = frozenset({"cert", "key", "pkcs12", "pfx", "passphrase"})


def client_context(merchant: object) -> ssl.SSLContext:
    """A context with the certificate in a ``merchant`` entry.

    ``{"cert": …, "key": …}`` are paths or PEM text (``passphrase`` for an encrypted key); ``{"pkcs12": …,
    "passphrase": …}`` is the file that the merchant console hands out; a context that has it already is taken as it is.
    Raises ConfigError that names the entry.
    """
    if isinstance(merchant, ssl.SSLContext):
        return merchant
    if not isinstance(merchant, Mapping):
        raise ConfigError(f"merchant: expected {{'cert', 'key'}}, found {type(merchant).__name__}", "merchant")
    unknown = next((name for name in merchant if name not in _ENTRIES), None)
    if unknown is not None:
        raise ConfigError(f"merchant: no such entry {str(unknown)[:40]!r}; there are cert, key, pkcs12", "merchant")
    passphrase = key_loader.read_passphrase(merchant.get("passphrase"), "merchant.passphrase")
    archive = merchant.get("pkcs12") or merchant.get("pfx")
    found = _context(*_load_pkcs12(archive, passphrase)) if archive else _context_of_pair(merchant, passphrase)
    if found is None:
        raise ConfigError("merchant: cert holds no certificate, or not that of key", "merchant")
    return found


def _context_of_pair(merchant: Mapping[Any, Any], passphrase: Any) -> ssl.SSLContext | None:
    for name in ("cert", "key"):
        if not merchant.get(name):
            raise ConfigError(f"merchant.{name}: missing; cert and key go together", "merchant")
    certificates = key_loader.certificates_as_pem(merchant["cert"], "merchant.cert")
    if certificates is not None:
        key = key_loader.load_private_key(merchant["key"], "merchant.key", passphrase)
        found = _context(certificates, key)
        if found is not None:
            return found
    # Another form, or a certificate of which somebody has to tell what is wrong.
    certificates = _pem(key_loader.load_certificates(merchant["cert"], "merchant.cert"))
    return _context(certificates, key_loader.load_private_key(merchant["key"], "merchant.key", passphrase))


def _load_pkcs12(archive: Any, passphrase: bytes | None) -> tuple[bytes, Any]:
    # It reads X.509, which takes long to import.
    from cryptography.hazmat.primitives.serialization import pkcs12

    data = archive if isinstance(archive, bytes) else _read_file(archive)
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(data, passphrase)
    except ValueError:
        key = certificate = None
        others = []
    del data, passphrase
    if key is None or certificate is None:
        raise ConfigError("merchant.pkcs12: no certificate and key there, or another passphrase", "merchant")
    return _pem([certificate, *others]), key


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def _read_file(path: Any) -> bytes:
    try:
        named = file_urls.path_of(path.strip()) if isinstance(path, str) else path
        return Path(named).expanduser().read_bytes()
    except (OSError, TypeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
    raise ConfigError(f"merchant.pkcs12: {str(path)[:80]!r} cannot be read ({reason})", "merchant")


def _context(certificates: bytes, key: Any) -> ssl.SSLContext | None:
    """The context with these; None where OpenSSL refuses them."""
    context = create_urllib3_context()
    # The ssl module loads keys from files alone: what lies on the disk for a moment is locked with a
    # passphrase that never leaves this process.
    secret = os.urandom(32).hex()
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(secret.encode()))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "merchant.pem")
        file.write_bytes(certificates + b"\n" + locked)
        try:
            context.load_cert_chain(file, password=secret)
        except ssl.SSLError:
            return None
    return context
