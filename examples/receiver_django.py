"""Receive notifications in Django, a whole project in one file.

Run it as it stands: it serves on a free port, and a sandbox pushes a payment to it. For WeChat Pay's own set the
``WECHATPAY_`` variables, and serve it with as many workers as you like:
``gunicorn --pythonpath examples 'receiver_django:create_app()'``
"""

from __future__ import annotations

import secrets
import tempfile
import threading
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import URLPattern, path

from wechatpay_chain import Notification, Sandbox, Wechatpay
from wechatpay_chain.web import Seen
from wechatpay_chain.web.django import receive

urlpatterns: list[URLPattern] = []


def create_app(wxpay: Wechatpay | None = None, store: str = "notifications.sqlite") -> Any:
    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY=secrets.token_hex())

    @receive(wxpay or Wechatpay.from_env(), seen=Seen(store))
    def notify(notification: Notification) -> None:
        # Verified, decrypted, and handled once. To raise here means: send it again.
        print(notification.event_type, notification.resource["out_trade_no"], flush=True)

    urlpatterns.append(path("notify", notify))
    return get_wsgi_application()


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Sandbox() as gateway:
        app = create_app(gateway.client(), f"{folder}/notifications.sqlite")
        with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            delivery = gateway.push("TRANSACTION.SUCCESS", notify_url=f"http://127.0.0.1:{server.server_port}/notify")
            print("answered", delivery.status)
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    main()
