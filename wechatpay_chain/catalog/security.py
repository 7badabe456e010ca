"""Which operations of APIv2 ask for the merchant's TLS certificate: ``security=True`` of a call."""

from __future__ import annotations

import re

__all__ = ["needs_certificate"]

# The pages say so under "请求需要双向证书": https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3
_PATHS = re.compile(
    r"/(secapi/(pay|mkt)/.*"
    r"|secapi/mch/(?!addInstitutionsub).*"
    r"|mmpaymkttransfers/(?!query_coupon_stock|querycouponsinfo).*"
    r"|mmpaysptrans/.*"
    r"|deposit/(consume|refund|reverse)"
    r"|applyment/micro/.*"
    r"|fund/.*"
    r"|mchrisk/syncmchriskresult"
    r"|pay/downloadfundflow"
    r"|billcommentsp/batchquerycomment"
    r"|risk/getpublickey"
    r"|wxv/(query|finish)(rent|hotel)bill)"
)


def needs_certificate(path: str) -> bool:
    """Whether the operation at a documented path has to be called with the merchant's TLS certificate."""
    return _PATHS.fullmatch(path) is not None
