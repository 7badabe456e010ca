"""Order, query and refund: the README of wechatpay-php, its arrows as dots.

Run it as it stands: it calls a sandbox. For the real gateway, make ``instance`` with ``Builder.factory``.
"""

from __future__ import annotations

import json

from wechatpay_chain import Sandbox
from wechatpay_chain.php import RequestException, Response

with Sandbox() as gateway, gateway.builder() as instance:
    # Native 下单
    try:
        resp = instance.chain("v3/pay/transactions/native").post(
            {
                "json": {
                    "mchid": gateway.mchid,
                    "out_trade_no": "native12177525012014070332333",
                    "appid": "wxdace645e0bc2c424",
                    "description": "Image形象店-深圳腾大-QQ公仔",
                    "notify_url": "https://weixin.qq.com/",
                    "amount": {"total": 1, "currency": "CNY"},
                }
            }
        )
        print(resp.getStatusCode(), resp.getBody())
    except RequestException as e:
        print(e.getMessage())
        if e.hasResponse():
            r = e.getResponse()
            print(r.getStatusCode(), r.getReasonPhrase(), r.getBody())
        print(e.getTraceAsString())

    # The sandbox has no payer, so it is told to pay.
    transaction_id = gateway.pay("native12177525012014070332333")

    # 查单, by WeChat Pay's number
    promise = instance.v3.pay.transactions.id._transaction_id_.getAsync(
        {
            # Query parameters
            "query": {"mchid": gateway.mchid},
            # The value of <transaction_id> in the path
            "transaction_id": transaction_id,
        }
    ).then(lambda response: print(str(response.getBody())))
    promise.wait()

    # 退款, asynchronously
    def refunded(response: Response) -> None:
        print(json.loads(str(response.getBody()))["status"])

    def failed(e: Exception) -> None:
        print(e)

    promise = (
        instance.chain("v3/refund/domestic/refunds")
        .postAsync(
            {
                "json": {
                    "transaction_id": transaction_id,
                    "out_refund_no": "1217752501201407033233368018",
                    "amount": {"refund": 1, "total": 1, "currency": "CNY"},
                }
            }
        )
        .then(refunded)
        .otherwise(failed)
    )
    promise.wait()

    # 关单, which a paid order refuses
    (
        instance.v3.pay.transactions.outTradeNo._out_trade_no_.close.postAsync(
            {"json": {"mchid": gateway.mchid}, "out_trade_no": "native12177525012014070332333"}
        )
        .otherwise(failed)
        .wait()
    )
