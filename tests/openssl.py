"""Signatures and ciphertexts checked by the openssl command, which is not our code."""

from __future__ import annotations

import base64
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wechatpay_chain.sandbox.answer import Received

PAIR = re.compile(r'(mchid|nonce_str|timestamp|serial_no|signature)="([^"]+)"')


def verified(message: bytes, signature: str, public_key: RSAPublicKey) -> bool:
    """Whether ``openssl dgst -sha256 -verify`` says that the signature holds."""
    with tempfile.TemporaryDirectory() as folder:
        key, sig = Path(folder, "key.pem"), Path(folder, "signature")
        key.write_bytes(public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        sig.write_bytes(base64.b64decode(signature))
        command = ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(sig)]
        done = subprocess.run(command, input=message, capture_output=True, check=False)
    assert done.stdout in (b"Verified OK\n", b"Verification failure\n", b"Verification Failure\n"), done
    return done.returncode == 0


def authorization_fields(headers: Mapping[str, str]) -> dict[str, str]:
    """The five fields of an Authorization header."""
    scheme, _, pairs = headers["Authorization"].partition(" ")
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    fields = dict(PAIR.findall(pairs))
    assert len(fields) == 5
    assert pairs.count(",") == 4
    return fields


def rightly_signed(received: Received, public_key: RSAPublicKey) -> bool:
    """Whether the bytes that a server received are those that the client signed."""
    fields = authorization_fields(received.headers)
    message = "\n".join((received.method, received.target, fields["timestamp"], fields["nonce_str"], ""))
    return verified(message.encode() + received.body + b"\n", fields["signature"], public_key)


def described(certificate: Path) -> dict[str, str]:
    """What ``openssl x509`` reads in a PEM file: serial, notBefore, notAfter, and its public key as PEM."""
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-serial", "-dates", "-pubkey"]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    head, mark, key = said.partition("-----BEGIN ")
    return {**dict(line.split("=", 1) for line in head.splitlines()), "pubkey": mark + key}
