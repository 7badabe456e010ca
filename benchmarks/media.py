"""Uploads of 1 GiB: memory, and speed beside requests doing the same by hand: ``python -m benchmarks.media``."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import requests

from benchmarks.gateway import in_another_process
from benchmarks.measure import extra_memory, machine
from wechatpay_chain import Media, Wechatpay

SIZE = 1 << 30
_BLOCK = 1 << 20
_PATH = "v3/merchant/media/video_upload"


def main(size: int = SIZE) -> None:
    """Upload a file of ``size`` bytes both ways, three times in turn, and print the figures."""
    with tempfile.TemporaryDirectory() as folder, in_another_process() as entries:
        path = Path(folder, "clip.mp4")
        with path.open("wb") as file:
            for _ in range(size // _BLOCK):
                file.write(b"v" * _BLOCK)
        with Wechatpay(entries) as wxpay:
            wxpay.chain(_PATH).post(Media(b"warm", filename="a.mp4"))
            ours: list[float] = []
            theirs: list[float] = []
            peak = 0.0
            for _ in range(3):
                started = time.perf_counter()
                peak = max(peak, extra_memory(lambda: wxpay.chain(_PATH).post(Media(path))))
                ours.append(time.perf_counter() - started)
                started = time.perf_counter()
                by_hand(wxpay, path)
                theirs.append(time.perf_counter() - started)
    print(machine("requests", "urllib3", "cryptography"))
    print(f"{size >> 20} MiB: {min(ours):.2f} s, {min(theirs) / min(ours):.2f} of the speed by hand; +{peak:.1f} MiB")


def by_hand(wxpay: Wechatpay, path: Path) -> None:
    """The digest by hashlib, then requests sending the pieces of a form as a generator gives them."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    meta = {"filename": path.name, "sha256": digest.hexdigest()}
    signed = wxpay.prepare(wxpay.chain(_PATH).post, Media(b"", **meta))
    boundary = signed.headers["Content-Type"].partition("boundary=")[2]
    disposition = "Content-Disposition: form-data; name="
    head = (
        f'--{boundary}\r\n{disposition}"meta"\r\n\r\n{signed.message.splitlines()[-1]}\r\n'
        f'--{boundary}\r\n{disposition}"file"; filename="{path.name}"\r\n\r\n'
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    length = str(len(head) + path.stat().st_size + len(tail))
    with requests.Session() as session:
        session.trust_env = False
        request = session.prepare_request(requests.Request("POST", str(signed.url), signed.headers))
        request.body = _pieces(head, path, tail)  # type: ignore[assignment]
        request.headers["Content-Length"] = length
        session.send(request, timeout=300).raise_for_status()


def _pieces(head: bytes, path: Path, tail: bytes) -> Iterator[bytes]:
    yield head
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
    yield tail


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
