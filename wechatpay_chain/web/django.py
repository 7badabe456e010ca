"""Notifications in Django (5 and later)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from wechatpay_chain.client import Client
from wechatpay_chain.protocol.notification import Notification
from wechatpay_chain.web.handler import await_result, check_handler, is_async, require_result
from wechatpay_chain.web.receiver import Receiver, Refused, Reply, check_length, read
from wechatpay_chain.web.seen_store import Seen

__all__ = ["receive"]

_View = Callable[..., Any]


def receive(wxpay: Client, *, seen: Seen | None = None, patience: float = 3.0) -> Callable[[Callable[..., Any]], _View]:
    """A decorator that makes a view of a function that takes a verified ``Notification``.

    Parts of the route follow. It answers as ``Receiver`` says; a function that returns an HttpResponse of status 400
    and above has failed too, and that answer is sent. With ``seen`` it runs once for each id. The view needs no CSRF
    token. Under ATOMIC_REQUESTS the function is what is atomic, so that it is committed before it counts as
    handled; an async one has to be under ``non_atomic_requests``, as Django says. Under ASGI Django itself has
    stored a body in full, on disk, before any view is asked.
    """
    receiver = Receiver(wxpay, seen, patience)

    def decorate(handler: Callable[..., Any]) -> _View:
        make = _async_view if is_async(check_handler(handler)) else _view
        view: _View = csrf_exempt(make(receiver, handler))
        return view

    return decorate


def _view(receiver: Receiver, handler: Callable[..., Any]) -> _View:
    @wraps(handler)
    def view(request: HttpRequest, *args: Any, **parts: Any) -> HttpResponse:
        def handle(notification: Notification) -> HttpResponse | None:
            with ExitStack() as stack:
                for alias, settings in connections.settings.items():
                    if settings["ATOMIC_REQUESTS"]:
                        stack.enter_context(transaction.atomic(using=alias))
                return _failure(require_result(handler(notification, *args, **parts)))

        try:
            body = _body(request)
        except Refused as refused:
            return _response(refused.reply)
        return _response(receiver.run(request.headers, body, handle))

    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def _async_view(receiver: Receiver, handler: Callable[..., Any]) -> _View:
    @wraps(handler)
    async def view(request: HttpRequest, *args: Any, **parts: Any) -> HttpResponse:
        async def handle(notification: Notification) -> HttpResponse | None:
            return _failure(await await_result(handler(notification, *args, **parts)))

        try:
            body = _body(request)
        except Refused as refused:
            return _response(refused.reply)
        return _response(await receiver.run_async(request.headers, body, handle))

    return view


def _body(request: HttpRequest) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or ""
    check_length(length)
    environ = getattr(request, "environ", {})
    if not length and environ.get("wsgi.input_terminated"):
        # Django takes a request without a length for one without a body.
        return read(environ["wsgi.input"])
    try:
        body: bytes = request.body
    except RequestDataTooBig:
        raise Refused(413, "body: more than DATA_UPLOAD_MAX_MEMORY_SIZE") from None
    check_length(len(body))
    return body


def _failure(result: object) -> HttpResponse | None:
    return result if isinstance(result, HttpResponse) and result.status_code >= 400 else None


def _response(outcome: Reply | HttpResponse) -> HttpResponse:
    if not isinstance(outcome, Reply):
        return outcome
    answer = HttpResponse(outcome.body, status=outcome.status, content_type="application/json")
    if not outcome.body:
        del answer["Content-Type"]
    return answer
