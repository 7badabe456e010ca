"""A call of an operation with what it requires, ready to paste; its values are the documentation's examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.alternatives import alternatives
from wechatpay_chain.catalog.facts import Operation, is_legacy
from wechatpay_chain.encoding import paths
from wechatpay_chain.encoding.literal import Code, called

__all__ = ["DIALECTS", "NATIVE", "PHP", "Dialect", "call", "is_sealed", "is_sent_by_itself", "sealing", "value"]


class Dialect(NamedTuple):
    """How a face's users write a call: their name of the client, and of its options.

    "" is the first argument; where the body has a name, all options are one mapping. ``has_kebab`` says that
    capitals in ``["…"]`` become kebab-case too.
    """

    client: str
    body: str
    xml: str
    query: str
    upload: str
    file: str
    has_kebab: bool


NATIVE = Dialect("wxpay", "", "", "params", "", 'Media(b"the file", filename="file.png")', False)
PHP = Dialect("instance", "json", "xml", "query", "body", 'MediaUtil("file.png", b"the file")', True)

DIALECTS = {"NATIVE": NATIVE, "PHP": PHP}

# What a client adds by itself: https://pay.weixin.qq.com/doc/v3/merchant/4012365342
_IMPORTS = {
    "Media": "from wechatpay_chain import Media; ",
    "MediaUtil": "from wechatpay_chain.php import MediaUtil; ",
    "Sealed": "from wechatpay_chain import Sealed; ",
}
_OWN_HEADERS = frozenset({"wechatpay-serial"})
_OWN_LEGACY = frozenset({"sign", "nonce_str"})
_MCHID = "1900000109"
_CALLER = ("mchid", "sp_mchid", "mch_id", "combine_mchid", "combine_mch_id")
_LEGACY_CALLER = ("mch_id", "mchid", "combine_mch_id")
# Of two fields one is needed, so neither is marked as required: https://pay.weixin.qq.com/doc/v3/merchant/4012791862
_NEEDED = dict.fromkeys(("/v3/refund/domestic/refunds", "/hk/v3/refunds", "/v3/global/refunds"), "out_trade_no")
_BY_FORMAT = {
    "rfc3339": "2026-11-25T10:00:00+08:00",
    "date": "2026-11-25",
    "yyyyMMddHHmmss": "20261125100000",
    "url": "https://pay.weixin.qq.com",
    "jsonObjectLike": "{}",
    "jsonArrayLike": "[]",
}


def call(operation: Operation, mchid: str = "", dialect: Dialect = NATIVE) -> str:
    """The call as Python; ``mchid`` stands where the caller's own number belongs.

    Imports come first, on its line, so that it can be pasted from wherever it is indented.
    """
    facts, own = operation.facts, {name: mchid for name in _CALLER if mchid}
    options: dict[str, Any] = _body(operation, own, dialect)
    query = _query(operation, own, dialect)
    if query or _is_query(operation):
        options[dialect.query] = _with_caller(query, own) if _is_query(operation) else query
    headers = _required(operation, facts.get("headers", {}), own)
    if headers:
        options["headers"] = headers
    # The path is what it is, and the names of its parameters are not always those that are in it.
    for name in paths.placeholders(operation.path):
        options[name] = _filled(name, facts.get("path_params", {}).get(name, {}), own)
    path = "/".join(operation.words)
    if dialect.has_kebab:
        # A placeholder's value stays as it is.
        for number, word in enumerate(filter(_has_capitals, operation.words), 1):
            path, options[f"segment{number}"] = path.replace(word, f"{{segment{number}}}"), word
    function = f"{dialect.client}.{tree.spelled(path)}.{operation.method.lower()}"
    if dialect.body:
        text = called(function, [options] if options else [])
    else:
        text = called(function, [options.pop("")] if "" in options else [], options)
    return "".join(line for name, line in _IMPORTS.items() if f"{name}(" in text) + text


def value(name: str, schema: Mapping[str, Any], own: Mapping[str, str] | None = None) -> Any:
    """An example of one field; of an object what it requires."""
    if own and name in own:
        return own[name]
    if is_sealed(schema):
        return Code(f'Sealed("{name}")')
    kind, example = schema.get("type"), schema.get("example")
    if kind == "object":
        required = {each: inner for each, inner in schema.get("fields", {}).items() if inner.get("required")}
        return {each: value(each, inner, own) for each, inner in required.items()}
    if kind == "array":
        return [value(name, schema.get("items", {}), own)]
    if schema.get("enum") and example not in schema["enum"]:
        example = schema["enum"][0]
    write = _SCALARS[str(kind)] if kind in _SCALARS else _text
    return write(name, schema, example)


def is_sealed(schema: Mapping[str, Any]) -> bool:
    """Whether a field travels encrypted: the source marks the ciphertexts of requests by their format."""
    return schema.get("format") == "base64" and schema.get("type") == "string"


def sealing(operation: Operation, name: str, schema: Mapping[str, Any], depth: int = 1) -> str:
    """How a field of a request comes to be encrypted; empty for one that travels as it is."""
    if not is_sealed(schema):
        return ""
    if is_legacy(operation.path):
        return "encrypted by the caller with the key of v2/risk/getpublickey"
    is_query = depth == 1 and name in operation.facts.get("query", {})
    return f"encrypted: {'encrypt' if is_query else 'Sealed'}(text)"


def is_sent_by_itself(operation: Operation, name: str) -> bool:
    """Whether the client adds a field or header without being told."""
    return name in _OWN_LEGACY if is_legacy(operation.path) else name.lower() in _OWN_HEADERS


def _body(operation: Operation, own: Mapping[str, str], dialect: Dialect) -> dict[str, Any]:
    form = operation.facts.get("form")
    if form:
        return _form(operation, form, own, dialect)
    if operation.method == "GET":
        return {}
    fields = _required(operation, operation.facts.get("body", {}).get("fields", {}), own)
    if is_legacy(operation.path):
        return {dialect.xml: _with_caller(fields, own)}
    if operation.method == "DELETE":
        # Its first argument are options, in either face.
        return {"json": fields} if fields else {}
    return {dialect.body: fields} if operation.facts.get("body") else {}


def _query(operation: Operation, own: Mapping[str, str], dialect: Dialect) -> dict[str, Any]:
    """A query is flat, so an object whose fields are not known is text, and what is encrypted is so at once."""
    known = {name: _plain(schema) for name, schema in operation.facts.get("query", {}).items()}
    query = _required(operation, known, own)
    sealed = {name for name in query if sealing(operation, name, known[name])}
    return {name: Code(f'{dialect.client}.encrypt("{name}")') if name in sealed else query[name] for name in query}


def _form(operation: Operation, form: Mapping[str, Any], own: Mapping[str, str], dialect: Dialect) -> dict[str, Any]:
    if form.keys() == {"file", "meta"}:
        return {dialect.upload: Code(dialect.file)}
    file = next(name for name, schema in form.items() if schema["type"] == "file")
    fields = {name: value for name, value in _required(operation, form, own).items() if name not in (file, "meta")}
    content = Code('b"the file"')
    # The client fills it in.
    fields.pop(f"{file}_hash", None)
    if not dialect.body:
        name = "xml" if is_legacy(operation.path) else "data"
        return {name: fields, "files": {file: Code(f'("file.png", {content})')}}
    meta = [{"name": "meta", "contents": '{"filename":"file.png"}'}] if "meta" in form else []
    others = [{"name": name, "contents": str(value)} for name, value in fields.items()]
    return {"multipart": [*meta, *others, {"name": file, "contents": content, "filename": "file.png"}]}


def _has_capitals(word: str) -> bool:
    return not word.startswith("{") and word != word.lower()


def _is_query(operation: Operation) -> bool:
    """Whether its fields are signed and sent as a query, which of APIv2 names its merchant too."""
    return is_legacy(operation.path) and operation.method == "GET"


def _with_caller(fields: dict[str, Any], own: Mapping[str, str]) -> dict[str, Any]:
    if any(name in fields for name in _LEGACY_CALLER):
        return fields
    return {_LEGACY_CALLER[0]: own.get(_LEGACY_CALLER[0], _MCHID), **fields}


def _required(operation: Operation, fields: Mapping[str, Any], own: Mapping[str, str]) -> dict[str, Any]:
    others = alternatives(operation)
    # Of an order's numbers the merchant's own is the one that is known.
    others -= {"out_trade_no"} if "out_trade_no" in others else set(sorted(others)[:1])
    return {
        name: value(name, _as_it_is(schema) if is_legacy(operation.path) else schema, own)
        for name, schema in fields.items()
        if (schema.get("required") or name == _NEEDED.get(operation.path))
        and not is_sent_by_itself(operation, name)
        and name not in others
    }


def _as_it_is(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a ciphertext as that of any other text."""
    return {**schema, "format": None} if is_sealed(schema) else schema


def _plain(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**schema, "type": "string"} if schema.get("type") == "object" else schema


def _filled(name: str, schema: Mapping[str, Any], own: Mapping[str, str]) -> str | int:
    found = value(name, {**_plain(schema), "format": None}, own)
    return found if isinstance(found, int) and not isinstance(found, bool) else str(found)


def _text(name: str, schema: Mapping[str, Any], example: Any) -> str:
    if example in (None, "") and name in _CALLER:
        return _MCHID
    text = _BY_FORMAT.get(str(schema.get("format")), name) if example in (None, "") else str(example)
    return text[: schema["max_length"]] if schema.get("max_length") else text


def _integer(name: str, schema: Mapping[str, Any], example: Any) -> int:
    try:
        return int(example)
    except (TypeError, ValueError):
        return 1


def _number(name: str, schema: Mapping[str, Any], example: Any) -> int | float:
    try:
        number = float(example)
    except (TypeError, ValueError):
        return 1
    return int(number) if number.is_integer() else number


def _boolean(name: str, schema: Mapping[str, Any], example: Any) -> bool:
    return example not in (False, "false")


_SCALARS: dict[str, Callable[[str, Mapping[str, Any], Any], str | float]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}
