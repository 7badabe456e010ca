"""Values as a .env file holds them that was edited on Windows: a carriage return ends each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.authority import KEY, certificate
from wechatpay_chain import Sandbox, Wechatpay, settings

ENDS = ["\r", "\r\n", "\n", " \r", "\t"]


@pytest.fixture
def environment(gateway: Sandbox, tmp_path: Path) -> dict[str, str]:
    """Every variable that the constructor's entries have."""
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "cert.pem").write_bytes(certificate(KEY).public_bytes(Encoding.PEM))
    (tmp_path / "ca.pem").write_bytes(certificate(KEY, is_authority=True).public_bytes(Encoding.PEM))
    (tmp_path / "certs").mkdir(mode=0o700)
    own = {
        "WECHATPAY_ALLOW_HTTP": "true",
        "WECHATPAY_CERTS_CA": str(tmp_path / "ca.pem"),
        "WECHATPAY_CERTS_DIR": str(tmp_path / "certs"),
        "WECHATPAY_MERCHANT_CERT": str(tmp_path / "cert.pem"),
        "WECHATPAY_MERCHANT_KEY": str(tmp_path / "key.pem"),
    }
    return {**gateway.environment(), **own}


@pytest.mark.parametrize("end", ENDS)
def test_no_value_keeps_its_line_end(
    gateway: Sandbox, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """A client made from it calls in both protocols; each entry is what it would be without the end."""
    assert settings.from_env({name: value + end for name, value in environment.items()}) == settings.from_env(
        environment
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value + end)
    monkeypatch.setenv("WECHATPAY_BRAND_ID", end)
    with Wechatpay.from_env() as wxpay:
        assert wxpay.v3.certificates.get().verified
        order = {"appid": "wx1", "mch_id": gateway.mchid, "out_trade_no": "x", "nonce_str": "n"}
        signed = wxpay.prepare(wxpay.v2.pay.orderquery.post, order)
        with gateway.client() as plain:
            assert signed.body == plain.prepare(plain.v2.pay.orderquery.post, order).body


def test_every_entry_is_tried() -> None:
    """The variables above are all but the brand's."""
    named = {*settings._ENVIRONMENT, *settings._MERCHANT_ENVIRONMENT} - {"WECHATPAY_BRAND_ID"}
    with Sandbox() as gateway:
        assert named - gateway.environment().keys() == {
            "WECHATPAY_ALLOW_HTTP",
            "WECHATPAY_CERTS_CA",
            "WECHATPAY_CERTS_DIR",
        }


@pytest.mark.parametrize("end", ENDS)
def test_an_entry_by_name_loses_it_too(gateway: Sandbox, tmp_path: Path, end: str) -> None:
    """As programs pass on what they read themselves; nested entries and ids as well."""
    configuration: dict[str, Any] = gateway.configuration()
    public = gateway.identity.public_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    (tmp_path / "cert.pem").write_bytes(certificate(KEY).public_bytes(Encoding.PEM))
    (tmp_path / "certs").mkdir()
    given: dict[str, Any] = {name: value + end for name, value in configuration.items() if isinstance(value, str)}
    given |= {"certs": {f"{gateway.identity.public_key_id}{end}": f"{tmp_path}/public.pem{end}"}}
    given |= {"merchant": {"cert": f"{tmp_path}/cert.pem{end}", "key": KEY}, "certs_dir": f"{tmp_path}/certs{end}"}
    with Wechatpay(given) as wxpay:
        merchant = wxpay._settings.merchant
        assert wxpay.v3.certificates.get().verified
        assert (merchant.apiv3_key, merchant.secret) == (configuration["apiv3_key"].encode(), configuration["secret"])
        assert wxpay._settings.folder is not None


def test_a_key_of_bytes_loses_its_line_end_alone(gateway: Sandbox) -> None:
    """``read_bytes()`` of a file that an editor ended with a line."""
    key = gateway.configuration()["apiv3_key"].encode()
    with gateway.client(apiv3_key=key + b"\r\n") as wxpay:
        assert wxpay._settings.merchant.apiv3_key == key
