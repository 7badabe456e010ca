"""Hostile and broken sources: nothing of them is code, no guard opens, and what comes out is always Python."""

from __future__ import annotations

import ast
import re
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.port.listing import code_of, listed
from tests.port.test_port_pages import STRIPPED
from tests.port.test_porting import PAGES, ported_blocks
from wechatpay_chain.port.report import Report, port
from wechatpay_chain.port.snippets import Snippet, snippets_in

SOURCES = [(kind, source) for kind, source, _ in ported_blocks(PAGES[0])]
LETTERS = st.characters(codec="utf-8") | st.sampled_from("'\"`\\/*#{}[]()$;:,.=>-\n\r\0\u2028\u202e\u200b ")
PIECES = st.sampled_from(
    ["?>", "<?php ", "/*", "*/", "//", "'''", '"""', "${", "=>", "fn() =>", "await ", "return ", "f(", "if (", "throw "]
)
# PEP 263.
CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")


def ported(code: str, language: str, file: str = "shop") -> Report:
    """The report, whose Python compiles, shows all it holds, and sets no encoding."""
    report = port([(file, Snippet(code, language))])
    python = report.python()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(python, "ported", "exec")
    # A tab of the source stays one in a comment, and is nowhere else.
    assert all(line.replace("\t", "" if line.startswith("#") else "\t").isprintable() for line in python.split("\n"))
    assert not any(CODING.match(line) for line in python.split("\n")[:2])
    return report


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("# coding: utf-7\n$instance->v3->a->get(); // -*- coding: rot13 -*-", "php"),
        ("/* coding=utf-7 */ wxpay.v3.a.get()", "js"),
    ],
)
def test_no_comment_sets_the_encoding(code: str, language: str) -> None:
    """Neither one of the source nor the name of a file."""
    report = ported(code, language, "coding: utf-7\ncoding=utf-7.php")
    assert report.count("ported") == 1


@pytest.mark.parametrize(
    "letter", ["\u202e", "\u2066", "\u200b", "\u2028", "\x85", "\x0c", "\u3164", "\ufe0f", "\U000e0041", "\r", "\x1b"]
)
def test_what_nobody_sees_is_an_escape(letter: str) -> None:
    """In comments and in strings; the string keeps its value."""
    text = f"a{letter}b"
    for code, language in (
        (f"$instance->v3->a->get(['k' => \"{text}\"]); // {text}", "php"),
        (f"wxpay.v3.a.get({{ k: `{text}` }})", "ts"),
    ):
        python = ported(code, language).python()
        assert letter not in python
        values = [node.value for node in ast.walk(ast.parse(python)) if isinstance(node, ast.Constant)]
        assert text in values or letter == "\r"


@pytest.mark.parametrize(
    "name", ["订单", "\uff45val", "ünï", "__import__", "class", "HERE", "Rsa", "json", "print", "lambda"]
)
def test_a_name_is_ascii_and_no_ones_else(name: str) -> None:
    """Not a keyword, a builtin, a class of the SDK, or what the Python itself uses."""
    python = ported(f"$instance->v3->a->get(['k' => ${name}]);", "php").python()
    (word,) = [
        node.values[0].id
        for node in ast.walk(ast.parse(python))
        if isinstance(node, ast.Dict) and isinstance(node.values[0], ast.Name)
    ]
    assert word.isascii()
    assert word not in (name, "HERE", "Rsa", "json", "print")


@pytest.mark.parametrize(
    "text",
    ['"', "'", '"""', "'''", "\\", "\n", "#", "{}", "${x}", "中\U0001f600", "a\\'; import os #", '"); import os; ("'],
)
def test_a_string_stays_a_string(text: str) -> None:
    """Whatever is in it, as a value and as the source of a hole."""
    escaped = "".join(f"\\u{{{ord(letter):x}}}" for letter in text)
    for code, language in ((f'$instance->v3->a->get(["{escaped}"]);', "php"), (f'wxpay.v3.a.get(["{escaped}"])', "js")):
        (statement,) = ast.parse(ported(code, language).python()).body
        assert isinstance(statement, ast.Expr)
        assert isinstance(statement.value, ast.Call)
        assert ast.literal_eval(statement.value.args[0]) == [text]
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    (statement,) = ast.parse(ported(f"$instance->v3->a->get([foo('{quoted}')]);", "php").python()).body
    calls = {
        node.func.id for node in ast.walk(statement) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert calls == {"HERE"}


@pytest.mark.parametrize("word", ["__class__", "__init__", "a b", "x;import os", 'a"b', "constructor", "mro"])
def test_a_segment_is_a_segment(word: str) -> None:
    """What is no plain word stands in brackets."""
    code = code_of(f"$instance->v3->{{'{word}'}}->get();", "php")
    assert code == (
        f"instance.v3.{word}.get()"
        if word.isidentifier() and not word.startswith("__")
        else f"instance.v3[{word!r}].get()"
    )


GUARDS = [
    ("if (!Rsa::verify($m, $s, $k)) { throw new \\Exception('x'); }", "php"),
    ("if (!Rsa::verify($m, $s, $k)) throw new \\Exception('x');", "php"),
    ("if (Rsa::verify($m, $s, $k) !== true) { return false; }", "php"),
    ("if (false === Rsa::verify($m, $s, $k)) { $this->fail(); }", "php"),
    ("if (Rsa::verify($m, $s, $k)): else: die('x'); endif;", "php"),
    ("$ok = Rsa::verify($m, $s, $k); if (!$ok) { exit; }", "php"),
    ("$ok = true; if (!Rsa::verify($m, $s, $k)) { $ok = false; } if (!$ok) { return; }", "php"),
    (
        "$ok = true; if (!Rsa::verify($m, $s, $k)) { Log::info('x'); $ok = false; } if ($ok === false) { return; }",
        "php",
    ),
    ("Rsa::verify($m, $s, $k) or die('x');", "php"),
    ("if (Rsa::verify($m, $s, $k) != 1) { throw new \\Exception('x'); }", "php"),
    ("if (1 == Rsa::verify($m, $s, $k)) { } else { throw new \\Exception('x'); }", "php"),
    ("Rsa::verify($m, $s, $k) || throw new \\Exception();", "php"),
    ("!Rsa::verify($m, $s, $k) && abort(403);", "php"),
    ("assert(Rsa::verify($m, $s, $k));", "php"),
    ("throw_unless(Rsa::verify($m, $s, $k), new X());", "php"),
    ("abort_if(!Rsa::verify($m, $s, $k), 401);", "php"),
    ("Assert::true(Rsa::verify($m, $s, $k));", "php"),
    ("$this->assertTrue(Rsa::verify($m, $s, $k));", "php"),
    ("ctx.assert(Rsa.verify(m, s, k), 401)", "js"),
    ("match (Rsa::verify($m, $s, $k)) { true => null, false => throw new X };", "php"),
    ("match (true) { !Rsa::verify($m, $s, $k) => throw new X, default => null };", "php"),
    ("$x = match (true) { Rsa::verify($m, $s, $k) => 1, default => throw new X };", "php"),
    ("$v = Rsa::verify(...); if (!$v($m, $s, $k)) { return; }", "php"),
    ("$v = fn () => Rsa::verify($m, $s, $k); if (!$v()) { return; }", "php"),
    ("try { if (!Rsa::verify($m, $s, $k)) { return 'FAIL'; } } catch (\\Exception $e) { }", "php"),
    ("try { if (!Rsa::verify($m, $s, $k)) { throw new X(); } } catch (\\Throwable $e) { return 'FAIL'; }", "php"),
    ("foreach ($keys as $k) { if (!Rsa::verify($m, $s, $k)) { continue; } }", "php"),
    ("while (true) { if (!Rsa::verify($m, $s, $k)) { break; } }", "php"),
    ("switch (Rsa::verify($m, $s, $k)) { case false: return 'FAIL'; }", "php"),
    (
        "if ($fresh && !Rsa::verify($m, $s, $k)) { return; } elseif (!$fresh || !Rsa::verify($m, $s, $k)) { return; }",
        "php",
    ),
    ("if (Rsa::verify($m, $s, $k)) { goto good; } return; good:", "php"),
    ("$r = Rsa::verify($m, $s, $k); switch ($r) { case true: break; default: return; }", "php"),
    ("do { if (Rsa::verify($m, $s, $k)) { break; } return; } while (true);", "php"),
    ("do { $ok = Rsa::verify($m, $s, $k); } while (!$ok && $fresh); if (!$ok) { return; }", "php"),
    ("a: for (;;) { if (Rsa.verify(m, s, k)) break a; return }", "js"),
    ("a: { if (Rsa.verify(m, s, k)) break a; return }", "js"),
    ("while (!Rsa::verify($m, $s, $k)) { if (!$fresh) { return; } }", "php"),
    ("if (!Rsa.verify(m, s, k)) { throw new Error('x') }", "js"),
    ("switch (Rsa.verify(m, s, k)) { case true: break; default: return }", "js"),
    ("if (!Rsa.verify(m, s, k)) return res.status(401).end()", "js"),
    ("const ok = Rsa.verify(m, s, k); if (!ok) { ctx.status = 401; return }", "ts"),
    ("if (Rsa.verify(m, s, k) === false) reject()", "ts"),
    ("let ok = true; if (!Rsa.verify(m, s, k)) { ok = false } if (!ok) return", "js"),
    ("Rsa.verify(m, s, k) || reject()", "js"),
    ("assert(Rsa.verify(m, s, k), 'x')", "js"),
    ("assert.ok(Rsa.verify(m, s, k))", "js"),
    ("try { if (!Rsa.verify(m, s, k)) return } catch { }", "js"),
    ("for (const k of keys) { if (!Rsa.verify(m, s, k)) continue }", "js"),
    ("let ok = false; keys.forEach((k) => { if (Rsa.verify(m, s, k)) ok = true }); if (!ok) return", "js"),
    ("let ok = false; for (const k of keys) { if (Rsa.verify(m, s, k)) { ok = true; break } } if (!ok) return", "js"),
    (
        "$ok = false; array_walk($keys, function ($k) use (&$ok) {"
        " if (Rsa::verify($m, $s, $k)) { $ok = true; } }); if (!$ok) { return; }",
        "php",
    ),
    (
        "$ok = false; foreach ($keys as $k) {"
        " if (Rsa::verify($m, $s, $k)) { $ok = true; break; } } if (!$ok) { return; }",
        "php",
    ),
]


@pytest.mark.parametrize(("guard", "language"), GUARDS)
def test_no_guard_opens(guard: str, language: str) -> None:
    """What stands behind it never runs for a forged notice, in whatever manner the original leaves."""
    behind = (
        "$t = AesGcm::decrypt($c, $key, $n, $a);" if language == "php" else "const t = Aes.AesGcm.decrypt(n, key, c, a)"
    )
    report = ported(f"{guard}\n{behind}", language)
    for is_true, hole in ((False, False), (True, False), (False, "fresh")):
        seen: list[str] = []

        class Helper:
            @staticmethod
            def verify(*given: object) -> bool:
                return is_true  # noqa: B023

            @staticmethod
            def decrypt(*given: object) -> None:
                seen.append("decrypted")  # noqa: B023

        names = dict.fromkeys(["m", "s", "k", "c", "key", "n", "a"], "x") | {"fresh": True}
        code = re.sub(r"^from wechatpay_chain.*\n", "", report.python(), flags=re.MULTILINE)
        here = lambda number, source, *values: hole or "fresh" in source  # noqa: E731, B023
        try:
            exec(compile(code, "guard", "exec"), {**names, "Rsa": Helper, "AesGcm": Helper, "HERE": here})
        except NotImplementedError:
            assert seen == [] or is_true
            continue
        assert is_true, report.python()


def test_a_condition_of_the_shop_is_a_guard_too() -> None:
    """An order that is paid is not refunded; a call that may stop the function is a hole."""
    code = code_of(
        'function f($n) { if ($this->paid($n)) { return; }\n$this->check($n);\n$this->pay->chain("v3/$n")->post([]); }',
        "php",
    )
    assert code.split("\n") == [
        "if HERE(1, '$this->paid($n)'):",
        "    raise NotImplementedError('line 1: return;')",
        "HERE(2, '$this->check($n)')",
        "HERE(3, '$this->pay').chain('v3/' + php_text(n)).post([])",
    ]


@pytest.mark.parametrize(
    ("source", "language", "guard"),
    [
        (
            "function ok($m) { return Rsa::verify($m, $s, $k); }\n"
            "function f($m) { $this->ok($m) or $this->fail(); return AesGcm::decrypt($m, $k, $n); }",
            "php",
            "if not HERE(1, '$this->ok($m)'):\n    raise NotImplementedError('line 2: $this->fail()')",
        ),
        (
            "function f($m) { if ($this->old($m)) { $this->fail(); } return AesGcm::decrypt($m, $k, $n); }",
            "php",
            "if HERE(1, '$this->old($m)'):\n    raise NotImplementedError('line 1: $this->fail();')",
        ),
        (
            "if (empty($m)) show_error('none'); $t = AesGcm::decrypt($m, $k, $n);",
            "php",
            "if HERE(1, 'empty($m)'):\n    raise NotImplementedError(\"line 1: show_error('none')\")",
        ),
        (
            "if (!m) ctx.throw(400)\nconst t = Aes.AesGcm.decrypt(n, k, m)",
            "js",
            "if not HERE(1, 'm'):\n    raise NotImplementedError('line 1: ctx.throw(400)')",
        ),
        (
            "async function must(m) { if (!Rsa.verify(m, s, k)) throw new Error() }\n"
            "const f = async (m) => { await must(m); return Aes.AesGcm.decrypt(n, k, m) }",
            "js",
            "HERE(1, 'await must(m)')",
        ),
    ],
)
def test_a_check_that_another_function_makes_is_kept(source: str, language: str, guard: str) -> None:
    """In an expression, in a branch, and on the line of what it guards."""
    assert guard in code_of(source, language)


def test_a_second_call_after_the_first_returned_is_closed() -> None:
    """``try { return a(); } catch { } return b();`` never calls both."""
    source = "try { return $instance->v3->a->post([]); } catch (\\Exception $e) { }\nreturn $instance->v3->b->post([]);"
    tree = ast.parse(ported(source, "php").python())
    (attempt,) = [node for node in tree.body if isinstance(node, ast.Try)]
    assert isinstance(attempt.orelse[0], ast.Raise)


@pytest.mark.slow
@given(st.text(LETTERS | PIECES.map(lambda piece: piece[0]), max_size=80), st.sampled_from(["php", "js", "ts", "tsx"]))
@settings(max_examples=150)
@example(code="0\t0", language="php")
def test_any_text(code: str, language: str) -> None:
    """Is Python in the end."""
    ported(code, language)


@pytest.mark.slow
@given(
    st.sampled_from(SOURCES), st.lists(st.tuples(st.integers(0, 700), st.integers(0, 9), LETTERS | PIECES), max_size=4)
)
@settings(max_examples=150)
def test_any_change(source: tuple[str, str], changes: list[tuple[int, int, str]]) -> None:
    """Of a sound snippet: letters cut out and others put in."""
    language, code = source
    for place, count, text in changes:
        code = code[:place] + text + code[place + count :]
    ported(code, language)


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("$instance->v3->a->get(" + "[" * 3000 + "]" * 3000 + ");", "php"),
        ("wxpay.v3.a.get(" + "[" * 3000 + "]" * 3000 + ")", "js"),
        ("$instance->v3->a->get([" + " . ".join(["'a'"] * 3000) + "]);", "php"),
        ("$instance" + "->a" * 2000 + "->get();", "php"),
        ("if ($a) {" * 200 + "Rsa::verify();" + "}" * 200, "php"),
        ("(() => {" * 150 + "Rsa.verify()" + "})()" * 150, "js"),
        ("$instance->v3->a->get(" + "(" * 5000, "php"),
        ("wxpay.v3.a.get(" + "`${" * 1000, "js"),
    ],
)
def test_deep_nesting_is_left(code: str, language: str) -> None:
    """In words, not with a traceback."""
    assert ported(code, language).count("left")


@pytest.mark.slow
def test_a_large_file_is_listed() -> None:
    """Every statement of thousands."""
    report = listed("$instance->v3->a->get([]);\n" * 2000, "php")
    assert report.count("ported") == 2000


@given(
    st.text(
        st.sampled_from("php\njs`;~> \n$a") | st.sampled_from(["```php\n", "```\n", ";php\n"]).map(lambda x: x[0]),
        max_size=60,
    )
)
@settings(max_examples=100)
def test_any_page(text: str) -> None:
    """Its snippets lie within it, in their order."""
    for each in snippets_in(text + STRIPPED.read_text(encoding="utf-8"), None, is_page=True):
        assert each.language in ("php", "js")
        assert each.offset >= 0
