"""The console at ``/_/``: a page in a browser that shows what the sandbox has and steers it by ``/_/…``."""

from __future__ import annotations

from wechatpay_chain.sandbox.console.assets import answer

__all__ = ["answer"]
