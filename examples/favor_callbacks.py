"""Set and read the callback address of cash coupons, as the JS documentation does.

Run it as it stands: it calls a sandbox. For the real gateway, make ``wxpay`` with ``Wechatpay.from_env()``.
"""

from __future__ import annotations

from wechatpay_chain import Sandbox

with Sandbox() as gateway, gateway.client() as wxpay:
    mchid = gateway.mchid
    notify_url = "https://pay.weixin.qq.com"
    flag = True

    # wxpay.v3.marketing.favor.callbacks.post({ mchid, notify_url, switch: flag })
    stored = wxpay.v3.marketing.favor.callbacks.post({"mchid": mchid, "notify_url": notify_url, "switch": flag})
    print(stored.data["update_time"], stored.data["notify_url"])

    # … .then(({ data: { update_time, notify_url } }) => ({ update_time, notify_url }))
    told = (
        wxpay.v3.marketing.favor.callbacks.post_async({"mchid": mchid, "notify_url": notify_url, "switch": flag})
        .then(lambda answer: {name: answer.data[name] for name in ("update_time", "notify_url")})
        .wait()
    )
    print(told)

    # wxpay.v3.marketing.favor.callbacks({ … }), the shorthand
    wxpay.v3.marketing.favor.callbacks({"mchid": mchid, "notify_url": notify_url, "switch": flag})

    # wxpay.v3.marketing.favor.callbacks.get({ params })
    params = {"mchid": mchid}
    print(wxpay.v3.marketing.favor.callbacks.get({"params": params}).data)
    print(wxpay.v3.marketing.favor.callbacks.get_async({"params": params}).then(lambda answer: answer.data).wait())
