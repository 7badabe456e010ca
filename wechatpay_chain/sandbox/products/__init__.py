"""The products of the sandbox, one file each; what none of them has is answered as the catalogue documents it."""

from __future__ import annotations

from wechatpay_chain.sandbox.product import Product
from wechatpay_chain.sandbox.products import (
    bills,
    brands,
    callbacks,
    certificates,
    codepay,
    combine,
    refunds,
    transactions,
    transfers,
    v2_orders,
    v2_refunds,
)

__all__ = ["PRODUCTS"]

PRODUCTS: tuple[Product, ...] = (
    transactions.PRODUCT,
    codepay.PRODUCT,
    combine.PRODUCT,
    v2_orders.PRODUCT,
    refunds.PRODUCT,
    v2_refunds.PRODUCT,
    transfers.PRODUCT,
    bills.PRODUCT,
    certificates.PRODUCT,
    callbacks.PRODUCT,
    brands.PRODUCT,
)
