from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.transport.sink import beside, placed


def interrupted(place: Path) -> None:
    with beside(place) as file:
        file.write(b"half")
        raise KeyboardInterrupt


def overtaken(place: Path) -> None:
    with beside(place) as file:
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
    with beside(place) as file:
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


def test_a_relative_path_is_one_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder before it."""
    monkeypatch.chdir(tmp_path)
    with placed("file") as file:
        file.write(b"x")
    assert (tmp_path / "file").read_bytes() == b"x"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """What it points to is not touched."""
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    with placed(tmp_path / "link") as file:
        file.write(b"x")
    assert (tmp_path / "other").read_bytes() == b"other"
    assert not (tmp_path / "link").is_symlink()


def test_a_device_is_never_replaced(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Neither by a download nor by the option sink."""
    wxpay.v3.certificates.get(sink="/dev/null")
    with placed("/dev/null") as file:
        file.write(b"x")
    assert Path("/dev/null").is_char_device()
