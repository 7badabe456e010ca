"""Receivers of notifications for web frameworks; each framework is imported by its own module alone."""

from __future__ import annotations

from wechatpay_chain.web.seen_store import Seen

__all__ = ["Seen"]
