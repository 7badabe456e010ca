"""Orders that the sandbox takes, and holds to be paid at once."""

from __future__ import annotations

import json
import re
import secrets
import threading
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

from wechatpay_chain.sandbox.answer import Answer, Received, Refusal

__all__ = ["Order", "Orders"]

_BEIJING = timezone(timedelta(hours=8))
_PLACE = re.compile("/v3/pay/transactions/(jsapi|app|native|h5)")
_QUERY = re.compile("/v3/pay/transactions/out-trade-no/([^/]+)")
_NUMBER = re.compile(r"[0-9A-Za-z_|*-]{6,32}")
_MOST_FEN = 10**11


class Order(NamedTuple):
    """One order: its numbers, its amount in yuan, and when it was placed, in Beijing."""

    out_trade_no: str
    transaction_id: str
    amount: Decimal
    trade_type: str
    paid: datetime


class Orders:
    """The orders of one sandbox."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._lock = threading.Lock()

    def answer(self, request: Received) -> Answer | None:
        """The unsigned answer to placing or querying an order, None for any other; raises Refusal."""
        path = request.target.partition("?")[0]
        placed, queried = _PLACE.fullmatch(path), _QUERY.fullmatch(path)
        if placed and request.method == "POST":
            return Answer.of(200, self._place(placed[1], request.body))
        if queried and request.method == "GET":
            return Answer.of(200, self._query(queried[1]))
        return None

    def of(self, date: str) -> tuple[Order, ...]:
        """Those of one day such as ``2026-11-01``, in the order of their coming."""
        with self._lock:
            return tuple(order for order in self._orders.values() if order.paid.date().isoformat() == date)

    def _place(self, kind: str, body: bytes) -> dict[str, str]:
        number, fen = _fields(body)
        order = Order(
            number,
            f"42000{secrets.randbelow(10**23):023d}",
            Decimal(fen).scaleb(-2),
            "MWEB" if kind == "h5" else kind.upper(),
            datetime.now(_BEIJING),
        )
        with self._lock:
            if self._orders.setdefault(number, order) is not order and self._orders[number].amount != order.amount:
                raise Refusal(400, "INVALID_REQUEST", "商户订单号重复")
        token = secrets.token_hex(16)
        if kind == "native":
            return {"code_url": f"weixin://wxpay/bizpayurl?pr={token[:9]}"}
        if kind == "h5":
            return {"h5_url": f"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx{token}"}
        return {"prepay_id": f"wx{token}"}

    def _query(self, number: str) -> dict[str, Any]:
        with self._lock:
            order = self._orders.get(number)
        if order is None:
            raise Refusal(404, "ORDER_NOT_EXIST", "订单不存在")
        return {
            "out_trade_no": order.out_trade_no,
            "transaction_id": order.transaction_id,
            "trade_type": order.trade_type,
            "trade_state": "SUCCESS",
            "success_time": order.paid.isoformat(timespec="seconds"),
            "amount": {"total": int(order.amount.scaleb(2)), "currency": "CNY"},
        }


def _fields(body: bytes) -> tuple[str, int]:
    """Number and amount in fen of an order; Refusal for what WeChat Pay would not take."""
    try:
        fields = json.loads(body)
        number, total = fields["out_trade_no"], fields["amount"]["total"]
    except (ValueError, RecursionError, LookupError, TypeError):
        raise Refusal(400, "PARAM_ERROR", "参数 out_trade_no 或 amount.total 缺失") from None
    if not isinstance(number, str) or not _NUMBER.fullmatch(number):
        raise Refusal(400, "PARAM_ERROR", "参数 out_trade_no 错误")
    if type(total) is not int or not 0 < total < _MOST_FEN:
        raise Refusal(400, "PARAM_ERROR", "参数 amount.total 错误")
    return number, total
