"""The authorities of a sandbox: each speaks for its own names alone, whoever the client is that trusts it."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.promises import PATIENCE
from wechatpay_chain import Sandbox
from wechatpay_chain.protocol.hosts import HOSTS
from wechatpay_chain.sandbox.certificate import Authority, Root

KEY = ec.generate_private_key(ec.SECP256R1())
OF_WECHAT_PAY = Root.of_wechat_pay().authority()
OF_PRIVATE_ADDRESSES = Root.of_private_addresses().authority()


def issued(authority: Authority, *names: str, common_name: str = "") -> bytes:
    """Key and certificates for any names, as a thief of the authority's key would make them."""
    signer = load_pem_private_key(authority.pem_with_key.encode(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    now = datetime.now(timezone.utc)
    subject = [x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = (
        x509.CertificateBuilder(authority.certificate.subject, x509.Name(subject), KEY.public_key(), 4711)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if names:
        told = [x509.DNSName(name) if name[-1].isalpha() else x509.IPAddress(ip_address(name)) for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(told), critical=not subject)
    made = builder.sign(signer, hashes.SHA256())
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + made.public_bytes(Encoding.PEM) + authority.certificate.public_bytes(Encoding.PEM)


def openssl(folder: Path, authority: Authority, leaf: bytes, host: str) -> str:
    """What ``openssl verify`` says of a certificate for a host: "OK", or the reason."""
    (folder / "ca.pem").write_text(authority.pem)
    (folder / "leaf.pem").write_bytes(leaf)
    asked = ("-verify_hostname", host) if host[-1].isalpha() else ("-verify_ip", host)
    command: tuple[str, ...] = (
        "openssl",
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        *asked,
        "-CAfile",
        "ca.pem",
    )
    command += ("-untrusted", "leaf.pem", "leaf.pem")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "OK" if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("host", sorted(HOSTS))
def test_the_proxys_authority_is_for_wechat_pays_hosts(tmp_path: Path, host: str) -> None:
    """Each of them, by the most careful check that openssl has."""
    assert openssl(tmp_path, OF_WECHAT_PAY, issued(OF_WECHAT_PAY, host), host) == "OK"


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "example.com", "pay.weixin.qq.com", "weixin.qq.com", "xapi.mch.weixin.qq.com"),
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "8.8.8.8", "::1", "2001:db8::1"),
    ],
)
def test_the_proxys_authority_certifies_nobody_else(tmp_path: Path, host: str) -> None:
    """No other name and no address at all, so a stolen key opens no other connection."""
    found = openssl(tmp_path, OF_WECHAT_PAY, issued(OF_WECHAT_PAY, host), host)
    assert "subtree violation" in found
    beside = openssl(tmp_path, OF_WECHAT_PAY, issued(OF_WECHAT_PAY, "api.mch.weixin.qq.com", host), host)
    assert "subtree violation" in beside


def test_the_roots_key_is_gone() -> None:
    """Java takes what a trusted certificate permits for no limit, so nobody may be able to sign with that one."""
    for authority in (OF_WECHAT_PAY, OF_PRIVATE_ADDRESSES):
        authority.root.verify_directly_issued_by(authority.root)
        authority.certificate.verify_directly_issued_by(authority.root)
        kept = load_pem_private_key(authority.pem_with_key.encode(), None).public_key()
        assert (kept == authority.certificate.public_key(), kept == authority.root.public_key()) == (True, False)
        assert authority.pem_with_key.count("PRIVATE KEY-----") == 2
        for certificate in (authority.certificate, authority.root):
            extension = certificate.extensions.get_extension_for_class(x509.NameConstraints)
            assert extension.critical


def test_a_common_name_is_no_way_round(tmp_path: Path) -> None:
    """Old clients read a host from the subject."""
    leaf = issued(OF_WECHAT_PAY, common_name="www.example.com")
    assert "subtree violation" in openssl(tmp_path, OF_WECHAT_PAY, leaf, "www.example.com")


@pytest.mark.parametrize(
    ("host", "is_certified"),
    [
        *(("localhost", True), ("127.0.0.1", True), ("::1", True), ("192.168.1.1", True)),
        *(("api.mch.weixin.qq.com", False), ("example.com", False), ("8.8.8.8", False), ("2001:db8::1", False)),
    ],
)
def test_the_servers_authority_is_for_private_addresses(tmp_path: Path, host: str, is_certified: bool) -> None:
    """It cannot speak for WeChat Pay, nor for any public address."""
    found = openssl(tmp_path, OF_PRIVATE_ADDRESSES, issued(OF_PRIVATE_ADDRESSES, host), host)
    assert (found == "OK") is is_certified
    assert is_certified or "subtree violation" in found


@pytest.mark.slow
@pytest.mark.parametrize("is_tls", [False, True])
@pytest.mark.parametrize("proxy", [None, 0])
def test_the_file_holds_what_is_needed_and_no_more(tmp_path: Path, is_tls: bool, proxy: int | None) -> None:
    """The authority of WeChat Pay's names for the proxy, that of private addresses for TLS; the latter never alone."""
    with Sandbox(directory=tmp_path, tls=is_tls, proxy=proxy) as gateway:
        identity = gateway.identity
        wanted = [identity.authority] if proxy is not None or not is_tls else []
        wanted += [identity.server_authority] if is_tls else []
        assert (tmp_path / "ca.pem").read_text() == "".join(each.pem for each in wanted)
        assert (tmp_path / "ca.pem").stat().st_mode & 0o777 == 0o600
    with Sandbox(directory=tmp_path) as again:
        assert again.identity.authority.pem == identity.authority.pem
        assert again.identity.server_authority.pem == identity.server_authority.pem
        assert (tmp_path / "ca.pem").read_text() == identity.authority.pem


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def impostor(folder: Path, leaf: bytes) -> Iterator[int]:
    """A server under a certificate that it should not have; its port."""
    (folder / "impostor.pem").write_bytes(leaf)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "impostor.pem")
    with HTTPServer(("127.0.0.1", 0), _Page) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


# Each prints the status of an answer, or fails with a word about the certificate.
PROGRAMS = {
    "python": (
        "client.py",
        "import sys, urllib.request, ssl\n"
        "context = ssl.create_default_context(cafile='ca.pem')\n"
        "print(urllib.request.urlopen(sys.argv[1], context=context).status)\n",
        ("python3", "client.py"),
    ),
    "node": (
        "client.mjs",
        "const answer = await fetch(process.argv[2]).catch((error) => { throw error.cause ?? error; });\n"
        "console.log(answer.status);\n",
        ("node", "client.mjs"),
    ),
    "curl": ("none", "", ("curl", "-sS", "--cacert", "ca.pem", "-o", "/dev/null", "-w", "%{http_code}")),
    "go": (
        "client.go",
        'package main\nimport ("fmt"; "net/http"; "os")\n'
        "func main() {\n  answer, err := http.Get(os.Args[1])\n"
        "  if err != nil { fmt.Println(err); os.Exit(1) }\n  fmt.Println(answer.StatusCode)\n}\n",
        ("go", "run", "client.go"),
    ),
    "java": (
        "Client.java",
        "import java.net.URI; import java.net.http.*;\n"
        "class Client { public static void main(String[] given) throws Exception {\n"
        "  var request = HttpRequest.newBuilder(URI.create(given[0])).build();\n"
        "  var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding());\n"
        "  System.out.println(answer.statusCode()); } }\n",
        ("java", "-Djavax.net.ssl.trustStore=trust.p12", "-Djavax.net.ssl.trustStorePassword=sandbox", "Client.java"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("language", PROGRAMS)
def test_clients_refuse_what_an_authority_must_not_certify(tmp_path: Path, language: str) -> None:
    """The same program accepts the sandbox's own server, and no server with a certificate of the proxy's authority."""
    name, text, command = PROGRAMS[language]
    assert shutil.which(command[0]), f"{command[0]} is not there"
    (tmp_path / name).write_text(text)

    def found(url: str, authority: Authority) -> tuple[bool, str]:
        (tmp_path / "ca.pem").write_text(authority.pem)
        trust = tmp_path / "trust.p12"
        trust.unlink(missing_ok=True)
        if language == "java":
            imported = ("-importcert", "-noprompt", "-alias", "sandbox", "-file", "ca.pem", "-keystore", "trust.p12")
            subprocess.run(
                ("keytool", *imported, "-storepass", "sandbox"), cwd=tmp_path, check=True, capture_output=True
            )
        files = {"NODE_EXTRA_CA_CERTS": "ca.pem", "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
        places = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path), "GOCACHE": str(tmp_path / "go")}
        done = subprocess.run(
            (*command, url),
            cwd=tmp_path,
            env={**files, **places},
            capture_output=True,
            text=True,
            check=False,
            timeout=4 * PATIENCE,
        )
        return done.returncode == 0, done.stdout + done.stderr

    with impostor(tmp_path, issued(OF_PRIVATE_ADDRESSES, "localhost", "127.0.0.1")) as port:
        for host in ("localhost", "127.0.0.1"):
            assert found(f"https://{host}:{port}/", OF_PRIVATE_ADDRESSES)[0]
    with impostor(tmp_path, issued(OF_WECHAT_PAY, "localhost", "127.0.0.1", common_name="localhost")) as port:
        for host in ("localhost", "127.0.0.1"):
            is_answered, told = found(f"https://{host}:{port}/", OF_WECHAT_PAY)
            assert not is_answered
            assert re.search("certificate|violation|CertPathValidator", told), told
