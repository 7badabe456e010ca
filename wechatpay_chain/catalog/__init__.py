"""What is known of WeChat Pay's operations: for completion, help and the sandbox; no call depends on it.

Facts from TheNorthMemory/wechatpay-openapi (MIT), https://github.com/TheNorthMemory/wechatpay-openapi
"""
