"""The platform certificates that a merchant downloads.

A merchant that has only the public key is told 404: wechatpay-apiv3/wechatpay-java#306.
"""

from __future__ import annotations

from wechatpay_chain.sandbox.answer import Answer, Refusal
from wechatpay_chain.sandbox.product import Call, Product, Route

__all__ = ["PRODUCT"]

_NONE = "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。可查看指引 https://pay.weixin.qq.com/doc/v3/merchant/4012153196"


def _list(call: Call) -> Answer:
    listed = call.world.platform.list_certificates()
    if not listed:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", _NONE)
    return Answer.of(200, {"data": listed})


PRODUCT = Product(name="certificates", routes=(Route("GET", "/v3/certificates", _list),))
