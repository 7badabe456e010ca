from __future__ import annotations

import configparser
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jedi
import pytest

from scripts import build_stubs
from scripts.stubs import nodes
from scripts.stubs.nodes import Place
from scripts.stubs.shapes import Kind, Shapes
from wechatpay_chain import Sandbox, client, typed
from wechatpay_chain.catalog import facts, sample, tree
from wechatpay_chain.catalog.tree import Branch
from wechatpay_chain.encoding import paths
from wechatpay_chain.request.options import NATIVE

ROOT = Path(__file__).parent.parent.parent
PLAIN = "from wechatpay_chain import Wechatpay\n"
STRICT = "from wechatpay_chain.typed import Wechatpay\n"
CHAINS = (ROOT / "tests/chains.py").read_text()
PAGE = (ROOT / "docs/typing.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CLIENT = "\nwxpay = Wechatpay.from_env()\n"
ORDER = (
    '"appid": "1", "mchid": "1", "description": "1", "out_trade_no": "1", "notify_url": "1",'
    ' "amount": {"total": 1}, "payer": {"openid": "1"}'
)
NATIVE_ORDER = (
    "{'appid': '1', 'mchid': '1', 'description': '1', 'out_trade_no': '1', 'notify_url': '1', 'amount': {'total': 1}}"
)
# Of each call, what is wrong with it where all is known.
WRONG = {
    "wxpay.v4.pay": 'has no attribute "v4"',
    "wxpay.v3.pay.transaction.jsapi": 'has no attribute "transaction"; maybe "transactions"?',
    "wxpay.v3.pay.transactions.out_trade_no": 'has no attribute "out_trade_no"',
    "wxpay.v3.pay.transactions.jsapi.get()": 'has no attribute "get"',
    "wxpay.v3.pay.transactions({})": "not callable",
    "wxpay.v3.profitsharing.receivers.delete({})": "not callable",
    f"wxpay.v3.pay.transactions.jsapi.post({{{ORDER}, 'attack': '1'}})": 'Extra key "attack"',
    f"wxpay.v3.pay.transactions.jsapi.post_async({{{ORDER}, 'attack': '1'}})": 'Extra key "attack"',
    f"wxpay.v3.pay.transactions.jsapi({{{ORDER}, 'attack': '1'}})": 'Extra key "attack"',
    f"wxpay.v3.pay.transactions.jsapi.post_async({{{ORDER}}}, nonceless=True)": 'argument "nonceless"',
    f"wxpay.v3.pay.transactions.jsapi.post({{{ORDER}, 'limit_pay': 'no_credit'}})": 'expression has type "str"',
    "wxpay.v3.pay.transactions.jsapi.post({'appid': '1'})": "Missing keys",
    "wxpay.v3.pay.transactions.jsapi.post()": "Too few arguments",
    "wxpay.v3.pay.transactions.jsapi.postAsync()": "Too few arguments",
    "wxpay.v3.pay.transactions.jsapi()": "Too few arguments",
    "wxpay.v2.secapi.pay.refund.post()": "Too few arguments",
    "wxpay.v3.merchant.media.upload.post()": "Too few arguments",
    "wxpay.v3.bill.tradebill.get()": 'Missing named argument "params"',
    "wxpay.v3.bill.tradebill.get(params={})": 'Missing key "bill_date"',
    "wxpay.v3.pay.transactions.id._transaction_id_.get(params={'mchid': '1'})": 'named argument "transaction_id"',
    "(wxpay.v3.pay.transactions.id / 1).get()": 'Missing named argument "params"',
    "(wxpay.v3.pay.transactions.outTradeNo / 1).close.post()": "Too few arguments",
    "wxpay.v3.pay.transactions.outTradeNo._out_trade_no_.close.post({'mchid': '1'})": 'named argument "out_trade_no"',
    "wxpay.v3.pay.transactions.id._transaction_id_.get(transaction='1')": 'Unexpected keyword argument "transaction"',
    "wxpay.v3.pay.transactions.id._transaction_id_.get(params={'mch': '1'})": "Missing key",
    "wxpay.v3.certificates.get(timeout='5')": '"timeout"',
    "wxpay.v3.certificates.get(verify=False)": 'Unexpected keyword argument "verify"',
    "wxpay.v3.certificates.get(nonceless=True)": 'Unexpected keyword argument "nonceless"',
    "wxpay.v2.secapi.pay.refund.post({'mch_id': '1', 'out_trade': '1'})": "Missing keys",
}
REVEALED = {
    f"wxpay.v3.pay.transactions.native.post({NATIVE_ORDER}).data['code_url']": "str",
    f"wxpay.v3.pay.transactions.native.postAsync({NATIVE_ORDER}).wait().data['code_url']": "str",
    "wxpay.v3.pay.transactions.id._transaction_id_"
    ".get(params={'mchid': 1}, transaction_id=1).data['trade_state']": "str",
    "(wxpay.v3.pay.transactions.id / 4200).get(params={'mchid': 1}).status": "int",
    "(wxpay.v3.profitsharing.transactions / 1).amounts.get().data['unsplit_amount']": "int",
    "(wxpay.v3.pay.transactions.outTradeNo / 1).close.post({'mchid': '1'}).data": "None",
    "wxpay.v2.secapi.mch['addInstitutionsub']": "wechatpay_chain.typed.v2.secapi.SecapiMchAddInstitutionsub",
    "wxpay.v2.secapi.mch['another']": "wechatpay_chain.chain.node.Chain",
    "wxpay.v3.ecommerce.applyments._empty_": "wechatpay_chain.typed.v3.ecommerce.EcommerceApplymentsEmpty",
    "wxpay.v3.merchantService.complaintNotifications.get().data": "TypedDict(",
    "wxpay.chain('v3/pay').anything": "wechatpay_chain.chain.node.Chain",
    "Wechatpay.from_env()": "wechatpay_chain.typed.Wechatpay",
}
TYPED = re.compile(r"^class (\w+(?:Body|Query|Answer))\(TypedDict\):\n((?: .*\n)+)", re.MULTILINE)
NESTED = re.compile(r"\b\w+(?:Body|Query|Answer)[A-Z]\w*")

Found = Mapping[str, Mapping[int, str]]


def checked(folder: Path, command: list[str], files: Mapping[str, str], line: str) -> Found:
    """What a type checker says of each line of each file; ``line`` matches file, line number and message."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    environment = {**os.environ, "MYPYPATH": str(ROOT), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    run = [sys.executable, "-m", *command, *files]
    done = subprocess.run(run, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, dict[int, str]] = {name: {} for name in files}
    for name, number, told in re.findall(line, done.stdout, re.MULTILINE):
        told_before = found[Path(name).name].get(int(number), "")
        found[Path(name).name][int(number)] = f"{told_before}{told}\n"
    return found


def mypy(folder: Path, files: Mapping[str, str], *options: str) -> Found:
    command = ["mypy", "--strict", "--config-file=", "--follow-imports=silent", "--python-version=3.10", *options]
    return checked(folder, command, files, r"^([^:\n]+):(\d+): (?:error|note): (.*)$")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """All that mypy says of the files of these tests, which it reads together since the stubs are read once then."""
    files = {
        "chains_plain.py": CHAINS,
        "chains_strict.py": CHAINS.replace("Sealed, Wechatpay\n", f"Sealed\n{STRICT}"),
        "wrong_plain.py": PLAIN + CLIENT + "\n".join(WRONG),
        "wrong_strict.py": STRICT + CLIENT + "\n".join(WRONG),
        "revealed.py": STRICT + CLIENT + "\n".join(f"reveal_type({each})" for each in REVEALED),
        **{f"page{number}.py": block for number, block in enumerate(BLOCKS)},
    }
    return mypy(tmp_path_factory.mktemp("typed"), files)


def shipped_stubs() -> dict[str, str]:
    """The text of each stub of the package, by its path below ``wechatpay_chain/typed``."""
    folder = build_stubs.FOLDER
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.glob("*/**/*.pyi")}


def test_the_stubs_are_those_of_the_catalogue() -> None:
    """The script writes what is shipped, to the byte and the last file; every stub says whose work it is."""
    shipped = shipped_stubs()
    written = build_stubs.files()
    assert written.keys() == shipped.keys()
    for name, text in written.items():
        assert shipped[name] == text
        assert text.startswith(build_stubs.MARK)
        assert text.count("\n") < 9000


def test_both_pages_have_the_same_code_and_numbers() -> None:
    """In English and in Chinese."""
    other = (ROOT / "docs/typing.zh-CN.md").read_text()
    assert re.findall(r"^```python\n(.*?)^```", other, re.MULTILINE | re.DOTALL) == BLOCKS
    tables = [re.findall(r"^\|.*\|$", page, re.MULTILINE) for page in (PAGE, other)]
    numbers = [[re.findall(r"[\d.]+", line) for line in table] for table in tables]
    assert numbers[0] == numbers[1]
    assert len(PAGE.split("\n#")) == len(other.split("\n#"))


def test_the_stubs_are_shipped() -> None:
    """setup.cfg names the place of each."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    package = ROOT / "wechatpay_chain"
    patterns = config["options.package_data"]["wechatpay_chain"].split()
    shipped = {path for pattern in patterns for path in package.glob(pattern)}
    assert shipped >= set(package.rglob("*.pyi"))


def test_every_operation_has_its_verb() -> None:
    """In either tree, under every spelling, and once more where placeholders are filled."""
    text = "".join(shipped_stubs().values())
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        listed = [each for each in facts.operations() if each.method == method]
        count = 2 * len(listed) + sum(bool(paths.placeholders(each.path)) for each in listed)
        for verb in (f"def {method.lower()}", f"def {method.lower()}Async"):
            assert len(re.findall(rf"^    {verb}\(", text, re.MULTILINE)) == count
        assert text.count(f"    {method.lower()}_async = {method.lower()}Async\n") == count


def test_the_options_are_those_of_a_call() -> None:
    """The stubs name each option of the native face."""
    text = (build_stubs.FOLDER / "node.pyi").read_text()
    named = set(re.findall(r"^    (\w+): (?!None)", text, re.MULTILINE))
    assert named == NATIVE.options.keys() - {"json", "xml"}


@pytest.mark.slow
def test_chains_of_every_kind_pass(told: Found) -> None:
    """Strictly checked, for the plain client and for the strict one; there are more than fifty."""
    assert len(re.findall(r"wxpay[.\[]", CHAINS)) > 50
    assert not told["chains_plain.py"]
    assert not told["chains_strict.py"]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(WRONG)))
def test_a_wrong_word_is_an_error_of_the_strict_client(told: Found, number: int) -> None:
    """At its line."""
    expected = list(WRONG.values())[number]
    assert expected in told["wrong_strict.py"][number + 4]


@pytest.mark.slow
def test_a_wrong_word_is_none_of_the_plain_client(told: Found) -> None:
    """Whatever is not known may be true tomorrow; what can never be sent is told at once."""
    assert not told["wrong_plain.py"]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(REVEALED)))
def test_the_types_of_answers_and_nodes(told: Found, number: int) -> None:
    """What reveal_type says."""
    expected = list(REVEALED.values())[number]
    assert told["revealed.py"][number + 4].startswith(f'Revealed type is "{expected}')


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_page_passes(told: Found, number: int) -> None:
    """Each block of docs/typing.md is what it says."""
    assert not told[f"page{number}.py"]


@pytest.mark.slow
def test_the_call_of_every_operation_passes(gateway: Sandbox, tmp_path: Path) -> None:
    """What help shows to be pasted is what the stubs allow."""
    calls = [sample.call(each, gateway.mchid) for each in facts.operations()]
    assert len(calls) == 1154
    assert not mypy(tmp_path, {"calls.py": STRICT + CLIENT + "\n".join(calls) + "\n"})["calls.py"]


@pytest.mark.slow
def test_pyright_says_the_same(tmp_path: Path) -> None:
    """The checker behind Pylance: chains pass, and each wrong line is one."""
    files = {
        "chains_plain.py": CHAINS,
        "chains_strict.py": CHAINS.replace("Sealed, Wechatpay\n", f"Sealed\n{STRICT}"),
        "wrong_plain.py": PLAIN + CLIENT + "\n".join(WRONG),
        "wrong_strict.py": STRICT + CLIENT + "\n".join(WRONG),
    }
    settings = f'[tool.basedpyright]\ntypeCheckingMode = "standard"\nextraPaths = ["{ROOT}"]\npythonVersion = "3.10"\n'
    (tmp_path / "pyproject.toml").write_text(settings)
    found = checked(tmp_path, ["basedpyright"], files, r"^\s*(\S+):(\d+):\d+ - error: (.*)$")
    assert not found["chains_plain.py"]
    assert not found["chains_strict.py"]
    assert not found["wrong_plain.py"]
    assert found["wrong_strict.py"].keys() == set(range(4, 4 + len(WRONG)))


@pytest.mark.slow
@pytest.mark.parametrize("head", [PLAIN, STRICT])
@pytest.mark.parametrize(
    ("typed_so_far", "offered"),
    [
        ("wxpay.v3.pay.tr", "transactions"),
        ("wxpay.v3.pay.transactions.out", "outTradeNo"),
        ("wxpay.v3.pay.transactions.outTradeNo._out", "_out_trade_no_"),
        ("wxpay.glo", "global_"),
        ("wxpay.v3.pay.transactions.jsapi.post_", "post_async"),
        ("wxpay.v3.certificates.get().dat", "data"),
    ],
)
def test_an_editor_completes_the_chain(head: str, typed_so_far: str, offered: str) -> None:
    """As jedi does it, without running anything."""
    script = jedi.Script(head + CLIENT + typed_so_far, project=jedi.Project(ROOT))
    assert offered in [each.name for each in script.complete()]


@pytest.mark.slow
@pytest.mark.parametrize("head", [PLAIN, STRICT])
def test_an_editor_shows_what_a_verb_is(head: str) -> None:
    """Its official name, its page and its roles, and the type of its body."""
    script = jedi.Script(f"{head}{CLIENT}wxpay.v3.pay.transactions.jsapi.post", project=jedi.Project(ROOT))
    told = script.help(line=4, column=35)[0].docstring()
    operation = tree.match("POST", "v3/pay/transactions/jsapi")
    assert operation
    for text in (operation.name, operation.facts["docs"][0], *operation.facts["roles"], "PayTransactionsJsapiPostBody"):
        assert text in told
    assert "required: appid 公众号ID, mchid 直连商户号, " in told


def test_it_is_the_same_client(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """At run time: made anew as what it is, pickled as what it is, with the words of any path."""
    for name, value in gateway.environment().items():
        monkeypatch.setenv(name, value)
    with typed.Wechatpay.from_env() as wxpay:
        assert type(wxpay) is typed.Wechatpay
        assert type(pickle.loads(pickle.dumps(wxpay))) is typed.Wechatpay
        assert isinstance(wxpay, client.Wechatpay)
        assert wxpay.v3.certificates.get().status == 200
        anything: Any = wxpay
        assert repr(anything.v4.some_word.someWord.get) == repr(wxpay.chain("v4/some_word/some-word").get)
        assert vars(typed.Wechatpay).keys().isdisjoint({"v2", "v3", "hk", "global_", "__getattr__"})


def test_a_verb_beside_a_word_of_its_name() -> None:
    """Such a word is called as the verb, and goes on as a word; its shorthand would be the verb's."""
    operations = {each.method: each for each in facts.operations() if each.path.startswith("/v3/webhooks")}
    posted = next(each for each in facts.operations() if each.path == "/v3/profitsharing/receivers/delete")
    deleted = next(each for each in facts.operations() if each.method == "DELETE")
    parent, child = Branch(), Branch()
    parent.children["delete"], child.operations["POST"] = child, posted
    parent.operations.update({"DELETE": deleted}, **{k: v for k, v in operations.items() if k == "GET"})
    shapes = Shapes()
    above = nodes.written("Above", Place(("v3", "x"), parent, parent), {"delete": "Below"}, shapes)
    below = nodes.written("Below", Place(("v3", "x", "delete"), child, parent), {}, shapes)
    assert "\n    delete: Below\n" in above
    assert "def delete(" not in above
    assert "def deleteAsync(" in above
    assert below.count("    def __call__(self, config: ") == 2
    assert below.count("    def post(self, body: ") == 2


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"a": {"type": "string", "required": True}}, "class X(TypedDict):\n    a: str"),
        ({"a": {"type": "integer"}}, "class X(TypedDict):\n    a: NotRequired[int]"),
        ({"from": {"type": "number", "required": True}}, 'X = TypedDict("X", {"from": float})'),
        ({"list": {"type": "boolean", "required": True}}, 'X = TypedDict("X", {"list": bool})'),
        ({'a"\\': {"type": "nonsense", "required": True}}, 'X = TypedDict("X", {"a\\"\\\\": str})'),
        ({"a_$n": {"type": "string"}}, ""),
        ({}, ""),
        (
            {"a": {"type": "array", "items": {"type": "string", "enum": ["A", "A", "B"]}, "required": True}},
            'class X(TypedDict):\n    a: list[Literal["A", "B"] | str]',
        ),
        (
            {"a": {"type": "integer", "enum": ["one", "2"], "required": True}},
            "class X(TypedDict):\n    a: Literal[2] | int",
        ),
        ({"a": {"type": "integer", "enum": ["one"], "required": True}}, "class X(TypedDict):\n    a: int"),
        ({"a": {"type": "array", "required": True}}, "class X(TypedDict):\n    a: list[Any]"),
        ({"a": {"type": "object", "required": True}}, "class X(TypedDict):\n    a: dict[str, Any]"),
        ({"a": {"type": "string", "format": "base64", "required": True}}, "class X(TypedDict):\n    a: str"),
    ],
)
def test_the_type_of_fields(fields: dict[str, Any], expected: str) -> None:
    """Whatever the source calls a type; any name is a field."""
    shapes = Shapes()
    shapes.named("X", fields, Kind())
    assert shapes.text() == expected


def test_types_have_their_own_operations_name() -> None:
    """However alike two operations are; within one, what says the same is one, and a name is given once."""
    shapes = Shapes()
    inner = {"in": {"type": "object", "fields": {"a": {"type": "string", "label": "甲"}}}}
    assert shapes.named("X", inner, Kind()) == "X"
    assert shapes.named("Y", {**inner, "other": inner["in"]}, Kind()) == "Y"
    assert [line for line in shapes.text().splitlines() if "TypedDict" in line] == [
        "class XIn(TypedDict):",
        'X = TypedDict("X", {"in": NotRequired[XIn]})',
        "class YIn(TypedDict):",
        'Y = TypedDict("Y", {"in": NotRequired[YIn], "other": NotRequired[YIn]})',
    ]
    assert 'class XIn(TypedDict):\n    a: NotRequired[str]\n    "甲"\n' in shapes.text()
    assert shapes.named("XIn", {"b": {"type": "string"}}, Kind()) == "XIn2"


def test_the_types_of_a_body_are_called_after_its_operation() -> None:
    """Wherever an editor shows one: that of JSAPI does not tell of orders in an app."""
    seen = 0
    for text in shipped_stubs().values():
        for name, fields in re.findall(
            r"^class (\w+(?:Body|Query|Answer))\(TypedDict\):\n((?: .*\n)+)", text, re.MULTILINE
        ):
            used = re.findall(r"\b\w+(?:Body|Query|Answer)[A-Z]\w*", fields)
            assert all(each.startswith(name) for each in used), name
            seen += len(used)
    assert seen > 1000


@pytest.mark.slow
def test_the_client_of_the_sandbox_has_the_plain_clients_type(tmp_path: Path) -> None:
    """What is typed in a test is completed and checked as elsewhere."""
    code = (
        "from wechatpay_chain import Sandbox\n"
        "with Sandbox() as gateway:\n"
        "    wxpay = gateway.client()\n"
        "    reveal_type(wxpay)\n"
        "    reveal_type(wxpay.v3.pay.transactions)\n"
        "    reveal_type(gateway.builder())\n"
    )
    found = mypy(tmp_path, {"a.py": code})["a.py"]
    assert 'Revealed type is "wechatpay_chain.client.Wechatpay"' in found[4]
    assert 'Revealed type is "wechatpay_chain.typed.v3.pay.OpenPayTransactions"' in found[5]
    assert "Instance" in found[6]
