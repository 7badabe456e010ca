from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from tests.authority import KEY
from wechatpay_chain import Media
from wechatpay_chain.crypto import key_loader
from wechatpay_chain.encoding.file_urls import is_file_url, path_of


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///etc/key.pem", "/etc/key.pem"),
        ("file://localhost/etc/key.pem", "/etc/key.pem"),
        ("FILE:///etc/my%20key%23.pem", "/etc/my key#.pem"),
        ("file:///C:/keys/key.pem", "C:/keys/key.pem"),
        ("file:///c|/keys/key.pem", "c:/keys/key.pem"),
        ("file://C:/keys/key.pem", "C:/keys/key.pem"),
        ("file://C:\\keys\\key.pem", "C:\\keys\\key.pem"),
        ("file:///C:\\keys\\key.pem", "C:\\keys\\key.pem"),
        ("file://localhost/D:/key.pem", "D:/key.pem"),
        ("file:///C%3A/key.pem", "C:/key.pem"),
        ("file://keys/key.pem", "keys/key.pem"),
        ("file:///c:key.pem", "/c:key.pem"),
        ("file:///etc/C:/key.pem", "/etc/C:/key.pem"),
        ("C:/keys/my%20key.pem", "C:/keys/my%20key.pem"),
        ("/etc/key.pem", "/etc/key.pem"),
    ],
)
def test_a_url_names_a_path(url: str, path: str) -> None:
    """With its drive, decoded once; what is no URL is the path itself."""
    assert path_of(url) == path


@given(st.text(min_size=1).map(lambda text: "/" + text.replace("\0", "").encode("utf-8", "ignore").decode()))
def test_a_path_comes_back_from_its_url(path: str) -> None:
    """Any path but one that begins with a drive: as pathlib writes the URL."""
    path = str(Path(path))
    url = Path(path).as_uri()
    assert is_file_url(url)
    assert path_of(url) == path or path[2:3] in (":", "|")


@pytest.mark.parametrize("url", ["file:///C:/my%20keys/key.pem", "file://C:/my keys/key.pem"])
def test_keys_and_uploads_keep_the_drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Where a drive is no more than a name, it names a folder: both read the file there."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "C:" / "my keys"
    folder.mkdir(parents=True)
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    assert key_loader.load_private_key(url, "private_key").public_key() == KEY.public_key()
    assert Media(url).filename == "key.pem"
    assert Media(url).file.size() == len(pem)
