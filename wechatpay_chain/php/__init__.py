"""The PHP face: what code for wechatpay-php finds under its own names."""

from __future__ import annotations

from wechatpay_chain.php.builder import Builder, Instance
from wechatpay_chain.php.response import Body, Response

__all__ = ["Body", "Builder", "Instance", "Response"]
