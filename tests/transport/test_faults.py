"""What a caller sees of each fault of a network, and how often his request was sent.

Every fault happens on real sockets. A GET is repeated where that is safe, three attempts in all; a POST is
sent once, unless its caller asks for more.
"""

from __future__ import annotations

import contextlib
import pickle
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tests import answers
from tests.openssl import authorization_fields
from tests.sockets import closed_port, raw_server, request_of, reset, server_context, until_hung_up
from tests.transport.test_session import CALLS
from wechatpay_chain import Media, Sandbox, errors
from wechatpay_chain.sandbox.answer import Answer, Received
from wechatpay_chain.transport import retry
from wechatpay_chain.transport.retry import SendOptions

ATTEMPTS = {"GET": 3, "POST": 1}
PERHAPS = "it may have been carried out; ask for its state before repeating it: http"
TIMEOUT = (2.0, 0.15)


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once."""
    monkeypatch.setattr(retry, "jitter", lambda waits: 0.0)


Answering = Callable[[socket.socket], None]


def saying(data: bytes, then: Answering = lambda connection: None) -> Answering:
    """Read the request, say ``data``, and go on with ``then``, or close."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(data)
        then(connection)

    return behave


# After the request was read whole.
LOST: dict[str, tuple[Answering, type[errors.TransportError], str]] = {
    "closed": (saying(b""), errors.TransportError, "closed connection without response"),
    "reset after the request": (reset, errors.TransportError, "reset by peer"),
    "garbage": (saying(b"garbage\r\n\r\n"), errors.TransportError, "garbage"),
    "half an answer": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        errors.TransportError,
        r"1 bytes read, 99 more expected",
    ),
    "half a chunk": (
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
        errors.TransportError,
        "broken|prematurely|IncompleteRead",
    ),
    "reset in the answer": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", reset),
        errors.TransportError,
        "reset by peer",
    ),
    "interim answers without end": (
        saying(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 200),
        errors.TransportError,
        "interim answers",
    ),
    "interim answer alone": (saying(b"HTTP/1.1 103 Early Hints\r\n\r\n"), errors.TransportError, "without response"),
    "broken gzip": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"),
        errors.TransportError,
        "gzip",
    ),
    "Content-Length beyond all memory": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        errors.TransportError,
        "more than max_body",
    ),
    "no answer": (until_hung_up, errors.TimedOut, "Read timed out"),
    "slow headers": (saying(b"HTTP/1.1 200 OK\r\nA: ", until_hung_up), errors.TimedOut, "Read timed out"),
    "slow body": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", until_hung_up),
        errors.TimedOut,
        "Read timed out",
    ),
    "Content-Length too long": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", until_hung_up),
        errors.TimedOut,
        "Read timed out",
    ),
}


@contextlib.contextmanager
def losing(answering: Answering) -> Iterator[tuple[str, list[bytes]]]:
    """A server's URL and the whole requests that it has read."""
    received: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        received.append(request_of(connection))
        answering(connection)

    with raw_server(behave) as (url, _):
        yield url, received


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_is_asked_for_again_by_get_alone(gateway: Sandbox, method: str, fault: str) -> None:
    """One host: a GET is sent three times, a POST once; each attempt is told, and was signed by itself."""
    answering, kind, words = LOST[fault]
    with losing(answering) as (url, received), gateway.client(base_url=url, timeout=TIMEOUT) as wxpay:
        with pytest.raises(errors.TransportError, match=PERHAPS) as caught:
            CALLS[method](wxpay)
        assert len(received) == ATTEMPTS[method]
    error = caught.value
    assert type(error) is kind
    assert len(error.attempts) == ATTEMPTS[method]
    assert {(attempt.host, attempt.sent) for attempt in error.attempts} == {(url, True)}
    assert all(re.search(words, attempt.error) for attempt in error.attempts), error.attempts
    assert len({request.partition(b"nonce_str=")[2][:34] for request in received}) == len(received)
    assert pickle.loads(pickle.dumps(error)).attempts == error.attempts


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("fault", LOST)
def test_after_a_lost_answer_a_get_goes_to_the_next_host(gateway: Sandbox, method: str, fault: str) -> None:
    """A POST may have been carried out, so the next host does not get it."""
    answering, kind, _ = LOST[fault]
    with (
        losing(answering) as (url, received),
        gateway.client(base_url=[url, gateway.base_url], timeout=TIMEOUT) as wxpay,
    ):
        if method == "GET":
            assert CALLS[method](wxpay).verified
        else:
            with pytest.raises(kind, match=PERHAPS):
                CALLS[method](wxpay)
        assert len(received) == 1
    assert [request.verdict for request in gateway.requests] == ([""] if method == "GET" else [])


@pytest.mark.parametrize("method", CALLS)
def test_a_connection_reset_before_the_request_was_read_counts_as_sent(gateway: Sandbox, method: str) -> None:
    """What the kernel had taken may have arrived: nobody can know, so a POST is not repeated."""

    def behave(connection: socket.socket) -> None:
        connection.recv(1)
        reset(connection)

    with raw_server(behave) as (url, accepted), gateway.client(base_url=url) as wxpay:
        with pytest.raises(errors.TransportError, match=PERHAPS) as caught:
            CALLS[method](wxpay)
        assert type(caught.value) is errors.TransportError
        assert [attempt.sent for attempt in caught.value.attempts] == [True] * ATTEMPTS[method]
        assert len(accepted) == ATTEMPTS[method]


@pytest.mark.parametrize("method", CALLS)
def test_half_a_head_is_an_answer_that_cannot_be_verified(gateway: Sandbox, method: str) -> None:
    """What http.client takes for a whole head is not repeated either."""
    with losing(saying(b"HTTP/1.1 200 OK\r\nContent-Le")) as (url, received), gateway.client(base_url=url) as wxpay:
        with pytest.raises(errors.HeadersIncomplete):
            CALLS[method](wxpay)
        assert len(received) == 1


@contextlib.contextmanager
def refusing(_: Path) -> Iterator[str]:
    yield closed_port()


@contextlib.contextmanager
def untrusted(folder: Path) -> Iterator[str]:
    """TLS with a certificate that nobody vouches for."""
    context, _ = server_context(folder)
    with Sandbox(tls=context) as other:
        yield other.base_url
        assert not other.requests


@contextlib.contextmanager
def for_another_name(folder: Path) -> Iterator[str]:
    """A trusted certificate of another host."""
    context, _ = server_context(folder)
    with Sandbox(tls=context) as other:
        yield other.base_url.replace("127.0.0.1", "localhost")
        assert not other.requests


@contextlib.contextmanager
def no_tls(_: Path) -> Iterator[str]:
    """Plain HTTP where TLS was expected."""
    with Sandbox() as other:
        yield other.base_url.replace("http:", "https:")
        assert not [request for request in other.requests if request.method in CALLS]


@contextlib.contextmanager
def reset_in_tls(_: Path) -> Iterator[str]:
    """The connection is reset while TLS begins."""

    def behave(connection: socket.socket) -> None:
        connection.recv(10)
        reset(connection)

    with raw_server(behave) as (url, _accepted):
        yield url.replace("http:", "https:")


@contextlib.contextmanager
def silent_in_tls(_: Path) -> Iterator[str]:
    """TLS never begins."""
    with raw_server(until_hung_up) as (url, _accepted):
        yield url.replace("http:", "https:")


@contextlib.contextmanager
def full(_: Path) -> Iterator[str]:
    """A queue that is full drops what comes, as a firewall does: connecting takes for ever."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _waiting in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def unknown_name(_: Path) -> Iterator[str]:
    yield "https://nowhere.invalid"


UNCONNECTED: dict[str, tuple[Callable[[Path], contextlib.AbstractContextManager[str]], str]] = {
    "refused": (refusing, "Connection refused"),
    "unknown name": (unknown_name, "resolve|Name or service|name resolution"),
    "connecting takes too long": (full, "timed out"),
    "untrusted certificate": (untrusted, "certificate verify failed"),
    "certificate of another host": (for_another_name, "certificate verify failed|doesn't match"),
    "no TLS": (no_tls, "SSL|TLS"),
    "reset in TLS": (reset_in_tls, "reset by peer|EOF"),
    "silent in TLS": (silent_in_tls, "timed out"),
}
QUICK = (0.2, 5.0)


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("fault", UNCONNECTED)
def test_a_host_that_cannot_be_connected_to_got_nothing(
    gateway: Sandbox, method: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One attempt, of which nothing was sent; TimedOut would say that something was."""
    opening, words = UNCONNECTED[fault]
    if fault == "certificate of another host":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "server.pem"))
    with opening(tmp_path) as url, gateway.client(base_url=url, timeout=QUICK) as wxpay:
        with pytest.raises(errors.TransportError, match=rf"nothing was sent: {url}: .*({words})") as caught:
            CALLS[method](wxpay)
        assert type(caught.value) is errors.TransportError
        assert isinstance(caught.value, requests.ConnectionError)
        assert [(attempt.host, attempt.sent) for attempt in caught.value.attempts] == [(url, False)]


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("fault", UNCONNECTED)
def test_a_host_that_cannot_be_connected_to_is_followed_by_the_next(
    gateway: Sandbox, method: str, fault: str, tmp_path: Path
) -> None:
    """Also for a POST, since nothing was sent; it is signed anew, and sent once."""
    opening, _ = UNCONNECTED[fault]
    with opening(tmp_path) as url, gateway.client(base_url=[url, gateway.base_url], timeout=QUICK) as wxpay:
        assert CALLS[method](wxpay).verified
        assert CALLS[method](wxpay).verified
    assert [request.verdict for request in gateway.requests] == ["", ""]


@pytest.mark.parametrize("method", CALLS)
def test_when_every_host_is_down_each_attempt_is_told(gateway: Sandbox, method: str) -> None:
    """Each host was tried once: waiting would not find another one."""
    hosts = [closed_port(), closed_port(), closed_port(), closed_port()]
    with gateway.client(base_url=hosts) as wxpay, pytest.raises(errors.TransportError) as caught:
        CALLS[method](wxpay)
    assert "nothing was sent" in str(caught.value)
    assert [attempt.host for attempt in caught.value.attempts] == hosts
    assert not any(attempt.sent for attempt in caught.value.attempts)
    assert pickle.loads(pickle.dumps(caught.value)).attempts == caught.value.attempts


class Said(NamedTuple):
    """An answer that arrived, and what becomes of it: the error, and how often each method is sent."""

    tamper: answers.Tamper
    kind: type[errors.CallError]
    get: int
    post: int = 1


def looping(answer: Answer, request: Received) -> None:
    answers.bare(302, Location=request.target)(answer, request)


def unavailable(retry_after: str) -> answers.Tamper:
    headers = {"Retry-After": retry_after}
    return answers.bare(503, b"", "text/html", **headers)


HTML = b"<html><h1>Bad Gateway</h1></html>"
SAID: dict[str, Said] = {
    "502 HTML": Said(answers.bare(502, HTML), errors.ServerError, 3),
    "503": Said(answers.bare(503), errors.ServerError, 3),
    "504 HTML": Said(answers.bare(504, HTML), errors.ServerError, 3),
    "503 for an hour": Said(unavailable("3600"), errors.ServerError, 1),
    "500": Said(answers.bare(500, HTML), errors.ServerError, 1),
    "501": Said(answers.bare(501), errors.ServerError, 1),
    "429": Said(answers.bare(429), errors.RateLimited, 1),
    "404": Said(answers.bare(404), errors.ClientError, 1),
    "redirect loop": Said(looping, errors.ApiError, 1),
    "200 HTML": Said(answers.bare(200, HTML), errors.HeadersIncomplete, 1),
    "changed": Said(answers.changed, errors.SignatureMismatch, 1),
    "a probe": Said(answers.probing, errors.SignatureProbe, 1),
    "another key": Said(answers.with_header("Wechatpay-Serial", "X"), errors.UnknownSerial, 1),
    "Content-Length too short": Said(answers.with_header("Content-Length", "1"), errors.SignatureMismatch, 1),
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("fault", SAID)
def test_what_was_answered_is_repeated_only_where_it_passes(gateway: Sandbox, method: str, fault: str) -> None:
    """502, 503 and 504 of a GET; an answer that cannot be verified never; the error tells each attempt."""
    said = SAID[fault]
    gateway.tamper = said.tamper
    with gateway.client(apiv3_key=None) as wxpay, pytest.raises(errors.CallError) as caught:
        CALLS[method](wxpay)
    assert type(caught.value) is said.kind
    assert len(gateway.requests) == (said.get if method == "GET" else said.post)
    assert [(attempt.host, attempt.sent) for attempt in caught.value.attempts] == [
        (gateway.base_url, True) for _ in gateway.requests
    ]
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.attempts) == (said.kind, caught.value.attempts)


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("offset", [-3600, 3600])
def test_a_clock_that_jumps_repeats_nothing(gateway: Sandbox, method: str, offset: int) -> None:
    """ClockOffset tells both clocks, the call was sent once, and the next one is right again."""
    with gateway.client() as wxpay:
        gateway.tamper = answers.signed_by(gateway.identity.public_key, offset)
        with pytest.raises(errors.ClockOffset, match=r"signed at \d{10}, this machine's clock says \d{10}"):
            CALLS[method](wxpay)
        assert len(gateway.requests) == 1
        gateway.tamper = None
        assert CALLS[method](wxpay).verified


def test_a_gateway_that_recovers_is_asked_again(gateway: Sandbox) -> None:
    """The answer of the second attempt is the call's; each attempt has a signature of its own."""

    def tamper(answer: Answer, request: Received) -> None:
        if len(gateway.requests) == 1:
            answers.bare(502, HTML)(answer, request)

    gateway.tamper = tamper
    with gateway.client() as wxpay:
        assert CALLS["GET"](wxpay).verified
    assert not any(request.verdict for request in gateway.requests)
    assert len({authorization_fields(request.headers)["nonce_str"] for request in gateway.requests}) == 2


def test_the_wait_is_what_the_host_asked_for(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry-After is added to the jitter."""
    waits: list[float] = []
    monkeypatch.setattr("wechatpay_chain.transport.session.time.sleep", waits.append)
    monkeypatch.setattr(retry, "jitter", lambda waits: 0.25)
    gateway.tamper = unavailable("2")
    with gateway.client() as wxpay, pytest.raises(errors.ServerError):
        CALLS["GET"](wxpay)
    assert waits == [2.25, 2.25]


@pytest.mark.parametrize(("asked", "sent"), [(True, 3), (2, 2), (5, 5), (1, 1), (False, 1)])
@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("face", ["wxpay", "instance"])
def test_who_asks_for_more_attempts_gets_them(
    gateway: Sandbox, face: str, verb: str, asked: int, sent: int, request: pytest.FixtureRequest
) -> None:
    """``retry`` of one call: attempts in all, for any method; False turns off those of a GET."""
    client = request.getfixturevalue(face)
    gateway.tamper = answers.bare(502, HTML)
    with pytest.raises(errors.ServerError) as caught:
        getattr(client.v3.refund.domestic.refunds, verb)(retry=asked)
    assert len(gateway.requests) == sent == len(caught.value.attempts)


@pytest.mark.parametrize("verb", ["post", "put", "patch", "delete"])
def test_nothing_that_changes_anything_is_sent_twice_unasked(gateway: Sandbox, verb: str) -> None:
    """Whatever the client's configuration says: it is the call that asks."""
    gateway.tamper = answers.bare(502, HTML)
    with gateway.client(retry=True) as wxpay, pytest.raises(errors.ServerError):
        getattr(wxpay.v3.refund.domestic.refunds, verb)()
    assert len(gateway.requests) == 1


def test_a_client_may_turn_repetition_off(gateway: Sandbox) -> None:
    """Or allow more of it, for its GETs."""
    gateway.tamper = answers.bare(502, HTML)
    for configured, sent in ((False, 1), (5, 5)):
        gateway.requests.clear()
        with gateway.client(retry=configured) as wxpay, pytest.raises(errors.ServerError):
            CALLS["GET"](wxpay)
        assert len(gateway.requests) == sent


def test_a_repeated_post_reaches_the_next_host(gateway: Sandbox) -> None:
    """Asked for, a POST whose answer was lost goes to the backup, with the same body."""
    with (
        losing(saying(b"")) as (url, received),
        gateway.client(base_url=[url, gateway.base_url]) as wxpay,
    ):
        wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post({"notify_url": "https://a.example"}, retry=2)
        assert received[0].endswith(gateway.requests[0].body)
    assert len(gateway.requests) == 1


def test_who_insists_waits_for_hosts_that_are_down(gateway: Sandbox) -> None:
    """retry of a call also repeats what reached no host; without it each host is tried once."""
    hosts = [closed_port(), closed_port()]
    with gateway.client(base_url=hosts) as wxpay, pytest.raises(errors.TransportError, match="nothing was") as caught:
        wxpay.v3.refund.domestic.refunds.post({}, retry=5)
    assert [attempt.host for attempt in caught.value.attempts] == [*hosts, *hosts, hosts[0]]


def test_the_last_failure_does_not_hide_what_was_sent(gateway: Sandbox) -> None:
    """First lost, then refused: the request may have been carried out, and the error says so."""
    with losing(until_hung_up) as (url, received):
        hosts = [url, closed_port()]
        with gateway.client(base_url=hosts, timeout=TIMEOUT) as wxpay, pytest.raises(errors.TimedOut) as caught:
            wxpay.v3.certificates.get(retry=2)
        assert len(received) == 1
    assert [attempt.sent for attempt in caught.value.attempts] == [True, False]
    assert "may have been carried out" in str(caught.value)


@pytest.mark.parametrize(
    "retry", [0, -1, 11, pytest.param(10**5000, id="long"), 1.5, "3", "x", [3], (1, 2), {}, object()]
)
def test_a_number_of_attempts_that_cannot_be_meant_is_refused(gateway: Sandbox, retry: Any) -> None:
    """In words, and nothing is sent."""
    with (
        gateway.client() as wxpay,
        pytest.raises(errors.ChainError, match=r"^retry: .*from 1 to 10.*nothing was sent$"),
    ):
        wxpay.v3.certificates.get(retry=retry)
    with pytest.raises(errors.ConfigError, match=r"^retry: expected True, False or attempts in all, from 1 to 10"):
        gateway.client(retry=retry)
    assert not gateway.requests


def test_a_trusted_gateway_answers_over_tls(gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows with TLS above fail for their fault alone."""
    context, certificate = server_context(tmp_path)
    assert context.protocol == ssl.PROTOCOL_TLS_SERVER
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with Sandbox(tls=context) as other, other.client() as wxpay:
        assert all(call(wxpay).verified for call in CALLS.values())
        assert len(other.requests) == 2
        assert other.connections == 1


def test_an_upload_begins_anew_with_each_attempt(gateway: Sandbox) -> None:
    """It is rewound, not held: each attempt has the whole form, and a signature of its own."""
    data = bytes(range(256)) * 4000
    with losing(saying(b"")) as (url, received), gateway.client(base_url=[url, gateway.base_url]) as wxpay:
        upload = wxpay.v3.marketing.favor.media.imageUpload
        answer = upload.post(Media(data, filename="logo.png"), retry=2)
        assert answer.verified
    (form,) = received
    assert data in form
    assert gateway.requests[-1].verdict == ""
    assert gateway.requests[-1].headers["Content-Length"] == str(len(form.partition(b"\r\n\r\n")[2]))


def test_what_cannot_be_read_twice_is_sent_once(gateway: Sandbox) -> None:
    """Whatever the call asks for."""

    class Once:
        meta = b"{}"

        def __iter__(self) -> Iterator[bytes]:
            return iter([b"abc"])

    with losing(saying(b"")) as (url, received), gateway.client(base_url=url) as wxpay:
        request = wxpay.prepare(wxpay.v3.a.post, {})
        request.body = Once()
        request.headers["Content-Length"] = "3"
        with pytest.raises(errors.TransportError, match=PERHAPS):
            wxpay._session.send(request, SendOptions(wxpay._settings.bases, retry=3))
        assert [got.partition(b"\r\n\r\n")[2] for got in received] == [b"abc"]


class Lent:
    """A signing service that fails after the first signature."""

    def __init__(self, gateway: Sandbox) -> None:
        self._key = gateway.identity.merchant_key
        self._left = 1

    def sign(self, message: bytes) -> bytes:
        if not self._left:
            raise OSError("the token was pulled out")
        self._left -= 1
        return self._key.sign(message, PKCS1v15(), SHA256())


def dropping(connection: socket.socket) -> None:
    """Take the whole request, and hang up."""
    request_of(connection)


def test_what_fails_before_a_second_attempt_does_not_hide_the_first(gateway: Sandbox, tmp_path: Path) -> None:
    """A key that cannot sign any more, a file that is gone: the first attempt had left, and that is told."""
    path = tmp_path / "logo.png"
    path.write_bytes(b"x" * 1000)

    def gone(connection: socket.socket) -> None:
        path.unlink(missing_ok=True)
        request_of(connection)

    with raw_server(dropping) as (url, _), gateway.client(base_url=url, private_key=Lent(gateway)) as wxpay:
        with pytest.raises(errors.TransportError, match=PERHAPS) as caught:
            wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post({"notify_url": "https://a.example"}, retry=2)
        assert [attempt.sent for attempt in caught.value.attempts] == [True, False]
        assert "pulled out" in caught.value.attempts[1].error
    with raw_server(gone) as (url, _), gateway.client(base_url=url) as wxpay:
        with pytest.raises(errors.TransportError, match=PERHAPS) as caught:
            wxpay.v3.merchant.media.upload.post(Media(path), retry=2)
        assert caught.value.attempts[0].sent is True


@pytest.mark.parametrize("head", ["Transfer-Encoding: chunked\r\n\r\n-5\r\n", "Content-Length: 1e9\r\n\r\n{}"])
def test_no_other_error_comes_out_of_a_hostile_answer(gateway: Sandbox, head: str) -> None:
    """What urllib3 lets through is a TransportError here; the request may have been carried out."""

    def behave(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(f"HTTP/1.1 200 OK\r\n{head}".encode())

    with raw_server(behave) as (url, accepted), gateway.client(base_url=url) as wxpay:
        with pytest.raises((errors.TransportError, errors.VerificationError)) as caught:
            wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post({"notify_url": "https://a.example"})
        assert caught.value.attempts[0].sent is True
        assert len(accepted) == 1


def test_the_first_download_does_not_wait_for_ever(gateway: Sandbox) -> None:
    """A call waits for certificates five seconds at most in each attempt; what it says is that it was not sent."""
    seen: list[SendOptions] = []
    with gateway.client(certs=None, timeout=(60, 60)) as wxpay:
        send = wxpay._session.send

        def noting(request: Any, options: SendOptions) -> Any:
            seen.append(options)
            return send(request, options)

        wxpay._session.send = noting  # type: ignore[method-assign]
        assert wxpay.v3.certificates.get().verified
    assert [options.timeout for options in seen] == [(5.0, 5.0), (60.0, 60.0)]
    with gateway.client(certs=None, base_url=closed_port(), retry=False) as wxpay:
        with pytest.raises(errors.TransportError, match=r"^the call was not sent, since .* could not be had") as caught:
            wxpay.v3.certificates.get()
        assert "carried out" not in str(caught.value)
