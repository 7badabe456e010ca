"""The products of the sandbox, one file each; what none of them has is answered as the catalogue documents it."""

from __future__ import annotations

from wechatpay_chain.sandbox.product import Product
from wechatpay_chain.sandbox.products import (
    applyments,
    bills,
    brands,
    busifavor,
    callbacks,
    codepay,
    combine,
    complaints,
    favor,
    parking,
    payscore,
    platform_certificates,
    refunds,
    sharing,
    transactions,
    transfer_batches,
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
    transfer_batches.PRODUCT,
    sharing.PRODUCT,
    bills.PRODUCT,
    platform_certificates.PRODUCT,
    callbacks.PRODUCT,
    favor.PRODUCT,
    busifavor.PRODUCT,
    payscore.PRODUCT,
    parking.PRODUCT,
    complaints.PRODUCT,
    applyments.PRODUCT,
    brands.PRODUCT,
)
