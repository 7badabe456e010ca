"""Cash coupons: stocks that are started, paused and restarted, and coupons that are sent from one that runs.

unactivated becomes running by start, paused by pause, running again by restart. Sources:
https://pay.weixin.qq.com/doc/v3/merchant/4012534537 (create) and the pages beside it. What a stock or a coupon tells
beyond its state is the documentation's example.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.sandbox import parameters
from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.clock import parse_time, rfc3339
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.products import stored
from wechatpay_chain.sandbox.store import Row

__all__ = ["PRODUCT"]

_PATH = "/v3/marketing/favor"
_RULES: Mapping[str, Rule] = {
    "out_request_no": Rule(128, 1, re.compile(r"[0-9A-Za-z|_*\-]+")),
    # 9 Chinese characters or 20 letters.
    "stock_name": Rule(27, 1, re.compile(r"[^_,;|]+")),
    "comment": Rule(180),
    "stock_id": Rule(20),
}
_DAY, _LIMIT = 86_400, 20
# From which states each call leads to which, and what it calls the time.
_MOVES: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "start": (("unactivated", "running"), "running", "start_time"),
    "pause": (("running", "paused"), "paused", "pause_time"),
    "restart": (("paused", "running"), "running", "restart_time"),
}


def _create(call: Call) -> Answer:
    fields, rule = call.fields, call.fields["stock_use_rule"]
    coupon = fields["coupon_use_rule"].get("fixed_normal_coupon") or {}
    parameters.check_rules(call.operation, _RULES, fields)
    begin, end = (_moment(fields, name) for name in ("available_begin_time", "available_end_time"))
    if end <= begin or end - begin > 90 * _DAY or begin > call.now + 365 * _DAY:
        raise wrong(
            "available_end_time", "批次有效期应在365天内开始，且不超过90天", "body", fields["available_end_time"]
        )
    amount = coupon.get("coupon_amount")
    if amount and rule["max_amount"] != amount * rule["max_coupons"]:
        raise Refusal(400, "PARAM_ERROR", "批次预算等于批次面额乘以发券数")
    answer = stored.reply(call)
    stock_id = stored.fields_of(answer)["stock_id"]
    call.world.store.run(
        "INSERT OR IGNORE INTO favor_stocks VALUES (?, 'unactivated', ?, 0, ?)", stock_id, rule["max_coupons"], end
    )
    return answer


def _move(call: Call) -> Answer:
    verb = call.route.path.rpartition("/")[2]
    allowed, state, name = _MOVES[verb]
    stock = _stock(call, call.path["stock_id"])
    if stock["status"] not in allowed:
        raise Refusal(400, "INVALID_REQUEST", f"批次状态为{stock['status']}，不支持该操作")
    call.world.store.run("UPDATE favor_stocks SET status=? WHERE stock_id=?", state, stock["stock_id"])
    return Answer.of(200, {name: rfc3339(call.now), "stock_id": stock["stock_id"]})


def _query(call: Call) -> Answer:
    stock = _stock(call, call.path["stock_id"])
    answer = stored.reply(call)
    told = {**stored.fields_of(answer), "stock_id": stock["stock_id"], "status": stock["status"]}
    told["distributed_coupons"] = stock["sent"]
    return _like(answer, told)


def _send(call: Call) -> Answer:
    fields = call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    number = fields["out_request_no"]
    known = call.world.store.one("SELECT * FROM favor_coupons WHERE out_request_no=?", number)
    if known is not None:
        if (known["stock_id"], known["openid"]) != (fields["stock_id"], call.path["openid"]):
            raise Refusal(400, "RESOURCE_ALREADY_EXISTS", "创建请求重入，但本次请求与上次请求信息不一致")
        return Answer.of(200, {"coupon_id": known["coupon_id"]})
    stock = _stock(call, fields["stock_id"])
    if stock["status"] != "running" or stock["ends"] < call.now:
        raise Refusal(400, "INVALID_REQUEST", "活动已结束或未激活")
    if stock["sent"] >= stock["most"]:
        raise Refusal(403, "NOT_ENOUGH", "批次预算不足")
    answer = stored.reply(call)
    coupon_id = stored.fields_of(answer)["coupon_id"]
    call.world.store.run("UPDATE favor_stocks SET sent=sent+1 WHERE stock_id=?", stock["stock_id"])
    call.world.store.run(
        "INSERT INTO favor_coupons VALUES (?, ?, ?, ?)", number, coupon_id, stock["stock_id"], call.path["openid"]
    )
    return Answer.of(200, {"coupon_id": coupon_id})


def _list(call: Call) -> Answer:
    """The coupons that a user has; by one of three merchants, and with ``available_mchid`` only what can be used."""
    query = call.query
    merchants = [name for name in ("creator_mchid", "sender_mchid", "available_mchid") if query.get(name)]
    if len(merchants) > 1:
        raise wrong(
            merchants[1], "creator_mchid、sender_mchid与available_mchid只能传一个", "query", query[merchants[1]]
        )
    limit, offset = int(query.get("limit") or _LIMIT), int(query.get("offset") or 0)
    if not 1 <= limit <= _LIMIT:
        raise wrong("limit", "页大小超过阈值", "query", query["limit"], "页大小超过阈值")
    rows = call.world.store.all(
        "SELECT coupon_id, favor_coupons.stock_id, ends FROM favor_coupons JOIN favor_stocks"
        " ON favor_stocks.stock_id=favor_coupons.stock_id WHERE openid=? ORDER BY coupon_id",
        call.path["openid"],
    )
    found = [
        {
            "stock_creator_mchid": call.mchid,
            "stock_id": row["stock_id"],
            "coupon_id": row["coupon_id"],
            "status": "EXPIRED" if row["ends"] < call.now else "SENDED",
        }
        for row in rows
    ]
    status = "SENDED" if query.get("available_mchid") else query.get("status")
    found = [each for each in found if status in (None, "", each["status"])]
    found = [each for each in found if query.get("stock_id") in (None, "", each["stock_id"])]
    page = found if query.get("available_mchid") else found[offset : offset + limit]
    return Answer.of(200, {"total_count": len(found), "offset": offset, "limit": limit, "data": page})


def _coupon(call: Call) -> Answer:
    row = call.world.store.one("SELECT * FROM favor_coupons WHERE coupon_id=?", call.path["coupon_id"])
    if row is None or row["openid"] != call.path["openid"]:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "券不存在")
    answer = stored.reply(call)
    stock = _stock(call, row["stock_id"])
    told = {**stored.fields_of(answer), "stock_id": row["stock_id"], "coupon_id": row["coupon_id"]}
    # Nobody uses it here; its time can be over.
    told["status"] = "EXPIRED" if stock["ends"] < call.now else "SENDED"
    told.pop("consume_information", None)
    return _like(answer, told)


def _stock(call: Call, stock_id: str) -> Row:
    row = call.world.store.one("SELECT * FROM favor_stocks WHERE stock_id=?", stock_id)
    if row is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "批次不存在")
    return row


def _like(answer: Answer, told: Mapping[str, Any]) -> Answer:
    """Other fields under the headers of an answer."""
    made = Answer.of(answer.status, told)
    made.headers.update(answer.headers)
    return made


def _moment(fields: Mapping[str, Any], name: str) -> float:
    found = parse_time(fields[name])
    if found is None:
        raise wrong(name, "输入时间格式错误", "body", fields[name])
    return found


PRODUCT = Product(
    name="cash coupons",
    tables=(
        "CREATE TABLE IF NOT EXISTS favor_stocks (stock_id TEXT PRIMARY KEY, status TEXT NOT NULL,"
        " most INTEGER NOT NULL, sent INTEGER NOT NULL, ends REAL NOT NULL) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS favor_coupons (out_request_no TEXT PRIMARY KEY, coupon_id TEXT NOT NULL UNIQUE,"
        " stock_id TEXT NOT NULL, openid TEXT NOT NULL) WITHOUT ROWID",
        "CREATE INDEX IF NOT EXISTS favor_coupons_openid ON favor_coupons (openid)",
    ),
    routes=(
        Route("POST", f"{_PATH}/coupon-stocks", _create),
        *(Route("POST", f"{_PATH}/stocks/{{stock_id}}/{verb}", _move) for verb in _MOVES),
        Route("GET", f"{_PATH}/stocks/{{stock_id}}", _query),
        Route("POST", f"{_PATH}/users/{{openid}}/coupons", _send),
        Route("GET", f"{_PATH}/users/{{openid}}/coupons", _list),
        Route("GET", f"{_PATH}/users/{{openid}}/coupons/{{coupon_id}}", _coupon),
    ),
)
