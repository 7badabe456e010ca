"""A pickled client is the names of its files, or where the environment said it all; never a key."""

from __future__ import annotations

import copy
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from wechatpay_chain import Builder, Sandbox, Wechatpay, errors
from wechatpay_chain.sandbox.identity import private_pem


def files(gateway: Sandbox, folder: Path) -> dict[str, Any]:
    """The sandbox's configuration with its keys in files."""
    entries = gateway.configuration()
    public_id = gateway.identity.public_key_id
    (folder / "merchant.pem").write_text(entries["private_key"])
    (folder / "wechatpay.pem").write_text(entries["certs"][public_id])
    return {
        "mchid": entries["mchid"],
        "serial": entries["serial"],
        "private_key": str(folder / "merchant.pem"),
        "certs": {public_id: folder / "wechatpay.pem"},
        "base_url": entries["base_url"],
        "timeout": (5, 9),
        "headers": {"X-Route": "1"},
    }


def secrets(gateway: Sandbox) -> list[bytes]:
    identity = gateway.identity
    lines = gateway.configuration()["private_key"].splitlines()[1:-1]
    return [text.encode() for text in (*lines, identity.apiv3_key, identity.secret)]


def again(client: Any, gateway: Sandbox) -> Any:
    """The client after a pickle in which no secret is."""
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        pickled = pickle.dumps(client, protocol)
        assert not [secret for secret in secrets(gateway) if secret in pickled]
    made: Any = pickle.loads(pickled)
    return made


def test_a_client_of_files_pickles_as_its_configuration(
    gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths, also relative ones and URLs; every setting comes along; the copy has connections of its own."""
    entries = files(gateway, tmp_path)
    monkeypatch.chdir(tmp_path)
    spellings = ["merchant.pem", tmp_path / "merchant.pem", f"file://{tmp_path}/merchant.pem"]
    for spelling in spellings:
        with Wechatpay({**entries, "private_key": spelling}) as wxpay:
            monkeypatch.chdir("/")
            with again(wxpay, gateway) as made:
                assert type(made) is Wechatpay
                assert made is not wxpay
                assert made.v3.certificates.get().verified
                assert gateway.requests[-1].headers["X-Route"] == "1"
                assert made._settings.timeout == (5.0, 9.0)
                with again(made, gateway) as third:
                    assert third.v3.certificates.get().verified
            monkeypatch.chdir(tmp_path)
    with copy.copy(Wechatpay(entries)) as other:
        assert other.v3.certificates.get().verified


def test_the_php_face_pickles_too(gateway: Sandbox, tmp_path: Path) -> None:
    """Under its own names, with its own base and the options for every call; but no password among them."""
    entries = files(gateway, tmp_path)
    php = {"privateKey": entries.pop("private_key"), "base_uri": f"{entries.pop('base_url')}/index.php", **entries}
    php = {**php, "timeout": 7, "query": {"a": "b"}, "http_errors": False}
    with again(Builder.factory(php), gateway) as made:
        assert made.v3.certificates.get([]).getStatusCode() == 200
        assert gateway.requests[-1].target == "/v3/certificates?a=b"
        assert made.v3.x.get().getStatusCode() == 404
    for name, value in (("auth", ["user", "hush"]), ("proxy", "http://user:hush@127.0.0.1:9"), ("debug", sys.stderr)):
        with pytest.raises(TypeError, match=f"since {name} would be in it"):
            pickle.dumps(Builder.factory({**php, name: value}))


def test_a_client_of_the_environment_reads_it_anew(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its variables hold; options come along; another merchant's environment is refused."""
    for name, value in gateway.environment().items():
        monkeypatch.setenv(name, value)
    wxpay = Wechatpay.from_env(timeout=3, baseURL=gateway.base_url)
    with again(wxpay, gateway) as made:
        assert made.v3.certificates.get().verified
        assert made._settings.timeout == (3.0, 3.0)
        assert made._settings.merchant.secret == gateway.identity.secret
    pickled = pickle.dumps(wxpay)
    monkeypatch.setenv("WECHATPAY_MCHID", "1")
    with pytest.raises(errors.ConfigError, match=f"^mchid: this process configures 1, .* for {gateway.mchid}"):
        pickle.loads(pickled)
    monkeypatch.setenv("WECHATPAY_MCHID", gateway.mchid)
    monkeypatch.setenv("WECHATPAY_SERIAL", "AB")
    with pytest.raises(errors.ConfigError, match=r"another serial"):
        pickle.loads(pickled)
    monkeypatch.delenv("WECHATPAY_MCHID")
    with pytest.raises(errors.ConfigError, match=r"mchid: neither given nor set"):
        pickle.loads(pickled)


def test_a_client_of_a_profile_reads_it_anew(gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, with its secrets left where they are."""
    entries = files(gateway, tmp_path)
    (tmp_path / "profiles.toml").write_text(
        f'[shop]\nmchid = "{entries["mchid"]}"\nserial = "{entries["serial"]}"\nprivate_key = "merchant.pem"\n'
        f'secret = "{gateway.identity.secret}"\napiv3_key = "{gateway.identity.apiv3_key}"\n'
        f'base_url = "{entries["base_url"]}"\n'
    )
    monkeypatch.setenv("WECHATPAY_PROFILES", str(tmp_path / "profiles.toml"))
    with again(Wechatpay.from_profile("shop", certs=entries["certs"]), gateway) as made:
        assert made.v3.certificates.get().verified


HELD: dict[str, tuple[Callable[[Sandbox], Any], str]] = {
    "private_key text": (lambda gateway: {"private_key": gateway.configuration()["private_key"]}, "private_key"),
    "private_key object": (lambda gateway: {"private_key": gateway.identity.merchant_key}, "private_key"),
    "private_key base64": (
        lambda gateway: {"private_key": "".join(gateway.configuration()["private_key"].splitlines()[1:-1])},
        "private_key",
    ),
    "private_key bytes": (
        lambda gateway: {"private_key": gateway.configuration()["private_key"].encode()},
        "private_key",
    ),
    "certs": (lambda gateway: {"certs": gateway.configuration()["certs"]}, r"certs\['"),
    "apiv3_key": (lambda gateway: {"apiv3_key": gateway.identity.apiv3_key}, "apiv3_key"),
    "secret": (lambda gateway: {"secret": gateway.identity.secret}, "secret"),
}


@pytest.mark.parametrize("case", HELD)
def test_a_client_that_holds_a_key_is_not_pickled(gateway: Sandbox, tmp_path: Path, case: str) -> None:
    """TypeError that names the entry and says what to do, also where the rest comes from the environment."""
    make, name = HELD[case]
    entries = files(gateway, tmp_path)
    for client in (Wechatpay({**entries, **make(gateway)}), from_env(entries, make(gateway))):
        with pytest.raises(
            TypeError, match=f"is not pickled, since {name}.*would be in it: give keys as files"
        ) as caught:
            pickle.dumps(client)
        assert not [secret for secret in secrets(gateway) if secret.decode() in str(caught.value)]


def from_env(entries: dict[str, Any], options: dict[str, Any]) -> Wechatpay:
    names = {"mchid", "serial", "private_key", "base_url"} - options.keys()
    environment = {f"WECHATPAY_{name.upper()}": str(entries[name]) for name in names}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return Wechatpay.from_env(**{"certs": entries["certs"], **options})


def test_a_tls_certificate_comes_along_as_files(gateway: Sandbox, tmp_path: Path) -> None:
    """Its passphrase does not."""
    entries = files(gateway, tmp_path)
    merchant = {"cert": str(tmp_path / "cert.pem"), "key": entries["private_key"]}
    certificate = gateway.identity.certificate
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (tmp_path / "cert.key").write_text(gateway.configuration()["private_key"])
    with pytest.raises(errors.ConfigError):
        Wechatpay({**entries, "merchant": merchant})  # that certificate is not of this key
    key = gateway.identity.certificate_key
    (tmp_path / "cert.key").write_text(private_pem(key))
    merchant["key"] = str(tmp_path / "cert.key")
    assert again(Wechatpay({**entries, "merchant": merchant}), gateway)._settings.tls
    with pytest.raises(TypeError, match=r"merchant\['passphrase'\]"):
        pickle.dumps(Wechatpay({**entries, "merchant": {**merchant, "passphrase": "hush"}}))


def test_a_file_that_is_gone_is_told_where_it_is_unpickled(gateway: Sandbox, tmp_path: Path) -> None:
    """As at any construction."""
    pickled = pickle.dumps(Wechatpay(files(gateway, tmp_path)))
    os.unlink(tmp_path / "merchant.pem")
    with pytest.raises(errors.ConfigError, match=r"^private_key: .*merchant\.pem"):
        pickle.loads(pickled)
