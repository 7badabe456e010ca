"""``wechatpay-chain``: the chain from a shell."""

from __future__ import annotations

from wechatpay_chain.cli.main import main

__all__ = ["main"]
