from __future__ import annotations

from flask import Flask

from tests.receivers.handling import HASTY, Later, handle, plain, seen, wxpay
from tests.receivers.returned import RETURNED
from wechatpay_chain import Notification
from wechatpay_chain.web.flask import receive

app = Flask(__name__)
client = wxpay()
store = seen()


@app.post("/notify")
@receive(client, seen=store)
def notify(notification: Notification) -> None:
    handle(notification)


@app.post("/hasty")
@receive(client, seen=store, patience=HASTY)
def hasty(notification: Notification) -> None:
    handle(notification)


@app.post("/answers/<int:status>")
@receive(client)
def answers(notification: Notification, status: int) -> tuple[dict[str, str], int]:
    handle(notification)
    return {"own": "answer"}, status


@app.post("/later")
@receive(client, seen=store)
async def later(notification: Notification) -> None:
    handle(notification)


@app.post("/returns/<kind>")
@receive(client, seen=store)
def returns(notification: Notification, kind: str) -> object:
    handle(notification)
    return RETURNED[kind]


@app.post("/wrapped")
@receive(client, seen=store)
@plain
async def wrapped(notification: Notification) -> None:
    handle(notification)


app.post("/object", endpoint="object")(receive(client, seen=store)(Later()))
