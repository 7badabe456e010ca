"""JavaScript as Python, rule by rule; what cannot be translated is left, with its line and the reason."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from wechatpay_chain import Sandbox
from wechatpay_chain.port.snippets import Snippet
from wechatpay_chain.port.translation import Translation, translated


def port(source: str) -> Translation:
    made = translated([Snippet(source, "js")])
    compile(made.python, "ported", "exec")
    return made


def body(source: str) -> str:
    """The Python of a snippet that is wholly translated, without its imports."""
    made = port(source)
    assert made.problems == [], made
    return "\n".join(line for line in made.python.split("\n") if not re.match("import |from ", line)).strip()


@pytest.mark.parametrize(
    ("source", "python"),
    [
        # chains
        ("wxpay.v3.global.$id$._x_.get({ id })", 'wxpay.v3.global_["$id$"]._x_.get({"id": id_})'),
        ("wxpay.v3['{id}'].POST({}, { id: 1 })", 'wxpay.v3["{id}"].post({}, {"id": 1})'),
        ("wxpay['outTradeNo']['v3/outTradeNo/x'].get()", 'wxpay.outTradeNo["v3/out-trade-no/x"].get()'),
        ("wxpay.chain('v3/outTradeNo').get()", 'wxpay.chain("v3/outTradeNo").get()'),
        ("wxpay.v3.a[id].get()", "wxpay.v3.a[id_].get()"),
        ("wxpay.v3.a({ b })", 'wxpay.v3.a({"b": b})'),
        ("wxpay.v3.a(b)", "wxpay.v3.a.post(b)"),
        ("wxpay.v3.a()", "wxpay.v3.a.post()"),
        ("wxpay.v3.a.get({ timeout: 5000 })", 'wxpay.v3.a.get({"timeout": 5})'),
        ("const pay = wxpay.v3.pay\npay.a.get()", "pay = wxpay.v3.pay\npay.a.get()"),
        # promises
        (
            "const p = wxpay.v3.a.get()\nconst r = await p\nf(r.data)",
            "p = wxpay.v3.a.get_async()\nr = p.wait()\nf(r.data)",
        ),
        ("wxpay.v3.a.get().then(r => r.data.x)", 'wxpay.v3.a.get_async().then(lambda r: r.data["x"]).wait()'),
        (
            "wxpay.v3.a.get().then(({ data }) => data).then(({ x }) => x)",
            'wxpay.v3.a.get_async().then(lambda answer: answer.data).then(lambda found: found["x"]).wait()',
        ),
        ("wxpay.v3.a.get().catch(console.error)", "wxpay.v3.a.get_async().catch(print).wait()"),
        (
            "wxpay.v3.a.get().then(() => {}, e => e.message)",
            "wxpay.v3.a.get_async().then(lambda _: None, lambda e: str(e)).wait()",
        ),
        (
            "const [a, b] = await Promise.all([wxpay.v3.a.get(), wxpay.v3.b({})])",
            "found = Promise.all([wxpay.v3.a.get_async(), wxpay.v3.b.post_async({})]).wait()\na = found[0]\n"
            "b = found[1]",
        ),
        (
            "wxpay.v3.a.get().then(({ headers: { date }, statusText }) => [date, statusText])",
            'wxpay.v3.a.get_async().then(lambda answer: [answer.headers["date"], answer.reason]).wait()',
        ),
        (
            "const { data: { x, y } } = await wxpay.v3.a.get()",
            'answer = wxpay.v3.a.get()\nx = answer.data["x"]\ny = answer.data["y"]',
        ),
        # functions
        (
            "async function f(outTradeNo) {\n  return wxpay.v3.a.get({ params: { outTradeNo } })\n}\n"
            "console.log((await f('x')).data)",
            'def f(out_trade_no):\n    return wxpay.v3.a.get({"params": {"outTradeNo": out_trade_no}})\n\n\n'
            'print(f("x").data)',
        ),
        (
            "const f = async ({ a, b = 1 }) => { await wxpay.v3.a.post({ a, b }) }",
            'def f(found):\n    wxpay.v3.a.post({"a": found["a"], "b": found.get("b", 1)})',
        ),
        ("(async () => { await wxpay.v3.a.get() })()", "def main():\n    wxpay.v3.a.get()\n\n\nmain()"),
        ("let n = 0\nconst f = () => { n += 1 }", "n = 0\n\n\ndef f():\n    global n\n    n += 1"),
        ("for (const x of xs) { ys.push(() => x) }", "for x in xs:\n    ys.append(lambda x=x: x)"),
        # values
        ("const a = { b, 'c-d': 1, [e]: 2, ...f, g: undefined }", 'a = {"b": b, "c-d": 1, e: 2, **f}'),
        ("const a = { b: 1, 2: 3, 1: 4 }", 'a = {"1": 4, "2": 3, "b": 1}'),
        ("const a = `x${b}y\\n${c.d}`", "a = f\"x{b}y\\n{c['d']}\""),
        ("const a = 'x' + b + 1", 'a = f"x{b}1"'),
        ("const a = 1.0 + 0x10 + 1e3 + 10n", "a = 1 + 16 + 1000 + 10"),
        ("const a = b ?? 'c', d = !e || f === null", 'a = "c" if b is None else b\nd = not e or f is None'),
        (
            "const a = JSON.parse(b), c = JSON.stringify(a)",
            'a = json.loads(b)\nc = json.dumps(a, ensure_ascii=False, separators=(",", ":"))',
        ),
        ("const a = encodeURIComponent(b)", 'a = quote(b, safe="!~*\'()")'),
        ("const a = { b: 1 }\na.c = a.b", 'a = {"b": 1}\na["c"] = a["b"]'),
        # libraries
        (
            "const { Formatter: fmt, Hash } = require('wechatpay-axios-plugin')\n"
            "const a = Hash.sign('MD5', { b: fmt.nonce() }, key)",
            'a = Hash.sign("MD5", Formatter.queryStringLike(Formatter.ksort({"b": Formatter.nonce()})), key)',
        ),
        (
            "import { Rsa } from 'wechatpay-axios-plugin'\nimport { readFileSync } from 'fs'\n"
            "const k = Rsa.from(readFileSync('k.pem'))",
            'k = Rsa.from_(Path("k.pem").read_bytes())',
        ),
        ("const fs = require('fs')\nconst k = fs.readFileSync(p, 'utf8')", 'k = Path(p).read_text(encoding="utf-8")'),
        # statements
        (
            "'use strict'\nif (a) { b() } else if (c) { d = 1 } else d = 2",
            "if a:\n    b()\nelif c:\n    d = 1\nelse:\n    d = 2",
        ),
        (
            "try { await wxpay.v3.a.get() } catch ({ response: { status } }) { console.log(status) }\nfinally { f() }",
            "try:\n    wxpay.v3.a.get()\nexcept Exception as error:\n    print(error.response.status)\n"
            "finally:\n    f()",
        ),
        ("f()\nasync function f() { await wxpay.v3.a.get() }", "def f():\n    wxpay.v3.a.get()\n\n\nf()"),
        ("for (let i = 0; i < 3; i++) { n += i }", "for i in range(3):\n    n += i"),
        ("// a\nconst b = { // c\n  d, // e\n}", '# a\nb = {\n    # c\n    "d": d,  # e\n}'),
        ("wxpay.v3.a.get({}) // [!code hl]\n//   ^?", "wxpay.v3.a.get({})"),
    ],
)
def test_a_rule(source: str, python: str) -> None:
    """Each as its Python."""
    assert body(source) == python


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("foo.bar(1)", ".bar(): nothing here does the same"),
        ("const a = require('./client')", "./client: not known here"),
        ("const { Foo } = require('wechatpay-axios-plugin')", "wechatpay-axios-plugin.Foo: not known here"),
        ("Wechatpay.client.v3.get('/x')", "Wechatpay"),
        ("const a = b?.c", "?."),
        ("const a = /x/", "regex"),
        ("const a = b % 2", "Python would find another value"),
        ("const a = 9007199254740993", "would round"),
        ("const a = '\\ud800'", "half a character"),
        ("const a = await b", "whether that is a promise"),
        ("const a = `${true}`", "what text flag becomes"),
        ("wxpay.v3.a.get().then(r => r.config)", "an answer here has no such part"),
        ("new Promise(f)", "no such class"),
        ("Promise.allSettled([])", "nothing here does the same"),
        ("class A {}", "class declaration"),
        ("const a = {", "syntax"),
        ("this.wxpay.v3.a.get()", "this: nothing here does the same"),
    ],
)
def test_what_is_not_known_is_left(source: str, reason: str) -> None:
    """As a comment with its line, and nothing of it as code."""
    made = port(source)
    assert any(reason in problem.reason for problem in made.problems), made
    assert made.python == f"# port: line 1: {source}\n"


def test_ported_javascript_runs(gateway: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Async functions, promises, loops and errors, against a gateway."""
    source = """
    const url = 'https://pay.weixin.qq.com'
    async function set(path) {
      const { data: { notify_url } } = await wxpay[path].post({ mchid, notify_url: `${url}/${path.length}` })
      return notify_url
    }
    ;(async () => {
      console.info(await set('v3/marketing/favor/callbacks'))
      try {
        await wxpay.v3.nowhere.get()
      } catch ({ response: { status, data } }) {
        console.info(status, data.code)
      }
      const [a, b] = await Promise.all([wxpay.v3.certificates.get(), wxpay.v3.certificates.get()])
      console.info(a.status + b.status)
      const waiting = []
      for (const no of ['A', 'B']) {
        waiting.push(wxpay.v3.certificates.get().then(() => no))
      }
      console.info((await Promise.all(waiting)).join(','))
    })().finally(() => console.info('done'))
    """
    made = port(source)
    assert made.problems == [], made
    with gateway.client() as wxpay:
        exec(compile(made.python, "ported", "exec"), {"wxpay": wxpay, "mchid": gateway.mchid})
    assert capsys.readouterr().out.split("\n") == [
        "https://pay.weixin.qq.com/28",
        "404 RESOURCE_NOT_EXISTS",
        "400",
        "A,B",
        "done",
        "",
    ]
    assert json.loads(gateway.requests[0].body)["notify_url"] == "https://pay.weixin.qq.com/28"
    assert not [received for received in gateway.requests if received.verdict]


@pytest.mark.parametrize(
    "text", ['"', "'", '"""', "\\", "\n", "\u2028", "#", "{}", "${x}", "`", "中\U0001f600", "a\\'; import os #"]
)
def test_a_string_stays_a_string(text: str) -> None:
    """Whatever is in it, in quotes, in a template, and in a comment beside it."""
    template = text.replace("\\", "\\\\").replace("`", "\\`").replace("$", "\\$")
    made = port(f"const a = {json.dumps(text)}\nconst b = `{template}`\nconst c = 1 /* {text} */\n")
    found = [ast.literal_eval(each.value) for each in ast.parse(made.python).body if isinstance(each, ast.Assign)]
    assert found == [text, text, 1]


@pytest.mark.parametrize("comparison", ['res.status == "200"', "ok == true", '"1" != x'])
def test_what_js_converts_to_compare_is_left(comparison: str) -> None:
    """It would be another answer in Python, and never an error."""
    made = port(f"if ({comparison}) {{ console.log(1) }}")
    assert len(made.problems) == 1
    assert "JS converts what it compares" in str(made.problems[0])
    assert not port(f"if ({comparison.replace('=', '==', 1)}) {{ console.log(1) }}").problems


def test_an_item_of_a_list_is_not_deleted() -> None:
    """A list has no holes; an entry of a mapping goes."""
    assert len(port("const a = ['x', 'y']; delete a[0]").problems) == 1
    assert 'a.pop("x", None)' in port("const a = { x: 1 }; delete a['x']").python
