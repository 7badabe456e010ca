"""Forms are streamed as they are told: every byte counted, each file read from its start, nothing held."""

from __future__ import annotations

import email
import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain.errors import ChainError
from wechatpay_chain.transport.multipart import File, Multipart, Part, type_of

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


def parts_of(form: Multipart) -> list[Message]:
    """The parts as Python's own reader of messages sees them."""
    head = f"Content-Type: {form.content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + form.read())
    return [part for part in message.get_payload() if isinstance(part, Message)]


@given(st.binary(max_size=300_000), st.integers(1, 100_000), st.sampled_from(["bytes", "file", "pipe"]))
def test_a_form_is_as_long_as_it_says(content: bytes, block: int, kind: str) -> None:
    """However it is read, and again after it was rewound; a pipe is copied at first."""
    source: object = content if kind == "bytes" else io.BytesIO(b"skip" + content) if kind == "file" else Pipe(content)
    if kind == "file":
        assert isinstance(source, io.BytesIO)
        source.seek(4)
    form = Multipart([Part("a", b"1"), Part("file", File(source), "x.bin")])  # type: ignore[arg-type]
    first = b"".join(iter(lambda: form.read(block), b""))
    assert len(first) == len(form) == form.tell()
    form.seek(0)
    assert form.read() == first
    form.seek(0)
    assert parts_of(form)[1].get_payload(decode=True) == content


class Pipe(io.RawIOBase):
    """A file that cannot be rewound."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._content.read(size)


@given(NAMES, NAMES)
def test_no_name_ends_its_header(name: str, filename: str) -> None:
    """Quotes and line breaks are encoded, so nothing of a name is taken for another header or part."""
    head = Part(name, b"x", filename).head(1).decode()
    lines = head.split("\r\n")
    assert [line.partition(":")[0] for line in lines] == [
        "Content-Disposition",
        "Content-Length",
        "Content-Type",
        "",
        "",
    ]
    assert lines[0].count('"') == 4


def test_headers_come_in_the_order_of_guzzle() -> None:
    """Those that are given first; a length for what has one."""
    part = Part("meta", b"{}", headers={"Content-Type": "application/json"})
    assert part.head(2) == (
        b'Content-Type: application/json\r\nContent-Disposition: form-data; name="meta"\r\nContent-Length: 2\r\n\r\n'
    )
    own = Part("f", b"", "a.png", {"content-disposition": "x", "content-length": "9", "content-type": "y"})
    assert own.head(0) == b"content-disposition: x\r\ncontent-length: 9\r\ncontent-type: y\r\n\r\n"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.JPG", "image/jpeg"),
        ("a.png", "image/png"),
        ("a.bmp", "image/bmp"),
        ("clip.mp4", "video/mp4"),
        ("a.b.mov", "video/quicktime"),
        ("a.pdf", "application/pdf"),
        ("png", "application/octet-stream"),
        ("a.", "application/octet-stream"),
        ("a.unheard", "application/octet-stream"),
        ("a/../b.png?x", "application/octet-stream"),
    ],
)
def test_a_name_tells_its_type(name: str, kind: str) -> None:
    """On every machine the same."""
    assert type_of(name) == kind


def test_a_path_is_opened_when_it_is_read(tmp_path: Path) -> None:
    """And closed at the end of its part, or when the form is; file:// URLs are paths."""
    path = tmp_path / "图 1.png"
    path.write_bytes(b"\0\1\2\3")
    opened = len(os.listdir("/proc/self/fd"))
    for source in (path, str(path), path.as_uri(), f"file://{path}"):
        file = File(source)
        form = Multipart([Part("file", file, file.name)])
        assert (file.name, str(file)) == ("图 1.png", str(path))
        assert len(os.listdir("/proc/self/fd")) == opened
        assert b"\0\1\2\3" in form.read()
        form.seek(0)
        while form.read(2) != b"\0\1":
            pass
        assert len(os.listdir("/proc/self/fd")) == opened + 1
        form.close()
        assert len(os.listdir("/proc/self/fd")) == opened


def test_a_file_that_is_cut_meanwhile_raises(tmp_path: Path) -> None:
    """Fewer bytes than were told would leave the server waiting; more are not sent."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"12345")
    form = Multipart([Part("file", File(path), "a.bin")])
    path.write_bytes(b"123456789")
    assert len(form.read()) == len(form)
    form.seek(0)
    path.write_bytes(b"123")
    with pytest.raises(OSError, match=r"a\.bin: 5 bytes when it was signed, 3 now"):
        form.read()
    form.close()


def test_one_file_serves_many_forms_at_once() -> None:
    """Each reads its own place, though the file has but one."""
    content = os.urandom(1 << 20)
    file = File(io.BytesIO(content))
    together = threading.Barrier(8)

    def read(_: int) -> bytes:
        form = Multipart([Part("file", file, "x")])
        together.wait()
        return b"".join(iter(lambda: form.read(10_007), b""))

    with ThreadPoolExecutor(8) as pool:
        assert all(content in form for form in pool.map(read, range(8)))


@pytest.mark.parametrize("source", [None, 5, io.StringIO("x"), [b"x"], object(), {"a": 1}])
def test_what_is_no_file_raises(source: object) -> None:
    """ChainError tells what was found."""
    with pytest.raises(ChainError, match=r"^logo: expected a path, bytes or a binary file, found \w+; nothing"):
        File(source, "logo")  # type: ignore[arg-type]


@pytest.mark.parametrize("source", ["/nowhere/a.png", "", "/", "a\0b", "~nobody-here/x", "file:///nowhere/a.png"])
def test_what_cannot_be_read_raises(source: str) -> None:
    """ChainError names the path, when it is read."""
    with pytest.raises(ChainError, match=r"^file: '.*' cannot be read \(.+\); nothing was sent$"):
        File(source).size()


def test_a_closed_file_raises() -> None:
    """In our words."""
    closed = io.BytesIO(b"x")
    closed.close()
    with pytest.raises(ChainError, match="the file cannot be read"):
        File(closed).size()


def test_a_form_is_read_from_its_start_alone() -> None:
    """No other place can be sent from."""
    form = Multipart([Part("a", b"1")])
    for place in ((1, 0), (0, 2)):
        with pytest.raises(io.UnsupportedOperation):
            form.seek(*place)
    assert bool(Multipart([]))
    assert "Multipart of a, " in repr(form)
