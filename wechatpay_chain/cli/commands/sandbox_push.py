"""``wechatpay-chain sandbox push TYPE --to URL``: a notification as WeChat Pay would send it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError, read_data
from wechatpay_chain.cli.status import Status
from wechatpay_chain.crypto.key_loader import load_private_key
from wechatpay_chain.errors import ConfigError
from wechatpay_chain.sandbox.push import SCHEDULE, Pusher, Try

__all__ = ["run"]

_NEEDED = ("WECHATPAY_APIV3_KEY", "WECHATPAY_PUBLIC_KEY_ID", "WECHATPAY_SANDBOX_KEY")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Push, tell of every try, and end when one is accepted."""
    resource = None if arguments.data is None else read_data(arguments.data, console.stdin)
    if resource is not None and not isinstance(resource, dict):
        raise ItemError(f"-d: expected a JSON object, found {type(resource).__name__}")
    pusher = _pusher(console.environment)
    notice = pusher.notice(arguments.event_type, resource)
    console.say(f"{arguments.event_type} {notice.id} to {arguments.to}")
    done = Try(0, 0, "")
    for done in pusher.tries(notice, arguments.to, () if arguments.once else SCHEDULE):
        console.say(_told(done))
    return _status(done)


def _pusher(environment: Mapping[str, str]) -> Pusher:
    given: dict[str, Any] = {name: environment.get(name) for name in _NEEDED}
    missing = [name for name in _NEEDED if not given[name]]
    if missing:
        raise ConfigError(
            f"{', '.join(missing)}: not set; take over the lines that wechatpay-chain sandbox prints, in this shell"
            " and in the receiver's",
            missing[0],
        )
    apiv3_key, key_id, key = (given[name] for name in _NEEDED)
    return Pusher(apiv3_key, key_id, load_private_key(key, _NEEDED[2]))


def _told(done: Try) -> str:
    if done.accepted:
        return f"{done.status} accepted"
    said = " ".join(done.told.split())
    return f"{done.status} refused: {said}" if done.status else f"no answer: {said}"


def _status(done: Try) -> int:
    if done.accepted:
        return Status.OK
    if not done.status:
        return Status.TRANSPORT
    return Status.SERVER_ERROR if done.status >= 500 else Status.CLIENT_ERROR
