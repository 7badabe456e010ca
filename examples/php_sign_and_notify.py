"""Sign for JSAPI, and read a notification: the README of wechatpay-php, with its helper classes."""

from __future__ import annotations

import json

from wechatpay_chain import Sandbox
from wechatpay_chain.php import AesGcm, Formatter, Rsa

with Sandbox() as gateway:
    merchant_private_key = Rsa.from_(gateway.configuration()["private_key"])

    # JSAPI 调起支付: four lines are signed, in this order.
    params = {
        "appId": "wx8888888888888888",
        "timeStamp": str(Formatter.timestamp()),
        "nonceStr": Formatter.nonce(),
        "package": "prepay_id=wx201410272009395522657a690389285100",
    }
    params |= {
        "paySign": Rsa.sign(Formatter.joinedByLineFeed(*params.values()), merchant_private_key),
        "signType": "RSA",
    }
    print(json.dumps(params))

    # 回调通知: what WeChat Pay would post, made here with the sandbox's keys.
    apiv3_key = gateway.identity.apiv3_key
    iv, aad = Formatter.nonce(12), "transaction"
    plain = json.dumps({"out_trade_no": "1217752501201407033233368018", "trade_state": "SUCCESS"})
    in_body = json.dumps(
        {
            "id": "EV-2018022511223320873",
            "event_type": "TRANSACTION.SUCCESS",
            "resource_type": "encrypt-resource",
            "resource": {
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": AesGcm.encrypt(plain, apiv3_key, iv, aad),
                "nonce": iv,
                "associated_data": aad,
            },
        }
    )
    in_timestamp, in_nonce = str(Formatter.timestamp()), Formatter.nonce()
    in_signature = Rsa.sign(Formatter.joinedByLineFeed(in_timestamp, in_nonce, in_body), gateway.identity.public_key)
    in_serial = gateway.identity.public_key_id

    # The receiver: freshness, then the signature over the body as it came, then the text inside.
    platform_public_key = Rsa.from_(gateway.configuration()["certs"][in_serial], Rsa.KEY_TYPE_PUBLIC)
    time_offset_status = abs(Formatter.timestamp() - int(in_timestamp)) <= 300
    verified_status = Rsa.verify(
        Formatter.joinedByLineFeed(in_timestamp, in_nonce, in_body), in_signature, platform_public_key
    )
    if time_offset_status and verified_status:
        in_body_array = json.loads(in_body)
        resource = in_body_array["resource"]
        in_body_resource = AesGcm.decrypt(
            resource["ciphertext"], apiv3_key, resource["nonce"], resource["associated_data"]
        )
        print(json.loads(in_body_resource))
