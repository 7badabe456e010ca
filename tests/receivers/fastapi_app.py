from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.background import BackgroundTask
from starlette.routing import Route

from tests.receivers.handling import HASTY, Later, handle, plain, seen, wxpay
from tests.receivers.returned import RETURNED
from wechatpay_chain import Notification
from wechatpay_chain.web.fastapi import receive

app = FastAPI()
client = wxpay()
store = seen()


@app.post("/notify")
@receive(client, seen=store)
async def notify(notification: Notification) -> None:
    handle(notification)


@app.post("/hasty")
@receive(client, seen=store, patience=HASTY)
def hasty(notification: Notification) -> None:
    handle(notification)


def method(request: Request) -> str:
    return request.method


@app.post("/answers/{status}")
@receive(client)
def answers(notification: Notification, status: int, verb: Annotated[str, Depends(method)]) -> JSONResponse:
    handle(notification)
    assert verb == "POST"
    return JSONResponse({"own": "answer"}, status)


@receive(client, seen=store)
async def later(notification: Notification) -> None:
    handle(notification)


app.router.routes.append(Route("/later", later, methods=["POST"]))


@app.post("/returns/{kind}")
@receive(client, seen=store)
def returns(notification: Notification, kind: str) -> object:
    handle(notification)
    return RETURNED[kind]


@app.post("/wrapped")
@receive(client, seen=store)
@plain
async def wrapped(notification: Notification) -> None:
    handle(notification)


@app.post("/background")
@receive(client, seen=store)
def background(notification: Notification) -> Response:
    return Response(background=BackgroundTask(handle, notification))


app.post("/object", name="object")(receive(client, seen=store)(Later()))
