"""What stands below a chain, word by word: Chinese names and counts, and the products first that most shops use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.facts import Operation

__all__ = ["Word", "overview", "popularity"]

# The products of APIv3 that most shops use, by the words of their paths, most used first, and what they are called.
# A path that is not here is called by the commonest tag of its operations, and stands behind, those with most first.
_PRODUCTS: Mapping[str, str] = {
    "v3": "APIv3",
    "v2": "APIv2",
    "hk": "香港钱包",
    "global": "跨境",
    "v3/pay": "下单、查单、关单",
    "v3/pay/transactions": "直连商户",
    "v3/pay/partner": "服务商",
    "v3/pay/partner/transactions": "服务商",
    "v3/refund": "退款",
    "v3/bill": "账单",
    "v3/billdownload": "账单下载",
    "v3/certificates": "平台证书",
    "v3/fund-app": "商家转账、品牌红包",
    "v3/profitsharing": "分账",
    "v3/combine-transactions": "合单支付",
    "v3/merchant-service": "消费者投诉",
    "v3/marketing": "代金券、商家券、会员卡",
    "v3/marketing/favor": "代金券",
    "v3/marketing/busifavor": "商家券",
    "v3/marketing/partner": "商品券、投放计划",
    "v3/payscore": "支付分",
    "v3/papay": "委托代扣",
    "v3/ecommerce": "收付通（电商平台）",
    "v3/applyment4sub": "特约商户进件",
    "v3/transfer": "批量转账（旧）",
    "v3/merchant": "图片、视频上传",
    "v3/new-tax-control-fapiao": "电子发票",
    "v2/pay": "下单、查单、账单、分账",
    "v2/secapi": "退款、撤销、分账",
    "v2/mmpaymkttransfers": "红包、企业付款",
    "v2/mmpaysptrans": "付款到银行卡",
    "v2/papay": "委托代扣",
}
_RANKS = {path: rank for rank, path in enumerate(_PRODUCTS)}


class Word(NamedTuple):
    """A word that may follow: its path, what it is called, and the total of operations at it and below."""

    path: str
    word: str
    name: str
    total: int


def overview(path: str) -> list[Word]:
    """The words that may follow a chain's path, those of products first that most shops use."""
    words = [_word(path, each) for each in tree.children(path)]
    return sorted(words, key=lambda each: (_RANKS.get(each.path, len(_RANKS)), -each.total, each.word))


def popularity(operation: Operation) -> int:
    """The place of an operation's product among those that most shops use, 0 for the first."""
    words = operation.words
    paths = ("/".join(words[:depth]) for depth in range(min(len(words), 4), 0, -1))
    return next((_RANKS[each] for each in paths if each in _RANKS), len(_RANKS))


def _word(path: str, word: str) -> Word:
    whole = f"{path}/{word}" if path else word
    below = tree.below(whole)
    return Word(whole, word, _PRODUCTS.get(whole) or _common_name(below), len(below))


def _common_name(operations: list[Operation]) -> str:
    """The name of a single operation, else the commonest of their tags."""
    if len(operations) == 1:
        return operations[0].name
    tags = Counter(tag for each in operations for tag in each.tags[:1])
    return max(tags, key=lambda each: (tags[each], each)) if tags else operations[0].name if operations else ""
