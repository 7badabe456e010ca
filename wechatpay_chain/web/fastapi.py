"""Notifications in FastAPI and Starlette."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import update_wrapper
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from wechatpay_chain.client import Client
from wechatpay_chain.protocol.notification import Notification
from wechatpay_chain.web.handler import await_result, check_handler, is_async, name_of
from wechatpay_chain.web.receiver import Receiver, Refused, Reply, check_length
from wechatpay_chain.web.seen_store import Seen

__all__ = ["receive"]

_Endpoint = Callable[..., Awaitable[Response]]


def receive(
    wxpay: Client, *, seen: Seen | None = None, patience: float = 3.0
) -> Callable[[Callable[..., Any]], _Endpoint]:
    """A decorator under ``@app.post(…)``, or of an endpoint of Starlette: it is called with a ``Notification``.

    Above the route it would do nothing: FastAPI would call the function with what anybody sent. So its first
    parameter has to be annotated as ``Notification``, which FastAPI refuses to fill; TypeError when it is not.
    The function may be ``async``; else it runs on a thread. Its other parameters are FastAPI's as ever. It answers
    as ``Receiver`` says; a function that returns a Response of status 400 and above has failed too, and that
    answer is sent. With ``seen`` it runs once for each id. What it writes has to be committed when it returns.
    """
    receiver = Receiver(wxpay, seen, patience)

    def decorate(handler: Callable[..., Any]) -> _Endpoint:
        function = check_handler(handler)

        async def endpoint(incoming_request: Request, **others: Any) -> Response:
            async def handle(notification: Notification) -> Response | None:
                return await _failure(await _call(function, notification, others))

            try:
                body = await _body(incoming_request)
            except Refused as refused:
                return _response(refused.reply)
            outcome = await receiver.run_async(incoming_request.headers.raw, body, handle)
            return _response(outcome) if isinstance(outcome, Reply) else outcome

        update_wrapper(endpoint, handler)
        vars(endpoint).pop("__wrapped__")  # FastAPI would look there whether it is a coroutine
        # What FastAPI fills in: the request in place of the notification, and what else the function takes.
        vars(endpoint)["__signature__"] = _signature(handler)
        return endpoint

    return decorate


async def _call(function: Callable[..., Any], notification: Notification, others: dict[str, Any]) -> object:
    if is_async(function):
        return await await_result(function(notification, **others))
    return await await_result(await run_in_threadpool(function, notification, **others))


async def _body(request: Request) -> bytes:
    check_length(request.headers.get("content-length"))
    blocks: list[bytes] = []
    size = 0
    async for block in request.stream():
        blocks.append(block)
        size += len(block)
        check_length(size)
    return b"".join(blocks)


def _signature(handler: Callable[..., Any]) -> inspect.Signature:
    try:
        signature = inspect.signature(handler, eval_str=True)
    except NameError:  # a name that is for type checkers alone; FastAPI says so where it needs it
        signature = inspect.signature(handler)
    given, *others = signature.parameters.values()
    if given.annotation not in (Notification, Notification.__name__):
        raise TypeError(
            f"{name_of(handler)}: annotate {given.name} as Notification; else FastAPI might fill it from any request"
        )
    first = inspect.Parameter("incoming_request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    return signature.replace(parameters=[first, *others], return_annotation=Response)


async def _failure(result: object) -> Response | None:
    if not isinstance(result, Response):
        return None
    if result.status_code >= 400:
        return result
    if result.background is not None:  # 204 goes out in its place, and says that all is done
        await result.background()
    return None


def _response(reply: Reply) -> Response:
    return Response(reply.body or None, reply.status, media_type="application/json" if reply.body else None)
