"""The authorities of one sandbox: for WeChat Pay's names with both sides' keys, and for its own address.

A user trusts them, so each may speak for its own names alone (RFC 5280, section 4.2.1.10). Java does not ask what the
certificate that it trusts permits, only what those below it do. So a root is trusted whose key exists for a moment: it
certifies the first keys, and the one authority whose key is kept.
"""

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

__all__ = ["SERIAL_MARK", "Authority", "Issuer", "Root", "client_context", "new_serial"]

# The name on WeChat Pay's own: https://pay.weixin.qq.com/doc/v3/merchant/4012072597
ISSUER = "Tenpay.com Root CA"
_SANDBOX = "wechatpay_chain sandbox"

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


class Issuer:
    """A key that certifies, and its own certificate, which says for which names."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self.certificate = certificate

    def platform(self, key: RSAPublicKey, since: datetime | None = None) -> x509.Certificate:
        """A platform certificate, valid since yesterday or ``since``."""
        subject = _name(f"{_SANDBOX} platform")
        return self._issue(_Subject(subject, key, int(new_serial(), 16), since or _yesterday()))

    def merchant(self, mchid: str, serial: str, key: RSAPublicKey) -> x509.Certificate:
        """The certificate of a merchant, which some calls of APIv2 show; ``serial`` in hexadecimal digits."""
        return self._issue(_Subject(_name(mchid), key, int(serial, 16), _yesterday()))

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


class Root(Issuer):
    """What clients trust; an object of the moment, since nobody may keep its key."""

    @classmethod
    def of_wechat_pay(cls) -> Root:
        """A new one under the name of WeChat Pay's, for WeChat Pay's hosts and no other name or address."""
        names = [x509.DNSName(host) for host in sorted(HOSTS)]
        # Without this any address would be permitted: names of a kind that no constraint speaks of are free.
        return cls._new(ISSUER, x509.NameConstraints(names, [x509.IPAddress(ip_network(net)) for net in _ALL]))

    @classmethod
    def of_private_addresses(cls) -> Root:
        """A new one for ``localhost`` and private addresses, where a sandbox itself listens with TLS."""
        permitted = [x509.DNSName("localhost"), *(x509.IPAddress(network) for network in _NETWORKS)]
        return cls._new(f"{_SANDBOX} root", x509.NameConstraints(permitted, None))

    @classmethod
    def _new(cls, name: str, constraints: x509.NameConstraints) -> Root:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _authority_of(_name(name), _name(name), key, 1).add_extension(constraints, critical=True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    def authority(self) -> Authority:
        """A new authority for the same names, which certifies in its place."""
        key, subject = ec.generate_private_key(ec.SECP256R1()), _name(f"{_SANDBOX} authority")
        builder = _authority_of(self.certificate.subject, subject, key, 0)
        constraints = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        builder = builder.add_extension(constraints, critical=True).add_extension(self._identifier, critical=False)
        return Authority(key, builder.sign(self._key, hashes.SHA256()), self.certificate)


class Authority(Issuer):
    """A key that is kept; ``root`` is what clients trust."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, root: x509.Certificate) -> None:
        super().__init__(key, certificate)
        self.root = root

    @classmethod
    def from_pem(cls, text: str) -> Authority:
        """The one that ``pem_with_key`` wrote."""
        key = load_pem_private_key(text.encode("ascii"), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("authority: expected an elliptic curve key")
        return cls(key, *x509.load_pem_x509_certificates(text.encode("ascii")))

    @property
    def pem(self) -> str:
        """The certificate that clients have to trust."""
        return self.root.public_bytes(Encoding.PEM).decode("ascii")

    @property
    def chain(self) -> str:
        """Its own certificate and the root's."""
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii") + self.pem

    @property
    def pem_with_key(self) -> str:
        """Private key and certificates, to be kept."""
        key = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key.decode("ascii") + self.chain

    def server_context(self, hosts: Iterable[str], clients: Authority) -> ssl.SSLContext:
        """TLS for a server that is called by one of ``hosts``, names or addresses.

        A client may show a certificate, which has to be one of ``clients``. Raises ConfigError for a host that this
        authority must not certify.
        """
        hosts = list(dict.fromkeys(hosts))
        foreign = next((host for host in hosts if not self._permits(host)), None)
        if foreign is not None:
            raise ConfigError(
                f"host: {foreign!r:.80} is not certified by a sandbox's authority, which is for localhost and private"
                " addresses; take an address of this machine, or pass tls= a context of your own",
                "host",
            )
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        subject = _Subject(_name(_SANDBOX), key.public_key(), int(new_serial(), 16), _yesterday())
        certificate = self._issue(subject, names, usage)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            # ssl takes files only.
            path = Path(folder, "server.pem")
            path.touch(0o600)
            private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            own = self.certificate.public_bytes(Encoding.PEM)
            path.write_bytes(private + certificate.public_bytes(Encoding.PEM) + own)
            context.load_cert_chain(path)
        context.load_verify_locations(cadata=clients.chain)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _permits(self, host: str) -> bool:
        found = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        permitted, name = found.permitted_subtrees or [], _general_name(host)
        if isinstance(name, x509.IPAddress):
            networks = [ip_network(str(each.value)) for each in permitted if isinstance(each, x509.IPAddress)]
            return any(ip_address(str(name.value)) in network for network in networks)
        names = [each.value for each in permitted if isinstance(each, x509.DNSName)]
        return any(host == known or host.endswith(f".{known}") for known in names)


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


def _authority_of(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePrivateKey, path_length: int
) -> x509.CertificateBuilder:
    now, public = datetime.now(timezone.utc), key.public_key()
    return (
        x509.CertificateBuilder(issuer, subject, public, int(new_serial(), 16))
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _AUTHORITY_VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(certifies=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _general_name(host: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ip_address(host))
    return x509.DNSName(host)


_ALL = ("0.0.0.0/0", "::/0")
# Where a sandbox may listen: this machine, and networks that nobody routes.
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
