"""Bills as bytes: of the orders in the book, or of any number of made-up rows that are made while they are sent."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from wechatpay_chain.crypto import digest

__all__ = ["FUND", "SHARING", "TRADE", "Booked", "Ledger", "Table", "digest_of", "encrypt_pieces", "gzip_pieces"]

_BLOCK = 1000
# Stands for the number of a block, ten digits, in the rows that are repeated with each.
_NUMBER = b"#" * 10


@dataclass(frozen=True)
class Table:
    """One kind of bill: its header, a row with places for date, merchant, number and amount, and its totals."""

    header: str
    row: str
    totals: str
    values: str


TRADE = Table(
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注",
    "`{date} 10:33:45,`wx2421b1c4370ec43b,`{mchid},`0,`,`{transaction},`{order},`oUpF8uMuAJO_M2pxb1Q9zNjWeS6o,"
    "`JSAPI,`SUCCESS,`OTHERS,`CNY,`{amount},`0.00,`0,`0,`0.00,`0.00,`,`,`沙箱商品,`,`0.00000,`0.60%,`{amount},`0.00,`",
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额",
    "`{rows},`{total},`0.00,`0.00,`0.00000,`{total},`0.00",
)
FUND = Table(
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额（元）,账户结余（元）,资金变更提交申请人,备注,业务凭证号",
    "`{date} 10:33:45,`{transaction},`{number},`交易,`交易,`收入,`{amount},`100000.00,`system,`,`{order}",
    "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额",
    "`{rows},`{rows},`{total},`0,`0.00",
)
SHARING = Table(
    "分账时间,分账发起方,分账方,微信订单号,微信分账/回退单号,分账明细单号,商户分账/回退单号,订单金额,分账接收方,分账金额,"
    "业务类型,处理状态,分账描述,备注",
    "`{date} 10:33:45,`{mchid},`{mchid},`{transaction},`3008{number},`3601{number},`P{number},`{amount},`{mchid},"
    "`{amount},`分账,`分账成功,`沙箱,`",
    "总条数,分账总金额",
    "`{rows},`{total}",
)


@dataclass(frozen=True)
class Booked:
    """A bill of what really happened: lines of values, and the line of totals with its header."""

    header: str
    lines: tuple[tuple[str, ...], ...]
    totals: str
    values: tuple[str, ...]

    def __iter__(self) -> Iterator[bytes]:
        yield f"\ufeff{self.header}\r\n".encode()
        yield from (_line(values) for values in self.lines)
        yield f"{self.totals}\r\n".encode() + _line(self.values)

    def digest(self, hash_type: str) -> tuple[str, int]:
        """The digest in hex and the size of the whole."""
        return digest_of(self, hash_type)


@dataclass(frozen=True)
class Ledger:
    """A bill of ``rows`` made-up rows, as bytes that are made anew at each reading, a thousand rows at a time."""

    table: Table
    date: str
    mchid: str
    rows: int

    def __iter__(self) -> Iterator[bytes]:
        yield f"\ufeff{self.table.header}\r\n".encode()
        yield from self._generate()
        totals = self.table.values.format(rows=self.rows, total=self.total)
        yield f"{self.table.totals}\r\n{totals}\r\n".encode()

    @property
    def total(self) -> Decimal:
        """The sum of all amounts, in yuan."""
        whole, rest = divmod(self.rows, _BLOCK)
        return whole * sum(map(_amount, range(_BLOCK)), Decimal("0.00")) + sum(
            map(_amount, range(rest)), Decimal("0.00")
        )

    def digest(self, hash_type: str) -> tuple[str, int]:
        """The digest in hex and the size of the whole."""
        return digest_of(self, hash_type)

    def _generate(self) -> Iterator[bytes]:
        block = self._block(_BLOCK)
        for number in range(self.rows // _BLOCK):
            yield block.replace(_NUMBER, b"%010d" % number)
        yield self._block(self.rows % _BLOCK).replace(_NUMBER, b"%010d" % (self.rows // _BLOCK))

    def _block(self, rows: int) -> bytes:
        numbers = [f"{_NUMBER.decode()}{row:03d}" for row in range(rows)]
        return b"".join(
            self._row(number, f"4200{number:>024}", f"S{number}", _amount(row)) for row, number in enumerate(numbers)
        )

    def _row(self, number: object, transaction: str, order: str, amount: Decimal) -> bytes:
        row = self.table.row.format(
            date=self.date,
            mchid=self.mchid,
            number=number,
            transaction=transaction,
            order=order,
            amount=f"{amount:.2f}",
        )
        return f"{row}\r\n".encode()


def digest_of(pieces: Iterable[bytes], hash_type: str) -> tuple[str, int]:
    """The digest of a file in hex, and its size."""
    found, size = digest.new(hash_type), 0
    for piece in pieces:
        found.update(piece)
        size += len(piece)
    return found.hexdigest(), size


def gzip_pieces(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """As a gzip file."""
    deflater = zlib.compressobj(1, wbits=31)
    for piece in pieces:
        yield deflater.compress(piece)
    yield deflater.flush()


def encrypt_pieces(pieces: Iterator[bytes], key: bytes, nonce: bytes) -> Iterator[bytes]:
    """As AEAD_AES_256_GCM leaves it: ciphertext, and the tag at its end."""
    encryptor = Cipher(AES(key), GCM(nonce)).encryptor()
    for piece in pieces:
        yield encryptor.update(piece)
    encryptor.finalize()
    yield encryptor.tag


def _line(values: Sequence[str]) -> bytes:
    return ",".join(f"`{value}" for value in values).encode() + b"\r\n"


def _amount(row: int) -> Decimal:
    return Decimal(row * 7 % 1000 + 1).scaleb(-2)
