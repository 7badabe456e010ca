from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import pickle
import resource
import secrets
import signal
import socket
import subprocess
import sys
import threading
import traceback
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import responses
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SM3, Hash

from tests import answers
from tests.openssl import rightly_signed
from tests.sockets import raw_server
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.php import Instance
from wechatpay_chain.sandbox.answer import Answer, Received
from wechatpay_chain.transport import download
from wechatpay_chain.transport.download import Download

BILL = "\ufeff交易时间,订单金额\r\n`2026-11-01,`1.20\r\n总交易单数,订单总金额\r\n`1,`1.20\r\n".encode()
DAY = {"bill_date": "2026-11-01"}
# What a bill of a sub-merchant is asked for with.
SUB = {**DAY, "sub_mchid": "1", "account_type": "BASIC", "algorithm": "AEAD_AES_256_GCM"}
# And one of a platform, which has no other account.
ECOMMERCE = {**SUB, "account_type": "ALL"}
KEY, NONCE = secrets.token_hex(16).encode(), secrets.token_hex(8)


def sha1(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def named(url: str, content: bytes = BILL, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What an answer says of a file."""
    return {"hash_type": "SHA1", "hash_value": sha1(content), "download_url": url, **(more or {})}


def serving(content: bytes, **headers: str) -> answers.Tamper:
    """The file in place of whatever the sandbox would answer."""
    return answers.bare(200, content, "application/octet-stream", **headers)


@contextmanager
def server_of(content: bytes) -> Iterator[str]:
    """A server whose whole answer, head and all, is ``content``, and which hangs up then."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(content)

    with raw_server(behave) as (url, _):
        yield url


def sealed(content: bytes, key: bytes = KEY) -> bytes:
    return AESGCM(key).encrypt(NONCE.encode(), content, b"")


def locked(gateway: Sandbox, key: bytes = KEY) -> dict[str, str]:
    """What an answer says of an encrypted file."""
    return {"encrypt_key": asymmetric.encrypt(key, gateway.identity.merchant_key.public_key()), "nonce": NONCE}


@pytest.mark.parametrize("tar_type", [{}, {"tar_type": "GZIP"}])
@pytest.mark.parametrize(
    "path",
    [
        "v3/bill/tradebill",
        "v3/bill/fundflowbill",
        "v3/bill/sub-merchant-fundflowbill",
        "v3/ecommerce/bill/fundflowbill",
        "v3/profitsharing/bills",
    ],
)
def test_a_bill_is_downloaded_and_checked(
    gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path, path: str, tar_type: dict[str, str]
) -> None:
    """Asked for, fetched, decrypted, unzipped: the digest of what lies there is the one that was named."""
    answer = wxpay.chain(path).get(params={**(ECOMMERCE if "ecommerce" in path else SUB), **tar_type})
    told = wxpay.download(answer, tmp_path / "bill.csv")
    content = (tmp_path / "bill.csv").read_bytes()
    entry = answer.data.get("download_bill_list", [answer.data])[0]
    assert told == Download(tmp_path / "bill.csv", len(content), entry["hash_value"], "SHA1", True)
    assert sha1(content) == entry["hash_value"]
    assert content.startswith("\ufeff".encode())
    assert [path.name for path in tmp_path.iterdir()] == ["bill.csv"]
    assert wxpay.download(answer) == wxpay.download(answer, None) == content


@pytest.mark.parametrize("query", ["token=a%2Fb+c/d=&x=%E4%BD%A0", "token=-._~!$'()*,;:@&tartype=", "a=b&a=c&"])
def test_the_url_travels_byte_for_byte(gateway: Sandbox, wxpay: Wechatpay, query: str) -> None:
    """What arrives is the path and query as they were named, and openssl says that they are what was signed."""
    gateway.tamper = serving(BILL)
    target = f"/v3/billdownload/file?{query}"
    assert wxpay.download(named(gateway.base_url + target)) == BILL
    received = gateway.requests[-1]
    assert received.target == target
    assert rightly_signed(received, gateway.identity.merchant_key.public_key())


def test_braces_and_signs_of_a_url_are_no_placeholders(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """They are escaped, since no library would let them travel; nothing of the URL waits for a value."""
    gateway.tamper = serving(BILL)
    wxpay.download(named(f"{gateway.base_url}/v3/billdownload/file?token={{a}}<b>$c$_d_"))
    assert gateway.requests[-1].target == "/v3/billdownload/file?token=%7Ba%7D%3Cb%3E$c$_d_"


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/v3/billdownload/file?token=x",
        "http://api.mch.weixin.qq.com/v3/billdownload/file?token=x",
        "https://api.mch.weixin.qq.com.a.example/v3/billdownload/file",
        "https://api.mch.weixin.qq.com@a.example/v3/billdownload/file",
        "https://api.mch.weixin.qq.com:8443/v3/billdownload/file",
        "https://a.example\\@api.mch.weixin.qq.com/v3/billdownload/file",
        "//a.example/v3/billdownload/file",
        "ftp://api.mch.weixin.qq.com/x",
        "file:///etc/passwd",
    ],
)
def test_a_url_of_another_host_is_refused(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path, url: str) -> None:
    """Before anything is sent, so that no signature leaves either."""
    with pytest.raises(errors.ChainError, match=r"(is not a host of WeChat Pay|is no URL).*nothing was sent"):
        wxpay.download(named(url), tmp_path / "bill.csv")
    assert not gateway.requests
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("prefix", ["", "/wx"])
@pytest.mark.parametrize("host", ["api.mch.weixin.qq.com", "api2.wechatpay.cn", "apihk.mch.weixin.qq.com"])
def test_a_url_of_wechat_pay_is_asked_of_the_configured_host(gateway: Sandbox, host: str, prefix: str) -> None:
    """A URL of the documentation does not leave a sandbox, and that of a bill goes through one's own gateway."""
    gateway.tamper = serving(BILL)
    with gateway.client(base_url=gateway.base_url + prefix) as wxpay:
        assert wxpay.download(named(f"https://{host}/v3/billdownload/file?token=a%2Fb")) == BILL
    assert gateway.requests[-1].target == f"{prefix}/v3/billdownload/file?token=a%2Fb"


@pytest.mark.parametrize("sites", [None, ["https://api2.mch.weixin.qq.com", "https://gateway.example"]])
def test_a_client_of_wechat_pay_asks_the_host_that_was_named(gateway: Sandbox, sites: list[str] | None) -> None:
    """The two main sites are not taken for each other."""
    with gateway.client(base_url=sites) as wxpay, responses.RequestsMock() as mock:
        mock.get("https://api.mch.weixin.qq.com/v3/billdownload/file", body=BILL)
        assert wxpay.download("https://api.mch.weixin.qq.com/v3/billdownload/file?token=x") == BILL
        assert len(mock.calls) == 1


def test_a_configured_base_with_a_prefix_keeps_it(gateway: Sandbox) -> None:
    """The table of unsigned paths holds behind a proxy's prefix."""
    gateway.tamper = serving(b"image")
    with gateway.client(base_url=f"{gateway.base_url}/wx") as wxpay:
        assert wxpay.download(f"{gateway.base_url}/wx/v3/merchant-service/images/x") == b"image"
        assert gateway.requests[-1].target == "/wx/v3/merchant-service/images/x"


def test_a_wrong_digest_keeps_the_file_that_was_there(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """Both digests are told; the error is picklable with them."""
    gateway.bills.is_wrong = True
    (tmp_path / "bill.csv").write_text("before")
    answer = wxpay.v3.bill.tradebill.get(params=DAY)
    with pytest.raises(errors.IntegrityError, match=r"not the file that was named.*nothing was kept") as caught:
        wxpay.download(answer, tmp_path / "bill.csv")
    error = caught.value
    assert error.expected == answer.data["hash_value"]
    assert error.found == error.expected[::-1]
    assert f"named {error.expected}, found {error.found}" in str(error)
    assert isinstance(error, errors.VerificationError)
    assert error.response is not None
    assert error.response.status == 200
    again = pickle.loads(pickle.dumps(error))
    assert (again.expected, again.found, str(again)) == (error.expected, error.found, str(error))
    assert [path.name for path in tmp_path.iterdir()] == ["bill.csv"]
    assert (tmp_path / "bill.csv").read_text() == "before"


def http(content: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n%b" % (len(content), headers, content)


def chunked(content: bytes) -> bytes:
    body = b"".join(
        b"%x\r\n%b\r\n" % (len(content[at : at + 9]), content[at : at + 9]) for at in range(0, len(content), 9)
    )
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


ON_THE_WIRE: dict[str, Callable[[], bytes]] = {
    "plain": lambda: http(BILL),
    "gzip": lambda: http(gzip.compress(BILL)),
    "chunked": lambda: chunked(BILL),
    "without a length": lambda: b"HTTP/1.1 200 OK\r\n\r\n" + gzip.compress(BILL),
    "encrypted": lambda: http(sealed(gzip.compress(BILL))),
}


@pytest.mark.parametrize("way", ON_THE_WIRE)
def test_a_server_that_is_killed_at_any_byte(gateway: Sandbox, tmp_path: Path, way: str) -> None:
    """Nothing half-written is left, whichever byte was the last; the whole arrives."""
    whole = ON_THE_WIRE[way]()
    sent = iter([*range(len(whole)), len(whole)])

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(whole[: next(sent)])

    with raw_server(behave) as (url, _), gateway.client(base_url=url, retry=False) as wxpay:
        more = locked(gateway) if way == "encrypted" else {}
        told = named(f"{url}/v3/billdownload/file?token=x", more=more)
        body_at = whole.index(b"\r\n\r\n") + 4
        # Once the 0 that ends a chunked body is there, all of it is.
        kept = len(whole) - (4 if way == "chunked" else 0)
        for count in range(kept):
            kinds = (errors.IntegrityError,) if count > body_at else (errors.TransportError, errors.IntegrityError)
            with pytest.raises(kinds, match=r"broke off|not the file|too early|tag|carried out"):
                wxpay.download(told, tmp_path / "bill.csv")
            assert not list(tmp_path.iterdir())
        for _ in range(kept, len(whole)):
            next(sent)
        wxpay.download(told, tmp_path / "bill.csv")
    assert (tmp_path / "bill.csv").read_bytes() == BILL


def test_a_server_that_stalls_times_out(gateway: Sandbox, tmp_path: Path) -> None:
    """TimedOut, and nothing is left."""
    over = threading.Event()

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(http(BILL)[:-5])
        over.wait(10)

    with raw_server(behave) as (url, _), gateway.client(base_url=url, timeout=(2, 0.2)) as wxpay:
        with pytest.raises(errors.TimedOut, match="broke off"):
            wxpay.download(named(f"{url}/v3/billdownload/file?token=secret"), tmp_path / "bill.csv")
        over.set()
    assert not list(tmp_path.iterdir())


def test_a_client_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    """Not even a hidden part: the file has no name before it is whole."""
    script = (
        "import os, signal, sys; from wechatpay_chain import Sandbox\n"
        "with Sandbox() as gateway, gateway.client() as wxpay:\n"
        "    answer = wxpay.v3.bill.tradebill.get(params={'bill_date': '2026-11-01', 'rows': 5000})\n"
        "    wxpay.download(answer, sys.argv[1], progress=lambda done, total: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "bill.csv")], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert not list(tmp_path.iterdir())


def test_an_expired_url_is_told(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """By the gateway's own words, and nothing is left."""
    gateway.bills.lifetime = 0
    answer = wxpay.v3.bill.tradebill.get(params=DAY)
    with pytest.raises(errors.ClientError, match="400 INVALID_REQUEST: 下载链接已过期"):
        wxpay.download(answer, tmp_path / "bill.csv")
    assert not list(tmp_path.iterdir())


class Full(io.BytesIO):
    """A file on a disk that is full after so many bytes."""

    def __init__(self, limit: int, seeks: bool = True) -> None:
        super().__init__()
        self.limit, self.seeks = limit, seeks

    def seekable(self) -> bool:
        return self.seeks

    def write(self, piece: Any) -> int:
        if self.tell() + len(piece) > self.limit:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(piece)


@pytest.mark.parametrize("seeks", [True, False])
@pytest.mark.parametrize("limit", [0, 4000, 100_000])
def test_a_full_disk_is_told(gateway: Sandbox, wxpay: Wechatpay, limit: int, seeks: bool) -> None:
    """IntegrityError with what the system said; a file that can seek is as it was."""
    answer = wxpay.v3.bill.tradebill.get(params={**DAY, "rows": 2000})
    file = Full(limit, seeks)
    with pytest.raises(errors.IntegrityError, match=r"cannot be written.*No space left on device") as caught:
        wxpay.download(answer, file)
    assert caught.value.expected == answer.data["hash_value"]
    assert isinstance(caught.value.__cause__, OSError)
    if seeks:
        assert file.getvalue() == b""


def test_a_full_device_is_told(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """/dev/full stays what it is: a device is written to, never replaced."""
    answer = wxpay.v3.bill.tradebill.get(params=DAY)
    with pytest.raises(errors.IntegrityError, match="No space left on device"):
        wxpay.download(answer, "/dev/full")
    assert Path("/dev/full").is_char_device()
    assert wxpay.download(answer, "/dev/null").verified
    assert Path("/dev/null").is_char_device()


def test_a_path_on_a_full_disk_is_told(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """The limit of the process stands for the disk's; nothing is left."""
    answer = wxpay.v3.bill.tradebill.get(params={**DAY, "rows": 2000})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(errors.IntegrityError, match=r"cannot be written.*File too large"):
            wxpay.download(answer, tmp_path / "bill.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_told_before_anything_is_sent(
    gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An OSError as open() would raise it, a folder or a wrong type as a ChainError."""
    answer = wxpay.v3.bill.tradebill.get(params=DAY)
    gateway.requests.clear()
    wrong: list[Any] = [tmp_path, tmp_path / "none" / "x", f"{tmp_path}/a\0b", io.StringIO(), 5, b"x", object()]
    for to in wrong:
        with pytest.raises(errors.ChainError, match=r"^to: .*nothing was sent$"):
            wxpay.download(answer, to)
    with pytest.raises(FileNotFoundError):
        wxpay.download(answer, f"/proc/{os.getpid()}/x")
    assert not gateway.requests


def test_a_name_that_the_server_sends_is_never_used(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """The path is the caller's alone; the header could climb out of the folder."""
    gateway.tamper = serving(BILL, **{"Content-Disposition": 'attachment; filename="../../escaped.csv"'})
    (tmp_path / "in").mkdir()
    wxpay.download(named(f"{gateway.base_url}/v3/billdownload/file?token=../../../x"), tmp_path / "in" / "bill.csv")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["bill.csv", "in"]
    with pytest.raises(errors.ChainError, match="is a folder"):
        wxpay.download(named(f"{gateway.base_url}/v3/billdownload/file?token=x"), tmp_path / "in")


def test_bytes_are_returned_up_to_a_limit(gateway: Sandbox, wxpay: Wechatpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MiB of plain bytes; a file takes more."""
    assert download.IN_MEMORY == 64 * 1024 * 1024
    monkeypatch.setattr(download, "IN_MEMORY", len(BILL))
    gateway.tamper = serving(gzip.compress(BILL))
    url = f"{gateway.base_url}/v3/billdownload/file?token=x"
    assert wxpay.download(named(url)) == BILL
    gateway.tamper = serving(gzip.compress(BILL + b"x"))
    with pytest.raises(errors.IntegrityError, match="more than 0 MiB are not returned as bytes; pass a path"):
        wxpay.download(named(url, BILL + b"x"))
    assert wxpay.download(named(url, BILL + b"x"), io.BytesIO()).size == len(BILL) + 1


def test_a_file_gets_the_bytes_where_it_stands(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """All of them, also without a buffer, and ends with them; one that got wrong bytes is as it was."""
    answer = wxpay.v3.bill.tradebill.get(params=DAY)
    content = wxpay.download(answer)
    with (tmp_path / "file").open("w+b", buffering=0) as file:
        file.write(b"before")
        told = wxpay.download(answer, file)
        assert (told.path, told.size) == (None, len(content))
        assert (tmp_path / "file").read_bytes() == b"before" + content
        file.seek(6)
        with pytest.raises(errors.IntegrityError):
            wxpay.download({**answer.data, "hash_value": "0" * 40}, file)
        assert (tmp_path / "file").read_bytes() == b"before" + content
        file.write(b"much more" * len(content))
        file.seek(3)
        wxpay.download(answer, file)
        assert (tmp_path / "file").read_bytes() == b"bef" + content


def test_a_file_stays_as_it_was_when_nothing_came(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """A URL that has expired empties nobody's file."""
    gateway.bills.lifetime = 0
    (tmp_path / "file").write_bytes(b"precious" * 1000)
    with (tmp_path / "file").open("r+b") as file, pytest.raises(errors.ClientError):
        wxpay.download(wxpay.v3.bill.tradebill.get(params=DAY), file)
    assert (tmp_path / "file").read_bytes() == b"precious" * 1000


@pytest.mark.parametrize("status", [b"201 Created", b"202 Accepted", b"204 No Content", b"206 Partial Content"])
@pytest.mark.parametrize("path", ["/v3/billdownload/file", "/v3/merchant-service/images/x"])
def test_a_part_is_no_file(gateway: Sandbox, tmp_path: Path, status: bytes, path: str) -> None:
    """Only an answer of 200 is one; a part was never asked for."""
    part = http(BILL, b"Content-Range: bytes 0-9/100\r\n").replace(b"200 OK", status)
    refused = pytest.raises(errors.IntegrityError, match=f"status {status[:3].decode()} is no whole file")
    with server_of(part) as url, gateway.client(base_url=url) as wxpay, refused:
        wxpay.download(f"{url}{path}", tmp_path / "file")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cut", [1, 8, 9, 200])
def test_a_content_encoding_must_end(gateway: Sandbox, tmp_path: Path, cut: int) -> None:
    """urllib3 hands over what there was of it; a file that is whole on the wire arrives."""
    content = secrets.token_bytes(10_000)
    zipped = gzip.compress(content)
    encoding = b"Content-Encoding: gzip\r\n"
    with server_of(http(zipped[:-cut], encoding)) as url, gateway.client(base_url=url) as wxpay:
        with pytest.raises(errors.IntegrityError, match="the gzip of the answer ends too early"):
            wxpay.download(f"{url}/v3/billdownload/file", tmp_path / "file")
        with pytest.raises(errors.TransportError, match="the gzip of the answer ends too early"):
            wxpay.v2.pay.downloadbill.post({"mch_id": gateway.mchid})
    assert not list(tmp_path.iterdir())
    with server_of(http(zipped, encoding)) as url, gateway.client(base_url=url) as wxpay:
        assert wxpay.download(f"{url}/v3/billdownload/file") == content


def test_the_bytes_that_came_are_told(gateway: Sandbox) -> None:
    """Also those of a block that broke off."""
    told = pytest.raises(errors.IntegrityError, match=r"IncompleteRead\(9995 bytes read.*; 9995 bytes came")
    with server_of(http(bytes(10_000))[:-5]) as url, gateway.client(base_url=url) as client, told:
        client.download(f"{url}/v3/billdownload/file")


def test_a_pipe_gets_nothing_that_is_not_proven(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """What is written to it cannot be taken back, so all of it waits for the digest."""
    answer = wxpay.v3.bill.tradebill.get(params=DAY)
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader, os.fdopen(write, "wb") as writer:
        with pytest.raises(errors.IntegrityError):
            wxpay.download({**answer.data, "hash_value": "0" * 40}, writer)
        wxpay.download(answer, writer)
        writer.close()
        assert reader.read() == wxpay.download(answer)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(BILL)[:-1], "too early"),
        (gzip.compress(BILL)[:20], "too early"),
        (gzip.compress(BILL)[:-8] + b"\0" * 8, "damaged"),
        (gzip.compress(BILL) + b"garbage", "damaged"),
        (gzip.compress(BILL)[:10] + b"\xff" * 20, "damaged"),
        (gzip.compress(b"other"), "not the file"),
        (b"", "not the file"),
        (b"\x1f", "not the file"),
        (b"\x1f\x8b", "too early"),
    ],
    ids=count(),
)
def test_a_damaged_gzip_is_told(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path, content: bytes, words: str) -> None:
    """Cut, changed or with something behind it."""
    gateway.tamper = serving(content)
    with pytest.raises(errors.IntegrityError, match=words):
        wxpay.download(named(f"{gateway.base_url}/v3/billdownload/file?tartype=gzip"), tmp_path / "bill.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content",
    [
        BILL,
        gzip.compress(BILL),
        gzip.compress(BILL[:20]) + gzip.compress(BILL[20:]),
        gzip.compress(BILL) + b"\0" * 100,
    ],
    ids=count(),
)
def test_with_a_digest_gzip_shows_by_itself(gateway: Sandbox, wxpay: Wechatpay, content: bytes) -> None:
    """One file or several behind each other, named as such or not."""
    gateway.tamper = serving(content)
    for query in ("tartype=gzip", "token=x"):
        assert wxpay.download(named(f"{gateway.base_url}/v3/billdownload/file?{query}")) == BILL


def test_without_a_digest_gzip_is_what_was_asked_for(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """A file that is gzip by itself stays; one that should be and is not is refused."""
    url = f"{gateway.base_url}/v3/billdownload/file"
    gateway.tamper = serving(gzip.compress(BILL))
    assert wxpay.download(url) == gzip.compress(BILL)
    assert wxpay.download({"download_url": url, "tar_type": "GZIP"}) == BILL
    gateway.tamper = serving(BILL)
    with pytest.raises(errors.IntegrityError, match="does not begin as a gzip file"):
        wxpay.download(f"{url}?tartype=gzip")


def test_a_gzip_bomb_takes_no_memory(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """A thousand times its size goes through in small blocks."""
    bomb = gzip.compress(bytes(48 << 20), 9)
    assert len(bomb) < 64 << 10
    gateway.tamper = serving(bomb)
    told = named(f"{gateway.base_url}/v3/billdownload/file?tartype=gzip", bytes(48 << 20))
    tracemalloc.start()
    try:
        assert wxpay.download(told, tmp_path / "bill.csv").size == 48 << 20
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("SHA1", hashlib.sha1(BILL).hexdigest()),
        ("sha-1", hashlib.sha1(BILL).hexdigest().upper()),
        ("SHA256", hashlib.sha256(BILL).hexdigest()),
        ("SM3", ""),
    ],
)
def test_digests_are_of_three_kinds(gateway: Sandbox, wxpay: Wechatpay, kind: str, value: str) -> None:
    """SHA1, SHA256 and SM3, in capitals or not."""
    if kind == "SM3":
        hashing = Hash(SM3())
        hashing.update(BILL)
        value = hashing.finalize().hex()
    gateway.tamper = serving(BILL)
    told = {"hash_type": kind, "hash_value": value, "download_url": f"{gateway.base_url}/v3/billdownload/file"}
    result = wxpay.download(told, io.BytesIO())
    assert (result.digest, result.verified) == (value.lower(), True)
    gateway.tamper = serving(BILL + b" ")
    with pytest.raises(errors.IntegrityError, match=f"named {value.lower()}"):
        wxpay.download(told)


def test_what_names_no_digest_is_not_called_verified(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Images and the like: SHA256 is computed, and nobody vouched for it."""
    gateway.tamper = serving(b"\x89PNG")
    told = wxpay.download(f"{gateway.base_url}/v3/merchant-service/images/x", io.BytesIO())
    assert told == Download(None, 4, hashlib.sha256(b"\x89PNG").hexdigest(), "SHA256", False)


def test_another_path_streams_by_its_digest_alone(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Where no table says that the answer is unsigned, a digest proves it, and without one it is refused."""
    gateway.tamper = serving(BILL)
    url = f"{gateway.base_url}/v3/payscore/bill/downloadurl?token=x"
    assert wxpay.download(named(url)) == BILL
    with pytest.raises(errors.HeadersIncomplete):
        wxpay.download(url)


def test_a_signed_answer_may_be_downloaded_too(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """It is verified whole."""
    told = wxpay.download(f"{gateway.base_url}/v3/certificates", io.BytesIO())
    assert told.verified
    gateway.tamper = answers.changed
    with pytest.raises(errors.SignatureMismatch):
        wxpay.download(f"{gateway.base_url}/v3/certificates")


def test_a_statement_is_proven_by_its_signed_digest(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """By URL as it streams, or from an answer; a digest that does not fit leaves nothing."""
    url = f"{gateway.base_url}/v3/global/statements?date=20261101"
    told = wxpay.download(url, tmp_path / "statement.csv")
    assert (told.verified, told.hash_type) == (True, "SHA1")
    assert told.digest == sha1((tmp_path / "statement.csv").read_bytes())
    answer = wxpay.v3.global_.statements.get(params={"date": "20261101"})
    assert wxpay.download(answer) == (tmp_path / "statement.csv").read_bytes() == answer.content
    gateway.bills.is_wrong = True
    with pytest.raises(errors.IntegrityError, match="not the file"):
        wxpay.download(url, tmp_path / "wrong.csv")
    assert not (tmp_path / "wrong.csv").exists()


def test_a_statement_with_a_false_signature_is_refused(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Before a byte of it is written."""
    gateway.tamper = answers.with_header("Wechatpay-Statement-Sha1", "0" * 40)
    with pytest.raises(errors.SignatureMismatch):
        wxpay.download(f"{gateway.base_url}/v3/global/statements?date=20261101")
    gateway.tamper = answers.with_header("Wechatpay-Signature", None)
    with pytest.raises(errors.HeadersIncomplete):
        wxpay.download(f"{gateway.base_url}/v3/global/statements?date=20261101")


def test_a_statement_may_be_signed_as_it_travels(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The digest of the gzip file is as good as that of what is inside; the plain bytes are handed over."""

    def zipped(answer: Answer, _: Received) -> None:
        plain = b"".join(answer.pieces or ())
        answer.body = gzip.compress(plain)
        digest = sha1(answer.body)
        answer.covered = f'{{"sha1":"{digest}"}}'.encode()
        answer.headers["Wechatpay-Statement-Sha1"] = digest
        answer.sign(gateway.platform, "")

    gateway.tamper = zipped
    content = wxpay.download(f"{gateway.base_url}/v3/global/statements?date=20261101")
    assert content.startswith("\ufeff交易时间".encode())


@pytest.mark.parametrize("zip_", [bytes, gzip.compress])
def test_an_encrypted_file_is_decrypted_first(
    gateway: Sandbox, wxpay: Wechatpay, zip_: Callable[[bytes], bytes]
) -> None:
    """Then unzipped, then its digest is checked; cryptography's own AESGCM made it."""
    gateway.tamper = serving(sealed(zip_(BILL)))
    told = named(f"{gateway.base_url}/v3/billdownload/file", more=locked(gateway))
    assert wxpay.download(told) == BILL
    wxpay.download({**told, "encrypt_type": "AEAD_AES_256_GCM"})
    gateway.tamper = serving(sealed(b""))
    assert wxpay.download(named(told["download_url"], b"", more=locked(gateway))) == b""


def test_sm4_is_told_by_the_length_of_its_key(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """128 bits, as SM4_GCM of the API has them."""
    key = secrets.token_bytes(16)
    encryptor = Cipher(SM4(key), GCM(NONCE.encode())).encryptor()
    gateway.tamper = serving(encryptor.update(BILL) + encryptor.finalize() + encryptor.tag)
    assert wxpay.download(named(f"{gateway.base_url}/v3/billdownload/file", more=locked(gateway, key))) == BILL


@pytest.mark.parametrize("change", ["first", "last", "short", "empty", "digest too"])
def test_a_changed_ciphertext_is_refused(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path, change: str) -> None:
    """By its tag, whether a digest was named or not; no frame of the traceback holds the key."""
    content = bytearray(sealed(BILL))
    if change == "first":
        content[0] ^= 1
    elif change in ("last", "digest too"):
        content[-1] ^= 1
    else:
        del content[9 if change == "short" else 0 :]
    gateway.tamper = serving(bytes(content))
    told = named(f"{gateway.base_url}/v3/billdownload/file", more=locked(gateway))
    if change == "digest too":
        del told["hash_type"], told["hash_value"]
    with pytest.raises(errors.IntegrityError, match="tag does not fit") as caught:
        wxpay.download(told, tmp_path / "bill.csv")
    assert not list(tmp_path.iterdir())
    error: BaseException | None = caught.value
    while error is not None:
        frames = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert KEY.decode() not in "".join(frames.format())
        error = error.__cause__


def test_a_key_that_cannot_be_used_is_told_before_anything_is_sent(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Another merchant's key, a wrong length, no base64, an algorithm that nobody knows."""
    url = f"{gateway.base_url}/v3/billdownload/file"
    other = asymmetric.encrypt(KEY, answers.another_key().public_key())
    for more, words in [
        ({"encrypt_key": other, "nonce": NONCE}, "not encrypted for this private key"),
        ({"encrypt_key": "?", "nonce": NONCE}, "no base64"),
        (locked(gateway, b"short"), "the key has 5 bytes"),
        ({**locked(gateway), "nonce": ""}, "the nonce has 0 bytes"),
        ({**locked(gateway), "encrypt_type": "ROT13"}, "'ROT13' is not one of"),
    ]:
        with pytest.raises(errors.DecryptionError, match=f"^encrypt_.*{words}.*nothing was sent$"):
            wxpay.download(named(url, more=more))
    assert not gateway.requests


def test_parts_are_joined_in_their_order(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """Each is checked by itself; the digest of the whole is told."""
    gateway.bills.parts = 3
    answer = wxpay.v3.ecommerce.bill.fundflowbill.get(params={**ECOMMERCE, "tar_type": "GZIP"})
    told = wxpay.download(answer, tmp_path / "bill.csv")
    parts = [wxpay.download(part) for part in answer.data["download_bill_list"]]
    whole = (tmp_path / "bill.csv").read_bytes()
    assert whole == b"".join(parts)
    assert (told.size, told.digest, told.verified) == (len(whole), sha1(whole), True)
    mixed = {**answer.data, "download_bill_list": answer.data["download_bill_list"][::-1]}
    assert wxpay.download(mixed) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["bill.csv"]


def test_many_parts_need_few_files(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """A few are fetched at once, and joined before the next."""
    gateway.bills.parts, gateway.bills.rows = 70, 1
    answer = wxpay.v3.ecommerce.bill.fundflowbill.get(params=ECOMMERCE)
    opened: list[int] = []
    before = len(os.listdir("/proc/self/fd"))
    told = wxpay.download(
        answer, tmp_path / "bill.csv", progress=lambda *_: opened.append(len(os.listdir("/proc/self/fd")))
    )
    assert told.size == (tmp_path / "bill.csv").stat().st_size
    assert (tmp_path / "bill.csv").read_bytes().count("记账时间".encode()) == 70
    # Also those of the sandbox, which has a socket for each that is fetched.
    assert max(opened) - before < 70


def test_one_wrong_part_leaves_nothing(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """The error is that part's, not that of those which were stopped for it."""
    gateway.bills.parts = 4
    told = wxpay.v3.ecommerce.bill.fundflowbill.get(params={**ECOMMERCE, "rows": 50_000}).data
    told["download_bill_list"][2]["hash_value"] = "0" * 40
    with pytest.raises(errors.IntegrityError, match=f"not the file that was named.*named {'0' * 40}"):
        wxpay.download(told, tmp_path / "bill.csv")
    assert not list(tmp_path.iterdir())


def test_apiv2_bills_go_the_same_way(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """Streamed or not, plain or gzip; a refusal in the place of the file is raised, also when it would stream."""
    fields = {"mch_id": gateway.mchid, "appid": "wx1", "bill_date": "20261101", "bill_type": "ALL", "rows": 3000}
    content = []
    for more in ({}, {"tar_type": "GZIP"}):
        for stream in (True, False):
            answer = wxpay.v2.pay.downloadbill.post({**fields, **more}, stream=stream)
            told = wxpay.download(answer, tmp_path / "bill.csv")
            content.append((tmp_path / "bill.csv").read_bytes())
            assert told.verified is False
            assert told.digest == hashlib.sha256(content[-1]).hexdigest()
    assert content == content[:1] * 4
    assert content[0].startswith("\ufeff交易时间".encode())
    for stream in (True, False):
        with pytest.raises(errors.BusinessError, match="PARAM_ERROR"):
            wxpay.v2.pay.downloadbill.post({**fields, "bill_date": "x"}, stream=stream)
    answer = wxpay.v2.pay.downloadfundflow.post({**fields, "account_type": "Basic", "sign_type": "HMAC-SHA256"})
    assert wxpay.download(answer).startswith("\ufeff记账时间".encode())


def test_an_apiv2_answer_that_streams_is_whole(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The bytes that were looked at come first, however it is read."""
    fields = {"mch_id": gateway.mchid, "appid": "wx1", "bill_date": "20261101"}
    whole = wxpay.v2.pay.downloadbill.post(fields).content
    post = wxpay.v2.pay.downloadbill.post
    assert post(fields, stream=True).content == whole
    assert b"".join(post(fields, stream=True).iter_content(7)) == whole
    assert b"".join(post(fields, stream=True).iter_content(None)) == whole
    raw = post(fields, stream=True).raw
    assert raw.read(10) + raw.read(100) + raw.read() == whole
    sink = io.BytesIO()
    post(fields, sink=sink)
    assert sink.getvalue() == whole


def test_an_answer_that_was_stored_is_as_good(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """A pickle of it knows what was asked; one made by hand names its file all the same."""
    answer = wxpay.v3.bill.tradebill.get(params={**DAY, "tar_type": "GZIP"})
    content = wxpay.download(answer)
    assert wxpay.download(pickle.loads(pickle.dumps(answer))) == content
    made: Any = type(answer)()
    made._content, made._content_consumed = answer.content, True
    assert wxpay.download(made) == content


def test_a_streamed_answer_is_downloaded_once(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """A second time there would be nothing left of it, which must not look like an empty file."""
    answer = wxpay.v2.pay.downloadbill.post(
        {"mch_id": gateway.mchid, "appid": "wx1", "bill_date": "20261101"}, stream=True
    )
    assert wxpay.download(answer)
    with pytest.raises(errors.ChainError, match="was read already; ask for it again"):
        wxpay.download(answer)


def test_progress_is_told_of_what_arrives(gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path) -> None:
    """Bytes so far and in all; whoever raises ends the download, and nothing is left."""
    answer = wxpay.v3.bill.tradebill.get(params={**DAY, "rows": 5000})
    told: list[tuple[int, int | None]] = []
    done = wxpay.download(answer, tmp_path / "bill.csv", progress=lambda *seen: told.append(seen))
    assert len(told) > 3
    assert [seen[0] for seen in told] == sorted({seen[0] for seen in told})
    assert told[-1] == (done.size, done.size)

    def stop(received: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wxpay.download(answer, tmp_path / "other.csv", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["bill.csv"]
    wrong: Any = 5
    with pytest.raises(errors.ChainError, match="progress: expected a function"):
        wxpay.download(answer, progress=wrong)


@pytest.mark.parametrize("parts", [0, 3])
@pytest.mark.parametrize(
    "error",
    [OSError("mine"), StopIteration("mine"), GeneratorExit("mine"), zlib.error("mine"), errors.ChainError("mine")],
)
def test_what_progress_raises_is_raised(
    gateway: Sandbox, wxpay: Wechatpay, tmp_path: Path, error: BaseException, parts: int
) -> None:
    """Itself, whatever it is: no file that cannot be written, no generator that ended."""
    gateway.bills.parts = parts
    api, asked = (wxpay.v3.ecommerce.bill.fundflowbill, ECOMMERCE) if parts else (wxpay.v3.bill.tradebill, SUB)

    def stop(received: int, total: int | None) -> None:
        raise error

    for to in (tmp_path / "bill.csv", None, io.BytesIO()):
        with pytest.raises(type(error), match=r"^mine$") as caught:
            wxpay.download(api.get(params={**asked, "tar_type": "GZIP"}), to, progress=stop)
        assert caught.value is error
    assert not list(tmp_path.iterdir())


def test_a_broken_download_leaves_the_client_well(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The connection of a file that was not read to its end is not used again."""
    answer = wxpay.v3.bill.tradebill.get(params={**DAY, "rows": 5000})

    def stop(received: int, total: int | None) -> None:
        raise ValueError("enough")

    for _ in range(3):
        with pytest.raises(ValueError, match="enough"):
            wxpay.download(answer, progress=stop)
        assert wxpay.v3.certificates.get().verified
    assert len(wxpay.download(answer)) > 1_000_000


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        (None, errors.ChainError, "found NoneType"),
        (5, errors.ChainError, "found int"),
        ([], errors.ChainError, "found list"),
        ("", errors.ChainError, "no download_url"),
        ({}, errors.ChainError, "no download_url"),
        ({"state": "GENERATING"}, errors.ChainError, r"no download_url in the answer \(state\); it may not be ready"),
        ({"download_url": 5}, errors.ChainError, "no download_url"),
        ({"download_url": "x", "hash_type": "MD5", "hash_value": "0" * 32}, errors.IntegrityError, "found 'MD5'"),
        ({"download_url": "x", "hash_value": "0" * 40}, errors.IntegrityError, "hash_type: expected one of SHA1"),
        ({"download_url": "x", "hash_type": "SHA1"}, errors.IntegrityError, "hash_value: '' is no SHA1"),
        ({"download_url": "x", "hash_type": "SHA1", "hash_value": "z" * 40}, errors.IntegrityError, "no SHA1 in hex"),
        ({"download_bill_list": []}, errors.ChainError, "names no file"),
        ({"download_bill_list": [{"bill_sequence": 2}]}, errors.IntegrityError, "parts 2 of 1"),
        ({"download_bill_list": [{}], "download_bill_count": 2}, errors.IntegrityError, "parts 1 of 2"),
        ({"fapiao_download_info_list": [{}, {}]}, errors.ChainError, "names 2 files; pass one of its entries"),
    ],
)
def test_what_names_no_file_is_told(
    gateway: Sandbox, wxpay: Wechatpay, source: Any, kind: type[Exception], words: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(kind, match=f"{words}.*nothing was sent$"):
        wxpay.download(source)
    assert not gateway.requests


def test_an_entry_of_a_list_is_downloaded(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Invoices are listed; coupons name their file as url."""
    gateway.tamper = serving(b"%PDF")
    url = f"{gateway.base_url}/v3/new-tax-control-fapiao/download?token=x"
    assert wxpay.download({"fapiao_download_info_list": [{"download_url": url}]}) == b"%PDF"
    assert wxpay.download({"url": url, "hash_type": "SHA1", "hash_value": sha1(b"%PDF")}) == b"%PDF"


def test_a_refusal_is_no_file(gateway: Sandbox, instance: Instance, tmp_path: Path) -> None:
    """Neither one that Guzzle's http_errors lets pass, nor one in the place of the file."""
    answer = instance.v3.bill.tradebill.get({"query": {"bill_date": "x"}, "http_errors": False})
    with pytest.raises(errors.ChainError, match=r"is a refusal \(400\)"):
        instance.download(answer)
    gateway.bills.lifetime = 0
    with gateway.builder(http_errors=False, query={"a": "b"}) as lenient:
        answer = lenient.v3.bill.tradebill.get({"query": DAY})
        with pytest.raises(errors.ClientError, match="下载链接已过期"):
            lenient.download(answer, tmp_path / "bill.csv")
    assert "a=b" not in gateway.requests[-1].target
    assert not list(tmp_path.iterdir())


def test_the_php_face_downloads_too(gateway: Sandbox, instance: Instance, tmp_path: Path) -> None:
    """The same method on the same engine."""
    answer = instance.v3.bill.tradebill.get({"query": {**DAY, "tar_type": "GZIP"}})
    assert instance.download(answer, str(tmp_path / "bill.csv")).verified
