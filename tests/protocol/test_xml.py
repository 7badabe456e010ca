"""APIv2's XML as it is written: what both SDKs wrote, and that it comes back."""

from __future__ import annotations

import datetime
import gzip
import json
import re
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain.encoding.scalars import signed_text as signed
from wechatpay_chain.encoding.scalars import spell
from wechatpay_chain.encoding.style import JS, PHP, Style
from wechatpay_chain.errors import ChainError
from wechatpay_chain.protocol.xml import MAX_DEPTH, from_xml, sanitize, to_xml

DATA = Path(__file__).parent.parent / "data"
MEBIBYTE = 1 << 20


def unmarked(value: Any) -> Any:
    """A recorded value without the mark of PHP's objects."""
    if isinstance(value, dict) and set(value) == {"$JsonStringable"}:
        return value["$JsonStringable"]
    return {key: unmarked(item) for key, item in value.items()} if isinstance(value, dict) else value


def recorded(name: str) -> list[tuple[str, dict[str, Any], str]]:
    """Each recorded call with an XML body: its id, its fields with what the SDK added, the body."""
    calls = []
    for line in gzip.decompress((DATA / f"{name}.jsonl.gz").read_bytes()).decode().splitlines():
        row = json.loads(line)
        body = (row.get("wire") or {}).get("body")
        if not isinstance(body, str) or not body.startswith("<xml"):
            continue
        given_fields = (row["options"].get("xml") or {}) if name == "php" else row["data"]
        fields = {key: value for key, value in unmarked(given_fields).items() if key != "sign" or name == "node"}
        for key in ("nonce_str", "sign"):
            if found := re.search(f"<{key}>([^<]*)</{key}>", body):
                fields[key] = found[1]
        calls.append((row["id"], fields, body))
    return calls


@pytest.mark.parametrize(("name", "style", "count"), [("php", PHP, 65), ("node", JS, 40)])
def test_recorded_bodies_are_written_again(name: str, style: Style, count: int) -> None:
    """Byte for byte, the odd ones included: control characters, keys that are no names, nested lists."""
    calls = recorded(name)
    assert len(calls) == count
    for call, fields, body in calls:
        assert to_xml(fields, style=style) == body, call


# What PHP 8.2's XMLWriter wrote, and fast-xml-parser 5.0's builder; None where only one of them was asked.
WRITTEN: list[tuple[Any, str | None, str | None]] = [
    ("", "<a></a>", "<a/>"),
    (None, "<a></a>", "<a/>"),
    (False, "<a></a>", "<a>false</a>"),
    (True, "<a>1</a>", "<a>true</a>"),
    ({}, "<a/>", "<a/>"),
    ([], "<a/>", ""),
    ([[]], "<a><item/></a>", None),
    ({"b": {}}, "<a><b/></a>", "<a><b/></a>"),
    ([1, 2, {"x": 3}], "<a><item>1</item><item>2</item><item><x>3</x></item></a>", "<a>1</a><a>2</a><a><x>3</x></a>"),
    ("x<y", "<a><![CDATA[x<y]]></a>", "<a><![CDATA[x<y]]></a>"),
    ("x>y", "<a><![CDATA[x>y]]></a>", "<a><![CDATA[x>y]]></a>"),
    ("x&y", "<a><![CDATA[x&y]]></a>", "<a><![CDATA[x&y]]></a>"),
    ('x"y', '<a><![CDATA[x"y]]></a>', '<a><![CDATA[x"y]]></a>'),
    ("x'y", "<a>x'y</a>", "<a><![CDATA[x'y]]></a>"),
    ("x\ty\nz", "<a>x\ty\nz</a>", "<a>x\ty\nz</a>"),
    ("x\ry", "<a>x&#13;y</a>", None),
    ("\x01\x7f\x85\u2028\ufffe", "<a>\x01\x7f\x85\u2028\ufffe</a>", "<a>\x01\x7f\x85\u2028\ufffe</a>"),
    (" ", "<a> </a>", "<a> </a>"),
    (0, "<a>0</a>", "<a>0</a>"),
    (-5, "<a>-5</a>", "<a>-5</a>"),
    (1.0, "<a>1</a>", "<a>1</a>"),
    (1.5, "<a>1.5</a>", "<a>1.5</a>"),
    (-0.0, "<a>-0</a>", "<a>0</a>"),
    (0.1 + 0.2, "<a>0.3</a>", "<a>0.30000000000000004</a>"),
    (123456789.12345678, "<a>123456789.12346</a>", "<a>123456789.12345678</a>"),
    (0.0001, "<a>0.0001</a>", "<a>0.0001</a>"),
    (1e-5, "<a>1.0E-5</a>", "<a>0.00001</a>"),
    (1e-7, "<a>1.0E-7</a>", "<a>1e-7</a>"),
    (1e14, "<a>1.0E+14</a>", "<a>100000000000000</a>"),
    (1e21, "<a>1.0E+21</a>", "<a>1e+21</a>"),
    (1.5e300, "<a>1.5E+300</a>", "<a>1.5e+300</a>"),
]


@pytest.mark.parametrize("row", WRITTEN, ids=lambda row: repr(row[0])[:30])
def test_a_value_is_spelled_as_each_sdk_does(row: tuple[Any, str | None, str | None]) -> None:
    """Both styles beside each other; an element's CDATA depends on its own text alone."""
    value, php, js = row
    if php is not None:
        assert to_xml({"a": value}) == f"<xml>{php}</xml>"
    if js is not None:
        assert to_xml({"a": value}, style=JS) == (f"<xml>{js}</xml>" if js else "<xml/>")


def test_what_python_has_besides() -> None:
    """Decimals without exponent, enumerations of text and numbers by value, bytes that are UTF-8, any mapping."""

    class Kind(str, Enum):
        A = "a"

    class Number(IntEnum):
        ONE = 1

    fields = {"d": Decimal("1E+2"), "k": Kind.A, "n": Number.ONE, "b": "中".encode(), "t": (1,)}
    wanted = "<xml><d>100</d><k>a</k><n>1</n><b>中</b><t><item>1</item></t></xml>"
    assert to_xml(fields) == to_xml(MappingProxyType(fields)) == wanted
    assert to_xml(["x"]) == "<xml><item>x</item></xml>"


# To PHP a name is letters and underscores, then digits and .:- too.
NAMES = ["a", "_", "_1", "A-b.c:d", "键", "é1", "xml", "Ω"]
NO_NAMES = ["", "1", "1a", "-a", ".a", ":a", "a b", "a/b", "a>b", "a\n", "a١", "a·", "a\u0301", "ª", "😀", "@", 1, None]


def test_a_key_that_is_no_name_is_an_item() -> None:
    """In PHP's style, under the name for items; what is a name stays."""
    for key in NAMES:
        assert to_xml({key: 1}) == f"<xml><{key}>1</{key}></xml>"
        assert from_xml(to_xml({key: 1})) == {key: "1"}
    for other in NO_NAMES:
        assert to_xml({other: 1}, "r", item="row") == "<r><row>1</row></r>", other


def test_any_key_is_written_in_the_style_of_javascript() -> None:
    """As it is, even if no parser reads it; #text is no element; what would break out of its tag raises."""
    assert to_xml({"1a": 1, "@_id": 2, "#text": "t<"}, style=JS) == "<xml><1a>1</1a><@_id>2</@_id><![CDATA[t<]]></xml>"
    for key in ("", "a b", "a>", "<a", "a/", "a&b", "a=b", 'a"', "a'", "a\0"):
        with pytest.raises(ChainError, match=r"this key cannot name an XML element; nothing was sent$"):
            to_xml({key: 1}, style=JS)


def test_the_end_of_cdata_is_split() -> None:
    """Also where it stands several times; and a carriage return is kept from becoming a line feed."""
    assert to_xml({"a": "x]]>y"}) == "<xml><a><![CDATA[x]]]]><![CDATA[>y]]></a></xml>"
    for text in ("]]>", "]]>]]>", "]]]>", "<![CDATA[z]]>", "]]", "&lt;", "<\r\n>", "\r", "]]>\r]]>"):
        assert from_xml(to_xml({"a": text})) == {"a": text}
        assert from_xml(to_xml({"a": text}, style=JS)) == {"a": text}


class Odd:
    """An object that is no field."""


deep: Any = "x"
for _ in range(MAX_DEPTH):
    deep = {"a": deep}
cycle: dict[str, Any] = {}
cycle["a"] = cycle
REFUSED: dict[str, tuple[Any, str]] = {
    "NaN": ({"k": float("nan")}, "k: expected text, a number or a boolean, found nan"),
    "infinity": ({"k": -float("inf")}, "k: expected text, a number or a boolean, found -inf"),
    "decimal NaN": ({"k": Decimal("NaN")}, "k: expected text, a number or a boolean, found Decimal"),
    "object": ({"k": Odd()}, "k: expected text, a number or a boolean, found Odd"),
    "set": ({"k": {1}}, "k: expected text, a number or a boolean, found set"),
    "date": ({"k": datetime.date(2026, 1, 1)}, "k: expected text, a number or a boolean, found date"),
    "nested": ({"a": {"k": [Odd()]}}, "item: expected text, a number or a boolean, found Odd"),
    "bytes": ({"k": b"\xff"}, "k: bytes that are no UTF-8 text"),
    "NUL": ({"k": "a\0b"}, "k: NUL or half a character, which XML cannot hold"),
    "NUL in CDATA": ({"k": "<\0"}, "k: NUL or half a character, which XML cannot hold"),
    "surrogate": ({"k": "\ud83d"}, "k: NUL or half a character, which XML cannot hold"),
    "cycle": (cycle, "a: nested deeper than 256 levels"),
    "too deep": ({"a": deep}, "a: nested deeper than 256 levels"),
    "text": ("text", "xml: expected a mapping, found str"),
    "nothing": (None, "xml: expected a mapping, found NoneType"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_written_raises(case: str) -> None:
    """The error names the key; a long one is cut."""
    fields, words = REFUSED[case]
    with pytest.raises(ChainError, match=f"^{words}.*; nothing was sent$"):
        to_xml(fields)
    with pytest.raises(ChainError, match=r"^k{80}: NUL"):
        to_xml({"k" * 500: "\0"})
    for root, item in (("a b", "item"), ("xml", ""), ("x><y", "item")):
        with pytest.raises(ChainError, match=r": no XML name; nothing was sent$"):
            to_xml({}, root, item=item)


def test_256_levels_are_written() -> None:
    """As deep as from_xml reads them."""
    assert from_xml(to_xml(deep)) == deep


def test_containers_are_signed_as_each_sdk_spells_them() -> None:
    """The signature is over flat text, whatever the XML holds."""
    assert (signed(["p", True], "k"), signed({"a": 1}, "k")) == ("Array", "Array")
    assert (signed(["p", True, ["q"]], "k", JS), signed({"a": 1}, "k", JS)) == ("p,true,q", "[object Object]")
    assert signed(1.0, "k") == spell(1.0, "k") == "1"


# XML 1.0 holds these; names are what PHP takes for one.
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]) | st.sampled_from("\t\n\r<>&\"'];"))
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9._-]*", fullmatch=True) | st.sampled_from(NAMES)
trees = st.recursive(texts, lambda inner: st.dictionaries(names, inner, min_size=1), max_leaves=8)


@pytest.mark.slow
@given(st.dictionaries(names, trees), st.sampled_from([PHP, JS]))
def test_what_is_written_comes_back(fields: dict[str, Any], style: Style) -> None:
    """from_xml(to_xml(d)) == d, also nested, in both styles, for all that XML can hold."""
    assert from_xml(to_xml(fields, style=style)) == from_xml(to_xml(fields, style=style).encode()) == fields


@given(st.dictionaries(names, st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_what_xml_cannot_hold_is_lost_alone(fields: dict[str, str]) -> None:
    """Control characters travel, as the SDKs send them, and are stripped when they are read."""
    assert from_xml(to_xml(fields)) == {key: sanitize(value) for key, value in fields.items()}
