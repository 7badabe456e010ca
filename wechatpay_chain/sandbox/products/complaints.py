"""Complaints of payers: listed, answered, completed, and the address that their notices go to.

PENDING becomes PROCESSING with the merchant's first response, and PROCESSED when the merchant says that it is done; a
payer who goes on complaining reopens it. Payers complain by ``Sandbox.complain``, or a notice of one that was pushed
makes it. Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012691277 and the pages beside it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from wechatpay_chain.sandbox import parameters
from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.arguments import UnknownNumber
from wechatpay_chain.sandbox.book import Book, Order
from wechatpay_chain.sandbox.clock import BEIJING, rfc3339, to_beijing
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.store import Row, dump, load
from wechatpay_chain.sandbox.world import World

__all__ = ["PRODUCT", "complain"]

_PATH = "/v3/merchant-service/complaints-v2"
_CALLBACK = "/v3/merchant-service/complaint-notifications"
_DAY = 86_400
_LONGEST_SPAN = 30
_DEFAULT_LIMIT, _MOST_LISTED, _MOST_HISTORY = 10, 50, 300
# 200 characters of three bytes each.
_RULES: Mapping[str, Rule] = {"response_content": Rule(600), "remark": Rule(600), "reject_reason": Rule(600)}
_ADDRESS = Rule(255, 1, re.compile(r"https?://[^\s?#]+"))
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def complain(world: World, out_trade_no: str, detail: str, at: float) -> str:
    """Let the payer of an order complain, or go on complaining; the ``complaint_id``. A notice tells it.

    Raises UnknownNumber for an order that nobody placed, and ValueError for one that nobody has paid.
    """
    order = Book(world, at).order(world.identity.mchid, out_trade_no, combined=True)
    if order is None:
        raise UnknownNumber("order", out_trade_no)
    if order.paid is None:
        raise ValueError(f"order {out_trade_no!r:.80} is {order.state}: only who has paid can complain")
    row = world.store.one("SELECT * FROM complaints WHERE order_id=?", order.id)
    if row is None:
        identifier = _add(world, f"2002{secrets.randbelow(10**23):023d}", order, detail, at)
    else:
        identifier = row["id"]
        data = {**load(row["data"]), "user_complaint_times": load(row["data"])["user_complaint_times"] + 1}
        _change(world, row, "PENDING", data)
        _log(world, identifier, "投诉人", "USER_CONTINUE_COMPLAINT", detail, at)
    complaint_id: str = _by_id(world, identifier)["complaint_id"]
    known = world.store.one("SELECT url FROM complaint_address")
    if known is not None:
        event, action = (
            ("COMPLAINT.CREATE", "CREATE_COMPLAINT")
            if row is None
            else ("COMPLAINT.STATE_CHANGE", "CONTINUE_COMPLAINT")
        )
        world.notices.add(known["url"], event, {"complaint_id": complaint_id, "action_type": action}, at)
    return complaint_id


def _add(world: World, complaint_id: str, order: Order | None, detail: str, at: float) -> int:
    identifier = world.store.add(
        "complaints",
        complaint_id=complaint_id,
        order_id=None if order is None else order.id,
        state="PENDING",
        created=at,
        data=dump({"complaint_detail": detail, "user_complaint_times": 1}),
    )
    _log(world, identifier, "投诉人", "USER_CREATE_COMPLAINT", detail, at)
    return identifier


def _list(call: Call) -> Answer:
    begin, end = (_date(call, name) for name in ("begin_date", "end_date"))
    if not 0 <= end - begin <= _LONGEST_SPAN * _DAY:
        raise wrong("end_date", f"应不早于begin_date，且相隔不超过{_LONGEST_SPAN}天", "query", call.query["end_date"])
    limit, offset = _page(call, _DEFAULT_LIMIT, _MOST_LISTED)
    rows = call.world.store.all(
        "SELECT * FROM complaints WHERE created>=? AND created<? ORDER BY created DESC, id DESC", begin, end + _DAY
    )
    wanted = call.query.get("complainted_mchid")
    found = [view for row in rows if (view := _view(call, row)) and wanted in (None, "", view["complainted_mchid"])]
    listed = {"data": found[offset : offset + limit], "limit": limit, "offset": offset, "total_count": len(found)}
    return Answer.of(200, listed)


def _query(call: Call) -> Answer:
    row = _found(call)
    order = _order(call, row)
    paid = order.data.get("paid") if order is not None else None
    return Answer.of(200, {**_view(call, row), **({"payer_openid": paid["openid"]} if paid else {})})


def _history(call: Call) -> Answer:
    row = _found(call)
    limit, offset = _page(call, _MOST_HISTORY, _MOST_HISTORY)
    rows = call.world.store.all("SELECT * FROM complaint_log WHERE complaint=? ORDER BY id DESC", row["id"])
    listed = [
        {
            "log_id": each["log_id"],
            "operator": each["operator"],
            "operate_time": rfc3339(each["at"]),
            "operate_type": each["type"],
            "operate_details": each["detail"],
            # What is a response's own.
            "image_list": load(each["images"]),
        }
        for each in rows
    ]
    told = {"data": listed[offset : offset + limit], "limit": limit, "offset": offset, "total_count": len(listed)}
    return Answer.of(200, told)


def _respond(call: Call) -> Answer:
    row, fields = _found(call), call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    images = fields.get("response_images") or []
    _log(call.world, row["id"], "商家", "MERCHANT_RESPONSE", fields["response_content"], call.now, images)
    if row["state"] == "PENDING":
        _change(call.world, row, "PROCESSING")
    return Answer.of(204)


def _complete(call: Call) -> Answer:
    row = _found(call)
    if row["state"] == "PENDING":
        raise Refusal(400, "INVALID_REQUEST", "投诉单待商户回复，不能反馈处理完成")
    if row["state"] == "PROCESSING":
        _change(call.world, row, "PROCESSED")
        _log(call.world, row["id"], "商家", "MERCHANT_CONFIRM_COMPLETE", "", call.now)
    return Answer.of(204)


def _refund(call: Call) -> Answer:
    row, fields = _found(call), call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    action = fields["action"]
    if action not in ("APPROVE", "REJECT"):
        raise wrong("action", "应为APPROVE或REJECT", "body", action)
    if action == "REJECT" and not fields.get("reject_reason"):
        raise wrong("reject_reason", "拒绝退款时必填")
    if action == "APPROVE" and fields.get("launch_refund_day") is None:
        raise wrong("launch_refund_day", "同意退款时必填")
    kind = "MERCHANT_APPROVE_REFUND" if action == "APPROVE" else "MERCHANT_REFUSE_RERUND"
    told = fields.get("remark") or fields.get("reject_reason") or ""
    _log(call.world, row["id"], "商家", kind, told, call.now)
    if row["state"] == "PENDING":
        _change(call.world, row, "PROCESSING")
    return Answer.of(204)


def _view(call: Call, row: Row) -> dict[str, Any]:
    """A complaint; the telephone of its payer is not told, as nobody has one here."""
    order, data = _order(call, row), load(row["data"])
    told: dict[str, Any] = {
        "complaint_id": row["complaint_id"],
        "complaint_time": to_beijing(row["created"]).isoformat(timespec="milliseconds"),
        "complaint_detail": data["complaint_detail"],
        "complaint_state": row["state"],
        "complainted_mchid": (order.data.get("sub_mchid") if order is not None else "") or call.mchid,
        "complaint_order_info": [],
        "complaint_full_refunded": order is not None and order.refunded >= order.total,
        "incoming_user_response": row["state"] == "PENDING",
        "problem_description": data["complaint_detail"],
        "problem_type": "OTHERS",
        "user_complaint_times": data["user_complaint_times"],
        "in_platform_service": False,
    }
    if order is not None:
        numbers = {"transaction_id": order.transaction_id, "out_trade_no": order.out_trade_no, "amount": order.total}
        told["complaint_order_info"] = [numbers]
    return told


def _found(call: Call) -> Row:
    """The complaint of a path; one that a pushed notice told of is made now."""
    number, store = call.path["complaint_id"], call.world.store
    row = store.one("SELECT * FROM complaints WHERE complaint_id=?", number)
    if row is not None:
        return row
    if store.one("SELECT 1 FROM numbers WHERE value=? AND name='complaint_id' LIMIT 1", number) is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "投诉单不存在")
    return _by_id(call.world, _add(call.world, number, None, "沙箱的投诉", call.now))


def _order(call: Call, row: Row) -> Order | None:
    return None if row["order_id"] is None else Book(call.world, call.now).by_id(row["order_id"])


def _by_id(world: World, identifier: int) -> Row:
    row = world.store.one("SELECT * FROM complaints WHERE id=?", identifier)
    if row is None:
        raise KeyError(identifier)
    return row


def _change(world: World, row: Row, state: str, data: Mapping[str, Any] | None = None) -> None:
    world.store.change("complaints", row["id"], state=state, **({} if data is None else {"data": dump(data)}))


def _log(world: World, complaint: int, operator: str, kind: str, detail: str, at: float, images: Any = ()) -> None:
    world.store.add(
        "complaint_log",
        complaint=complaint,
        log_id=f"3002{secrets.randbelow(10**23):023d}",
        operator=operator,
        type=kind,
        detail=detail,
        images=dump(list(images)),
        at=at,
    )


def _date(call: Call, name: str) -> float:
    text = call.query[name]
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=BEIJING).timestamp()
    except ValueError:
        pass
    raise wrong(name, "应为yyyy-MM-dd格式的日期", "query", text)


def _page(call: Call, default: int, most: int) -> tuple[int, int]:
    limit, offset = int(call.query.get("limit") or default), int(call.query.get("offset") or 0)
    if not 1 <= limit <= most:
        raise wrong("limit", f"应为1至{most}的整数", "query", call.query["limit"])
    return limit, offset


def _read_address(call: Call) -> Answer:
    known = call.world.store.one("SELECT url FROM complaint_address")
    if known is None:
        raise _no_address()
    return Answer.of(200, {"mchid": call.mchid, "url": known["url"]})


def _no_address() -> Refusal:
    # Not 404, as elsewhere.
    return Refusal(400, "RESOURCE_NOT_EXISTS", "查询的通知回调不存在")


def _make_address(call: Call) -> Answer:
    if call.world.store.one("SELECT 1 FROM complaint_address") is not None:
        raise Refusal(400, "RESOURCE_ALREADY_EXISTS", "通知回调已存在")
    return _write_address(call)


def _change_address(call: Call) -> Answer:
    if call.world.store.one("SELECT 1 FROM complaint_address") is None:
        raise _no_address()
    return _write_address(call)


def _write_address(call: Call) -> Answer:
    parameters.check_rules(call.operation, {"url": _ADDRESS}, call.fields)
    url = call.fields["url"]
    call.world.store.run("DELETE FROM complaint_address")
    call.world.store.run("INSERT INTO complaint_address VALUES (?)", url)
    return Answer.of(200, {"mchid": call.mchid, "url": url})


def _delete_address(call: Call) -> Answer:
    if not call.world.store.run("DELETE FROM complaint_address"):
        raise _no_address()
    return Answer.of(204)


PRODUCT = Product(
    name="complaints",
    tables=(
        "CREATE TABLE IF NOT EXISTS complaints (id INTEGER PRIMARY KEY, complaint_id TEXT NOT NULL UNIQUE,"
        " order_id INTEGER UNIQUE, state TEXT NOT NULL, created REAL NOT NULL, data TEXT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS complaints_created ON complaints (created)",
        "CREATE TABLE IF NOT EXISTS complaint_log (id INTEGER PRIMARY KEY, complaint INTEGER NOT NULL,"
        " log_id TEXT NOT NULL, operator TEXT NOT NULL, type TEXT NOT NULL, detail TEXT NOT NULL,"
        " images TEXT NOT NULL, at REAL NOT NULL)",
        "CREATE INDEX IF NOT EXISTS complaint_log_complaint ON complaint_log (complaint)",
        "CREATE TABLE IF NOT EXISTS complaint_address (url TEXT NOT NULL)",
    ),
    routes=(
        Route("GET", _PATH, _list),
        Route("GET", f"{_PATH}/{{complaint_id}}", _query),
        Route("GET", f"{_PATH}/{{complaint_id}}/negotiation-historys", _history),
        Route("POST", f"{_PATH}/{{complaint_id}}/response", _respond),
        Route("POST", f"{_PATH}/{{complaint_id}}/complete", _complete),
        Route("POST", f"{_PATH}/{{complaint_id}}/update-refund-progress", _refund),
        Route("GET", _CALLBACK, _read_address),
        Route("POST", _CALLBACK, _make_address),
        Route("PUT", _CALLBACK, _change_address),
        Route("DELETE", _CALLBACK, _delete_address),
    ),
    notices=("COMPLAINT.CREATE", "COMPLAINT.STATE_CHANGE"),
)
