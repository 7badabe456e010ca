from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.openssl import PAIR, verified
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.protocol import v3
from wechatpay_chain.protocol.hosts import HOSTS, Base
from wechatpay_chain.protocol.keyring import Keyring
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.protocol.payment import PayParams
from wechatpay_chain.protocol.v2 import APIv2
from wechatpay_chain.protocol.v3 import APIv3


@pytest.fixture
def protocol(gateway: Sandbox) -> APIv3:
    entries = gateway.configuration()
    merchant = Merchant.of(entries["mchid"], entries["serial"], gateway.identity.merchant_key, entries["apiv3_key"])
    return APIv3(merchant, Keyring.of(entries["certs"], merchant.serial))


def test_the_signed_text_of_a_request_has_five_lines() -> None:
    """As in the official documentation, each line ended, the last too."""
    text = v3.request_text("GET", "/v3/certificates?a=b", "1554208460", "593BEC0C930BF1AFEB40B4A08C8FB242", b"")
    assert text == b"GET\n/v3/certificates?a=b\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n\n"
    assert v3.request_text("POST", "/x", "1", "n", b"{}") == b"POST\n/x\n1\nn\n{}\n"


def test_the_signed_text_of_an_answer_has_three_lines() -> None:
    """The raw bytes of the body, whatever they are."""
    assert v3.answer_text("1554209980", "c5ac7061fccab6bf3e254dcf98995b8c", b'{"a":1}') == (
        b'1554209980\nc5ac7061fccab6bf3e254dcf98995b8c\n{"a":1}\n'
    )
    assert v3.answer_text("1", "n", b"") == b"1\nn\n\n"


def test_clock_and_nonce_may_be_given(gateway: Sandbox, protocol: APIv3) -> None:
    """So a signature can be repeated; openssl verifies it."""
    signed = protocol.sign("POST", "/v3/x", b'{"a":1}', timestamp=1554208460, nonce="N")
    assert signed == protocol.sign("POST", "/v3/x", b'{"a":1}', timestamp=1554208460, nonce="N")
    fields = dict(PAIR.findall(signed.authorization))
    assert signed.message == b'POST\n/v3/x\n1554208460\nN\n{"a":1}\n'
    assert verified(signed.message, fields["signature"], gateway.identity.merchant_key.public_key())
    assert protocol.sign("GET", "/", b"") != protocol.sign("GET", "/", b"")


@given(st.dictionaries(st.sampled_from([*v3.SIGNATURE_HEADERS, "X"]), st.text()), st.binary(), st.text())
def test_no_made_up_answer_is_verified(headers: dict[str, str], body: bytes, path: str) -> None:
    """Whatever headers and body say, a VerificationError is all that comes out."""
    merchant = Merchant.of("1", None, None, None)
    with pytest.raises(errors.VerificationError):
        APIv3(merchant, Keyring.of(None)).verify(path, headers, body)


@pytest.mark.parametrize("name", v3.SIGNATURE_HEADERS)
def test_no_header_of_an_answer_has_a_second_line(gateway: Sandbox, protocol: APIv3, name: str) -> None:
    """A nonce with a line break would take its first line from the body, and the signature would hold."""
    signed = gateway.pusher().sign_notice("", b"AAA\n{}")
    protocol.verify("/v3/x", signed.headers, b"AAA\n{}")
    for line in ("\nAAA", "\rAAA", "\0"):
        shifted = {**signed.headers, name: signed.headers[name] + line}
        with pytest.raises(errors.HeadersIncomplete, match=f"^{name}: expected ASCII text of one line, found "):
            protocol.verify("/v3/x", shifted, b"{}")


@pytest.mark.parametrize(
    ("method", "path", "unsigned"),
    [
        ("GET", "/v3/billdownload/file", True),
        ("POST", "/v3/billdownload/file", False),
        ("GET", "/v3/billdownload/files", False),
        ("GET", "/x/v3/billdownload/file", False),
        ("GET", "/v3/merchant-service/images/abc", True),
        ("GET", "/v3/merchant-service/images/upload", False),
        ("GET", "/v3/merchant-service/images/a/b", True),
        ("GET", "/v3/merchant-service/images/", False),
        ("GET", "/v3/global/merchant-service/images/abc", True),
        ("GET", "/v3/certificates", False),
    ],
)
def test_unsigned_answers_are_one_table(method: str, path: str, unsigned: bool) -> None:
    """Exact paths, by GET alone."""
    assert v3.is_unsigned(method, path) is unsigned


def test_the_public_key_is_current_before_certificates(gateway: Sandbox) -> None:
    """What a request names, whatever the order of the configuration."""
    certs = gateway.configuration()["certs"]
    public_id = gateway.identity.public_key_id
    for order in (certs, dict(reversed(certs.items()))):
        assert Keyring.of(order).current.id == public_id
    del certs[public_id]
    assert Keyring.of(certs).current.id == next(iter(certs))


def test_an_empty_keyring_says_what_to_configure() -> None:
    """certs, with the form that new merchants have."""
    with pytest.raises(errors.ConfigError, match=r"^certs: .*PUB_KEY_ID_"):
        _ = Keyring.of(None).current
    with pytest.raises(errors.UnknownSerial, match="holds none; add it to certs"):
        Keyring.of(None).find("A")


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://api.mch.weixin.qq.com", Base("https://api.mch.weixin.qq.com", "")),
        ("https://API.mch.weixin.qq.com/", Base("https://api.mch.weixin.qq.com", "")),
        ("http://127.0.0.1:8080/hk/", Base("http://127.0.0.1:8080", "/hk")),
        ("http://[::1]:8080", Base("http://[::1]:8080", "")),
    ],
)
def test_a_base_is_origin_and_prefix(url: str, base: Base) -> None:
    """The host in lower case, the path without its last slash."""
    assert Base.of(url) == base


@pytest.mark.parametrize(
    "url", ["", "api.mch.weixin.qq.com", "https://", "https://a:b", "https://a:99999", "file:///x"]
)
def test_what_is_no_base_raises(url: Any) -> None:
    """It names the field."""
    with pytest.raises(errors.ConfigError, match=r"^base_url: "):
        Base.of(url)


def test_wechat_pays_hosts_are_reached_over_tls_alone() -> None:
    """http and other ports are somebody else."""
    for host in HOSTS:
        assert Base.of(f"https://{host}").is_wechat
        assert not Base.of(f"http://{host}").is_wechat
        assert not Base.of(f"https://{host}:444").is_wechat
        assert not Base.of(f"https://{host}.example").is_wechat


def test_a_merchant_shows_no_key(gateway: Sandbox) -> None:
    """repr has numbers and serial alone."""
    merchant = Merchant.of("1", "AB", gateway.identity.merchant_key, "k" * 32)
    assert repr(merchant) == "Merchant(mchid='1', serial='AB', brand_id='')"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_holds_a_key_is_not_pickled(gateway: Sandbox, wxpay: Wechatpay, protocol: int) -> None:
    """It would stand there in plain; the error says what to do, and shows none."""
    merchant = Merchant.of("1900000109", None, None, "k" * 32, "of APIv2")
    holders = [merchant, PayParams(merchant), PayParams(merchant).busifavor, APIv2("1900000109", "of APIv2")]
    for holder in [*holders, APIv3(merchant, Keyring.of(None)), wxpay.pay_params]:
        with pytest.raises(TypeError, match="holds keys and is not pickled; pickle the client") as caught:
            pickle.dumps(holder, protocol)
        assert "of APIv2" not in str(caught.value)
        assert "kkk" not in str(caught.value)
