from __future__ import annotations

import csv
import decimal
import gzip
import io
import os
import string
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wechatpay_chain import read_bill
from wechatpay_chain.bill_reader import fen, yuan
from wechatpay_chain.sandbox.ledger import TRADE, Ledger

BILL = (
    "交易时间,商户订单号,商品名称,费率,订单金额,手续费\r\n"
    "`2026-11-01 10:33:45,`S1,`茶,`0.60%,`1.20,`0.01000\r\n"
    "`2026-11-01 10:34:00,`S2,`,`0.60%,`1000.00,`6.00000\r\n"
    "总交易单数,订单总金额,手续费总金额\r\n"
    "`2,`1001.20,`6.01000\r\n"
)
ROWS = [
    {
        "交易时间": "2026-11-01 10:33:45",
        "商户订单号": "S1",
        "商品名称": "茶",
        "费率": "0.60%",
        "订单金额": "1.20",
        "手续费": "0.01000",
    },
    {
        "交易时间": "2026-11-01 10:34:00",
        "商户订单号": "S2",
        "商品名称": "",
        "费率": "0.60%",
        "订单金额": "1000.00",
        "手续费": "6.00000",
    },
]
SUMMARY = {"总交易单数": "2", "订单总金额": "1001.20", "手续费总金额": "6.01000"}


@pytest.mark.parametrize("zipped", [bytes, gzip.compress])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gbk", "gb18030"])
def test_every_form_reads_the_same(tmp_path: Path, encoding: str, zipped: Callable[[bytes], bytes]) -> None:
    """A path, a file, bytes or text, in each encoding, gzip or not."""
    content = zipped(BILL.encode(encoding))
    (tmp_path / "bill").write_bytes(content)
    with (tmp_path / "bill").open("rb") as file:
        for source in (
            tmp_path / "bill",
            str(tmp_path / "bill"),
            content,
            bytearray(content),
            io.BytesIO(content),
            file,
        ):
            bill = read_bill(source)
            assert (list(bill), bill.summary) == (ROWS, SUMMARY)
        assert not file.closed


def test_text_files_are_read_too() -> None:
    """With a byte order mark that somebody else's decoding left."""
    bill = read_bill(io.StringIO("\ufeff" + BILL))
    assert bill.columns == tuple(ROWS[0])
    assert (list(bill), bill.summary) == (ROWS, SUMMARY)


@pytest.mark.parametrize("text", [BILL, "\ufeff" + BILL, BILL.replace("\r\n", "\n")])
def test_the_text_of_a_bill_is_no_path(text: str) -> None:
    """What ``answer.text`` of an APIv2 bill is."""
    bill = read_bill(text)
    assert (list(bill), bill.summary) == (ROWS, SUMMARY)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines_end_either_way(ending: str) -> None:
    """And the last line need not end at all."""
    text = BILL.replace("\r\n", ending)
    for content in (text, text.rstrip(), text + ending):
        bill = read_bill(content.encode())
        assert (list(bill), bill.summary) == (ROWS, SUMMARY)


def test_amounts_are_exact() -> None:
    """Decimal in yuan, or whole fen; a rate is no amount, an empty one is None."""
    bill = read_bill(BILL.encode(), amounts="yuan")
    assert [row["订单金额"] for row in bill] == [Decimal("1.20"), Decimal("1000.00")]
    assert bill.summary == {"总交易单数": "2", "订单总金额": Decimal("1001.20"), "手续费总金额": Decimal("6.01000")}
    bill = read_bill(BILL.encode(), amounts="fen")
    assert [(row["订单金额"], row["手续费"], row["费率"]) for row in bill] == [
        (120, 1, "0.60%"),
        (100_000, 600, "0.60%"),
    ]
    assert bill.summary["订单总金额"] == 100_120
    assert type(bill.summary["订单总金额"]) is int
    assert next(read_bill("订单金额\n`\n".encode(), amounts="fen")) == {"订单金额": None}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.005", "part of a fen"),
        ("1,5", "no amount"),
        ("1e3", "no amount"),
        ("NaN", "no amount"),
        ("1_0", "no amount"),
    ],
)
def test_an_amount_that_is_none_is_told(text: str, words: str) -> None:
    """With its line and column; money is never rounded."""
    with pytest.raises(ValueError, match=f"^line 2: 订单金额: .*{words}"):
        list(read_bill(f'订单金额\n"`{text}"\n'.encode(), amounts="fen"))


@given(st.integers(-(10**12), 10**12))
def test_fen_and_yuan_agree(amount: int) -> None:
    """There and back."""
    text = f"{Decimal(amount).scaleb(-2):.2f}"
    assert fen(text) == amount
    assert yuan(text) * 100 == amount


@pytest.mark.parametrize("context", [decimal.Context(prec=4), decimal.Context(prec=4, traps=[decimal.Inexact])])
def test_fen_are_exact_in_any_context(context: decimal.Context) -> None:
    """Neither the caller's precision nor its traps count, and no rounded amount is remembered."""
    digits = "123456789012345678901234567890"
    with decimal.localcontext(context):
        fen.cache_clear()
        assert [fen("22345.67"), fen(f"-{digits}.12"), fen(f"{digits}.1000")] == [
            2234567,
            -int(digits + "12"),
            int(digits + "10"),
        ]
        assert str(yuan(f"{digits}.12")) == f"{digits}.12"
    assert fen("22345.67") == 2234567


def test_the_summary_stands_after_the_rows() -> None:
    """To ask earlier is a mistake that would be silent otherwise; rows are read once."""
    bill = read_bill(BILL.encode())
    with pytest.raises(ValueError, match="stands after the rows"):
        bill.summary  # noqa: B018
    assert next(bill) == ROWS[0]
    assert list(bill) == ROWS[1:]
    assert list(bill) == []
    assert bill.summary == SUMMARY


def test_a_bill_without_rows_has_totals() -> None:
    """Header, totals, nothing between."""
    header, *_, names, values = BILL.splitlines()
    bill = read_bill("\n".join((header, names, values)).encode())
    assert list(bill) == []
    assert set(bill.summary) == set(SUMMARY)


def test_a_bill_without_totals_says_so() -> None:
    """As one that was cut after a whole row: empty."""
    bill = read_bill("\n".join(BILL.splitlines()[:3]).encode())
    assert list(bill) == ROWS
    assert bill.summary == {}


def test_a_bill_without_backquotes_is_read() -> None:
    """As spreadsheets save it: totals are told by their number of columns."""
    bill = read_bill(BILL.replace("`", "").encode())
    assert (list(bill), bill.summary) == (ROWS, SUMMARY)


def test_a_spreadsheet_may_fill_up_the_totals() -> None:
    """With empty cells, up to the number of columns."""
    *rows, names, values = BILL.replace("`", "").splitlines()
    bill = read_bill("\n".join((*rows, f"{names},,,", f"{values},,,", ",,,,,", "")).encode())
    assert (list(bill), bill.summary) == (ROWS, SUMMARY)


CUTS = {
    "a short row in the middle": ("`2026-11-01 10:33:45,`S1", "`S1"),
    "a row without its first backquote": ("`2026-11-01 10:34:00,", "2026-11-01 10:34:00,"),
    "a row of text without it": ("`2026-11-01 10:34:00,`S2", "S2,`2026-11-01 10:34:00"),
    "totals without values": ("`2,`1001.20,`6.01000\r\n", ""),
    "half of the totals' names": ("总交易单数,订单总金额,手续费总金额\r\n`2,`1001.20,`6.01000\r\n", "总交易"),
    "half of the totals' values": (",`1001.20,`6.01000\r\n", ",`"),
    "names in the place of values": ("`2,`1001.20,`6.01000", "总交易单数,订单总金额,手续费总金额"),
    "a row behind the totals": ("`6.01000\r\n", "`6.01000\r\n`2026-11-01 10:33:45,`S1,`茶,`0.60%,`1.20,`0.01000\r\n"),
}


@pytest.mark.parametrize("mark", ["`", ""])
@pytest.mark.parametrize("cut", CUTS)
def test_no_row_is_lost_in_silence(cut: str, mark: str) -> None:
    """With backquotes or without, what is neither a row nor one of the totals is told."""
    whole, damaged = CUTS[cut]
    content = BILL.replace(whole, damaged)
    assert content != BILL
    if not mark and "without" in cut and "row" in cut:
        content = content.replace("2026-11-01 10:34:00,", "").replace("S2,`", "S2,")
    with pytest.raises(ValueError, match=r"^line [2-6]: .*it was cut$"):
        list(read_bill(content.replace("`", mark).encode()))


@pytest.mark.parametrize("kept", [1, 2, 3, 4, 5])
def test_a_cut_within_the_last_row_is_told(kept: int) -> None:
    """In a bill without backquotes it would look like totals."""
    header, first, last = BILL.replace("`", "").splitlines()[:3]
    cut = ",".join(last.split(",")[:kept])
    with pytest.raises(ValueError, match=r"^line 3: neither a row of 6 values nor names of totals; it was cut$"):
        list(read_bill(f"{header}\n{first}\n{cut}".encode()))


def test_commas_and_quotes_belong_to_their_value() -> None:
    """What has no backquote before it continues the value; a quoted field is csv's."""
    text = 'a,b,c\n`1,`x,y,`3\n`1,`say "x", he,`3\n`1,`"x",`3\n"`1","`x,y","`3"\n`1,`,,`3\n'
    assert [row["b"] for row in read_bill(text.encode())] == ["x,y", 'say "x", he', '"x"', "x,y", ","]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (gzip.compress(b""), "it is empty"),
        (b"<xml><return_code>FAIL</return_code></xml>", "begins as XML, JSON or no text"),
        (b'\xef\xbb\xbf {"code": 1}', "begins as XML, JSON or no text"),
        (bytes(5), "begins as XML, JSON or no text|contains NUL"),
        (b"a,b\n`1\n", "line 2: 1 values for 2 columns; it was cut"),
        (b"a,b\n`1,`2\n`1,`2,`3\n", "line 3: 3 values for 2 columns"),
        (b"a,b\n`1,`2\nx,y,z\n`1,`2\n", "line 4: totals: 2 values for 3 names; it was cut"),
        (b"a,b\n`1,`2\r3\n", "line 2: "),
        ("甲,乙\n".encode() + b"`\xff\xff,`2\n", "codec can't decode"),
    ],
    ids=count(),
)
def test_what_is_no_bill_is_told(content: bytes, words: str) -> None:
    """By a ValueError with the place."""
    with pytest.raises(ValueError, match=words):
        list(read_bill(content))


@pytest.mark.parametrize(
    ("source", "options"),
    [(None, {}), (5, {}), (b"a\n", {"amounts": "cents"}), (b"a\n", {"amounts": ["fen"]})],
)
def test_arguments_are_checked(source: Any, options: dict[str, Any]) -> None:
    """Neither a path nor a file; an unknown unit."""
    with pytest.raises(ValueError, match="expected"):
        read_bill(source, **options)
    with pytest.raises(FileNotFoundError):
        read_bill("/nowhere/bill.csv")


class Trickle:
    """A file that gives one byte at a time, or whatever else ``pieces`` holds."""

    def __init__(self, pieces: list[Any]) -> None:
        self.pieces = pieces

    def read(self, size: int) -> Any:
        return self.pieces.pop(0) if self.pieces else b""


@pytest.mark.parametrize("content", [BILL.encode("gbk"), BILL.encode(), gzip.compress(BILL.encode("gbk"))])
def test_a_file_may_give_little_at_a_time(content: bytes) -> None:
    """As a pipe does: gzip and the encoding are told all the same."""
    source: Any = Trickle([content[at : at + 1] for at in range(len(content))])
    assert list(read_bill(source)) == ROWS
    assert list(read_bill(memoryview(content))) == ROWS


@pytest.mark.parametrize("piece", ["text", None])
def test_a_file_that_gives_no_bytes_is_told(piece: Any) -> None:
    """Text, or nothing yet."""
    source: Any = Trickle([piece])
    with pytest.raises(ValueError, match=f"expected bytes from a binary file, found {type(piece).__name__}"):
        read_bill(source)


def test_a_truncated_gzip_is_an_error() -> None:
    """Never a shorter bill; and so is one that was changed."""
    rows = BILL.splitlines()[1] * 10
    content = gzip.compress((BILL + rows).encode())
    for damaged in (content[:-9], content[:-8] + bytes(8), content[:12], content[:10] + b"\xff" * 20, content + b"x"):
        with pytest.raises(ValueError, match="the gzip file is damaged"):
            list(read_bill(damaged))


def test_a_file_that_was_opened_is_closed(tmp_path: Path) -> None:
    """At the end, at an error, or by with; warnings are errors here, so an open file would fail the test."""
    path = tmp_path / "bill.csv"
    path.write_text(BILL, encoding="utf-8")
    before = len(os.listdir("/proc/self/fd"))
    list(read_bill(path))
    with read_bill(path) as bill:
        next(bill)
    path.write_bytes(b"a,b\n`1\n")
    with pytest.raises(ValueError, match="cut"):
        list(read_bill(path))
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="empty"):
        read_bill(path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_memory_is_constant(tmp_path: Path) -> None:
    """Six thousand rows take no more than a few blocks."""
    path = tmp_path / "bill.csv.gz"
    with gzip.open(path, "wb", 1) as file:
        file.writelines(Ledger(TRADE, "2026-11-01", "1", 6000))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_bill(path)) == 6000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


NAMES = st.text(string.ascii_letters + "交易金额单号", min_size=1, max_size=6)
VALUES = st.text(st.characters(exclude_characters="\r\n`\x00", exclude_categories=["Cs"]), max_size=12)


@st.composite
def bills(draw: st.DrawFn) -> tuple[list[str], list[list[str]], list[str]]:
    # A header in Chinese, as every bill has: by it the encodings are told apart.
    columns = ["交易时间", *draw(st.lists(NAMES.filter("交易时间".__ne__), min_size=1, max_size=5, unique=True))]
    rows = draw(st.lists(st.lists(VALUES, min_size=len(columns), max_size=len(columns)), max_size=8))
    totals = draw(st.lists(NAMES, min_size=1, max_size=len(columns) - 1, unique=True))
    return columns, rows, totals


@given(bills(), st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]), st.booleans(), st.booleans())
@example((["交易时间", "A", "AA"], [["", ',"', ""], ['a",', '""', '"']], ["A"]), "utf-8", False, False)
def test_any_bill_reads_as_it_was_written(
    bill: tuple[list[str], list[list[str]], list[str]], encoding: str, is_gzip: bool, quotes: bool
) -> None:
    """Whatever its values hold, quoted as csv does or joined as WeChat Pay does."""
    columns, rows, totals = bill
    out = io.StringIO()
    out.write(",".join(columns) + "\r\n")
    for row in rows:
        marked = [f"`{value}" for value in row]
        if quotes:
            csv.writer(out, quoting=csv.QUOTE_ALL).writerow(marked)
        else:
            out.write(",".join(marked) + "\r\n")
    out.write(",".join(totals) + "\r\n" + ",".join(f"`{number}" for number, _ in enumerate(totals)) + "\r\n")
    content = out.getvalue().encode(encoding)
    read = read_bill(gzip.compress(content) if is_gzip else content)
    assert list(read) == [dict(zip(columns, row, strict=True)) for row in rows]
    assert read.summary == {name: str(number) for number, name in enumerate(totals)}


# The columns and totals of documented bills, those that are amounts with a mark before them.
KINDS = {
    "trade": (
        "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,*应结订单金额,"
        "*代金券金额,微信退款单号,商户退款单号,*退款金额,*充值券退款金额,退款类型,退款状态,商品名称,商户数据包,*手续费,费率,*订单金额,"
        "*申请退款金额,费率备注",
        "总交易单数,*应结订单总金额,*退款总金额,*充值券退款总金额,*手续费总金额,*订单总金额,*申请退款总金额",
    ),
    "refunds": (
        "交易时间,货币种类,退款申请时间,退款成功时间,*退款金额,*充值券退款金额,*手续费,费率",
        "总交易单数,*应结订单总金额,*退款总金额,*充值券退款总金额,*手续费总金额,*订单总金额,*申请退款总金额",
    ),
    "APIv2": (
        "交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,*总金额,"
        "*代金券或立减优惠金额,微信退款单号,商户退款单号,*退款金额,*代金券或立减优惠退款金额,退款类型,退款状态,商品名称,商户数据包,"
        "*手续费,费率",
        "总交易单数,*总交易额,*总退款金额,*总代金券或立减优惠退款金额,*手续费总金额",
    ),
    "APIv2, red packets": (
        "交易时间,*总金额,*企业红包金额,*企业红包退款金额,*手续费,费率",
        "总交易单数,*总交易额,*总退款金额,*总企业红包退款金额,*手续费总金额",
    ),
    "APIv2, described": ("交易时间,订单额外描述,*总金额,*手续费,费率", "总交易单数,*总交易额,*手续费总金额"),
    "fund flow": (
        "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,*收支金额(元),*账户结余(元),资金变更提交申请人,备注,业务凭证号",
        "资金流水总笔数,收入笔数,*收入金额,支出笔数,*支出金额",
    ),
    "fund flow, wide brackets": (
        "记账时间,收支类型,*收支金额（元）,*账户结余（元）,备注",
        "资金流水总笔数,收入笔数,*收入金额,支出笔数,*支出金额",
    ),
    "profit sharing": (
        "分账时间,分账发起方,分账方,微信订单号,微信分账/回退单号,分账明细单号,商户分账/回退单号,*订单金额,分账接收方,*分账金额,业务类型,处理状态,分账描述",
        "总分账笔数,*分账总金额,*回退总金额,*净额",
    ),
    "v3 RECHARGE_REFUND": (
        "交易时间,货币种类,*应结订单金额,*代金券金额,*退款金额,*充值券退款金额,退款类型,*手续费,费率,*订单金额,*申请退款金额,费率备注",
        "总交易单数,*退款总金额,*充值券退款总金额,*手续费总金额,*申请退款总金额",
    ),
    # The columns of a coupon's use and refund flow as programs that import them have them.
    "coupons, used and refunded": (
        "批次id,优惠id,优惠类型,*优惠金额（元）,*订单总金额（元）,交易类型,支付单号,消耗时间,消耗商户号,设备号,银行流水号,单品信息",
        "总条数,*优惠总金额（元）",
    ),
    # Names that no page of a bill has, but whose words do.
    "the same words with others behind them": (
        "佣金比例,服务费账号,退款金额来源,余额支付,余额不足原因,手续费承担方,补差方,佣金接收方,手续费收取商户号,金额变更,"
        "fee_bearer,amount_source,结余用途,额外描述,交易额度,手续费优惠活动",
        "总笔数,支出笔数,*收入合计,*支出合计(元)",
    ),
    "other words for amounts": (
        "*税额,*税费,*运费,*发生额,*商品单价,*单价(元),*代金券面值,*押金,*保证金,*本金,*利息,*违约金,*实收,*应付(元),*unit_price,*tax",
        "总计数,*合计,*总计",
    ),
    "overseas": (
        "Trade Time,Order Number,*Total Fee,Fee Type,*Settlement Amount,Settlement Currency,Exchange Rate,"
        "*Service Charge,Service Charge Rate,*Refund Amount,Refund Status,*Account Balance",
        "总交易单数,*Total Amount,*Total Refund Amount,*Total Service Charge",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("amounts", "value"), [("yuan", Decimal("12.30")), ("fen", 1230)])
def test_every_amount_of_every_kind_is_a_number(kind: str, amounts: str, value: Any) -> None:
    """In the rows and in the totals, and what is no amount stays text."""
    columns, totals = (line.split(",") for line in KINDS[kind])
    text = "\r\n".join(
        [
            ",".join(name.lstrip("*") for name in columns),
            ",".join("`12.30" for _ in columns),
            ",".join(name.lstrip("*") for name in totals),
            ",".join("`12.30" for _ in totals),
        ]
    )
    bill = read_bill(text.encode(), amounts=amounts)
    (row,) = bill
    for names, found in ((columns, row), (totals, bill.summary)):
        for name in names:
            assert found[name.lstrip("*")] == (value if name.startswith("*") else "12.30"), name


_COUPONS = "批次id,优惠金额（元）,设备号,银行流水号,单品信息\n"


@pytest.mark.parametrize(
    ("line", "last"),
    [
        pytest.param("`9865,`1.00,,,", ["", "", ""], id="nothing"),
        pytest.param(
            '`9865,`1.00,A1,10,"[{""id"":""a,b""},{""id"":""c""}]"',
            ["A1", "10", '[{"id":"a,b"},{"id":"c"}]'],
            id="a value of csv",
        ),
        pytest.param('`9865,`1.00,,10,[{"id":"a","n":1}]', ["", "10", '[{"id":"a","n":1}]'], id="bare JSON"),
    ],
)
def test_last_values_may_come_without_a_backquote(line: str, last: list[str]) -> None:
    """Seen in the use flow of coupons: https://developers.weixin.qq.com/community/pay/article/doc/0008426accc720e0933d1e0b651813"""
    (row,) = read_bill(f"{_COUPONS}{line}\n".encode(), amounts="fen")

    assert list(row.values()) == ["9865", 100, *last]


def test_a_row_that_was_cut_behind_its_last_backquote_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^line 2: .*it was cut$"):
        list(read_bill(f'{_COUPONS}`9865,`1.00,"A1"\n'.encode()))
