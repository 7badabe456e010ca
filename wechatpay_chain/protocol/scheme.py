"""Signature schemes: how ``Authorization`` begins, whom it names, and how both sides sign.

Source: https://pay.weixin.qq.com/doc/v3/merchant/4012365336; a brand's requests differ in name and identity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from wechatpay_chain.crypto import rsa

__all__ = ["BRAND", "MERCHANT", "Scheme"]


class Scheme(NamedTuple):
    """``identity`` is the field that says who signs; ``sign`` and ``verify`` take and give base64."""

    name: str
    identity: str
    sign: Callable[[bytes, RSAPrivateKey], str]
    verify: Callable[[bytes, str, RSAPublicKey], bool]


MERCHANT = Scheme("WECHATPAY2-SHA256-RSA2048", "mchid", rsa.sign, rsa.verify)
BRAND = Scheme("WECHATPAY-BRAND-SHA256-RSA2048", "brand_id", rsa.sign, rsa.verify)
