from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import wechatpay_chain
from tests import answers
from tests.openssl import authorization_fields, rightly_signed, verified
from wechatpay_chain import Sandbox
from wechatpay_chain.cli import main
from wechatpay_chain.cli.commands.tour import STOPS
from wechatpay_chain.cli.console import Console

PLAN = "v3.marketing.partner.deliveryPlan._sp_mchid_.notifyUrl"
COUPON = "v3.marketing.partner.productCoupon.notifyConfigs"


def run(*argv: str, environment: Mapping[str, str] | None = None, stdin: str = "") -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    console = Console(io.StringIO(stdin), io.StringIO(), io.StringIO(), environment or {})
    status = main(argv, console)
    assert isinstance(console.stdout, io.StringIO)
    assert isinstance(console.stderr, io.StringIO)
    return status, console.stdout.getvalue(), console.stderr.getvalue()


def test_the_tour_makes_every_call_of_the_seeds() -> None:
    """Line, request line, verdict and answer of each, a first order before them, and a count that holds."""
    status, out, err = run("tour")
    total = sum(len(lines) for _, lines in STOPS)
    sent = total - 2  # the customer pays, the notice arrives
    assert (status, err) == (0, "")
    for _, lines in STOPS:
        for line in lines:
            assert f">>> {line}\n" in out
    assert out.count("    answer: ") == total
    assert out.count("signature: verified by the gateway") == sent >= 25
    assert out.count("    POST /v3/") + out.count("    GET /v3/") + out.count("    PATCH /v3/") == sent
    assert f"{sent} of {sent} requests were rightly signed" in out
    assert "TRANSACTION.SUCCESS, verified and decrypted" in out


@pytest.mark.parametrize(
    ("argv", "request_line", "body"),
    [
        ([f"{COUPON}.post", "notify_url=https://a.example"], f"POST {COUPON}", {"notify_url": "https://a.example"}),
        ([f"wxpay.{COUPON}.post", "a:=1", "b:=[true]"], f"POST {COUPON}", {"a": 1, "b": [True]}),
        (["v3/certificates.get"], "GET /v3/certificates", None),
        (["request", "v3.certificates.get", "a==1", "a==b c"], "GET /v3/certificates?a=1&a=b%20c", None),
        ([f"{PLAN}.post", "sp_mchid=1/2", "notify_url=u"], "/delivery-plan/1%2F2/notify-url", {"notify_url": "u"}),
        (["v3.x.post", "-d", '{"a": "中"}'], "POST /v3/x", {"a": "中"}),
        (["v3.x.post", "-d", "@-"], "POST /v3/x", {"from": "stdin"}),
        (["v3.x.delete", "X-A:b", "a=c=d"], "DELETE /v3/x", {"a": "c=d"}),
        (["v3.x.post", "url=https://a.example/?b==c"], "POST /v3/x", {"url": "https://a.example/?b==c"}),
        (["v3.global_.x.get"], "GET /v3/global/x", None),
        (["v3.chain.get"], "GET /v3/chain", None),
        (["v3.x.get", "-i", "a==1"], "GET /v3/x?a=1", None),
        (["v3.x.post", "-d", "{}", "X-A:b"], "POST /v3/x", {}),
        (["v3.x.post", "a=1", "--timeout", "9", "b=2"], "POST /v3/x", {"a": "1", "b": "2"}),
    ],
)
def test_words_become_a_request(gateway: Sandbox, argv: list[str], request_line: str, body: object) -> None:
    """CHAIN.VERB and httpie's separators; openssl verifies what arrived."""
    run(*argv, environment=gateway.environment(), stdin='{"from": "stdin"}' if "@-" in argv else "")
    received = gateway.requests[-1]
    target = request_line.replace(COUPON, "/v3/marketing/partner/product-coupon/notify-configs")
    assert target in f"{received.method} {received.target}"
    assert (json.loads(received.body) if received.body else None) == body
    assert rightly_signed(received, gateway.identity.merchant_key.public_key())


def test_files_are_read(gateway: Sandbox, tmp_path: Path) -> None:
    """-d @file, key=@file and key:=@file."""
    (tmp_path / "a.json").write_text('{"notify_url": "https://a.example"}')
    status, out, _ = run(f"{COUPON}.post", "-d", f"@{tmp_path}/a.json", environment=gateway.environment())
    assert (status, json.loads(out)["notify_url"]) == (0, "https://a.example")
    run("v3.x.post", f"t=@{tmp_path}/a.json", f"j:=@{tmp_path}/a.json", environment=gateway.environment())
    text = (tmp_path / "a.json").read_text()
    assert json.loads(gateway.requests[-1].body) == {"t": text, "j": json.loads(text)}


def test_an_answer_is_indented_json(gateway: Sandbox) -> None:
    """Chinese stays Chinese; -i shows status and headers before it."""
    status, out, err = run(f"{COUPON}.post", "notify_url=https://a.example/中", environment=gateway.environment())
    assert (status, err) == (0, "")
    assert '\n  "notify_url": "https://a.example/中"' in out
    status, out, _ = run(f"{COUPON}.get", "-i", environment=gateway.environment())
    assert out.startswith("200 OK\n")
    assert "\nWechatpay-Signature: " in out


def test_bytes_are_written_as_they_are(gateway: Sandbox) -> None:
    """An image or a gzip file can be redirected."""
    gateway.tamper = answers.bare(200, b"\x00\xff\n", "image/png")
    command = [sys.executable, "-m", "wechatpay_chain", "v3.merchantService.images._media_id_.get", "media_id=a"]
    done = subprocess.run(
        command, capture_output=True, env={**os.environ, **gateway.environment()}, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == (b"\x00\xff\n", b"")


def test_a_dry_run_shows_everything_and_sends_nothing(gateway: Sandbox) -> None:
    """The request, the signed text, and a curl line that works."""
    argv = (f"{PLAN}.post", "sp_mchid=12", "notify_url=https://a.example", "--dry-run")
    status, out, err = run(*argv, environment=gateway.environment())
    assert (status, err) == (0, "")
    assert not gateway.requests
    head, _, rest = out.partition("# the signed text\n")
    signed, _, curl = rest.partition("\n# the same for a shell; its signature is good for five minutes\n")
    lines = head.split("\n")
    assert lines[0] == "POST /v3/marketing/partner/delivery-plan/12/notify-url HTTP/1.1"
    headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    assert headers["Host"] == gateway.base_url.removeprefix("http://")
    signature = authorization_fields(headers)["signature"]
    assert verified(signed.encode(), signature, gateway.identity.merchant_key.public_key())
    assert signed.endswith('\n{"notify_url":"https://a.example"}\n')
    subprocess.run([*shlex.split(curl), "--silent"], check=True, capture_output=True)
    assert gateway.requests[-1].verdict == ""


def test_a_sandbox_lives_as_long_as_the_command() -> None:
    """--sandbox needs no configuration at all."""
    status, out, _ = run("--sandbox", "v3.certificates.get")
    assert (status, list(json.loads(out))) == (0, ["data"])


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        (["v3.certificates.get"], 8, "mchid: neither given nor set"),
        (["--mchid", "x", "v3.certificates.get"], 8, "mchid: expected digits"),
        (["--mchid", "1", "v3.certificates.get"], 8, "serial, private_key, certs: missing"),
        (["--profile", "none", "v3.certificates.get"], 8, "profile: "),
        (
            ["--sandbox", "--base-url", "http://127.0.0.1:9", "v3.x.get"],
            7,
            "TransportError: GET /v3/x: nothing was sent",
        ),
        (["--sandbox", "foo"], 2, "expected CHAIN.VERB"),
        (["--sandbox", "v3.x.fetch"], 2, "expected CHAIN.VERB"),
        (["--sandbox", "v3.x.postAsync"], 2, "expected CHAIN.VERB"),
        (["--sandbox", ".get"], 2, "expected CHAIN.VERB"),
        (["--sandbox", "v3..x.get"], 2, "no word of a path"),
        (["--sandbox", "v3.__class__.get"], 2, "no word of a path"),
        (["--sandbox", "v3.x.get", "a"], 2, "expected key=text"),
        (["--sandbox", "v3.x.get", "=a"], 2, "expected key=text"),
        (["--sandbox", "v3.x.get", "a=b"], 2, "get sends no body"),
        (["--sandbox", "v3.x.post", "a:={"], 2, "a: no JSON"),
        (["--sandbox", "v3.x.post", "a=1", "a=2"], 2, "a: given twice"),
        (["--sandbox", "v3.x.post", "a=1", "-d", "{}"], 2, "-d is the whole body"),
        (["--sandbox", "v3.x.post", "-d", "@/nowhere"], 2, "/nowhere cannot be read"),
        (["--sandbox", "v3.x.post", "-d", "{"], 2, "-d: no JSON"),
        (["--sandbox", "v3._id_.get"], 2, "no value for <id>"),
        (["--sandbox", "v3._id_.get", "id=.."], 2, "would change the path"),
        (["--sandbox", "v3.x.get", "Authorization:x"], 2, "made by the client"),
        (["--sandbox", "v2.pay.micropay.post", "mch_id=1"], 2, "mch_id: is '1'"),
        (["--sandbox", "--cert", "A", "v3.x.get"], 2, "--cert: expected ID=FILE"),
        (["--sandbox", "--timeout", "x", "v3.x.get"], 2, "--timeout"),
        (["--sandbox", "v3.x.post", "-d", "null"], 2, "-d null is no body"),
        (["bil"], 2, "bil: no such command; did you mean bill"),
        (["help", "bil"], 2, "bil: no such command of wechatpay-chain; did you mean bill"),
        (["sandbox", "pa", "X"], 2, "did you mean pay?"),
        (["completion", "bsh"], 2, "did you mean bash?"),
        (["completion", "zzz"], 2, "see wechatpay-chain completion --help"),
        (["help", "sandbox", "pus"], 2, "pus: no such command of wechatpay-chain sandbox; did you mean push"),
        (["--sandbox", "bill"], 2, "bill: a command is the first word"),
        (["v3.certificates"], 2, "did you mean v3.certificates.get"),
        (["v3.certificates.gte"], 2, "did you mean v3.certificates.get"),
        (["v3/certificates"], 2, "write a method before a path: wechatpay-chain GET v3/certificates"),
        (["GET"], 2, "GET: expected a path, a chain or a URL after it"),
        (["HEAD", "/v3/certificates"], 2, "HEAD: expected a method of GET, POST"),
        (["https://api.mch.weixin.qq.com/v3/pay/transactions/native"], 2, "wechatpay-chain POST /v3/pay/transactions"),
        (["--sandbox", "https://a.example/v3/certificates"], 2, "https://a.example is not a host of WeChat Pay"),
        (["GET", "https://[x/v3"], 2, "is no URL"),
        (["GET", "https://a:b@api.mch.weixin.qq.com/v3/certificates"], 2, "leave user and password out"),
        (["https://api.mch.weixin.qq.com/"], 2, "expected a path in the URL"),
        (["GET", "/"], 2, "'/': expected a path"),
        (["GET", ""], 2, "'': expected a path"),
        ([""], 2, "expected CHAIN.VERB"),
        (["request"], 2, "expected CHAIN.VERB"),
        (["help", "zzz"], 2, "wechatpay-chain api zzz searches"),
        (["--sandbox", "v3.x.get", "-o", "/nowhere/file"], 2, "'/nowhere/file' cannot be written; nothing was sent"),
        (["--sandbox", "v3.x.get", "-o", "/"], 2, "cannot be written"),
        (["--sandbox", "v3.x.post", "file@/nowhere"], 2, "file: /nowhere cannot be read"),
        (["--sandbox", "v3.x.get", "file@/etc/hostname"], 2, "get sends no body"),
        (["download", "/nowhere"], 2, "SOURCE: '/nowhere' cannot be read"),
        (["download", "--sandbox", "https://a.example/file"], 2, "https://a.example is not a host"),
        (["download", "--sandbox", "-o", "/nowhere/file", "https://a.example/file"], 2, "no file in a folder"),
        (["sandbox", "--shell", "csh"], 2, "--shell"),
        (["sandbox", "--port", "99999"], 2, "--port"),
        (["--bogus"], 2, "--bogus|required"),
        (["tour", "x"], 2, "unrecognized arguments: x; see wechatpay-chain tour --help"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(argv: list[str], status: int, words: str) -> None:
    """On standard error, with nothing on standard output."""
    code, out, err = run(*argv, environment={"WECHATPAY_PROFILES": "/nowhere/profiles.toml"})
    assert (code, out) == (status, "")
    assert err.startswith("wechatpay-chain: ")
    assert err.count("\n") == 1
    assert re.search(words, err), err


def test_an_unverified_answer_and_a_server_error_have_codes_of_their_own(gateway: Sandbox) -> None:
    """6 and 5; nothing of the body is printed."""
    gateway.tamper = answers.changed
    status, out, err = run("v3.certificates.get", environment=gateway.environment())
    assert (status, out) == (6, "")
    assert "SignatureMismatch" in err
    gateway.tamper = answers.bare(502)
    assert run("v3.certificates.get", environment=gateway.environment())[0] == 5


def test_flags_come_before_the_environment(gateway: Sandbox, tmp_path: Path) -> None:
    """And all may be flags."""
    entries = gateway.configuration()
    (tmp_path / "key.pem").write_text(entries["private_key"])
    public_id = gateway.identity.public_key_id
    (tmp_path / "pub.pem").write_text(entries["certs"][public_id])
    flags = ["--mchid", entries["mchid"], "--serial", entries["serial"], "--private-key", f"{tmp_path}/key.pem"]
    flags += ["--cert", f"{public_id}={tmp_path}/pub.pem", "--base-url", entries["base_url"], "--timeout", "5"]
    assert run(*flags, "v3.certificates.get")[0] == 0
    environment = {**gateway.environment(), "WECHATPAY_BASE_URL": "http://127.0.0.1:9"}
    assert run("--base-url", entries["base_url"], "v3.certificates.get", environment=environment)[0] == 0
    assert run("v3.certificates.get", environment=environment)[0] == 7


def test_help_and_version() -> None:
    """Both on standard output; no word at all is a usage error that shows the help."""
    assert run("--version") == (0, f"wechatpay-chain {wechatpay_chain.__version__}\n", "")
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert "exit codes:" in out
    status, out, _ = run("request", "--help")
    assert status == 0
    assert "--dry-run" in out
    status, out, _ = run()
    assert status == 2
    assert "usage:" in out


def test_the_console_script_serves_a_sandbox(tmp_path: Path) -> None:
    """Another process takes its configuration from the lines that it prints, and Ctrl-C ends it."""
    command = [sys.executable, "-m", "wechatpay_chain"]
    with subprocess.Popen([*command, "sandbox"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        exported = {}
        for line in served.stdout:
            if line.startswith("#"):
                break
            name, _, value = shlex.split(line)[1].partition("=")
            exported[name] = value
        calling = [*command, "v3.certificates.get"]
        done = subprocess.run(calling, env={**os.environ, **exported}, capture_output=True, check=True, timeout=60)
        assert b"serial_no" in done.stdout
        served.send_signal(signal.SIGINT)
        assert served.wait(10) == 130
        assert served.stderr is not None
        assert served.stderr.read() == ""


def test_a_reader_that_leaves_is_no_traceback(gateway: Sandbox) -> None:
    """As in `wechatpay-chain … | head -0`."""
    command = f"{sys.executable} -m wechatpay_chain tour | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, check=True, timeout=60)
    assert done.stderr == b""


def test_a_sandbox_takes_the_number_of_a_merchant() -> None:
    """So that a line which names one can be tried; a wrong one is refused before anything is sent."""
    line = ("--sandbox", "--mchid", "1230000109", "v3.pay.transactions.native.post", "-d")
    order = {
        "appid": "wx1",
        "mchid": "1230000109",
        "description": "a",
        "out_trade_no": "b12345",
        "amount": {"total": 1},
    }
    status, out, err = run(*line, json.dumps({**order, "notify_url": "https://pay.weixin.qq.com"}))
    assert (status, err) == (0, "")
    assert json.loads(out)["code_url"].startswith("weixin://")
    status, out, err = run("--sandbox", "--mchid", "x", "v3.certificates.get")
    assert (status, out) == (8, "")
    assert "mchid" in err
