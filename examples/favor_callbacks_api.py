"""The API behind the callbacks of cash coupons: its parameters, its answer, and its error codes."""

from __future__ import annotations

from wechatpay_chain import Sandbox, errors

with Sandbox() as gateway, gateway.client() as wxpay:
    callbacks = wxpay.v3.marketing.favor.callbacks

    # 请求示例: switch is optional.
    stored = callbacks.post({"mchid": "9856888", "notify_url": "https://pay.weixin.qq.com"})
    print(stored.status, stored.data)

    # The same call by its path.
    stored = wxpay.chain("v3/marketing/favor/callbacks").post(
        {"mchid": "9856888", "notify_url": "https://pay.weixin.qq.com", "switch": False}
    )
    print(stored.status, stored.data)

    # 错误码: 400 PARAM_ERROR and the others carry what WeChat Pay said.
    try:
        callbacks.post({"mchid": "9856888"})
    except errors.RateLimited:
        print("slow down")
    except errors.ClientError as error:
        print(error.status, error.code, error.message, error.detail, error.request_id, error.verified)
