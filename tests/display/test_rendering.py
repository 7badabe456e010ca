"""An answer on a screen, at a prompt and in a notebook."""

from __future__ import annotations

import io
import json
import logging
import pprint
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from IPython.lib import pretty as printer

from tests import answers
from tests.sandbox.shop import ORDER
from tests.screens import Screen
from tests.test_response import made
from wechatpay_chain import Promise, Sandbox, Wechatpay, errors
from wechatpay_chain.display import rendering
from wechatpay_chain.php import Instance
from wechatpay_chain.php.psr7 import Response as PHPResponse
from wechatpay_chain.response import Response

CODE = {"code_url": "weixin://wxpay/bizpayurl?pr=NwY5Mz9"}
pretty: Callable[[object], str] = printer.pretty
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202e\u2028\ud800\U000e0041"


@pytest.fixture
def blocked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Packages that cannot be imported, as where they are not installed."""

    def block(*names: str) -> None:
        for name in [*names, *(known for known in sys.modules if known.split(".")[0] in names)]:
            monkeypatch.setitem(sys.modules, name, None)

    return block


def proven(data: Any, kind: type[Response] = Response) -> Any:
    answer = made(json.dumps(data).encode(), kind)
    answer.verified = True
    return answer


@pytest.mark.parametrize("kind", [Response, PHPResponse])
@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b'{"a":"\\u4e2d","b":[1,{}]}', '\n{\n  "a": "中",\n  "b": [\n    1,\n    {}\n  ]\n}'),
        (b"null", "\nnull"),
        (b"", ""),
        (b"   ", "\n   "),
        ("a,中\r\n`1\r\n".encode(), "\na,中\n`1"),
        (b"\xef\xbb\xbf`1", "\n`1"),
        (b"\xff\x00", "\n(2 bytes, application/json)"),
        (b'{"a":', '\n{"a":'),
        (b"1" * 5000, "\n" + "1" * 5000),
        (b"[" * 5000, "\n" + "[" * 5000),
        (b"[" * 900 + b"]" * 900, None),
    ],
)
def test_an_answer_prints_as_status_and_body(kind: type[Response], content: bytes, shown: str | None) -> None:
    """JSON indented, text as text, bytes as size and kind; what is no JSON after all as it is written."""
    answer = made(content, kind)
    answer.verified = True
    assert repr(answer) == str(answer) == f"{answer}"
    assert repr(answer).startswith("200 OK")
    if shown is not None:
        assert repr(answer) == f"200 OK{shown}"


def test_the_status_line_tells_what_is_not_proven() -> None:
    """A reason is one short line; an answer that was never filled prints too."""
    answer = made(b"")
    assert repr(answer) == "200 OK, unverified"
    answer.verified = True
    for reason, shown in [
        (None, "200"),
        ("", "200"),
        ("No\r\n\x1b[2J", "200 No \\u001b[2J"),
        ("x" * 99, "200 " + "x" * 80),
    ]:
        answer.reason = reason
        assert repr(answer) == shown
    assert repr(Response()) == repr(Response.__new__(Response)) == "no status, unverified"


def test_what_an_answer_is_asked_as_does_not_change_how_it_prints() -> None:
    """responseType shapes .data alone; APIv2's fields print as JSON does."""
    answer = proven(CODE)
    before = repr(answer)
    for kind in ("text", "arraybuffer", "stream"):
        answer.response_type = kind
        assert repr(answer) == before
    answer = made(b"<xml><a>1</a></xml>")
    answer.parsed = {"a": "中\x1b"}
    assert repr(answer) == '200 OK, unverified\n{\n  "a": "中\\u001b"\n}'


def test_a_stream_is_not_read_to_be_shown(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Neither by repr, nor by IPython's displays; what is left of it is still there."""
    gateway.tamper = answers.bare(200, b"\x00bytes" * 1000, "application/octet-stream")
    answer = wxpay.chain("v3/billdownload/file?token=a").get({"responseType": "stream"})
    for shown in (repr(answer), pretty(answer), answer._repr_html_(), pretty([answer])):
        assert "a stream, not read yet" in shown
    assert answer.data.read() == b"\x00bytes" * 1000
    streamed = wxpay.chain("v3/billdownload/file?token=a").get({"responseType": "stream"})
    assert b"".join(streamed.iter_content(100)) == b"\x00bytes" * 1000
    assert repr(streamed) == "200 OK, unverified\n(a stream that was read)"
    answer.close()


@pytest.mark.parametrize(
    ("content", "begins"),
    [
        (json.dumps({"data": [{"id": n, "name": "中", "e": []} for n in range(300_000)]}).encode(), '{\n  "data": [\n'),
        (json.dumps({"data": [{"id": n, "name": "中", "e": []} for n in range(2_000)]}).encode(), '{\n  "data": [\n'),
        ("交易时间,金额\r\n".encode() * 500_000, "交易时间,金额\n交"),
        (b'["' + b"a" * 10_000_000 + b'"]', '[\n  "aaa'),
        (b'{"a":"' + b"\\u4e2d" * 2_000_000, '{\n  "a": "'),
        (b"{" + b" " * 10_000_000 + b"}", "{"),
        (b"\x1b" * 10_000_000, "\\u001b"),
    ],
    ids=["large JSON", "JSON", "a bill", "one string", "half a string", "blanks", "escapes"],
)
def test_a_long_body_is_cut(content: bytes, begins: str) -> None:
    """It says of how much, and where all of it is; the time does not grow with the body."""
    answer = made(content)
    begun = time.process_time()
    status, shown = repr(answer).split("\n", 1)
    assert time.process_time() - begun < 0.5
    assert status == "200 OK, unverified"
    assert shown.startswith(begins)
    assert shown.endswith(f"\n… cut here; the body has {len(content):,} bytes, and .data holds all of it")
    assert len(shown) <= 60_100
    assert shown.isascii() or "中" in shown or "交" in shown or "…" in shown


def test_the_beginning_of_a_large_json_is_indented_as_a_small_one() -> None:
    """Line for line what json.dumps writes, up to the cut."""
    rows = [{"id": n, "name": '中\n"{[,:', "e": [], "f": {}, "n": [None, True, -1.5e3, [1]]} for n in range(20_000)]
    wanted = json.dumps(rows, ensure_ascii=False, indent=2)
    for ascii_only in (True, False):
        content = json.dumps(rows, ensure_ascii=ascii_only, separators=(",", ":")).encode()
        shown = rendering.body(made(content)).rpartition("\n")[0]
        lines = shown.split("\n")[:-1]
        assert len(lines) > 400
        assert wanted.startswith("\n".join(lines))


@pytest.mark.parametrize("content", [json.dumps({"a" + HOSTILE: HOSTILE}).encode(), HOSTILE.encode("utf-8", "ignore")])
def test_a_hostile_answer_does_not_steer_the_terminal(content: bytes) -> None:
    """Control characters, text that runs backwards and half letters are shown as escapes; the JSON stays the same."""
    answer = made(content)
    answer.reason, answer.headers["Content-Type"] = HOSTILE, HOSTILE
    shown = [repr(answer), pretty(answer), pretty([answer]), answer._repr_html_()]
    answer._content = b"\xff" + content
    for text in (*shown, repr(answer), pretty(answer), answer._repr_html_()):
        assert all(letter.isprintable() for letter in text.replace("\n", ""))
        assert "\\u001b]0;owned" in text
        text.encode()
    if content.startswith(b"{"):
        assert json.loads(shown[0].partition("\n")[2]) == {"a" + HOSTILE: HOSTILE}


def test_letters_of_people_stay() -> None:
    """Chinese with its blank and its punctuation, umlauts, emoji."""
    text = "中　文，（“é”）\xa0😀"
    assert rendering.escape_controls(text) == text


def test_no_message_of_ours_holds_a_body(gateway: Sandbox, wxpay: Wechatpay, caplog: pytest.LogCaptureFixture) -> None:
    """Errors, promises and the log tell what they told before."""
    caplog.set_level(logging.DEBUG)
    gateway.tamper = answers.bare(400, b'{"code":"C","message":"M","secret":"s3cr3t"}', "application/json")
    with pytest.raises(errors.ApiError) as refused:
        wxpay.v3.certificates.get()
    with pytest.raises(errors.AggregateError) as all_refused:
        Promise.any([wxpay.v3.certificates.get_async()]).wait()
    gateway.tamper = answers.bare(200, b'{"secret":"s3cr3t"}', "application/json")
    with pytest.raises(errors.VerificationError) as unproven:
        wxpay.v3.certificates.get()
    gateway.tamper = None
    kept = Promise.resolve(proven({"secret": "s3cr3t"}))
    for told in (refused.value, all_refused.value, unproven.value, kept):
        assert "s3cr3t" not in f"{told} {told!r}"
    assert "s3cr3t" not in caplog.text
    assert "s3cr3t" in repr(refused.value.response)


def test_ipython_prints_it_as_the_prompt_does_and_short_inside_of_a_list() -> None:
    """At the top status and body; in a container one line each; pprint, which asks repr alone, prints each whole."""
    answer = proven(CODE)
    assert pretty(answer) == repr(answer)
    assert pretty([answer, answer]) == "\n".join(
        [
            '[<200 OK { "code_url": "weixin://wxpay/bizpayurl?pr=NwY5Mz9" }>,',
            ' <200 OK { "code_url": "weixin://wxpay/bizpayurl?pr=NwY5Mz9" }>]',
        ]
    )
    assert pretty({"a": proven({"a": "b" * 99})}) == '{\'a\': <200 OK { "a": "' + "b" * 44 + "…>}"
    out = io.StringIO()
    pprint.pprint([answer], out)
    assert out.getvalue() == f"[{answer!r}]\n"


def test_a_notebook_shows_html(blocked: Callable[..., None]) -> None:
    """Escaped; with the QR code as SVG where there is an address, the answer is proven and segno is there."""
    answer = proven({**CODE, "x": "<script>&"})
    shown = answer._repr_html_()
    assert shown.startswith("<div><strong>200 OK</strong><pre>{\n  &quot;code_url&quot;: &quot;weixin://")
    assert "&lt;script&gt;&amp;" in shown
    assert "<script" not in shown
    assert len(re.findall("<figcaption>code_url</figcaption><svg [^<]*<.*</svg></figure></div>", shown)) == 1
    answer.verified = False
    assert "<svg" not in answer._repr_html_()
    answer.verified = True
    blocked("segno")
    assert "<svg" not in answer._repr_html_()
    assert proven("a")._repr_html_() == "<div><strong>200 OK</strong><pre>&quot;a&quot;</pre></div>"
    assert made(b"")._repr_html_() == "<div><strong>200 OK, unverified</strong></div>"


def test_repr_is_the_same_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are IPython's display and the command's; repr is text wherever it goes."""
    answer = proven(CODE)
    before = repr(answer)
    monkeypatch.setattr(sys, "stdout", Screen())
    monkeypatch.setenv("TERM", "xterm")
    assert repr(answer) == before
    assert "▀" in pretty(answer)
    assert "▀" not in pretty([answer])


def test_both_faces_print_the_same(gateway: Sandbox, wxpay: Wechatpay, instance: Instance) -> None:
    """And it is a requests.Response in all else."""
    order = {**ORDER, "mchid": gateway.mchid}
    first = wxpay.v3.pay.transactions.native.post(order)
    second = instance.v3.pay.transactions.native.post({"json": order})
    for answer in (first, second):
        assert repr(answer) == f"200 OK\n{json.dumps(answer.data, ensure_ascii=False, indent=2)}"
        assert answer.ok
        assert answer.json() == answer.data
    assert str(second.getBody()) == second.text
