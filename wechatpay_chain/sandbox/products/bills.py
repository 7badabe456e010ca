"""The bills: a digest and a URL that expires first, then the file.

A day's bill lists what was paid, refunded and shared that day; of a day on which nothing was there is none, or rows
that are made up where they are asked for, which a header says. Source: https://pay.weixin.qq.com/doc/v3/merchant/4013071238
"""

from __future__ import annotations

import calendar
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.protocol.v3 import DIGEST_HEADER
from wechatpay_chain.sandbox.answer import EXAMPLE, Answer, Received, Refusal, wrong
from wechatpay_chain.sandbox.book import Book, Order
from wechatpay_chain.sandbox.clock import to_beijing
from wechatpay_chain.sandbox.ledger import FUND, SHARING, TRADE, Booked, Ledger, Table, encrypt_pieces, gzip_pieces
from wechatpay_chain.sandbox.product import Call, Failure, Product, Route
from wechatpay_chain.sandbox.products.codepay import reversals_on
from wechatpay_chain.sandbox.products.refunds import Refund, Refunds, v2_status, v2_time
from wechatpay_chain.sandbox.products.sharing import shares_on
from wechatpay_chain.sandbox.store import Row, dump, load
from wechatpay_chain.sandbox.world import World

__all__ = ["PRODUCT", "Bills"]

_FILE = "/v3/billdownload/file"
_DATE = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")
# Which file each API names, and whether it is encrypted.
_APIS: dict[str, tuple[Table, bool]] = {
    "/v3/bill/tradebill": (TRADE, False),
    "/v3/bill/fundflowbill": (FUND, False),
    "/v3/bill/sub-merchant-fundflowbill": (FUND, True),
    "/v3/ecommerce/bill/fundflowbill": (FUND, True),
    "/v3/profitsharing/bills": (SHARING, False),
    "/v3/merchant/fund/withdraw/bill-type/{bill_type}": (FUND, False),
    "/v3/funds-to-oversea/bill-download-url": (FUND, False),
}
_TABLES: Mapping[str, Table] = {"trade": TRADE, "fund": FUND, "sharing": SHARING}
_STATEMENTS = ("/v3/global/statements", "/hk/v3/statements")
_V2 = {"/pay/downloadbill": TRADE, "/sandboxnew/pay/downloadbill": TRADE, "/pay/downloadfundflow": FUND}
# What payers said of their orders comes as rows too: where the next page begins, then time, order, stars and text.
_COMMENTS = "100\n`2026-11-01 10:00:00,`4200000000202611010000000001,`5,`沙箱的评价\n"
_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
_COLUMNS = TRADE.header.split(",")
_OF_REFUNDS = ("微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态", "申请退款金额")
_TIMES = ("退款申请时间", "退款成功时间")
# Rows that are made up; nothing else is answered while their digest is made.
_ROWS, _MOST_ROWS = re.compile("[0-9]{1,8}"), 10_000_000
# There are bills of so many months. Which code and text an older day has is not known.
_MONTHS = 3
_CHOICES = ("bill_type", "account_type", "tar_type")
# Coupons that were paid for beforehand are not modelled, nor is money in another account than the one of payments.
_RECHARGES = "RECHARGE_REFUND"
_MONEY = ("", "BASIC", "ALL")
_TRADE_TOTALS = TRADE.totals.split(",")

_File: TypeAlias = "Ledger | Booked"


@dataclass
class Bills:
    """How the sandbox's bills are.

    They list the orders that were paid that day. Where there are none, or a request asks for ``rows``, there are as
    many rows that are made up; 0 is no bill. ``lifetime`` of a URL is in seconds, ``is_wrong`` names a digest that
    does not fit, an encrypted bill comes in ``parts``.
    """

    world: World = field(repr=False)
    rows: int = 0
    lifetime: float = 300
    hash_type: str = "SHA1"
    is_wrong: bool = False
    parts: int = 1

    def receipt(self, request: Received, encrypts: bool = False) -> dict[str, Any]:
        """Where a file is that another API names, and its digest: made-up rows, whatever it is a receipt of."""
        return self.name(Ledger(TRADE, "2026-11-01", self.world.identity.mchid, 1), {}, request.host, encrypts)

    def of(self, table: Table, fields: Mapping[str, str], name: str = "bill_date") -> _File:
        """The file that a request asks for. Raises Refusal."""
        given = fields.get(name, "")
        found = _DATE.fullmatch(given)
        rows = fields.get("rows", str(self.rows))
        day = "" if found is None else "-".join(found.groups())
        if not _is_day(day):
            raise wrong(name, f"应为日期: {given[:20]}", "query", given)
        if not _ROWS.fullmatch(rows) or int(rows) > _MOST_ROWS:
            raise wrong("rows", f"应为0至{_MOST_ROWS}", "query", rows[:40])
        if "rows" not in fields and not self.rows and day < _first_day(to_beijing(self.world.clock.now()).date()):
            raise Refusal(400, "INVALID_REQUEST", "账单日期有误，仅支持下载最近三个月的账单")
        booked = None if "rows" in fields else self._bill_of_day(table, day, fields)
        if booked is None and int(rows) == 0:
            raise Refusal(400, "NO_STATEMENT_EXIST", "请求的账单文件不存在")
        return booked or Ledger(table, day, fields.get("sub_mchid", self.world.identity.mchid), int(rows))

    def name(self, file: _File, fields: Mapping[str, str], host: str, encrypts: bool = False) -> dict[str, Any]:
        """Where a file is, and its digest."""
        token, is_gzip = secrets.token_urlsafe(32), fields.get("tar_type") == "GZIP"
        key, nonce = (secrets.token_hex(16), secrets.token_hex(8)) if encrypts else ("", "")
        found, size = file.digest(self.hash_type)
        told = {"file": _pack(file), "size": size, "gzip": is_gzip, "key": key, "nonce": nonce}
        now = self.world.clock.now()
        self.world.store.run("DELETE FROM bill_files WHERE expires<=?", now)
        self.world.store.run("INSERT INTO bill_files VALUES (?, ?, ?)", token, now + self.lifetime, dump(told))
        named = {
            "hash_type": self.hash_type,
            "hash_value": found[::-1] if self.is_wrong else found,
            "download_url": f"{host}{_FILE}?token={token}{'&tartype=gzip' if is_gzip else ''}",
        }
        if encrypts:
            public_key = self.world.identity.merchant_key.public_key()
            named |= {"encrypt_key": asymmetric.encrypt(key.encode(), public_key), "nonce": nonce}
        return named

    def _bill_of_day(self, table: Table, day: str, fields: Mapping[str, str]) -> Booked | None:
        """What was paid and refunded on a day, None where nothing was."""
        now = self.world.clock.now()
        if table is SHARING:
            return _sharing(self.world, day, fields.get("sub_mchid", ""))
        orders = [(order, None) for order in Book(self.world, now).orders_paid_on(day)]
        refunds = [(self._order(refund), refund) for refund in Refunds(self.world, now).refunds_of_day(day)]
        refunds += [(order, _reversal(order, row)) for order, row in self._reversals(day)]
        sub = fields.get("sub_mchid")
        kind = fields.get("bill_type") or "ALL"
        if kind == _RECHARGES or (table is FUND and fields.get("account_type", "").upper() not in _MONEY):
            return None
        rows: list[tuple[Order, Refund | None]] = [
            *(orders if not kind.startswith("REF") else []),
            *(refunds if not kind.startswith("SUC") else []),
        ]
        rows = [row for row in rows if not sub or row[0].data.get("sub_mchid") == sub]
        if table is TRADE:
            return _trade(rows, kind) if rows else None
        moves = [_move(order, refund) for order, refund in rows]
        for refund in Refunds(self.world, now).closed_on(day):
            order = self._order(refund)
            if not sub or order.data.get("sub_mchid") == sub:
                moves.append(_move(order, refund, is_back=True))
        return _fund(moves) if moves else None

    def _order(self, refund: Refund) -> Order:
        return Book(self.world, self.world.clock.now()).by_id(refund.order_id)

    def _reversals(self, day: str) -> Iterator[tuple[Order, Row]]:
        book = Book(self.world, self.world.clock.now())
        for row in reversals_on(self.world, day):
            yield book.by_id(row["order_id"]), row


def _reversal(order: Order, row: Row) -> Refund:
    """A reversal as the bills have it: money that went back at once, under the number of the order."""
    return Refund(
        id=0,
        mchid=order.mchid,
        out_refund_no=order.out_trade_no,
        refund_id=row["number"],
        order_id=order.id,
        amount=order.total,
        status="SUCCESS",
        created=row["created"],
        created_day=row["created_day"],
        success=row["created"],
        data={"state": "REVOKED"},
    )


def _first_day(today: date) -> str:
    """The first day of the last three months, of which there are bills."""
    year, month = divmod(today.year * 12 + today.month - 1 - _MONTHS, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return f"{year:04d}-{month + 1:02d}-{min(today.day, last):02d}"


def _check_choices(operation: Operation | None, fields: Mapping[str, str]) -> None:
    """Refuse a kind of bill, of account or of file that the catalogue does not have."""
    facts = {} if operation is None else operation.facts
    for name, schema in (facts.get("query") or (facts.get("body") or {}).get("fields", {})).items():
        known = schema.get("enum")
        if name in _CHOICES and known and fields.get(name) and fields[name] not in known:
            raise wrong(name, f"应为{'、'.join(known)}之一", "query", fields[name])


def _is_day(text: str) -> bool:
    """Whether there is such a day: a February has no 30th."""
    try:
        return bool(text and date.fromisoformat(text))
    except ValueError:
        return False


def _trade(rows: Iterable[tuple[Order, Refund | None]], kind: str) -> Booked:
    """A bill of trades with the columns of its kind."""
    columns = list(_COLUMNS)
    if kind.startswith("SUC"):
        columns = [name for name in columns if name not in _OF_REFUNDS]
    elif kind.startswith("REF"):
        at = columns.index(_OF_REFUNDS[0])
        columns[at:at] = _TIMES
    cells = [_payment(order) if refund is None else _refund(order, refund) for order, refund in rows]
    totals = [name for name in _TRADE_TOTALS if not kind.startswith("SUC") or "退款" not in name]
    sums = {
        "总交易单数": f"{len(cells)}",
        "应结订单总金额": _sum(cells, "应结订单金额"),
        "退款总金额": _sum(cells, "退款金额"),
        "充值券退款总金额": "0.00",
        "手续费总金额": "0.00000",
        "订单总金额": _sum(cells, "订单金额"),
        "申请退款总金额": _sum(cells, "申请退款金额"),
    }
    lines = tuple(tuple(cell.get(name, "") for name in columns) for cell in cells)
    return Booked(",".join(columns), lines, ",".join(totals), tuple(sums[name] for name in totals))


def _payment(order: Order) -> dict[str, str]:
    amount = _yuan(order.total)
    return {
        **_common(order, order.paid or order.created),
        "交易状态": "SUCCESS",
        "应结订单金额": amount,
        "微信退款单号": "0",
        "商户退款单号": "0",
        "退款金额": "0.00",
        "订单金额": amount,
        "申请退款金额": "0.00",
    }


def _refund(order: Order, refund: Refund) -> dict[str, str]:
    amount = _yuan(refund.amount)
    return {
        **_common(order, refund.created),
        "交易状态": refund.data.get("state", "REFUND"),
        "应结订单金额": "0.00",
        "退款申请时间": f"{to_beijing(refund.created):%Y-%m-%d %H:%M:%S}",
        "退款成功时间": v2_time(refund),
        "微信退款单号": refund.refund_id,
        "商户退款单号": refund.out_refund_no,
        "退款金额": amount,
        "退款类型": "ORIGINAL",
        "退款状态": v2_status(refund),
        "订单金额": "0.00",
        "申请退款金额": amount,
    }


def _common(order: Order, moment: float) -> dict[str, str]:
    data, paid = order.data, order.data.get("paid") or {}
    told = {
        "交易时间": f"{to_beijing(moment):%Y-%m-%d %H:%M:%S}",
        "公众账号ID": data["appid"],
        "商户号": data.get("mchid") or order.mchid,
        "特约商户号": data.get("sub_mchid") or "0",
        "设备号": data.get("device_id") or "",
        "微信订单号": order.transaction_id or "",
        "商户订单号": order.out_trade_no,
        "用户标识": paid.get("openid", ""),
        "交易类型": data["trade_type"],
        "付款银行": paid.get("bank_type", ""),
        "货币种类": "CNY",
        "代金券金额": "0.00",
        "充值券退款金额": "0.00",
        "商品名称": data["description"],
        "商户数据包": data.get("attach") or "",
        "手续费": "0.00000",
        "费率": "0.60%",
    }
    return {name: _cell(value) for name, value in told.items()}


class _Move(NamedTuple):
    """Money that came to a merchant or left it: when, how many fen (negative where it left), and by which numbers."""

    moment: float
    amount: int
    kind: str
    transaction_id: str
    number: str
    own_number: str


def _move(order: Order, refund: Refund | None, is_back: bool = False) -> _Move:
    """The money of a payment or of a refund; ``is_back`` where a refund was closed and its money came back."""
    paid_by = order.transaction_id or ""
    if refund is None:
        return _Move(order.paid or order.created, order.total, "交易", paid_by, paid_by, order.out_trade_no)
    moment = refund.data.get("closed", refund.created) if is_back else refund.created
    amount = refund.amount if is_back else -refund.amount
    return _Move(moment, amount, "退款", paid_by, refund.refund_id, refund.out_refund_no)


def _fund(moves: Iterable[_Move]) -> Booked:
    lines: list[tuple[str, ...]] = []
    income: list[int] = []
    spent: list[int] = []
    balance = 0
    for move in sorted(moves):
        (income if move.amount >= 0 else spent).append(abs(move.amount))
        balance += move.amount
        lines.append(
            (
                f"{to_beijing(move.moment):%Y-%m-%d %H:%M:%S}",
                move.transaction_id,
                move.number,
                move.kind,
                move.kind,
                "收入" if move.amount >= 0 else "支出",
                _yuan(abs(move.amount)),
                _yuan(balance),
                "system",
                "",
                move.own_number,
            )
        )
    values = (f"{len(lines)}", f"{len(income)}", _yuan(sum(income)), f"{len(spent)}", _yuan(sum(spent)))
    return Booked(FUND.header, tuple(lines), FUND.totals, values)


def _sharing(world: World, day: str, sub_mchid: str) -> Booked | None:
    """The shares of a day, a line for each receiver."""
    book = Book(world, world.clock.now())
    lines: list[tuple[str, ...]] = []
    total = 0
    for share, receivers in shares_on(world, day):
        if sub_mchid and share["sub_mchid"] != sub_mchid:
            continue
        order = book.transaction(share["transaction_id"], combined=True)
        payer = share["sub_mchid"] or world.identity.mchid
        for part in receivers:
            total += part["amount"]
            lines.append(
                (
                    f"{to_beijing(share['created']):%Y-%m-%d %H:%M:%S}",
                    world.identity.mchid,
                    payer,
                    share["transaction_id"],
                    share["order_id"],
                    part["detail_id"],
                    share["out_order_no"],
                    _yuan(order.total if order is not None else 0),
                    part["account"],
                    _yuan(part["amount"]),
                    "分账",
                    "分账成功" if share["state"] == "FINISHED" else "处理中",
                    _cell(part["description"]),
                    "",
                )
            )
    return Booked(SHARING.header, tuple(lines), SHARING.totals, (f"{len(lines)}", _yuan(total))) if lines else None


def _cell(value: str) -> str:
    """A value never ends its line, nor its column."""
    return re.sub(r"[\r\n,`]", " ", value)


def _yuan(fen: int) -> str:
    return f"{Decimal(fen).scaleb(-2):.2f}"


def _sum(cells: Iterable[Mapping[str, str]], name: str) -> str:
    return f"{sum((Decimal(cell[name]) for cell in cells), Decimal('0.00')):.2f}"


def _pack(file: _File) -> dict[str, Any]:
    if isinstance(file, Booked):
        return {"header": file.header, "lines": file.lines, "totals": file.totals, "values": file.values}
    table = next(name for name, table in _TABLES.items() if table is file.table)
    return {"table": table, "date": file.date, "mchid": file.mchid, "rows": file.rows}


def _unpack(told: Mapping[str, Any]) -> _File:
    if "table" in told:
        return Ledger(_TABLES[told["table"]], told["date"], told["mchid"], told["rows"])
    return Booked(told["header"], tuple(map(tuple, told["lines"])), told["totals"], tuple(told["values"]))


def _send_file(file: _File, size: int | None, is_gzip: bool, key: str = "", nonce: str = "") -> Answer:
    """The file as WeChat Pay sends it: without a signature."""
    pieces: Iterator[bytes] = iter(file)
    headers, length = dict(_PLAIN), None if is_gzip else size
    if is_gzip:
        headers, pieces = {"Content-Type": "application/x-gzip"}, gzip_pieces(pieces)
    if key:
        length, pieces = None, encrypt_pieces(pieces, key.encode(), nonce.encode())
    return Answer(200, headers=headers, pieces=pieces, length=length, is_signed=False)


def _mark_example(answer: Answer, file: _File) -> Answer:
    if isinstance(file, Ledger):
        answer.headers[EXAMPLE] = "1"
    return answer


def _list(call: Call) -> Answer:
    table, is_encrypted = _APIS[call.route.path]
    bills: Bills = call.world.bills
    _check_choices(call.operation, call.query)
    file, host = bills.of(table, call.query), call.request.host
    if not is_encrypted:
        return _mark_example(Answer.of(200, bills.name(file, call.query, host)), file)
    parts = [
        {"bill_sequence": number, **bills.name(file, call.query, host, True)} for number in range(1, bills.parts + 1)
    ]
    return _mark_example(Answer.of(200, {"download_bill_count": len(parts), "download_bill_list": parts}), file)


def _download(call: Call) -> Answer:
    token = call.query.get("token", "")
    if not token:
        raise wrong("token", "必填", "query")
    row = call.world.store.one("SELECT * FROM bill_files WHERE token=?", token)
    if row is None or row["expires"] <= call.now:
        raise Refusal(400, "INVALID_REQUEST", "下载链接已过期，请重新申请账单")
    told = load(row["data"])
    file = _unpack(told["file"])
    return _mark_example(_send_file(file, told["size"], told["gzip"], told["key"], told["nonce"]), file)


def _statement(call: Call) -> Answer:
    bills: Bills = call.world.bills
    file = bills.of(TRADE, call.query, "date")
    found, size = file.digest("SHA1")
    named = found[::-1] if bills.is_wrong else found
    covered = f'{{"sha1":"{named}"}}'.encode()
    answer = Answer(200, headers={**_PLAIN, DIGEST_HEADER: named}, pieces=iter(file), length=size, covered=covered)
    return _mark_example(answer, file)


def _v2(call: Call) -> Answer:
    bills: Bills = call.world.bills
    fields = {name: str(value) for name, value in call.fields.items()}
    try:
        _check_choices(call.operation, fields)
    except Refusal as refusal:
        raise Failure.transport(f"invalid {refusal.payload['detail']['field'][1:]}", error_code="20001") from None
    try:
        file = bills.of(_V2[call.route.path], fields)
    except Refusal as refusal:
        if refusal.payload["code"] != "PARAM_ERROR":
            raise Failure.transport("No Bill Exist", error_code="20002") from None
        raise Failure.transport(str(refusal), error_code="20001") from None
    size = file.digest(bills.hash_type)[1]
    return _mark_example(_send_file(file, size, fields.get("tar_type") == "GZIP"), file)


def _comments(call: Call) -> Answer:
    return Answer(200, _COMMENTS.encode(), {**_PLAIN, EXAMPLE: "1"})


PRODUCT = Product(
    name="bills",
    tables=(
        "CREATE TABLE IF NOT EXISTS bill_files (token TEXT PRIMARY KEY, expires REAL NOT NULL, data TEXT NOT NULL)"
        " WITHOUT ROWID",
        "CREATE INDEX IF NOT EXISTS bill_files_expires ON bill_files (expires)",
    ),
    routes=(
        *(Route("GET", path, _list) for path in _APIS),
        Route("GET", _FILE, _download),
        *(Route("GET", path, _statement) for path in _STATEMENTS),
        *(Route("POST", path, _v2) for path in _V2),
        Route("POST", "/billcommentsp/batchquerycomment", _comments),
    ),
)
