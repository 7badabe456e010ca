from __future__ import annotations

import asyncio
import copy
import inspect
import json
import pickle
import pprint
import re
from enum import Enum
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.encoding.test_paths import spelled
from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.chain.node import Chain, call_of
from wechatpay_chain.encoding.paths import placeholders
from wechatpay_chain.errors import ChainError
from wechatpay_chain.php import Instance
from wechatpay_chain.php.builder import _FACE
from wechatpay_chain.request.call import VERBS
from wechatpay_chain.request.options import NATIVE

OPERATIONS: list[list[str]] = json.loads((Path(__file__).parent.parent / "data/paths.json").read_text())
HARMLESS = (copy.copy, copy.deepcopy, repr, str, bool, hash, dir, callable, pprint.pformat, inspect.getmembers)
FOREIGN = [
    "_repr_mimebundle_",
    "_ipython_display_",
    "_ipython_canary_method_should_not_exist_",
    "_repr_svg_",
    "__len__",
    "__wrapped__",
    "__array__",
    "__html__",
    "__rich_repr__",
    "__await__",
    "_as_parameter_",
    "_fields",
]


def walked(wxpay: Wechatpay, path: str) -> Any:
    node: Any = wxpay
    for segment in path.strip("/").split("/"):
        node = node[segment] if re.search(r"Institutionsub$", segment) else getattr(node, spelled(segment))
    return node._empty_ if path.endswith("/") else node


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_is_reached_by_attributes(wxpay: Wechatpay, method: str, path: str) -> None:
    """Each of the 1154 operations, by attributes alone but for three words; its request line is the right one."""
    is_v3 = path.startswith(("/v3/", "/hk/", "/global/"))
    node = walked(wxpay, path if is_v3 else f"/v2{path}")
    verb = getattr(node, method.lower())
    kind, text = call_of(verb)
    assert kind.method == method
    values = {name: f"a {name}/1" for name in placeholders(text) if name != "empty"}
    expected = re.sub(r"\{(\w+)\}", lambda match: f"a%20{match[1]}%2F1", path)
    assert not {*values} & {*NATIVE.options, *NATIVE.elsewhere, *_FACE.options, *_FACE.elsewhere}
    if is_v3:
        assert wxpay.prepare(verb, **values).target == expected
    else:
        assert "/" + text == "/v2" + path


@given(st.sampled_from([row for row in OPERATIONS if row[1].startswith(("/v3/", "/hk/", "/global/"))]), st.data())
def test_any_values_fill_any_path(served: Sandbox, operation: list[str], data: st.DataObject) -> None:
    """A server that splits the path and decodes its parts reads the template and the very values."""
    method, path = operation
    names = re.findall(r"\{(\w+)\}", path)
    usable = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text not in (".", ".."))
    values = {name: data.draw(usable | st.integers(), label=name) for name in names}
    with served.client() as wxpay:
        node = walked(wxpay, path)
        request = wxpay.prepare(getattr(node, method.lower()), **values)
    expected = [str(values[part[1:-1]]) if part.startswith("{") else part for part in path.split("/")]
    assert [unquote(part) for part in request.target.split("/")] == expected


def test_no_path_word_collides_with_a_node_or_the_client(wxpay: Wechatpay) -> None:
    """A word that a node, its verbs aside, or the client defines would be lost to paths."""
    defined = {name for name in dir(Chain) if not name.startswith("_")}
    assert defined == {"chain"}
    words = {spelled(segment) for _, path in OPERATIONS for segment in path.split("/") if segment}
    assert not words & defined
    offered = {name for name in dir(type(wxpay)) if not name.startswith("_")} - {"v2", "v3", "hk", "global_"}
    assert not {spelled(path.split("/")[1]) for _, path in OPERATIONS} & offered


@pytest.mark.parametrize("word", ["delete", "items", "close", "send", "upload", "keys", "get", "post", "query", "json"])
def test_a_word_is_data_until_it_is_called(wxpay: Wechatpay, word: str) -> None:
    """A segment named as a verb or a method is a segment when something follows it."""
    node = getattr(wxpay.v3.profitsharing.receivers, word)
    assert wxpay.prepare(node.post, {"a": 1}).target == f"/v3/profitsharing/receivers/{word}"


def test_the_last_word_is_the_verb(wxpay: Wechatpay) -> None:
    """….delete() deletes; ….delete.post() posts to …/delete."""
    node = wxpay.v3.profitsharing.receivers
    deleting = wxpay.prepare(node.delete)
    posting = wxpay.prepare(node.delete.post, {})
    assert (deleting.method, deleting.target) == ("DELETE", "/v3/profitsharing/receivers")
    assert (posting.method, posting.target) == ("POST", "/v3/profitsharing/receivers/delete")


def test_text_is_never_a_verb(wxpay: Wechatpay) -> None:
    """['delete'] is a segment; calling the node with a mapping posts to it, as in JS."""
    with pytest.raises(ChainError, match="has no verb"):
        wxpay.prepare(wxpay.v3.x["delete"])


def test_spellings_of_a_placeholder_are_one(wxpay: Wechatpay) -> None:
    """Attribute, <>, {}, $$ and chain() give the same request."""
    base = wxpay.v3.marketing.partner.deliveryPlan
    nodes = [
        base._sp_mchid_.notifyUrl,
        base["<sp_mchid>"].notifyUrl,
        base["{sp_mchid}"].notifyUrl,
        base["$sp_mchid$"].notifyUrl,
        wxpay.chain("v3/marketing/partner/delivery-plan/<sp_mchid>/notify-url"),
        wxpay["v3/marketing/partner/delivery-plan/{sp_mchid}/notify-url"],
    ]
    for node in nodes:
        assert node == nodes[0]
        assert hash(node) == hash(nodes[0])
        assert "/<sp_mchid>/" in repr(node)
        request = wxpay.prepare(node.post, {"notify_url": "u"}, sp_mchid="298 689/900")
        assert request.target == "/v3/marketing/partner/delivery-plan/298%20689%2F900/notify-url"


def test_a_slash_adds_one_literal_segment(wxpay: Wechatpay) -> None:
    """Its value is encoded, never converted, and never a placeholder, a verb or a way up."""
    node = wxpay.v3.pay.transactions.id
    assert (
        wxpay.prepare((node / "4200A/b {c} <d>").get).target == "/v3/pay/transactions/id/4200A%2Fb%20%7Bc%7D%20%3Cd%3E"
    )
    assert wxpay.prepare((node / 42).get).target == "/v3/pay/transactions/id/42"
    assert wxpay.prepare((node / "get").get).target == "/v3/pay/transactions/id/get"
    for value in ("", ".", "..", None, 1.5, True, ["a"]):
        with pytest.raises(ChainError):
            node / value  # type: ignore[operator]


def test_slashes_and_queries_are_kept(wxpay: Wechatpay) -> None:
    """chain() and [] take a trailing slash and a query as they are written."""
    assert wxpay.prepare(wxpay.chain("v3/pay/").get).target == "/v3/pay/"
    assert wxpay.prepare(wxpay.chain("v3/pay/").transactions.get).target == "/v3/pay/transactions"
    assert wxpay.prepare(wxpay["v3/x?Type=A B"].get).target == "/v3/x?Type=A%20B"
    assert wxpay.prepare(wxpay["v3/x//y/"].get).target == "/v3/x//y/"
    assert wxpay.prepare(wxpay.v3.ecommerce.applyments._empty_.post, {}).target == "/v3/ecommerce/applyments/"
    with pytest.raises(ChainError, match="can follow a query"):
        wxpay.prepare(wxpay["v3/x?a=1"].y.get)


@pytest.mark.parametrize(
    "find",
    [
        lambda wxpay: wxpay.v3.pay["4200#1"].close,
        lambda wxpay: getattr(wxpay.v3, "id#1").close,
        lambda wxpay: getattr(wxpay.v3, "id?1").close,
        lambda wxpay: wxpay["v3/x#frag/close"],
        lambda wxpay: wxpay["v3/pay?a=1"].close,
    ],
)
def test_nothing_is_cut_off_silently(wxpay: Wechatpay, find: Any) -> None:
    """What would follow a # or a query is another operation."""
    with pytest.raises(ChainError, match=r"#|query"):
        wxpay.prepare(find(wxpay).post, {})


@pytest.mark.parametrize("value", ["..", ".", "1#", "1?", "x/../../secret", "%2e%2E/x", "a/.", ""])
def test_encoded_text_stays_in_its_place(wxpay: Wechatpay, value: str) -> None:
    """{+x} may hold slashes, but neither leave the path nor end it."""
    with pytest.raises(ChainError, match=r"^p: .*nothing was sent$"):
        wxpay.prepare(wxpay["v3/pay/{+p}/close"].post, {}, p=value)
    assert wxpay.prepare(wxpay["{+p}"].get, p="v3/x?a=1#f").target == "/v3/x?a=1"


class Refund(str, Enum):
    FIRST = "refund-1"


def test_an_enum_travels_as_its_value(wxpay: Wechatpay) -> None:
    """In the path, the query, a header and the body alike."""
    request = wxpay.prepare(
        wxpay.v3._a_.post,
        {"a": Refund.FIRST},
        a=Refund.FIRST,
        params={"b": Refund.FIRST},
        headers={"X-A": Refund.FIRST},
    )
    assert (request.target, request.headers["X-A"]) == ("/v3/refund-1?b=refund-1", "refund-1")
    assert request.body == b'{"a":"refund-1"}'
    assert wxpay.prepare((wxpay.v3 / Refund.FIRST).get).target == "/v3/refund-1"


def test_nodes_are_values(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """Equal by client and path; never changed; copies are the node itself."""
    node = wxpay.v3.pay
    assert node == wxpay.v3.pay == wxpay["v3/pay"] == wxpay.chain("v3").chain("pay")
    assert node != wxpay.v3.Pay.x
    assert node.post != node["post"]
    assert node != "v3/pay"
    with gateway.client() as other:
        assert node != other.v3.pay
    assert {node: 1}[wxpay.v3.pay] == 1
    assert copy.copy(node) is node
    assert copy.deepcopy([node])[0] is node
    with pytest.raises(AttributeError, match="never changes"):
        node.x = 1
    with pytest.raises(AttributeError, match="never changes"):
        del node.x


def test_pickling_a_node_says_why_not(wxpay: Wechatpay) -> None:
    """It holds a client with keys."""
    for thing in (wxpay.v3.pay, wxpay):
        with pytest.raises(TypeError, match=r"holds .*keys and connections and is not pickled"):
            pickle.dumps(thing)


def test_no_node_is_cached(wxpay: Wechatpay) -> None:
    """Ids in paths would pile up."""
    first = wxpay.v3.pay
    assert first.transactions is not first.transactions
    assert not hasattr(first, "__dict__")


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_names_are_missing(wxpay: Wechatpay, instance: Instance, name: str) -> None:
    """hasattr says no, on nodes and on clients."""
    for thing in (wxpay, wxpay.v3, wxpay.v3.pay._id_, instance, instance.v3):
        assert not hasattr(thing, name)


async def awaiting(node: Any) -> None:
    await node


@pytest.mark.parametrize("face", ["wxpay", "instance"])
def test_nothing_but_a_call_sends(face: str, gateway: Sandbox, request: pytest.FixtureRequest) -> None:
    """What libraries, debuggers and mistakes do to an object never reaches the gateway."""
    client = request.getfixturevalue(face)
    node: Any = client.v3.certificates
    tries = [
        lambda: dict(node),
        lambda: node.keys(),
        lambda: node.items(),
        lambda: node(),
        lambda: node("x"),
        lambda: node(None),
        lambda: node([1]),
        lambda: list(node),
        lambda: "x" in node,
        lambda: iter(node),
        lambda: reversed(node),
        lambda: len(node),
        lambda: asyncio.run(awaiting(node)),
        lambda: {**node},
        lambda: node + 1,
        lambda: int(node),
        lambda: json.dumps(node),
        lambda: pickle.dumps(node),
        lambda: node.get("x"),
        lambda: node.get(1),
        lambda: client.get({}),
        lambda: client.post({}),
    ]
    attempt: Any
    for attempt in tries:
        with pytest.raises(TypeError):
            attempt()
    for harmless in (
        copy.copy,
        copy.deepcopy,
        repr,
        str,
        bool,
        hash,
        dir,
        callable,
        pprint.pformat,
        inspect.getmembers,
    ):
        harmless(node)
    assert inspect.unwrap(node) is node
    inspect.signature(node)
    inspect.getdoc(node)
    autospec: Any = mock.create_autospec
    autospec(node)
    autospec(client)
    for verb in VERBS:
        getattr(node, verb)
    assert not gateway.requests


def test_calling_a_node_with_a_mapping_posts(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """The JS shorthand."""
    answer = wxpay.v3.marketing.membercardOpen.callback
    with pytest.raises(Exception, match="405"):
        answer({"notify_url": "https://a.example"})
    assert gateway.requests[-1].method == "POST"


def test_a_client_is_no_container(wxpay: Wechatpay) -> None:
    """'x' in wxpay would never end otherwise."""
    client: Any = wxpay
    with pytest.raises(TypeError):
        _ = "x" in client
    with pytest.raises(TypeError):
        iter(client)


@pytest.mark.parametrize("key", [None, 1.5, b"v3", ("v3",), slice(1, 2), "", "//evil.example"])
def test_a_path_is_text(wxpay: Wechatpay, key: Any) -> None:
    """Anything else raises at once."""
    for thing in (wxpay, wxpay.v3):
        with pytest.raises(ChainError):
            thing[key]
        with pytest.raises(ChainError):
            thing.chain(key)


def test_numbers_are_segments(wxpay: Wechatpay) -> None:
    """node[1] is node['1']."""
    assert wxpay.v3.pay[1] == wxpay.v3.pay["1"]  # type: ignore[index]
