"""The folder of a sandbox: its files as other programs read them, made once and used again; and what to paste."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from cryptography.x509 import load_pem_x509_certificate

from tests.promises import PATIENCE
from tests.sandbox import shop
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.cli import main
from wechatpay_chain.cli.console import Console
from wechatpay_chain.sandbox.directory import Directory
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.sample_programs import snippets
from wechatpay_chain.sandbox.store import Store

NAMES = ("apiclient_key.pem", "apiclient_cert.pem", "apiclient_cert.p12", "pub_key.pem", "ca.pem", "sandbox.env")
KEYS = ("mchid", "serial", "appid", "apiv3_key", "secret", "public_key_id", "platform_serial", "base_url")


def test_the_files_are_those_of_one_merchant(tmp_path: Path) -> None:
    """As cryptography and openssl read them; for their owner alone."""
    folder = tmp_path / "a" / "b"
    with Sandbox(directory=folder, mchid="1900000109") as gateway:
        told = json.loads((folder / "sandbox.json").read_text(encoding="utf-8"))
        assert {name: told[name] for name in KEYS} == {name: gateway.description()[name] for name in KEYS}
        assert (told["mchid"], told["base_url"], told["appid"][:2]) == ("1900000109", gateway.base_url, "wx")
    for name in (*NAMES, "sandbox.json", "identity.json", "README", f"wechatpay_{told['platform_serial']}.pem"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600, name
    assert all(Path(path).parent == folder and Path(path).is_file() for path in told["files"].values())
    key = load_pem_private_key((folder / "apiclient_key.pem").read_bytes(), None)
    certificate = load_pem_x509_certificate((folder / "apiclient_cert.pem").read_bytes())
    bundle = load_pkcs12((folder / "apiclient_cert.p12").read_bytes(), b"1900000109")
    assert f"{certificate.serial_number:X}" == told["serial"]
    assert bundle.cert is not None
    assert (certificate.public_key(), bundle.cert.certificate) == (key.public_key(), certificate)
    load_pem_public_key((folder / "pub_key.pem").read_bytes())
    platform = folder / f"wechatpay_{told['platform_serial']}.pem"
    command = [
        "openssl",
        "verify",
        "-CAfile",
        str(folder / "ca.pem"),
        str(folder / "apiclient_cert.pem"),
        str(platform),
    ]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_it_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte but for where it listens; by another process as well."""
    with Sandbox(directory=tmp_path) as one:
        serial, first = one.identity.serial, {name: (tmp_path / name).read_bytes() for name in NAMES[:5]}
    with Sandbox(directory=tmp_path, mchid=one.mchid) as two:
        assert (two.mchid, two.identity.serial) == (one.mchid, serial)
        assert {name: (tmp_path / name).read_bytes() for name in NAMES[:5]} == first
        assert json.loads((tmp_path / "sandbox.json").read_text())["base_url"] == two.base_url
        for name, value in environment(tmp_path).items():
            monkeypatch.setenv(name, value)
        with Wechatpay.from_env() as wxpay:
            wxpay.v3.pay.transactions.native.post(shop.order(two))


def environment(folder: Path) -> dict[str, str]:
    """The variables of sandbox.env, as a shell reads them."""
    script = 'set -a; . "$0/sandbox.env"; exec env -0'
    done = subprocess.run(["sh", "-c", script, str(folder)], capture_output=True, env={}, check=True, text=True)
    pairs = (line.partition("=") for line in done.stdout.split("\0") if line)
    return {name: value for name, _, value in pairs if name.startswith("WECHATPAY_")}


@pytest.fixture
def known(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Identity:
    """The identity of every sandbox that is made new: making keys takes long."""
    monkeypatch.setattr(Identity, "new", lambda mchid="": gateway.identity)
    return gateway.identity


@pytest.mark.usefixtures("known")
def test_what_is_missing_or_damaged_is_written_again(tmp_path: Path) -> None:
    """A folder that was copied, cleaned up or begun and not ended has all its files, for its owner alone."""
    with Sandbox(directory=tmp_path) as one:
        platform = f"wechatpay_{one.identity.certificate_serial}.pem"
    names = ("apiclient_key.pem", "apiclient_cert.pem", "pub_key.pem", platform, "apiclient_cert.p12")
    first = {name: (tmp_path / name).read_bytes() for name in names}
    (tmp_path / "pub_key.pem").unlink()
    (tmp_path / platform).unlink()
    (tmp_path / "apiclient_key.pem").write_bytes(first["apiclient_key.pem"][:99])
    (tmp_path / "apiclient_cert.p12").write_bytes(b"")
    for name in ("identity.json", "apiclient_cert.pem"):
        (tmp_path / name).chmod(0o644)
    with Sandbox(directory=tmp_path) as two:
        assert two.identity.to_json() == one.identity.to_json()
    assert {name: (tmp_path / name).read_bytes() for name in names[:4]} == {name: first[name] for name in names[:4]}
    held = load_pkcs12((tmp_path / "apiclient_cert.p12").read_bytes(), one.mchid.encode()).cert
    assert held is not None
    assert held.certificate == one.identity.merchant_certificate
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path.name


@pytest.mark.parametrize(
    "change",
    [
        {"mchid": ""},
        {"mchid": "../x"},
        {"mchid": 5},
        {"secret": None},
        {"serial": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"},
        {"merchant_key": "public_key"},
        {"certificate_key": "public_key"},
    ],
)
def test_an_identity_that_was_changed_is_none(known: Identity, tmp_path: Path, change: dict[str, Any]) -> None:
    """In one part: what does not fit would fail much later, and be hard to find."""
    kept = json.loads(known.to_json())
    changed = {name: kept.get(value, value) for name, value in change.items()}
    (tmp_path / "identity.json").write_text(json.dumps({**kept, **changed}))
    with pytest.raises(errors.ConfigError, match="no sandbox's") as caught:
        Sandbox(directory=tmp_path)
    assert (caught.value.field, [path.name for path in tmp_path.iterdir()]) == ("directory", ["identity.json"])


@pytest.mark.usefixtures("known")
def test_one_that_was_killed_as_it_began_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The identity is there before any key."""
    monkeypatch.setattr(Directory, "keep", lambda folder, identity: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Sandbox(directory=tmp_path)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["identity.json"]
    with Sandbox(directory=tmp_path) as gateway:
        assert json.loads((tmp_path / "identity.json").read_text())["serial"] == gateway.identity.serial


def test_two_that_begin_at_once_are_one_merchant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: Identity
) -> None:
    """Whoever finds the folder empty and is late takes the other's keys; on a file system without links as well."""
    late, folder = dataclasses.replace(known, mchid="1900000001"), Directory(tmp_path / "one")
    assert folder.claim(known).mchid == known.mchid
    assert folder.claim(late).mchid == known.mchid
    assert [path.name for path in folder.path.iterdir()] == ["identity.json"]

    def refuse(*paths: object) -> None:
        raise PermissionError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", refuse)
    folder = Directory(tmp_path / "two")
    assert folder.claim(late).mchid == late.mchid
    assert [path.name for path in folder.path.iterdir()] == ["identity.json"]


@pytest.mark.slow
@pytest.mark.parametrize("option", ["directory", "database"])
def test_many_begin_at_once(tmp_path: Path, option: str) -> None:
    """In processes of their own, on an empty folder or file."""
    program = (
        "import sys; from wechatpay_chain import Sandbox\n"
        "with Sandbox(**{sys.argv[1]: sys.argv[2]}) as gateway: print(gateway.identity.serial)"
    )
    argv = [sys.executable, "-c", program, option, str(tmp_path / "new")]
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({one.communicate(timeout=4 * PATIENCE)[0] for one in running}) == 1
    assert {one.returncode for one in running} == {0}


@pytest.mark.usefixtures("known")
def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, and no piece of a file stays."""

    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(errors.ConfigError, match=r"identity\.json cannot be written: No space left") as caught:
        Sandbox(directory=tmp_path)
    assert (caught.value.field, list(tmp_path.iterdir())) == ("directory", [])


@pytest.mark.parametrize("name", ["with a space", "支付", "a'b\"c", "$HOME `x`"])
def test_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    """A shell reads its variables as they are."""
    with Sandbox(directory=tmp_path / name):
        told = environment(tmp_path / name)
        assert told["WECHATPAY_PRIVATE_KEY"] == str(tmp_path / name / "apiclient_key.pem")
        assert "WECHATPAY_SANDBOX_KEY" not in told


def test_a_folder_and_a_database_go_together(tmp_path: Path) -> None:
    """Both are of one sandbox, or it does not begin."""
    with Sandbox(database=tmp_path / "db") as one:
        pass
    with Sandbox(database=tmp_path / "db", directory=tmp_path / "d") as two:
        assert two.identity.serial == one.identity.serial
    with pytest.raises(errors.ConfigError) as caught:
        Sandbox(database=tmp_path / "db", directory=tmp_path / "other", mchid="1900000001")
    assert caught.value.field == "mchid"
    with Sandbox(directory=tmp_path / "third"):
        pass
    with pytest.raises(errors.ConfigError) as caught:
        Sandbox(database=tmp_path / "db", directory=tmp_path / "third")
    assert caught.value.field == "directory"


@pytest.mark.parametrize("kept", ["{}", "x", '{"mchid": "1900000001"}'])
def test_a_database_of_another_version_is_refused(tmp_path: Path, kept: str) -> None:
    """With what to do, and nothing in it is changed."""
    store = Store((), tmp_path / "db")
    store.keep("identity", kept)
    store.close()
    with pytest.raises(errors.ConfigError, match="take another file") as caught:
        Sandbox(database=tmp_path / "db")
    assert caught.value.field == "database"
    store = Store((), tmp_path / "db")
    assert store.read_text("identity") == kept
    store.close()


@pytest.mark.parametrize(
    "damage", ["a file", "not JSON", "too deep", "other keys", "a key in pieces", "a merchant's own"]
)
def test_a_folder_that_is_none_is_refused(tmp_path: Path, damage: str) -> None:
    """And nothing in it is changed: it may hold a real merchant's key."""
    folder = tmp_path / "d"
    if damage == "a file":
        folder.write_text("x")
    else:
        folder.mkdir()
        name = "apiclient_key.pem" if damage == "a merchant's own" else "identity.json"
        kept = {"not JSON": "x", "too deep": "[" * 200_000, "other keys": "{}", "a merchant's own": "a real key"}
        (folder / name).write_text(kept.get(damage, "[]"))
        if damage == "a key in pieces":
            with Sandbox(directory=tmp_path / "whole"):
                told = json.loads((tmp_path / "whole" / "identity.json").read_text())
            (folder / name).write_text(json.dumps({**told, "public_key": told["public_key"][:99]}))
    before = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else folder.read_bytes()
    with pytest.raises(errors.ConfigError) as caught:
        Sandbox(directory=folder)
    assert (caught.value.field, "\n" in str(caught.value)) == ("directory", False)
    after = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else folder.read_bytes()
    assert after == before


def test_commands_find_it_by_the_folder(tmp_path: Path) -> None:
    """Its address, its token and its authority are in there."""
    # tls: the folder's authority is trusted for it, and no other.
    with Sandbox(directory=tmp_path, host="0.0.0.0", tls=True) as gateway:
        out, err = io.StringIO(), io.StringIO()
        assert main(("sandbox", "fault", "--dir", str(tmp_path)), Console(io.StringIO(), out, err, {})) == 0, err
        assert json.loads(out.getvalue())["faults"] == []
        given = ("sandbox", "fault", "--url", gateway.base_url)
        assert main(given, Console(io.StringIO(), out, err, {})) == 7
        out, err = io.StringIO(), io.StringIO()
        before = ("sandbox", "--dir", str(tmp_path), "--json", "log")
        assert main(before, Console(io.StringIO(), out, err, {})) == 0, err.getvalue()
    refused: list[tuple[tuple[str, ...], str]] = [
        (("--fault", "SLOW", "reset"), "--fault: sandbox reset serves nothing"),
        (("--port", "8080", "log"), "--port: sandbox log serves nothing"),
        (("--pay-after", "1", "push", "X", "--to", "http://a.example/"), "--pay-after: sandbox push serves nothing"),
        (("log", "--dir", ""), "--dir: expected a folder"),
        (("--dir", "", "push", "X", "--to", "http://a.example/"), "--dir: expected a folder"),
    ]
    for argv, words in refused:
        err = io.StringIO()
        assert main(("sandbox", *argv), Console(io.StringIO(), io.StringIO(), err, {})) in (2, 8)
        assert (words in err.getvalue(), err.getvalue().count("\n")) == (True, 1)
    out, err = io.StringIO(), io.StringIO()
    assert main(("sandbox", "reset", "--dir", str(tmp_path / "no")), Console(io.StringIO(), out, err, {})) == 8
    assert "--dir" in err.getvalue()


COMMANDS: dict[str, tuple[str, ...]] = {
    "python": (sys.executable,),
    "php": ("php",),
    "node": ("node",),
    "java": ("java",),
    "go": ("go", "run"),
}


@pytest.mark.slow
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("language", COMMANDS)
def test_what_is_pasted_runs(tmp_path: Path, language: str, tls: bool) -> None:
    """From a folder whose name means something to every language, in the README of the folder word for word."""
    folder = tmp_path / "$a 'b\"\\c"
    command = COMMANDS[language]
    assert shutil.which(command[0]), f"{command[0]} is not there"
    with Sandbox(directory=folder, tls=tls) as gateway:
        [snippet] = [each for each in snippets(gateway.description()) if each.name == language]
        told: dict[str, Any] = shop.control(gateway, "GET", "snippets")[1]
        assert snippet.text in [each["text"] for each in told["snippets"]]
        assert snippet.text in (folder / "README").read_text(encoding="utf-8")
        program = tmp_path / snippet.file
        program.write_text(snippet.text, encoding="utf-8")
        done = subprocess.run(
            [*command, str(program)],
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE,
            check=False,
        )
        assert (done.returncode, "weixin://wxpay/bizpayurl?pr=" in done.stdout) == (0, True), done.stderr
        assert [request.verdict for request in gateway.requests] == [""]
