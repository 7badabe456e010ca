"""Orders, their notices, queries and refunds. Views that a shop's pages call keep Django's protection against CSRF."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from django_shop.models import Order
from wechatpay_chain import Notification, Wechatpay, errors
from wechatpay_chain.web import Seen
from wechatpay_chain.web.django import receive

APPID = os.environ.get("SHOP_APPID", "wxd678efh567hg6787")
# What the shop sells, and for how many fen: a customer names the goods, never the price.
GOODS = {"book": ("A book", 4900)}
# One client for all threads of a process.
wxpay = Wechatpay.from_env()


def refused(view: Callable[..., JsonResponse]) -> Callable[..., JsonResponse]:
    """Answer 502 with WeChat Pay's code where it refuses."""

    @wraps(view)
    def answer(*args: Any, **options: Any) -> JsonResponse:
        try:
            return view(*args, **options)
        except errors.ApiError as error:
            return JsonResponse({"code": error.code, "message": error.message}, status=502)

    return answer


@require_POST
@refused
def order(request: HttpRequest, name: str) -> JsonResponse:
    """A new order and the address of its QR code."""
    if name not in GOODS:
        raise Http404
    number, (description, total) = uuid.uuid4().hex, GOODS[name]
    # Written before it is sent: an order that WeChat Pay knows is never unknown here.
    Order.objects.create(number=number, total=total)
    fields = {"appid": APPID, "mchid": wxpay.mchid, "description": description, "out_trade_no": number}
    fields |= {"notify_url": f"{os.environ['SHOP_URL']}/notify"}
    body = {**fields, "amount": {"total": total, "currency": "CNY"}}
    answer = wxpay.v3.pay.transactions.native.post(body, retry=3)
    return JsonResponse({"number": number, "code_url": answer.data["code_url"]})


@receive(wxpay, seen=Seen(os.environ.get("SHOP_DB", "shop.sqlite") + ".notices"))
def notify(notice: Notification) -> None:
    """Verified, decrypted, and called once for each notice."""
    if notice.event_type == "TRANSACTION.SUCCESS":
        Order.objects.filter(number=notice.resource["out_trade_no"]).update(is_paid=True)


@require_GET
@refused
def show(request: HttpRequest, number: str) -> JsonResponse:
    """What the shop was told, and what WeChat Pay says now."""
    known = get_object_or_404(Order, number=number)
    node = wxpay.v3.pay.transactions.outTradeNo._out_trade_no_
    query = node.get(params={"mchid": wxpay.mchid}, out_trade_no=number)
    known.refresh_from_db()
    return JsonResponse({"number": number, "noticed": known.is_paid, "state": query.data["trade_state"]})


@require_POST
@refused
def refund(request: HttpRequest, number: str) -> JsonResponse:
    """The whole amount; the same number refunds once, however often the button is pressed."""
    total = get_object_or_404(Order, number=number).total
    fields = {"out_trade_no": number, "out_refund_no": f"refund-{number}"}
    amount = {"refund": total, "total": total, "currency": "CNY"}
    answer = wxpay.v3.refund.domestic.refunds.post({**fields, "amount": amount}, retry=3)
    return JsonResponse({"number": number, "refund": answer.data["status"]})
