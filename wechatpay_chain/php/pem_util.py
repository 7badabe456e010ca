"""``PemUtil`` of wechatpay-php: keys and certificates from files and strings."""

from __future__ import annotations

from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.crypto import key_loader
from wechatpay_chain.encoding import file_urls
from wechatpay_chain.errors import ConfigError
from wechatpay_chain.php.helper import raise_helper_errors

__all__ = ["PemUtil"]


class PemUtil:
    """Loads keys and certificates; a ConfigError, in PHP an UnexpectedValueException, for what cannot be read."""

    @staticmethod
    @raise_helper_errors
    def loadPrivateKey(filepath: str) -> RSAPrivateKey:
        """The private key in a file, by its path or ``file://`` URL."""
        return key_loader.load_private_key(filepath, "filepath")

    @staticmethod
    @raise_helper_errors
    def loadPrivateKeyFromString(content: Any) -> RSAPrivateKey:
        """The private key in PEM text."""
        return key_loader.load_private_key(content, "content")

    @staticmethod
    @raise_helper_errors
    def loadCertificate(filepath: str) -> x509.Certificate | Literal[False]:
        """The certificate in a file; False when the file holds something else."""
        return key_loader.load_certificate(filepath, "filepath") or False

    @staticmethod
    @raise_helper_errors
    def loadCertificateFromString(content: Any) -> x509.Certificate | Literal[False]:
        """The certificate in PEM text, or in a ``file://`` URL; False when there is none."""
        return _certificate(content) or False

    @staticmethod
    @raise_helper_errors
    def parseCertificateSerialNo(certificate: Any) -> str:
        """The serial of a certificate, or of one in PEM text or in a ``file://`` URL, in upper-case hex."""
        found = _certificate(certificate)
        if found is None:
            raise ConfigError("certificate: expected an X.509 certificate, found something else", "certificate")
        return key_loader.serial_of(found)


def _certificate(thing: Any) -> x509.Certificate | None:
    # Text that is neither PEM nor a URL is not taken for a path.
    if isinstance(thing, str) and not file_urls.is_file_url(thing):
        thing = thing.encode("utf-8", "replace")
    return key_loader.load_certificate(thing, "certificate")
