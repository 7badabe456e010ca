from __future__ import annotations

from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.http import JsonResponse
from django.urls import path

from tests.receivers.handling import FOLDER, HASTY, Later, handle, plain, seen, wxpay
from tests.receivers.returned import RETURNED
from wechatpay_chain import Notification

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(FOLDER / "django.sqlite"),
            "ATOMIC_REQUESTS": True,
            "OPTIONS": {"timeout": 20},
        }
    },
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
)
django.setup()

from wechatpay_chain.web.django import receive  # noqa: E402 (the views of a project are imported after its settings)

client = wxpay()
store = seen()
with connection.cursor() as first:
    first.execute("CREATE TABLE IF NOT EXISTS orders (id TEXT)")


def _paid(notification: Notification) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO orders VALUES (%s)", [notification.id])
    handle(notification)


@receive(client, seen=store)
def notify(notification: Notification) -> None:
    _paid(notification)


@receive(client, seen=store, patience=HASTY)
def hasty(notification: Notification) -> None:
    handle(notification)


@receive(client)
def answers(notification: Notification, status: int) -> Any:
    handle(notification)
    return JsonResponse({"own": "answer"}, status=status)


@receive(client, seen=store)
async def later(notification: Notification) -> None:
    handle(notification)


@receive(client, seen=store)
def returns(notification: Notification, kind: str) -> object:
    handle(notification)
    return RETURNED[kind]


@receive(client, seen=store)
@plain
async def wrapped(notification: Notification) -> None:
    handle(notification)


urlpatterns = [
    path("notify", notify),
    path("hasty", hasty),
    path("answers/<int:status>", answers),
    path("later", transaction.non_atomic_requests(later)),
    path("returns/<str:kind>", returns),
    path("wrapped", wrapped),
    path("object", transaction.non_atomic_requests(receive(client, seen=store)(Later()))),
]
app = get_wsgi_application()
