"""Apply for a merchant with encrypted fields: the README of wechatpay-php, its arrows as dots."""

from __future__ import annotations

from wechatpay_chain import Sandbox
from wechatpay_chain.php import Rsa

with Sandbox() as gateway, gateway.builder() as instance:
    # WeChat Pay's public key and its id, as the merchant console shows them.
    platform_public_key_id = gateway.identity.public_key_id
    platform_public_key = Rsa.from_(gateway.configuration()["certs"][platform_public_key_id], Rsa.KEY_TYPE_PUBLIC)

    def encryptor(msg: str) -> str:
        return Rsa.encrypt(msg, platform_public_key)

    resp = instance.chain("v3/applyment4sub/applyment/").post(
        {
            "json": {
                "business_code": "APL_98761234",
                "contact_info": {
                    "contact_name": encryptor("联系人姓名"),
                    "contact_id_number": encryptor("证件号码"),
                    "mobile_phone": encryptor("手机号码"),
                    "contact_email": encryptor("邮箱"),
                },
            },
            "headers": {
                # Names the key that the fields were encrypted with.
                "Wechatpay-Serial": platform_public_key_id,
            },
        }
    )
    print(resp.getStatusCode(), resp.data)
