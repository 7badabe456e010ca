from __future__ import annotations

import configparser
import gzip
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.listener import Listener, listening
from tests.openssl import verified
from tests.servers import COMMANDS, serving
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.cli import main
from wechatpay_chain.cli.console import Console
from wechatpay_chain.sandbox.events import events
from wechatpay_chain.sandbox.push import SCHEDULE

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as server:
        yield server


def test_the_types_are_those_of_the_documentation() -> None:
    """Sixty, with its names and plaintexts; they travel with the package."""
    with gzip.open(ROOT / "tests/data/webhooks.json.gz", "rt", encoding="utf-8") as file:
        rows = json.load(file)["events"]
    assert len(rows) == len(events()) == 60
    for row in rows:
        event = events()[row["event_type"]]
        assert (event.resource, event.original_type) == (row["plaintext"], row["original_type"] or "")
        assert event.summary in row["name"]
        assert 0 < len(event.summary) <= 64
    configuration = configparser.RawConfigParser()
    configuration.read(ROOT / "setup.cfg")
    assert "sandbox/events.jsonl" in configuration["options.package_data"]["wechatpay_chain"].split()


def test_a_push_is_signed_as_wechat_pay_does(gateway: Sandbox, wxpay: Wechatpay, listener: Listener) -> None:
    """openssl verifies the three lines over what arrived, and the client reads it."""
    done = gateway.push("TRANSACTION.SUCCESS", notify_url=listener.url)
    assert (done.accepted, done.status, len(done.tries)) == (True, 204, 1)
    [(headers, body)] = listener.received
    assert headers["Wechatpay-Serial"] == gateway.identity.public_key_id
    assert headers["Content-Type"] == "application/json"
    text = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"
    assert verified(text, headers["Wechatpay-Signature"], gateway.identity.public_key.public_key())
    read = wxpay.notification(headers, body)
    assert read.id == done.id
    example = events()["TRANSACTION.SUCCESS"].resource
    assert read.resource["mchid"] == gateway.mchid != example["mchid"]
    assert read.resource.keys() == example.keys()


def test_a_resource_of_ones_own_is_pushed(gateway: Sandbox, wxpay: Wechatpay, listener: Listener) -> None:
    """Under a known type or a new one."""
    for event_type in ("REFUND.SUCCESS", "SOMETHING.NEW"):
        gateway.push(event_type, {"mchid": gateway.mchid, "a": "中"}, notify_url=listener.url)
        read = wxpay.notification(*listener.received[-1])
        assert (read.event_type, read.resource) == (event_type, {"mchid": gateway.mchid, "a": "中"})


def test_what_is_refused_comes_again_on_the_schedule(gateway: Sandbox, wxpay: Wechatpay, listener: Listener) -> None:
    """15 times within 24 h 4 min, the same body under a signature of each moment."""
    now, slept = [1_700_000_000.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    listener.answers = [(500, b'{"code":"FAIL"}')]
    done = gateway.push("REFUND.SUCCESS", notify_url=listener.url, clock=lambda: now[0], sleep=sleep)
    assert tuple(slept) == SCHEDULE == (15, 15, 30, 180, 600, 1200, *[1800] * 3, 3600, *[10800] * 3, *[21600] * 2)
    assert sum(SCHEDULE) == 24 * 3600 + 240
    assert (done.accepted, done.status, len(done.tries)) == (False, 500, 16)
    assert [one.at - 1_700_000_000 for one in done.tries] == [sum(SCHEDULE[:number]) for number in range(16)]
    assert len({body for _, body in listener.received}) == 1
    assert [int(headers["Wechatpay-Timestamp"]) for headers, _ in listener.received] == [int(t.at) for t in done.tries]
    assert len({headers["Wechatpay-Signature"] for headers, _ in listener.received}) == 16
    assert json.loads(listener.received[0][1])["create_time"] == "2023-11-15T06:13:20+08:00"


def test_a_push_ends_when_it_is_accepted(gateway: Sandbox, listener: Listener) -> None:
    """200 and 204 are success whatever the body says; a redirect is not followed."""
    listener.answers = [(302, b""), (403, b"no"), (200, b'{"code":"FAIL","message":"x"}'), (500, b"")]
    slept: list[float] = []
    done = gateway.push("REFUND.SUCCESS", notify_url=listener.url, sleep=slept.append)
    assert [(one.status, one.told) for one in done.tries] == [
        (302, ""),
        (403, "no"),
        (200, '{"code":"FAIL","message":"x"}'),
    ]
    assert slept == [15, 15]


def test_no_answer_is_no_success(gateway: Sandbox) -> None:
    """It is told, and tried again."""
    done = gateway.push("REFUND.SUCCESS", notify_url="http://127.0.0.1:9/", schedule=(1, 2), sleep=lambda _: None)
    assert (done.accepted, done.status, len(done.tries)) == (False, 0, 3)
    assert done.tries[0].told.startswith("ConnectionError")


def nested() -> dict[str, Any]:
    """A resource that holds itself."""
    made: dict[str, Any] = {}
    made["itself"] = made
    return made


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("TRANSACTION.SUCESS", None, "http://127.0.0.1:9/"), "did you mean TRANSACTION.SUCCESS"),
        (("", None, "http://127.0.0.1:9/"), "event_type: expected text"),
        ((None, {}, "http://127.0.0.1:9/"), "event_type: expected text"),
        (("REFUND.SUCCESS", [], "http://127.0.0.1:9/"), "resource: expected a mapping"),
        (("REFUND.SUCCESS", None, "/notify"), "notify_url: expected an http address"),
        (("REFUND.SUCCESS", None, "http://["), "notify_url: expected an http address"),
        (("REFUND.SUCCESS", None, None), "notify_url: expected an http address"),
        (("REFUND.SUCCESS", None, "http://"), "notify_url: expected an http address"),
        (("REFUND.SUCCESS", None, "http:///notify"), "notify_url: expected an http address"),
        (
            ("REFUND.SUCCESS", None, "http://exa mple/"),
            "notify_url: expected an http address, found 'http://exa mple/'",
        ),
        (("REFUND.SUCCESS", None, f"http://{'a' * 64}.com/"), "notify_url: expected an http address"),
        (("REFUND.SUCCESS", None, "http://exam\nple/"), "notify_url: expected an http address"),
        (("REFUND.SUCCESS", None, "http://a..b/"), "notify_url: expected an http address"),
        (("REFUND.SUCCESS", None, "http://127.0.0.1:99999/"), "notify_url: expected an http address"),
        (("REFUND.SUCCESS", None, "http://\ud800/"), "notify_url: expected an http address"),
        (
            ("REFUND.SUCCESS", {"a": Decimal(1)}, "http://127.0.0.1:9/"),
            "resource: cannot be written as JSON: .* Decimal",
        ),
        (("REFUND.SUCCESS", {"a": "\ud800"}, "http://127.0.0.1:9/"), "resource: cannot be written as JSON: "),
        (("REFUND.SUCCESS", nested(), "http://127.0.0.1:9/"), "resource: cannot be written as JSON: "),
        (("REFUND.SUCCESS", None, "http://127.0.0.1:9/?a=b"), "takes no query string, found 'a=b'"),
    ],
)
def test_what_cannot_be_pushed_is_refused(gateway: Sandbox, args: tuple[Any, ...], words: str) -> None:
    """Before anything is sent."""
    event_type, resource, notify_url = args
    with pytest.raises(errors.ChainError, match=words):
        gateway.push(event_type, resource, notify_url=notify_url, schedule=())


def run(*argv: str, environment: Mapping[str, str], stdin: str = "") -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = main(("sandbox", "push", *argv), Console(io.StringIO(stdin), out, err, environment))
    return status, out.getvalue(), err.getvalue()


def test_a_shell_pushes_with_the_keys_of_a_sandbox(gateway: Sandbox, wxpay: Wechatpay, listener: Listener) -> None:
    """Type, address, and a resource as JSON; the exit code tells what became of it."""
    environment = gateway.environment()
    status, out, err = run("TRANSACTION.SUCCESS", "--to", listener.url, environment=environment)
    assert (status, err) == (0, "")
    assert out.endswith("204 accepted\n")
    run("X.Y", "--to", listener.url, "-d", "@-", environment=environment, stdin='{"a": "中"}')
    assert wxpay.notification(*listener.received[-1]).resource == {"a": "中"}
    for answered, expected, words in (
        ((403, b"no\nway"), 4, "403 refused: no way\n"),
        ((500, b""), 5, "500 refused"),
    ):
        listener.answers = [answered]
        status, out, _ = run("REFUND.SUCCESS", "--to", listener.url, "--once", environment=environment)
        assert (status, words in out) == (expected, True)
    status, out, _ = run("REFUND.SUCCESS", "--to", "http://127.0.0.1:9/", "--once", environment=environment)
    assert (status, out.endswith("no answer: ConnectionError: [Errno 111] Connection refused\n")) == (7, True), out


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        ((), 2, "TYPE, --to"),
        (("REFUND.SUCCESS",), 2, "--to"),
        (("REFUND", "--to", "http://127.0.0.1:9/"), 2, "did you mean REFUND"),
        (("REFUND.SUCCESS", "--to", "x"), 2, "notify_url: expected"),
        (("REFUND.SUCCESS", "--to", "http://127.0.0.1:9/", "-d", "[]"), 2, "-d: expected a JSON object"),
        (("REFUND.SUCCESS", "--to", "http://127.0.0.1:9/", "-d", "{"), 2, "-d: no JSON"),
    ],
)
def test_wrong_words_are_told(gateway: Sandbox, argv: tuple[str, ...], status: int, words: str) -> None:
    """In one line."""
    code, _, err = run(*argv, environment=gateway.environment())
    assert (code, words in err, err.count("\n")) == (status, True, 1)


def test_a_shell_without_the_keys_is_told_where_they_are(gateway: Sandbox) -> None:
    """A merchant's own environment has no key that signs as WeChat Pay."""
    environment = gateway.environment()
    del environment["WECHATPAY_SANDBOX_KEY"]
    code, out, err = run("REFUND.SUCCESS", "--to", "http://127.0.0.1:9/", environment=environment)
    assert (code, out) == (8, "")
    assert "WECHATPAY_SANDBOX_KEY: not set; take over the lines that wechatpay-chain sandbox prints" in err


def test_a_receiver_and_a_shell_take_over_the_keys_of_a_sandbox(tmp_path: Path) -> None:
    """Three processes: `sandbox` prints lines, and both others source them."""
    lines, command = tmp_path / "sandbox.env", f"{sys.executable} -m wechatpay_chain sandbox"
    sourced = {"BASH_ENV": str(lines), "RECEIVER_FOLDER": str(tmp_path)}
    with subprocess.Popen(command.split(), stdout=subprocess.PIPE, text=True, cwd=ROOT) as served:
        assert served.stdout is not None
        with lines.open("w") as file:
            for line in served.stdout:
                file.write(line)
                if line.startswith("# serving"):
                    break
        receiver = f"-c 'exec {sys.executable} -m {COMMANDS['flask']}'"
        with serving(receiver, sourced, tmp_path / "log", program="bash") as server:
            push = ["bash", "-c", f"{command} push TRANSACTION.SUCCESS --to {server.url()} --once"]
            done = subprocess.run(push, env={**os.environ, **sourced}, cwd=ROOT, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("204 accepted\n")
        assert json.loads((tmp_path / "runs.jsonl").read_text())["type"] == "TRANSACTION.SUCCESS"
        served.send_signal(signal.SIGINT)
        assert served.wait(10) == 130
