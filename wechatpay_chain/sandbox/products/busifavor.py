"""Merchant coupons: stocks, their budgets and codes, and coupons that are sent, used, given back and deactivated.

SENDED becomes USED by use and SENDED again by return, DEACTIVATED for good, EXPIRED when its time is over. What is
used again under the same number is the same use. Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012534928 and
the pages beside it; wechatpay-apiv3/wechatpay-go has the lengths.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.sandbox import parameters
from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.clock import parse_time, rfc3339
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.store import Row, dump, load
from wechatpay_chain.sandbox.world import World

__all__ = ["PRODUCT"]

_PATH = "/v3/marketing/busifavor"
_CODE = re.compile(r"[0-9A-Za-z \-_\\/=|]{1,32}")
# Characters of three bytes each.
_RULES: Mapping[str, Rule] = {
    "stock_name": Rule(63),
    "comment": Rule(60),
    "goods_name": Rule(45),
    "out_request_no": Rule(128, 1, re.compile(r"[0-9A-Za-z|_*\-]+")),
    "use_request_no": Rule(128),
    "return_request_no": Rule(128),
    "deactivate_request_no": Rule(128),
    "deactivate_reason": Rule(192),
    "coupon_code": Rule(32, 1, _CODE),
}
_OWN, _GIVEN, _UPLOADED = "WECHATPAY_MODE", "MERCHANT_API", "MERCHANT_UPLOAD"
_MOST_COUPONS, _MOST_PER_USER, _MOST_UPLOADED, _MOST_LISTED = 1_000_000_000, 100, 200, 50
_RUNNING = "RUNNING"


def _create(call: Call) -> Answer:
    fields, rule = call.fields, call.fields["stock_send_rule"]
    parameters.check_rules(call.operation, _RULES, fields)
    if not 1 <= rule["max_coupons"] <= _MOST_COUPONS:
        raise wrong("stock_send_rule/max_coupons", f"应为1至{_MOST_COUPONS}的整数", "body", rule["max_coupons"])
    if not 1 <= rule["max_coupons_per_user"] <= _MOST_PER_USER:
        issue = f"应为1至{_MOST_PER_USER}的整数"
        raise wrong("stock_send_rule/max_coupons_per_user", issue, "body", rule["max_coupons_per_user"])
    if fields["coupon_code_mode"] not in (_OWN, _GIVEN, _UPLOADED):
        raise wrong("coupon_code_mode", f"应为{_OWN}、{_GIVEN}或{_UPLOADED}", "body", fields["coupon_code_mode"])
    store = call.world.store
    known = store.one("SELECT * FROM busi_stocks WHERE out_request_no=?", fields["out_request_no"])
    if known is not None and load(known["data"])["request"] != fields:
        raise _differs()
    if known is None:
        stock_id = f"1{secrets.randbelow(10**15):015d}"
        data = {**_plain(fields), "request": dict(fields)}
        store.add(
            "busi_stocks",
            stock_id=stock_id,
            out_request_no=fields["out_request_no"],
            state=_RUNNING,
            most=rule["max_coupons"],
            sent=0,
            created=call.now,
            data=dump(data),
        )
        known = _stock(call, stock_id)
    return Answer.of(200, {"stock_id": known["stock_id"], "create_time": rfc3339(known["created"])})


def _query(call: Call) -> Answer:
    stock = _stock(call, call.path["stock_id"])
    data = load(stock["data"])
    told = {**{name: value for name, value in data.items() if name not in ("request", "out_request_no")}}
    told["stock_send_rule"] = {**data["stock_send_rule"], "max_coupons": stock["most"]}
    told |= {"stock_id": stock["stock_id"], "stock_state": stock["state"]}
    told["send_count_information"] = {"total_send_num": stock["sent"]}
    if data["coupon_code_mode"] == _UPLOADED:
        counts = {"total_count": _codes(call, stock), "available_count": _codes(call, stock, "AND sent=0")}
        told["coupon_code_count"] = counts
    return Answer.of(200, told)


def _modify(call: Call) -> Answer:
    stock, fields = _stock(call, call.path["stock_id"]), call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    data = load(stock["data"])
    for name, value in _plain(fields).items():
        if name not in ("out_request_no", "stock_id"):
            both = isinstance(value, dict) and isinstance(data.get(name), dict)
            data[name] = {**data[name], **value} if both else value
    call.world.store.run("UPDATE busi_stocks SET data=? WHERE stock_id=?", dump(data), stock["stock_id"])
    return Answer.of(204)


def _budget(call: Call) -> Answer:
    stock, fields = _stock(call, call.path["stock_id"]), call.fields
    targets = [name for name in ("target_max_coupons", "target_max_coupons_by_day") if fields.get(name) is not None]
    if len(targets) != 1:
        raise wrong("target_max_coupons", "target_max_coupons与target_max_coupons_by_day二选一")
    data = load(stock["data"])
    rule = data["stock_send_rule"]
    name = targets[0].removeprefix("target_")
    now = stock["most"] if name == "max_coupons" else rule.get(name, 0)
    current, target = fields.get(f"current_{name}"), fields[targets[0]]
    if current is not None and current != now:
        raise wrong(f"current_{name}", f"与当前的{now}不一致", "body", current)
    if name == "max_coupons" and not max(stock["sent"], 1) <= target <= _MOST_COUPONS:
        raise wrong(targets[0], "不能小于已发放的张数", "body", target)
    rule[name] = target
    call.world.store.run(
        "UPDATE busi_stocks SET most=?, data=? WHERE stock_id=?", rule["max_coupons"], dump(data), stock["stock_id"]
    )
    told = {"max_coupons": rule["max_coupons"]}
    by_day = rule.get("max_coupons_by_day")
    return Answer.of(200, told | ({} if by_day is None else {"max_coupons_by_day": by_day}))


def _upload(call: Call) -> Answer:
    stock, store = _stock(call, call.path["stock_id"]), call.world.store
    if load(stock["data"])["coupon_code_mode"] != _UPLOADED:
        raise Refusal(400, "INVALID_REQUEST", "批次的券code模式不是MERCHANT_UPLOAD")
    given = call.fields.get("coupon_code_list") or []
    if not 1 <= len(given) <= _MOST_UPLOADED:
        raise wrong("coupon_code_list", f"应为1至{_MOST_UPLOADED}个", "body", len(given))
    added: list[str] = []
    failed: list[dict[str, str]] = []
    exist: list[str] = []
    twice: list[str] = []
    for code in given:
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            why = ("LENGTH_LIMIT", "长度超过最大值32位") if len(str(code)) > 32 else ("PATTERN", "含有不支持的字符")
            failed.append({"coupon_code": str(code)[:64], "code": why[0], "message": why[1]})
        elif code in added or code in exist:
            twice.append(code)
        elif store.run("INSERT OR IGNORE INTO busi_codes VALUES (?, ?, 0, ?)", stock["stock_id"], code, call.now):
            added.append(code)
        else:
            exist.append(code)
    told = {
        "stock_id": stock["stock_id"],
        "total_count": len(given),
        "success_count": len(added),
        "success_codes": added,
        "success_time": rfc3339(call.now),
        "fail_count": len(failed),
        "fail_codes": failed,
        "exist_codes": exist,
        "duplicate_codes": twice,
    }
    return Answer.of(200, told)


def _send(call: Call) -> Answer:
    fields, store = call.fields, call.world.store
    parameters.check_rules(call.operation, _RULES, fields)
    number = fields["out_request_no"]
    known = store.one("SELECT * FROM busi_coupons WHERE out_request_no=?", number)
    if known is not None:
        if (known["stock_id"], known["openid"]) != (fields["stock_id"], fields["openid"]):
            raise _differs()
        return _sent(known)
    stock = _stock(call, fields["stock_id"])
    data = load(stock["data"])
    if stock["sent"] >= stock["most"]:
        raise Refusal(403, "NOT_ENOUGH", "批次预算不足")
    have = store.one(
        "SELECT count(*) AS found FROM busi_coupons WHERE stock_id=? AND openid=?", stock["stock_id"], fields["openid"]
    )
    if have is not None and have["found"] >= data["stock_send_rule"]["max_coupons_per_user"]:
        raise Refusal(403, "RULE_LIMIT", "用户已达领取上限")
    code = _code_for(call, stock, data["coupon_code_mode"])
    identifier = store.add(
        "busi_coupons",
        stock_id=stock["stock_id"],
        code=code,
        openid=fields["openid"],
        out_request_no=number,
        state="SENDED",
        received=call.now,
        expires=_expires(data, call.now),
        data=dump({"appid": fields["appid"]}),
    )
    store.run("UPDATE busi_stocks SET sent=sent+1 WHERE stock_id=?", stock["stock_id"])
    row = store.all("SELECT * FROM busi_coupons WHERE id=?", identifier)[0]
    _tell(call, row)
    return _sent(row)


def _sent(row: Row) -> Answer:
    told = {"stock_id": row["stock_id"], "coupon_code": row["code"], "out_request_no": row["out_request_no"]}
    return Answer.of(200, told)


def _code_for(call: Call, stock: Row, mode: str) -> str:
    """The code of a coupon that is sent: new, given with the request, or the next that was uploaded."""
    store, given = call.world.store, call.fields.get("coupon_code")
    if mode == _OWN:
        return str(10**15 + secrets.randbelow(9 * 10**15))
    if mode == _GIVEN:
        if not given:
            raise wrong("coupon_code", "MERCHANT_API模式必填")
        taken = store.one("SELECT 1 FROM busi_coupons WHERE stock_id=? AND code=?", stock["stock_id"], given)
        if taken is not None:
            raise Refusal(400, "INVALID_REQUEST", "券code已被使用")
        return str(given)
    row = store.one("SELECT * FROM busi_codes WHERE stock_id=? AND sent=0 ORDER BY at, code LIMIT 1", stock["stock_id"])
    if row is None:
        raise Refusal(403, "NOT_ENOUGH", "批次预算不足")
    store.run("UPDATE busi_codes SET sent=1 WHERE stock_id=? AND code=?", stock["stock_id"], row["code"])
    return str(row["code"])


def _use(call: Call) -> Answer:
    fields = call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    moment = parse_time(fields["use_time"])
    if moment is None:
        raise wrong("use_time", "应为rfc3339格式的时间", "body", fields["use_time"])
    row = _coupon(call, fields)
    data = load(row["data"])
    if row["state"] == "USED" and data["use_request_no"] == fields["use_request_no"]:
        used = data["used"]
    else:
        _check_state(call, row, "SENDED")
        used = call.now
        data |= {"used": used, "use_request_no": fields["use_request_no"], "use_time": fields["use_time"]}
        _change(call, row, "USED", data)
    told = {"stock_id": row["stock_id"], "openid": row["openid"], "wechatpay_use_time": rfc3339(used)}
    return Answer.of(200, told)


def _return(call: Call) -> Answer:
    return _moved(call, "return", "USED", "SENDED")


def _deactivate(call: Call) -> Answer:
    return _moved(call, "deactivate", "SENDED", "DEACTIVATED")


def _moved(call: Call, verb: str, begin: str, end: str) -> Answer:
    """A coupon led from one state to another, once for each number."""
    fields, name = call.fields, f"{verb}_request_no"
    parameters.check_rules(call.operation, _RULES, fields)
    row = _coupon(call, fields)
    data = load(row["data"])
    done = data.get(verb)
    if not (done and done["number"] == fields[name] and row["state"] == end):
        _check_state(call, row, begin)
        done = {"number": fields[name], "at": call.now}
        _change(call, row, end, {**data, verb: done})
    return Answer.of(200, {f"wechatpay_{verb}_time": rfc3339(done["at"])})


def _associate(call: Call) -> Answer:
    row = _coupon(call, call.fields)
    _check_state(call, row, "SENDED")
    verb = call.route.path.rpartition("/")[2]
    data = load(row["data"])
    if verb == "disassociate" and data.get("out_trade_no") != call.fields["out_trade_no"]:
        raise Refusal(400, "INVALID_REQUEST", "券与订单没有关联")
    data["out_trade_no"] = call.fields["out_trade_no"] if verb == "associate" else None
    _change(call, row, row["state"], data)
    return Answer.of(200, {f"wechatpay_{verb}_time": rfc3339(call.now)})


def _of_user(call: Call) -> Answer:
    row = call.world.store.one(
        "SELECT * FROM busi_coupons WHERE code=? AND openid=? ORDER BY id DESC",
        call.path["coupon_code"],
        call.path["openid"],
    )
    if row is None or load(row["data"])["appid"] != call.path["appid"]:
        raise _no_coupon()
    return Answer.of(200, _view(call, row))


def _list(call: Call) -> Answer:
    limit, offset = int(call.query.get("limit") or 20), int(call.query.get("offset") or 0)
    if not 1 <= limit <= _MOST_LISTED:
        raise wrong("limit", f"应为1至{_MOST_LISTED}的整数", "query", call.query["limit"])
    rows = call.world.store.all("SELECT * FROM busi_coupons WHERE openid=? ORDER BY id DESC", call.path["openid"])
    found = [_view(call, row) for row in rows if load(row["data"])["appid"] == call.query["appid"]]
    for name in ("stock_id", "coupon_state", "belong_merchant"):
        wanted = call.query.get(name)
        found = [each for each in found if not wanted or each[name] == wanted]
    told = {"total_count": len(found), "offset": offset, "limit": limit, "data": found[offset : offset + limit]}
    return Answer.of(200, told)


def _view(call: Call, row: Row) -> dict[str, Any]:
    stock, data = load(_stock(call, row["stock_id"])["data"]), load(row["data"])
    names = ("stock_name", "belong_merchant", "comment", "goods_name", "stock_type", "coupon_use_rule",
             "custom_entrance", "display_pattern_info")  # fmt: skip
    told = {name: stock[name] for name in names if name in stock}
    told |= {
        "display_pattern_info": stock.get("display_pattern_info", {}),
        "coupon_code": row["code"],
        "coupon_state": _state(call, row),
        "stock_id": row["stock_id"],
        "send_request_no": row["out_request_no"],
        "available_start_time": rfc3339(row["received"]),
        "expire_time": rfc3339(row["expires"]),
        "receive_time": rfc3339(row["received"]),
    }
    if row["state"] == "USED":
        told |= {"use_request_no": data["use_request_no"], "use_time": rfc3339(data["used"])}
    return told


def _state(call: Call, row: Row) -> str:
    state: str = row["state"]
    return "EXPIRED" if state == "SENDED" and row["expires"] < call.now else state


def _check_state(call: Call, row: Row, expected: str) -> None:
    state = _state(call, row)
    is_over = expected == "USED" and row["expires"] < call.now
    if state != expected or is_over:
        raise Refusal(400, "INVALID_REQUEST", f"券状态为{'EXPIRED' if is_over else state}，不支持该操作")


def _expires(data: Mapping[str, Any], now: float) -> float:
    times = data["coupon_use_rule"]["coupon_available_time"]
    end = parse_time(times["available_end_time"])
    days = times.get("available_day_after_receive")
    ends = [each for each in (end, now + days * 86_400 if days else None) if each is not None]
    return min(ends, default=now)


def _coupon(call: Call, fields: Mapping[str, Any]) -> Row:
    """The coupon of a code; the stock has to be told where merchants choose the codes."""
    store, stock_id = call.world.store, fields.get("stock_id")
    if stock_id:
        _stock(call, stock_id)
    rows = store.all("SELECT * FROM busi_coupons WHERE code=?", fields["coupon_code"])
    rows = [row for row in rows if stock_id in (None, "", row["stock_id"])]
    if not rows:
        raise _no_coupon()
    if not stock_id and load(_stock(call, rows[0]["stock_id"])["data"])["coupon_code_mode"] != _OWN:
        raise wrong("stock_id", "券code由商户指定时必填")
    return rows[0]


def _stock(call: Call, stock_id: str) -> Row:
    row = call.world.store.one("SELECT * FROM busi_stocks WHERE stock_id=?", stock_id)
    if row is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "批次不存在")
    return row


def _no_coupon() -> Refusal:
    return Refusal(404, "RESOURCE_NOT_EXISTS", "券不存在")


def _differs() -> Refusal:
    return Refusal(400, "RESOURCE_ALREADY_EXISTS", "创建请求重入，但本次请求与上次请求信息不一致")


def _codes(call: Call, stock: Row, more: str = "") -> int:
    sql = f"SELECT count(*) AS found FROM busi_codes WHERE stock_id=? {more}"  # noqa: S608
    row = call.world.store.one(sql, stock["stock_id"])
    return 0 if row is None else int(row["found"])


def _change(call: Call, row: Row, state: str, data: Mapping[str, Any]) -> None:
    call.world.store.change("busi_coupons", row["id"], state=state, data=dump(data))


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _read_address(call: Call) -> Answer:
    url = _address(call.world)
    if url is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "回调地址未设置")
    return Answer.of(200, {"notify_url": url, "mchid": call.mchid})


def _write_address(call: Call) -> Answer:
    url = call.fields["notify_url"]
    parameters.check_rules(call.operation, {"notify_url": Rule(256, 1, re.compile(r"https?://[^\s?#]+"))}, call.fields)
    call.world.store.run("DELETE FROM busi_address")
    call.world.store.run("INSERT INTO busi_address VALUES (?)", url)
    return Answer.of(200, {"update_time": rfc3339(call.now), "notify_url": url, "mchid": call.mchid})


def _address(world: World) -> str | None:
    row = world.store.one("SELECT url FROM busi_address")
    return None if row is None else str(row["url"])


def _tell(call: Call, row: Row) -> None:
    url = _address(call.world)
    if url is None:
        return
    told = {
        "event_type": "EVENT_TYPE_BUSICOUPON_SEND",
        "coupon_code": row["code"],
        "stock_id": row["stock_id"],
        "send_time": rfc3339(row["received"]),
        "openid": row["openid"],
        "send_channel": "BUSICOUPON_SEND_CHANNEL_API",
        "send_merchant": call.mchid,
    }
    call.world.notices.add(url, "COUPON.SEND", told, call.now)


PRODUCT = Product(
    name="merchant coupons",
    tables=(
        "CREATE TABLE IF NOT EXISTS busi_stocks (stock_id TEXT PRIMARY KEY, out_request_no TEXT NOT NULL UNIQUE,"
        " state TEXT NOT NULL, most INTEGER NOT NULL, sent INTEGER NOT NULL, created REAL NOT NULL,"
        " data TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS busi_codes (stock_id TEXT NOT NULL, code TEXT NOT NULL, sent INTEGER NOT NULL,"
        " at REAL NOT NULL, PRIMARY KEY (stock_id, code)) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS busi_coupons (id INTEGER PRIMARY KEY, stock_id TEXT NOT NULL, code TEXT NOT NULL,"
        " openid TEXT NOT NULL, out_request_no TEXT NOT NULL UNIQUE, state TEXT NOT NULL, received REAL NOT NULL,"
        " expires REAL NOT NULL, data TEXT NOT NULL, UNIQUE (stock_id, code))",
        "CREATE INDEX IF NOT EXISTS busi_coupons_code ON busi_coupons (code)",
        "CREATE INDEX IF NOT EXISTS busi_coupons_openid ON busi_coupons (openid, stock_id)",
        "CREATE TABLE IF NOT EXISTS busi_address (url TEXT NOT NULL)",
    ),
    routes=(
        Route("POST", f"{_PATH}/stocks", _create),
        Route("GET", f"{_PATH}/stocks/{{stock_id}}", _query),
        Route("PATCH", f"{_PATH}/stocks/{{stock_id}}", _modify),
        Route("PATCH", f"{_PATH}/stocks/{{stock_id}}/budget", _budget),
        Route("POST", f"{_PATH}/stocks/{{stock_id}}/couponcodes", _upload),
        Route("POST", f"{_PATH}/coupons/send", _send),
        Route("POST", f"{_PATH}/coupons/use", _use),
        Route("POST", f"{_PATH}/coupons/return", _return),
        Route("POST", f"{_PATH}/coupons/deactivate", _deactivate),
        *(Route("POST", f"{_PATH}/coupons/{verb}", _associate) for verb in ("associate", "disassociate")),
        Route("GET", f"{_PATH}/users/{{openid}}/coupons", _list),
        Route("GET", f"{_PATH}/users/{{openid}}/coupons/{{coupon_code}}/appids/{{appid}}", _of_user),
        Route("GET", f"{_PATH}/callbacks", _read_address),
        Route("POST", f"{_PATH}/callbacks", _write_address),
    ),
    notices=("COUPON.SEND",),
)
