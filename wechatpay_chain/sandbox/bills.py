"""The bill APIs from the other side: a digest and a URL that expires first, then the file."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.protocol import v2, xml
from wechatpay_chain.protocol.v3 import DIGEST_HEADER
from wechatpay_chain.sandbox.answer import Answer, Received, Refusal, wrong
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.ledger import FUND, SHARING, TRADE, Entry, Ledger, Table, encrypted, zipped
from wechatpay_chain.sandbox.orders import Orders

__all__ = ["Bills"]

_FILE = "/v3/billdownload/file"
_DATE = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")
# Which file each API names, and whether it is encrypted.
_APIS: dict[str, tuple[Table, bool]] = {
    "/v3/bill/tradebill": (TRADE, False),
    "/v3/bill/fundflowbill": (FUND, False),
    "/v3/bill/sub-merchant-fundflowbill": (FUND, True),
    "/v3/ecommerce/bill/fundflowbill": (FUND, True),
    "/v3/profitsharing/bills": (SHARING, False),
    "/v3/merchant/fund/withdraw/bill-type/NO_SUCC": (FUND, False),
    "/v3/funds-to-oversea/bill-download-url": (FUND, False),
}
_STATEMENTS = ("/v3/global/statements", "/hk/v3/statements")
_LEGACY = {"/pay/downloadbill": TRADE, "/sandboxnew/pay/downloadbill": TRADE, "/pay/downloadfundflow": FUND}
# What payers said of their orders comes as rows too: where the next page begins, then time, order, stars and text.
_COMMENTS = "100\n`2026-11-01 10:00:00,`4200000000202611010000000001,`5,`沙箱的评价\n"


class _File(NamedTuple):
    """What a token stands for."""

    ledger: Ledger
    size: int
    is_gzip: bool
    expires: float
    key: bytes = b""
    nonce: str = ""

    def answer(self) -> Answer:
        """The file as WeChat Pay sends it: without a signature."""
        pieces: Iterator[bytes] = iter(self.ledger)
        headers, length = {"Content-Type": "text/plain; charset=utf-8"}, None if self.is_gzip else self.size
        if self.is_gzip:
            headers, pieces = {"Content-Type": "application/x-gzip"}, zipped(pieces)
        if self.key:
            length, pieces = None, encrypted(pieces, self.key, self.nonce.encode())
        return Answer(200, headers=headers, pieces=pieces, length=length, is_signed=False)


@dataclass
class Bills:
    """How the sandbox's bills are.

    They list the orders that were paid that day; where there are none, or a request asks for ``rows``, as many
    rows that are made up. ``lifetime`` of a URL is in seconds, ``is_wrong`` names a digest that does not fit, an
    encrypted bill comes in ``parts``.
    """

    identity: Identity = field(repr=False)
    orders: Orders = field(repr=False)
    rows: int = 20
    lifetime: float = 300
    hash_type: str = "SHA1"
    is_wrong: bool = False
    parts: int = 1
    _files: dict[str, _File] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def answer(self, request: Received) -> Answer | None:
        """The unsigned answer to a request for a bill, None for any other; raises Refusal."""
        path, _, query = request.target.partition("?")
        if request.method != "GET":
            return None
        fields = {name: values[-1] for name, values in parse_qs(query).items()}
        if path == _FILE:
            if not fields.get("token"):
                raise wrong("token", "必填", "query")
            return self._file(fields["token"])
        if path in _STATEMENTS:
            return self._statement(fields)
        if path not in _APIS:
            return None
        table, is_encrypted = _APIS[path]
        host = request.host
        if not is_encrypted:
            return Answer.of(200, self._named(self._ledger(table, fields), fields, host))
        parts = [
            {"bill_sequence": number, **self._named(self._ledger(table, fields), fields, host, True)}
            for number in range(1, self.parts + 1)
        ]
        return Answer.of(200, {"download_bill_count": len(parts), "download_bill_list": parts})

    def receipt(self, request: Received, encrypts: bool = False) -> dict[str, Any]:
        """Where a file is that another API names, and its digest: made-up rows, whatever it is a receipt of."""
        ledger = Ledger(TRADE, "2026-11-01", self.identity.mchid, 1)
        return self._named(ledger, {}, request.host, encrypts)

    def legacy(self, request: Received) -> Answer | None:
        """APIv2's bill, which is the answer itself; None for any other call."""
        if request.target not in _LEGACY:
            is_file = v2.FILES.fullmatch(request.target) is not None
            return Answer(200, _COMMENTS.encode(), {"Content-Type": "text/plain; charset=utf-8"}) if is_file else None
        fields = {name: str(value) for name, value in xml.from_xml(request.body).items()}
        try:
            ledger = self._ledger(_LEGACY[request.target], fields)
        except Refusal as refusal:
            refused = {"return_code": "FAIL", "return_msg": str(refusal), "error_code": "20001"}
            return Answer(200, xml.to_xml(refused).encode(), {"Content-Type": "text/xml; charset=utf-8"})
        return _File(ledger, ledger.digest(self.hash_type)[1], fields.get("tar_type") == "GZIP", 0).answer()

    def _ledger(self, table: Table, fields: dict[str, str], name: str = "bill_date") -> Ledger:
        given = fields.get(name, "")
        date = _DATE.fullmatch(given)
        rows = fields.get("rows", str(self.rows))
        if date is None or not rows.isdecimal():
            raise wrong(name, f"应为日期: {given[:20]}", "query")
        if int(rows) == 0:
            raise Refusal(400, "NO_STATEMENT_EXIST", "请求的账单文件不存在")
        day = "-".join(date.groups())
        entries = [
            Entry(order["transaction_id"], order["out_trade_no"], Decimal(order["amount"]["total"]).scaleb(-2))
            for order in ([] if "rows" in fields else self.orders.paid_on(day))
        ]
        return Ledger(table, day, fields.get("sub_mchid", self.identity.mchid), int(rows), tuple(entries))

    def _named(self, ledger: Ledger, fields: dict[str, str], host: str, encrypts: bool = False) -> dict[str, Any]:
        token, is_gzip = secrets.token_urlsafe(32), fields.get("tar_type") == "GZIP"
        key, nonce = (secrets.token_hex(16).encode(), secrets.token_hex(8)) if encrypts else (b"", "")
        found, size = ledger.digest(self.hash_type)
        with self._lock:
            self._files[token] = _File(ledger, size, is_gzip, time.monotonic() + self.lifetime, key, nonce)
        told = {
            "hash_type": self.hash_type,
            "hash_value": found[::-1] if self.is_wrong else found,
            "download_url": f"{host}{_FILE}?token={token}{'&tartype=gzip' if is_gzip else ''}",
        }
        if encrypts:
            told |= {"encrypt_key": asymmetric.encrypt(key, self.identity.merchant_key.public_key()), "nonce": nonce}
        return told

    def _file(self, token: str) -> Answer:
        with self._lock:
            file = self._files.get(token)
        if file is None or file.expires <= time.monotonic():
            raise Refusal(400, "INVALID_REQUEST", "下载链接已过期，请重新申请账单", is_absence=True)
        return file.answer()

    def _statement(self, fields: dict[str, str]) -> Answer:
        ledger = self._ledger(TRADE, fields, "date")
        found, size = ledger.digest("SHA1")
        named = found[::-1] if self.is_wrong else found
        headers = {"Content-Type": "text/plain; charset=utf-8", DIGEST_HEADER: named}
        covered = f'{{"sha1":"{named}"}}'.encode()
        return Answer(200, headers=headers, pieces=iter(ledger), length=size, covered=covered)
