"""Receive notifications in FastAPI.

Run it as it stands: it serves on a free port, and a sandbox pushes a payment to it. For WeChat Pay's own set the
``WECHATPAY_`` variables, and serve it with as many workers as you like:
``uvicorn --app-dir examples --factory receiver_fastapi:create_app``
"""

from __future__ import annotations

import socket
import tempfile
import threading

import uvicorn
from fastapi import FastAPI

from wechatpay_chain import Notification, Sandbox, Wechatpay
from wechatpay_chain.web import Seen
from wechatpay_chain.web.fastapi import receive


def create_app(wxpay: Wechatpay | None = None, store: str = "notifications.sqlite") -> FastAPI:
    app = FastAPI()

    @app.post("/notify")
    @receive(wxpay or Wechatpay.from_env(), seen=Seen(store))
    async def notify(notification: Notification) -> None:
        # Verified, decrypted, and handled once. To raise here means: send it again.
        print(notification.event_type, notification.resource["out_trade_no"], flush=True)

    return app


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Sandbox() as gateway, socket.create_server(("127.0.0.1", 0)) as door:
        app = create_app(gateway.client(), f"{folder}/notifications.sqlite")
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([door],))
        thread.start()
        notify_url = f"http://127.0.0.1:{door.getsockname()[1]}/notify"
        print("answered", gateway.push("TRANSACTION.SUCCESS", notify_url=notify_url).status)
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
