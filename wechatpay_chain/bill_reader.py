"""Bills as rows: WeChat Pay's CSV with its backquotes, its two encodings, and the totals at its end."""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from types import TracebackType
from typing import Any, BinaryIO, TextIO, TypeAlias, cast

__all__ = ["Bill", "Source", "fen", "read_bill", "yuan"]

Source: TypeAlias = "str | os.PathLike[str] | BinaryIO | TextIO | bytes | bytearray | memoryview"

_MARK = "`"
_BETWEEN = ",`"
# Letters: csv refuses a longer field.
_LONGEST = 1 << 17
_GZIP = b"\x1f\x8b"
_BOM = "\ufeff"
_HEAD = 1 << 16
_BUFFER = 1 << 17
# How the columns and totals that are amounts are named, and what the same words mean with more behind them. Sources:
# https://pay.weixin.qq.com/doc/v3/merchant/4013071206, and for APIv2, whose total is 总交易额,
# https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_6.
_AMOUNT = re.compile(
    r"(金额|(?:交易|发生|[总净差余税面])额(?!外|度)|手续费|服务费|税费|运费|佣金|押金|保证金|本金|利息|违约金|结余|补差|面值|单价"
    r"|[实应][收付](?:款)?(?=$|[（(])|(?:收入|支出|[总合])[合总]?计(?=$|[（(])"
    r"|amount|\bfees?\b|(?<=_)fee\b|charges?\b|balance|\bprice\b|(?<=_)price\b|\btax(?:es)?\b)"
    r"(?!.*(率|比例|单位|备注|类型|币种|说明|状态|账户|账号|方|时间|日期|单号|编号|商户|名称|原因|来源|用途|变更|活动|支付$|[笔单次个]数"
    r"|rate|ratio|currency|type|remark|description|status|account|time|date|count|number|bearer|payer|reason|source"
    r"|\bno\b|\bid\b))",
    re.IGNORECASE,
)
_BROKEN = (csv.Error, ValueError, EOFError, zlib.error, gzip.BadGzipFile)
_NUMBER = re.compile(r"([+-]?[0-9]+)(?:\.([0-9]+))?")


@lru_cache(maxsize=1 << 12)
def yuan(text: str) -> Decimal:
    """An amount in yuan, exactly as it is written; ValueError for what is no amount."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no amount")
    return Decimal(text)


@lru_cache(maxsize=1 << 12)
def fen(text: str) -> int:
    """An amount in yuan as whole fen; ValueError for what is no amount, or has a part of a fen."""
    number = _NUMBER.fullmatch(text)
    if number is None:
        raise ValueError(f"{text[:40]!r} is no amount")
    part = (number[2] or "").rstrip("0").ljust(2, "0")
    if len(part) > 2:
        raise ValueError(f"{text[:40]!r} has a part of a fen; read it as yuan")
    # Of the digits alone: arithmetic with Decimal rounds to the precision of whoever calls.
    return int(number[1] + part)


# What values begin with, and the names of totals never.
_VALUE = re.compile(r"`|[+-]?[0-9]")
# How the totals of every bill begin, however many columns a spreadsheet has saved them with.
_COUNT = re.compile(r"总.*数$")

_AMOUNTS: dict[str, Callable[[str], Any]] = {"yuan": yuan, "fen": fen}


def read_bill(source: Source, *, amounts: str | None = None) -> Bill:
    """The rows of a bill, read once and as they are asked for, in constant memory.

    ``source`` is a path, a file, or the bytes or the text of a bill; gzip, UTF-8 and GBK are told apart by themselves.
    ``amounts`` is ``"yuan"`` (Decimal) or ``"fen"`` (int) for the columns that are amounts, else all is text.
    Raises ValueError for what is no bill, and for a line that is neither a row nor one of the totals.
    """
    if amounts is not None and (not isinstance(amounts, str) or amounts not in _AMOUNTS):
        raise ValueError(f"amounts: expected 'yuan' or 'fen', found {amounts!r:.40}")
    return Bill(source, None if amounts is None else _AMOUNTS[amounts])


class Bill:
    """An iterator over rows as dicts keyed by ``columns``; ``summary`` is there after the last row.

    ``with`` closes a file that it opened before its end. Values lose the backquote that WeChat Pay puts
    before each. Source: https://pay.weixin.qq.com/doc/v3/merchant/4013071206
    """

    def __init__(self, source: Source, amount: Callable[[str], Any] | None = None) -> None:
        self._amount = amount
        self._summary: dict[str, Any] | None = None
        self._opened: list[Any] = []
        # How many rows were read without csv, which counts the other lines.
        self._plain_rows = 0
        try:
            lines = self._lines(source)
            self.columns = tuple(self._header(lines))
        except BaseException as error:
            self.close()
            if isinstance(error, _BROKEN):
                raise ValueError(f"read_bill: {_reason(error)}") from None
            raise
        self._rows = self._read(lines)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._rows

    def __next__(self) -> dict[str, Any]:
        return next(self._rows)

    @property
    def summary(self) -> dict[str, Any]:
        """The totals at the end, empty where the bill has none; ValueError while rows are unread."""
        if self._summary is None:
            raise ValueError("summary: it stands after the rows; read them first")
        return self._summary

    def close(self) -> None:
        """Close the file, if this bill opened it."""
        while self._opened:
            self._opened.pop().close()

    def __enter__(self) -> Bill:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Bill of {len(self.columns)} columns>"

    def _lines(self, source: Source) -> Iterator[str]:
        if isinstance(source, str) and "\n" in source:
            source = io.StringIO(source)
        if isinstance(source, io.TextIOBase):
            return iter(source)
        if isinstance(source, str | os.PathLike):
            file: BinaryIO = open(source, "rb")  # noqa: SIM115  # close() closes it
            self._opened.append(file)
        elif isinstance(source, bytes | bytearray | memoryview):
            file = io.BytesIO(source)
        elif callable(getattr(source, "read", None)):
            file = cast(BinaryIO, source)
        else:
            raise ValueError(f"expected a path, a file or bytes, found {type(source).__name__}")
        start, file = _peek(file)
        if start.startswith(_GZIP):
            start, file = _peek(cast(BinaryIO, gzip.GzipFile(fileobj=file)))
        return io.TextIOWrapper(cast(Any, file), encoding=_encoding(start), newline="\n")

    def _header(self, lines: Iterator[str]) -> list[str]:
        first = next(csv.reader(lines), None)
        if not first or not any(first):
            raise ValueError("it is empty; no header was found")
        first[0] = first[0].removeprefix(_BOM)
        if first[0].lstrip().startswith(("<", "{")) or any("\0" in name for name in first):
            raise ValueError("it is no bill: it begins as XML, JSON or no text at all")
        return [_plain(name) for name in first]

    def _read(self, lines: Iterator[str]) -> Iterator[dict[str, Any]]:
        put_back: list[str] = []
        reader = csv.reader(self._strip_marks(_with_put_back(lines, put_back)))
        try:
            yield from self._records(lines, put_back, reader)
        except _BROKEN as error:
            raise ValueError(f"line {self._plain_rows + reader.line_num + 1}: {_reason(error)}") from None
        finally:
            self.close()

    def _records(
        self, lines: Iterator[str], put_back: list[str], reader: Iterator[list[str]]
    ) -> Iterator[dict[str, Any]]:
        """The rows; a line of values behind backquotes alone is split at these, whatever else is there csv reads."""
        columns, width, amount, marked = self.columns, len(self.columns), self._amount, False
        amounts = [name for name in columns if _AMOUNT.search(name)]
        totals: list[str] = []
        for line in lines:
            row = line[1:].rstrip("\r\n").split(_BETWEEN) if line[:1] == _MARK and '"' not in line else []
            if len(row) == width and len(line) < _LONGEST and "\r" not in line[:-2]:
                self._plain_rows += 1
                marked = True
            else:
                put_back.append(line)
                row = next(reader, [])
                if row and row[0][:1] == _MARK:
                    marked = True
                    if not self._is_split and (len(row) != width or '"' in self._line):
                        row = self._join_split_values(row)
                    elif len(row) != width:
                        row = _with_unmarked(row, width)
                    row[0] = row[0][1:]
                elif not row:
                    continue
                elif marked or len(row) != width or _COUNT.search(row[0]):
                    totals = row
                    break
            found: dict[str, Any] = dict(zip(columns, row, strict=True))
            if amount is not None:
                _convert(found, amounts, amount)
            yield found
        self._summary = self._totals(totals, reader)

    def _strip_marks(self, lines: Iterator[str]) -> Iterator[str]:
        """Lines without the backquotes of their values, but the first, by which rows are told from totals.

        Behind a backquote a quote is a letter: a line that begins with one is split at backquotes, whatever csv
        would see in it; of one that begins with a quote they stay for csv to see.
        """
        within = False
        for self._line in lines:
            quotes = self._line.count('"')
            self._is_split = bool(quotes) and not within and self._line.startswith(_MARK)
            if self._is_split:
                yield _quote_values(self._line)
                continue
            yield self._line if quotes or within else self._line.replace(",`", ",")
            # A quoted value may go on in the next line.
            within ^= bool(quotes % 2)

    def _join_split_values(self, row: list[str]) -> list[str]:
        """A row whose values hold commas or quotes: what has no backquote belongs to the value before it."""
        if '"' not in self._line:
            row = self._line.rstrip("\r\n").replace(",`", f"\n{_MARK}").split("\n")
        fitted = row[:1]
        for value in row[1:]:
            if value[:1] == _MARK:
                fitted.append(value[1:])
            elif len(row) == len(self.columns):
                fitted.append(value)
            else:
                fitted[-1] += f",{value}"
        if len(fitted) != len(self.columns):
            raise ValueError(f"{len(fitted)} values for {len(self.columns)} columns; it was cut")
        return fitted

    def _totals(self, header: list[str], reader: Iterable[list[str]]) -> dict[str, Any]:
        """Lines of names, each with a line of as many values behind it, until the end."""
        totals: dict[str, Any] = {}
        lines = filter(None, map(_strip_empty_cells, chain([header], reader)))
        for names in lines:
            if _MARK in self._line or any(map(_VALUE.match, names)):
                raise ValueError(f"neither a row of {len(self.columns)} values nor names of totals; it was cut")
            values = next(lines, [])
            if len(values) != len(names) or not _VALUE.match(values[0]):
                raise ValueError(f"totals: {len(values)} values for {len(names)} names; it was cut")
            totals |= zip(names, map(_plain, values), strict=True)
        if self._amount is not None:
            _convert(totals, [name for name in totals if _AMOUNT.search(name)], self._amount)
        return totals


def _with_put_back(lines: Iterator[str], put_back: list[str]) -> Iterator[str]:
    """``lines``, of which those that were put back come first."""
    while (line := put_back.pop() if put_back else next(lines, None)) is not None:
        yield line


def _convert(found: dict[str, Any], names: list[str], amount: Callable[[str], Any]) -> None:
    for name in names:
        try:
            found[name] = amount(found[name]) if found[name] else None
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


def _reason(error: BaseException) -> str:
    """csv's and our own words; gzip's are too short to be understood alone."""
    return str(error) if isinstance(error, csv.Error | ValueError) else f"the gzip file is damaged ({error})"


def _strip_empty_cells(row: list[str]) -> list[str]:
    """Without the empty cells that a spreadsheet puts behind a line."""
    while row and not row[-1]:
        row = row[:-1]
    return row


def _quote_values(line: str) -> str:
    """A line of values behind backquotes as csv quotes them, without any backquote but the first."""
    values = line.rstrip("\r\n").split(f",{_MARK}")
    return ",".join('"' + value.replace('"', '""') + '"' for value in values)


def _with_unmarked(row: list[str], width: int) -> list[str]:
    """A row whose last values have no backquote, as those of coupons: they follow the last value that has one."""
    values = row[-1].split(",", max(width - len(row), 0))
    if len(row) - 1 + len(values) != width:
        raise ValueError(f"{len(row)} values for {width} columns; it was cut")
    return [*row[:-1], values[0], *map(_unquoted, values[1:])]


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1].replace('""', '"') if is_quoted else value


def _plain(value: str) -> str:
    return value.removeprefix(_MARK)


def _peek(file: BinaryIO) -> tuple[bytes, BinaryIO]:
    """The first bytes of a file, and the file with nothing of it lost."""
    buffered = io.BufferedReader(cast(Any, _Raw(file)), _BUFFER)
    return buffered.peek(_HEAD), cast(BinaryIO, buffered)


class _Raw(io.RawIOBase):
    """Any binary file that can be read, as io's buffers want it; it stays open."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        filled = 0
        # A pipe gives a little at a time, and by the first bytes gzip and the encoding are told.
        while filled < len(buffer):
            piece = self._file.read(len(buffer) - filled)
            if not isinstance(piece, bytes | bytearray | memoryview):
                raise ValueError(f"expected bytes from a binary file, found {type(piece).__name__}")
            if not piece:
                break
            buffer[filled : filled + len(piece)] = piece
            filled += len(piece)
        return filled


def _encoding(start: bytes) -> str:
    """UTF-8 when the first bytes are, else GB18030, of which GBK is a part."""
    try:
        start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:
            return "gb18030"
    return "utf-8-sig"
