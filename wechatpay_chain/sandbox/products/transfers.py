"""Transfers to users that confirm them: made, confirmed or cancelled, ended, and their notice.

WAIT_USER_CONFIRM becomes SUCCESS or FAIL when the user has confirmed, FAIL after 24 hours, and CANCELLED by way of
CANCELING when the merchant takes it back. Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012716434 (create),
4012716437 (query), 4012716458 (cancel), 4013778940 (errors).
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.sandbox import parameters
from wechatpay_chain.sandbox.answer import Answer, Refusal, wrong
from wechatpay_chain.sandbox.clock import rfc3339, to_beijing
from wechatpay_chain.sandbox.parameters import Rule
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.products.transactions import ADDRESS
from wechatpay_chain.sandbox.store import Row, dump, load
from wechatpay_chain.sandbox.world import World

__all__ = ["PRODUCT", "Transfer", "Transfers", "next_ends"]

_PATH = "/v3/fund-app/mch-transfer/transfer-bills"
_END, _EXPIRE = "transfer.cancel", "transfer.expire"
_WAITING, _OPEN = "WAIT_USER_CONFIRM", ("ACCEPTED", "PROCESSING", "WAIT_USER_CONFIRM", "TRANSFERING", "CANCELING")
_DAY = 86_400
# Seconds until a cancelled transfer has been taken back.
_TAKEN_BACK = 1.0
_RULES: Mapping[str, Rule] = {
    "appid": Rule(32),
    "out_bill_no": Rule(32, 1, re.compile("[0-9a-zA-Z]+")),
    "openid": Rule(64),
    "transfer_scene_id": Rule(36),
    # 32 characters, each of up to three bytes.
    "transfer_remark": Rule(96),
    "notify_url": ADDRESS._replace(most=256),
}
# 15 and 32 characters.
_REPORT_RULES: Mapping[str, Rule] = {"info_type": Rule(45), "info_content": Rule(96)}
# What each scene has to report: https://pay.weixin.qq.com/doc/v3/merchant/4013774588
_SCENES: Mapping[str, tuple[str, ...]] = {
    "1000": ("活动名称", "奖励说明"),
    "1005": ("岗位类型", "报酬说明"),
    "1011": ("赔付原因",),
}
_KNOWN_SCENES = ("1000", "1002", "1004", "1005", "1009", "1010", "1011", "1013")
_MOST, _NAMED_FROM, _NAMELESS_BELOW, _LEAST = 20_000_000, 200_000, 30, 10


@dataclass
class Transfer:
    """One transfer; ``data`` is how it was asked for. Times in seconds, amounts in fen."""

    id: int
    out_bill_no: str
    transfer_bill_no: str
    amount: int
    state: str
    created: float
    updated: float
    data: dict[str, Any]

    @classmethod
    def of(cls, row: Row) -> Transfer:
        """The transfer of a row."""
        *values, data = row
        return cls(*(*values, load(data)))


class Transfers:
    """The transfers in the store of one sandbox, at ``now``."""

    def __init__(self, world: World, now: float) -> None:
        self._world = world
        self._now = now

    def find_by_number(self, out_bill_no: str) -> Transfer | None:
        """By the merchant's number."""
        return self._one("out_bill_no", out_bill_no)

    def by_bill_no(self, transfer_bill_no: str) -> Transfer | None:
        """By WeChat Pay's number."""
        return self._one("transfer_bill_no", transfer_bill_no)

    def by_id(self, identifier: int) -> Transfer:
        """One that is known to be there."""
        found = self._one("id", identifier)
        if found is None:
            raise KeyError(identifier)
        return found

    def add(self, out_bill_no: str, amount: int, data: Mapping[str, Any], state: str = _WAITING) -> Transfer:
        """A new one."""
        package = base64.b64encode(b"\x00\x14\x10;\xea\x18" + secrets.token_bytes(30)).decode()
        identifier = self._world.store.add(
            "transfers",
            out_bill_no=out_bill_no,
            transfer_bill_no=f"1330{secrets.randbelow(10**12):012d}{to_beijing(self._now):%Y%m%d}{secrets.randbelow(10**10):010d}",
            amount=amount,
            state=state,
            created=self._now,
            updated=self._now,
            data=dump({**data, "package_info": package}),
        )
        self._world.later(self._now + _DAY, _EXPIRE, identifier)
        return self.by_id(identifier)

    def turn(self, transfer: Transfer, state: str, fail_reason: str = "") -> Transfer:
        """Let a transfer take a state; an end is told to the merchant. ValueError for what cannot follow."""
        if state not in (*next_ends(transfer), "CANCELING") or transfer.state not in _OPEN:
            raise ValueError(
                f"transfer {transfer.out_bill_no!r:.80} is {transfer.state}, which cannot become {state!r:.40}"
            )
        transfer.state, transfer.updated = state, self._now
        if state == "FAIL":
            transfer.data["fail_reason"] = fail_reason or "PAYEE_ACCOUNT_ABNORMAL"
        self._world.store.change(
            "transfers", transfer.id, state=state, updated=transfer.updated, data=dump(transfer.data)
        )
        self._world.cancel(_EXPIRE, transfer.id)
        if state == "CANCELING":
            self._world.later(self._now + _TAKEN_BACK, _END, transfer.id)
        elif transfer.data.get("notify_url"):
            self._world.notices.add(
                transfer.data["notify_url"], "MCHTRANSFER.BILL.FINISHED", self._notice(transfer), self._now
            )
        return transfer

    def last(self, count: int) -> list[Transfer]:
        """The newest, the newest first."""
        rows = self._world.store.all("SELECT * FROM transfers ORDER BY id DESC LIMIT ?", count)
        return [Transfer.of(row) for row in rows]

    def _notice(self, transfer: Transfer) -> dict[str, Any]:
        told = {
            "out_bill_no": transfer.out_bill_no,
            "transfer_bill_no": transfer.transfer_bill_no,
            "state": transfer.state,
            "mch_id": self._world.identity.mchid,
            "transfer_amount": transfer.amount,
            "openid": transfer.data["openid"],
            "create_time": rfc3339(transfer.created),
            "update_time": rfc3339(transfer.updated),
        }
        return told | ({"fail_reason": transfer.data["fail_reason"]} if transfer.state == "FAIL" else {})

    def _one(self, column: str, value: Any) -> Transfer | None:
        row = self._world.store.one(f"SELECT * FROM transfers WHERE {column}=?", value)  # noqa: S608
        return None if row is None else Transfer.of(row)


def next_ends(transfer: Transfer) -> tuple[str, ...]:
    """The ends that a transfer can come to."""
    if transfer.state == "CANCELING":
        return ("CANCELLED",)
    return ("SUCCESS", "FAIL", "CANCELLED") if transfer.state in _OPEN else ()


def _create(call: Call) -> Answer:
    fields = call.fields
    parameters.check_rules(call.operation, _RULES, fields)
    _check_amount(fields)
    _check_scene(call)
    transfers = Transfers(call.world, call.now)
    known = transfers.find_by_number(fields["out_bill_no"])
    if known is not None and known.data["request"] != _request(fields):
        # ALREADY_EXISTS is listed too.
        raise Refusal(400, "INVALID_REQUEST", "单号已存在但信息不一致，请查单后比较确认")
    data = {
        name: fields[name]
        for name in ("appid", "openid", "transfer_remark", "notify_url", "user_name")
        if fields.get(name)
    }
    data |= {"request": _request(fields)}
    transfer = known or transfers.add(fields["out_bill_no"], fields["transfer_amount"], data)
    told = {
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "create_time": rfc3339(transfer.created),
        "state": transfer.state,
    }
    if transfer.state == _WAITING:
        told["package_info"] = transfer.data["package_info"]
    return Answer.of(200, told | _failure(transfer))


def _request(fields: Mapping[str, Any]) -> dict[str, Any]:
    return dict(fields)


def _failure(transfer: Transfer) -> dict[str, str]:
    return {"fail_reason": transfer.data["fail_reason"]} if transfer.state == "FAIL" else {}


def _check_amount(fields: Mapping[str, Any]) -> None:
    amount = fields["transfer_amount"]
    if not _LEAST <= amount <= _MOST:
        raise Refusal(400, "INVALID_REQUEST", "超过单笔转账上下限，核实产品设置是否准确")
    if amount >= _NAMED_FROM and not fields.get("user_name"):
        raise wrong("user_name", "转账金额大于等于2000元时必填")
    if amount < _NAMELESS_BELOW and fields.get("user_name"):
        raise wrong("user_name", "转账金额小于0.3元时不允许填写")


def _check_scene(call: Call) -> None:
    fields = call.fields
    scene = fields["transfer_scene_id"]
    if scene not in _KNOWN_SCENES:
        raise Refusal(400, "INVALID_REQUEST", "你尚未获取该转账场景")
    reports = fields["transfer_scene_report_infos"]
    for place, report in enumerate(reports):
        parameters.check_rules(call.operation, _REPORT_RULES, report, f"transfer_scene_report_infos/{place}/")
    given = {report["info_type"] for report in reports if report.get("info_content")}
    if not reports or not {*_SCENES.get(scene, ())} <= given:
        raise Refusal(400, "PARAM_ERROR", "未传入完整且对应的转账场景报备信息，请根据接口文档检查")


def _query(call: Call) -> Answer:
    transfers = Transfers(call.world, call.now)
    if "out_bill_no" in call.path:
        transfer = transfers.find_by_number(call.path["out_bill_no"])
    else:
        transfer = transfers.by_bill_no(call.path["transfer_bill_no"])
    if transfer is None:
        raise _not_found()
    data = transfer.data
    told = {
        "mch_id": call.mchid,
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "appid": data["appid"],
        "state": transfer.state,
        "transfer_amount": transfer.amount,
        "transfer_remark": data["transfer_remark"],
        "openid": data["openid"],
        "create_time": rfc3339(transfer.created),
        "update_time": rfc3339(transfer.updated),
    }
    if data.get("user_name"):
        told["user_name"] = asymmetric.encrypt(data["user_name"], call.world.identity.merchant_key.public_key())
    return Answer.of(200, told | _failure(transfer))


def _cancel(call: Call) -> Answer:
    transfers = Transfers(call.world, call.now)
    transfer = transfers.find_by_number(call.path["out_bill_no"])
    if transfer is None:
        raise _not_found()
    if transfer.state not in (*_OPEN, "CANCELLED"):
        raise Refusal(400, "INVALID_REQUEST", "当前订单状态不支持撤销，请查单确认")
    if transfer.state not in ("CANCELING", "CANCELLED"):
        transfers.turn(transfer, "CANCELING")
    told = {"out_bill_no": transfer.out_bill_no, "transfer_bill_no": transfer.transfer_bill_no, "state": transfer.state}
    return Answer.of(200, {**told, "update_time": rfc3339(transfer.updated)})


def _not_found() -> Refusal:
    return Refusal(404, "NOT_FOUND", "记录不存在")


def _take_back(world: World, identifier: int, at: float) -> None:
    transfers = Transfers(world, at)
    transfer = transfers.by_id(identifier)
    if transfer.state == "CANCELING":
        transfers.turn(transfer, "CANCELLED")


def _expire(world: World, identifier: int, at: float) -> None:
    """Nobody confirmed within a day."""
    transfers = Transfers(world, at)
    transfer = transfers.by_id(identifier)
    if transfer.state == _WAITING:
        transfers.turn(transfer, "FAIL", "OVERDUE_CLOSE")


PRODUCT = Product(
    name="transfers",
    tables=(
        "CREATE TABLE IF NOT EXISTS transfers (id INTEGER PRIMARY KEY, out_bill_no TEXT NOT NULL UNIQUE,"
        " transfer_bill_no TEXT NOT NULL UNIQUE, amount INTEGER NOT NULL, state TEXT NOT NULL, created REAL NOT NULL,"
        " updated REAL NOT NULL, data TEXT NOT NULL)",
    ),
    routes=(
        Route("POST", _PATH, _create, is_strict=True),
        Route("GET", f"{_PATH}/out-bill-no/{{out_bill_no}}", _query),
        Route("GET", f"{_PATH}/transfer-bill-no/{{transfer_bill_no}}", _query),
        Route("POST", f"{_PATH}/out-bill-no/{{out_bill_no}}/cancel", _cancel),
    ),
    jobs={_END: _take_back, _EXPIRE: _expire},
    notices=("MCHTRANSFER.BILL.FINISHED",),
)
