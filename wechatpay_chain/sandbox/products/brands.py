"""Paths of brands, of which no operation is documented: what came is told back, as an example."""

from __future__ import annotations

from wechatpay_chain.sandbox.answer import EXAMPLE, Answer
from wechatpay_chain.sandbox.product import Call, Product, Route

__all__ = ["PRODUCT"]


def _echo(call: Call) -> Answer:
    told = {"method": call.request.method, "path": call.request.target.partition("?")[0]}
    answer = Answer.of(200, {**told, **({"body": dict(call.fields)} if call.request.body else {})})
    answer.headers[EXAMPLE] = "1"
    return answer


PRODUCT = Product(name="brands", routes=(Route("*", "/brand/*", _echo),))
