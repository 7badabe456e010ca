"""Uploads: the meta alone is signed, as that same text, and the file is streamed behind it."""

from __future__ import annotations

import hashlib
import io
import json
import shlex
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.openssl import authorization_fields, verified
from tests.sockets import closed_port, raw_server
from tests.transport.test_multipart import Pipe
from wechatpay_chain import Media, Promise, Sandbox, Wechatpay, errors
from wechatpay_chain.php import Instance, MediaUtil
from wechatpay_chain.sandbox.answer import Received

PIXEL = bytes.fromhex("89504e470d0a1a0a") + b"--x\r\n--\r\n" * 3


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    path = tmp_path / "logo.png"
    path.write_bytes(PIXEL)
    return path


def signed_over_meta(gateway: Sandbox, received: Received) -> bool:
    """Whether openssl finds the meta of a form, and nothing else, under the signature."""
    fields = authorization_fields(received.headers)
    lines = (received.method, received.target, fields["timestamp"], fields["nonce_str"], "")
    assert received.form is not None
    message = "\n".join(lines).encode() + received.form.meta + b"\n"
    return verified(message, fields["signature"], gateway.identity.merchant_key.public_key())


def test_an_image_is_uploaded(gateway: Sandbox, wxpay: Wechatpay, instance: Instance, logo: Path) -> None:
    """From a path, a URL, a file, a pipe or bytes, in every spelling of both faces: one form, rightly signed."""
    upload, php = wxpay.v3.merchant.media.upload, instance.v3.merchant.media.upload
    media = MediaUtil(str(logo))
    named = MediaUtil("/any/where/logo.png", logo.read_bytes())
    with logo.open("rb") as file:
        calls: list[Callable[[], Any]] = [
            lambda: upload.post(Media(logo)),
            lambda: upload.post(files={"file": str(logo)}),
            lambda: upload.post_async(Media(logo.as_uri())).wait(),
            lambda: upload.post(Media(file), {"headers": {"Content-Type": "multipart/form-data"}}),
            lambda: upload.post(Media(Pipe(PIXEL), filename="logo.png")),
            lambda: upload.post(json=Media(PIXEL, filename="logo.png")),
            lambda: upload.post(files={"file": ("logo.png", PIXEL)}, data={"meta": {"filename": ..., "sha256": ...}}),
            lambda: upload.post(files=[("file", Media(logo))], data=[("meta", Media(logo).meta())]),
            lambda: upload.post(Media(logo), meta=json.loads(Media(logo).meta())),
            lambda: php.post({"body": media.getStream(), "headers": {"Content-Type": media.getContentType()}}),
            lambda: php.postAsync(
                {"body": named.getStream(), "headers": {"content-type": named.getContentType()}}
            ).wait(),
            lambda: php.post(body=MediaUtil(logo.as_uri())),
            lambda: php.post(body=Media(logo)),
        ]
        answers = [call() for call in calls]
    assert all(answer.data["media_id"] and answer.verified for answer in answers)
    assert len(gateway.requests) == len(answers)
    digest = hashlib.sha256(PIXEL).hexdigest()
    for received in gateway.requests:
        assert received.form is not None
        assert received.form.meta.decode() == f'{{"filename":"logo.png","sha256":"{digest}"}}'
        seen = received.form.files["file"]
        assert (seen.filename, seen.content_type, seen.size) == ("logo.png", "image/png", len(PIXEL))
        assert (received.verdict, seen.digest) == ("", digest)
        assert signed_over_meta(gateway, received)


def test_the_form_is_that_of_php(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Byte for byte but for the boundary, which is drawn anew; the length is told."""
    wxpay.v3.merchant.media.upload.post(Media(b"data", filename="a.JPG"))
    received = gateway.requests[-1]
    boundary = received.headers["Content-Type"].partition("boundary=")[2]
    digest = hashlib.sha256(b"data").hexdigest()
    lines = [
        f"--{boundary}",
        "Content-Type: application/json",
        'Content-Disposition: form-data; name="meta"',
        "",
        f'{{"filename":"a.JPG","sha256":"{digest}"}}',
        f"--{boundary}",
        'Content-Disposition: form-data; name="file"; filename="a.JPG"',
        "Content-Length: 4",
        "Content-Type: image/jpeg",
        "",
        "data",
        f"--{boundary}--",
        "",
    ]
    assert received.body.decode() == "\r\n".join(lines)
    assert received.headers["Content-Length"] == str(len(received.body))
    assert "Transfer-Encoding" not in received.headers


SM3_OF_ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
SHA256_OF_ABC = hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(
    ("meta", "wanted"),
    [
        ({}, {"filename": "a.png", "sha256": SHA256_OF_ABC}),
        ({"filename": "b.png"}, {"filename": "b.png", "sha256": SHA256_OF_ABC}),
        ({"file_digest": ..., "n": 1}, {"file_digest": SHA256_OF_ABC, "n": 1}),
        ({"a": [{"b": "中"}], "sha256": "given"}, {"a": [{"b": "中"}], "sha256": "given"}),
        ({"filename": ..., "digest": ...}, {"filename": "a.png", "digest": SHA256_OF_ABC}),
        (
            {"file_type": "PDF", "digest_alogrithm": "SM3"},
            {"file_type": "PDF", "digest_alogrithm": "SM3", "digest": SM3_OF_ABC},
        ),
        (
            {"digest_algorithm": "DIGEST_ALGORITHM_SM3", "digest": ..., "region_id": 4403},
            {"digest_algorithm": "DIGEST_ALGORITHM_SM3", "digest": SM3_OF_ABC, "region_id": 4403},
        ),
        ({"sm3": ...}, {"sm3": SM3_OF_ABC}),
        ({"md5": ...}, {"md5": hashlib.md5(b"abc").hexdigest()}),
    ],
)
def test_what_is_left_out_of_the_meta_is_filled_in(meta: dict[str, Any], wanted: dict[str, Any]) -> None:
    """In the order in which it was given; the digest is the one that the meta names."""
    file = io.BytesIO(b"abc")
    file.name = "/any/where/a.png"
    told = json.loads(Media(file, **meta).meta())
    assert list(told.items()) == list(wanted.items())


@pytest.mark.parametrize("algorithm", ["sha256", "sm3"])
def test_openssl_makes_the_same_digest(algorithm: str, logo: Path) -> None:
    """Of the same file."""
    done = subprocess.run(["openssl", "dgst", f"-{algorithm}", str(logo)], capture_output=True, text=True, check=True)
    assert json.loads(Media(logo, **{algorithm: ...}).meta()) == {algorithm: done.stdout.split()[-1]}


def test_other_forms_are_sent_with_files(gateway: Sandbox, wxpay: Wechatpay, logo: Path) -> None:
    """A file under the API's own name, and fields beside the meta."""
    upload = wxpay.v3.mchManage.submissionFiles.subMchid._sub_mchid_.upload
    answer = upload.post(
        files={"submission_file": ("证件.png", logo, "image/x-png")},
        data={"item_id": 56, "manage_record_id": "56"},
        sub_mchid="1900000109",
    )
    assert answer.data["file_id"]
    form = gateway.requests[-1].form
    assert form is not None
    assert json.loads(form.meta)["filename"] == "证件.png"
    assert (form.fields["item_id"], form.fields["manage_record_id"]) == (b"56", b"56")
    assert form.files["submission_file"].content_type == "image/x-png"
    assert signed_over_meta(gateway, gateway.requests[-1])


def test_a_wrong_digest_is_refused_by_the_gateway(gateway: Sandbox, wxpay: Wechatpay, logo: Path) -> None:
    """It compares the file with the meta, as WeChat Pay does."""
    with pytest.raises(errors.ClientError, match="参数 sha256 错误"):
        wxpay.v3.merchant.media.upload.post(Media(logo, sha256="0" * 64))
    assert gateway.requests[-1].verdict == ""


@pytest.mark.parametrize(
    ("args", "options", "words"),
    [
        ((lambda: Media("/nowhere/a.png"),), {}, r"^file: '/nowhere/a\.png' cannot be read \(No such file"),
        ((lambda: Media(b"x"),), {}, "media: the file has no name; pass filename="),
        ((lambda: Media(b"x", filename=5),), {}, "media: the file has no name"),
        ((lambda: Media(b"x", filename="a.png", when=object()),), {}, "meta: no JSON"),
        ((lambda: Media(b"x", filename="a.png", digest_algorithm="crc"),), {}, "meta: algorithm: expected sha256, sm3"),
        ((lambda: {"a": 1},), {"meta": {"b": 1}}, "meta: it describes a file; pass Media"),
        ((lambda: Media(b"x", filename="a.png"),), {"meta": 5}, "meta: expected a mapping"),
        ((lambda: {"a": Media(b"x")},), {}, "json: a is Media"),
        ((), {"files": {"file": 5}}, "files.file: expected a path, bytes or a binary file, found int"),
        ((), {"files": {"file": b"x"}}, "files.file: the file has no name"),
        ((), {"files": {}}, "files: empty"),
        ((), {"files": "a.png"}, "files: expected a mapping with text for names, found str"),
        ((), {"files": {"file": ("a.png", b"x")}, "data": {"meta": 5}}, "data.meta: expected a mapping or JSON text"),
        ((), {"files": {"file": ("a.png", b"x")}, "data": {"a": object()}}, "data.a: expected text"),
        ((), {"files": {"file": ("a.png", b"x")}, "data": "x"}, "data: expected a mapping"),
        ((), {"files": {"file": ("a.png", b"x")}, "json": {}}, "json and files are two bodies"),
        (
            (lambda: Media(b"x", filename="a.png"),),
            {"headers": {"Content-Type": "multipart/form-data; boundary=b"}},
            "Content-Type is 'multipart/form-data; boundary=b', but the body is multipart",
        ),
        (
            (lambda: Media(b"x", filename="a.png"),),
            {"headers": {"content-type": "application/json"}},
            "Content-Type is 'application/json', but",
        ),
    ],
)
def test_what_cannot_be_uploaded_is_not_sent(
    gateway: Sandbox, wxpay: Wechatpay, args: Any, options: Any, words: str
) -> None:
    """ChainError names the field."""
    with pytest.raises(errors.ChainError, match=words) as caught:
        wxpay.v3.merchant.media.upload.post(*(make() for make in args), **options)
    assert "nothing was sent" in str(caught.value)
    assert not gateway.requests


def test_each_host_gets_the_whole_file(gateway: Sandbox, logo: Path) -> None:
    """The form is rewound for the next attempt, which is signed anew."""
    with gateway.client(base_url=[closed_port(), gateway.base_url]) as wxpay:
        assert wxpay.v3.merchant.media.upload.post(Media(logo)).data["media_id"]
    assert signed_over_meta(gateway, gateway.requests[-1])


def test_a_large_file_is_read_in_small_blocks(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """Once for the digest and once while it is sent; never more than 64 KiB at a time."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"v" * 5_000_001)
    sizes: list[int] = []

    class Counting(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            sizes.append(-1 if size is None else size)
            return super().read(size) or b""

    with Counting(str(path)) as file:
        answer = wxpay.v3.merchant.media.video_upload.post(Media(file))
    assert answer.data["media_id"]
    assert max(sizes) <= 1 << 16
    assert min(sizes) > 0
    assert len(sizes) < 3 * (5_000_001 // (1 << 16) + 2)
    form = gateway.requests[-1].form
    assert form is not None
    assert form.files["file"].size == 5_000_001
    assert gateway.requests[-1].body == b""


def test_a_file_that_shrinks_while_it_is_sent_is_told(gateway: Sandbox, tmp_path: Path) -> None:
    """The request is broken off: it may not be taken for a whole one."""
    path = tmp_path / "a.png"
    path.write_bytes(b"x" * 100_000)

    class Shrinking(Media):
        def form(self) -> Any:
            form = super().form()
            path.write_bytes(b"x")
            return form

    with (
        gateway.client() as wxpay,
        pytest.raises(errors.TransportError, match=r"100000 bytes when it was signed, 1 now"),
    ):
        wxpay.v3.merchant.media.upload.post(Shrinking(path))
    assert not gateway.requests


def test_a_refused_upload_is_told(gateway: Sandbox, logo: Path) -> None:
    """A server that hangs up in the middle: the file may have arrived."""

    def behave(connection: socket.socket) -> None:
        connection.recv(1024)

    with raw_server(behave) as (url, accepted), gateway.client(base_url=url) as wxpay:
        with pytest.raises(errors.TransportError, match="may have been carried out"):
            wxpay.v3.merchant.media.upload.post(Media(b"x" * 3_000_000, filename="a.png"))
        assert len(accepted) == 1


def test_a_prepared_upload_is_shown(wxpay: Wechatpay, logo: Path) -> None:
    """The signed text holds the meta; curl reads the file itself and draws its own boundary."""
    request = wxpay.prepare(wxpay.v3.merchant.media.upload.post, Media(logo))
    meta = Media(logo).meta()
    assert request.message.splitlines()[-1] == meta
    words = shlex.split(request.curl())
    assert curl_quoted(meta) in [word.removeprefix("meta=").removesuffix(";type=application/json") for word in words]
    assert f"file=@{logo}" in words
    assert not [word for word in words if word.lower().startswith(("content-type", "content-length"))]
    assert repr(Media(logo)) == "<Media logo.png>"


def curl_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@pytest.mark.parametrize(
    "name", ["a;b.png", "a,b.png", 'a"b;c.png', "a\\b;.png", "a;type=text.png", "@a.png", "<a.png", " a;.png"]
)
@pytest.mark.parametrize("renamed", [False, True])
def test_curl_sends_what_it_is_told(
    gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path, name: str, renamed: bool
) -> None:
    """Name, type, content and meta arrive as the client itself sends them, whatever is special to curl's forms."""
    path = tmp_path / ("plain.png" if renamed else name)
    path.write_bytes(PIXEL)
    media = Media(path, filename=name) if renamed else Media(path)
    request = wxpay.prepare(wxpay.v3.merchant.media.upload.post, media)
    done = subprocess.run(shlex.split(request.curl()), capture_output=True, text=True, check=True)
    assert "media_id" in json.loads(done.stdout)
    received = gateway.requests[-1]
    assert received.form is not None
    assert (received.verdict, received.form.meta.decode()) == ("", media.meta())
    seen = received.form.files["file"]
    assert (seen.content_type, seen.digest) == ("image/png", hashlib.sha256(PIXEL).hexdigest())
    assert json.loads(media.meta())["filename"] == name


def test_php_can_set_the_meta(gateway: Sandbox, instance: Instance, logo: Path) -> None:
    """setMeta tells the length in bytes; str() of the stream is what is signed."""
    media = MediaUtil(str(logo))
    assert media.setMeta('{"a":"中"}') == 11
    stream = media.getStream()
    assert str(stream) == media.getMeta() == '{"a":"中"}'
    instance.v3.merchant.media.upload.post(body=stream, headers={"Content-Type": media.getContentType()})
    assert signed_over_meta(gateway, gateway.requests[-1])
    assert media.setMeta() == len(MediaUtil(str(logo)).getMeta())
    with pytest.raises(errors.ChainError, match="filepath: '/nowhere' cannot be read"):
        MediaUtil("/nowhere").getMeta()
    for wrong in (None, 5, b"x"):
        with pytest.raises(errors.ChainError, match=r"^filepath: expected a path, found \w+; nothing was sent$"):
            MediaUtil(wrong)  # type: ignore[arg-type]


def test_apiv2_takes_no_form(gateway: Sandbox, wxpay: Wechatpay, instance: Instance) -> None:
    """But for a file's; its fields are signed, and nothing that was given is lost in silence."""
    for call, options in (
        (wxpay.v2.x.post, {"files": {"file": ("a", b"x")}, "meta": {"filename": "a"}}),
        (instance.v2.x.post, {"form_params": {"a": 1}}),
        (instance.v2.x.post, {"multipart": [{"name": "a", "contents": "x"}]}),
    ):
        with pytest.raises(errors.ChainError, match="APIv2 takes its fields as xml"):
            call(**options)
    assert not gateway.requests


def test_a_stream_may_be_sent_again(gateway: Sandbox, instance: Instance, logo: Path) -> None:
    """Each call reads it from its start, also many at once."""
    stream = MediaUtil(str(logo)).getStream()
    options = {"body": stream, "headers": {"Content-Type": stream.content_type}}
    upload = instance.v3.merchant.media.upload
    for _ in range(2):
        assert upload.post(options).getStatusCode() == 200
    answers: list[Any] = Promise.unwrap([upload.postAsync(options) for _ in range(6)])
    assert [answer.getStatusCode() for answer in answers] == [200] * 6


def test_an_empty_meta_is_signed_as_such(gateway: Sandbox, instance: Instance, logo: Path) -> None:
    """It is a meta; the file is not read into memory to be signed in its place."""
    media = MediaUtil(str(logo))
    assert media.setMeta("") == 0
    with pytest.raises(errors.ClientError, match="参数 meta 错误"):
        instance.v3.merchant.media.upload.post(body=media)
    assert signed_over_meta(gateway, gateway.requests[-1])


class Readable:
    """The least that a file is: something to be read."""

    def __init__(self, piece: Any) -> None:
        self._pieces = [piece]

    def read(self, size: int = -1) -> Any:
        return self._pieces.pop() if self._pieces else b""


def test_the_least_file_is_enough(wxpay: Wechatpay) -> None:
    """read() alone, copied at first; what gives text is refused."""
    media: Any = Media(Readable(b"png"), filename="a.png")
    assert wxpay.v3.merchant.media.upload.post(media).data["media_id"]
    with pytest.raises(errors.ChainError, match="it gives str, not bytes"):
        wxpay.v3.merchant.media.upload.post(Media(Readable("png"), filename="a.png"))


def test_odd_files_and_names_are_refused(gateway: Sandbox, wxpay: Wechatpay, logo: Path) -> None:
    """A file that only takes, text that UTF-8 cannot hold, a header within a type."""
    upload = wxpay.v3.merchant.media.upload
    with logo.open("ab") as file:
        for call, words in (
            (lambda: upload.post(Media(file)), "file: expected a path, bytes or a binary file"),
            (lambda: upload.post(Media(b"x", filename="\udce9.png")), "meta: no JSON|meta: text that UTF-8"),
            (lambda: upload.post(Media(b"x", filename="a.png", note="\ud800")), "meta: no JSON|meta: text that UTF-8"),
            (lambda: upload.post(files={"file": ("a.png", b"x", "image/q\r\nX: 1")}), "file: a header .* line break"),
            (lambda: MediaUtil(str(logo)).setMeta({"a": 1}), "json: expected text, found dict"),  # type: ignore[arg-type]
        ):
            with pytest.raises(errors.ChainError, match=words):
                call()
    assert not gateway.requests
