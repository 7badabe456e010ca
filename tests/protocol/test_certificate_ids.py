"""Keys under ids that answers will name: every mix-up is told when the client is made, before money moves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from tests import authority
from wechatpay_chain import Builder, Sandbox, Wechatpay, errors
from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.protocol.keyring import Keyring
from wechatpay_chain.protocol.merchant import Merchant

CERTIFICATE = authority.certificate()
# Two digits for each byte, as openssl prints it.
SERIAL = CERTIFICATE.serial_number.to_bytes((CERTIFICATE.serial_number.bit_length() + 7) // 8, "big").hex().upper()
OTHER = authority.other_key()


def colons(serial: str) -> str:
    return ":".join(serial[at : at + 2] for at in range(0, len(serial), 2))


# The same number, which WeChat Pay's answers never name so.
FORMS: dict[str, Callable[[str], str]] = {
    "0x": lambda serial: f"0x{serial}",
    "0X and lower case": lambda serial: f"0X{serial.lower()}",
    "python's hex": lambda serial: hex(int(serial, 16)),
    "decimal": lambda serial: str(int(serial, 16)),
    "colons": colons,
    "colons and lower case": lambda serial: colons(serial).lower(),
    "blanks": lambda serial: colons(serial).replace(":", " "),
    "dashes": lambda serial: colons(serial).replace(":", "-"),
}
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "lower case": str.lower,
    "a leading zero more": lambda serial: f"00{serial}",
    "leading zeros less": lambda serial: serial.lstrip("0"),
    "blanks around": lambda serial: f" {serial}\n",
    "all of it": lambda serial: f" 00{serial.lower()} ",
}


def platform(gateway: Sandbox) -> tuple[str, str]:
    """The sandbox's platform certificate: its serial and its PEM text."""
    certs = gateway.configuration()["certs"]
    return next((serial, pem) for serial, pem in certs.items() if not serial.startswith("PUB_KEY_ID_"))


def transfer(wxpay: Any) -> Any:
    return wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post({"notify_url": "https://a.example"})


@pytest.mark.parametrize("form", FORMS)
def test_a_serial_in_another_form_is_refused_at_construction(gateway: Sandbox, form: str) -> None:
    """Both ids are named, in both faces; nothing is sent, where it was once carried out and then not believed."""
    serial, pem = platform(gateway)
    for make in (
        lambda certs: gateway.client(certs=certs),
        lambda certs: Builder.factory({**php(gateway), "certs": certs}),
    ):
        with pytest.raises(errors.ConfigError, match=f"^certs.*{serial}.*another form") as caught:
            transfer(make({FORMS[form](serial): pem}))
        assert FORMS[form](serial) in str(caught.value)
        assert caught.value.field == "certs"
    assert not gateway.requests


def php(gateway: Sandbox) -> dict[str, Any]:
    entries = gateway.configuration()
    return {"privateKey": entries.pop("private_key"), "base_uri": entries.pop("base_url"), **entries}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_case_and_leading_zeros_lose_nothing(gateway: Sandbox, spelling: str) -> None:
    """One call left for each client, under the id that WeChat Pay knows, and its answer is proven."""
    serial, pem = platform(gateway)
    public = x509.load_pem_x509_certificate(pem.encode()).public_key()
    for source in (pem, public):
        gateway.reset()
        with gateway.client(certs={SPELLINGS[spelling](serial): source}) as wxpay:
            assert transfer(wxpay).verified
        assert [each.headers["Wechatpay-Serial"] for each in gateway.requests] == [serial]


@pytest.mark.parametrize("key_id", ["PUB_KEY_ID_0114232134912410000000000000", "5F1C", "A" * 40, "serial"])
def test_a_certificate_tells_its_own_id(gateway: Sandbox, key_id: str) -> None:
    """PEM text, bytes, a file or an object: the id that was given and the true one are named."""
    serial, pem = platform(gateway)
    with pytest.raises(
        errors.ConfigError, match=f"^certs\\['{key_id}'\\]: the serial of this certificate is '{serial}'"
    ):
        gateway.client(certs={key_id: pem})
    with pytest.raises(errors.ConfigError, match=f"is '{SERIAL}'"):
        Keyring.of({key_id: CERTIFICATE})
    with pytest.raises(errors.ConfigError, match=f"is '{serial}'"):
        gateway.client(certs=None, public_key_id=key_id, public_key=pem)
    assert not gateway.requests


def own_keys(gateway: Sandbox, folder: Path) -> dict[str, Any]:
    """The merchant's key in every form in which it could stand in place of WeChat Pay's."""
    key: Any = load_pem_private_key(gateway.configuration()["private_key"].encode(), None)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "pub_key.pem").write_bytes(pem)
    own = authority.certificate(key, issuer="Tenpay.com Root CA")
    return {"object": key.public_key(), "text": pem.decode(), "file": folder / "pub_key.pem", "certificate": own}


@pytest.mark.parametrize("kind", ["object", "text", "file", "certificate"])
def test_the_merchants_own_key_proves_nothing(gateway: Sandbox, tmp_path: Path, kind: str) -> None:
    """Under an id of WeChat Pay's public key, of its certificate, or under the certificate's own."""
    source = own_keys(gateway, tmp_path)[kind]
    ids = [serial_of(source)] if kind == "certificate" else [gateway.identity.public_key_id, platform(gateway)[0]]
    for key_id in ids:
        with pytest.raises(errors.ConfigError, match=r"this is the merchant's own public key or certificate"):
            gateway.client(certs={key_id: source})
    assert not gateway.requests


def test_the_merchants_own_certificate_in_certs_dir(gateway: Sandbox, tmp_path: Path) -> None:
    """Whose serial may be another than the configured one."""
    own = own_keys(gateway, tmp_path)["certificate"]
    (tmp_path / "apiclient_cert.pem").write_bytes(own.public_bytes(Encoding.PEM))
    (tmp_path / "pub_key.pem").unlink()
    with pytest.raises(errors.ConfigError, match=r"this is the merchant's own"):
        gateway.client(certs=None, certs_dir=tmp_path)


@pytest.mark.parametrize("form", [*FORMS, *SPELLINGS])
def test_the_merchants_own_serial_in_any_form(form: str) -> None:
    """A name in certs is compared with it as a number."""
    name = {**FORMS, **SPELLINGS}[form](SERIAL)
    with pytest.raises(errors.ConfigError, match=r"this is the merchant's own serial"):
        Keyring.of({name: OTHER.public_key()}, SERIAL)
    with pytest.raises(errors.ConfigError, match=r"this is the merchant's own"):
        Keyring.of({SERIAL: CERTIFICATE}, SPELLINGS["all of it"](SERIAL).strip())


@pytest.mark.parametrize("form", ["0x", "python's hex", "decimal", "colons", "blanks"])
def test_a_bare_public_key_under_another_form(form: str) -> None:
    """It tells no serial of its own, but no answer names one so."""
    with pytest.raises(errors.ConfigError, match=r"^certs"):
        Keyring.of({FORMS[form](SERIAL): OTHER.public_key()})


@pytest.mark.parametrize("form", FORMS)
def test_the_serial_of_the_merchant_has_one_form(form: str) -> None:
    """It travels in Authorization, where WeChat Pay compares it."""
    with pytest.raises(errors.ConfigError, match=r"^serial: expected hex digits as the merchant console shows them"):
        Merchant.of("1900000001", FORMS[form](SERIAL), OTHER, None)
    with pytest.raises(errors.ConfigError, match=r"^serial: this is the id of WeChat Pay's public key"):
        Merchant.of("1900000001", "PUB_KEY_ID_0114232134912410000000000000", OTHER, None)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_serial_of_the_merchant_leaves_as_the_console_has_it(gateway: Sandbox, spelling: str) -> None:
    """In capitals, of 40 digits at most; the sandbox compares it as it came."""
    serial = gateway.configuration()["serial"]
    if serial.startswith("0") and spelling == "leading zeros less":
        return
    with gateway.client(serial=SPELLINGS[spelling](serial)) as wxpay:
        assert transfer(wxpay).verified
    assert len(gateway.requests) == 1


def test_one_key_is_one_entry() -> None:
    """Whatever the case of its id."""
    for one, other in (("5F1C", "5f1c"), ("PUB_KEY_ID_1", "pub_key_id_1"), (SERIAL, f"00{SERIAL.lower()}")):
        with pytest.raises(errors.ConfigError, match=r"given twice"):
            Keyring.of({one: OTHER.public_key(), other: OTHER.public_key()})


def test_a_certificate_that_is_named_may_lie_in_certs_dir_too(gateway: Sandbox, tmp_path: Path) -> None:
    """Whatever the case of its name."""
    serial, pem = platform(gateway)
    (tmp_path / f"wechatpay_{serial}.pem").write_text(pem)
    with gateway.client(certs={serial.lower(): pem}, certs_dir=tmp_path) as wxpay:
        assert transfer(wxpay).verified


@given(st.text() | st.text("0123456789abcdefABCDEFx:_- PUBKEYID", max_size=60))
def test_a_certificate_is_held_under_its_serial_or_refused(name: str) -> None:
    """Any id: there is no third way."""
    try:
        keyring = Keyring.of({name: CERTIFICATE})
    except errors.ConfigError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert keyring.find(SERIAL).id == SERIAL
        assert int(name, 16) == CERTIFICATE.serial_number
    assert len(refusal.splitlines()) <= 1


@given(st.integers(1, (1 << 160) - 1))
def test_spellings_of_any_serial_are_one(number: int) -> None:
    """Real ones have up to 20 bytes; those of 19.5 keep their leading zero, as openssl prints it."""
    serial = f"{number:X}"
    public = OTHER.public_key()
    found = {next(iter(Keyring.of({name: public}).fixed)) for name in (serial, serial.lower(), f"{serial}")}
    assert len(found) == 1
    assert int(found.pop(), 16) == number
    wide = f"{number:040X}"
    if len(serial) >= 39:
        assert list(Keyring.of({serial: public}).fixed) == list(Keyring.of({f"00{wide}": public}).fixed) == [wide]


def test_wechatpay_of_a_good_configuration_is_made(gateway: Sandbox) -> None:
    """With every kind of key at once."""
    with Wechatpay(gateway.configuration()) as wxpay:
        assert transfer(wxpay).verified
