"""Applications of sub-merchants: made, and asked for.

A body may be shorter than WeChat Pay takes, as the documentation's short examples are: what is there is checked.
Source: https://pay.weixin.qq.com/doc/v3/partner/4012697052
"""

from __future__ import annotations

from wechatpay_chain.sandbox.answer import Answer, wrong
from wechatpay_chain.sandbox.product import Call, Product, Route
from wechatpay_chain.sandbox.products import stored

__all__ = ["PRODUCT"]

_NAMES = {"/v3/applyment4sub/applyment/": "business_code", "/v3/ecommerce/applyments/": "out_request_no"}


def _apply(call: Call) -> Answer:
    name = _NAMES[call.route.path]
    if not call.fields.get(name):
        raise wrong(name, "必填")
    return stored.reply(call)


PRODUCT = Product(
    name="applyments",
    routes=tuple(Route("POST", path, _apply, optional=frozenset({"*"})) for path in _NAMES),
)
