"""Calls of an operation, ready to paste: with what it requires of each role, and with what is usual besides."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.alternatives import Group, alternatives, groups
from wechatpay_chain.catalog.conditions import is_needed
from wechatpay_chain.catalog.facts import Operation, is_legacy
from wechatpay_chain.catalog.roles import TITLES, is_required, roles
from wechatpay_chain.catalog.security import needs_certificate
from wechatpay_chain.catalog.typical import EXAMPLES, TYPICAL, item_count
from wechatpay_chain.catalog.values import ALL_CALLERS, MCHID, Values
from wechatpay_chain.encoding import paths
from wechatpay_chain.encoding.literal import Code, call_text

__all__ = [
    "DIALECTS",
    "FULL",
    "NATIVE",
    "PHP",
    "Dialect",
    "Sample",
    "call",
    "encryption_of",
    "is_sealed",
    "is_sent_by_itself",
    "samples",
    "value",
]


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

FULL = "with the usual optional fields 常用可选字段"
DIALECTS = {"NATIVE": NATIVE, "PHP": PHP}

# What a client adds by itself: https://pay.weixin.qq.com/doc/v3/merchant/4012365342
_IMPORTS = {
    "Media": "from wechatpay_chain import Media; ",
    "MediaUtil": "from wechatpay_chain.php import MediaUtil; ",
    "Sealed": "from wechatpay_chain import Sealed; ",
}
_OWN_HEADERS = frozenset({"wechatpay-serial"})
_OWN_LEGACY = frozenset({"sign", "nonce_str"})
_LEGACY_CALLER = ("mch_id", "mchid", "combine_mch_id")
# So many optional fields stand for an object of which nothing is required.
_MOST_FILLED = 6
_NEW_NUMBER = re.compile(r"\d{16,}")
_BY_FORMAT = {
    "rfc3339": "2026-11-25T10:00:00+08:00",
    "date": "2026-11-25",
    "yyyyMMddHHmmss": "20261125100000",
    "url": "https://pay.weixin.qq.com",
    "jsonObjectLike": "{}",
    "jsonArrayLike": "[]",
}


class Sample(NamedTuple):
    """A call ready to paste, and what is special about it; "" where it is the plain one."""

    title: str
    text: str


def samples(operation: Operation, mchid: str = "", dialect: Dialect = NATIVE) -> list[Sample]:
    """The call of each role with what it has to send, and one with the optional fields that calls usually have."""
    shown = roles(operation)
    told = [Sample(TITLES.get(role, ""), call(operation, mchid, dialect, role)) for role in shown or ("",)]
    if len({_NEW_NUMBER.sub("", each.text) for each in told}) == 1:
        told = [Sample("", told[0].text)]
    usual = call(operation, mchid, dialect, shown[0] if shown else "", is_full=True)
    if _NEW_NUMBER.sub("", usual) != _NEW_NUMBER.sub("", told[0].text):
        told.append(Sample(FULL, usual))
    return told


def call(
    operation: Operation, mchid: str = "", dialect: Dialect = NATIVE, role: str = "", *, is_full: bool = False
) -> str:
    """The call as Python; ``mchid`` stands where the caller's own number belongs.

    ``role`` is one of the operation's roles, else the first of them; ``is_full`` adds optional fields that calls
    usually have. Imports come first, on its line, so that it can be pasted from wherever it is indented.
    """
    shown = roles(operation)
    writer = _Writer(operation, Values.of(operation, mchid), role or (shown[0] if shown else ""), is_full, dialect)
    facts = operation.facts
    options: dict[str, Any] = writer.body()
    query = writer.query()
    if query or _is_query(operation):
        options[dialect.query] = writer.with_caller(query) if _is_query(operation) else query
    if is_legacy(operation.path) and needs_certificate(operation.path):
        options["security"] = True
    headers = {name: value(name, each) for name, each in facts.get("headers", {}).items() if each.get("required")}
    headers = {name: each for name, each in headers.items() if not is_sent_by_itself(operation, name)}
    if headers:
        options["headers"] = headers
    # The path is what it is, and the names of its parameters are not always those that are in it.
    for name in paths.placeholders(operation.path):
        options[name] = _fill(name, facts.get("path_params", {}).get(name, {}), writer.values.own)
    path = "/".join(operation.words)
    if dialect.has_kebab:
        # A placeholder's value stays as it is.
        for number, word in enumerate(filter(_has_capitals, operation.words), 1):
            path, options[f"segment{number}"] = path.replace(word, f"{{segment{number}}}"), word
    function = f"{dialect.client}.{tree.spell(path)}.{operation.method.lower()}"
    if dialect.body:
        text = call_text(function, [options] if options else [])
    else:
        text = call_text(function, [options.pop("")] if "" in options else [], options)
    return "".join(line for name, line in _IMPORTS.items() if f"{name}(" in text) + text


class _Writer(NamedTuple):
    """What one sample sends."""

    operation: Operation
    values: Values
    role: str
    is_full: bool
    dialect: Dialect

    def body(self) -> dict[str, Any]:
        facts, dialect = self.operation.facts, self.dialect
        if facts.get("form"):
            return self._form(facts["form"])
        if self.operation.method == "GET":
            return {}
        fields = self.fields(facts.get("body", {}).get("fields", {}))
        if is_legacy(self.operation.path):
            return {dialect.xml: self.with_caller(fields)}
        if self.operation.method == "DELETE":
            # Its first argument are options, in either face.
            return {"json": fields} if fields else {}
        return {dialect.body: fields} if facts.get("body") else {}

    def query(self) -> dict[str, Any]:
        """A query is flat, so an object whose fields are not known is text, and what is encrypted is so at once."""
        known = {name: _plain(schema) for name, schema in self.operation.facts.get("query", {}).items()}
        query = self._choose_fields(known, ())
        if self.dialect.body:
            # PHP would send 1 for true.
            query = {name: str(each).lower() if isinstance(each, bool) else each for name, each in query.items()}
        sealed = {name for name in query if encryption_of(self.operation, name, known[name])}
        client = self.dialect.client
        return {name: Code(f'{client}.encrypt("{name}")') if name in sealed else query[name] for name in query}

    def with_caller(self, fields: dict[str, Any]) -> dict[str, Any]:
        if any(name in fields for name in _LEGACY_CALLER):
            return fields
        return {_LEGACY_CALLER[0]: self.values.own.get(_LEGACY_CALLER[0], MCHID), **fields}

    def fields(self, schemas: Mapping[str, Any], place: tuple[str, ...] = ()) -> dict[str, Any]:
        """The fields of an object; of one that requires none, some that it may have."""
        return self._choose_fields(schemas, place) or self._choose_optional(schemas, place)

    def _choose_fields(self, schemas: Mapping[str, Any], place: tuple[str, ...]) -> dict[str, Any]:
        others = alternatives(self.operation, place)
        shown = {name for name in map(partial(self._choose_of_group, schemas, place), groups(self.operation)) if name}
        return {
            name: self._value((*place, name), schema, name in others)
            for name, schema in schemas.items()
            if self._may_send(name, schema)
            and (name in shown if name in others else self._is_wanted((*place, name), schema))
        }

    def _choose_of_group(self, schemas: Mapping[str, Any], place: tuple[str, ...], group: Group) -> str:
        """The one field of a group that is sent."""
        known = (
            name
            for name in group.names
            if group.place == place and name in schemas and self._may_send(name, schemas[name])
        )
        return next(known, "")

    def _choose_optional(self, schemas: Mapping[str, Any], place: tuple[str, ...]) -> dict[str, Any]:
        may = {name: schema for name, schema in schemas.items() if self._may_send(name, schema)}
        plain = [name for name, schema in may.items() if not _fields_within(schema)][:_MOST_FILLED]
        # A number alone says nothing: an object is what is told of it.
        others = [name for name in may if name not in plain][: len(plain) < 2]
        return {name: self._value((*place, name), may[name], False) for name in may if name in (*plain, *others)}

    def _may_send(self, name: str, schema: Mapping[str, Any]) -> bool:
        return schema.get("role", self.role) == self.role and not is_sent_by_itself(self.operation, name)

    def _is_wanted(self, place: tuple[str, ...], schema: Mapping[str, Any]) -> bool:
        if is_required(schema, self.role) or (self.is_full and place[-1] in TYPICAL):
            return True
        return len(place) == 1 and is_needed(self.operation, place[0])

    def _value(self, place: tuple[str, ...], schema: Mapping[str, Any], is_reference: bool) -> Any:
        if is_sealed(schema) and not is_legacy(self.operation.path):
            return Code(f'Sealed("{place[-1]}")')
        own = self.values.example(place, schema, is_reference)
        if own is not None:
            return own
        if schema.get("type") == "object":
            return self.fields(schema.get("fields") or {}, place)
        if schema.get("type") == "array":
            count = item_count(self.operation, place[-1])
            return [self._value(place, schema.get("items") or {}, is_reference) for _ in range(count)]
        return value(place[-1], _as_it_is(schema) if is_legacy(self.operation.path) else schema, self.values.own)

    def _form(self, form: Mapping[str, Any]) -> dict[str, Any]:
        dialect = self.dialect
        if form.keys() == {"file", "meta"}:
            return {dialect.upload: Code(dialect.file)}
        file = next(name for name, schema in form.items() if schema["type"] == "file")
        fields = {name: each for name, each in self._choose_fields(form, ()).items() if name not in (file, "meta")}
        content = Code('b"the file"')
        # The client fills it in.
        fields.pop(f"{file}_hash", None)
        if not dialect.body:
            name = "xml" if is_legacy(self.operation.path) else "data"
            return {**({name: fields} if fields else {}), "files": {file: Code(f'("file.png", {content})')}}
        meta = [{"name": "meta", "contents": '{"filename":"file.png"}'}] if "meta" in form else []
        others = [{"name": name, "contents": str(each)} for name, each in fields.items()]
        return {"multipart": [*meta, *others, {"name": file, "contents": content, "filename": "file.png"}]}


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


def encryption_of(operation: Operation, name: str, schema: Mapping[str, Any], depth: int = 1) -> str:
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


def _fields_within(schema: Mapping[str, Any]) -> bool:
    while schema.get("type") == "array":
        schema = schema.get("items") or {}
    return schema.get("type") == "object"


def _has_capitals(word: str) -> bool:
    return not word.startswith("{") and word != word.lower()


def _is_query(operation: Operation) -> bool:
    """Whether its fields are signed and sent as a query, which of APIv2 names its merchant too."""
    return is_legacy(operation.path) and operation.method == "GET"


def _as_it_is(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a ciphertext as that of any other text."""
    return {**schema, "format": None} if is_sealed(schema) else schema


def _plain(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**schema, "type": "string"} if schema.get("type") == "object" else schema


def _fill(name: str, schema: Mapping[str, Any], own: Mapping[str, str]) -> str | int:
    found = value(name, {**_plain(schema), "format": None}, own)
    return found if isinstance(found, int) and not isinstance(found, bool) else str(found)


def _text(name: str, schema: Mapping[str, Any], example: Any) -> str:
    if example in (None, "", name):
        if name in ALL_CALLERS:
            return MCHID
        example = EXAMPLES.get(name, example)
    text = _BY_FORMAT.get(str(schema.get("format")), _format_of(name)) if example in (None, "") else str(example)
    return text[: schema["max_length"]] if schema.get("max_length") else text


def _format_of(name: str) -> str:
    return _BY_FORMAT["url"] if name.endswith("url") else name


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
