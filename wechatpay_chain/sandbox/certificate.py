"""The authority of one sandbox, and what it certifies: platform keys, the merchant, and the server's TLS."""

from __future__ import annotations

import contextlib
import secrets
import ssl
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from functools import cached_property
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from urllib3.util.ssl_ import create_urllib3_context

from wechatpay_chain.errors import ConfigError
from wechatpay_chain.protocol.hosts import HOSTS

__all__ = ["SERIAL_MARK", "Authority", "client_context", "new_serial"]

# The name on WeChat Pay's own: https://pay.weixin.qq.com/doc/v3/merchant/4012072597
ISSUER = "Tenpay.com Root CA"

# WeChat Pay's certificates are valid for five years.
_VALID = timedelta(days=5 * 365)
_AUTHORITY_VALID = timedelta(days=10 * 365)
# A client's clock may be behind.
_BEFORE = timedelta(days=1)
# Every serial that a sandbox gives begins with SANDBOX in ASCII, so that another sandbox knows it for what it is.
SERIAL_MARK = b"SANDBOX".hex().upper()


def new_serial() -> str:
    """The serial of a certificate: 40 upper-case hexadecimal digits, as WeChat Pay's are."""
    return SERIAL_MARK + secrets.token_hex(20 - len(SERIAL_MARK) // 2).upper()


class _Subject(NamedTuple):
    """What a certificate is for: whose key, under which name and serial, since when."""

    name: x509.Name
    key: RSAPublicKey | ec.EllipticCurvePublicKey
    serial: int
    since: datetime


class Authority:
    """A key that certifies, under the name of WeChat Pay's authority; clients of a TLS sandbox trust it."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self.certificate = certificate

    @classmethod
    def new(cls) -> Authority:
        """A new one."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            x509.CertificateBuilder(_name(ISSUER), _name(ISSUER), key.public_key(), int(new_serial(), 16))
            .not_valid_before(now - _BEFORE)
            .not_valid_after(now + _AUTHORITY_VALID)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(certifies=True), critical=True)
            .add_extension(identifier, critical=False)
            .add_extension(x509.NameConstraints(_permitted(), None), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @classmethod
    def from_pem(cls, text: str) -> Authority:
        """The one that ``pem_with_key`` wrote."""
        key = load_pem_private_key(text.encode("ascii"), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("authority: expected an elliptic curve key")
        return cls(key, x509.load_pem_x509_certificate(text.encode("ascii")))

    @property
    def pem(self) -> str:
        """The certificate that clients have to trust."""
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    @property
    def pem_with_key(self) -> str:
        """Private key and certificate, to be kept."""
        key = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key.decode("ascii") + self.pem

    def platform(self, key: RSAPublicKey, since: datetime | None = None) -> x509.Certificate:
        """A platform certificate, valid since yesterday or ``since``."""
        subject = _name("wechatpay_chain sandbox platform")
        return self._issue(_Subject(subject, key, int(new_serial(), 16), since or _yesterday()))

    def merchant(self, mchid: str, serial: str, key: RSAPublicKey) -> x509.Certificate:
        """The certificate of a merchant, which some calls of APIv2 show; ``serial`` in hexadecimal digits."""
        return self._issue(_Subject(_name(mchid), key, int(serial, 16), _yesterday()))

    def server_context(self, hosts: Iterable[str]) -> ssl.SSLContext:
        """TLS for a server that is called by one of ``hosts``, names or addresses.

        A client may show a certificate, which has to be one of this authority. Raises ConfigError for a host that the
        authority must not certify.
        """
        hosts = list(dict.fromkeys(hosts))
        foreign = next((host for host in hosts if not _is_permitted(host)), None)
        if foreign is not None:
            raise ConfigError(
                f"host: {foreign!r:.80} is not certified by a sandbox's authority, which is for WeChat Pay's names and"
                " private addresses; take an address of this machine, or pass tls= a context of your own",
                "host",
            )
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        subject = _Subject(_name("wechatpay_chain sandbox"), key.public_key(), int(new_serial(), 16), _yesterday())
        certificate = self._issue(subject, names, usage)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            # ssl takes files only.
            path = Path(folder, "server.pem")
            path.touch(0o600)
            private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
            context.load_cert_chain(path)
        context.load_verify_locations(cadata=self.pem)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _issue(self, subject: _Subject, *extensions: x509.ExtensionType) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder(self.certificate.subject, subject.name, subject.key, subject.serial)
            .not_valid_before(subject.since)
            .not_valid_after(min(subject.since + _VALID, self.certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(certifies=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject.key), critical=False)
            .add_extension(self._identifier, critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    @cached_property
    def _identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())


def client_context(merchant: Mapping[str, str]) -> ssl.SSLContext:
    """A context that shows the merchant's certificate, made once for all of a sandbox's own clients."""
    context = create_urllib3_context()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "merchant.pem")
        path.write_text(f"{merchant['cert']}\n{merchant['key']}", encoding="ascii")
        context.load_cert_chain(path)
    return context


def _yesterday() -> datetime:
    return datetime.now(timezone.utc) - _BEFORE


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ip_address(host))
    return x509.DNSName(host)


# An authority that a user trusts must not be able to speak for anybody else.
_NETWORKS = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/32",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/128",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
_NAMES = ("localhost", *sorted(HOSTS))


def _permitted() -> list[x509.GeneralName]:
    return [*map(x509.DNSName, _NAMES), *map(x509.IPAddress, _NETWORKS)]


def _is_permitted(host: str) -> bool:
    name = _general_name(host)
    if isinstance(name, x509.IPAddress):
        return any(name.value in network for network in _NETWORKS)
    return any(host == known or host.endswith(f".{known}") for known in _NAMES)


def _usage(certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not certifies,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certifies,
        crl_sign=certifies,
        encipher_only=False,
        decipher_only=False,
    )
