"""An embedded gateway on 127.0.0.1 that speaks WeChat Pay's protocol from the other side."""

from __future__ import annotations

from wechatpay_chain.sandbox.arguments import UnknownNumber
from wechatpay_chain.sandbox.gateway import Sandbox
from wechatpay_chain.sandbox.payer import PaymentRefused

__all__ = ["PaymentRefused", "Sandbox", "UnknownNumber"]
