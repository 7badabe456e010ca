from __future__ import annotations

import json
import pickle
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime
from email.message import Message
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict
from werkzeug.datastructures import EnvironHeaders, Headers

from tests.answers import another_key
from wechatpay_chain import Notification, Sandbox, Wechatpay, errors
from wechatpay_chain.crypto import ciphers
from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.php import Instance
from wechatpay_chain.protocol import notification
from wechatpay_chain.sandbox.events import events
from wechatpay_chain.sandbox.push import Notice, Pusher

NAMES = ("Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature")


@pytest.fixture
def notice(gateway: Sandbox) -> Notice:
    return gateway.pusher().notice("TRANSACTION.SUCCESS")


def wsgi(headers: dict[str, str]) -> dict[str, object]:
    names = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return {"REQUEST_METHOD": "POST", "wsgi.input": object(), "wsgi.version": (1, 0), **names}


def message(headers: dict[str, str]) -> Message:
    made = Message()
    for name, value in headers.items():
        made[name] = value
    return made


FORMS: dict[str, Callable[[dict[str, str]], object]] = {
    "dict": dict,
    "lower case": lambda headers: {name.lower(): value for name, value in headers.items()},
    "requests": CaseInsensitiveDict,
    "WSGI": wsgi,
    "Werkzeug": Headers,
    "Flask": lambda headers: EnvironHeaders(wsgi(headers)),
    "http.server": message,
    "ASGI": lambda headers: [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    "lists of values": lambda headers: {name: [value] for name, value in headers.items()},
    "tuples of bytes": lambda headers: {name.encode(): (value.encode(),) for name, value in headers.items()},
    "blanks around the values": lambda headers: {name: f" \t{value} " for name, value in headers.items()},
    "blanks in a list": lambda headers: [(name, [f" {value}\t"]) for name, value in headers.items()],
    "twice the same": lambda headers: [*headers.items(), *headers.items()],
    "an iterator": lambda headers: iter(headers.items()),
}


@pytest.mark.parametrize("form", FORMS)
def test_headers_come_in_any_form(wxpay: Wechatpay, notice: Notice, form: str) -> None:
    """Every way in which web servers hand them over."""
    assert wxpay.notification(FORMS[form](notice.headers), notice.body).id == notice.id


@pytest.mark.parametrize("body", [bytes, bytearray, memoryview])
def test_both_faces_read_what_was_pushed(
    gateway: Sandbox, wxpay: Wechatpay, instance: Instance, notice: Notice, body: Callable[[bytes], Any]
) -> None:
    """Each field, and the body as it arrived; its repr shows nobody's payment."""
    other = gateway.pusher().notice("TRANSACTION.SUCCESS")
    another = wxpay.notification(other.headers, other.body)
    for client in (wxpay, instance):
        read = client.notification(notice.headers, body(notice.body))
        sent = json.loads(notice.body)
        assert isinstance(read, Notification)
        assert (read.id, read.event_type, read.raw) == (notice.id, "TRANSACTION.SUCCESS", notice.body)
        assert (read.resource_type, read.original_type) == ("encrypt-resource", "transaction")
        assert (read.summary, read.create_time) == (sent["summary"], sent["create_time"])
        assert read.resource == events()["TRANSACTION.SUCCESS"].resource
        assert pickle.loads(pickle.dumps(read)) == read
        assert hash(read) == hash(client.notification(notice.headers, notice.body))
        assert (read != another, read == "text") == (True, False)
        assert repr(read) == f"<Notification {notice.id} TRANSACTION.SUCCESS>"


@pytest.mark.parametrize("event_type", events())
def test_every_type_is_read(wxpay: Wechatpay, gateway: Sandbox, event_type: str) -> None:
    """With the associated data of its kind, or with none."""
    pushed = gateway.pusher().notice(event_type)
    read = wxpay.notification(pushed.headers, pushed.body)
    assert (read.event_type, read.resource) == (event_type, events()[event_type].resource)


def test_both_kinds_of_keys_verify(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """During a switch WeChat Pay signs with a certificate's key or with the public key."""
    identity = gateway.identity
    by_certificate = Pusher(identity.apiv3_key, serial_of(identity.certificate), identity.certificate_key)
    for pusher in (by_certificate, gateway.pusher()):
        pushed = pusher.notice("REFUND.SUCCESS")
        assert wxpay.notification(pushed.headers, pushed.body).event_type == "REFUND.SUCCESS"


def test_an_unknown_serial_is_asked_for_once(gateway: Sandbox) -> None:
    """A certificate that is newer than the client's is downloaded; one that does not exist stays unknown."""
    with gateway.client(certs=None) as wxpay:
        wxpay.v3.certificates.get()
        made = gateway.platform.successor()
        serial = gateway.platform.rotate(made)
        before = len(gateway.requests)
        pushed = Pusher(gateway.identity.apiv3_key, serial, made[1]).notice("REFUND.SUCCESS")
        for _ in range(2):
            assert wxpay.notification(pushed.headers, pushed.body).id == pushed.id
        assert [request.target for request in list(gateway.requests)[before:]] == ["/v3/certificates"]
        forged = Pusher(gateway.identity.apiv3_key, "A" * 40, another_key()).notice("REFUND.SUCCESS")
        for _ in range(3):
            with pytest.raises(errors.UnknownSerial):
                wxpay.notification(forged.headers, forged.body)
        assert len(gateway.requests) <= before + 2


def without(*names: str) -> Callable[[Notice], Notice]:
    return lambda notice: notice._replace(
        headers={name: value for name, value in notice.headers.items() if name not in names}
    )


def header(name: str, value: Any) -> Callable[[Notice], Notice]:
    return lambda notice: notice._replace(headers={**notice.headers, name: value})


REFUSED: dict[str, tuple[Callable[[Notice], Notice], type[errors.VerificationError], str]] = {
    "no headers": (without(*NAMES), errors.HeadersIncomplete, "Wechatpay-Timestamp, .*-Signature: missing"),
    **{name: (without(name), errors.HeadersIncomplete, f"{name}: missing") for name in NAMES},
    "an empty nonce": (header("Wechatpay-Nonce", ""), errors.HeadersIncomplete, "Wechatpay-Nonce: missing"),
    "no time": (header("Wechatpay-Timestamp", "now"), errors.HeadersIncomplete, "expected seconds"),
    "another nonce": (header("Wechatpay-Nonce", "x"), errors.SignatureMismatch, "does not fit"),
    "no base64": (header("Wechatpay-Signature", "%"), errors.SignatureMismatch, "does not fit"),
    "no ASCII": (
        header("Wechatpay-Nonce", "中"),
        errors.HeadersIncomplete,
        "expected ASCII text of one line, found '中'",
    ),
    "no text": (header("Wechatpay-Nonce", 1), errors.HeadersIncomplete, "expected ASCII text of one line, found int"),
    "surrogates": (header("Wechatpay-Nonce", "\ud800"), errors.HeadersIncomplete, "expected ASCII text"),
    "an unknown serial": (header("Wechatpay-Serial", "PUB_KEY_ID_0"), errors.UnknownSerial, "PUB_KEY_ID_0"),
    "a stale time": (header("Wechatpay-Timestamp", "1600000000"), errors.ClockOffset, "signed at 1600000000"),
    "one byte more": (lambda n: n._replace(body=n.body + b" "), errors.SignatureMismatch, "bytes that arrived"),
    "no body": (lambda n: n._replace(body=b""), errors.SignatureMismatch, "the 0 bytes"),
    "a probe": (header("Wechatpay-Signature", "WECHATPAY/SIGNTEST/abc"), errors.SignatureProbe, "deliberate"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_proven_is_refused(wxpay: Wechatpay, notice: Notice, name: str) -> None:
    """By an error that tells why, never by None."""
    change, kind, words = REFUSED[name]
    changed = change(notice)
    with pytest.raises(kind, match=words):
        wxpay.notification(changed.headers, changed.body)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("character", ["\n", "\r", "\0", "\t", "\x7f"])
def test_control_characters_are_refused(wxpay: Wechatpay, notice: Notice, name: str, character: str) -> None:
    """None belongs there, and a line break moves the bounds of what is signed."""
    changed = header(name, f"{notice.headers[name]}{character}x")(notice)
    with pytest.raises(errors.HeadersIncomplete, match=f"^{name}: expected ASCII text of one line, found "):
        wxpay.notification(changed.headers, changed.body)


def test_the_bounds_of_what_is_signed_do_not_move(wxpay: Wechatpay, gateway: Sandbox, notice: Notice) -> None:
    """The first line of a signed body is no second line of a nonce."""
    signed = gateway.pusher().sign_notice("", b"AAA\n" + notice.body)
    shifted = header("Wechatpay-Nonce", signed.headers["Wechatpay-Nonce"] + "\nAAA")(signed)
    with pytest.raises(errors.HeadersIncomplete, match="Wechatpay-Nonce: expected ASCII text of one line"):
        wxpay.notification(shifted.headers, notice.body)


def test_a_header_twice_is_refused(wxpay: Wechatpay, notice: Notice) -> None:
    """Also when one of them is spelled as WSGI does: nobody knows which one counts."""
    for other in ("wechatpay-nonce", "HTTP_WECHATPAY_NONCE", b"Wechatpay-Nonce"):
        with pytest.raises(errors.HeadersIncomplete, match="Wechatpay-Nonce: there twice"):
            wxpay.notification([*notice.headers.items(), (other, "x")], notice.body)


@pytest.mark.parametrize("offset", [-301, -300, 300, 301])
def test_five_minutes_are_allowed(
    wxpay: Wechatpay, gateway: Sandbox, monkeypatch: pytest.MonkeyPatch, offset: int
) -> None:
    """In both directions, as for answers; the clock stands, however slow the machine is."""
    now = float(int(time.time()))
    pushed = gateway.pusher(clock=lambda: now + offset).notice("REFUND.SUCCESS")
    monkeypatch.setattr("wechatpay_chain.protocol.v3.time.time", lambda: now)
    if abs(offset) <= 300:
        assert wxpay.notification(pushed.headers, pushed.body)
    else:
        with pytest.raises(errors.ClockOffset):
            wxpay.notification(pushed.headers, pushed.body)


def test_a_signature_by_another_key_is_refused(wxpay: Wechatpay, gateway: Sandbox) -> None:
    """Under the name of a key that the client holds."""
    forger = Pusher(gateway.identity.apiv3_key, gateway.identity.public_key_id, another_key())
    pushed = forger.notice("TRANSACTION.SUCCESS")
    with pytest.raises(errors.SignatureMismatch):
        wxpay.notification(pushed.headers, pushed.body)


def told(error: BaseException) -> str:
    """All that a log of ``error`` could show of this package."""
    seen = traceback.TracebackException.from_exception(error, capture_locals=True)
    values = [frame.locals or {} for frame in seen.stack if "wechatpay_chain" in frame.filename]
    assert values
    return "\n".join([str(error), repr(error.__context__), *(text for each in values for text in each.values())])


def test_another_apiv3_key_does_not_open_it(gateway: Sandbox, notice: Notice) -> None:
    """DecryptionError names the cause, and neither message nor frames show a key."""
    with (
        gateway.client(apiv3_key="k" * 32) as wxpay,
        pytest.raises(errors.DecryptionError, match="wrong APIv3 key") as caught,
    ):
        wxpay.notification(notice.headers, notice.body)
    assert "kkkk" not in told(caught.value)
    with gateway.client(apiv3_key=None) as wxpay, pytest.raises(errors.ConfigError, match="apiv3_key: missing"):
        wxpay.notification(notice.headers, notice.body)


def signed(gateway: Sandbox, body: object) -> Notice:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return gateway.pusher().sign_notice("EV-1", raw)


def sealed(gateway: Sandbox, plain: bytes, **changes: object) -> dict[str, object]:
    text = ciphers.encrypt(plain, gateway.identity.apiv3_key.encode(), b"n" * 12, b"")
    return {"algorithm": "AEAD_AES_256_GCM", "ciphertext": text, "nonce": "n" * 12, **changes}


@pytest.mark.parametrize("associated", [{}, {"associated_data": ""}, {"associated_data": None}])
def test_associated_data_may_be_absent(wxpay: Wechatpay, gateway: Sandbox, associated: dict[str, object]) -> None:
    """Absent, empty and null are the same; what else is absent is empty text."""
    pushed = signed(gateway, {"id": "EV-1", "resource": sealed(gateway, b'{"a": 1}', **associated)})
    read = wxpay.notification(pushed.headers, pushed.body)
    assert (read.resource, read.event_type, read.original_type) == ({"a": 1}, "", "")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "0 bytes are no JSON object"),
        (b"{", "1 bytes are no JSON object"),
        (b"[" * 100_000, "100000 bytes are no JSON object"),
        (b"\xff", "body: verified, but"),
        ([], "body: verified, but"),
        ({}, "id: missing"),
        ({"id": 1}, "id: missing"),
        ({"id": "1"}, "resource: expected an object, found NoneType"),
        ({"id": "1", "resource": {}}, "resource.algorithm: expected AEAD_AES_256_GCM, found 'None'"),
        ({"id": "1", "resource": {"algorithm": "AEAD_SM4_GCM"}}, "found 'AEAD_SM4_GCM'"),
        ({"id": "1", "resource": {"algorithm": "AEAD_AES_256_GCM"}}, "resource.ciphertext: expected text"),
    ],
)
def test_a_signed_body_of_another_shape_is_refused(
    wxpay: Wechatpay, gateway: Sandbox, body: object, words: str
) -> None:
    """It is WeChat Pay's, but nothing that could be handled."""
    pushed = signed(gateway, body)
    with pytest.raises(errors.DecryptionError, match=words):
        wxpay.notification(pushed.headers, pushed.body)


@pytest.mark.parametrize("changes", [{"nonce": "n"}, {"nonce": "\ud800" * 12}, {"ciphertext": "中"}, {"nonce": 1}])
def test_what_cannot_be_opened_is_refused(wxpay: Wechatpay, gateway: Sandbox, changes: dict[str, object]) -> None:
    """By the same error, whatever is wrong with it."""
    pushed = signed(gateway, {"id": "1", "resource": sealed(gateway, b"{}", **changes)})
    with pytest.raises(errors.DecryptionError):
        wxpay.notification(pushed.headers, pushed.body)


@pytest.mark.parametrize("plain", [b"[]", b"secret-openid", b"\xff"])
def test_what_was_decrypted_stays_out_of_errors(wxpay: Wechatpay, gateway: Sandbox, plain: bytes) -> None:
    """A resource that is no object is refused, and shown nowhere."""
    pushed = signed(gateway, {"id": "1", "resource": sealed(gateway, plain)})
    with pytest.raises(errors.DecryptionError, match="no JSON object") as caught:
        wxpay.notification(pushed.headers, pushed.body)
    assert "openid" not in told(caught.value)
    assert gateway.identity.apiv3_key not in told(caught.value)


@pytest.mark.parametrize("body", ["text", {"id": "1"}, None, 1, ["x"]])
def test_a_body_that_is_not_raw_is_a_type_error(wxpay: Wechatpay, notice: Notice, body: Any) -> None:
    """It says what to pass."""
    with pytest.raises(TypeError, match="expected the raw body as bytes"):
        wxpay.notification(notice.headers, body)


@pytest.mark.parametrize("headers", [None, "text", b"bytes", 1, ["Wechatpay-Nonce"], [("a", "b", "c")], [1]])
def test_headers_of_a_wrong_kind_are_a_type_error(wxpay: Wechatpay, notice: Notice, headers: Any) -> None:
    """It says what was expected."""
    with pytest.raises(TypeError, match="headers: expected"):
        wxpay.notification(headers, notice.body)


_text = st.text(max_size=40)
_value = st.one_of(_text, st.binary(max_size=40), st.none(), st.integers(), st.lists(_text, max_size=3))
_name = st.one_of(st.sampled_from([*NAMES, *(f"HTTP_{name.upper().replace('-', '_')}" for name in NAMES)]), _text)
_fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def attacked(gateway: Sandbox, notice: Notice, headers: dict[str, Any], body: bytes, cut: int) -> Iterator[Notice]:
    """A hostile body as it is, hostile headers over good ones, and hostile content rightly signed."""
    yield Notice("", {**notice.headers, **headers}, notice.body)
    yield notice._replace(body=notice.body[:cut] + body + notice.body[cut:])
    yield gateway.pusher().sign_notice("1", body)
    yield signed(gateway, {"id": "1", "resource": sealed(gateway, body)})


def check(gateway: Sandbox, wxpay: Wechatpay, headers: dict[str, Any], body: bytes, cut: int) -> None:
    good = gateway.pusher().notice("COMPLAINT.CREATE")
    for hostile in attacked(gateway, good, headers, body, cut):
        try:
            read = wxpay.notification(hostile.headers, hostile.body)
        except errors.WechatpayError:
            continue
        assert isinstance(read.resource, dict)
        assert read.raw == hostile.body


_resource = st.dictionaries(st.sampled_from(["nonce", "ciphertext", "associated_data", "algorithm", "x"]), st.text())


@given(headers=st.dictionaries(_name, _value, max_size=6), body=st.binary(max_size=200), cut=st.integers(0, 300))
@settings(_fuzz, max_examples=60)
def test_hostile_bytes_raise_errors_of_this_package_alone(
    gateway: Sandbox, wxpay: Wechatpay, headers: dict[str, Any], body: bytes, cut: int
) -> None:
    """Whatever arrives."""
    check(gateway, wxpay, headers, body, cut)


@pytest.mark.slow
@given(headers=st.dictionaries(_name, _text, max_size=6), body=st.binary(max_size=5000), cut=st.integers(0, 600))
@settings(_fuzz, max_examples=5000)
def test_many_hostile_bytes_raise_errors_of_this_package_alone(
    gateway: Sandbox, wxpay: Wechatpay, headers: dict[str, Any], body: bytes, cut: int
) -> None:
    """The same for longer."""
    check(gateway, wxpay, headers, body, cut)


@given(resource=_resource, plain=st.recursive(st.none() | st.text() | st.floats(), lambda x: st.lists(x), max_leaves=9))
@settings(_fuzz, max_examples=60)
def test_signed_resources_of_any_content_raise_errors_of_this_package_alone(
    gateway: Sandbox, wxpay: Wechatpay, resource: dict[str, str], plain: object
) -> None:
    """Signed and well-formed as JSON, and hostile in every field."""
    for content in (resource, {**sealed(gateway, json.dumps(plain).encode()), **resource}):
        pushed = signed(gateway, {"id": "1", "resource": content})
        with pytest.raises(errors.DecryptionError):
            wxpay.notification(pushed.headers, pushed.body)


@pytest.mark.parametrize("now", [float("nan"), float("inf"), -float("inf"), "1795903108", True, datetime(2026, 11, 1)])
def test_a_clock_that_is_no_number_proves_nothing(wxpay: Wechatpay, notice: Notice, now: Any) -> None:
    """NaN is neither too early nor too late."""
    with pytest.raises(TypeError, match=r"^now: expected Unix seconds, found "):
        wxpay.notification(notice.headers, notice.body, now=now)


def test_the_protocol_knows_no_web_framework() -> None:
    """Pure functions: a clock may be given."""
    assert notification.signature_headers([]) == {}
    assert notification.raw_body(memoryview(b"a")) == b"a"
