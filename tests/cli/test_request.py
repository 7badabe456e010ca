"""What a call takes and prints: refusals, what is piped in, uploads, files, URLs, -v and --dry-run."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import pexpect
import pytest

from tests import answers
from tests.cli.test_cli import run
from tests.openssl import rightly_signed
from tests.screens import Screen
from wechatpay_chain import Sandbox
from wechatpay_chain.cli import main
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.transcript import mask
from wechatpay_chain.sandbox.answer import Answer, Received

COMMAND = [sys.executable, "-m", "wechatpay_chain"]
COUPON = "v3.marketing.partner.productCoupon.notifyConfigs"
NOTHING = "v3.refund.domestic.refunds.nobody.get"
V2_ORDER = (
    "appid=wx1",
    "body=a",
    "out_trade_no=order-100001",
    "total_fee=1",
    "spbill_create_ip=127.0.0.1",
    "trade_type=NATIVE",
    "notify_url=https://a.example",
)


def process(*argv: str, environment: Mapping[str, str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """One command as a process of its own, with ``stdin`` in a pipe."""
    variables = {**os.environ, **environment}
    return subprocess.run([*COMMAND, *argv], input=stdin, capture_output=True, env=variables, timeout=60, check=False)


def run_with(stdin: TextIO, *argv: str, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """The same in this process, with a real file or pipe as standard input, which is closed."""
    console = Console(stdin, Screen(tty=False), Screen(tty=False), environment)
    with stdin:
        status = main(argv, console)
    assert isinstance(console.stdout, Screen)
    assert isinstance(console.stderr, Screen)
    return status, console.stdout.getvalue(), console.stderr.getvalue()


def pipe_of(content: bytes) -> TextIO:
    """The end of a pipe that holds ``content``."""
    read_end, write_end = os.pipe()
    os.write(write_end, content)
    os.close(write_end)
    return os.fdopen(read_end)


def test_a_refusal_is_json_for_a_pipe_and_a_line_for_people(gateway: Sandbox) -> None:
    """The body on standard output; status, code, reason and Request-ID on standard error; the exit code stays."""
    status, out, err = run(NOTHING, environment=gateway.environment())
    assert status == 4
    assert json.loads(out)["code"] == "RESOURCE_NOT_EXISTS"
    (line,) = err.splitlines()
    assert line.startswith("wechatpay-chain: 404 RESOURCE_NOT_EXISTS: ")
    assert json.loads(out)["message"] in line
    assert re.search(r"\(Request-ID [0-9A-F-]+\)", line)


def test_include_shows_the_head_of_a_refusal(gateway: Sandbox) -> None:
    """As of any other answer."""
    status, out, _ = run(NOTHING, "-i", environment=gateway.environment())
    head, _, body = out.partition("\n\n")
    assert status == 4
    assert head.startswith("404 Not Found\n")
    assert "\nRequest-ID: " in head
    assert json.loads(body)["code"] == "RESOURCE_NOT_EXISTS"


def test_a_server_error_and_an_empty_refusal(gateway: Sandbox) -> None:
    """What came is printed, be it HTML or nothing."""
    gateway.tamper = answers.bare(502, b"<html>away</html>", "text/html")
    status, out, err = run("v3.x.post", "-d", "{}", environment=gateway.environment())
    assert (status, out) == (5, "<html>away</html>\n")
    assert err.startswith("wechatpay-chain: 502 no WeChat Pay error body (text/html, 17 bytes)")
    gateway.tamper = answers.bare(404)
    status, out, err = run(NOTHING, environment=gateway.environment())
    assert (status, out, err.count("\n")) == (4, "", 1)


def test_a_refusal_of_apiv2(gateway: Sandbox) -> None:
    """Its fields as JSON, and the line with status and code."""
    body = "<xml><return_code>FAIL</return_code><return_msg>签名错误</return_msg></xml>"
    gateway.tamper = answers.bare(200, body.encode(), "text/xml")
    status, out, err = run(
        *("v2.pay.orderquery.post", f"mch_id={gateway.mchid}", "out_trade_no=1"), environment=gateway.environment()
    )
    assert (status, json.loads(out)) == (1, {"return_code": "FAIL", "return_msg": "签名错误"})
    assert err.startswith("wechatpay-chain: 200 FAIL: 签名错误")


def test_an_unproven_answer_is_not_printed(gateway: Sandbox) -> None:
    """Not even with -i; -v shows its head, and says so."""
    gateway.tamper = answers.changed
    status, out, err = run("v3.certificates.get", "-i", "-v", environment=gateway.environment())
    assert (status, out) == (6, "")
    assert "\n< 200 OK, unverified\n" in err
    assert "not verified\n" in err
    assert "SignatureMismatch: " in err


@pytest.mark.parametrize(
    ("words", "target"),
    [
        (["GET", "/v3/certificates"], "GET /v3/certificates"),
        (["get", "v3/certificates", "a==1"], "GET /v3/certificates?a=1"),
        (["GET", "v3.certificates"], "GET /v3/certificates"),
        (["GET", "wxpay.v3.global_.certificates"], "GET /v3/global/certificates"),
        (["GET", "https://api.mch.weixin.qq.com/v3/certificates"], "GET /v3/certificates"),
        (["https://api.mch.weixin.qq.com/v3/certificates"], "GET /v3/certificates"),
        (["HTTPS://api2.wechatpay.cn/v3/certificates?a=b#c"], "GET /v3/certificates?a=b"),
        (["https://apihk.mch.weixin.qq.com/v3/global/certificates"], "GET /v3/global/certificates"),
        (
            ["https://api.mch.weixin.qq.com/v3/pay/transactions/id/{transaction_id}", "transaction_id=4/2", "mchid==1"],
            "GET /v3/pay/transactions/id/4%2F2?mchid=1",
        ),
        (["DELETE", "/v3/x/y"], "DELETE /v3/x/y"),
        (["POST", "/v3/x", "a=1"], "POST /v3/x"),
        (["request", "PUT", "/v3/x", "a=1"], "PUT /v3/x"),
        (["https://api.mch.weixin.qq.com/v3/x", "a=1"], "POST /v3/x"),
        (["v3/certificates.get"], "GET /v3/certificates"),
    ],
)
def test_a_method_before_a_path_or_a_url(gateway: Sandbox, words: list[str], target: str) -> None:
    """A pasted URL of WeChat Pay is sent to the hosts that are configured; rightly signed."""
    run(*words, environment=gateway.environment())
    received = gateway.requests[-1]
    assert f"{received.method} {received.target}" == target
    assert rightly_signed(received, gateway.identity.merchant_key.public_key())


def test_a_url_of_the_sandbox_itself(gateway: Sandbox) -> None:
    """As it stands in an answer."""
    status, _, _ = run(f"{gateway.base_url}/v3/certificates", environment=gateway.environment())
    assert (status, gateway.requests[-1].target) == (0, "/v3/certificates")


def test_a_url_of_apiv2(gateway: Sandbox) -> None:
    """Its pages write no version."""
    number = f"mch_id={gateway.mchid}"
    url = "https://api.mch.weixin.qq.com/pay/unifiedorder"
    status, out, err = run("POST", url, number, *V2_ORDER, environment=gateway.environment())
    assert (status, err) == (0, "")
    assert json.loads(out)["code_url"].startswith("weixin://")
    assert gateway.requests[-1].target == "/pay/unifiedorder"


def test_what_is_piped_in_is_the_body(gateway: Sandbox, tmp_path: Path) -> None:
    """Of a pipe and of a file, with and without a byte order mark; nothing piped is no body."""
    environment = gateway.environment()
    body = {"notify_url": "https://a.example/中"}
    plain = json.dumps(body, ensure_ascii=False).encode()
    done = process(f"{COUPON}.post", environment=environment, stdin=plain)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(gateway.requests[-1].body) == body
    for content in (b"\xef\xbb\xbf" + plain + b"\n", json.dumps(body).encode(), plain.decode().encode("utf-16")):
        status, _, err = run_with(pipe_of(content), f"{COUPON}.post", environment=environment)
        assert (status, err, json.loads(gateway.requests[-1].body)) == (0, "", body)
    (tmp_path / "body.json").write_text("[1]")
    run_with((tmp_path / "body.json").open(), "v3.x.post", environment=environment)
    assert json.loads(gateway.requests[-1].body) == [1]
    run_with(pipe_of(b"\n"), "v3.x.post", environment=environment)
    assert gateway.requests[-1].body == b""
    run_with(pipe_of(b'{"a": 1}'), "v3.x.delete", environment=environment)
    assert json.loads(gateway.requests[-1].body) == {"a": 1}
    run("v3.x.delete", environment=environment, stdin='{"a": 2}')
    assert json.loads(gateway.requests[-1].body) == {"a": 2}
    run_with(pipe_of(b'{"b": 1}'), "https://api.mch.weixin.qq.com/v3/x", environment=environment)
    assert (gateway.requests[-1].method, gateway.requests[-1].body) == ("POST", b'{"b":1}')


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["v3.certificates.get"], "standard input: get sends no body"),
        (["v3.x.post", "a=1"], "standard input: the body is given as arguments"),
        (["v3.x.post", "-d", "{}"], "standard input: the body is given as arguments"),
        (["v3.x.post", "file@{body}"], "standard input: the body is given as arguments"),
    ],
)
def test_what_is_piped_in_is_never_dropped(gateway: Sandbox, tmp_path: Path, words: list[str], told: str) -> None:
    """An error before anything is sent, for a pipe and for a file; --ignore-stdin says that it is meant so."""
    body = tmp_path / "body"
    body.write_text("{}")
    words = [word.replace("{body}", str(body)) for word in words]
    for stdin in (pipe_of(b"{}"), body.open()):
        status, out, err = run_with(stdin, *words, environment=gateway.environment())
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert told in err
        assert "--ignore-stdin" in err
    assert not gateway.requests
    run_with(pipe_of(b"{}"), *words, "--ignore-stdin", environment=gateway.environment())
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(("late", "status"), [(b"", 0), (b"{}", 2)])
def test_a_pipe_that_stays_open_does_not_hold_up_a_get(gateway: Sandbox, late: bytes, status: int) -> None:
    """As other programs leave it open to their children; what comes late is an error after the answer."""
    variables = {**os.environ, **gateway.environment()}
    read_end, write_end = os.pipe()

    def write(_: object, __: object) -> None:
        os.write(write_end, late)

    gateway.tamper = write
    done = subprocess.run(
        [*COMMAND, "v3.certificates.get"], stdin=read_end, capture_output=True, env=variables, timeout=60, check=False
    )
    os.close(read_end)
    os.close(write_end)
    assert json.loads(done.stdout)["data"]
    assert done.returncode == status
    assert (b"what came late was not sent" in done.stderr) is bool(late)


def test_a_terminal_is_asked_for_nothing(gateway: Sandbox) -> None:
    """A call without a body is sent at once; its answer has colours, and QR codes where there is an address."""
    variables = {**os.environ, **gateway.environment(), "TERM": "xterm", "COLUMNS": "100"}
    words = [*COMMAND[1:], f"{COUPON}.post"]
    shown, status = pexpect.run(shlex.join([COMMAND[0], *words]), env=variables, withexitstatus=True, timeout=60)
    assert gateway.requests[-1].body == b""
    assert status in (0, 4)
    assert b"\x1b[" in shown


def test_a_body_that_does_not_come_is_asked_for(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line after a while; the call goes on when the pipe ends."""
    monkeypatch.setattr("wechatpay_chain.cli.piped_input._PATIENCE", 0.01)
    read_end, write_end = os.pipe()
    console = Console(os.fdopen(read_end), Screen(tty=False), Screen(tty=False), gateway.environment())
    original = console.complain

    def complain(error: object) -> None:
        original(error)
        os.write(write_end, b'{"notify_url": "https://a.example"}')
        os.close(write_end)

    monkeypatch.setattr(console, "complain", complain)
    assert main([f"{COUPON}.post"], console) == 0
    assert isinstance(console.stderr, io.StringIO)
    assert console.stderr.getvalue().startswith("wechatpay-chain: waiting for a body on standard input")
    console.stdin.close()


@pytest.mark.parametrize(
    ("stdin", "told"),
    [("{", "standard input: no JSON"), ("null", "standard input null is no body"), ("\xff", "standard input: no JSON")],
)
def test_what_is_piped_in_and_is_no_body(gateway: Sandbox, stdin: str, told: str) -> None:
    """One line, and nothing is sent."""
    status, out, err = run("v3.x.post", environment=gateway.environment(), stdin=stdin)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert told in err
    assert not gateway.requests


def test_an_upload(gateway: Sandbox, tmp_path: Path) -> None:
    """file@…: the meta is made and signed, fields beside it are its own, and the bytes arrive."""
    (tmp_path / "商标 1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    digest = hashlib.sha256(b"\x89PNG\r\n\x1a\n").hexdigest()
    upload = ("v3.merchant.media.upload.post", f"file@{tmp_path}/商标 1.png")
    status, out, err = run(*upload, environment=gateway.environment())
    assert (status, err) == (0, "")
    assert json.loads(out)["media_id"]
    assert gateway.requests[-1].verdict == ""
    form = gateway.requests[-1].form
    assert form is not None
    assert digest in repr(form)
    status, out, _ = run(*upload, "filename=logo.png", "--dry-run", environment=gateway.environment())
    assert status == 0
    assert f'"filename":"logo.png","sha256":"{digest}"' in out or '"filename":"logo.png"' in out
    assert "--form" in out
    meta = json.dumps({"filename": "b.png", "sha256": digest})
    for given in ((f"meta:={meta}",), ("-d", meta)):
        assert run(*upload, *given, environment=gateway.environment())[0] == 0
    status, _, err = run(*upload, "-d", "[1]", environment=gateway.environment())
    assert (status, "expected a JSON object beside a file" in err) == (2, True)


def test_an_answer_is_saved(gateway: Sandbox, tmp_path: Path) -> None:
    """The bytes as they arrived; nothing on standard output; a refusal leaves the file as it was."""
    path = tmp_path / "answer.json"
    status, out, err = run("v3.certificates.get", "--output", str(path), environment=gateway.environment())
    assert (status, out, err) == (0, "", "")
    assert b"\n" not in path.read_bytes()
    assert json.loads(path.read_bytes())["data"]
    before = path.read_bytes()
    status, out, _ = run(NOTHING, "-o", str(path), environment=gateway.environment())
    assert (status, json.loads(out)["code"]) == (4, "RESOURCE_NOT_EXISTS")
    assert path.read_bytes() == before
    gateway.tamper = answers.changed
    assert run("v3.certificates.get", "-o", str(path), environment=gateway.environment())[0] == 6
    assert path.read_bytes() == before
    gateway.tamper = None
    status, out, _ = run(f"{COUPON}.post", "notify_url=u", "-o", str(path), environment=gateway.environment())
    assert (status, out, json.loads(path.read_bytes())["notify_url"]) == (0, "", "u")
    gateway.tamper = answers.bare(200, b"\x00\xff\n", "image/png")
    image = ("v3.merchantService.images._media_id_.get", "media_id=a")
    done = process(*image, "-o", "-", environment=gateway.environment())
    assert done.stdout == b"\x00\xff\n"
    status, _, err = run(*image, "-v", "-o", str(path), environment=gateway.environment())
    assert status == 0
    assert "* 3 bytes in " in err
    assert path.read_bytes() == b"\x00\xff\n"


def test_an_answer_is_not_lost_with_its_file(gateway: Sandbox, tmp_path: Path) -> None:
    """What cannot be saved after all is printed: a post may not be made again."""
    folder = tmp_path / "gone"
    folder.mkdir()

    def tamper(answer: Answer, received: Received) -> None:
        folder.rmdir()

    gateway.tamper = tamper
    words = (f"{COUPON}.post", "notify_url=u", "-o", str(folder / "answer"))
    status, out, err = run(*words, environment=gateway.environment())
    assert (status, json.loads(out)["notify_url"], err.count("\n")) == (2, "u", 1)
    assert "cannot be written (No such file or directory); the call was made" in err


def test_bytes_do_not_disturb_a_terminal(gateway: Sandbox) -> None:
    """One line says how to save them."""
    gateway.tamper = answers.bare(200, b"\x00\xff\n", "image/png")
    console = Console(Screen(), Screen(), Screen(), gateway.environment())
    assert main(["v3.merchantService.images._media_id_.get", "media_id=a"], console) == 2
    assert isinstance(console.stderr, io.StringIO)
    assert isinstance(console.stdout, io.StringIO)
    assert console.stdout.getvalue() == ""
    assert "--output FILE" in console.stderr.getvalue()


def test_verbose(gateway: Sandbox) -> None:
    """Request, signed text, answer and times on standard error; the body alone on standard output."""
    words = (f"{COUPON}.post", "notify_url=https://a.example", "X-Token:hunter2", "-v")
    status, out, err = run(*words, environment=gateway.environment())
    assert (status, json.loads(out)["notify_url"]) == (0, "https://a.example")
    received = gateway.requests[-1]
    lines = err.splitlines()
    assert lines[0] == f"> POST {received.target} HTTP/1.1"
    assert f"> Host: {gateway.base_url.removeprefix('http://')}" in lines
    assert '> {"notify_url":"https://a.example"}' in lines
    nonce = re.search(r'nonce_str="(\w+)"', received.headers["Authorization"])
    assert nonce
    assert f"*   {nonce[1]}" in lines
    assert "< 200 OK" in lines
    assert any(line.startswith("< Request-ID: ") for line in lines)
    assert re.fullmatch(rf"\* \d+ bytes in \d+\.\d{{3}} s, verified with {gateway.identity.public_key_id}", lines[-1])
    signature = re.search(r'signature="([^"]+)"', received.headers["Authorization"])
    assert signature
    assert signature[1] not in err
    assert "hunter2" not in err


def test_verbose_tells_of_attempts(gateway: Sandbox) -> None:
    """Of a host that is down, and of one that answered in vain."""
    status, out, err = run("-v", "v3.x.get", "--base-url", "http://127.0.0.1:9", environment=gateway.environment())
    assert (status, out) == (7, "")
    assert "\n* attempt 1: http://127.0.0.1:9: " in err
    assert "(nothing was sent)\n* no answer after 0." in err
    assert err.splitlines()[-1].startswith("wechatpay-chain: TransportError: GET /v3/x: nothing was sent")


def test_verbose_tells_of_a_repetition(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A get whose first answer is 503 is made again; each attempt has its line, once."""
    monkeypatch.setattr("wechatpay_chain.transport.retry.jitter", lambda waits: 0.0)
    broken = [answers.bare(503)]

    def tamper(answer: Answer, received: Received) -> None:
        if broken:
            broken.pop()(answer, received)

    gateway.tamper = tamper
    status, out, err = run("v3.certificates.get", "-v", environment=gateway.environment())
    assert (status, len(gateway.requests)) == (0, 2)
    assert json.loads(out)["data"]
    (line,) = [line for line in err.splitlines() if "trying" in line]
    assert line.startswith(f"* GET /v3/certificates: {gateway.base_url}: answered 503; trying")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('Authorization: a mchid="1",signature="abc=="', 'Authorization: a mchid="1",signature="***"'),
        ("<xml><sign><![CDATA[AB]]></sign><a>1</a></xml>", "<xml><sign><![CDATA[***]]></sign><a>1</a></xml>"),
        ("<auth_code>1234</auth_code>", "<auth_code>***</auth_code>"),
        ('{"auth_code": "12\\"34", "b": "c"}', '{"auth_code": "***", "b": "c"}'),
        ("GET /v3/billdownload/file?token=abc&a=b HTTP/1.1", "GET /v3/billdownload/file?token=***&a=b HTTP/1.1"),
        ("/x?a=1&sign=abc", "/x?a=1&sign=***"),
        ("tokens=1&design=2", "tokens=1&design=2"),
    ],
)
def test_secrets_are_masked(text: str, masked: str) -> None:
    """In every form in which they travel."""
    assert mask(text) == masked


@pytest.mark.parametrize("words", [("v3.certificates.get",), (f"{COUPON}.post", "notify_url=u"), ("DELETE", "/v3/x")])
def test_a_dry_run_needs_no_merchant(words: tuple[str, ...]) -> None:
    """Request and signed text; no signature that could be taken for one, and no line for a shell."""
    status, out, err = run(*words, "--dry-run")
    assert (status, err) == (0, "")
    assert "\nHost: api.mch.weixin.qq.com\n" in out
    assert "\nAuthorization: (not signed: mchid, serial, private_key not configured)\n" in out
    assert "\n# the signed text\n" in out
    assert not re.search(r"[A-Za-z0-9+/]{100}", out)
    assert "curl" not in out
    assert "MADE_UP" not in out


def test_a_dry_run_of_apiv2_needs_no_merchant() -> None:
    """The number is that of the body, and the sign is none."""
    words = ("v2.pay.micropay.post", "mch_id=1900000001", "auth_code=1", "--dry-run")
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    assert "<mch_id>1900000001</mch_id>" in out
    assert "<sign>(not signed: mchid, secret not configured)</sign>" in out
    status, out, err = run(*words, environment={"WECHATPAY_MCHID": "1900000002"})
    assert (status, out) == (2, "")
    assert "this client's merchant is 1900000002" in err


def test_a_dry_run_says_what_is_wrong_with_what_is_configured(tmp_path: Path) -> None:
    """A key that cannot be read is no missing one."""
    status, out, err = run("v3.x.get", "--dry-run", "--private-key", f"{tmp_path}/none.pem")
    assert (status, out) == (8, "")
    assert "private_key" in err
    status, out, _ = run("v3.x.get", "--dry-run", "--mchid", "1900000001")
    assert (status, "(not signed: serial, private_key not configured)" in out) == (0, True)


def test_elapsed_is_what_passed(gateway: Sandbox) -> None:
    """Not less than the gateway took."""

    def slow(request: object, answer: object) -> None:
        time.sleep(0.2)

    gateway.tamper = slow
    _, _, err = run("v3.certificates.get", "-v", environment=gateway.environment())
    seconds = re.search(r"bytes in (\d+\.\d+) s", err)
    assert seconds
    assert float(seconds[1]) >= 0.2


@pytest.mark.parametrize("words", [["GET", "{}"], ["{}"]])
@pytest.mark.parametrize("url", ["api.mch.weixin.qq.com/v3/certificates", "api2.wechatpay.cn/v3/certificates"])
def test_a_url_without_its_scheme(gateway: Sandbox, words: list[str], url: str) -> None:
    """As browsers and logs show it."""
    status, _, err = run(*(word.format(url) for word in words), environment=gateway.environment())
    assert (status, err) == (0, "")
    assert gateway.requests[-1].target == "/v3/certificates"


@pytest.mark.parametrize("page", ["https://pay.weixin.qq.com/doc/v3/merchant/4012716434", "wechatpay.im/openapi/v3/x"])
def test_a_page_of_the_documentation_is_no_call(page: str) -> None:
    """It is named with the command that finds its operation."""
    status, _, err = run(page)
    assert status == 2
    assert "a page of the documentation; wechatpay-chain api https://" in err


@pytest.mark.parametrize(
    "words",
    [
        ["description=@/dev/zero"],
        ["amount:=@/dev/zero"],
        ["-d", "@/dev/zero"],
    ],
)
def test_a_file_without_an_end_is_no_field(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not all of it is read."""
    monkeypatch.setattr("wechatpay_chain.cli.items.MOST", 1 << 20)
    status, _, err = run("v3.pay.transactions.native.post", *words)
    assert status == 2
    assert "/dev/zero is over 1 MiB, which no body is" in err


def test_what_is_piped_in_without_an_end_is_no_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is that read to its end."""
    for module in ("items", "piped_input"):
        monkeypatch.setattr(f"wechatpay_chain.cli.{module}.MOST", 1 << 20)
    read_end, write_end = os.pipe()
    with subprocess.Popen(["cat", "/dev/zero"], stdout=write_end):
        os.close(write_end)
        status, _, err = run_with(os.fdopen(read_end), "v3.pay.transactions.native.post", environment={})
    assert status == 2
    assert "standard input: over 1 MiB, which no body is" in err


def test_a_file_is_uploaded_once(gateway: Sandbox, tmp_path: Path) -> None:
    """Two of one name would be signed as one, and a name has to be there."""
    file = tmp_path / "logo.png"
    file.write_bytes(b"a")
    before = len(gateway.requests)
    for words, told in (
        ([f"file@{file}"] * 2, "file@: given twice"),
        (["file@"], "file@: expected the name of a file"),
    ):
        status, _, err = run("v3.merchant.media.upload.post", *words, environment=gateway.environment())
        assert status == 2
        assert told in err
    assert len(gateway.requests) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sandbox", "--port", "x"], "'x': expected a number from 0 to 65535"),
        (["sandbox", "--port", "65536"], "'65536': expected a number from 0 to 65535"),
        (["sandbox", "--fault", "x"], "--fault: name: 'x' is no fault"),
        ([" "], "' ': no such command"),
        (["help", ""], "'': no such command"),
    ],
)
def test_a_mistake_is_told_in_words(words: list[str], told: str) -> None:
    """Not in the names of functions, and what is blank can be seen."""
    status, _, err = run(*words)
    assert status == 2
    assert told in err
    assert "_" not in err.partition(told)[0]


def test_a_field_that_should_travel_encrypted_is_masked(gateway: Sandbox) -> None:
    """It may hold a name or the number of an identity card as they are; what stands beside it is shown."""
    contact = {"contact_name": "plain-name", "contact_id_number": "11010119900101", "contact_type": "SUPER"}
    words = ["business_code=code-1", f"contact_info:={json.dumps(contact)}", "-v"]
    err = run("POST", "/v3/applyment4sub/applyment/", *words, environment=gateway.environment())[2]
    shown = "\n".join(line for line in err.splitlines() if line[:1] in "*>")
    assert not [text for text in ("plain-name", "11010119900101") if text in shown]
    assert shown.count('"contact_name":"***"') == 2
    assert shown.count('"contact_type":"SUPER"') == 2


def test_a_method_is_named_once() -> None:
    """Before a chain or behind it; a word of a path that looks like a verb is none."""
    status, _, err = run("GET", "v3.certificates.get")
    assert status == 2
    assert "the method stands before it already; leave .get out, or GET" in err
    assert (
        "POST /v3/profitsharing/receivers/delete " in run("POST", "v3.profitsharing.receivers.delete", "--dry-run")[1]
    )
