"""An embedded gateway on 127.0.0.1 that speaks WeChat Pay's protocol from the other side."""

from __future__ import annotations

from wechatpay_chain.sandbox.gateway import Sandbox

__all__ = ["Sandbox"]
