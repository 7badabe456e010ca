"""Broken and hostile snippets: what comes out is always Python, and nothing of a text or a comment becomes code."""

from __future__ import annotations

import ast
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.port.test_port_pages import STRIPPED, fenced
from tests.port.test_porting import PAGES
from wechatpay_chain.port.layout import WIDTH
from wechatpay_chain.port.snippets import Snippet, snippets_in
from wechatpay_chain.port.statements import printed
from wechatpay_chain.port.translation import Translation, translated

SOURCES = [(kind, source) for kind, source, _ in fenced(PAGES[0])]
LETTERS = st.characters(codec="utf-8") | st.sampled_from("'\"`\\/*#{}[]()$;:,.=>-\n\r\0\u2028 ")
PIECES = st.sampled_from(
    ["?>", "<?php ", "/*", "*/", "//", "'''", '"""', "${", "=>", "fn() =>", "await ", "return ", "f("]
)


def ported(code: str, language: str) -> Translation:
    """The translation, which has to compile, warnings aside."""
    made = translated([Snippet(code, language)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(made.python.replace("\0", ""), "ported", "exec")
    assert "\0" not in made.python
    assert made.python.isascii() or made.python.encode("utf-8")
    return made


@given(st.text(LETTERS | PIECES.map(lambda piece: piece[0]), max_size=80), st.sampled_from(["php", "js"]))
@settings(max_examples=150, deadline=None)
def test_any_text(code: str, language: str) -> None:
    """Is Python in the end, if only as comments."""
    ported(code, language)


@given(
    st.sampled_from(SOURCES), st.lists(st.tuples(st.integers(0, 700), st.integers(0, 9), LETTERS | PIECES), max_size=4)
)
@settings(max_examples=250, deadline=None)
def test_any_change(source: tuple[str, str], changes: list[tuple[int, int, str]]) -> None:
    """Of a sound snippet: letters cut out and others put in."""
    language, code = source
    for place, count, text in changes:
        code = code[:place] + text + code[place + count :]
    ported(code, language)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
@settings(max_examples=100, deadline=None)
def test_any_string(text: str) -> None:
    """Is the same string in Python, whatever is in it."""
    escaped = "".join(f"\\u{{{ord(letter):x}}}" for letter in text)
    for language, code in (("php", f'$a = "{escaped}";'), ("js", f'const a = "{escaped}"')):
        (statement,) = ast.parse(ported(code, language).python).body
        assert isinstance(statement, ast.Assign)
        assert ast.literal_eval(statement.value) == text


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_comment(text: str) -> None:
    """Ends with its line: the statement behind it is the only one."""
    text = text.replace("*/", "").replace("/", "")
    for language, code in (("php", f"/*{text}*/\n$a = 1;"), ("js", f"/*{text}*/\nconst a = 1")):
        (statement,) = ast.parse(ported(code, language).python).body
        assert ast.unparse(statement) == "a = 1"


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("$x = " + "[" * 3000 + "]" * 3000 + ";", "php"),
        ("x = " + "[" * 3000 + "]" * 3000, "js"),
        ("$x = " + " . ".join(["'a'"] * 3000) + ";", "php"),
        ("x = " + "+".join(["'a'"] * 3000), "js"),
        ("$instance" + "->a" * 2000 + "->get();", "php"),
        ("if ($a) {" * 200 + "}" * 200, "php"),
        ("if (a) {" * 200 + "}" * 200, "js"),
        ("(() => {" * 150 + "})()" * 150, "js"),
        ("$a = " + "(" * 5000, "php"),
        ("`${" * 1000, "js"),
    ],
)
def test_deep_nesting_is_left_as_it_is(code: str, language: str) -> None:
    """In words, not with a traceback."""
    assert ported(code, language).problems


def test_a_large_file_is_translated() -> None:
    """Every statement of thousands."""
    made = ported("$instance->v3->a->get([]);\n" * 3000, "php")
    assert (made.python.count("\n"), made.problems) == (3000, [])


def test_what_is_printed_is_the_tree_that_was_built() -> None:
    """For Python of many forms: printing loses nothing, and keeps to the width."""
    code = "\n".join(
        [
            "x = {'a': [1, {'b': 'it\\'s \"q\" \\n'}], **y, 'k' * 3: -1, 1: (2,), 2: (3, 4), 3: ()}",
            "z = f\"a{x['k']}b{{}}{y.f(1)}\" if 0 else f'{ {1: 2}[1] }'",
            "a = (1 + 2) * 3 - (4 - 5) / -6 and not (b or c) if x == (y if z else 1) else (lambda q=1, *r: q)",
            "b = (lambda: 1)()[(1).real](*c, k=1, **d) in (not e, f < g < h, i is not None, j | k)",
            f"c = f({', '.join(f'argument_{index}=[{index}, text]' for index in range(30))})",
            f"d = {' + '.join(f'name_{index}' for index in range(30))}",
            "def f(a, b=2):\n    if a:\n        return\n    elif b:\n        raise a\n    else:\n        pass",
            "for a, b in c if d else e:\n    try:\n        x |= 1\n    except (A, B) as e:\n        raise",
            "while a:\n    try:\n        break\n    finally:\n        h()",
        ]
    )
    tree = ast.parse(code)
    lines = printed(tree.body)
    with_fallback = ast.dump(ast.parse("\n".join(lines))).replace("format", "")
    plain = [
        statement for statement in tree.body if not any(isinstance(each, ast.JoinedStr) for each in ast.walk(statement))
    ]
    assert len(plain) == len(tree.body) - 1
    assert all(ast.dump(statement).replace("format", "") in with_fallback for statement in plain)
    assert max(map(len, lines)) <= WIDTH


@given(
    st.text(
        st.sampled_from("php\njs`;~> \n$a") | st.sampled_from(["```php\n", "```\n", ";php\n"]).map(lambda x: x[0]),
        max_size=60,
    )
)
@settings(max_examples=150, deadline=None)
def test_any_page(text: str) -> None:
    """Its snippets lie within it, in their order."""
    for each in snippets_in(text + STRIPPED.read_text(encoding="utf-8"), None, is_page=True):
        assert each.language in ("php", "js")
        assert each.offset >= 0
