"""Functions of PHP that calls of wechatpay-php are written with, and what does the same in Python."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from wechatpay_chain.port import nodes
from wechatpay_chain.port.kinds import Kind
from wechatpay_chain.port.source import Refusal
from wechatpay_chain.port.writer import Writer

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["called", "date_format"]

_Function: TypeAlias = "Callable[[Writer, Node, list[ast.expr], list[str]], ast.expr]"
_DATE = {
    **{"Y": "%Y", "m": "%m", "d": "%d", "H": "%H", "i": "%M", "s": "%S", "y": "%y", "D": "%a", "M": "%b"},
    "%": "%%",
}
_ISO = ("DATE_ATOM", "DATE_RFC3339", "DATE_W3C", "'c'", '"c"', "'Y-m-d\\TH:i:sP'", '"Y-m-d\\TH:i:sP"')
_JSON_FLAGS = {"JSON_UNESCAPED_UNICODE", "JSON_UNESCAPED_SLASHES", "JSON_PRETTY_PRINT", "JSON_THROW_ON_ERROR"}


def called(writer: Writer, word: str, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    """``word(arguments)`` in Python; raises Refusal for a function that is not here, or is called otherwise."""
    counts, build = _FUNCTIONS.get(word.lower(), ((), None))
    if build is None:
        raise Refusal(node, f"{word}(): nothing here does the same")
    if len(arguments) not in counts or any(isinstance(each, ast.Starred) for each in arguments):
        raise Refusal(node, f"{word}(): not with these arguments")
    made: ast.expr = build(writer, node, arguments, sources)
    return made


def date_format(text_: str) -> str | None:
    """A format of ``date`` as ``strftime`` takes it; None where a letter has no counterpart."""
    told = ""
    letters = iter(text_)
    for letter in letters:
        if letter == "\\":
            told += next(letters, "")
        elif letter.isalpha() and letter not in _DATE:
            return None
        else:
            told += _DATE.get(letter, letter)
    return told


def _json_decode(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    given = arguments[0]
    body = nodes.call("str", given) if writer.kind(given) is Kind.BODY else given
    return nodes.method(writer.module("json"), "loads", body)


def _json_encode(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    flags = {flag.strip() for flag in sources[1].split("|")} if len(sources) > 1 else set()
    if not flags <= _JSON_FLAGS:
        raise Refusal(node, f"json_encode(): the flag {sorted(flags - _JSON_FLAGS)[0][:40]} is not known here")
    keywords: dict[str, ast.expr] = {}
    if "JSON_UNESCAPED_UNICODE" in flags:
        keywords["ensure_ascii"] = nodes.constant(False)
    if "JSON_PRETTY_PRINT" in flags:
        keywords["indent"] = nodes.constant(4)
    else:
        keywords["separators"] = ast.Tuple([nodes.constant(","), nodes.constant(":")], ast.Load())
    return nodes.method(writer.module("json"), "dumps", arguments[0], **keywords)


def _date(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    if sources[0] in _ISO:
        writer.uses("datetime", "datetime")
        when = arguments[1] if len(arguments) > 1 else None
        now = nodes.method(nodes.name("datetime"), "now") if when is None else None
        moment = now or nodes.method(nodes.name("datetime"), "fromtimestamp", *arguments[1:])
        return nodes.method(nodes.method(moment, "astimezone"), "isoformat", timespec=nodes.constant("seconds"))
    form = date_format(nodes.text_of(arguments[0]) or "Q")
    if form is None:
        raise Refusal(node, "date(): this format is not known here")
    time = writer.module("time")
    moments = [nodes.method(time, "localtime", each) for each in arguments[1:]]
    return nodes.method(time, "strftime", nodes.constant(form), *moments)


def _printed(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    return nodes.call("print", *arguments)


def _implode(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    return nodes.method(arguments[0], "join", arguments[1])


def _merged(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    kinds = {writer.kind(each) for each in arguments}
    if Kind.LIST in kinds and len(kinds) == 1:
        return ast.List([ast.Starred(each, ast.Load()) for each in arguments], ast.Load())
    if Kind.DICT not in kinds or not kinds <= {Kind.DICT, Kind.UNKNOWN, Kind.DATA}:
        raise Refusal(node, "array_merge(): whether these are lists or mappings is not known")
    merged = ast.Dict([], [])
    for each in arguments:
        merged.keys += each.keys if isinstance(each, ast.Dict) else [None]
        merged.values += each.values if isinstance(each, ast.Dict) else [each]
    return merged


def _isset(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    tests = [_is_there(each, node) for each in arguments]
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)


def _is_there(value: ast.expr, node: Node) -> ast.expr:
    if not isinstance(value, ast.Subscript) or not isinstance(value.value, ast.Name):
        raise Refusal(node, "isset(): for an entry of a variable alone")
    found = nodes.method(value.value, "get", value.slice)
    return nodes.compared(found, ast.IsNot(), nodes.constant(None))


def _read(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    name = nodes.text_of(arguments[0])
    if name is not None and "://" in name.removeprefix("file://"):
        raise Refusal(node, f"file_get_contents(): {name[:40]} is no file")
    writer.uses("pathlib", "Path")
    place = arguments[0] if name is None else nodes.constant(name.removeprefix("file://"))
    return nodes.method(nodes.call("Path", place), "read_text", encoding=nodes.constant("utf-8"))


def _formatted(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    form = nodes.text_of(arguments[0])
    pieces = [] if form is None else form.replace("%%", "").split("%s")
    if form is None or "%" in "".join(pieces) or len(pieces) != len(arguments):
        raise Refusal(node, "sprintf(): with %s alone, and a value for each")
    told: list[tuple[Node, ast.expr]] = []
    for piece, value in zip(form.split("%s"), [*arguments[1:], None], strict=True):
        told.append((node, nodes.constant(piece.replace("%%", "%"))))
        if value is not None:
            told.append((node, value))
    writer.joined(told)  # refuses what Python would spell otherwise
    return nodes.concatenated([value for _, value in told])


def _digest(word: str) -> _Function:
    def build(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
        made = nodes.method(writer.module("hashlib"), word, nodes.method(arguments[0], "encode"))
        return nodes.method(made, "hexdigest")

    return build


def _token(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    given = arguments[0]
    if not isinstance(given, ast.Call) or not isinstance(given.func, ast.Attribute) or given.func.attr != "token_bytes":
        return nodes.method(nodes.method(given, "encode"), "hex")
    return nodes.method(writer.module("secrets"), "token_hex", *given.args)


def _method(word: str) -> _Function:
    return lambda writer, node, arguments, sources: nodes.method(arguments[0], word, *arguments[1:])


def _function(word: str) -> _Function:
    return lambda writer, node, arguments, sources: nodes.call(word, *arguments)


def _of(module: str, word: str) -> _Function:
    return lambda writer, node, arguments, sources: nodes.method(writer.module(module), word, *arguments)


def _listed(word: str) -> _Function:
    return lambda writer, node, arguments, sources: nodes.call("list", nodes.method(arguments[0], word))


def _time(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    return nodes.call("int", nodes.method(writer.module("time"), "time"))


def _in(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    return nodes.compared(arguments[0], ast.In(), arguments[1])


def _split(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    return nodes.method(arguments[1], "split", arguments[0])


def _is_none(writer: Writer, node: Node, arguments: list[ast.expr], sources: list[str]) -> ast.expr:
    return nodes.compared(arguments[0], ast.Is(), nodes.constant(None))


_FUNCTIONS: dict[str, tuple[Sequence[int], Any]] = {
    "json_decode": ((1, 2), _json_decode),
    "json_encode": ((1, 2), _json_encode),
    "print_r": ((1,), _printed),
    "var_dump": (range(1, 9), _printed),
    "date": ((1, 2), _date),
    "time": ((0,), _time),
    "abs": ((1,), _function("abs")),
    "count": ((1,), _function("len")),
    "intval": ((1,), _function("int")),
    "strval": ((1,), _function("str")),
    "max": (range(2, 9), _function("max")),
    "min": (range(2, 9), _function("min")),
    "array_values": ((1,), _listed("values")),
    "array_keys": ((1,), _listed("keys")),
    "array_merge": (range(1, 9), _merged),
    "in_array": ((2, 3), _in),
    "array_key_exists": ((2,), _in),
    "implode": ((2,), _implode),
    "join": ((2,), _implode),
    "explode": ((2,), _split),
    "isset": (range(1, 9), _isset),
    "is_null": ((1,), _is_none),
    "file_get_contents": ((1,), _read),
    "sprintf": (range(1, 20), _formatted),
    "strtoupper": ((1,), _method("upper")),
    "strtolower": ((1,), _method("lower")),
    "trim": ((1,), _method("strip")),
    "md5": ((1,), _digest("md5")),
    "sha1": ((1,), _digest("sha1")),
    "bin2hex": ((1,), _token),
    "random_bytes": ((1,), _of("secrets", "token_bytes")),
    "random_int": ((2,), _of("random", "randint")),
    "mt_rand": ((2,), _of("random", "randint")),
    "rand": ((2,), _of("random", "randint")),
}
