"""The authorities that a merchant names (``certs_ca``), and whether they vouch for a certificate.

Platform certificates are proven by the APIv3 key under which they came and by the answer that they sign; an issuer's
name proves nothing. Whoever wants more names the authorities themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from cryptography import x509

from wechatpay_chain.crypto import key_loader
from wechatpay_chain.errors import ConfigError

__all__ = ["Authorities", "CertPath", "is_issued"]

# A certificate, and those that vouch for it, each for the one before.
CertPath: TypeAlias = "tuple[x509.Certificate, ...]"
_LONGEST = 8


class Authorities:
    """Certificates of authorities, one of which has to stand at the end of a chain."""

    def __init__(self, certificates: Sequence[x509.Certificate]) -> None:
        self._certificates = tuple(certificates)

    @classmethod
    def of(cls, entry: object) -> Authorities:
        """Those of a ``certs_ca`` entry: a file or text of PEM with one or more, a certificate, or a list of these.

        Raises ConfigError for what holds none, and for a certificate that is no authority's.
        """
        found: list[x509.Certificate] = []
        for source in entry if isinstance(entry, list | tuple) else (entry,):
            found += key_loader.load_certificates(source, "certs_ca")
        if not found:
            raise ConfigError("certs_ca: no certificate; give the file of the authority's, or leave it out", "certs_ca")
        for each in found:
            if not _is_authority(each):
                serial = key_loader.serial_of(each)
                raise ConfigError(
                    f"certs_ca: the certificate {serial} is no authority's (basicConstraints)", "certs_ca"
                )
        return cls(found)

    def __repr__(self) -> str:
        return f"<Authorities {', '.join(map(key_loader.serial_of, self._certificates))}>"

    def objection(self, path: CertPath, now: float) -> str:
        """Why none of them vouches at ``now`` (seconds since 1970) for the first of ``path``; empty when one does.

        Between it and them stand the others of ``path`` alone, each valid and an authority's.
        """
        expired = ""
        waiting = [(path[0], path[1:])]
        for _ in range(_LONGEST * _LONGEST):
            if not waiting:
                break
            certificate, between = waiting.pop()
            for authority in self._certificates:
                if is_issued(certificate, authority):
                    if _is_valid(authority, now):
                        return ""
                    expired = key_loader.serial_of(authority)
            waiting += [
                (each, tuple(other for other in between if other is not each))
                for each in between[:_LONGEST]
                if is_issued(certificate, each) and _is_valid(each, now)
            ]
        if expired:
            return f"the authority {expired} of certs_ca is not valid now"
        return "issued by none of the authorities in certs_ca"


def is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether ``issuer`` is an authority's certificate, and its key has signed ``certificate``."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # InvalidSignature, UnsupportedAlgorithm and others that are bare Exceptions
        return False
    return _is_authority(issuer)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except Exception:  # ExtensionNotFound, and others that are bare Exceptions
        return False


def _is_valid(certificate: x509.Certificate, now: float) -> bool:
    return certificate.not_valid_before_utc.timestamp() <= now < certificate.not_valid_after_utc.timestamp()
