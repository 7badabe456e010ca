"""The certs command, against a gateway whose certificates rotate; openssl reads what it writes."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests import answers
from tests.cli.test_cli import run
from tests.openssl import described, rightly_signed
from tests.promises import PATIENCE
from wechatpay_chain import Sandbox
from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.sandbox.answer import Answer, Received
from wechatpay_chain.sandbox.identity import public_pem

LINE = re.compile(r"([0-9A-F]+)  valid from (\S+) until (\S+)  (.+)")
KEYS = ("WECHATPAY_PUBLIC_KEY", "WECHATPAY_PUBLIC_KEY_ID")
UMASK = 0o022


@pytest.fixture
def environment(gateway: Sandbox) -> dict[str, str]:
    """A merchant that holds no key of WeChat Pay."""
    return {name: value for name, value in gateway.environment().items() if name not in KEYS}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def php(gateway: Sandbox, tmp_path: Path) -> list[str]:
    """The four flags that wechatpay-php's tool demands, and the address."""
    (tmp_path / "merchant.pem").write_text(gateway.configuration()["private_key"])
    (tmp_path / "apiv3.key").write_text(gateway.identity.apiv3_key + "\n")
    flags = ["-m", gateway.mchid, "-s", gateway.identity.serial, "-f", f"{tmp_path}/merchant.pem"]
    return [*flags, "-k", f"@{tmp_path}/apiv3.key", "-u", gateway.base_url + "/"]


def parts(folder: Path) -> set[str]:
    """What is there beside whole certificates."""
    return {path.name for path in folder.rglob("*")} - {path.name for path in folder.rglob("wechatpay_*.pem")}


def test_flags_of_php_and_files_that_openssl_reads(gateway: Sandbox, php: list[str], tmp_path: Path) -> None:
    """Each certificate in a file of its serial's name; the line says what openssl says."""
    gateway.platform.rotate()
    command = [sys.executable, "-m", "wechatpay_chain", "certs", *php, "-o", f"{tmp_path}/made"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WECHATPAY_")}
    done = subprocess.run(command, capture_output=True, env=clean, text=True, check=True, timeout=60)
    assert done.stderr == ""
    lines = [LINE.fullmatch(line) for line in done.stdout.splitlines()]
    certificates = gateway.platform.certificates
    assert len(lines) == len(certificates) == 2
    for line, certificate in zip(lines, certificates, strict=True):
        assert line is not None
        serial, since, until, path = line.groups()
        assert path == f"{tmp_path}/made/wechatpay_{serial}.pem"
        told = described(Path(path))
        assert told["serial"] == serial == serial_of(certificate)
        assert told["pubkey"] == public_pem(certificate.public_key())  # type: ignore[arg-type]
        for moment, name in ((since, "notBefore"), (until, "notAfter")):
            read = datetime.strptime(told[name], "%b %d %H:%M:%S %Y GMT").replace(tzinfo=timezone.utc)
            assert moment == f"{read:%Y-%m-%dT%H:%M:%SZ}"
    assert len(list((tmp_path / "made").iterdir())) == 2
    (request,) = gateway.requests
    assert request.target == "/v3/certificates"
    assert rightly_signed(request, gateway.identity.merchant_key.public_key())


def test_php_spells_flags_in_many_ways(gateway: Sandbox, php: list[str], tmp_path: Path) -> None:
    """Long names, = after short ones, none between; the key itself, or on standard input."""
    _, mchid, _, serial, _, file, _, _, _, url = php
    key = gateway.identity.apiv3_key
    for number, (flags, stdin) in enumerate(
        (
            ([f"--mchid={mchid}", f"--serialno={serial}", f"--privatekey={file}", f"--key={key}"], ""),
            ([f"-m={mchid}", f"-s={serial}", f"-f={file}", f"-k={key}"], ""),
            ([f"-m{mchid}", f"-s{serial}", f"-f{file}", "-k@-"], f"{key}\r\n"),
        )
    ):
        folder = tmp_path / str(number)
        status, out, err = run("certs", *flags, f"--baseuri={url}", f"--output={folder}", stdin=stdin)
        assert (status, err, out.count("\n")) == (0, "", 1)
        assert len(list(folder.iterdir())) == 1


def test_the_environment_serves_as_well(gateway: Sandbox, environment: dict[str, str], tmp_path: Path) -> None:
    """As for every command; a public key that it names proves the answer too."""
    assert run("certs", "-o", str(tmp_path), environment=environment)[0] == 0
    assert "Wechatpay-Serial" not in gateway.requests[0].headers
    assert run("certs", "-o", str(tmp_path), environment=gateway.environment())[0] == 0
    assert gateway.requests[1].headers["Wechatpay-Serial"] == gateway.identity.public_key_id


def test_a_sandbox_of_its_own(tmp_path: Path) -> None:
    """--sandbox needs nothing else."""
    status, out, err = run("certs", "--sandbox", "-o", str(tmp_path))
    assert (status, err) == (0, "")
    (path,) = tmp_path.iterdir()
    assert out.endswith(f"  {path}\n")


def test_a_known_certificate_is_named(gateway: Sandbox, environment: dict[str, str], tmp_path: Path) -> None:
    """-c takes the file of an earlier run, and nothing that is no certificate."""
    assert run("certs", "-o", str(tmp_path), environment=environment)[0] == 0
    (path,) = tmp_path.iterdir()
    gateway.platform.rotate()
    status, out, _ = run("certs", "-c", str(path), "-o", str(tmp_path), environment=environment)
    assert (status, out.count("\n")) == (0, 2)
    assert f"wechatpay_{gateway.requests[1].headers['Wechatpay-Serial']}.pem" == path.name
    (tmp_path / "public.pem").write_text(gateway.environment()["WECHATPAY_PUBLIC_KEY"])
    for name, words in (("public.pem", "expected a platform certificate"), ("none.pem", "No such file")):
        status, _, err = run("certs", "-c", str(tmp_path / name), environment=environment)
        assert (status, words in err) == (8, True)
    assert len(gateway.requests) == 2


def test_what_was_there_is_replaced(gateway: Sandbox, environment: dict[str, str], tmp_path: Path) -> None:
    """As a whole; a link is replaced itself, so nobody chooses what is written to."""
    assert run("certs", "-o", str(tmp_path), environment=environment)[0] == 0
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    assert run("certs", "-o", str(tmp_path), environment=environment)[0] == 0
    assert path.read_bytes() == whole
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    path.unlink()
    path.symlink_to(victim)
    assert run("certs", "-o", str(tmp_path), environment=environment)[0] == 0
    assert (victim.read_bytes(), path.is_symlink(), path.read_bytes()) == (b"mine", False, whole)


def test_without_a_folder_it_is_this_users_own(environment: dict[str, str], temporary: Path) -> None:
    """One among the system's temporary ones, the same each time, which nobody else can write."""
    for _ in range(2):
        status, out, _ = run("certs", environment=environment)
        assert status == 0
    (folder,) = temporary.iterdir()
    assert folder.name == f"wechatpay-{os.getuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) & 0o022 == 0
    (path,) = folder.iterdir()
    assert out.endswith(f"  {path}\n")
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0o044


@pytest.fixture(autouse=True)
def usual_permissions() -> Iterator[None]:
    before = os.umask(UMASK)
    yield
    os.umask(before)


def test_a_folder_that_others_prepared_is_refused(
    gateway: Sandbox, environment: dict[str, str], temporary: Path
) -> None:
    """Writable by all, a link, or a file."""
    place = temporary / f"wechatpay-{os.getuid()}"
    place.mkdir()
    place.chmod(0o777)
    assert_refused_before_sending(gateway, environment, (), "is not this user's alone")
    place.rmdir()
    (temporary / "elsewhere").mkdir()
    place.symlink_to(temporary / "elsewhere")
    assert_refused_before_sending(gateway, environment, (), "is not this user's alone")
    place.unlink()
    place.write_bytes(b"")
    assert_refused_before_sending(gateway, environment, (), "is not this user's alone")
    assert not list((temporary / "elsewhere").iterdir())


def assert_refused_before_sending(
    gateway: Sandbox, environment: dict[str, str], argv: tuple[str, ...], words: str, code: int = 2
) -> None:
    status, out, err = run("certs", *argv, environment=environment)
    assert (status, out, err.count("\n")) == (code, "", 1), err
    assert words in err
    assert not gateway.requests


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("/proc/none", "'/proc/none' cannot be made (No such file or directory)"),
        ("/proc", "'/proc' cannot be written"),
        ("{}/a/b", "cannot be made (No such file or directory)"),
        ("{}/file", "cannot be written (Not a directory)"),
        ("{}/file/x", "cannot be made (Not a directory)"),
        ("~nosuchuser/x", "'~nosuchuser/x' is no folder"),
        ("a\0b", "cannot be made (no path)"),
        ("", "-o: empty"),
        ("x" * 300, "cannot be made (File name too long)"),
    ],
)
def test_a_folder_that_cannot_be_written_is_told_first(
    gateway: Sandbox, environment: dict[str, str], tmp_path: Path, folder: str, words: str
) -> None:
    """Before anything is sent."""
    (tmp_path / "file").write_bytes(b"")
    assert_refused_before_sending(gateway, environment, ("-o", folder.format(tmp_path)), words)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ({"WECHATPAY_MCHID"}, "mchid: neither given nor set"),
        ({"WECHATPAY_APIV3_KEY"}, "apiv3_key: missing; give -k or WECHATPAY_APIV3_KEY; nothing was sent"),
        ({"WECHATPAY_SERIAL"}, "serial: missing"),
        ({"WECHATPAY_PRIVATE_KEY"}, "private_key: missing"),
        (
            {"WECHATPAY_SERIAL", "WECHATPAY_PRIVATE_KEY"},
            "serial, private_key: missing; give -s or WECHATPAY_SERIAL, -f",
        ),
    ],
)
def test_what_is_missing_is_named(
    gateway: Sandbox, environment: dict[str, str], tmp_path: Path, missing: set[str], words: str
) -> None:
    """With its flag; no folder is made for it."""
    left = {name: value for name, value in environment.items() if name not in missing}
    assert_refused_before_sending(gateway, left, ("-o", f"{tmp_path}/made"), words, 8)
    assert not list(tmp_path.iterdir())


def test_a_brand_has_none(gateway: Sandbox, environment: dict[str, str]) -> None:
    """It holds a public key alone."""
    brand = {**environment, "WECHATPAY_BRAND_ID": "123"}
    del brand["WECHATPAY_MCHID"]
    assert_refused_before_sending(gateway, brand, (), "a brand has no platform certificates", 8)


SECRET = "Zz" * 16


@pytest.mark.parametrize(
    ("flags", "status", "words"),
    [
        (["-k", SECRET], 1, "DecryptionError: apiv3_key: it does not open the certificates"),
        (["-k", SECRET + "1"], 8, "apiv3_key: 33 bytes, expected 32"),
        (["-k", ""], 8, "apiv3_key: 0 bytes, expected 32"),
        (["-k", f"@{SECRET}"], 2, "-k: @ and 32 characters cannot be read (No such file"),
        (["-k", "@/nowhere.key"], 2, "-k: '/nowhere.key' cannot be read (No such file"),
        (["-k", "@~nosuchuser/k"], 2, "cannot be read (not a path)"),
        (["-k", "@/dev/zero"], 8, "apiv3_key: 4096 bytes, expected 32"),
        (["-k", "@-"], 8, "apiv3_key: 0 bytes, expected 32"),
        (["-k"], 2, "argument -k/--key: expected one argument"),
        ([SECRET], 2, "unrecognized arguments: …"),
        ([f"--keys={SECRET}"], 2, "unrecognized arguments: --keys=…"),
        (["-f", SECRET], 8, "private_key: neither a key nor a readable file: 32 characters"),
        (["-m", SECRET], 8, "mchid: expected digits, found 32 characters"),
        (["-u", SECRET], 8, "base_url: expected https://host, found 32 characters"),
        (["-c", SECRET], 8, "-c: neither a key nor a readable file: 32 characters"),
    ],
)
def test_a_key_is_never_shown(
    gateway: Sandbox, environment: dict[str, str], tmp_path: Path, flags: list[str], status: int, words: str
) -> None:
    """Wrong, of a wrong length, or in a wrong place; and no file is left."""
    code, out, err = run("certs", "-o", f"{tmp_path}/made", *flags, environment=environment)
    assert (code, out, err.count("\n")) == (status, "", 1), err
    assert words in err
    assert SECRET not in err
    assert not list(tmp_path.iterdir())


def left_out(answer: Answer, _: Received) -> None:
    answer.body = b'{"data":[]}'


@pytest.mark.parametrize(
    ("tamper", "status", "words"),
    [
        (answers.changed, 6, "SignatureMismatch"),
        (answers.with_header("Wechatpay-Signature", None), 6, "HeadersIncomplete"),
        (answers.probing, 6, "SignatureProbe"),
        (left_out, 6, "VerificationError|SignatureMismatch|UnknownSerial"),
        (answers.bare(200, b"<html>", "text/html"), 6, "VerificationError: /v3/certificates: no list"),
        (answers.bare(404, b"<html>", "text/html"), 4, "ClientError: 404 no WeChat Pay error body"),
        (answers.bare(502), 5, "ServerError: 502"),
        (answers.bare(401, b'{"code":"SIGN_ERROR"}', "application/json"), 4, "SignError: 401 SIGN_ERROR"),
    ],
)
def test_an_answer_that_is_not_proven_leaves_nothing(
    gateway: Sandbox, environment: dict[str, str], tmp_path: Path, tamper: answers.Tamper, status: int, words: str
) -> None:
    """Neither a file nor the folder that was made for it; what was there before stays."""
    gateway.tamper = tamper
    code, out, err = run("certs", "-o", f"{tmp_path}/made", environment=gateway.environment())
    assert (code, out, err.count("\n")) == (status, "", 1), err
    assert re.search(words, err), err
    assert not list(tmp_path.iterdir())
    (tmp_path / "wechatpay_AB.pem").write_bytes(b"before")
    assert run("certs", "-o", str(tmp_path), environment=environment)[0] != 0
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]


def test_a_merchant_with_the_public_key_alone_is_told_what_to_configure(
    gateway: Sandbox, environment: dict[str, str], tmp_path: Path
) -> None:
    """One line; 404 of WeChat Pay."""
    gateway.platform.verify = "public-key"
    status, out, err = run("certs", "-o", f"{tmp_path}/made", environment=environment)
    assert (status, out, err.count("\n")) == (8, "", 1)
    assert "this merchant has no platform certificates (404 RESOURCE_NOT_EXISTS" in err
    assert "WECHATPAY_PUBLIC_KEY_ID and WECHATPAY_PUBLIC_KEY" in err
    assert not list(tmp_path.iterdir())


def test_no_answer_tells_whether_anything_was_sent(environment: dict[str, str], tmp_path: Path) -> None:
    """Exit code 7."""
    status, _, err = run("certs", "-u", "http://127.0.0.1:9", "-o", f"{tmp_path}/made", environment=environment)
    assert (status, "nothing was sent" in err) == (7, True)
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_taken_is_told_with_its_name(
    gateway: Sandbox, environment: dict[str, str], tmp_path: Path
) -> None:
    """The first certificate is there as a whole, of the second nothing."""
    first, second = (serial_of(gateway.platform.certificates[0]), gateway.platform.rotate())
    taken = tmp_path / f"wechatpay_{second}.pem"
    taken.mkdir()
    status, out, err = run("certs", "-o", str(tmp_path), environment=environment)
    assert (status, out.split()[0], err.count("\n")) == (1, first, 1)
    assert "IsADirectoryError" in err
    assert str(taken) in err
    assert described(tmp_path / f"wechatpay_{first}.pem")["serial"] == first
    assert not parts(tmp_path)


def test_an_interrupt_leaves_nothing(
    gateway: Sandbox, environment: dict[str, str], tmp_path: Path, gate: threading.Event
) -> None:
    """130, nothing on standard error, no file, and the folder that was made is gone."""
    asked = threading.Event()

    def held(answer: Answer, request: Received) -> None:
        asked.set()
        gate.wait(PATIENCE)

    gateway.tamper = held
    command = [sys.executable, "-m", "wechatpay_chain", "certs", "-o", f"{tmp_path}/made"]
    with subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.PIPE) as running:
        assert asked.wait(PATIENCE)
        assert (tmp_path / "made").is_dir()
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE) == 130
        assert running.stderr is not None
        assert running.stderr.read() == b""
    assert not list(tmp_path.iterdir())
