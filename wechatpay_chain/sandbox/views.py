"""An order as WeChat Pay tells it: to a merchant, to a service provider, combined, and in APIv2.

Fields and when they are there: https://pay.weixin.qq.com/doc/v3/merchant/4012791859
"""

from __future__ import annotations

from typing import Any

from wechatpay_chain.sandbox.book import STATES, Combined, Order
from wechatpay_chain.sandbox.clock import compact, rfc3339, to_beijing

__all__ = ["combined_view", "order_view", "owners", "owners_v2", "v2_fields"]


def owners(order: Order) -> dict[str, Any]:
    """Whose an order is, in APIv3."""
    data = order.data
    if not data.get("sub_mchid"):
        return {"appid": data["appid"], "mchid": order.mchid}
    sub = {"sub_appid": data["sub_appid"]} if data.get("sub_appid") else {}
    return {"sp_appid": data["appid"], "sp_mchid": order.mchid, **sub, "sub_mchid": data["sub_mchid"]}


def owners_v2(order: Order) -> dict[str, Any]:
    """Whose an order is, in APIv2."""
    data = order.data
    sub = {"sub_appid": data.get("sub_appid"), "sub_mch_id": data.get("sub_mchid")}
    return {"appid": data["appid"], "mch_id": order.mchid, **{name: value for name, value in sub.items() if value}}


def order_view(order: Order) -> dict[str, Any]:
    """A single order, as a query and its notice have it; a service provider's with its own names."""
    data, paid = order.data, order.data.get("paid")
    told: dict[str, Any] = {
        **owners(order),
        "out_trade_no": order.out_trade_no,
        "trade_state": order.state,
        "trade_state_desc": STATES[order.state],
    }
    if order.paid is None or paid is None:
        # As captured: an order that is not paid has neither trade_type nor attach.
        return told | {
            "amount": {"total": order.total, "payer_currency": "CNY"},
            "promotion_detail": [],
            "scene_info": {"device_id": data.get("device_id", "")},
        }
    told |= {
        "transaction_id": order.transaction_id,
        "trade_type": data["trade_type"],
        "bank_type": paid["bank_type"],
        "success_time": rfc3339(order.paid),
        "payer": _payer(order, paid),
        "amount": {"total": order.total, "payer_total": order.total, "currency": "CNY", "payer_currency": "CNY"},
        "promotion_detail": [],
        "scene_info": {"device_id": data.get("device_id", "")},
    }
    return told | ({"attach": data["attach"]} if data.get("attach") else {})


def combined_view(whole: Combined) -> dict[str, Any]:
    """A combined order with its parts."""
    told: dict[str, Any] = {
        "combine_appid": whole.data["appid"],
        "combine_mchid": whole.mchid,
        "combine_out_trade_no": whole.number,
        "scene_info": {"device_id": whole.data.get("device_id", "")},
        "sub_orders": [_part(order) for order in whole.orders],
    }
    paid = whole.data.get("paid")
    if paid is not None:
        told["combine_transaction_id"] = whole.transaction_id
        told["combine_payer_info"] = {"openid": paid["openid"]}
    return told


def v2_fields(order: Order) -> dict[str, Any]:
    """An order as APIv2's query and notice have it, without what each answer has."""
    data, paid = order.data, order.data.get("paid")
    told: dict[str, Any] = {"device_info": data.get("device_id", ""), "out_trade_no": order.out_trade_no}
    if order.paid is None or paid is None:
        return told | {"total_fee": order.total}
    told |= {
        "openid": paid["openid"],
        "is_subscribe": "N",
        "trade_type": data["trade_type"],
        "bank_type": paid["bank_type"],
        "total_fee": order.total,
        "settlement_total_fee": order.total,
        "fee_type": "CNY",
        "cash_fee": order.total,
        "cash_fee_type": "CNY",
        "transaction_id": order.transaction_id,
        "attach": data.get("attach", ""),
        "time_end": compact(order.paid),
    }
    if data.get("sub_appid"):
        told |= {"sub_openid": paid["sub_openid"], "sub_is_subscribe": "N"}
    return told


def _payer(order: Order, paid: dict[str, Any]) -> dict[str, Any]:
    if not order.data.get("sub_mchid"):
        return {"openid": paid["openid"]}
    sub = {"sub_openid": paid["sub_openid"]} if order.data.get("sub_appid") else {}
    return {"sp_openid": paid["openid"], **sub}


def _part(order: Order) -> dict[str, Any]:
    data, paid = order.data, order.data.get("paid")
    told: dict[str, Any] = {
        "mchid": data["mchid"],
        "out_trade_no": order.out_trade_no,
        "trade_type": data["trade_type"],
        "trade_state": order.state,
        "attach": data["attach"],
        "amount": {"total_amount": order.total, "currency": "CNY"},
        "promotion_detail": [],
    }
    sub = {name: data[name] for name in ("sub_mchid", "sub_appid") if data.get(name)}
    if order.paid is None or paid is None:
        return told | sub
    if data.get("sub_appid"):
        sub["sub_openid"] = paid["sub_openid"]
    told["amount"] |= {"payer_amount": order.total, "payer_currency": "CNY"}
    # The examples of combined orders alone have milliseconds.
    time = to_beijing(order.paid).isoformat(timespec="milliseconds")
    return {**told, **sub, "transaction_id": order.transaction_id, "bank_type": paid["bank_type"], "success_time": time}
