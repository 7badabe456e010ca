"""The shop of the examples, as its customer sees it: a code is scanned, the payer's page pays, the notice ships."""

from __future__ import annotations

import base64
import runpy
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
import zxingcpp
from flask import Flask
from werkzeug.serving import make_server

from tests.promises import PATIENCE
from wechatpay_chain import Sandbox, Wechatpay

SHOP = runpy.run_path(str(Path(__file__).parent.parent.parent / "examples/shop.py"))


class Shop(NamedTuple):
    """A running shop: its address, what it has shipped, and the event of the last parcel."""

    url: str
    shipped: list[str]
    parcel: threading.Event


@pytest.fixture
def shop(wxpay: Wechatpay) -> Iterator[Shop]:
    shipped: list[str] = []
    parcel = threading.Event()

    def ship(number: str) -> None:
        shipped.append(number)
        parcel.set()

    server = make_server("127.0.0.1", 0, Flask("shop"), threaded=True)
    url = f"http://127.0.0.1:{server.port}"
    server.app = SHOP["create_app"](wxpay, url, ship)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield Shop(url, shipped, parcel)
    server.shutdown()
    thread.join()


def between(text: str, start: str, end: str = '"') -> str:
    return text.partition(start)[2].partition(end)[0]


def scanned(page: str) -> str:
    """What a phone reads of the code on a page: a PNG of one bit a pixel, whose rows may be told by the row above."""
    png = base64.b64decode(between(page, "data:image/png;base64,"))
    width, height, depth = struct.unpack(">IIB", png[16:25])
    assert depth == 1
    data = b""
    at = 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        data += png[at + 8 : at + 8 + size] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += size + 12
    raw, line = zlib.decompress(data), (width + 7) // 8 + 1
    rows: list[bytes] = [bytes(line - 1)]
    for start in range(0, line * height, line):
        kind, row = raw[start], raw[start + 1 : start + line]
        assert kind in (0, 2)
        rows.append(bytes((a + b) % 256 for a, b in zip(row, rows[-1], strict=True)) if kind else row)
    pixels = bytes(255 * (row[x // 8] >> (7 - x % 8) & 1) for row in rows[1:] for x in range(width))
    (code,) = zxingcpp.read_barcodes(memoryview(pixels).cast("B", (height, width)))
    return str(code.text)


def heading(answer: Any) -> str:
    assert answer.status_code == 200
    return between(answer.text, "<p>", "</p>")


def test_a_book_is_sold_and_paid_back(gateway: Sandbox, shop: Shop) -> None:
    """Order, scan, a click on the payer's page, the notice, the page, and a refund whose button is pressed twice."""
    with requests.Session() as customer:
        page = customer.post(f"{shop.url}/orders", timeout=PATIENCE).text
        order = shop.url + between(page, 'href="')
        number = order.rpartition("/")[2]
        assert heading(customer.get(order, timeout=PATIENCE)) == "order: NOTPAY"
        code = scanned(page)
        assert code.startswith("weixin://wxpay/bizpayurl?")
        payer = code.replace("weixin:/", gateway.base_url, 1)
        assert "支付" in customer.get(payer, timeout=PATIENCE).content.decode()
        assert shop.shipped == []
        assert customer.post(payer, timeout=PATIENCE).status_code == 200
        assert shop.parcel.wait(PATIENCE)
        assert shop.shipped == [number]
        assert heading(customer.get(order, timeout=PATIENCE)) == "order: SUCCESS"
        for _ in range(2):
            assert heading(customer.post(f"{order}/refund", timeout=PATIENCE)).startswith("refund: ")
        gateway.refund(f"refund-{number}")
        assert heading(customer.post(f"{order}/refund", timeout=PATIENCE)) == "refund: SUCCESS"
        assert heading(customer.get(order, timeout=PATIENCE)) == "order: REFUND"


def test_a_forged_notice_ships_nothing(gateway: Sandbox, shop: Shop) -> None:
    """Of another sandbox, and without a signature."""
    with Sandbox() as other, requests.Session() as customer:
        customer.post(f"{shop.url}/orders", timeout=PATIENCE)
        delivery = other.push("TRANSACTION.SUCCESS", notify_url=f"{shop.url}/notify", schedule=())
        assert delivery.status not in (200, 204)
        bare = customer.post(f"{shop.url}/notify", json={"event_type": "TRANSACTION.SUCCESS"}, timeout=PATIENCE)
        assert bare.status_code >= 400
    assert shop.shipped == []
