"""Notifications in Flask (2.2 and later)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, current_app, make_response, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from wechatpay_chain.client import Client
from wechatpay_chain.protocol.notification import Notification
from wechatpay_chain.web.handler import check_handler, require_result
from wechatpay_chain.web.receiver import Receiver, Refused, Reply, check_length, read
from wechatpay_chain.web.seen_store import Seen

__all__ = ["receive"]

_View = Callable[..., Response]


def receive(
    wxpay: Client, *, seen: Seen | None = None, patience: float = 3.0
) -> Callable[[Callable[..., object]], _View]:
    """A decorator under ``@app.post(…)``: the view is called with a verified ``Notification``.

    Above the route it would do nothing: Flask would call the function for whoever asks, so a first parameter that
    can be left out is a TypeError. Parts of the route follow as keywords. It answers as ``Receiver`` says; a view
    that returns an answer of status 400 and above has failed too, and that answer is sent. With ``seen`` it runs
    once for each id. An ``async`` view needs ``flask[async]``.
    """
    receiver = Receiver(wxpay, seen, patience)

    def decorate(handler: Callable[..., object]) -> _View:
        function = check_handler(handler)

        @wraps(handler)
        def view(**parts: Any) -> Response:
            def handle(notification: Notification) -> Response | None:
                return _failure(require_result(current_app.ensure_sync(function)(notification, **parts)))

            try:
                body = _body()
            except Refused as refused:
                return _response(refused.reply)
            outcome = receiver.run(request.headers, body, handle)
            return _response(outcome) if isinstance(outcome, Reply) else outcome

        return view

    return decorate


def _failure(result: object) -> Response | None:
    """The answer that Flask would make of a failure; what else a view returns is of no interest here."""
    if isinstance(result, BaseResponse | HTTPException) or _status(result) >= 400:
        result = make_response(result)
    return result if isinstance(result, Response) and result.status_code >= 400 else None


def _status(result: object) -> int:
    """The status in ``(body, status)`` and ``(body, status, headers)``; 0 for anything else."""
    status = result[1] if isinstance(result, tuple) and len(result) in (2, 3) else None
    if isinstance(status, str):
        number = status.partition(" ")[0]
        return int(number) if number.isascii() and number.isdigit() and len(number) == 3 else 0
    return status if isinstance(status, int) else 0


def _body() -> bytes:
    check_length(request.content_length)
    if request.content_length is None and request.environ.get("wsgi.input_terminated"):
        return read(request.stream)
    return request.get_data()


def _response(reply: Reply) -> Response:
    response = Response(reply.body, reply.status, content_type="application/json")
    if not reply.body:
        del response.headers["Content-Type"]
    return response
