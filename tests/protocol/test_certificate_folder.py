from __future__ import annotations

import logging
import os
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.authority import KEY, certificate
from wechatpay_chain import Sandbox, errors
from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.protocol.certificate_folder import SHARED, Folder
from wechatpay_chain.sandbox.identity import private_pem

FIRST, SECOND = certificate(), certificate()


def test_what_one_stores_another_reads(tmp_path: Path) -> None:
    """All certificates and the time of the download; the folder comes into being."""
    Folder(tmp_path / "a/b", is_cache=True).store([FIRST, SECOND], 1_700_000_000.0)
    fetched = Folder(tmp_path / "a/b", is_cache=True).read_shared()
    assert fetched is not None
    assert [key.id for key in fetched.keys] == [serial_of(FIRST), serial_of(SECOND)]
    assert fetched.at == 1_700_000_000.0


def test_only_this_user_may_read_it(tmp_path: Path) -> None:
    """Mode 0600 from the first byte, and nothing else is left in the folder."""
    folder = Folder(tmp_path / "certs", is_cache=True)
    for stored in ([FIRST], [SECOND]):
        folder.store(stored, 1.0)
        assert stat.S_IMODE((tmp_path / "certs" / SHARED).stat().st_mode) == 0o600
        assert [file.name for file in (tmp_path / "certs").iterdir()] == [SHARED]
    assert stat.S_IMODE((tmp_path / "certs").stat().st_mode) == 0o700


def test_readers_see_the_old_or_the_new_and_nothing_between(tmp_path: Path) -> None:
    """While one writes on and on."""
    folder = Folder(tmp_path, is_cache=True)
    folder.store([FIRST], 1.0)
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            folder.store([FIRST, SECOND], 1.0)
            folder.store([FIRST], 1.0)

    writer = threading.Thread(target=write)
    writer.start()
    counts = set()
    for _ in range(300):
        fetched = folder.read_shared()
        assert fetched is not None
        counts.add(len(fetched.keys))
    done.set()
    writer.join()
    assert counts <= {1, 2}


PEM = FIRST.public_bytes(Encoding.PEM)
# cryptography's own error for it is no ValueError.
OF_VERSION_8 = ssl.DER_cert_to_PEM_cert(
    FIRST.public_bytes(Encoding.DER).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1)
).encode()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        PEM[: len(PEM) // 2],
        PEM + PEM[:100] + b"\n-----END CERTIFICATE-----\n",
        b"\xff\xfe",
        private_pem(KEY).encode(),
        certificate(ec.generate_private_key(ec.SECP256R1())).public_bytes(Encoding.PEM),
        OF_VERSION_8,
    ],
)
def test_a_damaged_file_is_ignored_and_told(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Then the next download replaces it."""
    (tmp_path / SHARED).write_bytes(damage)
    folder = Folder.of(tmp_path, is_cache=True)
    assert folder.read_shared() is None
    assert f"{SHARED} is damaged and ignored" in caplog.text
    folder.store([FIRST], 1.0)
    assert folder.read_shared() is not None


def test_a_damaged_certificate_of_a_person_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Keys that lie beside it are not."""
    (tmp_path / "good.pem").write_bytes(PEM)
    (tmp_path / "cut.pem").write_bytes(PEM[:100])
    (tmp_path / "apiclient_key.pem").write_text(private_pem(KEY))
    (tmp_path / "folder.pem").mkdir()
    assert Folder.of(tmp_path, is_cache=True).certificates().keys() == {serial_of(FIRST)}
    assert "cut.pem holds no certificate" in caplog.text
    assert "apiclient_key" not in caplog.text
    assert "PRIVATE" not in caplog.text


def test_a_folder_that_is_no_cache_has_to_hold_one(tmp_path: Path) -> None:
    """The shared file counts there as well, with all that it holds."""
    with pytest.raises(errors.ConfigError, match="no certificate"):
        Folder.of(tmp_path, is_cache=False).certificates()
    Folder(tmp_path, is_cache=True).store([FIRST, SECOND], 1.0)
    assert len(Folder.of(tmp_path, is_cache=False).certificates()) == 2
    assert not Folder.of(tmp_path, is_cache=True).certificates()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A download is not lost for that."""
    (tmp_path / "file").write_text("")
    Folder(tmp_path / "file" / "certs", is_cache=True).store([FIRST], 1.0)
    assert "cannot be written" in caplog.text
    assert Folder(tmp_path / "file" / "certs", is_cache=True).read_shared() is None


@pytest.mark.parametrize("entry", ["~nosuchuser/x", private_pem(KEY), "k" * 32, "a\0b", "", __file__, b"\xff" * 40])
def test_what_can_be_no_folder_is_refused(entry: str) -> None:
    """A key in the wrong place must not become a folder's name; nothing of it is shown."""
    with pytest.raises(errors.ConfigError, match=r"^certs_dir: ") as caught:
        Folder.of(entry, is_cache=True)
    assert "kkk" not in str(caught.value)
    assert "PRIVATE" not in str(caught.value)


def test_a_client_that_cannot_download_needs_a_folder_with_certificates(gateway: Sandbox, tmp_path: Path) -> None:
    """The APIv3 key alone is not enough: a request for certificates has to be signed."""
    for lacking in ({"apiv3_key": None}, {"private_key": None, "serial": None}):
        with pytest.raises(errors.ConfigError, match=r"^certs_dir: no certificate \(\*\.pem\) in "):
            gateway.client(**{"certs": None, "certs_dir": tmp_path, **lacking})
    gateway.client(certs=None, certs_dir=tmp_path).close()


@pytest.mark.parametrize("is_cache", [True, False])
def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path, is_cache: bool) -> None:
    """Nor is it taken for a certificate."""
    os.mkfifo(tmp_path / SHARED)
    folder = Folder.of(tmp_path, is_cache)
    assert folder.read_shared() is None


@pytest.fixture
def caught(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING)
    return caplog


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o707, 0o702])
@pytest.mark.parametrize("is_file", [False, True])
def test_where_everybody_can_write_nothing_is_trusted(
    gateway: Sandbox, tmp_path: Path, mode: int, is_file: bool
) -> None:
    """Who can write there chooses the keys that prove answers; nothing is sent, with the APIv3 key and without."""
    folder = tmp_path / "certs"
    folder.mkdir(0o700)
    (folder / "platform.pem").write_bytes(FIRST.public_bytes(Encoding.PEM))
    place = folder / "platform.pem" if is_file else folder
    place.chmod(mode)
    for options in ({}, {"apiv3_key": None}):
        with pytest.raises(errors.ConfigError, match=r"^certs_dir: '.*' can be written by everybody") as refused:
            gateway.client(certs_dir=folder, **options)
        assert refused.value.field == "certs_dir"
        assert str(place) in str(refused.value)
    place.chmod(0o700)
    gateway.client(certs_dir=folder).close()
    assert not gateway.requests


@pytest.mark.parametrize("mode", [0o770, 0o775, 0o720])
def test_where_a_group_can_write_the_log_tells(
    gateway: Sandbox, tmp_path: Path, caught: pytest.LogCaptureFixture, mode: int
) -> None:
    """Many systems give each user a group of their own, so it is no error."""
    folder = tmp_path / "certs"
    folder.mkdir()
    folder.chmod(mode)
    with gateway.client(certs=None, certs_dir=folder) as wxpay:
        assert wxpay.v3.certificates.get().verified
    assert f"certs_dir: {folder} can be written by group {folder.stat().st_gid}; name a folder" in caught.text


def test_a_folder_above_in_which_everybody_can_rename_is_told(
    gateway: Sandbox, tmp_path: Path, caught: pytest.LogCaptureFixture
) -> None:
    """There another folder can be put in its place; with the sticky bit, as in /tmp, it cannot."""
    above = tmp_path / "above"
    (above / "one").mkdir(parents=True)
    (above / "one").chmod(0o700)
    for mode, told in ((0o777, True), (0o1777, False), (0o700, False)):
        above.chmod(mode)
        caught.clear()
        for name in ("one", "one/later", "none/later"):
            gateway.client(certs_dir=above / name).close()
        assert caught.text.count(f"everybody can put another folder in the place of one in {above}") == 3 * told


def test_a_folder_of_ones_own_is_used_silently(
    gateway: Sandbox, tmp_path: Path, caught: pytest.LogCaptureFixture
) -> None:
    """Made by the package, or readable by everybody."""
    (tmp_path / "readable").mkdir(0o755)
    (tmp_path / "readable").chmod(0o755)
    for name in ("made", "readable"):
        with gateway.client(certs=None, certs_dir=tmp_path / name) as wxpay:
            assert wxpay.v3.certificates.get().verified
    assert not caught.text


def test_a_folder_that_is_opened_later_is_ignored(tmp_path: Path, caught: pytest.LogCaptureFixture) -> None:
    """What was written there meanwhile may be anybody's."""
    folder = Folder.of(tmp_path / "certs", is_cache=True)
    folder.store([FIRST], 1.0)
    assert folder.read_shared()
    for place in (tmp_path / "certs", tmp_path / "certs" / SHARED):
        before = place.stat().st_mode
        place.chmod(before | 0o002)
        assert folder.read_shared() is None
        place.chmod(before)
        assert folder.read_shared()
    assert "can be written by everybody and is ignored" in caught.text


def test_a_name_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError, match=r"^certs_dir: no certificate"):
        Folder.of("a\0b", is_cache=False).certificates()
