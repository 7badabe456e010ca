"""Pictures for who looks at a terminal, and the plain body for everybody else."""

from __future__ import annotations

import builtins
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests import answers
from tests.display.test_rendering import CODE, HOSTILE, blocked, proven
from tests.sandbox.shop import ORDER, order
from tests.screens import Screen, plain, scanned
from tests.test_response import made
from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.cli import output as cli
from wechatpay_chain.cli.console import Console
from wechatpay_chain.display.terminal import Terminal, display, terminal_of
from wechatpay_chain.sandbox.answer import Answer, Received

__all__ = ["blocked"]

ROOT = Path(__file__).parent.parent.parent
XTERM = {"TERM": "xterm"}
BLOCKS = set("█▀▄")
ROWS = [{"id": 1, "name": "中文", "used": True, "note": None}, {"id": 22, "name": "b\x1b\n", "extra": "[red]x"}]


def printed(answer: Any, environment: dict[str, str] | None = None, encoding: str = "utf-8", tty: bool = True) -> str:
    """What the command prints on a console of its own."""
    screen = Screen(encoding, tty)
    cli.show(answer, Console(io.StringIO(), screen, io.StringIO(), XTERM if environment is None else environment))
    return screen.getvalue()


def indented(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2)


@pytest.mark.parametrize("name", ["code_url", "h5_url", "sign_url"])
@pytest.mark.parametrize("url", ["weixin://wxpay/s/An4baqw", "https://a.example/" + "x" * 300 + "?a=b&c=%20#d"])
def test_an_address_is_drawn_as_a_code_that_scans(name: str, url: str) -> None:
    """With colours and without; ZXing reads the screen."""
    for environment in (XTERM, {**XTERM, "NO_COLOR": "1"}):
        shown = printed(proven({name: url, "a": 1}), {**environment, "COLUMNS": "120"})
        assert scanned(shown) == [url]
        assert plain(shown).startswith(indented({name: url, "a": 1}) + f"\n{name}:\n█")
        assert ("\x1b" in shown) == ("NO_COLOR" not in environment)


def test_several_addresses_are_several_codes() -> None:
    """Each below its name."""
    data = {"sign_url": "https://a.example/1", "code_url": "weixin://b", "url": "https://a.example/2"}
    assert scanned(printed(proven(data))) == ["weixin://b", "https://a.example/1"]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "weixin://",
        "weixin：//wxpay/s/An4baqw",
        "URl:weixin://wxpay/s/An4baqw",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://a.example/\x1b[2J",
        "https://a.example/ b",
        "https://a.example/\n",
        "https://a.example/中",
        "https://a.example/" + "x" * 500,
        "weixin://" + "x" * 1_000_000,
        HOSTILE,
        None,
        5,
        ["https://a.example/"],
        {"code_url": "https://a.example/"},
    ],
)
def test_what_is_no_address_is_no_code(value: object) -> None:
    """Hostile texts are shown as the JSON that they are, and nothing fails."""
    answer = proven({"code_url": value})
    shown = printed(answer)
    assert not BLOCKS & set(shown)
    assert json.loads(plain(shown)) == {"code_url": value}
    assert not BLOCKS & set(display(answer, Terminal()))
    assert "<svg" not in answer._repr_html_()


@pytest.mark.parametrize("data", [[CODE], {"data": CODE}, "weixin://a", 5, None, [], {}])
def test_other_shapes_have_no_code(data: object) -> None:
    """The names count at the top of an answer, where all of the catalogue's stand."""
    assert not BLOCKS & set(printed(proven(data)))


def test_nobody_scans_what_is_not_proven() -> None:
    """An answer that is not verified is shown without its code."""
    answer = proven(CODE)
    answer.verified = False
    assert plain(printed(answer)) == indented(CODE) + "\n"
    assert not BLOCKS & set(display(answer, Terminal()))


@pytest.mark.parametrize(
    ("environment", "encoding", "tty"),
    [
        (XTERM, "utf-8", False),
        ({"TERM": "dumb"}, "utf-8", True),
        ({**XTERM, "NO_COLOR": "1"}, "ascii", True),
        ({**XTERM, "NO_COLOR": "1"}, "latin-1", True),
        ({**XTERM, "NO_COLOR": "1"}, "no such encoding", True),
    ],
)
def test_who_cannot_see_pictures_gets_the_json(environment: dict[str, str], encoding: str, tty: bool) -> None:
    """A pipe, a dumb terminal, and one that has no letters for blocks; tables neither."""
    for data in (CODE, {"data": ROWS[:1]}):
        assert printed(proven(data), environment, encoding, tty) == indented(data) + "\n"


def test_without_the_extra_all_is_plain(blocked: Callable[..., None]) -> None:
    """rich and segno are asked for, never needed."""
    blocked("rich", "segno")
    for data in (CODE, {"data": ROWS[:1]}):
        assert printed(proven(data)) == indented(data) + "\n"
        assert display(proven(data), Terminal()) == f"200 OK\n{indented(data)}"


def test_each_package_does_its_part(blocked: Callable[..., None]) -> None:
    """Without rich the code is drawn; without segno the JSON has colours."""
    blocked("segno")
    shown = printed(proven(CODE))
    assert "\x1b[" in shown
    assert plain(shown) == indented(CODE) + "\n"
    blocked("rich")
    assert printed(proven(CODE)) == indented(CODE) + "\n"


def test_a_narrow_terminal_has_a_smaller_margin_or_a_word() -> None:
    """A code that would be broken over lines is of no use."""
    url = "weixin://wxpay/bizpayurl?pr=abcd"  # version 2: 25 modules
    for columns, code in (("33", True), ("32", True), ("29", True), ("28", False)):
        shown = printed(proven({"code_url": url}), {**XTERM, "COLUMNS": columns})
        assert scanned(shown) == ([url] if code else [])
        assert ("(its QR code takes 29 columns, here are 28)" in shown) != code
        assert all(len(line) <= int(columns) for line in plain(shown).split("\n") if set(line) & BLOCKS)


def test_a_list_of_flat_objects_is_a_table() -> None:
    """Above it what else there is; a cell is text, whatever it holds."""
    for environment in (XTERM, {**XTERM, "NO_COLOR": "1"}):
        shown = plain(printed(proven({"data": ROWS, "total_count": 2}), environment))
        above, _, table = shown.partition("\ndata:\n")
        assert json.loads(above) == {"total_count": 2}
        head, line, *rows = table.splitlines()
        assert head.split() == ["id", "name", "used", "note", "extra"]
        assert set(line) == {"─"}
        assert [row.split() for row in rows] == [["1", "中文", "true", "null"], ["22", "b\\u001b\\n", "[red]x"]]
        assert [row.index(word) for row, word in zip(rows, ("1", "22"), strict=True)] == [2, 1]
    assert "\x1b" not in printed(proven(ROWS), {**XTERM, "NO_COLOR": "1"})
    assert plain(printed(proven(ROWS))).splitlines()[0].split()[0] == "id"


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"data": []},
        {"data": [{}]},
        {"data": [1, 2]},
        {"data": [{"a": 1}, 2]},
        {"data": [{"a": {"b": 1}}]},
        {"data": [{"a": []}]},
        {"data": [{"a": 1}], "more": [{"a": 1}]},
        {"data": [{"a": "x" * 200}]},
        {"data": [{"a" * 200: 1}]},
        {"data": [{str(n): "xx" for n in range(40)}]},
        {"data": [{"a": 1}] * 2_001},
        {"data": [{"a": 1}], "more": "x" * 20_000},
    ],
)
def test_what_is_no_table_or_does_not_fit_is_json(data: object) -> None:
    """Nothing is cut to fit into columns."""
    assert plain(printed(proven(data))) == indented(data) + "\n"


def test_a_terminal_is_not_steered_by_an_answer() -> None:
    """JSON, text and headers are shown with escapes; a pipe gets them as they came."""
    answer = made(b"a\x1b[2J\tb\n")
    answer.headers["X-A"] = "\x1b[2J"
    for tty, wanted in ((True, "\\u001b[2J"), (False, "\x1b[2J")):
        screen = Screen(tty=tty)
        cli.show(answer, Console(io.StringIO(), screen, io.StringIO(), XTERM), include=True)
        assert f"X-A: {wanted}\n" in screen.getvalue()
        assert screen.getvalue().endswith(f"a{wanted}\tb\n\n")
    assert "\x9b" not in printed(proven({"a": "\x9b"}), {"TERM": "dumb"})
    assert "\x9b" in printed(proven({"a": "\x9b"}), tty=False)


def test_a_terminal_is_known_by_stream_and_environment() -> None:
    """Width, blocks and colours; neither a missing nor a closed stream is one."""
    closed = io.StringIO()
    closed.close()
    missing: Any = None
    assert [terminal_of(stream, XTERM) for stream in (closed, missing, io.StringIO())] == [None] * 3
    assert terminal_of(Screen(), XTERM) == Terminal(80, True, True)
    assert terminal_of(Screen(), {}) == Terminal(80, True, False)
    assert terminal_of(Screen(), {"WT_SESSION": "1"}) == Terminal(80, True, True)
    assert terminal_of(Screen(), {**XTERM, "NO_COLOR": ""}) == Terminal(80, True, True)
    for columns, width in (("40", 40), ("0", 80), ("-1", 80), ("x", 80), ("٣", 80), ("9" * 5000, 999_999)):
        assert terminal_of(Screen(), {**XTERM, "COLUMNS": columns}) == Terminal(width, True, True)


def test_a_display_hook_shows_answers_and_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the stdlib's prompt; an answer is its last value as any other is."""
    monkeypatch.setattr(builtins, "_", None, raising=False)
    others: list[object] = []
    monkeypatch.setattr(sys, "displayhook", others.append)
    screen = Screen()
    hook = cli.displayhook(Console(io.StringIO(), screen, io.StringIO(), XTERM))
    answer = proven(CODE)
    hook(answer)
    assert plain(screen.getvalue()).startswith(f"200 OK\n{indented(CODE)}\ncode_url:\n█")
    assert scanned(screen.getvalue()) == list(CODE.values())
    assert getattr(builtins, "_") is answer  # noqa: B009
    hook([answer])
    hook(None)
    assert others == [[answer], None]


def native(gateway: Sandbox, **environment: str) -> tuple[list[str], dict[str, str]]:
    """A command that makes an order, and what it is run with."""
    order = json.dumps({**ORDER, "mchid": gateway.mchid})
    command = [sys.executable, "-m", "wechatpay_chain", "v3.pay.transactions.native.post", "-d", order]
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    return command, {**inherited, **gateway.environment(), **XTERM, "PYTHONPATH": str(ROOT), **environment}


def in_a_terminal(gateway: Sandbox, columns: int = 100, **environment: str) -> str:
    command, variables = native(gateway, **environment)
    session = pexpect.spawn(
        command[0], command[1:], env=variables, encoding="utf-8", timeout=60, dimensions=(50, columns), cwd=str(ROOT)
    )
    session.expect(pexpect.EOF)
    session.close()
    assert session.exitstatus == 0
    return str(session.before)


@pytest.mark.parametrize(
    ("columns", "environment", "pictured", "coloured"),
    [
        (100, {}, True, True),
        (40, {}, True, True),
        (100, {"NO_COLOR": "1"}, True, False),
        (100, {"TERM": "dumb"}, False, False),
        (100, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}, False, True),
    ],
)
def test_the_command_in_a_real_terminal(
    gateway: Sandbox, columns: int, environment: dict[str, str], pictured: bool, coloured: bool
) -> None:
    """A phone reads the address that the JSON names; nothing is wider than the terminal."""
    shown = in_a_terminal(gateway, columns, **environment)
    text = plain(shown)
    data = json.loads(text[: text.index("}") + 1])
    assert data["code_url"].startswith("weixin://")
    assert scanned(shown) == ([data["code_url"]] if pictured else [])
    assert ("\x1b" in shown) == coloured
    if not pictured:
        assert text == indented(data) + "\n"


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1", "COLUMNS": "200", "CLICOLOR_FORCE": "1"}])
def test_the_command_in_a_pipe_prints_json_alone(gateway: Sandbox, environment: dict[str, str]) -> None:
    """Byte for byte, whatever the environment says of colours."""
    command, variables = native(gateway, **environment)
    done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, check=True, timeout=60)
    assert done.stdout == indented(json.loads(done.stdout)).encode() + b"\n"
    assert done.stderr == b""


def test_the_command_shows_a_table_to_who_looks(gateway: Sandbox) -> None:
    """And JSON to a pipe."""
    data = {"data": ROWS, "total_count": 2}

    def tamper(answer: Answer, request: Received) -> None:
        answer.body = json.dumps(data).encode()
        answers.signed_by(gateway.identity.public_key)(answer, request)

    gateway.tamper = tamper
    assert "id   name" in plain(in_a_terminal(gateway))
    command, variables = native(gateway)
    done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout) == data


def test_an_answer_of_a_client_is_pictured(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """h5_url as well, and APIv3's proof is what it takes."""
    answer = wxpay.v3.pay.transactions.h5.post(order(gateway, "h5"))
    assert scanned(display(answer, Terminal())) == [answer.data["h5_url"]]
