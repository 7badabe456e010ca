"""Files as web frameworks hand them out: real uploads over real parsers, with their own names and types."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from django.core.files.base import ContentFile
from django.core.files.base import File as DjangoFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.multipartparser import MultiPartParser as DjangoParser
from django.utils.datastructures import MultiValueDict
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser as StarletteParser
from werkzeug.datastructures import FileStorage
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from wechatpay_chain import Media, Sandbox, Wechatpay, errors
from wechatpay_chain.php import Instance

DATA = b"\xff\xd8\xff" + b"photo" * 7
LARGE = b"\xff\xd8\xff" + os.urandom(3 << 20)  # more than each framework keeps in memory


BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"


def form_of(data: bytes, filename: str, kind: str) -> tuple[bytes, str]:
    """A form with one file under the name ``photo``, as a browser sends it."""
    disposition = f'Content-Disposition: form-data; name="photo"; filename="{filename}"'
    head = f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: {kind}\r\n\r\n"
    return head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


def werkzeug(data: bytes, filename: str, kind: str) -> Any:
    body, content_type = form_of(data, filename, kind)
    builder = EnvironBuilder(method="POST", input_stream=io.BytesIO(body), content_type=content_type)
    builder.content_length = len(body)
    return Request(builder.get_environ()).files["photo"]


def django(data: bytes, filename: str, kind: str) -> Any:
    from django.conf import settings
    from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler

    settings.configured or settings.configure()
    body, content_type = form_of(data, filename, kind)
    meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    handlers = [MemoryFileUploadHandler(), TemporaryFileUploadHandler()]
    files: MultiValueDict[str, Any]
    _, files = DjangoParser(meta, io.BytesIO(body), handlers, "utf-8").parse()
    return files["photo"]


def starlette(data: bytes, filename: str, kind: str) -> Any:
    body, content_type = form_of(data, filename, kind)

    async def stream() -> Any:
        for at in range(0, len(body), 1 << 16):
            yield body[at : at + (1 << 16)]

    async def parsed() -> Any:
        return (await StarletteParser(Headers({"content-type": content_type}), stream()).parse())["photo"]

    return asyncio.run(parsed())


FRAMEWORKS = [werkzeug, django, starlette]


@pytest.mark.parametrize("received", FRAMEWORKS)
@pytest.mark.parametrize("data", [DATA, LARGE], ids=["in memory", "on disk"])
def test_a_received_file_is_sent_on(
    wxpay: Wechatpay, instance: Instance, gateway: Sandbox, received: Callable[..., Any], data: bytes
) -> None:
    """Under its own name and type, in each way that a file can be given; the signed name is the sent one."""
    upload = received(data, "小猫 1.jpg", "image/x-of-camera")
    (upload.file if isinstance(upload, UploadFile) else upload).read(5)  # as who looks at what it is
    path = "v3/merchant/media/upload"
    wxpay[path].post(Media(upload))
    wxpay[path].post(files={"file": upload})
    wxpay[path].post(files={"file": Media(upload)})
    instance.chain(path).post({"body": Media(upload)})
    for request in gateway.requests:
        assert request.form is not None
        seen = request.form.files["file"]
        assert (seen.filename, seen.content_type) == ("小猫 1.jpg", "image/x-of-camera")
        assert (request.verdict, seen.digest) == ("", hashlib.sha256(data).hexdigest())
        assert json.loads(request.form.meta) == {"filename": "小猫 1.jpg", "sha256": seen.digest}
    assert len(gateway.requests) == 4
    closed(upload)


def closed(upload: Any) -> None:
    (upload.file if isinstance(upload, UploadFile) else upload).close()


@pytest.mark.parametrize("received", FRAMEWORKS)
@pytest.mark.parametrize("kind", ["application/octet-stream", "image/png"])
def test_a_type_that_says_nothing_is_told_by_the_name(
    wxpay: Wechatpay, gateway: Sandbox, received: Callable[..., Any], kind: str
) -> None:
    """As for a plain file; a name that is given comes before its own."""
    upload = received(DATA, "photo.bin", kind)
    wxpay.v3.merchant.media.upload.post(Media(upload, filename="logo.png"))
    assert file_of(gateway.requests[-1]).content_type == "image/png"
    assert file_of(gateway.requests[-1]).filename == "logo.png"
    closed(upload)


@pytest.mark.parametrize("name", [r"C:\fakepath\logo.png", "../../logo.png", "/etc/logo.png"])
def test_folders_of_the_sender_are_not_sent_on(wxpay: Wechatpay, gateway: Sandbox, name: str) -> None:
    """Some browsers send them, and what attacks sends others."""
    for upload in (FileStorage(io.BytesIO(DATA), name, "photo"), UploadFile(io.BytesIO(DATA), filename=name)):
        assert Media(upload).filename == "logo.png"


@pytest.mark.parametrize(
    "upload",
    [
        FileStorage(io.BytesIO(b""), "", "photo"),
        FileStorage(io.BytesIO(DATA), None, "photo"),
        UploadFile(io.BytesIO(DATA)),
        DjangoFile(io.BytesIO(DATA)),
        ContentFile(DATA),
        SimpleNamespace(name="photo", filename=None, file=io.BytesIO(DATA)),
    ],
    ids=["werkzeug empty", "werkzeug", "starlette", "django file", "django content", "another"],
)
def test_a_field_name_is_no_file_name(wxpay: Wechatpay, gateway: Sandbox, upload: Any) -> None:
    """Where a form brought no name, the error says what to pass, and nothing is sent."""
    with pytest.raises(errors.ChainError, match=r"has no name; pass filename='logo.png'; nothing was sent"):
        wxpay.v3.merchant.media.upload.post(Media(upload))
    with pytest.raises(errors.ChainError, match=r"^files.file: the file has no name; .*; nothing was sent"):
        wxpay.v3.merchant.media.upload.post(files={"file": upload})
    assert not gateway.requests
    assert Media(upload, filename="logo.png").filename == "logo.png"


def others(folder: Path) -> Iterator[tuple[Any, str, str]]:
    """Uploads of other frameworks by their documented attributes, and files of the standard library."""
    stored = folder / "stored.jpg"
    stored.write_bytes(DATA)
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        archive.writestr("photos/zipped.jpg", DATA)
    with gzip.open(folder / "packed.jpg", "wb") as packed:
        packed.write(DATA)
    spooled: Any = tempfile.SpooledTemporaryFile()  # noqa: SIM115  # closed with the test's folder
    spooled.write(DATA)
    spooled.seek(0)
    yield SimpleNamespace(name="photo", filename="a.jpg", file=io.BytesIO(DATA), content_type="image/x-a"), "a.jpg", "a"
    yield SimpleNamespace(name="photo", filename="b.jpg", stream=io.BytesIO(DATA), content_type=None), "b.jpg", ""
    yield SimpleNamespace(filename="c.jpg", body=DATA, content_type="image/x-c"), "c.jpg", "c"
    yield SimpleNamespace(name="d.jpg", body=DATA, type="image/x-d"), "d.jpg", "d"
    yield UploadFile(spooled, filename="e.jpg", headers=Headers({"content-type": "image/x-e; q=1"})), "e.jpg", "e"
    spooled.close()
    yield SimpleUploadedFile("f.jpg", DATA, "image/x-f"), "f.jpg", "f"
    yield DjangoFile(io.BytesIO(DATA), "photos/2026/g.jpg"), "g.jpg", ""
    yield stored.open("rb"), "stored.jpg", ""
    yield str(stored), "stored.jpg", ""
    yield os.fsencode(stored).decode(), "stored.jpg", ""
    with os.scandir(folder) as entries:
        yield next(entry for entry in entries if entry.name == "stored.jpg"), "stored.jpg", ""
    with zipfile.ZipFile(folder / "photos.zip") as archive, archive.open("photos/zipped.jpg") as zipped:
        yield zipped, "zipped.jpg", ""
    with gzip.open(folder / "packed.jpg") as unpacked:
        yield unpacked, "packed.jpg", ""
    yield anyio.wrap_file(stored.open("rb")), "stored.jpg", ""
    bytes_io: Any = io.BytesIO(DATA)
    bytes_io.name = "streamlit.jpg"
    bytes_io.type = "image/x-h"
    yield bytes_io, "streamlit.jpg", "h"


def test_every_file_brings_its_own_name_and_type(wxpay: Wechatpay, gateway: Sandbox, tmp_path: Path) -> None:
    """The type by the name where it tells none."""
    for source, name, kind in others(tmp_path):
        wxpay.v3.merchant.media.upload.post(Media(source))
        seen = file_of(gateway.requests[-1])
        assert (seen.filename, seen.size) == (name, len(DATA))
        assert seen.content_type == (f"image/x-{kind}" if kind else "image/jpeg")
        for inside in (source, getattr(source, "wrapped", None)):
            if isinstance(inside, io.IOBase):
                inside.close()


@pytest.mark.parametrize("told", ["image/png\r\nX: y", "image", "", "image/", 5, None])
def test_a_type_that_is_none_is_not_sent(told: Any) -> None:
    """It comes from whoever sent the form."""
    upload = SimpleNamespace(filename="a.jpg", file=io.BytesIO(DATA), content_type=told)
    _, part = Media(upload).form().parts
    assert b"Content-Type: image/jpeg\r\n" in part.head(1)


def test_a_plain_file_stands_where_it_stood(wxpay: Wechatpay, gateway: Sandbox, tmp_path: Path) -> None:
    """From there it is sent, as often as somebody asks."""
    path = tmp_path / "logo.png"
    path.write_bytes(b"skipped" + DATA)
    with path.open("rb") as file:
        file.seek(7)
        for _ in range(2):
            wxpay.v3.merchant.media.upload.post(Media(file))
            assert file_of(gateway.requests[-1]).size == len(DATA)
            assert file.tell() == 7


class Spooled:
    """What SpooledTemporaryFile has in Python 3.10: it can seek, and does not say so."""

    def __init__(self, data: bytes) -> None:
        inner = io.BytesIO(data)
        self.read, self.seek, self.tell = inner.read, inner.seek, inner.tell


def test_a_file_that_can_seek_without_saying_so_is_sent_again(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """From where it stands, each time that it is given."""
    for source in (Spooled(DATA), SimpleNamespace(filename="a.jpg", file=Spooled(DATA))):
        for _ in range(2):
            wxpay.v3.merchant.media.upload.post(Media(source, filename="a.jpg"))
            assert file_of(gateway.requests[-1]).size == len(DATA)


class Asynchronous:
    """A file of an asynchronous library, which has no other inside."""

    name = "logo.png"

    async def read(self, size: int = -1) -> bytes:
        return DATA


@pytest.mark.parametrize("wrapped", [Asynchronous(), SimpleNamespace(filename="a.png", file=Asynchronous())])
def test_an_asynchronous_file_says_what_to_pass(wxpay: Wechatpay, gateway: Sandbox, wrapped: Any) -> None:
    """Nothing is sent, and no coroutine is left that nobody awaits."""
    calls: list[Callable[[], Any]] = [
        lambda: wxpay.v3.merchant.media.upload.post(Media(wrapped)),
        lambda: wxpay.v3.merchant.media.upload.post(files={"file": wrapped}),
    ]
    for call in calls:
        with pytest.raises(errors.ChainError) as caught:
            call()
        assert str(caught.value).endswith("Media(await file.read(), filename='logo.png'); nothing was sent")
    assert not gateway.requests


def test_what_was_not_awaited_is_told() -> None:
    """It is no file yet."""
    waiting = Asynchronous().read()
    with pytest.raises(errors.ChainError, match="found a coroutine; await it first; nothing was sent"):
        Media(waiting)  # type: ignore[arg-type]
    waiting.close()


@pytest.mark.parametrize("text", [ContentFile("text", name="a.png"), io.StringIO("text"), SimpleNamespace(read=str)])
def test_text_is_no_file(wxpay: Wechatpay, gateway: Sandbox, text: Any) -> None:
    """Whether it says so, or only shows it when it is read."""
    with pytest.raises(errors.ChainError, match="nothing was sent"):
        wxpay.v3.merchant.media.upload.post(Media(text, filename="a.png"))
    assert not gateway.requests


def file_of(request: Any) -> Any:
    assert request.form is not None
    return request.form.files["file"]
