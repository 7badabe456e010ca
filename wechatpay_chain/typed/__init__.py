"""The client for type checkers and editors: every known path, its verbs, bodies and answers, and no other word.

``from wechatpay_chain.typed import Wechatpay`` is the same client at run time. The types of bodies, queries and
answers stand in stubs beside this room, for ``if TYPE_CHECKING`` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wechatpay_chain import client

if TYPE_CHECKING:
    from wechatpay_chain.typed.global_ import Global
    from wechatpay_chain.typed.hk import Hk
    from wechatpay_chain.typed.v2 import V2
    from wechatpay_chain.typed.v3 import V3

__all__ = ["Wechatpay"]


class Wechatpay(client.Wechatpay):
    """``wechatpay_chain.Wechatpay``, of which type checkers know every path of the catalogue."""

    if TYPE_CHECKING:
        v2: V2  # type: ignore[assignment]
        v3: V3  # type: ignore[assignment]
        hk: Hk  # type: ignore[assignment]
        global_: Global  # type: ignore[assignment]
        # Instead of the method, it makes an unknown first word an error.
        __getattr__: None  # type: ignore[assignment,misc]
