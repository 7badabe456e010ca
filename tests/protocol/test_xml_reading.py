"""APIv2's XML as it is read: what PHP makes of it, and what an attacker might send."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain.errors import WechatpayError
from wechatpay_chain.protocol.xml import MAX_DEPTH, XMLError, from_xml

MEBIBYTE = 1 << 20

# What PHP 8.2's SimpleXML made of them with the SDK's flags.
READ: list[tuple[str, dict[str, Any]]] = [
    ("<xml/>", {}),
    ("<xml> </xml>", {}),
    ("<xml>x</xml>", {"0": "x"}),
    ("<xml>x<a>1</a></xml>", {"a": "1"}),
    ('<xml id="1"><a>1</a></xml>', {"@attributes": {"id": "1"}, "a": "1"}),
    ("<xml><a/><a/></xml>", {"a": ["", ""]}),
    ("<xml><a>1</a><b>2</b><a>3</a></xml>", {"a": ["1", "3"], "b": "2"}),
    ("<xml><a>1</a><a><b>2</b></a></xml>", {"a": ["1", {"b": "2"}]}),
    ("<xml><a>\n<b>1</b>\n</a></xml>", {"a": {"b": "1"}}),
    ("<xml><a>x<b>1</b>y</a></xml>", {"a": "xy"}),
    ("<xml><a><b>1</b>y</a></xml>", {"a": {"b": "1"}}),
    ("<xml><a> <![CDATA[y]]> </a></xml>", {"a": "y "}),
    ("<xml><a><![CDATA[ ]]></a></xml>", {"a": " "}),
    ("<xml><a>x<![CDATA[<y>]]>z</a></xml>", {"a": "x<y>z"}),
    ('<xml><a id="1"/><b id="2"> </b></xml>', {"a": "", "b": " "}),
    ("<xml><a>&#65;&#x4e2d;&lt;&gt;&amp;&quot;&apos;</a></xml>", {"a": "A中<>&\"'"}),
    ("<xml><a>&#13;</a></xml>", {"a": "\r"}),
    ("<xml><a>x\x01y\ufffe</a></xml>", {"a": "xy"}),
    ("\ufeff<xml><a>1</a></xml>", {"a": "1"}),
    ("  <xml><a>1</a></xml>\n", {"a": "1"}),
    ("<xml><a>1<!-- c -->2</a></xml>", {"a": "12"}),
    ('<xml xmlns="http://u"><a>1</a></xml>', {"a": "1"}),
    ('<xml xmlns:x="http://u"><x:a>1</x:a><b x:k="2">2</b></xml>', {"b": "2"}),
    ('<xml><a xml:lang="zh"><b>1</b></a></xml>', {"a": {"b": "1"}}),
    ("<xml><x:a>1</x:a></xml>", {"x:a": "1"}),
    ('<x:xml xmlns:x="http://u" xmlns:y="http://v"><a><y:b/></a><y:c/></x:xml>', {"a": ""}),
]


@pytest.mark.parametrize(("document", "wanted"), READ)
def test_a_document_is_read_as_php_reads_it(document: str, wanted: dict[str, Any]) -> None:
    """As text and as bytes; the order of names is kept."""
    assert from_xml(document) == from_xml(document.encode()) == wanted
    assert from_xml(document, comments=True) == wanted
    assert list(from_xml(document)) == list(wanted)


def test_comments_are_kept_where_they_are_asked_for() -> None:
    """Beside elements, with processing instructions, as SimpleXML has them; never those outside the root."""
    document = "<!-- 0 --><xml><!-- c --><a>1</a><a><!--d--></a><comment>e</comment><?p i q?></xml><!-- 9 -->"
    assert from_xml(document) == {"a": ["1", ""], "comment": "e"}
    assert from_xml(document, comments=True) == {"comment": [" c ", "e"], "a": ["1", ""], "p": "i q"}


def nested(levels: int) -> bytes:
    return b"<xml>" + b"<a>" * levels + b"</a>" * levels + b"</xml>"


LAUGHS = "".join(f'<!ENTITY l{at + 1} "{f"&l{at};" * 10}">' for at in range(9))
DOCTYPE, BROKEN, BYTES = r"a DOCTYPE, where entities are declared", r"not well-formed \(", r"no UTF-8 text at byte \d+"
TOO_DEEP = r"nested deeper than 256 levels"
ATTACKS: dict[str, tuple[str | bytes, str]] = {
    "external entity": ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x><a>&e;</a></x>', DOCTYPE),
    "external entity over http": ('<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:9/">]><x><a>&e;</a></x>', DOCTYPE),
    "internal entity": ('<!DOCTYPE x [<!ENTITY e "v">]><x><a>&e;</a></x>', DOCTYPE),
    "parameter entity": ('<!DOCTYPE x [<!ENTITY % e SYSTEM "file:///etc/passwd">%e;]><x/>', DOCTYPE),
    "billion laughs": (f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><x><a>&l9;</a></x>', DOCTYPE),
    "DOCTYPE alone": ("<!DOCTYPE html><html><body>x</body></html>", DOCTYPE),
    "external DTD": ('<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>', DOCTYPE),
    "default attribute": ('<!DOCTYPE x [<!ATTLIST a sign CDATA "S">]><x><a><b/></a></x>', DOCTYPE),
    "DOCTYPE behind control characters": ("<!DOC\x01TYPE x><x/>", DOCTYPE),
    "undeclared entity": ("<xml><a>&nope;</a></xml>", BROKEN),
    "no XML": ('{"return_code":"SUCCESS"}', BROKEN),
    "nothing": ("", BROKEN),
    "blanks": (b" \n", BROKEN),
    "HTML": ("<html><body><p>502<br></body></html>", BROKEN),
    "two roots": ("<xml/><xml/>", BROKEN),
    "cut off": ("<xml><a>SUCC", BROKEN),
    "cut tag": ("<xml><a>SUCCESS</a></xm", BROKEN),
    "character that is none": ("<xml><a>&#1;</a></xml>", BROKEN),
    "bare end of CDATA": ("<xml><a>]]></a></xml>", BROKEN),
    "attribute twice": ('<xml><a b="1" b="2"/></xml>', BROKEN),
    "bad encoding": (b"<xml><a>\xff</a></xml>", BYTES),
    "GBK": ('<?xml version="1.0" encoding="GBK"?><xml><a>中</a></xml>'.encode("gbk"), BYTES),
    "UTF-16": ("<xml><a>1</a></xml>".encode("utf-16"), BYTES),
    "half a character": ("<xml><a>中</a></xml>".encode()[:9], BYTES),
    "overlong": (b"<xml><a>\xc0\xbc</a></xml>", BYTES),
    "one level too deep": (nested(MAX_DEPTH + 1), TOO_DEEP),
    "100,000 levels": (nested(100_000), TOO_DEEP),
    "10 MiB that never close": (b"<a>" * (10 * MEBIBYTE // 3), TOO_DEEP),
    "10 MiB of brackets": (b"<" * 10 * MEBIBYTE, BROKEN),
    "10 MiB of a name": (b"<" + b"a" * 10 * MEBIBYTE, BROKEN),
}


@pytest.mark.parametrize("case", ATTACKS)
def test_an_attack_is_refused(case: str) -> None:
    """With this package's error, in one short line, at once."""
    document, words = ATTACKS[case]
    began = time.monotonic()
    with pytest.raises(XMLError, match=f"^xml: {words}") as caught:
        from_xml(document)
    assert time.monotonic() - began < 10
    assert isinstance(caught.value, WechatpayError)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 200


LARGE: dict[str, tuple[bytes, Any]] = {
    "text": (b"<xml><a>" + b"x" * 10 * MEBIBYTE + b"</a></xml>", {"a": "x" * 10 * MEBIBYTE}),
    "blanks": (b"<xml>" + b" " * 10 * MEBIBYTE + b"<a/></xml>", {"a": ""}),
    "elements": (b"<xml>" + b"<a>1</a>" * 1_300_000 + b"</xml>", {"a": ["1"] * 1_300_000}),
    "references": (b"<xml><a>" + b"&amp;" * 2 * MEBIBYTE + b"</a></xml>", {"a": "&" * 2 * MEBIBYTE}),
    "CDATA": (b"<xml><a>" + b"<![CDATA[x]]>" * 800_000 + b"</a></xml>", {"a": "x" * 800_000}),
    "comments": (b"<xml>" + b"<!--c-->" * 1_300_000 + b"</xml>", {}),
    "attribute": (b'<xml><a b="' + b"x" * 10 * MEBIBYTE + b'"/></xml>', {"a": ""}),
    "prefixes": (
        b"<xml " + b" ".join(b'xmlns:p%d="u"' % at for at in range(300_000)) + b">" + b"<a/>" * 100_000 + b"</xml>",
        {"a": [""] * 100_000},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", LARGE)
def test_ten_mebibytes_are_read(case: str) -> None:
    """The right dict, in time that grows with the length alone."""
    document, wanted = LARGE[case]
    began = time.monotonic()
    assert from_xml(document) == wanted
    assert time.monotonic() - began < 60


def test_256_levels_are_read() -> None:
    """As deep as libxml2 goes."""
    found = from_xml(nested(MAX_DEPTH))
    for _ in range(MAX_DEPTH - 1):
        found = found["a"]
    assert found == {"a": ""}


def test_a_declared_encoding_is_not_asked() -> None:
    """WeChat Pay's bytes are UTF-8, and text has no encoding any more."""
    for label in ("UTF-8", "GBK", "utf-16", "nope"):
        document = f'<?xml version="1.0" encoding="{label}"?><xml><a>中😀</a></xml>'
        assert from_xml(document) == from_xml(document.encode()) == {"a": "中😀"}


TAGS = "<xml> </xml> <a> </a> <b\tk='1'> </b> <a/> <?xml\tversion='1.0'?> <x:c\txmlns:x='u'> </x:c> x"
OTHERS = "<![CDATA[ ]]> <!-- --> &amp; &e; <!DOCTYPE\tx\t[ ]> <!ENTITY\te\t'v'> \xff"
pieces = st.sampled_from([*TAGS.split(" "), *OTHERS.split(" "), " "])


@given(st.binary() | st.text() | st.lists(pieces).map("".join) | st.lists(pieces).map(lambda p: "".join(p).encode()))
def test_any_document_is_judged(document: bytes | str) -> None:
    """A dict, or XMLError; nothing else comes out."""
    try:
        found = from_xml(document)
    except XMLError:
        return
    assert isinstance(found, dict)
