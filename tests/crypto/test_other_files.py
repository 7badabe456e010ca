"""What people give in place of a key: encrypted keys, archives, and files that an editor saved in its own way."""

from __future__ import annotations

import base64
import io
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.authority import certificate
from wechatpay_chain import Builder, Sandbox, Wechatpay, errors
from wechatpay_chain.crypto.key_loader import load_private_key
from wechatpay_chain.php import PemUtil, Rsa

PASSPHRASE = "pass密码 "
KEY = generate_private_key(65537, 2048)
OTHER = generate_private_key(65537, 2048)
SMALL = generate_private_key(65537, 1024)
CERTIFICATE = certificate(KEY)


def openssl(*arguments: str, given: bytes) -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


def pem(key: RSAPrivateKey = KEY) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def encrypted(form: str = "PEM", *options: str) -> bytes:
    options = options or ("-v2", "aes-256-cbc")
    return openssl("pkcs8", "-topk8", *options, "-outform", form, "-passout", f"pass:{PASSPHRASE}", given=pem())


def archive() -> bytes:
    whole = pem() + CERTIFICATE.public_bytes(Encoding.PEM)
    return openssl("pkcs12", "-export", "-passout", "pass:1900000001", given=whole)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("apiclient_key.pem", pem())
    return file.getvalue()


# What is given, and what is said of it.
NEEDS = "needs its password"
WRONG: dict[str, tuple[Callable[[], bytes], str]] = {
    "encrypted PKCS#8": (encrypted, NEEDS),
    "encrypted PKCS#8 in DER": (lambda: encrypted("DER"), NEEDS),
    "encrypted in the old way": (lambda: encrypted("DER", "-v1", "PBE-SHA1-3DES"), NEEDS),
    "encrypted PKCS#1": (
        lambda: openssl("rsa", "-traditional", "-aes256", "-passout", f"pass:{PASSPHRASE}", given=pem()),
        NEEDS,
    ),
    "PKCS#12": (archive, "PKCS#12 archive"),
    "PKCS#12 in base64": (lambda: base64.encodebytes(archive()), "PKCS#12 archive"),
    "UTF-16": (lambda: pem().decode().encode("utf-16"), "UTF-16"),
    "UTF-16 big-endian": (lambda: b"\xfe\xff" + pem().decode().encode("utf-16-be"), "UTF-16"),
    "UTF-16 without a mark": (lambda: pem().decode().encode("utf-16-le"), "UTF-16"),
    "UTF-16 big-endian without a mark": (lambda: pem().decode().encode("utf-16-be"), "UTF-16"),
    "base64 in UTF-16": (lambda: "".join(pem().decode().splitlines()[1:-1]).encode("utf-16"), "UTF-16"),
    "OpenSSH": (lambda: KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), "ssh-keygen -p"),
    "SSH public": (lambda: KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH), "public key of SSH"),
    "PEM in base64": (lambda: base64.encodebytes(pem()), "PEM text in base64; decode it once"),
    "zip": (zipped, "zip archive"),
    "HTML": (lambda: b"\n<!DOCTYPE html><html></html>", "XML, HTML or JSON"),
    "JSON": (lambda: b'\xef\xbb\xbf{"code": "SIGN_ERROR"}', "XML, HTML or JSON"),
    "a certificate": (lambda: CERTIFICATE.public_bytes(Encoding.PEM), "apiclient_key.pem"),
    "a public key": (
        lambda: KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "apiclient_key.pem",
    ),
    "1024 bits": (lambda: pem(SMALL), "found one of 1024"),
}
PRIVATE: dict[str, Callable[[Any], object]] = {
    "private_key": lambda given: Wechatpay(mchid="1900000001", serial="AB", private_key=given),
    "merchant.key": lambda given: Wechatpay(
        mchid="1900000001", merchant={"cert": CERTIFICATE.public_bytes(Encoding.PEM), "key": given}
    ),
    "Rsa::from": Rsa.from_,
    "privateKey": lambda given: Builder.factory(
        {"mchid": "1900000001", "serial": "AB", "privateKey": given, "certs": {"PUB_KEY_ID_1": OTHER.public_key()}}
    ),
}


@pytest.mark.parametrize("entry", PRIVATE)
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_private_key_is_told(tmp_path: Path, entry: str, kind: str) -> None:
    """As bytes and in a file, which is named; one line, and no part of it is shown."""
    make, words = WRONG[kind]
    data = make()
    path = tmp_path / "given.pem"
    path.write_bytes(data)
    for given in (data, path, str(path), path.as_uri()):
        with pytest.raises(errors.ConfigError, match=words) as caught:
            PRIVATE[entry](given)
        told = str(caught.value)
        assert "\n" not in told
        assert given is data or "given.pem" in told
        if words == NEEDS:
            assert "(key, passphrase)" in told
        assert not [at for at in range(0, len(data) - 24, 24) if data[at : at + 24].decode("latin-1") in told]


PUBLIC: dict[str, Callable[[Any], object]] = {
    "certs": lambda given: Wechatpay(mchid="1900000001", certs={"PUB_KEY_ID_1": given}),
    "public_key": lambda given: Wechatpay(mchid="1900000001", public_key_id="PUB_KEY_ID_1", public_key=given),
    "Rsa::from": lambda given: Rsa.from_(given, "public"),
    "merchant.cert": lambda given: Wechatpay(mchid="1900000001", merchant={"cert": given, "key": KEY}),
}


@pytest.mark.parametrize("entry", PUBLIC)
@pytest.mark.parametrize("kind", [kind for kind, (_, words) in WRONG.items() if "apiclient_key" not in words])
def test_what_is_no_public_key_is_told(tmp_path: Path, entry: str, kind: str) -> None:
    """A password is asked for a private key alone."""
    make, words = WRONG[kind]
    path = tmp_path / "given.pem"
    path.write_bytes(make())
    if kind == "1024 bits":
        small = SMALL.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        path.write_bytes(small if entry != "merchant.cert" else pem(SMALL))
    expected = "PRIVATE KEY" if "PRIVATE" in words or (kind == "1024 bits" and entry == "merchant.cert") else words
    with pytest.raises(errors.ConfigError, match=expected) as caught:
        PUBLIC[entry](path)
    assert "(key, passphrase)" not in str(caught.value)
    assert "given.pem" in str(caught.value)


def test_small_keys_are_refused_in_every_form(tmp_path: Path) -> None:
    """Key objects and certificates too, since WeChat Pay refuses what they sign after the call has left."""
    small = certificate(SMALL)
    calls: list[Callable[[], object]] = [
        lambda: PRIVATE["private_key"](SMALL),
        lambda: PUBLIC["certs"](SMALL.public_key()),
        lambda: Wechatpay(mchid="1900000001", certs={f"{small.serial_number:040X}": small}),
    ]
    for refused in calls:
        with pytest.raises(errors.ConfigError, match="expected an RSA key of 2048 bits, found one of 1024"):
            refused()
    assert (
        generate_private_key(65537, 3072).key_size
        == PemUtil.loadPrivateKeyFromString(pem(generate_private_key(65537, 3072))).key_size
    )


@pytest.mark.parametrize(("passphrase", "pair"), [(PASSPHRASE, tuple), (PASSPHRASE.encode(), list)])
@pytest.mark.parametrize("form", ["PEM", "DER"])
@pytest.mark.parametrize("entry", PRIVATE)
def test_a_key_comes_with_its_passphrase(
    tmp_path: Path, passphrase: str | bytes, form: str, pair: Any, entry: str
) -> None:
    """As a pair, in each entry that takes a private key, in both faces; in a file as well."""
    path = tmp_path / "key.pem"
    path.write_bytes(encrypted(form))
    for given in (path.read_bytes(), str(path), path.as_uri()):
        assert PRIVATE[entry](pair((given, passphrase)))
    with pytest.raises(errors.ConfigError, match="that this password does not open") as caught:
        PRIVATE[entry](pair((str(path), "another")))
    assert "another" not in str(caught.value)


@pytest.mark.parametrize("entry", PRIVATE)
@pytest.mark.parametrize("passphrase", [1900000001, 5.0, True, ["x"], object()])
def test_a_passphrase_is_text(tmp_path: Path, entry: str, passphrase: Any) -> None:
    """A number may have lost its zeros: it is refused by its type, and never shown."""
    told = f"expected the passphrase as text, found {type(passphrase).__name__}"
    with pytest.raises(errors.ConfigError, match=told) as caught:
        PRIVATE[entry]((encrypted(), passphrase))
    assert "1900000001" not in str(caught.value)


@pytest.mark.parametrize("name", ["pkcs12", "pfx"])
def test_the_passphrase_of_an_archive_is_text(tmp_path: Path, name: str) -> None:
    """It is the merchant's number, which invites to write one; the archive opens by path, URL and bytes."""
    path = tmp_path / "apiclient_cert.p12"
    path.write_bytes(archive())
    for given in (path, str(path), f"{path}\r", path.as_uri(), archive()):
        assert Wechatpay(mchid="1900000001", merchant={name: given, "passphrase": "1900000001\r"})
    with pytest.raises(errors.ConfigError, match=r"^merchant.passphrase: expected the passphrase as text, found int"):
        Wechatpay(mchid="1900000001", merchant={name: path, "passphrase": 1900000001})


def test_a_certificate_in_der_goes_with_its_key() -> None:
    """As the console of a bank may hand it out."""
    assert Wechatpay(mchid="1900000001", merchant={"cert": CERTIFICATE.public_bytes(Encoding.DER), "key": KEY})


def test_a_client_with_an_encrypted_key_signs(gateway: Sandbox, tmp_path: Path) -> None:
    """The pair is a secret: the client that was made with it is not pickled."""
    secret = "hush-hush-hush"
    own = gateway.identity.merchant_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "key.pem"
    path.write_bytes(openssl("pkcs8", "-topk8", "-passout", f"pass:{secret}", given=own))
    with gateway.client(private_key=(str(path), secret)) as wxpay:
        assert wxpay.v3.certificates.get().verified
        with pytest.raises(TypeError, match="is not pickled, since private_key,"):
            wxpay.__reduce_ex__(2)
        assert secret not in repr(vars(wxpay))


def test_a_profile_names_an_encrypted_key(gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a list of two, its path from the profile's folder; the file may begin with a byte order mark."""
    own = gateway.identity.merchant_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(openssl("pkcs8", "-topk8", "-passout", "pass:hush", given=own))
    table = f'[shop]\r\nmchid = "{gateway.mchid}"\r\nserial = "{gateway.configuration()["serial"]}"\r\n'
    table += 'private_key = ["key.pem", "hush"]\r\n'
    (tmp_path / "profiles.toml").write_bytes(b"\xef\xbb\xbf" + table.encode())
    monkeypatch.setenv("WECHATPAY_PROFILES", f"{tmp_path}/profiles.toml\r")
    certs = {gateway.identity.public_key_id: gateway.identity.public_key.public_key()}
    with Wechatpay.from_profile("shop", certs=certs, base_url=gateway.base_url) as wxpay:
        assert wxpay.v3.certificates.get().verified


@pytest.mark.parametrize("breaks", ["\\n", "\\\\n", "\\r\\n", "\\\\r\\\\n", "\\r"])
def test_line_breaks_may_be_escaped_more_than_once(breaks: str) -> None:
    """JSON in a variable, or in JSON."""
    assert (
        load_private_key(pem().decode().replace("\n", breaks), "private_key").private_numbers() == KEY.private_numbers()
    )


def test_a_private_key_is_no_key_of_wechat_pay() -> None:
    with pytest.raises(errors.ConfigError, match=r"PRIVATE KEY', which is not public; WeChat Pay's key is in pub_key"):
        PUBLIC["certs"](pem())


@pytest.mark.parametrize("secret", ["1" * 31 + "\u200b", "1" * 31 + "\n1", "１" * 32, "1" * 32 + "\0"])
def test_a_secret_with_a_character_that_is_not_seen_is_refused(secret: str) -> None:
    """It would only be told as a signature that does not fit."""
    with pytest.raises(errors.ConfigError, match=r"^secret: a character is in it that no APIv2 key has") as caught:
        Wechatpay(mchid="1900000001", secret=secret)
    assert secret.strip() not in str(caught.value)
