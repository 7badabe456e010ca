"""Transfers in batches, which are closed to new merchants: accepted, carried out as the clock goes, and their notice.

ACCEPTED becomes PROCESSING and FINISHED, which is carried out and not success: each detail is SUCCESS or FAIL. WAIT_PAY
and CLOSED, which come of approval by hand, are not modelled.
Source: https://pay.weixin.qq.com/wiki/doc/apiv3/wxpay/pay/transfer/chapter3_1.shtml and the pages beside it
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.sandbox import parameters
from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.clock import rfc3339
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.products.transactions import ADDRESS
from wechatpay_chain.sandbox.store import Row, dump, load
from wechatpay_chain.sandbox.world import World

__all__ = ["PRODUCT"]

_PATH = "/v3/transfer/batches"
_LIST = "transfer_detail_list"
_NUMBER = Rule(32, 1, re.compile("[0-9a-zA-Z]+"))
_RULES: Mapping[str, Rule] = {
    "appid": Rule(32),
    "out_batch_no": _NUMBER,
    # 32 characters of up to three bytes each.
    "batch_name": Rule(96),
    "batch_remark": Rule(96),
    "notify_url": ADDRESS._replace(most=256),
}
_DETAIL_RULES: Mapping[str, Rule] = {"out_detail_no": _NUMBER, "transfer_remark": Rule(96), "openid": Rule(64)}
_MOST_DETAILS = 1000
# Seconds until a batch is being carried out, and until it has been.
_BEGUN, _DONE = 1.0, 2.0
_BEGIN, _END = "batch.begin", "batch.end"
_RETRIED = 3 * 86_400
_LEAST_LISTED, _MOST_LISTED = 20, 100
_STATUSES = ("ALL", "SUCCESS", "FAIL")
# What stands for a detail as long as its batch is in a state.
_UNDER_WAY: Mapping[str, str] = {"ACCEPTED": "INIT", "PROCESSING": "PROCESSING"}


def _create(call: Call) -> Answer:
    fields = call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    details = fields[_LIST]
    _check_details(call, details)
    for name, given, found in (
        ("total_num", fields["total_num"], len(details)),
        ("total_amount", fields["total_amount"], sum(detail["transfer_amount"] for detail in details)),
    ):
        if given != found:
            raise wrong(name, f"应等于明细之和{found}", "body", given)
    known = _batch(call, "out_batch_no", fields["out_batch_no"])
    if known is not None:
        if load(known["data"])["asked"] != _asked(fields):
            raise Refusal(400, "INVALID_REQUEST", "单号已存在但信息不一致，请查单后比较确认")
        if call.now - known["created"] > _RETRIED:
            raise Refusal(400, "INVALID_REQUEST", "对应单号已超出重试期，请查单确认后决定是否换单请求")
        return Answer.of(200, _created(known))
    names = ("appid", "batch_name", "batch_remark", "transfer_scene_id", "notify_url")
    data = {name: fields[name] for name in names if fields.get(name)}
    data |= {"asked": _asked(fields), "total_num": fields["total_num"], "total_amount": fields["total_amount"]}
    store, now = call.world.store, call.now
    identifier = store.add(
        "transfer_batches",
        out_batch_no=fields["out_batch_no"],
        batch_id=f"1310{secrets.randbelow(10**20):020d}{int(now):010d}",
        state="ACCEPTED",
        created=now,
        updated=now,
        data=dump(data),
    )
    for place, detail in enumerate(details):
        store.add(
            "transfer_details",
            batch=identifier,
            out_detail_no=detail["out_detail_no"],
            detail_id=f"1040{secrets.randbelow(10**20):020d}{int(now):010d}",
            amount=detail["transfer_amount"],
            data=dump({**detail, "user_name": _name(call, detail, place)}),
        )
    call.world.later(now + _BEGUN, _BEGIN, identifier)
    return Answer.of(200, _created(_by_id(call.world, identifier)))


def _check_details(call: Call, details: list[dict[str, Any]]) -> None:
    if not 1 <= len(details) <= _MOST_DETAILS:
        raise wrong(_LIST, f"明细数量应为1至{_MOST_DETAILS}", "body", len(details))
    for place, detail in enumerate(details):
        parameters.check_rules(call.operation, _DETAIL_RULES, detail, f"{_LIST}/{place}/")
        if detail["transfer_amount"] < 1:
            raise wrong(f"{_LIST}/{place}/transfer_amount", "应为正整数", "body", detail["transfer_amount"])
    numbers = [detail["out_detail_no"] for detail in details]
    if len({*numbers}) != len(numbers):
        raise wrong(_LIST, "商家明细单号重复", "body", numbers)
    if len({bool(detail.get("user_name")) for detail in details}) > 1:
        raise wrong(f"{_LIST}/0/user_name", "收款用户姓名应全部填写或全部不填", "body", "")


def _name(call: Call, detail: Mapping[str, Any], place: int) -> str:
    """The payee's name, which travels encrypted; empty without one."""
    if not detail.get("user_name"):
        return ""
    field = f"{_LIST}/{place}/user_name"
    name: str = call.world.platform.decrypt(call.request, detail["user_name"], field, "body")
    return name


def _asked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A batch as repeats are compared: a name is encrypted otherwise each time."""
    details = [{**detail, "user_name": bool(detail.get("user_name"))} for detail in fields[_LIST]]
    return {**fields, _LIST: [{name: detail[name] for name in detail if name != "user_id_card"} for detail in details]}


def _created(batch: Row) -> dict[str, Any]:
    return {
        "out_batch_no": batch["out_batch_no"],
        "batch_id": batch["batch_id"],
        "create_time": rfc3339(batch["created"]),
        "batch_status": batch["state"],
    }


def _query(call: Call) -> Answer:
    batch, query = _found(call), call.query
    told: dict[str, Any] = {"transfer_batch": _view(call, batch)}
    if query["need_query_detail"] != "true":
        return Answer.of(200, told)
    wanted = query.get("detail_status")
    if wanted not in _STATUSES:
        raise wrong("detail_status", "传入的转账明细状态无效", "query", wanted or "", "传入的转账明细状态无效")
    limit, offset = int(query.get("limit") or _LEAST_LISTED), int(query.get("offset") or 0)
    if not _LEAST_LISTED <= limit <= _MOST_LISTED:
        raise wrong("limit", f"应为{_LEAST_LISTED}至{_MOST_LISTED}", "query", query["limit"])
    # Before its batch has ended no detail is listed.
    rows = _details(call.world, batch["id"]) if batch["state"] == "FINISHED" else []
    listed = [
        {"detail_id": row["detail_id"], "out_detail_no": row["out_detail_no"], "detail_status": status}
        for row in rows
        if (status := _status(batch, row)) and wanted in ("ALL", status)
    ]
    told |= {"transfer_detail_list": listed[offset : offset + limit], "offset": offset, "limit": limit}
    return Answer.of(200, told)


def _query_detail(call: Call) -> Answer:
    batch = _found(call)
    name = "detail_id" if "detail_id" in call.path else "out_detail_no"
    sql = f"SELECT * FROM transfer_details WHERE batch=? AND {name}=?"  # noqa: S608
    row = call.world.store.one(sql, batch["id"], call.path[name])
    if row is None:
        raise _not_found()
    detail, status = load(row["data"]), _status(batch, row)
    told = {
        "mchid": call.mchid,
        "out_batch_no": batch["out_batch_no"],
        "batch_id": batch["batch_id"],
        "appid": load(batch["data"])["appid"],
        "out_detail_no": row["out_detail_no"],
        "detail_id": row["detail_id"],
        "detail_status": status,
        "transfer_amount": row["amount"],
        "transfer_remark": detail["transfer_remark"],
        "openid": detail["openid"],
        "initiate_time": rfc3339(batch["created"]),
        "update_time": rfc3339(batch["updated"]),
    }
    if detail["user_name"]:
        told["user_name"] = asymmetric.encrypt(detail["user_name"], call.world.identity.merchant_key.public_key())
    return Answer.of(200, told | ({"fail_reason": _QUOTA} if status == "FAIL" else {}))


# One fen is accepted, and fails.
_QUOTA = "TRANSFER_QUOTA_EXCEED"


def _status(batch: Row, detail: Row) -> str:
    return _UNDER_WAY.get(batch["state"]) or ("FAIL" if detail["amount"] == 1 else "SUCCESS")


def _view(call: Call, batch: Row) -> dict[str, Any]:
    data = load(batch["data"])
    names = ("appid", "batch_name", "batch_remark", "total_amount", "total_num", "transfer_scene_id")
    return {
        "mchid": call.mchid,
        "out_batch_no": batch["out_batch_no"],
        "batch_id": batch["batch_id"],
        **{name: data[name] for name in names if name in data},
        "batch_status": batch["state"],
        "batch_type": "API",
        "create_time": rfc3339(batch["created"]),
        "update_time": rfc3339(batch["updated"]),
        **_sums(call.world, batch),
    }


def _sums(world: World, batch: Row) -> dict[str, int]:
    """What has come of a batch so far."""
    ended = [(_status(batch, row), row["amount"]) for row in _details(world, batch["id"])]
    told: dict[str, int] = {}
    for name, status in (("success", "SUCCESS"), ("fail", "FAIL")):
        amounts = [amount for each, amount in ended if each == status]
        told |= {f"{name}_amount": sum(amounts), f"{name}_num": len(amounts)}
    return told


def _details(world: World, batch: int) -> list[Row]:
    return world.store.all("SELECT * FROM transfer_details WHERE batch=? ORDER BY id", batch)


def _found(call: Call) -> Row:
    name = "batch_id" if "batch_id" in call.path else "out_batch_no"
    batch = _batch(call, name, call.path[name])
    if batch is None:
        raise _not_found()
    return batch


def _batch(call: Call, column: str, value: str) -> Row | None:
    return call.world.store.one(f"SELECT * FROM transfer_batches WHERE {column}=?", value)  # noqa: S608


def _by_id(world: World, identifier: int) -> Row:
    return world.store.all("SELECT * FROM transfer_batches WHERE id=?", identifier)[0]


def _not_found() -> Refusal:
    return Refusal(404, "NOT_FOUND", "记录不存在")


def _begin(world: World, identifier: int, at: float) -> None:
    world.store.change("transfer_batches", identifier, state="PROCESSING", updated=at)
    world.later(at + _DONE - _BEGUN, _END, identifier)


def _end(world: World, identifier: int, at: float) -> None:
    world.store.change("transfer_batches", identifier, state="FINISHED", updated=at)
    batch = _by_id(world, identifier)
    data = load(batch["data"])
    if not data.get("notify_url"):
        return
    told = {
        "mchid": world.identity.mchid,
        "out_batch_no": batch["out_batch_no"],
        "batch_id": batch["batch_id"],
        "batch_status": "FINISHED",
        "total_num": data["total_num"],
        "total_amount": data["total_amount"],
        **_sums(world, batch),
        "update_time": rfc3339(at),
    }
    world.notices.add(data["notify_url"], "MCHTRANSFER.BATCH.FINISHED", told, at)


_NAMED = frozenset({f"{_LIST}/user_name"})
PRODUCT = Product(
    name="transfers in batches",
    tables=(
        "CREATE TABLE IF NOT EXISTS transfer_batches (id INTEGER PRIMARY KEY, out_batch_no TEXT NOT NULL UNIQUE,"
        " batch_id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL,"
        " data TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS transfer_details (id INTEGER PRIMARY KEY, batch INTEGER NOT NULL,"
        " out_detail_no TEXT NOT NULL, detail_id TEXT NOT NULL UNIQUE, amount INTEGER NOT NULL, data TEXT NOT NULL,"
        " UNIQUE (batch, out_detail_no))",
    ),
    routes=(
        Route("POST", _PATH, _create, is_strict=True, optional=_NAMED),
        Route("GET", f"{_PATH}/batch-id/{{batch_id}}", _query),
        Route("GET", f"{_PATH}/out-batch-no/{{out_batch_no}}", _query),
        Route("GET", f"{_PATH}/batch-id/{{batch_id}}/details/detail-id/{{detail_id}}", _query_detail),
        Route("GET", f"{_PATH}/out-batch-no/{{out_batch_no}}/details/out-detail-no/{{out_detail_no}}", _query_detail),
    ),
    jobs={_BEGIN: _begin, _END: _end},
    notices=("MCHTRANSFER.BATCH.FINISHED",),
)
