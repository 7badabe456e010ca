"""The words with which known paths begin, for type checkers and editors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wechatpay_chain.typed.global_ import OpenGlobal
    from wechatpay_chain.typed.hk import OpenHk
    from wechatpay_chain.typed.v2 import OpenV2
    from wechatpay_chain.typed.v3 import OpenV3

__all__ = ["Known"]


class Known:
    """Nothing at run time; where code is written, each known path with its verbs, and any other word beside them."""

    if TYPE_CHECKING:
        v2: OpenV2
        v3: OpenV3
        hk: OpenHk
        global_: OpenGlobal
