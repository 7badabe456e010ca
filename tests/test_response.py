from __future__ import annotations

import pickle
from typing import Any

import pytest

from wechatpay_chain.php.response import Response as PHPResponse
from wechatpay_chain.response import Response


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
