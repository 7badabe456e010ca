"""What the tools of requests' world see of a call, and how often the server is asked: one table, a row a tool.

| tool | what the user sees | the server is asked |
|---|---|---|
| responses, requests-mock | the mocked answer, verified; a wrong signature is refused | never |
| vcrpy | the recorded answer, verified as of its time | once, and never again |
| an adapter mounted on ``session=`` | the signed request, the answer verified behind it | once |
| ``session.hooks`` | the verified answer; what a hook returns changes nothing | once |
| OpenTelemetry for requests and for urllib3 | one span a call | once |
| gevent, eventlet | answers, quiet spells or not | once a call |
| what replaces ``socket.socket`` (pytest-socket, mocket) | its error or answer, connections kept or not | never |
| a session that stores answers (requests-cache) | the verified answer | once, and never again for a GET |
"""

from __future__ import annotations

import io
import math
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock
import responses
import vcr
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from requests.adapters import HTTPAdapter

from tests import answers
from tests.transport.test_session import CALLS
from wechatpay_chain import Builder, Sandbox, Wechatpay, errors, testing
from wechatpay_chain.transport import connection

ROOT = Path(__file__).parent.parent.parent
URL = "https://api.mch.weixin.qq.com/v3/pay/transactions/jsapi"
BODY = {"prepay_id": "wx26112521580621e9b071c00d9e093b0000"}


@pytest.fixture
def mocked() -> Iterator[Wechatpay]:
    """A client of WeChat Pay's own hosts: whatever leaves it for real fails at once."""
    with Wechatpay(**testing.configuration(), timeout=1) as client:
        yield client


def order(wxpay: Any, **options: Any) -> Any:
    return wxpay.v3.pay.transactions.jsapi.post({"description": "a book"}, **options)


@responses.activate
def test_responses_answers_in_the_servers_place(mocked: Wechatpay) -> None:
    """Verified, signed, and seen by the mock; the PHP face has its own answers."""
    responses.post(URL, json=BODY, headers=testing.signed(200, BODY))
    answer = order(mocked)
    assert (answer.data, answer.verified, answer.status) == (BODY, True, 200)
    with Builder.factory(testing.configuration()) as instance:
        assert instance.v3.pay.transactions.jsapi.post({"json": {"a": 1}}).getStatusCode() == 200
    sent = responses.calls[0].request
    assert sent.headers["Authorization"].startswith("WECHATPAY2-SHA256-RSA2048 ")
    assert sent.body == b'{"description":"a book"}'
    assert len(responses.calls) == 2


@responses.activate
def test_a_mocked_answer_is_verified_like_any_other(mocked: Wechatpay) -> None:
    """Without headers, with those of another body, and a refusal as WeChat Pay signs it."""
    responses.post(URL, json=BODY)
    with pytest.raises(errors.HeadersIncomplete):
        order(mocked)
    responses.replace("POST", URL, json=BODY, headers=testing.signed(200, {"prepay_id": "another"}))
    with pytest.raises(errors.SignatureMismatch):
        order(mocked)
    refusal = {"code": "PARAM_ERROR", "message": "no"}
    responses.replace("POST", URL, json=refusal, status=400, headers=testing.signed(400, refusal))
    with pytest.raises(errors.ClientError, match="400 PARAM_ERROR") as caught:
        order(mocked)
    assert caught.value.verified
    assert caught.value.request is caught.value.response.request


@responses.activate
def test_a_mocked_failure_is_a_transport_error(mocked: Wechatpay) -> None:
    """Also a URL that nobody mocked: nothing leaves the machine."""
    for url in (URL, URL.replace("api.", "api2.")):
        responses.post(url, body=requests.ConnectTimeout("no route"))
    with pytest.raises(errors.TransportError, match="nothing was sent") as caught:
        order(mocked)
    assert [attempt.sent for attempt in caught.value.attempts] == [False, False]
    with pytest.raises(errors.TransportError, match="Connection refused by Responses"):
        mocked.v3.nowhere.post({})


def test_requests_mock_answers_in_the_servers_place(mocked: Wechatpay) -> None:
    """As a context, which replaces ``get_adapter``, and as an adapter that is mounted on a session."""
    with requests_mock.Mocker() as mock:
        mock.post(URL, json=BODY, headers=testing.signed(200, BODY))
        assert order(mocked).data == BODY
        assert mock.call_count == 1
    session = requests.Session()
    adapter = requests_mock.Adapter()
    session.mount("https://", adapter)
    adapter.register_uri("POST", URL, json=BODY, headers=testing.signed(200, {}))
    with Wechatpay(**testing.configuration(), session=session) as wxpay, pytest.raises(errors.SignatureMismatch):
        order(wxpay)
    assert adapter.call_count == 1
    with requests_mock.Mocker(session=session) as mock:
        mock.post(URL, json=BODY, headers=testing.signed(200, BODY))
        assert order(Wechatpay(**testing.configuration(), session=session)).verified
        assert mock.call_count == 1


@pytest.mark.parametrize("method", CALLS)
def test_vcrpy_records_and_replays(method: str, tmp_path: Path) -> None:
    """The second time there is no server any more, on a pool that had connections before."""
    cassette = vcr.VCR(record_mode="once", match_on=["method", "path"], filter_headers=["Authorization"])
    with Sandbox() as gateway:
        wxpay = gateway.client(retry=False)
        CALLS[method](wxpay)
        with cassette.use_cassette(str(tmp_path / "cassette.yaml")):
            recorded = CALLS[method](wxpay).data
        assert len(gateway.requests) == 2
    with cassette.use_cassette(str(tmp_path / "cassette.yaml")) as replayed:
        assert CALLS[method](wxpay).data == recorded
    assert replayed.play_count == 1
    with pytest.raises(errors.TransportError):
        CALLS[method](wxpay)
    assert "mchid=" not in (tmp_path / "cassette.yaml").read_text()


class Seeing(HTTPAdapter):
    """An adapter as users write them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        self.seen.append(f"{request.method} {request.path_url}")
        return super().send(request, *args, **options)


def test_an_adapter_of_the_callers_sends(gateway: Sandbox) -> None:
    """It is mounted on the session; what it brings is verified."""
    session, adapter = requests.Session(), Seeing()
    session.mount("http://", adapter)
    with gateway.client(session=session) as wxpay:
        assert wxpay.v3.certificates.get().verified
        gateway.tamper = answers.changed
        with pytest.raises(errors.SignatureMismatch):
            wxpay.v3.certificates.get()
    assert adapter.seen == ["GET /v3/certificates"] * 2
    assert len(gateway.requests) == 2


def test_hooks_see_what_is_verified(gateway: Sandbox) -> None:
    """And cannot undo it: not by what they return; a session without hooks is as before."""
    seen: list[Any] = []

    def hook(answer: Any, **_: Any) -> requests.Response:
        seen.append((answer.verified, answer.data.keys()))
        return requests.Response()

    session = requests.Session()
    session.hooks["response"].append(hook)
    with gateway.client(session=session) as wxpay:
        answer = wxpay.v3.certificates.get()
        assert (answer.verified, answer.status) == (True, 200)
        gateway.tamper = answers.changed
        with pytest.raises(errors.SignatureMismatch):
            wxpay.v3.certificates.get()
    assert seen == [(True, {"data"})]
    assert len(gateway.requests) == 2


def test_what_a_hook_raises_comes_out(gateway: Sandbox) -> None:
    """As it is; the call is not repeated for it."""

    def hook(answer: Any, **_: Any) -> None:
        raise KeyError("a hook's own")

    session = requests.Session()
    session.hooks["response"] = [hook]
    with gateway.client(session=session) as wxpay, pytest.raises(KeyError, match="a hook's own"):
        wxpay.v3.certificates.get(retry=3)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("instrumentor", [RequestsInstrumentor, URLLib3Instrumentor])
def test_open_telemetry_traces_a_call(gateway: Sandbox, instrumentor: Any) -> None:
    """One span for each, and none when the instrumentation is gone."""
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    instrumentor().instrument(tracer_provider=provider)
    try:
        with gateway.client() as wxpay:
            for call in CALLS.values():
                assert call(wxpay).verified
            assert sorted(span.name.split()[0] for span in spans.get_finished_spans()) == ["GET", "POST"]
    finally:
        instrumentor().uninstrument()
    with gateway.client() as wxpay:
        assert wxpay.v3.certificates.get().verified
    assert len(spans.get_finished_spans()) == 2
    assert len(gateway.requests) == 3


GREEN = """
import sys, time
{patch}
from wechatpay_chain.transport import connection
connection.LONGEST_IDLE = 0.2
from wechatpay_chain import Wechatpay
wxpay = Wechatpay.from_env()
url = "https://pay.weixin.qq.com"
calls = 0
def call():
    global calls
    assert wxpay.v3.marketing.favor.callbacks.post({{"mchid": wxpay.mchid, "notify_url": url}}).verified
    calls += 1
for quiet in (0, 0.3, 0, 0.3, 0):
    time.sleep(quiet)
    call()
{together}
time.sleep(0.3)
call()
assert wxpay.v3.certificates.get_async().wait().verified
print(calls)
"""
GEVENT = (
    "from gevent import monkey; monkey.patch_all(); import gevent",
    "gevent.joinall([gevent.spawn(call) for _ in range(20)], raise_error=True)",
)
EVENTLET = (
    "import eventlet; eventlet.monkey_patch()",
    "pool = eventlet.GreenPool(); [pool.spawn(call) for _ in range(20)]; pool.waitall()",
)


@pytest.mark.parametrize(("patch", "together"), [GEVENT, EVENTLET], ids=["gevent", "eventlet"])
def test_green_threads_call_once_each(gateway: Sandbox, patch: str, together: str) -> None:
    """After quiet spells longer than a connection may be idle, and twenty at once."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GREEN.format(patch=patch, together=together)],
        env={"PATH": "", "PYTHONPATH": str(ROOT), **gateway.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "26\n"), done.stderr
    assert len(gateway.requests) == 27


class Blocked(socket.socket):
    """A socket that goes nowhere, as a test puts it in the place of all."""

    def connect(self, address: Any) -> None:
        self.close()
        raise AssertionError(f"a test tried to connect to {address}")


def test_a_kept_connection_does_not_go_past_a_mock_of_sockets(
    gateway: Sandbox, wxpay: Wechatpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that has called before holds real connections, over which a mocked transfer would leave."""
    assert wxpay.v3.certificates.get().verified
    monkeypatch.setattr(socket, "socket", Blocked)
    for _ in range(2):
        with pytest.raises(AssertionError, match="a test tried to connect"):
            order(wxpay)
    monkeypatch.undo()
    assert len(gateway.requests) == 1
    assert wxpay.v3.certificates.get().verified


class Wrapped(requests.Response):
    """What a store makes of an answer: another class of the same object, and later one without a stream."""


class Store(requests.Session):
    """Answers a GET that it has seen by itself; it writes the fields of a request anew."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[str, requests.Response] = {}

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        request.headers = requests.structures.CaseInsensitiveDict(request.headers)
        known = self.stored.get(f"{request.method} {request.url}")
        if known is not None:
            return known
        assert dict(vars(request)["_cookies"].items()) == {}  # as requests-cache writes a request to a file
        answer = super().send(request, **options)
        answer.__class__ = Wrapped
        if request.method == "GET":
            copy = Wrapped()
            copy.status_code, copy.headers, copy._content = answer.status_code, answer.headers, answer.content
            copy.raw = io.BytesIO()
            self.stored[f"GET {request.url}"] = copy
        return answer


def test_a_session_that_stores_answers(gateway: Sandbox) -> None:
    """A call that was carried out is told as such, whatever class the store has made of its answer."""
    with gateway.client(session=Store()) as wxpay:
        for _ in range(2):
            answer = wxpay.v3.certificates.get()
            assert (answer.verified, len(answer.data["data"])) == (True, 1)
        placed = wxpay.v3.pay.transactions.native.post(
            {
                **{"appid": "wx1", "mchid": gateway.mchid, "description": "a book", "out_trade_no": "T2026_1"},
                **{"notify_url": "https://shop.example/paid", "amount": {"total": 1}},
            }
        )
        assert placed.data["code_url"]
    assert len(gateway.requests) == 2


def test_sockets_of_a_mock_may_name_the_size_of_a_buffer_otherwise() -> None:
    """mocket's ``makefile(mode, bufsize)``."""

    class Socket:
        def makefile(self, mode: str = "r", bufsize: int = -1) -> io.BytesIO:
            assert bufsize == 0
            return io.BytesIO(b"HTTP/1.1 200 OK\r\n\r\n")

    assert connection._Reader(Socket(), math.inf).makefile("rb").read(4) == b"HTTP"


GREEN_TIMEOUTS = """
{patch}
import requests, socket, time
from wechatpay_chain import Wechatpay, errors, testing
server = socket.create_server(("127.0.0.1", 0))
accepted = []
def serve():
    while True:
        accepted.append(server.accept()[0])
{spawn}(serve)
url = "http://127.0.0.1:%d" % server.getsockname()[1]
wxpay = Wechatpay(testing.configuration(), base_url=url, retry=3)
for thrown in (requests.Timeout("a"), OSError("b"), TimeoutError("c"), ValueError("d"), KeyError("e"), Exception("f")):
    try:
        with {timeout}(0.1, thrown):
            wxpay.v3.x.post({{"a": 1}})
    except Exception as error:
        assert error is thrown, error
assert len(accepted) == 6, accepted
try:
    wxpay.v3.x.post({{"a": 1}}, timeout=0.1, retry=False)
except errors.TimedOut:
    print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("patch", "spawn", "timeout"),
    [
        (GEVENT[0], "gevent.spawn", "gevent.Timeout"),
        (EVENTLET[0], "eventlet.spawn", "eventlet.Timeout"),
    ],
    ids=["gevent", "eventlet"],
)
def test_what_a_green_timeout_throws_comes_out(patch: str, spawn: str, timeout: str) -> None:
    """Of whatever kind, and nothing is sent again because of it; a time-out of the socket is still the host's."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GREEN_TIMEOUTS.format(patch=patch, spawn=spawn, timeout=timeout)],
        env={"PATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
