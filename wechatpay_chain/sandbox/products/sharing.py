"""Profit sharing: receivers, shares of a paid order, what comes back of them, and the rest that is set free.

A share is PROCESSING, then FINISHED; each receiver's part is PENDING, then SUCCESS. The receiving merchant alone is
told, and the sandbox's merchant is the sharing one, so nothing is pushed. Sources:
https://pay.weixin.qq.com/doc/v3/merchant/4012526935 (share), 4012466848 (return), 4012527104 (unfreeze).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from wechatpay_chain.sandbox import parameters
from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.book import Book, Order
from wechatpay_chain.sandbox.clock import BEIJING, rfc3339
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.store import Row, dump, load
from wechatpay_chain.sandbox.world import World

__all__ = ["PRODUCT", "frozen_amount", "shares_on"]

_PATH = "/v3/profitsharing"
_END = "share.end"
_RULES: Mapping[str, Rule] = {
    "transaction_id": Rule(32),
    "out_order_no": Rule(64, 1, re.compile(r"[0-9A-Za-z_\-|*@]+")),
    "out_return_no": Rule(64, 1, re.compile(r"[0-9A-Za-z_*@\-]+")),
    "description": Rule(240),
}
_MOST_RECEIVERS, _MOST_SHARES, _MOST_RATIO = 50, 50, 30
# Seconds until a share has been carried out.
_CARRIED_OUT = 1.0
# And until money that was frozen for sharing is free by itself; of e-commerce 180 days.
_FROZEN = 30 * 86_400


def _share(call: Call) -> Answer:
    fields, store = call.fields, call.world.store
    parameters.check_rules(call.operation, _RULES, fields)
    receivers = [{**receiver, "name": None} for receiver in fields.get("receivers") or []]
    known = _found(call.world, "out_order_no", fields["out_order_no"])
    if known is not None:
        if (
            load(known["data"])["asked"] != _receiver_keys(receivers)
            or known["transaction_id"] != fields["transaction_id"]
        ):
            raise Refusal(400, "INVALID_REQUEST", "分账接收方与原请求不一致")
        return Answer.of(200, _view(known))
    order = _order(call)
    if not order.data.get("profit_sharing"):
        raise Refusal(400, "INVALID_REQUEST", "非分账订单不支持分账")
    _check_receivers(call, receivers)
    shares = store.all("SELECT * FROM shares WHERE transaction_id=?", order.transaction_id)
    if _has_ended(order, shares, call.now):
        raise Refusal(400, "INVALID_REQUEST", "订单已完结分账，不支持分账")
    if len(shares) >= _MOST_SHARES:
        raise Refusal(400, "INVALID_REQUEST", "分账次数超过限制")
    amount = sum(receiver["amount"] for receiver in receivers)
    shared = sum(row["amount"] for row in shares)
    if amount > order.total - order.refunded - shared:
        raise Refusal(403, "NOT_ENOUGH", "分账金额不足")
    if (amount + shared) * 100 > order.total * _MOST_RATIO:
        raise Refusal(400, "INVALID_REQUEST", "分账金额超出最大分账比例")
    row = _add(call, order, fields["out_order_no"], receivers, amount, bool(fields["unfreeze_unsplit"]))
    return Answer.of(200, _view(row))


def _unfreeze(call: Call) -> Answer:
    fields = call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    known = _found(call.world, "out_order_no", fields["out_order_no"])
    if known is not None:
        # The number of a share is answered with that share, and nothing is done.
        return Answer.of(200, _view(known))
    order = _order(call)
    if not order.data.get("profit_sharing"):
        raise Refusal(400, "INVALID_REQUEST", "非分账订单不支持解冻剩余资金")
    if not frozen_amount(call.world, order, call.now):
        raise Refusal(403, "NOT_ENOUGH", "分账金额为0")
    return Answer.of(200, _view(_add(call, order, fields["out_order_no"], [], 0, True)))


def _query(call: Call) -> Answer:
    row = _found(call.world, "out_order_no", call.path["out_order_no"])
    if row is None or row["transaction_id"] != call.query["transaction_id"]:
        raise _not_found()
    return Answer.of(200, _view(row))


def _amounts(call: Call) -> Answer:
    order = Book(call.world, call.now).transaction(call.path["transaction_id"], combined=True)
    if order is None:
        raise _not_found()
    if not order.data.get("profit_sharing"):
        raise Refusal(400, "INVALID_REQUEST", "非分账订单不支持此查询")
    told = {"transaction_id": order.transaction_id, "unsplit_amount": frozen_amount(call.world, order, call.now) or 0}
    return Answer.of(200, told)


def _return(call: Call) -> Answer:
    fields, store = call.fields, call.world.store
    parameters.check_rules(call.operation, _RULES, fields)
    if fields["amount"] < 1:
        raise wrong("amount", "应为正整数", "body", fields["amount"])
    name = "order_id" if fields.get("order_id") else "out_order_no"
    if not fields.get(name):
        raise wrong("order_id", "order_id与out_order_no二选一必填")
    share = _found(call.world, name, fields[name])
    if share is None:
        raise _not_found()
    known = store.one("SELECT * FROM share_returns WHERE out_return_no=?", fields["out_return_no"])
    if known is not None:
        if (known["share"], known["amount"], known["return_mchid"]) != (
            share["id"],
            fields["amount"],
            fields["return_mchid"],
        ):
            raise Refusal(400, "INVALID_REQUEST", "相同单号但请求数据不一致")
        return Answer.of(200, _return_view(known, share))
    parts = [part for part in load(share["data"])["receivers"] if part["account"] == fields["return_mchid"]]
    if not parts:
        raise Refusal(400, "INVALID_REQUEST", "回退方不存在")
    given = store.one(
        "SELECT sum(amount) AS given FROM share_returns WHERE share=? AND return_mchid=?",
        share["id"],
        fields["return_mchid"],
    )
    back = (given["given"] if given else 0) or 0
    if fields["amount"] > sum(part["amount"] for part in parts) - back:
        raise Refusal(403, "NOT_ENOUGH", "回退金额大于可回退金额")
    identifier = store.add(
        "share_returns",
        out_return_no=fields["out_return_no"],
        return_id=_number("3008", call.now),
        share=share["id"],
        return_mchid=fields["return_mchid"],
        amount=fields["amount"],
        description=fields["description"],
        created=call.now,
    )
    row = store.all("SELECT * FROM share_returns WHERE id=?", identifier)[0]
    return Answer.of(200, _return_view(row, share))


def _query_return(call: Call) -> Answer:
    row = call.world.store.one("SELECT * FROM share_returns WHERE out_return_no=?", call.path["out_return_no"])
    share = None if row is None else _found(call.world, "id", row["share"])
    if row is None or share is None or share["out_order_no"] != call.query["out_order_no"]:
        raise _not_found()
    return Answer.of(200, _return_view(row, share))


def _add_receiver(call: Call) -> Answer:
    fields = call.fields
    if fields["type"] == "MERCHANT_ID" and not fields.get("name"):
        raise wrong("name", "分账接收方类型是MERCHANT_ID时必填")
    if (fields["relation_type"] == "CUSTOM") != bool(fields.get("custom_relation")):
        raise wrong("custom_relation", "关系类型为CUSTOM时必填，其余不允许填写")
    call.world.store.run("INSERT OR IGNORE INTO receivers VALUES (?, ?)", fields["type"], fields["account"])
    names = ("sub_mchid", "type", "account", "relation_type", "custom_relation")
    return Answer.of(200, {name: fields[name] for name in names if fields.get(name)})


def _delete_receiver(call: Call) -> Answer:
    fields = call.fields
    call.world.store.run("DELETE FROM receivers WHERE type=? AND account=?", fields["type"], fields["account"])
    names = ("sub_mchid", "type", "account")
    return Answer.of(200, {name: fields[name] for name in names if fields.get(name)})


def _check_receivers(call: Call, receivers: list[dict[str, Any]]) -> None:
    if not 1 <= len(receivers) <= _MOST_RECEIVERS:
        raise wrong("receivers", f"分账接收方数量应为1至{_MOST_RECEIVERS}", "body", len(receivers))
    accounts = [(receiver["type"], receiver["account"]) for receiver in receivers]
    if len({*accounts}) != len(accounts):
        raise wrong("receivers", "分账接收方重复", "body", [account for _, account in accounts])
    for place, receiver in enumerate(receivers):
        if receiver["amount"] < 1:
            raise wrong(f"receivers/{place}/amount", "应为正整数", "body", receiver["amount"])
        kind, account = accounts[place]
        if call.world.store.one("SELECT 1 FROM receivers WHERE type=? AND account=?", kind, account) is None:
            raise Refusal(400, "INVALID_REQUEST", "分账接收方关系不存在")


def _order(call: Call) -> Order:
    order = Book(call.world, call.now).transaction(call.fields["transaction_id"], combined=True)
    if order is None or (order.data.get("sub_mchid") or "") != (call.fields.get("sub_mchid") or ""):
        raise _not_found()
    return order


def frozen_amount(world: World, order: Order, now: float) -> int | None:
    """How many fen of an order are frozen for sharing; None for one that is not shared, or no more."""
    if not order.data.get("profit_sharing"):
        return None
    rows = world.store.all("SELECT amount, is_last FROM shares WHERE transaction_id=?", order.transaction_id)
    if _has_ended(order, rows, now):
        return None
    return max(0, order.total - order.refunded - sum(int(row["amount"]) for row in rows))


def _has_ended(order: Order, shares: list[Row], now: float) -> bool:
    """Whether what was left was given free: by the merchant, or by itself after 30 days."""
    return any(row["is_last"] for row in shares) or (order.paid is not None and now - order.paid > _FROZEN)


def _receiver_keys(receivers: list[dict[str, Any]]) -> list[list[Any]]:
    return sorted([receiver["type"], receiver["account"], receiver["amount"]] for receiver in receivers)


def _add(
    call: Call, order: Order, out_order_no: str, receivers: list[dict[str, Any]], amount: int, is_last: bool
) -> Row:
    parts = [
        {
            "amount": receiver["amount"],
            "description": receiver["description"],
            "type": receiver["type"],
            "account": receiver["account"],
            "detail_id": _number("3601", call.now),
        }
        for receiver in receivers
    ]
    identifier = call.world.store.add(
        "shares",
        out_order_no=out_order_no,
        order_id=_number("3008", call.now),
        transaction_id=order.transaction_id,
        sub_mchid=order.data.get("sub_mchid") or "",
        amount=amount,
        is_last=is_last,
        state="PROCESSING",
        created=call.now,
        finished=None,
        data=dump({"receivers": parts, "asked": _receiver_keys(receivers)}),
    )
    call.world.later(call.now + _CARRIED_OUT, _END, identifier)
    return call.world.store.all("SELECT * FROM shares WHERE id=?", identifier)[0]


def _end(world: World, identifier: int, at: float) -> None:
    world.store.change("shares", identifier, state="FINISHED", finished=at)


def shares_on(world: World, day: str) -> list[tuple[Row, list[dict[str, Any]]]]:
    """What was shared on a day such as ``2026-11-01``, each with its receivers."""
    begin = datetime.fromisoformat(day).replace(tzinfo=BEIJING).timestamp()
    sql = "SELECT * FROM shares WHERE created>=? AND created<? ORDER BY created, id"
    return [(row, load(row["data"])["receivers"]) for row in world.store.all(sql, begin, begin + 86_400)]


def _found(world: World, column: str, value: Any) -> Row | None:
    return world.store.one(f"SELECT * FROM shares WHERE {column}=?", value)  # noqa: S608


def _view(row: Row) -> dict[str, Any]:
    is_finished = row["state"] == "FINISHED"
    times = {"create_time": rfc3339(row["created"])}
    if is_finished:
        times["finish_time"] = rfc3339(row["finished"] or row["created"])
    result = {"result": "SUCCESS" if is_finished else "PENDING"}
    told = {
        "transaction_id": row["transaction_id"],
        "out_order_no": row["out_order_no"],
        "order_id": row["order_id"],
        "state": row["state"],
        "receivers": [{**part, **result, **times} for part in load(row["data"])["receivers"]],
    }
    return {"sub_mchid": row["sub_mchid"], **told} if row["sub_mchid"] else told


def _return_view(row: Row, share: Row) -> dict[str, Any]:
    return {
        "order_id": share["order_id"],
        "out_order_no": share["out_order_no"],
        "out_return_no": row["out_return_no"],
        "return_id": row["return_id"],
        "return_mchid": row["return_mchid"],
        "amount": row["amount"],
        "description": row["description"],
        "result": "SUCCESS",
        "create_time": rfc3339(row["created"]),
        "finish_time": rfc3339(row["created"]),
    }


def _number(prefix: str, now: float) -> str:
    return f"{prefix}{int(now):010d}{secrets.randbelow(10**16):016d}"


def _not_found() -> Refusal:
    return Refusal(404, "RESOURCE_NOT_EXISTS", "记录不存在")


PRODUCT = Product(
    name="profit sharing",
    tables=(
        "CREATE TABLE IF NOT EXISTS receivers (type TEXT NOT NULL, account TEXT NOT NULL, PRIMARY KEY (type, account))"
        " WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS shares (id INTEGER PRIMARY KEY, out_order_no TEXT NOT NULL UNIQUE,"
        " order_id TEXT NOT NULL UNIQUE,"
        " transaction_id TEXT NOT NULL, sub_mchid TEXT NOT NULL, amount INTEGER NOT NULL, is_last INTEGER NOT NULL,"
        " state TEXT NOT NULL, created REAL NOT NULL, finished REAL, data TEXT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS shares_transaction ON shares (transaction_id)",
        "CREATE INDEX IF NOT EXISTS shares_created ON shares (created)",
        "CREATE TABLE IF NOT EXISTS share_returns (id INTEGER PRIMARY KEY, out_return_no TEXT NOT NULL UNIQUE,"
        " return_id TEXT NOT NULL UNIQUE, share INTEGER NOT NULL, return_mchid TEXT NOT NULL, amount INTEGER NOT NULL,"
        " description TEXT NOT NULL, created REAL NOT NULL)",
        "CREATE INDEX IF NOT EXISTS share_returns_share ON share_returns (share)",
    ),
    routes=(
        Route("POST", f"{_PATH}/orders", _share),
        Route("GET", f"{_PATH}/orders/{{out_order_no}}", _query),
        Route("POST", f"{_PATH}/orders/unfreeze", _unfreeze),
        Route("GET", f"{_PATH}/transactions/{{transaction_id}}/amounts", _amounts),
        Route("POST", f"{_PATH}/return-orders", _return),
        Route("GET", f"{_PATH}/return-orders/{{out_return_no}}", _query_return),
        Route("POST", f"{_PATH}/receivers/add", _add_receiver),
        Route("POST", f"{_PATH}/receivers/delete", _delete_receiver),
    ),
    jobs={_END: _end},
)
