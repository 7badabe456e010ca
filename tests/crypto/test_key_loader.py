"""Keys in every form that openssl writes and that users paste, and what is said of everything else."""

from __future__ import annotations

import base64
import math
import os
import re
import subprocess
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain.crypto import key_loader
from wechatpay_chain.errors import ConfigError

SERIAL, PASSWORD = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", "pass密码"
CERTIFY = f"req -x509 -days 3 -subj /CN=wechatpay -set_serial 0x{SERIAL} -key"
SECRET = ("pkcs1", "pkcs8")


class Made(NamedTuple):
    """A key, its forms as PEM text by name, and the folder where each is a file, in PEM and in DER."""

    key: rsa.RSAPrivateKey
    text: dict[str, str]
    folder: Path

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def bare(self, name: str) -> str:
        """The base64 between the first and the last line, on one line."""
        return "".join(self.text[name].splitlines()[1:-1])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """New keys in every form that the openssl command writes, in a folder whose name needs percent-encoding."""
    folder = tmp_path_factory.mktemp("my keys 密#")
    key, ec_key = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    pkcs8 = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "rsa").write_bytes(key.private_bytes(*pkcs8))
    (folder / "ec").write_bytes(ec_key.private_bytes(*pkcs8))
    commands = {
        "pkcs1": "rsa -traditional -in rsa",
        "pkcs8": "pkcs8 -topk8 -nocrypt -in rsa",
        "locked_pkcs1": f"rsa -traditional -aes256 -passout pass:{PASSWORD} -in rsa",
        "locked_pkcs8": f"pkcs8 -topk8 -v2 aes-256-cbc -passout pass:{PASSWORD} -in rsa",
        "public": "rsa -RSAPublicKey_out -in rsa",
        "spki": "rsa -pubout -in rsa",
        "certificate": f"{CERTIFY} rsa",
        "ec": "ec -in ec",
        "ec_public": "ec -pubout -in ec",
        "ec_certificate": f"{CERTIFY} ec",
    }
    texts = {}
    for name, command in commands.items():
        done = subprocess.run(["openssl", *command.split()], cwd=folder, capture_output=True, text=True, check=True)
        texts[name] = done.stdout
        (folder / f"{name}.pem").write_text(done.stdout)
    (folder / "empty.pem").write_text(" \r\n")
    return Made(key, texts, folder)


FORMS: dict[str, Callable[[Made, str], Any]] = {
    "path": lambda made, name: made.path(f"{name}.pem"),
    "path in blanks": lambda made, name: f" {made.path(name)}.pem\n",
    "Path": lambda made, name: made.folder / f"{name}.pem",
    "file URL, percent-encoded": lambda made, name: (made.folder / f"{name}.pem").as_uri(),
    "text": lambda made, name: made.text[name],
    "text in blanks": lambda made, name: f"\n\t {made.text[name]} \n\n",
    "text after a byte order mark": lambda made, name: f"\ufeff{made.text[name]}",
    "CRLF text": lambda made, name: made.text[name].replace("\n", "\r\n"),
    "text with escaped line ends": lambda made, name: made.text[name].replace("\n", "\\n"),
    "bytes": lambda made, name: made.text[name].encode(),
    "CRLF bytes": lambda made, name: made.text[name].replace("\n", "\r\n").encode(),
    "base64": lambda made, name: made.bare(name),
    "base64 in lines": lambda made, name: "\r\n".join(made.text[name].splitlines()[1:-1]) + "\n",
    "base64 as bytes": lambda made, name: made.bare(name).encode(),
    "DER": lambda made, name: base64.b64decode(made.bare(name)),
}
PREFIXES = {"pkcs1": "private.pkcs1", "pkcs8": "private.pkcs8", "public": "public.pkcs1", "spki": "public.spki"}


def is_taken(made: Made, name: str, source: Any) -> bool:
    """Whether ``source`` gives the key of ``made``: the private one or its public half, as ``name`` tells."""
    if name in SECRET:
        return key_loader.load_private_key(source, "f").private_numbers() == made.key.private_numbers()
    return key_loader.load_public_key(source, "f").public_numbers() == made.key.public_key().public_numbers()


@pytest.mark.parametrize("name", ["pkcs1", "pkcs8", "public", "spki", "certificate"])
@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_taken_in_every_form(form: str, name: str, made: Made, tmp_path: Path) -> None:
    """In every format, whatever holds it; and so is a file with what may be given as bytes."""
    source = FORMS[form](made, name)
    assert is_taken(made, name, source)
    if isinstance(source, bytes):
        (tmp_path / "key").write_bytes(source)
        assert is_taken(made, name, tmp_path / "key")


def test_a_key_is_taken_as_php_writes_it(made: Made) -> None:
    """Bare base64 behind the prefix that tells its format; and the objects of cryptography as they are."""
    for name, prefix in PREFIXES.items():
        assert is_taken(made, name, f"{prefix}://{made.bare(name)}")
        assert is_taken(made, name, f"\n {prefix}://{made.bare(name)}\n")
    certificate = x509.load_pem_x509_certificate(made.text["certificate"].encode())
    assert key_loader.load_public_key(certificate, "f") == made.key.public_key()
    assert key_loader.load_public_key(made.key.public_key(), "f") == made.key.public_key()
    assert key_loader.load_private_key(made.key, "f") is made.key


def test_a_path_may_begin_with_the_home_directory(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """~ is taken as a shell takes it."""
    monkeypatch.setenv("HOME", str(made.folder))
    assert is_taken(made, "pkcs8", "~/pkcs8.pem")


@pytest.mark.parametrize("name", ["locked_pkcs1", "locked_pkcs8"])
@pytest.mark.parametrize("password", [PASSWORD, PASSWORD.encode()])
def test_a_password_opens_an_encrypted_key(name: str, password: str | bytes, made: Made) -> None:
    """As text or bytes, for a file and for text, in both formats."""
    for source in (made.folder / f"{name}.pem", made.text[name]):
        assert key_loader.load_private_key(source, "f", password).private_numbers() == made.key.private_numbers()


def test_a_serial_is_written_as_openssl_writes_it(made: Made) -> None:
    """Upper-case hex, of a certificate in any form; what holds none gives None, and a lost file is an error."""
    for source in (made.text["certificate"], made.path("certificate.pem"), made.bare("certificate")):
        certificate = key_loader.load_certificate(source, "f")
        assert certificate is not None
        assert key_loader.serial_of(certificate) == SERIAL
        assert key_loader.load_certificate(certificate, "f") is certificate
    for other in (made.text["spki"], made.path("pkcs8.pem"), made.bare("public"), made.key.public_key(), b"none"):
        assert key_loader.load_certificate(other, "f") is None
    with pytest.raises(ConfigError, match=r"^certs: neither a key nor a readable file: '/lost\.pem' \(No such file"):
        key_loader.load_certificate("/lost.pem", "certs")


def told(error: BaseException) -> str:
    """All that a log of ``error`` could show of this package: messages and the values in its frames."""
    seen = traceback.TracebackException.from_exception(error, capture_locals=True)
    values = [frame.locals or {} for frame in seen.stack if "wechatpay_chain" in frame.filename]
    assert values
    return "\n".join([str(error), repr(error.__context__), *(text for each in values for text in each.values())])


def shown(made: Made, text: str) -> list[str]:
    """The parts of any secret key that ``text`` shows, as base64 or as the repr of its bytes."""
    bodies = [made.bare(name) for name in SECRET]
    raw = [base64.b64decode(body) for body in bodies]
    parts = [body[at : at + 16] for body in bodies for at in range(64, len(body) - 16)]
    parts += [repr(body[at : at + 8])[2:-1] for body in raw for at in range(64, len(body) - 8)]
    return [part for part in parts if part in text]


def private(source: Any, password: str | None = None) -> Any:
    return key_loader.load_private_key(source, "private_key", password)


def public(source: Any) -> Any:
    return key_loader.load_public_key(source, "certs[2]")


A_PUBLIC_ONE = "expected an RSA public key or a certificate"
WANTED = {private: ("private_key", "expected an RSA private key"), public: ("certs[2]", A_PUBLIC_ONE)}
LOST, TYPE = "neither a key nor a readable file: ", "expected a path, PEM text or a key object, found "
# Who loads what, and the words behind the field; @ is what was wanted, {} is the folder.
REFUSED: dict[str, tuple[Callable[..., Any], Callable[[Made], Any], str]] = {
    "lost file": (private, lambda made: made.path("no.pem"), LOST + "'{}/no.pem' (No such file"),
    "lost Path": (public, lambda made: made.folder / "no", LOST + "'{}/no' (No such file"),
    "lost file URL": (public, lambda made: (made.folder / "no").as_uri(), LOST + "'{}/no' (No such file"),
    "folder": (private, lambda made: made.folder, LOST + "'{}' (Is a directory)"),
    "NUL": (private, lambda made: "a\0b", LOST),
    "no text": (private, lambda made: "", "empty"),
    "blanks": (public, lambda made: " \n", "empty"),
    "no bytes": (private, lambda made: b"", "@, found nothing"),
    "empty file": (private, lambda made: made.path("empty.pem"), "@ in '{}/empty.pem', found nothing"),
    "empty Path": (public, lambda made: made.folder / "empty.pem", "@ in '{}/empty.pem', found nothing"),
    "garbage": (public, lambda made: b"\xff\0garbage", "@, found 9 bytes that are none"),
    "None": (private, lambda made: None, TYPE + "NoneType"),
    "int": (public, lambda made: 5, TYPE + "int"),
    "list": (private, lambda made: [], TYPE + "list"),
    "public object": (private, lambda made: made.key.public_key(), TYPE + "RSAPublicKey"),
    "private object": (public, lambda made: made.key, TYPE + "RSAPrivateKey"),
    "public file": (private, lambda made: made.path("spki.pem"), "@ in '{}/spki.pem', found PEM text 'PUBLIC KEY'"),
    "public text": (private, lambda made: made.text["public"], "@, found PEM text 'RSA PUBLIC KEY'"),
    "certificate": (private, lambda made: made.text["certificate"], "@, found PEM text 'CERTIFICATE'"),
    "private file": (public, lambda made: made.path("pkcs8.pem"), "@ in '{}/pkcs8.pem', found PEM text 'PRIVATE KEY'"),
    "private text": (public, lambda made: made.text["pkcs1"], "@, found PEM text 'RSA PRIVATE KEY'"),
    "private base64": (public, lambda made: made.bare("pkcs8"), "@, found "),
    "private DER": (public, lambda made: base64.b64decode(made.bare("pkcs8")), "@, found "),
    "EC": (private, lambda made: made.path("ec.pem"), "@ in '{}/ec.pem', found "),
    "EC public": (public, lambda made: made.path("ec_public.pem"), "@ in '{}/ec_public.pem', found "),
    "EC certificate": (public, lambda made: made.text["ec_certificate"], "expected an RSA certificate, found one with"),
    "locked": (private, lambda made: made.text["locked_pkcs1"], "@, found PEM text 'RSA PRIVATE KEY' that needs"),
    "locked file": (private, lambda made: made.path("locked_pkcs8.pem"), "@ in '{}/locked_pkcs8.pem', found PEM text"),
    "unknown algorithm": (public, lambda made: bytes.fromhex("300a300406022a0303020000"), "@, found 12 bytes"),
    "cut PEM": (private, lambda made: made.text["pkcs8"][:900], "@, found "),
    "cut base64": (private, lambda made: made.bare("pkcs8")[:800], "@, found "),
    "cut form": (private, lambda made: "private.pkcs1://" + made.bare("pkcs1")[:800], "@, found "),
    "wrong password": (partial(private, password="no entry"), lambda made: made.text["locked_pkcs8"], "@, found PEM"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_error_names_the_field_the_file_and_what_was_found(case: str, made: Made) -> None:
    """And it shows no part of a key nor a password, neither in its words nor in the values of its frames."""
    load, source, words = REFUSED[case]
    field, wanted = WANTED.get(load, WANTED[private])
    with pytest.raises(ConfigError) as caught:
        load(source(made))
    assert str(caught.value).startswith(f"{field}: {words}".replace("@", wanted).replace("{}", str(made.folder)))
    assert caught.value.field == field
    assert "no entry" not in told(caught.value)
    assert shown(made, told(caught.value)) == []


def test_a_broken_key_is_told_by_its_length(made: Made) -> None:
    """Text that looks like no key at all may be one: nothing of it is in the message."""
    bare, text = made.bare("pkcs8"), made.text["pkcs8"]
    for broken in (bare[:800] + "!" + bare[801:], bare[:-1], text.replace("-----BEGIN", "----BEGIN"), text[28:]):
        with pytest.raises(ConfigError, match=rf"^private_key: {LOST}1\d\d\d characters \(") as caught:
            private(broken)
        assert shown(made, str(caught.value)) == []


@given(st.binary())
def test_any_bytes_are_judged(data: bytes) -> None:
    """Bytes that are no key are a ConfigError of the field, and no certificate."""
    for load in (private, public):
        with pytest.raises(ConfigError, match=r"^(private_key|certs\[2\]): expected an RSA .* found "):
            load(data)
    assert key_loader.load_certificate(data, "f") is None


LABELS = ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"]
pems = st.builds(
    "-----BEGIN {0}-----\n{1}\n-----END {0}-----".format,
    st.sampled_from(LABELS),
    st.binary().map(lambda raw: base64.b64encode(raw).decode()) | st.text(),
)
forms = st.builds(str.__add__, st.sampled_from(["private.pkcs1://", "private.pkcs8://", "public.spki://"]), st.text())


@given(st.text() | pems | forms)
def test_any_text_is_judged(text: str) -> None:
    """Text, PEM blocks with anything in them, and the prefixed forms: a ConfigError of the field."""
    for load in (private, public):
        with pytest.raises(ConfigError, match=r"^(private_key|certs\[2\]): "):
            load(text)


@given(st.sampled_from(["pkcs1", "pkcs8"]), st.booleans(), st.integers(0, 1500), st.integers(0, 20), st.data())
def test_a_damaged_key_is_not_shown(made: Made, name: str, bare: bool, at: int, cut: int, data: st.DataObject) -> None:
    """Whatever was lost or mistyped in it, the error shows nothing of the rest."""
    text = made.bare(name) if bare else made.text[name]
    damaged = text[:at] + data.draw(st.text(st.characters(max_codepoint=125), max_size=3)) + text[at + cut :]
    try:
        words = repr(private(damaged))
    except ConfigError as error:
        words = str(error)
    assert shown(made, words) == []


def der_of(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, *([] if size < 0x80 else [0x80 | len(length)])]) + (length or b"\0") + content


def pem_of(numbers: dict[str, int], n: int, e: int = 65537) -> bytes:
    """A private key of any numbers, whether they make one or not, in the form of PKCS#1."""
    parts = [0, n, e, *(numbers[name] for name in ("d", "p", "q", "dmp1", "dmq1", "iqmp"))]
    der = der_of(0x30, b"".join(der_of(2, part.to_bytes(part.bit_length() // 8 + 1, "big")) for part in parts))
    return b"-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END RSA PRIVATE KEY-----\n"


def numbers_of(p: int, q: int, e: int = 65537) -> dict[str, int]:
    d = pow(e, -1, math.lcm(p - 1, q - 1))
    return {"p": p, "q": q, "d": d, "dmp1": d % (p - 1), "dmq1": d % (q - 1), "iqmp": pow(q, -1, p)}


def test_a_key_of_any_private_exponent_is_taken(made: Made) -> None:
    """By the least common multiple, as openssl has it, or by the product, as others do."""
    own = made.key.private_numbers()
    for d in (pow(65537, -1, math.lcm(own.p - 1, own.q - 1)), pow(65537, -1, (own.p - 1) * (own.q - 1))):
        pem = pem_of({**numbers_of(own.p, own.q), "d": d}, own.p * own.q)
        assert private(pem).private_numbers().d == d
    turned = pem_of(numbers_of(own.q, own.p), own.p * own.q)
    assert private(turned).public_key() == made.key.public_key()


@pytest.mark.parametrize("change", [2, -2, 1 << 64, -(1 << 900)])
@pytest.mark.parametrize("name", ["p", "q", "d", "dmp1", "dmq1", "iqmp", "n", "e"])
def test_a_key_with_one_wrong_number_is_refused(made: Made, name: str, change: int) -> None:
    """A bit that a disk has lost is told when the client is made, not by the first payment."""
    own = made.key.private_numbers()
    numbers = {**numbers_of(own.p, own.q), "n": own.p * own.q, "e": 65537}
    numbers[name] = max(numbers[name] + change, 3)
    with pytest.raises(
        ConfigError, match=r"^private_key: expected an RSA private key, found PEM text 'RSA PRIVATE KEY'"
    ):
        private(pem_of(numbers, numbers["n"], numbers["e"]))


def test_a_key_whose_factor_is_not_prime_is_refused(made: Made) -> None:
    """Each number fits the others, but what it signs is nothing."""
    own = made.key.private_numbers()
    p = (3 << 1023) | own.p % (1 << 1023)
    while math.gcd(65537, p - 1) != 1 or p % 5:
        p += 2
    with pytest.raises(
        ConfigError, match=r"^private_key: expected an RSA private key, found PEM text 'RSA PRIVATE KEY'"
    ):
        private(pem_of(numbers_of(p, own.q), p * own.q))


@pytest.mark.parametrize("vector", ["", "AE7CF9F12483CC91BECC", "0" * 31])
@pytest.mark.parametrize("cipher", ["AES-256-CBC", "AES-128-CBC"])
def test_a_vector_that_was_cut_is_an_error(
    made: Made, cipher: str, vector: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of an encrypted key: cryptography panics at it, and says so on standard error."""
    damaged = re.sub("DEK-Info: .*", f"DEK-Info: {cipher},{vector}", made.text["locked_pkcs1"])
    with pytest.raises(ConfigError, match=r"^private_key: ") as caught:
        private(damaged, PASSWORD)
    assert shown(made, str(caught.value)) == []
    assert capfd.readouterr() == ("", "")


def test_what_cryptography_panics_at_is_no_key(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its PanicException is no Exception; an interrupt passes."""

    class PanicException(BaseException):
        pass

    def fail(error: type[BaseException]) -> Any:
        def load(*given: Any, **options: Any) -> None:
            raise error

        return load

    monkeypatch.setattr("wechatpay_chain.crypto.key_loader.serialization.load_pem_private_key", fail(PanicException))
    with pytest.raises(ConfigError, match=r"^private_key: "):
        private(made.text["pkcs8"])
    monkeypatch.setattr("wechatpay_chain.crypto.key_loader.serialization.load_pem_private_key", fail(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        private(made.text["pkcs8"])


def refused(load: Any, source: Any, *more: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(source, *more)
    return caught.value


def test_a_broken_key_is_not_in_the_frames(made: Made) -> None:
    """Text that is taken for a path, or a list of keys."""
    bare, text = made.bare("pkcs8"), made.text["pkcs8"]
    for broken in (bare[:800] + "!" + bare[801:], text.replace("-----BEGIN", "----BEGIN"), [text]):
        for load in (private, public, lambda source: key_loader.load_certificate(source, "f")):
            assert shown(made, told(refused(load, broken))) == []


def test_a_short_key_is_not_taken_for_a_path(made: Made) -> None:
    """A fragment of a key, or an APIv3 key in the wrong field, is told by its length."""
    for wrong in (made.bare("pkcs8")[64:164], os.urandom(16).hex()):
        assert wrong not in told(refused(private, wrong))


def test_base64_with_wide_blanks_is_a_key(made: Made) -> None:
    """Ideographic and no-break spaces come with text that is pasted from a page."""
    bare = made.bare("pkcs8")
    for blank in "\u3000\xa0":
        key = key_loader.load_private_key(bare[:100] + blank + bare[100:], "f")
        assert key.private_numbers() == made.key.private_numbers()


@pytest.mark.parametrize("text", ["~nosuchuser/key.pem", "file://[", "file://a\u2100b/x", "file://keys/no.pem"])
def test_a_path_that_cannot_be_is_a_config_error(text: str) -> None:
    """Nothing but ConfigError comes out, and the path in it is the one that was given."""
    for load in (private, public, lambda source: key_loader.load_certificate(source, "f")):
        assert text.removeprefix("file://") in str(refused(load, text))


def test_a_file_url_may_hold_any_character(made: Made, tmp_path: Path) -> None:
    """PHP users write 'file://' before a path as it is."""
    (tmp_path / "a#b?c.pem").write_text(made.text["pkcs8"])
    assert (
        key_loader.load_private_key(f"file://{tmp_path}/a#b?c.pem", "f").private_numbers() == made.key.private_numbers()
    )


def test_certificates_of_other_kinds_name_the_file(made: Made) -> None:
    """EC and SM2 are ConfigErrors with field and file."""
    for name, make in {"ec": "-name prime256v1", "sm2": "-name SM2"}.items():
        command = f"openssl ecparam {make} -genkey -noout -out {name}.key"
        command += f" && openssl {CERTIFY} {name}.key -out {name}.crt"
        subprocess.run(command, shell=True, cwd=made.folder, check=True, capture_output=True)
        words = str(refused(public, made.folder / f"{name}.crt"))
        assert words.startswith(f"certs[2]: expected an RSA certificate in '{made.folder}/{name}.crt', found one with")


def test_what_was_found_is_told(made: Made) -> None:
    """An EC key in PKCS#8, and a password that is wrong."""
    assert "found an EC" in str(refused(private, (made.folder / "ec").read_bytes()))
    assert "password" in (words := str(refused(private, made.text["locked_pkcs8"], "wrong")))
    assert "needs its password" not in words


def test_a_password_that_is_not_needed_does_no_harm(made: Made) -> None:
    """The key is open anyway."""
    assert key_loader.load_private_key(made.text["pkcs8"], "f", "any").private_numbers() == made.key.private_numbers()


def test_escaped_crlf_is_taken(made: Made) -> None:
    """Both kinds of escaped line ends."""
    text = made.text["pkcs8"].replace("\n", "\\r\\n")
    assert key_loader.load_private_key(text, "f").private_numbers() == made.key.private_numbers()


def test_a_serial_keeps_its_leading_zero(made: Made) -> None:
    """As openssl prints it."""
    certify = CERTIFY.replace("0x5", "0x0").split()
    certificate = subprocess.run(["openssl", *certify, "rsa"], cwd=made.folder, capture_output=True, check=True).stdout
    asking = ["openssl", "x509", "-serial", "-noout"]
    printed = subprocess.run(asking, input=certificate, capture_output=True, check=True)
    loaded = key_loader.load_certificate(certificate, "f")
    assert loaded is not None
    assert printed.stdout == f"serial={key_loader.serial_of(loaded)}\n".encode()


@pytest.mark.parametrize(
    "text",
    ["OJ0rBc2I4dbDcgxz88tusL8=", "dZCdEbNOJ0rBc2I4dbDcgxz88tusL8", "OJ0rBc2I4d/DcgxZ88tusL8=", "keys.OJ0rBc2I4dbDcgxz"],
)
def test_the_last_line_of_a_key_is_not_shown(text: str) -> None:
    """It is short enough for the name of a file."""
    for load in (key_loader.load_private_key, key_loader.load_public_key):
        with pytest.raises(ConfigError, match=rf"neither a key nor a readable file: {len(text)} characters") as caught:
            load(text, "private_key")
        assert text not in repr(caught.value)


@pytest.mark.parametrize(
    "text", ["apiclient_key.pem", "/etc/Shop2/keys/apiclient_key", "keys/Merchant-1900000001.pem", "private_key"]
)
def test_the_name_of_a_file_that_is_not_there_is_shown(text: str) -> None:
    """So that one sees what is misspelt."""
    with pytest.raises(ConfigError, match=re.escape(repr(text))):
        key_loader.load_private_key(text, "private_key")
