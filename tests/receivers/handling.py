"""What the receivers under test do with a notification: note it down, then what its resource asks for."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from wechatpay_chain import Notification, Wechatpay
from wechatpay_chain.web import Seen

FOLDER = Path(os.environ["RECEIVER_FOLDER"])
HASTY = 0.2


def wxpay() -> Wechatpay:
    return Wechatpay.from_env()


def seen() -> Seen:
    return Seen(FOLDER / "seen.sqlite")


def handle(notification: Notification) -> None:
    """Note the run; ``{"do": "fail"}`` then fails the first time, ``"wait"`` waits until a connection is closed."""
    runs = FOLDER / "runs.jsonl"
    before = runs.read_text() if runs.exists() else ""
    run = {
        "pid": os.getpid(),
        "id": notification.id,
        "type": notification.event_type,
        "resource": notification.resource,
    }
    with runs.open("a") as file:
        file.write(json.dumps(run) + "\n")
    wanted: dict[str, Any] = notification.resource
    if wanted.get("do") == "fail" and notification.id not in before:
        raise RuntimeError("the first time it fails")
    if wanted.get("do") == "wait":
        with socket.create_connection(("127.0.0.1", wanted["port"])) as connection:
            connection.recv(1)


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that is not async itself, so that an async function under it does not look like one."""

    @wraps(function)
    def call(*args: Any, **parts: Any) -> Any:
        return function(*args, **parts)

    return call


class Later:
    """An object that is called, and has to be awaited."""

    async def __call__(self, notification: Notification) -> None:
        handle(notification)
