"""A shop in Django: orders with a QR code, notices, queries and refunds; its orders are a model.

``WECHATPAY_…`` configure the merchant, ``SHOP_URL`` is the address under which WeChat Pay reaches the shop.
"""
