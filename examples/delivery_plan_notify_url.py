"""Set the callback address of delivery plans: a path with a placeholder, in each of its spellings."""

from __future__ import annotations

from wechatpay_chain import Sandbox, errors

with Sandbox() as gateway, gateway.client() as wxpay:
    request = {"notify_url": "https://www.example.com/notify"}
    plan = wxpay.v3.marketing.partner.deliveryPlan

    spellings = [
        plan._sp_mchid_.notifyUrl,
        plan["<sp_mchid>"].notifyUrl,
        plan["{sp_mchid}"].notifyUrl,
        plan["$sp_mchid$"].notifyUrl,
        wxpay.chain("v3/marketing/partner/delivery-plan/<sp_mchid>/notify-url"),
        wxpay["v3/marketing/partner/delivery-plan/{sp_mchid}/notify-url"],
    ]
    for chain in spellings:
        print(chain, chain.post(request, sp_mchid="298689900").data)

    # The value may stand in the config, as in JS, or in the path itself.
    print(spellings[0].post(request, {"sp_mchid": "298689900"}).data)
    print((plan / "298689900").notifyUrl.post(request).data)
    print(spellings[0].post_async(request, sp_mchid="298689900").then(lambda answer: answer.data).wait())

    # A forgotten, empty or misspelt value never travels.
    for values in ({}, {"sp_mchid": ""}, {"sp_mchd": "298689900"}):
        try:
            spellings[0].post(request, values)
        except errors.ChainError as error:
            print(error)
