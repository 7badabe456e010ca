"""One table: how each command ends, and what stands on standard output and on standard error then."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import answers
from tests.cli.test_cli import run
from tests.cli.test_notify import raw
from tests.cli.test_parser import ALL
from tests.listener import listening
from wechatpay_chain import Sandbox
from wechatpay_chain.cli.status import MEANINGS, Status

COMMAND = [sys.executable, "-m", "wechatpay_chain"]
Environment = Callable[[Sandbox], Mapping[str, str]]


def nothing(_: Sandbox) -> Mapping[str, str]:
    return {"WECHATPAY_PROFILES": "/nowhere/profiles.toml"}


def served(gateway: Sandbox) -> Mapping[str, str]:
    return gateway.environment()


def down(gateway: Sandbox) -> Mapping[str, str]:
    return {**gateway.environment(), "WECHATPAY_BASE_URL": "http://127.0.0.1:9"}


def refused(gateway: Sandbox) -> Mapping[str, str]:
    gateway.tamper = answers.bare(404, b'{"code":"A","message":"b"}', "application/json")
    return gateway.environment()


def broken(gateway: Sandbox) -> Mapping[str, str]:
    gateway.tamper = answers.bare(502, b"<html>", "text/html")
    return gateway.environment()


def tampered(gateway: Sandbox) -> Mapping[str, str]:
    gateway.tamper = answers.changed
    return gateway.environment()


class Row(NamedTuple):
    """What is typed and where, with ``{folder}`` for one that holds some files; how it ends; what is printed.

    ``out`` and ``err`` are ``""`` for nothing, ``json``, ``text``, or ``line`` for exactly one line.
    """

    words: str
    environment: Environment
    status: Status
    out: str
    err: str
    stdin: str = ""


CALL = "v3.certificates.get"
SAVED = "notify {folder}/notice.txt"
ORDER = "v3.marketing.favor.callbacks.post"
TABLE = [
    Row("", nothing, Status.USAGE, "text", ""),
    Row("--help", nothing, Status.OK, "text", ""),
    Row("--version", nothing, Status.OK, "line", ""),
    Row("--bogus", nothing, Status.USAGE, "", "line"),
    Row("bogus", nothing, Status.USAGE, "", "line"),
    Row("help", nothing, Status.OK, "text", ""),
    Row("help bill", nothing, Status.OK, "text", ""),
    Row("help v3.pay.transactions.native.post", nothing, Status.OK, "text", ""),
    Row("help bogus", nothing, Status.USAGE, "", "line"),
    Row("help v3.bogus", nothing, Status.ERROR, "", "line"),
    Row("tour", nothing, Status.OK, "text", ""),
    Row("tour bogus", nothing, Status.USAGE, "", "line"),
    Row("api", nothing, Status.OK, "text", ""),
    Row("api refund", nothing, Status.OK, "text", ""),
    Row("api refund --json", nothing, Status.OK, "json", ""),
    Row("api nowhere", nothing, Status.ERROR, "", "line"),
    Row("api nowhere --json", nothing, Status.ERROR, "json", "line"),
    Row("api --bogus", nothing, Status.USAGE, "", "line"),
    Row("completion bash", nothing, Status.OK, "text", ""),
    Row("completion csh", nothing, Status.USAGE, "", "line"),
    Row("completion", nothing, Status.USAGE, "", "line"),
    Row("port {folder}/order.js", nothing, Status.OK, "text", "text"),
    Row("port {folder}/odd.js", nothing, Status.UNPORTED, "text", "text"),
    Row("port - --from js", nothing, Status.OK, "text", "text", "wxpay.v3.certificates.get()"),
    Row("port {folder}/nowhere.js", nothing, Status.USAGE, "", "line"),
    Row("doctor", served, Status.OK, "text", ""),
    Row("doctor --json", served, Status.OK, "json", ""),
    Row("doctor", nothing, Status.ERROR, "line", ""),
    Row("doctor", down, Status.ERROR, "text", ""),
    Row("doctor --json", tampered, Status.ERROR, "json", ""),
    Row("doctor bogus", nothing, Status.USAGE, "", "line"),
    Row("shell", nothing, Status.CONFIG, "", "line"),
    Row("shell bogus", nothing, Status.USAGE, "", "line"),
    Row("sandbox --port x", nothing, Status.USAGE, "", "line"),
    Row("sandbox bogus", nothing, Status.USAGE, "", "line"),
    Row("sandbox push REFUND.SUCCESS --to {url} --once", served, Status.OK, "text", ""),
    Row("sandbox push REFUND.SUCCESS --to http://127.0.0.1:9 --once", served, Status.TRANSPORT, "text", ""),
    Row("sandbox push REFUND.SUCCESS --to {url}", nothing, Status.CONFIG, "", "line"),
    Row("sandbox push REFUND.SUCCESS", nothing, Status.USAGE, "", "line"),
    Row("sandbox push REFUND.SUCCESS --to {url} --dir {folder}", nothing, Status.CONFIG, "", "line"),
    Row("sandbox --fault NONSENSE", nothing, Status.USAGE, "", "line"),
    Row("sandbox --dir {folder}/order.js", nothing, Status.CONFIG, "", "line"),
    Row("sandbox refund N1 SUCCESS", nothing, Status.CONFIG, "", "line"),
    Row("sandbox transfer N1 SUCCESS", nothing, Status.CONFIG, "", "line"),
    Row("sandbox advance x", nothing, Status.USAGE, "", "line"),
    Row("sandbox reset", nothing, Status.CONFIG, "", "line"),
    Row("sandbox fault SLOW", nothing, Status.CONFIG, "", "line"),
    Row("sandbox close N1 --dir {folder}/nowhere", nothing, Status.CONFIG, "", "line"),
    Row("sandbox answer GET /v3/x x", nothing, Status.USAGE, "", "line"),
    Row("sandbox log --limit x", nothing, Status.USAGE, "", "line"),
    *(
        Row(f"sandbox {words} --url http://127.0.0.1:9", nothing, Status.TRANSPORT, "", "line")
        for words in (
            *("pay 1", "refund 1 SUCCESS", "transfer 1 FAIL", "advance 1", "reset", "log", "resend 1"),
            *("payscore 1 DOING", "applyment 1 REJECTED", "complain 1"),
        )
    ),
    Row("bill trade 2026-11-01 --to {folder}", served, Status.OK, "line", ""),
    Row("bill trade 2026-11-01 --to {folder} --summary", served, Status.OK, "text", ""),
    Row("bill bogus 2026-11-01", served, Status.USAGE, "", "line"),
    Row("bill trade bogus", served, Status.USAGE, "", "line"),
    Row("bill trade 2026-11-01", nothing, Status.CONFIG, "", "line"),
    Row("bill trade 2026-11-01 --to {folder}", refused, Status.CLIENT_ERROR, "", "line"),
    Row("bill trade 2026-11-01 --to {folder}", tampered, Status.NOT_VERIFIED, "", "line"),
    Row("bill trade 2026-11-01 --to {folder}", down, Status.TRANSPORT, "", "line"),
    Row("certs -o {folder}", served, Status.OK, "line", ""),
    Row("certs -o", served, Status.USAGE, "", "line"),
    Row("certs -o {folder}", nothing, Status.CONFIG, "", "line"),
    Row("certs -o {folder}", tampered, Status.NOT_VERIFIED, "", "line"),
    Row("certs -o {folder}", down, Status.TRANSPORT, "", "line"),
    Row(SAVED, served, Status.OK, "json", ""),
    Row(f"{SAVED} --saved", served, Status.OK, "json", "line"),
    Row("notify {folder}/order.js", served, Status.USAGE, "", "line"),
    Row("notify -", served, Status.USAGE, "", "line"),
    Row(SAVED, nothing, Status.CONFIG, "", "line"),
    Row(f"{SAVED} --at 2026-01-01T00:00:00Z", served, Status.NOT_VERIFIED, "", "line"),
    Row("download {folder}/answer.json -o {folder}/bill.csv", served, Status.OK, "line", ""),
    Row("download {folder}/answer.json", served, Status.OK, "text", ""),
    Row("download", served, Status.USAGE, "", "line"),
    Row("download {folder}/answer.json", nothing, Status.CONFIG, "", "line"),
    Row("download {folder}/answer.json", refused, Status.CLIENT_ERROR, "", "line"),
    Row("download {folder}/wrong.json", served, Status.NOT_VERIFIED, "", "line"),
    Row("download http://127.0.0.1:9/file", down, Status.TRANSPORT, "", "line"),
    Row(CALL, served, Status.OK, "json", ""),
    Row(f"request {CALL}", served, Status.OK, "json", ""),
    Row("GET /v3/certificates", served, Status.OK, "json", ""),
    Row(f"{CALL} -i", served, Status.OK, "text", ""),
    Row(f"{CALL} -v", served, Status.OK, "json", "text"),
    Row(f"{CALL} -o {{folder}}/saved", served, Status.OK, "", ""),
    Row(f"{CALL} --dry-run", nothing, Status.OK, "text", ""),
    Row(ORDER, served, Status.OK, "json", "", '{"mchid": "1", "notify_url": "https://a.example"}'),
    Row(CALL, served, Status.USAGE, "", "line", "{}"),
    Row(f"{ORDER} a", served, Status.USAGE, "", "line"),
    Row(CALL, nothing, Status.CONFIG, "", "line"),
    Row(CALL, refused, Status.CLIENT_ERROR, "json", "line"),
    Row(f"{CALL} -i", refused, Status.CLIENT_ERROR, "text", "line"),
    Row(CALL, broken, Status.SERVER_ERROR, "line", "line"),
    Row(CALL, tampered, Status.NOT_VERIFIED, "", "line"),
    Row(CALL, down, Status.TRANSPORT, "", "line"),
    Row(f"{CALL} -v", down, Status.TRANSPORT, "", "text"),
]


def kind_of(text: str) -> str:
    """What stands on a stream, of the kinds of ``Row``."""
    if not text:
        return ""
    try:
        json.loads(text)
        return "json"
    except ValueError:
        return "line" if text.count("\n") == 1 and text.endswith("\n") else "text"


@pytest.fixture
def folder(gateway: Sandbox, tmp_path: Path) -> Path:
    """Files that commands read."""
    (tmp_path / "notice.txt").write_bytes(raw(gateway.pusher().notice("TRANSACTION.SUCCESS", {"a": "b"})))
    (tmp_path / "order.js").write_text("wxpay.v3.certificates.get()\n")
    (tmp_path / "odd.js").write_text("wxpay.v3.certificates.get()\nRsa.foo()\n")
    answer = run("v3.bill.tradebill.get", "bill_date==2026-11-01", environment=gateway.environment())[1]
    (tmp_path / "answer.json").write_text(answer)
    (tmp_path / "wrong.json").write_text(json.dumps({**json.loads(answer), "hash_value": "0" * 40}))
    return tmp_path


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.words or 'nothing'} ({row.environment.__name__})")
def test_how_a_command_ends(gateway: Sandbox, folder: Path, row: Row) -> None:
    """Exit code and streams; a line is never a traceback."""
    environment = row.environment(gateway)
    with listening() as server:
        words = [word.format(folder=folder, url=server.url) for word in row.words.split()]
        status, out, err = run(*words, environment=environment, stdin=row.stdin)
    assert (status, kind_of(out), kind_of(err)) == (row.status, row.out, row.err), (out, err)
    if row.err == "line":
        assert err.startswith("wechatpay-chain: ")


def test_the_table_has_every_command_and_every_exit_code() -> None:
    """Nothing is left to chance: a new command or code needs its rows."""
    typed = {tuple(row.words.split()[: len(words)]) for row in TABLE for words in ALL}
    assert set(ALL) <= typed
    assert {row.status for row in TABLE} | {Status.INTERRUPTED} == set(Status) == set(MEANINGS)


def test_the_shell_ends_with_its_pipe() -> None:
    """Python's own prompts and banner are the only thing that it prints."""
    done = subprocess.run([*COMMAND, "shell", "--sandbox"], input=b"", capture_output=True, timeout=60, check=False)
    assert done.returncode == Status.OK
    assert done.stdout.strip() in (b">>>", b"")


def test_the_sandbox_is_interrupted() -> None:
    """Its variables on standard output, nothing on standard error."""
    with subprocess.Popen([*COMMAND, "sandbox"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert any(line.startswith(b"#") for line in iter(process.stdout.readline, b""))
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == Status.INTERRUPTED
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("language", "coding"), [("C", "utf-8"), ("POSIX", "utf-8"), ("zh_CN.GB18030", "gb18030"), ("C", "ascii")]
)
def test_languages(gateway: Sandbox, language: str, coding: str) -> None:
    """Chinese in, Chinese out, or escapes where a stream cannot show it; never a traceback."""
    environment = {**os.environ, **gateway.environment(), "LC_ALL": language}
    if coding != "utf-8":
        environment["PYTHONIOENCODING"] = coding
    words = ["v3.marketing.favor.callbacks.post", "mchid=1", 'notify_url:="https://a.example/\\u4e2d"']
    done = subprocess.run(
        [*COMMAND, *words], stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(gateway.requests[-1].body)["notify_url"] == "https://a.example/中"
    text = done.stdout.decode(coding)
    assert ("https://a.example/\\u4e2d" if coding == "ascii" else "https://a.example/中") in text


@pytest.mark.parametrize(
    ("words", "status"),
    [("v3.certificates.get", Status.OK), ("v3.x.post", Status.CLIENT_ERROR), ("port - --from js", Status.OK)],
)
def test_without_any_stream(gateway: Sandbox, words: str, status: Status) -> None:
    """All three closed, as a daemon may start it."""
    environment = {**os.environ, **gateway.environment()}
    line = f"exec {sys.executable} -m wechatpay_chain {words} <&- >&- 2>&-"
    done = subprocess.run(["sh", "-c", line], env=environment, timeout=60, check=False)
    assert done.returncode == status
