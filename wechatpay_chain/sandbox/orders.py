"""Orders, refunds and applications of the sandbox: made, paid by hand, asked for, closed and refunded."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from wechatpay_chain.sandbox.answer import Answer, Received, Refusal, wrong
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.platform import Platform

__all__ = ["Orders"]

_BEIJING = timezone(timedelta(hours=8))
# What each way of paying answers with, and how it is named in an order.
_WAYS: Mapping[str, tuple[str, str]] = {
    "native": ("code_url", "NATIVE"),
    "jsapi": ("prepay_id", "JSAPI"),
    "app": ("prepay_id", "APP"),
    "h5": ("h5_url", "MWEB"),
}
_ENDED = {"SUCCESS": "ORDERPAID", "CLOSED": "ORDER_CLOSED"}
_TEXT = ("appid", "mchid", "description", "out_trade_no", "notify_url")
# Fields of an application that travel encrypted, wherever they stand.
_SEALED = re.compile("mobile_phone|contact_(name|id_number|email|phone)|id_card_(name|number)|account_(name|number)")


class Orders:
    """The orders of one merchant by ``out_trade_no``, and their refunds by ``out_refund_no``."""

    def __init__(self, identity: Identity, platform: Platform) -> None:
        self._identity = identity
        self._platform = platform
        self._orders: dict[str, dict[str, Any]] = {}
        self._refunds: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def answer(self, request: Received, read: Callable[[], Mapping[str, Any]]) -> Answer | None:
        """The answer of an API that is here, None for any other; ``read`` gives its fields. Raises Refusal."""
        path = request.target.partition("?")[0]
        for method, pattern, reply in _ROUTES:
            matched = re.fullmatch(pattern, path)
            if matched and request.method == method:
                fields = read()
                with self._lock:
                    return reply(self, matched, fields, request)
        return None

    def pay(self, out_trade_no: str) -> str:
        """Pay an order as a payer would; its ``transaction_id``. KeyError for an order that is not there."""
        with self._lock:
            order = self._orders[out_trade_no]
            order.update(
                trade_state="SUCCESS",
                trade_state_desc="支付成功",
                transaction_id=f"42000{secrets.randbelow(10**23):023d}",
                success_time=_now(),
                bank_type="OTHERS",
                payer={"openid": f"o{secrets.token_urlsafe(20)}"},
            )
            return str(order["transaction_id"])

    def paid_on(self, date: str) -> list[dict[str, Any]]:
        """The orders that were paid on a day such as ``2026-11-01``, in Beijing."""
        with self._lock:
            return [dict(order) for order in self._orders.values() if order.get("success_time", "")[:10] == date]

    def _create(self, matched: re.Match[str], fields: Mapping[str, Any], request: Received) -> Answer:
        for name in _TEXT:
            if not isinstance(fields.get(name), str) or not fields[name]:
                raise wrong(name, "必填，且为字符串")
        amount = fields.get("amount")
        amount = amount if isinstance(amount, dict) else {}
        total = amount.get("total")
        if not isinstance(total, int) or isinstance(total, bool) or total < 1:
            raise wrong("amount/total", "必填，且为正整数")
        if fields["mchid"] != self._identity.mchid:
            raise Refusal(400, "PARAM_ERROR", "商户号与签名的商户号不一致")
        known = self._orders.get(fields["out_trade_no"])
        if known is not None and known["trade_state"] in _ENDED:
            raise Refusal(400, _ENDED[known["trade_state"]], known["trade_state_desc"])
        name, trade_type = _WAYS[matched[1]]
        self._orders[fields["out_trade_no"]] = {
            **{key: fields[key] for key in ("appid", "mchid", "out_trade_no", "attach") if key in fields},
            "trade_type": trade_type,
            "trade_state": "NOTPAY",
            "trade_state_desc": "订单未支付",
            "amount": {"currency": "CNY", **amount},
        }
        token = secrets.token_hex(12)
        told = {
            "code_url": f"weixin://wxpay/bizpayurl?pr={token}",
            "prepay_id": f"wx{token}",
            "h5_url": f"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx{token}",
        }
        return Answer.of(200, {name: told[name]})

    def _query(self, matched: re.Match[str], fields: Mapping[str, Any], request: Received) -> Answer:
        if fields.get("mchid") != self._identity.mchid:
            raise wrong("mchid", "必填，且为调用者的商户号", "query")
        return Answer.of(200, self._found(matched[1], matched[2]))

    def _close(self, matched: re.Match[str], fields: Mapping[str, Any], request: Received) -> Answer:
        if fields.get("mchid") != self._identity.mchid:
            raise wrong("mchid", "必填，且为调用者的商户号")
        order = self._found("out-trade-no", matched[1])
        if order["trade_state"] == "SUCCESS":
            raise Refusal(400, "ORDERPAID", "订单已支付")
        order.update(trade_state="CLOSED", trade_state_desc="订单已关闭")
        return Answer.of(204)

    def _found(self, kind: str, number: str) -> dict[str, Any]:
        name = "transaction_id" if kind == "id" else "out_trade_no"
        order = next((each for each in self._orders.values() if each.get(name) == number), None)
        if order is None:
            raise Refusal(404, "ORDER_NOT_EXIST", "订单不存在")
        return order

    def _refund(self, matched: re.Match[str], fields: Mapping[str, Any], request: Received) -> Answer:
        number = fields.get("out_refund_no")
        if not isinstance(number, str) or not number:
            raise wrong("out_refund_no", "必填，且为字符串")
        if number not in self._refunds:
            kind, name = ("id", "transaction_id") if "transaction_id" in fields else ("out-trade-no", "out_trade_no")
            order = self._found(kind, str(fields.get(name)))
            self._refunds[number] = self._made_refund(number, order, fields.get("amount"))
        return Answer.of(200, self._refunds[number])

    def _made_refund(self, number: str, order: Mapping[str, Any], amount: Any) -> dict[str, Any]:
        if order["trade_state"] != "SUCCESS":
            raise Refusal(400, "INVALID_REQUEST", "订单未支付")
        wanted = amount.get("refund") if isinstance(amount, dict) else None
        refunded = sum(
            each["amount"]["refund"]
            for each in self._refunds.values()
            if each["transaction_id"] == order["transaction_id"]
        )
        if not isinstance(wanted, int) or not 0 < wanted <= order["amount"]["total"] - refunded:
            raise Refusal(400, "PARAM_ERROR", "退款金额错误")
        return {
            "refund_id": f"50{secrets.randbelow(10**26):026d}",
            "out_refund_no": number,
            "transaction_id": order["transaction_id"],
            "out_trade_no": order["out_trade_no"],
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": _now(),
            "status": "PROCESSING",
            "amount": {**order["amount"], "refund": wanted},
        }

    def _refunded(self, matched: re.Match[str], fields: Mapping[str, Any], request: Received) -> Answer:
        if matched[1] not in self._refunds:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        return Answer.of(200, self._refunds[matched[1]])

    def _apply(self, matched: re.Match[str], fields: Mapping[str, Any], request: Received) -> Answer:
        if not fields.get("business_code") and not fields.get("out_request_no"):
            raise wrong("out_request_no" if matched[1].startswith("ecommerce") else "business_code", "必填")
        for name, value in _leaves(fields):
            if _SEALED.fullmatch(name):
                self._platform.opened(request, value, name)
        return Answer.of(200, {"applyment_id": 2_000_000_000_000 + secrets.randbelow(10**12)})


_Reply = Callable[[Orders, "re.Match[str]", Mapping[str, Any], Received], Answer]
_ROUTES: tuple[tuple[str, str, _Reply], ...] = (
    ("POST", "/v3/pay/transactions/(native|jsapi|app|h5)", Orders._create),
    ("GET", "/v3/pay/transactions/(id|out-trade-no)/([^/]+)", Orders._query),
    ("POST", "/v3/pay/transactions/out-trade-no/([^/]+)/close", Orders._close),
    ("POST", "/v3/refund/domestic/refunds", Orders._refund),
    ("GET", "/v3/refund/domestic/refunds/([^/]+)", Orders._refunded),
    ("POST", "/v3/(applyment4sub/applyment|ecommerce/applyments)/", Orders._apply),
)


def _leaves(value: Any, name: str = "") -> Any:
    """Every name with a plain value, however deep."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)
    else:
        yield name, value


def _now() -> str:
    return datetime.now(_BEIJING).isoformat(timespec="seconds")
