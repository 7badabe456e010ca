from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
import requests

from tests import answers
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.php.psr7 import Response as PHPResponse
from wechatpay_chain.response import Response, keep_body, mark_streamed
from wechatpay_chain.sandbox.answer import Answer, Received


def made(content: bytes, kind: type[Response] = Response) -> Any:
    answer = kind()
    answer.status_code = 200
    answer._content = content
    answer.headers.update({"Content-Type": "application/json", "Request-ID": "R-1"})
    answer.reason = "OK"
    return answer


@pytest.mark.parametrize(
    ("content", "data"),
    [
        (b'{"a": "\xe4\xb8\xad"}', {"a": "中"}),
        (b"[1, 2]", [1, 2]),
        (b"", None),
        (b"plain \xe4\xb8\xad", "plain 中"),
        (b"\xff\x00", b"\xff\x00"),
        (b"[" * 100_000, "[" * 100_000),
    ],
)
def test_data_is_what_the_body_holds(content: bytes, data: object) -> None:
    """JSON parsed, nothing as None, text, else bytes."""
    assert made(content).data == data


def test_an_answer_reads_as_requests_and_as_axios() -> None:
    """status and status_code, data and json(), request_id."""
    answer = made(b'{"a":1}')
    assert (answer.status, answer.status_code) == (200, 200)
    assert answer.json() == answer.data == {"a": 1}
    assert answer.request_id == "R-1"
    assert answer.ok
    assert answer.verified is False


def test_an_answer_is_pickled_with_its_verdict() -> None:
    """Body, headers and verified come back."""
    answer = made(b"{}")
    answer.verified = True
    again = pickle.loads(pickle.dumps(answer))
    assert (again.verified, again.data, again.request_id, type(again)) == (True, {}, "R-1", Response)
    assert repr(again) == repr(answer) == "200 OK\n{}"


def test_an_answer_reads_as_psr_7() -> None:
    """The methods of ResponseInterface and StreamInterface that PHP code calls."""
    answer = made('{"a":"中"}'.encode(), PHPResponse)
    assert (answer.getStatusCode(), answer.getReasonPhrase()) == (200, "OK")
    assert answer.getHeader("content-type") == ["application/json"]
    assert answer.getHeader("x") == []
    assert (answer.getHeaderLine("request-id"), answer.getHeaderLine("x")) == ("R-1", "")
    assert answer.getHeaders()["Request-ID"] == ["R-1"]
    assert (answer.hasHeader("REQUEST-ID"), answer.hasHeader("x")) == (True, False)
    body = answer.getBody()
    assert body is answer.getBody()
    assert (str(body), bytes(body), body.getSize()) == ('{"a":"中"}', '{"a":"中"}'.encode(), 11)
    assert body.getContents() == '{"a":"中"}'
    assert body.getContents() == ""
    assert body.eof()
    assert str(body) == '{"a":"中"}'
    body.rewind()
    assert body.read(1) == b"{"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("", {"a": "中"}),
        ("json", {"a": "中"}),
        ("text", '{"a":"中"}'),
        ("document", '{"a":"中"}'),
        ("arraybuffer", '{"a":"中"}'.encode()),
        ("blob", '{"a":"中"}'.encode()),
    ],
)
def test_data_is_what_was_asked_for(kind: str, data: object) -> None:
    """responseType of axios; pickled with the answer."""
    answer = made('{"a":"中"}'.encode())
    answer.response_type = kind
    assert answer.data == pickle.loads(pickle.dumps(answer)).data == data


def test_where_a_body_is() -> None:
    """As requests sees it too: what was kept is read again and pickled, what went past is refused."""
    kept, streamed = Response(), Response()
    assert (kept.body_state, streamed.body_state) == ("unread", "unread")
    keep_body(kept, b"\x00bytes")
    assert (kept.body_state, kept.content, b"".join(kept.iter_content(4))) == ("kept", b"\x00bytes", b"\x00bytes")
    assert pickle.loads(pickle.dumps(kept)).body_state == "kept"
    mark_streamed(streamed)
    assert (streamed.body_state, streamed.raw) == ("streamed", None)
    with pytest.raises(RuntimeError, match="already consumed"):
        _ = streamed.content
    with pytest.raises(requests.exceptions.StreamConsumedError):
        streamed.iter_content()


def test_a_response_type_is_asked_for(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """As an option of the call; a stream is a binary file, verified before it is handed over where it is signed."""
    call = wxpay.v3.certificates.get
    for kind in ("arraybuffer", "blob"):
        answer = call({"responseType": kind})
        assert answer.data == answer.content != b""
    assert call({"responseType": "text"}).data.startswith('{"data"')
    signed = call({"responseType": "stream"})
    assert (signed.verified, signed.data.read(2)) == (True, b'{"')
    gateway.tamper = answers.bare(200, b"\x00bytes" * 1000, "application/octet-stream")
    streamed = wxpay.chain("v3/billdownload/file?token=a").get({"responseType": "stream"})
    assert streamed.data.read(6) == b"\x00bytes"
    streamed.close()
    gateway.requests.clear()
    for wrong in ("xml", 5, ["json"], True):
        with pytest.raises(errors.ChainError, match=r"^responseType: expected one of json, text.*nothing was sent$"):
            call({"responseType": wrong})
    assert not gateway.requests


NO_NUMBERS = ["NaN", "Infinity", "-Infinity", "1E400", "-1e999", "1" + "0" * 5000 + ".0"]


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_what_json_has_no_number_for_is_none(gateway: Sandbox, wxpay: Wechatpay, number: str) -> None:
    """In a signed answer too: .data is the text, .json() raises requests' own error, and no amount is infinite."""
    body = f'{{"amount": {{"total": {number}}}}}'.encode()

    def signed(answer: Answer, received: Received) -> None:
        answer.body = body
        answers.signed_by(gateway.identity.public_key)(answer, received)

    gateway.tamper = signed
    for answer in (wxpay.v3.certificates.get(), made(body), made(body, PHPResponse)):
        assert answer.data == body.decode()
        with pytest.raises(requests.exceptions.JSONDecodeError):
            answer.json()
        assert str(answer)


@pytest.mark.parametrize("number", ["1E40", "0.1", "-0", "12345678901234567890", "1e-400", "5E-324"])
def test_every_number_of_json_is_read(number: str) -> None:
    """As Python reads it, by .data and by .json() with its options."""
    answer = made(f"[{number}]".encode())
    assert answer.data == answer.json() == json.loads(f"[{number}]")
    assert repr(answer.json(parse_float=str)[0]) == repr(json.loads(number, parse_float=str))


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_a_notification_has_no_such_number(gateway: Sandbox, wxpay: Wechatpay, number: str) -> None:
    """It is no JSON object then, whoever signed it."""
    pusher = gateway.pusher()
    notice = pusher.sign_notice("EV-1", f'{{"id": "EV-1", "amount": {number}}}'.encode())
    with pytest.raises(errors.DecryptionError, match="no JSON object"):
        wxpay.notification(notice.headers, notice.body)
