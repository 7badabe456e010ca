"""Applications of sub-merchants: made, audited as the clock goes, signed, finished, revoked.

A body may be shorter than WeChat Pay takes, as the documentation's short examples are: what is there is checked.
Sources: https://pay.weixin.qq.com/doc/v3/partner/4012697052 and 4012691469.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from wechatpay_chain.sandbox import parameters
from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.arguments import UnknownNumber
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.store import Row
from wechatpay_chain.sandbox.world import World

__all__ = ["PRODUCT", "turn"]

_REJECTED, _CANCELED = "REJECTED", "CANCELED"
_SIGN_PAGE = "https://pay.weixin.qq.com/public/apply4ec_sign/s?applymentId={}"


class _Kind(NamedTuple):
    """One API of applications: its path, the merchant's number, and how it tells a state.

    ``states`` are what an application is after so many seconds, the last first; from ``signed`` on it has its
    sub-merchant. ``absent`` is what a number that nobody made is told.
    """

    path: str
    number: Rule
    name: str
    prefix: str
    about: str
    states: tuple[tuple[float, str, str], ...]
    signed: tuple[str, ...]
    absent: tuple[str, str]


_NUMBER = Rule(124, 1, re.compile("[0-9A-Za-z_]+"))
_KINDS = (
    _Kind(
        "/v3/applyment4sub/applyment/",
        _NUMBER,
        "business_code",
        "APPLYMENT_STATE_",
        "applyment_state_msg",
        ((180, "FINISHED", "已完成"), (120, "SIGNING", "开通权限中"), (60, "TO_BE_SIGNED", "待签约"),
         (0, "AUDITING", "审核中")),
        ("TO_BE_SIGNED", "SIGNING", "FINISHED"),
        # Captured: 400 PARAM_ERROR 未能找到申请单; the page's table has this code.
        ("APPLYMENT_NOT_EXIST", "申请单不存在"),
    ),
    _Kind(
        "/v3/ecommerce/applyments/",
        Rule(124),
        "out_request_no",
        "",
        "applyment_state_desc",
        ((120, "FINISH", "完成"), (60, "NEED_SIGN", "待签约"), (30, "AUDITING", "审核中"),
         (0, "CHECKING", "资料校验中")),
        ("NEED_SIGN", "FINISH"),
        ("RESOURCE_NOT_EXISTS", "记录不存在"),
    ),
)  # fmt: skip
_BY_PATH: Mapping[str, _Kind] = {kind.path: kind for kind in _KINDS}


def turn(world: World, number: str, state: str, reason: str = "") -> None:
    """Let an application take a state, such as REJECTED, and stay there.

    Raises UnknownNumber for a number that nobody handed in, and ValueError for a state that its API does not have.
    """
    row = world.store.one("SELECT * FROM applyments WHERE number=? ORDER BY id DESC", number)
    if row is None:
        raise UnknownNumber("application", number)
    known = [name for _, name, _ in _BY_PATH[row["path"]].states] + [_REJECTED, _CANCELED]
    if state not in known:
        raise ValueError(f"application {number!r:.80}: expected {', '.join(known)}, found {state!r:.40}")
    world.store.change("applyments", row["id"], state=state, reason=reason or "资料不清晰，请重新上传")


def _apply(call: Call) -> Answer:
    kind = _BY_PATH[call.route.path]
    number = call.fields.get(kind.name)
    if not number:
        raise wrong(kind.name, "必填")
    parameters.check_rules(call.operation, {kind.name: kind.number}, call.fields)
    row = _row(call, kind, "number", number)
    if row is not None and row["state"] == _REJECTED:
        # What was rejected is handed in again under its number.
        call.world.store.change("applyments", row["id"], state=None, created=call.now)
    if row is None:
        call.world.store.add(
            "applyments",
            path=kind.path,
            number=number,
            applyment_id=2 * 10**15 + secrets.randbelow(10**12),
            sub_mchid=f"17{secrets.randbelow(10**8):08d}",
            created=call.now,
            state=None,
            reason="",
        )
        row = _row(call, kind, "number", number)
    told = {"applyment_id": row["applyment_id"] if row is not None else 0}
    return Answer.of(200, told if kind is _KINDS[0] else {**told, kind.name: number})


def _query(call: Call) -> Answer:
    kind, row = _found(call)
    state, about = _state(call, kind, row)
    told = {
        kind.name: row["number"],
        "applyment_id": row["applyment_id"],
        "applyment_state": f"{kind.prefix}{state}",
        kind.about: about,
    }
    if state in kind.signed:
        told["sub_mchid"] = row["sub_mchid"]
    if state == kind.signed[0]:
        told["sign_url"] = _SIGN_PAGE.format(row["applyment_id"])
    if kind is not _KINDS[0] and state in kind.signed:
        told["sign_state"] = "UNSIGNED" if state == kind.signed[0] else "SIGNED"
    if state == _REJECTED:
        names = ("field", "field_name") if kind is _KINDS[0] else ("param_name",)
        fields = dict(zip(names, ("id_card_copy", "身份证复印件"), strict=False))
        told["audit_detail"] = [{**fields, "reject_reason": row["reason"]}]
    return Answer.of(200, told)


def _revoke(call: Call) -> Answer:
    kind, row = _found(call)
    state, _ = _state(call, kind, row)
    if state in (kind.states[0][1], _CANCELED):
        raise Refusal(400, "INVALID_REQUEST", f"申请单状态为{state}，不支持撤销")
    call.world.store.change("applyments", row["id"], state=_CANCELED)
    return Answer.of(200, {"applyment_id": row["applyment_id"], kind.name: row["number"]})


def _state(call: Call, kind: _Kind, row: Row) -> tuple[str, str]:
    texts = {_REJECTED: "已驳回", _CANCELED: "已作废", **{name: about for _, name, about in kind.states}}
    if row["state"]:
        return row["state"], texts[row["state"]]
    age = call.now - row["created"]
    name = next((name for after, name, _ in kind.states if age >= after), kind.states[-1][1])
    return name, texts[name]


def _found(call: Call) -> tuple[_Kind, Row]:
    kind = next(kind for kind in _KINDS if call.route.path.startswith(kind.path))
    column = "applyment_id" if "applyment_id" in call.path else "number"
    row = _row(call, kind, column, call.path["applyment_id" if column == "applyment_id" else kind.name])
    if row is None:
        raise Refusal(404, *kind.absent)
    return kind, row


def _row(call: Call, kind: _Kind, column: str, value: Any) -> Row | None:
    sql = f"SELECT * FROM applyments WHERE path=? AND {column}=?"  # noqa: S608
    return call.world.store.one(sql, kind.path, int(value) if column == "applyment_id" else value)


_SUB, _ECOMMERCE = (kind.path for kind in _KINDS)
PRODUCT = Product(
    name="applyments",
    tables=(
        "CREATE TABLE IF NOT EXISTS applyments (id INTEGER PRIMARY KEY, path TEXT NOT NULL, number TEXT NOT NULL,"
        " applyment_id INTEGER NOT NULL UNIQUE, sub_mchid TEXT NOT NULL, created REAL NOT NULL, state TEXT,"
        " reason TEXT NOT NULL, UNIQUE (path, number))",
    ),
    routes=(
        *(Route("POST", path, _apply, optional=frozenset({"*"})) for path in _BY_PATH),
        Route("GET", f"{_SUB}applyment_id/{{applyment_id}}", _query),
        Route("GET", f"{_SUB}business_code/{{business_code}}", _query),
        Route("GET", f"{_ECOMMERCE}{{applyment_id}}", _query),
        Route("GET", f"{_ECOMMERCE}out-request-no/{{out_request_no}}", _query),
        Route("POST", f"{_ECOMMERCE}{{applyment_id}}/revoke", _revoke),
        Route("POST", f"{_ECOMMERCE}out-request-no/{{out_request_no}}/revoke", _revoke),
    ),
)
