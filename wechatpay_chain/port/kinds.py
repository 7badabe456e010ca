"""What kind of value an expression has, as far as that can be known without running it."""

from __future__ import annotations

import ast
from enum import Enum, auto

from wechatpay_chain.port.nodes import text_of

__all__ = ["Kind", "Scope", "either", "kind_of", "known", "waited"]


class Kind(Enum):
    """What a value is; UNKNOWN where nothing tells it."""

    UNKNOWN = auto()
    TEXT = auto()
    NUMBER = auto()
    KEY = auto()
    FLAG = auto()
    NOTHING = auto()
    DICT = auto()
    LIST = auto()
    DATA = auto()
    BODY = auto()
    RESPONSE = auto()
    ERROR = auto()
    PROMISE = auto()
    CLIENT = auto()
    NODE = auto()
    MEDIA = auto()
    ANSWERS = auto()
    FUNCTION = auto()


def either(first: Kind, second: Kind) -> Kind:
    """The kind of what is one or the other: text or a number is as a key."""
    if first is second:
        return first
    return Kind.KEY if {first, second} <= {Kind.TEXT, Kind.NUMBER, Kind.KEY} else Kind.UNKNOWN


class Scope:
    """The kinds of the names in a function, and those around it."""

    def __init__(self, outer: Scope | None = None) -> None:
        self.outer = outer
        self.kinds: dict[str, Kind] = {}
        self.promised: dict[str, Kind] = {}
        # JavaScript's own: names by their source, what patterns made of them, and what is stored from within.
        self.declared: set[str] = set()
        self.aliases: dict[str, ast.expr] = {}
        self.stores: set[str] = set()
        self.words: set[str] = set()

    def __getitem__(self, name: str) -> Kind:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.kinds:
                return scope.kinds[name]
            scope = scope.outer
        return Kind.UNKNOWN

    def holding(self, variable: str) -> Scope | None:
        """The scope that declares a variable."""
        scope: Scope | None = self
        while scope is not None and variable not in scope.declared and variable not in scope.aliases:
            scope = scope.outer
        return scope

    def __setitem__(self, name: str, kind: Kind) -> None:
        self.kinds[name] = kind


_METHODS = {
    **dict.fromkeys(("getStatusCode", "getCode", "getSize"), Kind.NUMBER),
    **dict.fromkeys(("getReasonPhrase", "getHeaderLine", "getMessage", "getContents"), Kind.TEXT),
    **dict.fromkeys(("getTraceAsString", "getContentType", "getMeta", "read_text", "strftime"), Kind.TEXT),
    **dict.fromkeys(("upper", "lower", "strip", "join", "format", "hexdigest", "decode", "isoformat"), Kind.TEXT),
    **dict.fromkeys(("token_hex", "dumps", "replace"), Kind.TEXT),
    **dict.fromkeys(("nonce", "joinedByLineFeed", "queryStringLike", "authorization", "toXml", "md5"), Kind.TEXT),
    **dict.fromkeys(("sign", "encrypt", "decrypt", "parseCertificateSerialNo", "hmac"), Kind.TEXT),
    **dict.fromkeys(("timestamp", "randint"), Kind.NUMBER),
    **dict.fromkeys(("hasResponse", "hasHeader", "verify", "equals", "eof"), Kind.FLAG),
    **dict.fromkeys(("ksort", "toArray", "getHeaders"), Kind.DICT),
    **dict.fromkeys(("getHeader", "split"), Kind.LIST),
    "getBody": Kind.BODY,
    "getResponse": Kind.RESPONSE,
    "loads": Kind.DATA,
    "factory": Kind.CLIENT,
    **dict.fromkeys(("then", "otherwise", "catch", "finally_", "settle", "all", "any", "race", "run"), Kind.PROMISE),
    **dict.fromkeys(("get", "post", "put", "patch", "delete"), Kind.RESPONSE),
    **dict.fromkeys(
        (f"{verb}{ending}" for verb in ("get", "post", "put", "patch", "delete") for ending in ("Async", "_async")),
        Kind.PROMISE,
    ),
}
_FUNCTIONS = {"str": Kind.TEXT, "int": Kind.NUMBER, "len": Kind.NUMBER, "abs": Kind.NUMBER, "bool": Kind.FLAG}
_FUNCTIONS_2 = {
    "dict": Kind.DICT,
    "list": Kind.LIST,
    "Wechatpay": Kind.CLIENT,
    "Media": Kind.MEDIA,
    "float": Kind.NUMBER,
}
_ATTRIBUTES = {
    "response": Kind.RESPONSE,
    "data": Kind.DATA,
    "headers": Kind.DICT,
    "status": Kind.NUMBER,
    "reason": Kind.TEXT,
}


def known(node: ast.expr, kind: Kind, brings: Kind = Kind.UNKNOWN) -> ast.expr:
    """Note what an expression is, and what it brings where it is a promise."""
    vars(node).update(_kind=kind, _brings=brings)
    return node


def kind_of(node: ast.expr, scope: Scope) -> Kind:
    """The kind of an expression's value."""
    told = vars(node).get("_kind")
    if isinstance(told, Kind):
        return told
    if isinstance(node, ast.Subscript):
        return Kind.RESPONSE if kind_of(node.value, scope) is Kind.ANSWERS else Kind.UNKNOWN
    if isinstance(node, ast.Name):
        return scope[node.id]
    if isinstance(node, ast.Constant):
        return _literal(node)
    if isinstance(node, ast.Call):
        return _called(node, scope)
    if isinstance(node, ast.Attribute):
        return _ATTRIBUTES.get(node.attr, Kind.UNKNOWN)
    if isinstance(node, ast.BinOp):
        is_text = Kind.TEXT in (kind_of(node.left, scope), kind_of(node.right, scope))
        return Kind.TEXT if is_text else _PLUS.get(type(node.op), Kind.NUMBER)
    if isinstance(node, ast.IfExp):
        first, second = kind_of(node.body, scope), kind_of(node.orelse, scope)
        return first if first is second else Kind.UNKNOWN
    return _BY_NODE.get(type(node), Kind.UNKNOWN)


_PLUS = {ast.Add: Kind.UNKNOWN, ast.BitOr: Kind.UNKNOWN}
_BY_NODE: dict[type[ast.expr], Kind] = {
    ast.JoinedStr: Kind.TEXT,
    ast.Dict: Kind.DICT,
    ast.List: Kind.LIST,
    ast.Compare: Kind.FLAG,
    ast.Lambda: Kind.FUNCTION,
}


def _literal(node: ast.Constant) -> Kind:
    if node.value is None:
        return Kind.NOTHING
    if isinstance(node.value, bool):
        return Kind.FLAG
    return Kind.NUMBER if text_of(node) is None else Kind.TEXT


def _called(node: ast.Call, scope: Scope) -> Kind:
    if isinstance(node.func, ast.Name):
        return {**_FUNCTIONS, **_FUNCTIONS_2}.get(node.func.id, Kind.UNKNOWN)
    if not isinstance(node.func, ast.Attribute):
        return Kind.UNKNOWN
    word, inner = node.func.attr, node.func.value
    if word == "wait":
        return waited(inner, scope)
    if word == "get" and kind_of(inner, scope) in (Kind.DICT, Kind.DATA):
        return Kind.UNKNOWN
    return _METHODS.get(word, Kind.UNKNOWN)


def waited(node: ast.expr, scope: Scope) -> Kind:
    """The kind of what a promise brings: an answer as long as no callback made something else of it."""
    told = vars(node).get("_brings", Kind.UNKNOWN)
    if isinstance(told, Kind) and told is not Kind.UNKNOWN:
        return told
    if isinstance(node, ast.Name):
        found: Scope | None = scope
        while found is not None and node.id not in found.promised:
            found = found.outer
        return Kind.UNKNOWN if found is None else found.promised[node.id]
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return Kind.UNKNOWN
    if _METHODS.get(node.func.attr.removesuffix("Async").removesuffix("_async")) is Kind.RESPONSE:
        return Kind.RESPONSE
    if node.func.attr == "then" and node.args and isinstance(node.args[0], ast.Lambda):
        inner = Scope(scope)
        if node.args[0].args.args:
            inner[node.args[0].args.args[0].arg] = waited(node.func.value, scope)
        return kind_of(node.args[0].body, inner)
    if node.func.attr == "finally_":
        return waited(node.func.value, scope)
    return Kind.DATA if node.func.attr in ("settle", "all") else Kind.UNKNOWN
