"""PayScore: orders for a service that is used first and paid later, of merchants and of service providers.

CREATED becomes DOING when its user confirms, DOING is completed by its merchant, and DONE when the user has paid;
REVOKED when it is cancelled, EXPIRED when nobody confirmed for 30 days. What was paid is in the book of orders, where
it is refunded by its transaction_id. Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012587900 (create) and the
pages beside it, 4012458816 (sync).
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
from wechatpay_chain.sandbox.book import Book
from wechatpay_chain.sandbox.clock import BEIJING, compact, to_beijing
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.products.transactions import ADDRESS
from wechatpay_chain.sandbox.store import Row, dump, load
from wechatpay_chain.sandbox.world import World

__all__ = ["PRODUCT", "USER_STATES", "turn"]

_FACES = ("/v3/payscore/serviceorder", "/v3/payscore/partner/serviceorder")
_RULES: Mapping[str, Rule] = {
    "out_order_no": Rule(32, 1, re.compile(r"[0-9A-Za-z_\-|*]+")),
    # So many characters of three bytes each.
    "service_introduction": Rule(60),
    "reason": Rule(150),
    "attach": Rule(256),
    "notify_url": ADDRESS,
}
_MOST_PAYMENTS, _MOST_DISCOUNTS = 100, 30
_RISKS = ("DEPOSIT", "ADVANCE", "CASH_DEPOSIT", "ESTIMATE_ORDER_COST")
# A deposit is the most that is paid; a cost that was estimated is not.
_DEPOSITS = _RISKS[:3]
_ON_ACCEPT = "OnAccept"
_LIFE = 30 * 86_400
_EXPIRE, _CONFIRM, _PAY = "payscore.expire", "payscore.confirm", "payscore.pay"
# What a user, or time, can do: from which state and what it says of it.
USER_STATES: Mapping[str, tuple[str, str]] = {
    "DOING": ("CREATED", ""),
    "EXPIRED": ("CREATED", ""),
    "DONE": ("DOING", "MCH_COMPLETE"),
}
_TOLD = ("service_introduction", "post_payments", "post_discounts", "risk_fund", "time_range", "location", "attach",
         "notify_url")  # fmt: skip


def turn(world: World, out_order_no: str, state: str, at: float) -> None:
    """Let the user of an order confirm it (DOING), pay it (DONE), or leave it (EXPIRED); a notice tells it.

    Raises UnknownNumber for an order that nobody created, and ValueError for a state that cannot follow.
    """
    row = _row(world, world.identity.mchid, out_order_no)
    if row is None:
        raise UnknownNumber("PayScore order", out_order_no)
    if USER_STATES.get(state) != (row["state"], row["description"] if state == "DONE" else ""):
        now = f"{row['state']} {row['description']}".strip()
        raise ValueError(f"PayScore order {out_order_no!r:.80} is {now}, which cannot become {state!r:.40}")
    _USER_MOVES[state](world, row, at)


def _create(call: Call) -> Answer:
    fields = call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    _check_lists(fields)
    if fields["risk_fund"]["name"] not in _RISKS:
        raise wrong("risk_fund/name", f"应为{'、'.join(_RISKS)}之一", "body", fields["risk_fund"]["name"])
    begin, end = _times(fields, "time_range", fields["time_range"])
    if begin is not None and end is not None and end < begin:
        raise wrong("time_range/end_time", "应不早于开始时间", "body", fields["time_range"]["end_time"])
    known = _row(call.world, call.mchid, fields["out_order_no"])
    if known is not None:
        if load(known["data"])["request"] != fields:
            # Internal code 271316598.
            raise Refusal(400, "INVALID_REQUEST", "订单重入参数校验失败")
        return Answer.of(200, _created(known))
    needs_user = fields.get("need_user_confirm") is not False or not fields.get("openid")
    data: dict[str, Any] = {name: fields[name] for name in _TOLD if fields.get(name) is not None}
    data |= {
        "request": dict(fields),
        "package": secrets.token_urlsafe(30),
        "openid": fields.get("openid") or _new_openid(),
    }
    store = call.world.store
    identifier = store.add(
        "payscore_orders",
        mchid=call.mchid,
        out_order_no=fields["out_order_no"],
        order_id=f"1000{secrets.randbelow(10**10):010d}{to_beijing(call.now):%Y%m%d}{secrets.randbelow(10**10):010d}",
        service_id=fields["service_id"],
        appid=fields["appid"],
        sub_mchid=fields.get("sub_mchid", ""),
        state="CREATED",
        description="",
        total=0,
        created=call.now,
        data=dump(data),
    )
    call.world.later(call.now + _LIFE, _EXPIRE, identifier)
    row = _by_id(call.world, identifier)
    if not needs_user:
        _confirmed(call.world, row, call.now, told=False)
    elif call.world.settings.pay_after is not None:
        call.world.later(call.now + call.world.settings.pay_after, _CONFIRM, identifier)
    return Answer.of(200, _created(_by_id(call.world, identifier)))


def _new_openid() -> str:
    return f"o{secrets.token_urlsafe(20)}"


def _created(row: Row) -> dict[str, Any]:
    told = _view(row)
    return {name: told[name] for name in told if name not in ("openid", "total_amount", "need_collection")} | {
        "package": load(row["data"])["package"]
    }


def _query(call: Call) -> Answer:
    number = call.query.get("out_order_no", "")
    if bool(number) == bool(call.query.get("query_id")):
        raise wrong("out_order_no", "out_order_no与query_id二选一必填", "query", number)
    return Answer.of(200, _view(_found(call, number, call.query)))


def _complete(call: Call) -> Answer:
    row = _of_path(call)
    data, fields = load(row["data"]), call.fields
    if row["description"] == "MCH_COMPLETE" and data.get("completed") == fields:
        return Answer.of(200, _view(row))
    if (row["state"], row["description"]) != ("DOING", "USER_CONFIRM"):
        raise _wrong_state("当前订单状态不合法")
    _check_total(fields, data["risk_fund"])
    range_ = {**data["time_range"], **(fields.get("time_range") or {})}
    begin, end = _times(fields, "time_range", range_)
    if end is not None and end > call.now:
        raise wrong("time_range/end_time", "实际结束时间不能晚于使用完结接口的时间", "body", range_.get("end_time"))
    if begin is not None and end is not None and end < begin:
        raise wrong("time_range/end_time", "真实结束时间小于预计开始时间", "body", range_.get("end_time"))
    data |= {name: fields[name] for name in ("post_payments", "post_discounts", "location") if fields.get(name)}
    data |= {"time_range": range_, "completed": dict(fields)}
    total = fields["total_amount"]
    _change(call.world, row, description="MCH_COMPLETE" if total else "", total=total, data=data)
    if not total:
        _change(call.world, row, state="DONE")
    elif call.world.settings.pay_after is not None:
        call.world.later(call.now + call.world.settings.pay_after, _PAY, row["id"])
    return Answer.of(200, _view(_by_id(call.world, row["id"])))


def _modify(call: Call) -> Answer:
    row = _of_path(call)
    fields, data = call.fields, load(row["data"])
    if row["description"] != "MCH_COMPLETE" or row["state"] != "DOING":
        raise _wrong_state("当前订单状态不合法")
    parameters.check_rules(call.operation, _RULES, fields)
    _check_total(fields, data["risk_fund"])
    if not 0 < fields["total_amount"] < row["total"]:
        raise wrong("total_amount", "修改后的金额应小于原金额", "body", fields["total_amount"])
    data |= {name: fields[name] for name in ("post_payments", "post_discounts") if fields.get(name)}
    _change(call.world, row, total=fields["total_amount"], data=data)
    return Answer.of(200, _view(_by_id(call.world, row["id"])))


def _collect(call: Call) -> Answer:
    row = _of_path(call)
    if row["description"] != "MCH_COMPLETE" or row["state"] != "DOING":
        raise _wrong_state("当前订单状态不合法")
    return Answer.of(200, _owners(row))


def _sync(call: Call) -> Answer:
    row, fields = _of_path(call), call.fields
    if fields["type"] != "Order_Paid":
        raise wrong("type", "应为Order_Paid", "body", fields["type"])
    if (row["state"], row["description"]) != ("DOING", "MCH_COMPLETE"):
        raise _wrong_state("单据状态错误", "INVALID_ORDER_STATE")
    text = fields["detail"]["paid_time"]
    moment = _moment(text)
    if moment is None:
        raise wrong("detail/paid_time", "应为yyyyMMddHHmmss或yyyyMMdd格式的时间", "body", text)
    detail = {"seq": 1, "amount": row["total"], "paid_type": "MCH", "paid_time": text}
    _done(call.world, row, detail)
    return Answer.of(200, _view(_by_id(call.world, row["id"])))


def _cancel(call: Call) -> Answer:
    row, fields = _of_path(call), call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    data = load(row["data"])
    if row["state"] == "REVOKED":
        if data["cancelled"] != fields:
            raise Refusal(400, "INVALID_REQUEST", "订单重入参数校验失败")
        return Answer.of(200, _owners(row))
    # The pages of 2025 let a merchant cancel while its user pays; others saw it refused.
    is_paying = row["description"] == "MCH_COMPLETE"
    if row["state"] not in ("CREATED", "DOING") or (is_paying and not call.world.settings.cancel_while_paying):
        told = "当前订单状态不满足撤销条件"
        raise wrong("out_order_no", told, "body", row["out_order_no"], told)
    data["cancelled"] = dict(fields)
    _forget_work(call.world, row)
    _change(call.world, row, state="REVOKED", description="", data=data)
    return Answer.of(200, _owners(row))


def _confirmed(world: World, row: Row, at: float, told: bool = True) -> None:
    _forget_work(world, row)
    data = load(row["data"])
    if data["time_range"].get("start_time") == _ON_ACCEPT:
        data["time_range"] = {**data["time_range"], "start_time": compact(at)}
    _change(world, row, state="DOING", description="USER_CONFIRM", data=data)
    if told:
        _tell(world, row["id"], "PAYSCORE.USER_CONFIRM", at)


def _paid(world: World, row: Row, at: float) -> None:
    data = load(row["data"])
    book = Book(world, at)
    told = {
        "api": "v3",
        "way": "payscore",
        "trade_type": "NATIVE",
        "appid": row["appid"],
        "description": data["service_introduction"],
        "openid": data["openid"],
        "request": {},
        **({"sub_mchid": row["sub_mchid"]} if row["sub_mchid"] else {}),
    }
    order = book.pay(book.place(row["mchid"], row["order_id"], row["total"], None, told)[0])
    detail = {"seq": 1, "amount": row["total"], "paid_type": "NEWTON", "paid_time": compact(at)}
    _done(world, row, {**detail, "transaction_id": order.transaction_id})
    _tell(world, row["id"], "PAYSCORE.USER_PAID", at)


def _done(world: World, row: Row, detail: Mapping[str, Any]) -> None:
    _forget_work(world, row)
    _change(world, row, state="DONE", description="", data={**load(row["data"]), "paid": detail})


def _expired(world: World, row: Row, at: float) -> None:
    _forget_work(world, row)
    _change(world, row, state="EXPIRED")


_USER_MOVES = {"DOING": _confirmed, "EXPIRED": _expired, "DONE": _paid}


def _later(state: str) -> Any:
    """A piece of work: what a user or time does, where it still can."""

    def work(world: World, identifier: int, at: float) -> None:
        row = _by_id(world, identifier)
        begin, description = USER_STATES[state]
        if row["state"] == begin and (not description or row["description"] == description):
            _USER_MOVES[state](world, row, at)

    return work


def _forget_work(world: World, row: Row) -> None:
    for kind in (_EXPIRE, _CONFIRM, _PAY):
        world.cancel(kind, row["id"])


def _tell(world: World, identifier: int, event_type: str, at: float) -> None:
    row = _by_id(world, identifier)
    world.notices.add(load(row["data"])["notify_url"], event_type, _view(row), at)


def _view(row: Row) -> dict[str, Any]:
    data = load(row["data"])
    told = {
        **_owners(row),
        **{name: data[name] for name in _TOLD if name in data},
        "state": row["state"],
        **({"state_description": row["description"]} if row["description"] else {}),
        "openid": data["openid"],
    }
    if "completed" not in data:
        return told
    told |= {"total_amount": row["total"], "need_collection": row["total"] > 0}
    return told | ({"collection": _collection(row, data)} if row["total"] and row["state"] != "REVOKED" else {})


def _collection(row: Row, data: Mapping[str, Any]) -> dict[str, Any]:
    paid = data.get("paid")
    return {
        "state": "USER_PAID" if paid else "USER_PAYING",
        "total_amount": row["total"],
        "paying_amount": 0 if paid else row["total"],
        "paid_amount": row["total"] if paid else 0,
        "details": [paid] if paid else [],
    }


def _owners(row: Row) -> dict[str, Any]:
    return {
        "appid": row["appid"],
        "mchid": row["mchid"],
        **({"sub_mchid": row["sub_mchid"]} if row["sub_mchid"] else {}),
        "out_order_no": row["out_order_no"],
        "service_id": row["service_id"],
        "order_id": row["order_id"],
    }


def _check_lists(fields: Mapping[str, Any]) -> None:
    for name, most in (("post_payments", _MOST_PAYMENTS), ("post_discounts", _MOST_DISCOUNTS)):
        if len(fields.get(name) or []) > most:
            raise wrong(name, f"最多{most}条", "body", len(fields[name]))


def _check_total(fields: Mapping[str, Any], risk: Mapping[str, Any]) -> None:
    """The total is what is charged, less what is taken off."""
    _check_lists(fields)
    charged = sum(each.get("amount") or 0 for each in fields.get("post_payments") or [])
    taken_off = sum(each.get("amount") or 0 for each in fields.get("post_discounts") or [])
    total = fields["total_amount"]
    if total != charged - taken_off or (risk["name"] in _DEPOSITS and total > risk["amount"]):
        raise wrong("total_amount", f"应为{charged}-{taken_off}，且不超过押金", "body", total, "最终总金额计算非法")


def _times(fields: Mapping[str, Any], place: str, given: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Begin and end of a service; None for what is absent or open. Raises Refusal for what is no time."""
    found: list[float | None] = []
    for name in ("start_time", "end_time"):
        text = given.get(name)
        moment = _moment(text) if text else None
        if text and moment is None and not (name == "start_time" and text == _ON_ACCEPT):
            raise wrong(f"{place}/{name}", "应为yyyyMMddHHmmss或yyyyMMdd格式的时间", "body", text)
        found.append(moment)
    return found[0], found[1]


def _moment(text: str) -> float | None:
    if not re.fullmatch("[0-9]{8}([0-9]{6})?", text):
        return None
    try:
        form = "%Y%m%d" if len(text) == 8 else "%Y%m%d%H%M%S"
        return datetime.strptime(text, form).replace(tzinfo=BEIJING).timestamp()
    except ValueError:
        return None


def _of_path(call: Call) -> Row:
    return _found(call, call.path["out_order_no"], call.fields)


def _found(call: Call, number: str, given: Mapping[str, Any]) -> Row:
    """The order of that number, service and sub-merchant; Refusal where there is none."""
    row = _row(call.world, call.mchid, number)
    fits = row is not None and row["sub_mchid"] == given.get("sub_mchid", "")
    if row is None or not fits or given.get("service_id", row["service_id"]) != row["service_id"]:
        # Internal code 271317510 查询单据不存在.
        raise Refusal(404, "ORDER_NOT_EXIST", "订单不存在")
    if given.get("appid", row["appid"]) != row["appid"]:
        raise wrong("appid", "应为创建订单时的appid", "body", given["appid"])
    return row


def _wrong_state(text: str, code: str = "INVALID_REQUEST") -> Refusal:
    return Refusal(400, code, text)


def _row(world: World, mchid: str, number: str) -> Row | None:
    return world.store.one("SELECT * FROM payscore_orders WHERE mchid=? AND out_order_no=?", mchid, number)


def _by_id(world: World, identifier: int) -> Row:
    row = world.store.one("SELECT * FROM payscore_orders WHERE id=?", identifier)
    if row is None:
        raise KeyError(identifier)
    return row


def _change(world: World, row: Row, data: Mapping[str, Any] | None = None, **values: Any) -> None:
    world.store.change("payscore_orders", row["id"], **values, **({} if data is None else {"data": dump(data)}))


PRODUCT = Product(
    name="PayScore",
    tables=(
        "CREATE TABLE IF NOT EXISTS payscore_orders (id INTEGER PRIMARY KEY, mchid TEXT NOT NULL,"
        " out_order_no TEXT NOT NULL, order_id TEXT NOT NULL UNIQUE, service_id TEXT NOT NULL, appid TEXT NOT NULL,"
        " sub_mchid TEXT NOT NULL, state TEXT NOT NULL, description TEXT NOT NULL, total INTEGER NOT NULL,"
        " created REAL NOT NULL, data TEXT NOT NULL, UNIQUE (mchid, out_order_no))",
    ),
    routes=tuple(
        route
        for face in _FACES
        for route in (
            Route("POST", face, _create),
            Route("GET", face, _query),
            Route("POST", f"{face}/{{out_order_no}}/complete", _complete),
            Route("POST", f"{face}/{{out_order_no}}/modify", _modify),
            Route("POST", f"{face}/{{out_order_no}}/pay", _collect),
            Route("POST", f"{face}/{{out_order_no}}/sync", _sync),
            Route("POST", f"{face}/{{out_order_no}}/cancel", _cancel),
        )
    ),
    jobs={_EXPIRE: _later("EXPIRED"), _CONFIRM: _later("DOING"), _PAY: _later("DONE")},
    notices=("PAYSCORE.USER_CONFIRM", "PAYSCORE.USER_PAID"),
)
