"""An answer is read whole, verified, and refused where it is wrong, before anybody else sees it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import requests

from wechatpay_chain.errors import ApiError, BusinessError, SignError, VerificationError
from wechatpay_chain.protocol.signer import is_file
from wechatpay_chain.response import HeaderFields, Response, keep_body
from wechatpay_chain.transport.decoding import BLOCK, TooLarge, decode, read_pieces
from wechatpay_chain.transport.signed_request import SignedRequest

__all__ = ["body_pieces", "check_response", "convert_response", "response_of"]

# Enough for the head of a gzip file and what it begins with.
_START = 1024


def response_of(request: SignedRequest, raw: Any) -> Response:
    """The answer that urllib3 has read the head of."""
    # Read once already, but where a recorder's connection has answered.
    head = getattr(getattr(raw, "connection", None), "plain_fields", None)
    headers = HeaderFields.of(raw.headers.iteritems()) if head is None else HeaderFields.of_lower(head)
    coding = headers.get("Content-Encoding", "")
    if coding[-1:] in (" ", "\t"):
        # A blank behind a value is no part of it (RFC 9110, 5.5), but urllib3 would not decode the body.
        raw.headers["Content-Encoding"] = headers["Content-Encoding"] = coding.rstrip()
    response = request.response_class()
    response.status_code = raw.status
    response.headers = headers
    response.encoding = _encoding(response.headers.get("Content-Type"))
    response.raw = raw
    response.reason = raw.reason or ""
    response.url = str(request.url)
    response.request = request
    return response


def convert_response(request: SignedRequest, answer: requests.Response) -> Response:
    """The same answer as this package's, where an adapter or a mock has made it."""
    if isinstance(answer, Response):
        return answer
    response = request.response_class()
    vars(response).update({name: value for name, value in vars(answer).items() if name != "headers"})
    response.headers = HeaderFields(answer.headers)
    response.request = request
    if response.body_state == "kept":
        _ = response.content  # from here requests takes it as read: a store of answers may not have told it so
    return response


def check_response(request: SignedRequest, response: Response, stream: bool) -> Response:
    """The answer, read whole (``request.max_body`` bytes decoded at most) and verified, or streaming where it may.

    Raises VerificationError for what is not proven to be WeChat Pay's, ApiError or BusinessError for what WeChat Pay
    refused, TooLarge, and what the network raises.
    """
    if stream and response.status_code < 300 and _may_stream(request, response):
        return response
    if response.body_state == "unread":
        keep_body(response, _read(response, request.max_body))
    try:
        result = request.protocol.verify_answer(
            str(request.method),
            request.path,
            request.target,
            response.status_code,
            response.headers,
            response.content,
        )
    except (VerificationError, BusinessError) as error:
        error.response, error.request = response, request
        raise
    response.verified = result.verified
    if result.data is not None:
        response.parsed = result.data
    if request.refuses(response.status_code):
        raise _refusal(request, response)
    return response


def _refusal(request: SignedRequest, response: Response) -> ApiError:
    """The error in an answer; that of a signature says where the two texts part."""
    error = ApiError.of(response)
    if isinstance(error, SignError):
        # No call that goes well needs it.
        from wechatpay_chain.protocol import sign_comparison

        authorization, date = request.headers.get("Authorization", ""), response.headers.get("Date", "")
        error.add(sign_comparison.explain(request.message, authorization, error.message, error.detail, date))
    return error


def body_pieces(response: Response) -> Iterator[bytes]:
    """The body as it arrives, its Content-Encoding undone."""
    raw, coding = response.raw, response.headers.get("Content-Encoding")
    if isinstance(raw, _PeekedBody):
        return raw.stream()
    return decode(_pieces(raw), coding) if coding else _pieces(raw)


def _read(response: Response, limit: int) -> bytes:
    raw = response.raw
    if isinstance(raw, _PeekedBody) or response.headers.get("Content-Encoding"):
        return read_pieces(body_pieces(response), limit)
    announced = getattr(raw, "length_remaining", None) or 0
    if announced > limit:
        raise TooLarge(limit, announced)
    # The commonest answer: one read that asks for one byte more than may come.
    body: bytes = raw.read(limit + 1, decode_content=False)
    if getattr(raw, "length_remaining", None) == 0 and len(body) <= limit:
        return body
    return read_pieces((body, *_pieces(raw)) if len(body) <= limit else (body,), limit)


def _pieces(raw: Any) -> Iterator[bytes]:
    while piece := raw.read(BLOCK, decode_content=False):
        yield piece


def _may_stream(request: SignedRequest, response: Response) -> bool:
    """Whether the body of a 2xx answer may stream: nothing signs it, or a digest proves it at its end."""
    protocol, method = request.protocol, str(request.method)
    if protocol.is_unsigned(method, request.path):
        return not protocol.refuses_in_body or is_file(_peek_start(response))
    if not request.is_download:
        return False
    try:
        response.verified = protocol.verify_digest(request.target, response.headers)
    except VerificationError:
        return False  # it is read and refused as any other that is not proven
    return response.verified or request.knows_digest


def _peek_start(response: Response) -> bytes:
    """The first bytes of a body, which stays whole."""
    replayed = response.raw = _PeekedBody(response.raw, body_pieces(response))
    return replayed.peek(_START)


class _PeekedBody:
    """A body whose beginning was looked at; what is read of it is decoded."""

    def __init__(self, raw: Any, pieces: Iterator[bytes]) -> None:
        self._raw = raw
        self._pieces = pieces
        self._held = b""

    def peek(self, size: int) -> bytes:
        """The next bytes, at least ``size`` where there are as many; they are read again."""
        while len(self._held) < size and (piece := next(self._pieces, b"")):
            self._held += piece
        return self._held

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        if amt is None:
            held, self._held = self._held, b""
            return held + b"".join(self._pieces)
        self.peek(amt)
        held, self._held = self._held[:amt], self._held[amt:]
        return held

    def stream(self, amt: int = BLOCK, decode_content: bool | None = None) -> Iterator[bytes]:
        while piece := self.read(amt):
            yield piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


@lru_cache(maxsize=64)
def _encoding(content_type: str | None) -> str | None:
    with contextlib.suppress(AttributeError):  # requests before 2.33 stumbles over a charset without a value
        return requests.utils.get_encoding_from_headers(HeaderFields.of([("Content-Type", content_type or "")]))
    return None
