from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.routing import Route

from tests.receivers.handling import HASTY, handle, seen, wxpay
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
