from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.test_cli import run
from wechatpay_chain.catalog import facts
from wechatpay_chain.cli.bill_kinds import KINDS
from wechatpay_chain.cli.candidates import chains, items
from wechatpay_chain.cli.completer import COMMAND, Line, bash, fish, powershell, split_line, zsh
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.parser import COMMANDS, build_parser
from wechatpay_chain.cli.shell_variables import quote
from wechatpay_chain.display.width import cell_width
from wechatpay_chain.encoding import paths

ROOT = Path(__file__).parent.parent.parent
BREAKS = " \t\n\"'@><=;|&(:"
REFUND = "v3.refund.domestic.refunds.post"


def offered(text: str) -> list[str]:
    """What bash is answered after ``wechatpay-chain ``."""
    return bash(split_line(f"wechatpay-chain {text}", BREAKS))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("v3.pay.tr", ["v3.pay.transactions."]),
        ("wxpay.v3.pay.tr", ["wxpay.v3.pay.transactions."]),
        ("request v3.pay.tr", ["v3.pay.transactions."]),
        ("v3/pay/tr", ["v3/pay/transactions/"]),
        ("/v3/pay/tr", ["/v3/pay/transactions/"]),
        ("v3/certificates", ["v3/certificates."]),
        ("v3/certificates.", ["v3/certificates.get "]),
        ("v3.certificates.", ["v3.certificates.get "]),
        ("v3.global_.cert", ["v3.global_.certificates."]),
        ("glob", ["global_."]),
        ("v3.pay.transactions.id.", ["v3.pay.transactions.id._transaction_id_."]),
        ("v3/pay/transactions/id/", ["v3/pay/transactions/id/{transaction_id}."]),
        ("v3.pay.transactions.id.4200.", ["v3.pay.transactions.id.4200.get "]),
        ("v3.pay.transactions.outTradeNo.x.cl", ["v3.pay.transactions.outTradeNo.x.close."]),
        ("v3.ecommerce.applyments._e", ["v3.ecommerce.applyments._empty_."]),
        ("v3/ecommerce/applyments/.", ["v3/ecommerce/applyments/.post "]),
        ("v2/secapi/mch/addI", ["v2/secapi/mch/addInstitutionsub."]),
        ("v9.unknown.", [f"v9.unknown.{verb} " for verb in ("get", "post", "put", "patch", "delete")]),
        ("v3.pay.transactions.nowhere.pu", ["v3.pay.transactions.nowhere.put "]),
        ("v3.__class__.", []),
        ("GET v3/certific", ["v3/certificates "]),
        ("get /v3/certific", ["/v3/certificates "]),
        ("POST /v3/pay/transactions/na", ["/v3/pay/transactions/native "]),
        ("GET v3.certific", ["v3.certificates."]),
        ("GET v3/certificates algorithm_type==S", ["SM2 "]),
        ("help sand", ["sandbox "]),
        ("v3..", []),
        ("v3.a#b.", []),
    ],
)
def test_chains_and_paths(text: str, told: list[str]) -> None:
    """Word by word to a verb; nothing but a verb is followed by a space."""
    assert offered(text) == told


@pytest.mark.parametrize("operation", facts.operations()[::9], ids=lambda each: f"{each.method} {each.path}")
def test_every_operation_is_reached_by_tab(operation: facts.Operation) -> None:
    """What is typed as far as each separator is among what was offered there, by dots and by slashes."""
    path = "/".join(each or "{empty}" for each in operation.words)
    spelled = [paths.attribute(each) for each in path.split("/")]
    if all(spelled):
        reached = ""
        for name in spelled:
            reached = next(each.text for each in chains(reached) if each.text == f"{reached}{name}.")
        assert f"{reached}{operation.method.lower()}" in {each.text for each in chains(reached)}
    reached = "/"
    *folders, last = path.split("/")
    for name in folders:
        reached = next(each.text for each in chains(reached) if each.text == f"{reached}{name}/")
    reached = f"{reached}{last.replace('{empty}', '')}."
    assert reached in {each.text for each in chains(reached[:-1])}
    verbs = [each for each in chains(reached) if each.text == f"{reached}{operation.method.lower()}"]
    assert [(each.told, each.is_whole) for each in verbs] == [(operation.name, True)]


def test_items_are_the_operation_s() -> None:
    """Placeholders, then what is required, by type; what is given is not offered again."""
    found = offered(f"{REFUND} ")
    assert {"amount:=", "out_refund_no=", "notify_url=", "goods_detail:="} <= set(found)
    required = [each.text for each in items(REFUND, [], "") if "required" in each.told]
    assert found[: len(required)] == required
    assert "amount:=" not in offered(f"{REFUND} amount:=1 ")
    assert offered(f"{REFUND} amount:=1 --dry-run am") == []
    placed = offered("v3.pay.transactions.outTradeNo._out_trade_no_.get ")
    assert placed == ["out_trade_no=", "mchid=="]
    assert offered("v3.pay.transactions.outTradeNo.1.get ") == ["mchid=="]
    assert offered("v3/pay/transactions/out-trade-no/<no>.get n") == []
    assert offered("'v3/pay/transactions/out-trade-no/<no>.get' n") == ["no="]
    # What the client sets by itself is no question.
    assert not [each for each in found if each.startswith("Wechatpay-")]
    legacy = offered("v2.pay.unifiedorder.post ")
    assert "out_trade_no=" in legacy
    assert not {"sign=", "nonce_str="} & set(legacy)
    assert offered("v3.nowhere.post ") == []
    assert offered("nonsense ") == []


def test_values_are_those_that_there_are() -> None:
    """Enumerations and booleans, behind the separator at which bash begins to replace."""
    chain = "v3.abnormalFundProcessing.receipts._receipt_id_.transferInstructions.post"
    assert offered(f"{chain} transfer_mode=TRANSFER_TO") == ["TRANSFER_TO_ORIGINAL_RECEIVE_USER "]
    assert offered("v3.pay.transactions.jsapi.post support_fapiao:=") == ["true ", "false "]
    assert offered("v3.pay.transactions.jsapi.post support_fapiao:") == ["="]
    certificates = "v3.certificates.get"
    assert offered(f"{certificates} algorithm_type==") == ["SM2 ", "RSA ", "ALL "]
    assert offered(f"{certificates} algorithm_type=") == ["="]
    assert offered(f"{certificates} algorithm_type=S") == []
    # Where the user has taken = and : out of COMP_WORDBREAKS, whole words are answered.
    whole = bash(split_line(f"wechatpay-chain {certificates} algorithm_type==S", " \t\n"))
    assert whole == ["algorithm_type==SM2 "]


def test_commands_and_flags_are_those_of_the_parsers() -> None:
    """None is written twice, so none is forgotten."""
    assert {f"{each} " for each in COMMANDS} <= set(offered(""))
    assert COMMAND not in " ".join(offered(""))
    assert offered("sand") == ["sandbox "]
    assert offered("sandbox p") == ["push ", "pay ", "payscore "]
    for name in (each for each in COMMANDS if each != "request"):
        inner = build_parser(Console(), [name]).commands[name]
        flags = {f"{flag} " for action in inner.actions for flag in action.option_strings}
        assert set(offered(f"{name} -")) == flags
    assert set(offered("v3.x.get -")) == {
        f"{flag} " for action in build_parser(Console()).commands["request"].actions for flag in action.option_strings
    }
    assert "--version " in offered("--")
    assert offered("--sandbox --sand") == []
    assert offered("--cert A=B --cer") == ["--cert "]
    assert offered("--sandbox v3.cert") == ["v3.certificates."]
    assert offered("--mchid v3.cert") == []
    assert offered("--timeout 5 v3.certificates.get --dry") == ["--dry-run "]
    assert offered("completion ") == ["bash ", "zsh ", "fish ", "powershell "]
    assert offered("completion bash ") == []
    assert offered("tour ") == []
    assert offered("api v3.certi") == ["v3.certificates."]
    assert offered("shell -- ") == []


def test_bills_and_notifications() -> None:
    """Kinds, what each may be asked for, and the types that a sandbox pushes."""
    assert offered("bill ") == [f"{each} " for each in KINDS]
    assert offered("bill sub-fund 2026-11-01 --account D") == ["DEPOSIT "]
    assert offered("bill trade 2026-11-01 --account ") == []
    assert offered("bill trade --type=S") == ["SUCCESS "]
    assert "TRANSACTION.SUCCESS " in offered("sandbox push TRANS")
    assert offered("sandbox push TRANSACTION.SUCCESS --on") == ["--once "]


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one is expected, quoted as a shell needs it; folders are gone into."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("a b.pem", "a$(x).pem", "a`x`.pem", "a'q\".pem", "a\nb.pem", ".hidden", "abc.json"):
        (tmp_path / name).touch()
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart/c.pem").touch()
    quoted = [r"a\$\(x\).pem ", r"a\ b.pem ", r"a\'q\".pem ", r"a\`x\`.pem ", "abc.json ", "apart/"]
    assert offered("--private-key a") == sorted(quoted)
    assert {shlex.split(each)[0] for each in quoted} == {
        each for each in os.listdir() if each.startswith("a") and "\n" not in each
    } - {"apart"} | {"apart/"}
    assert offered("--private-key=ap") == ["apart/"]
    assert offered("--private-key ~/ap") == ["~/apart/"]
    assert offered("--private-key apart/") == ["apart/c.pem "]
    assert offered("--private-key .") == [".hidden "]
    assert offered('--private-key "a b') == ["a b.pem"]
    assert offered('--private-key "a$') == [r"a\$(x).pem"]
    assert offered("--private-key 'a b") == ["a b.pem"]
    assert offered("--private-key 'a") == ["a b.pem", "a$(x).pem", "a`x`.pem", "abc.json", "apart/"]
    assert offered(r"--private-key a\ b") == [r"a\ b.pem "]
    assert offered("--cert ID=abc") == ["abc.json "]
    assert offered("--cert ID") == []
    assert offered("-d @abc") == ["@abc.json "]
    assert offered("-d abc") == []
    assert offered("v3.x.post key=@abc") == ["@abc.json "]
    assert offered("v3.x.post key:=@apart/c") == ["@apart/c.pem "]
    assert offered("v3.x.get > abc") == ["abc.json "]
    assert offered("bill trade 2026-11-01 --to ap") == ["apart/"]
    assert offered("--private-key nowhere/") == offered("--private-key \0/") == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("w a b", Line(["a"], "b", 0, "")),
        ("w a ", Line(["a"], "", 0, "")),
        ("w 'a b", Line([], "a b", 0, "'")),
        ('w "a b" c', Line(["a b"], "c", 0, "")),
        (r"w a\ b", Line([], "a b", 0, "")),
        ("w k=v", Line([], "k=v", 2, "")),
        ("w k:=v", Line([], "k:=v", 3, "")),
        ("w k:=@v", Line([], "k:=@v", 3, "")),
        ("w k:='v=w", Line([], "k:=v=w", 3, "'")),
        ("w ''", Line([], "", 0, "")),
        ("w '' x", Line([""], "x", 0, "")),
        ("w a>b", Line(["a", ">"], "b", 0, "")),
        ("w a\\", Line([], "a", 0, "")),
        ("", Line([], "", 0, "")),
    ],
)
def test_a_line_is_parted_as_bash_does(text: str, line: Line) -> None:
    """Quotes, escapes, and the letters at which bash begins to replace."""
    assert split_line(text, BREAKS) == line


WORDS = st.text() | st.sampled_from(
    ["--", "-", "$(touch x)", "`x`", "'", '"', "\n", "v3.pay.", "v3/pay/", "//", "v3//x", "=", ":=@", "--cert", "bill"]
)


@given(st.lists(WORDS, max_size=4), WORDS)
def test_hostile_words_are_only_words(before: list[str], typed: str) -> None:
    """Whatever is typed, what is offered goes on with it, on one line each."""
    for each in zsh(before, typed):
        whole, text, shown = each.split("\t")
        assert whole in ("0", "1")
        assert text.startswith(typed)
        assert shown.isprintable()
    for whole, each in zip(zsh(before, typed), powershell(json.dumps([typed, *before])), strict=True):
        assert each.split("\t")[0] == whole.split("\t")[1]
        assert all(each.split("\t"))
        assert each.count("\t") == 2
    for each in fish(before, shlex.quote(typed)):
        assert each.count("\t") <= 1
    for joined in (" ".join(before) + f" {typed}", f"v3.pay.transactions.jsapi.post {typed}", f"v3/pay/{typed}.get "):
        assert all("\n" not in each for each in offered(joined))


@pytest.mark.parametrize(
    "arguments",
    [[], ["bash"], ["bash", "a", "b", "c"], ["zsh"], ["fish"], ["csh", "x"], ["bash", "", ""], ["powershell", "x"]],
)
def test_the_hidden_command_is_quiet(arguments: list[str]) -> None:
    """It is no word for users, and never speaks but of candidates."""
    status, _, err = run(COMMAND, *arguments)
    assert status in (0, 2)
    assert err == ""


def test_a_script_is_printed() -> None:
    """For each shell; another word is told in one line."""
    for shell in ("bash", "zsh", "fish", "powershell"):
        status, out, err = run("completion", shell)
        assert (status, err) == (0, "")
        assert quote(shell, sys.executable) in out
        assert "@COMMAND@" not in out
    status, out, err = run("completion", "csh")
    assert (status, out, err.count("\n")) == (2, "", 1)


def test_a_chain_needs_neither_parsers_nor_what_sends() -> None:
    """What a Tab waits for is the catalogue alone."""
    code = (
        "import sys; from wechatpay_chain.cli import main; main(['_complete', 'zsh', 'v3.pay.']);"
        "main(['_complete', 'zsh', '', 'v3.pay.transactions.jsapi.post']);"
        "print(sorted({'argparse', 'requests', 'cryptography', 'urllib3', 'socket'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True, encoding="utf-8"
    )
    assert done.stdout.endswith("\n[]\n")


def test_a_terminal_without_chinese_completes_all_the_same() -> None:
    """Names are replaced, words are there."""
    command = [sys.executable, "-m", "wechatpay_chain", COMMAND, "zsh", "v3.certificates."]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, cwd=ROOT, check=True, env=environment)
    assert done.stdout.startswith(b"1\tv3.certificates.get\tget  -- ?")
    assert done.stderr == b""


_PROMPTS = {"fish": "function fish_prompt; echo -n 'REA''DY> '; end; function fish_title; end"}
# What is typed is printed word by word in place of being run.
_SOURCED = 'eval "$({command})"; wechatpay-chain() {{ printf \'<<%s>>\' "$@"; echo; }}'
_LOADING = {
    "bash": _SOURCED,
    "zsh": _SOURCED,
    "fish": "set here $PWD; begin; {command}; end | source; cd $here;"
    " function wechatpay-chain; printf '<<%s>>' $argv; echo; end",
}


def test_what_goes_on_ends_as_fish_and_powershell_expect() -> None:
    """fish puts a space behind any other word; PowerShell takes no empty text."""
    for typed in ("v3.", "v3/pay/", "v3.pay.transactions."):
        for whole, each in zip(zsh([], typed), fish([], typed), strict=True):
            text = each.partition("\t")[0]
            assert whole.startswith("1\t") or text[-1] in "/=:.@,"
    assert powershell("") == powershell("{}") == powershell("null") == powershell("[") == []
    (name,) = (each.name for each in facts.operations() if each.path == "/v3/certificates")
    assert powershell('["v3.certificates."]') == [f"v3.certificates.get\tget\t{name}"]
    assert fish(["v3.x.post"], "'data:=@") == fish(["v3.x.post"], "data:=@")


def test_the_script_of_powershell_hands_the_words_over(tmp_path: Path) -> None:
    """Its command line, run without PowerShell: words as JSON on standard input, one candidate a line."""
    script = run("completion", "powershell")[1]
    (command,) = re.findall(r"\$line \| & (.+?) 2>\$null", script)
    words = [word.replace("''", "'") for word in re.findall(r"'((?:[^']|'')*)'", command)]
    done = subprocess.run(
        words,
        input='["bill pr", "bill"]'.replace("bill pr", "prof"),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=60,
    )
    assert done.stdout == "profitsharing\tprofitsharing\tv3/profitsharing/bills\n"


class Terminal:
    """A shell in a pseudo-terminal, with completion sourced as the README says."""

    def __init__(self, shell: str, folder: Path) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            # fish lists nothing on a terminal that cannot move its cursor.
            "TERM": "xterm" if shell == "fish" else "dumb",
            "LC_ALL": "C.UTF-8",
            "INPUTRC": "/dev/null",
            "ZDOTDIR": str(folder),
            "HISTFILE": "/dev/null",
            "HOME": str(folder),
        }
        options = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"], "fish": ["--no-config", "-i"]}
        # bash lists at the second Tab, at which the others would begin a menu.
        self.tabs = {"bash": "\t\t", "zsh": "\t", "fish": "\t"}[shell]
        self.spawn: pexpect.spawn[str] = pexpect.spawn(
            shell, options[shell], encoding="utf-8", timeout=60, dimensions=(60, 250), env=environment, cwd=str(folder)
        )
        self.spawn.sendline(_PROMPTS.get(shell, "PS1='REA''DY> '; PROMPT_EOL_MARK="))
        self.spawn.expect_exact("READY> ")
        command = f"cd / && {shlex.quote(sys.executable)} -m wechatpay_chain completion {shell}"
        # The shell itself writes what was completed, without the terminal's ways of drawing.
        # zsh itself runs what stands in backquotes when Tab is expand-or-complete, with or without a completion.
        if shell == "zsh":
            self.spawn.sendline("bindkey '^I' complete-word")
        command = _LOADING[shell].format(command=command)
        self.spawn.sendline(f"{command}; echo load''ed")
        self.spawn.expect_exact("loaded")
        self.spawn.expect_exact("READY> ")

    def completed(self, typed: str) -> list[str]:
        """The words of the command that Tab and Enter make of ``typed``."""
        self.spawn.send(f"wechatpay-chain {typed}\t")
        self.spawn.sendline("")
        self.spawn.expect(r"(<<.*>>)[\r\n]")
        assert self.spawn.match
        found = re.findall(r"<<(.*?)>>", str(self.spawn.match[1]))
        self.spawn.expect_exact("READY> ")
        return found

    def listed(self, typed: str, told: str) -> None:
        """Wait until Tab lists ``told``, then leave the line."""
        self.spawn.send(f"wechatpay-chain {typed}{self.tabs}")
        self.spawn.expect_exact(told)
        self.leave()

    def leave(self) -> str:
        """Empty the line, and wait until the shell has done all before; what it has shown until then."""
        self.spawn.sendline("\x15echo le''ft")
        self.spawn.expect_exact("left")
        shown = str(self.spawn.before)
        self.spawn.expect_exact("READY> ")
        return shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a b.json").write_text("{}")
    # What a completion that imports from the current folder would run.
    for name in ("json.py", "sitecustomize.py", "wechatpay_chain.py", "zlib.py"):
        (tmp_path / name).write_text("open('ran', 'w').close()")
    return tmp_path


def completes(terminal: Terminal, folder: Path) -> None:
    """What all shells do."""
    assert terminal.completed("v3.pay.tr") == ["v3.pay.transactions."]
    assert terminal.completed("v3/pay/tr") == ["v3/pay/transactions/"]
    assert terminal.completed("v3.certificates.g") == ["v3.certificates.get"]
    assert terminal.completed("v3/pay/transactions/id/") == ["v3/pay/transactions/id/{transaction_id}."]
    assert terminal.completed(f"{REFUND} amo\t1") == [REFUND, "amount:=1"]
    assert terminal.completed(f"{REFUND} amount:") == [REFUND, "amount:="]
    assert terminal.completed("v3.bill.tradebill.get bill_da") == ["v3.bill.tradebill.get", "bill_date=="]
    assert terminal.completed("v3.certificates.get algorithm_type==S") == [
        "v3.certificates.get",
        "algorithm_type==SM2",
    ]
    assert terminal.completed("v3.x.post data:=@a") == ["v3.x.post", "data:=@a b.json"]
    assert terminal.completed("--private-key a") == ["--private-key", "a b.json"]
    assert terminal.completed("bill prof") == ["bill", "profitsharing"]
    assert terminal.completed("--sandb\tv3.cert") == ["--sandbox", "v3.certificates."]
    terminal.listed("v3.pay.transactions.", "outTradeNo.")
    terminal.listed("", "completion")
    for hostile in ("$(touch ran) v3.", "`touch ran`", "'$(touch ran)", '"`touch ran`', "v3.pay.$(touch ran)", "--"):
        terminal.spawn.send(f"wechatpay-chain {hostile}\t\t")
        assert "Traceback" not in terminal.leave()
    assert not (folder / "ran").exists()


@pytest.fixture
def bash_terminal(folder: Path) -> Iterator[Terminal]:
    terminal = Terminal("bash", folder)
    yield terminal
    terminal.spawn.close(force=True)


@pytest.fixture
def zsh_terminal(folder: Path) -> Iterator[Terminal]:
    terminal = Terminal("zsh", folder)
    yield terminal
    terminal.spawn.close(force=True)


@pytest.mark.slow
def test_bash(bash_terminal: Terminal, folder: Path) -> None:
    """A real bash in a terminal: chains, items, values, files, and nothing hostile is run."""
    completes(bash_terminal, folder)
    assert bash_terminal.completed("'v3.pay.tr") == ["v3.pay.transactions."]
    assert bash_terminal.completed('v3.x.post "data:=@a') == ["v3.x.post", "data:=@a b.json"]


@pytest.fixture
def fish_terminal(folder: Path) -> Iterator[Terminal]:
    terminal = Terminal("fish", folder)
    yield terminal
    terminal.spawn.close(force=True)


@pytest.mark.slow
def test_fish(fish_terminal: Terminal, folder: Path) -> None:
    """A real fish, which .ci/run installs: the same, and the official names beside the words."""
    completes(fish_terminal, folder)
    assert fish_terminal.completed("--private-key 'a") == ["--private-key", "a b.json"]
    fish_terminal.listed("v3.pay.transactions.", "JSAPI下单API")
    fish_terminal.listed(f"{REFUND} ", "object, required")


@pytest.mark.slow
def test_zsh(zsh_terminal: Terminal, folder: Path) -> None:
    """A real zsh, which .ci/run installs: the same, and the official names beside the words."""
    completes(zsh_terminal, folder)
    zsh_terminal.listed("v3.pay.transactions.", "jsapi.              -- JSAPI下单API")
    zsh_terminal.listed(f"{REFUND} ", "object, required")


def test_zsh_lists_labels_and_names_of_products() -> None:
    """In Chinese, products first that most shops use; a line is cut to what a terminal shows, where Chinese is wide."""
    fields = {line.split("\t")[1]: line.split("\t")[2] for line in zsh(["v3.refund.domestic.refunds.post"], "")}
    assert re.fullmatch(r"out_refund_no= +-- 商户退款单号, string, required, e\.g\. \d+", fields["out_refund_no="])
    assert "one of out_trade_no, transaction" in fields["transaction_id="]
    assert all(cell_width(shown) <= 76 for shown in fields.values())
    words = [line.split("\t")[2].split() for line in zsh([], "v3.")]
    assert words[0] == ["pay.", "--", "下单、查单、关单,", "29", "operations"]
    assert [each[0] for each in words[1:3]] == ["refund.", "bill."]
