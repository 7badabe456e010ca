"""The doctor names what is wrong with a set-up: a table of broken ones, each tried as a user would run it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests import answers
from tests.cli.test_cli import run
from tests.relay import relaying
from wechatpay_chain import Sandbox
from wechatpay_chain.cli import doctor_checks

Variables = dict[str, str]
NAME = "WECHATPAY_"


def pem(key: Any, passphrase: bytes | None = None) -> str:
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return str(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption), "ascii")


def public_pem(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form), "ascii")


def certificate(key: rsa.RSAPrivateKey, serial: str, until: datetime) -> str:
    """A certificate that signs itself, as the merchant's own or as a platform certificate."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "1900000001")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int(serial, 16))
        .not_valid_before(until - timedelta(days=365))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def own_key(gateway: Sandbox) -> rsa.RSAPrivateKey:
    return gateway.identity.merchant_key


def soon() -> datetime:
    return datetime.now(timezone.utc) + timedelta(days=30)


def past() -> datetime:
    return datetime.now(timezone.utc) - timedelta(days=30)


Broken = Callable[[Sandbox], Mapping[str, str | None]]
# What is changed in a set-up that works (None: taken away), the check that fails, and what its line has to say.
TABLE: dict[str, tuple[Broken, str, str]] = {
    "no number": (lambda g: {"MCHID": None}, "mchid", "WECHATPAY_MCHID"),
    "an appid": (lambda g: {"MCHID": "wxd678efh567hg6787"}, "mchid", "is an appid"),
    "no digits": (lambda g: {"MCHID": "shop"}, "mchid", "expected digits"),
    "another merchant": (lambda g: {"MCHID": "1900000109"}, "signed call", "does not know mchid 1900000109"),
    "no key": (lambda g: {"PRIVATE_KEY": None}, "private key", "missing; give apiclient_key.pem"),
    "no such file": (lambda g: {"PRIVATE_KEY": "./nowhere.pem"}, "private key", "nowhere.pem' (No such file"),
    "a certificate as key": (
        lambda g: {"PRIVATE_KEY": g.merchant["cert"]},
        "private key",
        "give apiclient_key.pem, as the certificate tool wrote it",
    ),
    "a short key": (lambda g: {"PRIVATE_KEY": pem(rsa.generate_private_key(65537, 1024))}, "private key", "1024"),
    "a long key": (
        lambda g: {"PRIVATE_KEY": pem(rsa.generate_private_key(65537, 3072))},
        "private key",
        "RSA-3072, expected RSA-2048",
    ),
    "an elliptic key": (
        lambda g: {"PRIVATE_KEY": pem(ec.generate_private_key(ec.SECP256R1()))},
        "private key",
        "ECPrivateKey",
    ),
    "an encrypted key": (
        lambda g: {"PRIVATE_KEY": pem(own_key(g), b"1900000001")},
        "private key",
        "needs its password",
    ),
    "the key of another": (
        lambda g: {"PRIVATE_KEY": pem(answers.another_key())},
        "certificate",
        "private_key is not the key of merchant.cert; take apiclient_key.pem and apiclient_cert.pem of one archive",
    ),
    "the key of another, without a certificate": (
        lambda g: {"PRIVATE_KEY": pem(answers.another_key()), "MERCHANT_CERT": None, "MERCHANT_KEY": None},
        "signed call",
        "private_key does not belong to serial",
    ),
    "the serial of another": (lambda g: {"SERIAL": "5" * 40}, "certificate", "set serial to"),
    "the serial of another, without a certificate": (
        lambda g: {"SERIAL": "5" * 40, "MERCHANT_CERT": None, "MERCHANT_KEY": None},
        "signed call",
        f"serial {'5' * 40} is not that of a certificate",
    ),
    "the id of the public key as serial": (
        lambda g: {"SERIAL": g.identity.public_key_id},
        "serial",
        "this is the id of WeChat Pay's public key",
    ),
    "the serial with colons": (lambda g: {"SERIAL": ":".join(["5A"] * 20)}, "serial", "without colons"),
    "half a serial": (lambda g: {"SERIAL": "5A5A5A5A"}, "serial", "8 digits, expected 40"),
    "an expired certificate": (
        lambda g: {"MERCHANT_CERT": certificate(own_key(g), g.identity.serial, past())},
        "certificate",
        "not now; ask for a new one",
    ),
    "the merchant's own public key": (
        lambda g: {"PUBLIC_KEY": public_pem(own_key(g))},
        "public key",
        "this is the merchant's own key, not WeChat Pay's",
    ),
    "another public key": (
        lambda g: {"PUBLIC_KEY": public_pem(answers.another_key())},
        "signed call",
        "SignatureMismatch",
    ),
    "an id without its prefix": (
        lambda g: {"PUBLIC_KEY_ID": g.identity.public_key_id[11:]},
        "public key",
        "has another form than PUB_KEY_ID_",
    ),
    "an id that is cut": (lambda g: {"PUBLIC_KEY_ID": "PUB_KEY_ID_0116"}, "public key", "28 digits or more"),
    "the id of another key": (
        lambda g: {"PUBLIC_KEY_ID": f"PUB_KEY_ID_{'3' * 28}"},
        "signed call",
        "configure the key that is named",
    ),
    "a private key as public key": (lambda g: {"PUBLIC_KEY": pem(answers.another_key())}, "public key", "found"),
    "no key of WeChat Pay's": (
        lambda g: {"PUBLIC_KEY": None, "PUBLIC_KEY_ID": None, "APIV3_KEY": None},
        "WeChat Pay's key",
        "set public_key_id and public_key (pub_key.pem)",
    ),
    "31 bytes": (lambda g: {"APIV3_KEY": "8" * 31}, "APIv3 key", "31 bytes, expected 32"),
    "an example": (lambda g: {"APIV3_KEY": "0123456789abcdefghijklmnopqrstuv"}, "APIv3 key", "an example"),
    "a placeholder": (lambda g: {"APIV3_KEY": "your_apiv3_key_goes_here_thanks!"}, "APIv3 key", "a placeholder"),
    "the APIv3 key of another": (
        lambda g: {"APIV3_KEY": "Zk3vR8qLx1Wn5Tb7Yc2Md9Pf4Hj6Gs0A"},
        "APIv3 key fits",
        "it does not open WeChat Pay's certificates",
    ),
    "the APIv2 key of another": (
        lambda g: {"SECRET": "Zk3vR8qLx1Wn5Tb7Yc2Md9Pf4Hj6Gs0A"},
        "signed call of APIv2",
        "set secret to the APIv2 key",
    ),
    "the APIv3 key as APIv2 key": (
        lambda g: {"SECRET": g.identity.apiv3_key},
        "signed call of APIv2",
        "APIv3密钥",
    ),
    "a variable of another name": (
        lambda g: {"APIV3_KEY": None, "API_V3_KEY": "Zk3vR8qLx1Wn5Tb7Yc2Md9Pf4Hj6Gs0A"},
        "variables",
        "WECHATPAY_API_V3_KEY is not read by anybody; rename it to WECHATPAY_APIV3_KEY",
    ),
    "half an APIv2 key": (lambda g: {"SECRET": "Zk3vR8qLx1Wn5Tb7"}, "APIv2 key", "16 characters, expected 32"),
    "a placeholder as APIv2 key": (
        lambda g: {"SECRET": "your_apiv2_key_goes_here_thanks!"},
        "APIv2 key",
        "a placeholder",
    ),
    "nobody listens": (lambda g: {"BASE_URL": "http://127.0.0.1:9"}, "host 127.0.0.1:9", "not reached"),
    "no such host": (lambda g: {"BASE_URL": "https://pay.invalid"}, "host pay.invalid", "check the name servers"),
    "plain http": (
        lambda g: {"BASE_URL": "http://api.mch.weixin.qq.com"},
        "host",
        "WeChat Pay is reached by https alone",
    ),
}


# RFC 6761, 6.4: a name that is never there.
ELSEWHERE = "http://pay.invalid"


@pytest.fixture
def environment(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Variables:
    """A set-up that works, with no proxy of this machine."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(NAME):
            monkeypatch.delenv(name)
    variables = gateway.environment()
    del variables["WECHATPAY_SANDBOX_KEY"]
    return {**variables, "WECHATPAY_PROFILES": os.devnull}


def changed(variables: Variables, changes: Mapping[str, str | None]) -> Variables:
    whole: dict[str, str | None] = {**variables, **{NAME + name: value for name, value in changes.items()}}
    return {name: value for name, value in whole.items() if value is not None}


def lines_of(text: str) -> dict[str, str]:
    """The outcome and what was said, by the name of the check."""
    found = {}
    for line in text.splitlines():
        outcome, rest = line[:8].strip(), line[8:]
        name, _, said = rest.partition(": ")
        found[name] = f"{outcome} {said}"
    return found


def test_a_set_up_that_works_has_no_failure(environment: Variables) -> None:
    """Each check says what was found; the signed call and the APIv3 key are really tried."""
    status, out, err = run("doctor", environment=environment)
    assert (status, err) == (0, ""), out
    assert "failed" not in out
    found = lines_of(out)
    assert found["signed call"].startswith("ok the signature holds")
    assert found["APIv3 key fits"] == "ok it opens WeChat Pay's certificates"
    assert found["private key"] == "ok readable, RSA-2048"
    assert found["certificate"].startswith("ok merchant.cert fits key and serial")


@pytest.mark.parametrize("name", TABLE)
def test_a_broken_set_up_is_named(gateway: Sandbox, environment: Variables, name: str) -> None:
    """One line with its remedy, exit code 1, the same as JSON, and no secret in either."""
    broken, check, told = TABLE[name]
    variables = changed(environment, broken(gateway))
    status, out, err = run("doctor", environment=variables)
    assert (status, err) == (1, "")
    line = lines_of(out)[check]
    assert line.startswith("failed ")
    assert told in line
    assert ";" in line
    status, out_json, _ = run("doctor", "--json", environment=variables)
    report = json.loads(out_json)
    failed = {each["name"]: each for each in report["checks"] if each["outcome"] == doctor_checks.FAILED}
    assert (status, report["ok"]) == (1, False)
    assert failed[check]["remedy"]
    for secret in ("APIV3_KEY", "SECRET", "PRIVATE_KEY", "MERCHANT_KEY"):
        value = variables.get(NAME + secret, "")
        body = "".join(value.splitlines()[1:-1]) or value
        for text in (out, out_json):
            assert "PRIVATE KEY-----" not in text
            assert not (len(body) >= 16 and body[:40] in text.replace("\\n", "")) or body == "./nowhere.pem"


def test_a_clock_that_is_wrong_is_named(gateway: Sandbox, environment: Variables) -> None:
    """As the server's own Date says it."""
    with relaying(gateway.base_url, date=formatdate(time.time() + 900, usegmt=True)) as url:
        status, out, _ = run("doctor", environment=changed(environment, {"BASE_URL": url}))
    assert status == 1
    assert lines_of(out)["clock"].startswith(("failed 900 s behind", "failed 899 s behind", "failed 901 s behind"))
    assert "NTP" in lines_of(out)["clock"]


def test_a_proxy_that_is_down_is_named(environment: Variables, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy is told without its password; this machine itself is reached directly, as by the client."""
    monkeypatch.setenv("HTTP_PROXY", "http://someone:hidden@127.0.0.1:9")
    status, out, _ = run("doctor", environment=environment)
    assert status == 0, out
    status, out, _ = run("doctor", environment=changed(environment, {"BASE_URL": ELSEWHERE, "ALLOW_HTTP": "1"}))
    assert status == 1
    host = next(line for line in out.splitlines() if "host " in line)
    assert "failed  " in host
    assert "the proxy http://127.0.0.1:9 cannot be used; start the proxy" in host
    assert "hidden" not in out


@pytest.mark.parametrize("proxy", ["::::", "http://", "http://someone:hidden@:x"])
def test_a_proxy_that_is_no_address_is_named(
    environment: Variables, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """With how it is written."""
    monkeypatch.setenv("HTTP_PROXY", proxy)
    status, out, err = run("doctor", environment=changed(environment, {"BASE_URL": ELSEWHERE, "ALLOW_HTTP": "1"}))
    line = next(line for line in out.splitlines() if "host " in line)
    assert (status, err, "is no URL; write HTTPS_PROXY" in line, "hidden" in out) == (1, "", True, False), line


def test_a_bundle_that_is_not_there_is_named(environment: Variables, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a check, not as the end of the doctor."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    status, out, err = run("doctor", environment=changed(environment, {"BASE_URL": "https://127.0.0.1:9"}))
    assert (status, err) == (1, "")
    assert "/nowhere.pem; set REQUESTS_CA_BUNDLE" in lines_of(out)["host 127.0.0.1:9"]


def test_another_server_in_its_place_is_named(gateway: Sandbox, environment: Variables) -> None:
    """Both calls say that it is not WeChat Pay, and not that a key is wrong."""
    gateway.tamper = answers.bare(200, b"<html>hi</html>")
    status, out, _ = run("doctor", environment=environment)
    found = lines_of(out)
    assert status == 1
    assert "something between here and WeChat Pay answers in its place" in found["signed call"]
    assert "this is not WeChat Pay" in found["signed call of APIv2"]


def test_plain_http_behind_https_is_named(gateway: Sandbox, environment: Variables) -> None:
    """It is not the authority that is missing."""
    url = gateway.base_url.replace("http:", "https:")
    status, out, _ = run("doctor", environment=changed(environment, {"BASE_URL": url}))
    [line] = [line for line in out.splitlines() if "  host " in line]
    assert (status, "no TLS is spoken there (" in line, "write http://" in line) == (1, True, True)
    assert [part for part in ("[", "]", "_ssl.c", "certifi") if part in line] == []


@contextlib.contextmanager
def with_tls() -> Iterator[tuple[Sandbox, Variables]]:
    with Sandbox(tls=True) as gateway:
        variables = gateway.environment()
        del variables["WECHATPAY_SANDBOX_KEY"]
        yield gateway, {**variables, "WECHATPAY_PROFILES": os.devnull}


def test_tls_that_is_not_trusted_is_named(environment: Variables, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that it is, where the authority is named."""
    with with_tls() as (gateway, variables):
        status, out, _ = run("doctor", environment=variables)
        assert status == 1
        line = next(line for line in out.splitlines() if "host " in line)
        assert "TLS is not trusted" in line
        assert "REQUESTS_CA_BUNDLE" in line
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(gateway.ca_file))
        status, out, _ = run("doctor", environment=variables)
        assert "reached, TLS trusted" in out
        assert status == 0, out


def test_an_expired_platform_certificate_is_named(gateway: Sandbox, environment: Variables, tmp_path: Path) -> None:
    """Given by a flag, in place of the public key."""
    serial = "4" * 40
    file = tmp_path / "wechatpay.pem"
    file.write_text(certificate(answers.another_key(), serial, past()))
    status, out, _ = run("doctor", "--cert", f"{serial}={file}", environment=environment)
    assert status == 1
    assert "expired on" in lines_of(out)["platform certificate"]


def test_the_serial_of_a_platform_certificate_is_named(environment: Variables, tmp_path: Path) -> None:
    """The commonest mix-up: WeChat Pay's serial in place of the merchant's."""
    serial = "4" * 40
    file = tmp_path / "wechatpay.pem"
    file.write_text(certificate(answers.another_key(), serial, soon()))
    variables = changed(environment, {"SERIAL": serial})
    status, out, _ = run("doctor", "--cert", f"{serial}={file}", environment=variables)
    assert status == 1
    assert "is the serial of a certificate of WeChat Pay's" in lines_of(out)["serial"]


def test_the_certificate_beside_the_key_is_found(gateway: Sandbox, environment: Variables, tmp_path: Path) -> None:
    """The archive of the console has both files in one folder."""
    (tmp_path / "apiclient_key.pem").write_text(pem(own_key(gateway)))
    (tmp_path / "apiclient_cert.pem").write_text(certificate(answers.another_key(), gateway.identity.serial, soon()))
    changes = {"PRIVATE_KEY": str(tmp_path / "apiclient_key.pem"), "MERCHANT_CERT": None, "MERCHANT_KEY": None}
    status, out, _ = run("doctor", environment=changed(environment, changes))
    assert status == 1
    assert "private_key is not the key of apiclient_cert.pem" in lines_of(out)["certificate"]


def test_a_profile_is_checked(gateway: Sandbox, environment: Variables, tmp_path: Path) -> None:
    """Its entries count, and one that is not there is named with those that are."""
    file = tmp_path / "profiles.toml"
    (tmp_path / "key.pem").write_text(pem(own_key(gateway)))
    (tmp_path / "pub.pem").write_text(environment["WECHATPAY_PUBLIC_KEY"])
    rows = {
        "mchid": gateway.mchid,
        "serial": gateway.identity.serial,
        "private_key": "key.pem",
        "public_key_id": gateway.identity.public_key_id,
        "public_key": "pub.pem",
        "apiv3_key": gateway.identity.apiv3_key,
        "base_url": gateway.base_url,
        "timeout": 10,
    }
    file.write_text("[shop]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in rows.items()))
    variables = {"WECHATPAY_PROFILES": str(file)}
    status, out, _ = run("doctor", "--profile", "shop", environment=variables)
    assert status == 0, out
    status, out, _ = run("doctor", "--profile", "shoq", environment=variables)
    assert status == 1
    assert "there are: shop" in lines_of(out)["profile"]


def test_the_certificates_of_a_folder_are_checked(environment: Variables, tmp_path: Path) -> None:
    """Each by its own serial, one that has expired too."""
    for serial, until in (("4" * 40, soon()), ("5" * 40, past())):
        (tmp_path / f"wechatpay_{serial}.pem").write_text(certificate(answers.another_key(), serial, until))
    changes = {"CERTS_DIR": str(tmp_path), "PUBLIC_KEY": None, "PUBLIC_KEY_ID": None, "SERIAL": "4" * 40}
    status, out, _ = run("doctor", environment=changed(environment, changes))
    assert status == 1
    assert "is the serial of a certificate of WeChat Pay's" in lines_of(out)["serial"]
    assert f"ok      platform certificate: {'4' * 40}" in out
    assert f"failed  platform certificate: {'5' * 40} has expired on" in out


WRONG: list[object] = [
    5,
    -1,
    True,
    1.5,
    "",
    " ",
    "\0",
    "中",
    [],
    [1],
    {},
    {"cert": 5},
    {"a": "b"},
    ["http://127.0.0.1:9"],
]
ENTRIES = ("mchid", "serial", "private_key", "certs", "certs_dir", "public_key", "public_key_id", "apiv3_key")


@pytest.mark.parametrize("name", [*ENTRIES, "secret", "merchant", "base_url", "brand_id", "timeout", "nonsense"])
def test_any_entry_of_a_profile_is_taken(tmp_path: Path, name: str) -> None:
    """Whatever stands there: a table of checks, and never a traceback."""
    file = tmp_path / "profiles.toml"
    for value in WRONG:
        rows = {"mchid": "1900000001", "base_url": "http://127.0.0.1:9", name: value}
        file.write_text("[shop]\n" + "".join(f"{key} = {toml(each)}\n" for key, each in rows.items()))
        status, out, err = run("doctor", "--profile", "shop", environment={"WECHATPAY_PROFILES": str(file)})
        assert (status, err) == (1, ""), (value, out)
        assert "failed" in out


def toml(value: object) -> str:
    """A value as TOML has it, which for all but tables is as in JSON."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


def test_a_sandbox_is_well() -> None:
    """With nothing configured."""
    status, out, err = run("doctor", "--sandbox", environment={"WECHATPAY_PROFILES": os.devnull})
    assert (status, err) == (0, ""), out


def test_apiv2_alone_is_no_failure_of_apiv3(environment: Variables) -> None:
    """What only APIv3 needs is skipped."""
    names = ("WECHATPAY_MCHID", "WECHATPAY_SECRET", "WECHATPAY_BASE_URL", "WECHATPAY_PROFILES")
    status, out, _ = run("doctor", environment={name: environment[name] for name in names})
    assert status == 0, out
    assert lines_of(out)["signed call"].startswith("skipped")
    assert lines_of(out)["signed call of APIv2"] == "ok the sign holds; an order that does not exist is ORDERNOTEXIST"


def brand_entries(gateway: Sandbox, folder: Path, **changes: object) -> Variables:
    """A profile of a brand."""
    own = gateway.brand
    (folder / "key.pem").write_text(pem(own.key))
    (folder / "pub.pem").write_text(gateway.environment()["WECHATPAY_PUBLIC_KEY"])
    rows: dict[str, object] = {"brand_id": own.number, "serial": own.serial, "private_key": "key.pem"}
    rows |= {"public_key_id": gateway.identity.public_key_id, "public_key": "pub.pem", "base_url": gateway.base_url}
    file = folder / "profiles.toml"
    file.write_text(
        "[shop]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in {**rows, **changes}.items())
    )
    return {"WECHATPAY_PROFILES": str(file)}


def test_a_brands_signed_call_is_made(gateway: Sandbox, environment: Variables, tmp_path: Path) -> None:
    """A list of its stores, signed with the brand's own key."""
    status, out, _ = run("doctor", "--profile", "shop", environment=brand_entries(gateway, tmp_path))
    assert (status, lines_of(out)["signed call"]) == (0, "ok the signature holds"), out
    assert gateway.requests[-1].target.startswith("/brand/store/brandstores?")
    assert gateway.requests[-1].verdict == ""


def test_a_brand_with_another_serial_is_named(gateway: Sandbox, environment: Variables, tmp_path: Path) -> None:
    """By the call alone: a brand has no certificate at hand."""
    wrong = brand_entries(gateway, tmp_path, serial="B" * 37)
    status, out, _ = run("doctor", "--profile", "shop", environment=wrong)
    assert status == 1
    assert "serial" in lines_of(out)["signed call"]


def test_the_table_is_of_twenty_at_least() -> None:
    """As it was promised."""
    assert len(TABLE) >= 20
