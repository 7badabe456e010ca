"""Receive notifications in Flask.

Run it as it stands: it serves on a free port, and a sandbox pushes a payment to it. For WeChat Pay's own set the
``WECHATPAY_`` variables, and serve it with as many workers as you like:
``gunicorn --pythonpath examples 'receiver_flask:create_app()'``
"""

from __future__ import annotations

import logging
import tempfile
import threading

from flask import Flask
from werkzeug.serving import make_server

from wechatpay_chain import Notification, Sandbox, Wechatpay
from wechatpay_chain.web import Seen
from wechatpay_chain.web.flask import receive


def create_app(wxpay: Wechatpay | None = None, store: str = "notifications.sqlite") -> Flask:
    app = Flask(__name__)

    @app.post("/notify")
    @receive(wxpay or Wechatpay.from_env(), seen=Seen(store))
    def notify(notification: Notification) -> None:
        # Verified, decrypted, and handled once. To raise here means: send it again.
        print(notification.event_type, notification.resource["out_trade_no"], flush=True)

    return app


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, Sandbox() as gateway:
        server = make_server("127.0.0.1", 0, create_app(gateway.client(), f"{folder}/notifications.sqlite"))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        delivery = gateway.push("TRANSACTION.SUCCESS", notify_url=f"http://127.0.0.1:{server.port}/notify")
        print("answered", delivery.status)
        server.shutdown()
        thread.join()


if __name__ == "__main__":
    main()
