from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts import build_catalog
from wechatpay_chain.catalog import facts, manual, sample, tree
from wechatpay_chain.catalog.search import search, suggest
from wechatpay_chain.encoding import paths
from wechatpay_chain.encoding.literal import call_text, literal

SOURCE = build_catalog.read(build_catalog.SOURCE)
ROOT = Path(__file__).parent.parent.parent
PLACEHOLDER = re.compile(r"(?<=\{)\w+")


def test_the_shipped_catalogue_is_its_source() -> None:
    """Every fact of the source is shipped, as the corrections have it, and nothing else."""
    corrected = sorted(build_catalog.endpoints(SOURCE), key=lambda each: str(each["path"]))
    assert [facts.source(each) for each in facts.operations()] == corrected
    assert facts.version() == SOURCE["version"]
    assert len(facts.operations()) == 1154


def test_the_script_rebuilds_what_is_shipped() -> None:
    """The index to the byte; the details hold the same, however this zlib packs them."""
    packed = facts.pack(build_catalog.endpoints(SOURCE), SOURCE["version"])
    index = (ROOT / "wechatpay_chain/catalog" / facts.INDEX).read_bytes()
    assert packed.keys() == {facts.INDEX, facts.DETAILS}
    assert packed[facts.INDEX].partition(b'"tags"')[2] == index.partition(b'"tags"')[2]


def test_nothing_heavy_is_imported() -> None:
    """Completion and help need neither requests nor cryptography."""
    code = (
        "import sys; from wechatpay_chain.catalog import manual, search;"
        "manual.manual('v3/pay'); search.search(['refund']);"
        "print(sorted({'requests', 'cryptography', 'urllib3'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("operation", facts.operations(), ids=lambda each: f"{each.method} {each.path}")
def test_an_operation_is_found_by_what_is_typed(operation: facts.Operation) -> None:
    """By its words, its spelling in Python read back, with its placeholders filled, and by search."""
    path = "/".join(operation.words)
    assert tree.match(operation.method, path) is operation
    filled = tree.match(operation.method, paths.expand(path, dict.fromkeys(paths.placeholders(path), "1/2")))
    assert filled is not None
    assert PLACEHOLDER.sub("", filled.path) == PLACEHOLDER.sub("", operation.path)
    pieces = [eval(part[1:-1]) if part.startswith("[") else paths.segment(part) for part in _parted(tree.spell(path))]
    assert [each or "{empty}" for each in operation.words] == pieces
    assert operation in search([operation.method, operation.path])
    assert operation in search(operation.name.split())
    assert suggest(operation.method, path) == ""


def _parted(spelled: str) -> list[str]:
    return spelled.replace("[", ".[").split(".")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("v3/pay/transactions", ["app", "out-trade-no"]),
        ("v3/pay/transactions/id", ["{transaction_id}"]),
        ("v3/pay/transactions/out-trade-no/4200", ["close"]),
        ("v3/ecommerce/applyments", ["{applyment_id}", "{empty}"]),
        ("", ["hk", "v2", "v3", "global"]),
        ("v3/nowhere", []),
        ("v3/pay/transactions/?a=b", []),
    ],
)
def test_children(path: str, told: list[str]) -> None:
    """What may follow, of a filled placeholder too; nothing where nothing is known."""
    children = tree.children(path)
    assert set(told) <= set(children)
    assert bool(told) == bool(children)


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("GET", "v3/pay/transactions/out_trade_no/4200", "out_trade_no: did you mean outTradeNo → out-trade-no?"),
        ("GET", "v3/pay/transactions/outTradeNo/4200", "outTradeNo: did you mean out-trade-no?"),
        ("GET", "/v3/pay/transaction/id/4200?mchid=1", "transaction: did you mean transactions?"),
        ("GET", "v3/pay/transactions/jsapi", "GET: did you mean POST?"),
        (
            "POST",
            "v3/ecommerce/applyments",
            "v3/ecommerce/applyments: did you mean v3.ecommerce.applyments._empty_ → v3/ecommerce/applyments/?",
        ),
        ("GET", "v3/pay", "v3/pay goes on with acquiringBank, instal, partner, transactions"),
        ("GET", "v3/institutions/addInstitutionSub", ""),
        ("GET", "v3/global/certificate", "certificate: did you mean certificates?"),
        ("GET", "v3/nowhere", ""),
        ("GET", "v3/nothing", ""),
        ("GET", "", ""),
        ("GET", "v9/x", ""),
    ],
)
def test_what_was_suggest(method: str, path: str, told: str) -> None:
    """One line for a word, a verb or a slash that is not the one that is known."""
    assert suggest(method, path) == told


# The first example reads the catalogue.
@given(st.text(max_size=200), st.sampled_from(["GET", "POST", "x"]))
def test_any_path_is_answered(path: str, method: str) -> None:
    """Hostile text is only text."""
    for asked in (path, f"v3/{path}", f"v3/pay/{path}"):
        assert isinstance(suggest(method, asked), str)
        assert isinstance(manual.manual(asked, method), str)
        assert tree.match(method, asked) is None or method in ("GET", "POST")
    assert isinstance(search([path]), list)


def test_the_page_of_an_operation() -> None:
    """Name, links, roles, parameters with type, required, enum and example, the answer's fields, a call."""
    path = "v3/ecommerce/combine-papay/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code}/terminate"
    operation = tree.match("POST", path)
    page = manual.manual(path, "POST", "1900000001")
    assert operation
    for text in (operation.name, operation.path, *operation.facts["docs"], *operation.facts["roles"]):
        assert text in page
    assert re.search(r"\n  plan_id            integer  \S+ +required, e.g. 12535\n", page)
    assert re.search(r"\nbody\n  contract_termination_remark  string  \S+ +required, e.g. 用户解约\n", page)
    assert re.search(r"\nanswer 200\n  mchid              string   \S+ +required, e.g. 1900000109\n", page)
    assert page.endswith(
        "call\nwxpay.v3.ecommerce.combinePapay.contracts.planId._plan_id_.outContractCode._out_contract_code_.terminate"
        '.post(\n    {"contract_termination_remark": "用户解约"},\n    plan_id=12535,\n'
        '    out_contract_code="wxwtdk20200910100000",\n)'
    )
    paying = manual.manual("v3/pay/transactions/out-trade-no/{out_trade_no}", "GET", "1900000001")
    assert 'params={"mchid": "1900000001"},' in paying
    assert "SUCCESS | REFUND | NOTPAY" in paying


def test_what_is_encrypted_is_said() -> None:
    """In the table and in the call, with its import on the line of the call."""
    page = manual.manual("v3/transfer/batches", "POST")
    assert "encrypted: Sealed(text)" in page
    assert "encrypted: decrypt(text)" in manual.manual("v3/merchant-service/complaints-v2", "GET")
    operations = [each for each in facts.operations() if "Sealed(" in sample.call(each)]
    assert len(operations) > 40
    assert all(sample.call(each).startswith("from wechatpay_chain import Sealed; wxpay.") for each in operations)


@pytest.mark.parametrize(
    ("method", "path", "dialect", "written"),
    [
        # A query is text at once, so what is encrypted in it is so before; APIv2 has a key of its own for that.
        ("GET", "v3/realname/verify", sample.NATIVE, '"encrypted_name": wxpay.encrypt("encrypted_name")'),
        ("GET", "v3/realname/verify", sample.PHP, '"encrypted_name": instance.encrypt("encrypted_name")'),
        ("POST", "v2/mmpaysptrans/pay_bank", sample.NATIVE, '"enc_true_name": "ca775af5f841bdf424b2e6eb86a6e21e"'),
        # The path's names, whatever the parameters are called; the first argument of delete are options.
        ("POST", "v3/payscore/users/{openid}/permissions/{service_id}/terminate", sample.NATIVE, ' openid="oUpF'),
        ("DELETE", "v3/brand/partner/store/brandstores/{store_id}", sample.NATIVE, 'json={"brand_id": '),
        # Capitals are kebab-case in PHP, but in a placeholder's value.
        (
            "POST",
            "v2/secapi/mch/queryInstitutionsub",
            sample.NATIVE,
            'wxpay.v2.secapi.mch["queryInstitutionsub"].post(',
        ),
        ("POST", "v2/secapi/mch/queryInstitutionsub", sample.PHP, "instance.v2.secapi.mch._segment1_.post("),
        ("POST", "v2/secapi/mch/queryInstitutionsub", sample.PHP, '"segment1": "queryInstitutionsub"'),
        # What another field's value makes necessary, and what has no example of its own.
        ("POST", "v2/mmpaymkttransfers/promotion/transfers", sample.NATIVE, '"re_user_name": "'),
        (
            "POST",
            "v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund",
            sample.NATIVE,
            '"bank_account": Sealed("bank_account")',
        ),
        ("GET", "v3/marketing/favor/stocks", sample.NATIVE, '"stock_creator_mchid": "1900000001"'),
        # What the client cannot know, and of two names one.
        ("POST", "v2/transit/queryorder", sample.NATIVE, '"sign_type": "HMAC-SHA256"'),
        ("POST", "v2/pay/combinedorder", sample.NATIVE, '"combine_mch_id": "1900000001"'),
        ("POST", "v3/refund/domestic/refunds", sample.NATIVE, '"out_trade_no": "1217752501201407033233368018"'),
    ],
)
def test_a_call_is_written_as_it_can_be_sent(method: str, path: str, dialect: sample.Dialect, written: str) -> None:
    """Where the facts alone would give a call that is refused."""
    operation = tree.match(method, path)
    assert operation
    assert written in sample.call(operation, "1900000001", dialect)


def test_how_a_field_is_encrypted_depends_on_where_it_travels() -> None:
    """In a body, in a query, in APIv2, in an answer."""
    assert "required, encrypted: encrypt(text)" in manual.manual("v3/realname/verify", "GET")
    told = manual.manual("v2/mmpaysptrans/pay_bank", "POST")
    assert "required, encrypted by the caller with the key of v2/risk/getpublickey" in told
    assert "Sealed" not in told


def test_many_operations_are_told_by_the_words_that_lead_to_them() -> None:
    """With Chinese names and counts, those of products first that most shops use; a few are listed one by one."""
    head, first, *rest = manual.manual("v3").splitlines()
    assert head == "992 operations"
    assert first.split() == ["v3.pay", "29", "下单、查单、关单"]
    assert [line.split()[0] for line in rest[:2]] == ["v3.refund", "v3.bill"]
    assert sum(int(line.split()[1]) for line in (first, *rest)) == 992
    assert "  POST   v3.refund.domestic.refunds  申请退款API" in manual.manual("v3/refund").splitlines()
    assert manual.manual("v3/nowhere") == ""
    assert manual.summary("v3").startswith("pay 下单、查单、关单 29, refund 退款 3, ")
    assert manual.summary("v3/pay/transactions/id") == "GET <transaction_id> 微信支付订单号查询"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["申请退款"], "v3/refund/domestic/refunds"),
        (["基础支付", "JSAPI"], "v3/pay/transactions/jsapi"),
        (["wxpay.v3.certificates"], "v3/certificates"),
        (["outTradeNo", "CLOSE"], "v3/pay/transactions/out-trade-no/{out_trade_no}/close"),
        (["unifiedorder"], "v2/pay/unifiedorder"),
        (["get", "certificates"], "v3/certificates"),
    ],
)
def test_search(asked: list[str], found: str) -> None:
    """Chinese and English, any case, what is close first."""
    assert found in ["/".join(each.words) for each in search(asked)[:5]]
    assert search([*asked, "nowhere"]) == []
    assert len(search([])) == 1154


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_a_literal_is_read_back(value: object) -> None:
    """Quotes, line breaks and escapes included, however it is wrapped."""
    assert eval(literal(value)) == value
    assert eval(literal(value, 0)) == value
    assert eval(call_text("dict", (), {"a": value})) == {"a": value}
    assert eval(call_text("list", ([value],))) == [value]
