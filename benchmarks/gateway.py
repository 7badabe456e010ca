"""A sandbox in another process, so that what it costs is not counted."""

from __future__ import annotations

import contextlib
import multiprocessing
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from benchmarks.canned import Canned
from wechatpay_chain import Sandbox

__all__ = ["CERTIFICATE", "in_another_process"]

# The file, in the folder that was given, of the certificate that clients have to trust.
CERTIFICATE = "gateway.pem"
_KEY = "gateway.key"


@contextmanager
def in_another_process(tls: Path | None = None, canned: bool = False, delay: float = 0.0) -> Iterator[dict[str, Any]]:
    """The configuration of its merchant; ``tls`` is a folder for a certificate, and makes the gateway speak TLS.

    ``canned`` is for one that checks nothing and costs next to nothing, and answers after ``delay`` seconds.
    """
    if tls is not None:
        _certify(tls)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, tls, canned, delay), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.join()


def _serve(pipe: Connection, tls: Path | None, canned: bool, delay: float) -> None:
    if canned:
        pipe.send(Canned(delay).configuration())
        _wait(pipe)
        return
    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / CERTIFICATE, tls / _KEY)
    with Sandbox(tls=context or False) as gateway:
        pipe.send(gateway.configuration())
        _wait(pipe)


def _wait(pipe: Connection) -> None:
    """Return when the other side is closed."""
    with contextlib.suppress(EOFError):
        pipe.recv()


def _certify(folder: Path) -> None:
    """A key and a certificate for 127.0.0.1 that signs itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / CERTIFICATE).write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / _KEY).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
