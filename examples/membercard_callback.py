"""Patch and read the callback address of member cards, as the JS documentation does."""

from __future__ import annotations

from wechatpay_chain import Sandbox

with Sandbox() as gateway, gateway.client() as wxpay:
    notify_url = "https://pay.weixin.qq.com"

    # wxpay.v3.marketing.membercardOpen.callback.patch({ notify_url })
    print(wxpay.v3.marketing.membercardOpen.callback.patch({"notify_url": notify_url}).data)

    # wxpay.v3.marketing.membercardOpen.callback.get({}).then(({ data: { notify_url, mchid } }) => …)
    told = wxpay.v3.marketing.membercardOpen.callback.get_async({}).then(lambda answer: answer.data).wait()
    print(told["notify_url"], told["mchid"])
    print(wxpay.v3.marketing.membercardOpen.callback.get({}).data)
    print(wxpay.v3.marketing.membercardOpen.callback.get().data)
