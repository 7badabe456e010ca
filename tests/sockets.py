"""Servers that behave badly, and certificates for them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.answers import another_key
from wechatpay_chain.sandbox.identity import private_pem

Behaviour = Callable[[socket.socket], None]


@contextmanager
def raw_server(behave: Behaviour) -> Iterator[tuple[str, list[int]]]:
    """A server that does with each connection what ``behave`` does; its URL and a list that grows with each."""
    accepted: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                accepted.append(1)
                with connection, contextlib.suppress(OSError):
                    behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", accepted
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def closed_port() -> str:
    """The URL of a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def request_of(connection: socket.socket) -> bytes:
    """One request, read to the end of its body; what there was of it when the connection ended before."""
    data, wanted = b"", -1
    while wanted < 0 or len(data) < wanted:
        more = connection.recv(65536)
        if not more:
            break
        data += more
        head, end, _ = data.partition(b"\r\n\r\n")
        if end and wanted < 0:
            lengths = (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            wanted = len(head) + len(end) + next(lengths, 0)
    return data


def reset(connection: socket.socket) -> None:
    """Close with RST in place of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def until_hung_up(connection: socket.socket) -> None:
    """Wait for the other side to close."""
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it holds within five seconds; the other side of a socket sees its end a moment later."""
    end = time.monotonic() + 5
    while not holds() and time.monotonic() < end:
        threading.Event().wait(0.005)
    return holds()


def server_context(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """TLS for 127.0.0.1, and the file of the certificate that a client has to trust."""
    key, now = another_key(), datetime.now(timezone.utc)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("a.example")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "server.key").write_text(private_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, folder / "server.key")
    return context, path
