"""What is printed for a value is right for every kind of value, or it is a hole."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from tests.port.listing import code_of, listed
from wechatpay_chain.port.conversion import js_int, js_json, js_text, php_int, php_json, php_text


def argument(source: str, language: str) -> str:
    """The Python of one value that is handed to the SDK."""
    sign, end = ("$instance->v3->a->get", ";") if language == "php" else ("wxpay.v3.a.get", "")
    code = code_of(f"{sign}([{source}]){end}" if language == "php" else f"{sign}({{ k: {source} }})", language)
    (statement,) = ast.parse(code).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    (given,) = statement.value.args
    assert isinstance(given, ast.List | ast.Dict)
    return ast.unparse(given.elts[0] if isinstance(given, ast.List) else given.values[0])


@pytest.mark.parametrize(
    ("source", "python"),
    [
        # what Python finds as PHP does
        ("$x === 'a'", "x == 'a'"),
        ("'a' !== $x", "x != 'a'"),
        ("$x === null", "x is None"),
        ("is_null($x)", "x is None"),
        ("$x === true", "x is True"),
        ("$x ?? 'd'", "'d' if x is None else x"),
        ("(int) $x", "php_int(x)"),
        ("intval($x)", "php_int(x)"),
        ("(string) $x", "php_text(x)"),
        ('"a{$x}b"', "'a' + php_text(x) + 'b'"),
        ("'a' . 1 . \"b\\x41\\u{4e2d}\"", "'a1bA中'"),
        ("sprintf('a/%s/b%%', $x)", "'a/' + php_text(x) + '/b%'"),
        ("Formatter::timestamp() + 60", "Formatter.timestamp() + 60"),
        ("array_merge(['a' => 1], ['b' => $x])", "{'a': 1, 'b': x}"),
        ("array_merge([1], [$x])", "[*[1], *[x]]"),
        ("['7' => 1, 'a' => 2, 3]", "{7: 1, 'a': 2, 8: 3}"),
        ("(object) []", "{}"),
        ("json_encode(['a/b'])", "php_json(['a/b'])"),
        ("json_encode(['a/b'], JSON_UNESCAPED_SLASHES)", "php_json(['a/b'], unescaped_slashes=True)"),
        ("json_encode(['a/b'], JSON_PRETTY_PRINT)", None),
        ("array_values(['a' => $x])", "[*{'a': x}.values()]"),
        ("[...array_values(['a' => $x]), 1]", "[*{'a': x}.values(), 1]"),
        ("compact('x')", "{'x': x}"),
        ("Rsa::verify(message: $m, signature: $s, publicKey: $k)", "Rsa.verify(message=m, signature=s, publicKey=k)"),
        ("0x1F + 0b11 + 017 + 1_000", "31 + 3 + 15 + 1000"),
        # what PHP converts
        ("$x == 'a'", None),
        ("$x == 1", None),
        ("$x === 1", None),
        ("!$x", "not HERE(1, '$x')"),
        ("$x ? 1 : 2", "1 if HERE(1, '$x') else 2"),
        ("$x ?: 'd'", None),
        ("$x || $y", "HERE(1, '$x') or HERE(2, '$y')"),
        ("(int) ($x * 100)", None),
        ("intval($x * 100)", None),
        ("(int) round($x * 100)", None),
        ("$x * 100", None),
        ("$x + $y", None),
        ("$x / 2", None),
        ("1.1 * 3", None),
        ("array_merge($x, $y)", None),
        ("array_merge(['a' => 1], [1])", None),
        ("[...$x]", "[*HERE(1, '...$x')]"),
        ("Rsa::verify(thing: $m)", "HERE(1, 'Rsa::verify(thing: $m)', lambda: None)"),
        ("$x['k']", None),
        ("$x->k", None),
        ("$this->config['x']", None),
        ("$_POST['x']", None),
        ("$$x", None),
        ("9223372036854775808", None),
        ('"\\xff"', None),
        ("config('x')", None),
        ("empty($x)", None),
        ("isset($x['k'])", None),
    ],
)
def test_a_value_of_php(source: str, python: str | None) -> None:
    """Its Python, or, without one, a hole with its source."""
    found = argument(source, "php")
    if source.startswith("Rsa::verify(thing"):
        assert found == f"HERE(1, {source!r})"
    else:
        assert found == (python or f"HERE(1, {source!r})")


@pytest.mark.parametrize(
    ("source", "python"),
    [
        ("x === 'a'", "x == 'a'"),
        ("x === 200", "x == 200"),
        ("x == null", "x is None"),
        ("x ?? 'd'", "'d' if x is None else x"),
        ("`a${x}b`", "'a' + js_text(x) + 'b'"),
        ("'a' + x", "'a' + js_text(x)"),
        ("String(x)", "js_text(x)"),
        ("Number(x)", "js_int(x)"),
        ("parseInt(x, 10)", "js_int(x)"),
        ("process.env.X", "os.environ['X']"),
        ("process.env.X || 'd'", "os.environ.get('X') or 'd'"),
        ("{ ...x, 'a-b': 1, [y]: 2, 3: 4 }", None),
        ("{ ...x, 'a-b': 1, [y]: 2 }", "{**x, 'a-b': 1, y: 2}"),
        ("{ b: 1, 2: 3, 1: 4, u: undefined }", "{'1': 4, '2': 3, 'b': 1}"),
        ("[...x, 1]", "[*x, 1]"),
        ("JSON.stringify({ a: x })", "js_json({'a': x})"),
        ("1.0 + 0x10 + 1e3 + 10n", "1 + 16 + 1000 + 10"),
        ("x as string", "x"),
        ("<string>x", "x"),
        ("x!", "x"),
        ("x === 1", None),
        ("x === null", None),
        ("x === undefined", None),
        ("x == 'a'", None),
        ("x || 'd'", None),
        ("x && y", None),
        ("x * 100", None),
        ("Math.round(x * 100)", None),
        ("parseInt(x * 100)", None),
        ("Number(x * 100)", None),
        ("+x", "js_int(x)"),
        ("x + 1", None),
        ("x.k", None),
        ("x?.k", None),
        ("x['k']", None),
        ("this.x", None),
        ("new Date()", None),
        ("9007199254740993", None),
        ("'\\ud800'", None),
        ("[, 1]", None),
        ("/x/", None),
        ("f(x)", None),
        ("typeof x", None),
        ("!x", "not HERE(1, 'x')"),
    ],
)
def test_a_value_of_typescript(source: str, python: str | None) -> None:
    """Its Python, or, without one, a hole with its source."""
    assert argument(source, "ts") == (python or f"HERE(1, {source!r})")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, ""),
        (True, "1"),
        (False, ""),
        (0, "0"),
        (-5, "-5"),
        ("x", "x"),
        (1.5, "1.5"),
        (2.0, "2"),
        (1e25, "1.0E+25"),
    ],
)
def test_text_is_phps(value: object, told: str) -> None:
    """As PHP writes each kind."""
    assert php_text(value) == told


@pytest.mark.parametrize(
    ("value", "told"), [(True, "true"), (0, "0"), ("x", "x"), (1.5, "1.5"), (2.0, "2"), (1e21, "1e+21")]
)
def test_text_is_javascripts(value: object, told: str) -> None:
    """As JavaScript writes each kind."""
    assert js_text(value) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, 0),
        (True, 1),
        (1.9, 1),
        (-1.9, -1),
        ("", 0),
        ("12abc", 12),
        (" 12", 12),
        ("1_000", 1),
        ("1.9e1", 19),
        ("abc", 0),
        ("\u0661", 0),
    ],
)
def test_a_whole_number_is_phps(value: object, told: int) -> None:
    """What ``(int)`` makes of each kind."""
    assert php_int(value) == told


def test_json_is_that_of_either_language() -> None:
    """Numbers as each writes them; PHP's slashes, and its letters beyond ASCII, are escapes unless it is told."""
    value = {"a/b": ["中\u2028", 2.0, 1e25, None, True]}
    assert php_json(value) == r'{"a\/b":["\u4e2d\u2028",2,1.0e+25,null,true]}'
    assert php_json(value, unescaped_unicode=True, unescaped_slashes=True) == (
        r'{"a/b":["中\u2028",2,1.0e+25,null,true]}'
    )
    assert js_json(value) == '{"a/b":["中\u2028",2,1e+25,null,true]}'


@pytest.mark.parametrize("convert", [php_text, js_text, php_int, js_int])
@pytest.mark.parametrize("value", [[], {}, object(), float("nan"), float("inf"), b"1"])
def test_what_has_no_counterpart_raises(convert: Any, value: object) -> None:
    """Never a value that the original would not have."""
    with pytest.raises((TypeError, ValueError)):
        convert(value)


@pytest.mark.parametrize("value", ["12abc", "1.5", "", "1_0", None, True, 1.5, 2**60])
def test_a_number_of_javascript_that_is_not_whole_raises(value: object) -> None:
    """Number() and parseInt() differ there, or the number is rounded."""
    with pytest.raises((TypeError, ValueError)):
        js_int(value)
    assert js_int(" 12 ") == js_int(12.0) == 12


@pytest.mark.parametrize(
    ("source", "python"),
    [
        # what is stored is a copy, where anyone could tell
        ("$a = ['k' => 1];\n$b = $a;\n$b['k'] = 2;\n$instance->v3->a->get([$a, $b]);", "b = copy.deepcopy(a)"),
        (
            "$p = ['amount' => $amount];\n$p['amount']['x'] = 1;\n$instance->v3->a->get([$p]);",
            "'amount': copy.deepcopy(amount)",
        ),
        # a key is not lost that was there
        ("$a = ['k' => 1];\n$a += ['k' => 2];\n$instance->v3->a->get($a);", "a = {**a, **{'k': 2}, **a}"),
        ("$a = ['k' => 1];\n$a += ['l' => 2];\n$instance->v3->a->get($a);", "a |= {'l': 2}"),
        # an array that begins with its first entry
        ("$d['a']['b'] = 1;\n$instance->v3->a->get($d);", "d.setdefault('a', {})['b'] = 1"),
        ("$d[] = 1;\n$instance->v3->a->get($d);", "d.append(1)"),
        # what a loop or a function changes
        (
            "$s = 0;\nforeach ($l as $x) { $s += $x['n']; }\n$instance->v3->a->get([$s]);",
            "s = 0\ns = HERE(1, 'foreach ($l as $x)')",
        ),
        ("$d = ['b' => 1];\nksort($d);\n$instance->v3->a->get($d);", "d = HERE(1, 'ksort($d);')"),
        ("$t = 'a';\n$t .= $x;\n$instance->v3->a->get([$t]);", "t = t + php_text(x)"),
        (
            "$e = static fn($x) => Rsa::encrypt($x, $k);\n$instance->v3->a->get([$e('b')]);",
            "e = lambda x: Rsa.encrypt(x, k)",
        ),
    ],
)
def test_what_a_statement_is_made_of(source: str, python: str) -> None:
    """Assignments that the SDK's statements need are printed with them."""
    assert python in code_of(source, "php")


@pytest.mark.parametrize(
    ("source", "python"),
    [
        (
            "const o = { timeout: 3000 }\nawait wxpay.v3.a.post({}, o)",
            "post({}, {**o, 'timeout': o['timeout'] / 1000})",
        ),
        ("const o = {}\no.timeout = 9\nawait wxpay.v3.a.get(o)", "get({**o, 'timeout': o['timeout'] / 1000})"),
        ("const o = { timeout: 9 }\nawait wxpay.v3.a.get({ ...o, timeout: 1500 })", "get({**o, 'timeout': 1.5})"),
        ("const o = { timeout: 9 }\nawait wxpay.v3.a.get({ ...o, a: 1 })", "get(HERE(1, '{ ...o, a: 1 }'))"),
        ("const o = { timeout: 9 }\nconst c = new Wechatpay(o)", "Wechatpay({**o, 'timeout': o['timeout'] / 1000})"),
        ("await wxpay.v3.a.post({ timeout: 3000 })", "post({'timeout': 3000})"),
        ("await wxpay.v3.a.post({ a: void 0, b: undefined, c: 1 })", "post({'c': 1})"),
    ],
)
def test_time_outs_are_in_seconds(source: str, python: str) -> None:
    """Wherever the options were made; in a body nothing is a time-out, and what is undefined is not sent."""
    assert code_of(source, "js").endswith(python)


def test_what_a_statement_adds_to_is_printed_before_it() -> None:
    """``+=`` reads its target."""
    code = code_of("$p = ['a' => 1]; $p += ['b' => Rsa::sign('x', $k)];", "php")
    assert code == "p = {'a': 1}\np |= {'b': Rsa.sign('x', k)}"


def test_an_entry_that_may_be_no_array_is_not_taken_for_one() -> None:
    """``(array)`` leaves a decoded document as it is; of an entry nobody knows."""
    source = "$d = (array) json_decode($s, true);\n$instance->v3->a->post([$d, (array) $d['a']]);"
    assert code_of(source, "php") == "d = json.loads(s)\ninstance.v3.a.post([d, HERE(1, \"(array) $d['a']\")])"


@pytest.mark.parametrize(
    ("source", "language", "python"),
    [
        ("$n = 1; $n++;", "php", "n = HERE(1, '$n++')"),
        ("$n = ['a' => 1]; --$n['a'];", "php", "n = HERE(1, \"--$n['a']\")"),
        ("let n = 1; n--", "js", "n = HERE(1, 'n--')"),
        ("let n = { a: [] }; n.a.push(x)", "js", "n = HERE(1, 'n.a.push(x)')"),
        ("let n = { a: 1 }; n.b ??= 2", "js", "n = HERE(1, 'n.b ??= 2')"),
        ("let n = { a: 1 }; for (const k in x) { delete n[k] }", "js", "n = HERE(1, 'for (const k in x)')"),
        ("let n = [1]; const x = n.pop()", "js", "n = HERE(1, 'x = n.pop()')"),
        ("let n = { a: 1 }; const m = n; m.a = 2", "js", "n = HERE(1, 'm = n')"),
        ("let n = [1]; n.length = 0", "js", "n = HERE(1, 'n.length = 0')"),
        ("$n = [1]; $x = array_pop($n);", "php", "n = HERE(1, '$x = array_pop($n)')"),
        ("$n = [1]; if (sort($n)) { echo 1; }", "php", "n = HERE(1, 'sort($n)')"),
        ("$n = ''; preg_match('/a/', $s, $n);", "php", "n = HERE(1, \"preg_match('/a/', $s, $n);\")"),
        ("$n = ['a' => 1]; $q = &$n; $q['b'] = 2;", "php", "n = HERE(1, '$q = &$n')"),
        ("$n = [1]; foreach ($n as $k => &$v) { $v = 2; }", "php", "n = HERE(1, 'foreach ($n as $k => &$v)')"),
        ("$n = 0; $instance->v3->b->get([$n++]);", "php", "n = HERE(2, '$instance->v3->b->get([$n++]);')"),
    ],
)
def test_what_a_statement_changes_on_its_way_is_a_hole(source: str, language: str, python: str) -> None:
    """Whoever reads it afterwards never finds the old value."""
    call = "$instance->v3->a->post([$n]);" if language == "php" else "await wxpay.v3.a.post([n])"
    lines = code_of(f"{source}\n{call}", language).split("\n")
    assert lines[-2] == python
    assert lines[-1].endswith("v3.a.post([n])")


def test_a_destructured_default_is_for_what_is_missing() -> None:
    """What is null stays so; defaults that are objects are a hole."""
    code = code_of("const { data: { a = 1, b } } = await wxpay.v3.a.get()\nwxpay.v3.b.get({ a, b })", "js")
    assert "a = answer.data.get('a', 1)" in code
    code = code_of("wxpay.v3.a.get().then(({ data = {} }) => wxpay.v3.b.get(data))", "js")
    assert "HERE(1" in code


def test_chains_keep_what_they_say() -> None:
    """Words, keywords of Python, dashes, values, verbs in variables."""
    assert code_of("$instance->v3->global->return->{'a-b'}->{$x}->_id_->get([]);", "php") == (
        "instance.v3.global_.return_['a-b'][x]._id_.get([])"
    )
    assert (
        code_of("$instance->v3->chain->delete->postAsync()->wait();", "php")
        == "instance.v3['chain'].delete.postAsync().wait()"
    )
    assert code_of("wxpay.v3.pay['outTradeNo'].$id$.POST({}, { id: 1, timeout: 1500 })", "js") == (
        "wxpay.v3.pay.outTradeNo['$id$'].post({}, {'id': 1, 'timeout': 1.5})"
    )
    assert code_of("await wxpay.chain(path)[verb]({})", "js") == "getattr(wxpay.chain(path), verb.lower())({})"
    assert (
        code_of("const r = await wxpay[`v3/${p}`]({ a })\nf(r.data.b)", "js").split("\n")[-1]
        == "HERE(1, 'f(r.data.b)', r.data['b'])"
    )


def test_a_nonce_comes_first_in_the_plugin() -> None:
    """AesGcm of the plugin takes the nonce, the key, the text; here the text comes first."""
    source = "const { Aes } = require('wechatpay-axios-plugin')\nconst t = Aes.AesGcm.decrypt(nonce, key, text, aad)"
    assert code_of(source, "js") == "t = AesGcm.decrypt(text, key, nonce, aad)"


def test_what_the_package_lacks_is_left() -> None:
    """With the reason, as a hole under a comment."""
    for source, language, reason in (
        ("Rsa::foo($x);", "php", "Rsa::foo(): the package has no such method"),
        ("Wechatpay.client.v3.get('/x')", "js", "Wechatpay.client: the package has no such method"),
        ("$instance->v3->a->post($x, $y);", "php", "a verb takes one array of options"),
    ):
        report = listed(source, language)
        assert [each.reasons for each in report.statements] == [(reason,)], source
        assert f"# left: {reason}\nHERE(1, " in report.python()


@pytest.mark.parametrize(
    ("source", "language", "python"),
    [
        (
            "const { v3: { pay } } = wxpay\nawait pay.transactions.native.post({})",
            "js",
            "pay.transactions.native.post({})",
        ),
        ("const refunds = wxpay.v3.refund.domestic.refunds\nawait refunds({})", "js", "refunds.post({})"),
        ("await wxpay?.v3.certificates?.get()", "js", "wxpay.v3.certificates.get()"),
        (
            "await (await this.wechat()).v3.certificates.get()",
            "ts",
            "HERE(1, 'await this.wechat()').v3.certificates.get()",
        ),
        ("class A { get c() { return (this.#c ??= new Wechatpay(o)) } }", "ts", "c = Wechatpay(o)"),
        ("$x?->chain('v3/certificates')?->get();", "php", "x.chain('v3/certificates').get()"),
        ("$p = $instance->v3->pay; $p->transactions->h5->post([]);", "php", "p.transactions.h5.post([])"),
        ("if (!($r = $instance->v3->a->get())) { return; } $r->getBody();", "php", "r.getBody()"),
        (
            "$all = \\GuzzleHttp\\Promise\\unwrap($ps);\nforeach ($all as $k => $r) { echo $r->getStatusCode(); }",
            "php",
            "print(r.getStatusCode())",
        ),
        (
            "$t = <<<EOT\na\n {$x}\n\nb\nEOT;\n$instance->v3->a->get([$t]);",
            "php",
            "t = 'a\\n ' + php_text(x) + '\\n\\nb'",
        ),
        ("$r = $instance->v3->a->get() ?? throw new X; $r->getBody();", "php", "if r is None:"),
        ("Rsa::verify($m, $s, $k) ?: throw new X;", "php", "if not Rsa.verify(m, s, k):"),
        (
            "Rsa.verify(m, s, k) ? next() : res.sendStatus(401)",
            "js",
            "    raise NotImplementedError('line 1: res.sendStatus(401)')",
        ),
        (
            "var p = require('wechatpay-axios-plugin'); var R = p.Rsa; var ok = R.verify(m, s, k)",
            "js",
            "ok = Rsa.verify(m, s, k)",
        ),
        ("print $instance->v3->a->get()->getBody();", "php", "print(instance.v3.a.get().getBody())"),
        ("call_user_func([$instance->chain($p), $verb], []);", "php", "[instance.chain(p), verb]"),
        ("const r = await wxpay.v3.a.post<T>({ b: 1 })\nf(r.data)", "ts", "r = wxpay.v3.a.post({'b': 1})"),
        (
            "const r = await wxpay.v3.a.post<T>({}).catch((e) => { throw e })\nf(r.data)",
            "ts",
            "r = wxpay.v3.a.post_async({}).catch(on_rejected).wait()",
        ),
        ("const r = (await wxpay.v3.a.get<T>({})).data.b", "ts", "r = wxpay.v3.a.get({}).data['b']"),
        (
            "wxpay.v3.a.get().then(({ data: { data } }) => data.map(f))",
            "js",
            "lambda answer: HERE(1, 'data.map(f)', answer.data['data'])",
        ),
        (
            "const { data: { download_url: url } } = await wxpay.v3.a.get()\nawait clients.get(id)[url].get()",
            "js",
            "HERE(1, 'clients.get(id)')[url].get()",
        ),
        (
            "\\GuzzleHttp\\Promise\\Utils::unwrap($wxpay->all());",
            "php",
            "Promise.unwrap(HERE(1, '$wxpay->all()'))",
        ),
        (
            "const all = await Promise.all([wxpay.v3.a.get()])\nall.forEach((r) => save(r.data.id))",
            "js",
            "HERE(1, 'save(r.data.id)', r.data['id'])",
        ),
        (
            "const r = await Promise.all([wxpay.v3.a.get()])\nr.forEach(({ data, status }) => save(data.id, status))",
            "js",
            "HERE(1, 'save(data.id, status)', answer.data['id'], answer.status)",
        ),
        (
            "try { await wxpay.v3.a.get() } catch (e) { if (e.response?.status === 404) return null }",
            "js",
            "if getattr(getattr(e, 'response', None), 'status', None) == 404:",
        ),
        (
            "try { await wxpay.v3.a.get() } catch (e) { if (e.response && e.response.status === 404) return null }",
            "js",
            "if getattr(e, 'response', None) is not None and e.response.status == 404:",
        ),
        (
            "try { $instance->v3->a->get(); } catch (RequestException $e)"
            " { if ($e->getResponse()?->getStatusCode() === 404) { return; } }",
            "php",
            "if HERE(1, '$e->getResponse()?->getStatusCode() === 404', lambda: e.getResponse()):",
        ),
        ("import W = require('wechatpay-axios-plugin')\nconst c = new W.Wechatpay(o)", "ts", "c = Wechatpay(o)"),
        (
            "async () => { const { Wechatpay: W } = await import('wechatpay-axios-plugin'); const c = new W(o) }",
            "js",
            "c = Wechatpay(o)",
        ),
        (
            "$r = match ($t) { 'a' => $instance->v3->a->get(), default => $instance->v3->b->get() };\n"
            "echo $r->getStatusCode();",
            "php",
            "r = instance.v3.a.get() if t == 'a' else instance.v3.b.get()\nprint(r.getStatusCode())",
        ),
        (
            "class A { function c() { return $this->all[$m] ??= Builder::factory($o); }"
            " function d($p) { yield $this->c()[$p]->get(); } }",
            "php",
            "lambda: HERE(3, '$this->c()')[p].get())",
        ),
        ("function c() { static $c; return $c ?? $c = Builder::factory($o); }", "php", "c = None\n"),
        (
            "exit(json_encode(['sign' => Rsa::sign('a', $k)]));",
            "php",
            "php_json({'sign': Rsa.sign('a', k)})",
        ),
        (
            "[$a, $b] = [$instance->v3->a->get(), 1];\necho $a->getStatusCode();",
            "php",
            "print(a.getStatusCode())",
        ),
        (
            "try { await wxpay.v3.a.get() } catch ({ response: { statusText } }) { ctx.throw(502, statusText) }",
            "js",
            "HERE(1, 'ctx.throw(502, statusText)', error.response.reason)",
        ),
        (
            "const all = await Promise.all(ns.map(async (n) => (await wxpay.v3.a.$n$.get({ n })).data))\n"
            "wxpay.v3.b.get({ s: all[0].status })",
            "js",
            "{'s': all_[0]['status']}",
        ),
        (
            "const { Multipart } = require('wechatpay-axios-plugin')\nconst fs = require('fs')\n"
            "const form = new Multipart()\n"
            "form.append('meta', JSON.stringify(meta), 'meta.json')\n"
            "form.append('file', fs.createReadStream(path), 'a.png')\n"
            "await wxpay.v3.merchant.media.upload.post(form, { meta, headers: form.getHeaders() })",
            "js",
            "form = Media(path, **meta)\nwxpay.v3.merchant.media.upload.post(form, {'meta': meta})",
        ),
        (
            "const ok = [Rsa.verify(m, s, k)].every(Boolean)",
            "js",
            "ok = HERE(1, '[Rsa.verify(m, s, k)].every(Boolean)', [Rsa.verify(m, s, k)])",
        ),
        (
            "$check = Rsa::verify(...); if (!$check($m, $s, $k)) { return; }",
            "php",
            "check = Rsa.verify\nif not check(m, s, k):",
        ),
        (
            "$post = $instance->v3->pay->native->post(...); $post(['json' => $x]);",
            "php",
            "post = instance.v3.pay.native.post\npost({'json': x})",
        ),
        (
            "$f = fn ($x) => json_decode($instance->v3->a->get()->getBody())->n; $instance->v3->b->get(['a' . $f(1)]);",
            "php",
            "['a' + php_text(f(1))]",
        ),
        ("const v = Rsa.verify; const ok = v(m, s, k)", "js", "v = Rsa.verify"),
        ("const d = Aes.AesGcm.decrypt", "js", "d = HERE(1, 'Aes.AesGcm.decrypt')"),
        ("const ok = Rsa['verify'](m, s, k)", "js", "ok = Rsa.verify(m, s, k)"),
        (
            "class A { w: Wechatpay; get tx() { return this.w.v3.pay } f() { return this.tx.native.post<X>({}) } }",
            "ts",
            "HERE(1, 'this.tx').native.post({})",
        ),
        (
            "import { Wechatpay as W } from 'npm:wechatpay-axios-plugin@0.9'\nconst c = new W(o)",
            "js",
            "c = Wechatpay(o)",
        ),
        (
            "import process from 'node:process'\nawait wxpay.v3.a.get({ a: process.env.A })",
            "js",
            "wxpay.v3.a.get({'a': os.environ['A']})",
        ),
        (
            "for await (const { id, ...o } of l) {\n await wxpay.v3.a.get({ id }) }",
            "js",
            "id_ = HERE(1, 'for await (const { id, ...o } of l)')",
        ),
        (
            "$x = match ($r->code()) { 200 => $instance->v3->a->get(), default => throw new X };",
            "php",
            "    x = instance.v3.a.get()\nelse:\n    raise NotImplementedError('line 1: throw new X')",
        ),
        (
            "return Rsa::verify($m, $s, $k) ? AesGcm::decrypt($c, $k, $n, $a) : throw new X;",
            "php",
            "else:\n    raise NotImplementedError('line 1: throw new X')",
        ),
        (
            "$ps = [];\nforeach ($ids as $id) { $ps[$id] = $instance->v3->a->getAsync(); }\n"
            "foreach ($ps as $p) { $r = $p->wait(); echo $r->getBody(); }",
            "php",
            "r = p.wait()\nprint(r.getBody())",
        ),
        (
            "$rs = \\GuzzleHttp\\Promise\\Utils::settle([$instance->v3->a->getAsync()])->wait();\n"
            "foreach ($rs as $r) { if ($r['state'] === 'fulfilled') { echo $r['value']->getBody(); } }",
            "php",
            "if r['state'] == 'fulfilled':\n    print(r['value'].getBody())",
        ),
        (
            "$instance->v3->a->getAsync()->then(function ($r) { foreach ($l as $x) { f($r->getBody()); } })->wait();",
            "php",
            "HERE(2, 'f($r->getBody())', r.getBody())",
        ),
        (
            "m.map(async ([k, v]) => { const { data } = await wxpay.v3.a[k].get(); return [k, data] })",
            "js",
            "data = wxpay.v3.a[k].get().data",
        ),
        (
            "switch ($t) { case 'a': die(Rsa::sign($m, $k)); case 'b': $instance->v3->b->get(); }",
            "php",
            "if HERE(2, \"case 'b': $instance->v3->b->get();\"):\n    instance.v3.b.get()",
        ),
        (
            "const { data: d, config: c, headers: { a, ...b } } = await wxpay.v3.a.get()\nf(d, c)",
            "js",
            "d = answer.data\nc = HERE(1, \"await wxpay.v3.a.get()['config']\", answer)",
        ),
        ("const { get } = wxpay.v3.certificates\nconst r = await get()", "js", "r = get()"),
        ("const p = wxpay.v3.a.get\nawait p({ params: q })", "js", "p({'params': q})"),
        ("const p = wxpay.v3.a.get\nconst r = p()", "js", "r = HERE(1, 'p()')"),
        ("const r = await (await wxpay()).v3.a.get()", "js", "r = HERE(1, 'await wxpay()').v3.a.get()"),
        ("await (wxpay.v3.a.get())", "js", "wxpay.v3.a.get()"),
        (
            "try { await wxpay.v3.a.get() } catch (e) { if (e instanceof AxiosError) f(e.response.data) }",
            "js",
            "    if HERE(1, 'e instanceof AxiosError'):\n        HERE(2, 'f(e.response.data)', e.response.data)",
        ),
        (
            "switch ($instance->v3->a->post([])->getStatusCode()) { case 200: f(); break; case 204: return; }\n"
            "$instance->v3->b->get();",
            "php",
            "case_0 = instance.v3.a.post([]).getStatusCode()\nif case_0 == 204:",
        ),
    ],
)
def test_a_manner_of_writing(source: str, language: str, python: str) -> None:
    """Aliases of nodes and classes, what may be missing, expressions that throw, texts of several lines."""
    code = code_of(source, language)
    assert python in code


def test_a_property_that_someone_else_fills_is_not_emptied() -> None:
    """Only one that is asked for itself starts as nothing."""
    source = "class A { protected BuilderChainable $wx; function f() { return (string) $this->wx->v3->a->get(); } }"
    assert code_of(source, "php") == "HERE(1, '(string) $this->wx->v3->a->get()', lambda: wx.v3.a.get())"


def test_an_assignment_of_two_is_listed_once() -> None:
    """The functions within it too."""
    report = listed("const s = module.exports = { p() { return wxpay.v3.a.get() } }", "js")
    assert [each.python for each in report.statements] == ["wxpay.v3.a.get()"]


def test_a_form_that_is_no_media_is_left() -> None:
    """Of other parts than the plugin's, or of one more."""
    head = "import { Multipart } from 'wechatpay-axios-plugin'\nconst form = new Multipart()\n"
    one = "form.append('meta', JSON.stringify(meta))\n"
    for source in (head + one + "form.append('file', buffer)", head + one * 2):
        report = listed(source, "js")
        assert (len(report.statements), report.count("left")) == (3, 1)
    assert "HERE(1, 'form')" in code_of(head + one + "wxpay.v3.a.post(form)", "js")


def test_a_variable_around_a_closure_is_not_lost() -> None:
    """What a closure sets outside of itself stays no closure here: its statements are listed by themselves."""
    source = "let url\nawait wxpay.v3.a.post({}).then(({ data }) => { url = data.u })\nawait wxpay.v3.b.get({ url })"
    code = code_of(source, "js")
    assert "then(HERE(1, '({ data }) => { url = data.u }'))" in code
    assert "url = HERE(" in code
