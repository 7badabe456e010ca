"""APIv2: pay a transfer with the merchant's TLS certificate: the README of wechatpay-php, its arrows as dots."""

from __future__ import annotations

from wechatpay_chain import Sandbox
from wechatpay_chain.php import Transformer

# 'secret' is the APIv2 key, 'merchant' the TLS certificate: ['cert' => …, 'key' => …].
with Sandbox() as gateway, gateway.builder(merchant=gateway.merchant) as instance:
    res = (
        instance.v2.mmpaymkttransfers.promotion.transfers.postAsync(
            {
                "xml": {
                    "mch_appid": "wx8888888888888888",
                    "mchid": gateway.mchid,
                    "partner_trade_no": "10000098201411111234567890",
                    "openid": "oxTWIuGaIt6gTKsQRLau2M0yL16E",
                    "check_name": "FORCE_CHECK",
                    "re_user_name": "收款人姓名",
                    "amount": "10099",
                    "desc": "理赔",
                    "spbill_create_ip": "192.168.0.1",
                },
                # The call shows the merchant's certificate.
                "security": True,
            }
        )
        .then(lambda response: Transformer.toArray(str(response.getBody())))
        .otherwise(lambda e: Transformer.toArray(str(e.getResponse().getBody())) if e.hasResponse() else [])
        .wait()
    )
    print(res["return_code"], res["result_code"], res["partner_trade_no"])

    # A query by get: signed in its parameters. 委托代扣签约
    response = instance.v2.papay.entrustweb.get(
        {
            "query": {
                "appid": "wx8888888888888888",
                "mch_id": gateway.mchid,
                "plan_id": "12535",
                "contract_code": "100000",
                "notify_url": "https://weixin.qq.com/",
                "version": "1.0",
                "timestamp": "1414488825",
            }
        }
    )
    print(response.getStatusCode())
