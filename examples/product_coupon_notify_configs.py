"""Set and read the callback address of product coupons: the PHP documentation, its arrows as dots."""

from __future__ import annotations

import json
from typing import Any

from wechatpay_chain import Sandbox


def print_r(answer: Any) -> None:
    # print_r(json_decode((string) $response->getBody(), true));
    print(json.loads(str(answer.getBody())))


with Sandbox() as gateway, gateway.builder() as instance:
    # $instance->v3->marketing->partner->productCoupon->notifyConfigs
    # $instance->chain('v3/marketing/partner/product-coupon/notify-configs')
    # $instance['v3/marketing/partner/product-coupon/notify-configs']
    for chain in (
        instance.v3.marketing.partner.productCoupon.notifyConfigs,
        instance.chain("v3/marketing/partner/product-coupon/notify-configs"),
        instance["v3/marketing/partner/product-coupon/notify-configs"],
    ):
        chain.postAsync({"json": {"notify_url": "https://pay.weixin.qq.com"}}).then(print_r).wait()
        print_r(chain.post({"json": {"notify_url": "https://pay.weixin.qq.com"}}))
        chain.getAsync([]).then(print_r).wait()
        print_r(chain.get([]))
