from __future__ import annotations

import json
import pkgutil
import re

import pytest

from tests.catalog.queries import QUERIES, Query
from wechatpay_chain.catalog.facts import Operation, links, operations
from wechatpay_chain.catalog.initials import FILE, has_initials
from wechatpay_chain.catalog.search import correct, search
from wechatpay_chain.catalog.usage import USED, usage
from wechatpay_chain.catalog.vocabulary import MEANINGS

_PAGES = "https://pay.weixin.qq.com/docs/merchant/apis"


def named(operation: Operation) -> str:
    return f"{operation.method} {'/'.join(operation.words)}"


@pytest.mark.parametrize("query", QUERIES, ids=lambda each: str(each.asked))
def test_what_most_shops_mean_comes_first(query: Query) -> None:
    """Typed as one line, as in a shell; the neighbours that are meant as often are in the first three."""
    found = [named(each) for each in search(query.asked.split())[:3]]
    assert found[:1] == [query.first]
    assert set(query.beside) <= set(found)


def test_every_operation_that_is_used_most_is_known() -> None:
    """The list names operations of the catalogue, each once."""
    lines = USED.strip().splitlines()
    assert len(usage()) == len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ("initials", "word"),
    [("sjzz", "商家转账"), ("tk", "退款"), ("cxdd", "查询订单"), ("hb", "红包"), ("dzd", "对账单"), ("zs", "证书")],
)
def test_initials_find_what_the_words_find(initials: str, word: str) -> None:
    """Typed without an input method for Chinese."""
    assert search([initials])[0] == search([word])[0]


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("怎么退款", "POST v3/refund/domestic/refunds"),
        ("下单接口", "POST v3/pay/transactions/jsapi"),
        ("H5支付", "POST v3/pay/transactions/h5"),
        ("退款的查询接口", "GET v3/refund/domestic/refunds/{out_refund_no}"),
        ("refund order", "POST v3/refund/domestic/refunds"),
        ("服务商 退款", "POST v3/refund/domestic/refunds"),
        ("order status", "GET v3/pay/transactions/out-trade-no/{out_trade_no}"),
    ],
)
def test_what_is_said_around_a_word_is_passed_over(asked: str, first: str) -> None:
    """As somebody asks who does not know what WeChat Pay calls it."""
    assert named(search(asked.split())[0]) == first


def test_every_letter_of_chinese_has_an_initial() -> None:
    """Of names, tags and the words of shops; where one is missing, the script has to run again."""
    texts = [text for each in operations() for text in (each.name, *each.tags)] + list(MEANINGS)
    letters = set(re.findall(r"[\u4e00-\u9fff]", "".join(texts)))
    table = json.loads(pkgutil.get_data("wechatpay_chain.catalog", FILE) or b"")
    assert {*"".join(table.values())} == letters
    assert all(re.fullmatch("[a-z]", initial) for initial in table)
    assert has_initials("cxdd", "按单号查询订单")
    assert not has_initials("cxdd", "查询")


@pytest.mark.parametrize("asked", ["4012716434", "https://pay.weixin.qq.com/doc/v3/merchant/4012716434#anything"])
def test_a_document_is_found_by_its_number(asked: str) -> None:
    """Alone, and as it stands in the address bar."""
    assert [named(each) for each in search([asked])] == ["POST v3/fund-app/mch-transfer/transfer-bills"]


def test_an_old_page_is_found_by_its_chapter() -> None:
    """Pages that differ in their query alone are different pages."""
    found = search(["https://pay.weixin.qq.com/wiki/doc/api/tools/cash_coupon.php?chapter=13_4&index=3"])
    assert [named(each) for each in found] == ["POST v2/mmpaymkttransfers/sendredpack"]


def test_every_operation_is_found_by_each_of_its_pages() -> None:
    """Official, or of the community."""
    for operation in operations()[::5]:
        for link in links(operation):
            assert operation in search([link]), (named(operation), link)


@pytest.mark.parametrize(
    ("asked", "instead"),
    [
        ("refnd", ["refund"]),
        ("jaspi pay", ["jsapi", "pay"]),
        ("请帮我查询订单吧", ["查询订单"]),
        # Pages of the documentation that no operation names, by the words of their address.
        (f"{_PAGES}/jsapi-payment/direct-jsons/jsapi-prepay.html", ["jsapi", "payment", "prepay"]),
        (f"{_PAGES}/native-payment/close-order.html", ["close", "order"]),
        (f"{_PAGES}/profit-sharing/orders/create-order.html", ["profit", "sharing"]),
        ("https://pay.weixin.qq.com/wiki/doc/apiv3/apis/chapter99_1.shtml", []),
        ("refund", []),
        ("xdjk", []),
        ("refund jsapi", []),
        ("", []),
    ],
)
def test_what_is_searched_for_instead_is_said(asked: str, instead: list[str]) -> None:
    """Misspelt words and words around others, only where nothing has the words as they are."""
    assert correct(asked.split()) == instead


def test_nothing_that_is_like_nothing_finds_nothing() -> None:
    """And not all operations, as no word does."""
    assert search(["xdjk"]) == search(["4012791877"]) == search(["https://pay.weixin.qq.com/doc/v3/none"]) == []


def test_a_short_word_is_not_found_within_another() -> None:
    """``app`` is not of ``apply``, and h5 is no part of a number."""
    assert not [each for each in search(["app", "pay"]) if "apply" in named(each)]


def test_an_operation_is_found_by_its_whole_name() -> None:
    """Before others that shops use more, unless its name is a word that shops have for one of these."""
    for operation in operations()[::9]:
        first = search(operation.name.split())[0]
        is_same = first.name.removesuffix("API") == operation.name.removesuffix("API")
        assert is_same or operation.name.removesuffix("API") in MEANINGS, (operation.name, first.name)


@pytest.mark.parametrize("asked", ["v3.refund.", "wxpay.v3.refund.", "v3/refund/", "/v3/refund/"])
def test_a_path_that_is_not_finished_is_one(asked: str) -> None:
    """As it stands where Tab is pressed."""
    assert search([asked]) == search(["v3/refund"]) != []
