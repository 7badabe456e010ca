from __future__ import annotations

import gzip
import io
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.transport.sink import replace_file, write_when_whole


def interrupted(place: Path) -> None:
    with replace_file(place) as file:
        file.write(b"half")
        raise KeyboardInterrupt


def overtaken(place: Path) -> None:
    with replace_file(place) as file:
        file.write(b"whole")
        place.mkdir()


@pytest.mark.parametrize("nameless", [True, False])
def test_a_file_takes_its_place_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool
) -> None:
    """Until then what was there stays, also where the system has no files without a name; only its owner reads it."""
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE")
    place = tmp_path / "file"
    place.write_bytes(b"before")
    with replace_file(place) as file:
        file.write(b"after")
        assert place.read_bytes() == b"before"
        assert len(list(tmp_path.iterdir())) == (1 if nameless else 2)
    assert place.read_bytes() == b"after"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    with pytest.raises(KeyboardInterrupt):
        interrupted(place)
    assert place.read_bytes() == b"after"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("nameless", [True, False])
def test_a_place_that_became_a_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool) -> None:
    """The whole file cannot get its name, and does not stay under another."""
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE")
    with pytest.raises(IsADirectoryError):
        overtaken(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_link_may_be_replaced_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it points to stays, and its permissions are not taken over."""
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "other").chmod(0o666)
    (tmp_path / "link").symlink_to(tmp_path / "other")
    monkeypatch.chdir(tmp_path)
    umask = os.umask(0o022)
    try:
        with replace_file("link", is_private=False, follows=False) as file:
            file.write(b"mine")
    finally:
        os.umask(umask)
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "other").read_bytes() == b"other"
    assert (tmp_path / "link").read_bytes() == b"mine"
    assert stat.S_IMODE((tmp_path / "link").stat().st_mode) == 0o644


def test_a_relative_path_is_one_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder before it."""
    monkeypatch.chdir(tmp_path)
    with write_when_whole("file") as file:
        file.write(b"x")
    assert (tmp_path / "file").read_bytes() == b"x"


def test_a_link_is_followed(tmp_path: Path) -> None:
    """As open() does: it stays, and what it points to is replaced, or made."""
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    with write_when_whole(tmp_path / "link") as file:
        file.write(b"x")
    assert (tmp_path / "other").read_bytes() == b"x"
    (tmp_path / "other").unlink()
    with write_when_whole(tmp_path / "link") as file:
        file.write(b"y")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "other").read_bytes() == b"y"


@pytest.mark.parametrize("nameless", [True, False])
def test_a_sink_has_the_permissions_of_the_user(
    wxpay: Wechatpay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool
) -> None:
    """Those of the file that was there, through a link too; a new one has what open() would give it."""
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE")
    place = tmp_path / "file"
    before = os.umask(0o027)
    try:
        wxpay.v3.certificates.get(sink=place)
        assert stat.S_IMODE(place.stat().st_mode) == 0o640
        place.chmod(0o604)
        place.write_bytes(b"before")
        (tmp_path / "link").symlink_to(place)
        answer = wxpay.v3.certificates.get(sink=tmp_path / "link")
    finally:
        os.umask(before)
    assert stat.S_IMODE(place.stat().st_mode) == 0o604
    assert (tmp_path / "link").is_symlink()
    assert place.read_bytes() == answer.content


def test_a_link_to_no_folder_is_told_before_anything_is_sent(
    gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path
) -> None:
    """What counts is where it points to."""
    (tmp_path / "link").symlink_to(tmp_path / "none" / "file")
    with pytest.raises(errors.ChainError, match=r"^sink: .*nothing was sent$"):
        wxpay.v3.certificates.get(sink=tmp_path / "link")
    assert not gateway.requests


class Failing(io.BytesIO):
    """A file on a disk that fills up after ``left`` bytes."""

    left = 10

    def write(self, piece: Any) -> int:
        self.left -= len(piece)
        if self.left < 0:
            super().write(piece[: self.left])
            raise OSError("full")
        return super().write(piece)


def interrupted_in(file: BinaryIO) -> None:
    with write_when_whole(file) as held:
        held.write(b"abc")
        raise KeyboardInterrupt


def test_a_file_is_not_touched_before_all_is_well() -> None:
    """What was in it stays when the block fails; it ends with the new bytes when all went well."""
    file = io.BytesIO(b"0123456789")
    file.seek(2)
    with pytest.raises(KeyboardInterrupt):
        interrupted_in(file)
    assert (file.getvalue(), file.tell()) == (b"0123456789", 2)
    with write_when_whole(file) as held:
        held.write(b"abc")
    assert (file.getvalue(), file.tell()) == (b"01abc", 5)
    full = Failing(b"0123456789")
    full.seek(2)
    with pytest.raises(OSError, match="full"), write_when_whole(full) as held:
        held.write(b"abcdefghijk")
    assert (full.getvalue(), full.tell()) == (b"01", 2)


def test_a_gzip_file_takes_the_bytes(tmp_path: Path) -> None:
    """It says that it can seek, and cannot be cut."""
    with gzip.open(tmp_path / "file", "wb") as file, write_when_whole(cast(BinaryIO, file)) as held:
        held.write(b"plain")
    assert gzip.decompress((tmp_path / "file").read_bytes()) == b"plain"


@pytest.mark.parametrize("buffering", [0, -1])
def test_an_open_device_takes_the_bytes(buffering: int) -> None:
    """/dev/null says that it can seek, and cannot be cut either."""
    with open("/dev/null", "wb", buffering=buffering) as file, write_when_whole(file) as held:
        held.write(b"x")


def test_a_device_is_never_replaced(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Neither by a download nor by the option sink."""
    wxpay.v3.certificates.get(sink="/dev/null")
    with write_when_whole("/dev/null") as file:
        file.write(b"x")
    assert Path("/dev/null").is_char_device()
