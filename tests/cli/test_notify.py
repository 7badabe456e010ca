"""The notify command: saved notifications in every form that people have them, and what became of them."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.cli.test_cli import run
from tests.protocol.test_notification_v2 import OPENED, PAID, REFUND, encrypted, signed
from tests.protocol.test_notification_v2 import notice as xml
from wechatpay_chain import Sandbox
from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.protocol.xml import to_xml
from wechatpay_chain.sandbox.push import Notice, Pusher

RESOURCE = {"out_trade_no": "O-1", "trade_state_desc": "支付成功"}
LONG_AGO = 1_600_000_000
NOT_JUDGED = "wechatpay-chain: its freshness was not judged: it may be one that somebody recorded and sent again\n"


@pytest.fixture
def fresh(gateway: Sandbox) -> Notice:
    return gateway.pusher().notice("TRANSACTION.SUCCESS", RESOURCE)


@pytest.fixture
def old(gateway: Sandbox) -> Notice:
    return gateway.pusher(clock=lambda: LONG_AGO).notice("TRANSACTION.SUCCESS", RESOURCE)


def lines(headers: dict[str, str], end: str = "\r\n") -> bytes:
    return "".join(f"{name}: {text}{end}" for name, text in headers.items()).encode()


def raw(notice: Notice, end: str = "\r\n") -> bytes:
    return f"POST /notify HTTP/1.1{end}".encode() + lines(notice.headers, end) + end.encode() + notice.body


def as_json(notice: Notice, **replaced: Any) -> bytes:
    saved = {"headers": notice.headers, "body": notice.body.decode(), **replaced}
    return json.dumps(saved, ensure_ascii=False).encode()


def lowered(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): text for name, text in headers.items()}


FORMS: dict[str, Callable[[Notice], bytes]] = {
    "request": raw,
    "lines that end as on Unix": lambda notice: raw(notice, "\n"),
    "no request line": lambda notice: lines(notice.headers) + b"\r\n" + notice.body,
    "names in lower case": lambda notice: lines(lowered(notice.headers)) + b"\r\n" + notice.body,
    "no blanks": lambda notice: lines(notice.headers).replace(b": ", b":") + b"\r\n" + notice.body,
    "request of an editor": lambda notice: b"\xef\xbb\xbf" + raw(notice),
    "JSON": as_json,
    "JSON with escapes": lambda notice: json.dumps(json.loads(as_json(notice)), indent=2).encode(),
    "JSON of an editor": lambda notice: b"\xef\xbb\xbf" + as_json(notice) + b"\n",
    "JSON with pairs": lambda notice: as_json(notice, headers=list(notice.headers.items())),
    "JSON with lists": lambda notice: as_json(notice, headers={name: [text] for name, text in notice.headers.items()}),
    "JSON of a gateway": lambda notice: as_json(
        notice, body=base64.b64encode(notice.body).decode(), isBase64Encoded=True
    ),
}


def notified(gateway: Sandbox, place: Path, content: bytes, *flags: str) -> tuple[int, str, str]:
    """What the command makes of a file."""
    file = place / "saved"
    file.write_bytes(content)
    return run("notify", str(file), *flags, environment=gateway.environment())


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(gateway: Sandbox, tmp_path: Path, fresh: Notice, form: str) -> None:
    """Fields of the envelope, and what was encrypted, as JSON with Chinese as it is."""
    status, out, err = notified(gateway, tmp_path, FORMS[form](fresh))
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert told.pop("create_time")
    assert told == {
        "id": fresh.id,
        "event_type": "TRANSACTION.SUCCESS",
        "resource_type": "encrypt-resource",
        "summary": "支付成功通知",
        "original_type": "transaction",
        "resource": RESOURCE,
    }
    assert "支付成功" in out


@pytest.mark.parametrize("as_lines", [True, False])
def test_headers_may_have_a_file_of_their_own(gateway: Sandbox, tmp_path: Path, fresh: Notice, as_lines: bool) -> None:
    """Lines, with or without those around them, or JSON; the body's file is the body."""
    made = b"POST /n HTTP/2\r\n" + lines(fresh.headers) + b"\r\n" if as_lines else json.dumps(fresh.headers).encode()
    (tmp_path / "headers").write_bytes(made)
    status, out, err = notified(gateway, tmp_path, fresh.body, "--headers", f"{tmp_path}/headers")
    assert (status, err) == (0, "")
    assert json.loads(out)["resource"] == RESOURCE


def test_a_body_that_begins_with_a_blank_line_is_taken_as_it_is(gateway: Sandbox, tmp_path: Path) -> None:
    """Every byte behind the first blank line is the body's."""
    envelope = json.loads(gateway.pusher().notice("TRANSACTION.SUCCESS", RESOURCE).body)
    body = b"\n\r\n " + json.dumps(envelope, indent=1).replace("\n", "\r\n").encode() + b"\r\n\r\n"
    for end in ("\n", "\r\n"):
        status, out, err = notified(gateway, tmp_path, raw(gateway.pusher().sign_notice("x", body), end))
        assert (status, err) == (0, "")
        assert json.loads(out)["resource"] == RESOURCE


def test_standard_input_in_a_process_of_its_own(gateway: Sandbox, old: Notice) -> None:
    """Bytes, which no encoding of a terminal touches."""
    command = [sys.executable, "-m", "wechatpay_chain", "notify", "-", "--saved"]
    environment = {**os.environ, **gateway.environment(), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, input=raw(old), capture_output=True, env=environment, check=True, timeout=60)
    assert json.loads(done.stdout)["id"] == old.id
    assert done.stderr.decode() == NOT_JUDGED
    assert not gateway.requests


def test_an_old_one_is_refused_unless_asked_for(gateway: Sandbox, tmp_path: Path, old: Notice) -> None:
    """The error says how; what was not judged is told on standard error."""
    status, out, err = notified(gateway, tmp_path, raw(old))
    assert (status, out, err.count("\n")) == (6, "", 1)
    assert "ClockOffset: signed at 1600000000" in err
    assert "--saved" in err
    assert "--at TIME" in err
    status, out, err = notified(gateway, tmp_path, raw(old), "--saved")
    assert (status, err) == (0, NOT_JUDGED)
    assert json.loads(out)["id"] == old.id


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, 0), (299, 0), (-299, 0), (302, 6), (-302, 6)], ids=lambda value: str(value)
)
def test_a_time_is_judged(gateway: Sandbox, tmp_path: Path, old: Notice, seconds: int, status: int) -> None:
    """300 s around what --at says, however it is written."""
    moment = datetime.fromtimestamp(LONG_AGO + seconds, timezone.utc)
    for at in (str(LONG_AGO + seconds), moment.isoformat(), f"{moment:%Y-%m-%dT%H:%M:%SZ}"):
        code, out, err = notified(gateway, tmp_path, raw(old), "--at", at)
        assert (code, bool(out), "ClockOffset" in err) == (status, not status, bool(status))


def test_saved_is_no_switch_for_signatures(gateway: Sandbox, tmp_path: Path, old: Notice) -> None:
    """One more byte, or another time beside the same signature."""
    spaced = old._replace(body=old.body.replace(b"{", b"{ ", 1))
    moved = old._replace(headers={**old.headers, "Wechatpay-Timestamp": str(int(time.time()))})
    for changed in (spaced, moved):
        for flags in ((), ("--saved",), ("--at", str(LONG_AGO))):
            status, out, err = notified(gateway, tmp_path, raw(changed), *flags)
            assert (status, out, err.count("\n")) == (6, "", 1)
    assert notified(gateway, tmp_path, raw(moved), "--saved")[2].count("SignatureMismatch") == 1


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda body: body + b"\n", "it fits without the line break at the end, as an editor or echo adds it"),
        (lambda body: body + b"\r\n", "it fits without the line break at the end"),
        (lambda body: b"\xef\xbb\xbf" + body, "it fits without the byte order mark"),
        (lambda body: body[:-1], "Content-Length says "),
        (lambda body: b"", "Content-Length says "),
        (lambda body: body.replace(b"SUCCESS", b"SUCCESs"), "the key under this id is another"),
    ],
)
def test_what_became_of_the_body_is_told(
    gateway: Sandbox, tmp_path: Path, fresh: Notice, change: Callable[[bytes], bytes], hint: str
) -> None:
    """It is refused all the same, and nothing of it is printed."""
    sent = fresh._replace(headers={**fresh.headers, "Content-Length": str(len(fresh.body))})
    status, out, err = notified(gateway, tmp_path, raw(sent._replace(body=change(fresh.body))))
    assert (status, out, err.count("\n")) == (6, "", 1)
    assert "SignatureMismatch" in err
    assert hint in err


def test_line_breaks_that_were_changed_are_told(gateway: Sandbox, tmp_path: Path, fresh: Notice) -> None:
    """Within the body, and one at its end that was cut off."""
    body = json.dumps(json.loads(fresh.body), indent=1).encode() + b"\n"
    sent = gateway.pusher().sign_notice("x", body)
    for changed, hint in ((body.replace(b"\n", b"\r\n"), "with \\n in place"), (body[:-1], "which was cut off")):
        status, _, err = notified(gateway, tmp_path, raw(sent._replace(body=changed)))
        assert (status, hint in err) == (6, True), err


@pytest.mark.parametrize("kind", ["MD5", "HMAC-SHA256"])
@pytest.mark.parametrize("around", [b"", b"POST /n HTTP/1.1\r\nContent-Type: text/xml\r\n\r\n"])
def test_payments_of_apiv2(gateway: Sandbox, tmp_path: Path, kind: str, around: bytes) -> None:
    """A bare body is enough, since the signature is in it; so are a request and JSON."""
    paid = {**PAID, "mch_id": gateway.mchid}
    body = signed(gateway, paid, kind)
    status, out, err = notified(gateway, tmp_path, around + body + b"\n")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert told.pop("sign")
    assert told == paid
    saved = json.dumps({"headers": {}, "body": body.decode()}).encode()
    assert notified(gateway, tmp_path, saved)[0] == 0
    status, out, err = notified(gateway, tmp_path, body.replace(b"<total_fee>1", b"<total_fee>2"))
    assert (status, out, "SignatureMismatch" in err) == (6, "", True)


def test_refunds_of_apiv2(gateway: Sandbox, tmp_path: Path) -> None:
    """What openssl encrypted, opened; a time has no effect, which is told."""
    sealed = encrypted(to_xml(OPENED, root="root").encode(), gateway.identity.secret)
    body = xml({**REFUND, "mch_id": gateway.mchid, "req_info": sealed})
    status, out, err = notified(gateway, tmp_path, body)
    assert status == 0
    assert "is encrypted and not signed: ask refundquery before it is booked" in err
    assert json.loads(out)["req_info"] == OPENED
    assert "--saved, --at: without effect" in notified(gateway, tmp_path, body, "--saved")[2]
    status, out, _ = notified(gateway, tmp_path, xml({**REFUND, "mch_id": "1", "req_info": sealed}))
    assert (status, out) == (6, "")


def test_what_is_not_configured_is_named(gateway: Sandbox, tmp_path: Path, fresh: Notice) -> None:
    """The APIv3 key, WeChat Pay's key, the APIv2 key; and a wrong APIv3 key is not shown."""
    (tmp_path / "saved").write_bytes(raw(fresh))
    (tmp_path / "v2").write_bytes(signed(gateway, PAID))
    wrong = "Zz" * 16
    cases = (
        ("saved", {"WECHATPAY_MCHID": ""}, 8, "mchid: neither given nor set"),
        ("saved", {"WECHATPAY_APIV3_KEY": ""}, 8, "apiv3_key: missing"),
        ("saved", {"WECHATPAY_APIV3_KEY": wrong}, 1, "DecryptionError"),
        ("saved", {"WECHATPAY_PUBLIC_KEY_ID": "PUB_KEY_ID_2"}, 6, "UnknownSerial: .*; as --cert ID=FILE"),
        ("v2", {"WECHATPAY_SECRET": ""}, 8, "secret: missing"),
    )
    for name, changes, status, words in cases:
        environment = {**gateway.environment(), **changes}
        code, out, err = run("notify", str(tmp_path / name), environment=environment)
        assert (code, out, err.count("\n")) == (status, "", 1)
        assert re.search(words, err), err
        assert wrong not in err


GARBAGE = bytes(range(256)) * 4


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 2, "FILE: empty"),
        (GARBAGE, 2, "FILE: 1024 bytes without a blank line; expected a request"),
        (GARBAGE + b"\n\n" + GARBAGE, 2, "FILE: line 1 is no header; expected a request"),
        (b"\n", 2, "without a blank line"),
        (b"\r\n\r\n", 2, "FILE: line 1 is no header"),
        (b"POST /n HTTP/1.1\r\n\r\n{}", 6, "HeadersIncomplete: Wechatpay-Timestamp, "),
        (b"POST /n HTTP/1.1\r\nA: b\r\n folded\r\n\r\n{}", 2, "FILE: line 3 is no header"),
        (b"POST /n HTTP/1.1\r\nA: b\r\n", 2, "without a blank line"),
        (b"{", 2, "FILE: 1 bytes that begin as JSON and are none; was it cut off?"),
        (b"{" * 200_000, 2, "begin as JSON and are none"),
        (b'{"a":' * 200_000, 2, "begin as JSON and are none"),
        (b"{}", 2, "FILE: JSON without headers"),
        (b'{"id":"x","resource":{}}', 2, "beside a bare body give --headers FILE"),
        (b'{"headers":{}}', 2, "body: expected text, found NoneType"),
        (b'{"headers":{},"body":{"id":"x"}}', 2, "body: expected text, found dict; the signature covers the very"),
        (b'{"headers":{},"body":"\\ud800"}', 2, "body: no text that UTF-8 can write"),
        (b'{"headers":{},"body":"%","isBase64Encoded":true}', 2, "body: no base64"),
        (b'{"headers":5,"body":"{}"}', 2, "headers: expected {name: value} or pairs, found int"),
        (b'{"headers":[5],"body":"{}"}', 2, "headers: expected {name: value} or pairs, found list"),
        (b'{"headers":{"Wechatpay-Nonce":5},"body":"{}"}', 6, "HeadersIncomplete: Wechatpay-Nonce: expected ASCII"),
        (b'{"headers":[["Wechatpay-Nonce","a"],["wechatpay-nonce","b"]],"body":""}', 6, "there twice"),
        (b"<xml>", 6, "SignatureMismatch: the notice is no XML"),
        (b"<xml><return_code>FAIL</return_code><return_msg>no</return_msg></xml>", 1, "BusinessError: FAIL: no"),
        (b"<html></html>", 2, "without a blank line"),
        (b"[1]", 2, "without a blank line"),
    ],
)
def test_what_is_no_notification_is_refused_on_one_line(
    gateway: Sandbox, tmp_path: Path, content: bytes, status: int, words: str
) -> None:
    """Binary garbage, cut off and empty files; no byte of them steers the terminal."""
    for flags in ((), ("--saved",)):
        code, out, err = notified(gateway, tmp_path, content, *flags)
        assert (code, out) == (status, ""), err
        told = err.removeprefix("wechatpay-chain: --saved, --at: without effect\n")
        assert told.count("\n") == 1
        assert words in err
        assert err.replace("\n", "").isprintable()


@pytest.mark.slow
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300), before=st.sampled_from([b"", b"{", b"A: b\r\n\r\n", b"<xml>", b'{"headers":']))
@example(content=b"", before=b"A: b\n\n")
def test_nothing_unproven_is_ever_printed(gateway: Sandbox, tmp_path: Path, content: bytes, before: bytes) -> None:
    """Whatever is in the file: one line, a code of the table, no output."""
    status, out, err = notified(gateway, tmp_path, before + content, "--saved")
    assert (out, err.count("\n")) == ("", 1)
    assert status in (1, 2, 6)


@pytest.mark.slow
def test_a_notification_that_was_cut_off_anywhere_is_refused(gateway: Sandbox, tmp_path: Path, fresh: Notice) -> None:
    """At every eighth byte of both forms."""
    for whole in (raw(fresh), as_json(fresh)):
        for end in range(0, len(whole), 8):
            status, out, err = notified(gateway, tmp_path, whole[:end])
            assert (status in (2, 6), out, err.count("\n")) == (True, "", 1)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "FILE"),
        (["/nowhere/x"], "FILE: '/nowhere/x' cannot be read (No such file or directory)"),
        (["/proc"], "FILE: '/proc' cannot be read (Is a directory)"),
        (["a\0b"], "cannot be read (not a path)"),
        (["/dev/zero"], "FILE: more than 16 MiB, which no notification has"),
        (["-"], "FILE: empty"),
        (["-", "--headers", "-"], "--headers: FILE is standard input already"),
        (["{}", "--headers", "/nowhere/x"], "--headers: '/nowhere/x' cannot be read"),
        (["{}", "--headers", "{}"], "--headers: line 1 is no header"),
        (["{}", "--at", "yesterday"], "--at: expected 2026-11-01T08:00:00+08:00, with its zone"),
        (["{}", "--at", "2026-11-01T08:00:00"], "with its zone"),
        (["{}", "--at", ""], "--at: expected"),
        (["{}", "--at", "1", "--saved"], "not allowed with argument"),
        (["{}", "--sandbox"], "--sandbox: a new one has signed nothing"),
    ],
)
def test_mistakes_are_told_in_one_line(gateway: Sandbox, tmp_path: Path, argv: list[str], words: str) -> None:
    """A usage error, and nothing printed or sent."""
    (tmp_path / "body").write_bytes(b"x")
    status, out, err = run(
        "notify", *(word.format(tmp_path / "body") for word in argv), environment=gateway.environment()
    )
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert words in err
    assert not gateway.requests


def test_certificates_are_brought_for_one_that_a_certificate_signed(gateway: Sandbox, tmp_path: Path) -> None:
    """As a client does that holds no key of WeChat Pay."""
    identity = gateway.identity
    pusher = Pusher(identity.apiv3_key, serial_of(identity.certificate), identity.certificate_key)
    (tmp_path / "saved").write_bytes(raw(pusher.notice("TRANSACTION.SUCCESS", RESOURCE)))
    own = {name: text for name, text in gateway.environment().items() if "PUBLIC_KEY" not in name}
    assert run("notify", f"{tmp_path}/saved", environment=own)[0] == 0
    assert [request.target for request in gateway.requests] == ["/v3/certificates"]
    del own["WECHATPAY_PRIVATE_KEY"], own["WECHATPAY_SERIAL"]
    assert run("certs", "-o", f"{tmp_path}/certs", environment=gateway.environment())[0] == 0
    (path,) = (tmp_path / "certs").iterdir()
    known = ("--cert", f"{serial_of(identity.certificate)}={path}")
    assert run("notify", f"{tmp_path}/saved", *known, environment=own)[0] == 0
