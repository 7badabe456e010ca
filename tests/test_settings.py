from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain import Sandbox, Wechatpay, errors, settings

MINIMAL = {"mchid": "1900000001"}


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        ({}, "mchid", "missing"),
        ({"mchid": ""}, "mchid", "empty"),
        ({"mchid": " "}, "mchid", "empty"),
        ({"mchid": "19a"}, "mchid", "digits"),
        ({"mchid": 1.5}, "mchid", "float"),
        ({"mchid": True}, "mchid", "bool"),
        ({"mchid": '1","nonce_str="'}, "mchid", "digits"),
        ({**MINIMAL, "serial": "AB"}, "private_key", "missing"),
        ({**MINIMAL, "private_key": "/nowhere/key.pem"}, "serial", "missing"),
        ({**MINIMAL, "private_key": "/nowhere/key.pem", "serial": "AB"}, "private_key", "/nowhere/key.pem"),
        ({**MINIMAL, "private_key": "x", "serial": ""}, "serial", "empty"),
        ({**MINIMAL, "private_key": "x", "serial": "A:B"}, "serial", "colons"),
        ({**MINIMAL, "private_key": "x", "serial": 5}, "serial", "int"),
        ({**MINIMAL, "apiv3_key": "x"}, "apiv3_key", "1 bytes, expected 32"),
        ({**MINIMAL, "apiv3_key": 5}, "apiv3_key", "int"),
        ({**MINIMAL, "certs": {}}, "certs", "empty"),
        ({**MINIMAL, "certs": "x"}, "certs", "str"),
        ({**MINIMAL, "certs": {"": "x"}}, "certs", "id is text"),
        ({**MINIMAL, "certs": {5: "x"}}, "certs", "id is text"),
        ({**MINIMAL, "certs": {"A": None}}, r"certs\['A'\]", "missing"),
        ({**MINIMAL, "certs": {"A": 5}}, r"certs\['A'\]", "int"),
        ({**MINIMAL, "base_url": ""}, "base_url", "https://host"),
        ({**MINIMAL, "base_url": "ftp://x"}, "base_url", "https://host"),
        ({**MINIMAL, "base_url": []}, "base_url", "a URL or a list"),
        ({**MINIMAL, "base_url": 5}, "base_url", "a URL or a list"),
        ({**MINIMAL, "base_url": ["https://a.example", 5]}, "base_url", "int"),
        ({**MINIMAL, "base_url": "https://a.example/?b=c"}, "base_url", "no query"),
        ({**MINIMAL, "base_url": "https://u:p@a.example/"}, "base_url", "leave user"),
        ({**MINIMAL, "timeout": 0}, "timeout", "above 0"),
        ({**MINIMAL, "headers": {"Authorization": "x"}}, "headers", "made by the client"),
        ({**MINIMAL, "headers": 5}, "headers", "int"),
        ({**MINIMAL, "public_key": "x"}, "public_key_id", "go together"),
        ({**MINIMAL, "public_key_id": "x"}, "public_key", "go together"),
        ({**MINIMAL, "certs_dir": "/nowhere"}, "certs_dir", "no certificate"),
        ({**MINIMAL, "certs_dir": 5}, "certs_dir", "int"),
        ({**MINIMAL, "certs_dir": "~nosuchuser/x"}, "certs_dir", "no certificate"),
        ({**MINIMAL, "private_key": "~nosuchuser/x", "serial": "AB"}, "private_key", "neither a key nor"),
        ({**MINIMAL, "private_kay": "x"}, "private_kay", "did you mean private_key"),
        ({**MINIMAL, "privateKey": "x", "private_key": "y"}, "private_key", "given twice"),
    ],
)
def test_a_wrong_entry_is_named(options: dict[str, Any], field: str, words: str) -> None:
    """The message begins with the entry and tells what was found or what to do, in one line."""
    for args, keywords in (((options,), {}), ((), options)):
        with pytest.raises(errors.ConfigError, match=f"^{field}: .*{words}") as caught:
            Wechatpay(*args, **keywords)
        assert "\n" not in str(caught.value)
        assert caught.value.field


@pytest.mark.parametrize("config", [5, "x", [("mchid", "1")], object()])
def test_a_configuration_is_a_mapping(config: Any) -> None:
    """Anything else raises."""
    with pytest.raises(errors.ConfigError, match="expected a mapping"):
        Wechatpay(config)


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.binary() | st.lists(st.text())))
def test_whatever_is_configured_only_config_errors_come(options: dict[str, Any]) -> None:
    """Any names, any values."""
    with pytest.raises(errors.ConfigError) as caught:
        Wechatpay({"mchid": "1", "certs": {}, **options})
    assert len(str(caught.value).splitlines()) == 1


def test_the_merchants_own_key_among_certs_is_refused(gateway: Sandbox) -> None:
    """The commonest mix-up, by its serial, in any case of letters."""
    entries = gateway.configuration()
    key = next(iter(entries["certs"].values()))
    for serial in (gateway.identity.serial, gateway.identity.serial.lower()):
        with pytest.raises(errors.ConfigError, match="the merchant's own serial"):
            Wechatpay({**entries, "certs": {serial: key}})
    certificate = next(pem for name, pem in entries["certs"].items() if not name.startswith("PUB"))
    own = next(name for name in entries["certs"] if not name.startswith("PUB"))
    with pytest.raises(errors.ConfigError, match="the merchant's own"):
        Wechatpay({**entries, "serial": own, "certs": {"PUB_KEY_ID_1": certificate}})


def test_mchid_may_be_a_number() -> None:
    """It is taken as its digits."""
    assert settings.read({"mchid": 1900000001}, {}).merchant.mchid == "1900000001"


def test_the_default_hosts_are_wechat_pays_two_sites() -> None:
    """Main site first."""
    origins = [base.origin for base in settings.read(MINIMAL, {}).bases]
    assert origins == ["https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com"]


def test_a_client_comes_from_the_environment(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """WECHATPAY_…; options come first; an unset merchant number is named."""
    for name, value in gateway.environment().items():
        monkeypatch.setenv(name, value)
    with Wechatpay.from_env() as wxpay:
        assert wxpay.v3.certificates.get().verified
    with Wechatpay.from_env(base_url=["https://a.example", "https://b.example"]) as wxpay:
        assert wxpay.prepare(wxpay.v3.x.get).url == "https://a.example/v3/x"
    monkeypatch.setenv("WECHATPAY_BASE_URL", "https://c.example, https://d.example")
    with Wechatpay.from_env() as wxpay:
        assert [base.origin for base in wxpay._settings.bases] == ["https://c.example", "https://d.example"]
    monkeypatch.setenv("WECHATPAY_PRIVATE_KEY", gateway.environment()["WECHATPAY_PRIVATE_KEY"].replace("\n", "\\n"))
    Wechatpay.from_env().close()
    monkeypatch.setenv("WECHATPAY_MCHID", "")
    with pytest.raises(errors.ConfigError, match="neither given nor set in the environment as WECHATPAY_MCHID"):
        Wechatpay.from_env()


def test_certificates_come_from_a_folder(gateway: Sandbox, tmp_path: Path) -> None:
    """Each *.pem in certs_dir under its own serial."""
    entries = gateway.configuration()
    serial = next(name for name in entries["certs"] if not name.startswith("PUB"))
    (tmp_path / "any-name.pem").write_text(entries["certs"][serial])
    (tmp_path / "apiclient_key.pem").write_text(entries["private_key"])
    with Wechatpay({**entries, "certs": None, "certs_dir": tmp_path}) as wxpay:
        assert wxpay.v3.certificates.get().headers["Wechatpay-Serial"] == serial


def test_a_client_comes_from_a_profile(gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of a TOML file; the paths of its keys start at its folder."""
    entries = gateway.configuration()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/merchant.pem").write_text(entries["private_key"])
    public_id = gateway.identity.public_key_id
    (tmp_path / "keys/wechatpay.pem").write_text(entries["certs"][public_id])
    profiles = tmp_path / "profiles.toml"
    profiles.write_text(
        f'[shop]\nmchid = "{entries["mchid"]}"\nserial = "{entries["serial"]}"\nprivate_key = "keys/merchant.pem"\n'
        f'base_url = "{entries["base_url"]}"\ntimeout = 3\n[shop.certs]\n"{public_id}" = "keys/wechatpay.pem"\n'
        '[broken]\nmchid = "1"\nprivate_key = "keys/nowhere.pem"\nserial = "AB"\n'
    )
    monkeypatch.setenv("WECHATPAY_PROFILES", str(profiles))
    with Wechatpay.from_profile("shop") as wxpay:
        assert wxpay.v3.certificates.get().verified
    with pytest.raises(errors.ConfigError, match=r"no table \[stop\] in .*there are: broken, shop"):
        Wechatpay.from_profile("stop")
    with pytest.raises(errors.ConfigError, match=r"private_key: .*nowhere\.pem"):
        Wechatpay.from_profile("broken")
    profiles.write_text('secret = "hush\n')
    with pytest.raises(errors.ConfigError, match="is no TOML") as caught:
        Wechatpay.from_profile("shop")
    assert "hush" not in str(caught.value)
    monkeypatch.setenv("WECHATPAY_PROFILES", str(tmp_path / "none.toml"))
    with pytest.raises(errors.ConfigError, match="cannot be read"):
        Wechatpay.from_profile("shop")
    assert sys.version_info >= (3, 10)


def test_no_source_of_configuration_shows_its_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a profile's table nor the environment nor an option stands in the frames that an error leaves."""
    profiles = tmp_path / "profiles.toml"
    monkeypatch.setenv("WECHATPAY_PROFILES", str(profiles))
    monkeypatch.setenv("WECHATPAY_SECRET", "hush-environment")
    tries: list[tuple[str, Any]] = [
        ('[shop]\nsecret = "hush-profile"\n', lambda: Wechatpay.from_profile("nope")),
        ('[shop]\nsecret = "hush-profile\n', lambda: Wechatpay.from_profile("shop")),
        ('[shop]\nmchid = "x"\nsecret = "hush-profile"\n', lambda: Wechatpay.from_profile("shop")),
        ("", lambda: Wechatpay.from_env(mchid="1", apiv3_key="hush-option")),
    ]
    for text, attempt in tries:
        profiles.write_text(text)
        with pytest.raises(errors.ConfigError) as caught:
            attempt()
        trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        frames = [frame for frame in trace.stack if "wechatpay_chain/" in frame.filename]
        assert frames
        assert "hush" not in f"{caught.value}{[frame.locals for frame in frames]}"
        assert caught.value.__context__ is None


def test_a_later_source_brings_its_own_keys(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """certs given by name replace those of the environment, and any alias counts."""
    for name, value in gateway.environment().items():
        monkeypatch.setenv(name, value)
    other = gateway.configuration()["private_key"]
    public_id = gateway.identity.public_key_id
    certificate = next(pem for name, pem in gateway.configuration()["certs"].items() if not name.startswith("PUB"))
    certs = {public_id: x509.load_pem_x509_certificate(certificate.encode()).public_key()}
    refused = pytest.raises(errors.SignatureMismatch)
    with Wechatpay.from_env(privateKey=other, baseURL=gateway.base_url, certs=certs) as wxpay, refused:
        wxpay.v3.certificates.get()
    monkeypatch.delenv("WECHATPAY_MCHID")
    with Wechatpay.from_env(mchid=gateway.mchid, base_url=None) as wxpay:
        assert wxpay.v3.certificates.get().verified


@pytest.mark.parametrize(
    ("system", "environment", "made", "config", "state"),
    [
        ("linux", {}, "", ".config", ".local/state"),
        ("linux", {"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}, "", "/c", "/s"),
        ("freebsd14", {}, "", ".config", ".local/state"),
        ("darwin", {}, "", "Library/Application Support", "Library/Application Support"),
        ("darwin", {"XDG_CONFIG_HOME": "/c"}, "", "/c", "Library/Application Support"),
        ("darwin", {}, ".config/wechatpay-chain", ".config", "Library/Application Support"),
        ("win32", {}, "", "AppData/Roaming", "AppData/Local"),
        ("win32", {"APPDATA": "/r", "LOCALAPPDATA": "/l"}, "", "/r", "/l"),
        ("win32", {"APPDATA": "/r"}, ".config/wechatpay-chain", ".config", "AppData/Local"),
    ],
)
def test_user_folders(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    environment: dict[str, str],
    made: str,
    config: str,
    state: str,
) -> None:
    """Where each platform keeps them; what an earlier version left in ~/.config is found."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / made).mkdir(parents=True, exist_ok=True)
    assert settings.user_folder("config", environment, system) == tmp_path / config / "wechatpay-chain"
    assert settings.user_folder("state", environment, system) == tmp_path / state / "wechatpay-chain"


def test_one_key_for_signatures_and_tls_is_checked_once(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one is checked for itself, and so is one with a passphrase beside it."""
    checked = []
    load = serialization.load_pem_private_key

    def count(data: bytes, password: bytes | None, **options: bool) -> Any:
        checked.append(data)
        return load(data, password, **options)

    monkeypatch.setattr(serialization, "load_pem_private_key", count)
    entries = settings.from_env(gateway.environment())
    assert settings.read(entries, {}).tls is not None
    assert len(checked) == 1
    for part, value in {"key": f"{entries['private_key']}\\n# another", "passphrase": "of no use"}.items():
        checked.clear()
        with contextlib.suppress(errors.ConfigError):
            settings.read({**entries, "merchant": {**entries["merchant"], part: value}}, {})
        assert len(checked) > 1, part


@pytest.mark.slow
def test_a_tls_certificate_in_pem_needs_no_parser_of_x509(gateway: Sandbox) -> None:
    """Its import is a tenth of a cold start, and OpenSSL reads the certificate anyway."""
    script = (
        "import sys, wechatpay_chain\n"
        "assert wechatpay_chain.Wechatpay.from_env()._settings.tls is not None\n"
        "assert 'cryptography.x509' not in sys.modules\n"
    )
    environment = {**os.environ, **gateway.environment()}
    assert "WECHATPAY_MERCHANT_CERT" in environment
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("appid", "a field of the body"),
        ("wechatpay_type", "a word of the chain"),
        ("cert_serial_no", "did you mean serial?"),
        ("api_key", "did you mean secret, the APIv2 key, or apiv3_key?"),
        ("mch_cert", "did you mean merchant={'cert': …, 'key': …}?"),
        ("mch_id", "did you mean mchid?"),
        ("proxy", "HTTPS_PROXY"),
    ],
)
def test_an_entry_of_another_library_is_answered_with_ours(name: str, told: str) -> None:
    """Those of wechatpayv3 and wechatpy, as the pages about them have it."""
    with pytest.raises(errors.ConfigError, match=f"^{name}: no such entry; ") as caught:
        Wechatpay(mchid="1900000001", **{name: "x"})
    assert told in str(caught.value)
    assert caught.value.field == name
