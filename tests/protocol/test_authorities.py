"""``certs_ca``: where a merchant names authorities, one of them has to stand at the end of every chain."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests import authority
from tests.authority import KEY, certificate
from wechatpay_chain import Sandbox, errors
from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.protocol.authorities import Authorities
from wechatpay_chain.protocol.certificate_folder import SHARED
from wechatpay_chain.protocol.certificates import usable
from wechatpay_chain.protocol.keyring import Keyring
from wechatpay_chain.sandbox.answer import Answer, Received, signed_headers

NAME = "A Root"
ROOT_KEY = ec.generate_private_key(ec.SECP256R1())
ROOT = certificate(ROOT_KEY, issuer=NAME, signer=ROOT_KEY, name=NAME, is_authority=True)
STRANGER_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGER = certificate(STRANGER_KEY, issuer=NAME, signer=STRANGER_KEY, name=NAME, is_authority=True)
GOOD = certificate(issuer=NAME, signer=ROOT_KEY)


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def between(days: tuple[float, float] = (-1, 9), signer: Any = ROOT_KEY, is_authority: bool = True) -> Any:
    """A certificate for ``GOOD``, and the one between it and the root."""
    key = ec.generate_private_key(ec.SECP256R1())
    middle = certificate(key, issuer=NAME, signer=signer, name="Between", is_authority=is_authority, days=days)
    return certificate(issuer="Between", signer=key), middle


def test_the_key_counts_and_not_the_name() -> None:
    """Another authority under the same name vouches for nobody."""
    now = time.time()
    assert usable((GOOD,), now, Authorities((ROOT,))) == ""
    assert usable((GOOD,), now, Authorities((STRANGER, ROOT))) == ""
    assert usable((GOOD,), now, Authorities((STRANGER,))) == "issued by none of the authorities in certs_ca"
    assert usable((GOOD, STRANGER), now, Authorities((ROOT,))) == ""
    assert usable((certificate(issuer=NAME, signer=STRANGER_KEY), STRANGER), now, Authorities((ROOT,)))


def test_a_chain_goes_through_those_that_are_given() -> None:
    """Each valid and an authority's, in any order."""
    now = time.time()
    leaf, middle = between()
    assert usable((leaf, middle), now, Authorities((ROOT,))) == ""
    assert usable((leaf, STRANGER, middle), now, Authorities((ROOT,))) == ""
    assert usable((leaf,), now, Authorities((ROOT, middle))) == ""
    assert usable((leaf,), now, Authorities((ROOT,)))
    for wrong in (between(days=(-9, -1)), between(signer=STRANGER_KEY), between(is_authority=False)):
        assert Authorities((ROOT,)).objection(wrong, now) == "issued by none of the authorities in certs_ca"


def test_an_authority_has_an_end() -> None:
    """Which is said, since that is mended by another file."""
    old = certificate(ROOT_KEY, issuer=NAME, signer=ROOT_KEY, name=NAME, is_authority=True, days=(-9, -1))
    told = f"the authority {serial_of(old)} of certs_ca is not valid now"
    assert Authorities((old,)).objection((GOOD,), time.time()) == told
    assert Authorities((old, ROOT)).objection((GOOD,), time.time()) == ""


def test_a_long_chain_ends_soon() -> None:
    """A cycle of authorities that vouch for each other, and a hundred strangers."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(8)]
    ring = tuple(
        certificate(key, issuer=f"C{(at + 1) % 8}", signer=keys[(at + 1) % 8], name=f"C{at}", is_authority=True)
        for at, key in enumerate(keys)
    )
    leaf = certificate(issuer="C0", signer=keys[0])
    assert Authorities((ROOT,)).objection((leaf, *ring, *[STRANGER] * 100), time.time())
    assert Authorities((ring[5],)).objection((leaf, *ring), time.time()) == ""


@pytest.mark.parametrize("kind", ["file", "text", "bytes", "object", "list", "bundle"])
def test_it_is_given_in_every_form(tmp_path: Path, kind: str) -> None:
    """A file or text with one or more, an object, a list of these."""
    (tmp_path / "ca.pem").write_bytes(pem(STRANGER, ROOT) if kind == "bundle" else pem(ROOT))
    entry: Any = {
        "file": str(tmp_path / "ca.pem"),
        "bundle": tmp_path / "ca.pem",
        "text": pem(ROOT).decode(),
        "bytes": pem(STRANGER, ROOT),
        "object": ROOT,
        "list": [STRANGER, pem(ROOT)],
    }[kind]
    assert Authorities.of(entry).objection((GOOD,), time.time()) == ""


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("/nowhere/ca.pem", "neither a key nor a readable file"),
        ("", "empty"),
        ([], "no certificate"),
        (5, "expected a path"),
        ([ROOT, 5], "expected a path"),
        (GOOD, f"{serial_of(GOOD)} is no authority's"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "expected certificates, found PEM text"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "expected certificates, found PEM text"),
        (b"x", "expected certificates, found 1 bytes"),
    ],
    ids=count(),
)
def test_what_is_none_is_told_at_construction(gateway: Sandbox, entry: Any, words: str) -> None:
    """A ConfigError of this field."""
    with pytest.raises(errors.ConfigError, match=f"^certs_ca: .*{words}") as caught:
        gateway.client(certs_ca=entry)
    assert caught.value.field == "certs_ca"


def test_a_certificate_that_is_configured_is_checked_too() -> None:
    """By hand or by a folder; a public key has no issuer."""
    authorities = Authorities((ROOT,))
    assert Keyring.of({serial_of(GOOD): GOOD, "PUB_KEY_ID_1": KEY.public_key()}, authorities=authorities)
    other = certificate(issuer=NAME, signer=STRANGER_KEY)
    with pytest.raises(errors.ConfigError, match=rf"^certs\['{serial_of(other)}'\]: issued by none"):
        Keyring.of({serial_of(other): other}, authorities=authorities)


# A gateway of one's own, or WeChat Pay after its authority was renamed.


@pytest.fixture
def issued(gateway: Sandbox) -> Iterator[list[x509.Certificate]]:
    """The certificates that /v3/certificates hands out in place of the sandbox's, and that sign all answers."""
    chain = [GOOD]

    def tamper(answer: Answer, received: Received) -> None:
        if received.target == "/v3/certificates":
            answer.body = authority.body(authority.entry(*chain, key=gateway.identity.apiv3_key.encode()))
        answer.headers.update(signed_headers(serial_of(chain[0]), KEY, answer.body, time.time()))

    gateway.tamper = tamper
    yield chain
    gateway.tamper = None


def call(wxpay: Any) -> Any:
    return wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post({"notify_url": "https://a.example"})


@pytest.mark.usefixtures("issued")
def test_a_renamed_authority_stops_no_call(gateway: Sandbox) -> None:
    """One download, one call, and the answer is proven; with the right authority as well."""
    for options in ({}, {"certs_ca": ROOT}):
        gateway.requests.clear()
        with gateway.client(certs=None, **options) as wxpay:
            assert call(wxpay).verified
            assert call(wxpay).verified
        assert [each.target == "/v3/certificates" for each in gateway.requests] == [True, False, False]


@pytest.mark.usefixtures("issued")
def test_another_authority_stops_the_call_before_it_leaves(gateway: Sandbox) -> None:
    """The reason is told; of the call nothing was sent, and one download serves for 30 s."""
    with gateway.client(certs=None, certs_ca=STRANGER) as wxpay:
        for _ in range(5):
            with pytest.raises(errors.WechatpayError, match=f"{serial_of(GOOD)} is left out: issued by none of the"):
                call(wxpay)
    assert [each.target for each in gateway.requests] == ["/v3/certificates"]


def test_a_chain_that_is_handed_out_is_followed(gateway: Sandbox, issued: list[x509.Certificate]) -> None:
    """From WeChat Pay's certificate through the one between to the root."""
    issued[:] = between()
    with gateway.client(certs=None, certs_ca=pem(ROOT).decode()) as wxpay:
        assert call(wxpay).verified


@pytest.mark.usefixtures("issued")
def test_what_lies_in_certs_dir_is_no_exception(
    gateway: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A stored certificate of another authority is not used; it is asked for again."""
    folder = tmp_path / "certs"
    with gateway.client(certs=None, certs_dir=folder) as wxpay:
        assert call(wxpay).verified
    caplog.set_level(logging.WARNING)
    gateway.requests.clear()
    with gateway.client(certs=None, certs_dir=folder, certs_ca=STRANGER) as wxpay, pytest.raises(errors.WechatpayError):
        call(wxpay)
    assert SHARED in caplog.text
    assert [each.target for each in gateway.requests] == ["/v3/certificates"]
    with gateway.client(certs=None, certs_dir=folder, certs_ca=ROOT) as wxpay:
        assert call(wxpay).verified
    assert len(gateway.requests) == 2


def test_it_comes_from_the_environment_and_a_pickle(gateway: Sandbox, tmp_path: Path, monkeypatch: Any) -> None:
    """A path is kept as an absolute one."""
    import pickle

    (tmp_path / "ca.pem").write_bytes(pem(ROOT))
    for name, value in gateway.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WECHATPAY_CERTS_CA", str(tmp_path / "nowhere.pem"))
    from wechatpay_chain import Wechatpay

    with pytest.raises(errors.ConfigError, match=r"^certs_ca: .*nowhere\.pem"):
        Wechatpay.from_env()
    monkeypatch.setenv("WECHATPAY_CERTS_CA", str(tmp_path / "ca.pem"))
    with Wechatpay.from_env() as wxpay, pickle.loads(pickle.dumps(wxpay)) as again:
        assert again._settings.authorities is not None
