"""The operations that have no product of their own: checked, answered as the catalogue documents, and kept.

What a POST, PUT or PATCH tells can be read back by its numbers; a number that nobody made is not there. Ids are new,
times are now, and an answer that is made of the documentation's examples says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.facts import Operation, is_legacy, operations
from wechatpay_chain.catalog.values import own_numbers
from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.protocol import v3
from wechatpay_chain.sandbox.answer import EXAMPLE, Answer, Refusal
from wechatpay_chain.sandbox.clock import rfc3339
from wechatpay_chain.sandbox.events import event
from wechatpay_chain.sandbox.examples import Examples, fresh, is_number, own_merchant
from wechatpay_chain.sandbox.product import Call, Failure
from wechatpay_chain.sandbox.store import Row, dump, load
from wechatpay_chain.sandbox.world import World

__all__ = ["TABLES", "example_of", "fields_of", "learn", "lookups", "reply"]

# Base64 of the 256 bytes that RSA-OAEP makes of any field.
_CIPHERTEXT = re.compile(r"[A-Za-z0-9+/]{342}==")

TABLES = (
    "CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, area TEXT NOT NULL, family TEXT NOT NULL,"
    " operation TEXT NOT NULL, request TEXT NOT NULL, answer TEXT NOT NULL, data TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS numbers (value TEXT NOT NULL, name TEXT NOT NULL, record INTEGER NOT NULL,"
    " area TEXT NOT NULL, family TEXT NOT NULL, PRIMARY KEY (value, name, record)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS numbers_record ON numbers (record)",
)
# What a notice tells is there for every product.
_ANYWHERE = "*"
# POST operations that only look.
_LOOKS = re.compile(r"(batch)?(query|search|find|check|preview|calculate|verify|echo|list|match|get|download)")
# APIv2 has one method, so its paths tell.
_V2_LOOKS = re.compile(r"query|/get|authcodetoopenid|download")
_V2_CHANGES = re.compile(r"delete|cancel|close|reverse|finish|change|consume|redeclare|modify")
# What a product says of a number that is not there: by the beginning of its path, then by the number's name.
_BY_PATH: tuple[tuple[str, str, str], ...] = (
    ("/v3/payscore/", "ORDER_NOT_EXIST", "订单不存在"),
    ("/v3/fund-app/", "NOT_FOUND", "记录不存在"),
    ("/v3/transfer", "NOT_FOUND", "记录不存在"),
    ("/v3/partner-transfer/", "NOT_FOUND", "记录不存在"),
    ("/v3/bank-", "NOT_FOUND", "记录不存在"),
    ("/v3/marketing/favor/", "RESOURCE_NOT_EXISTS", "批次不存在"),
    ("/v3/marketing/busifavor/", "RESOURCE_NOT_EXISTS", "批次不存在"),
    # Captured: 400 PARAM_ERROR 未能找到申请单; the page's table has this code.
    ("/v3/applyment4sub/", "APPLYMENT_NOT_EXIST", "申请单不存在"),
    ("/v3/merchant-service/complaints", "RESOURCE_NOT_EXISTS", "投诉单不存在"),
)
_BY_NAME: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("out_trade_no", "transaction_id", "combine_out_trade_no", "combine_transaction_id", "mix_trade_no"),
        ("ORDER_NOT_EXIST", "订单不存在"),
    ),
    **dict.fromkeys(("out_refund_no", "refund_id"), ("RESOURCE_NOT_EXISTS", "退款单不存在")),
}
_V2_CODES: tuple[tuple[str, str, str], ...] = (
    ("refundquery", "REFUNDNOTEXIST", "退款订单查询失败"),
    ("gethbinfo", "NOT_FOUND", "指定单号数据不存在"),
    ("gettransferinfo", "NOT_FOUND", "指定单号数据不存在"),
    ("query_bank", "ORDERNOTEXIST", "订单不存在"),
    ("contract", "CONTRACT_NOT_EXIST", "签约协议不存在"),
    ("profitsharing", "PARAM_ERROR", "记录不存在"),
    ("", "ORDERNOTEXIST", "此交易订单号不存在"),
)


def reply(call: Call) -> Answer:
    """The answer to an operation of the catalogue. Raises Refusal for a number that is not there."""
    operation = call.operation
    if operation is None:
        raise KeyError(call.request.target)
    given, is_v2 = call.given, is_legacy(operation.path)
    record = _find_record(call, operation, given)
    if _only_looks(operation):
        return _answer(call, operation, given, record)
    if record is None:
        repeated = _repeat_answer(call, operation, given)
        if repeated is not None:
            return repeated
    if operation.method == "DELETE" and record is not None:
        _forget(call.world, record["id"])
        return _answer(call, operation, given, None)
    made = _answer(call, operation, given, record)
    if record is None:
        _add(call, operation, given, made)
    elif not is_v2 or made.fields is not None:
        _merge(call.world, record, {**given, **fields_of(made)})
    return made


def lookups(operation: Operation, given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The numbers by which a request asks for what has to be there: of its path, and of a query that is no filter."""
    if is_legacy(operation.path):
        if not (_V2_LOOKS.search(operation.path) or _V2_CHANGES.search(operation.path)):
            return []
        return [(name, str(value)) for name, value in given.items() if is_number(name) and value]
    in_path = [word.strip("{}") for word in operation.words if word.startswith("{")]
    fields = _documented_answer(operation)[1]
    is_list = any(schema.get("type") == "array" for schema in fields.values()) and (
        fields.keys() & {"total_count", "offset", "limit"}
    )
    in_query = [] if is_list or operation.method != "GET" else operation.facts.get("query", {})
    names = [
        *in_path,
        *(name for name in in_query if name.startswith(("out_", "order_id", "query_id")) or name in _QUERIED),
    ]
    made = frozenset() if is_list else _made_beside(operation)
    return [(name, str(given[name])) for name in names if (is_number(name) or name in made) and given.get(name)]


@cache
def _made_beside(operation: Operation) -> frozenset[str]:
    """The placeholders of a path that a POST on what stands before them makes, whatever their names: ``store_id``."""
    words = operation.words
    return frozenset(
        word.strip("{}")
        for place, word in enumerate(words)
        if word.startswith("{") and word.strip("{}") in _made_by("/".join(words[:place]))
    )


@cache
def _made_by(path: str) -> frozenset[str]:
    """What a POST on a path makes that is named by a placeholder below it, and that it tells or is told."""
    branch = tree.branch(path)
    maker = None if branch is None else branch.operations.get("POST")
    if branch is None or maker is None:
        return frozenset()
    told = {*_documented_answer(maker)[1], *(maker.facts.get("body") or {}).get("fields", {})}
    return frozenset(word.strip("{}") for word in branch.children if word.startswith("{")) & told


@cache
def _made_anywhere() -> frozenset[str]:
    return frozenset(name for operation in operations() for name in _made_beside(operation))


_QUERIED = frozenset({"transaction_id", "applyment_id", "business_code", "contract_id", "complaint_id", "coupon_code",
                      "fapiao_apply_id", "order_no", "product_coupon_id"})  # fmt: skip


def learn(world: World, source: str, data: Mapping[str, Any]) -> None:
    """Let the numbers that a notice tells be there, for every product."""
    with world.store.transaction():
        record = world.store.add(
            "records", area=_ANYWHERE, family=_ANYWHERE, operation=source, request="{}", answer="{}", data=dump(data)
        )
        _index(world, record, _ANYWHERE, _ANYWHERE, data, _made_anywhere())


def example_of(event_type: str, mchid: str) -> Mapping[str, Any]:
    """The documentation's example of a notice, with this sandbox's merchant; ChainError for an unknown type."""
    told: Mapping[str, Any] = own_merchant(event(event_type).resource, mchid)
    return told


def _only_looks(operation: Operation) -> bool:
    if is_legacy(operation.path):
        return operation.method == "GET" or _V2_LOOKS.search(operation.path) is not None
    last = operation.words[-1]
    return operation.method == "GET" or _LOOKS.match(last) is not None or last.endswith(("-search", "-query"))


def _find_record(call: Call, operation: Operation, given: Mapping[str, Any]) -> Row | None:
    """The record that the numbers of a request name, None where it names none; Refusal where there is none."""
    asked = lookups(operation, given)
    is_v2, found, missing = is_legacy(operation.path), [], ""
    for name, value in asked:
        record = _find(call.world, operation, name, value)
        if record is None and not _is_in_book(call.world, name, value):
            missing = missing or name
        elif record is not None:
            found.append(record)
    if missing and is_v2 and (found or (len(asked) > 1 and any(_is_in_book(call.world, *each) for each in asked))):
        missing = ""  # one of several names of an order is enough
    if missing:
        raise _absence(operation, missing)
    return found[-1] if found else None


def _find(world: World, operation: Operation, name: str, value: str) -> Row | None:
    area, family = _scope(operation)
    rows = world.store.all("SELECT * FROM numbers WHERE value=? ORDER BY record DESC LIMIT 50", value)
    names = _siblings(operation, name)
    fitting = [row for row in rows if row["area"] in (area, _ANYWHERE) and any(_same(row["name"], n) for n in names)]
    fitting.sort(key=lambda row: (row["family"] != family, row["name"] != name, -row["record"]))
    return world.store.one("SELECT * FROM records WHERE id=?", fitting[0]["record"]) if fitting else None


def _siblings(operation: Operation, name: str) -> list[str]:
    """The names that a number in a path can have: some paths differ in nothing else."""
    word = f"{{{name}}}"
    if word not in operation.words:
        return [name]
    above = tree.branch("/".join(operation.words[: operation.words.index(word)]))
    return [name, *(each.strip("{}") for each in (above.children if above else ()) if each.startswith("{"))]


def _same(known: str, name: str) -> bool:
    """Whether two names can be of the same number: ``id`` and ``parking_id`` can."""
    return known == name or known.endswith(f"_{name}") or name.endswith(f"_{known}")


def _is_in_book(world: World, name: str, value: str) -> bool:
    """Whether a number is that of an order or a refund, which have books of their own."""
    for table, column in _BOOKS.get(name, ()):
        if world.store.one(f"SELECT 1 FROM {table} WHERE {column}=? LIMIT 1", value):  # noqa: S608
            return True
    return False


# What an APIv2 answer has of its own.
_OF_ENVELOPE = frozenset(
    ("sign", "nonce_str", "sign_type", "err_code", "err_code_des", "error_code", "return_code", "return_msg")
) | {"result_code", "result_msg", "retcode", "retmsg"}
_BOOKS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "transaction_id": (("orders", "transaction_id"),),
    "out_trade_no": (("orders", "out_trade_no"),),
    "refund_id": (("refunds", "refund_id"),),
    "out_refund_no": (("refunds", "out_refund_no"),),
    "out_bill_no": (("transfers", "out_bill_no"),),
    "transfer_bill_no": (("transfers", "transfer_bill_no"),),
    "out_batch_no": (("transfer_batches", "out_batch_no"),),
    "batch_id": (("transfer_batches", "batch_id"),),
}


def _absence(operation: Operation, name: str) -> Refusal:
    path = operation.path
    if is_legacy(path):
        return Failure(*next((code, text) for part, code, text in _V2_CODES if part in path))
    by_path = next(((code, text) for begin, code, text in _BY_PATH if path.startswith(begin)), None)
    return Refusal(404, *(by_path or _BY_NAME.get(name, ("RESOURCE_NOT_EXISTS", "记录不存在"))))


def _repeat_answer(call: Call, operation: Operation, given: Mapping[str, Any]) -> Answer | None:
    """The first answer to a request that comes again under the merchant's own number. Refusal when it differs."""
    if is_legacy(operation.path):
        return None
    for name in own_numbers(operation):
        value = call.fields.get(name)
        if not isinstance(value, str):
            continue
        row = call.world.store.one(
            "SELECT records.* FROM numbers JOIN records ON records.id=numbers.record"
            " WHERE value=? AND name=? AND operation=? LIMIT 1",
            value,
            name,
            _key(operation),
        )
        # Some operations add to one order under a number of their own each; only the same number is a repeat.
        if row is not None and load(row["request"]).get(name) == value:
            if _comparable(load(row["request"])) != _comparable(load(dump(_plain(given)))):
                raise Refusal(400, "INVALID_REQUEST", "相同单号但请求数据不一致")
            told = load(row["answer"])
            return _mark_example(Answer.of(_documented_answer(operation)[0], told or None))
    return None


def _comparable(value: Any) -> Any:
    """A request as it is compared: the same text is encrypted otherwise each time, so ciphertexts are all alike."""
    if isinstance(value, dict):
        return {name: _comparable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    return "(encrypted)" if isinstance(value, str) and _CIPHERTEXT.fullmatch(value) else value


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if isinstance(value, str | int | float | bool | list | dict)}


def _add(call: Call, operation: Operation, given: Mapping[str, Any], made: Answer) -> None:
    area, family = _scope(operation)
    told, plain = fields_of(made), _plain(given)
    record = call.world.store.add(
        "records",
        area=area,
        family=family,
        operation=_key(operation),
        request=dump(plain),
        answer=dump(told),
        data=dump({"create_time": rfc3339(call.now), **told, **plain}),
    )
    _index(call.world, record, area, family, {**told, **plain}, _made_by(operation.path))


def _merge(world: World, record: Row, data: Mapping[str, Any]) -> None:
    merged = {**load(record["data"]), **_plain(data)}
    world.store.run("UPDATE records SET data=? WHERE id=?", dump(merged), record["id"])
    _index(world, record["id"], record["area"], record["family"], data)


def _forget(world: World, record: int) -> None:
    world.store.run("DELETE FROM numbers WHERE record=?", record)
    world.store.run("DELETE FROM records WHERE id=?", record)


def _index(
    world: World,
    record: int,
    area: str,
    family: str,
    data: Mapping[str, Any],
    made: frozenset[str] = frozenset(),
) -> None:
    for name, value in _leaves(data):
        if (
            (is_number(name) or name in made)
            and not isinstance(value, bool)
            and isinstance(value, str | int)
            and value != ""
        ):
            world.store.run(
                "INSERT OR IGNORE INTO numbers VALUES (?, ?, ?, ?, ?)", str(value)[:256], name, record, area, family
            )


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)
    else:
        yield name, value


def _scope(operation: Operation) -> tuple[str, str]:
    """Where a number counts: two words of the path, three for those that are closer. APIv2 is one area."""
    fixed = [word for word in operation.words if word and not word.startswith("{")]
    if is_legacy(operation.path):
        return "v2", "/".join(fixed[:2])
    return "/".join(fixed[:2]), "/".join(fixed[:3])


def _key(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def _documented_answer(operation: Operation) -> tuple[int, Mapping[str, Any]]:
    responses = operation.facts.get("responses") or {"200": None}
    status, schema = next(iter(responses.items()))
    return int(status), (schema or {}).get("fields", {})


def fields_of(made: Answer) -> dict[str, Any]:
    """What an answer tells, of either API."""
    if made.fields is not None:
        return dict(made.fields)
    told: dict[str, Any] = (
        load(made.body.decode("utf-8")) if made.body and "json" in made.headers.get("Content-Type", "") else {}
    )
    return told


def _answer(call: Call, operation: Operation, given: Mapping[str, Any], record: Row | None) -> Answer:
    """What the catalogue documents, over what was stored, over what was asked."""
    status, fields = _documented_answer(operation)
    is_v2 = is_legacy(operation.path)
    if not fields and status == 200 and not is_v2:
        file = "沙箱的文件\n".encode()
        is_signed = not v3.is_unsigned(operation.method, operation.path)
        return _mark_example(Answer(200, file, {"Content-Type": "application/octet-stream"}, is_signed=is_signed))
    known = {} if record is None else _view(load(record["data"]), operation, given)
    merchant_key = call.world.identity.merchant_key.public_key()
    written = Examples(
        call.request.host,
        call.mchid,
        str if is_v2 else lambda text: asymmetric.encrypt(text, merchant_key),
        (lambda _: {}) if is_v2 else (lambda encrypts: call.world.bills.receipt(call.request, encrypts)),
        call.now,
        # A list of examples is no answer about a number, so its ids stay the documentation's.
        fresh if record is not None or not _only_looks(operation) else None,
        _made_by(operation.path) if operation.method == "POST" else frozenset(),
    )
    told = written.answer(fields, {**known, **given}) if fields else None
    if record is not None and told is not None and _only_looks(operation):
        _merge(call.world, record, {name: value for name, value in told.items() if name not in known})
    if is_v2:
        # Of an example's return_msg and the like only those of a success are true.
        made = Answer(200, fields=_echo({**(told or {}), **given}))
        made.headers[EXAMPLE] = "1"
        return made
    made = Answer.of(status, told)
    made.is_signed = not v3.is_unsigned(operation.method, operation.path)
    return _mark_example(made)


def _view(data: Mapping[str, Any], operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """A record as its reader sees it: of a list in it, the item that the request names."""
    for name, value in reversed(lookups(operation, given)):
        if str(data.get(name)) != value:
            item = _item(data, name, value)
            if item is not None:
                return {**data, **item}
    return dict(data)


def _item(data: Any, name: str, value: str) -> Mapping[str, Any] | None:
    inner = data.values() if isinstance(data, Mapping) else data if isinstance(data, list) else ()
    if isinstance(data, Mapping) and str(data.get(name)) == value:
        return data
    return next(filter(None, (_item(each, name, value) for each in inner)), None)


def _echo(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in _OF_ENVELOPE}


def _mark_example(made: Answer) -> Answer:
    if made.status != 204:
        made.headers[EXAMPLE] = "1"
    return made
