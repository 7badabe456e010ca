"""Two schemes of one shape: a merchant's and a brand's."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests import openssl
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.protocol.merchant import BRAND, MERCHANT


def test_a_brand_signs_in_its_own_name(gateway: Sandbox) -> None:
    """Scheme, identity and key are the brand's; openssl verifies the bytes; the answer is verified."""
    with gateway.brand_client() as brand:
        answer = brand.brand.marketing.product.post({"a": "文"})
        assert answer.verified
        assert answer.data == {"method": "POST", "path": "/brand/marketing/product", "body": {"a": "文"}}
        assert repr(brand) == f"<Wechatpay {gateway.brand.number} at {gateway.base_url}>"
    received = gateway.requests[-1]
    assert received.verdict == ""
    scheme, _, pairs = received.headers["Authorization"].partition(" ")
    fields = dict(re.findall(r'(\w+)="([^"]+)"', pairs))
    assert scheme == "WECHATPAY-BRAND-SHA256-RSA2048"
    assert fields.keys() == {"brand_id", "nonce_str", "timestamp", "serial_no", "signature"}
    assert (fields["brand_id"], fields["serial_no"]) == (gateway.brand.number, gateway.brand.serial)
    message = f"POST\n/brand/marketing/product\n{fields['timestamp']}\n{fields['nonce_str']}\n".encode() + received.body
    assert openssl.verified(message + b"\n", fields["signature"], gateway.brand.key.public_key())
    assert not openssl.verified(message + b"\n", fields["signature"], gateway.identity.merchant_key.public_key())


def test_each_path_takes_its_own_scheme(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The gateway refuses a merchant at a brand's path, and the other way round."""
    with gateway.brand_client() as brand:
        for node in (brand.v3.certificates, wxpay.brand.x):
            with pytest.raises(errors.SignError, match="SIGN_ERROR"):
                node.get()
    with gateway.brand_client(brand_id="1") as another, pytest.raises(errors.SignError) as caught:
        another.brand.x.get()
    assert caught.value.detail["sandbox"]["differs"] == "brand_id"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"brand_id": "x"}, "^brand_id: expected digits"),
        ({"brand_id": ""}, "^brand_id: empty"),
        ({"brand_id": 1.5}, "^brand_id: .*float"),
        ({"mchid": "1900000001"}, "^brand_id: given beside mchid.*one client for mchid and one for brand_id"),
    ],
)
def test_one_client_has_one_identity(gateway: Sandbox, options: dict[str, Any], words: str) -> None:
    """A brand has keys of its own, so two identities are two clients."""
    with pytest.raises(errors.ConfigError, match=words):
        gateway.brand_client(**options)


def test_a_brand_lacks_what_belongs_to_merchants(gateway: Sandbox) -> None:
    """No APIv2, and no certificates to download: both are told before anything is sent."""
    with gateway.brand_client(certs=None, apiv3_key="k" * 32) as brand:
        with pytest.raises(errors.ConfigError, match=r"^certs: missing"):
            brand.brand.x.get()
        with pytest.raises(errors.ConfigError, match=r"^mchid, secret: missing"):
            brand.v2.x.post({})
    assert not gateway.requests


def test_a_brand_comes_from_the_environment(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """WECHATPAY_BRAND_ID; an identity that is given replaces that of the environment."""
    for name, value in gateway.environment().items():
        monkeypatch.setenv(name, value)
    keys = {"serial": gateway.brand.serial, "private_key": gateway.brand.key}
    with Wechatpay.from_env(brandId=int(gateway.brand.number), **keys) as brand:
        assert brand.brand.x.get().verified
    monkeypatch.setenv("WECHATPAY_BRAND_ID", "12345")
    with pytest.raises(errors.ConfigError, match=r"^brand_id: given beside mchid"):
        Wechatpay.from_env()
    monkeypatch.delenv("WECHATPAY_MCHID")
    with Wechatpay.from_env(**keys) as brand:
        assert repr(brand).startswith("<Wechatpay 12345 ")


def test_a_scheme_is_four_values() -> None:
    """What another one, such as SM2, would have to bring."""
    assert (MERCHANT.name, MERCHANT.identity) == ("WECHATPAY2-SHA256-RSA2048", "mchid")
    assert (BRAND.name, BRAND.identity) == ("WECHATPAY-BRAND-SHA256-RSA2048", "brand_id")
    assert MERCHANT._fields == ("name", "identity", "sign", "verify")
