"""Functions and methods of JavaScript that calls of wechatpay-axios-plugin are written with."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from wechatpay_chain.port import nodes
from wechatpay_chain.port.js_values import Values
from wechatpay_chain.port.kinds import Kind
from wechatpay_chain.port.source import Refusal

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["called"]

_Function: TypeAlias = "Callable[[Values, Node, list[ast.expr]], ast.expr]"


def called(writer: Values, word: str, node: Node, given: list[ast.expr]) -> ast.expr:
    """``word(given)``, or ``given[0].method(…)`` for ``.method``; raises Refusal for what is not here."""
    counts, build = _FUNCTIONS.get(word, ((), None))
    if build is None:
        raise Refusal(node, f"{word[:40]}(): nothing here does the same")
    if len(given) not in counts or any(isinstance(each, ast.Starred) for each in given):
        raise Refusal(node, f"{word}(): not with these arguments")
    return build(writer, node, given)


def _stringified(writer: Values, node: Node, given: list[ast.expr]) -> ast.expr:
    keywords: dict[str, ast.expr] = {"ensure_ascii": nodes.constant(False)}
    if len(given) == 3:
        keywords["indent"] = given[2]
    else:
        keywords["separators"] = ast.Tuple([nodes.constant(","), nodes.constant(":")], ast.Load())
    made = nodes.method(writer.module("json"), "dumps", given[0], **keywords)
    vars(made)["_dumped"] = given[0]
    return made


def _parsed(writer: Values, node: Node, given: list[ast.expr]) -> ast.expr:
    return nodes.method(writer.module("json"), "loads", given[0])


def _read(writer: Values, node: Node, given: list[ast.expr]) -> ast.expr:
    writer.uses("pathlib", "Path")
    path = nodes.call("Path", given[0])
    if len(given) == 1:
        return nodes.method(path, "read_bytes")
    if (nodes.text_of(given[1]) or "").lower().replace("-", "") != "utf8":
        raise Refusal(node, "readFileSync(): in utf8 alone")
    return nodes.method(path, "read_text", encoding=nodes.constant("utf-8"))


def _opened(writer: Values, node: Node, given: list[ast.expr]) -> ast.expr:
    made = nodes.call("open", given[0], nodes.constant("rb"))
    vars(made)["_opened"] = given[0]
    return made


def _quoted(writer: Values, node: Node, given: list[ast.expr]) -> ast.expr:
    writer.uses("urllib.parse", "quote")
    return nodes.call("quote", given[0], safe=nodes.constant("!~*'()"))


def _now(writer: Values, node: Node, given: list[ast.expr]) -> ast.expr:
    return writer.milliseconds()


def _spelled(writer: Values, node: Node, given: list[ast.expr]) -> ast.expr:
    kind = writer.kind(given[0])
    if kind in (Kind.FLAG, Kind.NOTHING, Kind.DICT, Kind.LIST, Kind.DATA):
        raise Refusal(node, f"what text {kind.name.lower()} becomes differs in Python")
    return given[0] if kind is Kind.TEXT else nodes.call("str", given[0])


def _assigned(writer: Values, node: Node, given: list[ast.expr]) -> ast.expr:
    if not isinstance(given[0], ast.Dict) or given[0].keys:
        raise Refusal(node, "Object.assign(): into {} alone")
    return ast.Dict([None for _ in given[1:]], given[1:])


def _whole(writer: Values, node: Node, given: list[ast.expr]) -> ast.expr:
    if len(given) == 2 and not (isinstance(given[1], ast.Constant) and given[1].value == 10):
        raise Refusal(node, "parseInt(): of decimal digits alone")
    return nodes.call("int", given[0])


def _in(writer: Values, node: Node, given: list[ast.expr]) -> ast.expr:
    return nodes.compared(given[1], ast.In(), given[0])


def _joined(writer: Values, node: Node, given: list[ast.expr]) -> ast.expr:
    return nodes.method(given[1], "join", given[0])


def _method(word: str) -> _Function:
    return lambda writer, node, given: nodes.method(given[0], word, *given[1:])


def _listed(word: str) -> _Function:
    return lambda writer, node, given: nodes.call("list", nodes.method(given[0], word))


def _floor(writer: Values, node: Node, given: list[ast.expr]) -> ast.expr:
    return nodes.method(writer.module("math"), "floor", given[0])


_FUNCTIONS: dict[str, tuple[Sequence[int], _Function]] = {
    "JSON.stringify": ((1, 3), _stringified),
    "JSON.parse": ((1,), _parsed),
    "Object.keys": ((1,), lambda writer, node, given: nodes.call("list", given[0])),
    "Object.values": ((1,), _listed("values")),
    "Object.entries": ((1,), _listed("items")),
    "Object.assign": (range(1, 9), _assigned),
    "Math.floor": ((1,), _floor),
    "Math.abs": ((1,), lambda writer, node, given: nodes.call("abs", given[0])),
    "Date.now": ((0,), _now),
    "readFileSync": ((1, 2), _read),
    "createReadStream": ((1,), _opened),
    "encodeURIComponent": ((1,), _quoted),
    "parseInt": ((1, 2), _whole),
    "String": ((1,), _spelled),
    ".toString": ((1,), _spelled),
    ".toUpperCase": ((1,), _method("upper")),
    ".toLowerCase": ((1,), _method("lower")),
    ".trim": ((1,), _method("strip")),
    ".push": ((2,), _method("append")),
    ".split": ((2,), _method("split")),
    ".join": ((2,), _joined),
    ".includes": ((2,), _in),
}
