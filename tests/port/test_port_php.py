"""PHP as Python, rule by rule; what cannot be translated is left, with its line and the reason."""

from __future__ import annotations

import ast
import json
import re

import pytest

import wechatpay_chain
from wechatpay_chain import Promise, Sandbox, php
from wechatpay_chain.php import aes
from wechatpay_chain.port import names, php_calls
from wechatpay_chain.port.snippets import Snippet
from wechatpay_chain.port.translation import Translation, translated


def port(source: str, offset: int = 0) -> Translation:
    made = translated([Snippet(source, "php", offset)])
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
        ("$instance->v3->payScore->_id_->get();", "instance.v3.payScore._id_.get()"),
        ("$instance->v3->global->return->post([]);", "instance.v3.global_.return_.post([])"),
        ("$instance->v3->{'a-b'}->{$x}->get();", 'instance.v3["a-b"][x].get()'),
        ("$instance->v3->{'{id}'}->getAsync(['id' => 1])->wait();", 'instance.v3["{id}"].getAsync({"id": 1}).wait()'),
        ("$instance['v3/a']->chain('b')->delete([]);", 'instance["v3/a"].chain("b").delete([])'),
        ("$instance->v3->chain->__x->get();", 'instance.v3["chain"]["__x"].get()'),
        ("$instance->v3->receivers->delete->post([]);", "instance.v3.receivers.delete.post([])"),
        ("$pay = $instance->v3->pay; $pay->a->get();", "pay = instance.v3.pay\npay.a.get()"),
        ("$instance->v3->a->post(options: ['json' => 1]);", 'instance.v3.a.post({"json": 1})'),
        ('$instance->chain("v3/{$a}/b")->get()', 'instance.chain(f"v3/{a}/b").get()'),
        # arrays
        ("$a = array('x' => [1, 2.5, -3], 'y' => array());", 'a = {"x": [1, 2.5, -3], "y": []}'),
        ("$a = [0 => 'a', 1 => 'b'];", 'a = ["a", "b"]'),
        ("$a = ['k' => 1, 'v', '7' => 2, 3];", 'a = {"k": 1, 0: "v", 7: 2, 8: 3}'),
        ("$a = [...$b, 1]; $c = ['k' => 1, ...$d];", 'a = [*b, 1]\nc = {"k": 1, **d}'),
        ("$a = ['j' => (object) [], 't' => TRUE, 'n' => NULL];", 'a = {"j": {}, "t": True, "n": None}'),
        ("$a = [];\n$a['k'] = 1;", 'a = {}\na["k"] = 1'),
        ("$a = [];\n$a[] = 1;", "a = []\na.append(1)"),
        ("$a = 0x1F + 0b11 + 017 + 1_000;", "a = 31 + 3 + 15 + 1000"),
        # what += keeps, and what is copied
        ("$a = ['k' => 1];\n$a += ['l' => 2];", 'a = {"k": 1}\na |= {"l": 2}'),
        ("$a = ['k' => 1];\n$a += ['k' => 2];", 'a = {"k": 1}\na |= {**{"k": 2}, **a}'),
        ("$a = ['k' => 1];\n$b = $a;\n$b['k'] = 2;", 'a = {"k": 1}\nb = copy.deepcopy(a)\nb["k"] = 2'),
        # texts
        (r"$a = 'it\'s \n \\';", r"""a = "it's \\n \\" """.strip()),
        (r'$a = "a\n\t\x41\u{4e2d}\$\d";', r'a = "a\n\tA中$\\d"'),
        ("$a = \"x{$b['k']}y$c[k]z$d\";", "a = f\"x{b['k']}y{c['k']}z{d}\""),
        ('$a = "{$b["it\'s"]}";', 'a = "{}".format(b["it\'s"])'),
        ("$a = 'p' . $b . 'q';", 'a = "p" + b + "q"'),
        ("$i = 3;\n$a = 'p' . $i;", 'i = 3\na = f"p{i}"'),
        ("$a = <<<EOT\nx {$b}\nEOT;", 'a = f"x {b}"'),
        # operators
        ("$a = $b ?? 'c';", 'a = "c" if b is None else b'),
        ("$a = $b['k'] ?? 'c';", 'a = "c" if b.get("k") is None else b["k"]'),
        ("$a = !$b && ($c === null || $d !== true);", "a = not b and (c is None or d is not True)"),
        ("$a = $b ? 1 : 2;", "a = 1 if b else 2"),
        ("$a = (int) ($b * 100) . '';", 'a = f"{int(b * 100)}"'),
        # names
        ("$outTradeNo = $apiv3Key = 1;", "apiv3_key = 1\nout_trade_no = apiv3_key"),
        ("$from = $list = $json = 1;", "json_ = 1\nlist_ = json_\nfrom_ = list_"),
        ("$out_trade_no = 1; $outTradeNo = 2;", "out_trade_no = 1\nout_trade_no_2 = 2"),
        # classes
        (
            "use WeChatPay\\Crypto\\Rsa as R;\n$k = R::from('x', R::KEY_TYPE_PUBLIC);",
            'k = Rsa.from_("x", Rsa.KEY_TYPE_PUBLIC)',
        ),
        ("$k = \\WeChatPay\\Crypto\\Rsa::from(thing: 'x');", 'k = Rsa.from_(thing="x")'),
        ("$m = new \\WeChatPay\\Util\\MediaUtil('a.png');", 'm = MediaUtil("a.png")'),
        ("use GuzzleHttp\\Promise\\Utils;\nUtils::all([$a])->wait();", "Promise.all([a]).wait()"),
        # functions
        ('$f = static fn(string $x): string => "<$x>";', 'f = lambda x: f"<{x}>"'),
        ("$f = function ($x) use ($k) { return $x . $k; };", "f = lambda x: x + k"),
        ("$f = function () { $a = 1; return $a; };", "def f():\n    a = 1\n    return a"),
        (
            "function f(array $p, $n = 2) { $p['n'] = $n; return $p; }",
            'def f(p, n=2):\n    p = copy.deepcopy(p)\n    p["n"] = n\n    return p',
        ),
        ("foreach ([1] as $n) { $f[0] = fn() => $n; }", "for n in [1]:\n    f[0] = lambda n=n: n"),
        ("$a = json_decode((string) $r, true)['k'];", 'a = json.loads(str(r))["k"]'),
        (
            "echo json_encode(['a' => 1], JSON_UNESCAPED_UNICODE);",
            'print(json.dumps({"a": 1}, ensure_ascii=False, separators=(",", ":")))',
        ),
        ("echo date('Y-m-d H:i:s'), PHP_EOL;", 'print(time.strftime("%Y-%m-%d %H:%M:%S"))'),
        (
            "echo $r->getStatusCode() . ' ' . $r->getReasonPhrase() . \"\\n\";",
            'print(f"{r.getStatusCode()} {r.getReasonPhrase()}")',
        ),
        # statements
        (
            "if ($a) { f1(); } elseif ($b) { $c = 1; } else $c = 2;\nfunction f1() {}",
            "def f1():\n    pass\n\n\nif a:\n    f1()\nelif b:\n    c = 1\nelse:\n    c = 2",
        ),
        ("for ($i = 0; $i < 3; $i++) { $n += $i; }", "for i in range(3):\n    n += i"),
        (
            "foreach ($m as $k => $v) { echo $k; }",
            "for k, v in m.items() if isinstance(m, dict) else enumerate(m):\n    print(k)",
        ),
        ("['a' => $x, 'b' => ['c' => $y]] = $m;", 'x = m["a"]\ny = m["b"]["c"]'),
        ("[$x, , $y] = $m;", "x = m[0]\ny = m[2]"),
        (
            "try { $instance->v3->a->get(); } catch (ClientException | \\RuntimeException2 $e) {}".replace(
                " | \\RuntimeException2", ""
            ),
            "try:\n    instance.v3.a.get()\nexcept ClientException as e:\n    pass",
        ),
        # comments
        ("// a\n\n/* b\n * c */\n$x = 1; // d", "# a\n\n# b\n# c\nx = 1  # d"),
        ("$x = [\n  // a\n  'k' => 1, // b\n  // c\n];", 'x = {\n    # a\n    "k": 1,  # b\n    # c\n}'),
    ],
)
def test_a_rule(source: str, python: str) -> None:
    """Each as its Python."""
    assert body(source) == python


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("$a = foo($b);", "foo(): nothing here does the same"),
        ("$a = new Foo();", "no such class"),
        ("use App\\Models\\Order;", "use App\\Models\\Order"),
        ("use App\\Rsa;\n$a = Rsa::sign('a', $k);", "no such"),
        ("$a = $r->withHeader('a', 'b');", "withHeader(): the package has no such method"),
        ("$client->post('/x', []);", "whether this is a client's path"),
        ("$instance->v3->a->post('x');", "takes one array of options"),
        ("$instance->v3->a->post(['json' => $_POST]);", "$_POST"),
        ("$a = $b / 2;", "Python would find another value"),
        ("$a = 'x' . true;", "what text flag becomes"),
        ("$a = 9223372036854775808;", "would round"),
        ("$a = &$b;", "reference"),
        ("$f = function () use (&$x) { return $x; };", "by reference"),
        ("$a = $$b;", "nothing here does the same"),
        ("eval($x);", "nothing here does the same"),
        ("class A {}", "class declaration"),
        ("switch ($a) { case 1: f(); }", "switch"),
        ("$a = Rsa::foo();", "no such method"),
        ("$a = Rsa::FOO;", "no such constant"),
        ("try { f(); } catch (\\Foo\\Bar $e) {}", "no such exception"),
        ("require 'x.php';", "another file"),
        ("return 1;", "outside of a function"),
        ("$a = [;", "syntax"),
    ],
)
def test_what_is_not_known_is_left(source: str, reason: str) -> None:
    """As a comment with its lines, and nothing of it as code."""
    made = port(source, offset=10)
    assert any(reason in problem.reason for problem in made.problems), made
    last = source.split("\n")[-1].strip()
    assert f"# port: line {11 + source.count(chr(10))}: {last}" in made.python or made.problems[0].line == 11
    assert all(
        line.startswith(("#", "import", "from", "try", "raise", "    #", "    pass", "except"))
        for line in made.python.split("\n")
        if line
    )


def test_only_the_statement_is_left() -> None:
    """What stands beside it is translated, in a block too."""
    made = port(
        "$a = 1;\nif ($a) {\n    foo();\n    $b = 2;\n}\n$f = function () {\n    $c = 1;\n    return foo();\n};"
    )
    assert made.python == (
        "a = 1\nif a:\n    # port: line 3: foo();\n    b = 2\n\n\ndef f():\n    c = 1\n"
        '    # port: line 8: return foo();\n    raise NotImplementedError("line 8 was not ported")\n'
    )
    assert [problem.line for problem in made.problems] == [3, 8]


def test_what_the_tables_name_is_there() -> None:
    """Every class, static method, constant, exception and method of the tables exists in the package."""
    for name, module in names.CLASSES.items():
        assert hasattr(wechatpay_chain if module == "wechatpay_chain" else php, name)
    for name, methods in names.STATIC.items():
        assert all(hasattr(getattr(php, name), names.method_word(method)) for method in methods)
    for name, constants in php_calls._CONSTANTS.items():
        assert all(hasattr(getattr(php, name, None) or getattr(aes, name), constant) for constant in constants)
    assert all(
        hasattr(php, name) for name in (real or name for name, real in names.EXCEPTIONS.items()) if name != "Exception"
    )
    holders = (php.Response, php.Body, php.MediaUtil, php.RequestException, Promise)
    assert all(any(hasattr(holder, method) for holder in holders) for method in names.METHODS)


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "'",
        '"""',
        "'''",
        "\\",
        "\n",
        "\r\n",
        "\u2028",
        "#",
        "{}",
        "${x}",
        "\\u{41}",
        "中\U0001f600",
        "a\\'; import os #",
    ],
)
def test_a_string_stays_a_string(text: str) -> None:
    """Whatever is in it, in either kind of quotes, and in a comment beside it."""
    single = text.replace("\\", "\\\\").replace("'", "\\'")
    double = "".join(f"\\u{{{ord(letter):x}}}" for letter in text)
    made = port(f"$a = '{single}';\n$b = \"{double}\";\n$c = 1; /* {text.replace('*/', '')} */\n")
    found = {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(made.python).body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
    assert found == {"a": text, "b": text, "c": 1}


def test_ported_php_runs(gateway: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Functions, closures in a loop, promises and exceptions, against a gateway."""
    made = port(
        """<?php
    function order($instance, string $outTradeNo, int $total) {
        $params = ['appid' => 'wx8888888888888888', 'mchid' => MCHID, 'description' => '图书'];
        $params += ['out_trade_no' => $outTradeNo, 'notify_url' => 'https://a.cn', 'amount' => ['total' => $total]];
        $other = $params;
        $other['out_trade_no'] = 'never sent';
        return $instance->v3->pay->transactions->native->post(['json' => $params]);
    }
    foreach (['A', 'B'] as $i => $no) {
        $promises[$no] = $instance->v3->certificates->getAsync()->then(static function () use ($no, $i) {
            return $no . $i;
        });
    }
    print_r(\\GuzzleHttp\\Promise\\Utils::unwrap($promises));
    $data = json_decode((string) order($instance, 'T' . 1, 101)->getBody(), true);
    echo isset($data['code_url']) ? 'paid' : 'not', PHP_EOL;
    try {
        $instance->v3->nowhere->get([]);
    } catch (\\GuzzleHttp\\Exception\\ClientException $e) {
        echo "Status: {$e->getResponse()->getStatusCode()}\\n";
    }
    """.replace("MCHID", f"'{gateway.mchid}'")
    )
    assert made.problems == [], made
    with gateway.builder() as instance:
        exec(compile(made.python, "ported", "exec"), {"instance": instance, "promises": {}})
    assert capsys.readouterr().out == "{'A': 'A0', 'B': 'B1'}\npaid\nStatus: 404\n"
    (sent,) = [json.loads(received.body) for received in gateway.requests if received.method == "POST"]
    assert (sent["out_trade_no"], sent["amount"]) == ("T1", {"total": 101})
    assert not [received for received in gateway.requests if received.verdict]


@pytest.mark.parametrize(
    "comparison", ['$r->getStatusCode() == "200"', '"10" == "1e1"', "null == false", "$ok != true", '$a <> "1"']
)
def test_what_php_converts_to_compare_is_left(comparison: str) -> None:
    """It would be another answer in Python, and never an error."""
    made = port(f"$instance->v3->a->get(); if ({comparison}) {{ echo 1; }}")
    assert len(made.problems) == 1
    assert "PHP converts what it compares" in str(made.problems[0])
    strict = comparison.replace("==", "===").replace("!=", "!==")
    assert "<>" in comparison or not port(f"if ({strict}) {{ echo 1; }}").problems


def test_an_item_of_a_list_is_not_unset() -> None:
    """A list has no holes; an entry of a mapping goes."""
    made = port("$a = ['x', 'y']; unset($a[0]);")
    assert len(made.problems) == 1
    assert 'a.pop("x", None)' in port("$a = ['x' => 1]; unset($a['x']);").python
