"""A shop whose calls are tasks of Celery: a paid order is shipped, and a refund is repeated until it is made.

``WECHATPAY_…`` configure the merchant, ``SHOP_URL`` is the address under which WeChat Pay reaches the shop, and
``CELERY_BROKER_URL`` names the broker.
"""
